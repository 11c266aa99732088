#include "data/transitions.h"

#include <math.h>
#include <string.h>

enum { LINE = 16, LARGEST_DIM = 1 << 24 }; /* floats in a cache line */

const char *const tide_part_names[TIDE_PARTS] = {
    "observations", "actions", "rewards", "next_observations", "terminals",
};

tide_status tide_layout_make(size_t observation_dim, size_t action_dim, tide_layout *layout)
{
    if (observation_dim == 0 || observation_dim > LARGEST_DIM)
        return tide_fail(TIDE_ARGUMENT, "transitions: observations of %zu numbers, 1 to %d are possible",
                         observation_dim, LARGEST_DIM);
    if (action_dim == 0 || action_dim > LARGEST_DIM)
        return tide_fail(TIDE_ARGUMENT, "transitions: actions of %zu numbers, 1 to %d are possible", action_dim,
                         LARGEST_DIM);
    layout->observation_dim = observation_dim;
    layout->action_dim = action_dim;
    layout->action = observation_dim;
    layout->reward = layout->action + action_dim;
    layout->next_observation = layout->reward + 1;
    layout->terminal = layout->next_observation + observation_dim;
    layout->stride = (layout->terminal + 1 + LINE - 1) / LINE * LINE;
    return TIDE_OK;
}

/* The place of the first number that is not finite, n if all are. */
static size_t first_odd(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return i;
    return n;
}

/* For messages: a NaN without its sign. */
static double shown(float x)
{
    return isnan(x) ? (double)fabsf(x) : (double)x;
}

tide_status tide_transition_check(const tide_layout *layout, const tide_transition *t, const char *what, size_t row)
{
    size_t s = layout->observation_dim, a = layout->action_dim, at;
    if ((at = first_odd(t->observation, s)) < s)
        return tide_fail(TIDE_NUMERIC, "%s: row %zu: observation[%zu] is %g", what, row, at + 1,
                         shown(t->observation[at]));
    if ((at = first_odd(t->action, a)) < a)
        return tide_fail(TIDE_NUMERIC, "%s: row %zu: action[%zu] is %g", what, row, at + 1, shown(t->action[at]));
    if ((at = first_odd(t->next_observation, s)) < s)
        return tide_fail(TIDE_NUMERIC, "%s: row %zu: next_observation[%zu] is %g", what, row, at + 1,
                         shown(t->next_observation[at]));
    if (!isfinite(t->reward))
        return tide_fail(TIDE_NUMERIC, "%s: row %zu: the reward is %g", what, row, shown(t->reward));
    return TIDE_OK;
}

void tide_transition_store(const tide_layout *layout, const tide_transition *t, float *row)
{
    memcpy(row, t->observation, layout->observation_dim * sizeof *row);
    memcpy(row + layout->action, t->action, layout->action_dim * sizeof *row);
    row[layout->reward] = t->reward;
    memcpy(row + layout->next_observation, t->next_observation, layout->observation_dim * sizeof *row);
    row[layout->terminal] = t->terminal ? 1.0f : 0.0f;
}

size_t tide_part_offset(const tide_layout *layout, tide_part part)
{
    switch (part) {
    case TIDE_ACTIONS: return layout->action;
    case TIDE_REWARDS: return layout->reward;
    case TIDE_NEXT_OBSERVATIONS: return layout->next_observation;
    case TIDE_TERMINALS: return layout->terminal;
    case TIDE_OBSERVATIONS:
    default: return 0;
    }
}

size_t tide_part_size(const tide_layout *layout, tide_part part)
{
    switch (part) {
    case TIDE_OBSERVATIONS:
    case TIDE_NEXT_OBSERVATIONS: return layout->observation_dim;
    case TIDE_ACTIONS: return layout->action_dim;
    default: return 1;
    }
}

void tide_part_gather(const tide_layout *layout, tide_part part, const float *rows, size_t n, float *out)
{
    size_t offset = tide_part_offset(layout, part), size = tide_part_size(layout, part);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * size, rows + i * layout->stride + offset, size * sizeof *out);
}

void tide_part_scatter(const tide_layout *layout, tide_part part, float *rows, size_t n, const float *in)
{
    size_t offset = tide_part_offset(layout, part), size = tide_part_size(layout, part);
    for (size_t i = 0; i < n; i++)
        memcpy(rows + i * layout->stride + offset, in + i * size, size * sizeof *in);
}

/* memcpy, called for so few floats, takes longer than this. The last two vectors overlap. */
static inline void copy_floats(float *restrict to, const float *restrict from, size_t n)
{
    enum { WIDE = 16, HALF = 8, QUARTER = 4 };
    if (n >= WIDE) {
        for (size_t j = 0; j + WIDE <= n; j += WIDE)
            memcpy(to + j, from + j, WIDE * sizeof *to);
        memcpy(to + n - WIDE, from + n - WIDE, WIDE * sizeof *to);
    } else if (n >= HALF) {
        memcpy(to, from, HALF * sizeof *to);
        memcpy(to + n - HALF, from + n - HALF, HALF * sizeof *to);
    } else if (n >= QUARTER) {
        memcpy(to, from, QUARTER * sizeof *to);
        memcpy(to + n - QUARTER, from + n - QUARTER, QUARTER * sizeof *to);
    } else {
        for (size_t j = 0; j < n; j++)
            to[j] = from[j];
    }
}

void tide_parts_join(const tide_layout *layout, const float *const parts[TIDE_PARTS], size_t n, float *restrict rows)
{
    const tide_layout l = *layout;
    const float *observation = parts[TIDE_OBSERVATIONS], *action = parts[TIDE_ACTIONS],
                *next_observation = parts[TIDE_NEXT_OBSERVATIONS];
    const float *rewards = parts[TIDE_REWARDS], *terminals = parts[TIDE_TERMINALS];
    for (size_t i = 0; i < n; i++) {
        copy_floats(rows, observation, l.observation_dim);
        copy_floats(rows + l.action, action, l.action_dim);
        rows[l.reward] = rewards[i];
        copy_floats(rows + l.next_observation, next_observation, l.observation_dim);
        rows[l.terminal] = terminals[i];
        rows += l.stride;
        observation += l.observation_dim;
        action += l.action_dim;
        next_observation += l.observation_dim;
    }
}
