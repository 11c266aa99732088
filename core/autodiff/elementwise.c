#include "autodiff/elementwise.h"

#include <math.h>

#include "base/vmath.h"

/* How a result of up to 3 dimensions walks over its two operands: per dimension
 * the size and each operand's step, 0 where the operand is repeated. */
typedef struct pairing {
    size_t dims[3];
    size_t a_step[3], b_step[3];
} pairing;

typedef struct binary_saved {
    pairing walk;
    tide_binary kind;
} binary_saved;

typedef struct unary_saved {
    tide_unary kind;
    float low, high; /* clamp; affine keeps its scale in low */
} unary_saved;

const char *tide_binary_name(tide_binary kind)
{
    static const char *const names[] = {"add", "subtract", "multiply", "divide", "min", "max"};
    return names[kind];
}

static void align_right(const tide_tensor *t, size_t dims[3])
{
    for (size_t i = 0; i < 3; i++)
        dims[i] = 1;
    for (size_t i = 0; i < t->rank; i++)
        dims[3 - t->rank + i] = t->dims[i];
}

static void steps(const size_t dims[3], size_t step[3])
{
    step[2] = dims[2] == 1 ? 0 : 1;
    step[1] = dims[1] == 1 ? 0 : dims[2];
    step[0] = dims[0] == 1 ? 0 : dims[1] * dims[2];
}

/* Pairs the operands; *larger is the one whose shape the result has. */
static tide_status pair(tide_binary kind, const tide_tensor *a, const tide_tensor *b, pairing *walk,
                        const tide_tensor **larger)
{
    if (tide_tensor_same_shape(a, b)) {
        *walk = (pairing){.dims = {1, 1, tide_tensor_count(a)}, .a_step = {0, 0, 1}, .b_step = {0, 0, 1}};
        *larger = a;
        return TIDE_OK;
    }
    size_t a_dims[3], b_dims[3];
    align_right(a, a_dims);
    align_right(b, b_dims);
    int a_is_larger = a->rank >= b->rank, b_is_larger = b->rank >= a->rank;
    for (size_t i = 0; i < 3; i++) {
        a_is_larger = a_is_larger && (b_dims[i] == a_dims[i] || b_dims[i] == 1);
        b_is_larger = b_is_larger && (a_dims[i] == b_dims[i] || a_dims[i] == 1);
        walk->dims[i] = a_dims[i] == 1 ? b_dims[i] : a_dims[i];
    }
    if (!a_is_larger && !b_is_larger) {
        char a_text[TIDE_SHAPE_TEXT], b_text[TIDE_SHAPE_TEXT];
        return tide_fail(TIDE_SHAPE, "%s: shapes %s and %s do not go together", tide_binary_name(kind),
                         tide_tensor_shape_text(a, a_text), tide_tensor_shape_text(b, b_text));
    }
    steps(a_dims, walk->a_step);
    steps(b_dims, walk->b_step);
    *larger = a_is_larger ? a : b;
    return TIDE_OK;
}

/* One run of n elements; a step of 0 repeats one element of that operand. */
#define RUN(expression)                      \
    do {                                     \
        if (a_step != 0 && b_step != 0) {    \
            for (size_t i = 0; i < n; i++) { \
                float x = a[i], y = b[i];    \
                out[i] = (expression);       \
            }                                \
        } else if (a_step != 0) {            \
            float y = b[0];                  \
            for (size_t i = 0; i < n; i++) { \
                float x = a[i];              \
                out[i] = (expression);       \
            }                                \
        } else {                             \
            float x = a[0];                  \
            for (size_t i = 0; i < n; i++) { \
                float y = b[i * b_step];     \
                out[i] = (expression);       \
            }                                \
        }                                    \
    } while (0)

static void binary_run(tide_binary kind, float *restrict out, const float *a, size_t a_step, const float *b,
                       size_t b_step, size_t n)
{
    switch (kind) {
    case TIDE_ADD: RUN(x + y); break;
    case TIDE_SUBTRACT: RUN(x - y); break;
    case TIDE_MULTIPLY: RUN(x * y); break;
    case TIDE_DIVIDE: RUN(x / y); break;
    case TIDE_MINIMUM: RUN(x <= y || x != x ? x : y); break;
    case TIDE_MAXIMUM: RUN(x >= y || x != x ? x : y); break;
    }
}

/* d (x op y) / dx, and / dy. */
static inline float slope_a(tide_binary kind, float x, float y)
{
    switch (kind) {
    case TIDE_ADD:
    case TIDE_SUBTRACT: return 1.0f;
    case TIDE_MULTIPLY: return y;
    case TIDE_DIVIDE: return 1.0f / y;
    case TIDE_MINIMUM: return x <= y ? 1.0f : 0.0f;
    case TIDE_MAXIMUM: return x >= y ? 1.0f : 0.0f;
    }
    return 0.0f;
}

static inline float slope_b(tide_binary kind, float x, float y)
{
    switch (kind) {
    case TIDE_ADD: return 1.0f;
    case TIDE_SUBTRACT: return -1.0f;
    case TIDE_MULTIPLY: return x;
    case TIDE_DIVIDE: return -x / (y * y);
    case TIDE_MINIMUM: return x <= y ? 0.0f : 1.0f;
    case TIDE_MAXIMUM: return x >= y ? 0.0f : 1.0f;
    }
    return 0.0f;
}

/* Adds g times the slope for one operand along one run, to one element where that operand is repeated: then
 * in double, so that a scalar beside a million elements keeps its digits. */
static void backward_run(tide_binary kind, int operand, float *target, size_t target_step, const float *g,
                         const float *a, size_t a_step, const float *b, size_t b_step, size_t n)
{
    double sum = 0.0;
    for (size_t k = 0; k < n; k++) {
        float x = a[k * a_step], y = b[k * b_step];
        float share = g[k] * (operand == 0 ? slope_a(kind, x, y) : slope_b(kind, x, y));
        if (target_step != 0)
            target[k] += share;
        else
            sum += (double)share;
    }
    if (target_step == 0)
        target[0] += (float)sum;
}

static tide_status binary_backward(tide_tape *tape, tide_value *value)
{
    const binary_saved *saved = value->saved;
    const pairing *walk = &saved->walk;
    for (int operand = 0; operand < 2; operand++) {
        tide_value *input = value->inputs[operand];
        if (!input->wanted || !input->tracked)
            continue;
        float *into;
        TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
        const size_t *step = operand == 0 ? walk->a_step : walk->b_step;
        const float *g = value->gradient;
        for (size_t i = 0; i < walk->dims[0]; i++) {
            for (size_t j = 0; j < walk->dims[1]; j++) {
                const float *a = value->inputs[0]->tensor.data + i * walk->a_step[0] + j * walk->a_step[1];
                const float *b = value->inputs[1]->tensor.data + i * walk->b_step[0] + j * walk->b_step[1];
                backward_run(saved->kind, operand, into + i * step[0] + j * step[1], step[2], g, a, walk->a_step[2], b,
                             walk->b_step[2], walk->dims[2]);
                g += walk->dims[2];
            }
        }
    }
    return TIDE_OK;
}

static const tide_op sum_record = {.name = "addition", .backward = binary_backward};
static const tide_op product_record = {.name = "arithmetic", .backward = binary_backward, .reads = true};

tide_status tide_binary_op(tide_tape *tape, tide_binary kind, tide_value *a, tide_value *b, tide_value **out)
{
    pairing walk;
    const tide_tensor *larger = NULL;
    TIDE_TRY(pair(kind, &a->tensor, &b->tensor, &walk, &larger));
    TIDE_TRY(tide_tape_fresh(tape, larger->rank, larger->dims, out));
    float *next = (*out)->tensor.data;
    for (size_t i = 0; i < walk.dims[0]; i++) {
        for (size_t j = 0; j < walk.dims[1]; j++) {
            binary_run(kind, next, a->tensor.data + i * walk.a_step[0] + j * walk.a_step[1], walk.a_step[2],
                       b->tensor.data + i * walk.b_step[0] + j * walk.b_step[1], walk.b_step[2], walk.dims[2]);
            next += walk.dims[2];
        }
    }
    tide_value *inputs[] = {a, b};
    if (!tide_tape_would_record(tape, inputs, 2, NULL))
        return TIDE_OK;
    binary_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    *saved = (binary_saved){.walk = walk, .kind = kind};
    const tide_op *record = kind == TIDE_ADD || kind == TIDE_SUBTRACT ? &sum_record : &product_record;
    return tide_tape_record(tape, *out, record, inputs, 2, NULL, saved);
}

#define EACH(expression)             \
    for (size_t i = 0; i < n; i++) { \
        float x = a[i];              \
        out[i] = (expression);       \
    }                                \
    break

static void unary_run(tide_unary kind, float *restrict out, const float *restrict a, size_t n)
{
    switch (kind) {
    case TIDE_NEGATE: EACH(-x);
    case TIDE_EXP: EACH(expf(x)); /* libm's: overflow and underflow as IEEE has them */
    case TIDE_LOG: EACH(logf(x));
    case TIDE_SQRT: EACH(sqrtf(x));
    case TIDE_SQUARE: EACH(x * x);
    case TIDE_TANH: EACH(tide_tanhf(x));
    case TIDE_RELU: EACH(x > 0.0f || x != x ? x : 0.0f);
    case TIDE_SIGMOID: EACH(tide_sigmoidf(x));
    case TIDE_SOFTPLUS: EACH(tide_softplusf(x));
    case TIDE_ABSOLUTE: EACH(fabsf(x));
    }
}

/* d f(x) / dx, from x and y = f(x). */
static inline float unary_slope(tide_unary kind, float x, float y)
{
    switch (kind) {
    case TIDE_NEGATE: return -1.0f;
    case TIDE_EXP: return y;
    case TIDE_LOG: return 1.0f / x;
    case TIDE_SQRT: return 0.5f / y;
    case TIDE_SQUARE: return 2.0f * x;
    case TIDE_TANH: return 1.0f - y * y;
    case TIDE_RELU: return x > 0.0f ? 1.0f : 0.0f;
    case TIDE_SIGMOID: return y * (1.0f - y);
    case TIDE_SOFTPLUS: return tide_sigmoidf(x);
    case TIDE_ABSOLUTE: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : 0.0f;
    }
    return 0.0f;
}

static tide_status unary_backward(tide_tape *tape, tide_value *value)
{
    const unary_saved *saved = value->saved;
    tide_value *input = value->inputs[0];
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    size_t n = tide_tensor_count(&value->tensor);
    for (size_t i = 0; i < n; i++)
        into[i] += value->gradient[i] * unary_slope(saved->kind, input->tensor.data[i], value->tensor.data[i]);
    return TIDE_OK;
}

static const tide_op unary_record = {.name = "function", .backward = unary_backward, .reads = true};

static tide_status affine_backward(tide_tape *tape, tide_value *value)
{
    float scale = ((const unary_saved *)value->saved)->low, *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, value->inputs[0], &into));
    size_t n = tide_tensor_count(&value->tensor);
    for (size_t i = 0; i < n; i++)
        into[i] += value->gradient[i] * scale;
    return TIDE_OK;
}

static const tide_op affine_record = {.name = "affine", .backward = affine_backward};

static tide_status clamp_backward(tide_tape *tape, tide_value *value)
{
    const unary_saved *saved = value->saved;
    const float *x = value->inputs[0]->tensor.data;
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, value->inputs[0], &into));
    size_t n = tide_tensor_count(&value->tensor);
    for (size_t i = 0; i < n; i++)
        into[i] += x[i] >= saved->low && x[i] <= saved->high ? value->gradient[i] : 0.0f;
    return TIDE_OK;
}

static const tide_op clamp_record = {.name = "clamp", .backward = clamp_backward, .reads = true};

/* Records an op of one input with its small state. */
static tide_status record_unary(tide_tape *tape, tide_value *out, const tide_op *op, tide_value *a, unary_saved state)
{
    if (!tide_tape_would_record(tape, &a, 1, NULL))
        return TIDE_OK;
    unary_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    *saved = state;
    return tide_tape_record(tape, out, op, &a, 1, NULL, saved);
}

tide_status tide_unary_op(tide_tape *tape, tide_unary kind, tide_value *a, tide_value **out)
{
    TIDE_TRY(tide_tape_fresh(tape, a->tensor.rank, a->tensor.dims, out));
    unary_run(kind, (*out)->tensor.data, a->tensor.data, tide_tensor_count(&a->tensor));
    return record_unary(tape, *out, &unary_record, a, (unary_saved){.kind = kind});
}

tide_status tide_affine(tide_tape *tape, tide_value *a, float scale, float shift, tide_value **out)
{
    TIDE_TRY(tide_tape_fresh(tape, a->tensor.rank, a->tensor.dims, out));
    size_t n = tide_tensor_count(&a->tensor);
    for (size_t i = 0; i < n; i++)
        (*out)->tensor.data[i] = scale * a->tensor.data[i] + shift;
    return record_unary(tape, *out, &affine_record, a, (unary_saved){.low = scale});
}

tide_status tide_clamp(tide_tape *tape, tide_value *a, float low, float high, tide_value **out)
{
    if (!(low <= high))
        return tide_fail(TIDE_ARGUMENT, "clamp: the lower end %g is above the upper %g", (double)low, (double)high);
    TIDE_TRY(tide_tape_fresh(tape, a->tensor.rank, a->tensor.dims, out));
    size_t n = tide_tensor_count(&a->tensor);
    for (size_t i = 0; i < n; i++) {
        float x = a->tensor.data[i];
        x = x < low ? low : x;
        (*out)->tensor.data[i] = x > high ? high : x;
    }
    return record_unary(tape, *out, &clamp_record, a, (unary_saved){.low = low, .high = high});
}
