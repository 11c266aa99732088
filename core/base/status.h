/* Statuses and messages: how every fallible function of Tide reports.
 *
 * A function that can fail returns a tide_status. TIDE_OK is 0. On failure it
 * leaves one message, naming what was at fault, in storage that belongs to the
 * calling thread; the next failure on that thread replaces it. */
#ifndef TIDE_BASE_STATUS_H
#define TIDE_BASE_STATUS_H

typedef enum tide_status {
    TIDE_OK = 0,
    TIDE_ARGUMENT,  /* a value out of its range, an unknown name */
    TIDE_SHAPE,     /* tensors whose shapes do not go together */
    TIDE_MEMORY,    /* the system has no more memory */
    TIDE_IO,        /* the file system refused: missing, full, forbidden */
    TIDE_FORMAT,    /* a file that is not what it should be */
    TIDE_NUMERIC,   /* NaN or infinity where a finite number is needed */
    TIDE_STATE,     /* the right call at the wrong time */
    TIDE_SIMULATOR, /* MuJoCo refused or gave up */
} tide_status;

#if defined(__GNUC__)
#define TIDE_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define TIDE_PRINTF(at, first)
#endif

/* Formats the calling thread's message and returns `status`. */
tide_status tide_fail(tide_status status, const char *format, ...) TIDE_PRINTF(2, 3);

/* The last failure's message on this thread; "" before the first. */
const char *tide_message(void);

/* Evaluates a call that returns tide_status; returns from the caller on failure. */
#define TIDE_TRY(call)                  \
    do {                                \
        tide_status tide_try_ = (call); \
        if (tide_try_ != TIDE_OK)       \
            return tide_try_;           \
    } while (0)

#endif
