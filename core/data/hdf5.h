/* HDF5 as the files of data/ use it: quiet, distrustful of what it reads, and
 * unharmed by a disk that refuses. Private to data/.
 *
 * HDF5's own error printing is switched off; the innermost reason becomes part of
 * Tide's message. Files are read by name, step by step, and only through hard
 * links: nothing in a file makes another file be opened. */
#ifndef TIDE_DATA_HDF5_H
#define TIDE_DATA_HDF5_H

#define H5_USE_110_API
#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/tensor.h"

enum { TIDE_HDF5_PATH = 4096 }; /* bytes of a path, of a file or inside one */

/* ---- reading ---- */

/* A file open for reading. `budget` is how many more bytes its arrays may claim
 * to hold: a small file that claims terabytes is refused, not allocated for. */
typedef struct tide_hdf5_input {
    hid_t file;
    int descriptor; /* of the file that HDF5 has open; -1 where it tells none */
    uint64_t bytes, budget;
    char path[TIDE_HDF5_PATH];
} tide_hdf5_input;

/* Errors: TIDE_IO where there is no such file, TIDE_FORMAT where it is another kind
 * of file or cut short; then nothing is open. */
tide_status tide_hdf5_open(const char *path, tide_hdf5_input *input);
void tide_hdf5_close(tide_hdf5_input *input);

/* What elements are, as far as Tide tells them apart. */
typedef enum tide_hdf5_class {
    TIDE_HDF5_OTHER = 0,
    TIDE_HDF5_FLOAT,
    TIDE_HDF5_INTEGER,
    TIDE_HDF5_UNSIGNED, /* 64 bits without sign: may not fit an int64_t */
    TIDE_HDF5_BOOLEAN,  /* an enum {FALSE, TRUE} */
    TIDE_HDF5_STRING,
} tide_hdf5_class;

tide_hdf5_class tide_hdf5_classify(hid_t type);

/* Opens the group or dataset `name` (one link, no path) of `parent`; `where` is its
 * whole path, for messages. Errors: TIDE_FORMAT where it is absent or not a hard link. */
tide_status tide_hdf5_open_link(const tide_hdf5_input *input, hid_t parent, const char *name, const char *where,
                                hid_t *object);

/* As tide_hdf5_open_link for a path of names separated by "/", from the root. */
tide_status tide_hdf5_open_path(const tide_hdf5_input *input, const char *object_path, hid_t *object);

/* 1 if that path exists; links to elsewhere count as existing. */
int tide_hdf5_has(const tide_hdf5_input *input, const char *object_path);

enum { TIDE_HDF5_FILTERS = 8 };

/* Whose elements lie in the file one after the other as this machine's memory holds them. */
typedef enum tide_hdf5_plain {
    TIDE_HDF5_NOT_PLAIN = 0,
    TIDE_HDF5_PLAIN_FLOAT,
    TIDE_HDF5_PLAIN_DOUBLE,
    TIDE_HDF5_PLAIN_INT8, /* or an enum of such */
    TIDE_HDF5_PLAIN_UINT8,
} tide_hdf5_plain;

/* An array in a file: its class, element size and dimensions. */
typedef struct tide_hdf5_array {
    hid_t dataset;
    tide_hdf5_class class;
    size_t size; /* bytes of an element on disk */
    size_t rank; /* 0 is a scalar */
    size_t dims[TIDE_MAX_RANK];
    size_t count;      /* elements */
    size_t block_rows; /* rows worth reading together: some MiB, and whole chunks */
    int in_chunks;
    size_t chunk[TIDE_MAX_RANK], chunk_bytes; /* unpacked; 1 beyond the rank */
    size_t n_filters;                         /* in the order of writing */
    H5Z_filter_t filters[TIDE_HDF5_FILTERS];
    uint64_t place; /* not in chunks: where in the file its elements begin; 0: nowhere, or not known */
    tide_hdf5_plain plain;
} tide_hdf5_array;

/* Takes over the opened object, an array that can be read: at most TIDE_MAX_RANK
 * dimensions, stored in this very file, no larger than the file can account for (what
 * it claims is taken off the budget). The object is closed on failure. */
tide_status tide_hdf5_take_array(tide_hdf5_input *input, hid_t object, const char *where, tide_hdf5_array *array);
void tide_hdf5_close_array(tide_hdf5_array *array);

/* Reads `n` rows from row `first` on (of a scalar: row 0) as `type` (H5T_NATIVE_FLOAT ...).
 * Errors: TIDE_FORMAT, also where the file has become shorter since it was opened. */
tide_status tide_hdf5_read_rows(const tide_hdf5_input *input, const tide_hdf5_array *array, const char *where,
                                hid_t type, size_t first, size_t n, void *out);

/* Is an array whose place is known plain? */
tide_hdf5_plain tide_hdf5_plain_of(const tide_hdf5_input *input, const tide_hdf5_array *array);

/* Does tide_hdf5_read_rows read the array as `type` without HDF5? */
int tide_hdf5_is_plain_as(const tide_hdf5_array *array, hid_t type);

/* tide_hdf5_read_rows for an array that is plain as `type`. 0 where the file does not give all of it. */
int tide_hdf5_read_plain(const tide_hdf5_input *input, const tide_hdf5_array *array, hid_t type, size_t first, size_t n,
                         void *out);

/* tide_hdf5_read_rows for an array in chunks. */
tide_status tide_hdf5_read_chunks(const tide_hdf5_input *input, const tide_hdf5_array *array, const char *where,
                                  hid_t type, size_t first, size_t n, void *out);

/* ---- writing ---- */

/* A file being written under a temporary name. What the disk refuses is kept in
 * `error` (an errno) and hidden from HDF5 1.10, which does not survive it; whoever
 * writes asks tide_hdf5_check_output. Must not move while it is open. */
typedef struct tide_hdf5_output {
    hid_t file;
    int error;
    char path[TIDE_HDF5_PATH], temporary[TIDE_HDF5_PATH];
} tide_hdf5_output;

/* Errors: TIDE_IO; then nothing is open and no file is left. */
tide_status tide_hdf5_create(const char *path, tide_hdf5_output *output);

/* TIDE_IO if the disk has refused a write so far. */
tide_status tide_hdf5_check_output(const tide_hdf5_output *output);

/* Closes the file and puts it in place, whole, on disk. The output is over either way. */
tide_status tide_hdf5_commit(tide_hdf5_output *output);

/* Closes and removes the temporary file; nothing after a commit. */
void tide_hdf5_discard(tide_hdf5_output *output);

/* Makes a group; negative on failure. It holds no time: equal content gives equal files. */
hid_t tide_hdf5_make_group(hid_t parent, const char *name);

/* A property list for datasets without times; H5Pclose it. */
hid_t tide_hdf5_dataset_properties(void);

/* The enum {FALSE, TRUE} of 8 bits that h5py writes; H5Tclose it. */
hid_t tide_hdf5_boolean_type(void);

/* A tree (tree.h) that becomes the group `group` of `output`, or all of it where `group` is
 * NULL. The output stays its owner's; tide_tree_discard ends the writer before it. */
struct tide_tree_writer;
tide_status tide_tree_create_in(tide_hdf5_output *output, const char *group, struct tide_tree_writer **writer);

/* ---- messages ---- */

/* "PATH: WHERE: doing: HDF5's innermost reason"; to be called before HDF5 is called again.
 * `where` may be NULL. Returns `status`. */
tide_status tide_hdf5_fail(tide_status status, const char *path, const char *where, const char *doing);

#endif
