#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

tide_status tide_file_temporary(const char *path, char *text, size_t size)
{
    static _Atomic unsigned number;
    unsigned mine = atomic_fetch_add_explicit(&number, 1, memory_order_relaxed);
    int n = snprintf(text, size, "%s.%ld-%u.tmp", path, (long)getpid(), mine);
    if (n < 0 || (size_t)n >= size)
        return tide_fail(TIDE_ARGUMENT, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
    return TIDE_OK;
}

static tide_status sync_path(const char *path, int flags)
{
    int file = open(path, flags);
    if (file < 0)
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(errno));
    int error = fsync(file) == 0 ? 0 : errno;
    close(file);
    if (error != 0)
        return tide_fail(TIDE_IO, "%s: not written to disk: %s", path, strerror(error));
    return TIDE_OK;
}

/* The folder of `path`, "." where it names none. */
static tide_status sync_folder(const char *path)
{
    char folder[PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t n = slash == NULL ? 0 : (size_t)(slash - path);
    if (n >= sizeof folder)
        return tide_fail(TIDE_ARGUMENT, "%.100s...: a path of %zu bytes is too long", path, strlen(path));
    memcpy(folder, path, n);
    folder[n] = '\0';
    if (n == 0)
        memcpy(folder, slash == NULL ? "." : "/", 2);
    return sync_path(folder, O_RDONLY | O_DIRECTORY);
}

tide_status tide_file_commit(const char *temporary, const char *path)
{
    tide_status status = sync_path(temporary, O_RDWR);
    if (status == TIDE_OK && rename(temporary, path) != 0)
        status = tide_fail(TIDE_IO, "%s: cannot be renamed to %s: %s", temporary, path, strerror(errno));
    if (status != TIDE_OK) {
        unlink(temporary);
        return status;
    }
    return sync_folder(path);
}

static int write_all(int file, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(file, bytes, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return errno;
        bytes += written;
        n -= (size_t)written;
    }
    return 0;
}

tide_status tide_file_write(const char *path, const void *bytes, size_t n)
{
    char temporary[PATH_BYTES];
    TIDE_TRY(tide_file_temporary(path, temporary, sizeof temporary));
    int file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file < 0)
        return tide_fail(TIDE_IO, "%s: %s", temporary, strerror(errno));
    int error = write_all(file, bytes, n);
    if (close(file) != 0 && error == 0)
        error = errno;
    if (error != 0) {
        unlink(temporary);
        return tide_fail(TIDE_IO, "%s: %s", path, strerror(error));
    }
    return tide_file_commit(temporary, path);
}
