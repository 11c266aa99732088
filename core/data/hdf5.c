#include "data/hdf5.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Arrays may claim 1100 times the bytes of their file (gzip gives at most 1032), and 64 MiB:
 * arrays that were never written take no room. */
static const uint64_t BUDGET_BASE = (uint64_t)64 << 20, BUDGET_FACTOR = 1100;
static const uint64_t LARGEST_CHUNK = (uint64_t)256 << 20;
static const uint64_t LARGEST_BAND = (uint64_t)1024 << 20; /* chunks side by side that make up whole rows */
static const uint64_t BLOCK_BYTES = (uint64_t)2 << 20;

/* ---- messages ---- */

typedef struct reason {
    char text[512];
} reason;

static herr_t keep_first(unsigned n, const H5E_error2_t *entry, void *data)
{
    reason *r = data;
    if (n == 0 && entry->desc != NULL)
        snprintf(r->text, sizeof r->text, "%s", entry->desc);
    return 0;
}

/* HDF5 describes an I/O error by a paragraph; the system's word in it is what helps. */
static void shorten(reason *r)
{
    static const char mark[] = "error message = '";
    char *start = strstr(r->text, mark);
    char *end = start == NULL ? NULL : strchr(start + sizeof mark - 1, '\'');
    if (end != NULL) {
        *end = '\0';
        memmove(r->text, start + sizeof mark - 1, (size_t)(end - start) - (sizeof mark - 1) + 1);
    }
    r->text[strcspn(r->text, "\n")] = '\0';
}

tide_status tide_hdf5_fail(tide_status status, const char *path, const char *where, const char *doing)
{
    reason r = {""};
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &r);
    shorten(&r);
    return tide_fail(status, "%s: %s%s%s%s%s", path, where == NULL ? "" : where, where == NULL ? "" : ": ", doing,
                     r.text[0] == '\0' ? "" : ": ", r.text);
}

/* ---- opening ---- */

static const unsigned char SIGNATURE[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};

static uint64_t little_endian(const unsigned char *bytes, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

/* How long the superblock at `start` promises its file to be, 0 where it cannot be read. It holds a base address, two
 * others, then the end-of-file address (format specification, section II); the base is where the superblock stood when
 * that was written, and a block may have been put before it or taken away since. */
static uint64_t promised_bytes(const unsigned char *block, size_t n, uint64_t start)
{
    if (n < 14)
        return 0;
    unsigned version = block[8];
    size_t width = version < 2 ? block[13] : block[9];
    size_t first = version == 0 ? 24 : version == 1 ? 28 : 12;
    if (version > 3 || width > 8 || width == 0 || first + 3 * width > n)
        return 0;
    uint64_t base = little_endian(block + first, width), end = little_endian(block + first + 2 * width, width);
    return end < base || end - base > UINT64_MAX - start ? UINT64_MAX : start + (end - base);
}

/* Looks at the file before HDF5 does: is it one, and is all of it there? */
static tide_status look_at(const char *path, int file, uint64_t bytes)
{
    unsigned char block[64] = {0};
    ssize_t n = 0;
    uint64_t start = 0;
    /* The signature stands at 0, 512, 1024, 2048 ... */
    for (; start < bytes; start = start == 0 ? 512 : 2 * start) {
        n = pread(file, block, sizeof block, (off_t)start);
        if (n < 0)
            return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
        if ((size_t)n >= sizeof SIGNATURE && memcmp(block, SIGNATURE, sizeof SIGNATURE) == 0)
            break;
    }
    if (start >= bytes) {
        if (bytes == 0)
            return tide_fail(TIDE_FORMAT, "%s: the file is empty: fetch it again", path);
        return tide_fail(TIDE_FORMAT, "%s: file signature not found: not an HDF5 file (%llu bytes)", path,
                         (unsigned long long)bytes);
    }
    uint64_t promised = promised_bytes(block, (size_t)n, start);
    if (bytes - start < 48 || promised > bytes)
        return tide_fail(TIDE_FORMAT, "%s: truncated file: %llu of %llu bytes are there; fetch it again", path,
                         (unsigned long long)bytes, (unsigned long long)(promised > bytes ? promised : start + 48));
    return TIDE_OK;
}

static tide_status check_file(const char *path, uint64_t *bytes)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return tide_fail(TIDE_IO, "%s: %s, not a file", path, S_ISDIR(status.st_mode) ? "a folder" : "a device");
    *bytes = (uint64_t)status.st_size;
    int file = open(path, O_RDONLY);
    if (file < 0)
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    tide_status looked = look_at(path, file, *bytes);
    close(file);
    return looked;
}

tide_status tide_hdf5_open(const char *path, tide_hdf5_input *input)
{
    input->file = H5I_INVALID_HID;
    input->descriptor = -1;
    if (strlen(path) >= sizeof input->path)
        return tide_fail(TIDE_ARGUMENT, "%s: the path is too long", path);
    memcpy(input->path, path, strlen(path) + 1);
    TIDE_TRY(check_file(path, &input->bytes));
    input->budget = BUDGET_BASE + (input->bytes < UINT64_MAX / 2 / BUDGET_FACTOR ? input->bytes * BUDGET_FACTOR : 0);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    H5Pset_fapl_sec2(access); /* a file with a descriptor */
    H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
#if H5_VERSION_GE(1, 10, 7)
    H5Pset_file_locking(access, 0, 1); /* files are replaced, never changed; some network disks know no locks */
#endif
    input->file = H5Fopen(path, H5F_ACC_RDONLY, access);
    tide_status status = input->file < 0 ? tide_hdf5_fail(TIDE_FORMAT, path, NULL, "HDF5 cannot open the file")
                                         : TIDE_OK;
    struct stat opened;
    int *descriptor = NULL;
    if (status == TIDE_OK && H5Fget_vfd_handle(input->file, access, (void **)&descriptor) >= 0 && descriptor != NULL)
        input->descriptor = *descriptor;
    if (input->descriptor >= 0 && fstat(input->descriptor, &opened) == 0)
        input->bytes = (uint64_t)opened.st_size;
    H5Pclose(access);
    return status;
}

void tide_hdf5_close(tide_hdf5_input *input)
{
    if (input->file >= 0)
        H5Fclose(input->file);
    input->file = H5I_INVALID_HID;
    input->descriptor = -1;
}

/* ---- links ---- */

tide_status tide_hdf5_open_link(const tide_hdf5_input *input, hid_t parent, const char *name, const char *where,
                                hid_t *object)
{
    *object = H5I_INVALID_HID;
    H5L_info_t link;
    if (H5Lexists(parent, name, H5P_DEFAULT) == 0)
        return tide_fail(TIDE_FORMAT, "%s: there is no %s", input->path, where);
    if (H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "cannot be found");
    if (link.type != H5L_TYPE_HARD)
        return tide_fail(TIDE_FORMAT, "%s: %s: a link to %s, which is not followed", input->path, where,
                         link.type == H5L_TYPE_SOFT ? "another name" : "another file");
    *object = H5Oopen(parent, name, H5P_DEFAULT);
    if (*object < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "cannot be opened");
    return TIDE_OK;
}

/* Copies the next name of *path into `name` and moves *path past it; 0 at the end. */
static int next_name(const char **path, char name[TIDE_HDF5_PATH])
{
    *path += strspn(*path, "/");
    size_t n = strcspn(*path, "/");
    if (n == 0 || n >= TIDE_HDF5_PATH)
        return 0;
    memcpy(name, *path, n);
    name[n] = '\0';
    *path += n;
    return 1;
}

tide_status tide_hdf5_open_path(const tide_hdf5_input *input, const char *object_path, hid_t *object)
{
    char name[TIDE_HDF5_PATH];
    const char *rest = object_path;
    if (strlen(object_path) >= TIDE_HDF5_PATH)
        return tide_fail(TIDE_ARGUMENT, "%s: a path inside it is too long", input->path);
    hid_t here = H5Oopen(input->file, "/", H5P_DEFAULT);
    *object = H5I_INVALID_HID;
    if (here < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, "/", "cannot be opened");
    while (next_name(&rest, name)) {
        hid_t next = H5I_INVALID_HID;
        tide_status status = H5Iget_type(here) == H5I_GROUP
                                 ? tide_hdf5_open_link(input, here, name, object_path, &next)
                                 : tide_fail(TIDE_FORMAT, "%s: there is no %s", input->path, object_path);
        H5Oclose(here);
        if (status != TIDE_OK)
            return status;
        here = next;
    }
    *object = here;
    return TIDE_OK;
}

int tide_hdf5_has(const tide_hdf5_input *input, const char *object_path)
{
    char name[TIDE_HDF5_PATH];
    const char *rest = object_path;
    hid_t here = H5Oopen(input->file, "/", H5P_DEFAULT);
    int exists = here >= 0;
    while (exists && next_name(&rest, name)) {
        exists = H5Iget_type(here) == H5I_GROUP && H5Lexists(here, name, H5P_DEFAULT) > 0;
        hid_t next = H5I_INVALID_HID;
        if (exists && *rest != '\0')
            exists = tide_hdf5_open_link(input, here, name, object_path, &next) == TIDE_OK;
        H5Oclose(here);
        here = next;
    }
    if (here >= 0)
        H5Oclose(here);
    return exists;
}

/* ---- arrays ---- */

static int is_boolean(hid_t type)
{
    int8_t value[2] = {0, 1};
    char name[2][8];
    if (H5Tget_nmembers(type) != 2 || H5Tget_size(type) != 1)
        return 0;
    for (int i = 0; i < 2; i++)
        if (H5Tenum_nameof(type, &value[i], name[i], sizeof name[i]) < 0)
            return 0;
    return strcmp(name[0], "FALSE") == 0 && strcmp(name[1], "TRUE") == 0;
}

tide_hdf5_class tide_hdf5_classify(hid_t type)
{
    switch (H5Tget_class(type)) {
    case H5T_FLOAT: return TIDE_HDF5_FLOAT;
    case H5T_INTEGER:
        return H5Tget_size(type) == 8 && H5Tget_sign(type) == H5T_SGN_NONE ? TIDE_HDF5_UNSIGNED : TIDE_HDF5_INTEGER;
    case H5T_ENUM: return is_boolean(type) ? TIDE_HDF5_BOOLEAN : TIDE_HDF5_INTEGER;
    case H5T_STRING: return TIDE_HDF5_STRING;
    default: return TIDE_HDF5_OTHER;
    }
}

static tide_status take_type(const tide_hdf5_input *input, const char *where, tide_hdf5_array *array)
{
    hid_t type = H5Dget_type(array->dataset);
    if (type < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the type cannot be read");
    array->class = tide_hdf5_classify(type);
    array->size = H5Tget_size(type);
    H5Tclose(type);
    if (array->class == TIDE_HDF5_OTHER || array->size == 0)
        return tide_fail(TIDE_FORMAT, "%s: %s: neither numbers, booleans nor text", input->path, where);
    return TIDE_OK;
}

static tide_status take_dims(const tide_hdf5_input *input, const char *where, tide_hdf5_array *array)
{
    hid_t space = H5Dget_space(array->dataset);
    if (space < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the shape cannot be read");
    hsize_t dims[H5S_MAX_RANK];
    H5S_class_t kind = H5Sget_simple_extent_type(space);
    int rank = H5Sget_simple_extent_ndims(space);
    int known = rank >= 0 && H5Sget_simple_extent_dims(space, dims, NULL) == rank;
    H5Sclose(space);
    if (!known || (kind != H5S_SIMPLE && kind != H5S_SCALAR))
        return tide_fail(TIDE_FORMAT, "%s: %s: has no shape, so holds nothing", input->path, where);
    if (rank > TIDE_MAX_RANK)
        return tide_fail(TIDE_FORMAT, "%s: %s: %d dimensions, at most %d are read", input->path, where, rank,
                         TIDE_MAX_RANK);
    array->rank = (size_t)rank;
    array->count = 1;
    for (size_t i = 0; i < TIDE_MAX_RANK; i++) {
        array->dims[i] = i < array->rank ? (size_t)dims[i] : 1;
        if (array->dims[i] != 0 && array->count > (size_t)PTRDIFF_MAX / 8 / array->dims[i])
            return tide_fail(TIDE_FORMAT, "%s: %s: claims more elements than memory holds", input->path, where);
        array->count *= array->dims[i];
    }
    return TIDE_OK;
}

/* The filters that chunks went through; only those that are undone here will do. */
static tide_status take_filters(const tide_hdf5_input *input, const char *where, hid_t properties,
                                tide_hdf5_array *array)
{
    int n = H5Pget_nfilters(properties);
    if (n < 0 || n > TIDE_HDF5_FILTERS)
        return tide_fail(TIDE_FORMAT, "%s: %s: %d filters, at most %d are undone", input->path, where, n,
                         TIDE_HDF5_FILTERS);
    array->n_filters = (size_t)n;
    for (unsigned f = 0; f < (unsigned)n; f++) {
        size_t values = 0;
        unsigned flags, config;
        char name[32] = "";
        array->filters[f] = H5Pget_filter2(properties, f, &flags, &values, NULL, sizeof name - 1, name, &config);
        if (array->filters[f] != H5Z_FILTER_DEFLATE && array->filters[f] != H5Z_FILTER_SHUFFLE &&
            array->filters[f] != H5Z_FILTER_FLETCHER32)
            return tide_fail(TIDE_FORMAT, "%s: %s: packed by filter %d (%s); gzip, shuffle and fletcher32 are undone",
                             input->path, where, (int)array->filters[f], name);
    }
    return TIDE_OK;
}

static tide_status take_chunks(const tide_hdf5_input *input, const char *where, hid_t properties,
                               tide_hdf5_array *array)
{
    hsize_t chunk[TIDE_MAX_RANK];
    if (array->rank == 0 || H5Pget_chunk(properties, (int)array->rank, chunk) != (int)array->rank)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the chunks cannot be read");
    uint64_t bytes = array->size, across = 1;
    for (size_t i = 0; i < array->rank; i++) {
        if (chunk[i] == 0 || chunk[i] > LARGEST_CHUNK / bytes)
            return tide_fail(TIDE_FORMAT, "%s: %s: its chunks are larger than %llu MiB", input->path, where,
                             (unsigned long long)(LARGEST_CHUNK >> 20));
        bytes *= chunk[i];
        array->chunk[i] = (size_t)chunk[i];
        if (i > 0)
            across *= array->dims[i] / chunk[i] + 1;
    }
    if (bytes > LARGEST_BAND / across)
        return tide_fail(TIDE_FORMAT, "%s: %s: %llu rows of chunks take more than %llu MiB", input->path, where,
                         (unsigned long long)chunk[0], (unsigned long long)(LARGEST_BAND >> 20));
    array->in_chunks = 1;
    array->chunk_bytes = (size_t)bytes;
    array->block_rows = array->block_rows < chunk[0] ? (size_t)chunk[0]
                                                     : array->block_rows - array->block_rows % chunk[0];
    return take_filters(input, where, properties, array);
}

/* Where the elements begin, of which there are some. HDF5 reads zeros where a few of them stand past the end. */
static tide_status take_place(const tide_hdf5_input *input, const char *where, tide_hdf5_array *array)
{
    haddr_t end, place = H5Dget_offset(array->dataset);
    if (place == HADDR_UNDEF || array->count == 0) /* never written, or part of the array's description */
        return TIDE_OK;
    if (H5Fget_eoa(input->file, &end) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the end of the file cannot be told");
    if (end > input->bytes)
        end = input->bytes;
    if (place > end || array->count > (end - place) / array->size)
        return tide_fail(TIDE_FORMAT, "%s: %s: %zu elements of %zu bytes from byte %llu on, the file has %llu bytes",
                         input->path, where, array->count, array->size, (unsigned long long)place,
                         (unsigned long long)end);
    array->place = place;
    return TIDE_OK;
}

/* How the elements lie: in this file, and all of them. */
static tide_status take_layout(const tide_hdf5_input *input, const char *where, hid_t properties,
                               tide_hdf5_array *array)
{
    uint64_t row_bytes = (uint64_t)(array->dims[1] * array->dims[2]) * array->size;
    array->block_rows = row_bytes == 0 || row_bytes > BLOCK_BYTES ? 1 : (size_t)(BLOCK_BYTES / row_bytes);
    for (size_t i = 0; i < TIDE_MAX_RANK; i++)
        array->chunk[i] = 1;
    H5D_layout_t layout = H5Pget_layout(properties);
    if (layout == H5D_VIRTUAL || H5Pget_external_count(properties) != 0)
        return tide_fail(TIDE_FORMAT, "%s: %s: its elements stand in another file, which is not opened", input->path,
                         where);
    if (layout == H5D_CHUNKED)
        return take_chunks(input, where, properties, array);
    /* HDF5 1.10 believes the shape and reads past what is stored; nothing stored reads as zeros. */
    uint64_t stored = H5Dget_storage_size(array->dataset);
    if (stored < array->count * array->size && (layout == H5D_COMPACT || stored != 0))
        return tide_fail(TIDE_FORMAT, "%s: %s: %llu bytes are stored of %zu elements of %zu bytes", input->path, where,
                         (unsigned long long)stored, array->count, array->size);
    return layout == H5D_CONTIGUOUS ? take_place(input, where, array) : TIDE_OK;
}

static tide_status check_array(tide_hdf5_input *input, const char *where, tide_hdf5_array *array)
{
    TIDE_TRY(take_type(input, where, array));
    TIDE_TRY(take_dims(input, where, array));
    hid_t properties = H5Dget_create_plist(array->dataset);
    if (properties < 0)
        return tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the layout cannot be read");
    tide_status status = take_layout(input, where, properties, array);
    H5Pclose(properties);
    TIDE_TRY(status);
    uint64_t element = array->size < 8 ? 8 : array->size;
    if (array->count > input->budget / element)
        return tide_fail(TIDE_FORMAT, "%s: %s: claims %zu elements, far more than a file of %llu bytes holds",
                         input->path, where, array->count, (unsigned long long)input->bytes);
    input->budget -= array->count * element;
    array->plain = tide_hdf5_plain_of(input, array);
    return TIDE_OK;
}

tide_status tide_hdf5_take_array(tide_hdf5_input *input, hid_t object, const char *where, tide_hdf5_array *array)
{
    *array = (tide_hdf5_array){.dataset = object};
    tide_status status = H5Iget_type(object) == H5I_DATASET
                             ? check_array(input, where, array)
                             : tide_fail(TIDE_FORMAT, "%s: %s: a group, an array is needed", input->path, where);
    if (status != TIDE_OK) {
        H5Oclose(object);
        array->dataset = H5I_INVALID_HID;
    }
    return status;
}

void tide_hdf5_close_array(tide_hdf5_array *array)
{
    if (array->dataset >= 0)
        H5Oclose(array->dataset);
    array->dataset = H5I_INVALID_HID;
}

/* Rows of an array that is not in chunks, by HDF5. */
static tide_status read_contiguous(const tide_hdf5_input *input, const tide_hdf5_array *array, const char *where,
                                   hid_t type, size_t first, size_t n, void *out)
{
    herr_t done = -1;
    if (array->rank == 0) {
        done = H5Dread(array->dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out);
        return done < 0 ? tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the element cannot be read") : TIDE_OK;
    }
    hsize_t start[TIDE_MAX_RANK] = {first, 0, 0}, size[TIDE_MAX_RANK] = {n, array->dims[1], array->dims[2]};
    hid_t memory = H5Screate_simple((int)array->rank, size, NULL);
    hid_t space = H5Dget_space(array->dataset);
    if (memory >= 0 && space >= 0 && H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL) >= 0)
        done = H5Dread(array->dataset, type, memory, space, H5P_DEFAULT, out);
    tide_status status = done < 0 ? tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the elements cannot be read")
                                  : TIDE_OK;
    H5Sclose(memory);
    H5Sclose(space);
    return status;
}

/* Past the end of a file HDF5 reads zeros. */
static tide_status check_length(const tide_hdf5_input *input)
{
    struct stat now;
    if (input->descriptor < 0 || fstat(input->descriptor, &now) != 0 || (uint64_t)now.st_size >= input->bytes)
        return TIDE_OK;
    return tide_fail(TIDE_FORMAT, "%s: truncated while it was read: %llu of %llu bytes are there; fetch it again",
                     input->path, (unsigned long long)now.st_size, (unsigned long long)input->bytes);
}

tide_status tide_hdf5_read_rows(const tide_hdf5_input *input, const tide_hdf5_array *array, const char *where,
                                hid_t type, size_t first, size_t n, void *out)
{
    if (array->count == 0 || n == 0)
        return TIDE_OK;
    if (tide_hdf5_is_plain_as(array, type) && tide_hdf5_read_plain(input, array, type, first, n, out))
        return TIDE_OK;
    TIDE_TRY((array->in_chunks ? tide_hdf5_read_chunks : read_contiguous)(input, array, where, type, first, n, out));
    return check_length(input);
}
