/* What the two passes of a network share: mlp.c prepares them, mlp_forward.c makes the one, mlp_backward.c with
 * mlp_weights.c the other, of fewer rows where mlp_chosen.c finds that these suffice.
 *
 * Both passes go down all layers with a few rows at a time, so that these stay in cache, and parts of the
 * rows are made by different threads. */
#ifndef TIDE_NN_MLP_PASSES_H
#define TIDE_NN_MLP_PASSES_H

#include "nn/mlp.h"
#include "tensor/gemm.h"

/* Neighbouring inputs with the same number of rows are joined into one matrix. */
typedef struct mlp_run {
    const float *data;  /* (rows, width): the one input, or `joined` */
    float *joined;      /* NULL where there is one input */
    size_t rows, width; /* fewer rows than the batch: each is repeated */
    size_t column;      /* where it starts in the rows of the first weight */
    size_t first_part, n_parts;
} mlp_run;

typedef struct mlp_saved {
    const tide_mlp *mlp;
    size_t rows, n_runs;
    mlp_run runs[TIDE_MAX_PARTS];
    float *hidden[TIDE_MAX_LAYERS]; /* (rows, sizes[i + 1]): after the ReLU of layer i; not kept without a record */
    float *normal[TIDE_MAX_LAYERS]; /* (rows, sizes[i + 1]): normalised sums, before gain and shift; or NULL */
    float *scales[TIDE_MAX_LAYERS]; /* (rows): what they were multiplied by; or NULL */
} mlp_saved;

enum { MLP_STEP = 4 }; /* units of rows that go down the layers together: with 256 columns, 256 KiB a layer */

/* What a float of a panel costs beside additions and multiplications: it is read and written out of order. */
enum { MLP_PANEL_FLOAT = 20 };

/* Additions and multiplications of the products of one pass. */
static inline double mlp_operations(const mlp_saved *saved)
{
    double sum = 0.0;
    for (size_t i = 0; i < saved->mlp->n_layers; i++)
        sum += (double)saved->mlp->sizes[i] * (double)saved->mlp->sizes[i + 1];
    return 2.0 * (double)saved->rows * sum;
}

static inline tide_status mlp_take(tide_tape *tape, size_t rows, size_t width, float **block)
{
    return tide_arena_take(tide_tape_arena(tape), rows * width * sizeof(float), (void **)block);
}

static inline void mlp_give(tide_tape *tape, float *block, size_t rows, size_t width)
{
    tide_arena_give_back(tide_tape_arena(tape), block, rows * width * sizeof(float));
}

/* out (rows, outputs) <- network(parts); joins inputs into `saved` on the way. `keep`: hidden layers too,
 * which are taken from the arena here. */
tide_status tide_mlp_run_forward(tide_tape *tape, tide_value *const *parts, mlp_saved *saved, bool keep, float *out);

/* A backward pass of fewer rows: min(Q1, Q2) sends each row's gradient into one of two critics, and what is zero stays
 * zero on its way to the inputs. */
typedef struct mlp_chosen {
    bool fewer;         /* else nothing but the room for it is here */
    uint32_t *list;     /* the rows, in order */
    mlp_saved saved;    /* of these rows */
    float *g, *outputs; /* (rows, outputs) */
    float *into[TIDE_MAX_PARTS];
} mlp_chosen;

/* Chooses the rows of value->gradient that are not zero, and copies what a backward pass to the inputs reads of them;
 * into[p] is where input p's gradient goes, or NULL, and added to where beta[p] is not 0. */
tide_status tide_mlp_choose(tide_tape *tape, const tide_value *value, float *const *into, const float *beta,
                            mlp_chosen *chosen);

/* Puts the gradients of their inputs, which stand in chosen->into, where they belong; the other rows' are zero. */
void tide_mlp_put_chosen(const tide_value *value, float *const *into, const float *beta, const mlp_chosen *chosen);
void tide_mlp_give_chosen(tide_tape *tape, const tide_value *value, const mlp_chosen *chosen);

/* The backward of the recorded value, whose `saved` is an mlp_saved. */
tide_status tide_mlp_run_backward(tide_tape *tape, tide_value *value);

#endif
