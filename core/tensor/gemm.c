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

static const tide_product_set *own;         /* NULL: OpenBLAS makes all products */
static const tide_product_set *in_bfloat16; /* NULL: this processor has it not */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void set_up(void)
{
    openblas_set_num_threads(1);
    for (size_t i = 0; i < sizeof spanning / sizeof spanning[0]; i++)
        may_span |= strcmp(openblas_get_corename(), spanning[i]) == 0;
    own = tide_product_find(NULL);
    in_bfloat16 = tide_product_find("bfloat16");
}

tide_status tide_gemm_use(const char *name)
{
    pthread_once(&once, set_up);
    const tide_product_set *set = tide_product_find(name);
    if (name != NULL && (set == NULL || set == in_bfloat16) && strcmp(name, "openblas") != 0) {
        if (strcmp(name, "avx512") == 0 || strcmp(name, "avx2") == 0)
            return tide_fail(TIDE_ARGUMENT, "products: this processor cannot run %s", name);
        return tide_fail(TIDE_ARGUMENT, "products: \"%s\" is not known; there are avx512, avx2 and openblas", name);
    }
    own = set;
    return TIDE_OK;
}

bool tide_gemm_is_own(void)
{
    pthread_once(&once, set_up);
    return own != NULL;
}

bool tide_gemm_has_bfloat16(void)
{
    pthread_once(&once, set_up);
    return in_bfloat16 != NULL && own == tide_product_find("avx512");
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

/* The rows of some of the job's units; `first` is the first unit of the span that its pointers point at. */
static tide_product rows_of(const tide_gemm_job *job, size_t first, tide_span units)
{
    size_t start = tide_gemm_unit_start(job->m, first);
    tide_span rows = tide_gemm_rows(job->m, units);
    size_t at = rows.first - start;
    tide_product p = {.m = rows.end - rows.first,
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
                      .first_row = rows.first,
                      .end = job->end};
    if (p.end.mask != NULL)
        p.end.mask += at * job->ldc;
    if (p.end.sums != NULL)
        p.end.sums += (units.first - first) * job->sums_stride;
    return p;
}

/* `step` of the span's units, with their share of what is needed soon. */
static tide_product units_of(const tide_gemm_job *job, tide_span units, size_t unit, size_t step)
{
    tide_product p = rows_of(job, units.first, (tide_span){unit, unit + step});
    tide_span share = tide_pool_share(job->soon.count, (unit - units.first) / step, (units.end - units.first) / step);
    p.soon = (tide_soon){job->soon.from + share.first, share.end - share.first};
    return p;
}

/* Terms [l, l + k) and columns [j, j + n) of a product, with that part of B in panels. */
static tide_product block_of(tide_product p, size_t l, size_t k, size_t j, size_t n, const float *panels)
{
    bool last = l + k == p.k;
    p.a += l * p.a_step;
    p.add = p.add || l > 0;
    p.k = k;
    p.n = n;
    p.b = panels;
    p.b_step = TIDE_PANEL;
    p.b_panel = TIDE_PANEL * k;
    p.c += j;
    p.end.bias = last && p.end.bias != NULL ? p.end.bias + j : NULL;
    p.end.mask = last && p.end.mask != NULL ? p.end.mask + j : NULL;
    p.end.sums = last && p.end.sums != NULL ? p.end.sums + j : NULL;
    p.end.relu = last && p.end.relu;
    return p;
}

/* Floats of a block of k terms in panels of bfloat16, two terms in a float's place. */
static size_t pairs_floats(size_t n, size_t k)
{
    return tide_panels_floats(n, (k + 1) / 2);
}

/* B is put into panels, block by block: it is transposed and in none, or the kernels take only their own kind, of which
 * whole blocks of terms may have been made before. */
static void run_blocks(const tide_product_set *set, const tide_gemm_job *job, tide_span units, size_t step)
{
    enum { COLUMNS = 4 * TIDE_PANEL };
    _Alignas(64) float panels[COLUMNS * TIDE_PRODUCT_TERMS];
    size_t most = set->make_panels != NULL ? 2 * COLUMNS : COLUMNS; /* two terms in a float's place */
    for (size_t l = 0; l < job->k; l += TIDE_PRODUCT_TERMS) {
        size_t k = job->k - l < TIDE_PRODUCT_TERMS ? job->k - l : TIDE_PRODUCT_TERMS;
        for (size_t j = 0; j < job->n; j += most) {
            size_t n = job->n - j < most ? job->n - j : most;
            const float *b = job->b + (job->transpose_b ? j * job->ldb + l : l * job->ldb + j);
            const float *ready = panels;
            if (job->panels != NULL)
                ready = job->panels + pairs_floats(job->n, l) + pairs_floats(j, k);
            else if (set->make_panels != NULL)
                set->make_panels(job->transpose_b, k, n, b, job->ldb, panels);
            else
                tide_panels_make(job->transpose_b, k, 0, n, b, job->ldb, panels);
            for (size_t unit = units.first; unit < units.end; unit += step) {
                tide_product p = block_of(units_of(job, units, unit, step), l, k, j, n, ready);
                set->run(&p);
            }
        }
    }
}

static void own_part(const tide_product_set *set, const tide_gemm_job *job, tide_span units)
{
    size_t step = job->end.sums != NULL ? 1 : units.end - units.first; /* sums are of single units */
    if (set->make_panels != NULL || (job->transpose_b && job->panels == NULL)) {
        run_blocks(set, job, units, step);
        return;
    }
    for (size_t unit = units.first; unit < units.end; unit += step) {
        tide_product p = units_of(job, units, unit, step);
        set->run(&p);
    }
}

size_t tide_gemm_panels_floats(const tide_gemm_job *job)
{
    pthread_once(&once, set_up);
    if (own == NULL || job->m < LEAST_ROWS || !(job->bfloat16 || job->transpose_b))
        return 0;
    return job->bfloat16 ? pairs_floats(job->n, job->k) : tide_panels_floats(job->n, job->k);
}

void tide_gemm_panels_part(const tide_gemm_job *job, float *panels, size_t part, size_t parts)
{
    tide_span mine = tide_pool_share((job->n + TIDE_PANEL - 1) / TIDE_PANEL, part, parts);
    size_t n = job->n, first = mine.first * TIDE_PANEL, end = mine.end * TIDE_PANEL < n ? mine.end * TIDE_PANEL : n;
    if (!job->bfloat16) {
        tide_panels_make(true, job->k, first, end, job->b, job->ldb, panels + first * job->k);
        return;
    }
    for (size_t l = 0; l < job->k && first < end; l += TIDE_PRODUCT_TERMS) {
        size_t k = job->k - l < TIDE_PRODUCT_TERMS ? job->k - l : TIDE_PRODUCT_TERMS;
        in_bfloat16->make_panels(job->transpose_b, k, end - first,
                                 job->b + (job->transpose_b ? first * job->ldb + l : l * job->ldb + first), job->ldb,
                                 panels + pairs_floats(n, l) + pairs_floats(first, k));
    }
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
    if (job->bfloat16 && (job->m >= LEAST_ROWS || job->transpose_a))
        set = in_bfloat16;
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
