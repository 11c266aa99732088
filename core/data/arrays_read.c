#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "data/arrays_parts.h"

/* ---- asking ---- */

const char *tide_arrays_path(const tide_arrays *arrays)
{
    return arrays->input.path;
}

tide_arrays_layout tide_arrays_layout_of(const tide_arrays *arrays)
{
    return arrays->layout;
}

size_t tide_arrays_rows(const tide_arrays *arrays)
{
    return arrays->rows;
}

const tide_array *tide_arrays_at(const tide_arrays *arrays, size_t index)
{
    return index < arrays->n_parts ? &arrays->parts[index].about : NULL;
}

const tide_array *tide_arrays_find(const tide_arrays *arrays, const char *name)
{
    for (size_t i = 0; i < arrays->n_parts; i++)
        if (strcmp(arrays->parts[i].about.name, name) == 0)
            return &arrays->parts[i].about;
    return NULL;
}

tide_status tide_arrays_need(const tide_arrays *arrays, const char *name, const tide_array **array)
{
    const tide_array *found = tide_arrays_find(arrays, name);
    size_t n = strlen(name);
    *array = found;
    if (found != NULL && found->fault != NULL)
        return tide_fail(TIDE_FORMAT, "%s", found->fault);
    if (found != NULL)
        return TIDE_OK;
    int is_group = tide_hdf5_has(&arrays->input, name);
    for (size_t i = 0; i < arrays->n_parts; i++)
        is_group |= strncmp(arrays->parts[i].about.name, name, n) == 0 && arrays->parts[i].about.name[n] == '/';
    if (is_group)
        return tide_fail(TIDE_FORMAT, "%s: %s: a group, an array is needed", arrays->input.path, name);
    return tide_fail(TIDE_FORMAT, "%s: there is no %s; a D4RL file has observations, actions, rewards and terminals%s",
                     arrays->input.path, name,
                     strncmp(name, "infos/", 6) == 0 ? ", and infos/qpos, infos/qvel at times" : "");
}

size_t tide_arrays_episodes(const tide_arrays *arrays)
{
    return arrays->n_episodes;
}

size_t tide_arrays_episode_end(const tide_arrays *arrays, size_t episode)
{
    return arrays->ends[episode];
}

size_t tide_arrays_block_rows(const tide_arrays *arrays, const tide_array *array)
{
    const tide_array_part *p = (const tide_array_part *)array;
    return arrays->layout == TIDE_MINARI ? 4096 : p->source.block_rows;
}

/* ---- the array of an episode ---- */

tide_status tide_arrays_open_member(tide_arrays *arrays, tide_array_part *p, size_t episode, int first_time)
{
    char path[TIDE_HDF5_PATH];
    hid_t object;
    if (p->episode == (ptrdiff_t)episode)
        return TIDE_OK;
    tide_hdf5_close_array(&p->source);
    p->episode = TIDE_NO_EPISODE;
    if (snprintf(path, sizeof path, "episode_%zu/%s", episode, p->member) >= (int)sizeof path)
        return tide_fail(TIDE_FORMAT, "%s: %.40s...: a path that is too long", arrays->input.path, path);
    TIDE_TRY(tide_hdf5_open_path(&arrays->input, path, &object));
    uint64_t budget = arrays->input.budget;
    TIDE_TRY(tide_hdf5_take_array(&arrays->input, object, path, &p->source));
    if (!first_time)
        arrays->input.budget = budget;
    const tide_hdf5_array *a = &p->source;
    int fits = a->class != TIDE_HDF5_STRING && a->rank == p->about.rank + 1;
    for (size_t i = 0; i < p->about.rank && fits; i++)
        fits = a->dims[i + 1] == p->about.dims[i];
    if (!fits)
        return tide_fail(TIDE_SHAPE, "%s: %s: its rows are not those of episode_0", arrays->input.path, path);
    p->episode = (ptrdiff_t)episode;
    return TIDE_OK;
}

size_t tide_arrays_episode_start(const tide_arrays *arrays, size_t episode)
{
    return episode == 0 ? 0 : arrays->ends[episode - 1];
}

tide_status tide_arrays_check_member(const tide_arrays *arrays, const tide_array_part *p, size_t episode)
{
    size_t length = arrays->ends[episode] - tide_arrays_episode_start(arrays, episode), rows = p->source.dims[0];
    int is_info = strncmp(p->member, "infos/", 6) == 0, is_state = strcmp(p->member, "observations") == 0;
    if (rows == length + (size_t)is_state || (is_info && rows == length + 1))
        return TIDE_OK;
    return tide_fail(TIDE_SHAPE, "%s: episode_%zu/%s has %zu rows, %zu are needed: rewards has %zu", arrays->input.path,
                     episode, p->member, rows, length + (size_t)is_state, length);
}

/* ---- reading ---- */

static hid_t memory_type(tide_element element)
{
    switch (element) {
    case TIDE_FLOAT64: return H5T_NATIVE_DOUBLE;
    case TIDE_BOOLEAN: return H5T_NATIVE_INT8;
    case TIDE_UINT8: return H5T_NATIVE_UINT8;
    case TIDE_INT32: return H5T_NATIVE_INT32;
    case TIDE_INT64: return H5T_NATIVE_INT64;
    case TIDE_FLOAT32:
    case TIDE_ELEMENTS:
    default: return H5T_NATIVE_FLOAT;
    }
}

/* Keeps the block that row `row` is in. */
static tide_status load_block(tide_arrays *arrays, tide_array_part *p, tide_element as, size_t row)
{
    size_t height = p->source.block_rows, first = row - row % height;
    size_t n = p->about.rows - first < height ? p->about.rows - first : height;
    if (p->block != NULL && p->block_element == as && p->block_first == first)
        return TIDE_OK;
    if (p->block == NULL || p->block_element != as) {
        size_t most = p->about.rows < height ? p->about.rows : height;
        tide_free(p->block);
        p->block = NULL;
        p->block_element = as;
        TIDE_TRY(tide_alloc_untouched(most * p->about.across, tide_element_bytes(as), &p->block));
    }
    p->block_first = SIZE_MAX; /* none, should reading fail */
    TIDE_TRY(tide_hdf5_read_rows(&arrays->input, &p->source, p->about.name, memory_type(as), first, n, p->block));
    p->block_first = first;
    p->block_count = n;
    return TIDE_OK;
}

static tide_status read_d4rl(tide_arrays *arrays, tide_array_part *p, tide_element as, size_t first, size_t n,
                             char *out)
{
    size_t row_bytes = p->about.across * tide_element_bytes(as);
    if (n >= p->source.block_rows || tide_hdf5_is_plain_as(&p->source, memory_type(as)))
        return tide_hdf5_read_rows(&arrays->input, &p->source, p->about.name, memory_type(as), first, n, out);
    while (n > 0) {
        TIDE_TRY(load_block(arrays, p, as, first));
        size_t at = first - p->block_first, k = p->block_count - at < n ? p->block_count - at : n;
        memcpy(out, (const char *)p->block + at * row_bytes, k * row_bytes);
        out += k * row_bytes;
        first += k;
        n -= k;
    }
    return TIDE_OK;
}

/* The episode that a row belongs to. */
static size_t episode_of(const tide_arrays *arrays, size_t row)
{
    size_t low = 0, high = arrays->n_episodes - 1;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (arrays->ends[middle] > row)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static tide_status read_minari(tide_arrays *arrays, tide_array_part *p, tide_element as, size_t first, size_t n,
                               char *out)
{
    size_t row_bytes = p->about.across * tide_element_bytes(as);
    for (size_t e = n == 0 ? 0 : episode_of(arrays, first); n > 0; e++) {
        size_t start = tide_arrays_episode_start(arrays, e),
               k = arrays->ends[e] - first < n ? arrays->ends[e] - first : n;
        if (k == 0)
            continue;
        TIDE_TRY(tide_arrays_open_member(arrays, p, e, 0));
        TIDE_TRY(tide_arrays_check_member(arrays, p, e));
        TIDE_TRY(tide_hdf5_read_rows(&arrays->input, &p->source, p->about.name, memory_type(as),
                                     first - start + p->offset, k, out));
        out += k * row_bytes;
        first += k;
        n -= k;
    }
    return TIDE_OK;
}

/* Flags of another type: 0 or 1, whatever they are stored as. */
static tide_status read_flags(tide_arrays *arrays, const tide_array *array, size_t first, size_t n, int8_t *out)
{
    float *numbers;
    size_t count = n * array->across;
    TIDE_TRY(tide_alloc_untouched(count, sizeof *numbers, (void **)&numbers));
    tide_status status = tide_arrays_read(arrays, array, TIDE_FLOAT32, first, n, numbers);
    for (size_t i = 0; i < count && status == TIDE_OK; i++) {
        out[i] = numbers[i] != 0.0f;
        if (numbers[i] != 0.0f && numbers[i] != 1.0f)
            status = tide_fail(TIDE_NUMERIC, "%s: %s: row %zu is %g, neither 0 nor 1", arrays->input.path, array->name,
                               first + i / array->across + 1,
                               isnan(numbers[i]) ? fabs((double)numbers[i]) : (double)numbers[i]);
    }
    tide_free(numbers);
    return status;
}

tide_status tide_arrays_read(tide_arrays *arrays, const tide_array *array, tide_element as, size_t first, size_t n,
                             void *out)
{
    tide_array_part *p = (tide_array_part *)array; /* its first member, and this object's own */
    if (array->fault != NULL)
        return tide_fail(TIDE_FORMAT, "%s", array->fault);
    if (first > array->rows || n > array->rows - first)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: %zu rows from row %zu on, it has %zu", arrays->input.path, array->name,
                         n, first + 1, array->rows);
    if (n == 0 || array->across == 0)
        return TIDE_OK;
    if (as == TIDE_BOOLEAN && array->element != TIDE_BOOLEAN)
        return read_flags(arrays, array, first, n, out);
    return arrays->layout == TIDE_MINARI ? read_minari(arrays, p, as, first, n, out)
                                         : read_d4rl(arrays, p, as, first, n, out);
}
