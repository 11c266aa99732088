#include <string.h>

#include "nn/mlp_passes.h"

/* From so large a share of the rows on, all are made: the copies would cost more than they spare. */
static const double MOST = 0.875;

/* Lists the rows of g (rows, width) that have something other than zeros; NaN is something. */
static size_t list_rows(const float *g, size_t rows, size_t width, uint32_t *list)
{
    size_t count = 0;
    for (size_t i = 0; i < rows; i++) {
        bool something = false;
        for (size_t j = 0; j < width; j++)
            something |= g[i * width + j] != 0.0f;
        list[count] = (uint32_t)i;
        count += something;
    }
    return count;
}

static tide_status take(tide_tape *tape, const mlp_saved *saved, size_t outputs, mlp_chosen *chosen)
{
    const tide_mlp *mlp = saved->mlp;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), saved->rows * sizeof *chosen->list, (void **)&chosen->list));
    TIDE_TRY(mlp_take(tape, saved->rows, outputs, &chosen->g));
    TIDE_TRY(mlp_take(tape, saved->rows, outputs, &chosen->outputs));
    for (size_t layer = 0; layer + 1 < mlp->n_layers; layer++) {
        TIDE_TRY(mlp_take(tape, saved->rows, mlp->sizes[layer + 1], &chosen->saved.hidden[layer]));
        if (!mlp->options.layer_norm)
            continue;
        TIDE_TRY(mlp_take(tape, saved->rows, mlp->sizes[layer + 1], &chosen->saved.normal[layer]));
        TIDE_TRY(mlp_take(tape, saved->rows, 1, &chosen->saved.scales[layer]));
    }
    return TIDE_OK;
}

void tide_mlp_give_chosen(tide_tape *tape, const tide_value *value, const mlp_chosen *chosen)
{
    const mlp_saved *saved = value->saved;
    const tide_mlp *mlp = saved->mlp;
    size_t outputs = mlp->sizes[mlp->n_layers];
    if (chosen->list == NULL)
        return;
    for (size_t p = 0; p < value->n_inputs; p++)
        if (chosen->into[p] != NULL)
            mlp_give(tape, chosen->into[p], saved->rows, value->inputs[p]->tensor.dims[1]);
    for (size_t layer = mlp->n_layers - 1; layer-- > 0;) {
        mlp_give(tape, chosen->saved.scales[layer], saved->rows, 1);
        mlp_give(tape, chosen->saved.normal[layer], saved->rows, mlp->sizes[layer + 1]);
        mlp_give(tape, chosen->saved.hidden[layer], saved->rows, mlp->sizes[layer + 1]);
    }
    mlp_give(tape, chosen->outputs, saved->rows, outputs);
    mlp_give(tape, chosen->g, saved->rows, outputs);
    tide_arena_give_back(tide_tape_arena(tape), chosen->list, saved->rows * sizeof *chosen->list);
}

static void gather(float *to, const float *from, size_t width, const mlp_chosen *chosen)
{
    for (size_t i = 0; i < chosen->saved.rows; i++)
        memcpy(to + i * width, from + chosen->list[i] * width, width * sizeof *to);
}

tide_status tide_mlp_choose(tide_tape *tape, const tide_value *value, float *const *into, const float *beta,
                            mlp_chosen *chosen)
{
    const mlp_saved *saved = value->saved;
    const tide_mlp *mlp = saved->mlp;
    size_t rows = saved->rows, outputs = mlp->sizes[mlp->n_layers];
    memset(chosen, 0, sizeof *chosen);
    if (saved->n_runs > 1) /* repeated rows stand for their neighbours too */
        return TIDE_OK;
    TIDE_TRY(take(tape, saved, outputs, chosen));
    for (size_t p = 0; p < value->n_inputs; p++)
        if (into[p] != NULL)
            TIDE_TRY(mlp_take(tape, rows, value->inputs[p]->tensor.dims[1], &chosen->into[p]));
    size_t count = list_rows(value->gradient, rows, outputs, chosen->list);
    chosen->fewer = (double)count < MOST * (double)rows;
    if (!chosen->fewer)
        return TIDE_OK;
    chosen->saved.mlp = mlp;
    chosen->saved.rows = count;
    chosen->saved.n_runs = 1;
    chosen->saved.runs[0] = saved->runs[0];
    chosen->saved.runs[0].rows = count;
    gather(chosen->g, value->gradient, outputs, chosen);
    gather(chosen->outputs, value->tensor.data, outputs, chosen);
    for (size_t layer = 0; layer + 1 < mlp->n_layers; layer++) {
        gather(chosen->saved.hidden[layer], saved->hidden[layer], mlp->sizes[layer + 1], chosen);
        if (!mlp->options.layer_norm)
            continue;
        gather(chosen->saved.normal[layer], saved->normal[layer], mlp->sizes[layer + 1], chosen);
        gather(chosen->saved.scales[layer], saved->scales[layer], 1, chosen);
    }
    for (size_t p = 0; p < value->n_inputs; p++)
        if (into[p] != NULL && beta[p] != 0.0f)
            gather(chosen->into[p], into[p], value->inputs[p]->tensor.dims[1], chosen);
    return TIDE_OK;
}

void tide_mlp_put_chosen(const tide_value *value, float *const *into, const float *beta, const mlp_chosen *chosen)
{
    size_t rows = ((const mlp_saved *)value->saved)->rows;
    for (size_t p = 0; p < value->n_inputs; p++) {
        size_t width = value->inputs[p]->tensor.dims[1];
        if (into[p] == NULL)
            continue;
        if (beta[p] == 0.0f)
            memset(into[p], 0, rows * width * sizeof(float));
        for (size_t i = 0; i < chosen->saved.rows; i++)
            memcpy(into[p] + chosen->list[i] * width, chosen->into[p] + i * width, width * sizeof(float));
    }
}
