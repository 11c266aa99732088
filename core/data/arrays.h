/* The arrays of a file of transitions, a block of rows at a time: memory does not grow with
 * the file, but for 8 bytes an episode. The same names serve both layouts:
 *     D4RL     one array over all rows: observations (N, S), infos/qpos (N, nq) ...
 *     Minari   a group for each episode, in a folder NAME-vK/data/main_data.hdf5. Here its
 *              arrays follow one another; terminations are `terminals`, truncations
 *              `timeouts`, and `next_observations` are the observations from the second on.
 * Whoever opens closes. The writer makes any arrays, in any groups. */
#ifndef TIDE_DATA_ARRAYS_H
#define TIDE_DATA_ARRAYS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/tree.h"
#include "tensor/tensor.h"

/* What an element is, in a file and in memory. */
typedef enum tide_element {
    TIDE_FLOAT32 = 0,
    TIDE_FLOAT64,
    TIDE_BOOLEAN, /* in memory an int8_t, 0 or 1 */
    TIDE_UINT8,
    TIDE_INT32,
    TIDE_INT64,
    TIDE_ELEMENTS,
} tide_element;

extern const char *const tide_element_names[TIDE_ELEMENTS];
size_t tide_element_bytes(tide_element element);

/* ---- reading ---- */

typedef enum tide_arrays_layout { TIDE_D4RL = 0, TIDE_MINARI } tide_arrays_layout;

typedef struct tide_array {
    const char *name;
    const char *fault; /* why it cannot be read; NULL where it can */
    tide_element element;
    size_t rows;
    size_t rank, dims[TIDE_MAX_RANK]; /* of a row: rank 0 for (N), 1 for (N, d) */
    size_t across;                    /* elements in a row */
} tide_array;

typedef struct tide_arrays tide_arrays;

/* Opens a file of either layout, or the folder of a Minari dataset or its data/. In a Minari
 * file every episode is looked at: that its arrays are there and fit each other. Arrays of
 * single values, text and more dimensions are listed, with their fault; D4RL's group
 * `metadata` is not rows and not listed.
 * Errors: TIDE_IO, TIDE_FORMAT, TIDE_SHAPE, TIDE_MEMORY. */
tide_status tide_arrays_open(const char *path, tide_arrays **arrays);
void tide_arrays_close(tide_arrays *arrays);

/* The HDF5 file; its layout; the rows of its observations. */
const char *tide_arrays_path(const tide_arrays *arrays);
tide_arrays_layout tide_arrays_layout_of(const tide_arrays *arrays);
size_t tide_arrays_rows(const tide_arrays *arrays);

/* The arrays by name; NULL past the last, or where there is none of that name. */
const tide_array *tide_arrays_at(const tide_arrays *arrays, size_t index);
const tide_array *tide_arrays_find(const tide_arrays *arrays, const char *name);

/* As tide_arrays_find, of one that can be read. Errors: TIDE_FORMAT that says why not. */
tide_status tide_arrays_need(const tide_arrays *arrays, const char *name, const tide_array **array);

/* Episodes of a Minari file (0 of D4RL's), and the row after the last of episode i. */
size_t tide_arrays_episodes(const tide_arrays *arrays);
size_t tide_arrays_episode_end(const tide_arrays *arrays, size_t episode);

/* Rows worth reading together; fewer are served from a block that is kept. */
size_t tide_arrays_block_rows(const tide_arrays *arrays, const tide_array *array);

/* Reads rows first .. first + n - 1, their elements converted to `as`.
 * Errors: TIDE_ARGUMENT (not so many rows), TIDE_FORMAT; as TIDE_BOOLEAN TIDE_NUMERIC for
 * what is neither 0 nor 1. */
tide_status tide_arrays_read(tide_arrays *arrays, const tide_array *array, tide_element as, size_t first, size_t n,
                             void *out);

/* ---- looking ---- */

enum { TIDE_SCAN_EXAMPLES = 8 };

typedef struct tide_scan {
    size_t odd, outside;                 /* rows with a NaN or infinity; with a number out of bounds */
    size_t odd_rows[TIDE_SCAN_EXAMPLES]; /* the first of them, from 0 */
    size_t outside_rows[TIDE_SCAN_EXAMPLES];
} tide_scan;

/* Looks at rows first .. first + n - 1: are the numbers finite, and within [low, high]? Writes each
 * column's least and greatest finite number (infinity and minus infinity where there is none). */
tide_status tide_arrays_scan(tide_arrays *arrays, const tide_array *array, size_t first, size_t n, double low,
                             double high, tide_scan *scan, double *least, double *greatest);

/* For n rows from `first` on: does array a's row i differ from b's row i + shift? Equal is equal to the bit,
 * as doubles. Rows whose partner is not in the file do not differ. */
tide_status tide_arrays_compare(tide_arrays *arrays, const tide_array *a, const tide_array *b, ptrdiff_t shift,
                                size_t first, size_t n, uint8_t *differs);

/* ---- writing ---- */

typedef struct tide_arrays_writer tide_arrays_writer;

/* Starts a file. Arrays are compressed, with checksums, and hold no times. */
tide_status tide_arrays_create(const char *path, tide_arrays_writer **writer);

/* Makes an array, "a/b" in the group a. `rows` is how many are expected; 0: unknown.
 * Errors: TIDE_ARGUMENT (no name, or one that is taken; rows of nothing), TIDE_IO. */
tide_status tide_arrays_make(tide_arrays_writer *writer, const char *name, tide_element element, size_t rank,
                             const size_t *dims, size_t rows);

/* The element and the numbers in a row of an array that was made and not finished. Errors: TIDE_ARGUMENT. */
tide_status tide_arrays_made(tide_arrays_writer *writer, const char *name, tide_element *element, size_t *across);

/* Appends n rows of the array's element. */
tide_status tide_arrays_append(tide_arrays_writer *writer, const char *name, size_t n, const void *rows);

/* Appends rows of another file, converted. Errors: as tide_arrays_read; TIDE_SHAPE. */
tide_status tide_arrays_copy(tide_arrays_writer *writer, const char *name, tide_arrays *from, const tide_array *array,
                             size_t first, size_t n);

/* Writes and closes the arrays below the group: what many episodes need. */
tide_status tide_arrays_finish(tide_arrays_writer *writer, const char *group);

/* An attribute of a group, which is made where it is missing. */
tide_status tide_arrays_put_integer(tide_arrays_writer *writer, const char *group, const char *name, int64_t value);

/* The group `metadata`, to be filled before the commit. It stays the writer's. */
tide_status tide_arrays_metadata(tide_arrays_writer *writer, tide_tree_writer **metadata);

/* Puts the file in place, whole, on disk. After that only tide_arrays_discard. */
tide_status tide_arrays_commit(tide_arrays_writer *writer);

/* Ends the writer; without a commit nothing is left of the file. */
void tide_arrays_discard(tide_arrays_writer *writer);

#endif
