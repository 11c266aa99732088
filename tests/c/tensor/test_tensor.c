/* Shapes: counting, overflow, text; finite or not. */
#include "../testing.h"

#include "tensor/tensor.h"

static tide_tensor of(size_t rank, size_t a, size_t b, size_t c)
{
    return tide_tensor_make(NULL, rank, (const size_t[]){a, b, c});
}

START_TEST(counts_rows_and_row_sizes)
{
    tide_tensor scalar = of(0, 0, 0, 0), vector = of(1, 5, 0, 0), cube = of(3, 2, 3, 4), empty = of(2, 0, 3, 0);
    ck_assert_uint_eq(tide_tensor_count(&scalar), 1);
    ck_assert_uint_eq(tide_tensor_rows(&scalar), 1);
    ck_assert_uint_eq(tide_tensor_count(&vector), 5);
    ck_assert_uint_eq(tide_tensor_row_size(&vector), 1);
    ck_assert_uint_eq(tide_tensor_count(&cube), 24);
    ck_assert_uint_eq(tide_tensor_rows(&cube), 2);
    ck_assert_uint_eq(tide_tensor_row_size(&cube), 12);
    ck_assert_uint_eq(tide_tensor_count(&empty), 0);
}
END_TEST

START_TEST(shapes_differ_by_rank_too)
{
    tide_tensor a = of(1, 3, 0, 0), b = of(2, 3, 1, 0), c = of(1, 3, 9, 9);
    EXPECT(!tide_tensor_same_shape(&a, &b));
    EXPECT(tide_tensor_same_shape(&a, &c));
}
END_TEST

START_TEST(shape_text_holds_the_largest_shape)
{
    char text[TIDE_SHAPE_TEXT];
    tide_tensor scalar = of(0, 0, 0, 0), matrix = of(2, 256, 17, 0), huge = of(3, SIZE_MAX, SIZE_MAX, SIZE_MAX);
    ck_assert_str_eq(tide_tensor_shape_text(&scalar, text), "()");
    ck_assert_str_eq(tide_tensor_shape_text(&matrix, text), "(256, 17)");
    ck_assert_str_eq(tide_tensor_shape_text(&huge, text),
                     "(18446744073709551615, 18446744073709551615, 18446744073709551615)");
}
END_TEST

START_TEST(dimensions_that_overflow_are_refused)
{
    size_t count = 1;
    MUST(tide_tensor_check_dims(3, (const size_t[]){2, 3, 4}, &count));
    ck_assert_uint_eq(count, 24);
    MUST(tide_tensor_check_dims(0, NULL, &count));
    ck_assert_uint_eq(count, 1);
    MUST(tide_tensor_check_dims(2, (const size_t[]){0, 5}, &count));
    ck_assert_uint_eq(count, 0);
    MUST_FAIL(tide_tensor_check_dims(4, (const size_t[]){1, 1, 1, 1}, &count), TIDE_ARGUMENT, "4 dimensions");
    MUST_FAIL(tide_tensor_check_dims(1, (const size_t[]){SIZE_MAX}, &count), TIDE_MEMORY, "dimension 1");
    MUST_FAIL(tide_tensor_check_dims(3, (const size_t[]){1 << 30, 1 << 30, 8}, &count), TIDE_MEMORY, "dimension 3");
    /* no elements, but rows whose size would overflow */
    MUST_FAIL(tide_tensor_check_dims(3, (const size_t[]){0, 1u << 31, 1u << 31}, &count), TIDE_MEMORY, "dimension 2");
}
END_TEST

START_TEST(one_element_makes_a_tensor_infinite)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    float data[37] = {0};
    size_t n = 37;
    tide_tensor t = tide_tensor_make(data, 1, &n);
    data[3] = -3.4e38f;
    data[4] = 1e-45f;
    EXPECT(tide_tensor_is_finite(&t));
    for (size_t i = 0; i < 37; i++) {
        for (size_t k = 0; k < 3; k++) {
            float kept = data[i];
            data[i] = odd[k];
            EXPECT(!tide_tensor_is_finite(&t));
            data[i] = kept;
        }
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, counts_rows_and_row_sizes);
    tcase_add_test(tests, shapes_differ_by_rank_too);
    tcase_add_test(tests, shape_text_holds_the_largest_shape);
    tcase_add_test(tests, dimensions_that_overflow_are_refused);
    tcase_add_test(tests, one_element_makes_a_tensor_infinite);
}

int main(void)
{
    return testing_run("tensor", add);
}
