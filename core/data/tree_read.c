#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "data/hdf5.h"
#include "data/tree.h"

/* Names of a group's attributes or members, one after the other, each with its zero. They are
 * listed in the file's own order and sorted here: HDF5 1.10 crashes when it sorts a damaged group. */
typedef struct name_list {
    char *text;
    size_t used, size, n;
    const char **sorted;
    size_t next; /* of the sorted ones */
    int failed;
} name_list;

typedef struct frame {
    hid_t group;
    name_list attributes, members;
    size_t end; /* of the group's path in `where` */
} frame;

struct tide_tree_reader {
    tide_hdf5_input input;
    int lenient, done;
    size_t depth;
    frame frames[TIDE_TREE_DEPTH + 1];
    tide_hdf5_array array; /* the one just stepped to, or none */
    hid_t array_type;      /* to read it as */
    haddr_t *seen;         /* objects met, a hash table; a tree meets none twice */
    size_t n_seen, seen_size;
    char *string; /* of the item */
    char where[TIDE_HDF5_PATH + 256], name[256];
};

/* ---- names ---- */

static herr_t add_name(name_list *list, const char *name)
{
    size_t n = strlen(name) + 1;
    if (list->used + n > list->size) {
        size_t size = 2 * (list->used + n);
        char *grown = realloc(list->text, size);
        if (grown == NULL) {
            list->failed = 1;
            return -1;
        }
        list->text = grown;
        list->size = size;
    }
    memcpy(list->text + list->used, name, n);
    list->used += n;
    list->n++;
    return 0;
}

static herr_t add_attribute(hid_t group, const char *name, const H5A_info_t *info, void *list)
{
    (void)group;
    (void)info;
    return add_name(list, name);
}

static herr_t add_member(hid_t group, const char *name, const H5L_info_t *info, void *list)
{
    (void)group;
    (void)info;
    return add_name(list, name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(name_list *list)
{
    list->sorted = malloc((list->n + 1) * sizeof *list->sorted);
    if (list->sorted == NULL) {
        list->failed = 1;
        return;
    }
    const char *name = list->text;
    for (size_t i = 0; i < list->n; i++, name += strlen(name) + 1)
        list->sorted[i] = name;
    qsort(list->sorted, list->n, sizeof *list->sorted, compare_names);
}

static const char *take_name(name_list *list)
{
    return list->next < list->n ? list->sorted[list->next++] : NULL;
}

static void free_names(name_list *list)
{
    free(list->text);
    free(list->sorted);
}

/* ---- groups ---- */

static tide_status grow_seen(tide_tree_reader *reader)
{
    size_t size = reader->seen_size == 0 ? 256 : 2 * reader->seen_size;
    haddr_t *fresh = malloc(size * sizeof *fresh);
    if (fresh == NULL)
        return tide_fail(TIDE_MEMORY, "%s: no memory for its %zu objects", reader->input.path, reader->n_seen);
    for (size_t i = 0; i < size; i++)
        fresh[i] = HADDR_UNDEF;
    for (size_t i = 0; i < reader->seen_size; i++) {
        size_t at = (size_t)reader->seen[i] * 2654435761u & (size - 1);
        if (reader->seen[i] == HADDR_UNDEF)
            continue;
        while (fresh[at] != HADDR_UNDEF)
            at = (at + 1) & (size - 1);
        fresh[at] = reader->seen[i];
    }
    free(reader->seen);
    reader->seen = fresh;
    reader->seen_size = size;
    return TIDE_OK;
}

/* Remembers the object; an error if it was met before: a circle, or two names for one. */
static tide_status meet(tide_tree_reader *reader, hid_t object)
{
    H5O_info_t info;
    if (H5Oget_info2(object, &info, H5O_INFO_BASIC) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, reader->input.path, reader->where, "cannot be looked at");
    if (2 * reader->n_seen >= reader->seen_size)
        TIDE_TRY(grow_seen(reader));
    size_t at = (size_t)info.addr * 2654435761u & (reader->seen_size - 1);
    for (; reader->seen[at] != HADDR_UNDEF; at = (at + 1) & (reader->seen_size - 1))
        if (reader->seen[at] == info.addr)
            return tide_fail(TIDE_FORMAT, "%s: %s: a second name for an object met before; a tree has one each",
                             reader->input.path, reader->where);
    reader->seen[at] = info.addr;
    reader->n_seen++;
    return TIDE_OK;
}

/* Goes into the opened group, whose path is `where`; takes it over. */
static tide_status push_frame(tide_tree_reader *reader, hid_t group)
{
    if (reader->depth > TIDE_TREE_DEPTH) {
        H5Oclose(group);
        return tide_fail(TIDE_FORMAT, "%s: %s: deeper than %d levels", reader->input.path, reader->where,
                         TIDE_TREE_DEPTH);
    }
    frame *f = &reader->frames[reader->depth++];
    *f = (frame){.group = group, .end = strlen(reader->where)};
    hsize_t from = 0;
    herr_t done = H5Aiterate2(group, H5_INDEX_NAME, H5_ITER_NATIVE, &from, add_attribute, &f->attributes);
    if (done >= 0)
        done = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_member, &f->members);
    tide_status status = done < 0 ? tide_hdf5_fail(TIDE_FORMAT, reader->input.path, reader->where,
                                                   "the members cannot be listed")
                                  : TIDE_OK;
    sort_names(&f->attributes);
    sort_names(&f->members);
    if (f->attributes.failed || f->members.failed)
        return tide_fail(TIDE_MEMORY, "%s: %s: no memory for its names", reader->input.path, reader->where);
    return status;
}

static void pop_frame(tide_tree_reader *reader)
{
    frame *f = &reader->frames[--reader->depth];
    H5Oclose(f->group);
    free_names(&f->attributes);
    free_names(&f->members);
    *f = (frame){.group = H5I_INVALID_HID};
}

tide_status tide_tree_open(const char *path, const char *group, int lenient, tide_tree_reader **reader)
{
    TIDE_TRY(tide_alloc(sizeof **reader, (void **)reader));
    tide_tree_reader *r = *reader;
    r->lenient = lenient;
    r->array.dataset = H5I_INVALID_HID;
    hid_t root = H5I_INVALID_HID;
    tide_status status = tide_hdf5_open(path, &r->input);
    if (status == TIDE_OK)
        status = tide_hdf5_open_path(&r->input, group, &root);
    if (status == TIDE_OK && H5Iget_type(root) != H5I_GROUP)
        status = tide_fail(TIDE_FORMAT, "%s: %s: not a group, so not a tree", path, group);
    if (status == TIDE_OK) {
        const char *inside = group + strspn(group, "/");
        snprintf(r->where, sizeof r->where, "%s%s", inside[0] == '\0' ? "" : "/", inside);
        status = meet(r, root);
    }
    if (status == TIDE_OK)
        status = push_frame(r, root);
    else if (root >= 0)
        H5Oclose(root);
    if (status != TIDE_OK) {
        tide_tree_close(r);
        *reader = NULL;
    }
    return status;
}

void tide_tree_close(tide_tree_reader *reader)
{
    if (reader == NULL)
        return;
    tide_hdf5_close_array(&reader->array);
    while (reader->depth > 0)
        pop_frame(reader);
    tide_hdf5_close(&reader->input);
    free(reader->string);
    free(reader->seen);
    tide_free(reader);
}

/* ---- values ---- */

/* Reads an element of an attribute or a rank-0 dataset. */
typedef struct source {
    hid_t attribute, dataset; /* one of the two */
} source;

static herr_t read_source(source s, hid_t type, void *out)
{
    if (s.attribute >= 0)
        return H5Aread(s.attribute, type, out);
    return H5Dread(s.dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
}

static hid_t type_of(source s)
{
    return s.attribute >= 0 ? H5Aget_type(s.attribute) : H5Dget_type(s.dataset);
}

static tide_status unreadable(const tide_tree_reader *reader)
{
    return tide_hdf5_fail(TIDE_FORMAT, reader->input.path, reader->where, "cannot be read");
}

static tide_status read_string(tide_tree_reader *reader, source s, hid_t type, tide_tree_item *item)
{
    free(reader->string);
    reader->string = NULL;
    size_t size = H5Tget_size(type);
    if (H5Tis_variable_str(type) > 0) {
        char *text = NULL;
        if (read_source(s, type, &text) < 0)
            return unreadable(reader);
        reader->string = text == NULL ? calloc(1, 1) : strdup(text);
        H5free_memory(text);
    } else if (size <= reader->input.bytes) {
        reader->string = calloc(1, size + 1);
        if (reader->string != NULL && read_source(s, type, reader->string) < 0)
            return unreadable(reader);
        for (size_t n = size; H5Tget_strpad(type) == H5T_STR_SPACEPAD && n > 0 && reader->string != NULL &&
                              reader->string[n - 1] == ' ';)
            reader->string[--n] = '\0';
    }
    if (reader->string == NULL)
        return tide_fail(TIDE_MEMORY, "%s: %s: no memory for %zu bytes of text", reader->input.path, reader->where,
                         size);
    item->kind = TIDE_TREE_STRING;
    item->string = reader->string;
    return TIDE_OK;
}

static tide_status read_integer(tide_tree_reader *reader, source s, hid_t type, tide_hdf5_class class,
                                tide_tree_item *item)
{
    uint64_t large = 0;
    int8_t boolean = 0;
    herr_t done;
    item->kind = class == TIDE_HDF5_BOOLEAN ? TIDE_TREE_BOOLEAN : TIDE_TREE_INTEGER;
    if (class == TIDE_HDF5_BOOLEAN) {
        done = read_source(s, type, &boolean);
        item->integer = boolean != 0;
    } else if (class == TIDE_HDF5_UNSIGNED) {
        done = read_source(s, H5T_NATIVE_UINT64, &large);
        item->integer = (int64_t)(large & INT64_MAX);
        item->number = (double)large;
        if (large > INT64_MAX)
            item->kind = TIDE_TREE_NUMBER;
    } else {
        done = read_source(s, H5T_NATIVE_INT64, &item->integer);
    }
    return done < 0 ? unreadable(reader) : TIDE_OK;
}

static tide_status read_single(tide_tree_reader *reader, source s, tide_tree_item *item)
{
    hid_t type = type_of(s);
    if (type < 0)
        return unreadable(reader);
    tide_hdf5_class class = tide_hdf5_classify(type);
    tide_status status = TIDE_OK;
    switch (class) {
    case TIDE_HDF5_STRING: status = read_string(reader, s, type, item); break;
    case TIDE_HDF5_FLOAT:
        item->kind = TIDE_TREE_NUMBER;
        if (read_source(s, H5T_NATIVE_DOUBLE, &item->number) < 0)
            status = unreadable(reader);
        break;
    case TIDE_HDF5_INTEGER:
    case TIDE_HDF5_UNSIGNED:
    case TIDE_HDF5_BOOLEAN: status = read_integer(reader, s, type, class, item); break;
    case TIDE_HDF5_OTHER:
    default:
        status = tide_fail(TIDE_FORMAT, "%s: %s: neither a number, a boolean nor text", reader->input.path,
                           reader->where);
    }
    H5Tclose(type);
    return status;
}

/* An attribute of one element; longer ones are not part of a tree. */
static tide_status read_attribute(tide_tree_reader *reader, hid_t group, const char *name, tide_tree_item *item)
{
    hid_t attribute = H5Aopen(group, name, H5P_DEFAULT);
    if (attribute < 0)
        return unreadable(reader);
    hid_t space = H5Aget_space(attribute);
    hssize_t count = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    if (space >= 0)
        H5Sclose(space);
    tide_status status = count == 1 ? read_single(reader, (source){attribute, H5I_INVALID_HID}, item)
                                    : tide_fail(TIDE_FORMAT, "%s: %s: an attribute of %lld elements, one is read",
                                                reader->input.path, reader->where, (long long)count);
    H5Aclose(attribute);
    return status;
}

static tide_status step_to_array(tide_tree_reader *reader, hid_t object, tide_tree_item *item)
{
    TIDE_TRY(tide_hdf5_take_array(&reader->input, object, reader->where, &reader->array));
    const tide_hdf5_array *a = &reader->array;
    int single_float = a->class == TIDE_HDF5_FLOAT && a->size <= sizeof(float);
    if (a->rank == 0 && !single_float)
        return read_single(reader, (source){H5I_INVALID_HID, a->dataset}, item);
    if (a->class == TIDE_HDF5_STRING)
        return tide_fail(TIDE_FORMAT, "%s: %s: an array of text, which a tree cannot hold", reader->input.path,
                         reader->where);
    item->rank = a->rank;
    memcpy(item->dims, a->dims, sizeof item->dims);
    item->count = a->count;
    if (a->rank != 1 || single_float) {
        item->kind = TIDE_TREE_TENSOR;
        reader->array_type = H5T_NATIVE_FLOAT;
    } else if (a->class == TIDE_HDF5_INTEGER || a->class == TIDE_HDF5_BOOLEAN) {
        item->kind = TIDE_TREE_INTEGERS;
        reader->array_type = H5T_NATIVE_INT64;
    } else {
        item->kind = TIDE_TREE_NUMBERS;
        reader->array_type = H5T_NATIVE_DOUBLE;
    }
    return TIDE_OK;
}

static tide_status step_to_member(tide_tree_reader *reader, hid_t group, const char *name, tide_tree_item *item)
{
    hid_t object;
    TIDE_TRY(tide_hdf5_open_link(&reader->input, group, name, reader->where, &object));
    H5I_type_t type = H5Iget_type(object);
    tide_status status = meet(reader, object);
    if (status == TIDE_OK && type == H5I_DATASET)
        return step_to_array(reader, object, item);
    if (status == TIDE_OK && type == H5I_GROUP) {
        item->kind = TIDE_TREE_ENTER;
        return push_frame(reader, object);
    }
    H5Oclose(object);
    return status != TIDE_OK
               ? status
               : tide_fail(TIDE_FORMAT, "%s: %s: neither a group nor an array", reader->input.path, reader->where);
}

/* Sets `where` to the group at hand and `name` in it. */
static tide_status go_to(tide_tree_reader *reader, const char *name)
{
    size_t end = reader->frames[reader->depth - 1].end, n = strlen(name);
    if (n >= sizeof reader->name || end + 1 + n >= TIDE_HDF5_PATH)
        return tide_fail(TIDE_FORMAT, "%s: %.*s: a name of %zu bytes, too long", reader->input.path, (int)end,
                         reader->where, n);
    reader->where[end] = '/';
    memcpy(reader->where + end + 1, name, n + 1);
    memcpy(reader->name, name, n + 1);
    return TIDE_OK;
}

static tide_status step(tide_tree_reader *reader, tide_tree_item *item, const char *attribute, const char *member)
{
    hid_t group = reader->frames[reader->depth - 1].group;
    TIDE_TRY(go_to(reader, attribute != NULL ? attribute : member));
    item->name = reader->name;
    return attribute != NULL ? read_attribute(reader, group, attribute, item)
                             : step_to_member(reader, group, member, item);
}

tide_status tide_tree_next(tide_tree_reader *reader, tide_tree_item *item)
{
    for (;;) {
        *item = (tide_tree_item){.kind = TIDE_TREE_END, .dims = {1, 1, 1}};
        tide_hdf5_close_array(&reader->array);
        if (reader->depth == 0)
            return TIDE_OK;
        frame *f = &reader->frames[reader->depth - 1];
        const char *attribute = take_name(&f->attributes);
        const char *member = attribute == NULL ? take_name(&f->members) : NULL;
        if (attribute == NULL && member == NULL) {
            pop_frame(reader);
            item->kind = reader->depth == 0 ? TIDE_TREE_END : TIDE_TREE_LEAVE;
            return TIDE_OK;
        }
        size_t depth = reader->depth;
        tide_status status = step(reader, item, attribute, member);
        if (status != TIDE_FORMAT || !reader->lenient)
            return status;
        while (reader->depth > depth)
            pop_frame(reader);
    }
}

tide_status tide_tree_read(tide_tree_reader *reader, void *out)
{
    if (reader->array.dataset < 0)
        return tide_fail(TIDE_STATE, "%s: tree_read: no array is at hand", reader->input.path);
    return tide_hdf5_read_rows(&reader->input, &reader->array, reader->where, reader->array_type, 0,
                               reader->array.dims[0], out);
}

/* ---- one array ---- */

static tide_status read_numbers(tide_hdf5_input *input, const char *dataset, size_t *rank, size_t dims[TIDE_MAX_RANK],
                                double *out)
{
    hid_t object;
    tide_hdf5_array array;
    TIDE_TRY(tide_hdf5_open_path(input, dataset, &object));
    TIDE_TRY(tide_hdf5_take_array(input, object, dataset, &array));
    tide_status status = TIDE_OK;
    if (array.class == TIDE_HDF5_STRING)
        status = tide_fail(TIDE_FORMAT, "%s: %s: text, numbers are needed", input->path, dataset);
    else if (out == NULL)
        memcpy(dims, array.dims, sizeof array.dims);
    else if (array.rank != *rank || memcmp(array.dims, dims, sizeof array.dims) != 0)
        status = tide_fail(TIDE_FORMAT, "%s: %s: the file has changed while it was read", input->path, dataset);
    else
        status = tide_hdf5_read_rows(input, &array, dataset, H5T_NATIVE_DOUBLE, 0, array.dims[0], out);
    *rank = array.rank;
    tide_hdf5_close_array(&array);
    return status;
}

tide_status tide_tree_numbers(const char *path, const char *dataset, size_t *rank, size_t dims[TIDE_MAX_RANK],
                              double *out)
{
    tide_hdf5_input input;
    TIDE_TRY(tide_hdf5_open(path, &input));
    tide_status status = read_numbers(&input, dataset, rank, dims, out);
    tide_hdf5_close(&input);
    return status;
}

int tide_tree_has(const char *path, const char *object)
{
    tide_hdf5_input input;
    if (tide_hdf5_open(path, &input) != TIDE_OK)
        return 0;
    int has = tide_hdf5_has(&input, object);
    tide_hdf5_close(&input);
    return has;
}
