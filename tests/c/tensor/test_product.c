/* Tide's own products, bit by bit: every element is the sum that product.h promises, wherever it stands. And what
 * becomes of the sums, whoever made them. */
#include "../testing.h"

#include "tensor/gemm.h"

enum { MOST_M = 150, MOST_N = 300, MOST_K = 600, STRIDE = 7 };

static const char *const makers[] = {"openblas", "avx2", "avx512"};
enum { N_MAKERS = 3, FIRST_OWN = 1 };

static float a[(MOST_M + STRIDE) * (MOST_K + STRIDE)], b[(MOST_N + STRIDE) * (MOST_K + STRIDE)];
static float c[MOST_M * (MOST_N + STRIDE)], before[MOST_M * (MOST_N + STRIDE)], mask[MOST_M * (MOST_N + STRIDE)];
static float bias[MOST_M * MOST_N], sums[4 * MOST_N], panels[(MOST_N + TIDE_PANEL) * MOST_K];

static tide_rng rng;

static void seed(void)
{
    rng = testing_rng("product");
    tide_rng_normal(&rng, a, sizeof a / sizeof *a);
    tide_rng_normal(&rng, b, sizeof b / sizeof *b);
    tide_rng_normal(&rng, before, sizeof before / sizeof *before);
    tide_rng_normal(&rng, mask, sizeof mask / sizeof *mask);
    tide_rng_normal(&rng, bias, sizeof bias / sizeof *bias);
}

/* Fused multiplications and additions in order, at most TIDE_PRODUCT_TERMS a sum. */
static float chain(const tide_gemm_job *job, size_t i, size_t j)
{
    float total = job->beta != 0.0f ? before[i * job->ldc + j] : 0.0f;
    for (size_t start = 0; start < job->k; start += TIDE_PRODUCT_TERMS) {
        float sum = 0.0f;
        for (size_t l = start; l < start + TIDE_PRODUCT_TERMS && l < job->k; l++)
            sum = fmaf(job->transpose_a ? job->a[l * job->lda + i] : job->a[i * job->lda + l],
                       job->transpose_b ? job->b[j * job->ldb + l] : job->b[l * job->ldb + j], sum);
        total = start == 0 && job->beta == 0.0f ? sum : total + sum;
    }
    return total;
}

/* The element that C is to hold. */
static float wanted(const tide_gemm_job *job, size_t i, size_t j)
{
    const tide_product_end *end = &job->end;
    float x = chain(job, i, j);
    if (end->bias != NULL)
        x += end->bias[(end->repeats == 0 ? 0 : i / end->repeats * end->bias_row) + j];
    if (end->relu && x < 0.0f)
        x = 0.0f;
    return end->mask != NULL && !(end->mask[i * job->ldc + j] > 0.0f) ? 0.0f : x;
}

static tide_gemm_job job_of(size_t m, size_t n, size_t k, bool ta, bool tb, float beta)
{
    return (tide_gemm_job){.transpose_a = ta,
                           .transpose_b = tb,
                           .m = m,
                           .n = n,
                           .k = k,
                           .a = a,
                           .lda = (ta ? m : k) + STRIDE,
                           .b = b,
                           .ldb = (tb ? k : n) + STRIDE,
                           .beta = beta,
                           .c = c,
                           .ldc = n + STRIDE};
}

static bool same(float x, float y)
{
    return memcmp(&x, &y, sizeof x) == 0;
}

/* Makes the product: `exact` to the last bit, else near; what lies between C's rows stays. */
static void check(const tide_gemm_job *job, bool exact, const char *what)
{
    memcpy(c, before, sizeof c);
    tide_gemm_part(job, (tide_span){0, tide_gemm_units(job->m)});
    for (size_t i = 0; i < job->m; i++) {
        for (size_t j = 0; j < job->ldc; j++) {
            float got = c[i * job->ldc + j], want = j < job->n ? wanted(job, i, j) : before[i * job->ldc + j];
            bool near = fabsf(got - want) <= 1e-5f * (fabsf(want) + sqrtf((float)job->k));
            ck_assert_msg(exact || j >= job->n ? same(got, want) : near,
                          "%s: (%zu, %zu) of %zu x %zu x %zu, %d%d, is %.9g, not %.9g", what, i, j, job->m, job->n,
                          job->k, job->transpose_a, job->transpose_b, (double)got, (double)want);
        }
    }
}

static bool use(int maker)
{
    return tide_gemm_use(makers[maker]) == TIDE_OK;
}

START_TEST(every_element_is_the_sum_in_order)
{
    if (!use(_i))
        return;
    static const size_t ks[] = {1, 5, 17, 256, 257, 600};
    for (size_t n = 0; n < 420; n++) {
        size_t most_m = n % 7 == 0 ? MOST_M : 30, most_n = n % 5 == 0 ? MOST_N : 70;
        uint64_t m, columns;
        tide_rng_indices(&rng, &m, 1, most_m);
        tide_rng_indices(&rng, &columns, 1, most_n);
        bool tb = (n & 2) != 0;
        /* With a transposed B, OpenBLAS makes the products of fewer than 8 rows. */
        tide_gemm_job job = job_of(tb ? m + 8 : m + 1, columns + 1, ks[n % 6], (n & 1) != 0, tb, (n & 4) != 0);
        if (job.m > MOST_M)
            continue;
        check(&job, true, "in order");
    }
}
END_TEST

/* By three threads, one after the other, with NaN before them and behind what they were asked for. */
static void make_panels(tide_gemm_job *job)
{
    size_t floats = tide_gemm_panels_floats(job);
    memset(panels, 0xff, sizeof panels);
    for (size_t part = 0; part < 3; part++)
        tide_gemm_panels_part(job, panels, part, 3);
    size_t written = 0;
    for (size_t i = floats; i < sizeof panels / sizeof *panels; i++)
        written += isnan(panels[i]) ? 0 : 1;
    ck_assert_uint_eq(written, 0);
    job->panels = panels;
}

START_TEST(panels_change_no_bit)
{
    if (!use(_i))
        return;
    for (size_t n = 1; n <= 100; n += 3) {
        tide_gemm_job job = job_of(40 + n, n, 5 * n, false, true, n % 2 == 0);
        ck_assert_uint_eq(tide_gemm_panels_floats(&job), tide_panels_floats(n, job.k));
        make_panels(&job);
        check(&job, true, "panels");
        job.m = 3;
        ck_assert_uint_eq(tide_gemm_panels_floats(&job), 0);
        job.m = 40;
        job.transpose_b = false;
        ck_assert_uint_eq(tide_gemm_panels_floats(&job), 0);
    }
}
END_TEST

/* Bias, one for all rows or one for several each; ReLU; mask. OpenBLAS's sums are near. */
START_TEST(sums_end_as_they_are_told_to)
{
    if (!use(_i))
        return;
    for (size_t n = 1; n <= 80; n += n < 35 ? 1 : 9) {
        for (int kind = 0; kind < 5; kind++) {
            tide_gemm_job job = job_of(70 + n % 3, n, n % 2 == 0 ? 300 : 20, false, kind % 2 == 0, kind == 3);
            if (kind <= 3)
                job.end.bias = bias;
            if (kind >= 2 && kind <= 3) {
                job.end.repeats = 5;
                job.end.bias_row = n + 1;
            }
            job.end.relu = kind == 1 || kind == 2;
            job.end.mask = kind == 4 ? mask : NULL;
            check(&job, _i >= FIRST_OWN, "end");
        }
    }
}
END_TEST

START_TEST(column_sums_are_of_each_unit_row_by_row)
{
    if (!use(_i))
        return;
    for (size_t n = 1; n <= 290; n += 17) {
        tide_gemm_job job = job_of(MOST_M, n, 33, false, false, 0.0f);
        size_t units = tide_gemm_units(job.m);
        job.end.mask = mask;
        job.end.sums = sums;
        job.sums_stride = MOST_N;
        for (size_t i = 0; i < sizeof sums / sizeof *sums; i++)
            sums[i] = 0.5f;
        check(&job, _i >= FIRST_OWN, "sums");
        ck_assert_uint_eq(units, 2);
        for (size_t u = 0; u < units; u++) {
            tide_span rows = tide_gemm_rows(job.m, (tide_span){u, u + 1});
            for (size_t j = 0; j < MOST_N; j++) {
                float sum = 0.5f;
                for (size_t i = rows.first; i < rows.end && j < n; i++)
                    sum += c[i * job.ldc + j];
                ck_assert_msg(same(sums[u * MOST_N + j], sum), "unit %zu, column %zu of %zu", u, j, n);
            }
        }
    }
}
END_TEST

START_TEST(what_is_not_finite_stays_in_its_row_and_column)
{
    if (!use(_i))
        return;
    const float odd[] = {NAN, INFINITY, -INFINITY};
    for (size_t o = 0; o < 3; o++) {
        tide_gemm_job job = job_of(45, 37, 21, false, true, 0.0f);
        float kept[2] = {a[13 * job.lda + 4], b[29 * job.ldb + 7]};
        a[13 * job.lda + 4] = odd[o];
        b[29 * job.ldb + 7] = odd[o];
        tide_gemm_part(&job, (tide_span){0, 1});
        for (size_t i = 0; i < job.m; i++)
            for (size_t j = 0; j < job.n; j++)
                EXPECT(isfinite(c[i * job.ldc + j]) == (i != 13 && j != 29));
        EXPECT(o > 0 || isnan(c[13 * job.ldc]));
        job.end.bias = bias;
        job.end.relu = true;
        tide_gemm_part(&job, (tide_span){0, 1});
        for (size_t j = 0; j < job.n; j++)
            EXPECT(o > 0 || isnan(c[13 * job.ldc + j])); /* ReLU keeps NaN */
        job.end = (tide_product_end){.mask = mask};
        mask[13 * job.ldc + 3] = NAN;
        mask[13 * job.ldc + 5] = -1.0f;
        tide_gemm_part(&job, (tide_span){0, 1});
        EXPECT(c[13 * job.ldc + 3] == 0.0f && c[13 * job.ldc + 5] == 0.0f); /* no gradient passes, not even NaN */
        a[13 * job.lda + 4] = kept[0];
        b[29 * job.ldb + 7] = kept[1];
    }
}
END_TEST

/* Long sums, against double: blocks keep the error of a chain short. */
START_TEST(long_sums_keep_their_digits)
{
    enum { LONG = 100000 };
    static float x[LONG * 2], y[LONG * 2], z[4];
    if (!use(_i))
        return;
    tide_rng_uniform(&rng, x, LONG * 2, 0.0f, 1.0f);
    tide_rng_uniform(&rng, y, LONG * 2, 0.0f, 1.0f);
    tide_gemm(true, false, 2, 2, LONG, x, 2, y, 2, 0.0f, z, 2);
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < 2; j++) {
            double sum = 0.0;
            for (size_t l = 0; l < LONG; l++)
                sum += (double)x[l * 2 + i] * (double)y[l * 2 + j];
            NEAR(z[i * 2 + j], sum, 5e-6, 0.0);
        }
    }
}
END_TEST

/* x with 8 bits of precision, ties to even. */
static float rounded(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* bfloat16: the exact product of the rounded matrices but for float32's sums, so within 2^-8 of the true one. */
START_TEST(bfloat16_rounds_both_matrices_and_sums_in_float32)
{
    if (!tide_gemm_has_bfloat16())
        return;
    static const size_t ks[] = {1, 2, 17, 31, 256, 257, 600}, ns[] = {1, 6, 12, 16, 17, 31, 33, 64, 256, 300};
    for (size_t n = 0; n < 7 * 10 * 8; n++) {
        size_t kind = n / 70;
        tide_gemm_job job = job_of(8 + n % 60, ns[n / 7 % 10], ks[n % 7], (kind & 1) != 0, (kind & 2) != 0,
                                   (kind & 4) != 0);
        job.bfloat16 = true;
        job.end.bias = n % 3 == 0 ? bias : NULL;
        job.end.relu = n % 3 == 0;
        memcpy(c, before, sizeof c);
        tide_gemm_part(&job, (tide_span){0, tide_gemm_units(job.m)});
        for (size_t i = 0; i < job.m; i++) {
            for (size_t j = 0; j < job.ldc; j++) {
                double sum = job.beta != 0.0f || j >= job.n ? (double)before[i * job.ldc + j] : 0.0, exact = sum;
                double size = fabs(sum);
                for (size_t l = 0; l < job.k && j < job.n; l++) {
                    float x = job.transpose_a ? a[l * job.lda + i] : a[i * job.lda + l];
                    float y = job.transpose_b ? b[j * job.ldb + l] : b[l * job.ldb + j];
                    sum += (double)rounded(x) * (double)rounded(y);
                    exact += (double)x * (double)y;
                    size += fabs((double)x * (double)y);
                }
                double more = j < job.n && job.end.bias != NULL ? (double)bias[j] : 0.0;
                sum += more;
                exact += more;
                if (job.end.relu && j < job.n) {
                    sum = sum < 0.0 ? 0.0 : sum;
                    exact = exact < 0.0 ? 0.0 : exact;
                }
                NEAR(c[i * job.ldc + j], sum, 0.0, 1e-6 * (size + fabs(more)));
                NEAR(c[i * job.ldc + j], exact, 0.0,
                     size * 0x1p-7 + 1e-6 * fabs(more)); /* 2^-9 of each factor at most */
            }
        }
    }
}
END_TEST

/* Panels of a whole B, those that a product makes itself, and the products of its rows one block of tiles after another. */
START_TEST(bfloat16_panels_change_no_bit)
{
    static const size_t ks[] = {1, 2, 17, 31, 32, 64, 255, 256, 257, 600}, ns[] = {1, 12, 16, 17, 32, 33, 64, 256, 300};
    static float without[sizeof c / sizeof *c];
    if (!tide_gemm_has_bfloat16())
        return;
    for (size_t i = 0; i < 10 * 9 * 4; i++) {
        size_t kind = i / 90;
        tide_gemm_job job = job_of(8 + i % 140, ns[i / 10 % 9], ks[i % 10], (kind & 1) != 0, (kind & 2) != 0, 0.0f);
        job.bfloat16 = true;
        memcpy(c, before, sizeof c);
        tide_gemm_part(&job, (tide_span){0, tide_gemm_units(job.m)});
        memcpy(without, c, sizeof c);
        make_panels(&job);
        memcpy(c, before, sizeof c);
        tide_gemm_part(&job, (tide_span){0, tide_gemm_units(job.m)});
        ck_assert_msg(memcmp(c, without, sizeof c) == 0, "%zu x %zu x %zu, kind %zu", job.m, job.n, job.k, kind);
        job.m = 7;
        ck_assert_uint_eq(tide_gemm_panels_floats(&job), 0);
    }
}
END_TEST

START_TEST(bfloat16_passes_on_what_is_not_finite_and_needs_rows_and_its_processor)
{
    MUST(tide_gemm_use("openblas"));
    ck_assert(!tide_gemm_has_bfloat16());
    MUST(tide_gemm_use(NULL));
    if (!tide_gemm_has_bfloat16())
        return;
    MUST_FAIL(tide_gemm_use("bfloat16"), TIDE_ARGUMENT, "not known");
    tide_gemm_job job = job_of(7, 37, 21, false, true, 0.0f);
    job.bfloat16 = true;
    check(&job, false, "7 rows stay float32");
    job.m = 45;
    float kept = a[13 * job.lda + 20];
    a[13 * job.lda + 20] = NAN;
    tide_gemm_part(&job, (tide_span){0, 1});
    for (size_t i = 0; i < job.m; i++)
        for (size_t j = 0; j < job.n; j++)
            EXPECT(isnan(c[i * job.ldc + j]) == (i == 13));
    a[13 * job.lda + 20] = kept;
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_loop_test(tests, every_element_is_the_sum_in_order, FIRST_OWN, N_MAKERS);
    tcase_add_loop_test(tests, panels_change_no_bit, FIRST_OWN, N_MAKERS);
    tcase_add_loop_test(tests, sums_end_as_they_are_told_to, 0, N_MAKERS);
    tcase_add_loop_test(tests, column_sums_are_of_each_unit_row_by_row, 0, N_MAKERS);
    tcase_add_loop_test(tests, what_is_not_finite_stays_in_its_row_and_column, 0, N_MAKERS);
    tcase_add_test(tests, bfloat16_rounds_both_matrices_and_sums_in_float32);
    tcase_add_test(tests, bfloat16_panels_change_no_bit);
    tcase_add_test(tests, bfloat16_passes_on_what_is_not_finite_and_needs_rows_and_its_processor);
    tcase_add_loop_test(tests, long_sums_keep_their_digits, 0, N_MAKERS);
}

int main(void)
{
    return testing_run("product", add);
}
