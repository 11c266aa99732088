#include "data/replay.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

tide_status tide_replay_create(size_t observation_dim, size_t action_dim, size_t capacity, tide_dataset *real,
                               tide_replay **replay)
{
    tide_layout layout;
    *replay = NULL;
    TIDE_TRY(tide_layout_make(observation_dim, action_dim, &layout));
    if (real != NULL && (real->layout.observation_dim != observation_dim || real->layout.action_dim != action_dim))
        return tide_fail(TIDE_SHAPE,
                         "replay: observations of %zu and actions of %zu numbers, the dataset has %zu and %zu",
                         observation_dim, action_dim, real->layout.observation_dim, real->layout.action_dim);
    TIDE_TRY(tide_alloc(sizeof **replay, (void **)replay));
    tide_status status = tide_alloc_untouched(capacity, layout.stride * sizeof(float), (void **)&(*replay)->rows);
    if (status != TIDE_OK) {
        tide_free(*replay);
        *replay = NULL;
        return tide_fail(TIDE_MEMORY, "replay: no memory for a ring of %zu transitions", capacity);
    }
    (*replay)->layout = layout;
    (*replay)->capacity = capacity;
    (*replay)->real = real == NULL ? NULL : tide_dataset_retain(real);
    return TIDE_OK;
}

void tide_replay_destroy(tide_replay *replay)
{
    if (replay == NULL)
        return;
    tide_dataset_release(replay->real);
    tide_free(replay->rows);
    tide_free(replay);
}

size_t tide_replay_real_count(const tide_replay *replay)
{
    return replay->real == NULL ? 0 : replay->real->count;
}

tide_status tide_replay_add(tide_replay *replay, const tide_transition *transition)
{
    if (replay->capacity == 0)
        return tide_fail(TIDE_STATE, "replay: a transition for a ring of none");
    TIDE_TRY(tide_transition_check(&replay->layout, transition, "replay", replay->next + 1));
    tide_transition_store(&replay->layout, transition, replay->rows + replay->next * replay->layout.stride);
    replay->next = replay->next + 1 == replay->capacity ? 0 : replay->next + 1;
    if (replay->count < replay->capacity)
        replay->count++;
    return TIDE_OK;
}

/* ---- drawing ---- */

/* Rows are drawn in groups; while one is copied, the memory of those that follow is on its way.
 * A group is a whole number of the generator's batches, so that its size does not show in the draws. */
enum { GROUP = 2 * TIDE_RNG_BATCH, AHEAD = 8, LINE = 16 };

static void fetch(const float *row, size_t stride)
{
#if defined(__GNUC__)
    for (size_t i = 0; i < stride; i += LINE)
        __builtin_prefetch(row + i);
#else
    (void)row;
    (void)stride;
#endif
}

static void copy_row(const tide_layout *layout, const float *row, const tide_batch *batch, size_t at)
{
    size_t s = layout->observation_dim, a = layout->action_dim;
    memcpy(batch->parts[TIDE_OBSERVATIONS] + at * s, row, s * sizeof *row);
    memcpy(batch->parts[TIDE_ACTIONS] + at * a, row + layout->action, a * sizeof *row);
    batch->parts[TIDE_REWARDS][at] = row[layout->reward];
    memcpy(batch->parts[TIDE_NEXT_OBSERVATIONS] + at * s, row + layout->next_observation, s * sizeof *row);
    batch->parts[TIDE_TERMINALS][at] = row[layout->terminal];
}

/* n of `count` rows into the batch, from row `at` of the batch on. */
static void draw(const tide_layout *layout, const float *rows, size_t count, tide_rng *rng, size_t n,
                 const tide_batch *batch, size_t at)
{
    uint64_t indices[GROUP];
    size_t stride = layout->stride;
    for (size_t first = 0; first < n; first += GROUP) {
        size_t group = n - first < GROUP ? n - first : GROUP;
        tide_rng_indices(rng, indices, group, count);
        for (size_t i = 0; i < AHEAD && i < group; i++)
            fetch(rows + indices[i] * stride, stride);
        for (size_t i = 0; i < group; i++) {
            if (i + AHEAD < group)
                fetch(rows + indices[i + AHEAD] * stride, stride);
            copy_row(layout, rows + indices[i] * stride, batch, at + first + i);
        }
    }
}

tide_status tide_replay_sample(const tide_replay *replay, tide_rng *rng, size_t n_real, size_t n_sim,
                               const tide_batch *batch)
{
    if (n_real > 0 && tide_replay_real_count(replay) == 0)
        return tide_fail(TIDE_STATE, "replay_sample: %zu real transitions are wanted, there is no dataset", n_real);
    if (n_sim > 0 && replay->count == 0)
        return tide_fail(TIDE_STATE, "replay_sample: %zu simulated transitions are wanted, none was added yet", n_sim);
    if (n_real > 0)
        draw(&replay->layout, replay->real->rows, replay->real->count, rng, n_real, batch, 0);
    if (n_sim > 0)
        draw(&replay->layout, replay->rows, replay->count, rng, n_sim, batch, n_real);
    return TIDE_OK;
}

/* ---- saving ---- */

void tide_replay_save(const tide_replay *replay, tide_part part, float *out)
{
    tide_part_gather(&replay->layout, part, replay->rows, replay->count, out);
}

/* Rows `from` .. `from + n - 1` of the columns become rows `to` .. of the ring. */
static void put_rows(tide_replay *replay, const tide_batch *columns, size_t from, size_t to, size_t n)
{
    float *rows = replay->rows + to * replay->layout.stride;
    for (size_t part = 0; n > 0 && part < TIDE_PARTS; part++) {
        size_t size = tide_part_size(&replay->layout, (tide_part)part);
        tide_part_scatter(&replay->layout, (tide_part)part, rows, n, columns->parts[part] + from * size);
    }
}

tide_status tide_replay_restore(tide_replay *replay, size_t count, size_t next, const tide_batch *columns)
{
    if (count > replay->capacity || next > count)
        return tide_fail(TIDE_ARGUMENT, "replay_restore: %zu transitions, the next at %zu, do not fit a ring of %zu",
                         count, next + 1, replay->capacity);
    for (size_t part = 0; part < TIDE_PARTS; part++) {
        size_t size = tide_part_size(&replay->layout, (tide_part)part);
        for (size_t i = 0; i < count * size; i++)
            if (!isfinite(columns->parts[part][i]))
                return tide_fail(TIDE_NUMERIC, "replay_restore: %s: row %zu is not finite", tide_part_names[part],
                                 i / size + 1);
    }
    if (count == replay->capacity) {
        put_rows(replay, columns, 0, 0, count);
        replay->next = next == count ? 0 : next;
    } else { /* a ring with room, so oldest first; a full one may have come from a smaller ring */
        put_rows(replay, columns, next, 0, count - next);
        put_rows(replay, columns, 0, count - next, next);
        replay->next = count;
    }
    replay->count = count;
    return TIDE_OK;
}
