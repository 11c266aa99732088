/* The backward pass of a network, private to its files: mlp_backward.c goes up the rows, mlp_weights.c makes the gradients
 * of the weights. */
#ifndef TIDE_NN_MLP_BACKWARD_H
#define TIDE_NN_MLP_BACKWARD_H

#include "nn/mlp_passes.h"
#include "tensor/kernels.h"

enum { MLP_FEW = 64 }; /* the weight gradient of so many inputs is turned around: its columns are the outputs */

/* Two passes, over some units of rows after others, so that what the first leaves for the second is still in cache.
 * The first goes up the layers with rows, to the gradients of all layers' sums and of the inputs. The second makes the
 * gradients of the weights, whose rows are shared out; terms come in blocks of TIDE_PRODUCT_TERMS, as in a product of
 * all rows. Sums over the batch that the first pass can make on its way, it makes unit by unit; they are added up at
 * the end. */
typedef struct mlp_backward {
    const tide_mlp *mlp;
    const mlp_saved *saved;
    tide_value *value;
    const float *outputs;           /* of the rows */
    float *g[TIDE_MAX_LAYERS];      /* (held, sizes[i + 1]): of layer i before its bias; the last one's of all rows */
    size_t held, most_held;         /* the row that they start with; how many rows they have room for */
    tide_span units;                /* of the rows that are being made */
    tide_span terms;                /* the rows whose part of the weights' gradients is being made */
    float *panels[TIDE_MAX_LAYERS]; /* of the weights above the first layer, where products read them; else NULL */
    bool wanted;                    /* gradients of the parameters, and: */
    float beta;                     /* 0: the block has no gradient yet, write; 1: add */
    float *into[TIDE_MAX_PARTS];
    float into_beta[TIDE_MAX_PARTS];
    float *summed[TIDE_MAX_PARTS]; /* g[0] summed over the rows that a repeated run's row stands for */
    size_t run;                    /* which is being summed */
    float *sums;                   /* of each unit */
    float *turned;                 /* (MLP_FEW, sizes[1]): room for a weight gradient that is turned around */
    size_t sums_floats;            /* in one unit: */
    size_t bias_sums_at[TIDE_MAX_LAYERS], weight_sums_at[TIDE_MAX_LAYERS];
    size_t gain_sums_at[TIDE_MAX_LAYERS], shift_sums_at[TIDE_MAX_LAYERS]; /* of normalised layers */
} mlp_backward;

/* Layers whose weight gradient is summed by the first pass. */
static inline bool mlp_is_narrow(const tide_mlp *mlp, size_t layer)
{
    return layer > 0 && mlp->sizes[layer + 1] <= TIDE_NARROW;
}

/* g[layer] from this row on. */
static inline float *mlp_gradient_at(const mlp_backward *pass, size_t layer, size_t row)
{
    size_t start = layer + 1 == pass->mlp->n_layers ? 0 : pass->held;
    return pass->g[layer] + (row - start) * pass->mlp->sizes[layer + 1];
}

/* What pass->units and pass->terms add: to the sums of repeated runs; where they are wanted, to the gradients of all
 * weights but a repeated run's and a narrow layer's. One thread's share of the pool's work on an mlp_backward. */
void tide_mlp_terms_part(void *context, size_t part, size_t parts);

/* The gradients that are made of sums, when all rows are done. */
void tide_mlp_sums_part(void *context, size_t part, size_t parts);

#endif
