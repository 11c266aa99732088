/* TensorBoard event files, read back by a decoder of this test's own: checksums bit by bit, fields by hand. */
#include <check.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "log/events.h"

enum { MOST_RECORDS = 64, MOST_FILE = 1 << 16 };

static char folder[] = "/tmp/tide-test-events-XXXXXX";
static char path[256];

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/events.out.tfevents.0000000001.host", folder);
}

static void remove_folder(void)
{
    unlink(path);
    ck_assert_msg(rmdir(folder) == 0, "files are left in %s", folder);
}

/* ---- the decoder ---- */

/* CRC32C by its definition: reflected polynomial 0x82F63B78, start and end inverted. */
static uint32_t crc_bitwise(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < n; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ ((crc & 1u) ? 0x82F63B78u : 0u);
    }
    return ~crc;
}

static uint32_t masked(const uint8_t *bytes, size_t n)
{
    uint32_t crc = crc_bitwise(bytes, n);
    return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

static uint64_t little_endian(const uint8_t *bytes, int n)
{
    uint64_t value = 0;
    for (int i = n - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

typedef struct decoded {
    double wall_time;
    int64_t step;
    char version[32];
    size_t n_values;
    char tags[8][64];
    float values[8];
} decoded;

static uint64_t varint(const uint8_t **at)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = *(*at)++;
        value |= (uint64_t)(byte & 127) << shift;
        if ((byte & 128) == 0)
            return value;
    }
    ck_abort_msg("a varint without an end");
    return 0;
}

static void copy_text(char *to, size_t room, const uint8_t *from, size_t n)
{
    ck_assert_uint_lt(n, room);
    memcpy(to, from, n);
    to[n] = '\0';
}

static void decode_value(const uint8_t *at, const uint8_t *end, decoded *d)
{
    ck_assert_uint_lt(d->n_values, 8);
    while (at < end) {
        uint64_t key = varint(&at);
        if (key == (1 << 3 | 2)) {
            size_t n = (size_t)varint(&at);
            copy_text(d->tags[d->n_values], sizeof d->tags[0], at, n);
            at += n;
        } else {
            ck_assert_uint_eq(key, 2 << 3 | 5);
            uint32_t bits = (uint32_t)little_endian(at, 4);
            memcpy(&d->values[d->n_values], &bits, 4);
            at += 4;
        }
    }
    d->n_values++;
}

static void decode_event(const uint8_t *at, size_t n, decoded *d)
{
    const uint8_t *end = at + n;
    memset(d, 0, sizeof *d);
    while (at < end) {
        uint64_t key = varint(&at);
        if (key == (1 << 3 | 1)) {
            uint64_t bits = little_endian(at, 8);
            memcpy(&d->wall_time, &bits, 8);
            at += 8;
        } else if (key == (2 << 3 | 0)) {
            d->step = (int64_t)varint(&at);
        } else if (key == (3 << 3 | 2)) {
            size_t length = (size_t)varint(&at);
            copy_text(d->version, sizeof d->version, at, length);
            at += length;
        } else {
            ck_assert_uint_eq(key, 5 << 3 | 2);
            const uint8_t *summary_end = at;
            size_t length = (size_t)varint(&summary_end);
            at = summary_end;
            summary_end += length;
            while (at < summary_end) {
                ck_assert_uint_eq(varint(&at), 1 << 3 | 2);
                size_t value_length = (size_t)varint(&at);
                decode_value(at, at + value_length, d);
                at += value_length;
            }
        }
    }
    ck_assert_ptr_eq(at, end);
}

static size_t file_bytes(uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(bytes, 1, MOST_FILE, file);
    fclose(file);
    return n;
}

/* Every record of the file; its checksums must hold and nothing be left over. */
static size_t decode_file(decoded *records)
{
    static uint8_t bytes[MOST_FILE];
    size_t n = file_bytes(bytes), at = 0, count = 0;
    while (at < n) {
        ck_assert_uint_ge(n - at, 16);
        ck_assert_uint_lt(count, MOST_RECORDS);
        size_t length = (size_t)little_endian(bytes + at, 8);
        ck_assert_uint_eq(little_endian(bytes + at + 8, 4), masked(bytes + at, 8));
        ck_assert_uint_ge(n - at, length + 16);
        ck_assert_uint_eq(little_endian(bytes + at + 12 + length, 4), masked(bytes + at + 12, length));
        decode_event(bytes + at + 12, length, &records[count++]);
        at += length + 16;
    }
    return count;
}

/* A file of steps 0, 100, ... with one scalar each. */
static tide_events *write_steps(int n)
{
    tide_events *events;
    ck_assert_int_eq(tide_events_create(path, 1.5, &events), TIDE_OK);
    for (int i = 0; i < n; i++) {
        tide_scalar scalar = {"eval/return", (float)i};
        ck_assert_int_eq(tide_events_add(events, 2.0 + i, 100 * i, &scalar, 1), TIDE_OK);
    }
    return events;
}

static void append_raw(const void *bytes, size_t n)
{
    FILE *file = fopen(path, "ab");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

/* ---- promises ---- */

/* The check value of CRC-32C, and lengths that cross the library's vector paths. */
START_TEST(checksum_is_masked_crc32c)
{
    uint8_t bytes[1024];
    ck_assert_uint_eq(crc_bitwise((const uint8_t *)"123456789", 9), 0xE3069283u);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i * 7 + i * 13 + 5);
    for (size_t n = 0; n <= sizeof bytes; n++)
        ck_assert_uint_eq(tide_events_checksum(bytes, n), masked(bytes, n));
}
END_TEST

START_TEST(records_hold_what_was_added)
{
    decoded records[MOST_RECORDS];
    tide_events *events;
    ck_assert_int_eq(tide_events_create(path, 1234.25, &events), TIDE_OK);
    const tide_scalar scalars[3] = {{"eval/return", -280.5f}, {"losses/q1", 0.0f}, {"losses/policy", INFINITY}};
    ck_assert_int_eq(tide_events_add(events, 1235.75, 5000000000, scalars, 3), TIDE_OK);
    ck_assert_int_eq(tide_events_add(events, 1236.0, 5000000001, NULL, 0), TIDE_OK);
    ck_assert_int_eq(tide_events_sync(events), TIDE_OK);
    tide_events_destroy(events);

    ck_assert_uint_eq(decode_file(records), 3);
    ck_assert_str_eq(records[0].version, "brain.Event:2");
    ck_assert_double_eq(records[0].wall_time, 1234.25);
    ck_assert_double_eq(records[1].wall_time, 1235.75);
    ck_assert_int_eq(records[1].step, 5000000000);
    ck_assert_uint_eq(records[1].n_values, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(records[1].tags[i], scalars[i].tag);
        ck_assert(records[1].values[i] == scalars[i].value);
    }
    ck_assert_int_eq(records[2].step, 5000000001);
}
END_TEST

START_TEST(each_record_is_in_the_file_on_return)
{
    decoded records[MOST_RECORDS];
    tide_events *events = write_steps(3);
    ck_assert_uint_eq(decode_file(records), 4);
    tide_events_destroy(events);
}
END_TEST

START_TEST(an_existing_file_is_refused_and_kept)
{
    decoded records[MOST_RECORDS];
    tide_events *events;
    tide_events_destroy(write_steps(2));
    ck_assert_int_eq(tide_events_create(path, 9.0, &events), TIDE_IO);
    ck_assert_ptr_null(events);
    ck_assert_ptr_nonnull(strstr(tide_message(), path));
    ck_assert_uint_eq(decode_file(records), 3);
}
END_TEST

START_TEST(cut_drops_later_steps_only)
{
    decoded records[MOST_RECORDS];
    size_t dropped;
    tide_events_destroy(write_steps(10));
    ck_assert_int_eq(tide_events_cut(path, 450, &dropped), TIDE_OK);
    ck_assert_uint_eq(dropped, 5);
    ck_assert_uint_eq(decode_file(records), 6);
    ck_assert_str_eq(records[0].version, "brain.Event:2");
    ck_assert_int_eq(records[5].step, 400);
    ck_assert(records[5].values[0] == 4.0f);
}
END_TEST

START_TEST(cut_keeps_the_step_itself_and_leaves_the_file_alone)
{
    struct stat before, after;
    size_t dropped;
    tide_events_destroy(write_steps(5));
    ck_assert_int_eq(stat(path, &before), 0);
    ck_assert_int_eq(tide_events_cut(path, 400, &dropped), TIDE_OK);
    ck_assert_uint_eq(dropped, 0);
    ck_assert_int_eq(stat(path, &after), 0);
    ck_assert(before.st_ino == after.st_ino); /* not even rewritten */
}
END_TEST

/* A process killed while it writes: every length at which the last record can break off. */
START_TEST(cut_mends_a_broken_end)
{
    static uint8_t bytes[MOST_FILE];
    decoded records[MOST_RECORDS];
    size_t dropped;
    tide_events_destroy(write_steps(2));
    size_t two = file_bytes(bytes);
    unlink(path);
    tide_events_destroy(write_steps(3));
    size_t three = file_bytes(bytes);
    for (size_t n = two + 1; n < three; n++) {
        unlink(path);
        append_raw(bytes, n);
        ck_assert_int_eq(tide_events_cut(path, INT64_MAX, &dropped), TIDE_OK);
        ck_assert_uint_eq(dropped, 1);
        ck_assert_uint_eq(decode_file(records), 3);
    }
}
END_TEST

/* Any damaged byte past the first record ends the file there; none crashes or slips through. */
START_TEST(cut_stops_at_damage_anywhere)
{
    static uint8_t bytes[MOST_FILE];
    decoded records[MOST_RECORDS];
    size_t dropped;
    tide_events_destroy(write_steps(4));
    size_t n = file_bytes(bytes), first = (size_t)little_endian(bytes, 8) + 16;
    for (size_t i = first; i < n; i++) {
        bytes[i] ^= 0x40;
        unlink(path);
        append_raw(bytes, n);
        ck_assert_int_eq(tide_events_cut(path, INT64_MAX, &dropped), TIDE_OK);
        ck_assert_uint_eq(dropped, 1);
        ck_assert_uint_lt(decode_file(records), 5);
        bytes[i] ^= 0x40;
    }
}
END_TEST

START_TEST(cut_refuses_another_kind_of_file)
{
    size_t dropped;
    append_raw("{\"step\": 1, \"eval/return\": 3.0}\n", 32);
    ck_assert_int_eq(tide_events_cut(path, 0, &dropped), TIDE_FORMAT);
    ck_assert_ptr_nonnull(strstr(tide_message(), path));
    uint8_t bytes[64];
    FILE *file = fopen(path, "rb");
    ck_assert_uint_eq(fread(bytes, 1, sizeof bytes, file), 32);
    fclose(file);
    unlink(path);
    ck_assert_int_eq(tide_events_cut(path, 0, &dropped), TIDE_IO);
}
END_TEST

/* A disk that fills up within a record: the limit on file sizes stands for it. */
START_TEST(a_failed_write_leaves_whole_records)
{
    decoded records[MOST_RECORDS];
    struct stat about;
    struct rlimit limit, former;
    tide_events *events = write_steps(3);
    tide_scalar scalar = {"eval/return", 7.0f};
    ck_assert_int_eq(stat(path, &about), 0);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &former), 0);
    signal(SIGXFSZ, SIG_IGN);
    limit = former;
    limit.rlim_cur = (rlim_t)about.st_size + 10;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(tide_events_add(events, 8.0, 300, &scalar, 1), TIDE_IO);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &former), 0);
    ck_assert_uint_eq(decode_file(records), 4);
    ck_assert_int_eq(tide_events_add(events, 9.0, 400, &scalar, 1), TIDE_OK);
    ck_assert_uint_eq(decode_file(records), 5);
    ck_assert_int_eq(records[4].step, 400);
    tide_events_destroy(events);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("events");
    TCase *tests = tcase_create("files");
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, checksum_is_masked_crc32c);
    tcase_add_test(tests, records_hold_what_was_added);
    tcase_add_test(tests, each_record_is_in_the_file_on_return);
    tcase_add_test(tests, an_existing_file_is_refused_and_kept);
    tcase_add_test(tests, cut_drops_later_steps_only);
    tcase_add_test(tests, cut_keeps_the_step_itself_and_leaves_the_file_alone);
    tcase_add_test(tests, cut_mends_a_broken_end);
    tcase_add_test(tests, cut_stops_at_damage_anywhere);
    tcase_add_test(tests, cut_refuses_another_kind_of_file);
    tcase_add_test(tests, a_failed_write_leaves_whole_records);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
