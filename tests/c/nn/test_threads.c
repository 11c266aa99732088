/* Bits do not depend on the number of threads: products, both passes of networks, Adam. */
#include "../testing.h"

#include "autodiff/reduce.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "tensor/gemm.h"

static tide_rng rng;

static void seed(void)
{
    rng = testing_rng("threads");
}

/* Who makes products, one a run of each test. */
static const char *const makers[] = {"openblas", "avx2", "avx512", "bfloat16"};
enum { BFLOAT16 = 3, N_MAKERS };

/* False where this processor cannot. bfloat16 goes with the fastest. */
static bool use(int maker)
{
    return tide_gemm_use(maker == BFLOAT16 ? NULL : makers[maker]) == TIDE_OK &&
           (maker != BFLOAT16 || tide_gemm_has_bfloat16());
}

/* Whole, in units, in spans of two units, and by threads. */
START_TEST(a_product_has_the_same_bits_in_any_parts)
{
    if (!use(_i))
        return;
    enum { MOST = 512 * 400 };
    static float a[MOST], b[MOST], before[MOST], whole[MOST], parts[MOST];
    static const size_t ms[] = {20, 256, 300, 512}, ns[] = {1, 6, 12, 23, 64, 100, 128, 200, 256, 400},
                        ks[] = {4, 17, 40, 100, 256, 400};
    tide_rng_normal(&rng, a, MOST);
    tide_rng_normal(&rng, b, MOST);
    tide_rng_normal(&rng, before, MOST);
    MUST(tide_pool_set_threads(3));
    for (size_t i = 0; i < 4 * 10 * 6 * 3 * 2; i++) {
        size_t m = ms[i % 4], n = ns[i / 4 % 10], k = ks[i / 40 % 6], kind = i / 240 % 3, units = tide_gemm_units(m);
        bool ta = kind == 2, tb = kind == 0;
        float beta = i / 720 == 0 ? 0.0f : 1.0f;
        size_t lda = ta ? m : k, ldb = tb ? k : n;
        memcpy(whole, before, sizeof whole);
        tide_gemm_job job = {.transpose_a = ta,
                             .transpose_b = tb,
                             .bfloat16 = _i == BFLOAT16,
                             .m = m,
                             .n = n,
                             .k = k,
                             .a = a,
                             .lda = lda,
                             .b = b,
                             .ldb = ldb,
                             .beta = beta,
                             .c = whole,
                             .ldc = n};
        tide_gemm_part(&job, (tide_span){0, units});
        for (size_t span = 1; span <= 2; span++) {
            memcpy(parts, before, sizeof parts);
            for (size_t unit = 0; unit < units; unit += span) {
                size_t end = unit + span < units ? unit + span : units, at = tide_gemm_unit_start(m, unit);
                job.a = a + (ta ? at : at * k);
                job.c = parts + at * n;
                tide_gemm_part(&job, (tide_span){unit, end});
            }
            ck_assert_msg(memcmp(whole, parts, sizeof whole) == 0, "%zu x %zu x %zu, kind %zu, spans of %zu", m, n, k,
                          kind, span);
        }
        if (_i == BFLOAT16) /* tide_gemm is float32 */
            continue;
        memcpy(parts, before, sizeof parts);
        tide_gemm(ta, tb, m, n, k, a, lda, b, ldb, beta, parts, n);
        ck_assert_msg(memcmp(whole, parts, sizeof whole) == 0, "%zu x %zu x %zu, kind %zu, threads", m, n, k, kind);
    }
}
END_TEST

START_TEST(units_cover_the_rows_and_have_neither_few_nor_many)
{
    for (size_t m = 0; m < 3000; m++) {
        size_t units = tide_gemm_units(m);
        EXPECT(units >= 1);
        EXPECT(tide_gemm_unit_start(m, 0) == 0);
        EXPECT(tide_gemm_unit_start(m, units) == m);
        for (size_t u = 0; u < units; u++) {
            size_t rows = tide_gemm_unit_start(m, u + 1) - tide_gemm_unit_start(m, u);
            EXPECT(units == 1 || (rows >= 52 && rows <= 140));
            size_t end = u + 4 < units ? u + 4 : units;
            EXPECT(tide_gemm_unit_start(m, end) - tide_gemm_unit_start(m, u) <= tide_gemm_most_rows(m, 4));
        }
    }
}
END_TEST

/* What one training step leaves: outputs without and with a record, gradients of inputs, parameters after. */
typedef struct outcome {
    float *plain, *out, *weights;
    size_t n_out, n_weights;
    float input_weights[2];
    uint64_t allocated;
} outcome;

static const struct {
    size_t n_layers, sizes[5], rows, first_rows;
    float tanh_scale;
    bool layer_norm;
} cases[] = {
    {3, {23, 256, 256, 1}, 256, 256, 0.0f, false},   {3, {17, 256, 256, 12}, 256, 256, 0.0f, false},
    {3, {40, 256, 256, 2}, 512, 512, 2.0f, false},   {3, {40, 256, 256, 2}, 1280, 128, 2.0f, false},
    {3, {23, 128, 128, 3}, 777, 777, 0.0f, false},   {4, {30, 100, 200, 3, 70}, 384, 128, 0.0f, false},
    {2, {12, 400, 6}, 500, 250, -1.5f, false},       {1, {300, 200}, 256, 64, 1.0f, false},
    {3, {300, 16, 300, 1}, 1000, 1000, 0.0f, false}, {3, {23, 256, 256, 1}, 256, 256, 0.0f, true},
    {3, {40, 256, 131, 2}, 1280, 128, 2.0f, true},   {4, {30, 100, 200, 3, 70}, 384, 128, 0.0f, true},
    {3, {23, 128, 128, 40}, 777, 777, 0.0f, true},   {3, {23, 96, 64, 1}, 2077, 67, 0.0f, false},
    {3, {220, 96, 64, 2}, 2077, 2077, 0.0f, true},
};
enum { N_CASES = sizeof cases / sizeof cases[0], STEPS = 3 };

/* A few steps of Adam; the inputs are parameters times data, so that their gradients are seen as well. */
static outcome train(size_t c, size_t threads, bool bfloat16, uint64_t test_seed)
{
    tide_tape *tape;
    tide_mlp *mlp, *inputs[2];
    tide_adam *adam;
    tide_rng draws = tide_rng_make(test_seed, c);
    size_t in = cases[c].sizes[0], outputs = cases[c].sizes[cases[c].n_layers], rows = cases[c].rows;
    const size_t dims[2] = {in / 3, in - in / 3};
    outcome o = {.n_out = rows * outputs};
    MUST(tide_pool_set_threads(threads));
    MUST(tide_tape_create(&tape));
    const tide_mlp_options options = {
        .tanh_scale = cases[c].tanh_scale, .layer_norm = cases[c].layer_norm, .bfloat16 = bfloat16};
    MUST(tide_mlp_create(&mlp, cases[c].sizes, cases[c].n_layers, options));
    for (size_t l = 0; l < cases[c].n_layers; l++)
        MUST(tide_mlp_init_layer(mlp, l, TIDE_INIT_TORCH, 0.0f, &draws));
    for (size_t p = 0; p < 2; p++) {
        MUST(tide_mlp_create(&inputs[p], (const size_t[]){5, dims[p]}, 1, (tide_mlp_options){0}));
        MUST(tide_mlp_init_layer(inputs[p], 0, TIDE_INIT_TORCH, 0.0f, &draws));
    }
    MUST(tide_adam_create(&adam, (tide_parameters *[]){mlp->parameters, inputs[0]->parameters, inputs[1]->parameters},
                          3, 1e-3, 0.9, 0.999, 1e-8));
    o.plain = malloc(o.n_out * sizeof(float));
    o.out = malloc(o.n_out * sizeof(float));
    for (int step = 0; step < STEPS; step++) {
        tide_value *noise[2], *parts[2], *target, *out, *loss;
        if (step == STEPS - 1)
            o.allocated = tide_alloc_total();
        for (size_t p = 0; p < 2; p++) {
            size_t n = p == 0 ? cases[c].first_rows : rows;
            MUST(tide_tape_fresh(tape, 2, (const size_t[]){n, 5}, &noise[p]));
            tide_rng_normal(&draws, noise[p]->tensor.data, n * 5);
            MUST(tide_mlp_forward(tape, inputs[p], &noise[p], 1, &parts[p]));
        }
        tide_tape_set_recording(tape, false);
        MUST(tide_mlp_forward(tape, mlp, parts, 2, &out));
        memcpy(o.plain, out->tensor.data, o.n_out * sizeof(float));
        tide_tape_set_recording(tape, true);
        MUST(tide_mlp_forward(tape, mlp, parts, 2, &out));
        memcpy(o.out, out->tensor.data, o.n_out * sizeof(float));
        MUST(tide_tape_fresh(tape, 2, out->tensor.dims, &target));
        tide_rng_normal(&draws, target->tensor.data, o.n_out);
        MUST(tide_mse(tape, out, target, NULL, &loss));
        MUST(tide_tape_backward(tape, loss, NULL, 0, step == 0));
        if (step == 0) /* a second time: gradients add up */
            MUST(tide_tape_backward(tape, loss, NULL, 0, false));
        MUST(tide_adam_step(adam));
        tide_tape_end_step(tape);
    }
    o.allocated = tide_alloc_total() - o.allocated;
    o.n_weights = 2 * adam->count;
    o.weights = malloc((o.n_weights + adam->count) * sizeof(float));
    memcpy(o.weights, adam->first, adam->count * sizeof(float));
    size_t at = adam->count;
    for (size_t b = 0; b < adam->n_blocks; b++) {
        memcpy(o.weights + at, adam->blocks[b]->values, adam->blocks[b]->count * sizeof(float));
        at += adam->blocks[b]->count;
    }
    tide_adam_destroy(adam);
    for (size_t p = 0; p < 2; p++)
        tide_mlp_destroy(inputs[p]);
    tide_mlp_destroy(mlp);
    tide_tape_destroy(tape);
    return o;
}

static void free_outcome(outcome o)
{
    free(o.plain);
    free(o.out);
    free(o.weights);
}

START_TEST(a_training_step_has_the_same_bits_with_any_threads)
{
    if (!use(_i))
        return;
    static const size_t threads[] = {2, 3, 8};
    uint64_t test_seed;
    tide_rng_indices(&rng, &test_seed, 1, UINT32_MAX);
    for (size_t c = 0; c < N_CASES; c++) {
        outcome one = train(c, 1, _i == BFLOAT16, test_seed);
        ck_assert(one.out[0] != 0.0f && one.weights[0] != 0.0f);
        ck_assert_msg(memcmp(one.plain, one.out, one.n_out * sizeof(float)) == 0, "case %zu, recorded or not", c);
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            outcome more = train(c, threads[t], _i == BFLOAT16, test_seed);
            ck_assert_msg(memcmp(one.out, more.out, one.n_out * sizeof(float)) == 0, "case %zu, %zu threads: outputs",
                          c, threads[t]);
            ck_assert_msg(memcmp(one.plain, more.plain, one.n_out * sizeof(float)) == 0,
                          "case %zu, %zu threads: outputs without a record", c, threads[t]);
            ck_assert_msg(memcmp(one.weights, more.weights, one.n_weights * sizeof(float)) == 0,
                          "case %zu, %zu threads: moments or parameters", c, threads[t]);
            ck_assert_uint_eq(more.allocated, 0);
            free_outcome(more);
        }
        free_outcome(one);
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_loop_test(tests, a_product_has_the_same_bits_in_any_parts, 0, N_MAKERS);
    tcase_add_test(tests, units_cover_the_rows_and_have_neither_few_nor_many);
    tcase_add_loop_test(tests, a_training_step_has_the_same_bits_with_any_threads, 0, N_MAKERS);
}

int main(void)
{
    return testing_run("threads", add);
}
