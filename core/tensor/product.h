/* Tide's own products, for the shapes that networks have: register tiles of rows and columns, in files of one
 * instruction set each, product_NAME.c. gemm.c decides who multiplies what.
 *
 * Every element of C is made alone, in one order: fused multiplications and additions over at most
 * TIDE_PRODUCT_TERMS terms, from the first to the last, then the next so many added to that. So its bits depend neither
 * on its place in C, nor on who makes which part, nor on the instruction set. */
#ifndef TIDE_TENSOR_PRODUCT_H
#define TIDE_TENSOR_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

enum { TIDE_PRODUCT_TERMS = 256, TIDE_PANEL = 32 };

/* What becomes of an element of C when its sum is there: + bias, ReLU; or 0 where the mask is not positive. */
typedef struct tide_product_end {
    const float *bias; /* (n), or NULL */
    size_t repeats;    /* 0, or so many: row i takes the bias at i / repeats bias_row instead */
    size_t bias_row;
    bool relu;         /* NaN stays NaN */
    const float *mask; /* (m, n) with C's stride, or NULL */
    float *sums;       /* (n) += the columns' sums of the result, row by row; or NULL; only with a mask */
} tide_product_end;

/* Floats that are needed next, to be read or written: they are brought into the second cache meanwhile. */
typedef struct tide_soon {
    const float *from;
    size_t count;
} tide_soon;

/* C (m, n) = A B, or C + A B. A's element (i, l) is a[i a_row + l a_step]. B lies in panels of TIDE_PANEL columns:
 * its element (l, j) is b[j / TIDE_PANEL b_panel + l b_step + j % TIDE_PANEL]; nothing beyond n is read. */
typedef struct tide_product {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_step;
    const float *b;
    size_t b_step, b_panel;
    bool add;
    float *c;
    size_t c_row;
    size_t more; /* rows of C that are made right after these */
    tide_soon soon;
    size_t first_row; /* of C's rows in the product that `end` tells of */
    tide_product_end end;
} tide_product;

/* An instruction set's kernels. */
typedef struct tide_product_set {
    const char *name;
    void (*run)(const tide_product *p);
    /* NULL where B is taken as it is or in tide_panels_make's panels. Else every B is put into panels of its own kind,
     * at most TIDE_PRODUCT_TERMS rows at a time, in (k + 1) / 2 TIDE_PANEL floats a panel; run takes no other. */
    void (*make_panels)(bool transpose, size_t k, size_t n, const float *b, size_t ldb, float *panels);
} tide_product_set;

/* The set of this name, or the fastest with float32 where it is NULL, if this processor has it; else NULL. */
const tide_product_set *tide_product_find(const char *name);

/* Floats in the panels of a B (k, n). */
static inline size_t tide_panels_floats(size_t n, size_t k)
{
    return (n + TIDE_PANEL - 1) / TIDE_PANEL * TIDE_PANEL * k;
}

/* Columns [first, end) of B, whole panels but for the last, into panels one after the other, zeros beyond `end`;
 * b_panel is TIDE_PANEL k then, b_step TIDE_PANEL. B is (k, n), or (n, k) where transposed. */
void tide_panels_make(bool transpose, size_t k, size_t first, size_t end, const float *b, size_t ldb, float *panels);

/* The files of one instruction set each; run is NULL where the compiler has it not. */
extern const tide_product_set tide_product_avx512, tide_product_avx2, tide_product_bfloat16;

#endif
