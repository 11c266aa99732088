/* What the C tests share: seeds that are printed, statuses that must be, a main. */
#ifndef TIDE_TESTS_TESTING_H
#define TIDE_TESTS_TESTING_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "base/status.h"

/* A generator for random inputs. Its seed is printed; TIDE_TEST_SEED sets another. */
static inline tide_rng testing_rng(const char *what)
{
    const char *given = getenv("TIDE_TEST_SEED");
    unsigned long long seed = given != NULL ? strtoull(given, NULL, 0) : 20220913u;
    printf("%s: TIDE_TEST_SEED=%llu\n", what, seed);
    fflush(stdout);
    return tide_rng_make(seed, 0);
}

static inline float testing_uniform(tide_rng *rng, float low, float high)
{
    float x;
    tide_rng_uniform(rng, &x, 1, low, high);
    return x;
}

#define MUST(call)                                                        \
    do {                                                                  \
        tide_status must_ = (call);                                       \
        ck_assert_msg(must_ == TIDE_OK, "%s: %s", #call, tide_message()); \
    } while (0)

/* The call fails with this status, and its message contains `text`. */
#define MUST_FAIL(call, status, text)                                                              \
    do {                                                                                           \
        tide_status got_ = (call);                                                                 \
        ck_assert_msg(got_ == (status), "%s: status %d, not %d", #call, (int)got_, (int)(status)); \
        ck_assert_msg(strstr(tide_message(), text) != NULL, "%s: %s", #call, tide_message());      \
    } while (0)

/* |got - wanted| <= relative |wanted| + absolute */
#define NEAR(got, wanted, relative, absolute)                                                                      \
    do {                                                                                                           \
        double got_ = (double)(got), wanted_ = (double)(wanted);                                                   \
        ck_assert_msg(fabs(got_ - wanted_) <= (relative)*fabs(wanted_) + (absolute), "%s is %.9g, not %.9g", #got, \
                      got_, wanted_);                                                                              \
    } while (0)

/* Runs one test case's suite; for main. */
static inline int testing_run(const char *name, void (*add)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 120);
    add(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
