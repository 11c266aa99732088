/* Replay: what batches are drawn from. A real part, fixed, which is a dataset's own
 * memory, and a ring of simulated transitions, the newest over the oldest.
 *
 * The replay holds its dataset and owns its ring. */
#ifndef TIDE_DATA_REPLAY_H
#define TIDE_DATA_REPLAY_H

#include <stddef.h>

#include "base/rng.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/transitions.h"

typedef struct tide_replay {
    tide_layout layout;
    tide_dataset *real;     /* or NULL */
    size_t capacity, count; /* of the ring, and filled rows */
    size_t next;            /* the row that the next transition takes */
    float *rows;
} tide_replay;

/* A ring of `capacity` transitions beside `real` (retained; may be NULL). Memory is taken
 * as the ring fills. Errors: TIDE_SHAPE where the dataset has other dimensions, TIDE_MEMORY. */
tide_status tide_replay_create(size_t observation_dim, size_t action_dim, size_t capacity, tide_dataset *real,
                               tide_replay **replay);
void tide_replay_destroy(tide_replay *replay);

size_t tide_replay_real_count(const tide_replay *replay);

/* Puts a transition into the ring. Errors: TIDE_NUMERIC, TIDE_STATE with a ring of none. */
tide_status tide_replay_add(tide_replay *replay, const tide_transition *transition);

/* Where a batch goes: (n, S), (n, A), (n), (n, S), (n) floats. */
typedef struct tide_batch {
    float *parts[TIDE_PARTS];
} tide_batch;

/* Draws n_real rows of the dataset, then n_sim of the ring, uniformly with replacement.
 * Allocates nothing. Errors: TIDE_STATE where rows are wanted of an empty part. */
tide_status tide_replay_sample(const tide_replay *replay, tide_rng *rng, size_t n_real, size_t n_sim,
                               const tide_batch *batch);

/* The ring's filled rows, in the order of the ring, column by column: out of it, and back
 * into a ring of the same or a larger size, with the row that is overwritten next.
 * Errors: TIDE_ARGUMENT where they do not fit, TIDE_NUMERIC; then nothing has changed. */
void tide_replay_save(const tide_replay *replay, tide_part part, float *out);
tide_status tide_replay_restore(tide_replay *replay, size_t count, size_t next, const tide_batch *columns);

#endif
