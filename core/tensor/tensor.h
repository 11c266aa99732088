/* Tensors: float32, row-major, at most 3 dimensions, contiguous rows.
 *
 * A tide_tensor is a description; it owns nothing. The memory belongs to whoever
 * made it: a network (parameters), an arena (activations), a caller (data). */
#ifndef TIDE_TENSOR_TENSOR_H
#define TIDE_TENSOR_TENSOR_H

#include <stddef.h>

#include "base/status.h"

enum { TIDE_MAX_RANK = 3 };

typedef struct tide_tensor {
    float *data;
    size_t rank;                /* 0 is a scalar: one element, no dimensions */
    size_t dims[TIDE_MAX_RANK]; /* the first `rank` count; the others are 1 */
} tide_tensor;

/* Describes `data` (not copied) as a tensor of the given dimensions. */
tide_tensor tide_tensor_make(float *data, size_t rank, const size_t *dims);

/* Elements, rows (the first dimension; 1 for a scalar) and elements per row. */
size_t tide_tensor_count(const tide_tensor *t);
size_t tide_tensor_rows(const tide_tensor *t);
size_t tide_tensor_row_size(const tide_tensor *t);

int tide_tensor_same_shape(const tide_tensor *a, const tide_tensor *b);

/* rank * dims checked: TIDE_ARGUMENT past TIDE_MAX_RANK, TIDE_MEMORY where the
 * element count overflows. Puts the count into *count. */
tide_status tide_tensor_check_dims(size_t rank, const size_t *dims, size_t *count);

/* Writes "(256, 17)" into text and returns it, for messages. */
enum { TIDE_SHAPE_TEXT = 80 };
const char *tide_tensor_shape_text(const tide_tensor *t, char text[TIDE_SHAPE_TEXT]);

/* 1 if every element is finite. */
int tide_tensor_is_finite(const tide_tensor *t);

#endif
