/* Adam (Kingma and Ba 2015, arXiv 1412.6980, algorithm 1) over blocks of parameters
 * that it joins into one run of memory. */
#ifndef TIDE_NN_ADAM_H
#define TIDE_NN_ADAM_H

#include "autodiff/parameters.h"

typedef struct tide_adam {
    tide_parameters **blocks; /* not owned; must outlive the optimiser's steps */
    size_t n_blocks;
    float *first, *second; /* running means of the gradient and of its square, block after block */
    size_t count;          /* parameters in all blocks */
    uint64_t steps;
    double lr, beta1, beta2, epsilon;
} tide_adam;

/* Joins the blocks (tide_parameters_join) and starts at step 0.
 * Errors: TIDE_ARGUMENT (no blocks, one twice, a rate that is not positive), TIDE_MEMORY. */
tide_status tide_adam_create(tide_adam **adam, tide_parameters **blocks, size_t n_blocks, double lr, double beta1,
                             double beta2, double epsilon);
void tide_adam_destroy(tide_adam *adam);

/* One step for every block with a gradient, which is then forgotten; a block
 * without one stays as it is. Errors: TIDE_NUMERIC for a gradient that is not
 * finite (nothing has changed then). */
tide_status tide_adam_step(tide_adam *adam);

/* Puts back running means (`count` floats each) and the step count that a run left off with.
 * Errors: TIDE_NUMERIC for means that are not finite, or squares below 0 (nothing has changed then). */
tide_status tide_adam_restore(tide_adam *adam, const float *first, const float *second, uint64_t steps);

/* Forgets the gradients. */
void tide_adam_forget(tide_adam *adam);

#endif
