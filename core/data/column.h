/* A growing array in a file that is being written: rows wait in a block, and a full block
 * is one chunk, compressed once, with a checksum. Private to data/. */
#ifndef TIDE_DATA_COLUMN_H
#define TIDE_DATA_COLUMN_H

#include <stddef.h>

#include "base/status.h"
#include "data/arrays.h"
#include "data/hdf5.h"

enum { TIDE_COLUMN_ROWS = 4096 }; /* in a block, at most */

typedef struct tide_column {
    hid_t dataset;
    size_t rank, dims[TIDE_MAX_RANK]; /* of a row */
    size_t across;
    tide_element element;
    size_t block_rows, written, waiting; /* rows: of a block, in the file, in the block */
    void *block;
} tide_column;

/* What a column is before tide_column_make and after tide_column_close. */
#define TIDE_NO_COLUMN ((tide_column){.dataset = H5I_INVALID_HID})

/* Makes the array `name` in the group `parent`, for rows of dims[0] x .. x dims[rank - 1]
 * elements. `rows` is how many are expected, 0 where that is unknown. On failure the
 * column is closed. */
tide_status tide_column_make(const tide_hdf5_output *output, hid_t parent, const char *name, tide_element element,
                             size_t rank, const size_t *dims, size_t rows, tide_column *column);

/* Appends n rows of the column's element. Errors: TIDE_IO. */
tide_status tide_column_push(const tide_hdf5_output *output, tide_column *column, size_t n, const void *rows);

/* Writes the rows that wait. Nothing may follow but tide_column_close. */
tide_status tide_column_flush(const tide_hdf5_output *output, tide_column *column);
void tide_column_close(tide_column *column);

#endif
