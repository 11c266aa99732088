/* From many elements to few: sums, means, log-sum-exp, and the losses made of them.
 *
 * An axis counts from 0; TIDE_ALL reduces everything to a scalar. The reduced
 * axis disappears from the shape. */
#ifndef TIDE_AUTODIFF_REDUCE_H
#define TIDE_AUTODIFF_REDUCE_H

#include "autodiff/tape.h"

enum { TIDE_ALL = -1 };

typedef enum tide_reduction {
    TIDE_SUM,
    TIDE_MEAN,
    TIDE_LOGSUMEXP, /* max + ln sum exp(x - max): no overflow; -inf of nothing but -inf */
} tide_reduction;

/* Errors: TIDE_ARGUMENT for an axis the tensor lacks, TIDE_SHAPE for no elements. */
tide_status tide_reduce(tide_tape *tape, tide_reduction kind, tide_value *a, int axis, tide_value **out);

/* positions[i] = where row i of a (batch, n) is largest, from 0; the first of equals, and a NaN before all. Positions
 * (batch) are numbers, not differentiable: nothing is recorded. Errors: TIDE_SHAPE for another rank or n = 0. */
tide_status tide_argmax(tide_tape *tape, tide_value *a, tide_value **positions);

/* out = mean of weights (prediction - target)^2, a scalar; weights may be NULL
 * (all 1). Neither target nor weights get a gradient. Errors: TIDE_SHAPE unless all shapes agree. */
tide_status tide_mse(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights,
                     tide_value **out);

/* As tide_mse with Huber's loss (1964): d^2 / 2 within +-threshold, linear beyond. */
tide_status tide_huber(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights,
                       float threshold, tide_value **out);

/* As tide_mse with weights |tau - 1(target < prediction)|: the tau-expectile of the targets minimises it, more than
 * their mean where tau > 1/2. Kostrikov et al. 2021 (arXiv 2110.06169), equation 5. Errors: also TIDE_ARGUMENT
 * unless 0 < tau < 1. */
tide_status tide_expectile(tide_tape *tape, tide_value *prediction, tide_value *target, tide_value *weights, float tau,
                           tide_value **out);

/* Per row of logits (batch, classes): -ln softmax(logits)[label], shape (batch).
 * labels (batch) holds class numbers from 0. Errors: TIDE_SHAPE, TIDE_ARGUMENT for a label out of range. */
tide_status tide_cross_entropy(tide_tape *tape, tide_value *logits, const tide_tensor *labels, tide_value **out);

#endif
