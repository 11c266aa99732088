/* Matrix products: Tide's own kernels (product.h) where the processor has them, else OpenBLAS. The only caller of CBLAS,
 * whose own threads are switched off: whoever has many products to make runs them in the pool (base/pool.h), where
 * they are made at the same time.
 *
 * The rows of a product are cut into units, which depend on nothing but their number. A product made
 * unit by unit, or in spans of units, has the same bits as one made whole, so that results do not depend
 * on who makes which rows. */
#ifndef TIDE_TENSOR_GEMM_H
#define TIDE_TENSOR_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/pool.h"
#include "base/status.h"
#include "tensor/product.h"

/* Who multiplies from now on: "avx512" or "avx2", Tide's own; "openblas"; NULL for the fastest, as at the start.
 * Not while products are made. With Tide's own, OpenBLAS still makes those of a few rows with a transposed B.
 * Errors: TIDE_ARGUMENT for another name, or one that this processor cannot run. */
tide_status tide_gemm_use(const char *name);

/* True where Tide's own kernels make products: a product's terms may be cut at multiples of TIDE_PRODUCT_TERMS, and the
 * parts added in order, with the same bits. */
bool tide_gemm_is_own(void);

/* True where bfloat16 is possible: the processor has AVX512_BF16, and Tide's kernels for AVX-512 make products. */
bool tide_gemm_has_bfloat16(void);

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

/* A product that is made in spans of units, and what becomes of its elements. */
typedef struct tide_gemm_job {
    bool transpose_a, transpose_b;
    bool bfloat16;  /* A and B are rounded to it, sums are float32; from 8 rows on or with a
                       transposed A, where tide_gemm_has_bfloat16 */
    size_t m, n, k; /* of the whole product */
    const float *a; /* from the span's first row on (its column, where transposed) */
    size_t lda;
    const float *b;
    size_t ldb;
    const float *panels; /* of B, where tide_gemm_panels_floats asks for them, or NULL */
    float beta, *c;      /* c and end.mask: from the span's first row on */
    size_t ldc;
    tide_product_end end;
    tide_soon soon;     /* what is needed after this product */
    size_t sums_stride; /* end.sums is the span's first unit's; the next unit's stand so many floats on */
} tide_gemm_job;

/* Some units of a product, by the calling thread. */
void tide_gemm_part(const tide_gemm_job *job, tide_span units);

/* Floats of the panels that this product reads instead of B; 0 where it reads B itself. Of the job m, n, k, b, ldb,
 * transpose_b and bfloat16 count. A B that several spans multiply with is put into panels once. */
size_t tide_gemm_panels_floats(const tide_gemm_job *job);

/* One thread's share of making them. */
void tide_gemm_panels_part(const tide_gemm_job *job, float *panels, size_t part, size_t parts);

/* OpenBLAS's version, the processor kernel it picked, and who makes products ("avx512", "avx2", "openblas"), for run
 * records: results differ between them. */
const char *tide_gemm_library(void);
const char *tide_gemm_kernel(void);
const char *tide_gemm_products(void);

#endif
