#include <string.h>

#include "base/alloc.h"
#include "nn/mlp_passes.h"
#include "tensor/kernels.h"

/* Two passes. The first goes up the layers with rows, to the gradients of all layers' sums and of the
 * inputs. The second makes the gradients of the weights, whose rows are shared out. Sums over the batch that
 * the first pass can make on its way, it makes unit by unit; the second adds these up. */
typedef struct backward_pass {
    const tide_mlp *mlp;
    const mlp_saved *saved;
    tide_value *value;
    float *g[TIDE_MAX_LAYERS]; /* (rows, sizes[i + 1]): of layer i before its bias */
    bool wanted;               /* gradients of the parameters, and: */
    float beta;                /* 0: the block has no gradient yet, write; 1: add */
    float *into[TIDE_MAX_PARTS];
    float into_beta[TIDE_MAX_PARTS];
    float *summed[TIDE_MAX_PARTS]; /* g[0] summed over the rows that a repeated run's row stands for */
    size_t run;                    /* which is being summed */
    float *sums;                   /* of each unit */
    size_t sums_floats;            /* in one unit: */
    size_t bias_sums_at[TIDE_MAX_LAYERS], weight_sums_at[TIDE_MAX_LAYERS];
    size_t gain_sums_at[TIDE_MAX_LAYERS], shift_sums_at[TIDE_MAX_LAYERS]; /* of normalised layers */
} backward_pass;

/* Layers whose weight gradient is summed by the first pass. */
static bool is_narrow(const tide_mlp *mlp, size_t layer)
{
    return layer > 0 && mlp->sizes[layer + 1] <= TIDE_NARROW;
}

/* ---- first pass: rows ---- */

/* One unit's sums that stand `at` there; NULL where nobody wants them. */
static float *unit_sums(const backward_pass *pass, size_t unit, size_t at)
{
    return pass->wanted ? pass->sums + unit * pass->sums_floats + at : NULL;
}

/* What the ReLU's backward sums of a hidden layer: the gradient of its bias, of its shift where it is normalised. */
static float *relu_sums(const backward_pass *pass, size_t unit, size_t layer)
{
    bool normalised = tide_mlp_normalises(pass->mlp, layer);
    return unit_sums(pass, unit, normalised ? pass->shift_sums_at[layer] : pass->bias_sums_at[layer]);
}

/* From g[layer] to g[layer - 1] before the ReLU; one narrow layer's unit. */
static void narrow_unit(const backward_pass *pass, size_t layer, size_t unit, tide_span rows)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1], count = rows.end - rows.first;
    const float *g = pass->g[layer] + rows.first * out, *h = pass->saved->hidden[layer - 1] + rows.first * in;
    if (pass->wanted)
        tide_narrow_weights(pass->sums + unit * pass->sums_floats + pass->weight_sums_at[layer], g, h, count, in, out);
    tide_narrow_backward(pass->g[layer - 1] + rows.first * in, g, h, count, in,
                         mlp->parameters->values + mlp->weight_at[layer], out, relu_sums(pass, unit, layer - 1));
}

/* g[layer], from behind a hidden layer's gain and shift to before its bias. */
static void norm_unit(const backward_pass *pass, size_t layer, size_t unit, tide_span rows)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[layer + 1];
    tide_norm_backward(pass->g[layer] + rows.first * width, pass->saved->normal[layer] + rows.first * width,
                       pass->saved->scales[layer] + rows.first, rows.end - rows.first, width,
                       mlp->parameters->values + mlp->gain_at[layer], unit_sums(pass, unit, pass->gain_sums_at[layer]),
                       unit_sums(pass, unit, pass->bias_sums_at[layer]));
}

static void layer_rows(const backward_pass *pass, size_t layer, tide_span units)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1], n = pass->saved->rows;
    size_t start = tide_gemm_unit_start(n, units.first);
    float *below = pass->g[layer - 1];
    if (!is_narrow(mlp, layer)) {
        const tide_gemm_job job = {.bfloat16 = mlp->options.bfloat16,
                                   .m = n,
                                   .n = in,
                                   .k = out,
                                   .a = pass->g[layer] + start * out,
                                   .lda = out,
                                   .b = mlp->parameters->values + mlp->weight_at[layer],
                                   .ldb = in,
                                   .c = below + start * in,
                                   .ldc = in,
                                   .end = {.mask = pass->saved->hidden[layer - 1] + start * in,
                                           .sums = relu_sums(pass, units.first, layer - 1)},
                                   .sums_stride = pass->sums_floats};
        tide_gemm_part(&job, units);
    }
    for (size_t unit = units.first; unit < units.end; unit++) {
        tide_span rows = tide_gemm_rows(n, (tide_span){unit, unit + 1});
        if (is_narrow(mlp, layer))
            narrow_unit(pass, layer, unit, rows);
        if (mlp->options.layer_norm)
            norm_unit(pass, layer - 1, unit, rows);
    }
}

/* g (of some rows of the run) to the inputs that want it. */
static void run_inputs(const backward_pass *pass, const mlp_run *run, tide_span units, const float *g)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[1], start = tide_gemm_unit_start(run->rows, units.first), column = run->column;
    for (size_t p = run->first_part; p < run->first_part + run->n_parts; p++) {
        size_t dim = pass->value->inputs[p]->tensor.dims[1];
        const tide_gemm_job job = {.bfloat16 = mlp->options.bfloat16,
                                   .m = run->rows,
                                   .n = dim,
                                   .k = width,
                                   .a = g,
                                   .lda = width,
                                   .b = mlp->parameters->values + mlp->weight_at[0] + column,
                                   .ldb = mlp->sizes[0],
                                   .beta = pass->into_beta[p],
                                   .c = pass->into[p] == NULL ? NULL : pass->into[p] + start * dim,
                                   .ldc = dim};
        if (job.c != NULL)
            tide_gemm_part(&job, units);
        column += dim;
    }
}

static void backward_rows(const backward_pass *pass, tide_span units)
{
    const tide_mlp *mlp = pass->mlp;
    size_t n = pass->saved->rows, last = mlp->n_layers - 1, outputs = mlp->sizes[last + 1];
    tide_span rows = tide_gemm_rows(n, units);
    float *g = pass->g[last] + rows.first * outputs;
    if (mlp->options.tanh_scale != 0.0f) /* in place: this gradient is read by nobody else */
        tide_scaled_tanh_backward(g, g, pass->value->tensor.data + rows.first * outputs,
                                  (rows.end - rows.first) * outputs, mlp->options.tanh_scale);
    for (size_t unit = units.first; unit < units.end && pass->wanted; unit++) {
        tide_span one = tide_gemm_rows(n, (tide_span){unit, unit + 1});
        memset(pass->sums + unit * pass->sums_floats, 0, pass->sums_floats * sizeof(float));
        tide_column_sums(pass->g[last] + one.first * outputs, one.end - one.first, outputs,
                         unit_sums(pass, unit, pass->bias_sums_at[last]));
    }
    for (size_t layer = last; layer > 0; layer--)
        layer_rows(pass, layer, units);
    for (size_t r = 0; r < pass->saved->n_runs; r++)
        if (pass->saved->runs[r].rows == n)
            run_inputs(pass, &pass->saved->runs[r], units, pass->g[0] + rows.first * mlp->sizes[1]);
}

static void backward_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    tide_span mine = tide_pool_share(tide_gemm_units(pass->saved->rows), part, parts);
    for (size_t unit = mine.first; unit < mine.end; unit += MLP_STEP) {
        size_t end = unit + MLP_STEP < mine.end ? unit + MLP_STEP : mine.end;
        backward_rows(pass, (tide_span){unit, end});
    }
}

/* A repeated run's rows: each takes the sum of the gradients of its repeats. */
static void repeated_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    const mlp_run *run = &pass->saved->runs[pass->run];
    tide_span units = tide_pool_share(tide_gemm_units(run->rows), part, parts);
    tide_span rows = tide_gemm_rows(run->rows, units);
    size_t width = pass->mlp->sizes[1], times = pass->saved->rows / run->rows;
    float *summed = pass->summed[pass->run] + rows.first * width;
    tide_sum_repeats(summed, pass->g[0] + rows.first * times * width, (rows.end - rows.first) * times, width, times);
    run_inputs(pass, run, units, summed);
}

/* ---- second pass: weights ---- */

/* gradient (n) <- beta gradient + the sums of all units. */
static void add_sums(const backward_pass *pass, size_t at, float *gradient, tide_span span)
{
    size_t units = tide_gemm_units(pass->saved->rows), n = span.end - span.first;
    if (pass->beta == 0.0f)
        memset(gradient + span.first, 0, n * sizeof(float));
    for (size_t unit = 0; unit < units; unit++)
        tide_bias(gradient + span.first, 1, n, pass->sums + unit * pass->sums_floats + at + span.first);
}

/* gradient (out, in) = g^T x with g (k, out), x (k, in). Where it has few rows, columns are shared out. */
static void weight_part(const backward_pass *pass, size_t k, const float *g, size_t out, const float *x, size_t in,
                        float *gradient, size_t stride, size_t part, size_t parts)
{
    size_t units = tide_gemm_units(out);
    tide_gemm_job job = {.transpose_a = true,
                         .bfloat16 = pass->mlp->options.bfloat16,
                         .m = out,
                         .n = in,
                         .k = k,
                         .a = g,
                         .lda = out,
                         .b = x,
                         .ldb = in,
                         .beta = pass->beta,
                         .c = gradient,
                         .ldc = stride};
    if (units > 1) {
        tide_span mine = tide_pool_share(units, part, parts);
        size_t first = tide_gemm_unit_start(out, mine.first);
        job.a += first;
        job.c += first * stride;
        tide_gemm_part(&job, mine);
        return;
    }
    tide_span mine = tide_pool_share(tide_gemm_units(in), part, parts);
    for (size_t unit = mine.first; unit < mine.end; unit++) {
        tide_span columns = tide_gemm_rows(in, (tide_span){unit, unit + 1});
        job.n = columns.end - columns.first;
        job.b = x + columns.first;
        job.c = gradient + columns.first;
        tide_gemm_part(&job, (tide_span){0, 1});
    }
}

static void weights_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    float *gradients = mlp->parameters->gradients;
    for (size_t layer = 0; layer < mlp->n_layers; layer++) {
        size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
        float *gradient = gradients + mlp->weight_at[layer];
        add_sums(pass, pass->bias_sums_at[layer], gradients + mlp->bias_at[layer], tide_pool_share(out, part, parts));
        if (tide_mlp_normalises(mlp, layer)) {
            tide_span mine = tide_pool_share(out, part, parts);
            add_sums(pass, pass->gain_sums_at[layer], gradients + mlp->gain_at[layer], mine);
            add_sums(pass, pass->shift_sums_at[layer], gradients + mlp->shift_at[layer], mine);
        }
        if (is_narrow(mlp, layer))
            add_sums(pass, pass->weight_sums_at[layer], gradient, tide_pool_share(in * out, part, parts));
        else if (layer > 0)
            weight_part(pass, saved->rows, pass->g[layer], out, saved->hidden[layer - 1], in, gradient, in, part,
                        parts);
        for (size_t r = 0; r < saved->n_runs && layer == 0; r++) {
            const mlp_run *run = &saved->runs[r];
            weight_part(pass, run->rows, run->rows == saved->rows ? pass->g[0] : pass->summed[r], out, run->data,
                        run->width, gradient + run->column, in, part, parts);
        }
    }
}

/* ---- both ---- */

/* Takes what the passes write. */
static tide_status prepare(tide_tape *tape, backward_pass *pass)
{
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    size_t last = mlp->n_layers - 1, floats = 0;
    const size_t line = TIDE_ALIGNMENT / sizeof(float);
    pass->g[last] = pass->value->gradient;
    for (size_t layer = 0; layer <= last; layer++) {
        if (layer < last)
            TIDE_TRY(mlp_take(tape, saved->rows, mlp->sizes[layer + 1], &pass->g[layer]));
        pass->bias_sums_at[layer] = floats;
        floats += mlp->sizes[layer + 1];
        pass->weight_sums_at[layer] = floats;
        floats += is_narrow(mlp, layer) ? mlp->sizes[layer] * mlp->sizes[layer + 1] : 0;
        if (tide_mlp_normalises(mlp, layer)) {
            pass->gain_sums_at[layer] = floats;
            pass->shift_sums_at[layer] = floats + mlp->sizes[layer + 1];
            floats += 2 * mlp->sizes[layer + 1];
        }
    }
    pass->sums_floats = (floats + line - 1) / line * line;
    if (pass->wanted)
        TIDE_TRY(mlp_take(tape, tide_gemm_units(saved->rows), pass->sums_floats, &pass->sums));
    for (size_t r = 0; r < saved->n_runs; r++) {
        const mlp_run *run = &saved->runs[r];
        bool needed = pass->wanted;
        for (size_t p = run->first_part; p < run->first_part + run->n_parts; p++) {
            tide_value *part = pass->value->inputs[p];
            if (!part->tracked || !part->wanted)
                continue;
            bool fresh;
            TIDE_TRY(tide_tape_gradient(tape, part, &pass->into[p], &fresh));
            pass->into_beta[p] = fresh ? 0.0f : 1.0f;
            needed = true;
        }
        if (run->rows != saved->rows && needed)
            TIDE_TRY(mlp_take(tape, run->rows, mlp->sizes[1], &pass->summed[r]));
    }
    return TIDE_OK;
}

static void give_all(tide_tape *tape, const backward_pass *pass)
{
    const mlp_saved *saved = pass->saved;
    for (size_t layer = 0; layer + 1 < pass->mlp->n_layers; layer++)
        mlp_give(tape, pass->g[layer], saved->rows, pass->mlp->sizes[layer + 1]);
    mlp_give(tape, pass->sums, tide_gemm_units(saved->rows), pass->sums_floats);
    for (size_t r = 0; r < saved->n_runs; r++)
        mlp_give(tape, pass->summed[r], saved->runs[r].rows, pass->mlp->sizes[1]);
}

tide_status tide_mlp_run_backward(tide_tape *tape, tide_value *value)
{
    const mlp_saved *saved = value->saved;
    tide_parameters *block = saved->mlp->parameters;
    backward_pass pass = {.mlp = saved->mlp, .saved = saved, .value = value};
    pass.wanted = block->trainable && block->wanted;
    pass.beta = block->has_gradient ? 1.0f : 0.0f;
    TIDE_TRY(prepare(tape, &pass));
    double operations = mlp_operations(saved);
    tide_pool_run(backward_part, &pass, tide_pool_parts(tide_gemm_units(saved->rows), operations));
    for (pass.run = 0; pass.run < saved->n_runs; pass.run++)
        if (pass.summed[pass.run] != NULL)
            tide_pool_run(repeated_part, &pass,
                          tide_pool_parts(tide_gemm_units(saved->runs[pass.run].rows), operations / 4.0));
    if (pass.wanted) {
        tide_pool_run(weights_part, &pass, tide_pool_parts(TIDE_MOST_THREADS, operations));
        block->has_gradient = true;
    }
    give_all(tape, &pass);
    return TIDE_OK;
}
