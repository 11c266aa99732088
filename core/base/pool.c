#include "base/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

/* The parts of the running computation: its number, how many there are, and which is next. Who moves
 * `next` on owns that part; the computation cannot end before, so its description stays. */
enum { NEXT_BITS = 16, PARTS_BITS = 16 };

static const long AWAKE_NS = 100000;   /* longer than the passes between two products, shorter than rollouts */
static const double WORTH_WHILE = 1e6; /* operations: about 10 us */

static struct {
    pthread_mutex_t owner; /* held by who runs a computation or changes the workers */
    _Atomic size_t n_workers;
    pthread_t workers[TIDE_MOST_THREADS - 1];
    tide_pool_work *work;
    void *context;
    _Alignas(64) _Atomic uint64_t tickets;
    _Alignas(64) _Atomic size_t left; /* parts not done */
    _Atomic size_t asleep;            /* workers */
    _Atomic bool owner_asleep, stopping;
    pthread_mutex_t sleep;
    pthread_cond_t begun, done;
} pool = {
    .owner = PTHREAD_MUTEX_INITIALIZER,
    .sleep = PTHREAD_MUTEX_INITIALIZER,
    .begun = PTHREAD_COND_INITIALIZER,
    .done = PTHREAD_COND_INITIALIZER,
};

static size_t parts_of(uint64_t tickets)
{
    return (tickets >> NEXT_BITS) & ((1u << PARTS_BITS) - 1);
}

static size_t next_of(uint64_t tickets)
{
    return tickets & ((1u << NEXT_BITS) - 1);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000L + t.tv_nsec;
}

static bool part_ready(void)
{
    uint64_t tickets = atomic_load(&pool.tickets);
    return next_of(tickets) < parts_of(tickets) || atomic_load(&pool.stopping);
}

static bool all_done(void)
{
    return atomic_load(&pool.left) == 0;
}

/* True as soon as `ready` is; false when it was not for AWAKE_NS. */
static bool wait_awake(bool (*ready)(void))
{
    long end = now_ns() + AWAKE_NS;
    do {
        for (int i = 0; i < 32; i++) {
            if (ready())
                return true;
            relax();
        }
    } while (now_ns() < end);
    return false;
}

/* Does parts until none is left to take. */
static void take_parts(void)
{
    uint64_t tickets = atomic_load(&pool.tickets);
    while (next_of(tickets) < parts_of(tickets)) {
        if (!atomic_compare_exchange_weak(&pool.tickets, &tickets, tickets + 1))
            continue;
        pool.work(pool.context, next_of(tickets), parts_of(tickets));
        if (atomic_fetch_sub(&pool.left, 1) == 1 && atomic_load(&pool.owner_asleep)) {
            pthread_mutex_lock(&pool.sleep);
            pthread_cond_signal(&pool.done);
            pthread_mutex_unlock(&pool.sleep);
        }
        tickets = atomic_load(&pool.tickets);
    }
}

static void *run_worker(void *nothing)
{
    while (!atomic_load(&pool.stopping)) {
        take_parts();
        if (wait_awake(part_ready))
            continue;
        /* Who begins looks at `asleep` after it has put the tickets out; this looks at them after `asleep`. */
        pthread_mutex_lock(&pool.sleep);
        atomic_fetch_add(&pool.asleep, 1);
        while (!part_ready())
            pthread_cond_wait(&pool.begun, &pool.sleep);
        atomic_fetch_sub(&pool.asleep, 1);
        pthread_mutex_unlock(&pool.sleep);
    }
    return nothing;
}

static void wake_workers(void)
{
    if (atomic_load(&pool.asleep) == 0)
        return;
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.begun);
    pthread_mutex_unlock(&pool.sleep);
}

static void wait_for_workers(void)
{
    if (wait_awake(all_done))
        return;
    pthread_mutex_lock(&pool.sleep);
    atomic_store(&pool.owner_asleep, true);
    while (!all_done())
        pthread_cond_wait(&pool.done, &pool.sleep);
    atomic_store(&pool.owner_asleep, false);
    pthread_mutex_unlock(&pool.sleep);
}

void tide_pool_run(tide_pool_work *work, void *context, size_t parts)
{
    if (parts <= 1 || pthread_mutex_trylock(&pool.owner) != 0) {
        for (size_t part = 0; part < parts; part++)
            work(context, part, parts);
        return;
    }
    pool.work = work;
    pool.context = context;
    uint64_t number = (atomic_load(&pool.tickets) >> (NEXT_BITS + PARTS_BITS)) + 1;
    atomic_store(&pool.left, parts);
    atomic_store(&pool.tickets, number << (NEXT_BITS + PARTS_BITS) | (uint64_t)parts << NEXT_BITS);
    wake_workers();
    take_parts();
    wait_for_workers();
    pthread_mutex_unlock(&pool.owner);
}

size_t tide_pool_parts(size_t most, double operations)
{
    size_t threads = operations < WORTH_WHILE ? 1 : tide_pool_threads();
    return most < threads ? most : threads;
}

/* ---- workers come and go; the caller holds `owner` ---- */

static void stop_workers(void)
{
    atomic_store(&pool.stopping, true);
    pthread_mutex_lock(&pool.sleep);
    pthread_cond_broadcast(&pool.begun);
    pthread_mutex_unlock(&pool.sleep);
    for (; pool.n_workers > 0; pool.n_workers--)
        pthread_join(pool.workers[pool.n_workers - 1], NULL);
    atomic_store(&pool.stopping, false);
}

/* Signals are the caller's business. */
static bool start_worker(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&pool.workers[pool.n_workers], NULL, run_worker, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pool.n_workers += started;
    return started;
}

/* When the process ends, and before a module that holds this code is unloaded. */
static void end_pool(void)
{
    if (pthread_mutex_trylock(&pool.owner) != 0)
        return;
    stop_workers();
    pthread_mutex_unlock(&pool.owner);
}

/* A forked child has no workers. */
static void forget_workers(void)
{
    pthread_mutex_init(&pool.owner, NULL);
    pthread_mutex_init(&pool.sleep, NULL);
    pthread_cond_init(&pool.begun, NULL);
    pthread_cond_init(&pool.done, NULL);
    atomic_store(&pool.asleep, 0);
    pool.n_workers = 0;
}

static void register_end(void)
{
    atexit(end_pool);
    pthread_atfork(NULL, NULL, forget_workers);
}

tide_status tide_pool_set_threads(size_t threads)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (threads == 0 || threads > TIDE_MOST_THREADS)
        return tide_fail(TIDE_ARGUMENT, "threads: %zu; between 1 and %d are possible", threads, TIDE_MOST_THREADS);
    bool enough = true;
    pthread_mutex_lock(&pool.owner);
    if (threads - 1 != pool.n_workers) {
        pthread_once(&once, register_end);
        stop_workers();
        while (enough && pool.n_workers < threads - 1)
            enough = start_worker();
        if (!enough)
            stop_workers();
    }
    pthread_mutex_unlock(&pool.owner);
    return enough ? TIDE_OK : tide_fail(TIDE_MEMORY, "threads: the system does not start %zu", threads);
}

size_t tide_pool_threads(void)
{
    return pool.n_workers + 1;
}
