#include "tensor/product.h"

#include <string.h>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

const tide_product_set *tide_product_find(const char *name)
{
#if defined(__x86_64__)
    const struct {
        const tide_product_set *set;
        bool runs;
    } all[] = {{&tide_product_avx512, __builtin_cpu_supports("avx512f")},
               {&tide_product_avx2, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")},
               {&tide_product_bfloat16, __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw")}};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i].runs && all[i].set->run != NULL && (name == NULL || strcmp(name, all[i].set->name) == 0))
            return all[i].set;
#endif
    (void)name;
    return NULL;
}

/* to[l TIDE_PANEL + j] = from[j ldb + l] for 4 rows and 4 columns. */
static inline void transpose_4(const float *from, size_t ldb, float *to)
{
#if defined(__SSE__)
    __m128 a = _mm_loadu_ps(from), b = _mm_loadu_ps(from + ldb), c = _mm_loadu_ps(from + 2 * ldb),
           d = _mm_loadu_ps(from + 3 * ldb);
    _MM_TRANSPOSE4_PS(a, b, c, d);
    _mm_storeu_ps(to, a);
    _mm_storeu_ps(to + TIDE_PANEL, b);
    _mm_storeu_ps(to + 2 * TIDE_PANEL, c);
    _mm_storeu_ps(to + 3 * TIDE_PANEL, d);
#else
    for (size_t j = 0; j < 4; j++)
        for (size_t l = 0; l < 4; l++)
            to[l * TIDE_PANEL + j] = from[j * ldb + l];
#endif
}

/* One panel of B (n, k), `columns` rows of it: a cache line of each, then the next. */
static void transpose_panel(size_t k, size_t columns, const float *b, size_t ldb, float *panel)
{
    const float *next = b + TIDE_PANEL * ldb; /* fetched meanwhile, from one end to the other */
    const size_t line = 16, fours = columns / 4 * 4, whole = k / 4 * 4;
    if (columns < TIDE_PANEL)
        memset(panel, 0, k * TIDE_PANEL * sizeof *panel);
    for (size_t start = 0; start < whole; start += line) {
        size_t end = start + line < whole ? start + line : whole;
        for (size_t j = 0; j < fours; j += 4) {
            for (size_t i = j; i < j + 4; i++)
                __builtin_prefetch(next + i * line + start * TIDE_PANEL, 0, 2);
            for (size_t l = start; l < end; l += 4)
                transpose_4(b + j * ldb + l, ldb, panel + l * TIDE_PANEL + j);
        }
    }
    for (size_t j = 0; j < columns; j++)
        for (size_t l = j < fours ? whole : 0; l < k; l++)
            panel[l * TIDE_PANEL + j] = b[j * ldb + l];
}

static void copy_panel(size_t k, size_t columns, const float *b, size_t ldb, float *panel)
{
    for (size_t l = 0; l < k; l++, panel += TIDE_PANEL) {
        if (columns == TIDE_PANEL) {
            memcpy(panel, b + l * ldb, TIDE_PANEL * sizeof *panel);
            continue;
        }
        memcpy(panel, b + l * ldb, columns * sizeof *panel);
        memset(panel + columns, 0, (TIDE_PANEL - columns) * sizeof *panel);
    }
}

void tide_panels_make(bool transpose, size_t k, size_t first, size_t end, const float *b, size_t ldb, float *panels)
{
    for (size_t j = first; j < end; j += TIDE_PANEL, panels += k * TIDE_PANEL) {
        size_t columns = end - j < TIDE_PANEL ? end - j : TIDE_PANEL;
        if (transpose)
            transpose_panel(k, columns, b + j * ldb, ldb, panels);
        else
            copy_panel(k, columns, b + j, ldb, panels);
    }
}
