/* Matrix products against a product of three loops in double. */
#include "../testing.h"

#include "tensor/gemm.h"

enum { MOST = 80 * 80 };

static float a[MOST], b[MOST], c[MOST], before[MOST];

/* Random matrices with strides beyond their widths; what lies between must stay as it is. */
static void check_product(tide_rng *rng, bool ta, bool tb, size_t m, size_t n, size_t k, float beta)
{
    size_t lda = (ta ? m : k) + 3, ldb = (tb ? k : n) + 2, ldc = n + 1;
    tide_rng_uniform(rng, a, MOST, -1.0f, 1.0f);
    tide_rng_uniform(rng, b, MOST, -1.0f, 1.0f);
    tide_rng_uniform(rng, c, MOST, -1.0f, 1.0f);
    if (beta == 0.0f)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                c[i * ldc + j] = NAN; /* 0 means overwrite, whatever was there */
    memcpy(before, c, sizeof c);
    tide_gemm(ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc);
    for (size_t i = 0; i < m; i++) {
        for (size_t j = 0; j < n; j++) {
            double sum = beta == 0.0f ? 0.0 : (double)before[i * ldc + j];
            for (size_t l = 0; l < k; l++)
                sum += (double)(ta ? a[l * lda + i] : a[i * lda + l]) * (double)(tb ? b[j * ldb + l] : b[l * ldb + j]);
            NEAR(c[i * ldc + j], sum, 1e-5, 1e-5);
        }
        for (size_t j = n; j < ldc; j++)
            ck_assert_mem_eq(&c[i * ldc + j], &before[i * ldc + j], sizeof(float));
    }
    ck_assert_mem_eq(c + m * ldc, before + m * ldc, (MOST - m * ldc) * sizeof(float));
}

/* Who can make products here: Check calls each test of a loop in a process of its own, so that every one chooses. */
static const char *const makers[] = {"openblas", "avx2", "avx512"};
enum { N_MAKERS = 3 };

static bool made_by(int maker)
{
    return tide_gemm_use(makers[maker]) == TIDE_OK;
}

START_TEST(all_transposes_and_odd_sizes_match_the_naive_product)
{
    if (!made_by(_i))
        return;
    static const size_t sizes[][3] = {{1, 1, 1},  {1, 7, 3},    {7, 1, 5},    {3, 5, 1},    {2, 2, 2},   {13, 17, 19},
                                      {33, 6, 9}, {64, 64, 64}, {65, 63, 31}, {16, 12, 70}, {70, 2, 64}, {5, 70, 23}};
    tide_rng rng = testing_rng("gemm");
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (int kind = 0; kind < 8; kind++)
            check_product(&rng, (kind & 1) != 0, (kind & 2) != 0, sizes[s][0], sizes[s][1], sizes[s][2],
                          (kind & 4) != 0 ? 1.0f : 0.0f);
}
END_TEST

START_TEST(empty_sums_are_zero_and_empty_results_untouched)
{
    if (!made_by(_i))
        return;
    float x[6] = {1, 2, 3, 4, 5, 6};
    tide_gemm(false, true, 2, 3, 0, NULL, 0, NULL, 0, 1.0f, x, 3);
    EXPECT(x[0] == 1.0f && x[5] == 6.0f);
    tide_gemm(false, true, 0, 3, 2, x, 2, x, 2, 0.0f, x, 3);
    tide_gemm(false, true, 2, 0, 2, x, 2, x, 2, 0.0f, x, 0);
    EXPECT(x[0] == 1.0f && x[5] == 6.0f);
    tide_gemm(false, true, 2, 2, 0, NULL, 0, NULL, 0, 0.0f, x, 3);
    EXPECT(x[0] == 0.0f && x[1] == 0.0f && x[2] == 3.0f && x[3] == 0.0f && x[4] == 0.0f && x[5] == 6.0f);
}
END_TEST

START_TEST(the_same_product_has_the_same_bits)
{
    if (!made_by(_i))
        return;
    static float first[MOST];
    tide_rng rng = testing_rng("gemm bits");
    tide_rng_uniform(&rng, a, MOST, -1.0f, 1.0f);
    tide_rng_uniform(&rng, b, MOST, -1.0f, 1.0f);
    tide_gemm(false, false, 64, 64, 64, a, 64, b, 64, 0.0f, first, 64);
    for (int i = 0; i < 20; i++) {
        tide_gemm(false, false, 64, 64, 64, a, 64, b, 64, 0.0f, c, 64);
        ck_assert_mem_eq(c, first, 64 * 64 * sizeof(float));
    }
}
END_TEST

START_TEST(who_makes_products_is_chosen_by_name)
{
    MUST(tide_gemm_use("openblas"));
    ck_assert_str_eq(tide_gemm_products(), "openblas");
    MUST(tide_gemm_use(NULL));
    const tide_product_set *fastest = tide_product_find(NULL);
    ck_assert_str_eq(tide_gemm_products(), fastest == NULL ? "openblas" : fastest->name);
    MUST_FAIL(tide_gemm_use("mkl"), TIDE_ARGUMENT, "\"mkl\" is not known; there are avx512, avx2 and openblas");
    for (int i = 1; i < N_MAKERS; i++) {
        if (tide_product_find(makers[i]) == NULL)
            MUST_FAIL(tide_gemm_use(makers[i]), TIDE_ARGUMENT, "cannot run");
        else
            MUST(tide_gemm_use(makers[i]));
    }
}
END_TEST

START_TEST(threads_are_counted_and_none_is_refused)
{
    MUST_FAIL(tide_pool_set_threads(0), TIDE_ARGUMENT, "threads: 0");
    MUST_FAIL(tide_pool_set_threads(100000), TIDE_ARGUMENT, "100000");
    MUST(tide_pool_set_threads(1));
    ck_assert_uint_eq(tide_pool_threads(), 1);
    ck_assert_ptr_nonnull(strstr(tide_gemm_library(), "OpenBLAS"));
    ck_assert_uint_gt(strlen(tide_gemm_kernel()), 0);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_loop_test(tests, all_transposes_and_odd_sizes_match_the_naive_product, 0, N_MAKERS);
    tcase_add_loop_test(tests, empty_sums_are_zero_and_empty_results_untouched, 0, N_MAKERS);
    tcase_add_loop_test(tests, the_same_product_has_the_same_bits, 0, N_MAKERS);
    tcase_add_test(tests, who_makes_products_is_chosen_by_name);
    tcase_add_test(tests, threads_are_counted_and_none_is_refused);
}

int main(void)
{
    return testing_run("gemm", add);
}
