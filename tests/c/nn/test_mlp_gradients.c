/* Networks' gradients: against differences, added up over calls and rows, made for nothing that nobody reads. */
#include "networks.h"

#include "tensor/gemm.h"

/* The network under test and its number of parts; the inputs and then its own parameters are varied. */
static void apply(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    const void *const *both = context;
    tide_mlp *mlp = (tide_mlp *)(uintptr_t)both[0];
    MUST(tide_mlp_forward(tape, mlp, in, *(const size_t *)both[1], out));
}

/* Gradients of a network's parameters by differences: its own block takes the place of an input's. A ReLU
 * has kinks, so every unit is kept away from 0: biases of 2 beside small products, every other one -2. */
START_TEST(gradients_of_inputs_and_parameters_match_differences)
{
    static const size_t repeated[] = {1, 2, 4};
    for (size_t s = 0; s < N_SHAPES; s++) {
        if (shapes[s].sizes[0] > 23)
            continue;
        for (size_t kind = 0; kind < 5; kind++) {
            tide_mlp *mlp = network(shapes[s].n_layers, shapes[s].sizes, shapes[s].options);
            size_t inputs = mlp->sizes[0], n_parts = kind == 0 ? 1 : 2;
            for (size_t l = 0; l + 1 < mlp->n_layers; l++) {
                float *w = mlp->parameters->values + mlp->weight_at[l], *b = mlp->parameters->values + mlp->bias_at[l];
                for (size_t k = 0; k < mlp->sizes[l] * mlp->sizes[l + 1]; k++)
                    w[k] *= 0.3f;
                for (size_t k = 0; k < mlp->sizes[l + 1]; k++)
                    b[k] = k % 2 == 0 ? 2.0f : -2.0f;
            }
            gradient_case g = gradient_begin(rng);
            if (n_parts == 1) {
                gradient_input(&g, 2, (const size_t[]){4, inputs}, -1.0f, 1.0f, 0.0f);
            } else { /* side by side; the first or the second with fewer rows */
                size_t first = kind <= 1 ? 4 : repeated[kind % 3], second = kind == 4 ? 2 : 4;
                first = kind == 4 ? 4 : first;
                gradient_input(&g, 2, (const size_t[]){first, 1}, -1.0f, 1.0f, 0.0f);
                gradient_input(&g, 2, (const size_t[]){second, inputs - 1}, -1.0f, 1.0f, 0.0f);
            }
            tide_parameters *block = mlp->parameters;
            gradient_check(&g, "network inputs", apply, (const void *[]){mlp, &n_parts}, 4e-4);
            g.blocks[g.n] = block; /* as one more input: the network reads it by itself */
            g.tensors[g.n] = tide_tensor_make(block->values, 1, &block->count);
            g.n++;
            block->has_gradient = false;
            gradient_check(&g, "network parameters", apply, (const void *[]){mlp, &n_parts}, 4e-4);
            g.n--;
            gradient_end(&g);
            tide_mlp_destroy(mlp);
        }
    }
}
END_TEST

/* One input as both parts of one network, and in another network's second part. */
static void apply_shared(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    tide_mlp *const *networks = context;
    tide_value *first, *second;
    MUST(tide_mlp_forward(tape, networks[0], (tide_value *[]){in[0], in[0]}, 2, &first));
    MUST(tide_mlp_forward(tape, networks[1], (tide_value *[]){in[1], in[0]}, 2, &second));
    MUST(tide_binary_op(tape, TIDE_SUBTRACT, first, second, out));
}

START_TEST(an_input_used_several_times_adds_its_gradients)
{
    tide_mlp *networks[] = {network(1, (const size_t[]){6, 2}, (tide_mlp_options){.tanh_scale = 2.0f}),
                            network(1, (const size_t[]){4, 2}, plain)};
    gradient_case g = gradient_begin(rng);
    gradient_input(&g, 2, (const size_t[]){4, 3}, -1.0f, 1.0f, 0.0f);
    gradient_input(&g, 2, (const size_t[]){2, 1}, -1.0f, 1.0f, 0.0f);
    gradient_check(&g, "shared input", apply_shared, networks, 3e-4);
    gradient_end(&g);
    tide_mlp_destroy(networks[0]);
    tide_mlp_destroy(networks[1]);
}
END_TEST

START_TEST(a_network_called_twice_adds_both_gradients)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_mlp *mlp = network(3, (const size_t[]){5, 16, 16, 1}, critic_options(_i));
    size_t count = mlp->parameters->count;
    float *apart = calloc(count, sizeof(float));
    tide_value *x[2], *y[2], *sum, *loss;
    for (int pass = 0; pass < 2; pass++) { /* first each alone, then both in one loss */
        for (size_t i = 0; i < 2; i++) {
            MUST(tide_tape_fresh(tape, 2, (const size_t[]){8, 5}, &x[i]));
            for (size_t k = 0; k < 40; k++)
                x[i]->tensor.data[k] = sinf((float)(k + 100 * i));
            MUST(tide_mlp_forward(tape, mlp, &x[i], 1, &y[i]));
            if (pass == 0) {
                MUST(tide_reduce(tape, TIDE_SUM, y[i], TIDE_ALL, &loss));
                MUST(tide_tape_backward(tape, loss, NULL, 0, false));
                for (size_t k = 0; k < count; k++)
                    apart[k] += mlp->parameters->gradients[k];
                mlp->parameters->has_gradient = false;
            }
        }
    }
    MUST(tide_binary_op(tape, TIDE_ADD, y[0], y[1], &sum));
    MUST(tide_reduce(tape, TIDE_SUM, sum, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    all_near(mlp->parameters->gradients, apart, count);
    free(apart);
    tide_tape_destroy(tape);
    tide_mlp_destroy(mlp);
}
END_TEST

/* Adds the gradients of sum out^2 over some rows of the block `x`. */
static void add_gradients(tide_tape *tape, tide_mlp *mlp, tide_parameters *x, size_t first, size_t rows)
{
    size_t in = mlp->sizes[0];
    tide_tensor t = tide_tensor_make(x->values + first * in, 2, (const size_t[]){rows, in});
    tide_value *part, *out, *loss;
    MUST(tide_tape_parameter(tape, x, &t, &part));
    MUST(tide_mlp_forward(tape, mlp, &part, 1, &out));
    MUST(tide_unary_op(tape, TIDE_SQUARE, out, &out));
    MUST(tide_reduce(tape, TIDE_SUM, out, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    tide_tape_end_step(tape);
}

/* 200 rows are made in three units; a piece of 50 is one. */
START_TEST(gradients_of_many_rows_are_those_of_their_pieces)
{
    static const size_t sizes[][4] = {{5, 70, 40, 1}, {5, 70, 40, 9}};
    for (size_t s = 0; s < 2; s++) {
        tide_tape *tape;
        tide_parameters *x;
        MUST(tide_tape_create(&tape));
        MUST(tide_parameters_create(&x, 200 * 5));
        tide_rng_normal(&rng, x->values, x->count);
        tide_mlp *mlp = network(3, sizes[s], (tide_mlp_options){.layer_norm = _i == 1});
        float *weights = malloc(mlp->parameters->count * sizeof(float)), *inputs = malloc(x->count * sizeof(float));
        add_gradients(tape, mlp, x, 0, 200);
        memcpy(weights, mlp->parameters->gradients, mlp->parameters->count * sizeof(float));
        memcpy(inputs, x->gradients, x->count * sizeof(float));
        mlp->parameters->has_gradient = x->has_gradient = false;
        for (size_t first = 0; first < 200; first += 50)
            add_gradients(tape, mlp, x, first, 50);
        all_near(weights, mlp->parameters->gradients, mlp->parameters->count);
        all_near(inputs, x->gradients, x->count);
        free(weights);
        free(inputs);
        tide_mlp_destroy(mlp);
        tide_parameters_destroy(x);
        tide_tape_destroy(tape);
    }
}
END_TEST

START_TEST(a_network_passed_through_gets_no_gradient)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_mlp *policy = network(2, (const size_t[]){4, 16, 3}, plain);
    tide_mlp *critic = network(3, (const size_t[]){7, 16, 16, 1}, critic_options(_i));
    tide_value *x, *action, *q, *loss;
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){8, 4}, &x));
    tide_rng_normal(&rng, x->tensor.data, 32);
    for (size_t k = 0; k < critic->parameters->count; k++)
        critic->parameters->gradients[k] = 123.0f;
    for (int frozen = 0; frozen < 2; frozen++) {
        critic->parameters->trainable = frozen == 0;
        MUST(tide_mlp_forward(tape, policy, &x, 1, &action));
        MUST(tide_mlp_forward(tape, critic, (tide_value *[]){x, action}, 2, &q));
        MUST(tide_reduce(tape, TIDE_MEAN, q, TIDE_ALL, &loss));
        MUST(tide_tape_backward(tape, loss, &policy->parameters, 1, false));
        EXPECT(policy->parameters->has_gradient && !critic->parameters->has_gradient);
        double size = 0.0;
        for (size_t k = 0; k < policy->parameters->count; k++)
            size += fabs((double)policy->parameters->gradients[k]);
        EXPECT(size > 0.0);
        for (size_t k = 0; k < critic->parameters->count; k++)
            EXPECT(critic->parameters->gradients[k] == 123.0f); /* not even touched */
        policy->parameters->has_gradient = false;
    }
    ck_assert_ptr_null(x->gradient); /* nor the data */
    tide_tape_destroy(tape);
    tide_mlp_destroy(policy);
    tide_mlp_destroy(critic);
}
END_TEST

/* The gradients of the inputs in x (rows, 5) of sum g y^2, y a network of them, to inputs alone or to weights as well;
 * twice, so that the second adds to the first. */
static void input_gradients(tide_tape *tape, tide_mlp *mlp, tide_parameters *x, const float *g, size_t rows, bool alone)
{
    size_t out = mlp->sizes[mlp->n_layers];
    tide_tensor t = tide_tensor_make(x->values, 2, (const size_t[]){rows, 5});
    tide_value *in, *y, *weights, *loss;
    x->has_gradient = mlp->parameters->has_gradient = false;
    MUST(tide_tape_parameter(tape, x, &t, &in));
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){rows, out}, &weights));
    memcpy(weights->tensor.data, g, rows * out * sizeof *g);
    for (int time = 0; time < 2; time++) {
        tide_value *one;
        MUST(tide_mlp_forward(tape, mlp, &in, 1, &y));
        MUST(tide_unary_op(tape, TIDE_SQUARE, y, &y));
        MUST(tide_binary_op(tape, TIDE_MULTIPLY, y, weights, &y));
        MUST(tide_reduce(tape, TIDE_SUM, y, TIDE_ALL, &one));
        if (time == 0)
            loss = one;
        else
            MUST(tide_binary_op(tape, TIDE_ADD, loss, one, &loss));
    }
    MUST(tide_tape_backward(tape, loss, (tide_parameters *[]){x, mlp->parameters}, alone ? 1 : 2, false));
    EXPECT(mlp->parameters->has_gradient == !alone);
    tide_tape_end_step(tape);
}

/* Passed through, rows without a gradient are left out; with gradients of weights, all rows are made. */
START_TEST(rows_without_a_gradient_are_left_out_and_change_no_bit)
{
    enum { ROWS = 1662 }; /* half of them are 12 units of 69 rows each, all of them 25 of 66 */
    static const size_t sizes[][4] = {{5, 70, 300, 1}, {5, 70, 40, 9}};
    static float g[ROWS * 9], apart[ROWS * 5];
    for (size_t s = 0; s < 2; s++) {
        size_t out = sizes[s][3];
        tide_tape *tape;
        tide_parameters *x;
        MUST(tide_tape_create(&tape));
        MUST(tide_parameters_create(&x, ROWS * 5));
        tide_rng_normal(&rng, x->values, x->count);
        tide_mlp *mlp = network(3, sizes[s],
                                (tide_mlp_options){.layer_norm = _i == 1, .tanh_scale = s == 1 ? 2.0f : 0.0f});
        static const size_t every[] = {1, 2, 3, 64, ROWS + 1}; /* rows with one; the last: only row 0 has, then none */
        for (size_t e = 0; e < 6; e++) {
            tide_rng_normal(&rng, g, ROWS * out);
            for (size_t i = 0; i < ROWS; i++)
                if (e == 5 || i % every[e] != 0)
                    memset(g + i * out, 0, out * sizeof *g);
            input_gradients(tape, mlp, x, g, ROWS, false);
            memcpy(apart, x->gradients, sizeof apart);
            input_gradients(tape, mlp, x, g, ROWS, true);
            if (tide_gemm_is_own()) /* whose bits do not depend on a row's place */
                ck_assert_mem_eq(x->gradients, apart, sizeof apart);
            all_near(x->gradients, apart, ROWS * 5);
            EXPECT((x->gradients[0] != 0.0f) == (e < 5));
        }
        tide_mlp_destroy(mlp);
        tide_parameters_destroy(x);
        tide_tape_destroy(tape);
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, gradients_of_inputs_and_parameters_match_differences);
    tcase_add_test(tests, an_input_used_several_times_adds_its_gradients);
    tcase_add_loop_test(tests, a_network_called_twice_adds_both_gradients, 0, 2);
    tcase_add_loop_test(tests, gradients_of_many_rows_are_those_of_their_pieces, 0, 2);
    tcase_add_loop_test(tests, a_network_passed_through_gets_no_gradient, 0, 2);
    tcase_add_loop_test(tests, rows_without_a_gradient_are_left_out_and_change_no_bit, 0, 2);
}

int main(void)
{
    return testing_run("mlp_gradients", add);
}
