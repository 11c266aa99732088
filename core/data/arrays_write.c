#include <string.h>

#include "base/alloc.h"
#include "data/arrays.h"
#include "data/column.h"
#include "data/hdf5.h"

enum { MOST_ARRAYS = 256, COPY_BYTES = 1 << 20 };

typedef struct named_column {
    char *name;
    tide_column column;
} named_column;

struct tide_arrays_writer {
    tide_hdf5_output output;
    tide_tree_writer *metadata;
    size_t n; /* arrays being written */
    int over;
    named_column arrays[MOST_ARRAYS];
};

tide_status tide_arrays_create(const char *path, tide_arrays_writer **writer)
{
    *writer = NULL;
    tide_arrays_writer *w;
    TIDE_TRY(tide_alloc(sizeof *w, (void **)&w));
    tide_status status = tide_hdf5_create(path, &w->output);
    if (status != TIDE_OK) {
        tide_free(w);
        return status;
    }
    *writer = w;
    return TIDE_OK;
}

static tide_status check_open(const tide_arrays_writer *w)
{
    if (w->over)
        return tide_fail(TIDE_STATE, "%s: the file is committed already", w->output.path);
    return tide_hdf5_check_output(&w->output);
}

/* ---- groups ---- */

/* Opens a group below `parent`, made where it is missing. */
static tide_status enter(const tide_arrays_writer *w, hid_t parent, const char *name, hid_t *group)
{
    *group = H5Lexists(parent, name, H5P_DEFAULT) > 0 ? H5Gopen2(parent, name, H5P_DEFAULT)
                                                      : tide_hdf5_make_group(parent, name);
    if (*group < 0)
        return tide_hdf5_fail(TIDE_ARGUMENT, w->output.path, name, "is no group");
    return TIDE_OK;
}

/* Opens the group that "a/b/c" stands in, a/b, and gives the name c. */
static tide_status enter_all(const tide_arrays_writer *w, const char *path, hid_t *group, const char **name)
{
    char part[256];
    *group = H5Gopen2(w->output.file, "/", H5P_DEFAULT);
    tide_status status = *group < 0 ? tide_hdf5_fail(TIDE_IO, w->output.path, "/", "cannot be opened") : TIDE_OK;
    for (const char *slash; status == TIDE_OK && (slash = strchr(path, '/')) != NULL; path = slash + 1) {
        size_t n = (size_t)(slash - path);
        hid_t next = H5I_INVALID_HID;
        if (n == 0 || n >= sizeof part || (n == 1 && path[0] == '.')) {
            status = tide_fail(TIDE_ARGUMENT, "%s: '%.60s' is no path of names", w->output.path, path);
        } else {
            memcpy(part, path, n);
            part[n] = '\0';
            status = enter(w, *group, part, &next);
        }
        H5Gclose(*group);
        *group = next;
    }
    if (status == TIDE_OK && (path[0] == '\0' || strcmp(path, ".") == 0 || strlen(path) > 255)) {
        H5Gclose(*group);
        status = tide_fail(TIDE_ARGUMENT, "%s: '%.60s' is no name", w->output.path, path);
    }
    *name = path;
    return status;
}

/* ---- arrays ---- */

static named_column *find(tide_arrays_writer *w, const char *name)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->arrays[i].name, name) == 0)
            return &w->arrays[i];
    return NULL;
}

tide_status tide_arrays_make(tide_arrays_writer *writer, const char *name, tide_element element, size_t rank,
                             const size_t *dims, size_t rows)
{
    hid_t group;
    const char *last;
    TIDE_TRY(check_open(writer));
    if (writer->n == MOST_ARRAYS)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: more than %d arrays at a time", writer->output.path, name,
                         MOST_ARRAYS);
    size_t across = 1;
    for (size_t i = 0; i < rank && i < TIDE_MAX_RANK; i++) {
        if (dims[i] == 0 || dims[i] > ((size_t)1 << 24) / across)
            return tide_fail(TIDE_ARGUMENT, "%s: %s: rows of no numbers, or of more than 2^24", writer->output.path,
                             name);
        across *= dims[i];
    }
    if (rank >= TIDE_MAX_RANK)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: rows of %zu dimensions, at most %d", writer->output.path, name, rank,
                         TIDE_MAX_RANK - 1);
    TIDE_TRY(enter_all(writer, name, &group, &last));
    named_column *a = &writer->arrays[writer->n];
    size_t length = strlen(name) + 1;
    tide_status status = TIDE_OK;
    if (H5Lexists(group, last, H5P_DEFAULT) > 0)
        status = tide_fail(TIDE_ARGUMENT, "%s: %s is there already", writer->output.path, name);
    if (status == TIDE_OK)
        status = tide_alloc(length, (void **)&a->name);
    if (status == TIDE_OK) {
        memcpy(a->name, name, length);
        status = tide_column_make(&writer->output, group, last, element, rank, dims, rows, &a->column);
        if (status == TIDE_OK)
            writer->n++;
        else
            tide_free(a->name);
    }
    H5Gclose(group);
    return status == TIDE_OK ? tide_hdf5_check_output(&writer->output) : status;
}

static tide_status need(tide_arrays_writer *w, const char *name, named_column **array)
{
    TIDE_TRY(check_open(w));
    *array = find(w, name);
    if (*array == NULL)
        return tide_fail(TIDE_ARGUMENT, "%s: no array '%s' was made", w->output.path, name);
    return TIDE_OK;
}

tide_status tide_arrays_made(tide_arrays_writer *writer, const char *name, tide_element *element, size_t *across)
{
    named_column *a;
    TIDE_TRY(need(writer, name, &a));
    *element = a->column.element;
    *across = a->column.across;
    return TIDE_OK;
}

tide_status tide_arrays_append(tide_arrays_writer *writer, const char *name, size_t n, const void *rows)
{
    named_column *a;
    TIDE_TRY(need(writer, name, &a));
    return tide_column_push(&writer->output, &a->column, n, rows);
}

tide_status tide_arrays_copy(tide_arrays_writer *writer, const char *name, tide_arrays *from, const tide_array *array,
                             size_t first, size_t n)
{
    named_column *a;
    void *block;
    TIDE_TRY(need(writer, name, &a));
    if (array->fault == NULL && array->across != a->column.across)
        return tide_fail(TIDE_SHAPE, "%s: rows of %s have %zu numbers, of %s in %s %zu", writer->output.path, name,
                         a->column.across, array->name, tide_arrays_path(from), array->across);
    size_t row_bytes = a->column.across * tide_element_bytes(a->column.element);
    size_t step = row_bytes > COPY_BYTES ? 1 : COPY_BYTES / row_bytes;
    step = step < n ? step : n;
    TIDE_TRY(tide_alloc_untouched(step, row_bytes, &block));
    tide_status status = TIDE_OK;
    for (size_t done = 0; done < n && status == TIDE_OK; done += step) {
        size_t k = n - done < step ? n - done : step;
        status = tide_arrays_read(from, array, a->column.element, first + done, k, block);
        if (status == TIDE_OK)
            status = tide_column_push(&writer->output, &a->column, k, block);
    }
    tide_free(block);
    return status;
}

/* Ends the i-th array; the last one takes its place. */
static tide_status finish(tide_arrays_writer *w, size_t i)
{
    tide_status status = tide_column_flush(&w->output, &w->arrays[i].column);
    tide_column_close(&w->arrays[i].column);
    tide_free(w->arrays[i].name);
    w->arrays[i] = w->arrays[--w->n];
    return status;
}

tide_status tide_arrays_finish(tide_arrays_writer *writer, const char *group)
{
    size_t n = strlen(group);
    TIDE_TRY(check_open(writer));
    for (size_t i = writer->n; i-- > 0;) {
        const char *name = writer->arrays[i].name;
        if (strncmp(name, group, n) == 0 && name[n] == '/')
            TIDE_TRY(finish(writer, i));
    }
    return TIDE_OK;
}

tide_status tide_arrays_put_integer(tide_arrays_writer *writer, const char *group, const char *name, int64_t value)
{
    hid_t parent, object;
    const char *last;
    TIDE_TRY(check_open(writer));
    TIDE_TRY(enter_all(writer, group, &parent, &last));
    tide_status status = enter(writer, parent, last, &object);
    H5Gclose(parent);
    TIDE_TRY(status);
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = name[0] == '\0' ? H5I_INVALID_HID
                                      : H5Acreate2(object, name, H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT);
    if (attribute < 0 || H5Awrite(attribute, H5T_NATIVE_INT64, &value) < 0)
        status = tide_hdf5_fail(TIDE_ARGUMENT, writer->output.path, name, "the attribute cannot be made");
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    H5Gclose(object);
    return status == TIDE_OK ? tide_hdf5_check_output(&writer->output) : status;
}

tide_status tide_arrays_metadata(tide_arrays_writer *writer, tide_tree_writer **metadata)
{
    *metadata = NULL;
    TIDE_TRY(check_open(writer));
    if (writer->metadata == NULL)
        TIDE_TRY(tide_tree_create_in(&writer->output, "metadata", &writer->metadata));
    *metadata = writer->metadata;
    return TIDE_OK;
}

/* ---- the end ---- */

static void close_metadata(tide_arrays_writer *w)
{
    tide_tree_discard(w->metadata);
    w->metadata = NULL;
}

tide_status tide_arrays_commit(tide_arrays_writer *writer)
{
    TIDE_TRY(check_open(writer));
    tide_status status = TIDE_OK;
    close_metadata(writer);
    while (writer->n > 0) {
        tide_status one = finish(writer, writer->n - 1);
        status = status == TIDE_OK ? one : status;
    }
    writer->over = 1;
    if (status != TIDE_OK) {
        tide_hdf5_discard(&writer->output);
        return status;
    }
    return tide_hdf5_commit(&writer->output);
}

void tide_arrays_discard(tide_arrays_writer *writer)
{
    if (writer == NULL)
        return;
    close_metadata(writer);
    for (size_t i = 0; i < writer->n; i++) {
        tide_column_close(&writer->arrays[i].column);
        tide_free(writer->arrays[i].name);
    }
    tide_hdf5_discard(&writer->output);
    tide_free(writer);
}
