/* How an open file of transitions holds its arrays. Private to arrays_*.c. */
#ifndef TIDE_DATA_ARRAYS_PARTS_H
#define TIDE_DATA_ARRAYS_PARTS_H

#include "data/arrays.h"
#include "data/hdf5.h"

enum { TIDE_MOST_PARTS = 256, TIDE_NO_EPISODE = -1 };

/* An array as it is read. Of D4RL's the HDF5 array stays open; of Minari's that of one episode. */
typedef struct tide_array_part {
    tide_array about; /* first: a tide_array that was given out is its part */
    tide_hdf5_array source;
    char *member;      /* Minari: its path in an episode's group */
    size_t offset;     /* Minari: row i is element i + offset; 1 for next_observations */
    ptrdiff_t episode; /* Minari: whose array is open */
    void *block;       /* D4RL, not plain: rows kept, so that a few rows cost no whole chunk each time */
    tide_element block_element;
    size_t block_first, block_count;
} tide_array_part;

struct tide_arrays {
    tide_hdf5_input input;
    tide_arrays_layout layout;
    size_t rows, n_parts, n_episodes;
    size_t *ends; /* of each episode: the row after its last */
    tide_array_part parts[TIDE_MOST_PARTS];
};

/* The first row of a Minari file's episode. */
size_t tide_arrays_episode_start(const tide_arrays *arrays, size_t episode);

/* Opens the array of a part in an episode, not twice. What it may claim is taken off the budget the first time.
 * Errors: TIDE_FORMAT, TIDE_SHAPE where rows are not those of episode_0. */
tide_status tide_arrays_open_member(tide_arrays *arrays, tide_array_part *part, size_t episode, int first_time);

/* Has the open array as many rows as the episode needs? Arrays in infos may have one more: after the last step. */
tide_status tide_arrays_check_member(const tide_arrays *arrays, const tide_array_part *part, size_t episode);

#endif
