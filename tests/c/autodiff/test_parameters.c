/* Blocks of parameters: their memory, joining, Polyak averaging. */
#include "../testing.h"

#include "autodiff/parameters.h"
#include "base/alloc.h"

static tide_parameters *block(size_t count, float first)
{
    tide_parameters *b;
    MUST(tide_parameters_create(&b, count));
    for (size_t i = 0; i < count; i++) {
        EXPECT(b->values[i] == 0.0f && b->gradients[i] == 0.0f);
        b->values[i] = first + (float)i;
    }
    return b;
}

START_TEST(joined_blocks_keep_values_and_forget_gradients)
{
    tide_parameters *a = block(5, 1.0f), *b = block(33, 100.0f), *blocks[] = {a, b};
    a->gradients[0] = 7.0f;
    a->has_gradient = true;
    uint64_t version = a->version;
    MUST(tide_parameters_join(blocks, 2));
    EXPECT(!a->has_gradient && a->version != version);
    EXPECT(a->values[4] == 5.0f && b->values[32] == 132.0f && a->gradients[0] == 0.0f);
    ck_assert_ptr_eq(b->values, a->values + 16); /* the next cache line */
    ck_assert_uint_eq((uintptr_t)b->values % 64, 0);
    tide_parameters_destroy(a); /* b's half stays */
    EXPECT(b->values[0] == 100.0f);
    MUST(tide_parameters_join(&b, 1));
    EXPECT(b->values[32] == 132.0f);
    tide_parameters_destroy(b);
    tide_parameters_destroy(NULL);
}
END_TEST

START_TEST(held_memory_outlives_its_block)
{
    tide_parameters *a = block(5, 1.0f);
    const float *values = a->values;
    tide_storage *held = tide_parameters_hold(a);
    MUST(tide_parameters_join(&a, 1));
    ck_assert_ptr_ne(values, a->values);
    a->values[0] = 9.0f;
    tide_parameters_destroy(a);
    EXPECT(values[0] == 1.0f && values[4] == 5.0f);
    tide_parameters_let_go(held);
}
END_TEST

START_TEST(polyak_averages_towards_the_source)
{
    enum { N = 37 };
    tide_parameters *target = block(N, 1.0f), *source = block(N, -3.0f), *other = block(N + 1, 0.0f);
    float expected[N];
    for (size_t i = 0; i < N; i++)
        expected[i] = target->values[i];
    for (int round = 0; round < 100; round++) {
        uint64_t version = target->version;
        MUST(tide_parameters_polyak(target, source, 0.005f));
        EXPECT(target->version == version + 1);
        for (size_t i = 0; i < N; i++) {
            expected[i] += 0.005f * (source->values[i] - expected[i]);
            NEAR(target->values[i], expected[i], 1e-6, 0.0);
        }
    }
    for (size_t i = 0; i < N; i++) /* the closed form, in double */
        NEAR(target->values[i], (double)source->values[i] + 4.0 * pow(0.995, 100.0), 1e-5, 1e-5);
    MUST(tide_parameters_polyak(target, source, 1.0f));
    ck_assert_mem_eq(target->values, source->values, N * sizeof(float));
    MUST(tide_parameters_polyak(target, source, 0.0f));
    MUST(tide_parameters_polyak(target, target, 0.5f));
    ck_assert_mem_eq(target->values, source->values, N * sizeof(float));
    MUST_FAIL(tide_parameters_polyak(target, other, 0.5f), TIDE_SHAPE, "37 parameters, the source 38");
    tide_parameters_destroy(target);
    tide_parameters_destroy(source);
    tide_parameters_destroy(other);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, joined_blocks_keep_values_and_forget_gradients);
    tcase_add_test(tests, held_memory_outlives_its_block);
    tcase_add_test(tests, polyak_averages_towards_the_source);
}

int main(void)
{
    return testing_run("parameters", add);
}
