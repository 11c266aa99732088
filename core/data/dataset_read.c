#include <string.h>

#include "base/alloc.h"
#include "data/block.h"
#include "data/dataset.h"
#include "data/survey.h"

/* ---- rows ---- */

typedef struct reading {
    tide_source source;
    tide_block block;
    tide_dataset *dataset;
} reading;

/* Reads, counts and stores the rows, block by block. Where the file has no next observations, they are those of the
 * following rows, for now. */
static tide_status read_rows(reading *r, size_t max_episode_steps)
{
    tide_dataset *d = r->dataset;
    tide_block *b = &r->block;
    tide_tally tally = {.max_episode_steps = max_episode_steps};
    TIDE_TRY(tide_block_make(&r->source, d->layout.observation_dim, 1, b));
    for (size_t first = 0; first < d->count; first += b->n) {
        TIDE_TRY(tide_block_read(&r->source, b, &d->info.unmarked_ends));
        tide_tally_rows(&tally, b->n, b->terminals, b->rewards, b->broken, b->timeouts);
        memcpy(d->timeouts + first, b->timeouts, b->n);
        const float *after = b->observations + b->observation_dim;
        const float *parts[TIDE_PARTS] = {b->observations, b->actions, b->rewards,
                                          b->next_observations == NULL ? after : b->next_observations, b->terminals};
        tide_parts_join(&d->layout, parts, b->n, d->rows + first * d->layout.stride);
    }
    tide_tally_finish(&tally, &d->info);
    return TIDE_OK;
}

static tide_status read_state(reading *r, size_t c, size_t *dim, double **state)
{
    const tide_array *a = r->source.columns[c];
    size_t rows = r->source.rows, across = a->across, step = tide_arrays_block_rows(r->source.arrays, a);
    *dim = across;
    TIDE_TRY(tide_alloc_whole(rows * across, sizeof **state, (void **)state));
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
    d->info.next_observations = tide_source_of_next(&r->source);
    d->info.timeouts_source = tide_source_of_timeouts(&r->source, options);
    TIDE_TRY(tide_alloc_whole(n, d->layout.stride * sizeof(float), (void **)&d->rows));
    TIDE_TRY(tide_alloc(n, (void **)&d->timeouts));
    TIDE_TRY(read_rows(r, options->max_episode_steps));
    if (options->infos) {
        TIDE_TRY(read_state(r, TIDE_QPOS, &d->qpos_dim, &d->qpos));
        TIDE_TRY(read_state(r, TIDE_QVEL, &d->qvel_dim, &d->qvel));
    }
    return TIDE_OK;
}

/* ---- rows without a next observation ---- */

static float *row_of(const tide_dataset *d, size_t i)
{
    return d->rows + i * d->layout.stride;
}

static int is_terminal(const tide_dataset *d, size_t i)
{
    return row_of(d, i)[d->layout.terminal] != 0.0f;
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

/* Rows that no row follows in their episode: those that end for good stand in for it themselves, others go. */
static void drop_rows_without_next(tide_dataset *d)
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
    if (d->info.next_observations == TIDE_FROM_NEXT_ROW)
        drop_rows_without_next(d);
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
    tide_block_free(&r.block);
    if (status == TIDE_OK)
        *dataset = r.dataset;
    else
        tide_dataset_release(r.dataset);
    return status;
}
