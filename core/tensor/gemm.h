/* Matrix products. The only caller of CBLAS. */
#ifndef TIDE_TENSOR_GEMM_H
#define TIDE_TENSOR_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* C (m, n) = op(A) op(B) + beta C, row-major; lda, ldb, ldc are row strides,
 * beta is 0 or 1.
 * op(A) is (m, k): A as it is, or transposed from (k, m). B likewise. */
void tide_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc);

/* Threads of the products from now on. Errors: TIDE_ARGUMENT for none. */
tide_status tide_gemm_set_threads(size_t threads);
size_t tide_gemm_threads(void);

/* The library's version and the processor kernel it picked, for run records:
 * results differ between kernels. */
const char *tide_gemm_library(void);
const char *tide_gemm_kernel(void);

#endif
