/* Surveys: what a dataset holds, told without holding it. A survey goes through a file of
 * any size block by block, and comes to the same figures as tide_dataset_read.
 *
 * Tallies count the ends, lengths and returns of episodes, a block of rows at a time, for both. */
#ifndef TIDE_DATA_SURVEY_H
#define TIDE_DATA_SURVEY_H

#include <stddef.h>

#include "base/status.h"
#include "data/dataset.h"

/* ---- tallies ---- */

typedef struct tide_episode_tally {
    size_t episodes, length_min, length_max;
    double return_min, return_max, return_sum, length_sum;
    double running_return; /* of the episode at hand */
    size_t running_length;
} tide_episode_tally;

typedef struct tide_tally {
    size_t max_episode_steps, steps; /* 0: no limit; rows since the last end */
    size_t rows, terminals, timeouts, unmarked;
    tide_episode_tally marked, all; /* by marked ends only; by unmarked ones too */
} tide_tally;

/* Counts n rows. `broken`: the next observation is not the next row's observation. `timeouts` are
 * the marked cuts, and become 1 at those by the step limit too. */
void tide_tally_rows(tide_tally *tally, size_t n, const float *terminals, const float *rewards, const uint8_t *broken,
                     uint8_t *timeouts);

/* Writes the counts, returns and lengths into *info. Unmarked cuts end episodes, except
 * where most rows are such: then observations are not chained (noise, single transitions). */
void tide_tally_finish(const tide_tally *tally, tide_dataset_info *info);

/* ---- surveys ---- */

typedef struct tide_survey tide_survey;

/* Options may be NULL; `infos` and `observation_dim` do not matter. Errors: as tide_dataset_read. */
tide_status tide_survey_open(const char *path, const tide_dataset_options *options, tide_survey **survey);
void tide_survey_close(tide_survey *survey);

/* Looks at the next block of rows. Errors: as tide_dataset_read. */
tide_status tide_survey_step(tide_survey *survey);

size_t tide_survey_done(const tide_survey *survey); /* rows looked at */
size_t tide_survey_rows(const tide_survey *survey); /* of the file */
tide_layout tide_survey_layout(const tide_survey *survey);

/* Of the rows looked at. `kept` are those that a dataset has: all but the dropped ones. */
void tide_survey_info(const tide_survey *survey, tide_dataset_info *info, size_t *kept);

/* Mean and standard deviation (population) of the kept rows' observations. */
void tide_survey_statistics(const tide_survey *survey, float *mean, float *std);

#endif
