/* Every op's gradient against central differences, over shapes that broadcast, reduce, split and join. */
#include "../gradients.h"

#include "autodiff/shape.h"

static tide_rng rng;

static void seed(void)
{
    rng = testing_rng("gradients");
}

static gradient_case begin(void)
{
    rng.stream++; /* other inputs for every case */
    return gradient_begin(rng);
}

typedef struct shape {
    size_t rank, dims[3];
} shape;

static size_t input(gradient_case *g, shape s, float low, float high, float gap)
{
    return gradient_input(g, s.rank, s.dims, low, high, gap);
}

/* ---- two operands ---- */

static void apply_binary(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    MUST(tide_binary_op(tape, *(const tide_binary *)context, in[0], in[1], out));
}

static const shape pairs[][2] = {
    {{2, {3, 4}}, {2, {3, 4}}},       {{2, {3, 4}}, {1, {4}}},       {{1, {4}}, {2, {3, 4}}},
    {{2, {3, 4}}, {2, {3, 1}}},       {{2, {3, 1}}, {2, {3, 4}}},    {{2, {3, 4}}, {0, {0}}},
    {{0, {0}}, {2, {3, 4}}},          {{0, {0}}, {0, {0}}},          {{1, {1}}, {1, {5}}},
    {{2, {3, 4}}, {2, {1, 4}}},       {{2, {3, 4}}, {2, {1, 1}}},    {{2, {3, 1}}, {1, {1}}},
    {{3, {2, 3, 4}}, {1, {4}}},       {{3, {2, 3, 4}}, {2, {3, 4}}}, {{3, {2, 3, 4}}, {3, {1, 3, 1}}},
    {{3, {2, 1, 4}}, {3, {2, 3, 4}}}, {{0, {0}}, {3, {2, 3, 4}}},    {{3, {2, 3, 4}}, {2, {3, 1}}},
};
enum { N_PAIRS = sizeof pairs / sizeof pairs[0] };

/* min and max have a kink where the operands meet: `a` is kept off the grid of `b`. */
static void part_operands(gradient_case *g)
{
    for (size_t k = 0; k < g->blocks[0]->count; k++)
        g->blocks[0]->values[k] = floorf(g->blocks[0]->values[k] * 4.0f) / 4.0f + 0.125f;
    for (size_t k = 0; k < g->blocks[1]->count; k++)
        g->blocks[1]->values[k] = floorf(g->blocks[1]->values[k] * 4.0f) / 4.0f;
}

START_TEST(arithmetic)
{
    for (int kind = TIDE_ADD; kind <= TIDE_MAXIMUM; kind++) {
        tide_binary binary = (tide_binary)kind;
        for (size_t p = 0; p < N_PAIRS; p++) {
            gradient_case g = begin();
            input(&g, pairs[p][0], -2.0f, 2.0f, 0.0f);
            input(&g, pairs[p][1], -2.0f, 2.0f, binary == TIDE_DIVIDE ? 0.7f : 0.0f);
            if (binary == TIDE_MINIMUM || binary == TIDE_MAXIMUM)
                part_operands(&g);
            gradient_check(&g, tide_binary_name(binary), apply_binary, &binary, 2e-4);
            gradient_end(&g);
        }
    }
}
END_TEST

static void apply_self(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    MUST(tide_binary_op(tape, *(const tide_binary *)context, in[0], in[0], out));
}

START_TEST(an_operand_used_twice)
{
    static const tide_binary kinds[] = {TIDE_ADD, TIDE_SUBTRACT, TIDE_MULTIPLY, TIDE_DIVIDE};
    for (size_t i = 0; i < 4; i++) {
        gradient_case g = begin();
        input(&g, (shape){2, {3, 4}}, -2.0f, 2.0f, 0.7f);
        gradient_check(&g, tide_binary_name(kinds[i]), apply_self, &kinds[i], 2e-4);
        gradient_end(&g);
    }
}
END_TEST

/* ---- one operand ---- */

static void apply_unary(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    MUST(tide_unary_op(tape, *(const tide_unary *)context, in[0], out));
}

START_TEST(functions)
{
    static const struct {
        tide_unary kind;
        const char *name;
        float low, high, gap;
    } cases[] = {
        {TIDE_NEGATE, "negate", -3, 3, 0},   {TIDE_EXP, "exp", -2, 2, 0},         {TIDE_LOG, "log", 0.3f, 4, 0},
        {TIDE_SQRT, "sqrt", 0.3f, 4, 0},     {TIDE_SQUARE, "square", -2, 2, 0},   {TIDE_TANH, "tanh", -3, 3, 0},
        {TIDE_RELU, "relu", -2, 2, 0.1f},    {TIDE_SIGMOID, "sigmoid", -4, 4, 0}, {TIDE_SOFTPLUS, "softplus", -4, 4, 0},
        {TIDE_ABSOLUTE, "abs", -2, 2, 0.1f},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gradient_case g = begin();
        input(&g, (shape){2, {5, 7}}, cases[i].low, cases[i].high, cases[i].gap);
        gradient_check(&g, cases[i].name, apply_unary, &cases[i].kind, 2e-4);
        gradient_end(&g);
    }
}
END_TEST

static void apply_affine(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_affine(tape, in[0], -2.5f, 0.75f, out));
}

static void apply_clamp(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_clamp(tape, in[0], -0.9f, 1.1f, out));
}

START_TEST(affine_and_clamp)
{
    gradient_case g = begin();
    size_t at = input(&g, (shape){3, {2, 3, 5}}, -2.0f, 2.0f, 0.0f);
    gradient_check(&g, "affine", apply_affine, NULL, 2e-4);
    for (size_t k = 0; k < g.blocks[at]->count; k++) /* away from both ends */
        g.blocks[at]->values[k] = roundf(g.blocks[at]->values[k] * 2.0f) / 2.0f;
    gradient_check(&g, "clamp", apply_clamp, NULL, 2e-4);
    gradient_end(&g);
}
END_TEST

/* ---- reductions and losses ---- */

typedef struct reduction {
    tide_reduction kind;
    int axis;
} reduction;

static void apply_reduction(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    const reduction *r = context;
    MUST(tide_reduce(tape, r->kind, in[0], r->axis, out));
}

START_TEST(reductions_over_every_axis)
{
    static const shape shapes[] = {{0, {0}}, {1, {6}}, {2, {3, 5}}, {3, {2, 3, 4}}, {2, {1, 4}}, {2, {4, 1}}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        for (int kind = TIDE_SUM; kind <= TIDE_LOGSUMEXP; kind++) {
            for (int axis = TIDE_ALL; axis < (int)shapes[s].rank; axis++) {
                gradient_case g = begin();
                input(&g, shapes[s], -3.0f, 3.0f, 0.0f);
                gradient_check(&g, "reduction", apply_reduction, &(reduction){(tide_reduction)kind, axis}, 2e-4);
                gradient_end(&g);
            }
        }
    }
}
END_TEST

/* Target and weights of the losses are constants: data. */
enum { MSE, HUBER, EXPECTILE, N_LOSSES };

typedef struct loss {
    const float *target, *weights;
    int kind;
} loss;

static void apply_loss(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    const loss *l = context;
    tide_tensor t = in[0]->tensor;
    tide_value *target, *weights = NULL;
    t.data = (float *)(uintptr_t)l->target;
    MUST(tide_tape_leaf(tape, &t, &target));
    if (l->weights != NULL) {
        t.data = (float *)(uintptr_t)l->weights;
        MUST(tide_tape_leaf(tape, &t, &weights));
    }
    switch (l->kind) {
    case MSE: MUST(tide_mse(tape, in[0], target, weights, out)); break;
    case HUBER: MUST(tide_huber(tape, in[0], target, weights, 0.8f, out)); break;
    case EXPECTILE: MUST(tide_expectile(tape, in[0], target, weights, 0.85f, out)); break;
    }
}

START_TEST(regression_losses)
{
    float target[12], weights[12];
    tide_rng_uniform(&rng, target, 12, -1.0f, 1.0f);
    tide_rng_uniform(&rng, weights, 12, 0.0f, 3.0f);
    for (int i = 0; i < 2 * N_LOSSES; i++) {
        gradient_case g = begin();
        size_t at = input(&g, (shape){2, {3, 4}}, -2.0f, 2.0f, 0.0f);
        for (size_t k = 0; k < 12; k++) { /* errors away from where a second derivative jumps: Huber's threshold, 0 */
            float *x = &g.blocks[at]->values[k], d = *x - target[k];
            if (fabsf(fabsf(d) - 0.8f) < 0.1f || fabsf(d) < 0.1f)
                *x += copysignf(0.2f, d);
        }
        gradient_check(&g, "loss", apply_loss, &(loss){target, i % 2 != 0 ? weights : NULL, i / 2}, 2e-4);
        gradient_end(&g);
    }
}
END_TEST

static void apply_cross_entropy(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    static float labels[] = {2, 0, 1, 1};
    const size_t n = 4;
    tide_tensor t = tide_tensor_make(labels, 1, &n);
    MUST(tide_cross_entropy(tape, in[0], &t, out));
}

START_TEST(cross_entropy)
{
    gradient_case g = begin();
    input(&g, (shape){2, {4, 3}}, -3.0f, 3.0f, 0.0f);
    gradient_check(&g, "cross_entropy", apply_cross_entropy, NULL, 2e-4);
    gradient_end(&g);
}
END_TEST

/* ---- shapes ---- */

static void apply_rows(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_rows(tape, in[0], 1, 2, out));
}

static void apply_columns(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_columns(tape, in[0], 2, 3, out));
}

static void apply_pick(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    static float positions[] = {2, 0, 4, 2};
    const size_t n = 4;
    tide_tensor t = tide_tensor_make(positions, 1, &n);
    MUST(tide_pick(tape, in[0], &t, out));
}

static void apply_reshape(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_reshape(tape, in[0], 3, (const size_t[]){2, 5, 2}, out));
}

static void apply_repeat(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_repeat_rows(tape, in[0], 3, out));
}

/* Overlapping views of one input, joined. */
static void apply_overlap(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    tide_value *parts[3];
    MUST(tide_rows(tape, in[0], 0, 3, &parts[0]));
    MUST(tide_rows(tape, in[0], 2, 2, &parts[1]));
    parts[2] = in[0];
    MUST(tide_concat_rows(tape, parts, 3, out));
}

START_TEST(views_and_repeats)
{
    static const struct {
        const char *name;
        gradient_function *function;
    } cases[] = {{"rows", apply_rows},       {"columns", apply_columns},    {"pick", apply_pick},
                 {"reshape", apply_reshape}, {"repeat_rows", apply_repeat}, {"overlapping rows", apply_overlap}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        gradient_case g = begin();
        input(&g, (shape){2, {4, 5}}, -1.0f, 1.0f, 0.0f);
        gradient_check(&g, cases[i].name, cases[i].function, NULL, 2e-4);
        gradient_end(&g);
    }
}
END_TEST

static void apply_concat_rows(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_concat_rows(tape, in, 3, out));
}

static void apply_concat_columns(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    MUST(tide_concat_columns(tape, in, 3, out));
}

START_TEST(joins)
{
    gradient_case g = begin();
    for (size_t rows = 1; rows <= 3; rows++)
        input(&g, (shape){3, {rows, 2, 3}}, -1.0f, 1.0f, 0.0f);
    gradient_check(&g, "concat_rows", apply_concat_rows, NULL, 2e-4);
    gradient_end(&g);
    g = begin();
    for (size_t columns = 1; columns <= 3; columns++)
        input(&g, (shape){2, {4, columns}}, -1.0f, 1.0f, 0.0f);
    gradient_check(&g, "concat_columns", apply_concat_columns, NULL, 2e-4);
    gradient_end(&g);
}
END_TEST

/* A deeper graph with a diamond: tanh(x) used by two branches that meet again. */
static void apply_diamond(tide_tape *tape, tide_value **in, tide_value **out, const void *context)
{
    (void)context;
    tide_value *t, *e, *s, *p;
    MUST(tide_unary_op(tape, TIDE_TANH, in[0], &t));
    MUST(tide_unary_op(tape, TIDE_EXP, t, &e));
    MUST(tide_reduce(tape, TIDE_LOGSUMEXP, t, 1, &s));
    MUST(tide_reshape(tape, s, 2, (const size_t[]){3, 1}, &s));
    MUST(tide_binary_op(tape, TIDE_MULTIPLY, e, s, &p));
    MUST(tide_binary_op(tape, TIDE_SUBTRACT, p, t, out));
}

START_TEST(branches_that_meet_again)
{
    gradient_case g = begin();
    input(&g, (shape){2, {3, 4}}, -1.5f, 1.5f, 0.0f);
    gradient_check(&g, "diamond", apply_diamond, NULL, 3e-4);
    gradient_end(&g);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, arithmetic);
    tcase_add_test(tests, an_operand_used_twice);
    tcase_add_test(tests, functions);
    tcase_add_test(tests, affine_and_clamp);
    tcase_add_test(tests, reductions_over_every_axis);
    tcase_add_test(tests, regression_losses);
    tcase_add_test(tests, cross_entropy);
    tcase_add_test(tests, views_and_repeats);
    tcase_add_test(tests, joins);
    tcase_add_test(tests, branches_that_meet_again);
}

int main(void)
{
    return testing_run("gradients", add);
}
