#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/dataset.h"
#include "data/source.h"
#include "data/survey.h"

/* ---- columns ---- */

typedef struct reading {
    tide_source source;
    tide_dataset *dataset;
    float *block; /* of one column's numbers, as they are read */
} reading;

/* Is a number zero that observation_dim leaves away? */
static tide_status check_zeros(const reading *r, size_t c, size_t first, size_t n)
{
    const tide_array *a = r->source.columns[c];
    size_t keep = r->dataset->layout.observation_dim;
    for (size_t i = 0; i < n; i++)
        for (size_t j = keep; j < a->across; j++)
            if (r->block[i * a->across + j] != 0.0f)
                return tide_fail(TIDE_SHAPE,
                                 "%s: %s have %zu numbers, of which the first %zu are wanted, but the others are not "
                                 "all zero: row %zu, column %zu (from 1) is %g",
                                 tide_arrays_path(r->source.arrays), a->name, a->across, keep, first + i + 1, j + 1,
                                 (double)r->block[i * a->across + j]);
    return TIDE_OK;
}

/* Keeps the first `keep` of the `across` numbers of each row. */
static void narrow(float *rows, size_t n, size_t across, size_t keep)
{
    for (size_t i = 1; i < n; i++)
        memmove(rows + i * keep, rows + i * across, keep * sizeof *rows);
}

/* Takes `n` rows of column c, from row `first` on, out of the block. */
static tide_status take_block(reading *r, size_t c, size_t first, size_t n)
{
    tide_dataset *d = r->dataset;
    size_t across = r->source.columns[c]->across, keep = tide_part_size(&d->layout, (tide_part)c);
    if (across > keep) {
        TIDE_TRY(check_zeros(r, c, first, n));
        narrow(r->block, n, across, keep);
    }
    tide_part_scatter(&d->layout, (tide_part)c, d->rows + first * d->layout.stride, n, r->block);
    return TIDE_OK;
}

static size_t rows_together(const reading *r, size_t c)
{
    size_t step = tide_arrays_block_rows(r->source.arrays, r->source.columns[c]), rows = r->source.rows;
    return step < rows ? step : rows;
}

static tide_status read_column(reading *r, size_t c)
{
    size_t rows = r->source.rows, step = rows_together(r, c);
    TIDE_TRY(tide_alloc_untouched(step * r->source.columns[c]->across, sizeof(float), (void **)&r->block));
    tide_status status = TIDE_OK;
    for (size_t first = 0; first < rows && status == TIDE_OK; first += step) {
        size_t n = rows - first < step ? rows - first : step;
        status = tide_source_read(&r->source, c, first, n, r->block);
        if (status == TIDE_OK)
            status = take_block(r, c, first, n);
    }
    tide_free(r->block);
    r->block = NULL;
    return status;
}

/* Marked cuts. */
static tide_status read_timeouts(reading *r)
{
    enum { STEP = 4096 };
    float terminals[STEP], spare[STEP];
    tide_dataset *d = r->dataset;
    for (size_t first = 0; first < d->count; first += STEP) {
        size_t n = d->count - first < STEP ? d->count - first : STEP;
        tide_part_gather(&d->layout, TIDE_TERMINALS, d->rows + first * d->layout.stride, n, terminals);
        TIDE_TRY(
            tide_source_timeouts(&r->source, first, n, terminals, spare, d->timeouts + first, &d->info.unmarked_ends));
    }
    return TIDE_OK;
}

static tide_status read_state(reading *r, size_t c, size_t *dim, double **state)
{
    size_t rows = r->source.rows, across = r->source.columns[c]->across, step = rows_together(r, c);
    *dim = across;
    TIDE_TRY(tide_alloc_untouched(rows * across, sizeof **state, (void **)state));
    for (size_t first = 0; first < rows; first += step) {
        size_t n = rows - first < step ? rows - first : step;
        TIDE_TRY(tide_source_read_state(&r->source, c, first, n, *state + first * across));
    }
    return TIDE_OK;
}

static tide_status check_dims(const reading *r)
{
    for (size_t c = 0; c < TIDE_COLUMNS; c++)
        if (r->source.columns[c] != NULL && r->source.columns[c]->across == 0)
            return tide_fail(TIDE_SHAPE, "%s: %s has rows of no numbers", tide_arrays_path(r->source.arrays),
                             r->source.columns[c]->name);
    return TIDE_OK;
}

static tide_status read_columns(reading *r, const tide_dataset_options *options)
{
    tide_dataset *d = r->dataset;
    size_t n = r->source.rows, dim = r->source.observation_dim;
    if (options->observation_dim > 0 && options->observation_dim < dim) {
        d->info.zero_columns = dim - options->observation_dim;
        dim = options->observation_dim;
    }
    TIDE_TRY(tide_layout_make(dim, r->source.action_dim, &d->layout));
    TIDE_TRY(check_dims(r));
    d->count = d->info.file_rows = n;
    TIDE_TRY(tide_alloc_untouched(n, d->layout.stride * sizeof(float), (void **)&d->rows));
    TIDE_TRY(tide_alloc(n, (void **)&d->timeouts));
    for (size_t c = 0; c < TIDE_PARTS; c++)
        if (r->source.columns[c] != NULL)
            TIDE_TRY(read_column(r, c));
    TIDE_TRY(read_timeouts(r));
    if (options->infos) {
        TIDE_TRY(read_state(r, TIDE_QPOS, &d->qpos_dim, &d->qpos));
        TIDE_TRY(read_state(r, TIDE_QVEL, &d->qvel_dim, &d->qvel));
    }
    d->info.next_observations = tide_source_of_next(&r->source);
    d->info.timeouts_source = tide_source_of_timeouts(&r->source, options);
    return TIDE_OK;
}

/* ---- episodes ---- */

static float *row_of(const tide_dataset *d, size_t i)
{
    return d->rows + i * d->layout.stride;
}

static int is_terminal(const tide_dataset *d, size_t i)
{
    return row_of(d, i)[d->layout.terminal] != 0.0f;
}

/* Is row i's next observation, as the file has it, another than row i + 1's observation? */
static int is_broken(const tide_dataset *d, size_t i)
{
    return d->info.next_observations == TIDE_FROM_FILE && i + 1 < d->count &&
           memcmp(row_of(d, i) + d->layout.next_observation, row_of(d, i + 1),
                  d->layout.observation_dim * sizeof(float)) != 0;
}

/* Counts episodes, and cuts those that reach the step limit. */
static void count_episodes(tide_dataset *d, size_t max_episode_steps)
{
    tide_tally tally = {.max_episode_steps = max_episode_steps};
    for (size_t i = 0; i < d->count; i++)
        d->timeouts[i] = (uint8_t)tide_tally_row(&tally, is_terminal(d, i), d->timeouts[i], is_broken(d, i),
                                                 (double)row_of(d, i)[d->layout.reward]);
    tide_tally_finish(&tally, &d->info);
}

static void move_row(tide_dataset *d, size_t to, size_t from)
{
    if (to == from)
        return;
    memcpy(row_of(d, to), row_of(d, from), d->layout.stride * sizeof(float));
    d->timeouts[to] = d->timeouts[from];
    if (d->qpos != NULL)
        memcpy(d->qpos + to * d->qpos_dim, d->qpos + from * d->qpos_dim, d->qpos_dim * sizeof(double));
    if (d->qvel != NULL)
        memcpy(d->qvel + to * d->qvel_dim, d->qvel + from * d->qvel_dim, d->qvel_dim * sizeof(double));
}

/* Next observations from the following rows; rows without one go. */
static void derive_next_observations(tide_dataset *d)
{
    size_t kept = 0, bytes = d->layout.observation_dim * sizeof(float);
    for (size_t i = 0; i < d->count; i++) {
        float *row = row_of(d, i);
        if (is_terminal(d, i)) {
            memcpy(row + d->layout.next_observation, row, bytes);
            d->info.stand_ins++;
        } else if (d->timeouts[i] || i + 1 == d->count) {
            d->info.dropped++;
            continue;
        } else {
            memcpy(row + d->layout.next_observation, row_of(d, i + 1), bytes);
        }
        move_row(d, kept++, i);
    }
    d->count = kept;
}

/* ---- the whole ---- */

static tide_status read_file(reading *r, const char *path, const tide_dataset_options *options)
{
    TIDE_TRY(tide_source_open(path, options, &r->source));
    TIDE_TRY(read_columns(r, options));
    tide_dataset *d = r->dataset;
    count_episodes(d, options->max_episode_steps);
    if (d->info.next_observations == TIDE_FROM_NEXT_ROW)
        derive_next_observations(d);
    if (d->count == 0)
        return tide_fail(TIDE_FORMAT, "%s: no transition has a known next observation", path);
    return TIDE_OK;
}

tide_status tide_dataset_read(const char *path, const tide_dataset_options *options, tide_dataset **dataset)
{
    static const tide_dataset_options DEFAULTS = {0};
    reading r = {0};
    *dataset = NULL;
    TIDE_TRY(tide_alloc(sizeof *r.dataset, (void **)&r.dataset));
    r.dataset->holders = 1;
    tide_status status = read_file(&r, path, options == NULL ? &DEFAULTS : options);
    tide_source_close(&r.source);
    if (status == TIDE_OK)
        *dataset = r.dataset;
    else
        tide_dataset_release(r.dataset);
    return status;
}
