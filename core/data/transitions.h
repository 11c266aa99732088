/* Transitions in memory: one row each, so that drawing one touches neighbouring
 * cache lines only:
 *     observation (S) | action (A) | reward | next observation (S) | terminal
 * Rows begin on cache lines. */
#ifndef TIDE_DATA_TRANSITIONS_H
#define TIDE_DATA_TRANSITIONS_H

#include <stddef.h>

#include "base/status.h"

/* Where the parts of a row stand, in floats. */
typedef struct tide_layout {
    size_t observation_dim, action_dim;
    size_t action, reward, next_observation, terminal;
    size_t stride; /* from row to row */
} tide_layout;

/* Errors: TIDE_ARGUMENT for a dimension of 0 or past 2^24. */
tide_status tide_layout_make(size_t observation_dim, size_t action_dim, tide_layout *layout);

/* One transition, as callers hold it. */
typedef struct tide_transition {
    const float *observation, *action, *next_observation;
    float reward;
    int terminal;
} tide_transition;

/* Errors: TIDE_NUMERIC naming the part that is not finite; `what` names the place and
 * `row` (from 1) the row in the message. */
tide_status tide_transition_check(const tide_layout *layout, const tide_transition *t, const char *what, size_t row);

void tide_transition_store(const tide_layout *layout, const tide_transition *t, float *row);

/* The parts of a row, by number and by D4RL's names. */
typedef enum tide_part {
    TIDE_OBSERVATIONS = 0,
    TIDE_ACTIONS,
    TIDE_REWARDS,
    TIDE_NEXT_OBSERVATIONS,
    TIDE_TERMINALS,
    TIDE_PARTS,
} tide_part;

extern const char *const tide_part_names[TIDE_PARTS];

/* Where a part begins in a row, and how many floats it has. */
size_t tide_part_offset(const tide_layout *layout, tide_part part);
size_t tide_part_size(const tide_layout *layout, tide_part part);

/* Columns of n rows: into (n, size) floats, and back. */
void tide_part_gather(const tide_layout *layout, tide_part part, const float *rows, size_t n, float *out);
void tide_part_scatter(const tide_layout *layout, tide_part part, float *rows, size_t n, const float *in);

/* n rows out of the columns of all parts. */
void tide_parts_join(const tide_layout *layout, const float *const parts[TIDE_PARTS], size_t n, float *restrict rows);

#endif
