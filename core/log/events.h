/* TensorBoard event files: scalars by tag and step, appended record by record.
 *
 * A record is its length (uint64), the length's checksum, an Event (events.proto)
 * and the Event's checksum, all little-endian; a checksum is CRC32C, rotated and
 * shifted by a constant. Each write is whole in the file, or taken back. */
#ifndef TIDE_LOG_EVENTS_H
#define TIDE_LOG_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct tide_events tide_events;

typedef struct tide_scalar {
    const char *tag;
    float value;
} tide_scalar;

/* Makes the file `path` (by TensorBoard's custom events.out.tfevents.SECONDS.HOST) with
 * its first record. Errors: TIDE_IO, also where the file exists. */
tide_status tide_events_create(const char *path, double wall_time, tide_events **events);

/* Closes the file; NULL is nothing. */
void tide_events_destroy(tide_events *events);

/* Appends one record of n scalars; it has reached the system on return.
 * Errors: TIDE_IO (the file is as it was before), TIDE_MEMORY. */
tide_status tide_events_add(tide_events *events, double wall_time, int64_t step, const tide_scalar *scalars, size_t n);

/* Waits until all records are on disk. */
tide_status tide_events_sync(tide_events *events);

/* Rewrites the closed file `path` without the records past `step`, for a run that
 * continues from there. Readers stop at the first damaged record, so the file ends
 * there too. Untouched where nothing goes. Puts into *dropped the records taken out
 * (a damaged end counts as one). Errors: TIDE_IO, TIDE_FORMAT for another kind of file. */
tide_status tide_events_cut(const char *path, int64_t step, size_t *dropped);

/* The checksum of n bytes as it stands in the file. */
uint32_t tide_events_checksum(const void *bytes, size_t n);

#endif
