#include "tensor/gemm.h"

#include <cblas.h>
#include <pthread.h>
#include <string.h>

#include "tensor/kernels.h"

/* OpenBLAS's kernels whose rows have the same bits in a span of units as in a single one (tests/c/nn/test_threads.c):
 * Haswell's and Zen's give a row the same bits wherever it stands in a block of 12, those with AVX-512
 * anywhere, but these take another way, with other bits, below 10^6 multiplications. With any other kernel,
 * products are made unit by unit. Tide's own give every element the same bits anywhere. */
static const char *const spanning[] = {"Haswell", "Zen", "SkylakeX", "Cooperlake", "Sandybridge"};
static bool may_span;

enum { UNIT = 64, ROW_BLOCK = 12 };
static const double SMALL_PRODUCT = 1e6;

/* Fewer rows do not pay for turning B around. */
enum { LEAST_ROWS = 8 };

static const tide_product_set *own; /* NULL: OpenBLAS makes all products */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    openblas_set_num_threads(1);
    for (size_t i = 0; i < sizeof spanning / sizeof spanning[0]; i++)
        may_span |= strcmp(openblas_get_corename(), spanning[i]) == 0;
    own = tide_product_find(NULL);
}

tide_status tide_gemm_use(const char *name)
{
    pthread_once(&once, set_up);
    const tide_product_set *set = tide_product_find(name);
    if (name != NULL && set == NULL && strcmp(name, "openblas") != 0) {
        if (strcmp(name, "avx512") == 0 || strcmp(name, "avx2") == 0)
            return tide_fail(TIDE_ARGUMENT, "products: this processor cannot run %s", name);
        return tide_fail(TIDE_ARGUMENT, "products: \"%s\" is not known; there are avx512, avx2 and openblas", name);
    }
    own = set;
    return TIDE_OK;
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

/* ---- Tide's own ---- */

/* `count` rows from `at` on of those that the job's pointers point at. */
static tide_product rows_of(const tide_gemm_job *job, size_t first_row, size_t at, size_t count)
{
    tide_product p = {.m = count,
                      .n = job->n,
                      .k = job->k,
                      .a = job->a + (job->transpose_a ? at : at * job->lda),
                      .a_row = job->transpose_a ? 1 : job->lda,
                      .a_step = job->transpose_a ? job->lda : 1,
                      .b = job->panels != NULL ? job->panels : job->b,
                      .b_step = job->panels != NULL ? TIDE_PANEL : job->ldb,
                      .b_panel = job->panels != NULL ? TIDE_PANEL * job->k : TIDE_PANEL,
                      .add = job->beta != 0.0f,
                      .c = job->c + at * job->ldc,
                      .c_row = job->ldc,
                      .first_row = first_row + at,
                      .end = job->end};
    if (p.end.mask != NULL)
        p.end.mask += at * job->ldc;
    return p;
}

/* B is transposed and in no panels: it is put into one at a time. */
static void run_turning(const tide_product_set *set, tide_product p, const float *b, size_t ldb)
{
    _Alignas(64) float panel[TIDE_PANEL * TIDE_PRODUCT_TERMS];
    const tide_product whole = p;
    for (size_t l = 0; l < whole.k; l += TIDE_PRODUCT_TERMS) {
        p.k = whole.k - l < TIDE_PRODUCT_TERMS ? whole.k - l : TIDE_PRODUCT_TERMS;
        p.a = whole.a + l * p.a_step;
        p.add = whole.add || l > 0;
        bool last = l + p.k == whole.k;
        for (size_t j = 0; j < whole.n; j += TIDE_PANEL) {
            p.n = whole.n - j < TIDE_PANEL ? whole.n - j : TIDE_PANEL;
            tide_panels_make(true, p.k, 0, p.n, b + j * ldb + l, ldb, panel);
            p.b = panel;
            p.b_step = TIDE_PANEL;
            p.c = whole.c + j;
            p.end = (tide_product_end){0};
            if (last) {
                p.end = whole.end;
                p.end.bias = whole.end.bias == NULL ? NULL : whole.end.bias + j;
                p.end.mask = whole.end.mask == NULL ? NULL : whole.end.mask + j;
                p.end.sums = whole.end.sums == NULL ? NULL : whole.end.sums + j;
            }
            set->run(&p);
        }
    }
}

static void own_part(const tide_product_set *set, const tide_gemm_job *job, tide_span units)
{
    size_t start = tide_gemm_unit_start(job->m, units.first);
    size_t step = job->end.sums != NULL ? 1 : units.end - units.first; /* sums are of single units */
    for (size_t unit = units.first; unit < units.end; unit += step) {
        tide_span rows = tide_gemm_rows(job->m, (tide_span){unit, unit + step});
        tide_product p = rows_of(job, start, rows.first - start, rows.end - rows.first);
        if (p.end.sums != NULL)
            p.end.sums += (unit - units.first) * job->sums_stride;
        if (job->transpose_b && job->panels == NULL)
            run_turning(set, p, job->b, job->ldb);
        else
            set->run(&p);
    }
}

size_t tide_gemm_panels_floats(size_t m, size_t n, size_t k)
{
    pthread_once(&once, set_up);
    return own == NULL || m < LEAST_ROWS ? 0 : tide_panels_floats(n, k);
}

void tide_gemm_panels_part(size_t n, size_t k, const float *b, size_t ldb, float *panels, size_t part, size_t parts)
{
    tide_span mine = tide_pool_share((n + TIDE_PANEL - 1) / TIDE_PANEL, part, parts);
    size_t end = mine.end * TIDE_PANEL < n ? mine.end * TIDE_PANEL : n;
    tide_panels_make(true, k, mine.first * TIDE_PANEL, end, b, ldb, panels + mine.first * TIDE_PANEL * k);
}

/* ---- OpenBLAS ---- */

static void blas(const tide_gemm_job *job, size_t at, size_t count)
{
    cblas_sgemm(CblasRowMajor, job->transpose_a ? CblasTrans : CblasNoTrans,
                job->transpose_b ? CblasTrans : CblasNoTrans, (blasint)count, (blasint)job->n, (blasint)job->k, 1.0f,
                job->a + (job->transpose_a ? at : at * job->lda), (blasint)job->lda, job->b, (blasint)job->ldb,
                job->beta, job->c + at * job->ldc, (blasint)job->ldc);
}

/* The end of elements whose sums are in C. */
static void finish(const tide_gemm_job *job, tide_span units)
{
    const tide_product_end *end = &job->end;
    size_t start = tide_gemm_unit_start(job->m, units.first), n = job->n;
    for (size_t unit = units.first; unit < units.end && (end->bias != NULL || end->mask != NULL); unit++) {
        tide_span rows = tide_gemm_rows(job->m, (tide_span){unit, unit + 1});
        float *sums = end->sums == NULL ? NULL : end->sums + (unit - units.first) * job->sums_stride;
        for (size_t row = rows.first; row < rows.end; row++) {
            float *c = job->c + (row - start) * job->ldc;
            if (end->bias != NULL) {
                const float *bias = end->bias + (end->repeats == 0 ? 0 : row / end->repeats * end->bias_row);
                (end->relu ? tide_bias_relu : tide_bias)(c, 1, n, bias);
            }
            if (end->mask != NULL)
                tide_relu_backward(c, end->mask + (row - start) * job->ldc, 1, n, sums);
        }
    }
}

static void blas_part(const tide_gemm_job *job, tide_span units)
{
    tide_span rows = tide_gemm_rows(job->m, units);
    /* The smallest of several units has UNIT - ROW_BLOCK rows; where its product is large, so is any. */
    bool large = (double)(UNIT - ROW_BLOCK) * (double)job->n * (double)job->k > SMALL_PRODUCT;
    size_t step = may_span && large ? units.end - units.first : 1;
    for (size_t unit = units.first; unit < units.end; unit += step) {
        tide_span some = tide_gemm_rows(job->m, (tide_span){unit, unit + step});
        blas(job, some.first - rows.first, some.end - some.first);
    }
}

/* ---- both ---- */

void tide_gemm_part(const tide_gemm_job *job, tide_span units)
{
    pthread_once(&once, set_up);
    tide_span rows = tide_gemm_rows(job->m, units);
    const tide_product_set *set = job->transpose_b && job->m < LEAST_ROWS ? NULL : own;
    if (rows.first == rows.end || job->n == 0)
        return;
    if (job->k == 0) { /* an empty sum; CBLAS would refuse the strides of 0 that come with it */
        for (size_t i = 0; i < rows.end - rows.first && job->beta == 0.0f; i++)
            memset(job->c + i * job->ldc, 0, job->n * sizeof(float));
    } else if (set != NULL) {
        own_part(set, job, units);
        return;
    } else {
        blas_part(job, units);
    }
    finish(job, units);
}

static void run_part(void *context, size_t part, size_t parts)
{
    tide_gemm_job job = *(const tide_gemm_job *)context;
    tide_span units = tide_pool_share(tide_gemm_units(job.m), part, parts);
    size_t first = tide_gemm_unit_start(job.m, units.first);
    if (job.a != NULL)
        job.a += job.transpose_a ? first : first * job.lda;
    job.c += first * job.ldc;
    tide_gemm_part(&job, units);
}

void tide_gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
               const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    tide_gemm_job job = {.transpose_a = transpose_a,
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

const char *tide_gemm_products(void)
{
    pthread_once(&once, set_up);
    return own == NULL ? "openblas" : own->name;
}
