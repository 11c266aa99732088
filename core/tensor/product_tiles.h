/* The tiles of product.h, written once for vectors of any width. A file of one instruction set defines
 *
 *     LANES, vec          floats in a vector, its type
 *     some                which lanes of a vector: none beyond the matrix is touched
 *     first_lanes(n)      the first n, or all
 *     load, store, load_some, store_some, spread (one float in all lanes), zero, add, fused (a b + c),
 *     at_least_zero       x < 0 ? 0 : x, NaN stays
 *     where_positive      x where m > 0, else 0
 *     TILE_ROWS           rows of a tile: its sums, 2 vectors a row, and 3 more fit the registers
 *
 * and includes this, which defines run_product. */

/* AHEAD: so many terms ahead are fetched: rows of B, the next tile's at the end, and of a transposed A; their strides are
 * no stream that the processor would follow. LONG: from so many terms on, what comes after these rows is fetched too. */
enum { TILE_COLUMNS = 2 * LANES, BLOCK_COLUMNS = 256, AHEAD = 16, LONG = 64 };

/* What a tile needs to know; columns are at most TILE_COLUMNS. */
typedef struct tile {
    const tide_product *p;
    const float *a, *b, *next; /* next: the columns of B of the tile after this one */
    float *c;
    size_t k, columns, column, row;
    size_t next_k;     /* terms of the block of terms after this one */
    const float *bias; /* of the first row, where rows have their own, */
    size_t bias_left;  /* and how many rows share it */
    const float *soon; /* fetched, */
    size_t soon_step;  /* so many floats on for each term */
    bool add, last;    /* to what C holds; whether the sum is whole then */
} tile;

/* Rows of a tile have their addresses from pointers to every third. */
#define ROW_POINTERS(name, type, start, stride) \
    type *name[4] = {(start), (start) + 3 * (stride), (start) + 6 * (stride), (start) + 9 * (stride)}

/* `rows`, `vectors` (1 or 2) and `whole` (columns fill the vectors) are known to the compiler. */
static inline __attribute__((always_inline)) void make_tile(const size_t rows, const size_t vectors, const bool whole,
                                                            const tile *t)
{
    const tide_product *p = t->p;
    const some lanes[2] = {first_lanes(t->columns), first_lanes(t->columns < LANES ? 0 : t->columns - LANES)};
    vec sum[TILE_ROWS][2];
#pragma GCC unroll 12
    for (size_t i = 0; i < rows; i++)
        sum[i][0] = sum[i][1] = zero();
    const size_t a_row = p->a_row, a_step = p->a_step, b_step = p->b_step;
    ROW_POINTERS(a, const float, t->a, a_row);
    const float *b = t->b;
    const float *soon = t->soon;
    const size_t soon_step = t->soon_step;
    const float *ahead = t->k > AHEAD ? b + AHEAD * b_step : t->next;
    for (size_t l = t->k; l > 0; l--) {
        vec right[2];
#pragma GCC unroll 2
        for (size_t v = 0; v < vectors; v++) {
            right[v] = whole ? load(b + v * LANES) : load_some(lanes[v], b + v * LANES);
            __builtin_prefetch(ahead + v * LANES);
        }
        __builtin_prefetch(a[0] + AHEAD * a_step + rows - 1);
        __builtin_prefetch(soon, 0, 2);
        soon += soon_step;
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++) {
            vec left = spread(a[i / 3] + i % 3 * a_row);
#pragma GCC unroll 2
            for (size_t v = 0; v < vectors; v++)
                sum[i][v] = fused(left, right[v], sum[i][v]);
        }
        b += b_step;
        ahead = l == AHEAD + 1 ? t->next : ahead + b_step;
#pragma GCC unroll 4
        for (size_t g = 0; g < (rows + 2) / 3; g++)
            a[g] += a_step;
    }
    const tide_product_end *end = &p->end;
    const size_t c_row = p->c_row;
    const bool bias = t->last && end->bias != NULL, relu = t->last && end->relu, mask = t->last && end->mask != NULL;
    ROW_POINTERS(c, float, t->c, c_row);
#pragma GCC unroll 2
    for (size_t v = 0; v < vectors; v++) {
        const size_t at = v * LANES;
        if (t->add)
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                const float *from = c[i / 3] + i % 3 * c_row + at;
                sum[i][v] = add(whole ? load(from) : load_some(lanes[v], from), sum[i][v]);
            }
        if (bias && end->repeats == 0) {
            const float *from = end->bias + t->column + at;
            vec one = whole ? load(from) : load_some(lanes[v], from);
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++)
                sum[i][v] = add(sum[i][v], one);
        } else if (bias) {
            const float *from = t->bias + t->column + at;
            size_t left = t->bias_left;
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                sum[i][v] = add(sum[i][v], whole ? load(from) : load_some(lanes[v], from));
                from += --left == 0 ? end->bias_row : 0;
                left = left == 0 ? end->repeats : left;
            }
        }
        if (relu)
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++)
                sum[i][v] = at_least_zero(sum[i][v]);
        if (mask)
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++) {
                const float *from = end->mask + (t->row + i) * c_row + t->column + at;
                sum[i][v] = where_positive(whole ? load(from) : load_some(lanes[v], from), sum[i][v]);
            }
        if (mask && end->sums != NULL) {
            float *sums = end->sums + t->column + at;
            vec total = whole ? load(sums) : load_some(lanes[v], sums);
#pragma GCC unroll 12
            for (size_t i = 0; i < rows; i++)
                total = add(total, sum[i][v]);
            if (whole)
                store(sums, total);
            else
                store_some(lanes[v], sums, total);
        }
#pragma GCC unroll 12
        for (size_t i = 0; i < rows; i++) {
            float *to = c[i / 3] + i % 3 * c_row + at;
            if (whole)
                store(to, sum[i][v]);
            else
                store_some(lanes[v], to, sum[i][v]);
        }
    }
}

#define TILES(rows)                          \
    static void whole_##rows(const tile *t)  \
    {                                        \
        make_tile(rows, 2, true, t);         \
    }                                        \
    static void wide_##rows(const tile *t)   \
    {                                        \
        make_tile(rows, 2, false, t);        \
    }                                        \
    static void narrow_##rows(const tile *t) \
    {                                        \
        make_tile(rows, 1, false, t);        \
    }

TILES(1)
TILES(2)
TILES(3)
TILES(4)
TILES(5)
TILES(6)
#if TILE_ROWS == 12
TILES(7)
TILES(8)
TILES(9)
TILES(10)
TILES(11)
TILES(12)
#define OF_ALL_ROWS(kind)                                                                                    \
    {                                                                                                        \
        kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6, kind##_7, kind##_8, kind##_9, kind##_10, \
            kind##_11, kind##_12                                                                             \
    }
#else
#define OF_ALL_ROWS(kind)                                          \
    {                                                              \
        kind##_1, kind##_2, kind##_3, kind##_4, kind##_5, kind##_6 \
    }
#endif

static void (*const tiles[3][TILE_ROWS])(const tile *) = {OF_ALL_ROWS(whole), OF_ALL_ROWS(wide), OF_ALL_ROWS(narrow)};

/* While rows of tiles are made, memory that is needed after them is fetched, a line or less for each term: all at once
 * the fetches would wait for each other, and the tiles for them. */
enum { MOST_SOON = 4 };

/* What is needed after these rows: the next rows of C, of its mask and of A, or where A is transposed a share of the next
 * terms; a share of what the caller wants. Short sums have no time for it. */
static size_t find_soon(const tile *t, size_t rows, tide_soon *list)
{
    const tide_product *p = t->p;
    size_t below = t->row + rows, left = p->m + p->more - below, n = 0;
    left = left < rows ? left : rows;
    if (t->k < LONG)
        return 0;
    if (left > 0) {
        list[n++] = (tide_soon){p->c + below * p->c_row, left * p->c_row};
        if (t->last && p->end.mask != NULL)
            list[n++] = (tide_soon){p->end.mask + below * p->c_row, left * p->c_row};
        if (p->a_step == 1 && below < p->m)
            list[n++] = (tide_soon){t->a + rows * p->a_row, left * p->a_row};
    }
    if (p->a_step != 1 && t->next_k > 0) {
        size_t start = t->next_k * t->row / p->m, end = t->next_k * below / p->m;
        list[n++] = (tide_soon){t->a - t->row + (t->k + start) * p->a_step, (end - start) * p->a_step};
        if (p->b_panel == TIDE_PANEL) /* as it is in memory */
            list[n++] = (tide_soon){t->b + (t->k + start) * p->b_step, (end - start) * p->b_step};
    }
    if (t->last && p->soon.count > 0) {
        size_t start = p->soon.count * t->row / p->m, end = p->soon.count * below / p->m;
        list[n++] = (tide_soon){p->soon.from + start, end - start};
    }
    return n;
}

/* What one of `tiles` fetches of it. */
static void choose_soon(tile *t, const tide_soon *list, size_t n, size_t place, size_t tiles)
{
    const size_t line = 16;
    t->soon = t->b;
    t->soon_step = 0;
    if (n == 0)
        return;
    size_t i = place * n / tiles, first = (i * tiles + n - 1) / n, end = ((i + 1) * tiles + n - 1) / n;
    size_t start = list[i].count * (place - first) / (end - first);
    size_t stop = list[i].count * (place + 1 - first) / (end - first);
    size_t step = (stop - start + t->k - 1) / t->k;
    t->soon = list[i].from + start;
    t->soon_step = step < line ? step : line;
}

/* Some rows of a tile's height, a block of columns: the rows of A stay in the first cache meanwhile. */
static void make_rows(tile *t, size_t rows, size_t first, size_t end)
{
    const tide_product *p = t->p;
    const float *b = t->b;
    tide_soon list[MOST_SOON];
    size_t n_soon = find_soon(t, rows, list), n_tiles = (end - first + TILE_COLUMNS - 1) / TILE_COLUMNS;
    for (size_t j = first; j < end; j += TILE_COLUMNS) {
        t->column = j;
        t->columns = end - j < TILE_COLUMNS ? end - j : TILE_COLUMNS;
        choose_soon(t, list, n_soon, (j - first) / TILE_COLUMNS, n_tiles);
        t->b = b + j / TIDE_PANEL * p->b_panel + j % TIDE_PANEL;
        size_t after = j + TILE_COLUMNS < end ? j + TILE_COLUMNS : first;
        t->next = b + after / TIDE_PANEL * p->b_panel + after % TIDE_PANEL;
        t->c = p->c + t->row * p->c_row + j;
        size_t kind = t->columns == TILE_COLUMNS ? 0 : t->columns > LANES ? 1 : 2;
        tiles[kind][rows - 1](t);
        t->b = b;
    }
}

static void run_product(const tide_product *p)
{
    size_t n_tiles = (p->m + TILE_ROWS - 1) / TILE_ROWS;
    for (size_t l = 0; l < p->k; l += TIDE_PRODUCT_TERMS) {
        size_t k = p->k - l < TIDE_PRODUCT_TERMS ? p->k - l : TIDE_PRODUCT_TERMS;
        size_t left = p->k - l - k;
        tile t = {.p = p,
                  .k = k,
                  .next_k = left < TIDE_PRODUCT_TERMS ? left : TIDE_PRODUCT_TERMS,
                  .b = p->b + l * p->b_step,
                  .add = p->add || l > 0,
                  .last = left == 0};
        for (size_t j = 0; j < p->n; j += BLOCK_COLUMNS) {
            size_t end = j + BLOCK_COLUMNS < p->n ? j + BLOCK_COLUMNS : p->n;
            for (size_t i = 0; i < n_tiles; i++) {
                t.row = p->m * i / n_tiles;
                t.a = p->a + t.row * p->a_row + l * p->a_step;
                if (p->end.bias != NULL && p->end.repeats > 0) {
                    size_t row = p->first_row + t.row, of = row / p->end.repeats;
                    t.bias = p->end.bias + of * p->end.bias_row;
                    t.bias_left = (of + 1) * p->end.repeats - row;
                }
                make_rows(&t, p->m * (i + 1) / n_tiles - t.row, j, end);
            }
        }
    }
}
