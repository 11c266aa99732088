#include "nn/mlp.h"

#include <math.h>
#include <string.h>

#include "tensor/gemm.h"
#include "tensor/kernels.h"

/* Neighbouring parts with the same number of rows are joined into one matrix. */
typedef struct input_run {
    const float *data;
    size_t rows, width, stride_in; /* (rows, width); stride_in: first column in the first weight */
    size_t first_part, n_parts;
    size_t joined_bytes; /* of data, where it was joined here */
} input_run;

typedef struct mlp_saved {
    const tide_mlp *mlp;
    size_t rows, n_runs;
    input_run runs[TIDE_MAX_PARTS];
    float *hidden[TIDE_MAX_LAYERS]; /* after the ReLU of layer i */
} mlp_saved;

tide_status tide_mlp_create(tide_mlp **mlp, const size_t *sizes, size_t n_layers, float tanh_scale, bool scalar)
{
    *mlp = NULL;
    if (n_layers == 0 || n_layers > TIDE_MAX_LAYERS)
        return tide_fail(TIDE_ARGUMENT, "mlp: %zu linear layers; 1 to %d are possible", n_layers, TIDE_MAX_LAYERS);
    if (!isfinite(tanh_scale))
        return tide_fail(TIDE_ARGUMENT, "mlp: a tanh scale of %g; it is finite, 0 for linear outputs",
                         (double)tanh_scale);
    if (scalar && sizes[n_layers] != 1)
        return tide_fail(TIDE_ARGUMENT, "mlp: a scalar network has 1 output, not %zu", sizes[n_layers]);
    const size_t line = TIDE_ALIGNMENT / sizeof(float);
    tide_mlp shape = {.n_layers = n_layers, .tanh_scale = tanh_scale, .scalar = scalar};
    size_t count = 0;
    for (size_t i = 0; i <= n_layers; i++) {
        if (sizes[i] == 0 || sizes[i] > (1u << 24))
            return tide_fail(TIDE_ARGUMENT, "mlp: size %zu of layer %zu; 1 to 2^24 are possible", sizes[i], i);
        shape.sizes[i] = sizes[i];
    }
    for (size_t i = 0; i < n_layers; i++) {
        shape.weight_at[i] = count;
        count += (sizes[i] * sizes[i + 1] + line - 1) / line * line;
        shape.bias_at[i] = count;
        count += (sizes[i + 1] + line - 1) / line * line;
    }
    TIDE_TRY(tide_parameters_create(&shape.parameters, count));
    tide_mlp *fresh;
    tide_status status = tide_alloc(sizeof *fresh, (void **)&fresh);
    if (status != TIDE_OK) {
        tide_parameters_destroy(shape.parameters);
        return status;
    }
    *fresh = shape;
    *mlp = fresh;
    return TIDE_OK;
}

void tide_mlp_destroy(tide_mlp *mlp)
{
    if (mlp == NULL)
        return;
    tide_parameters_destroy(mlp->parameters);
    tide_free(mlp);
}

/* ---- forward ---- */

static tide_status take_floats(tide_tape *tape, size_t rows, size_t width, float **block)
{
    return tide_arena_take(tide_tape_arena(tape), rows * width * sizeof(float), (void **)block);
}

static void give_floats(tide_tape *tape, float *block, size_t rows, size_t width)
{
    tide_arena_give_back(tide_tape_arena(tape), block, rows * width * sizeof(float));
}

static tide_status check_parts(const tide_mlp *mlp, tide_value *const *parts, size_t n, size_t *rows)
{
    char text[TIDE_SHAPE_TEXT];
    if (n == 0 || n > TIDE_MAX_PARTS)
        return tide_fail(TIDE_ARGUMENT, "mlp: %zu inputs; 1 to %d are possible", n, TIDE_MAX_PARTS);
    size_t width = 0;
    *rows = 0;
    for (size_t i = 0; i < n; i++) {
        const tide_tensor *t = &parts[i]->tensor;
        if (t->rank != 2)
            return tide_fail(TIDE_SHAPE, "mlp: input %zu has shape %s; (batch, dim) is needed", i + 1,
                             tide_tensor_shape_text(t, text));
        width += t->dims[1];
        *rows = t->dims[0] > *rows ? t->dims[0] : *rows;
    }
    if (width != mlp->sizes[0])
        return tide_fail(TIDE_SHAPE, "mlp: the inputs have %zu columns together, the network takes %zu", width,
                         mlp->sizes[0]);
    for (size_t i = 0; i < n; i++)
        if (parts[i]->tensor.dims[0] == 0 || *rows % parts[i]->tensor.dims[0] != 0)
            return tide_fail(TIDE_SHAPE, "mlp: input %zu has %zu rows, which do not divide the batch of %zu", i + 1,
                             parts[i]->tensor.dims[0], *rows);
    return TIDE_OK;
}

/* Fills `runs`; joins parts side by side where a run has several. */
static tide_status gather_runs(tide_tape *tape, tide_value *const *parts, size_t n, input_run *runs, size_t *n_runs)
{
    *n_runs = 0;
    size_t column = 0;
    for (size_t i = 0; i < n;) {
        size_t rows = parts[i]->tensor.dims[0], width = 0, end = i;
        for (; end < n && parts[end]->tensor.dims[0] == rows; end++)
            width += parts[end]->tensor.dims[1];
        input_run *run = &runs[(*n_runs)++];
        *run = (input_run){.rows = rows, .width = width, .stride_in = column, .first_part = i, .n_parts = end - i};
        if (run->n_parts == 1) {
            run->data = parts[i]->tensor.data;
        } else {
            float *joined;
            TIDE_TRY(take_floats(tape, rows, width, &joined));
            run->joined_bytes = rows * width * sizeof(float);
            size_t at = 0;
            for (size_t p = i; p < end; p++) {
                size_t dim = parts[p]->tensor.dims[1];
                const float *from = parts[p]->tensor.data;
                for (size_t row = 0; row < rows; row++)
                    memcpy(joined + row * width + at, from + row * dim, dim * sizeof(float));
                at += dim;
            }
            run->data = joined;
        }
        column += width;
        i = end;
    }
    return TIDE_OK;
}

/* out (rows, width) = sum over runs of input W^T, without the bias, except that
 * where a run is repeated its product (with the bias) comes back in *repeated. */
static tide_status first_product(tide_tape *tape, const tide_mlp *mlp, const mlp_saved *saved, float *out,
                                 float **repeated, size_t *repeat)
{
    size_t width = mlp->sizes[1], inputs = mlp->sizes[0];
    const float *weight = mlp->parameters->values + mlp->weight_at[0];
    const float *bias = mlp->parameters->values + mlp->bias_at[0];
    float beta = 0.0f;
    *repeated = NULL;
    for (size_t r = 0; r < saved->n_runs; r++) {
        const input_run *run = &saved->runs[r];
        if (run->rows != saved->rows)
            continue;
        tide_gemm(false, true, run->rows, width, run->width, run->data, run->width, weight + run->stride_in, inputs,
                  beta, out, width);
        beta = 1.0f;
    }
    for (size_t r = 0; r < saved->n_runs; r++) {
        const input_run *run = &saved->runs[r];
        if (run->rows == saved->rows)
            continue;
        float *product;
        size_t times = saved->rows / run->rows;
        TIDE_TRY(take_floats(tape, run->rows, width, &product));
        tide_gemm(false, true, run->rows, width, run->width, run->data, run->width, weight + run->stride_in, inputs,
                  0.0f, product, width);
        if (*repeated == NULL) {
            tide_bias(product, run->rows, width, bias);
            *repeated = product;
            *repeat = times;
            continue;
        }
        for (size_t i = 0; i < saved->rows; i++)
            tide_bias(out + i * width, 1, width, product + i / times * width);
        give_floats(tape, product, run->rows, width);
    }
    return TIDE_OK;
}

/* Layers after the first: y = h W^T, the bias not yet added. */
static void product(const tide_mlp *mlp, size_t layer, const float *h, size_t rows, float *y)
{
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
    const float *weight = mlp->parameters->values + mlp->weight_at[layer];
    tide_gemm(false, true, rows, out, in, h, in, weight, in, 0.0f, y, out);
}

static tide_status run_layers(tide_tape *tape, const tide_mlp *mlp, mlp_saved *saved, bool keep, float *out)
{
    size_t rows = saved->rows, last = mlp->n_layers - 1;
    const float *values = mlp->parameters->values, *h = NULL;
    for (size_t layer = 0; layer <= last; layer++) {
        size_t width = mlp->sizes[layer + 1], repeat = 0;
        const float *bias = values + mlp->bias_at[layer];
        float *repeated = NULL, *y = out;
        if (layer < last)
            TIDE_TRY(take_floats(tape, rows, width, &y));
        if (layer == 0)
            TIDE_TRY(first_product(tape, mlp, saved, y, &repeated, &repeat));
        else if (layer == last && width <= TIDE_NARROW)
            tide_narrow_forward(y, h, rows, mlp->sizes[layer], values + mlp->weight_at[layer], bias, width);
        else
            product(mlp, layer, h, rows, y);
        if (layer < last)
            tide_bias_relu(y, rows, width, repeated != NULL ? repeated : bias, repeat);
        else if (repeated != NULL)
            for (size_t i = 0; i < rows; i++)
                tide_bias(y + i * width, 1, width, repeated + i / repeat * width);
        else if (layer == 0 || width > TIDE_NARROW)
            tide_bias(y, rows, width, bias);
        if (repeated != NULL)
            give_floats(tape, repeated, rows / repeat, width);
        if (layer < last) {
            if (!keep && h != NULL)
                give_floats(tape, saved->hidden[layer - 1], rows, mlp->sizes[layer]);
            saved->hidden[layer] = y;
            h = y;
        }
    }
    if (mlp->tanh_scale != 0.0f)
        tide_scaled_tanh(out, rows * mlp->sizes[mlp->n_layers], mlp->tanh_scale);
    if (!keep && last > 0)
        give_floats(tape, saved->hidden[last - 1], rows, mlp->sizes[last]);
    return TIDE_OK;
}

/* ---- backward ---- */

static void give_joined(tide_tape *tape, const mlp_saved *saved)
{
    for (size_t r = 0; r < saved->n_runs; r++)
        if (saved->runs[r].joined_bytes > 0)
            tide_arena_give_back(tide_tape_arena(tape), (void *)saved->runs[r].data, saved->runs[r].joined_bytes);
}

static void mlp_release(tide_tape *tape, tide_value *value)
{
    mlp_saved *saved = value->saved;
    for (size_t layer = 0; layer + 1 < saved->mlp->n_layers; layer++)
        give_floats(tape, saved->hidden[layer], saved->rows, saved->mlp->sizes[layer + 1]);
    give_joined(tape, saved);
}

/* Where the gradients of this network go, or nowhere when they are not wanted. */
typedef struct weight_target {
    bool wanted;
    float beta; /* 0: the block has no gradient yet, write; 1: add */
} weight_target;

static float *begin_sums(const tide_mlp *mlp, weight_target to, size_t layer)
{
    if (!to.wanted)
        return NULL;
    float *sums = mlp->parameters->gradients + mlp->bias_at[layer];
    if (to.beta == 0.0f)
        memset(sums, 0, mlp->sizes[layer + 1] * sizeof(float));
    return sums;
}

/* The first layer: weight gradients and input gradients, run by run. g (rows, width) is before the bias. */
static tide_status first_layer_backward(tide_tape *tape, tide_value *value, const float *g, weight_target to)
{
    const mlp_saved *saved = value->saved;
    const tide_mlp *mlp = saved->mlp;
    size_t width = mlp->sizes[1], inputs = mlp->sizes[0];
    for (size_t r = 0; r < saved->n_runs; r++) {
        const input_run *run = &saved->runs[r];
        const float *run_g = g;
        float *summed = NULL;
        bool input_wanted = false;
        for (size_t p = run->first_part; p < run->first_part + run->n_parts; p++)
            input_wanted |= value->inputs[p]->tracked && value->inputs[p]->wanted;
        if (!to.wanted && !input_wanted)
            continue;
        if (run->rows != saved->rows) {
            TIDE_TRY(take_floats(tape, run->rows, width, &summed));
            tide_sum_repeats(summed, g, saved->rows, width, saved->rows / run->rows);
            run_g = summed;
        }
        if (to.wanted)
            tide_gemm(true, false, width, run->width, run->rows, run_g, width, run->data, run->width, to.beta,
                      mlp->parameters->gradients + mlp->weight_at[0] + run->stride_in, inputs);
        size_t column = run->stride_in;
        for (size_t p = run->first_part; p < run->first_part + run->n_parts; p++) {
            tide_value *part = value->inputs[p];
            size_t dim = part->tensor.dims[1];
            if (part->tracked && part->wanted) {
                float *into;
                bool fresh;
                TIDE_TRY(tide_tape_gradient(tape, part, &into, &fresh));
                tide_gemm(false, false, run->rows, dim, width, run_g, width,
                          mlp->parameters->values + mlp->weight_at[0] + column, inputs, fresh ? 0.0f : 1.0f, into, dim);
            }
            column += dim;
        }
        if (summed != NULL)
            give_floats(tape, summed, run->rows, width);
    }
    return TIDE_OK;
}

/* Layer i > 0: from g (rows, out) make the weight gradients and *below (rows, in), already masked by the
 * ReLU under it, whose bias gradients are summed on the way. */
static tide_status layer_backward(tide_tape *tape, const mlp_saved *saved, size_t layer, const float *g,
                                  weight_target to, float **below)
{
    const tide_mlp *mlp = saved->mlp;
    size_t rows = saved->rows, in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
    const float *weight = mlp->parameters->values + mlp->weight_at[layer], *h = saved->hidden[layer - 1];
    float *gradient = mlp->parameters->gradients + mlp->weight_at[layer];
    float *sums = begin_sums(mlp, to, layer - 1);
    TIDE_TRY(take_floats(tape, rows, in, below));
    if (out <= TIDE_NARROW) {
        if (to.wanted) {
            if (to.beta == 0.0f)
                memset(gradient, 0, in * out * sizeof(float));
            tide_narrow_weights(gradient, g, h, rows, in, out);
        }
        tide_narrow_backward(*below, g, h, rows, in, weight, out, sums);
        return TIDE_OK;
    }
    if (to.wanted)
        tide_gemm(true, false, out, in, rows, g, out, h, in, to.beta, gradient, in);
    tide_gemm(false, false, rows, in, out, g, out, weight, in, 0.0f, *below, in);
    tide_relu_backward(*below, h, rows, in, sums);
    return TIDE_OK;
}

static tide_status mlp_backward(tide_tape *tape, tide_value *value)
{
    const mlp_saved *saved = value->saved;
    const tide_mlp *mlp = saved->mlp;
    tide_parameters *block = mlp->parameters;
    size_t rows = saved->rows, outputs = mlp->sizes[mlp->n_layers];
    weight_target to = {.wanted = block->trainable && block->wanted, .beta = block->has_gradient ? 1.0f : 0.0f};
    float *g = value->gradient;
    if (mlp->tanh_scale != 0.0f) /* in place: this gradient is read by nobody else */
        tide_scaled_tanh_backward(g, g, value->tensor.data, rows * outputs, mlp->tanh_scale);
    if (to.wanted)
        tide_column_sums(g, rows, outputs, begin_sums(mlp, to, mlp->n_layers - 1));
    for (size_t layer = mlp->n_layers - 1; layer > 0; layer--) {
        float *below;
        TIDE_TRY(layer_backward(tape, saved, layer, g, to, &below));
        if (g != value->gradient)
            give_floats(tape, g, rows, mlp->sizes[layer + 1]);
        g = below;
    }
    TIDE_TRY(first_layer_backward(tape, value, g, to));
    if (g != value->gradient)
        give_floats(tape, g, rows, mlp->sizes[1]);
    if (to.wanted)
        block->has_gradient = true;
    return TIDE_OK;
}

static const tide_op mlp_record = {
    .name = "a network", .backward = mlp_backward, .release = mlp_release, .reads = true};

tide_status tide_mlp_forward(tide_tape *tape, tide_mlp *mlp, tide_value *const *parts, size_t n_parts, tide_value **out)
{
    size_t rows = 0;
    TIDE_TRY(check_parts(mlp, parts, n_parts, &rows));
    bool keep = tide_tape_would_record(tape, parts, n_parts, mlp->parameters);
    mlp_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    saved->mlp = mlp;
    saved->rows = rows;
    TIDE_TRY(gather_runs(tape, parts, n_parts, saved->runs, &saved->n_runs));
    const size_t dims[2] = {rows, mlp->sizes[mlp->n_layers]};
    TIDE_TRY(tide_tape_fresh(tape, mlp->scalar ? 1 : 2, dims, out));
    TIDE_TRY(run_layers(tape, mlp, saved, keep, (*out)->tensor.data));
    if (!keep) {
        give_joined(tape, saved);
        tide_arena_give_back(tide_tape_arena(tape), saved, sizeof *saved);
        return TIDE_OK;
    }
    return tide_tape_record(tape, *out, &mlp_record, parts, n_parts, mlp->parameters, saved);
}
