#include <string.h>

#include "base/alloc.h"
#include "nn/mlp_passes.h"
#include "tensor/kernels.h"

/* Two passes, over some units of rows after others, so that what the first leaves for the second is still in cache.
 * The first goes up the layers with rows, to the gradients of all layers' sums and of the inputs. The second makes the
 * gradients of the weights, whose rows are shared out; terms come in blocks of TIDE_PRODUCT_TERMS, as in a product of
 * all rows. Sums over the batch that the first pass can make on its way, it makes unit by unit; they are added up at
 * the end. */
typedef struct backward_pass {
    const tide_mlp *mlp;
    const mlp_saved *saved;
    tide_value *value;
    float *g[TIDE_MAX_LAYERS]; /* (held, sizes[i + 1]): of layer i before its bias; the last one's of all rows */
    size_t held, most_held;    /* the row that they start with; how many rows they have room for */
    tide_span units;           /* of the rows that are being made */
    tide_span terms;           /* the rows whose part of the weights' gradients is being made */
    bool wanted;               /* gradients of the parameters, and: */
    float beta;                /* 0: the block has no gradient yet, write; 1: add */
    float *into[TIDE_MAX_PARTS];
    float into_beta[TIDE_MAX_PARTS];
    float *summed[TIDE_MAX_PARTS]; /* g[0] summed over the rows that a repeated run's row stands for */
    size_t run;                    /* which is being summed */
    float *sums;                   /* of each unit */
    float *turned;                 /* a weight gradient of few inputs, columns for rows */
    size_t sums_floats;            /* in one unit: */
    size_t bias_sums_at[TIDE_MAX_LAYERS], weight_sums_at[TIDE_MAX_LAYERS];
    size_t gain_sums_at[TIDE_MAX_LAYERS], shift_sums_at[TIDE_MAX_LAYERS]; /* of normalised layers */
} backward_pass;

/* Layers whose weight gradient is summed by the first pass. */
static bool is_narrow(const tide_mlp *mlp, size_t layer)
{
    return layer > 0 && mlp->sizes[layer + 1] <= TIDE_NARROW;
}

/* g[layer] from this row on. */
static float *gradient_at(const backward_pass *pass, size_t layer, size_t row)
{
    size_t start = layer + 1 == pass->mlp->n_layers ? 0 : pass->held;
    return pass->g[layer] + (row - start) * pass->mlp->sizes[layer + 1];
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
    const float *g = gradient_at(pass, layer, rows.first), *h = pass->saved->hidden[layer - 1] + rows.first * in;
    tide_narrow_backward(gradient_at(pass, layer - 1, rows.first), g, h, count, in,
                         mlp->parameters->values + mlp->weight_at[layer], out, relu_sums(pass, unit, layer - 1),
                         unit_sums(pass, unit, pass->weight_sums_at[layer]));
}

/* g[layer], from behind a hidden layer's gain and shift to before its bias. */
static void norm_unit(const backward_pass *pass, size_t layer, size_t unit, tide_span rows)
{
    const tide_mlp *mlp = pass->mlp;
    size_t width = mlp->sizes[layer + 1];
    tide_norm_backward(gradient_at(pass, layer, rows.first), pass->saved->normal[layer] + rows.first * width,
                       pass->saved->scales[layer] + rows.first, rows.end - rows.first, width,
                       mlp->parameters->values + mlp->gain_at[layer], unit_sums(pass, unit, pass->gain_sums_at[layer]),
                       unit_sums(pass, unit, pass->bias_sums_at[layer]));
}

/* From g[layer] to g[layer - 1] before the ReLU. `soon`: what is needed after it. */
static void layer_rows(const backward_pass *pass, size_t layer, tide_span units, tide_soon soon)
{
    const tide_mlp *mlp = pass->mlp;
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1], n = pass->saved->rows;
    size_t start = tide_gemm_unit_start(n, units.first);
    if (!is_narrow(mlp, layer)) {
        const tide_gemm_job job = {.bfloat16 = mlp->options.bfloat16,
                                   .m = n,
                                   .n = in,
                                   .k = out,
                                   .a = gradient_at(pass, layer, start),
                                   .lda = out,
                                   .b = mlp->parameters->values + mlp->weight_at[layer],
                                   .ldb = in,
                                   .c = gradient_at(pass, layer - 1, start),
                                   .ldc = in,
                                   .end = {.mask = pass->saved->hidden[layer - 1] + start * in,
                                           .sums = relu_sums(pass, units.first, layer - 1)},
                                   .sums_stride = pass->sums_floats,
                                   .soon = soon};
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

/* All layers of some units; `next` are made after them. */
static void backward_rows(const backward_pass *pass, tide_span units, tide_span next)
{
    const tide_mlp *mlp = pass->mlp;
    size_t n = pass->saved->rows, last = mlp->n_layers - 1, outputs = mlp->sizes[last + 1];
    tide_span rows = tide_gemm_rows(n, units);
    float *g = gradient_at(pass, last, rows.first);
    if (mlp->options.tanh_scale != 0.0f) /* in place: this gradient is read by nobody else */
        tide_scaled_tanh_backward(g, g, pass->value->tensor.data + rows.first * outputs,
                                  (rows.end - rows.first) * outputs, mlp->options.tanh_scale);
    for (size_t unit = units.first; unit < units.end && pass->wanted; unit++) {
        tide_span one = tide_gemm_rows(n, (tide_span){unit, unit + 1});
        memset(pass->sums + unit * pass->sums_floats, 0, pass->sums_floats * sizeof(float));
        tide_column_sums(gradient_at(pass, last, one.first), one.end - one.first, outputs,
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
            run_inputs(pass, &pass->saved->runs[r], units, gradient_at(pass, 0, rows.first));
}

static void backward_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    tide_span mine = tide_pool_share(pass->units.end - pass->units.first, part, parts);
    size_t last = pass->units.first + mine.end;
    for (size_t unit = pass->units.first + mine.first; unit < last; unit += MLP_STEP) {
        size_t end = unit + MLP_STEP < last ? unit + MLP_STEP : last;
        size_t after = end + MLP_STEP < last ? end + MLP_STEP : last;
        backward_rows(pass, (tide_span){unit, end}, (tide_span){end, after});
    }
}

/* A repeated run's rows: each takes the sum of the gradients of its repeats, of those that have been made. */
static void sum_part(const backward_pass *pass, size_t r, size_t part, size_t parts)
{
    tide_span made = tide_gemm_rows(pass->saved->rows, pass->units);
    size_t width = pass->mlp->sizes[1], times = pass->saved->rows / pass->saved->runs[r].rows;
    size_t first = made.first / times;
    tide_span mine = tide_pool_share((made.end + times - 1) / times - first, part, parts);
    for (size_t row = first + mine.first; row < first + mine.end; row++) {
        size_t from = row * times > made.first ? row * times : made.first;
        size_t end = (row + 1) * times < made.end ? (row + 1) * times : made.end;
        float *sum = pass->summed[r] + row * width;
        if (from == row * times)
            memset(sum, 0, width * sizeof *sum);
        tide_column_sums(gradient_at(pass, 0, from), end - from, width, sum);
    }
}

/* A repeated run's inputs. */
static void repeated_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    const mlp_run *run = &pass->saved->runs[pass->run];
    tide_span units = tide_pool_share(tide_gemm_units(run->rows), part, parts);
    tide_span rows = tide_gemm_rows(run->rows, units);
    run_inputs(pass, run, units, pass->summed[pass->run] + rows.first * pass->mlp->sizes[1]);
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

/* Columns of a weight gradient are shared out by so many, whole cache lines. FEW: with so many inputs it is turned. */
enum { COLUMNS = 64, FEW = 64 };

/* c (m, n) = a^T b with a (k, m), b (k, n); columns are shared out. */
static void wide_part(tide_gemm_job job, size_t part, size_t parts)
{
    tide_span mine = tide_pool_share((job.n + COLUMNS - 1) / COLUMNS, part, parts);
    size_t n = job.n, end = mine.end * COLUMNS < n ? mine.end * COLUMNS : n;
    const float *b = job.b;
    float *c = job.c;
    for (size_t column = mine.first * COLUMNS; column < end; column += COLUMNS) {
        job.n = end - column < COLUMNS ? end - column : COLUMNS;
        job.b = b + column;
        job.c = c + column;
        tide_gemm_part(&job, (tide_span){0, tide_gemm_units(job.m)});
    }
}

/* gradient (out, in) = g^T x with g (k, out), x (k, in). */
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
    if (units == 1) {
        wide_part(job, part, parts);
        return;
    }
    tide_span mine = tide_pool_share(units, part, parts);
    size_t first = tide_gemm_unit_start(out, mine.first);
    job.a += first;
    job.c += first * stride;
    tide_gemm_part(&job, mine);
}

/* The same where there are few inputs: turned around, so that a product's columns are the many. */
static void turned_part(const backward_pass *pass, size_t k, const float *g, size_t out, const float *x, size_t in,
                        float *gradient, size_t stride, size_t part, size_t parts)
{
    tide_span mine = tide_pool_share((out + COLUMNS - 1) / COLUMNS, part, parts);
    size_t first = mine.first * COLUMNS, end = mine.end * COLUMNS < out ? mine.end * COLUMNS : out;
    float *turned = pass->turned;
    for (size_t i = 0; i < in && pass->beta != 0.0f; i++)
        for (size_t j = first; j < end; j++)
            turned[i * out + j] = gradient[j * stride + i];
    const tide_gemm_job job = {.transpose_a = true,
                               .bfloat16 = pass->mlp->options.bfloat16,
                               .m = in,
                               .n = out,
                               .k = k,
                               .a = x,
                               .lda = in,
                               .b = g,
                               .ldb = out,
                               .beta = pass->beta,
                               .c = turned,
                               .ldc = out};
    wide_part(job, part, parts);
    for (size_t j = first; j < end; j++)
        for (size_t i = 0; i < in; i++)
            gradient[j * stride + i] = turned[i * out + j];
}

/* The columns of the first weight that a run is multiplied with, from `count` of its rows. */
static void first_weight_part(const backward_pass *pass, const mlp_run *run, size_t row, size_t count, const float *g,
                              size_t part, size_t parts)
{
    const tide_mlp *mlp = pass->mlp;
    (run->width <= FEW ? turned_part : weight_part)(
        pass, count, g, mlp->sizes[1], run->data + row * run->width, run->width,
        mlp->parameters->gradients + mlp->weight_at[0] + run->column, mlp->sizes[0], part, parts);
}

/* What these rows add: to the sums of repeated runs, to the gradients of all weights but a repeated run's. */
static void terms_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    const tide_mlp *mlp = pass->mlp;
    const mlp_saved *saved = pass->saved;
    size_t first = pass->terms.first, count = pass->terms.end - first;
    for (size_t r = 0; r < saved->n_runs; r++)
        if (pass->summed[r] != NULL)
            sum_part(pass, r, part, parts);
    if (!pass->wanted || count == 0)
        return;
    for (size_t layer = 0; layer < mlp->n_layers; layer++) {
        size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
        float *gradient = mlp->parameters->gradients + mlp->weight_at[layer];
        const float *g = gradient_at(pass, layer, first);
        for (size_t r = 0; r < saved->n_runs && layer == 0; r++) {
            const mlp_run *run = &saved->runs[r];
            if (run->rows == saved->rows)
                first_weight_part(pass, run, first, count, g, part, parts);
        }
        if (layer > 0 && !is_narrow(mlp, layer))
            weight_part(pass, count, g, out, saved->hidden[layer - 1] + first * in, in, gradient, in, part, parts);
    }
}

/* What is made of sums at the end. */
static void sums_part(void *context, size_t part, size_t parts)
{
    const backward_pass *pass = context;
    const tide_mlp *mlp = pass->mlp;
    float *gradients = mlp->parameters->gradients;
    for (size_t layer = 0; layer < mlp->n_layers; layer++) {
        size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
        tide_span mine = tide_pool_share(out, part, parts);
        add_sums(pass, pass->bias_sums_at[layer], gradients + mlp->bias_at[layer], mine);
        if (tide_mlp_normalises(mlp, layer)) {
            add_sums(pass, pass->gain_sums_at[layer], gradients + mlp->gain_at[layer], mine);
            add_sums(pass, pass->shift_sums_at[layer], gradients + mlp->shift_at[layer], mine);
        }
        if (is_narrow(mlp, layer))
            add_sums(pass, pass->weight_sums_at[layer], gradients + mlp->weight_at[layer],
                     tide_pool_share(in * out, part, parts));
    }
    for (size_t r = 0; r < pass->saved->n_runs; r++) {
        const mlp_run *run = &pass->saved->runs[r];
        if (run->rows != pass->saved->rows)
            first_weight_part(pass, run, 0, run->rows, pass->summed[r], part, parts);
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
            TIDE_TRY(mlp_take(tape, pass->most_held, mlp->sizes[layer + 1], &pass->g[layer]));
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
    if (pass->wanted) {
        TIDE_TRY(mlp_take(tape, tide_gemm_units(saved->rows), pass->sums_floats, &pass->sums));
        TIDE_TRY(mlp_take(tape, FEW, mlp->sizes[1], &pass->turned));
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

static void give_all(tide_tape *tape, const backward_pass *pass)
{
    const mlp_saved *saved = pass->saved;
    for (size_t layer = 0; layer + 1 < pass->mlp->n_layers; layer++)
        mlp_give(tape, pass->g[layer], pass->most_held, pass->mlp->sizes[layer + 1]);
    mlp_give(tape, pass->sums, tide_gemm_units(saved->rows), pass->sums_floats);
    mlp_give(tape, pass->turned, FEW, pass->mlp->sizes[1]);
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
static void forget(backward_pass *pass, size_t row)
{
    size_t end = tide_gemm_rows(pass->saved->rows, pass->units).end;
    for (size_t layer = 0; layer + 1 < pass->mlp->n_layers && row < end; layer++)
        memmove(pass->g[layer], gradient_at(pass, layer, row),
                (end - row) * pass->mlp->sizes[layer + 1] * sizeof(float));
    pass->held = row;
}

/* Both passes, `together` units at a time. */
static void run_rows(backward_pass *pass, size_t together, double operations)
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
            tide_pool_run(terms_part, pass, tide_pool_parts(TIDE_MOST_THREADS, operations));
        pass->beta = pass->terms.end > 0 ? 1.0f : beta;
        forget(pass, pass->wanted ? pass->terms.end : end);
    }
    pass->beta = beta;
}

tide_status tide_mlp_run_backward(tide_tape *tape, tide_value *value)
{
    const mlp_saved *saved = value->saved;
    tide_parameters *block = saved->mlp->parameters;
    backward_pass pass = {.mlp = saved->mlp, .saved = saved, .value = value};
    size_t together = units_together(saved->rows);
    pass.wanted = block->trainable && block->wanted;
    pass.beta = block->has_gradient ? 1.0f : 0.0f;
    pass.most_held = tide_gemm_most_rows(saved->rows, together) + (pass.wanted ? TIDE_PRODUCT_TERMS : 0);
    pass.most_held = pass.most_held < saved->rows ? pass.most_held : saved->rows;
    TIDE_TRY(prepare(tape, &pass));
    double operations = mlp_operations(saved);
    run_rows(&pass, together, operations);
    for (pass.run = 0; pass.run < saved->n_runs; pass.run++)
        if (pass.summed[pass.run] != NULL)
            tide_pool_run(repeated_part, &pass,
                          tide_pool_parts(tide_gemm_units(saved->runs[pass.run].rows), operations / 4.0));
    if (pass.wanted) {
        tide_pool_run(sums_part, &pass, tide_pool_parts(TIDE_MOST_THREADS, operations / 4.0));
        block->has_gradient = true;
    }
    give_all(tape, &pass);
    return TIDE_OK;
}
