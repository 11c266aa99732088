#include <string.h>

#include "nn/mlp_backward.h"

/* A repeated run's rows: each takes the sum of the gradients of its repeats, of those that have been made. */
static void sum_part(const mlp_backward *pass, size_t r, size_t part, size_t parts)
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
        tide_column_sums(mlp_gradient_at(pass, 0, from), end - from, width, sum);
    }
}

/* gradient (n) <- beta gradient + the sums of all units. */
static void add_sums(const mlp_backward *pass, size_t at, float *gradient, tide_span span)
{
    size_t units = tide_gemm_units(pass->saved->rows), n = span.end - span.first;
    if (pass->beta == 0.0f)
        memset(gradient + span.first, 0, n * sizeof(float));
    for (size_t unit = 0; unit < units; unit++)
        tide_bias(gradient + span.first, 1, n, pass->sums + unit * pass->sums_floats + at + span.first);
}

/* Columns of a weight gradient are shared out by so many, whole cache lines. */
enum { COLUMNS = 64 };

/* c (m, n) = a^T b with a (k, m), b (k, n); columns are shared out. In bfloat16 a thread makes its share in one, for
 * which a is rounded once. */
static void wide_part(tide_gemm_job job, size_t part, size_t parts)
{
    tide_span mine = tide_pool_share((job.n + COLUMNS - 1) / COLUMNS, part, parts);
    size_t n = job.n, end = mine.end * COLUMNS < n ? mine.end * COLUMNS : n, most = job.bfloat16 ? n : COLUMNS;
    const float *b = job.b;
    float *c = job.c;
    for (size_t column = mine.first * COLUMNS; column < end; column += most) {
        job.n = end - column < most ? end - column : most;
        job.b = b + column;
        job.c = c + column;
        tide_gemm_part(&job, (tide_span){0, tide_gemm_units(job.m)});
    }
}

/* gradient (out, in) = g^T x with g (k, out), x (k, in). */
static void weight_part(const mlp_backward *pass, size_t k, const float *g, size_t out, const float *x, size_t in,
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
static void turned_part(const mlp_backward *pass, size_t k, const float *g, size_t out, const float *x, size_t in,
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
static void first_weight_part(const mlp_backward *pass, const mlp_run *run, size_t row, size_t count, const float *g,
                              size_t part, size_t parts)
{
    const tide_mlp *mlp = pass->mlp;
    (run->width <= MLP_FEW ? turned_part : weight_part)(
        pass, count, g, mlp->sizes[1], run->data + row * run->width, run->width,
        mlp->parameters->gradients + mlp->weight_at[0] + run->column, mlp->sizes[0], part, parts);
}

void tide_mlp_terms_part(void *context, size_t part, size_t parts)
{
    const mlp_backward *pass = context;
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
        const float *g = mlp_gradient_at(pass, layer, first);
        for (size_t r = 0; r < saved->n_runs && layer == 0; r++) {
            const mlp_run *run = &saved->runs[r];
            if (run->rows == saved->rows)
                first_weight_part(pass, run, first, count, g, part, parts);
        }
        if (layer > 0 && !mlp_is_narrow(mlp, layer))
            weight_part(pass, count, g, out, saved->hidden[layer - 1] + first * in, in, gradient, in, part, parts);
    }
}

void tide_mlp_sums_part(void *context, size_t part, size_t parts)
{
    const mlp_backward *pass = context;
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
        if (mlp_is_narrow(mlp, layer))
            add_sums(pass, pass->weight_sums_at[layer], gradients + mlp->weight_at[layer],
                     tide_pool_share(in * out, part, parts));
    }
    for (size_t r = 0; r < pass->saved->n_runs; r++) {
        const mlp_run *run = &pass->saved->runs[r];
        if (run->rows != pass->saved->rows)
            first_weight_part(pass, run, 0, run->rows, pass->summed[r], part, parts);
    }
}
