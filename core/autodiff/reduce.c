#include "autodiff/reduce.h"

#include <math.h>
#include <string.h>

#include "base/vmath.h"

/* A reduced axis of length n between `outer` and `inner` elements. */
typedef struct axis_saved {
    tide_reduction kind;
    size_t outer, n, inner;
} axis_saved;

static const char *reduction_name(tide_reduction kind)
{
    static const char *const names[] = {"sum", "mean", "logsumexp"};
    return names[kind];
}

static tide_status split_axis(const tide_tensor *t, int axis, axis_saved *split, size_t *rank, size_t dims[3])
{
    char text[TIDE_SHAPE_TEXT];
    *rank = 0;
    split->outer = split->inner = 1;
    if (axis == TIDE_ALL) {
        split->n = tide_tensor_count(t);
    } else {
        if (axis < 0 || (size_t)axis >= t->rank)
            return tide_fail(TIDE_ARGUMENT, "%s: axis %d of shape %s", reduction_name(split->kind), axis + 1,
                             tide_tensor_shape_text(t, text));
        for (size_t i = 0; i < t->rank; i++) {
            if (i < (size_t)axis)
                split->outer *= t->dims[i];
            if (i > (size_t)axis)
                split->inner *= t->dims[i];
            if (i != (size_t)axis)
                dims[(*rank)++] = t->dims[i];
        }
        split->n = t->dims[axis];
    }
    if (split->n == 0)
        return tide_fail(TIDE_SHAPE, "%s: no elements in shape %s", reduction_name(split->kind),
                         tide_tensor_shape_text(t, text));
    return TIDE_OK;
}

/* Sums in double: a mean of a million elements keeps its digits, in any order the compiler likes. */
static float sum_run(const float *x, size_t n, size_t step)
{
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i * step];
    return (float)sum;
}

static float logsumexp_run(const float *x, size_t n, size_t step)
{
    float largest = x[0];
    for (size_t i = 1; i < n; i++)
        largest = x[i * step] > largest ? x[i * step] : largest;
    if (isinf(largest))
        return largest;
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)(x[i * step] - largest));
    return (float)((double)largest + log(sum));
}

static tide_status reduce_backward(tide_tape *tape, tide_value *value)
{
    const axis_saved *saved = value->saved;
    tide_value *input = value->inputs[0];
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    for (size_t i = 0; i < saved->outer; i++) {
        for (size_t j = 0; j < saved->inner; j++) {
            size_t start = i * saved->n * saved->inner + j, at = i * saved->inner + j;
            float g = value->gradient[at], y = value->tensor.data[at];
            if (saved->kind == TIDE_MEAN)
                g /= (float)saved->n;
            for (size_t k = 0; k < saved->n; k++) {
                size_t from = start + k * saved->inner;
                float slope = saved->kind == TIDE_LOGSUMEXP ? expf(input->tensor.data[from] - y) : 1.0f;
                into[from] += g * slope;
            }
        }
    }
    return TIDE_OK;
}

static const tide_op sum_record = {.name = "a sum", .backward = reduce_backward};
static const tide_op logsumexp_record = {.name = "logsumexp", .backward = reduce_backward, .reads = true};

tide_status tide_reduce(tide_tape *tape, tide_reduction kind, tide_value *a, int axis, tide_value **out)
{
    axis_saved split = {.kind = kind};
    size_t rank, dims[3];
    TIDE_TRY(split_axis(&a->tensor, axis, &split, &rank, dims));
    TIDE_TRY(tide_tape_fresh(tape, rank, dims, out));
    for (size_t i = 0; i < split.outer; i++) {
        for (size_t j = 0; j < split.inner; j++) {
            const float *x = a->tensor.data + i * split.n * split.inner + j;
            float y = kind == TIDE_LOGSUMEXP ? logsumexp_run(x, split.n, split.inner)
                                             : sum_run(x, split.n, split.inner);
            (*out)->tensor.data[i * split.inner + j] = kind == TIDE_MEAN ? y / (float)split.n : y;
        }
    }
    if (!tide_tape_would_record(tape, &a, 1, NULL))
        return TIDE_OK;
    axis_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    *saved = split;
    return tide_tape_record(tape, *out, kind == TIDE_LOGSUMEXP ? &logsumexp_record : &sum_record, &a, 1, NULL, saved);
}

static size_t largest_at(const float *x, size_t n)
{
    size_t best = 0;
    for (size_t i = 1; i < n && !isnan(x[best]); i++)
        if (x[i] > x[best] || isnan(x[i]))
            best = i;
    return best;
}

tide_status tide_argmax(tide_tape *tape, tide_value *a, tide_value **positions)
{
    const tide_tensor *t = &a->tensor;
    char text[TIDE_SHAPE_TEXT];
    if (t->rank != 2 || t->dims[1] == 0)
        return tide_fail(TIDE_SHAPE, "argmax: shape %s; (batch, n) is needed", tide_tensor_shape_text(t, text));
    TIDE_TRY(tide_tape_fresh(tape, 1, t->dims, positions));
    for (size_t i = 0; i < t->dims[0]; i++)
        (*positions)->tensor.data[i] = (float)largest_at(t->data + i * t->dims[1], t->dims[1]);
    return TIDE_OK;
}

/* d loss / d prediction is found on the way forward, when all is in cache. */
typedef struct loss_saved {
    float *slopes; /* one a prediction, already divided by their number */
} loss_saved;

static tide_status loss_backward(tide_tape *tape, tide_value *value)
{
    const float *restrict slopes = ((const loss_saved *)value->saved)->slopes;
    tide_value *input = value->inputs[0];
    float *into, g = value->gradient[0];
    bool fresh;
    TIDE_TRY(tide_tape_gradient(tape, input, &into, &fresh));
    size_t n = tide_tensor_count(&input->tensor);
    for (size_t i = 0; i < n; i++)
        into[i] = (fresh ? 0.0f : into[i]) + g * slopes[i];
    return TIDE_OK;
}

static const tide_op loss_record = {.name = "loss", .backward = loss_backward};

/* Checks the shapes that a regression loss takes; makes its scalar and room for its slopes. */
static tide_status loss_begin(tide_tape *tape, const char *name, const tide_value *prediction, const tide_value *target,
                              const tide_value *weights, loss_saved **saved, tide_value **out)
{
    char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT];
    if (!tide_tensor_same_shape(&prediction->tensor, &target->tensor))
        return tide_fail(TIDE_SHAPE, "%s: the prediction has shape %s, the target %s", name,
                         tide_tensor_shape_text(&prediction->tensor, a), tide_tensor_shape_text(&target->tensor, b));
    if (weights != NULL && !tide_tensor_same_shape(&prediction->tensor, &weights->tensor))
        return tide_fail(TIDE_SHAPE, "%s: the prediction has shape %s, the weights %s", name,
                         tide_tensor_shape_text(&prediction->tensor, a), tide_tensor_shape_text(&weights->tensor, b));
    size_t n = tide_tensor_count(&prediction->tensor);
    if (n == 0)
        return tide_fail(TIDE_SHAPE, "%s: no elements", name);
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof **saved, (void **)saved));
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), n * sizeof(float), (void **)&(*saved)->slopes));
    return tide_tape_fresh(tape, 0, NULL, out);
}

/* Mean over elements of weight * f(prediction - target), f quadratic within the threshold. */
static tide_status regression_loss(tide_tape *tape, const char *name, tide_value *prediction, tide_value *target,
                                   tide_value *weights, float threshold, float scale, tide_value **out)
{
    loss_saved *saved;
    TIDE_TRY(loss_begin(tape, name, prediction, target, weights, &saved, out));
    size_t n = tide_tensor_count(&prediction->tensor);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        float w = weights != NULL ? weights->tensor.data[i] : 1.0f;
        float d = prediction->tensor.data[i] - target->tensor.data[i];
        float within = d < -threshold ? -threshold : d > threshold ? threshold : d;
        sum += (double)(w * scale) * ((double)within * ((double)d - 0.5 * (double)within));
        saved->slopes[i] = w * scale * within / (float)n;
    }
    (*out)->tensor.data[0] = (float)(sum / (double)n);
    return tide_tape_record(tape, *out, &loss_record, &prediction, 1, NULL, saved);
}

tide_status tide_mse(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights, tide_value **out)
{
    return regression_loss(tape, "mse", prediction, target, weights, INFINITY, 2.0f, out);
}

tide_status tide_huber(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights,
                       float threshold, tide_value **out)
{
    if (!(threshold > 0.0f))
        return tide_fail(TIDE_ARGUMENT, "huber: a threshold of %g; it is positive", (double)threshold);
    return regression_loss(tape, "huber", prediction, target, weights, threshold, 1.0f, out);
}

tide_status tide_expectile(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights, float tau,
                           tide_value **out)
{
    if (!(tau > 0.0f && tau < 1.0f))
        return tide_fail(TIDE_ARGUMENT, "expectile: tau is %g; it is between 0 and 1", (double)tau);
    loss_saved *saved;
    TIDE_TRY(loss_begin(tape, "expectile", prediction, target, weights, &saved, out));
    size_t n = tide_tensor_count(&prediction->tensor);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        float d = prediction->tensor.data[i] - target->tensor.data[i];
        float w = (weights != NULL ? weights->tensor.data[i] : 1.0f) * (d > 0.0f ? 1.0f - tau : tau);
        sum += (double)w * ((double)d * (double)d);
        saved->slopes[i] = 2.0f * w * d / (float)n;
    }
    (*out)->tensor.data[0] = (float)(sum / (double)n);
    return tide_tape_record(tape, *out, &loss_record, &prediction, 1, NULL, saved);
}

static tide_status cross_entropy_backward(tide_tape *tape, tide_value *value)
{
    const float *slopes = ((const loss_saved *)value->saved)->slopes;
    tide_value *input = value->inputs[0];
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    size_t rows = input->tensor.dims[0], classes = input->tensor.dims[1];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < classes; j++)
            into[i * classes + j] += value->gradient[i] * slopes[i * classes + j];
    return TIDE_OK;
}

static const tide_op cross_entropy_record = {.name = "cross_entropy", .backward = cross_entropy_backward};

/* One row: returns -ln p[label] and writes p - onehot(label), its slope. */
static float cross_entropy_row(const float *logits, size_t classes, size_t label, float *slopes)
{
    float largest = logits[0];
    for (size_t j = 1; j < classes; j++)
        largest = logits[j] > largest ? logits[j] : largest;
    float sum = 0.0f;
    for (size_t j = 0; j < classes; j++) {
        slopes[j] = expf(logits[j] - largest);
        sum += slopes[j];
    }
    for (size_t j = 0; j < classes; j++)
        slopes[j] = slopes[j] / sum - (j == label ? 1.0f : 0.0f);
    return logf(sum) + largest - logits[label];
}

tide_status tide_cross_entropy(tide_tape *tape, tide_value *logits, const tide_tensor *labels, tide_value **out)
{
    const tide_tensor *t = &logits->tensor;
    char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT];
    if (t->rank != 2 || t->dims[1] == 0 || labels->rank != 1 || labels->dims[0] != t->dims[0])
        return tide_fail(TIDE_SHAPE, "cross_entropy: logits %s and labels %s; (batch, classes) and (batch) are needed",
                         tide_tensor_shape_text(t, a), tide_tensor_shape_text(labels, b));
    size_t rows = t->dims[0], classes = t->dims[1];
    loss_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), rows * classes * sizeof(float), (void **)&saved->slopes));
    TIDE_TRY(tide_tape_fresh(tape, 1, &rows, out));
    for (size_t i = 0; i < rows; i++) {
        float label = labels->data[i];
        if (!(label >= 0.0f && label < (float)classes) || label != floorf(label))
            return tide_fail(TIDE_ARGUMENT, "cross_entropy: row %zu has label %g, counted from 0, of %zu classes",
                             i + 1, (double)label, classes);
        (*out)->tensor.data[i] = cross_entropy_row(t->data + i * classes, classes, (size_t)label,
                                                   saved->slopes + i * classes);
    }
    return tide_tape_record(tape, *out, &cross_entropy_record, &logits, 1, NULL, saved);
}
