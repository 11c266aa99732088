/* Products with AVX2 and FMA: 16 registers of 8 floats. */
#include "tensor/product.h"

#if defined(__x86_64__) && (!defined(__clang__) || defined(__AVX2__))
#pragma GCC target("avx2,fma")
#include <immintrin.h>

enum { LANES = 8 };
#define TILE_ROWS 6
typedef __m256 vec;
typedef __m256i some;

static inline some first_lanes(size_t n)
{
    const __m256i order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n < LANES ? (int)n : LANES), order);
}

#define zero() _mm256_setzero_ps()
#define load(from) _mm256_loadu_ps(from)
#define store(to, x) _mm256_storeu_ps(to, x)
#define load_some(lanes, from) _mm256_maskload_ps(from, lanes)
#define store_some(lanes, to, x) _mm256_maskstore_ps(to, lanes, x)
#define spread(from) _mm256_broadcast_ss(from)
#define add(x, y) _mm256_add_ps(x, y)
#define fused(x, y, z) _mm256_fmadd_ps(x, y, z)
#define at_least_zero(x) _mm256_max_ps(zero(), x) /* the second where one is NaN */
#define where_positive(m, x) _mm256_and_ps(_mm256_cmp_ps(m, zero(), _CMP_GT_OQ), x)

#include "tensor/product_tiles.h"

const tide_product_set tide_product_avx2 = {"avx2", run_product, NULL};
#else
const tide_product_set tide_product_avx2 = {"avx2", NULL, NULL};
#endif
