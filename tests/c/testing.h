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

/* As ck_assert, for inner loops: Check writes to a pipe for every assertion that holds. */
#define EXPECT(condition)                           \
    do {                                            \
        if (!(condition))                           \
            ck_abort_msg("not so: %s", #condition); \
    } while (0)

#define MUST(call)                                         \
    do {                                                   \
        if ((call) != TIDE_OK)                             \
            ck_abort_msg("%s: %s", #call, tide_message()); \
    } while (0)

/* The call fails with this status, and its message contains `text`. */
#define MUST_FAIL(call, status, text)                                               \
    do {                                                                            \
        tide_status got_ = (call);                                                  \
        if (got_ != (status))                                                       \
            ck_abort_msg("%s: status %d, not %d", #call, (int)got_, (int)(status)); \
        if (strstr(tide_message(), text) == NULL)                                   \
            ck_abort_msg("%s: \"%s\" is not in: %s", #call, text, tide_message());  \
    } while (0)

/* |got - wanted| <= relative |wanted| + absolute */
#define NEAR(got, wanted, relative, absolute)                                 \
    do {                                                                      \
        double got_ = (double)(got), wanted_ = (double)(wanted);              \
        if (!(fabs(got_ - wanted_) <= (relative)*fabs(wanted_) + (absolute))) \
            ck_abort_msg("%s is %.9g, not %.9g", #got, got_, wanted_);        \
    } while (0)

/* Runs one test case's suite; for main. */
static inline int testing_run(const char *name, void (*add)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *tests = tcase_create(name);
    tcase_set_timeout(tests, 600);
    add(tests);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

#endif
