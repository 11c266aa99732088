#include "nn/mlp.h"

#include <math.h>

#include "nn/mlp_passes.h"

/* Gives `n` floats a place of their own in a block of *count. */
static size_t place(size_t *count, size_t n)
{
    const size_t line = TIDE_ALIGNMENT / sizeof(float);
    size_t at = *count;
    *count += (n + line - 1) / line * line;
    return at;
}

bool tide_mlp_normalises(const tide_mlp *mlp, size_t layer)
{
    return mlp->options.layer_norm && layer + 1 < mlp->n_layers;
}

tide_status tide_mlp_create(tide_mlp **mlp, const size_t *sizes, size_t n_layers, tide_mlp_options options)
{
    *mlp = NULL;
    if (n_layers == 0 || n_layers > TIDE_MAX_LAYERS)
        return tide_fail(TIDE_ARGUMENT, "mlp: %zu linear layers; 1 to %d are possible", n_layers, TIDE_MAX_LAYERS);
    if (!isfinite(options.tanh_scale))
        return tide_fail(TIDE_ARGUMENT, "mlp: a tanh scale of %g; it is finite, 0 for linear outputs",
                         (double)options.tanh_scale);
    if (options.scalar && sizes[n_layers] != 1)
        return tide_fail(TIDE_ARGUMENT, "mlp: a scalar network has 1 output, not %zu", sizes[n_layers]);
    if (options.bfloat16 && !tide_gemm_has_bfloat16())
        return tide_fail(TIDE_ARGUMENT,
                         "mlp: bfloat16 needs a processor with AVX512_BF16, and products by avx512, not %s",
                         tide_gemm_products());
    tide_mlp shape = {.n_layers = n_layers, .options = options};
    size_t count = 0;
    for (size_t i = 0; i <= n_layers; i++) {
        if (sizes[i] == 0 || sizes[i] > (1u << 24))
            return tide_fail(TIDE_ARGUMENT, "mlp: size %zu of layer %zu; 1 to 2^24 are possible", sizes[i], i);
        shape.sizes[i] = sizes[i];
    }
    for (size_t i = 0; i < n_layers; i++) {
        shape.weight_at[i] = place(&count, sizes[i] * sizes[i + 1]);
        shape.bias_at[i] = place(&count, sizes[i + 1]);
        if (tide_mlp_normalises(&shape, i)) {
            shape.gain_at[i] = place(&count, sizes[i + 1]);
            shape.shift_at[i] = place(&count, sizes[i + 1]);
        }
    }
    TIDE_TRY(tide_parameters_create(&shape.parameters, count));
    tide_mlp *fresh;
    tide_status status = tide_alloc(sizeof *fresh, (void **)&fresh);
    if (status != TIDE_OK) {
        tide_parameters_destroy(shape.parameters);
        return status;
    }
    *fresh = shape;
    for (size_t i = 0; i < n_layers; i++)
        for (size_t k = 0; k < sizes[i + 1] && tide_mlp_normalises(fresh, i); k++)
            fresh->parameters->values[fresh->gain_at[i] + k] = 1.0f;
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

/* ---- as an op ---- */

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

/* Fills in the runs of `saved`, and takes room for those that will be joined. */
static tide_status gather_runs(tide_tape *tape, tide_value *const *parts, size_t n, mlp_saved *saved)
{
    saved->n_runs = 0;
    size_t column = 0;
    for (size_t i = 0; i < n;) {
        size_t rows = parts[i]->tensor.dims[0], width = 0, end = i;
        for (; end < n && parts[end]->tensor.dims[0] == rows; end++)
            width += parts[end]->tensor.dims[1];
        mlp_run *run = &saved->runs[saved->n_runs++];
        *run = (mlp_run){.data = parts[i]->tensor.data,
                         .rows = rows,
                         .width = width,
                         .column = column,
                         .first_part = i,
                         .n_parts = end - i};
        if (run->n_parts > 1) {
            TIDE_TRY(mlp_take(tape, rows, width, &run->joined));
            run->data = run->joined;
        }
        column += width;
        i = end;
    }
    return TIDE_OK;
}

static void give_joined(tide_tape *tape, const mlp_saved *saved)
{
    for (size_t r = 0; r < saved->n_runs; r++)
        mlp_give(tape, saved->runs[r].joined, saved->runs[r].rows, saved->runs[r].width);
}

static void mlp_release(tide_tape *tape, tide_value *value)
{
    mlp_saved *saved = value->saved;
    for (size_t layer = 0; layer + 1 < saved->mlp->n_layers; layer++) {
        mlp_give(tape, saved->hidden[layer], saved->rows, saved->mlp->sizes[layer + 1]);
        mlp_give(tape, saved->normal[layer], saved->rows, saved->mlp->sizes[layer + 1]);
        mlp_give(tape, saved->scales[layer], saved->rows, 1);
    }
    give_joined(tape, saved);
}

static const tide_op mlp_record = {
    .name = "a network", .backward = tide_mlp_run_backward, .release = mlp_release, .reads = true};

tide_status tide_mlp_forward(tide_tape *tape, tide_mlp *mlp, tide_value *const *parts, size_t n_parts, tide_value **out)
{
    size_t rows = 0;
    TIDE_TRY(check_parts(mlp, parts, n_parts, &rows));
    bool keep = tide_tape_would_record(tape, parts, n_parts, mlp->parameters);
    mlp_saved *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    saved->mlp = mlp;
    saved->rows = rows;
    TIDE_TRY(gather_runs(tape, parts, n_parts, saved));
    const size_t dims[2] = {rows, mlp->sizes[mlp->n_layers]};
    TIDE_TRY(tide_tape_fresh(tape, mlp->options.scalar ? 1 : 2, dims, out));
    TIDE_TRY(tide_mlp_run_forward(tape, parts, saved, keep, (*out)->tensor.data));
    if (!keep) {
        give_joined(tape, saved);
        tide_arena_give_back(tide_tape_arena(tape), saved, sizeof *saved);
        return TIDE_OK;
    }
    return tide_tape_record(tape, *out, &mlp_record, parts, n_parts, mlp->parameters, saved);
}
