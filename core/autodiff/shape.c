#include "autodiff/shape.h"

#include <math.h>
#include <string.h>

static void add_into(float *restrict into, const float *restrict from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        into[i] += from[i];
}

/* Views: a contiguous part of the input, under a shape of its own. */
static tide_status view_backward(tide_tape *tape, tide_value *value)
{
    tide_value *input = value->inputs[0];
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    add_into(into + (value->tensor.data - input->tensor.data), value->gradient, tide_tensor_count(&value->tensor));
    return TIDE_OK;
}

static const tide_op view_record = {.name = "view", .backward = view_backward};

tide_status tide_rows(tide_tape *tape, tide_value *a, size_t first, size_t n, tide_value **out)
{
    tide_tensor part = a->tensor;
    char text[TIDE_SHAPE_TEXT];
    if (part.rank == 0 || first > part.dims[0] || n > part.dims[0] - first)
        return tide_fail(TIDE_SHAPE, "rows: %zu .. %zu of shape %s", first + 1, first + n,
                         tide_tensor_shape_text(&a->tensor, text));
    part.data += first * tide_tensor_row_size(&part);
    part.dims[0] = n;
    TIDE_TRY(tide_tape_view(tape, a, &part, out));
    return tide_tape_record(tape, *out, &view_record, &a, 1, NULL, NULL);
}

tide_status tide_reshape(tide_tape *tape, tide_value *a, size_t rank, const size_t *dims, tide_value **out)
{
    size_t count;
    TIDE_TRY(tide_tensor_check_dims(rank, dims, &count));
    tide_tensor other = tide_tensor_make(a->tensor.data, rank, dims);
    char from[TIDE_SHAPE_TEXT], to[TIDE_SHAPE_TEXT];
    if (count != tide_tensor_count(&a->tensor))
        return tide_fail(TIDE_SHAPE, "reshape: %s has other elements than %s", tide_tensor_shape_text(&a->tensor, from),
                         tide_tensor_shape_text(&other, to));
    TIDE_TRY(tide_tape_view(tape, a, &other, out));
    return tide_tape_record(tape, *out, &view_record, &a, 1, NULL, NULL);
}

static void copy_columns(float *into, size_t into_width, const float *from, size_t from_width, size_t rows,
                         size_t columns)
{
    for (size_t i = 0; i < rows; i++)
        memcpy(into + i * into_width, from + i * from_width, columns * sizeof(float));
}

static tide_status columns_backward(tide_tape *tape, tide_value *value)
{
    tide_value *input = value->inputs[0];
    size_t first = *(const size_t *)value->saved, n = value->tensor.dims[1], width = input->tensor.dims[1];
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    for (size_t i = 0; i < value->tensor.dims[0]; i++)
        add_into(into + i * width + first, value->gradient + i * n, n);
    return TIDE_OK;
}

static const tide_op columns_record = {.name = "columns", .backward = columns_backward};

tide_status tide_columns(tide_tape *tape, tide_value *a, size_t first, size_t n, tide_value **out)
{
    const tide_tensor *t = &a->tensor;
    char text[TIDE_SHAPE_TEXT];
    if (t->rank != 2 || first > t->dims[1] || n > t->dims[1] - first)
        return tide_fail(TIDE_SHAPE, "columns: %zu .. %zu of shape %s", first + 1, first + n,
                         tide_tensor_shape_text(t, text));
    TIDE_TRY(tide_tape_fresh(tape, 2, (const size_t[]){t->dims[0], n}, out));
    copy_columns((*out)->tensor.data, n, t->data + first, t->dims[1], t->dims[0], n);
    size_t *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), sizeof *saved, (void **)&saved));
    *saved = first;
    return tide_tape_record(tape, *out, &columns_record, &a, 1, NULL, saved);
}

static tide_status pick_backward(tide_tape *tape, tide_value *value)
{
    const size_t *at = value->saved;
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, value->inputs[0], &into));
    for (size_t i = 0; i < value->tensor.dims[0]; i++)
        into[at[i]] += value->gradient[i];
    return TIDE_OK;
}

static const tide_op pick_record = {.name = "pick", .backward = pick_backward};

tide_status tide_pick(tide_tape *tape, tide_value *a, const tide_tensor *positions, tide_value **out)
{
    const tide_tensor *t = &a->tensor;
    char of[TIDE_SHAPE_TEXT], at[TIDE_SHAPE_TEXT];
    if (t->rank != 2 || positions->rank != 1 || positions->dims[0] != t->dims[0])
        return tide_fail(TIDE_SHAPE, "pick: positions %s of shape %s; (batch) and (batch, n) are needed",
                         tide_tensor_shape_text(positions, at), tide_tensor_shape_text(t, of));
    size_t rows = t->dims[0], n = t->dims[1], *saved;
    TIDE_TRY(tide_arena_take(tide_tape_arena(tape), rows * sizeof *saved, (void **)&saved));
    TIDE_TRY(tide_tape_fresh(tape, 1, &rows, out));
    for (size_t i = 0; i < rows; i++) {
        float position = positions->data[i];
        if (!(position >= 0.0f && position < (float)n) || position != floorf(position))
            return tide_fail(TIDE_ARGUMENT, "pick: row %zu has position %g, counted from 0, of %zu", i + 1,
                             (double)position, n);
        saved[i] = i * n + (size_t)position;
        (*out)->tensor.data[i] = t->data[saved[i]];
    }
    return tide_tape_record(tape, *out, &pick_record, &a, 1, NULL, saved);
}

static tide_status repeat_backward(tide_tape *tape, tide_value *value)
{
    tide_value *input = value->inputs[0];
    size_t rows = input->tensor.dims[0], width = tide_tensor_row_size(&input->tensor);
    size_t n = rows == 0 ? 0 : value->tensor.dims[0] / rows;
    float *into;
    TIDE_TRY(tide_tape_gradient_zeroed(tape, input, &into));
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < n; j++)
            add_into(into + i * width, value->gradient + (i * n + j) * width, width);
    return TIDE_OK;
}

static const tide_op repeat_record = {.name = "repeat_rows", .backward = repeat_backward};

tide_status tide_repeat_rows(tide_tape *tape, tide_value *a, size_t n, tide_value **out)
{
    const tide_tensor *t = &a->tensor;
    if (t->rank == 0)
        return tide_fail(TIDE_SHAPE, "repeat_rows: a scalar has no rows");
    if (n != 0 && t->dims[0] > SIZE_MAX / n)
        return tide_fail(TIDE_MEMORY, "repeat_rows: %zu rows %zu times are more than memory holds", t->dims[0], n);
    const size_t dims[3] = {t->dims[0] * n, t->dims[1], t->dims[2]};
    TIDE_TRY(tide_tape_fresh(tape, t->rank, dims, out));
    size_t width = tide_tensor_row_size(t);
    float *next = (*out)->tensor.data;
    for (size_t i = 0; i < t->dims[0]; i++)
        for (size_t j = 0; j < n; j++, next += width)
            memcpy(next, t->data + i * width, width * sizeof(float));
    return tide_tape_record(tape, *out, &repeat_record, &a, 1, NULL, NULL);
}

static tide_status concat_rows_backward(tide_tape *tape, tide_value *value)
{
    const float *from = value->gradient;
    for (size_t i = 0; i < value->n_inputs; i++) {
        tide_value *part = value->inputs[i];
        size_t n = tide_tensor_count(&part->tensor);
        if (part->tracked && part->wanted) {
            float *into;
            TIDE_TRY(tide_tape_gradient_zeroed(tape, part, &into));
            add_into(into, from, n);
        }
        from += n;
    }
    return TIDE_OK;
}

static const tide_op concat_rows_record = {.name = "concat_rows", .backward = concat_rows_backward};

tide_status tide_concat_rows(tide_tape *tape, tide_value *const *parts, size_t n, tide_value **out)
{
    if (n == 0 || parts[0]->tensor.rank == 0)
        return tide_fail(TIDE_SHAPE, "concat_rows: tensors with rows are needed");
    const tide_tensor *first = &parts[0]->tensor;
    size_t rows = 0;
    for (size_t i = 0; i < n; i++) {
        const tide_tensor *t = &parts[i]->tensor;
        char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT];
        if (t->rank != first->rank || t->dims[1] != first->dims[1] || t->dims[2] != first->dims[2])
            return tide_fail(TIDE_SHAPE, "concat_rows: shapes %s and %s differ past the first dimension",
                             tide_tensor_shape_text(first, a), tide_tensor_shape_text(t, b));
        rows += t->dims[0];
    }
    const size_t dims[3] = {rows, first->dims[1], first->dims[2]};
    TIDE_TRY(tide_tape_fresh(tape, first->rank, dims, out));
    float *next = (*out)->tensor.data;
    for (size_t i = 0; i < n; i++) {
        size_t count = tide_tensor_count(&parts[i]->tensor);
        memcpy(next, parts[i]->tensor.data, count * sizeof(float));
        next += count;
    }
    return tide_tape_record(tape, *out, &concat_rows_record, parts, n, NULL, NULL);
}

static tide_status concat_columns_backward(tide_tape *tape, tide_value *value)
{
    size_t width = value->tensor.dims[1], start = 0;
    for (size_t i = 0; i < value->n_inputs; i++) {
        tide_value *part = value->inputs[i];
        size_t n = part->tensor.dims[1];
        if (part->tracked && part->wanted) {
            float *into;
            TIDE_TRY(tide_tape_gradient_zeroed(tape, part, &into));
            for (size_t row = 0; row < value->tensor.dims[0]; row++)
                add_into(into + row * n, value->gradient + row * width + start, n);
        }
        start += n;
    }
    return TIDE_OK;
}

static const tide_op concat_columns_record = {.name = "concat_columns", .backward = concat_columns_backward};

tide_status tide_concat_columns(tide_tape *tape, tide_value *const *parts, size_t n, tide_value **out)
{
    if (n == 0)
        return tide_fail(TIDE_SHAPE, "concat_columns: nothing to join");
    size_t width = 0, rows = parts[0]->tensor.dims[0];
    for (size_t i = 0; i < n; i++) {
        const tide_tensor *t = &parts[i]->tensor;
        char a[TIDE_SHAPE_TEXT], b[TIDE_SHAPE_TEXT];
        if (t->rank != 2 || t->dims[0] != rows)
            return tide_fail(TIDE_SHAPE, "concat_columns: shapes %s and %s; (batch, dim) of one batch are needed",
                             tide_tensor_shape_text(&parts[0]->tensor, a), tide_tensor_shape_text(t, b));
        width += t->dims[1];
    }
    TIDE_TRY(tide_tape_fresh(tape, 2, (const size_t[]){rows, width}, out));
    size_t start = 0;
    for (size_t i = 0; i < n; i++) {
        const tide_tensor *t = &parts[i]->tensor;
        copy_columns((*out)->tensor.data + start, width, t->data, t->dims[1], rows, t->dims[1]);
        start += t->dims[1];
    }
    return tide_tape_record(tape, *out, &concat_columns_record, parts, n, NULL, NULL);
}
