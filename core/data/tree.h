/* Trees: nested names that hold numbers, text and tensors, as HDF5 files. Under
 * checkpoints, policy files and the reference figures.
 *
 * A group is a node. Single values are its attributes, arrays its datasets:
 *     tensor (float32)     dataset of its shape, rank 0 to 3
 *     numbers (float64)    dataset of one dimension
 *     integers (int64)     dataset of one dimension
 *     number, integer, boolean (enum {FALSE, TRUE} of int8), string
 *                          attribute; a string of more than 32 KiB is a dataset
 * A writer and a reader belong to who made them. A file appears whole, at commit. */
#ifndef TIDE_DATA_TREE_H
#define TIDE_DATA_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "tensor/tensor.h"

enum { TIDE_TREE_DEPTH = 64 };

/* ---- writing ---- */

typedef struct tide_tree_writer tide_tree_writer;

tide_status tide_tree_create(const char *path, tide_tree_writer **writer);

/* Makes the group `name` and goes into it; leaves it again. Names are not empty, have no
 * "/" and are not ".". Errors: TIDE_ARGUMENT (also for a name that is taken), TIDE_IO. */
tide_status tide_tree_enter(tide_tree_writer *writer, const char *name);
tide_status tide_tree_leave(tide_tree_writer *writer);

tide_status tide_tree_put_tensor(tide_tree_writer *writer, const char *name, const tide_tensor *tensor);
tide_status tide_tree_put_numbers(tide_tree_writer *writer, const char *name, const double *numbers, size_t n);
tide_status tide_tree_put_integers(tide_tree_writer *writer, const char *name, const int64_t *integers, size_t n);
tide_status tide_tree_put_number(tide_tree_writer *writer, const char *name, double number);
tide_status tide_tree_put_integer(tide_tree_writer *writer, const char *name, int64_t integer);
tide_status tide_tree_put_boolean(tide_tree_writer *writer, const char *name, int boolean);
tide_status tide_tree_put_string(tide_tree_writer *writer, const char *name, const char *string);

/* Where the writer is, "/agent/q1"; good until the next call. */
const char *tide_tree_where(const tide_tree_writer *writer);

/* Puts the file in place, whole, on disk. After that only tide_tree_discard. */
tide_status tide_tree_commit(tide_tree_writer *writer);

/* Ends the writer; without a commit nothing is left of the file. */
void tide_tree_discard(tide_tree_writer *writer);

/* ---- reading ---- */

typedef enum tide_tree_kind {
    TIDE_TREE_END = 0, /* nothing more */
    TIDE_TREE_ENTER,   /* a group begins */
    TIDE_TREE_LEAVE,   /* it ends */
    TIDE_TREE_TENSOR,
    TIDE_TREE_NUMBERS,
    TIDE_TREE_INTEGERS,
    TIDE_TREE_NUMBER,
    TIDE_TREE_INTEGER,
    TIDE_TREE_BOOLEAN,
    TIDE_TREE_STRING,
} tide_tree_kind;

/* One step through a tree. Text is good until the next step. */
typedef struct tide_tree_item {
    tide_tree_kind kind;
    const char *name;
    size_t rank, dims[TIDE_MAX_RANK], count; /* arrays */
    double number;
    int64_t integer; /* also a boolean */
    const char *string;
} tide_tree_item;

typedef struct tide_tree_reader tide_tree_reader;

/* Opens the tree below `group` ("/" for all). Any HDF5 file serves: datasets of rank 2
 * and 3 and of float32 are tensors, of one dimension numbers or integers, of none a
 * single value. With `lenient`, what a tree cannot hold is passed over; else it is an
 * error that names it. Errors: TIDE_IO, TIDE_FORMAT. */
tide_status tide_tree_open(const char *path, const char *group, int lenient, tide_tree_reader **reader);
void tide_tree_close(tide_tree_reader *reader);

/* Steps to the next item, depth first, attributes before members, both by name. */
tide_status tide_tree_next(tide_tree_reader *reader, tide_tree_item *item);

/* Reads the elements of the array just stepped to: floats of a tensor, doubles of
 * numbers, int64_t of integers. */
tide_status tide_tree_read(tide_tree_reader *reader, void *out);

/* ---- one array ---- */

/* The elements of any numeric dataset as doubles, row-major: first its dimensions, to
 * allocate by, then (with `out` not NULL) its elements, `count` of them. */
tide_status tide_tree_numbers(const char *path, const char *dataset, size_t *rank, size_t dims[TIDE_MAX_RANK],
                              double *out);

/* 1 if the file can be opened and has that group or dataset. */
int tide_tree_has(const char *path, const char *object);

#endif
