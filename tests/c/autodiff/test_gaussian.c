/* Gaussian policies against their formulas in double, and their gradients, the clamp included. */
#include "../gradients.h"

#include "autodiff/gaussian.h"
#include "autodiff/shape.h"

enum { ROWS = 5, DIM = 3 };

static tide_rng rng;
static float noise[ROWS * DIM];

static void seed(void)
{
    rng = testing_rng("gaussian");
    tide_rng_normal(&rng, noise, ROWS * DIM);
}

static tide_tensor noise_tensor(void)
{
    return tide_tensor_make(noise, 2, (const size_t[]){ROWS, DIM});
}

/* Action and log-prob side by side: (rows, dim + 1). */
static void apply(tide_tape *tape, tide_value **in, tide_value **out, const void *with_scalars)
{
    tide_value *parts[2];
    tide_tensor z = noise_tensor();
    MUST(tide_tanh_gaussian(tape, in[0], with_scalars != NULL ? in[1] : NULL, &z, &parts[0], &parts[1]));
    MUST(tide_reshape(tape, parts[1], 2, (const size_t[]){ROWS, 1}, &parts[1]));
    MUST(tide_concat_columns(tape, parts, 2, out));
}

static void apply_action_only(tide_tape *tape, tide_value **in, tide_value **out, const void *unused)
{
    (void)unused;
    tide_value *log_prob;
    tide_tensor z = noise_tensor();
    MUST(tide_tanh_gaussian(tape, in[0], in[1], &z, out, &log_prob));
}

static void apply_log_prob_only(tide_tape *tape, tide_value **in, tide_value **out, const void *unused)
{
    (void)unused;
    tide_value *action;
    tide_tensor z = noise_tensor();
    MUST(tide_tanh_gaussian(tape, in[0], in[1], &z, &action, out));
}

static double log_prob_of(double mean, double log_std, double z)
{
    double x = mean + exp(log_std) * z;
    double softplus = fmax(-2.0 * x, 0.0) + log1p(exp(-fabs(2.0 * x)));
    return -0.5 * z * z - log_std - 0.5 * log(2.0 * 3.14159265358979323846) - 2.0 * (log(2.0) - x - softplus);
}

/* One dimension, given mean, raw log_std and noise. */
static void sample_one(float mean, float log_std, float z, float *action, float *log_prob, float *slopes)
{
    tide_tape *tape;
    tide_parameters *block;
    MUST(tide_tape_create(&tape));
    MUST(tide_parameters_create(&block, 2));
    block->values[0] = mean;
    block->values[1] = log_std;
    tide_tensor t = tide_tensor_make(block->values, 2, (const size_t[]){1, 2});
    tide_tensor n = tide_tensor_make(&z, 2, (const size_t[]){1, 1});
    tide_value *head, *a, *l, *loss;
    MUST(tide_tape_parameter(tape, block, &t, &head));
    MUST(tide_tanh_gaussian(tape, head, NULL, &n, &a, &l));
    *action = a->tensor.data[0];
    *log_prob = l->tensor.data[0];
    MUST(tide_reduce(tape, TIDE_SUM, l, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    slopes[0] = block->gradients[0];
    slopes[1] = block->gradients[1];
    tide_tape_destroy(tape);
    tide_parameters_destroy(block);
}

START_TEST(log_prob_matches_its_formula_out_to_the_extremes)
{
    static const float means[] = {0.0f, 0.3f, -1.0f, 4.0f, -9.0f, 20.0f, -50.0f, 300.0f};
    static const float log_stds[] = {-20.0f, -7.0f, -1.0f, 0.0f, 1.0f, 2.0f};
    static const float noises[] = {0.0f, 0.5f, -1.5f, 4.0f, -6.7f};
    for (size_t m = 0; m < 8; m++) {
        for (size_t s = 0; s < 6; s++) {
            for (size_t n = 0; n < 5; n++) {
                float action, log_prob, slopes[2];
                sample_one(means[m], log_stds[s], noises[n], &action, &log_prob, slopes);
                double mean = (double)means[m], log_std = (double)log_stds[s], z = (double)noises[n];
                double x = mean + exp(log_std) * z;
                NEAR(action, tanh(x), 1e-6, 1e-7);
                NEAR(log_prob, log_prob_of(mean, log_std, z), 2e-6, 1e-5);
                /* d log_prob / d mean = 2 tanh x;  / d log_std = 2 tanh x std z - 1 */
                NEAR(slopes[0], 2.0 * tanh(x), 1e-5, 1e-6);
                NEAR(slopes[1], 2.0 * tanh(x) * exp(log_std) * z - 1.0, 1e-5, 1e-6);
                EXPECT(isfinite(log_prob) && fabsf(action) <= 1.0f);
            }
        }
    }
}
END_TEST

START_TEST(log_std_is_clamped_and_has_no_slope_outside)
{
    static const float outside[] = {-20.001f, -300.0f, 2.001f, 50.0f, INFINITY, -INFINITY};
    for (size_t i = 0; i < 6; i++) {
        float action, log_prob, slopes[2], clamped = outside[i] > 0.0f ? 2.0f : -20.0f;
        sample_one(0.4f, outside[i], -0.7f, &action, &log_prob, slopes);
        NEAR(log_prob, log_prob_of(0.4f, (double)clamped, -0.7f), 2e-6, 1e-5);
        EXPECT(slopes[1] == 0.0f && slopes[0] != 0.0f);
    }
    static const float ends[] = {-20.0f, 2.0f};
    for (size_t i = 0; i < 2; i++) { /* the ends themselves have a slope, as PyTorch's clamp */
        float action, log_prob, slopes[2];
        sample_one(0.4f, ends[i], -0.7f, &action, &log_prob, slopes);
        EXPECT(slopes[1] != 0.0f);
    }
}
END_TEST

START_TEST(nan_passes_through)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *head, *action, *log_prob;
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){1, 2}, &head));
    float z = 0.5f;
    tide_tensor n = tide_tensor_make(&z, 2, (const size_t[]){1, 1});
    for (size_t i = 0; i < 2; i++) {
        head->tensor.data[i] = NAN;
        head->tensor.data[1 - i] = 0.0f;
        MUST(tide_tanh_gaussian(tape, head, NULL, &n, &action, &log_prob));
        EXPECT(isnan(action->tensor.data[0]) && isnan(log_prob->tensor.data[0]));
    }
    tide_tape_destroy(tape);
}
END_TEST

START_TEST(gradients_match_differences)
{
    static gradient_function *const functions[] = {apply, apply, apply_action_only, apply_log_prob_only};
    for (int kind = 0; kind < 4; kind++) {
        gradient_case g = gradient_begin(rng);
        gradient_input(&g, 2, (const size_t[]){ROWS, 2 * DIM}, -1.5f, 1.5f, 0.0f);
        if (kind > 0) {
            size_t at = gradient_input(&g, 1, (const size_t[]){2}, 0.5f, 1.2f, 0.0f);
            g.blocks[at]->values[1] = -0.8f;
        }
        gradient_check(&g, "tanh_gaussian", functions[kind], kind == 1 ? &g : NULL, 3e-4);
        gradient_end(&g);
    }
}
END_TEST

/* Some rows' log_std outside the clamp, with scalars: no gradient to head or scalars from there. */
START_TEST(gradients_match_differences_across_the_clamp)
{
    gradient_case g = gradient_begin(rng);
    size_t at = gradient_input(&g, 2, (const size_t[]){ROWS, 2 * DIM}, -1.0f, 1.0f, 0.0f);
    float *head = g.blocks[at]->values;
    head[DIM] = 30.0f;
    head[2 * DIM + DIM + 1] = -90.0f;
    size_t scalars = gradient_input(&g, 1, (const size_t[]){2}, 0.5f, 1.0f, 0.0f);
    g.blocks[scalars]->values[1] = -0.5f;
    gradient_check(&g, "tanh_gaussian across the clamp", apply, &g, 3e-4);
    gradient_end(&g);
}
END_TEST

/* The log-prob leaves its gradient where the action's backward finds it: only for the same walk. */
START_TEST(a_kept_graph_forgets_the_log_prob_of_an_earlier_walk)
{
    gradient_case g = gradient_begin(rng);
    size_t at = gradient_input(&g, 2, (const size_t[]){ROWS, 2 * DIM}, -1.0f, 1.0f, 0.0f);
    tide_parameters *block = g.blocks[at];
    float alone[ROWS * 2 * DIM];
    for (int earlier = 0; earlier < 2; earlier++) {
        tide_value *head, *action, *log_prob, *of_action, *of_log_prob;
        tide_tensor z = noise_tensor();
        MUST(tide_tape_parameter(g.tape, block, &g.tensors[at], &head));
        MUST(tide_tanh_gaussian(g.tape, head, NULL, &z, &action, &log_prob));
        MUST(tide_reduce(g.tape, TIDE_SUM, action, TIDE_ALL, &of_action));
        MUST(tide_reduce(g.tape, TIDE_SUM, log_prob, TIDE_ALL, &of_log_prob));
        if (earlier)
            MUST(tide_tape_backward(g.tape, of_log_prob, NULL, 0, true));
        block->has_gradient = false;
        MUST(tide_tape_backward(g.tape, of_action, NULL, 0, false));
        if (earlier)
            ck_assert_mem_eq(alone, block->gradients, sizeof alone);
        memcpy(alone, block->gradients, sizeof alone);
        tide_tape_end_step(g.tape);
    }
    gradient_end(&g);
}
END_TEST

/* ---- densities of given actions ---- */

static float given[ROWS * DIM];

static void draw_given(float low, float high)
{
    tide_rng_uniform(&rng, given, ROWS * DIM, low, high);
}

static void apply_tanh_density(tide_tape *tape, tide_value **in, tide_value **out, const void *with_scalars)
{
    tide_tensor a = tide_tensor_make(given, 2, (const size_t[]){ROWS, DIM});
    MUST(tide_tanh_gaussian_log_prob(tape, in[0], with_scalars != NULL ? in[1] : NULL, &a, out));
}

static void apply_density(tide_tape *tape, tide_value **in, tide_value **out, const void *unused)
{
    (void)unused;
    MUST(tide_gaussian_log_prob(tape, in[0], in[1], in[2], out));
}

/* One dimension of the tanh-Gaussian's density. */
static float tanh_density_of(float mean, float log_std, float action)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *head, *log_prob;
    tide_tensor h = tide_tensor_make((float[]){mean, log_std}, 2, (const size_t[]){1, 2});
    tide_tensor a = tide_tensor_make(&action, 2, (const size_t[]){1, 1});
    MUST(tide_tape_leaf(tape, &h, &head));
    MUST(tide_tanh_gaussian_log_prob(tape, head, NULL, &a, &log_prob));
    float result = log_prob->tensor.data[0];
    tide_tape_destroy(tape);
    return result;
}

static double normal_density(double x, double mean, double log_std)
{
    double z = (x - mean) / exp(log_std);
    return -0.5 * z * z - log_std - 0.5 * log(2.0 * 3.14159265358979323846);
}

START_TEST(the_density_of_given_actions_matches_its_formula_to_the_bounds)
{
    static const float actions[] = {0.0f, 1e-4f, -0.3f, 0.9f, -0.999f, 0.99999f, 1.0f, -1.0f, 3.0f, -INFINITY};
    static const float means[] = {0.0f, 0.7f, -3.0f, 8.0f};
    static const float log_stds[] = {-5.0f, -1.0f, 0.5f, 2.0f, 40.0f, -40.0f};
    for (size_t i = 0; i < 10 * 4 * 6; i++) {
        float action = actions[i % 10], mean = means[i / 10 % 4], log_std = log_stds[i / 40];
        double most = (double)(1.0f - 1e-6f), a = fmax(fmin((double)action, most), -most);
        double s = fmax(fmin((double)log_std, 2.0), -20.0);
        double wanted = normal_density(atanh(a), (double)mean, s) - log1p(-a * a);
        NEAR(tanh_density_of(mean, log_std, action), wanted, 2e-5, 1e-4);
    }
    EXPECT(isnan(tanh_density_of(0.0f, 0.0f, NAN)) && isnan(tanh_density_of(NAN, 0.0f, 0.0f)) &&
           isnan(tanh_density_of(0.0f, NAN, 0.0f)));
}
END_TEST

START_TEST(a_sample_has_the_density_that_came_with_it)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *head, *scalars, *action, *log_prob, *again;
    tide_tensor z = noise_tensor();
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){ROWS, 2 * DIM}, &head));
    tide_rng_uniform(&rng, head->tensor.data, ROWS * 2 * DIM, -1.0f, 1.0f);
    MUST(tide_tape_fresh(tape, 1, (const size_t[]){2}, &scalars));
    scalars->tensor.data[0] = 0.7f;
    scalars->tensor.data[1] = -0.4f;
    for (int with = 0; with < 2; with++) {
        MUST(tide_tanh_gaussian(tape, head, with ? scalars : NULL, &z, &action, &log_prob));
        MUST(tide_tanh_gaussian_log_prob(tape, head, with ? scalars : NULL, &action->tensor, &again));
        for (size_t i = 0; i < ROWS; i++)
            NEAR(again->tensor.data[i], log_prob->tensor.data[i], 1e-4, 1e-4);
    }
    tide_tape_destroy(tape);
}
END_TEST

START_TEST(gradients_of_the_density_of_given_actions_match_differences)
{
    draw_given(-0.95f, 0.95f);
    given[0] = 1.0f;
    for (int with = 0; with < 2; with++) {
        gradient_case g = gradient_begin(rng);
        size_t at = gradient_input(&g, 2, (const size_t[]){ROWS, 2 * DIM}, -0.8f, 0.8f, 0.0f);
        if (with) {
            g.blocks[at]->values[2 * DIM + DIM + 1] = 90.0f; /* its log_std is outside the clamp */
            size_t scalars = gradient_input(&g, 1, (const size_t[]){2}, 0.6f, 1.0f, 0.0f);
            g.blocks[scalars]->values[1] = 0.3f;
        }
        gradient_check(&g, "tanh_gaussian_log_prob", apply_tanh_density, with ? &g : NULL, 3e-4);
        gradient_end(&g);
    }
}
END_TEST

START_TEST(the_normal_density_matches_its_formula_and_differences)
{
    for (int shared = 0; shared < 2; shared++) {
        gradient_case g = gradient_begin(rng);
        size_t mean = gradient_input(&g, 2, (const size_t[]){ROWS, DIM}, -1.0f, 1.0f, 0.0f);
        size_t log_std = shared ? gradient_input(&g, 1, (const size_t[]){DIM}, -0.7f, 0.7f, 0.0f)
                                : gradient_input(&g, 2, (const size_t[]){ROWS, DIM}, -0.7f, 0.7f, 0.0f);
        size_t x = gradient_input(&g, 2, (const size_t[]){ROWS, DIM}, -1.0f, 1.0f, 0.0f);
        tide_value *in[3], *out;
        for (size_t i = 0; i < 3; i++)
            MUST(tide_tape_leaf(g.tape, &g.tensors[i], &in[i]));
        apply_density(g.tape, in, &out, NULL);
        for (size_t i = 0; i < ROWS; i++) {
            double sum = 0.0;
            for (size_t j = 0; j < DIM; j++)
                sum += normal_density((double)g.blocks[x]->values[i * DIM + j],
                                      (double)g.blocks[mean]->values[i * DIM + j],
                                      (double)g.blocks[log_std]->values[(shared ? 0 : i * DIM) + j]);
            NEAR(out->tensor.data[i], sum, 1e-6, 1e-6);
        }
        gradient_check(&g, "gaussian_log_prob", apply_density, NULL, 3e-4);
        gradient_end(&g);
    }
}
END_TEST

/* Only what is wanted: a parameter that the loss does not train has no gradient taken. */
START_TEST(the_density_gives_gradients_only_where_they_are_wanted)
{
    gradient_case g = gradient_begin(rng);
    for (size_t i = 0; i < 3; i++)
        gradient_input(&g, 2, (const size_t[]){ROWS, DIM}, -1.0f, 1.0f, 0.0f);
    for (size_t wanted = 0; wanted < 3; wanted++) {
        tide_value *out = gradient_build(&g, apply_density, NULL), *loss;
        MUST(tide_reduce(g.tape, TIDE_SUM, out, TIDE_ALL, &loss));
        MUST(tide_tape_backward(g.tape, loss, &g.blocks[wanted], 1, false));
        for (size_t i = 0; i < 3; i++) {
            EXPECT(g.blocks[i]->has_gradient == (i == wanted));
            EXPECT((out->inputs[i]->gradient == NULL) || i == wanted);
            g.blocks[i]->has_gradient = false;
        }
    }
    gradient_end(&g);
}
END_TEST

START_TEST(the_mean_action_is_tanh_of_the_mean)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *head, *action;
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){ROWS, 2 * DIM}, &head));
    tide_rng_normal(&rng, head->tensor.data, ROWS * 2 * DIM);
    MUST(tide_tanh_mean(tape, head, &action));
    for (size_t i = 0; i < ROWS * DIM; i++)
        NEAR(action->tensor.data[i], tanh((double)head->tensor.data[i / DIM * 2 * DIM + i % DIM]), 1e-6, 0.0);
    tide_tape_destroy(tape);
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *odd, *head, *scalars, *a, *l;
    tide_tensor z = noise_tensor();
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){ROWS, 2 * DIM + 1}, &odd));
    MUST_FAIL(tide_tanh_gaussian(tape, odd, NULL, &z, &a, &l), TIDE_SHAPE, "the head has shape (5, 7)");
    MUST_FAIL(tide_tanh_mean(tape, odd, &a), TIDE_SHAPE, "(5, 7)");
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){ROWS, 2 * DIM + 2}, &head));
    MUST_FAIL(tide_tanh_gaussian(tape, head, NULL, &z, &a, &l), TIDE_SHAPE, "the noise has shape (5, 3); (5, 4)");
    MUST(tide_tape_fresh(tape, 2, (const size_t[]){ROWS, 2 * DIM}, &head));
    MUST(tide_tape_fresh(tape, 1, (const size_t[]){3}, &scalars));
    MUST_FAIL(tide_tanh_gaussian(tape, head, scalars, &z, &a, &l), TIDE_SHAPE, "have shape (3); (2) is needed");
    MUST_FAIL(tide_tanh_gaussian_log_prob(tape, odd, NULL, &z, &l), TIDE_SHAPE, "log_prob: the head has shape (5, 7)");
    MUST_FAIL(tide_tanh_gaussian_log_prob(tape, head, scalars, &z, &l), TIDE_SHAPE, "have shape (3); (2) is needed");
    MUST_FAIL(tide_tanh_gaussian_log_prob(tape, head, NULL, &head->tensor, &l), TIDE_SHAPE,
              "the actions have shape (5, 6); (5, 3) is needed");
    MUST_FAIL(tide_gaussian_log_prob(tape, scalars, head, head, &l), TIDE_SHAPE, "the mean has shape (3)");
    MUST_FAIL(tide_gaussian_log_prob(tape, head, scalars, head, &l), TIDE_SHAPE,
              "log_std has shape (3); (5, 6) or (6) is needed");
    MUST_FAIL(tide_gaussian_log_prob(tape, head, head, odd, &l), TIDE_SHAPE,
              "the values have shape (5, 7); (5, 6) is needed");
    tide_tape_destroy(tape);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, log_prob_matches_its_formula_out_to_the_extremes);
    tcase_add_test(tests, log_std_is_clamped_and_has_no_slope_outside);
    tcase_add_test(tests, nan_passes_through);
    tcase_add_test(tests, gradients_match_differences);
    tcase_add_test(tests, gradients_match_differences_across_the_clamp);
    tcase_add_test(tests, a_kept_graph_forgets_the_log_prob_of_an_earlier_walk);
    tcase_add_test(tests, the_density_of_given_actions_matches_its_formula_to_the_bounds);
    tcase_add_test(tests, a_sample_has_the_density_that_came_with_it);
    tcase_add_test(tests, gradients_of_the_density_of_given_actions_match_differences);
    tcase_add_test(tests, the_normal_density_matches_its_formula_and_differences);
    tcase_add_test(tests, the_density_gives_gradients_only_where_they_are_wanted);
    tcase_add_test(tests, the_mean_action_is_tanh_of_the_mean);
    tcase_add_test(tests, shapes_that_do_not_fit_are_refused);
}

int main(void)
{
    return testing_run("gaussian", add);
}
