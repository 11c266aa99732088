#include <string.h>

#include "base/alloc.h"
#include "nn/mlp_backward.h"
#include "tensor/kernels.h"

/* ---- first pass: rows ---- */

/* One unit's sums that stand `at` there; NULL where nobody wants them. */
static float *unit_sums(const mlp_backward *pass, size_t unit, size_t at)
{
    return pass->wanted ? pass->sums + unit * pass->sums_floats + at : NULL;
}

/* What the ReLU's backward sums of a hidden layer: the gradient of its bias, of its shift where it is normalised. */
static float *relu_sums(const mlp_backward *pass, size_t unit, size_t layer)
{
    bool normalised = tide_mlp_normalises(pass->mlp, layer);
    return unit_sums(pass, unit, normalised ? pass->shift_sums_at[layer] : pass->bias_sums_at[layer]);
}

/* From g[layer] to g[layer - 1] before the ReLU; one narrow layer's unit. */
static void narrow_unit(const mlp_backward *pass, size_t layer, size_t unit, tide_span rows)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1], count = rows.end - rows.first;
    const float *g = mlp_gradient_at(pass, layer, rows.first), *h = pass->saved->hidden[layer - 1] + rows.first * in;
    tide_narrow_backward(mlp_gradient_at(pass, layer - 1, rows.first), g, h, count, in,
                         mlp->parameters->values + mlp->weight_at[layer], out, relu_sums(pass, unit, layer - 1),
                         unit_sums(pass, unit, pass->weight_sums_at[layer]));
}

/* g[layer], from behind a hidden layer's gain and shift to before its bias. */
static void norm_unit(const mlp_backward *pass, size_t layer, size_t unit, tide_span rows)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[layer + 1];
    tide_norm_backward(mlp_gradient_at(pass, layer, rows.first), pass->saved->normal[layer] + rows.first * width,
                       pass->saved->scales[layer] + rows.first, rows.end - rows.first, width,
                       mlp->parameters->values + mlp->gain_at[layer], unit_sums(pass, unit, pass->gain_sums_at[layer]),
                       unit_sums(pass, unit, pass->bias_sums_at[layer]));
}

/* g W of a layer, its rows and what comes after still to be named. */
static tide_gemm_job layer_job(const mlp_backward *pass, size_t layer)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
    return (tide_gemm_job){.bfloat16 = mlp->options.bfloat16,
                           .m = pass->saved->rows,
                           .n = in,
                           .k = out,
                           .lda = out,
                           .b = mlp->parameters->values + mlp->weight_at[layer],
                           .ldb = in,
                           .ldc = in};
}

/* From g[layer] to g[layer - 1] before the ReLU. `soon`: what is needed after it. */
static void layer_rows(const mlp_backward *pass, size_t layer, tide_span units, tide_soon soon)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], n = pass->saved->rows;
    size_t start = tide_gemm_unit_start(n, units.first);
    if (!mlp_is_narrow(mlp, layer)) {
        tide_gemm_job job = layer_job(pass, layer);
        job.a = mlp_gradient_at(pass, layer, start);
        job.panels = tide_gemm_panels_floats(&job) > 0 ? pass->panels[layer] : NULL; /* fewer rows may need none */
        job.c = mlp_gradient_at(pass, layer - 1, start);
        job.end = (tide_product_end){.mask = pass->saved->hidden[layer - 1] + start * in,
                                     .sums = relu_sums(pass, units.first, layer - 1)};
        job.sums_stride = pass->sums_floats;
        job.soon = soon;
        tide_gemm_part(&job, units);
    }
    for (size_t unit = units.first; unit < units.end; unit++) {
        tide_span rows = tide_gemm_rows(n, (tide_span){unit, unit + 1});
        if (mlp_is_narrow(mlp, layer))
            narrow_unit(pass, layer, unit, rows);
        if (mlp->options.layer_norm)
            norm_unit(pass, layer - 1, unit, rows);
    }
}

/* g (of some rows of the run) to the inputs that want it. */
static void run_inputs(const mlp_backward *pass, const mlp_run *run, tide_span units, const float *g)
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

/* All layers of some units; `next` are made after them. */
static void backward_rows(const mlp_backward *pass, tide_span units, tide_span next)
{
    const tide_mlp *mlp = pass->mlp;
    size_t n = pass->saved->rows, last = mlp->n_layers - 1, outputs = mlp->sizes[last + 1];
    tide_span rows = tide_gemm_rows(n, units);
    float *g = mlp_gradient_at(pass, last, rows.first);
    if (mlp->options.tanh_scale != 0.0f) /* in place: this gradient is read by nobody else */
        tide_scaled_tanh_backward(g, g, pass->outputs + rows.first * outputs, (rows.end - rows.first) * outputs,
                                  mlp->options.tanh_scale);
    for (size_t unit = units.first; unit < units.end && pass->wanted; unit++) {
        tide_span one = tide_gemm_rows(n, (tide_span){unit, unit + 1});
        memset(pass->sums + unit * pass->sums_floats, 0, pass->sums_floats * sizeof(float));
        tide_column_sums(mlp_gradient_at(pass, last, one.first), one.end - one.first, outputs,
                         unit_sums(pass, unit, pass->bias_sums_at[last]));
    }
    tide_soon soon = {0}; /* what the last layer of the next units reads */
    if (last > 0) {
        tide_span ahead = tide_gemm_rows(n, next);
        soon = (tide_soon){pass->saved->hidden[last - 1] + ahead.first * mlp->sizes[last],
                           (ahead.end - ahead.first) * mlp->sizes[last]};
    }
    for (size_t layer = last; layer > 0; layer--)
        layer_rows(pass, layer, units, layer == 1 ? soon : (tide_soon){0});
    for (size_t r = 0; r < pass->saved->n_runs; r++)
        if (pass->saved->runs[r].rows == n)
            run_inputs(pass, &pass->saved->runs[r], units, mlp_gradient_at(pass, 0, rows.first));
}

static void backward_part(void *context, size_t part, size_t parts)
{
    const mlp_backward *pass = context;
    tide_span mine = tide_pool_share(pass->units.end - pass->units.first, part, parts);
    size_t last = pass->units.first + mine.end;
    for (size_t unit = pass->units.first + mine.first; unit < last; unit += MLP_STEP) {
        size_t end = unit + MLP_STEP < last ? unit + MLP_STEP : last;
        size_t after = end + MLP_STEP < last ? end + MLP_STEP : last;
        backward_rows(pass, (tide_span){unit, end}, (tide_span){end, after});
    }
}

/* A repeated run's inputs. */
static void repeated_part(void *context, size_t part, size_t parts)
{
    const mlp_backward *pass = context;
    const mlp_run *run = &pass->saved->runs[pass->run];
    tide_span units = tide_pool_share(tide_gemm_units(run->rows), part, parts);
    tide_span rows = tide_gemm_rows(run->rows, units);
    run_inputs(pass, run, units, pass->summed[pass->run] + rows.first * pass->mlp->sizes[1]);
}

/* ---- both ---- */

/* Floats of the panels of a layer's weight, which every span of rows multiplies with. */
static size_t panels_floats(const mlp_backward *pass, size_t layer)
{
    const tide_gemm_job job = layer_job(pass, layer);
    return layer == 0 || mlp_is_narrow(pass->mlp, layer) ? 0 : tide_gemm_panels_floats(&job);
}

static void panels_part(void *context, size_t part, size_t parts)
{
    const mlp_backward *pass = context;
    for (size_t layer = 1; layer < pass->mlp->n_layers; layer++) {
        const tide_gemm_job job = layer_job(pass, layer);
        if (pass->panels[layer] != NULL)
            tide_gemm_panels_part(&job, pass->panels[layer], part, parts);
    }
}

/* Takes what the passes write, and makes panels. */
static tide_status prepare(tide_tape *tape, mlp_backward *pass)
{
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    size_t last = mlp->n_layers - 1, floats = 0, sum_panels = 0;
    const size_t line = TIDE_ALIGNMENT / sizeof(float);
    pass->g[last] = pass->value->gradient;
    pass->outputs = pass->value->tensor.data;
    for (size_t layer = 0; layer <= last; layer++) {
        if (layer < last)
            TIDE_TRY(mlp_take(tape, pass->most_held, mlp->sizes[layer + 1], &pass->g[layer]));
        if (panels_floats(pass, layer) > 0)
            TIDE_TRY(mlp_take(tape, 1, panels_floats(pass, layer), &pass->panels[layer]));
        sum_panels += panels_floats(pass, layer);
        pass->bias_sums_at[layer] = floats;
        floats += mlp->sizes[layer + 1];
        pass->weight_sums_at[layer] = floats;
        floats += mlp_is_narrow(mlp, layer) ? mlp->sizes[layer] * mlp->sizes[layer + 1] : 0;
        if (tide_mlp_normalises(mlp, layer)) {
            pass->gain_sums_at[layer] = floats;
            pass->shift_sums_at[layer] = floats + mlp->sizes[layer + 1];
            floats += 2 * mlp->sizes[layer + 1];
        }
    }
    pass->sums_floats = (floats + line - 1) / line * line;
    if (sum_panels > 0)
        tide_pool_run(panels_part, pass, tide_pool_parts(TIDE_MOST_THREADS, (double)(MLP_PANEL_FLOAT * sum_panels)));
    if (pass->wanted) {
        TIDE_TRY(mlp_take(tape, tide_gemm_units(saved->rows), pass->sums_floats, &pass->sums));
        TIDE_TRY(mlp_take(tape, MLP_FEW, mlp->sizes[1], &pass->turned));
    }
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

static void give_all(tide_tape *tape, const mlp_backward *pass)
{
    const mlp_saved *saved = pass->saved;
    for (size_t layer = 0; layer + 1 < pass->mlp->n_layers; layer++)
        mlp_give(tape, pass->g[layer], pass->most_held, pass->mlp->sizes[layer + 1]);
    mlp_give(tape, pass->sums, tide_gemm_units(saved->rows), pass->sums_floats);
    mlp_give(tape, pass->turned, MLP_FEW, pass->mlp->sizes[1]);
    for (size_t layer = 1; layer < pass->mlp->n_layers; layer++)
        mlp_give(tape, pass->panels[layer], 1, panels_floats(pass, layer));
    for (size_t r = 0; r < saved->n_runs; r++)
        mlp_give(tape, pass->summed[r], saved->runs[r].rows, pass->mlp->sizes[1]);
}

/* Units whose rows are made together: 12 have a multiple of TIDE_PRODUCT_TERMS rows where all are of 64. */
static size_t units_together(size_t rows)
{
    const size_t least = 12;
    size_t units = tide_gemm_units(rows);
    if (!tide_gemm_is_own()) /* whose bits may depend on where a product's terms are cut */
        return units;
    size_t wanted = (tide_pool_threads() * MLP_STEP + least - 1) / least * least;
    return wanted < units ? wanted : units;
}

/* Gradients of the rows before this one are not needed any more; those after it come first. */
static void forget(mlp_backward *pass, size_t row)
{
    size_t end = tide_gemm_rows(pass->saved->rows, pass->units).end;
    for (size_t layer = 0; layer + 1 < pass->mlp->n_layers && row < end; layer++)
        memmove(pass->g[layer], mlp_gradient_at(pass, layer, row),
                (end - row) * pass->mlp->sizes[layer + 1] * sizeof(float));
    pass->held = row;
}

/* Both passes, `together` units at a time. */
static void run_rows(mlp_backward *pass, size_t together, double operations)
{
    size_t rows = pass->saved->rows, units = tide_gemm_units(rows);
    float beta = pass->beta;
    bool repeated = false;
    for (size_t r = 0; r < pass->saved->n_runs; r++)
        repeated |= pass->summed[r] != NULL;
    operations *= (double)together / (double)units;
    for (size_t unit = 0; unit < units; unit += together) {
        pass->units = (tide_span){unit, unit + together < units ? unit + together : units};
        tide_pool_run(backward_part, pass, tide_pool_parts(pass->units.end - unit, operations));
        size_t end = tide_gemm_rows(rows, pass->units).end, first = pass->terms.end;
        size_t whole = (end - first) / TIDE_PRODUCT_TERMS * TIDE_PRODUCT_TERMS;
        pass->terms = (tide_span){first, end == rows ? rows : first + whole};
        if (pass->wanted || repeated)
            tide_pool_run(tide_mlp_terms_part, pass, tide_pool_parts(TIDE_MOST_THREADS, operations));
        pass->beta = pass->terms.end > 0 ? 1.0f : beta;
        forget(pass, pass->wanted ? pass->terms.end : end);
    }
    pass->beta = beta;
}

/* The pass to the inputs alone, of the rows that it is needed for. */
static tide_status run_chosen(tide_tape *tape, mlp_backward *pass, size_t together, double operations)
{
    mlp_chosen chosen;
    mlp_backward fewer = *pass;
    TIDE_TRY(tide_mlp_choose(tape, pass->value, pass->into, pass->into_beta, &chosen));
    if (!chosen.fewer) {
        run_rows(pass, together, operations);
    } else {
        fewer.saved = &chosen.saved;
        fewer.g[pass->mlp->n_layers - 1] = chosen.g;
        fewer.outputs = chosen.outputs;
        memcpy(fewer.into, chosen.into, sizeof fewer.into);
        if (chosen.saved.rows > 0)
            run_rows(&fewer, together, operations * (double)chosen.saved.rows / (double)pass->saved->rows);
        tide_mlp_put_chosen(pass->value, pass->into, pass->into_beta, &chosen);
    }
    tide_mlp_give_chosen(tape, pass->value, &chosen);
    return TIDE_OK;
}

tide_status tide_mlp_run_backward(tide_tape *tape, tide_value *value)
{
    const mlp_saved *saved = value->saved;
    tide_parameters *block = saved->mlp->parameters;
    mlp_backward pass = {.mlp = saved->mlp, .saved = saved, .value = value};
    size_t together = units_together(saved->rows);
    pass.wanted = block->trainable && block->wanted;
    pass.beta = block->has_gradient ? 1.0f : 0.0f;
    /* Terms that wait for a whole block of them; or, of fewer rows, the units may be a little larger. */
    pass.most_held = tide_gemm_most_rows(saved->rows, together) + TIDE_PRODUCT_TERMS;
    pass.most_held = pass.most_held < saved->rows ? pass.most_held : saved->rows;
    TIDE_TRY(prepare(tape, &pass));
    double operations = mlp_operations(saved);
    if (pass.wanted)
        run_rows(&pass, together, operations);
    else
        TIDE_TRY(run_chosen(tape, &pass, together, operations));
    for (pass.run = 0; pass.run < saved->n_runs; pass.run++)
        if (pass.summed[pass.run] != NULL)
            tide_pool_run(repeated_part, &pass,
                          tide_pool_parts(tide_gemm_units(saved->runs[pass.run].rows), operations / 4.0));
    if (pass.wanted) {
        tide_pool_run(tide_mlp_sums_part, &pass, tide_pool_parts(TIDE_MOST_THREADS, operations / 4.0));
        block->has_gradient = true;
    }
    give_all(tape, &pass);
    return TIDE_OK;
}
