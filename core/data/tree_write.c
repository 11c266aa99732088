#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "data/hdf5.h"
#include "data/tree.h"

enum { LONGEST_ATTRIBUTE = 32 << 10 }; /* bytes; an object header holds 64 KiB */

struct tide_tree_writer {
    tide_hdf5_output *output;
    int owns_output, committed;
    size_t depth; /* open groups; the root is the first */
    hid_t groups[TIDE_TREE_DEPTH + 1];
    size_t ends[TIDE_TREE_DEPTH + 1]; /* of each group's path in `where` */
    char where[TIDE_HDF5_PATH];
};

tide_status tide_tree_create_in(tide_hdf5_output *output, const char *group, tide_tree_writer **writer)
{
    TIDE_TRY(tide_alloc(sizeof **writer, (void **)writer));
    tide_tree_writer *w = *writer;
    w->output = output;
    w->groups[0] = group == NULL ? H5Gopen2(output->file, "/", H5P_DEFAULT) : tide_hdf5_make_group(output->file, group);
    if (w->groups[0] < 0) {
        tide_free(w);
        *writer = NULL;
        return tide_hdf5_fail(TIDE_IO, output->path, group, "the group cannot be made");
    }
    w->ends[0] = (size_t)snprintf(w->where, sizeof w->where, "%s%s", group == NULL ? "" : "/",
                                  group == NULL ? "" : group);
    w->depth = 1;
    return TIDE_OK;
}

tide_status tide_tree_create(const char *path, tide_tree_writer **writer)
{
    *writer = NULL;
    tide_hdf5_output *output;
    TIDE_TRY(tide_alloc(sizeof *output, (void **)&output));
    tide_status status = tide_hdf5_create(path, output);
    if (status == TIDE_OK)
        status = tide_tree_create_in(output, NULL, writer);
    if (status != TIDE_OK) {
        tide_hdf5_discard(output);
        tide_free(output);
        return status;
    }
    (*writer)->owns_output = 1;
    return TIDE_OK;
}

/* HDF5 refused something: the disk's word comes before its own. */
static tide_status refused(const tide_tree_writer *writer, const char *name)
{
    char where[TIDE_HDF5_PATH + 256];
    snprintf(where, sizeof where, "%s/%s", writer->where, name);
    if (writer->output->error != 0)
        return tide_hdf5_check_output(writer->output);
    return tide_hdf5_fail(TIDE_IO, writer->output->path, where, "cannot be written");
}

/* Is `name` a name, and free, in the group at hand? */
static tide_status check_name(const tide_tree_writer *writer, const char *name)
{
    const char *path = writer->output->path;
    if (writer->committed)
        return tide_fail(TIDE_STATE, "%s: the tree is already in place", path);
    if (name[0] == '\0' || strchr(name, '/') != NULL || strcmp(name, ".") == 0)
        return tide_fail(TIDE_ARGUMENT,
                         "%s: %s: '%s' is no name for a part of a tree: it is empty, \".\" or has a \"/\"", path,
                         writer->where[0] == '\0' ? "/" : writer->where, name);
    if (strlen(name) > 255)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: '%.40s...' is longer than 255 bytes", path, writer->where, name);
    hid_t group = writer->groups[writer->depth - 1];
    if (H5Aexists(group, name) > 0 || H5Lexists(group, name, H5P_DEFAULT) > 0)
        return tide_fail(TIDE_ARGUMENT, "%s: %s/%s is there already", path, writer->where, name);
    return TIDE_OK;
}

tide_status tide_tree_enter(tide_tree_writer *writer, const char *name)
{
    TIDE_TRY(check_name(writer, name));
    size_t end = writer->ends[writer->depth - 1], n = strlen(name);
    if (writer->depth > TIDE_TREE_DEPTH || end + 1 + n >= sizeof writer->where)
        return tide_fail(TIDE_ARGUMENT, "%s: %s: deeper than %d levels", writer->output->path, writer->where,
                         TIDE_TREE_DEPTH);
    hid_t group = tide_hdf5_make_group(writer->groups[writer->depth - 1], name);
    if (group < 0)
        return refused(writer, name);
    writer->where[end] = '/';
    memcpy(writer->where + end + 1, name, n + 1);
    writer->ends[writer->depth] = end + 1 + n;
    writer->groups[writer->depth++] = group;
    return tide_hdf5_check_output(writer->output);
}

tide_status tide_tree_leave(tide_tree_writer *writer)
{
    if (writer->depth <= 1)
        return tide_fail(TIDE_STATE, "%s: the root of a tree cannot be left", writer->output->path);
    H5Gclose(writer->groups[--writer->depth]);
    writer->where[writer->ends[writer->depth - 1]] = '\0';
    return tide_hdf5_check_output(writer->output);
}

const char *tide_tree_where(const tide_tree_writer *writer)
{
    return writer->where[0] == '\0' ? "/" : writer->where;
}

/* ---- arrays ---- */

static tide_status put_array(tide_tree_writer *writer, const char *name, size_t rank, const size_t *sizes,
                             hid_t disk_type, hid_t memory_type, const void *elements)
{
    TIDE_TRY(check_name(writer, name));
    hsize_t dims[TIDE_MAX_RANK];
    size_t count = 1;
    for (size_t i = 0; i < rank; i++) {
        dims[i] = sizes[i];
        count *= sizes[i];
    }
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple((int)rank, dims, NULL);
    hid_t properties = tide_hdf5_dataset_properties();
    hid_t dataset = H5Dcreate2(writer->groups[writer->depth - 1], name, disk_type, space, H5P_DEFAULT, properties,
                               H5P_DEFAULT);
    herr_t done = dataset < 0 ? -1 : 0;
    if (done == 0 && count > 0)
        done = H5Dwrite(dataset, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements);
    tide_status status = done < 0 ? refused(writer, name) : tide_hdf5_check_output(writer->output);
    if (dataset >= 0)
        H5Dclose(dataset);
    H5Pclose(properties);
    H5Sclose(space);
    return status;
}

tide_status tide_tree_put_tensor(tide_tree_writer *writer, const char *name, const tide_tensor *tensor)
{
    return put_array(writer, name, tensor->rank, tensor->dims, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, tensor->data);
}

tide_status tide_tree_put_numbers(tide_tree_writer *writer, const char *name, const double *numbers, size_t n)
{
    return put_array(writer, name, 1, &n, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, numbers);
}

tide_status tide_tree_put_integers(tide_tree_writer *writer, const char *name, const int64_t *integers, size_t n)
{
    return put_array(writer, name, 1, &n, H5T_STD_I64LE, H5T_NATIVE_INT64, integers);
}

/* ---- single values ---- */

static tide_status put_attribute(tide_tree_writer *writer, const char *name, hid_t disk_type, hid_t memory_type,
                                 const void *value)
{
    TIDE_TRY(check_name(writer, name));
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(writer->groups[writer->depth - 1], name, disk_type, space, H5P_DEFAULT, H5P_DEFAULT);
    herr_t done = attribute < 0 ? -1 : H5Awrite(attribute, memory_type, value);
    tide_status status = done < 0 ? refused(writer, name) : tide_hdf5_check_output(writer->output);
    if (attribute >= 0)
        H5Aclose(attribute);
    H5Sclose(space);
    return status;
}

tide_status tide_tree_put_number(tide_tree_writer *writer, const char *name, double number)
{
    return put_attribute(writer, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &number);
}

tide_status tide_tree_put_integer(tide_tree_writer *writer, const char *name, int64_t integer)
{
    return put_attribute(writer, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &integer);
}

tide_status tide_tree_put_boolean(tide_tree_writer *writer, const char *name, int boolean)
{
    int8_t value = boolean != 0;
    hid_t type = tide_hdf5_boolean_type();
    tide_status status = put_attribute(writer, name, type, type, &value);
    H5Tclose(type);
    return status;
}

tide_status tide_tree_put_string(tide_tree_writer *writer, const char *name, const char *string)
{
    size_t n = strlen(string);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, n + 1);
    H5Tset_cset(type, H5T_CSET_UTF8);
    tide_status status = n < LONGEST_ATTRIBUTE ? put_attribute(writer, name, type, type, string)
                                               : put_array(writer, name, 0, NULL, type, type, string);
    H5Tclose(type);
    return status;
}

/* ---- the end ---- */

static void close_groups(tide_tree_writer *writer)
{
    while (writer->depth > 0)
        H5Gclose(writer->groups[--writer->depth]);
}

tide_status tide_tree_commit(tide_tree_writer *writer)
{
    if (writer->committed || !writer->owns_output)
        return tide_fail(TIDE_STATE, "%s: the tree is already in place", writer->output->path);
    writer->committed = 1;
    close_groups(writer);
    return tide_hdf5_commit(writer->output);
}

void tide_tree_discard(tide_tree_writer *writer)
{
    if (writer == NULL)
        return;
    close_groups(writer);
    if (writer->owns_output) {
        tide_hdf5_discard(writer->output);
        tide_free(writer->output);
    }
    tide_free(writer);
}
