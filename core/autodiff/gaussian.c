#include "autodiff/gaussian.h"

#include <string.h>

#include "base/vmath.h"

static const float HALF_LOG_2PI = 0.918938533f, LOG_2 = 0.693147181f;

/* Kept for backward: everything is (batch, dim), contiguous. */
typedef struct gaussian_saved {
    float *log_std;   /* before the clamp */
    float *deviation; /* std * noise */
    float multiplier;
    const float *log_prob_gradient; /* from the second output, or NULL */
    tide_value *action;
} gaussian_saved;

/* d/d mean = g (1 - a^2) + 2 a g_log_prob;  d/d log_std = d/d mean * std noise - g_log_prob within the clamp. */
static tide_status action_backward(tide_tape *tape, tide_value *value)
{
    gaussian_saved *saved = value->saved;
    tide_value *head = value->inputs[0], *scalars = value->n_inputs > 1 ? value->inputs[1] : NULL;
    size_t rows = value->tensor.dims[0], dim = value->tensor.dims[1];
    float *into = NULL, d_multiplier = 0.0f, d_offset = 0.0f;
    if (head->wanted)
        TIDE_TRY(tide_tape_gradient_zeroed(tape, head, &into));
    for (size_t i = 0; i < rows; i++) {
        float g_log_prob = saved->log_prob_gradient != NULL ? saved->log_prob_gradient[i] : 0.0f;
        for (size_t j = 0; j < dim; j++) {
            size_t at = i * dim + j;
            float a = value->tensor.data[at], raw = saved->log_std[at];
            float d_mean = value->gradient[at] * (1.0f - a * a) + 2.0f * a * g_log_prob;
            float d_log_std = d_mean * saved->deviation[at] - g_log_prob;
            d_log_std = raw >= TIDE_LOG_STD_MIN && raw <= TIDE_LOG_STD_MAX ? d_log_std : 0.0f;
            d_offset += d_log_std;
            d_multiplier += d_log_std * head->tensor.data[(2 * i + 1) * dim + j];
            if (into != NULL) {
                into[2 * i * dim + j] += d_mean;
                into[(2 * i + 1) * dim + j] += d_log_std * saved->multiplier;
            }
        }
    }
    if (scalars != NULL && scalars->wanted) {
        float *to;
        TIDE_TRY(tide_tape_gradient_zeroed(tape, scalars, &to));
        to[0] += d_multiplier;
        to[1] += d_offset;
    }
    saved->log_prob_gradient = NULL; /* a second walk brings its own */
    return TIDE_OK;
}

static const tide_op action_record = {.name = "tanh_gaussian", .backward = action_backward, .reads = true};

/* The log-prob is recorded after the action, so it is walked before: it leaves its gradient where the
 * action's backward, which does the work for both, finds it. */
static tide_status log_prob_backward(tide_tape *tape, tide_value *value)
{
    gaussian_saved *saved = value->saved;
    float *unused, *kept;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, saved->action, &unused));
    size_t bytes = tide_tensor_count(&value->tensor) * sizeof(float);
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), bytes, (void **)&kept));
    memcpy(kept, value->gradient, bytes);
    saved->log_prob_gradient = kept;
    return TIDE_OK;
}

static const tide_op log_prob_record = {.name = "log_prob", .backward = log_prob_backward};

static tide_status check_head(const tide_value *head, size_t *rows, size_t *dim)
{
    char text[TIDE_SHAPE_TEXT];
    const tide_tensor *t = &head->tensor;
    if (t->rank != 2 || t->dims[1] == 0 || t->dims[1] % 2 != 0)
        return tide_fail(TIDE_SHAPE, "tanh_gaussian: the head has shape %s; (batch, 2 dim) is needed",
                         tide_tensor_shape_text(t, text));
    *rows = t->dims[0];
    *dim = t->dims[1] / 2;
    return TIDE_OK;
}

/* Element by element, n of them: turns log_std from the head's half into what it is before the clamp; makes
 * std * noise, the action, and the element's term of the log-prob. */
static void sample(size_t n, float multiplier, float offset, const float *restrict mean, const float *restrict noise,
                   float *restrict log_std, float *restrict deviation, float *restrict action, float *restrict term)
{
    for (size_t i = 0; i < n; i++) {
        float raw = multiplier * log_std[i] + offset, z = noise[i];
        float clamped = raw < TIDE_LOG_STD_MIN ? TIDE_LOG_STD_MIN : raw;
        clamped = clamped > TIDE_LOG_STD_MAX ? TIDE_LOG_STD_MAX : clamped;
        float d = tide_expf(clamped) * z, x = mean[i] + d;
        log_std[i] = raw;
        deviation[i] = d;
        action[i] = tide_tanhf(x);
        term[i] = -0.5f * z * z - clamped - HALF_LOG_2PI - 2.0f * (LOG_2 - x - tide_softplusf(-2.0f * x));
    }
}

tide_status tide_tanh_gaussian(tide_tape *tape, tide_value *head, tide_value *scalars, const tide_tensor *noise,
                               tide_value **action, tide_value **log_prob)
{
    size_t rows = 0, dim = 0;
    char text[TIDE_SHAPE_TEXT];
    TIDE_TRY(check_head(head, &rows, &dim));
    if (noise->rank != 2 || noise->dims[0] != rows || noise->dims[1] != dim)
        return tide_fail(TIDE_SHAPE, "tanh_gaussian: the noise has shape %s; (%zu, %zu) is needed",
                         tide_tensor_shape_text(noise, text), rows, dim);
    if (scalars != NULL && tide_tensor_count(&scalars->tensor) != 2)
        return tide_fail(TIDE_SHAPE, "tanh_gaussian: multiplier and offset have shape %s; (2) is needed",
                         tide_tensor_shape_text(&scalars->tensor, text));
    size_t n = rows * dim;
    tide_arena *arena = tide_tape_arena(tape);
    gaussian_saved *saved;
    float *mean, *terms;
    TIDE_TRY(tide_arena_take(arena, sizeof *saved, (void **)&saved));
    TIDE_TRY(tide_arena_take(arena, n * sizeof(float), (void **)&saved->log_std));
    TIDE_TRY(tide_arena_take(arena, n * sizeof(float), (void **)&saved->deviation));
    TIDE_TRY(tide_arena_take(arena, n * sizeof(float), (void **)&mean));
    TIDE_TRY(tide_arena_take(arena, n * sizeof(float), (void **)&terms));
    TIDE_TRY(tide_tape_fresh(tape, 2, (const size_t[]){rows, dim}, action));
    TIDE_TRY(tide_tape_fresh(tape, 1, &rows, log_prob));
    float multiplier = scalars != NULL ? scalars->tensor.data[0] : 1.0f;
    float offset = scalars != NULL ? scalars->tensor.data[1] : 0.0f;
    for (size_t i = 0; i < rows; i++) {
        memcpy(mean + i * dim, head->tensor.data + 2 * i * dim, dim * sizeof(float));
        memcpy(saved->log_std + i * dim, head->tensor.data + (2 * i + 1) * dim, dim * sizeof(float));
    }
    sample(n, multiplier, offset, mean, noise->data, saved->log_std, saved->deviation, (*action)->tensor.data, terms);
    for (size_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < dim; j++)
            sum += terms[i * dim + j];
        (*log_prob)->tensor.data[i] = sum;
    }
    tide_arena_give_back(arena, mean, n * sizeof(float));
    tide_arena_give_back(arena, terms, n * sizeof(float));
    tide_value *inputs[] = {head, scalars};
    size_t n_inputs = scalars != NULL ? 2 : 1;
    saved->multiplier = multiplier;
    saved->log_prob_gradient = NULL;
    saved->action = *action;
    TIDE_TRY(tide_tape_record(tape, *action, &action_record, inputs, n_inputs, NULL, saved));
    return tide_tape_record(tape, *log_prob, &log_prob_record, action, 1, NULL, saved);
}

tide_status tide_tanh_mean(tide_tape *tape, const tide_value *head, tide_value **action)
{
    size_t rows = 0, dim = 0;
    TIDE_TRY(check_head(head, &rows, &dim));
    TIDE_TRY(tide_tape_fresh(tape, 2, (const size_t[]){rows, dim}, action));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < dim; j++)
            (*action)->tensor.data[i * dim + j] = tide_tanhf(head->tensor.data[2 * i * dim + j]);
    return TIDE_OK;
}
