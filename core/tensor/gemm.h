/* Matrix products. The only caller of CBLAS, whose own threads are switched off: whoever has many
 * products to make runs them in the pool (base/pool.h), where CBLAS is called at the same time.
 *
 * The rows of a product are cut into units, which depend on nothing but their number. A product made
 * unit by unit, or in spans of units, has the same bits as one made whole, so that results do not depend
 * on who makes which rows. */
#ifndef TIDE_TENSOR_GEMM_H
#define TIDE_TENSOR_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"

/* C (m, n) = op(A) op(B) + beta C, row-major; lda, ldb, ldc are row strides,
 * beta is 0 or 1.
 * op(A) is (m, k): A as it is, or transposed from (k, m). B likewise. Runs in the pool where it is large. */
void tide_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc);

/* Units of m rows, and where unit `unit` (up to the number of units) starts. */
size_t tide_gemm_units(size_t m);
size_t tide_gemm_unit_start(size_t m, size_t unit);

/* No `n_units` neighbours have more rows than this. */
size_t tide_gemm_most_rows(size_t m, size_t n_units);

/* The rows [first, end) of a span of units. */
static inline tide_span tide_gemm_rows(size_t m, tide_span units)
{
    return (tide_span){tide_gemm_unit_start(m, units.first), tide_gemm_unit_start(m, units.end)};
}

/* Some units of a product of m rows, by the calling thread; a and c point at the first of their rows
 * (a: at its column, where transposed). */
void tide_gemm_part(bool transpose_a, bool transpose_b, size_t m, tide_span units, size_t n, size_t k, const float *a,
                    size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc);

/* The library's version and the processor kernel it picked, for run records:
 * results differ between kernels. */
const char *tide_gemm_library(void);
const char *tide_gemm_kernel(void);

#endif
