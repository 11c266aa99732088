#include "tensor/tensor.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

tide_tensor tide_tensor_make(float *data, size_t rank, const size_t *dims)
{
    tide_tensor t = {.data = data, .rank = rank, .dims = {1, 1, 1}};
    for (size_t i = 0; i < rank; i++)
        t.dims[i] = dims[i];
    return t;
}

size_t tide_tensor_count(const tide_tensor *t)
{
    return t->dims[0] * t->dims[1] * t->dims[2];
}

size_t tide_tensor_rows(const tide_tensor *t)
{
    return t->dims[0];
}

size_t tide_tensor_row_size(const tide_tensor *t)
{
    return t->dims[1] * t->dims[2];
}

int tide_tensor_same_shape(const tide_tensor *a, const tide_tensor *b)
{
    return a->rank == b->rank && a->dims[0] == b->dims[0] && a->dims[1] == b->dims[1] && a->dims[2] == b->dims[2];
}

tide_status tide_tensor_check_dims(size_t rank, const size_t *dims, size_t *count)
{
    if (rank > TIDE_MAX_RANK)
        return tide_fail(TIDE_ARGUMENT, "tensor: %zu dimensions, at most %d are supported", rank, TIDE_MAX_RANK);
    size_t product = 1, room = 1; /* room: as if no dimension were 0, so that no stride overflows either */
    for (size_t i = 0; i < rank; i++) {
        size_t size = dims[i] == 0 ? 1 : dims[i];
        if (size > INT32_MAX || room > (size_t)PTRDIFF_MAX / sizeof(float) / size)
            return tide_fail(TIDE_MEMORY, "tensor: dimension %zu of %zu makes more elements than memory holds", i + 1,
                             dims[i]);
        room *= size;
        product *= dims[i];
    }
    *count = product;
    return TIDE_OK;
}

const char *tide_tensor_shape_text(const tide_tensor *t, char text[TIDE_SHAPE_TEXT])
{
    size_t used = 0;
    text[used++] = '(';
    for (size_t i = 0; i < t->rank; i++) {
        int n = snprintf(text + used, TIDE_SHAPE_TEXT - used, i == 0 ? "%zu" : ", %zu", t->dims[i]);
        used += (size_t)n;
    }
    memcpy(text + used, ")", 2);
    return text;
}

int tide_tensor_is_finite(const tide_tensor *t)
{
    /* x - x is 0 for finite x, NaN otherwise; the sum vectorises where a test would not. */
    size_t n = tide_tensor_count(t);
    int odd = 0;
    for (size_t i = 0; i < n; i++) {
        float x = t->data[i];
        odd |= !(x - x == 0.0f);
    }
    return !odd;
}
