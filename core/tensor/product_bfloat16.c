/* Products of bfloat16 with AVX-512 BF16: A and B are rounded to 8 bits of precision, to the nearest, on the way into
 * the tiles, two neighbouring terms to a pair; their products are summed in float32. A pair has the size of a float, so
 * the tiles take pairs where they otherwise take floats. */
#include "tensor/product.h"

#if defined(__x86_64__) && (!defined(__clang__) || defined(__AVX512BF16__))
#pragma GCC target("avx512f,avx512bw,avx512bf16,fma")
#include <immintrin.h>

#define TILE_ROWS 12

/* Rows of a transposed A that are put into pairs together: whole tiles. Their stride is no power of 2, which would put
 * a column into few of the cache's sets. */
enum { LANES = 16, PAIRS = TIDE_PRODUCT_TERMS / 2, LEFT_ROWS = 22 * TILE_ROWS, LEFT_STRIDE = LEFT_ROWS + 8 };
typedef __m512 vec;
typedef __mmask16 some;

static inline some first_lanes(size_t n)
{
    return (some)(n >= LANES ? 0xffff : (1u << n) - 1);
}

#define zero() _mm512_setzero_ps()
#define load(from) _mm512_loadu_ps(from)
#define store(to, x) _mm512_storeu_ps(to, x)
#define load_some(lanes, from) _mm512_maskz_loadu_ps(lanes, from)
#define store_some(lanes, to, x) _mm512_mask_storeu_ps(to, lanes, x)
#define spread(from) _mm512_castsi512_ps(_mm512_set1_epi32(*(const int *)(const void *)(from)))
#define add(x, y) _mm512_add_ps(x, y)
#define fused(x, y, z) _mm512_dpbf16_ps(z, (__m512bh)(x), (__m512bh)(y))
#define at_least_zero(x) _mm512_max_ps(zero(), x) /* the second where one is NaN */
#define where_positive(m, x) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(m, zero(), _CMP_GT_OQ), x)

#include "tensor/product_tiles.h"

/* Lane i: the pair of low's and high's element i. */
static inline vec pair_lanes(vec low, vec high)
{
    const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_castsi512_ps(_mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(high, low)));
}

/* The pairs of 2 LANES neighbours in memory, of which the first `left` are there; a last one alone is paired with 0. */
static inline vec pair_neighbours(const float *from, size_t left)
{
    if (left >= 2 * LANES)
        return (vec)_mm512_cvtne2ps_pbh(load(from + LANES), load(from));
    vec low = load_some(first_lanes(left), from);
    vec high = load_some(first_lanes(left < LANES ? 0 : left - LANES), from + LANES);
    return (vec)_mm512_cvtne2ps_pbh(high, low);
}

/* The pairs of two rows, column by column, in whole vectors; one row alone is paired with 0. Rows that come soon are
 * fetched meanwhile. */
static inline void pair_rows(const float *from, size_t columns, size_t rows, size_t stride, float *to)
{
    const size_t ahead = 8 * stride;
    size_t j = 0;
    for (; j + LANES <= columns && rows > 1; j += LANES) {
        __builtin_prefetch(from + j + ahead);
        __builtin_prefetch(from + j + ahead + stride);
        store(to + j, pair_lanes(load(from + j), load(from + j + stride)));
    }
    for (; j < columns; j += LANES) {
        some lanes = first_lanes(columns - j);
        vec high = rows > 1 ? load_some(lanes, from + j + stride) : zero();
        store(to + j, pair_lanes(load_some(lanes, from + j), high));
    }
}

/* x[l], lane i <- x[i], lane l: two, then four, then all rows are brought together. */
static inline __attribute__((always_inline)) void turn(vec x[LANES])
{
    vec y[LANES];
#pragma GCC unroll 8
    for (size_t i = 0; i < LANES; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
#define UNPACK(half, a, b) _mm512_castpd_ps(_mm512_unpack##half##_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)))
#pragma GCC unroll 4
    for (size_t i = 0; i < LANES; i += 4) {
        x[i] = UNPACK(lo, y[i], y[i + 2]);
        x[i + 1] = UNPACK(hi, y[i], y[i + 2]);
        x[i + 2] = UNPACK(lo, y[i + 1], y[i + 3]);
        x[i + 3] = UNPACK(hi, y[i + 1], y[i + 3]);
    }
#undef UNPACK
    enum { EVEN = 0x88, ODD = 0xdd }; /* quarters of each of the two */
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        vec even = _mm512_shuffle_f32x4(x[i], x[4 + i], EVEN), odd = _mm512_shuffle_f32x4(x[i], x[4 + i], ODD);
        vec even_8 = _mm512_shuffle_f32x4(x[8 + i], x[12 + i], EVEN);
        vec odd_8 = _mm512_shuffle_f32x4(x[8 + i], x[12 + i], ODD);
        x[i] = _mm512_shuffle_f32x4(even, even_8, EVEN);
        x[4 + i] = _mm512_shuffle_f32x4(odd, odd_8, EVEN);
        x[8 + i] = _mm512_shuffle_f32x4(even, even_8, ODD);
        x[12 + i] = _mm512_shuffle_f32x4(odd, odd_8, ODD);
    }
}

/* LANES pairs of LANES rows, the first of each, then the second; what is beyond the `rows` and the `left` terms that
 * there are is 0. Rows that come next are fetched meanwhile, from `next` on. */
static inline __attribute__((always_inline)) void turn_block(const bool whole, size_t rows, size_t left, const float *b,
                                                             size_t ldb, const float *next, float *to)
{
    const float *every_third[] = {b, b + 3 * ldb, b + 6 * ldb, b + 9 * ldb, b + 12 * ldb, b + 15 * ldb};
    vec x[LANES];
#pragma GCC unroll 16
    for (size_t i = 0; i < LANES; i++) {
        const float *from = every_third[i / 3] + i % 3 * ldb;
        x[i] = whole || i < rows ? pair_neighbours(from, whole ? 2 * LANES : left) : zero();
        __builtin_prefetch(next + 2 * i * LANES);
        __builtin_prefetch(next + (2 * i + 1) * LANES);
    }
    turn(x);
#pragma GCC unroll 16
    for (size_t i = 0; i < LANES; i++)
        if (whole || 2 * i < left)
            store(to + i * TIDE_PANEL, x[i]);
}

static void make_panels(bool transpose, size_t k, size_t n, const float *b, size_t ldb, float *panels)
{
    const size_t size = (k + 1) / 2 * TIDE_PANEL;
    for (size_t j = 0; j < n && transpose; j += LANES) {
        const float *from = b + j * ldb, *next = from + LANES * ldb; /* all of it, where rows lie one after the other */
        float *panel = panels + j / TIDE_PANEL * size + j % TIDE_PANEL;
        for (size_t l = 0; l < k; l += 2 * LANES)
            if (n - j >= LANES && k - l >= 2 * LANES)
                turn_block(true, LANES, 2 * LANES, from + l, ldb, next + l * LANES, panel + l / 2 * TIDE_PANEL);
            else
                turn_block(false, n - j, k - l, from + l, ldb, next + l * LANES, panel + l / 2 * TIDE_PANEL);
    }
    for (size_t l = 0; l < k && !transpose; l += 2)
        for (size_t j = 0; j < n; j += TIDE_PANEL)
            pair_rows(b + l * ldb + j, n - j < TIDE_PANEL ? n - j : TIDE_PANEL, k - l, ldb,
                      panels + j / TIDE_PANEL * size + l / 2 * TIDE_PANEL);
}

/* Pairs of some rows of A: row after row, PAIRS from one to the next; or where A is transposed a row for each pair, with a
 * place for each of A's rows, LEFT_STRIDE from one to the next. */
static void pair_left(const tide_product *p, size_t first, size_t rows, float *left)
{
    const float *from = p->a + first * p->a_row;
    for (size_t l = 0; l < p->k && p->a_step != 1; l += 2, left += LEFT_STRIDE)
        pair_rows(from + l * p->a_step, rows, p->k - l, p->a_step, left);
    for (size_t i = 0; i < rows && p->a_step == 1; i++, from += p->a_row, left += PAIRS)
        for (size_t l = 0; l < p->k; l += 2 * LANES)
            store(left + l / 2, pair_neighbours(from + l, p->k - l));
}

static void run(const tide_product *p)
{
    _Alignas(64) float left[LEFT_STRIDE * PAIRS];
    const bool in_rows = p->a_step == 1;
    const size_t most = in_rows ? TILE_ROWS : LEFT_ROWS, blocks = (p->m + most - 1) / most, pairs = (p->k + 1) / 2;
    for (size_t i = 0; i < blocks; i++) {
        size_t first = p->m * i / blocks;
        tide_product block = *p;
        block.m = p->m * (i + 1) / blocks - first;
        block.k = pairs;
        pair_left(p, first, block.m, left);
        block.a = left;
        block.a_row = in_rows ? PAIRS : 1;
        block.a_step = in_rows ? 1 : LEFT_STRIDE;
        block.b_step = TIDE_PANEL;
        block.b_panel = TIDE_PANEL * pairs;
        block.c = p->c + first * p->c_row;
        block.first_row = p->first_row + first;
        size_t soon = p->soon.count * first / p->m;
        block.more = p->m - first - block.m;
        block.soon = (tide_soon){p->soon.from + soon, p->soon.count * (first + block.m) / p->m - soon};
        if (block.end.mask != NULL)
            block.end.mask += first * p->c_row;
        run_product(&block);
    }
}

const tide_product_set tide_product_bfloat16 = {"bfloat16", run, make_panels};
#else
const tide_product_set tide_product_bfloat16 = {"bfloat16", NULL, NULL};
#endif
