/* A file of transitions as datasets read it: the columns they need, there and fitting each
 * other, their numbers checked as they come. Private to data/. */
#ifndef TIDE_DATA_SOURCE_H
#define TIDE_DATA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/arrays.h"
#include "data/dataset.h"

/* The first TIDE_PARTS columns are the parts of a row, under their names. */
enum { TIDE_TIMEOUTS = TIDE_PARTS, TIDE_QPOS, TIDE_QVEL, TIDE_COLUMNS };

typedef struct tide_source {
    tide_arrays *arrays;
    const tide_array *columns[TIDE_COLUMNS]; /* NULL where the file has none */
    size_t rows, observation_dim, action_dim;
    size_t episode; /* of a Minari file: the one that tide_source_timeouts is in */
} tide_source;

/* Errors: as tide_dataset_read; then nothing is open. */
tide_status tide_source_open(const char *path, const tide_dataset_options *options, tide_source *source);
void tide_source_close(tide_source *source);

/* Rows of a column as floats, all finite; flags 0 or 1. */
tide_status tide_source_read(const tide_source *source, size_t column, size_t first, size_t n, float *out);

/* Rows of infos/qpos or infos/qvel, finite. */
tide_status tide_source_read_state(const tide_source *source, size_t column, size_t first, size_t n, double *out);

/* At which rows of n from `first` on is a cut marked? `terminals` are theirs; blocks follow one another from row
 * 0 on. The last row of an episode of a Minari file that is neither a terminal nor cut counts as cut: *ends counts
 * these. `spare` holds n floats. */
tide_status tide_source_timeouts(tide_source *source, size_t first, size_t n, const float *terminals, float *spare,
                                 uint8_t *timeouts, size_t *ends);

/* What the file tells about its own next observations and timeouts. */
tide_dataset_source tide_source_of_next(const tide_source *source);
tide_dataset_source tide_source_of_timeouts(const tide_source *source, const tide_dataset_options *options);

#endif
