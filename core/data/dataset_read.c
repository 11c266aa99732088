#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "data/dataset.h"
#include "data/hdf5.h"

enum { COLUMNS = 8 };

/* The arrays of a file. The first TIDE_PARTS are the parts of a row, under their names. */
typedef enum column_name { TIMEOUTS = TIDE_PARTS, QPOS, QVEL } column_name;

static const char *const NAMES[COLUMNS] = {"observations", "actions",  "rewards",    "next_observations",
                                           "terminals",    "timeouts", "infos/qpos", "infos/qvel"};
static const int IS_VECTOR[COLUMNS] = {1, 1, 0, 1, 0, 0, 1, 1};

typedef struct reading {
    tide_hdf5_input input;
    tide_hdf5_array columns[COLUMNS];
    int there[COLUMNS];
    void *block; /* of one column's elements, as they are read */
    tide_dataset *dataset;
} reading;

/* ---- opening ---- */

static tide_status open_column(reading *r, size_t c)
{
    hid_t object;
    r->there[c] = tide_hdf5_has(&r->input, NAMES[c]);
    if (!r->there[c])
        return TIDE_OK;
    tide_hdf5_array *a = &r->columns[c];
    TIDE_TRY(tide_hdf5_open_path(&r->input, NAMES[c], &object));
    TIDE_TRY(tide_hdf5_take_array(&r->input, object, NAMES[c], a));
    if (a->class == TIDE_HDF5_STRING)
        return tide_fail(TIDE_FORMAT, "%s: %s holds text, not numbers", r->input.path, NAMES[c]);
    if (a->rank == 0 || a->rank > 2 || (!IS_VECTOR[c] && a->dims[1] != 1))
        return tide_fail(TIDE_SHAPE, "%s: %s has %zu dimension%s (%zu, %zu, %zu); a row for each transition is needed",
                         r->input.path, NAMES[c], a->rank, a->rank == 1 ? "" : "s", a->dims[0], a->dims[1], a->dims[2]);
    return TIDE_OK;
}

/* Every array has as many rows as the first. */
static tide_status check_rows(const reading *r)
{
    char text[512] = "";
    size_t used = 0, n = r->columns[0].dims[0];
    int differ = 0;
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!r->there[c])
            continue;
        differ |= r->columns[c].dims[0] != n;
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s %zu", used == 0 ? "" : ", ", NAMES[c],
                                 r->columns[c].dims[0]);
    }
    if (differ)
        return tide_fail(TIDE_SHAPE, "%s: the arrays differ in rows, so rows do not belong together: %s", r->input.path,
                         text);
    if (n == 0)
        return tide_fail(TIDE_FORMAT, "%s: holds no transitions", r->input.path);
    return TIDE_OK;
}

static tide_status check_columns(reading *r, const tide_dataset_options *options)
{
    static const int NEEDED[COLUMNS] = {1, 1, 1, 0, 1, 0, 0, 0};
    const char *path = r->input.path;
    for (size_t c = 0; c < COLUMNS; c++) {
        if (c >= QPOS && !options->infos)
            continue;
        TIDE_TRY(open_column(r, c));
        if (!r->there[c] && (NEEDED[c] || c >= QPOS))
            return tide_fail(TIDE_FORMAT, "%s: there is no %s; a D4RL file has observations, actions, rewards%s", path,
                             NAMES[c], c >= QPOS ? ", and infos/qpos, infos/qvel at times" : " and terminals");
    }
    TIDE_TRY(check_rows(r));
    const tide_hdf5_array *next = &r->columns[TIDE_NEXT_OBSERVATIONS];
    if (r->there[TIDE_NEXT_OBSERVATIONS] && next->dims[1] != r->columns[TIDE_OBSERVATIONS].dims[1])
        return tide_fail(TIDE_SHAPE, "%s: observations have %zu numbers, next_observations %zu", path,
                         r->columns[TIDE_OBSERVATIONS].dims[1], next->dims[1]);
    if (!r->there[TIDE_NEXT_OBSERVATIONS] && !r->there[TIMEOUTS] && options->max_episode_steps == 0)
        return tide_fail(TIDE_FORMAT,
                         "%s: has neither next_observations nor timeouts, so where an episode is cut is unknown; "
                         "give max_episode_steps, the step limit of the environment",
                         path);
    return TIDE_OK;
}

/* ---- elements ---- */

static tide_status odd_element(const reading *r, size_t c, size_t at, double value)
{
    size_t across = r->columns[c].dims[1];
    return tide_fail(TIDE_NUMERIC, "%s: %s: row %zu, column %zu (from 1) is %g", r->input.path, NAMES[c],
                     at / across + 1, at % across + 1, isnan(value) ? fabs(value) : value);
}

/* Takes `n` rows of column c, from row `first` on, out of the block. */
static tide_status take_block(reading *r, size_t c, size_t first, size_t n)
{
    tide_dataset *d = r->dataset;
    size_t across = r->columns[c].dims[1], count = n * across;
    if (c >= QPOS) {
        const double *x = r->block;
        for (size_t i = 0; i < count; i++)
            if (!isfinite(x[i]))
                return odd_element(r, c, first * across + i, x[i]);
        memcpy((c == QPOS ? d->qpos : d->qvel) + first * across, x, count * sizeof *x);
        return TIDE_OK;
    }
    const float *x = r->block;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]) || ((c == TIDE_TERMINALS || c == TIMEOUTS) && x[i] != 0.0f && x[i] != 1.0f))
            return odd_element(r, c, first * across + i, (double)x[i]);
    if (c == TIMEOUTS)
        for (size_t i = 0; i < n; i++)
            d->timeouts[first + i] = x[i] != 0.0f;
    else
        tide_part_scatter(&d->layout, (tide_part)c, d->rows + first * d->layout.stride, n, x);
    return TIDE_OK;
}

static tide_status read_column(reading *r, size_t c)
{
    const tide_hdf5_array *a = &r->columns[c];
    size_t rows = a->dims[0], step = a->block_rows < rows ? a->block_rows : rows;
    if (a->dims[1] == 0)
        return tide_fail(TIDE_SHAPE, "%s: %s has rows of no numbers", r->input.path, NAMES[c]);
    hid_t type = c >= QPOS ? H5T_NATIVE_DOUBLE : H5T_NATIVE_FLOAT;
    TIDE_TRY(tide_alloc_untouched(step * a->dims[1], c >= QPOS ? sizeof(double) : sizeof(float), &r->block));
    tide_status status = TIDE_OK;
    for (size_t first = 0; first < rows && status == TIDE_OK; first += step) {
        size_t n = rows - first < step ? rows - first : step;
        status = tide_hdf5_read_rows(&r->input, a, NAMES[c], type, first, n, r->block);
        if (status == TIDE_OK)
            status = take_block(r, c, first, n);
    }
    tide_free(r->block);
    r->block = NULL;
    return status;
}

static tide_status read_columns(reading *r, const tide_dataset_options *options)
{
    TIDE_TRY(check_columns(r, options));
    tide_dataset *d = r->dataset;
    size_t n = r->columns[0].dims[0];
    TIDE_TRY(tide_layout_make(r->columns[TIDE_OBSERVATIONS].dims[1], r->columns[TIDE_ACTIONS].dims[1], &d->layout));
    d->count = d->info.file_rows = n;
    TIDE_TRY(tide_alloc_untouched(n, d->layout.stride * sizeof(float), (void **)&d->rows));
    TIDE_TRY(tide_alloc(n, (void **)&d->timeouts));
    if (options->infos) {
        d->qpos_dim = r->columns[QPOS].dims[1];
        d->qvel_dim = r->columns[QVEL].dims[1];
        TIDE_TRY(tide_alloc_untouched(n * d->qpos_dim, sizeof(double), (void **)&d->qpos));
        TIDE_TRY(tide_alloc_untouched(n * d->qvel_dim, sizeof(double), (void **)&d->qvel));
    }
    for (size_t c = 0; c < COLUMNS; c++)
        if (r->there[c])
            TIDE_TRY(read_column(r, c));
    d->info.next_observations = r->there[TIDE_NEXT_OBSERVATIONS] ? TIDE_FROM_FILE : TIDE_FROM_NEXT_ROW;
    d->info.timeouts_source = r->there[TIMEOUTS]               ? TIDE_FROM_FILE
                              : options->max_episode_steps > 0 ? TIDE_FROM_EPISODE_LENGTH
                                                               : TIDE_FROM_NOTHING;
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

/* Is row i's next observation another than row i + 1's observation? */
static int is_broken(const tide_dataset *d, size_t i)
{
    return memcmp(row_of(d, i) + d->layout.next_observation, row_of(d, i + 1),
                  d->layout.observation_dim * sizeof(float)) != 0;
}

/* Cuts episodes that reach max_episode_steps. */
static void cut_episodes(tide_dataset *d, size_t max_episode_steps)
{
    size_t steps = 0;
    for (size_t i = 0; i < d->count; i++) {
        steps++;
        if (max_episode_steps > 0 && steps >= max_episode_steps && !is_terminal(d, i))
            d->timeouts[i] = 1;
        if (is_terminal(d, i) || d->timeouts[i])
            steps = 0;
    }
}

/* Rows where the file's own next observations show a cut that nothing marks. Where most
 * rows do, observations are not chained (noise, single transitions), and none is one. */
static size_t count_unmarked(const tide_dataset *d)
{
    size_t unmarked = 0;
    if (d->info.next_observations != TIDE_FROM_FILE)
        return 0;
    for (size_t i = 0; i + 1 < d->count; i++)
        unmarked += (size_t)(!is_terminal(d, i) && !d->timeouts[i] && is_broken(d, i));
    return unmarked * 2 > d->count ? 0 : unmarked;
}

static void end_episode(tide_dataset_info *info, double total, size_t length)
{
    size_t n = info->episodes++;
    info->return_min = n == 0 || total < info->return_min ? total : info->return_min;
    info->return_max = n == 0 || total > info->return_max ? total : info->return_max;
    info->length_min = n == 0 || length < info->length_min ? length : info->length_min;
    info->length_max = n == 0 || length > info->length_max ? length : info->length_max;
    info->return_mean += total; /* sums, until the end */
    info->length_mean += (double)length;
}

static void count_episodes(tide_dataset *d)
{
    tide_dataset_info *info = &d->info;
    double total = 0.0;
    size_t length = 0;
    info->unmarked_cuts = count_unmarked(d);
    for (size_t i = 0; i < d->count; i++) {
        int terminal = is_terminal(d, i), cut = !terminal && d->timeouts[i];
        info->terminals += (size_t)terminal;
        info->timeouts += (size_t)cut;
        total += (double)row_of(d, i)[d->layout.reward];
        length++;
        int broken = info->unmarked_cuts > 0 && i + 1 < d->count && !terminal && !cut && is_broken(d, i);
        if (terminal || cut || broken) {
            end_episode(info, total, length);
            total = 0.0;
            length = 0;
        }
    }
    info->unfinished = length;
    if (info->episodes > 0) {
        info->return_mean /= (double)info->episodes;
        info->length_mean /= (double)info->episodes;
    }
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
    TIDE_TRY(tide_hdf5_open(path, &r->input));
    TIDE_TRY(read_columns(r, options));
    tide_dataset *d = r->dataset;
    cut_episodes(d, options->max_episode_steps);
    count_episodes(d);
    if (d->info.next_observations == TIDE_FROM_NEXT_ROW)
        derive_next_observations(d);
    if (d->count == 0)
        return tide_fail(TIDE_FORMAT, "%s: no transition has a known next observation", path);
    return TIDE_OK;
}

tide_status tide_dataset_read(const char *path, const tide_dataset_options *options, tide_dataset **dataset)
{
    static const tide_dataset_options DEFAULTS = {0};
    reading *r;
    *dataset = NULL;
    TIDE_TRY(tide_alloc(sizeof *r, (void **)&r));
    r->input.file = H5I_INVALID_HID;
    for (size_t c = 0; c < COLUMNS; c++)
        r->columns[c].dataset = H5I_INVALID_HID;
    tide_status status = tide_alloc(sizeof *r->dataset, (void **)&r->dataset);
    if (status == TIDE_OK) {
        r->dataset->holders = 1;
        status = read_file(r, path, options == NULL ? &DEFAULTS : options);
    }
    for (size_t c = 0; c < COLUMNS; c++)
        tide_hdf5_close_array(&r->columns[c]);
    tide_hdf5_close(&r->input);
    if (status == TIDE_OK)
        *dataset = r->dataset;
    else
        tide_dataset_release(r->dataset);
    tide_free(r);
    return status;
}
