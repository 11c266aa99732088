/* Messages: one per thread, the last failure's. */
#include <pthread.h>

#include "../testing.h"

static tide_status passes_on(void)
{
    TIDE_TRY(tide_fail(TIDE_SHAPE, "first: %d of %s", 3, "x"));
    return TIDE_OK;
}

START_TEST(a_failure_leaves_its_message_and_passes_its_status_on)
{
    ck_assert_str_eq(tide_message(), "");
    ck_assert_int_eq(passes_on(), TIDE_SHAPE);
    ck_assert_str_eq(tide_message(), "first: 3 of x");
}
END_TEST

START_TEST(a_message_may_quote_the_one_before)
{
    (void)tide_fail(TIDE_IO, "disk full");
    (void)tide_fail(TIDE_IO, "run.json: %s", tide_message());
    ck_assert_str_eq(tide_message(), "run.json: disk full");
}
END_TEST

START_TEST(a_long_message_is_cut_not_overrun)
{
    char text[5000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    (void)tide_fail(TIDE_IO, "%s", text);
    ck_assert_uint_lt(strlen(tide_message()), 2000);
    ck_assert_int_eq(strncmp(tide_message(), text, strlen(tide_message())), 0);
}
END_TEST

static void *fail_elsewhere(void *unused)
{
    (void)unused;
    (void)tide_fail(TIDE_IO, "elsewhere");
    return NULL;
}

START_TEST(threads_keep_their_own_messages)
{
    pthread_t thread;
    (void)tide_fail(TIDE_IO, "here");
    ck_assert_int_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    pthread_join(thread, NULL);
    ck_assert_str_eq(tide_message(), "here");
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, a_failure_leaves_its_message_and_passes_its_status_on);
    tcase_add_test(tests, a_message_may_quote_the_one_before);
    tcase_add_test(tests, a_long_message_is_cut_not_overrun);
    tcase_add_test(tests, threads_keep_their_own_messages);
}

int main(void)
{
    return testing_run("status", add);
}
