#include <string.h>

#include "nn/mlp_passes.h"
#include "tensor/kernels.h"

typedef struct forward_pass {
    const tide_mlp *mlp;
    const mlp_saved *saved;
    tide_value *const *parts;
    float *out;
    float *repeated[TIDE_MAX_PARTS];   /* a run's product, where it is repeated, the bias in the first of them */
    float *run_panels[TIDE_MAX_PARTS]; /* of the first weight's columns for each run; NULL where products read it */
    float *panels[TIDE_MAX_LAYERS];    /* of the weights of layers above it */
    size_t run;                        /* whose product is being made */
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

/* What the products of a layer end with: the bias, and the ReLU where it is hidden. LayerNorm stands between them and
 * is a pass of its own, bias and ReLU with it. */
static tide_product_end layer_end(const tide_mlp *mlp, size_t layer)
{
    if (tide_mlp_normalises(mlp, layer))
        return (tide_product_end){0};
    return (tide_product_end){.bias = mlp->parameters->values + mlp->bias_at[layer], .relu = layer + 1 < mlp->n_layers};
}

/* y (count rows of this hidden layer from `row` on) <- its output, from the sums without their bias. */
static void normalise(const forward_pass *pass, size_t layer, size_t row, size_t count, const float *bias, float *y)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[layer + 1];
    float *normal = pass->saved->normal[layer], *scales = pass->saved->scales[layer];
    tide_bias_norm_relu(y, count, width, bias, mlp->parameters->values + mlp->gain_at[layer],
                        mlp->parameters->values + mlp->shift_at[layer], normal != NULL ? normal + row * width : NULL,
                        scales != NULL ? scales + row : NULL);
}

/* y = x W^T of a layer, its rows, bias and what comes after still to be named; in the first layer of run r, W its
 * columns. */
static tide_gemm_job layer_job(const forward_pass *pass, size_t layer, size_t r)
{
    const tide_mlp *mlp = pass->mlp;
    const mlp_run *run = layer == 0 ? &pass->saved->runs[r] : NULL;
    size_t in = mlp->sizes[layer], width = mlp->sizes[layer + 1];
    const float *weight = mlp->parameters->values + mlp->weight_at[layer];
    return (tide_gemm_job){.transpose_b = true,
                           .bfloat16 = mlp->options.bfloat16,
                           .m = run != NULL ? run->rows : pass->saved->rows,
                           .n = width,
                           .k = run != NULL ? run->width : in,
                           .lda = run != NULL ? run->width : in,
                           .b = run != NULL ? weight + run->column : weight,
                           .ldb = in,
                           .panels = run != NULL ? pass->run_panels[r] : pass->panels[layer],
                           .ldc = width};
}

/* The product of some rows of a run. */
static void run_product(const forward_pass *pass, size_t r, tide_span units, float beta, float *y, tide_product_end end)
{
    const mlp_run *run = &pass->saved->runs[r];
    tide_gemm_job job = layer_job(pass, 0, r);
    job.a = run->data + tide_gemm_unit_start(run->rows, units.first) * run->width;
    job.beta = beta;
    job.c = y;
    job.end = end;
    tide_gemm_part(&job, units);
}

/* A run that is repeated: its product is made once. */
static void repeated_part(void *context, size_t part, size_t parts)
{
    const forward_pass *pass = context;
    const mlp_run *run = &pass->saved->runs[pass->run];
    tide_span units = tide_pool_share(tide_gemm_units(run->rows), part, parts);
    tide_span rows = tide_gemm_rows(run->rows, units);
    join_rows(pass, run, rows);
    run_product(pass, pass->run, units, 0.0f, pass->repeated[pass->run] + rows.first * pass->mlp->sizes[1],
                (tide_product_end){.bias = pass->product_bias});
}

/* y += a repeated product, whose rows stand for several each. */
static void add_repeated(const forward_pass *pass, size_t r, tide_span rows, float *y)
{
    size_t width = pass->mlp->sizes[1], times = pass->saved->rows / pass->saved->runs[r].rows;
    for (size_t row = rows.first; row < rows.end; row++)
        tide_bias(y + (row - rows.first) * width, 1, width, pass->repeated[r] + row / times * width);
}

/* y <- the output of layer 0: products of the runs with all rows, then the repeated ones, the last of these in the
 * place of the bias, which is in the first of them. */
static void first_layer(const forward_pass *pass, tide_span units, tide_span rows, float *y)
{
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    size_t width = mlp->sizes[1], last_own = 0, last_repeated = 0, n_repeated = 0;
    for (size_t r = 0; r < saved->n_runs; r++) {
        if (pass->repeated[r] == NULL) {
            last_own = r;
            continue;
        }
        last_repeated = r;
        n_repeated++;
    }
    size_t times = saved->rows / saved->runs[last_repeated].rows;
    bool normalises = tide_mlp_normalises(mlp, 0);
    tide_product_end end = layer_end(mlp, 0);
    if (n_repeated > 0 && !normalises) {
        end.bias = pass->repeated[last_repeated];
        end.bias_row = width;
        end.repeats = times;
    }
    float beta = n_repeated > 1 ? 1.0f : 0.0f; /* the repeated ones before the last are there first */
    if (n_repeated > 1)
        memset(y, 0, (rows.end - rows.first) * width * sizeof *y);
    for (size_t r = 0; r < last_repeated; r++)
        if (pass->repeated[r] != NULL)
            add_repeated(pass, r, rows, y);
    for (size_t r = 0; r <= last_own; r++) {
        if (pass->repeated[r] != NULL)
            continue;
        join_rows(pass, &saved->runs[r], rows);
        run_product(pass, r, units, beta, y, r == last_own ? end : (tide_product_end){0});
        beta = 1.0f;
    }
    if (normalises && n_repeated == 0)
        normalise(pass, 0, rows.first, rows.end - rows.first, mlp->parameters->values + mlp->bias_at[0], y);
    for (size_t row = rows.first; row < rows.end && normalises && n_repeated > 0; row++)
        normalise(pass, 0, row, 1, pass->repeated[last_repeated] + row / times * width, y + (row - rows.first) * width);
}

/* y <- the output of a layer above it, from h. `soon`: what is needed after it. */
static void upper_layer(const forward_pass *pass, size_t layer, tide_span units, tide_span rows, const float *h,
                        float *y, tide_soon soon)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], width = mlp->sizes[layer + 1], count = rows.end - rows.first;
    const float *weight = mlp->parameters->values + mlp->weight_at[layer];
    const float *bias = mlp->parameters->values + mlp->bias_at[layer];
    if (layer + 1 == mlp->n_layers && width <= TIDE_NARROW) {
        tide_narrow_forward(y, h, count, in, weight, bias, width);
        return;
    }
    tide_gemm_job job = layer_job(pass, layer, 0);
    job.a = h;
    job.c = y;
    job.end = layer_end(mlp, layer);
    job.soon = soon;
    tide_gemm_part(&job, units);
    if (tide_mlp_normalises(mlp, layer))
        normalise(pass, layer, rows.first, count, bias, y);
}

/* All layers of some units; `next` are made after them. */
static void forward_rows(const forward_pass *pass, tide_span units, tide_span next, float *scratch)
{
    const tide_mlp *mlp = pass->mlp;
    size_t last = mlp->n_layers - 1;
    tide_span rows = tide_gemm_rows(pass->saved->rows, units);
    const float *h = NULL;
    tide_soon soon = {0}; /* what the first layer of the next units writes */
    if (scratch == NULL && last > 0) {
        tide_span ahead = tide_gemm_rows(pass->saved->rows, next);
        soon = (tide_soon){pass->saved->hidden[0] + ahead.first * mlp->sizes[1],
                           (ahead.end - ahead.first) * mlp->sizes[1]};
    }
    for (size_t layer = 0; layer <= last; layer++) {
        size_t width = mlp->sizes[layer + 1];
        float *y;
        if (layer == last)
            y = pass->out + rows.first * width;
        else if (scratch == NULL)
            y = pass->saved->hidden[layer] + rows.first * width;
        else
            y = scratch + layer % 2 * pass->layer_floats;
        if (layer == 0)
            first_layer(pass, units, rows, y);
        else
            upper_layer(pass, layer, units, rows, h, y, layer == 1 ? soon : (tide_soon){0});
        h = y;
    }
    if (mlp->options.tanh_scale != 0.0f)
        tide_scaled_tanh(pass->out + rows.first * mlp->sizes[last + 1], (rows.end - rows.first) * mlp->sizes[last + 1],
                         mlp->options.tanh_scale);
}

static void forward_part(void *context, size_t part, size_t parts)
{
    const forward_pass *pass = context;
    tide_span mine = tide_pool_share(tide_gemm_units(pass->saved->rows), part, parts);
    float *scratch = pass->scratch == NULL ? NULL : pass->scratch + part * 2 * pass->layer_floats;
    for (size_t unit = mine.first; unit < mine.end; unit += MLP_STEP) {
        size_t end = unit + MLP_STEP < mine.end ? unit + MLP_STEP : mine.end;
        size_t after = end + MLP_STEP < mine.end ? end + MLP_STEP : mine.end;
        forward_rows(pass, (tide_span){unit, end}, (tide_span){end, after}, scratch);
    }
}

/* ---- weights in panels: every span of rows multiplies with them ---- */

/* Floats that the panels of a layer's weight take; of one run's columns in the first. */
static size_t panels_floats(const forward_pass *pass, size_t layer, size_t run)
{
    const tide_mlp *mlp = pass->mlp;
    if (layer > 0 && mlp->sizes[layer + 1] <= TIDE_NARROW)
        return 0;
    const tide_gemm_job job = layer_job(pass, layer, run);
    return tide_gemm_panels_floats(&job);
}

static void panels_part(void *context, size_t part, size_t parts)
{
    const forward_pass *pass = context;
    for (size_t r = 0; r < pass->saved->n_runs; r++) {
        const tide_gemm_job job = layer_job(pass, 0, r);
        if (pass->run_panels[r] != NULL)
            tide_gemm_panels_part(&job, pass->run_panels[r], part, parts);
    }
    for (size_t layer = 1; layer < pass->mlp->n_layers; layer++) {
        const tide_gemm_job job = layer_job(pass, layer, 0);
        if (pass->panels[layer] != NULL)
            tide_gemm_panels_part(&job, pass->panels[layer], part, parts);
    }
}

static tide_status take_panels(tide_tape *tape, size_t floats, float **panels, size_t *sum)
{
    *sum += floats;
    return floats == 0 ? TIDE_OK : mlp_take(tape, 1, floats, panels);
}

static tide_status make_panels(tide_tape *tape, forward_pass *pass)
{
    size_t sum = 0;
    for (size_t r = 0; r < pass->saved->n_runs; r++)
        TIDE_TRY(take_panels(tape, panels_floats(pass, 0, r), &pass->run_panels[r], &sum));
    for (size_t layer = 1; layer < pass->mlp->n_layers; layer++)
        TIDE_TRY(take_panels(tape, panels_floats(pass, layer, 0), &pass->panels[layer], &sum));
    if (sum > 0)
        tide_pool_run(panels_part, pass, tide_pool_parts(TIDE_MOST_THREADS, (double)(MLP_PANEL_FLOAT * sum)));
    return TIDE_OK;
}

static void give_panels(tide_tape *tape, const forward_pass *pass)
{
    for (size_t r = 0; r < pass->saved->n_runs; r++)
        if (pass->run_panels[r] != NULL)
            mlp_give(tape, pass->run_panels[r], 1, panels_floats(pass, 0, r));
    for (size_t layer = 1; layer < pass->mlp->n_layers; layer++)
        if (pass->panels[layer] != NULL)
            mlp_give(tape, pass->panels[layer], 1, panels_floats(pass, layer, 0));
}

/* ---- the whole pass ---- */

static tide_status make_repeated(tide_tape *tape, forward_pass *pass)
{
    const mlp_saved *saved = pass->saved;
    size_t width = pass->mlp->sizes[1];
    pass->product_bias = pass->mlp->parameters->values + pass->mlp->bias_at[0];
    for (pass->run = 0; pass->run < saved->n_runs; pass->run++) {
        const mlp_run *run = &saved->runs[pass->run];
        if (run->rows == saved->rows)
            continue;
        TIDE_TRY(mlp_take(tape, run->rows, width, &pass->repeated[pass->run]));
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
    TIDE_TRY(make_panels(tape, &pass));
    TIDE_TRY(make_repeated(tape, &pass));
    tide_pool_run(forward_part, &pass, parts);
    give_panels(tape, &pass);
    for (size_t r = 0; r < saved->n_runs; r++)
        mlp_give(tape, pass.repeated[r], saved->runs[r].rows, mlp->sizes[1]);
    mlp_give(tape, pass.scratch, 2 * parts, pass.layer_floats);
    return TIDE_OK;
}
