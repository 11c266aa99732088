#include "data/block.h"

#include <string.h>

#include "base/alloc.h"

/* Of a block: rows, and bytes of wide rows' observations. */
enum { MOST_ROWS = 4096, MOST_BYTES = 4 << 20 };

/* ---- memory ---- */

static size_t rows_together(const tide_source *source)
{
    size_t rows = MOST_BYTES / sizeof(float) / source->observation_dim;
    rows = rows < 1 ? 1 : rows < MOST_ROWS ? rows : MOST_ROWS;
    return rows < source->rows ? rows : source->rows;
}

static tide_status take_floats(size_t n, float **floats)
{
    return tide_alloc_untouched(n, sizeof(float), (void **)floats);
}

tide_status tide_block_make(const tide_source *source, size_t observation_dim, int with_actions, tide_block *block)
{
    size_t rows = rows_together(source), dim = source->observation_dim;
    *block = (tide_block){.most = rows, .observation_dim = observation_dim};
    TIDE_TRY(take_floats((rows + 1) * dim, &block->observations));
    if (with_actions)
        TIDE_TRY(take_floats(rows * source->action_dim, &block->actions));
    if (source->columns[TIDE_NEXT_OBSERVATIONS] != NULL)
        TIDE_TRY(take_floats(rows * dim, &block->next_observations));
    TIDE_TRY(take_floats(rows, &block->rewards));
    TIDE_TRY(take_floats(rows, &block->terminals));
    TIDE_TRY(take_floats(rows, &block->spare));
    TIDE_TRY(tide_alloc(rows, (void **)&block->timeouts));
    return tide_alloc(rows, (void **)&block->broken);
}

void tide_block_free(tide_block *block)
{
    tide_free(block->observations);
    tide_free(block->actions);
    tide_free(block->next_observations);
    tide_free(block->rewards);
    tide_free(block->terminals);
    tide_free(block->spare);
    tide_free(block->timeouts);
    tide_free(block->broken);
    *block = (tide_block){0};
}

/* ---- reading ---- */

/* Keeps the first numbers of n observations just read, where fewer are wanted. The others are all zero. */
static tide_status narrow(const tide_source *source, const tide_block *block, size_t column, size_t first, size_t n,
                          float *rows)
{
    const tide_array *a = source->columns[column];
    size_t keep = block->observation_dim;
    for (size_t i = 0; i < n && keep < a->across; i++) {
        const float *row = rows + i * a->across;
        for (size_t j = keep; j < a->across; j++)
            if (row[j] != 0.0f)
                return tide_fail(TIDE_SHAPE,
                                 "%s: %s have %zu numbers, of which the first %zu are wanted, but the others are not "
                                 "all zero: row %zu, column %zu (from 1) is %g",
                                 tide_arrays_path(source->arrays), a->name, a->across, keep, first + i + 1, j + 1,
                                 (double)row[j]);
        memmove(rows + i * keep, row, keep * sizeof *rows);
    }
    return TIDE_OK;
}

static tide_status read_observations(const tide_source *source, const tide_block *block, size_t column, size_t first,
                                     size_t n, float *rows)
{
    TIDE_TRY(tide_source_read(source, column, first, n, rows));
    return narrow(source, block, column, first, n, rows);
}

/* Which rows' next observations are not the observations after them? Mostly none of many: whole runs are compared. */
static void compare(tide_block *block, size_t n)
{
    enum { RUN = 64 };
    size_t dim = block->observation_dim, bytes = dim * sizeof(float);
    const float *next = block->next_observations, *after = block->observations + dim;
    for (size_t first = 0; first < n; first += RUN) {
        size_t k = n - first < RUN ? n - first : RUN;
        if (memcmp(next + first * dim, after + first * dim, k * bytes) == 0)
            continue;
        for (size_t i = first; i < first + k; i++)
            block->broken[i] = memcmp(next + i * dim, after + i * dim, bytes) != 0;
    }
}

tide_status tide_block_read(tide_source *source, tide_block *block, size_t *ends)
{
    size_t first = block->first + block->n, left = source->rows - first, dim = block->observation_dim;
    size_t n = left < block->most ? left : block->most;
    size_t known = first > 0; /* the first row's observation came with the last block */
    size_t after = left > n;  /* there is a row behind */
    if (known)
        memmove(block->observations, block->observations + block->n * dim, dim * sizeof(float));
    block->first = first;
    block->n = n;
    if (n == 0)
        return TIDE_OK;
    TIDE_TRY(read_observations(source, block, TIDE_OBSERVATIONS, first + known, n + after - known,
                               block->observations + known * dim));
    if (block->actions != NULL)
        TIDE_TRY(tide_source_read(source, TIDE_ACTIONS, first, n, block->actions));
    TIDE_TRY(tide_source_read(source, TIDE_REWARDS, first, n, block->rewards));
    memset(block->broken, 0, n);
    if (block->next_observations != NULL) {
        TIDE_TRY(read_observations(source, block, TIDE_NEXT_OBSERVATIONS, first, n, block->next_observations));
        compare(block, n - 1 + after);
    }
    TIDE_TRY(tide_source_read(source, TIDE_TERMINALS, first, n, block->terminals));
    return tide_source_timeouts(source, first, n, block->terminals, block->spare, block->timeouts, ends);
}
