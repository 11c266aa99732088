/* PNG files of 8-bit RGB pictures, written whole or not at all. */
#ifndef TIDE_SIM_PNG_H
#define TIDE_SIM_PNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Writes width * height pixels of three bytes, the top row first.
 * Errors: TIDE_ARGUMENT (no pixels, or more than TIDE_PNG_SIDE a side), TIDE_MEMORY, TIDE_IO. */
enum { TIDE_PNG_SIDE = 32768 };
tide_status tide_png_write(const char *path, const uint8_t *rgb, size_t width, size_t height);

#endif
