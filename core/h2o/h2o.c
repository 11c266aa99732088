#include "h2o/h2o.h"

#include <math.h>

/* ln of the smallest positive float, for a u that the processor flushed to zero. */
static const double LOG_SMALLEST = -103.27892990343184;

static tide_status check_logits(const char *name, const tide_tensor *logits, size_t rows)
{
    char text[TIDE_SHAPE_TEXT];
    if (logits->rank != 2 || logits->dims[1] != 2 || logits->dims[0] != rows)
        return tide_fail(TIDE_SHAPE, "%s: the logits have shape %s; (%zu, 2) is needed", name,
                         tide_tensor_shape_text(logits, text), rows);
    return TIDE_OK;
}

static float hold(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

tide_status tide_h2o_dynamics_ratio(const tide_tensor *logits, float low, float high, tide_tensor *ratio)
{
    TIDE_TRY(check_logits("dynamics_ratio", logits, ratio->dims[0]));
    for (size_t i = 0; i < ratio->dims[0]; i++)
        ratio->data[i] = hold(expf(logits->data[2 * i] - logits->data[2 * i + 1]), low, high);
    return TIDE_OK;
}

tide_status tide_h2o_gap(const tide_tensor *logits, size_t n, float low, float high, tide_tensor *u)
{
    TIDE_TRY(check_logits("gap", logits, u->dims[0] * n));
    for (size_t i = 0; i < u->dims[0]; i++) {
        float sum = 0.0f;
        for (size_t j = i * n; j < (i + 1) * n; j++)
            sum += logits->data[2 * j + 1] - logits->data[2 * j];
        u->data[i] = hold(sum / (float)n, low, high);
    }
    return TIDE_OK;
}

tide_status tide_h2o_omega(const tide_tensor *u, tide_tensor *omega, tide_tensor *log_omega)
{
    size_t n = tide_tensor_count(u);
    double sum = 0.0;
    for (size_t i = 0; i < n; i++) {
        if (!(u->data[i] >= 0.0f) || isinf(u->data[i]))
            return tide_fail(TIDE_NUMERIC, "omega: u is %g in row %zu", (double)u->data[i], i + 1);
        sum += (double)u->data[i];
    }
    double log_sum = sum > 0.0 ? log(sum) : LOG_SMALLEST + log((double)n);
    for (size_t i = 0; i < n; i++) {
        double x = (double)u->data[i];
        double log_u = x > 0.0 ? log(x) : LOG_SMALLEST;
        log_omega->data[i] = (float)(log_u - log_sum);
        omega->data[i] = (float)exp(log_u - log_sum);
    }
    return TIDE_OK;
}

tide_status tide_h2o_scatter(const tide_tensor *next, const tide_tensor *sigma, float scale, const tide_tensor *noise,
                             tide_tensor *out)
{
    char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT], c[TIDE_SHAPE_TEXT];
    size_t rows = next->dims[0], dim = next->dims[1];
    if (next->rank != 2 || noise->rank != 2 || noise->dims[1] != dim || rows == 0 || noise->dims[0] % rows != 0 ||
        tide_tensor_count(sigma) != dim || !tide_tensor_same_shape(noise, out))
        return tide_fail(TIDE_SHAPE, "scatter: states %s, sigma %s, noise %s", tide_tensor_shape_text(next, a),
                         tide_tensor_shape_text(sigma, b), tide_tensor_shape_text(noise, c));
    size_t n = noise->dims[0] / rows;
    const float *restrict s = sigma->data;
    for (size_t i = 0; i < rows * n; i++) {
        const float *restrict from = next->data + i / n * dim, *restrict z = noise->data + i * dim;
        float *restrict to = out->data + i * dim;
        for (size_t j = 0; j < dim; j++)
            to[j] = from[j] + z[j] * s[j] * scale;
    }
    return TIDE_OK;
}

/* d gap / d q_sim = softmax(q_sim + log_omega);  d gap / d q_real = -1 / n. */
static tide_status value_gap_backward(tide_tape *tape, tide_value *value)
{
    const float *weights = value->saved;
    float g = value->gradient[0], *into;
    tide_value *q_sim = value->inputs[0], *q_real = value->inputs[1];
    if (q_sim->wanted) {
        TIDE_TRY(tide_tape_gradient_zeroed(tape, q_sim, &into));
        for (size_t i = 0; i < q_sim->tensor.dims[0]; i++)
            into[i] += g * weights[i];
    }
    if (q_real->wanted) {
        TIDE_TRY(tide_tape_gradient_zeroed(tape, q_real, &into));
        float share = g / (float)q_real->tensor.dims[0];
        for (size_t i = 0; i < q_real->tensor.dims[0]; i++)
            into[i] -= share;
    }
    return TIDE_OK;
}

static const tide_op value_gap_record = {.name = "value_gap", .backward = value_gap_backward};

tide_status tide_h2o_value_gap(tide_tape *tape, tide_value *q_sim, const tide_tensor *log_omega, tide_value *q_real,
                               tide_value **gap)
{
    char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT], c[TIDE_SHAPE_TEXT];
    const tide_tensor *sim = &q_sim->tensor, *real = &q_real->tensor;
    if (sim->rank != 1 || real->rank != 1 || sim->dims[0] == 0 || real->dims[0] == 0 ||
        !tide_tensor_same_shape(sim, log_omega))
        return tide_fail(TIDE_SHAPE, "value_gap: simulated values %s, log omega %s, real values %s",
                         tide_tensor_shape_text(sim, a), tide_tensor_shape_text(log_omega, b),
                         tide_tensor_shape_text(real, c));
    size_t n = sim->dims[0];
    float *weights;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), n * sizeof(float), (void **)&weights));
    TIDE_TRY(tide_tape_fresh(tape, 0, NULL, gap));
    double largest = -INFINITY, sum = 0.0, mean = 0.0;
    for (size_t i = 0; i < n; i++) {
        double x = (double)sim->data[i] + (double)log_omega->data[i];
        largest = x > largest ? x : largest;
    }
    for (size_t i = 0; i < n; i++)
        sum += exp((double)sim->data[i] + (double)log_omega->data[i] - largest);
    for (size_t i = 0; i < n; i++)
        weights[i] = (float)(exp((double)sim->data[i] + (double)log_omega->data[i] - largest) / sum);
    for (size_t i = 0; i < real->dims[0]; i++)
        mean += (double)real->data[i];
    (*gap)->tensor.data[0] = (float)(largest + log(sum) - mean / (double)real->dims[0]);
    tide_value *inputs[] = {q_sim, q_real};
    return tide_tape_record(tape, *gap, &value_gap_record, inputs, 2, NULL, weights);
}
