/* Networks: forward against loops in double, parts against joined inputs, a warm step, what is refused. */
#include "networks.h"

#include "autodiff/shape.h"

/* As the header writes it: gain (x - mean) / sqrt(variance + 1e-5) + shift. */
static void normalise(double *x, size_t n, const float *gain, const float *shift)
{
    double mean = 0.0, variance = 0.0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        x[i] = (double)gain[i] * (x[i] - mean) / sqrt(variance + 1e-5) + (double)shift[i];
}

/* One row, by the definition. */
static void forward_row(const tide_mlp *mlp, const double *x, double *y)
{
    double a[512], b[512];
    memcpy(a, x, mlp->sizes[0] * sizeof *a);
    for (size_t l = 0; l < mlp->n_layers; l++) {
        const float *w = mlp->parameters->values + mlp->weight_at[l], *c = mlp->parameters->values + mlp->bias_at[l];
        for (size_t o = 0; o < mlp->sizes[l + 1]; o++) {
            b[o] = (double)c[o];
            for (size_t i = 0; i < mlp->sizes[l]; i++)
                b[o] += (double)w[o * mlp->sizes[l] + i] * a[i];
        }
        if (tide_mlp_normalises(mlp, l))
            normalise(b, mlp->sizes[l + 1], mlp->parameters->values + mlp->gain_at[l],
                      mlp->parameters->values + mlp->shift_at[l]);
        for (size_t o = 0; o < mlp->sizes[l + 1]; o++) {
            if (l + 1 < mlp->n_layers)
                b[o] = fmax(b[o], 0.0);
            else if (mlp->options.tanh_scale != 0.0f)
                b[o] = (double)mlp->options.tanh_scale * tanh(b[o]);
        }
        memcpy(a, b, mlp->sizes[l + 1] * sizeof *a);
    }
    memcpy(y, a, mlp->sizes[mlp->n_layers] * sizeof *y);
}

START_TEST(forward_matches_its_definition)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    for (size_t s = 0; s < N_SHAPES; s++) {
        tide_mlp *mlp = network(shapes[s].n_layers, shapes[s].sizes, shapes[s].options);
        size_t in = mlp->sizes[0], outputs = mlp->sizes[mlp->n_layers];
        for (size_t rows = 1; rows <= 21; rows += 10) {
            for (int recording = 0; recording < 2; recording++) {
                tide_value *x, *out;
                MUST(tide_tape_fresh(tape, 2, (const size_t[]){rows, in}, &x));
                tide_rng_normal(&rng, x->tensor.data, rows * in);
                tide_tape_set_recording(tape, recording != 0);
                MUST(tide_mlp_forward(tape, mlp, &x, 1, &out));
                ck_assert_uint_eq(out->tensor.rank, shapes[s].options.scalar ? 1 : 2);
                EXPECT(out->tracked == (recording != 0));
                for (size_t i = 0; i < rows; i++) {
                    double row[512], y[512];
                    for (size_t j = 0; j < in; j++)
                        row[j] = (double)x->tensor.data[i * in + j];
                    forward_row(mlp, row, y);
                    for (size_t o = 0; o < outputs; o++)
                        NEAR(out->tensor.data[i * outputs + o], y[o], 1e-5, 2e-6);
                }
            }
        }
        tide_tape_end_step(tape);
        tide_mlp_destroy(mlp);
    }
    tide_tape_destroy(tape);
}
END_TEST

/* Shifting a hidden layer's sums, or scaling them, is what LayerNorm takes out. */
START_TEST(normalised_layers_do_not_see_shift_and_scale_of_their_sums)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_mlp *mlp = network(2, (const size_t[]){4, 32, 3}, (tide_mlp_options){.layer_norm = true});
    float *w = mlp->parameters->values + mlp->weight_at[0], *b = mlp->parameters->values + mlp->bias_at[0];
    float first[15] = {0};
    tide_value *x, *out;
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){5, 4}, &x));
    tide_rng_normal(&rng, x->tensor.data, 20);
    for (int change = 0; change < 3; change++) {
        for (size_t k = 0; k < 32; k++)
            b[k] = change == 1 ? b[k] + 3.0f : change == 2 ? 40.0f * b[k] : b[k];
        for (size_t k = 0; k < 128 && change == 2; k++)
            w[k] *= 40.0f;
        MUST(tide_mlp_forward(tape, mlp, &x, 1, &out));
        for (size_t k = 0; k < 15; k++)
            if (change == 0)
                first[k] = out->tensor.data[k];
            else
                NEAR(out->tensor.data[k], first[k], 1e-3, 1e-4);
    }
    tide_tape_destroy(tape);
    tide_mlp_destroy(mlp);
}
END_TEST

START_TEST(a_fresh_layer_has_gains_of_1_and_shifts_of_0)
{
    tide_mlp *mlp;
    MUST(tide_mlp_create(&mlp, (const size_t[]){4, 32, 19, 3}, 3, (tide_mlp_options){.layer_norm = true}));
    EXPECT(tide_mlp_normalises(mlp, 0) && tide_mlp_normalises(mlp, 1) && !tide_mlp_normalises(mlp, 2));
    for (int drawn = 0; drawn < 2; drawn++) {
        for (size_t layer = 0; layer < 2; layer++) {
            float *gain = mlp->parameters->values + mlp->gain_at[layer];
            float *shift = mlp->parameters->values + mlp->shift_at[layer];
            for (size_t k = 0; k < mlp->sizes[layer + 1]; k++) {
                EXPECT(gain[k] == 1.0f && shift[k] == 0.0f);
                gain[k] = shift[k] = 5.0f;
            }
            MUST(tide_mlp_init_layer(mlp, layer, TIDE_INIT_ORTHOGONAL, 1.0f, &rng));
        }
    }
    tide_mlp_destroy(mlp);
}
END_TEST

/* ---- parts ---- */

typedef struct outcome {
    float *out, *weights, *inputs;
    size_t n_out, n_inputs;
} outcome;

/* Runs a network over parts (or their join) with a fixed weighting of the output; keeps all gradients. */
static outcome run(tide_mlp *mlp, const tide_tensor *data, size_t n_parts, size_t rows, bool join, bool retain)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_parameters *blocks[TIDE_MAX_PARTS];
    tide_value *parts[TIDE_MAX_PARTS], *out, *weights, *product, *loss;
    outcome o = {0};
    for (size_t i = 0; i < n_parts; i++) {
        size_t count = tide_tensor_count(&data[i]);
        MUST(tide_parameters_create(&blocks[i], count));
        memcpy(blocks[i]->values, data[i].data, count * sizeof(float));
        tide_tensor t = tide_tensor_make(blocks[i]->values, 2, data[i].dims);
        MUST(tide_tape_parameter(tape, blocks[i], &t, &parts[i]));
        if (join && data[i].dims[0] != rows)
            MUST(tide_repeat_rows(tape, parts[i], rows / data[i].dims[0], &parts[i]));
        o.n_inputs += count;
    }
    tide_value *joined = NULL;
    if (join)
        MUST(tide_concat_columns(tape, parts, n_parts, &joined));
    MUST(tide_mlp_forward(tape, mlp, join ? &joined : parts, join ? 1 : n_parts, &out));
    o.n_out = tide_tensor_count(&out->tensor);
    o.out = malloc(o.n_out * sizeof(float));
    memcpy(o.out, out->tensor.data, o.n_out * sizeof(float));
    MUST(tide_tape_fresh(tape, out->tensor.rank, out->tensor.dims, &weights));
    tide_rng fixed = tide_rng_make(99, 0);
    tide_rng_normal(&fixed, weights->tensor.data, o.n_out);
    MUST(tide_binary_op(tape, TIDE_MULTIPLY, out, weights, &product));
    MUST(tide_reduce(tape, TIDE_SUM, product, TIDE_ALL, &loss));
    mlp->parameters->has_gradient = false;
    if (retain)
        MUST(tide_tape_backward(tape, loss, &mlp->parameters, 1, true));
    mlp->parameters->has_gradient = false;
    for (size_t i = 0; i < n_parts; i++)
        blocks[i]->has_gradient = false;
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    o.weights = malloc(mlp->parameters->count * sizeof(float));
    memcpy(o.weights, mlp->parameters->gradients, mlp->parameters->count * sizeof(float));
    o.inputs = malloc(o.n_inputs * sizeof(float));
    for (size_t i = 0, at = 0; i < n_parts; at += blocks[i++]->count)
        memcpy(o.inputs + at, blocks[i]->gradients, blocks[i]->count * sizeof(float));
    for (size_t i = 0; i < n_parts; i++)
        tide_parameters_destroy(blocks[i]);
    tide_tape_destroy(tape);
    return o;
}

static void release(outcome o)
{
    free(o.out);
    free(o.weights);
    free(o.inputs);
}

START_TEST(parts_give_what_their_join_gives)
{
    /* rows, columns of up to 5 parts; the columns make 23 */
    static const size_t cases[][5][2] = {
        {{60, 17}, {60, 6}},
        {{60, 17}, {6, 6}},
        {{6, 17}, {60, 6}},
        {{60, 3}, {6, 14}, {60, 6}},
        {{6, 3}, {6, 14}, {60, 6}},
        {{6, 3}, {60, 14}, {20, 6}},
        {{1, 10}, {60, 7}, {60, 6}},
        {{60, 1}, {60, 1}, {60, 21}},
        {{12, 5}, {60, 5}, {12, 5}, {60, 5}, {3, 3}},
        {{60, 23}},
        {{60, 0}, {60, 23}},
        {{6, 0}, {60, 23}},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        static const size_t sizes[][4] = {{23, 64, 32, 1}, {23, 5, 0, 0}, {23, 2, 0, 0}, {23, 32, 16, 1}};
        static const size_t layers[] = {3, 1, 1, 3};
        static const tide_mlp_options kinds[] = {
            {.scalar = true}, {.scalar = false}, {.tanh_scale = 2.0f}, {.scalar = true, .layer_norm = true}};
        for (size_t s = 0; s < 4; s++) {
            tide_mlp *mlp = network(layers[s], sizes[s], kinds[s]);
            tide_tensor data[5];
            size_t n = 0;
            for (; n < 5 && cases[c][n][0] != 0; n++) {
                size_t count = cases[c][n][0] * cases[c][n][1];
                data[n] = tide_tensor_make(malloc((count + 1) * sizeof(float)), 2, cases[c][n]);
                tide_rng_normal(&rng, data[n].data, count);
            }
            outcome split = run(mlp, data, n, 60, false, false), joined = run(mlp, data, n, 60, true, false);
            all_near(split.out, joined.out, joined.n_out);
            all_near(split.weights, joined.weights, mlp->parameters->count);
            all_near(split.inputs, joined.inputs, joined.n_inputs);
            outcome again = run(mlp, data, n, 60, false, true); /* a kept graph walked twice gives the same bits */
            ck_assert_mem_eq(again.weights, split.weights, mlp->parameters->count * sizeof(float));
            ck_assert_mem_eq(again.inputs, split.inputs, split.n_inputs * sizeof(float));
            release(split);
            release(joined);
            release(again);
            for (size_t i = 0; i < n; i++)
                free(data[i].data);
            tide_mlp_destroy(mlp);
        }
    }
}
END_TEST

START_TEST(weights_that_changed_are_refused)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_mlp *mlp = network(2, (const size_t[]){4, 16, 1}, (tide_mlp_options){.scalar = true});
    tide_value *x, *y, *loss;
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){8, 4}, &x));
    memset(x->tensor.data, 0, 32 * sizeof(float));
    MUST(tide_mlp_forward(tape, mlp, &x, 1, &y));
    MUST(tide_reduce(tape, TIDE_MEAN, y, TIDE_ALL, &loss));
    MUST(tide_mlp_init_layer(mlp, 0, TIDE_INIT_TORCH, 0.0f, &rng));
    MUST_FAIL(tide_tape_backward(tape, loss, NULL, 0, false), TIDE_STATE, "the parameters of a network changed");
    tide_tape_destroy(tape);
    tide_mlp_destroy(mlp);
}
END_TEST

START_TEST(a_warm_step_allocates_nothing_and_leftovers_change_no_bit)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_mlp *mlp = network(3, (const size_t[]){23, 64, 64, 2},
                            (tide_mlp_options){.tanh_scale = 2.0f, .layer_norm = _i == 1});
    float data[20 * 17], few[4 * 6], *first = malloc(mlp->parameters->count * sizeof(float));
    tide_rng_normal(&rng, data, 20 * 17);
    tide_rng_normal(&rng, few, 24);
    uint64_t before = 0;
    for (int step = 0; step < 8; step++) {
        if (step == 3)
            before = tide_alloc_total();
        tide_tensor t = tide_tensor_make(data, 2, (const size_t[]){20, 17}),
                    s = tide_tensor_make(few, 2, (const size_t[]){4, 6});
        tide_value *x[2], *y, *loss;
        MUST(tide_tape_leaf(tape, &t, &x[0]));
        MUST(tide_tape_leaf(tape, &s, &x[1]));
        MUST(tide_mlp_forward(tape, mlp, x, 2, &y));
        MUST(tide_unary_op(tape, TIDE_SQUARE, y, &y));
        MUST(tide_reduce(tape, TIDE_MEAN, y, TIDE_ALL, &loss));
        mlp->parameters->has_gradient = false;
        MUST(tide_tape_backward(tape, loss, NULL, 0, false));
        if (step == 0)
            memcpy(first, mlp->parameters->gradients, mlp->parameters->count * sizeof(float));
        ck_assert_mem_eq(first, mlp->parameters->gradients, mlp->parameters->count * sizeof(float));
        tide_tape_end_step(tape);
        void *block;
        size_t room = tide_arena_capacity(tide_tape_arena(tape)) - 64;
        MUST(tide_arena_take(tide_tape_arena(tape), room, &block));
        memset(block, 0xFF, room);
        tide_tape_end_step(tape);
    }
    EXPECT(tide_alloc_total() == before);
    free(first);
    tide_tape_destroy(tape);
    tide_mlp_destroy(mlp);
}
END_TEST

START_TEST(networks_and_inputs_that_do_not_fit_are_refused)
{
    tide_mlp *mlp;
    size_t many[TIDE_MAX_LAYERS + 2];
    for (size_t i = 0; i < TIDE_MAX_LAYERS + 2; i++)
        many[i] = 2;
    MUST_FAIL(tide_mlp_create(&mlp, many, 0, plain), TIDE_ARGUMENT, "0 linear layers");
    MUST_FAIL(tide_mlp_create(&mlp, many, TIDE_MAX_LAYERS + 1, plain), TIDE_ARGUMENT, "17 linear layers");
    MUST_FAIL(tide_mlp_create(&mlp, (const size_t[]){3, 0, 1}, 2, plain), TIDE_ARGUMENT, "size 0 of layer 1");
    MUST_FAIL(tide_mlp_create(&mlp, (const size_t[]){3, 2}, 1, (tide_mlp_options){.scalar = true}), TIDE_ARGUMENT,
              "1 output, not 2");
    MUST_FAIL(tide_mlp_create(&mlp, (const size_t[]){3, 2}, 1, (tide_mlp_options){.tanh_scale = NAN}), TIDE_ARGUMENT,
              "tanh scale");
    MUST_FAIL(tide_mlp_create(&mlp, (const size_t[]){1 << 24, 1 << 24}, 1, plain), TIDE_MEMORY, "bytes");
    ck_assert_ptr_null(mlp);
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    mlp = network(1, (const size_t[]){5, 2}, plain);
    tide_value *x[9], *out;
    for (size_t i = 0; i < 9; i++)
        MUST(tide_tape_fresh(tape, 2, (const size_t[]){6, 1}, &x[i]));
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 0, &out), TIDE_ARGUMENT, "0 inputs");
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 9, &out), TIDE_ARGUMENT, "9 inputs");
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 4, &out), TIDE_SHAPE, "4 columns together, the network takes 5");
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){4, 1}, &x[2]));
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 5, &out), TIDE_SHAPE,
              "input 3 has 4 rows, which do not divide the batch of 6");
    MUST(tide_tape_fresh(tape, 1, (const size_t[]){5}, &x[0]));
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 1, &out), TIDE_SHAPE, "input 1 has shape (5)");
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){0, 5}, &x[0]));
    MUST_FAIL(tide_mlp_forward(tape, mlp, x, 1, &out), TIDE_SHAPE, "0 rows");
    MUST_FAIL(tide_mlp_init_layer(mlp, 1, TIDE_INIT_TORCH, 0.0f, &rng), TIDE_ARGUMENT, "layer 2 of 1");
    MUST_FAIL(tide_mlp_init_layer(mlp, 0, TIDE_INIT_XAVIER, NAN, &rng), TIDE_ARGUMENT, "gain");
    tide_tape_destroy(tape);
    tide_mlp_destroy(mlp);
    tide_mlp_destroy(NULL);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, forward_matches_its_definition);
    tcase_add_test(tests, normalised_layers_do_not_see_shift_and_scale_of_their_sums);
    tcase_add_test(tests, a_fresh_layer_has_gains_of_1_and_shifts_of_0);
    tcase_add_test(tests, parts_give_what_their_join_gives);
    tcase_add_test(tests, weights_that_changed_are_refused);
    tcase_add_loop_test(tests, a_warm_step_allocates_nothing_and_leftovers_change_no_bit, 0, 2);
    tcase_add_test(tests, networks_and_inputs_that_do_not_fit_are_refused);
}

int main(void)
{
    return testing_run("mlp", add);
}
