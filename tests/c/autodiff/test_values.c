/* What ops compute, against plain loops in double; special numbers; what they refuse. */
#include "../testing.h"

#include "autodiff/elementwise.h"
#include "autodiff/reduce.h"
#include "autodiff/shape.h"

static tide_tape *tape;
static tide_rng rng;

static void begin(void)
{
    rng = testing_rng("values");
    MUST(tide_tape_create(&tape));
}

static void end(void)
{
    tide_tape_destroy(tape);
}

static tide_value *value(size_t rank, size_t a, size_t b, size_t c)
{
    tide_value *v;
    MUST(tide_tape_fresh(tape, rank, (const size_t[]){a, b, c}, &v));
    tide_rng_uniform(&rng, v->tensor.data, tide_tensor_count(&v->tensor), -2.0f, 2.0f);
    return v;
}

static tide_value *vector(size_t n, const float *elements)
{
    tide_value *v;
    MUST(tide_tape_fresh(tape, 1, &n, &v));
    memcpy(v->tensor.data, elements, n * sizeof *elements);
    return v;
}

static double reference(tide_binary kind, double x, double y)
{
    switch (kind) {
    case TIDE_ADD: return x + y;
    case TIDE_SUBTRACT: return x - y;
    case TIDE_MULTIPLY: return x * y;
    case TIDE_DIVIDE: return x / y;
    case TIDE_MINIMUM: return fmin(x, y);
    case TIDE_MAXIMUM: return fmax(x, y);
    }
    return NAN;
}

/* Element (i, j, k) of a tensor aligned at its last dimension, repeated where it has size 1. */
static double element(const tide_tensor *t, const size_t at[3])
{
    size_t place = 0;
    for (size_t d = 0; d < t->rank; d++) {
        size_t index = at[3 - t->rank + d];
        place = place * t->dims[d] + (t->dims[d] == 1 ? 0 : index);
    }
    return (double)t->data[place];
}

START_TEST(arithmetic_broadcasts_as_told)
{
    static const struct {
        size_t rank, dims[3];
    } small[] = {{3, {2, 3, 4}}, {3, {1, 3, 4}}, {3, {2, 1, 4}}, {3, {2, 3, 1}}, {3, {1, 1, 4}}, {3, {1, 1, 1}},
                 {2, {3, 4}},    {2, {1, 4}},    {2, {3, 1}},    {1, {4}},       {1, {1}},       {0, {0}}};
    for (int kind = TIDE_ADD; kind <= TIDE_MAXIMUM; kind++) {
        for (size_t s = 0; s < sizeof small / sizeof small[0]; s++) {
            for (int swapped = 0; swapped < 2; swapped++) {
                tide_value *big = value(3, 2, 3, 4), *out;
                tide_value *other = value(small[s].rank, small[s].dims[0], small[s].dims[1], small[s].dims[2]);
                tide_value *a = swapped ? other : big, *b = swapped ? big : other;
                MUST(tide_binary_op(tape, (tide_binary)kind, a, b, &out));
                EXPECT(tide_tensor_same_shape(&out->tensor, &big->tensor));
                for (size_t n = 0; n < 24; n++) {
                    const size_t at[3] = {n / 12, n / 4 % 3, n % 4};
                    NEAR(out->tensor.data[n],
                         reference((tide_binary)kind, element(&a->tensor, at), element(&b->tensor, at)), 1e-6, 1e-7);
                }
            }
        }
    }
}
END_TEST

START_TEST(shapes_that_would_both_grow_are_refused)
{
    tide_value *out;
    MUST_FAIL(tide_binary_op(tape, TIDE_ADD, value(1, 256, 0, 0), value(2, 256, 1, 0), &out), TIDE_SHAPE,
              "add: shapes (256) and (256, 1)");
    MUST_FAIL(tide_binary_op(tape, TIDE_MAXIMUM, value(2, 3, 1, 0), value(2, 1, 4, 0), &out), TIDE_SHAPE,
              "max: shapes");
    MUST_FAIL(tide_binary_op(tape, TIDE_MULTIPLY, value(2, 3, 4, 0), value(1, 3, 0, 0), &out), TIDE_SHAPE,
              "(3, 4) and (3)");
    MUST_FAIL(tide_binary_op(tape, TIDE_DIVIDE, value(1, 3, 0, 0), value(1, 4, 0, 0), &out), TIDE_SHAPE, "(3) and (4)");
    MUST(tide_binary_op(tape, TIDE_ADD, value(2, 0, 3, 0), value(1, 3, 0, 0), &out)); /* no rows are rows too */
    ck_assert_uint_eq(tide_tensor_count(&out->tensor), 0);
}
END_TEST

START_TEST(min_and_max_pass_nan_from_either_side)
{
    const float x[] = {NAN, 1.0f, NAN, 2.0f}, y[] = {1.0f, NAN, NAN, 3.0f};
    tide_value *out;
    for (int kind = TIDE_MINIMUM; kind <= TIDE_MAXIMUM; kind++) {
        MUST(tide_binary_op(tape, (tide_binary)kind, vector(4, x), vector(4, y), &out));
        for (size_t i = 0; i < 3; i++)
            EXPECT(isnan(out->tensor.data[i]));
        EXPECT(!isnan(out->tensor.data[3]));
        /* and against one repeated element */
        MUST(tide_binary_op(tape, (tide_binary)kind, vector(4, x), vector(1, y), &out));
        EXPECT(isnan(out->tensor.data[0]) && out->tensor.data[1] == 1.0f);
        MUST(tide_binary_op(tape, (tide_binary)kind, vector(1, x), vector(4, y), &out));
        for (size_t i = 0; i < 4; i++)
            EXPECT(isnan(out->tensor.data[i]));
    }
}
END_TEST

START_TEST(functions_of_special_numbers)
{
    const float x[] = {NAN, INFINITY, -INFINITY, 0.0f, -1.0f, 100.0f, -200.0f};
    tide_value *out;
#define APPLY(kind) MUST(tide_unary_op(tape, kind, vector(7, x), &out))
#define GOT(i) out->tensor.data[i]
    for (int kind = TIDE_NEGATE; kind <= TIDE_ABSOLUTE; kind++) {
        APPLY((tide_unary)kind);
        ck_assert_msg(isnan(GOT(0)), "function %d loses NaN", kind);
    }
    APPLY(TIDE_EXP);
    EXPECT(GOT(1) == INFINITY && GOT(2) == 0.0f && GOT(3) == 1.0f && GOT(5) == INFINITY && GOT(6) == 0.0f);
    APPLY(TIDE_LOG);
    EXPECT(GOT(1) == INFINITY && isnan(GOT(2)) && GOT(3) == -INFINITY && isnan(GOT(4)));
    APPLY(TIDE_SQRT);
    EXPECT(GOT(1) == INFINITY && GOT(3) == 0.0f && isnan(GOT(4)));
    APPLY(TIDE_TANH);
    EXPECT(GOT(1) == 1.0f && GOT(2) == -1.0f && GOT(5) == 1.0f && GOT(6) == -1.0f);
    APPLY(TIDE_RELU);
    EXPECT(GOT(1) == INFINITY && GOT(2) == 0.0f && GOT(4) == 0.0f && GOT(5) == 100.0f);
    APPLY(TIDE_SOFTPLUS);
    EXPECT(GOT(1) == INFINITY && GOT(5) == 100.0f && GOT(6) >= 0.0f && GOT(6) < 1e-37f);
    APPLY(TIDE_ABSOLUTE);
    EXPECT(GOT(2) == INFINITY && GOT(4) == 1.0f);
#undef APPLY
#undef GOT
}
END_TEST

START_TEST(clamp_keeps_nan_and_refuses_crossed_ends)
{
    const float x[] = {NAN, -5.0f, 0.5f, 5.0f, -INFINITY, INFINITY};
    tide_value *out;
    MUST(tide_clamp(tape, vector(6, x), -1.0f, 2.0f, &out));
    const float *y = out->tensor.data;
    EXPECT(isnan(y[0]) && y[1] == -1.0f && y[2] == 0.5f && y[3] == 2.0f && y[4] == -1.0f && y[5] == 2.0f);
    MUST_FAIL(tide_clamp(tape, vector(6, x), 2.0f, 1.0f, &out), TIDE_ARGUMENT, "clamp");
    MUST_FAIL(tide_clamp(tape, vector(6, x), NAN, 1.0f, &out), TIDE_ARGUMENT, "clamp");
}
END_TEST

/* Inclusive ends, as PyTorch's clamp; min and max give a tie to the first operand. */
START_TEST(slopes_at_kinks)
{
    tide_parameters *p, *q;
    const size_t n = 3;
    MUST(tide_parameters_create(&p, n));
    MUST(tide_parameters_create(&q, n));
    const float x[] = {-1.0f, 0.0f, 2.0f};
    memcpy(p->values, x, sizeof x);
    memcpy(q->values, x, sizeof x);
    tide_tensor t = tide_tensor_make(p->values, 1, &n), s = tide_tensor_make(q->values, 1, &n);
    tide_value *a, *b, *out, *loss;
    MUST(tide_tape_parameter(tape, p, &t, &a));
    MUST(tide_clamp(tape, a, -1.0f, 2.0f, &out));
    MUST(tide_reduce(tape, TIDE_SUM, out, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    EXPECT(p->gradients[0] == 1.0f && p->gradients[1] == 1.0f && p->gradients[2] == 1.0f);
    p->has_gradient = false;
    for (int kind = TIDE_MINIMUM; kind <= TIDE_MAXIMUM; kind++) {
        MUST(tide_tape_parameter(tape, p, &t, &a));
        MUST(tide_tape_parameter(tape, q, &s, &b));
        MUST(tide_binary_op(tape, (tide_binary)kind, a, b, &out));
        MUST(tide_reduce(tape, TIDE_SUM, out, TIDE_ALL, &loss));
        MUST(tide_tape_backward(tape, loss, NULL, 0, false));
        for (size_t i = 0; i < n; i++)
            EXPECT(p->gradients[i] == 1.0f && q->gradients[i] == 0.0f);
        p->has_gradient = q->has_gradient = false;
    }
    MUST(tide_tape_parameter(tape, p, &t, &a));
    MUST(tide_unary_op(tape, TIDE_RELU, a, &out));
    MUST(tide_unary_op(tape, TIDE_ABSOLUTE, out, &out));
    MUST(tide_reduce(tape, TIDE_SUM, out, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    EXPECT(p->gradients[0] == 0.0f && p->gradients[1] == 0.0f && p->gradients[2] == 1.0f);
    tide_parameters_destroy(p);
    tide_parameters_destroy(q);
}
END_TEST

START_TEST(reductions_match_plain_loops)
{
    for (int kind = TIDE_SUM; kind <= TIDE_LOGSUMEXP; kind++) {
        for (int axis = TIDE_ALL; axis < 3; axis++) {
            tide_value *x = value(3, 3, 5, 7), *out;
            MUST(tide_reduce(tape, (tide_reduction)kind, x, axis, &out));
            double sums[105] = {0};
            size_t results = axis == TIDE_ALL ? 1 : 105 / x->tensor.dims[axis];
            ck_assert_uint_eq(tide_tensor_count(&out->tensor), results);
            ck_assert_uint_eq(out->tensor.rank, axis == TIDE_ALL ? 0 : 2);
            for (size_t i = 0; i < 105; i++) {
                size_t at[3] = {i / 35, i / 7 % 5, i % 7}, place = 0;
                for (int d = 0; d < 3; d++)
                    if (axis != TIDE_ALL && d != axis)
                        place = place * x->tensor.dims[d] + at[d];
                double y = (double)x->tensor.data[i];
                sums[place] += kind == TIDE_LOGSUMEXP ? exp(y) : y;
            }
            for (size_t i = 0; i < results; i++) {
                double n = 105.0 / (double)results;
                double wanted = kind == TIDE_LOGSUMEXP ? log(sums[i]) : kind == TIDE_MEAN ? sums[i] / n : sums[i];
                NEAR(out->tensor.data[i], wanted, 1e-6, 1e-6);
            }
        }
    }
}
END_TEST

START_TEST(reductions_of_large_and_of_many_numbers_keep_their_digits)
{
    tide_value *out;
    const float large[] = {1000.0f, 1001.0f, 999.0f}, none[] = {-INFINITY, -INFINITY, -INFINITY};
    const float some[] = {-INFINITY, 1.0f, -INFINITY}, infinite[] = {0.0f, INFINITY, 1.0f};
    MUST(tide_reduce(tape, TIDE_LOGSUMEXP, vector(3, large), TIDE_ALL, &out));
    NEAR(out->tensor.data[0], 1001.0 + log(exp(-1.0) + 1.0 + exp(-2.0)), 1e-7, 0.0);
    MUST(tide_reduce(tape, TIDE_LOGSUMEXP, vector(3, none), TIDE_ALL, &out));
    EXPECT(out->tensor.data[0] == -INFINITY);
    MUST(tide_reduce(tape, TIDE_LOGSUMEXP, vector(3, some), TIDE_ALL, &out));
    EXPECT(out->tensor.data[0] == 1.0f);
    MUST(tide_reduce(tape, TIDE_LOGSUMEXP, vector(3, infinite), TIDE_ALL, &out));
    EXPECT(out->tensor.data[0] == INFINITY);
    size_t n = 3000000;
    tide_value *many;
    MUST(tide_tape_fresh(tape, 1, &n, &many));
    for (size_t i = 0; i < n; i++)
        many->tensor.data[i] = 0.1f;
    MUST(tide_reduce(tape, TIDE_MEAN, many, TIDE_ALL, &out));
    NEAR(out->tensor.data[0], 0.1f, 1e-6, 0.0);
}
END_TEST

/* A scalar that meets three million elements: its gradient is their sum, and keeps its digits too. */
START_TEST(the_gradient_of_a_repeated_scalar_keeps_its_digits)
{
    tide_parameters *p;
    MUST(tide_parameters_create(&p, 1));
    tide_tensor t = tide_tensor_make(p->values, 0, NULL);
    tide_value *a, *many, *product, *loss;
    size_t n = 3000000;
    MUST(tide_tape_fresh(tape, 1, &n, &many));
    for (size_t i = 0; i < n; i++)
        many->tensor.data[i] = 0.1f;
    MUST(tide_tape_parameter(tape, p, &t, &a));
    MUST(tide_binary_op(tape, TIDE_MULTIPLY, many, a, &product));
    MUST(tide_reduce(tape, TIDE_SUM, product, TIDE_ALL, &loss));
    MUST(tide_tape_backward(tape, loss, NULL, 0, false));
    NEAR(p->gradients[0], 0.1f * (float)n, 1e-5, 0.0);
    tide_parameters_destroy(p);
}
END_TEST

START_TEST(losses_match_their_formulas)
{
    enum { COUNT = 50 };
    tide_value *x = value(1, COUNT, 0, 0), *y = value(1, COUNT, 0, 0), *w = value(1, COUNT, 0, 0), *out;
    double mse = 0.0, weighted = 0.0, huber = 0.0, expectile = 0.0;
    for (size_t i = 0; i < COUNT; i++) {
        w->tensor.data[i] = fabsf(w->tensor.data[i]);
        double d = (double)x->tensor.data[i] - (double)y->tensor.data[i], e = fabs(d);
        mse += d * d / COUNT;
        weighted += (double)w->tensor.data[i] * d * d / COUNT;
        huber += (double)w->tensor.data[i] * (e <= 0.7 ? d * d / 2.0 : 0.7 * (e - 0.35)) / COUNT;
        expectile += (double)w->tensor.data[i] * (d > 0.0 ? 0.3 : 0.7) * d * d / COUNT;
    }
    MUST(tide_mse(tape, x, y, NULL, &out));
    NEAR(out->tensor.data[0], mse, 1e-6, 0.0);
    MUST(tide_mse(tape, x, y, w, &out));
    NEAR(out->tensor.data[0], weighted, 1e-6, 0.0);
    MUST(tide_huber(tape, x, y, w, 0.7f, &out));
    NEAR(out->tensor.data[0], huber, 1e-6, 0.0);
    MUST(tide_expectile(tape, x, y, w, 0.7f, &out));
    NEAR(out->tensor.data[0], expectile, 1e-6, 0.0);
    MUST_FAIL(tide_expectile(tape, x, value(2, COUNT, 1, 0), NULL, 0.7f, &out), TIDE_SHAPE,
              "expectile: the prediction has shape (50)");
    static const float odd[] = {0.0f, 1.0f, -0.5f, NAN};
    for (size_t i = 0; i < 4; i++)
        MUST_FAIL(tide_expectile(tape, x, y, NULL, odd[i], &out), TIDE_ARGUMENT, "expectile: tau is");
    MUST_FAIL(tide_mse(tape, x, value(2, COUNT, 1, 0), NULL, &out), TIDE_SHAPE, "mse: the prediction has shape (50)");
    MUST_FAIL(tide_mse(tape, x, y, value(1, 3, 0, 0), &out), TIDE_SHAPE, "the weights (3)");
    MUST_FAIL(tide_huber(tape, x, y, NULL, 0.0f, &out), TIDE_ARGUMENT, "threshold of 0");
    MUST_FAIL(tide_huber(tape, x, y, NULL, NAN, &out), TIDE_ARGUMENT, "threshold");
    tide_value *nothing = value(1, 0, 0, 0);
    MUST_FAIL(tide_mse(tape, nothing, nothing, NULL, &out), TIDE_SHAPE, "no elements");
}
END_TEST

START_TEST(cross_entropy_matches_its_formula_and_refuses_labels)
{
    tide_value *logits = value(2, 4, 3, 0), *out;
    float labels[] = {0, 1, 2, 1};
    const size_t n = 4;
    tide_tensor t = tide_tensor_make(labels, 1, &n);
    logits->tensor.data[0] = 500.0f; /* no overflow */
    logits->tensor.data[3] = -500.0f;
    MUST(tide_cross_entropy(tape, logits, &t, &out));
    for (size_t i = 0; i < 4; i++) {
        double sum = 0.0;
        const float *row = logits->tensor.data + 3 * i;
        double wanted = (double)row[(size_t)labels[i]];
        for (size_t j = 0; j < 3; j++)
            sum += exp((double)row[j] - wanted);
        NEAR(out->tensor.data[i], log(sum), 1e-6, 1e-6);
    }
    static const float wrong[] = {-1.0f, 3.0f, 0.5f, NAN, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        labels[2] = wrong[i];
        MUST_FAIL(tide_cross_entropy(tape, logits, &t, &out), TIDE_ARGUMENT, "row 3 has label");
    }
    t.dims[0] = 3;
    MUST_FAIL(tide_cross_entropy(tape, logits, &t, &out), TIDE_SHAPE, "logits (4, 3) and labels (3)");
}
END_TEST

START_TEST(argmax_finds_the_first_of_the_largest_and_any_nan)
{
    tide_value *rows = value(2, 4, 3, 0), *out;
    const float elements[] = {1.0f, 3.0f, 2.0f, 5.0f, 5.0f, -5.0f, -3.0f, -2.0f, NAN, -INFINITY, -INFINITY, -4.0f};
    memcpy(rows->tensor.data, elements, sizeof elements);
    MUST(tide_argmax(tape, rows, &out));
    const float wanted[] = {1.0f, 0.0f, 2.0f, 2.0f};
    for (size_t i = 0; i < 4; i++)
        ck_assert_float_eq(out->tensor.data[i], wanted[i]);
    MUST_FAIL(tide_argmax(tape, value(1, 3, 0, 0), &out), TIDE_SHAPE, "argmax: shape (3)");
    MUST_FAIL(tide_argmax(tape, value(2, 3, 0, 0), &out), TIDE_SHAPE, "argmax: shape (3, 0)");
}
END_TEST

START_TEST(pick_takes_one_element_of_each_row_and_refuses_positions)
{
    tide_value *rows = value(2, 4, 3, 0), *out;
    float positions[] = {0, 1, 2, 1};
    const size_t n = 4;
    tide_tensor t = tide_tensor_make(positions, 1, &n);
    MUST(tide_pick(tape, rows, &t, &out));
    for (size_t i = 0; i < 4; i++)
        ck_assert_float_eq(out->tensor.data[i], rows->tensor.data[3 * i + (size_t)positions[i]]);
    static const float wrong[] = {-1.0f, 3.0f, 0.5f, NAN, INFINITY};
    for (size_t i = 0; i < 5; i++) {
        positions[2] = wrong[i];
        MUST_FAIL(tide_pick(tape, rows, &t, &out), TIDE_ARGUMENT, "row 3 has position");
    }
    t.dims[0] = 3;
    MUST_FAIL(tide_pick(tape, rows, &t, &out), TIDE_SHAPE, "positions (3) of shape (4, 3)");
}
END_TEST

START_TEST(axes_and_empty_tensors_are_refused_by_name)
{
    tide_value *out;
    MUST_FAIL(tide_reduce(tape, TIDE_MEAN, value(2, 3, 4, 0), 2, &out), TIDE_ARGUMENT, "mean: axis 3 of shape (3, 4)");
    MUST_FAIL(tide_reduce(tape, TIDE_SUM, value(0, 0, 0, 0), 0, &out), TIDE_ARGUMENT, "sum: axis 1 of shape ()");
    MUST_FAIL(tide_reduce(tape, TIDE_LOGSUMEXP, value(2, 3, 0, 0), 1, &out), TIDE_SHAPE, "no elements in shape (3, 0)");
    MUST_FAIL(tide_reduce(tape, TIDE_SUM, value(2, 0, 3, 0), TIDE_ALL, &out), TIDE_SHAPE, "no elements");
    MUST(tide_reduce(tape, TIDE_SUM, value(2, 0, 3, 0), 1, &out));
    ck_assert_uint_eq(tide_tensor_count(&out->tensor), 0);
}
END_TEST

START_TEST(parts_joins_and_repeats_move_the_right_elements)
{
    tide_value *x = value(2, 4, 5, 0), *y = value(2, 4, 2, 0), *z = value(2, 1, 5, 0), *out;
    MUST(tide_rows(tape, x, 1, 2, &out));
    ck_assert_ptr_eq(out->tensor.data, x->tensor.data + 5);
    MUST(tide_columns(tape, x, 3, 2, &out));
    for (size_t i = 0; i < 8; i++)
        EXPECT(out->tensor.data[i] == x->tensor.data[i / 2 * 5 + 3 + i % 2]);
    MUST(tide_concat_columns(tape, (tide_value *[]){x, y}, 2, &out));
    for (size_t i = 0; i < 28; i++)
        EXPECT(out->tensor.data[i] ==
               (i % 7 < 5 ? x->tensor.data[i / 7 * 5 + i % 7] : y->tensor.data[i / 7 * 2 + i % 7 - 5]));
    MUST(tide_concat_rows(tape, (tide_value *[]){x, z}, 2, &out));
    ck_assert_mem_eq(out->tensor.data, x->tensor.data, 20 * sizeof(float));
    ck_assert_mem_eq(out->tensor.data + 20, z->tensor.data, 5 * sizeof(float));
    MUST(tide_repeat_rows(tape, y, 3, &out));
    for (size_t i = 0; i < 24; i++)
        EXPECT(out->tensor.data[i] == y->tensor.data[i / 2 / 3 * 2 + i % 2]);
    MUST(tide_repeat_rows(tape, y, 0, &out));
    ck_assert_uint_eq(tide_tensor_count(&out->tensor), 0);
}
END_TEST

START_TEST(shapes_that_do_not_fit_are_refused_by_name)
{
    tide_value *x = value(2, 4, 5, 0), *v = value(1, 4, 0, 0), *s = value(0, 0, 0, 0), *out;
    MUST_FAIL(tide_rows(tape, x, 3, 2, &out), TIDE_SHAPE, "rows: 4 .. 5 of shape (4, 5)");
    MUST_FAIL(tide_rows(tape, x, 5, SIZE_MAX, &out), TIDE_SHAPE, "rows");
    MUST_FAIL(tide_rows(tape, s, 0, 1, &out), TIDE_SHAPE, "shape ()");
    MUST_FAIL(tide_columns(tape, x, 4, 2, &out), TIDE_SHAPE, "columns: 5 .. 6 of shape (4, 5)");
    MUST_FAIL(tide_columns(tape, v, 0, 1, &out), TIDE_SHAPE, "shape (4)");
    MUST_FAIL(tide_reshape(tape, x, 2, (const size_t[]){3, 7}, &out), TIDE_SHAPE,
              "(4, 5) has other elements than (3, 7)");
    MUST_FAIL(tide_repeat_rows(tape, s, 2, &out), TIDE_SHAPE, "scalar");
    MUST_FAIL(tide_repeat_rows(tape, x, SIZE_MAX / 2, &out), TIDE_MEMORY, "repeat_rows");
    MUST_FAIL(tide_concat_rows(tape, (tide_value *[]){x, v}, 2, &out), TIDE_SHAPE, "(4, 5) and (4)");
    MUST_FAIL(tide_concat_rows(tape, NULL, 0, &out), TIDE_SHAPE, "concat_rows");
    MUST_FAIL(tide_concat_columns(tape, (tide_value *[]){x, value(2, 3, 5, 0)}, 2, &out), TIDE_SHAPE,
              "(4, 5) and (3, 5)");
    MUST_FAIL(tide_concat_columns(tape, (tide_value *[]){v}, 1, &out), TIDE_SHAPE, "(4)");
    MUST_FAIL(tide_concat_columns(tape, NULL, 0, &out), TIDE_SHAPE, "concat_columns");
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, begin, end);
    tcase_add_test(tests, arithmetic_broadcasts_as_told);
    tcase_add_test(tests, shapes_that_would_both_grow_are_refused);
    tcase_add_test(tests, min_and_max_pass_nan_from_either_side);
    tcase_add_test(tests, functions_of_special_numbers);
    tcase_add_test(tests, clamp_keeps_nan_and_refuses_crossed_ends);
    tcase_add_test(tests, slopes_at_kinks);
    tcase_add_test(tests, reductions_match_plain_loops);
    tcase_add_test(tests, reductions_of_large_and_of_many_numbers_keep_their_digits);
    tcase_add_test(tests, the_gradient_of_a_repeated_scalar_keeps_its_digits);
    tcase_add_test(tests, losses_match_their_formulas);
    tcase_add_test(tests, cross_entropy_matches_its_formula_and_refuses_labels);
    tcase_add_test(tests, argmax_finds_the_first_of_the_largest_and_any_nan);
    tcase_add_test(tests, pick_takes_one_element_of_each_row_and_refuses_positions);
    tcase_add_test(tests, axes_and_empty_tensors_are_refused_by_name);
    tcase_add_test(tests, parts_joins_and_repeats_move_the_right_elements);
    tcase_add_test(tests, shapes_that_do_not_fit_are_refused_by_name);
}

int main(void)
{
    return testing_run("values", add);
}
