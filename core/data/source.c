#include "data/source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const NAMES[TIDE_COLUMNS] = {"observations", "actions",  "rewards",    "next_observations",
                                                "terminals",    "timeouts", "infos/qpos", "infos/qvel"};
static const int IS_VECTOR[TIDE_COLUMNS] = {1, 1, 0, 1, 0, 0, 1, 1};

/* ---- opening ---- */

static tide_status open_column(tide_source *s, size_t c, int needed)
{
    const char *path = tide_arrays_path(s->arrays);
    if (!needed && tide_arrays_find(s->arrays, NAMES[c]) == NULL)
        return TIDE_OK;
    TIDE_TRY(tide_arrays_need(s->arrays, NAMES[c], &s->columns[c]));
    const tide_array *a = s->columns[c];
    if (a->rank > 1 || (!IS_VECTOR[c] && a->across != 1))
        return tide_fail(TIDE_SHAPE, "%s: %s has %zu dimension%s (%zu, %zu, %zu); a row for each transition is needed",
                         path, NAMES[c], a->rank + 1, a->rank == 0 ? "" : "s", a->rows, a->rank > 0 ? a->dims[0] : 1,
                         a->rank > 1 ? a->dims[1] : 1);
    return TIDE_OK;
}

/* Every array has as many rows as the first. */
static tide_status check_rows(const tide_source *s)
{
    const char *path = tide_arrays_path(s->arrays);
    char text[512] = "";
    size_t used = 0, n = s->columns[0]->rows;
    int differ = 0;
    for (size_t c = 0; c < TIDE_COLUMNS; c++) {
        if (s->columns[c] == NULL)
            continue;
        differ |= s->columns[c]->rows != n;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %zu", used == 0 ? "" : ", ", NAMES[c],
                                 s->columns[c]->rows);
    }
    if (differ)
        return tide_fail(TIDE_SHAPE, "%s: the arrays differ in rows, so rows do not belong together: %s", path, text);
    if (n == 0)
        return tide_fail(TIDE_FORMAT, "%s: holds no transitions", path);
    return TIDE_OK;
}

static tide_status check_columns(tide_source *s, const tide_dataset_options *options)
{
    static const int NEEDED[TIDE_COLUMNS] = {1, 1, 1, 0, 1, 0, 1, 1};
    const char *path = tide_arrays_path(s->arrays);
    for (size_t c = 0; c < TIDE_COLUMNS; c++)
        if (c < TIDE_QPOS || options->infos)
            TIDE_TRY(open_column(s, c, NEEDED[c]));
    TIDE_TRY(check_rows(s));
    const tide_array *next = s->columns[TIDE_NEXT_OBSERVATIONS];
    s->rows = s->columns[0]->rows;
    s->observation_dim = s->columns[TIDE_OBSERVATIONS]->across;
    s->action_dim = s->columns[TIDE_ACTIONS]->across;
    if (next != NULL && next->across != s->observation_dim)
        return tide_fail(TIDE_SHAPE, "%s: observations have %zu numbers, next_observations %zu", path,
                         s->observation_dim, next->across);
    if (next == NULL && s->columns[TIDE_TIMEOUTS] == NULL && options->max_episode_steps == 0)
        return tide_fail(TIDE_FORMAT,
                         "%s: has neither next_observations nor timeouts, so where an episode is cut is unknown; "
                         "give max_episode_steps, the step limit of the environment",
                         path);
    return TIDE_OK;
}

tide_status tide_source_open(const char *path, const tide_dataset_options *options, tide_source *source)
{
    *source = (tide_source){0};
    TIDE_TRY(tide_arrays_open(path, &source->arrays));
    tide_status status = check_columns(source, options);
    if (status != TIDE_OK)
        tide_source_close(source);
    return status;
}

void tide_source_close(tide_source *source)
{
    tide_arrays_close(source->arrays);
    source->arrays = NULL;
}

/* ---- reading ---- */

/* An exponent of ones is infinity's or a NaN's. Counting, without a way out, is done sixteen numbers at a time. */
static int all_finite(const float *x, size_t n)
{
    uint32_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        odd += (bits & UINT32_C(0x7F800000)) == UINT32_C(0x7F800000);
    }
    return odd == 0;
}

static int all_flags(const float *x, size_t n)
{
    uint32_t odd = 0;
    for (size_t i = 0; i < n; i++)
        odd += (uint32_t)(x[i] != 0.0f) & (uint32_t)(x[i] != 1.0f);
    return odd == 0;
}

static int all_finite_doubles(const double *x, size_t n)
{
    uint64_t odd = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, x + i, sizeof bits);
        odd += (bits & UINT64_C(0x7FF0000000000000)) == UINT64_C(0x7FF0000000000000);
    }
    return odd == 0;
}

static tide_status odd_element(const tide_source *s, size_t c, size_t at, double value)
{
    size_t across = s->columns[c]->across;
    return tide_fail(TIDE_NUMERIC, "%s: %s: row %zu, column %zu (from 1) is %g", tide_arrays_path(s->arrays), NAMES[c],
                     at / across + 1, at % across + 1, isnan(value) ? fabs(value) : value);
}

tide_status tide_source_read(const tide_source *source, size_t column, size_t first, size_t n, float *out)
{
    size_t across = source->columns[column]->across, count = n * across;
    int is_flag = column == TIDE_TERMINALS || column == TIDE_TIMEOUTS;
    TIDE_TRY(tide_arrays_read(source->arrays, source->columns[column], TIDE_FLOAT32, first, n, out));
    if (is_flag ? all_flags(out, count) : all_finite(out, count))
        return TIDE_OK;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]) || (is_flag && out[i] != 0.0f && out[i] != 1.0f))
            return odd_element(source, column, first * across + i, (double)out[i]);
    return TIDE_OK;
}

tide_status tide_source_read_state(const tide_source *source, size_t column, size_t first, size_t n, double *out)
{
    size_t across = source->columns[column]->across, count = n * across;
    TIDE_TRY(tide_arrays_read(source->arrays, source->columns[column], TIDE_FLOAT64, first, n, out));
    if (all_finite_doubles(out, count))
        return TIDE_OK;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(out[i]))
            return odd_element(source, column, first * across + i, out[i]);
    return TIDE_OK;
}

tide_status tide_source_timeouts(tide_source *source, size_t first, size_t n, const float *terminals, float *spare,
                                 uint8_t *timeouts, size_t *ends)
{
    memset(timeouts, 0, n);
    if (source->columns[TIDE_TIMEOUTS] != NULL) {
        TIDE_TRY(tide_source_read(source, TIDE_TIMEOUTS, first, n, spare));
        for (size_t i = 0; i < n; i++)
            timeouts[i] = spare[i] != 0.0f;
    }
    for (; source->episode < tide_arrays_episodes(source->arrays); source->episode++) {
        size_t end = tide_arrays_episode_end(source->arrays, source->episode);
        if (end > first + n)
            break;
        if (end <= first) /* an episode of no rows */
            continue;
        size_t last = end - 1 - first;
        *ends += terminals[last] == 0.0f && !timeouts[last];
        timeouts[last] |= terminals[last] == 0.0f;
    }
    return TIDE_OK;
}

tide_dataset_source tide_source_of_next(const tide_source *source)
{
    return source->columns[TIDE_NEXT_OBSERVATIONS] != NULL ? TIDE_FROM_FILE : TIDE_FROM_NEXT_ROW;
}

tide_dataset_source tide_source_of_timeouts(const tide_source *source, const tide_dataset_options *options)
{
    return source->columns[TIDE_TIMEOUTS] != NULL ? TIDE_FROM_FILE
           : options->max_episode_steps > 0       ? TIDE_FROM_EPISODE_LENGTH
                                                  : TIDE_FROM_NOTHING;
}
