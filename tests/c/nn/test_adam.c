/* Adam against its algorithm in double. */
#include "../testing.h"

#include "base/alloc.h"
#include "nn/adam.h"

enum { N = 37, BLOCKS = 3 };

static tide_parameters *blocks[BLOCKS];
static tide_rng rng;

static void begin(void)
{
    rng = testing_rng("adam");
    for (size_t b = 0; b < BLOCKS; b++) {
        MUST(tide_parameters_create(&blocks[b], N + b));
        tide_rng_normal(&rng, blocks[b]->values, N + b);
    }
}

static void end(void)
{
    for (size_t b = 0; b < BLOCKS; b++)
        tide_parameters_destroy(blocks[b]);
}

static void draw_gradients(size_t b, double size)
{
    tide_rng_normal(&rng, blocks[b]->gradients, blocks[b]->count);
    for (size_t i = 0; i < blocks[b]->count; i++)
        blocks[b]->gradients[i] *= (float)size;
    blocks[b]->has_gradient = true;
}

START_TEST(steps_follow_the_algorithm_in_double)
{
    static const double sizes[] = {1.0, 1e-6, 1e4};
    tide_adam *adam;
    const double lr = 3e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
    MUST(tide_adam_create(&adam, blocks, BLOCKS, lr, beta1, beta2, epsilon));
    static double p[BLOCKS][N + BLOCKS], m[BLOCKS][N + BLOCKS], v[BLOCKS][N + BLOCKS];
    for (size_t b = 0; b < BLOCKS; b++)
        for (size_t i = 0; i < blocks[b]->count; i++)
            p[b][i] = (double)blocks[b]->values[i];
    for (int t = 1; t <= 1000; t++) {
        for (size_t b = 0; b < BLOCKS; b++) {
            draw_gradients(b, sizes[b]);
            for (size_t i = 0; i < blocks[b]->count; i++) {
                double g = (double)blocks[b]->gradients[i];
                m[b][i] = beta1 * m[b][i] + (1.0 - beta1) * g;
                v[b][i] = beta2 * v[b][i] + (1.0 - beta2) * g * g;
                double m_hat = m[b][i] / (1.0 - pow(beta1, t)), v_hat = v[b][i] / (1.0 - pow(beta2, t));
                p[b][i] -= lr * m_hat / (sqrt(v_hat) + epsilon);
            }
        }
        MUST(tide_adam_step(adam));
        for (size_t b = 0; b < BLOCKS; b++)
            for (size_t i = 0; i < blocks[b]->count; i++)
                NEAR(blocks[b]->values[i], p[b][i], 1e-6 * t, 2e-8 * t);
    }
    EXPECT(adam->steps == 1000);
    tide_adam_destroy(adam);
}
END_TEST

START_TEST(the_first_step_is_the_rate_along_the_sign)
{
    tide_adam *adam;
    MUST(tide_adam_create(&adam, blocks, 1, 0.01, 0.9, 0.999, 1e-8));
    float before[N];
    memcpy(before, blocks[0]->values, sizeof before);
    draw_gradients(0, 1.0);
    MUST(tide_adam_step(adam));
    for (size_t i = 0; i < N; i++)
        NEAR(blocks[0]->values[i] - before[i], -0.01 * copysign(1.0, (double)blocks[0]->gradients[i]), 1e-4, 1e-6);
    tide_adam_destroy(adam);
}
END_TEST

START_TEST(blocks_without_a_gradient_stay)
{
    tide_adam *adam;
    MUST(tide_adam_create(&adam, blocks, BLOCKS, 0.01, 0.9, 0.999, 1e-8));
    float before[N + 1];
    memcpy(before, blocks[1]->values, sizeof before);
    uint64_t version = blocks[1]->version, other = blocks[2]->version;
    draw_gradients(0, 1.0);
    draw_gradients(2, 1.0);
    MUST(tide_adam_step(adam));
    ck_assert_mem_eq(blocks[1]->values, before, sizeof before);
    EXPECT(blocks[1]->version == version && blocks[2]->version == other + 1);
    EXPECT(!blocks[0]->has_gradient && !blocks[2]->has_gradient);
    tide_adam_destroy(adam);
}
END_TEST

START_TEST(a_gradient_that_is_not_finite_changes_nothing)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    tide_adam *adam;
    MUST(tide_adam_create(&adam, blocks, 2, 0.01, 0.9, 0.999, 1e-8));
    for (size_t k = 0; k < 3; k++) {
        float before[N];
        memcpy(before, blocks[0]->values, sizeof before);
        draw_gradients(0, 1.0);
        draw_gradients(1, 1.0);
        blocks[1]->gradients[N] = odd[k];
        MUST_FAIL(tide_adam_step(adam), TIDE_NUMERIC, "block 2 of 2 is not finite at step 1");
        ck_assert_mem_eq(blocks[0]->values, before, sizeof before);
        EXPECT(adam->steps == 0 && adam->first[0] == 0.0f);
    }
    tide_adam_forget(adam);
    EXPECT(!blocks[0]->has_gradient && !blocks[1]->has_gradient);
    tide_adam_destroy(adam);
}
END_TEST

START_TEST(a_restored_optimiser_continues_with_the_same_bits)
{
    tide_adam *adam;
    MUST(tide_adam_create(&adam, blocks, 1, 0.01, 0.9, 0.999, 1e-8));
    float gradients[6][N], first[N], second[N], values[N], ended[N];
    for (int t = 0; t < 6; t++) {
        if (t == 3) {
            memcpy(first, adam->first, sizeof first);
            memcpy(second, adam->second, sizeof second);
            memcpy(values, blocks[0]->values, sizeof values);
        }
        draw_gradients(0, 1.0);
        memcpy(gradients[t], blocks[0]->gradients, sizeof gradients[t]);
        MUST(tide_adam_step(adam));
    }
    memcpy(ended, blocks[0]->values, sizeof ended);
    memcpy(blocks[0]->values, values, sizeof values);
    MUST(tide_adam_restore(adam, first, second, 3));
    for (int t = 3; t < 6; t++) {
        memcpy(blocks[0]->gradients, gradients[t], sizeof gradients[t]);
        blocks[0]->has_gradient = true;
        MUST(tide_adam_step(adam));
    }
    ck_assert_mem_eq(blocks[0]->values, ended, sizeof ended);
    first[5] = NAN;
    MUST_FAIL(tide_adam_restore(adam, first, second, 1), TIDE_NUMERIC, "not finite");
    first[5] = 0.0f;
    second[7] = -1.0f;
    MUST_FAIL(tide_adam_restore(adam, first, second, 1), TIDE_NUMERIC, "-1 at place 8");
    EXPECT(adam->steps == 6);
    tide_adam_destroy(adam);
}
END_TEST

START_TEST(steps_allocate_nothing)
{
    tide_adam *adam;
    MUST(tide_adam_create(&adam, blocks, BLOCKS, 0.01, 0.9, 0.999, 1e-8));
    uint64_t before = tide_alloc_total();
    for (int t = 0; t < 10; t++) {
        draw_gradients(0, 1.0);
        MUST(tide_adam_step(adam));
    }
    EXPECT(tide_alloc_total() == before);
    tide_adam_destroy(adam);
    tide_adam_destroy(NULL);
}
END_TEST

START_TEST(rates_that_are_none_are_refused)
{
    static const double wrong[][4] = {{0, 0.9, 0.999, 1e-8},        {-1, 0.9, 0.999, 1e-8},  {NAN, 0.9, 0.999, 1e-8},
                                      {INFINITY, 0.9, 0.999, 1e-8}, {0.1, 1.0, 0.999, 1e-8}, {0.1, 0.9, NAN, 1e-8},
                                      {0.1, -0.1, 0.999, 1e-8},     {0.1, 0.9, 0.999, 0.0}};
    tide_adam *adam;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        MUST_FAIL(tide_adam_create(&adam, blocks, 1, wrong[i][0], wrong[i][1], wrong[i][2], wrong[i][3]), TIDE_ARGUMENT,
                  "are not rates");
    MUST_FAIL(tide_adam_create(&adam, blocks, 0, 0.1, 0.9, 0.999, 1e-8), TIDE_ARGUMENT, "no parameters");
    tide_parameters *twice[] = {blocks[0], blocks[1], blocks[0]};
    MUST_FAIL(tide_adam_create(&adam, twice, 3, 0.1, 0.9, 0.999, 1e-8), TIDE_ARGUMENT, "1 and 3 are the same");
    ck_assert_ptr_null(adam);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, steps_follow_the_algorithm_in_double);
    tcase_add_test(tests, the_first_step_is_the_rate_along_the_sign);
    tcase_add_test(tests, blocks_without_a_gradient_stay);
    tcase_add_test(tests, a_gradient_that_is_not_finite_changes_nothing);
    tcase_add_test(tests, a_restored_optimiser_continues_with_the_same_bits);
    tcase_add_test(tests, steps_allocate_nothing);
    tcase_add_test(tests, rates_that_are_none_are_refused);
}

int main(void)
{
    return testing_run("adam", add);
}
