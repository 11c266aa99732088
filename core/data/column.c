#include "data/column.h"

#include <string.h>

#include "base/alloc.h"

enum { COMPRESSION = 1 };

const char *const tide_element_names[TIDE_ELEMENTS] = {"float32", "float64", "boolean", "uint8", "int32", "int64"};

size_t tide_element_bytes(tide_element element)
{
    static const size_t BYTES[TIDE_ELEMENTS] = {4, 8, 1, 1, 4, 8};
    return BYTES[element];
}

/* A type of elements on disk or in memory; H5Tclose it. */
static hid_t element_type(tide_element element, int on_disk)
{
    switch (element) {
    case TIDE_FLOAT64: return H5Tcopy(on_disk ? H5T_IEEE_F64LE : H5T_NATIVE_DOUBLE);
    case TIDE_BOOLEAN: return tide_hdf5_boolean_type();
    case TIDE_UINT8: return H5Tcopy(H5T_STD_U8LE);
    case TIDE_INT32: return H5Tcopy(on_disk ? H5T_STD_I32LE : H5T_NATIVE_INT32);
    case TIDE_INT64: return H5Tcopy(on_disk ? H5T_STD_I64LE : H5T_NATIVE_INT64);
    case TIDE_FLOAT32:
    case TIDE_ELEMENTS:
    default: return H5Tcopy(on_disk ? H5T_IEEE_F32LE : H5T_NATIVE_FLOAT);
    }
}

tide_status tide_column_make(const tide_hdf5_output *output, hid_t parent, const char *name, tide_element element,
                             size_t rank, const size_t *dims, size_t rows, tide_column *column)
{
    *column = TIDE_NO_COLUMN;
    column->rank = rank;
    column->across = 1;
    column->element = element;
    column->block_rows = rows == 0 || rows > TIDE_COLUMN_ROWS ? TIDE_COLUMN_ROWS : rows;
    hsize_t none[TIDE_MAX_RANK + 1] = {0}, most[TIDE_MAX_RANK + 1] = {H5S_UNLIMITED};
    hsize_t chunk[TIDE_MAX_RANK + 1] = {column->block_rows};
    for (size_t i = 0; i < rank; i++) {
        none[i + 1] = most[i + 1] = chunk[i + 1] = column->dims[i] = dims[i];
        column->across *= dims[i];
    }
    TIDE_TRY(tide_alloc_untouched(column->block_rows * column->across, tide_element_bytes(element), &column->block));
    int file_rank = (int)rank + 1;
    hid_t properties = tide_hdf5_dataset_properties(), type = element_type(element, 1);
    hid_t space = H5Screate_simple(file_rank, none, most);
    H5Pset_chunk(properties, file_rank, chunk);
    H5Pset_shuffle(properties);
    H5Pset_deflate(properties, COMPRESSION);
    H5Pset_fletcher32(properties);
    column->dataset = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    tide_status status = TIDE_OK;
    if (column->dataset < 0)
        status = tide_hdf5_fail(TIDE_IO, output->path, name, "cannot be made");
    H5Sclose(space);
    H5Tclose(type);
    H5Pclose(properties);
    if (status != TIDE_OK)
        tide_column_close(column);
    return status;
}

/* Writes n rows behind those in the file. */
static herr_t append(const tide_column *c, size_t n)
{
    hsize_t size[TIDE_MAX_RANK + 1] = {c->written + n}, start[TIDE_MAX_RANK + 1] = {c->written};
    hsize_t count[TIDE_MAX_RANK + 1] = {n};
    for (size_t i = 0; i < c->rank; i++)
        size[i + 1] = count[i + 1] = c->dims[i];
    if (H5Dset_extent(c->dataset, size) < 0)
        return -1;
    hid_t space = H5Dget_space(c->dataset), type = element_type(c->element, 0);
    hid_t memory = H5Screate_simple((int)c->rank + 1, count, NULL);
    herr_t done = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL);
    if (done >= 0)
        done = H5Dwrite(c->dataset, type, memory, space, H5P_DEFAULT, c->block);
    H5Sclose(memory);
    H5Tclose(type);
    H5Sclose(space);
    return done;
}

tide_status tide_column_flush(const tide_hdf5_output *output, tide_column *column)
{
    if (column->waiting == 0)
        return TIDE_OK;
    herr_t done = append(column, column->waiting);
    TIDE_TRY(tide_hdf5_check_output(output));
    if (done < 0)
        return tide_hdf5_fail(TIDE_IO, output->path, NULL, "rows cannot be written");
    column->written += column->waiting;
    column->waiting = 0;
    return TIDE_OK;
}

tide_status tide_column_push(const tide_hdf5_output *output, tide_column *column, size_t n, const void *rows)
{
    size_t row_bytes = column->across * tide_element_bytes(column->element);
    const char *from = rows;
    while (n > 0) {
        if (column->waiting == column->block_rows)
            TIDE_TRY(tide_column_flush(output, column));
        size_t room = column->block_rows - column->waiting, k = n < room ? n : room;
        memcpy((char *)column->block + column->waiting * row_bytes, from, k * row_bytes);
        column->waiting += k;
        from += k * row_bytes;
        n -= k;
    }
    return TIDE_OK;
}

void tide_column_close(tide_column *column)
{
    if (column->dataset >= 0)
        H5Dclose(column->dataset);
    column->dataset = H5I_INVALID_HID;
    tide_free(column->block);
    column->block = NULL;
}
