#include "sim/png.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"

/* A PNG is a signature and chunks: length, type, data, CRC of type and data. Numbers are big-endian. */
static uint8_t *put_number(uint8_t *to, size_t number)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        *to++ = (uint8_t)(number >> shift);
    return to;
}

/* Puts the frame of a chunk around the n bytes of data that stand 8 bytes past `chunk`; returns where the next begins. */
static uint8_t *finish_chunk(uint8_t *chunk, const char type[4], size_t n)
{
    memcpy(put_number(chunk, n), type, 4);
    return put_number(chunk + 8 + n, crc32_gzip_refl(0, chunk + 4, 4 + n));
}

/* Each row as the differences from the pixel before (filter 1), which compress well where pictures are smooth. */
static void filter_rows(const uint8_t *rgb, size_t row_bytes, size_t height, uint8_t *filtered)
{
    for (size_t y = 0; y < height; y++, rgb += row_bytes, filtered += row_bytes) {
        *filtered++ = 1;
        memcpy(filtered, rgb, 3);
        for (size_t i = 3; i < row_bytes; i++)
            filtered[i] = (uint8_t)(rgb[i] - rgb[i - 3]);
    }
}

/* The zlib stream of n bytes into `out`; its length into *used. */
static tide_status compress(uint8_t *bytes, size_t n, uint8_t *out, size_t room, size_t *used)
{
    void *level_buffer, *block;
    TIDE_TRY(tide_alloc(ISAL_DEF_LVL3_DEFAULT, &level_buffer));
    tide_status status = tide_alloc(sizeof(struct isal_zstream), &block);
    if (status == TIDE_OK) {
        struct isal_zstream *stream = block;
        isal_deflate_init(stream);
        stream->level = 3;
        stream->level_buf = level_buffer;
        stream->level_buf_size = ISAL_DEF_LVL3_DEFAULT;
        stream->gzip_flag = IGZIP_ZLIB;
        stream->end_of_stream = 1;
        stream->next_in = bytes;
        stream->avail_in = (uint32_t)n;
        stream->next_out = out;
        stream->avail_out = (uint32_t)room;
        if (isal_deflate(stream) != COMP_OK || stream->internal_state.state != ZSTATE_END)
            status = tide_fail(TIDE_MEMORY, "png: %zu bytes do not fit into %zu when compressed", n, room);
        *used = stream->total_out;
        tide_free(stream);
    }
    tide_free(level_buffer);
    return status;
}

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* Filters, compresses and writes; `filtered` has room for `n` bytes, `file` for `room`. */
static tide_status write_file(const char *path, const uint8_t *rgb, size_t width, size_t height, uint8_t *filtered,
                              size_t n, uint8_t *file, size_t room)
{
    enum { HEADER = 13, FRAMES = 8 + 3 * 12 + HEADER };
    filter_rows(rgb, 3 * width, height, filtered);
    uint8_t *at = file;
    memcpy(at, signature, sizeof signature);
    at += sizeof signature;

    uint8_t *header = put_number(put_number(at + 8, width), height);
    memcpy(header, (const uint8_t[]){8, 2, 0, 0, 0}, 5); /* 8 bits each of RGB, deflate, filters, not interlaced */
    at = finish_chunk(at, "IHDR", HEADER);

    size_t used;
    TIDE_TRY(compress(filtered, n, at + 8, room - FRAMES, &used));
    at = finish_chunk(at, "IDAT", used);
    at = finish_chunk(at, "IEND", 0);
    return tide_file_write(path, file, (size_t)(at - file));
}

tide_status tide_png_write(const char *path, const uint8_t *rgb, size_t width, size_t height)
{
    if (width < 1 || height < 1 || width > TIDE_PNG_SIDE || height > TIDE_PNG_SIDE)
        return tide_fail(TIDE_ARGUMENT, "png: %zu x %zu pixels; a side has 1 to %d", width, height, TIDE_PNG_SIDE);
    size_t n = (1 + 3 * width) * height, room = n + n / 64 + 4096;
    if (room > UINT32_MAX)
        return tide_fail(TIDE_ARGUMENT, "png: %zu x %zu pixels are too many for one file", width, height);
    void *filtered, *file;
    TIDE_TRY(tide_alloc(n, &filtered));
    tide_status status = tide_alloc(room, &file);
    if (status == TIDE_OK) {
        status = write_file(path, rgb, width, height, filtered, n, file, room);
        tide_free(file);
    }
    tide_free(filtered);
    return status;
}
