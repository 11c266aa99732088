#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/dataset.h"
#include "data/hdf5.h"

/* Rows that are written together: one chunk of each array, compressed once. */
enum { BLOCK_ROWS = 4096, COLUMNS = 8, COMPRESSION = 1 };

typedef enum element { FLOAT32, FLOAT64, BOOLEAN } element;

static const size_t ELEMENT_BYTES[] = {sizeof(float), sizeof(double), sizeof(int8_t)};

typedef struct column {
    hid_t dataset;
    size_t across; /* elements in a row; 0: this file has no such array */
    element element;
    void *block; /* BLOCK_ROWS rows, waiting */
} column;

enum { TIMEOUTS = TIDE_PARTS, QPOS, QVEL };

struct tide_dataset_writer {
    tide_hdf5_output output;
    tide_dataset_shape shape;
    tide_layout layout;
    column columns[COLUMNS];
    tide_tree_writer *metadata;
    size_t count, waiting; /* rows in all, and of these still in the blocks */
    int over;
};

/* ---- making ---- */

static hid_t element_type(element e, int on_disk)
{
    switch (e) {
    case FLOAT64: return H5Tcopy(on_disk ? H5T_IEEE_F64LE : H5T_NATIVE_DOUBLE);
    case BOOLEAN: return tide_hdf5_boolean_type();
    case FLOAT32:
    default: return H5Tcopy(on_disk ? H5T_IEEE_F32LE : H5T_NATIVE_FLOAT);
    }
}

static tide_status make_column(tide_dataset_writer *w, hid_t group, const char *name, size_t c, size_t across,
                               int is_vector, element e)
{
    column *col = &w->columns[c];
    col->across = across;
    col->element = e;
    if (across == 0)
        return TIDE_OK;
    TIDE_TRY(tide_alloc_untouched(BLOCK_ROWS * across, ELEMENT_BYTES[e], &col->block));
    hsize_t none[2] = {0, across}, most[2] = {H5S_UNLIMITED, across}, chunk[2] = {BLOCK_ROWS, across};
    hid_t properties = tide_hdf5_dataset_properties(), type = element_type(e, 1);
    hid_t space = H5Screate_simple(is_vector ? 2 : 1, none, most);
    H5Pset_chunk(properties, is_vector ? 2 : 1, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, COMPRESSION);
    H5Pset_fletcher32(properties);
    col->dataset = H5Dcreate2(group, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    tide_status status = TIDE_OK;
    if (col->dataset < 0)
        status = tide_hdf5_fail(TIDE_IO, w->output.path, name, "cannot be made");
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(properties);
    return status;
}

static tide_status make_columns(tide_dataset_writer *w)
{
    const tide_dataset_shape *s = &w->shape;
    hid_t root = w->output.file;
    for (size_t part = 0; part < TIDE_PARTS; part++) {
        int is_flag = part == TIDE_TERMINALS, is_vector = part != TIDE_REWARDS && !is_flag;
        TIDE_TRY(make_column(w, root, tide_part_names[part], part, tide_part_size(&w->layout, (tide_part)part),
                             is_vector, is_flag ? BOOLEAN : FLOAT32));
    }
    TIDE_TRY(make_column(w, root, "timeouts", TIMEOUTS, 1, 0, BOOLEAN));
    if (s->qpos_dim == 0 && s->qvel_dim == 0)
        return TIDE_OK;
    hid_t infos = tide_hdf5_make_group(root, "infos");
    if (infos < 0)
        return tide_hdf5_fail(TIDE_IO, w->output.path, "infos", "cannot be made");
    tide_status status = make_column(w, infos, "qpos", QPOS, s->qpos_dim, 1, FLOAT64);
    if (status == TIDE_OK)
        status = make_column(w, infos, "qvel", QVEL, s->qvel_dim, 1, FLOAT64);
    H5Gclose(infos);
    return status;
}

tide_status tide_dataset_create(const char *path, const tide_dataset_shape *shape, tide_dataset_writer **writer)
{
    tide_layout layout;
    *writer = NULL;
    TIDE_TRY(tide_layout_make(shape->observation_dim, shape->action_dim, &layout));
    if (shape->qpos_dim > 1 << 20 || shape->qvel_dim > 1 << 20)
        return tide_fail(TIDE_ARGUMENT, "%s: infos of %zu and %zu numbers", path, shape->qpos_dim, shape->qvel_dim);
    tide_dataset_writer *w;
    TIDE_TRY(tide_alloc(sizeof *w, (void **)&w));
    w->shape = *shape;
    w->layout = layout;
    for (size_t c = 0; c < COLUMNS; c++)
        w->columns[c].dataset = H5I_INVALID_HID;
    tide_status status = tide_hdf5_create(path, &w->output);
    if (status == TIDE_OK)
        status = make_columns(w);
    if (status == TIDE_OK)
        status = tide_hdf5_check_output(&w->output);
    if (status != TIDE_OK) {
        tide_dataset_discard(w);
        return status;
    }
    *writer = w;
    return TIDE_OK;
}

tide_status tide_dataset_metadata(tide_dataset_writer *writer, tide_tree_writer **metadata)
{
    *metadata = NULL;
    if (writer->over)
        return tide_fail(TIDE_STATE, "%s: the dataset is committed already", writer->output.path);
    if (writer->metadata == NULL)
        TIDE_TRY(tide_tree_create_in(&writer->output, "metadata", &writer->metadata));
    *metadata = writer->metadata;
    return TIDE_OK;
}

/* ---- adding ---- */

static herr_t append_block(const column *col, size_t before, size_t n)
{
    hsize_t size[2] = {before + n, col->across}, start[2] = {before, 0}, count[2] = {n, col->across};
    if (H5Dset_extent(col->dataset, size) < 0)
        return -1;
    hid_t space = H5Dget_space(col->dataset), type = element_type(col->element, 0);
    hid_t memory = H5Screate_simple(H5Sget_simple_extent_ndims(space), count, NULL);
    herr_t done = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (done >= 0)
        done = H5Dwrite(col->dataset, type, memory, space, H5P_DEFAULT, col->block);
    H5Sclose(memory);
    H5Tclose(type);
    H5Sclose(space);
    return done;
}

/* Writes the waiting rows. */
static tide_status flush(tide_dataset_writer *w)
{
    for (size_t c = 0; c < COLUMNS && w->waiting > 0; c++) {
        if (w->columns[c].across == 0)
            continue;
        herr_t done = append_block(&w->columns[c], w->count - w->waiting, w->waiting);
        TIDE_TRY(tide_hdf5_check_output(&w->output));
        if (done < 0)
            return tide_hdf5_fail(TIDE_IO, w->output.path, NULL, "rows cannot be written");
    }
    w->waiting = 0;
    return TIDE_OK;
}

/* Where the next row of a column goes in its block. */
static void *place(tide_dataset_writer *w, size_t c)
{
    const column *col = &w->columns[c];
    return (char *)col->block + w->waiting * col->across * ELEMENT_BYTES[col->element];
}

static tide_status check_infos(const tide_dataset_writer *w, const char *name, const double *x, size_t n)
{
    if (n > 0 && x == NULL)
        return tide_fail(TIDE_ARGUMENT, "%s: row %zu: %s is missing", w->output.path, w->count + 1, name);
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return tide_fail(TIDE_NUMERIC, "%s: row %zu: %s[%zu] is %g", w->output.path, w->count + 1, name, i + 1,
                             isnan(x[i]) ? fabs(x[i]) : x[i]);
    return TIDE_OK;
}

tide_status tide_dataset_add(tide_dataset_writer *writer, const tide_transition *t, int timeout, const double *qpos,
                             const double *qvel)
{
    const tide_dataset_shape *s = &writer->shape;
    if (writer->over)
        return tide_fail(TIDE_STATE, "%s: the dataset is committed already", writer->output.path);
    TIDE_TRY(tide_transition_check(&writer->layout, t, writer->output.path, writer->count + 1));
    TIDE_TRY(check_infos(writer, "qpos", qpos, s->qpos_dim));
    TIDE_TRY(check_infos(writer, "qvel", qvel, s->qvel_dim));
    if (writer->waiting == BLOCK_ROWS)
        TIDE_TRY(flush(writer));
    memcpy(place(writer, TIDE_OBSERVATIONS), t->observation, s->observation_dim * sizeof(float));
    memcpy(place(writer, TIDE_ACTIONS), t->action, s->action_dim * sizeof(float));
    memcpy(place(writer, TIDE_REWARDS), &t->reward, sizeof(float));
    memcpy(place(writer, TIDE_NEXT_OBSERVATIONS), t->next_observation, s->observation_dim * sizeof(float));
    *(int8_t *)place(writer, TIDE_TERMINALS) = t->terminal != 0;
    *(int8_t *)place(writer, TIMEOUTS) = timeout != 0;
    if (s->qpos_dim > 0)
        memcpy(place(writer, QPOS), qpos, s->qpos_dim * sizeof(double));
    if (s->qvel_dim > 0)
        memcpy(place(writer, QVEL), qvel, s->qvel_dim * sizeof(double));
    writer->waiting++;
    writer->count++;
    return TIDE_OK;
}

size_t tide_dataset_added(const tide_dataset_writer *writer)
{
    return writer->count;
}

tide_dataset_shape tide_dataset_shape_of(const tide_dataset_writer *writer)
{
    return writer->shape;
}

/* ---- the end ---- */

static void close_columns(tide_dataset_writer *w)
{
    tide_tree_discard(w->metadata);
    w->metadata = NULL;
    for (size_t c = 0; c < COLUMNS; c++) {
        if (w->columns[c].dataset >= 0)
            H5Dclose(w->columns[c].dataset);
        w->columns[c].dataset = H5I_INVALID_HID;
        tide_free(w->columns[c].block);
        w->columns[c].block = NULL;
    }
}

tide_status tide_dataset_commit(tide_dataset_writer *writer)
{
    if (writer->over)
        return tide_fail(TIDE_STATE, "%s: the dataset is committed already", writer->output.path);
    if (writer->count == 0)
        return tide_fail(TIDE_STATE, "%s: a dataset needs transitions, none was added", writer->output.path);
    tide_status status = flush(writer);
    writer->over = 1;
    close_columns(writer);
    if (status != TIDE_OK) {
        tide_hdf5_discard(&writer->output);
        return status;
    }
    return tide_hdf5_commit(&writer->output);
}

void tide_dataset_discard(tide_dataset_writer *writer)
{
    if (writer == NULL)
        return;
    close_columns(writer);
    tide_hdf5_discard(&writer->output);
    tide_free(writer);
}
