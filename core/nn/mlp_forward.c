#include <string.h>

#include "nn/mlp_passes.h"
#include "tensor/kernels.h"

typedef struct forward_pass {
    const tide_mlp *mlp;
    const mlp_saved *saved;
    tide_value *const *parts;
    float *out;
    float *repeated[TIDE_MAX_PARTS]; /* a run's product, where it is repeated, the bias in the first of them */
    const mlp_run *run;              /* whose product is being made */
    float *product;
    const float *product_bias;
    float *scratch; /* two layers of some rows for each part, where hidden layers are not kept */
    size_t layer_floats;
} forward_pass;

static void join_rows(const forward_pass *pass, const mlp_run *run, tide_span rows)
{
    if (run->joined == NULL)
        return;
    size_t at = 0;
    for (size_t p = run->first_part; p < run->first_part + run->n_parts; p++) {
        size_t dim = pass->parts[p]->tensor.dims[1];
        const float *from = pass->parts[p]->tensor.data;
        for (size_t row = rows.first; row < rows.end; row++)
            memcpy(run->joined + row * run->width + at, from + row * dim, dim * sizeof(float));
        at += dim;
    }
}

/* y (count rows of this layer from `row` on) <- its output, from the sums without their bias: that is added,
 * hidden layers are normalised where the network does that, and pass the ReLU. */
static void activate(const forward_pass *pass, size_t layer, size_t row, size_t count, const float *bias, float *y)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[layer + 1];
    if (layer + 1 == mlp->n_layers) {
        tide_bias(y, count, width, bias);
    } else if (!mlp->options.layer_norm) {
        tide_bias_relu(y, count, width, bias);
    } else {
        float *normal = pass->saved->normal[layer], *scales = pass->saved->scales[layer];
        tide_bias_norm_relu(y, count, width, bias, mlp->parameters->values + mlp->gain_at[layer],
                            mlp->parameters->values + mlp->shift_at[layer],
                            normal != NULL ? normal + row * width : NULL, scales != NULL ? scales + row : NULL);
    }
}

/* y = x W^T for some rows of a run, W its columns of the first weight. */
static void run_product(const tide_mlp *mlp, const mlp_run *run, tide_span units, float beta, float *y)
{
    size_t width = mlp->sizes[1], first = tide_gemm_unit_start(run->rows, units.first);
    tide_gemm_part(false, true, run->rows, units, width, run->width, run->data + first * run->width, run->width,
                   mlp->parameters->values + mlp->weight_at[0] + run->column, mlp->sizes[0], beta, y, width);
}

/* A run that is repeated: its product is made once. */
static void repeated_part(void *context, size_t part, size_t parts)
{
    const forward_pass *pass = context;
    const mlp_run *run = pass->run;
    size_t width = pass->mlp->sizes[1];
    tide_span units = tide_pool_share(tide_gemm_units(run->rows), part, parts);
    tide_span rows = tide_gemm_rows(run->rows, units);
    float *y = pass->product + rows.first * width;
    join_rows(pass, run, rows);
    run_product(pass->mlp, run, units, 0.0f, y);
    if (pass->product_bias != NULL)
        tide_bias(y, rows.end - rows.first, width, pass->product_bias);
}

/* y <- the output of layer 0. */
static void first_layer(const forward_pass *pass, tide_span units, tide_span rows, float *y)
{
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    size_t width = mlp->sizes[1], count = rows.end - rows.first;
    const float *bias = mlp->parameters->values + mlp->bias_at[0];
    float beta = 0.0f;
    for (size_t r = 0; r < saved->n_runs; r++) {
        if (pass->repeated[r] != NULL)
            continue;
        join_rows(pass, &saved->runs[r], rows);
        run_product(mlp, &saved->runs[r], units, beta, y);
        beta = 1.0f;
    }
    size_t left = 0; /* repeated products to add; the last in the bias's place, which is in the first of them */
    for (size_t r = 0; r < saved->n_runs; r++)
        left += pass->repeated[r] != NULL;
    if (left == 0)
        activate(pass, 0, rows.first, count, bias, y);
    for (size_t r = 0; r < saved->n_runs; r++) {
        if (pass->repeated[r] == NULL)
            continue;
        size_t times = saved->rows / saved->runs[r].rows;
        bool last = --left == 0;
        for (size_t row = rows.first; row < rows.end; row++) {
            const float *product = pass->repeated[r] + row / times * width;
            if (last)
                activate(pass, 0, row, 1, product, y + (row - rows.first) * width);
            else
                tide_bias(y + (row - rows.first) * width, 1, width, product);
        }
    }
}

static void forward_rows(const forward_pass *pass, tide_span units, float *scratch)
{
    const tide_mlp *mlp = pass->mlp;
    size_t last = mlp->n_layers - 1;
    tide_span rows = tide_gemm_rows(pass->saved->rows, units);
    size_t count = rows.end - rows.first;
    const float *values = mlp->parameters->values, *h = NULL;
    for (size_t layer = 0; layer <= last; layer++) {
        size_t in = mlp->sizes[layer], width = mlp->sizes[layer + 1];
        const float *weight = values + mlp->weight_at[layer], *bias = values + mlp->bias_at[layer];
        float *y;
        if (layer == last)
            y = pass->out + rows.first * width;
        else if (scratch == NULL)
            y = pass->saved->hidden[layer] + rows.first * width;
        else
            y = scratch + layer % 2 * pass->layer_floats;
        if (layer == 0) {
            first_layer(pass, units, rows, y);
        } else if (layer == last && width <= TIDE_NARROW) {
            tide_narrow_forward(y, h, count, in, weight, bias, width);
        } else {
            tide_gemm_part(false, true, pass->saved->rows, units, width, in, h, in, weight, in, 0.0f, y, width);
            activate(pass, layer, rows.first, count, bias, y);
        }
        h = y;
    }
    if (mlp->options.tanh_scale != 0.0f)
        tide_scaled_tanh(pass->out + rows.first * mlp->sizes[last + 1], count * mlp->sizes[last + 1],
                         mlp->options.tanh_scale);
}

static void forward_part(void *context, size_t part, size_t parts)
{
    const forward_pass *pass = context;
    tide_span mine = tide_pool_share(tide_gemm_units(pass->saved->rows), part, parts);
    float *scratch = pass->scratch == NULL ? NULL : pass->scratch + part * 2 * pass->layer_floats;
    for (size_t unit = mine.first; unit < mine.end; unit += MLP_STEP) {
        size_t end = unit + MLP_STEP < mine.end ? unit + MLP_STEP : mine.end;
        forward_rows(pass, (tide_span){unit, end}, scratch);
    }
}

static tide_status make_repeated(tide_tape *tape, forward_pass *pass)
{
    const mlp_saved *saved = pass->saved;
    size_t width = pass->mlp->sizes[1];
    pass->product_bias = pass->mlp->parameters->values + pass->mlp->bias_at[0];
    for (size_t r = 0; r < saved->n_runs; r++) {
        const mlp_run *run = &saved->runs[r];
        if (run->rows == saved->rows)
            continue;
        TIDE_TRY(mlp_take(tape, run->rows, width, &pass->repeated[r]));
        pass->run = run;
        pass->product = pass->repeated[r];
        double operations = 2.0 * (double)run->rows * (double)run->width * (double)width;
        tide_pool_run(repeated_part, pass, tide_pool_parts(tide_gemm_units(run->rows), operations));
        pass->product_bias = NULL;
    }
    return TIDE_OK;
}

tide_status tide_mlp_run_forward(tide_tape *tape, tide_value *const *inputs, mlp_saved *saved, bool keep, float *out)
{
    const tide_mlp *mlp = saved->mlp;
    size_t rows = saved->rows, widest = 0, parts = tide_pool_parts(tide_gemm_units(rows), mlp_operations(saved));
    forward_pass pass = {.mlp = mlp, .saved = saved, .parts = inputs, .out = out};
    for (size_t layer = 0; layer + 1 < mlp->n_layers; layer++) {
        size_t width = mlp->sizes[layer + 1];
        widest = width > widest ? width : widest;
        saved->normal[layer] = saved->scales[layer] = NULL;
        if (!keep)
            continue;
        TIDE_TRY(mlp_take(tape, rows, width, &saved->hidden[layer]));
        if (mlp->options.layer_norm) {
            TIDE_TRY(mlp_take(tape, rows, width, &saved->normal[layer]));
            TIDE_TRY(mlp_take(tape, rows, 1, &saved->scales[layer]));
        }
    }
    if (!keep && widest > 0) {
        const size_t line = TIDE_ALIGNMENT / sizeof(float);
        pass.layer_floats = (widest * tide_gemm_most_rows(rows, MLP_STEP) + line - 1) / line * line;
        TIDE_TRY(mlp_take(tape, 2 * parts, pass.layer_floats, &pass.scratch));
    }
    TIDE_TRY(make_repeated(tape, &pass));
    tide_pool_run(forward_part, &pass, parts);
    for (size_t r = 0; r < saved->n_runs; r++)
        mlp_give(tape, pass.repeated[r], saved->runs[r].rows, mlp->sizes[1]);
    mlp_give(tape, pass.scratch, 2 * parts, pass.layer_floats);
    return TIDE_OK;
}
