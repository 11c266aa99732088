/* Products with AVX-512: 32 registers of 16 floats. */
#include "tensor/product.h"

#if defined(__x86_64__) && (!defined(__clang__) || defined(__AVX512F__))
#pragma GCC target("avx512f,fma")
#include <immintrin.h>

enum { LANES = 16 };
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
#define spread(from) _mm512_set1_ps(*(from))
#define add(x, y) _mm512_add_ps(x, y)
#define fused(x, y, z) _mm512_fmadd_ps(x, y, z)
#define at_least_zero(x) _mm512_max_ps(zero(), x) /* the second where one is NaN */
#define where_positive(m, x) _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(m, zero(), _CMP_GT_OQ), x)

#include "tensor/product_tiles.h"

const tide_product_set tide_product_avx512 = {"avx512", run_product, NULL};
#else
const tide_product_set tide_product_avx512 = {"avx512", NULL, NULL};
#endif
