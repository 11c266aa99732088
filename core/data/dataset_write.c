#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "data/column.h"
#include "data/dataset.h"
#include "data/hdf5.h"

enum { TIMEOUTS = TIDE_PARTS, QPOS, QVEL, COLUMNS };

struct tide_dataset_writer {
    tide_hdf5_output output;
    tide_dataset_shape shape;
    tide_layout layout;
    tide_column columns[COLUMNS]; /* without infos the last two are none */
    tide_tree_writer *metadata;
    size_t count;
    int over, failed; /* committed; a row is only half there */
};

/* ---- making ---- */

static tide_status make_columns(tide_dataset_writer *w)
{
    const tide_dataset_shape *s = &w->shape;
    hid_t root = w->output.file;
    for (size_t part = 0; part < TIDE_PARTS; part++) {
        int is_flag = part == TIDE_TERMINALS, is_vector = part != TIDE_REWARDS && !is_flag;
        size_t across = tide_part_size(&w->layout, (tide_part)part);
        TIDE_TRY(tide_column_make(&w->output, root, tide_part_names[part], is_flag ? TIDE_BOOLEAN : TIDE_FLOAT32,
                                  is_vector ? 1 : 0, &across, 0, &w->columns[part]));
    }
    TIDE_TRY(tide_column_make(&w->output, root, "timeouts", TIDE_BOOLEAN, 0, NULL, 0, &w->columns[TIMEOUTS]));
    if (s->qpos_dim == 0 && s->qvel_dim == 0)
        return TIDE_OK;
    hid_t infos = tide_hdf5_make_group(root, "infos");
    if (infos < 0)
        return tide_hdf5_fail(TIDE_IO, w->output.path, "infos", "cannot be made");
    tide_status status = TIDE_OK;
    if (s->qpos_dim > 0)
        status = tide_column_make(&w->output, infos, "qpos", TIDE_FLOAT64, 1, &s->qpos_dim, 0, &w->columns[QPOS]);
    if (status == TIDE_OK && s->qvel_dim > 0)
        status = tide_column_make(&w->output, infos, "qvel", TIDE_FLOAT64, 1, &s->qvel_dim, 0, &w->columns[QVEL]);
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
        w->columns[c] = TIDE_NO_COLUMN;
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

static tide_status push(tide_dataset_writer *w, size_t c, const void *row)
{
    return tide_column_push(&w->output, &w->columns[c], 1, row);
}

static tide_status push_row(tide_dataset_writer *w, const tide_transition *t, int8_t timeout, const double *qpos,
                            const double *qvel)
{
    const int8_t terminal = t->terminal != 0;
    TIDE_TRY(push(w, TIDE_OBSERVATIONS, t->observation));
    TIDE_TRY(push(w, TIDE_ACTIONS, t->action));
    TIDE_TRY(push(w, TIDE_REWARDS, &t->reward));
    TIDE_TRY(push(w, TIDE_NEXT_OBSERVATIONS, t->next_observation));
    TIDE_TRY(push(w, TIDE_TERMINALS, &terminal));
    TIDE_TRY(push(w, TIMEOUTS, &timeout));
    if (w->shape.qpos_dim > 0)
        TIDE_TRY(push(w, QPOS, qpos));
    if (w->shape.qvel_dim > 0)
        TIDE_TRY(push(w, QVEL, qvel));
    return TIDE_OK;
}

static tide_status check_state(const tide_dataset_writer *w)
{
    if (w->over)
        return tide_fail(TIDE_STATE, "%s: the dataset is committed already", w->output.path);
    if (w->failed)
        return tide_fail(TIDE_STATE, "%s: row %zu could not be written", w->output.path, w->count + 1);
    return TIDE_OK;
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
    TIDE_TRY(check_state(writer));
    TIDE_TRY(tide_transition_check(&writer->layout, t, writer->output.path, writer->count + 1));
    TIDE_TRY(check_infos(writer, "qpos", qpos, writer->shape.qpos_dim));
    TIDE_TRY(check_infos(writer, "qvel", qvel, writer->shape.qvel_dim));
    tide_status status = push_row(writer, t, timeout != 0, qpos, qvel);
    writer->failed = status != TIDE_OK;
    writer->count += status == TIDE_OK;
    return status;
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
    for (size_t c = 0; c < COLUMNS; c++)
        tide_column_close(&w->columns[c]);
}

tide_status tide_dataset_commit(tide_dataset_writer *writer)
{
    TIDE_TRY(check_state(writer));
    if (writer->count == 0)
        return tide_fail(TIDE_STATE, "%s: a dataset needs transitions, none was added", writer->output.path);
    tide_status status = TIDE_OK;
    for (size_t c = 0; c < COLUMNS && status == TIDE_OK; c++)
        status = tide_column_flush(&writer->output, &writer->columns[c]);
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
