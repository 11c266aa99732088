/* The rows of a source, a block at a time, from the first to the last: each column by itself, checked, and small
 * enough to stay in the processor's cache until it is stored or counted. Private to data/. */
#ifndef TIDE_DATA_BLOCK_H
#define TIDE_DATA_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "data/source.h"

typedef struct tide_block {
    size_t first, n;          /* the row it begins with, from 0; its rows */
    size_t most;              /* rows in a block */
    size_t observation_dim;   /* of each observation so many numbers; others in the file are zero */
    float *observations;      /* of n rows and the one after them; after the file's last comes nothing that counts */
    float *actions;           /* NULL where they are not wanted */
    float *next_observations; /* NULL where the file has none */
    float *rewards, *terminals;
    uint8_t *timeouts; /* marked cuts */
    uint8_t *broken;   /* is the next observation, as the file has it, another than the next row's observation? */
    float *spare;
} tide_block;

/* Memory for the blocks of an open source. On failure, too, to be freed by tide_block_free. */
tide_status tide_block_make(const tide_source *source, size_t observation_dim, int with_actions, tide_block *block);
void tide_block_free(tide_block *block);

/* Reads the next block; n is 0 past the last row. *ends: as tide_source_timeouts.
 * Errors: as tide_source_read; TIDE_SHAPE where a number left away is not zero. */
tide_status tide_block_read(tide_source *source, tide_block *block, size_t *ends);

#endif
