/* Element by element: arithmetic of two tensors, functions of one.
 *
 * Two shapes go together when one of them, aligned at its last dimension, has
 * everywhere the other's size or 1; the result has the larger shape. Two shapes
 * that would both have to grow are refused: (256) with (256, 1) is a mistake more
 * often than a wish for (256, 256). */
#ifndef TIDE_AUTODIFF_ELEMENTWISE_H
#define TIDE_AUTODIFF_ELEMENTWISE_H

#include "autodiff/tape.h"

typedef enum tide_binary {
    TIDE_ADD,
    TIDE_SUBTRACT,
    TIDE_MULTIPLY,
    TIDE_DIVIDE,
    TIDE_MINIMUM, /* where equal, the gradient goes to the first operand */
    TIDE_MAXIMUM,
} tide_binary;

typedef enum tide_unary {
    TIDE_NEGATE,
    TIDE_EXP,
    TIDE_LOG, /* -inf at 0, NaN below */
    TIDE_SQRT,
    TIDE_SQUARE,
    TIDE_TANH,
    TIDE_RELU, /* slope 0 at 0 */
    TIDE_SIGMOID,
    TIDE_SOFTPLUS, /* ln(1 + e^x) */
    TIDE_ABSOLUTE, /* slope 0 at 0 */
} tide_unary;

/* out = a op b. Errors: TIDE_SHAPE. */
tide_status tide_binary_op(tide_tape *tape, tide_binary kind, tide_value *a, tide_value *b, tide_value **out);

/* out = f(a). */
tide_status tide_unary_op(tide_tape *tape, tide_unary kind, tide_value *a, tide_value **out);

/* out = scale * a + shift. */
tide_status tide_affine(tide_tape *tape, tide_value *a, float scale, float shift, tide_value **out);

/* out = a held within [low, high]; slope 1 there (ends included), 0 outside. */
tide_status tide_clamp(tide_tape *tape, tide_value *a, float low, float high, tide_value **out);

const char *tide_binary_name(tide_binary kind);

#endif
