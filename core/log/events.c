#include "log/events.h"

#include <errno.h>
#include <fcntl.h>
#include <isa-l/crc.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "log/events.pb-c.h"

/* Sizes of a record's parts; an Event past MOST_BYTES is taken for damage. */
enum { LENGTH_BYTES = 8, CHECK_BYTES = 4, HEAD_BYTES = LENGTH_BYTES + CHECK_BYTES, MOST_BYTES = 1 << 30 };

struct tide_events {
    char *path;
    int file;
    off_t size;      /* of the whole records */
    uint8_t *record; /* room for one, reused */
    size_t record_bytes;
    Tide__Log__Summary__Value *values; /* as many as the widest record so far */
    Tide__Log__Summary__Value **pointers;
    size_t n_values;
};

/* ---- records ---- */

/* crc32_iscsi inverts neither its start nor its end; CRC32C does both. */
uint32_t tide_events_checksum(const void *bytes, size_t n)
{
    unsigned char *data = (unsigned char *)(uintptr_t)bytes;
    uint32_t crc = ~crc32_iscsi(data, (int)n, ~0u);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static void put_little_endian(uint8_t *out, uint64_t value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get_little_endian(const uint8_t *in, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++)
        value |= (uint64_t)in[i] << (8 * i);
    return value;
}

/* The record at the start of the n bytes: its Event's length, or false where it is damaged or cut off. */
static bool read_record(const uint8_t *bytes, size_t n, size_t *length)
{
    if (n < HEAD_BYTES + CHECK_BYTES)
        return false;
    uint64_t claimed = get_little_endian(bytes, LENGTH_BYTES);
    if (get_little_endian(bytes + LENGTH_BYTES, CHECK_BYTES) != tide_events_checksum(bytes, LENGTH_BYTES))
        return false;
    if (claimed > MOST_BYTES || claimed > n - HEAD_BYTES - CHECK_BYTES)
        return false;
    *length = (size_t)claimed;
    const uint8_t *event = bytes + HEAD_BYTES;
    return get_little_endian(event + *length, CHECK_BYTES) == tide_events_checksum(event, *length);
}

/* ---- writing ---- */

/* At least `bytes` in *room, which holds *held; the old content goes. */
static tide_status make_room(void *room, size_t *held, size_t bytes)
{
    if (bytes <= *held)
        return TIDE_OK;
    void *larger;
    TIDE_TRY(tide_alloc(bytes + bytes / 2, &larger));
    tide_free(*(void **)room);
    *(void **)room = larger;
    *held = bytes + bytes / 2;
    return TIDE_OK;
}

/* Writes at the end of the whole records; what a failed write leaves is cut off. */
static tide_status append_bytes(tide_events *events, const uint8_t *bytes, size_t n)
{
    size_t done = 0;
    while (done < n) {
        ssize_t written = write(events->file, bytes + done, n - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0) {
            int error = errno;
            if (ftruncate(events->file, events->size) != 0)
                error = errno;
            return tide_fail(TIDE_IO, "%s: %s", events->path, strerror(error));
        }
        done += (size_t)written;
    }
    events->size += (off_t)n;
    return TIDE_OK;
}

static tide_status append_event(tide_events *events, const Tide__Log__Event *event)
{
    size_t length = tide__log__event__get_packed_size(event);
    if (length > MOST_BYTES)
        return tide_fail(TIDE_ARGUMENT, "%s: a record of %zu bytes", events->path, length);
    TIDE_TRY(make_room(&events->record, &events->record_bytes, HEAD_BYTES + length + CHECK_BYTES));
    uint8_t *record = events->record;
    put_little_endian(record, length, LENGTH_BYTES);
    put_little_endian(record + LENGTH_BYTES, tide_events_checksum(record, LENGTH_BYTES), CHECK_BYTES);
    tide__log__event__pack(event, record + HEAD_BYTES);
    put_little_endian(record + HEAD_BYTES + length, tide_events_checksum(record + HEAD_BYTES, length), CHECK_BYTES);
    return append_bytes(events, record, HEAD_BYTES + length + CHECK_BYTES);
}

void tide_events_destroy(tide_events *events)
{
    if (events == NULL)
        return;
    if (events->file >= 0)
        close(events->file);
    tide_free(events->path);
    tide_free(events->record);
    tide_free(events->values);
    tide_free(events->pointers);
    tide_free(events);
}

static tide_status create_file(tide_events *events, const char *path, double wall_time)
{
    size_t n = strlen(path) + 1;
    TIDE_TRY(tide_alloc(n, (void **)&events->path));
    memcpy(events->path, path, n);
    events->file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
    if (events->file < 0)
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    char version[] = "brain.Event:2";
    Tide__Log__Event event = TIDE__LOG__EVENT__INIT;
    event.has_wall_time = true;
    event.wall_time = wall_time;
    event.file_version = version;
    return append_event(events, &event);
}

tide_status tide_events_create(const char *path, double wall_time, tide_events **events)
{
    *events = NULL;
    TIDE_TRY(tide_alloc(sizeof **events, (void **)events));
    (*events)->file = -1;
    tide_status status = create_file(*events, path, wall_time);
    if (status != TIDE_OK) {
        tide_events_destroy(*events);
        *events = NULL;
    }
    return status;
}

static tide_status make_values(tide_events *events, size_t n)
{
    if (n <= events->n_values)
        return TIDE_OK;
    tide_free(events->values);
    tide_free(events->pointers);
    events->values = NULL;
    events->pointers = NULL;
    events->n_values = 0;
    TIDE_TRY(tide_alloc_array(n, sizeof *events->values, (void **)&events->values));
    TIDE_TRY(tide_alloc_array(n, sizeof *events->pointers, (void **)&events->pointers));
    events->n_values = n;
    for (size_t i = 0; i < n; i++) {
        events->pointers[i] = &events->values[i];
        tide__log__summary__value__init(&events->values[i]);
        events->values[i].has_simple_value = true;
    }
    return TIDE_OK;
}

tide_status tide_events_add(tide_events *events, double wall_time, int64_t step, const tide_scalar *scalars, size_t n)
{
    TIDE_TRY(make_values(events, n));
    for (size_t i = 0; i < n; i++) {
        events->values[i].tag = (char *)(uintptr_t)scalars[i].tag; /* packing only reads it */
        events->values[i].simple_value = scalars[i].value;
    }
    Tide__Log__Summary summary = TIDE__LOG__SUMMARY__INIT;
    summary.n_value = n;
    summary.value = events->pointers;
    Tide__Log__Event event = TIDE__LOG__EVENT__INIT;
    event.has_wall_time = true;
    event.wall_time = wall_time;
    event.has_step = true;
    event.step = step;
    event.summary = &summary;
    return append_event(events, &event);
}

tide_status tide_events_sync(tide_events *events)
{
    if (fsync(events->file) != 0)
        return tide_fail(TIDE_IO, "%s: not written to disk: %s", events->path, strerror(errno));
    return TIDE_OK;
}

/* ---- cutting ---- */

/* The file's bytes into *bytes (tide_free them), their number into *n. */
static tide_status read_whole(const char *path, uint8_t **bytes, size_t *n)
{
    *bytes = NULL;
    *n = 0;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    struct stat about;
    tide_status status = TIDE_OK;
    if (fstat(fileno(file), &about) != 0)
        status = tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    if (status == TIDE_OK)
        status = tide_alloc((size_t)about.st_size, (void **)bytes);
    if (status == TIDE_OK) {
        *n = fread(*bytes, 1, (size_t)about.st_size, file);
        if (ferror(file))
            status = tide_fail(TIDE_IO, "%s: cannot be read", path);
    }
    fclose(file);
    return status;
}

/* Whether the Event says something about a step past `step`. One that is no Event does not. */
static bool is_past(const uint8_t *bytes, size_t length, int64_t step)
{
    Tide__Log__Event *event = tide__log__event__unpack(NULL, length, bytes);
    bool past = event != NULL && event->has_step && event->step > step;
    tide__log__event__free_unpacked(event, NULL);
    return past;
}

/* Moves the records to keep to the front of the n bytes; returns their bytes. */
static size_t keep_records(uint8_t *bytes, size_t n, int64_t step, size_t *dropped)
{
    size_t kept = 0, at = 0, length;
    *dropped = 0;
    while (at < n && read_record(bytes + at, n - at, &length)) {
        size_t whole = HEAD_BYTES + length + CHECK_BYTES;
        if (is_past(bytes + at + HEAD_BYTES, length, step)) {
            *dropped += 1;
        } else {
            memmove(bytes + kept, bytes + at, whole);
            kept += whole;
        }
        at += whole;
    }
    *dropped += at < n;
    return kept;
}

tide_status tide_events_cut(const char *path, int64_t step, size_t *dropped)
{
    uint8_t *bytes;
    size_t n, first;
    *dropped = 0;
    tide_status status = read_whole(path, &bytes, &n);
    if (status == TIDE_OK && n > 0 && !read_record(bytes, n, &first))
        status = tide_fail(TIDE_FORMAT, "%s: not a TensorBoard event file, or damaged from its first record on", path);
    if (status == TIDE_OK) {
        size_t kept = keep_records(bytes, n, step, dropped);
        if (*dropped > 0)
            status = tide_file_write(path, bytes, kept);
    }
    tide_free(bytes);
    return status;
}
