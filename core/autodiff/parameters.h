/* Parameters: what training changes. A block is one flat run of floats with its
 * gradients beside it; a network or a trainable scalar is one block.
 *
 * The memory under a block is shared and counted: an optimiser may move several
 * blocks into one run of memory, so that a step is one loop, and block and
 * optimiser can then be destroyed in any order. */
#ifndef TIDE_AUTODIFF_PARAMETERS_H
#define TIDE_AUTODIFF_PARAMETERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tide_storage tide_storage;

typedef struct tide_parameters {
    float *values;    /* count floats */
    float *gradients; /* count floats; meaningful while has_gradient */
    size_t count;
    uint64_t version;  /* rises whenever values change; backward refuses a stale graph */
    bool has_gradient; /* false: the next gradient is written, not added */
    bool trainable;    /* false: passed through as constants (target networks) */
    bool wanted;       /* set by a backward pass while it computes this block's gradient */
    tide_storage *storage;
} tide_parameters;

/* A trainable block of `count` zeros. Errors: TIDE_MEMORY. */
tide_status tide_parameters_create(tide_parameters **block, size_t count);
void tide_parameters_destroy(tide_parameters *block);

/* Moves the values of n blocks into one new run of memory, in order, each on a
 * cache line of its own. Gradients are forgotten. Who still points into the old
 * memory (a value of the running step) must hold it. */
tide_status tide_parameters_join(tide_parameters **blocks, size_t n);

/* Keeps the memory that is now under the block until it is let go, wherever the block moves. */
tide_storage *tide_parameters_hold(const tide_parameters *block);
void tide_parameters_let_go(tide_storage *storage);

/* Notes that values were written by hand. */
void tide_parameters_touch(tide_parameters *block);

/* Polyak averaging: target <- (1 - tau) target + tau source. Lillicrap et al.
 * 2016 (arXiv 1509.02971), section 3. tau = 1 copies. Errors: TIDE_SHAPE. */
tide_status tide_parameters_polyak(tide_parameters *target, const tide_parameters *source, float tau);

#endif
