/* The pool: every part once, whoever does it; workers come and go; nobody waits for who is asleep. */
#include "../testing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/pool.h"

enum { MOST_PARTS = 100 };

static atomic_int calls[MOST_PARTS];
static atomic_int wrong;

static void count_part(void *context, size_t part, size_t parts)
{
    if (context != &wrong || part >= parts || parts > MOST_PARTS)
        atomic_fetch_add(&wrong, 1);
    else
        atomic_fetch_add(&calls[part], 1);
}

static void run_and_check(size_t parts, int times)
{
    for (size_t i = 0; i < MOST_PARTS; i++)
        atomic_store(&calls[i], 0);
    for (int i = 0; i < times; i++)
        tide_pool_run(count_part, &wrong, parts);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    for (size_t i = 0; i < MOST_PARTS; i++)
        ck_assert_int_eq(atomic_load(&calls[i]), i < parts ? times : 0);
}

START_TEST(each_part_is_done_once)
{
    static const size_t threads[] = {1, 2, 3, 7, 2, 1};
    for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
        MUST(tide_pool_set_threads(threads[t]));
        ck_assert_uint_eq(tide_pool_threads(), threads[t]);
        for (size_t parts = 0; parts <= MOST_PARTS; parts = 2 * parts + 1)
            run_and_check(parts, 50);
    }
}
END_TEST

/* Longer than a worker stays awake, and no pause at all, in turn. */
START_TEST(sleeping_workers_miss_nothing)
{
    MUST(tide_pool_set_threads(3));
    for (int i = 0; i < 200; i++) {
        const struct timespec pause = {.tv_nsec = 1000 * (i % 4 == 0 ? 300 : i % 7 * 20)};
        nanosleep(&pause, NULL);
        run_and_check(3, 1 + i % 3);
    }
}
END_TEST

static void pause_part(void *context, size_t part, size_t parts)
{
    const struct timespec pause = {.tv_nsec = part == parts - 1 ? 400000 : 0};
    nanosleep(&pause, NULL);
    atomic_fetch_add((atomic_int *)context, 1);
}

/* The caller is done first and falls asleep. */
START_TEST(the_caller_returns_after_the_slowest_part)
{
    atomic_int done;
    MUST(tide_pool_set_threads(2));
    for (int i = 0; i < 100; i++) {
        atomic_store(&done, 0);
        tide_pool_run(pause_part, &done, 2);
        ck_assert_int_eq(atomic_load(&done), 2);
    }
}
END_TEST

typedef struct sums {
    const int *values;
    long total[4];
} sums;

static void sum_part(void *context, size_t part, size_t parts)
{
    sums *s = context;
    tide_span span = tide_pool_share(1000, part, parts);
    for (size_t i = span.first; i < span.end; i++)
        s->total[part] += s->values[i];
}

START_TEST(what_parts_write_is_there_afterwards)
{
    static int values[1000];
    MUST(tide_pool_set_threads(4));
    for (int round = 0; round < 2000; round++) {
        long expected = 0;
        for (int i = 0; i < 1000; i++)
            expected += values[i] = i * round % 1013;
        sums s = {.values = values};
        tide_pool_run(sum_part, &s, 4);
        ck_assert_int_eq(s.total[0] + s.total[1] + s.total[2] + s.total[3], expected);
    }
}
END_TEST

static void nested_part(void *context, size_t part, size_t parts)
{
    (void)parts;
    tide_pool_run(count_part, context, part + 2);
}

START_TEST(a_computation_inside_another_is_done_by_its_caller)
{
    MUST(tide_pool_set_threads(2));
    for (size_t i = 0; i < MOST_PARTS; i++)
        atomic_store(&calls[i], 0);
    for (int i = 0; i < 500; i++)
        tide_pool_run(nested_part, &wrong, 3);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_eq(atomic_load(&calls[0]), 1500);
    ck_assert_int_eq(atomic_load(&calls[2]), 1000);
    ck_assert_int_eq(atomic_load(&calls[3]), 500);
}
END_TEST

static void *sum_often(void *values)
{
    for (int i = 0; i < 3000; i++) {
        sums s = {.values = values};
        tide_pool_run(sum_part, &s, 3);
        if (s.total[0] + s.total[1] + s.total[2] != 499500)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

static void *change_threads(void *nothing)
{
    for (size_t i = 0; i < 60; i++)
        if (tide_pool_set_threads(1 + i % 3) != TIDE_OK)
            atomic_fetch_add(&wrong, 1);
    return nothing;
}

START_TEST(several_callers_share_it_while_workers_change)
{
    static int values[1000];
    pthread_t callers[3];
    for (int i = 0; i < 1000; i++)
        values[i] = i;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(pthread_create(&callers[i], NULL, i < 2 ? sum_often : change_threads, values), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(callers[i], NULL);
    ck_assert_int_eq(atomic_load(&wrong), 0);
}
END_TEST

START_TEST(a_forked_child_computes_and_ends)
{
    int status;
    MUST(tide_pool_set_threads(3));
    run_and_check(3, 10);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        alarm(20);
        bool alone = tide_pool_threads() == 1;
        tide_pool_run(count_part, &wrong, 3);
        bool done = atomic_load(&calls[2]) == 11;
#ifndef __SANITIZE_THREAD__ /* which knows no threads after a fork */
        MUST(tide_pool_set_threads(2));
#endif
        tide_pool_run(count_part, &wrong, 3);
        exit(alone && done && atomic_load(&calls[2]) == 12 ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    run_and_check(3, 10);
}
END_TEST

START_TEST(parts_follow_threads_and_work)
{
    MUST(tide_pool_set_threads(3));
    ck_assert_uint_eq(tide_pool_parts(8, 1e9), 3);
    ck_assert_uint_eq(tide_pool_parts(2, 1e9), 2);
    ck_assert_uint_eq(tide_pool_parts(8, 1e3), 1);
    ck_assert_uint_eq(tide_pool_parts(0, 1e9), 0);
    for (size_t n = 0; n < 40; n++) {
        size_t end = 0;
        for (size_t part = 0; part < 7; part++) {
            tide_span span = tide_pool_share(n, part, 7);
            ck_assert_uint_eq(span.first, end);
            end = span.end;
        }
        ck_assert_uint_eq(end, n);
    }
}
END_TEST

START_TEST(no_threads_and_too_many_are_refused)
{
    MUST(tide_pool_set_threads(2));
    MUST_FAIL(tide_pool_set_threads(0), TIDE_ARGUMENT, "threads: 0");
    MUST_FAIL(tide_pool_set_threads(TIDE_MOST_THREADS + 1), TIDE_ARGUMENT, "threads: 65");
    ck_assert_uint_eq(tide_pool_threads(), 2);
    MUST(tide_pool_set_threads(TIDE_MOST_THREADS));
    run_and_check(MOST_PARTS, 3);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, each_part_is_done_once);
    tcase_add_test(tests, sleeping_workers_miss_nothing);
    tcase_add_test(tests, the_caller_returns_after_the_slowest_part);
    tcase_add_test(tests, what_parts_write_is_there_afterwards);
    tcase_add_test(tests, a_computation_inside_another_is_done_by_its_caller);
    tcase_add_test(tests, several_callers_share_it_while_workers_change);
    tcase_add_test(tests, a_forked_child_computes_and_ends);
    tcase_add_test(tests, parts_follow_threads_and_work);
    tcase_add_test(tests, no_threads_and_too_many_are_refused);
}

int main(void)
{
    return testing_run("pool", add);
}
