/* Arrays stored in chunks. HDF5 1.10 takes a damaged chunk's size on trust and reads past
 * its end, so chunks are fetched as they are stored, and unpacked here: gzip, shuffle and
 * fletcher32, the filters of D4RL and Minari. (igzip also does it several times as fast.) */
#include <isa-l/igzip_lib.h>
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "data/hdf5.h"

/* A chunk on its way from the file to elements. */
typedef struct unpacking {
    const tide_hdf5_input *input;
    const tide_hdf5_array *array;
    const char *where;
    hid_t disk_type, memory_type;
    size_t memory_size; /* bytes of an element in memory */
    size_t room;        /* bytes of each of the two buffers */
    unsigned char *bytes, *spare;
    size_t n;            /* of `bytes` that count */
    unsigned char *rows; /* one row of chunks, side by side, in the order of the array */
    struct inflate_state inflate;
} unpacking;

/* ---- filters ---- */

static void swap_buffers(unpacking *u, size_t n)
{
    unsigned char *kept = u->bytes;
    u->bytes = u->spare;
    u->spare = kept;
    u->n = n;
}

static int inflate_bytes(unpacking *u)
{
    isal_inflate_init(&u->inflate);
    u->inflate.crc_flag = ISAL_ZLIB;
    u->inflate.next_in = u->bytes;
    u->inflate.avail_in = (uint32_t)u->n;
    u->inflate.next_out = u->spare;
    u->inflate.avail_out = (uint32_t)u->room;
    if (isal_inflate_stateless(&u->inflate) != ISAL_DECOMP_OK)
        return 0;
    swap_buffers(u, u->inflate.total_out);
    return 1;
}

/* Shuffled, the first bytes of all elements stand together, then the second ones ... */
static int unshuffle_bytes(unpacking *u)
{
    size_t size = u->array->size, n = u->n / size;
    for (size_t j = 0; j < size; j++)
        for (size_t i = 0; i < n; i++)
            u->spare[i * size + j] = u->bytes[j * n + i];
    memcpy(u->spare + n * size, u->bytes + n * size, u->n - n * size);
    swap_buffers(u, u->n);
    return 1;
}

/* Fletcher's checksum over big-endian words of 16 bits, sums folded to 16 bits. */
static uint32_t fletcher32(const unsigned char *bytes, size_t n)
{
    uint64_t a = 0, b = 0;
    for (size_t i = 0; i + 1 < n; i += 2) {
        a += (uint32_t)bytes[i] << 8 | bytes[i + 1];
        a = (a & 0xFFFF) + (a >> 16);
        b += a;
        b = (b & 0xFFFF) + (b >> 16);
    }
    if (n % 2 == 1) {
        a += (uint32_t)bytes[n - 1] << 8;
        a = (a & 0xFFFF) + (a >> 16);
        b += a;
        b = (b & 0xFFFF) + (b >> 16);
    }
    return (uint32_t)(b << 16 | a);
}

/* 0 and 0xFFFF are the same sum. */
static uint32_t canonical(uint32_t checksum)
{
    uint32_t a = checksum & 0xFFFF, b = checksum >> 16;
    return (b == 0xFFFF ? 0 : b) << 16 | (a == 0xFFFF ? 0 : a);
}

static int check_fletcher32(unpacking *u)
{
    if (u->n < 4)
        return 0;
    u->n -= 4;
    const unsigned char *c = u->bytes + u->n;
    uint32_t stored = c[0] | (uint32_t)c[1] << 8 | (uint32_t)c[2] << 16 | (uint32_t)c[3] << 24;
    uint32_t swapped = (stored & 0x00FF00FF) << 8 | (stored >> 8 & 0x00FF00FF); /* HDF5 before 1.6.3 */
    uint32_t computed = canonical(fletcher32(u->bytes, u->n));
    return canonical(stored) == computed || canonical(swapped) == computed;
}

/* Undoes the filters in `mask`'s zeros, the last one first. */
static tide_status unpack(unpacking *u, uint32_t mask)
{
    const tide_hdf5_array *a = u->array;
    int sound = 1;
    for (size_t f = a->n_filters; f-- > 0 && sound;) {
        if (mask >> f & 1)
            continue;
        sound = a->filters[f] == H5Z_FILTER_DEFLATE   ? inflate_bytes(u)
                : a->filters[f] == H5Z_FILTER_SHUFFLE ? unshuffle_bytes(u)
                                                      : check_fletcher32(u);
    }
    if (!sound || u->n != a->chunk_bytes)
        return tide_fail(TIDE_FORMAT, "%s: %s: a chunk is damaged; fetch the file again", u->input->path, u->where);
    return TIDE_OK;
}

/* ---- chunks ---- */

/* What stands where nothing was ever written. */
static tide_status fill_chunk(unpacking *u)
{
    unsigned char value[64] = {0};
    size_t size = u->array->size;
    hid_t properties = H5Dget_create_plist(u->array->dataset);
    herr_t known = size <= sizeof value ? H5Pget_fill_value(properties, u->disk_type, value) : -1;
    H5Pclose(properties);
    if (known < 0)
        return tide_hdf5_fail(TIDE_FORMAT, u->input->path, u->where, "the fill value cannot be read");
    for (size_t at = 0; at + size <= u->array->chunk_bytes; at += size)
        memcpy(u->bytes + at, value, size);
    return TIDE_OK;
}

static tide_status fetch_chunk(unpacking *u, const hsize_t offset[TIDE_MAX_RANK])
{
    unsigned mask;
    haddr_t address;
    hsize_t stored;
    uint32_t filters;
    if (H5Dget_chunk_info_by_coord(u->array->dataset, offset, &mask, &address, &stored) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, u->input->path, u->where, "a chunk cannot be found");
    if (address == HADDR_UNDEF)
        return fill_chunk(u);
    if (stored > u->room)
        return tide_fail(TIDE_FORMAT, "%s: %s: a chunk of %zu bytes claims to take %llu", u->input->path, u->where,
                         u->array->chunk_bytes, (unsigned long long)stored);
    if (H5Dread_chunk(u->array->dataset, H5P_DEFAULT, offset, &filters, u->bytes) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, u->input->path, u->where, "a chunk cannot be read");
    u->n = (size_t)stored;
    return unpack(u, filters);
}

/* Copies the chunk at `offset` to its place among the rows from `top` on. */
static void place_chunk(unpacking *u, const hsize_t offset[TIDE_MAX_RANK])
{
    const tide_hdf5_array *a = u->array;
    size_t extent[TIDE_MAX_RANK];
    for (size_t i = 0; i < TIDE_MAX_RANK; i++) {
        size_t left = a->dims[i] - (size_t)offset[i];
        extent[i] = left < a->chunk[i] ? left : a->chunk[i];
    }
    for (size_t i = 0; i < extent[0]; i++)
        for (size_t j = 0; j < extent[1]; j++)
            memcpy(u->rows + ((i * a->dims[1] + (size_t)offset[1] + j) * a->dims[2] + (size_t)offset[2]) * a->size,
                   u->bytes + ((i * a->chunk[1] + j) * a->chunk[2]) * a->size, extent[2] * a->size);
}

/* Unpacks the chunks that hold row `top`, a multiple of their height, and converts the
 * rows `first` .. `first + n - 1`, which are among theirs. */
static tide_status read_band(unpacking *u, size_t top, size_t first, size_t n, unsigned char *out)
{
    const tide_hdf5_array *a = u->array;
    hsize_t offset[TIDE_MAX_RANK] = {top, 0, 0};
    for (offset[1] = 0; offset[1] < a->dims[1]; offset[1] += a->chunk[1])
        for (offset[2] = 0; offset[2] < a->dims[2]; offset[2] += a->chunk[2]) {
            TIDE_TRY(fetch_chunk(u, offset));
            place_chunk(u, offset);
        }
    size_t across = a->dims[1] * a->dims[2];
    unsigned char *start = u->rows + (first - top) * across * a->size;
    if (start != u->rows)
        memmove(u->rows, start, n * across * a->size); /* conversion needs room behind the elements */
    if (H5Tconvert(u->disk_type, u->memory_type, n * across, u->rows, NULL, H5P_DEFAULT) < 0)
        return tide_hdf5_fail(TIDE_FORMAT, u->input->path, u->where, "the elements cannot be converted");
    memcpy(out, u->rows, n * across * u->memory_size);
    return TIDE_OK;
}

static tide_status read_bands(unpacking *u, size_t first, size_t n, unsigned char *out)
{
    const tide_hdf5_array *a = u->array;
    size_t across = a->dims[1] * a->dims[2];
    size_t height = a->chunk[0] < a->dims[0] ? a->chunk[0] : a->dims[0];
    size_t widest = a->size > u->memory_size ? a->size : u->memory_size;
    u->room = a->chunk_bytes + a->chunk_bytes / 8 + 4096; /* more, no chunk grows by packing */
    TIDE_TRY(tide_alloc_untouched(u->room, 1, (void **)&u->bytes));
    TIDE_TRY(tide_alloc_untouched(u->room, 1, (void **)&u->spare));
    TIDE_TRY(tide_alloc_untouched(height * across, widest, (void **)&u->rows));
    for (size_t row = first, end = first + n; row < end;) {
        size_t top = row - row % a->chunk[0];
        size_t past = a->chunk[0] < end - top ? top + a->chunk[0] : end;
        TIDE_TRY(read_band(u, top, row, past - row, out));
        out += (past - row) * across * u->memory_size;
        row = past;
    }
    return TIDE_OK;
}

tide_status tide_hdf5_read_chunks(const tide_hdf5_input *input, const tide_hdf5_array *array, const char *where,
                                  hid_t type, size_t first, size_t n, void *out)
{
    unpacking *u;
    TIDE_TRY(tide_alloc(sizeof *u, (void **)&u));
    u->input = input;
    u->array = array;
    u->where = where;
    u->memory_type = type;
    u->memory_size = H5Tget_size(type);
    u->disk_type = H5Dget_type(array->dataset);
    tide_status status = u->disk_type < 0 ? tide_hdf5_fail(TIDE_FORMAT, input->path, where, "the type cannot be read")
                                          : read_bands(u, first, n, out);
    if (u->disk_type >= 0)
        H5Tclose(u->disk_type);
    tide_free(u->bytes);
    tide_free(u->spare);
    tide_free(u->rows);
    tide_free(u);
    return status;
}
