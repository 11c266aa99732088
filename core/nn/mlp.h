/* Multilayer perceptrons: linear layers with ReLU between them, as one recorded op.
 * With LayerNorm (Ba et al. 2016, arXiv 1607.06450) each hidden layer's sums x are
 * normalised over its units before the ReLU: gain (x - mean) / sqrt(variance + 1e-5) + shift.
 *
 * A network owns its parameters, one flat block: per layer weight (out, in), then
 * bias (out), then where it is normalised gain (out) and shift (out), each on a
 * cache line of its own. The forward pass takes its input
 * in parts side by side, so that nobody has to join them first; a part with fewer
 * rows than the others is repeated, and its product made once. */
#ifndef TIDE_NN_MLP_H
#define TIDE_NN_MLP_H

#include "autodiff/tape.h"
#include "base/rng.h"

enum { TIDE_MAX_LAYERS = 16, TIDE_MAX_PARTS = 8 };

typedef enum tide_init {
    TIDE_INIT_TORCH,      /* weight and bias from U(-1/sqrt(in), 1/sqrt(in)), PyTorch's nn.Linear; gain unused */
    TIDE_INIT_XAVIER,     /* weight from U(-b, b), b = gain sqrt(6 / (in + out)), bias 0; Glorot and Bengio 2010 */
    TIDE_INIT_ORTHOGONAL, /* gain times a matrix with orthonormal rows or columns, bias 0; Saxe et al. 2014 */
} tide_init;

typedef struct tide_mlp_options {
    float tanh_scale; /* outputs are tanh_scale tanh(.), or linear where 0 */
    bool scalar;      /* one output, and shape (batch) instead of (batch, 1) */
    bool layer_norm;  /* on each hidden layer */
    bool bfloat16;    /* the products of both passes, but for outputs of up to TIDE_NARROW columns; sums, activations,
                         parameters and their gradients stay float32 */
} tide_mlp_options;

typedef struct tide_mlp {
    tide_parameters *parameters;
    size_t n_layers;                   /* linear layers */
    size_t sizes[TIDE_MAX_LAYERS + 1]; /* inputs, hidden ..., outputs */
    size_t weight_at[TIDE_MAX_LAYERS]; /* offsets into the block */
    size_t bias_at[TIDE_MAX_LAYERS];
    size_t gain_at[TIDE_MAX_LAYERS]; /* of hidden layers with LayerNorm */
    size_t shift_at[TIDE_MAX_LAYERS];
    tide_mlp_options options;
} tide_mlp;

/* A network of zeros, its gains 1, with n_layers linear layers between sizes[0 .. n_layers].
 * Errors: TIDE_ARGUMENT (no layers, too many, a size of 0, bfloat16 where the processor has it not), TIDE_MEMORY. */
tide_status tide_mlp_create(tide_mlp **mlp, const size_t *sizes, size_t n_layers, tide_mlp_options options);
void tide_mlp_destroy(tide_mlp *mlp);

/* True where this layer's sums are normalised: it is hidden, and the network has LayerNorm. */
bool tide_mlp_normalises(const tide_mlp *mlp, size_t layer);

/* Draws one layer's weight and bias; where it is normalised, its gains are 1 and its shifts 0. Errors:
 * TIDE_ARGUMENT for a layer it lacks or a gain that is not finite, TIDE_MEMORY. */
tide_status tide_mlp_init_layer(tide_mlp *mlp, size_t layer, tide_init init, float gain, tide_rng *rng);

/* out (batch, outputs) = network(parts side by side). Part p is (batch_p, dim_p);
 * sum dim_p = inputs; batch_p divides the largest, and row i of the batch uses row
 * i batch_p / batch of it. Errors: TIDE_SHAPE. */
tide_status tide_mlp_forward(tide_tape *tape, tide_mlp *mlp, tide_value *const *parts, size_t n_parts,
                             tide_value **out);

#endif
