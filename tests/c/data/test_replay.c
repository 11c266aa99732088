/* Replay: what is drawn, how often, in which order; the ring; saving. */
#include <stdint.h>

#include "../testing.h"
#include "base/alloc.h"
#include "data/replay.h"

enum { S = 3, A = 2, MOST_ROWS = 4096 };

/* Room for a batch. */
static float observations[MOST_ROWS * S], actions[MOST_ROWS * A], rewards[MOST_ROWS], next_observations[MOST_ROWS * S],
    terminals[MOST_ROWS];
static const tide_batch batch = {{observations, actions, rewards, next_observations, terminals}};

static tide_replay *make(size_t capacity, tide_dataset *real)
{
    tide_replay *r;
    MUST(tide_replay_create(S, A, capacity, real, &r));
    return r;
}

/* A dataset of n rows in memory; row i's reward is i + 10000. */
static tide_dataset *make_real(size_t n)
{
    tide_dataset *d;
    MUST(tide_alloc(sizeof *d, (void **)&d));
    MUST(tide_layout_make(S, A, &d->layout));
    d->count = n;
    d->holders = 1;
    MUST(tide_alloc_array(n, d->layout.stride * sizeof(float), (void **)&d->rows));
    for (size_t i = 0; i < n; i++)
        d->rows[i * d->layout.stride + d->layout.reward] = (float)i + 10000.0f;
    return d;
}

/* Transition k: everything in it follows from k. */
static tide_status add_transition(tide_replay *r, size_t k)
{
    float x = (float)k, s[S] = {x, x + 0.25f, x + 0.5f}, a[A] = {x, -x}, next[S] = {x + 1, x + 1.25f, x + 1.5f};
    tide_transition t = {s, a, next, x, k % 3 == 0};
    return tide_replay_add(r, &t);
}

/* Row i of the batch is transition k. */
static void must_be_transition(size_t i, size_t k)
{
    float x = (float)k;
    ck_assert_float_eq(observations[i * S], x);
    ck_assert_float_eq(observations[i * S + 2], x + 0.5f);
    ck_assert_float_eq(actions[i * A + 1], -x);
    ck_assert_float_eq(rewards[i], x);
    ck_assert_float_eq(next_observations[i * S + 1], x + 1.25f);
    ck_assert_float_eq(terminals[i], k % 3 == 0 ? 1.0f : 0.0f);
}

START_TEST(a_drawn_row_is_one_transition_whole)
{
    tide_rng rng = testing_rng("whole");
    tide_replay *r = make(50, NULL);
    for (size_t k = 0; k < 50; k++)
        MUST(add_transition(r, k));
    MUST(tide_replay_sample(r, &rng, 0, 300, &batch));
    for (size_t i = 0; i < 300; i++)
        must_be_transition(i, (size_t)rewards[i]);
    tide_replay_destroy(r);
}
END_TEST

START_TEST(the_newest_takes_the_place_of_the_oldest)
{
    tide_rng rng = testing_rng("ring");
    tide_replay *r = make(10, NULL);
    for (size_t k = 0; k < 10; k++) {
        MUST(add_transition(r, k));
        ck_assert_uint_eq(r->count, k + 1);
        MUST(tide_replay_sample(r, &rng, 0, 100, &batch));
        for (size_t i = 0; i < 100; i++)
            ck_assert(rewards[i] <= (float)k);
    }
    for (size_t k = 10; k < 37; k++) {
        MUST(add_transition(r, k));
        ck_assert_uint_eq(r->count, 10);
        int seen[64] = {0};
        MUST(tide_replay_sample(r, &rng, 0, 400, &batch));
        for (size_t i = 0; i < 400; i++)
            seen[(size_t)rewards[i]] = 1;
        for (size_t j = 0; j < 64; j++)
            ck_assert_int_eq(seen[j], j + 10 > k && j <= k);
    }
    tide_replay_destroy(r);
}
END_TEST

START_TEST(real_rows_come_first_and_each_part_has_its_own)
{
    tide_rng rng = testing_rng("parts");
    tide_dataset *d = make_real(30);
    tide_replay *r = make(20, d);
    ck_assert_uint_eq(tide_replay_real_count(r), 30);
    for (size_t k = 0; k < 20; k++)
        MUST(add_transition(r, k));
    MUST(tide_replay_sample(r, &rng, 70, 130, &batch));
    for (size_t i = 0; i < 200; i++)
        ck_assert_int_eq(rewards[i] >= 10000.0f, i < 70);
    tide_replay_destroy(r);
    tide_dataset_release(d);
}
END_TEST

START_TEST(one_seed_draws_one_sequence)
{
    tide_replay *r = make(1000, NULL);
    for (size_t k = 0; k < 1000; k++)
        MUST(add_transition(r, k));
    tide_rng one = tide_rng_make(5, 0), same = one, other = tide_rng_make(6, 0);
    float first[200];
    MUST(tide_replay_sample(r, &one, 0, 200, &batch));
    memcpy(first, rewards, sizeof first);
    MUST(tide_replay_sample(r, &same, 0, 200, &batch));
    ck_assert_mem_eq(first, rewards, sizeof first);
    MUST(tide_replay_sample(r, &same, 0, 200, &batch));
    ck_assert_mem_ne(first, rewards, sizeof first);
    MUST(tide_replay_sample(r, &other, 0, 200, &batch));
    ck_assert_mem_ne(first, rewards, sizeof first);
    tide_replay_destroy(r);
}
END_TEST

/* chi^2 = sum (seen - expected)^2 / expected has mean n - 1 and variance 2 (n - 1). */
START_TEST(rows_are_drawn_uniformly)
{
    enum { ROWS = 500, DRAWS = 400 };
    tide_rng rng = testing_rng("uniform");
    tide_dataset *d = make_real(ROWS);
    tide_replay *r = make(ROWS, d);
    for (size_t k = 0; k < ROWS; k++)
        MUST(add_transition(r, k));
    double real[ROWS] = {0}, sim[ROWS] = {0};
    for (int draw = 0; draw < DRAWS; draw++) {
        MUST(tide_replay_sample(r, &rng, 500, 500, &batch));
        for (size_t i = 0; i < 500; i++) {
            real[(size_t)(rewards[i] - 10000.0f)] += 1.0;
            sim[(size_t)rewards[500 + i]] += 1.0;
        }
    }
    double expected = 500.0 * DRAWS / ROWS, of_real = 0.0, of_sim = 0.0;
    for (size_t i = 0; i < ROWS; i++) {
        of_real += pow(real[i] - expected, 2) / expected;
        of_sim += pow(sim[i] - expected, 2) / expected;
    }
    double mean = ROWS - 1, spread = 5.0 * sqrt(2.0 * mean); /* 5 sigma: 1 run in 10^6 fails by chance */
    NEAR(of_real, mean, 0, spread);
    NEAR(of_sim, mean, 0, spread);
    tide_replay_destroy(r);
    tide_dataset_release(d);
}
END_TEST

START_TEST(drawing_and_adding_allocate_nothing)
{
    tide_rng rng = testing_rng("allocation");
    tide_dataset *d = make_real(100);
    tide_replay *r = make(100, d);
    MUST(add_transition(r, 0));
    uint64_t before = tide_alloc_total();
    for (size_t k = 1; k < 300; k++) {
        MUST(add_transition(r, k));
        MUST(tide_replay_sample(r, &rng, 256, 256, &batch));
    }
    ck_assert_uint_eq(tide_alloc_total(), before);
    tide_replay_destroy(r);
    tide_dataset_release(d);
}
END_TEST

START_TEST(an_empty_part_is_an_error)
{
    tide_rng rng = testing_rng("empty");
    tide_replay *r = make(10, NULL);
    MUST_FAIL(tide_replay_sample(r, &rng, 5, 0, &batch), TIDE_STATE, "5 real transitions");
    MUST_FAIL(tide_replay_sample(r, &rng, 0, 5, &batch), TIDE_STATE, "5 simulated transitions");
    tide_replay_destroy(r);
    r = make(0, NULL);
    MUST_FAIL(add_transition(r, 1), TIDE_STATE, "ring of none");
    tide_replay_destroy(r);
}
END_TEST

START_TEST(a_transition_that_is_not_finite_stays_out)
{
    tide_replay *r = make(10, NULL);
    float s[S] = {1, 2, 3}, a[A] = {1, 2}, bad[S] = {1, NAN, 3};
    MUST(add_transition(r, 0));
    tide_transition t = {s, a, bad, 1.0f, 0};
    MUST_FAIL(tide_replay_add(r, &t), TIDE_NUMERIC, "next_observation[2] is nan");
    t.next_observation = s;
    t.reward = INFINITY;
    MUST_FAIL(tide_replay_add(r, &t), TIDE_NUMERIC, "reward is inf");
    ck_assert_uint_eq(r->count, 1);
    tide_replay_destroy(r);
}
END_TEST

START_TEST(the_dataset_lives_as_long_as_a_replay_holds_it)
{
    tide_rng rng = testing_rng("life");
    tide_dataset *d = make_real(30);
    tide_replay *r = make(10, d), *other = make(10, d);
    tide_dataset_release(d);
    tide_replay_destroy(other);
    MUST(tide_replay_sample(r, &rng, 30, 0, &batch)); /* the sanitizer sees a read of freed memory */
    ck_assert(rewards[0] >= 10000.0f);
    tide_replay_destroy(r);
}
END_TEST

START_TEST(dimensions_of_another_dataset_are_refused)
{
    tide_dataset *d = make_real(30);
    tide_replay *r;
    MUST_FAIL(tide_replay_create(S + 1, A, 10, d, &r), TIDE_SHAPE, "the dataset has 3 and 2");
    ck_assert_ptr_null(r);
    MUST_FAIL(tide_replay_create(0, A, 10, NULL, &r), TIDE_ARGUMENT, "observations of 0");
    MUST_FAIL(tide_replay_create(S, A, SIZE_MAX / 4, NULL, &r), TIDE_MEMORY, "no memory for a ring");
    tide_dataset_release(d);
}
END_TEST

static void save(const tide_replay *r)
{
    for (int part = 0; part < TIDE_PARTS; part++)
        tide_replay_save(r, (tide_part)part, batch.parts[part]);
}

START_TEST(a_restored_ring_goes_on_alike)
{
    float first[64];
    static const size_t filled[] = {0, 4, 10, 37}; /* of 10 */
    for (size_t f = 0; f < 4; f++) {
        tide_replay *r = make(10, NULL), *copy = make(10, NULL);
        for (size_t k = 0; k < filled[f]; k++)
            MUST(add_transition(r, k));
        save(r);
        MUST(tide_replay_restore(copy, r->count, r->next, &batch));
        tide_rng one = tide_rng_make(9, 0), same = one;
        for (size_t k = 100; k < 115; k++) {
            MUST(add_transition(r, k));
            MUST(add_transition(copy, k));
            MUST(tide_replay_sample(r, &one, 0, 64, &batch));
            memcpy(first, rewards, sizeof first);
            MUST(tide_replay_sample(copy, &same, 0, 64, &batch));
            ck_assert_mem_eq(first, rewards, sizeof first);
        }
        tide_replay_destroy(r);
        tide_replay_destroy(copy);
    }
}
END_TEST

START_TEST(a_larger_ring_takes_a_smaller_one_oldest_first)
{
    tide_replay *r = make(10, NULL), *large = make(25, NULL), *small = make(9, NULL);
    for (size_t k = 0; k < 13; k++)
        MUST(add_transition(r, k)); /* holds 3 .. 12 */
    save(r);
    MUST(tide_replay_restore(large, r->count, r->next, &batch));
    MUST_FAIL(tide_replay_restore(small, r->count, r->next, &batch), TIDE_ARGUMENT, "do not fit a ring of 9");
    MUST_FAIL(tide_replay_restore(large, 10, 11, &batch), TIDE_ARGUMENT, "do not fit");
    ck_assert_uint_eq(small->count, 0);
    for (size_t k = 13; k < 30; k++)
        MUST(add_transition(large, k));
    ck_assert_uint_eq(large->count, 25);
    save(large);
    int seen[64] = {0};
    for (size_t i = 0; i < 25; i++)
        seen[(size_t)rewards[i]] = 1;
    for (size_t j = 0; j < 64; j++)
        ck_assert_int_eq(seen[j], j >= 5 && j < 30); /* 3 and 4, the oldest, are gone */
    tide_replay_destroy(r);
    tide_replay_destroy(large);
    tide_replay_destroy(small);
}
END_TEST

START_TEST(a_damaged_state_changes_nothing)
{
    tide_replay *r = make(10, NULL);
    for (size_t k = 0; k < 5; k++)
        MUST(add_transition(r, k));
    save(r);
    next_observations[7] = NAN;
    MUST_FAIL(tide_replay_restore(r, 5, 5, &batch), TIDE_NUMERIC, "next_observations: row 3 is not finite");
    ck_assert_uint_eq(r->count, 5);
    save(r);
    for (size_t i = 0; i < 5; i++)
        must_be_transition(i, i);
    tide_replay_destroy(r);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, a_drawn_row_is_one_transition_whole);
    tcase_add_test(tests, the_newest_takes_the_place_of_the_oldest);
    tcase_add_test(tests, real_rows_come_first_and_each_part_has_its_own);
    tcase_add_test(tests, one_seed_draws_one_sequence);
    tcase_add_test(tests, rows_are_drawn_uniformly);
    tcase_add_test(tests, drawing_and_adding_allocate_nothing);
    tcase_add_test(tests, an_empty_part_is_an_error);
    tcase_add_test(tests, a_transition_that_is_not_finite_stays_out);
    tcase_add_test(tests, the_dataset_lives_as_long_as_a_replay_holds_it);
    tcase_add_test(tests, dimensions_of_another_dataset_are_refused);
    tcase_add_test(tests, a_restored_ring_goes_on_alike);
    tcase_add_test(tests, a_larger_ring_takes_a_smaller_one_oldest_first);
    tcase_add_test(tests, a_damaged_state_changes_nothing);
}

int main(void)
{
    return testing_run("replay", add);
}
