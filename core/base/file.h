/* Files that are whole or absent: written under a temporary name, synced, renamed.
 *
 * A reader never sees half a file, and a crash leaves the old one in place. */
#ifndef TIDE_BASE_FILE_H
#define TIDE_BASE_FILE_H

#include <stddef.h>

#include "base/status.h"

/* Writes into `text` (of `size` bytes) a temporary name for a file that becomes `path`:
 * the same folder, this process's number and a count in it: no two are alike.
 * Errors: TIDE_ARGUMENT where it does not fit. */
tide_status tide_file_temporary(const char *path, char *text, size_t size);

/* Syncs the closed file `temporary` to disk, renames it to `path`, syncs the folder.
 * On failure the temporary file is removed. Errors: TIDE_IO. */
tide_status tide_file_commit(const char *temporary, const char *path);

/* Puts n bytes at `path`, whole or not at all. Errors: TIDE_IO (also a full disk). */
tide_status tide_file_write(const char *path, const void *bytes, size_t n);

#endif
