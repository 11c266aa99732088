/* Workers: the parts of one large computation, on several cores.
 *
 * One pool per process, of threads that wait: awake for the time between two
 * passes of a training step, asleep after it. Whoever runs a computation takes
 * parts as well, so nothing ever waits for a worker to wake up. Nothing is
 * allocated per computation. */
#ifndef TIDE_BASE_POOL_H
#define TIDE_BASE_POOL_H

#include <stddef.h>

#include "base/status.h"

enum { TIDE_MOST_THREADS = 64 }; /* as many as Debian's OpenBLAS has room for */

/* Threads from now on, the caller's among them; 1 at first. Errors: TIDE_ARGUMENT for none or too many,
 * TIDE_MEMORY where the system refuses them (there is 1 then). */
tide_status tide_pool_set_threads(size_t threads);
size_t tide_pool_threads(void);

/* One part: touches nothing that another part of the same computation writes. */
typedef void tide_pool_work(void *context, size_t part, size_t parts);

/* Calls work(context, part, parts) once for each part < parts <= 65535, in any order and at the same time,
 * and returns when all are done. Where the pool is busy (another Lua state, or `work` itself), the caller
 * does all parts. */
void tide_pool_run(tide_pool_work *work, void *context, size_t parts);

/* Parts for a computation of about `operations`: `most` or the number of threads, whichever is less, or 1
 * where it is over sooner than a worker is told. */
size_t tide_pool_parts(size_t most, double operations);

/* The share of one part in n things: [first, end). */
typedef struct tide_span {
    size_t first, end;
} tide_span;

static inline tide_span tide_pool_share(size_t n, size_t part, size_t parts)
{
    return (tide_span){n * part / parts, n * (part + 1) / parts};
}

#endif
