#include "tensor/gemm.h"

#include <cblas.h>
#include <pthread.h>
#include <string.h>

/* The kernels whose rows have the same bits in a span of units as in a single one (tests/c/nn/test_threads.c):
 * Haswell's and Zen's give a row the same bits wherever it stands in a block of 12, those with AVX-512
 * anywhere, but these take another way, with other bits, below 10^6 multiplications. With any other kernel,
 * products are made unit by unit. */
static const char *const spanning[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "Sandybridge"};
static bool may_span;

enum { UNIT = 64, ROW_BLOCK = 12 };
static const double SMALL_PRODUCT = 1e6;

static void product(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    cblas_sgemm(CblasRowMajor, transpose_a ? CblasTrans : CblasNoTrans, transpose_b ? CblasTrans : CblasNoTrans,
                (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

static void set_up(void)
{
    openblas_set_num_threads(1);
    for (size_t i = 0; i < sizeof spanning / sizeof spanning[0]; i++)
        may_span |= strcmp(openblas_get_corename(), spanning[i]) == 0;
}

size_t tide_gemm_units(size_t m)
{
    return m < UNIT ? 1 : m / UNIT;
}

size_t tide_gemm_unit_start(size_t m, size_t unit)
{
    size_t units = tide_gemm_units(m);
    return unit == units ? m : (m * unit / units + ROW_BLOCK / 2) / ROW_BLOCK * ROW_BLOCK;
}

size_t tide_gemm_most_rows(size_t m, size_t n_units)
{
    size_t most = n_units * (m / tide_gemm_units(m) + 1) + ROW_BLOCK;
    return most < m ? most : m;
}

void tide_gemm_part(bool transpose_a, bool transpose_b, size_t m, tide_span units, size_t n, size_t k, const float *a,
                    size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    tide_span rows = tide_gemm_rows(m, units);
    size_t count = rows.end - rows.first;
    if (count == 0 || n == 0)
        return;
    if (k == 0) { /* an empty sum; CBLAS would refuse the strides of 0 that come with it */
        for (size_t i = 0; i < count && beta == 0.0f; i++)
            memset(c + i * ldc, 0, n * sizeof(float));
        return;
    }
    /* The smallest of several units has UNIT - ROW_BLOCK rows; where its product is large, so is any. */
    bool large = (double)(UNIT - ROW_BLOCK) * (double)n * (double)k > SMALL_PRODUCT;
    if (units.end - units.first == 1 || (may_span && large)) {
        product(transpose_a, transpose_b, count, n, k, a, lda, b, ldb, beta, c, ldc);
        return;
    }
    for (size_t unit = units.first; unit < units.end; unit++) {
        size_t start = tide_gemm_unit_start(m, unit), at = start - rows.first;
        product(transpose_a, transpose_b, tide_gemm_unit_start(m, unit + 1) - start, n, k,
                a + (transpose_a ? at : at * lda), lda, b, ldb, beta, c + at * ldc, ldc);
    }
}

typedef struct gemm_job {
    bool transpose_a, transpose_b;
    size_t m, n, k, lda, ldb, ldc;
    const float *a, *b;
    float beta, *c;
} gemm_job;

static void run_part(void *context, size_t part, size_t parts)
{
    const gemm_job *j = context;
    tide_span units = tide_pool_share(tide_gemm_units(j->m), part, parts);
    size_t first = tide_gemm_unit_start(j->m, units.first);
    const float *a = j->a == NULL ? NULL : j->a + (j->transpose_a ? first : first * j->lda);
    tide_gemm_part(j->transpose_a, j->transpose_b, j->m, units, j->n, j->k, a, j->lda, j->b, j->ldb, j->beta,
                   j->c + first * j->ldc, j->ldc);
}

void tide_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    gemm_job job = {.transpose_a = transpose_a,
                    .transpose_b = transpose_b,
                    .m = m,
                    .n = n,
                    .k = k,
                    .lda = lda,
                    .ldb = ldb,
                    .ldc = ldc,
                    .a = a,
                    .b = b,
                    .beta = beta,
                    .c = c};
    tide_pool_run(run_part, &job, tide_pool_parts(tide_gemm_units(m), 2.0 * (double)m * (double)n * (double)k));
}

const char *tide_gemm_library(void)
{
    return openblas_get_config();
}

const char *tide_gemm_kernel(void)
{
    return openblas_get_corename();
}
