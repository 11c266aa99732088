/* The same elements in another arrangement: parts, joins, repeats, reshapes. */
#ifndef TIDE_AUTODIFF_SHAPE_H
#define TIDE_AUTODIFF_SHAPE_H

#include "autodiff/tape.h"

/* Rows first .. first + n - 1 (from 0), without copying. Errors: TIDE_SHAPE. */
tide_status tide_rows(tide_tape *tape, tide_value *a, size_t first, size_t n, tide_value **out);

/* Columns first .. first + n - 1 of a (batch, dim), copied. Errors: TIDE_SHAPE. */
tide_status tide_columns(tide_tape *tape, tide_value *a, size_t first, size_t n, tide_value **out);

/* out[i] = a[i][positions[i]]: one element of each row of a (batch, n); positions (batch) count from 0.
 * Errors: TIDE_SHAPE, TIDE_ARGUMENT for a position out of range. */
tide_status tide_pick(tide_tape *tape, tide_value *a, const tide_tensor *positions, tide_value **out);

/* The same elements under another shape, without copying. Errors: TIDE_SHAPE. */
tide_status tide_reshape(tide_tape *tape, tide_value *a, size_t rank, const size_t *dims, tide_value **out);

/* Each row n times in a row: (batch, ...) becomes (batch n, ...). */
tide_status tide_repeat_rows(tide_tape *tape, tide_value *a, size_t n, tide_value **out);

/* Tensors one below the other; all but the first dimension agree. Errors: TIDE_SHAPE. */
tide_status tide_concat_rows(tide_tape *tape, tide_value *const *parts, size_t n, tide_value **out);

/* (batch, dim_i) tensors side by side: (batch, sum dim_i). Errors: TIDE_SHAPE. */
tide_status tide_concat_columns(tide_tape *tape, tide_value *const *parts, size_t n, tide_value **out);

#endif
