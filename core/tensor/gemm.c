#include "tensor/gemm.h"

#include <cblas.h>
#include <string.h>

void tide_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    if (k == 0) { /* an empty sum; CBLAS would refuse the strides of 0 that come with it */
        for (size_t i = 0; i < m && beta == 0.0f; i++)
            memset(c + i * ldc, 0, n * sizeof(float));
        return;
    }
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
                (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

tide_status tide_gemm_set_threads(size_t threads)
{
    if (threads == 0 || threads > 4096)
        return tide_fail(TIDE_ARGUMENT, "threads: %zu; between 1 and 4096 are possible", threads);
    openblas_set_num_threads((int)threads);
    return TIDE_OK;
}

size_t tide_gemm_threads(void)
{
    return (size_t)openblas_get_num_threads();
}

const char *tide_gemm_library(void)
{
    return openblas_get_config();
}

const char *tide_gemm_kernel(void)
{
    return openblas_get_corename();
}
