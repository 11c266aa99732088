/* Plain arrays: contiguous, unpacked, of this machine's types. They are read by their place in the file, once from
 * the system's cache into memory; HDF5 would copy them through a buffer of its own. Whatever is not verified here is
 * left to HDF5, which gives the same bits. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "data/hdf5.h"

/* ---- finding ---- */

/* What numbers of `type` on disk are in memory as they stand. */
static tide_hdf5_plain plain_number(hid_t type)
{
    if (H5Tequal(type, H5T_NATIVE_FLOAT) > 0)
        return TIDE_HDF5_PLAIN_FLOAT;
    if (H5Tequal(type, H5T_NATIVE_DOUBLE) > 0)
        return TIDE_HDF5_PLAIN_DOUBLE;
    if (H5Tequal(type, H5T_NATIVE_INT8) > 0)
        return TIDE_HDF5_PLAIN_INT8;
    return H5Tequal(type, H5T_NATIVE_UINT8) > 0 ? TIDE_HDF5_PLAIN_UINT8 : TIDE_HDF5_NOT_PLAIN;
}

tide_hdf5_plain tide_hdf5_plain_of(const tide_hdf5_input *input, const tide_hdf5_array *array)
{
    if (array->place == 0 || array->rank == 0 || input->descriptor < 0)
        return TIDE_HDF5_NOT_PLAIN;
    hid_t type = H5Dget_type(array->dataset), number = type;
    if (type >= 0 && H5Tget_class(type) == H5T_ENUM)
        number = H5Tget_super(type);
    tide_hdf5_plain plain = number < 0 ? TIDE_HDF5_NOT_PLAIN : plain_number(number);
    if (number >= 0 && number != type)
        H5Tclose(number);
    if (type >= 0)
        H5Tclose(type);
    return plain;
}

/* ---- reading ---- */

static int is_byte(tide_hdf5_plain plain)
{
    return plain == TIDE_HDF5_PLAIN_INT8 || plain == TIDE_HDF5_PLAIN_UINT8;
}

/* Is `type` in memory what the elements are in the file? */
static int is_same(tide_hdf5_plain plain, hid_t type)
{
    return (plain == TIDE_HDF5_PLAIN_FLOAT && type == H5T_NATIVE_FLOAT) ||
           (plain == TIDE_HDF5_PLAIN_DOUBLE && type == H5T_NATIVE_DOUBLE) ||
           (plain == TIDE_HDF5_PLAIN_INT8 && type == H5T_NATIVE_INT8) ||
           (plain == TIDE_HDF5_PLAIN_UINT8 && type == H5T_NATIVE_UINT8);
}

int tide_hdf5_is_plain_as(const tide_hdf5_array *array, hid_t type)
{
    return array->plain != TIDE_HDF5_NOT_PLAIN &&
           (is_same(array->plain, type) || (is_byte(array->plain) && type == H5T_NATIVE_FLOAT) ||
            (array->plain == TIDE_HDF5_PLAIN_FLOAT && type == H5T_NATIVE_DOUBLE));
}

static int read_bytes(int file, uint64_t place, size_t n, unsigned char *out)
{
    while (n > 0) {
        ssize_t got = pread(file, out, n, (off_t)place);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return 0;
        out += got;
        place += (uint64_t)got;
        n -= (size_t)got;
    }
    return 1;
}

/* Bytes as floats, or floats as doubles. `from` is the end of the room of `out`: each element is read before what is
 * written reaches it. */
static void widen(tide_hdf5_plain plain, size_t n, const unsigned char *from, unsigned char *out)
{
    for (size_t i = 0; i < n && is_byte(plain); i++) {
        float x = plain == TIDE_HDF5_PLAIN_INT8 ? (float)(int8_t)from[i] : (float)from[i];
        memcpy(out + i * sizeof x, &x, sizeof x);
    }
    for (size_t i = 0; i < n && !is_byte(plain); i++) {
        float x;
        memcpy(&x, from + i * sizeof x, sizeof x);
        double y = (double)x;
        memcpy(out + i * sizeof y, &y, sizeof y);
    }
}

int tide_hdf5_read_plain(const tide_hdf5_input *input, const tide_hdf5_array *array, hid_t type, size_t first, size_t n,
                         void *out)
{
    size_t across = array->dims[1] * array->dims[2], count = n * across, bytes = count * array->size;
    uint64_t place = array->place + (uint64_t)(first * across) * array->size;
    if (is_same(array->plain, type))
        return read_bytes(input->descriptor, place, bytes, out);
    size_t width = type == H5T_NATIVE_FLOAT ? sizeof(float) : sizeof(double);
    unsigned char *end = (unsigned char *)out + count * (width - array->size);
    if (!read_bytes(input->descriptor, place, bytes, end))
        return 0;
    widen(array->plain, count, end, out);
    return 1;
}
