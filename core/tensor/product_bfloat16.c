/* Products of bfloat16 with AVX-512 BF16: A and B are rounded to 8 bits of precision, to the nearest, on the way into
 * the tiles, two neighbouring terms to a pair; their products are summed in float32. A pair has the size of a float, so
 * the tiles take pairs where they otherwise take floats. */
#include "tensor/product.h"

#if defined(__x86_64__) && (!defined(__clang__) || defined(__AVX512BF16__))
#pragma GCC target("avx512f,avx512bw,avx512bf16,fma")
#include <immintrin.h>

enum { LANES = 16, PAIRS = TIDE_PRODUCT_TERMS / 2 };
#define TILE_ROWS 12
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

/* The pairs of k neighbours in memory; a last one alone is paired with 0. */
static void pair_row(size_t k, const float *from, float *pairs)
{
    for (size_t l = 0; l < k; l += 2 * LANES) {
        size_t left = k - l;
        vec low = load_some(first_lanes(left), from + l);
        vec high = load_some(first_lanes(left < LANES ? 0 : left - LANES), from + l + LANES);
        store(pairs + l / 2, (vec)_mm512_cvtne2ps_pbh(high, low));
    }
}

static void make_panels(bool transpose, size_t k, size_t n, const float *b, size_t ldb, float *panels)
{
    _Alignas(64) float rows[TIDE_PANEL * PAIRS];
    size_t pairs = (k + 1) / 2;
    for (size_t j = 0; j < n; j += TIDE_PANEL, panels += pairs * TIDE_PANEL) {
        size_t columns = n - j < TIDE_PANEL ? n - j : TIDE_PANEL;
        if (transpose) {
            for (size_t i = 0; i < columns; i++)
                pair_row(k, b + (j + i) * ldb, rows + i * PAIRS);
            tide_panels_make(true, pairs, 0, columns, rows, PAIRS, panels);
            continue;
        }
        for (size_t v = 0; v < TIDE_PANEL; v += LANES) {
            some lanes = first_lanes(columns < v ? 0 : columns - v);
            for (size_t l = 0; l < k; l += 2) {
                const float *from = b + l * ldb + j + v;
                vec high = l + 1 < k ? load_some(lanes, from + ldb) : zero();
                store(panels + l / 2 * TIDE_PANEL + v, pair_lanes(load_some(lanes, from), high));
            }
        }
    }
}

/* Pairs of a tile's rows of A: row after row, or a vector of all rows for each pair where A is transposed. */
static void pair_left(const tide_product *p, size_t first, size_t rows, float *left)
{
    if (p->a_step == 1) {
        for (size_t i = 0; i < rows; i++)
            pair_row(p->k, p->a + (first + i) * p->a_row, left + i * PAIRS);
        return;
    }
    some lanes = first_lanes(rows);
    for (size_t l = 0; l < p->k; l += 2) {
        const float *from = p->a + l * p->a_step + first;
        vec high = l + 1 < p->k ? load_some(lanes, from + p->a_step) : zero();
        store(left + l / 2 * LANES, pair_lanes(load_some(lanes, from), high));
    }
}

static void run(const tide_product *p)
{
    _Alignas(64) float left[LANES * PAIRS];
    const bool in_rows = p->a_step == 1;
    const size_t n_tiles = (p->m + TILE_ROWS - 1) / TILE_ROWS, pairs = (p->k + 1) / 2;
    for (size_t i = 0; i < n_tiles; i++) {
        size_t first = p->m * i / n_tiles;
        tide_product tile = *p;
        tile.m = p->m * (i + 1) / n_tiles - first;
        tile.k = pairs;
        pair_left(p, first, tile.m, left);
        tile.a = left;
        tile.a_row = in_rows ? PAIRS : 1;
        tile.a_step = in_rows ? 1 : LANES;
        tile.b_step = TIDE_PANEL;
        tile.b_panel = TIDE_PANEL * pairs;
        tile.c = p->c + first * p->c_row;
        tile.first_row = p->first_row + first;
        size_t soon = p->soon.count * first / p->m;
        tile.more = p->m - first - tile.m;
        tile.soon = (tide_soon){p->soon.from + soon, p->soon.count * (first + tile.m) / p->m - soon};
        if (tile.end.mask != NULL)
            tile.end.mask += first * p->c_row;
        run_product(&tile);
    }
}

const tide_product_set tide_product_bfloat16 = {"bfloat16", run, make_panels};
#else
const tide_product_set tide_product_bfloat16 = {"bfloat16", NULL, NULL};
#endif
