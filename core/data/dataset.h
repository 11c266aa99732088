/* Datasets: transitions of a real environment in one HDF5 file, as D4RL lays them out:
 * observations (N, S), actions (N, A), rewards, terminals, timeouts (N), and optionally
 * next_observations (N, S), infos/qpos, infos/qvel, metadata; or as Minari does (arrays.h).
 *
 * `terminals` is a true end, `timeouts` a cut: an episode goes on there, unseen.
 * A dataset is counted: whoever holds it retains it, and it goes with the last release. */
#ifndef TIDE_DATA_DATASET_H
#define TIDE_DATA_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/transitions.h"
#include "data/tree.h"

/* ---- reading ---- */

typedef struct tide_dataset_options {
    size_t max_episode_steps; /* cuts an episode that gets this far, where the file does not; 0: never */
    size_t observation_dim;   /* keeps so many numbers of wider observations, if the others are all zero; 0: all */
    int infos;                /* keep infos/qpos and infos/qvel; an error where they are missing */
} tide_dataset_options;

typedef enum tide_dataset_source {
    TIDE_FROM_FILE = 0,
    TIDE_FROM_NEXT_ROW,       /* next_observations: the observation of the following row */
    TIDE_FROM_EPISODE_LENGTH, /* timeouts: max_episode_steps */
    TIDE_FROM_NOTHING,        /* timeouts: neither in the file nor given */
} tide_dataset_source;

typedef struct tide_dataset_info {
    size_t file_rows;     /* rows in the file */
    size_t dropped;       /* of these not kept: their next observation is unknown */
    size_t terminals;     /* rows with a true end */
    size_t timeouts;      /* rows that are cut, marked or by max_episode_steps */
    size_t unmarked_cuts; /* rows whose next observation is not the next row's observation, unmarked */
    size_t stand_ins;     /* terminal rows whose unknown next observation is their observation */
    size_t unmarked_ends; /* episodes of a Minari file that end without a flag; counted as timeouts */
    size_t zero_columns;  /* of the observations, left away for observation_dim */
    size_t episodes;      /* ended by any of these */
    size_t unfinished;    /* rows after the last end */
    double return_min, return_mean, return_max; /* of the episodes; 0 if there are none */
    size_t length_min, length_max;
    double length_mean;
    tide_dataset_source next_observations, timeouts_source;
} tide_dataset_info;

typedef struct tide_dataset {
    tide_layout layout;
    size_t count;
    float *rows;
    uint8_t *timeouts;         /* of each row */
    size_t qpos_dim, qvel_dim; /* 0 without infos */
    double *qpos, *qvel;       /* the state before each row's action */
    tide_dataset_info info;
    size_t holders;
} tide_dataset;

/* Reads a file of any size, or the folder of a Minari dataset, column by column in blocks;
 * holds the rows as float32. Shapes
 * (N, 1) pass for (N); flags may be enums, integers or floats. Where next_observations is
 * missing, it is the next row's observation, never across the end of an episode: a cut row
 * and the file's last are dropped, a terminal row is its own stand-in (nothing is
 * bootstrapped from it). Options may be NULL.
 * Errors: TIDE_IO, TIDE_FORMAT, TIDE_SHAPE (arrays that do not go together), TIDE_NUMERIC
 * (NaN or infinity, with array, row and column). */
tide_status tide_dataset_read(const char *path, const tide_dataset_options *options, tide_dataset **dataset);

tide_dataset *tide_dataset_retain(tide_dataset *dataset);
void tide_dataset_release(tide_dataset *dataset);

/* Mean and standard deviation (population) of the observations, dimension by dimension.
 * `padded_rows` 0: of the rows there are. Otherwise as the authors of H2O compute it: over
 * a buffer of padded_rows rows of which the others are zeros, plus 1e-3.
 * Errors: TIDE_ARGUMENT where padded_rows is less than the rows there are. */
tide_status tide_dataset_statistics(const tide_dataset *dataset, size_t padded_rows, float *mean, float *std);

/* ---- writing ---- */

typedef struct tide_dataset_writer tide_dataset_writer;

typedef struct tide_dataset_shape {
    size_t observation_dim, action_dim;
    size_t qpos_dim, qvel_dim; /* 0: no infos */
} tide_dataset_shape;

/* Starts a file in this layout, float32 (infos float64), compressed. Rows are buffered
 * and written in blocks: memory does not grow with the file. */
tide_status tide_dataset_create(const char *path, const tide_dataset_shape *shape, tide_dataset_writer **writer);

/* The group `metadata`, to be filled before the commit. It stays the writer's. */
tide_status tide_dataset_metadata(tide_dataset_writer *writer, tide_tree_writer **metadata);

/* Appends a row; qpos and qvel are the state before the action (NULL without infos).
 * Errors: TIDE_NUMERIC (the row is not added), TIDE_IO. */
tide_status tide_dataset_add(tide_dataset_writer *writer, const tide_transition *transition, int timeout,
                             const double *qpos, const double *qvel);

size_t tide_dataset_added(const tide_dataset_writer *writer);
tide_dataset_shape tide_dataset_shape_of(const tide_dataset_writer *writer);

/* Puts the file in place, whole, on disk. After that only tide_dataset_discard. */
tide_status tide_dataset_commit(tide_dataset_writer *writer);

/* Ends the writer; without a commit nothing is left of the file. */
void tide_dataset_discard(tide_dataset_writer *writer);

#endif
