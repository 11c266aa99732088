/* Looking at arrays a block of rows at a time. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/arrays.h"

enum { SCAN_NUMBERS = 1 << 15 }; /* doubles looked at together */

static size_t rows_together(const tide_array *array)
{
    return array->across > SCAN_NUMBERS ? 1 : array->across == 0 ? SCAN_NUMBERS : SCAN_NUMBERS / array->across;
}

static void note(size_t row, size_t *count, size_t rows[TIDE_SCAN_EXAMPLES])
{
    if (*count < TIDE_SCAN_EXAMPLES)
        rows[*count] = row;
    ++*count;
}

static void scan_row(const double *x, size_t n, size_t row, double low, double high, tide_scan *scan, double *least,
                     double *greatest)
{
    int odd = 0, outside = 0;
    for (size_t j = 0; j < n; j++) {
        if (!isfinite(x[j])) {
            odd = 1;
            continue;
        }
        outside |= x[j] < low || x[j] > high;
        least[j] = x[j] < least[j] ? x[j] : least[j];
        greatest[j] = x[j] > greatest[j] ? x[j] : greatest[j];
    }
    if (odd)
        note(row, &scan->odd, scan->odd_rows);
    if (outside)
        note(row, &scan->outside, scan->outside_rows);
}

tide_status tide_arrays_scan(tide_arrays *arrays, const tide_array *array, size_t first, size_t n, double low,
                             double high, tide_scan *scan, double *least, double *greatest)
{
    size_t step = rows_together(array), end = first + n;
    double *x;
    *scan = (tide_scan){0};
    if (first > array->rows || n > array->rows - first)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: %zu rows from row %zu on, it has %zu", tide_arrays_path(arrays),
                         array->name, n, first + 1, array->rows);
    for (size_t j = 0; j < array->across; j++) {
        least[j] = INFINITY;
        greatest[j] = -INFINITY;
    }
    TIDE_TRY(tide_alloc_untouched(step * array->across, sizeof *x, (void **)&x));
    tide_status status = TIDE_OK;
    for (; first < end && status == TIDE_OK; first += step) {
        size_t k = end - first < step ? end - first : step;
        status = tide_arrays_read(arrays, array, TIDE_FLOAT64, first, k, x);
        for (size_t i = 0; i < k && status == TIDE_OK; i++)
            scan_row(x + i * array->across, array->across, first + i, low, high, scan, least, greatest);
    }
    tide_free(x);
    return status;
}

/* Rows first .. first + n - 1, n of them as read together. */
static tide_status compare_block(tide_arrays *arrays, const tide_array *a, const tide_array *b, ptrdiff_t shift,
                                 size_t first, size_t n, double *x, double *y, uint8_t *differs)
{
    /* of these rows, the ones whose partner is in the file: skip .. skip + k - 1 */
    size_t skip = shift < 0 && first < (size_t)-shift ? (size_t)-shift - first : 0;
    memset(differs, 0, n);
    if (skip >= n)
        return TIDE_OK;
    size_t partner = shift < 0 ? first + skip - (size_t)-shift : first + (size_t)shift;
    if (partner >= b->rows)
        return TIDE_OK;
    size_t k = n - skip < b->rows - partner ? n - skip : b->rows - partner;
    TIDE_TRY(tide_arrays_read(arrays, a, TIDE_FLOAT64, first + skip, k, x));
    TIDE_TRY(tide_arrays_read(arrays, b, TIDE_FLOAT64, partner, k, y));
    for (size_t i = 0; i < k; i++)
        differs[skip + i] = memcmp(x + i * a->across, y + i * a->across, a->across * sizeof *x) != 0;
    return TIDE_OK;
}

tide_status tide_arrays_compare(tide_arrays *arrays, const tide_array *a, const tide_array *b, ptrdiff_t shift,
                                size_t first, size_t n, uint8_t *differs)
{
    if (a->across != b->across)
        return tide_fail(TIDE_SHAPE, "%s: rows of %s have %zu numbers, of %s %zu", tide_arrays_path(arrays), a->name,
                         a->across, b->name, b->across);
    if (first > a->rows || n > a->rows - first || shift > PTRDIFF_MAX / 2 || shift < -(PTRDIFF_MAX / 2))
        return tide_fail(TIDE_ARGUMENT, "%s: %s: %zu rows from row %zu on, it has %zu", tide_arrays_path(arrays),
                         a->name, n, first + 1, a->rows);
    size_t step = rows_together(a);
    double *x;
    TIDE_TRY(tide_alloc_untouched(2 * step * a->across, sizeof *x, (void **)&x));
    tide_status status = TIDE_OK;
    for (size_t done = 0; done < n && status == TIDE_OK; done += step) {
        size_t k = n - done < step ? n - done : step;
        status = compare_block(arrays, a, b, shift, first + done, k, x, x + step * a->across, differs + done);
    }
    tide_free(x);
    return status;
}
