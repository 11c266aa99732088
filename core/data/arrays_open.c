/* Opening files of transitions: which layout, which arrays. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "data/arrays_parts.h"

enum { DEEPEST = 8 };

/* ---- the list of arrays ---- */

static tide_status copy_text(const char *text, char **copy)
{
    size_t n = strlen(text) + 1;
    TIDE_TRY(tide_alloc(n, (void **)copy));
    memcpy(*copy, text, n);
    return TIDE_OK;
}

static tide_status add_part(tide_arrays *arrays, const char *name, tide_array_part **added)
{
    *added = NULL;
    if (arrays->n_parts == TIDE_MOST_PARTS)
        return tide_fail(TIDE_FORMAT, "%s: holds more than %d arrays", arrays->input.path, TIDE_MOST_PARTS);
    char *copy;
    TIDE_TRY(copy_text(name, &copy));
    tide_array_part *p = &arrays->parts[arrays->n_parts++];
    p->about.name = copy;
    p->source.dataset = H5I_INVALID_HID;
    p->episode = TIDE_NO_EPISODE;
    *added = p;
    return TIDE_OK;
}

/* The array is listed, and cannot be read: for the last message's reason. */
static tide_status set_fault(tide_array_part *p)
{
    char *copy;
    TIDE_TRY(copy_text(tide_message(), &copy));
    p->about.fault = copy;
    return TIDE_OK;
}

static tide_element element_of(const tide_hdf5_array *a)
{
    switch (a->class) {
    case TIDE_HDF5_BOOLEAN: return TIDE_BOOLEAN;
    case TIDE_HDF5_INTEGER: return a->size == 1 ? TIDE_UINT8 : a->size < 4 ? TIDE_INT32 : TIDE_INT64;
    case TIDE_HDF5_FLOAT: return a->size <= 4 ? TIDE_FLOAT32 : TIDE_FLOAT64;
    case TIDE_HDF5_UNSIGNED:
    case TIDE_HDF5_STRING:
    case TIDE_HDF5_OTHER:
    default: return TIDE_FLOAT64;
    }
}

/* Fills in what an open array is. */
static tide_status describe(const tide_arrays *arrays, tide_array_part *p, const tide_hdf5_array *a)
{
    const char *path = arrays->input.path;
    if (a->class == TIDE_HDF5_STRING)
        return tide_fail(TIDE_FORMAT, "%s: %s holds text, not numbers", path, p->about.name);
    if (a->rank == 0)
        return tide_fail(TIDE_FORMAT, "%s: %s is a single value; a row for each transition is needed", path,
                         p->about.name);
    p->about.element = element_of(a);
    p->about.rows = a->dims[0];
    p->about.rank = a->rank - 1;
    p->about.across = 1;
    for (size_t i = 0; i < p->about.rank; i++)
        p->about.across *= p->about.dims[i] = a->dims[i + 1];
    return TIDE_OK;
}

/* Lists the array behind a link of D4RL's file. */
static tide_status list_array(tide_arrays *arrays, hid_t object, const char *name)
{
    tide_array_part *p;
    tide_status status = add_part(arrays, name, &p);
    if (status != TIDE_OK) {
        H5Oclose(object);
        return status;
    }
    status = tide_hdf5_take_array(&arrays->input, object, name, &p->source);
    if (status == TIDE_OK)
        status = describe(arrays, p, &p->source);
    return status == TIDE_OK ? TIDE_OK : set_fault(p);
}

/* Reads the name of the i-th link of a group, in the order of names; 0 where it has none that fits. */
static int link_name(hid_t group, hsize_t i, char name[TIDE_HDF5_PATH])
{
    ssize_t n = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, TIDE_HDF5_PATH, H5P_DEFAULT);
    return n > 0 && n < TIDE_HDF5_PATH;
}

static tide_status list_group(tide_arrays *arrays, hid_t group, const char *prefix, int depth);

static tide_status list_link(tide_arrays *arrays, hid_t group, const char *link, const char *name, int depth)
{
    hid_t object;
    tide_array_part *p;
    if (tide_hdf5_open_link(&arrays->input, group, link, name, &object) != TIDE_OK) {
        TIDE_TRY(add_part(arrays, name, &p));
        return set_fault(p);
    }
    if (H5Iget_type(object) == H5I_DATASET)
        return list_array(arrays, object, name);
    tide_status status = H5Iget_type(object) == H5I_GROUP ? list_group(arrays, object, name, depth + 1) : TIDE_OK;
    H5Oclose(object);
    return status;
}

static tide_status list_group(tide_arrays *arrays, hid_t group, const char *prefix, int depth)
{
    H5G_info_t info;
    char link[TIDE_HDF5_PATH], name[2 * TIDE_HDF5_PATH];
    if (H5Gget_info(group, &info) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, arrays->input.path, prefix, "the group cannot be read");
    if (depth > DEEPEST)
        return tide_fail(TIDE_FORMAT, "%s: %s: groups deeper than %d", arrays->input.path, prefix, DEEPEST);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        if (!link_name(group, i, link))
            return tide_hdf5_fail(TIDE_FORMAT, arrays->input.path, prefix, "a name cannot be read");
        if (depth == 0 && strcmp(link, "metadata") == 0)
            continue;
        int n = snprintf(name, sizeof name, "%s%s%s", prefix, depth == 0 ? "" : "/", link);
        if (n >= TIDE_HDF5_PATH)
            return tide_fail(TIDE_FORMAT, "%s: %.40s...: a path that is too long", arrays->input.path, name);
        TIDE_TRY(list_link(arrays, group, link, name, depth));
    }
    return TIDE_OK;
}

/* ---- Minari's episodes ---- */

/* Lists the arrays of episode_0, under D4RL's names. */
static tide_status list_members(tide_arrays *arrays)
{
    static const char *const NAMES[][2] = {{"terminations", "terminals"}, {"truncations", "timeouts"}};
    hid_t group;
    TIDE_TRY(tide_hdf5_open_path(&arrays->input, "episode_0", &group));
    tide_status status = H5Iget_type(group) == H5I_GROUP
                             ? list_group(arrays, group, "", 0)
                             : tide_fail(TIDE_FORMAT, "%s: episode_0 is not a group", arrays->input.path);
    H5Oclose(group);
    TIDE_TRY(status);
    for (size_t i = 0, n = arrays->n_parts; i < n; i++) {
        tide_array_part *p = &arrays->parts[i], *next = NULL;
        tide_hdf5_close_array(&p->source);
        TIDE_TRY(copy_text(p->about.name, &p->member));
        for (size_t k = 0; k < 2; k++) {
            if (strcmp(p->member, NAMES[k][0]) != 0)
                continue;
            char *name;
            TIDE_TRY(copy_text(NAMES[k][1], &name));
            tide_free((char *)p->about.name);
            p->about.name = name;
        }
        if (strcmp(p->member, "observations") != 0 || p->about.fault != NULL)
            continue;
        TIDE_TRY(add_part(arrays, "next_observations", &next));
        next->about.element = p->about.element;
        next->about.rank = p->about.rank;
        next->about.across = p->about.across;
        memcpy(next->about.dims, p->about.dims, sizeof next->about.dims);
        next->offset = 1;
        TIDE_TRY(copy_text("observations", &next->member));
    }
    return TIDE_OK;
}

typedef struct numbering {
    size_t groups, largest; /* links episode_N; the largest N and one */
} numbering;

static herr_t note_number(hid_t group, const char *name, const H5L_info_t *info, void *data)
{
    (void)group;
    (void)info;
    numbering *n = data;
    char *end;
    if (strncmp(name, "episode_", 8) != 0)
        return 0;
    errno = 0;
    unsigned long long number = strtoull(name + 8, &end, 10);
    if (name[8] < '0' || name[8] > '9' || *end != '\0' || errno != 0 || number > SIZE_MAX - 1)
        return 0;
    n->groups++;
    if (number + 1 > n->largest)
        n->largest = (size_t)number + 1;
    return 0;
}

/* Lengths of all episodes; the arrays that every transition needs are looked at in each. */
static tide_status measure_episodes(tide_arrays *arrays)
{
    static const char *const NEEDED[] = {"rewards", "observations", "actions", "terminals", "timeouts"};
    for (size_t e = 0; e < arrays->n_episodes; e++) {
        for (size_t k = 0; k < 5; k++) {
            const tide_array *needed;
            TIDE_TRY(tide_arrays_need(arrays, NEEDED[k], &needed));
            tide_array_part *p = (tide_array_part *)needed; /* its first member */
            TIDE_TRY(tide_arrays_open_member(arrays, p, e, 1));
            if (k == 0)
                arrays->ends[e] = tide_arrays_episode_start(arrays, e) + p->source.dims[0];
            TIDE_TRY(tide_arrays_check_member(arrays, p, e));
        }
    }
    arrays->rows = tide_arrays_episode_start(arrays, arrays->n_episodes);
    for (size_t i = 0; i < arrays->n_parts; i++)
        arrays->parts[i].about.rows = arrays->rows;
    return TIDE_OK;
}

static tide_status open_minari(tide_arrays *arrays, const numbering *n)
{
    if (n->largest != n->groups)
        return tide_fail(TIDE_FORMAT, "%s: %zu episodes, and the last is episode_%zu: some are missing",
                         arrays->input.path, n->groups, n->largest - 1);
    arrays->layout = TIDE_MINARI;
    arrays->n_episodes = n->groups;
    TIDE_TRY(tide_alloc_array(n->groups, sizeof *arrays->ends, (void **)&arrays->ends));
    TIDE_TRY(list_members(arrays));
    return measure_episodes(arrays);
}

/* ---- opening ---- */

static int is_file(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

/* The HDF5 file that a path means: itself, or what lies in the folder of a Minari dataset. */
static tide_status find_file(const char *path, char file[TIDE_HDF5_PATH])
{
    static const char *const PLACES[] = {"data/main_data.hdf5", "main_data.hdf5"};
    struct stat status;
    if (strlen(path) + 32 >= TIDE_HDF5_PATH)
        return tide_fail(TIDE_ARGUMENT, "%.40s...: the path is too long", path);
    strcpy(file, path);
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode))
        return TIDE_OK;
    for (size_t i = 0; i < 2; i++) {
        snprintf(file, TIDE_HDF5_PATH, "%s/%s", path, PLACES[i]);
        if (is_file(file))
            return TIDE_OK;
    }
    return tide_fail(TIDE_IO, "%s: a folder without data/main_data.hdf5: not a Minari dataset of data_format hdf5",
                     path);
}

static tide_status open_layout(tide_arrays *arrays)
{
    numbering n = {0};
    hid_t root = H5Oopen(arrays->input.file, "/", H5P_DEFAULT);
    if (root < 0)
        return tide_hdf5_fail(TIDE_FORMAT, arrays->input.path, "/", "cannot be opened");
    tide_status status = TIDE_OK;
    int is_d4rl = H5Lexists(root, "observations", H5P_DEFAULT) > 0;
    if (!is_d4rl && H5Literate(root, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, note_number, &n) < 0)
        status = tide_hdf5_fail(TIDE_FORMAT, arrays->input.path, "/", "the names cannot be read");
    if (status == TIDE_OK && n.groups == 0)
        status = list_group(arrays, root, "", 0);
    H5Oclose(root);
    if (status == TIDE_OK && n.groups > 0)
        return open_minari(arrays, &n);
    const tide_array *observations = tide_arrays_find(arrays, "observations");
    for (size_t i = 0; i < arrays->n_parts; i++)
        if (arrays->layout == TIDE_D4RL && arrays->parts[i].about.fault == NULL)
            arrays->rows = observations == NULL ? arrays->parts[i].about.rows : observations->rows;
    return status;
}

tide_status tide_arrays_open(const char *path, tide_arrays **arrays)
{
    char file[TIDE_HDF5_PATH];
    *arrays = NULL;
    TIDE_TRY(find_file(path, file));
    tide_arrays *a;
    TIDE_TRY(tide_alloc(sizeof *a, (void **)&a));
    tide_status status = tide_hdf5_open(file, &a->input);
    if (status == TIDE_OK)
        status = open_layout(a);
    if (status != TIDE_OK) {
        tide_arrays_close(a);
        return status;
    }
    *arrays = a;
    return TIDE_OK;
}

void tide_arrays_close(tide_arrays *arrays)
{
    if (arrays == NULL)
        return;
    for (size_t i = 0; i < arrays->n_parts; i++) {
        tide_array_part *p = &arrays->parts[i];
        tide_hdf5_close_array(&p->source);
        tide_free((char *)p->about.name);
        tide_free((char *)p->about.fault);
        tide_free(p->member);
        tide_free(p->block);
    }
    tide_hdf5_close(&arrays->input);
    tide_free(arrays->ends);
    tide_free(arrays);
}
