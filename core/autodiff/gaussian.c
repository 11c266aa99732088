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

static tide_status check_head(const char *name, const tide_value *head, const tide_value *scalars, size_t *rows,
                              size_t *dim)
{
    char text[TIDE_SHAPE_TEXT];
    const tide_tensor *t = &head->tensor;
    if (t->rank != 2 || t->dims[1] == 0 || t->dims[1] % 2 != 0)
        return tide_fail(TIDE_SHAPE, "%s: the head has shape %s; (batch, 2 dim) is needed", name,
                         tide_tensor_shape_text(t, text));
    if (scalars != NULL && tide_tensor_count(&scalars->tensor) != 2)
        return tide_fail(TIDE_SHAPE, "%s: multiplier and offset have shape %s; (2) is needed", name,
                         tide_tensor_shape_text(&scalars->tensor, text));
    *rows = t->dims[0];
    *dim = t->dims[1] / 2;
    return TIDE_OK;
}

/* What of the operands is not (rows, dim) is named. */
static tide_status check_matrix(const char *name, const char *what, const tide_tensor *t, size_t rows, size_t dim)
{
    char text[TIDE_SHAPE_TEXT];
    if (t->rank != 2 || t->dims[0] != rows || t->dims[1] != dim)
        return tide_fail(TIDE_SHAPE, "%s: the %s shape %s; (%zu, %zu) is needed", name, what,
                         tide_tensor_shape_text(t, text), rows, dim);
    return TIDE_OK;
}

/* out (rows) <- the row sums of terms (rows, dim). */
static void sum_terms(const float *terms, size_t rows, size_t dim, float *out)
{
    for (size_t i = 0; i < rows; i++) {
        float sum = 0.0f;
        for (size_t j = 0; j < dim; j++)
            sum += terms[i * dim + j];
        out[i] = sum;
    }
}

/* The halves of a head (rows, 2 dim), each contiguous. */
static void split_head(const tide_value *head, size_t rows, size_t dim, float *mean, float *log_std)
{
    for (size_t i = 0; i < rows; i++) {
        memcpy(mean + i * dim, head->tensor.data + 2 * i * dim, dim * sizeof(float));
        memcpy(log_std + i * dim, head->tensor.data + (2 * i + 1) * dim, dim * sizeof(float));
    }
}

/* log_std as the policy uses it; NaN stays NaN. */
static inline float clamp_log_std(float raw)
{
    float clamped = raw < TIDE_LOG_STD_MIN ? TIDE_LOG_STD_MIN : raw;
    return clamped > TIDE_LOG_STD_MAX ? TIDE_LOG_STD_MAX : clamped;
}

/* Element by element, n of them: turns log_std from the head's half into what it is before the clamp; makes
 * std * noise, the action, and the element's term of the log-prob. */
static void sample(size_t n, float multiplier, float offset, const float *restrict mean, const float *restrict noise,
                   float *restrict log_std, float *restrict deviation, float *restrict action, float *restrict term)
{
    for (size_t i = 0; i < n; i++) {
        float raw = multiplier * log_std[i] + offset, z = noise[i];
        float clamped = clamp_log_std(raw);
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
    TIDE_TRY(check_head("tanh_gaussian", head, scalars, &rows, &dim));
    TIDE_TRY(check_matrix("tanh_gaussian", "noise has", noise, rows, dim));
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
    split_head(head, rows, dim, mean, saved->log_std);
    sample(n, multiplier, offset, mean, noise->data, saved->log_std, saved->deviation, (*action)->tensor.data, terms);
    sum_terms(terms, rows, dim, (*log_prob)->tensor.data);
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
    TIDE_TRY(check_head("tanh_mean", head, NULL, &rows, &dim));
    TIDE_TRY(tide_tape_fresh(tape, 2, (const size_t[]){rows, dim}, action));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < dim; j++)
            (*action)->tensor.data[i * dim + j] = tide_tanhf(head->tensor.data[2 * i * dim + j]);
    return TIDE_OK;
}

/* ---- densities of what is given ---- */

/* Kept for backward: the slopes of each element's term, (rows, dim), found on the way forward. */
typedef struct density_saved {
    float *mean, *log_std;
    float multiplier;
    size_t rows, dim;
} density_saved;

static tide_status density_begin(tide_tape *tape, size_t rows, size_t dim, density_saved **saved, float **terms,
                                 tide_value **log_prob)
{
    tide_arena *arena = tide_tape_arena(tape);
    TIDE_TRY(tide_arena_take(arena, sizeof **saved, (void **)saved));
    **saved = (density_saved){.rows = rows, .dim = dim, .multiplier = 1.0f};
    TIDE_TRY(tide_arena_take(arena, rows * dim * sizeof(float), (void **)&(*saved)->mean));
    TIDE_TRY(tide_arena_take(arena, rows * dim * sizeof(float), (void **)&(*saved)->log_std));
    TIDE_TRY(tide_tape_fresh(tape, 1, &rows, log_prob));
    return tide_arena_take(arena, rows * dim * sizeof(float), (void **)terms);
}

/* Sums the terms, and gives them back. */
static void density_end(tide_tape *tape, const density_saved *saved, float *terms, tide_value *log_prob)
{
    sum_terms(terms, saved->rows, saved->dim, log_prob->tensor.data);
    tide_arena_give_back(tide_tape_arena(tape), terms, saved->rows * saved->dim * sizeof(float));
}

/* d log_prob / d mean = z / std;  / d log_std = z^2 - 1 within the clamp, which is multiplier head + offset. */
static tide_status tanh_density_backward(tide_tape *tape, tide_value *value)
{
    const density_saved *saved = value->saved;
    tide_value *head = value->inputs[0], *scalars = value->n_inputs > 1 ? value->inputs[1] : NULL;
    size_t dim = saved->dim;
    if (head->wanted) {
        float *into;
        TIDE_TRY(tide_tape_gradient_zeroed(tape, head, &into));
        for (size_t i = 0; i < saved->rows; i++) {
            float g = value->gradient[i];
            for (size_t j = 0; j < dim; j++) {
                into[2 * i * dim + j] += g * saved->mean[i * dim + j];
                into[(2 * i + 1) * dim + j] += g * saved->log_std[i * dim + j] * saved->multiplier;
            }
        }
    }
    if (scalars != NULL && scalars->wanted) {
        float *into, d_multiplier = 0.0f, d_offset = 0.0f;
        TIDE_TRY(tide_tape_gradient_zeroed(tape, scalars, &into));
        for (size_t i = 0; i < saved->rows; i++) {
            for (size_t j = 0; j < dim; j++) {
                float d = value->gradient[i] * saved->log_std[i * dim + j];
                d_multiplier += d * head->tensor.data[(2 * i + 1) * dim + j];
                d_offset += d;
            }
        }
        into[0] += d_multiplier;
        into[1] += d_offset;
    }
    return TIDE_OK;
}

static const tide_op tanh_density_record = {
    .name = "tanh_gaussian_log_prob", .backward = tanh_density_backward, .reads = true};

/* Element by element: mean and log_std (the head's half) give way to the slopes of the element's term. */
static void tanh_density(size_t n, float multiplier, float offset, const float *restrict actions, float *restrict mean,
                         float *restrict log_std, float *restrict term)
{
    for (size_t i = 0; i < n; i++) {
        float a = actions[i], raw = multiplier * log_std[i] + offset, clamped = clamp_log_std(raw);
        float held = a < -TIDE_ACTION_MAX ? -TIDE_ACTION_MAX : a;
        held = held > TIDE_ACTION_MAX ? TIDE_ACTION_MAX : held;
        float x = tide_atanhf(held), precision = tide_expf(-clamped), z = (x - mean[i]) * precision;
        float jacobian = tide_logf((1.0f - held) * (1.0f + held)); /* ln of d tanh x / dx */
        term[i] = -0.5f * z * z - clamped - HALF_LOG_2PI - jacobian;
        mean[i] = z * precision;
        log_std[i] = raw >= TIDE_LOG_STD_MIN && raw <= TIDE_LOG_STD_MAX ? z * z - 1.0f : 0.0f;
    }
}

tide_status tide_tanh_gaussian_log_prob(tide_tape *tape, tide_value *head, tide_value *scalars,
                                        const tide_tensor *actions, tide_value **log_prob)
{
    size_t rows = 0, dim = 0;
    TIDE_TRY(check_head("tanh_gaussian_log_prob", head, scalars, &rows, &dim));
    TIDE_TRY(check_matrix("tanh_gaussian_log_prob", "actions have", actions, rows, dim));
    density_saved *saved;
    float *terms;
    TIDE_TRY(density_begin(tape, rows, dim, &saved, &terms, log_prob));
    split_head(head, rows, dim, saved->mean, saved->log_std);
    float offset = scalars != NULL ? scalars->tensor.data[1] : 0.0f;
    saved->multiplier = scalars != NULL ? scalars->tensor.data[0] : 1.0f;
    tanh_density(rows * dim, saved->multiplier, offset, actions->data, saved->mean, saved->log_std, terms);
    density_end(tape, saved, terms, *log_prob);
    tide_value *inputs[] = {head, scalars};
    return tide_tape_record(tape, *log_prob, &tanh_density_record, inputs, scalars != NULL ? 2 : 1, NULL, saved);
}

/* into (rows, dim) += sign g slopes, row by row; into (dim), the same row again and again, where `stride` is 0. */
static void add_slopes(float *into, size_t stride, const float *slopes, const tide_value *value, float sign)
{
    const density_saved *saved = value->saved;
    for (size_t i = 0; i < saved->rows; i++)
        for (size_t j = 0; j < saved->dim; j++)
            into[i * stride + j] += sign * value->gradient[i] * slopes[i * saved->dim + j];
}

/* d log_prob / d mean = z / std = - d log_prob / d x;  / d log_std = z^2 - 1. */
static tide_status density_backward(tide_tape *tape, tide_value *value)
{
    const density_saved *saved = value->saved;
    tide_value *mean = value->inputs[0], *log_std = value->inputs[1], *x = value->inputs[2];
    float *into;
    if (mean->wanted) {
        TIDE_TRY(tide_tape_gradient_zeroed(tape, mean, &into));
        add_slopes(into, saved->dim, saved->mean, value, 1.0f);
    }
    if (log_std->wanted) {
        TIDE_TRY(tide_tape_gradient_zeroed(tape, log_std, &into));
        add_slopes(into, log_std->tensor.rank == 1 ? 0 : saved->dim, saved->log_std, value, 1.0f);
    }
    if (x->wanted) {
        TIDE_TRY(tide_tape_gradient_zeroed(tape, x, &into));
        add_slopes(into, saved->dim, saved->mean, value, -1.0f);
    }
    return TIDE_OK;
}

static const tide_op density_record = {.name = "gaussian_log_prob", .backward = density_backward};

/* Element by element: slopes of the mean, and of log_std in its place. */
static void density(size_t n, const float *restrict x, const float *restrict mean, float *restrict mean_slope,
                    float *restrict log_std, float *restrict term)
{
    for (size_t i = 0; i < n; i++) {
        float precision = tide_expf(-log_std[i]), z = (x[i] - mean[i]) * precision;
        term[i] = -0.5f * z * z - log_std[i] - HALF_LOG_2PI;
        mean_slope[i] = z * precision;
        log_std[i] = z * z - 1.0f;
    }
}

tide_status tide_gaussian_log_prob(tide_tape *tape, tide_value *mean, tide_value *log_std, tide_value *x,
                                   tide_value **log_prob)
{
    char text[TIDE_SHAPE_TEXT];
    const tide_tensor *m = &mean->tensor, *s = &log_std->tensor;
    if (m->rank != 2 || m->dims[1] == 0)
        return tide_fail(TIDE_SHAPE, "gaussian_log_prob: the mean has shape %s; (batch, dim) is needed",
                         tide_tensor_shape_text(m, text));
    size_t rows = m->dims[0], dim = m->dims[1];
    bool shared = s->rank == 1 && s->dims[0] == dim;
    if (!shared && (s->rank != 2 || s->dims[0] != rows || s->dims[1] != dim))
        return tide_fail(TIDE_SHAPE, "gaussian_log_prob: log_std has shape %s; (%zu, %zu) or (%zu) is needed",
                         tide_tensor_shape_text(s, text), rows, dim, dim);
    TIDE_TRY(check_matrix("gaussian_log_prob", "values have", &x->tensor, rows, dim));
    density_saved *saved;
    float *terms;
    TIDE_TRY(density_begin(tape, rows, dim, &saved, &terms, log_prob));
    for (size_t i = 0; i < rows; i++)
        memcpy(saved->log_std + i * dim, s->data + (shared ? 0 : i * dim), dim * sizeof(float));
    density(rows * dim, x->tensor.data, m->data, saved->mean, saved->log_std, terms);
    density_end(tape, saved, terms, *log_prob);
    tide_value *inputs[] = {mean, log_std, x};
    return tide_tape_record(tape, *log_prob, &density_record, inputs, 3, NULL, saved);
}
