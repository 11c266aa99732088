/* The tape: what a training step computes, recorded so that gradients can be
 * taken (reverse-mode differentiation; Griewank and Walther 2008, chapter 3).
 *
 * Recording is eager: an op computes its value at once and leaves a record when
 * something upstream is trainable. Values, gradients and what ops save come from
 * the tape's arena and end with the step; after warm-up a step allocates nothing.
 * Parameters belong to networks and must outlive the step. */
#ifndef TIDE_AUTODIFF_TAPE_H
#define TIDE_AUTODIFF_TAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "autodiff/parameters.h"
#include "base/alloc.h"
#include "base/status.h"
#include "tensor/tensor.h"

typedef struct tide_tape tide_tape;
typedef struct tide_value tide_value;

/* How gradients pass through one kind of record. */
typedef struct tide_op {
    const char *name;
    /* Adds this value's share to the gradients of its inputs and parameters. */
    tide_status (*backward)(tide_tape *tape, tide_value *value);
    /* Gives back what was saved, once walked; NULL where nothing need be. */
    void (*release)(tide_tape *tape, tide_value *value);
    /* Backward reads elements of the inputs or of the result: they must not have changed since. */
    bool reads;
} tide_op;

struct tide_value {
    tide_tensor tensor;
    float *gradient;   /* d loss / d tensor during backward; NULL: none came */
    const tide_op *op; /* NULL for a leaf: data or a parameter */
    tide_value **inputs;
    size_t n_inputs;
    tide_parameters *parameters; /* the block that this value reads, or NULL */
    uint64_t version;            /* of those parameters, when read */
    uint64_t *changes;           /* rises whenever the elements are written by hand; views share their source's */
    uint64_t own_changes;        /* what `changes` points to where nobody shares it */
    uint64_t seen;               /* sum of the changes of the inputs and of this value, when recorded */
    void *saved;                 /* the op's own */
    size_t index;                /* place on the tape */
    bool tracked;                /* something trainable is upstream */
    bool wanted;                 /* the running backward needs a gradient here */
    bool reached;                /* the running backward comes by here from the loss */
    bool walked;                 /* backward has been here and released it */
};

tide_status tide_tape_create(tide_tape **tape);
void tide_tape_destroy(tide_tape *tape);

/* Ends the step: every value of it is gone. */
void tide_tape_end_step(tide_tape *tape);

/* Number of the running step, from 1; a value belongs to the step it was made in. */
uint64_t tide_tape_step(const tide_tape *tape);

/* Recording can be switched off for what needs no gradient; returns what it was. */
bool tide_tape_set_recording(tide_tape *tape, bool recording);

tide_arena *tide_tape_arena(tide_tape *tape);

/* A value over memory that the caller keeps until the step ends (not copied). */
tide_status tide_tape_leaf(tide_tape *tape, const tide_tensor *tensor, tide_value **value);

/* A value over part of the memory of `source`, nothing recorded. */
tide_status tide_tape_view(tide_tape *tape, const tide_value *source, const tide_tensor *tensor, tide_value **value);

/* Notes that the elements of `value` were written by hand: a backward that would read them refuses. */
void tide_tape_touch(tide_value *value);

/* A leaf that reads a block of parameters. */
tide_status tide_tape_parameter(tide_tape *tape, tide_parameters *block, const tide_tensor *tensor, tide_value **value);

/* A value with fresh memory, not yet initialised. */
tide_status tide_tape_fresh(tide_tape *tape, size_t rank, const size_t *dims, tide_value **value);

/* True if an op over these inputs and this block (or NULL) must be recorded. */
bool tide_tape_would_record(const tide_tape *tape, tide_value *const *inputs, size_t n, const tide_parameters *block);

/* Records that `value` came by `op` from `inputs` (copied) and `block`; does
 * nothing where nothing trainable is upstream. */
tide_status tide_tape_record(tide_tape *tape, tide_value *value, const tide_op *op, tide_value *const *inputs, size_t n,
                             tide_parameters *block, void *saved);

/* For ops: the gradient of an input that wants one, to be added to. *fresh tells
 * that it is not initialised and must be written instead. */
tide_status tide_tape_gradient(tide_tape *tape, tide_value *input, float **gradient, bool *fresh);

/* As tide_tape_gradient, zeroed when fresh, for ops that only add. */
tide_status tide_tape_gradient_zeroed(tide_tape *tape, tide_value *input, float **gradient);

/* Adds d loss / d parameters to the gradients of `blocks` (all trainable blocks
 * upstream where n is 0); nothing else is computed. `loss` has one element.
 * Unless `retain`, the graph is released on the way and cannot be walked again.
 * Errors: TIDE_SHAPE (not one element), TIDE_STATE (not recorded, walked already,
 * parameters or elements changed since), TIDE_NUMERIC (the loss is NaN or infinite);
 * no gradient has changed then. */
tide_status tide_tape_backward(tide_tape *tape, tide_value *loss, tide_parameters *const *blocks, size_t n,
                               bool retain);

#endif
