/* The pieces of H2O against their formulas in double, down to the smallest floats. */
#include "../gradients.h"

#include "h2o/h2o.h"

enum { ROWS = 6, SAMPLES = 10 };

static const float SMALLEST = 1.401298464e-45f; /* a subnormal: 2^-149 */

static tide_rng rng;
static float logits[2 * ROWS * SAMPLES], out[ROWS], other[ROWS];

static void seed(void)
{
    rng = testing_rng("h2o");
    tide_rng_normal(&rng, logits, 2 * ROWS * SAMPLES);
}

static tide_tensor matrix(float *data, size_t rows, size_t columns)
{
    return tide_tensor_make(data, 2, (const size_t[]){rows, columns});
}

static tide_tensor vector(float *data, size_t n)
{
    return tide_tensor_make(data, 1, &n);
}

START_TEST(subnormal_numbers_survive)
{
    volatile float x = 2.0f * SMALLEST, half = 0.5f;
    EXPECT(x * half == SMALLEST && SMALLEST > 0.0f); /* the processor does not flush to zero */
    ck_assert_uint_eq((uint64_t)(x / SMALLEST), 2);
}
END_TEST

START_TEST(the_dynamics_ratio_is_held_in_its_range)
{
    tide_tensor l = matrix(logits, ROWS, 2), r = vector(out, ROWS);
    logits[0] = 30.0f;
    logits[2] = -30.0f;
    MUST(tide_h2o_dynamics_ratio(&l, 1e-5f, 1.0f, &r));
    EXPECT(out[0] == 1.0f && out[1] == 1e-5f);
    for (size_t i = 2; i < ROWS; i++)
        NEAR(out[i], fmin(fmax(exp((double)logits[2 * i] - (double)logits[2 * i + 1]), 1e-5), 1.0), 1e-6, 0.0);
    MUST(tide_h2o_dynamics_ratio(&l, 0.0f, INFINITY, &r));
    NEAR(out[0], exp(30.0 - (double)logits[1]), 1e-5, 0.0);
    logits[4] = NAN;
    MUST(tide_h2o_dynamics_ratio(&l, 1e-5f, 1.0f, &r));
    EXPECT(isnan(out[2])); /* not hidden by the clip */
    tide_tensor wrong = matrix(logits, ROWS, 3);
    MUST_FAIL(tide_h2o_dynamics_ratio(&wrong, 0.0f, 1.0f, &r), TIDE_SHAPE,
              "dynamics_ratio: the logits have shape (6, 3)");
}
END_TEST

START_TEST(the_gap_is_the_clipped_mean_of_log_ratios)
{
    tide_tensor l = matrix(logits, ROWS * SAMPLES, 2), u = vector(out, ROWS);
    for (size_t j = 0; j < SAMPLES; j++) {
        logits[2 * j] += 5.0f;                  /* row 1: below 0, clipped to the smallest float */
        logits[2 * (SAMPLES + j) + 1] += 50.0f; /* row 2: above 10 */
        logits[2 * (2 * SAMPLES + j) + 1] += 4.0f;
    }
    MUST(tide_h2o_gap(&l, SAMPLES, SMALLEST, 10.0f, &u));
    EXPECT(out[0] == SMALLEST && out[0] > 0.0f && out[1] == 10.0f);
    for (size_t i = 2; i < ROWS; i++) {
        double mean = 0.0;
        for (size_t j = i * SAMPLES; j < (i + 1) * SAMPLES; j++)
            mean += ((double)logits[2 * j + 1] - (double)logits[2 * j]) / SAMPLES;
        NEAR(out[i], fmin(fmax(mean, 1.4e-45), 10.0), 1e-6, 1e-6);
    }
    MUST_FAIL(tide_h2o_gap(&l, SAMPLES + 1, SMALLEST, 10.0f, &u), TIDE_SHAPE,
              "gap: the logits have shape (60, 2); (66, 2)");
}
END_TEST

START_TEST(omega_sums_to_one_and_its_logarithm_stays_finite)
{
    static const float cases[][ROWS] = {
        {1, 2, 3, 4, 5, 6},
        {10, 10, 10, 10, 10, 1.4e-45f},
        {1.4e-45f, 1.4e-45f, 1.4e-45f, 1.4e-45f, 1.4e-45f, 1.4e-45f},
        {0, 0, 0, 0, 0, 0}, /* as on a processor that flushes */
        {0, 1e-3f, 10, 0, 1e-40f, 1},
        {3e38f, 3e38f, 3e38f, 1, 1, 1},
    };
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        float u_data[ROWS];
        memcpy(u_data, cases[c], sizeof u_data);
        tide_tensor u = vector(u_data, ROWS), omega = vector(out, ROWS), log_omega = vector(other, ROWS);
        MUST(tide_h2o_omega(&u, &omega, &log_omega));
        double sum = 0.0, total = 0.0;
        for (size_t i = 0; i < ROWS; i++)
            sum += fmax((double)u_data[i], (double)SMALLEST);
        for (size_t i = 0; i < ROWS; i++) {
            double wanted = fmax((double)u_data[i], (double)SMALLEST) / sum;
            NEAR(out[i], wanted, 1e-6, 1.5e-45);
            NEAR(other[i], log(wanted), 1e-6, 1e-6);
            EXPECT(isfinite(other[i]));
            total += (double)out[i];
        }
        NEAR(total, 1.0, 1e-6, 0.0);
    }
    /* 10 beside the smallest float: omega is no float any more, its logarithm is */
    float u_data[2] = {10.0f, SMALLEST};
    tide_tensor u = vector(u_data, 2), omega = vector(out, 2), log_omega = vector(other, 2);
    MUST(tide_h2o_omega(&u, &omega, &log_omega));
    EXPECT(out[1] == 0.0f);
    NEAR(other[1], log(1.401298464e-45) - log(10.0), 1e-6, 0.0);
}
END_TEST

START_TEST(omega_refuses_what_is_no_gap)
{
    static const float wrong[] = {-1.0f, NAN, INFINITY, -1e-45f};
    for (size_t i = 0; i < 4; i++) {
        float u_data[3] = {1.0f, 1.0f, wrong[i]};
        tide_tensor u = vector(u_data, 3), omega = vector(out, 3), log_omega = vector(other, 3);
        MUST_FAIL(tide_h2o_omega(&u, &omega, &log_omega), TIDE_NUMERIC, "in row 3");
    }
}
END_TEST

START_TEST(scatter_adds_scaled_noise_to_repeated_states)
{
    float next[2 * 3], sigma[3] = {0.1f, 2.0f, 0.0f}, noise[8 * 3], made[8 * 3];
    tide_rng_normal(&rng, next, 6);
    tide_rng_normal(&rng, noise, 24);
    tide_tensor n = matrix(next, 2, 3), s = vector(sigma, 3), z = matrix(noise, 8, 3), o = matrix(made, 8, 3);
    MUST(tide_h2o_scatter(&n, &s, 0.5f, &z, &o));
    for (size_t i = 0; i < 24; i++)
        NEAR(made[i], (double)next[i / 3 / 4 * 3 + i % 3] + 0.5 * (double)sigma[i % 3] * (double)noise[i], 1e-6, 1e-7);
    tide_tensor short_sigma = vector(sigma, 2), odd = matrix(noise, 7, 3), odd_out = matrix(made, 7, 3);
    MUST_FAIL(tide_h2o_scatter(&n, &short_sigma, 0.5f, &z, &o), TIDE_SHAPE, "states (2, 3), sigma (2), noise (8, 3)");
    MUST_FAIL(tide_h2o_scatter(&n, &s, 0.5f, &odd, &odd_out), TIDE_SHAPE, "noise (7, 3)");
    tide_tensor none = matrix(next, 0, 3);
    MUST_FAIL(tide_h2o_scatter(&none, &s, 0.5f, &z, &o), TIDE_SHAPE, "scatter");
}
END_TEST

/* ---- the value regulariser ---- */

static float log_omega[ROWS];

static void apply_gap(tide_tape *tape, tide_value **in, tide_value **result, const void *unused)
{
    (void)unused;
    tide_tensor w = vector(log_omega, ROWS);
    MUST(tide_h2o_value_gap(tape, in[0], &w, in[1], result));
}

START_TEST(the_value_gap_matches_its_formula_and_differences)
{
    for (size_t i = 0; i < ROWS; i++)
        log_omega[i] = -0.5f * (float)(i + 1);
    log_omega[2] = -105.0f; /* an omega too small for a float */
    gradient_case g = gradient_begin(rng);
    gradient_input(&g, 1, (const size_t[]){ROWS}, -2.0f, 2.0f, 0.0f);
    gradient_input(&g, 1, (const size_t[]){4}, -2.0f, 2.0f, 0.0f);
    double sum = 0.0, mean = 0.0;
    for (size_t i = 0; i < ROWS; i++)
        sum += exp((double)g.blocks[0]->values[i] + (double)log_omega[i]);
    for (size_t i = 0; i < 4; i++)
        mean += (double)g.blocks[1]->values[i] / 4.0;
    tide_value *gap = gradient_build(&g, apply_gap, NULL);
    NEAR(gap->tensor.data[0], log(sum) - mean, 1e-6, 1e-6);
    tide_tape_end_step(g.tape);
    gradient_check(&g, "value_gap", apply_gap, NULL, 2e-4);
    gradient_end(&g);
}
END_TEST

START_TEST(the_value_gap_of_large_values_does_not_overflow)
{
    tide_tape *tape;
    MUST(tide_tape_create(&tape));
    tide_value *sim, *real, *gap;
    MUST(tide_tape_fresh(tape, 1, (const size_t[]){2}, &sim));
    MUST(tide_tape_fresh(tape, 1, (const size_t[]){1}, &real));
    float weights[] = {-200.0f, -1.0f};
    tide_tensor w = vector(weights, 2);
    sim->tensor.data[0] = 9000.0f;
    sim->tensor.data[1] = 8000.0f;
    real->tensor.data[0] = 500.0f;
    MUST(tide_h2o_value_gap(tape, sim, &w, real, &gap));
    NEAR(gap->tensor.data[0], 8800.0 - 500.0, 1e-6, 0.0);
    sim->tensor.data[0] = NAN;
    MUST(tide_h2o_value_gap(tape, sim, &w, real, &gap));
    EXPECT(isnan(gap->tensor.data[0]));
    MUST_FAIL(tide_h2o_value_gap(tape, real, &w, sim, &gap), TIDE_SHAPE,
              "value_gap: simulated values (1), log omega (2), real values (2)");
    tide_tape_destroy(tape);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, subnormal_numbers_survive);
    tcase_add_test(tests, the_dynamics_ratio_is_held_in_its_range);
    tcase_add_test(tests, the_gap_is_the_clipped_mean_of_log_ratios);
    tcase_add_test(tests, omega_sums_to_one_and_its_logarithm_stays_finite);
    tcase_add_test(tests, omega_refuses_what_is_no_gap);
    tcase_add_test(tests, scatter_adds_scaled_noise_to_repeated_states);
    tcase_add_test(tests, the_value_gap_matches_its_formula_and_differences);
    tcase_add_test(tests, the_value_gap_of_large_values_does_not_overflow);
}

int main(void)
{
    return testing_run("h2o", add);
}
