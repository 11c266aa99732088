/* Random numbers: Philox against its published vectors, distributions, streams. */
#include "../testing.h"

enum { MANY = 1 << 20 };

static uint32_t words[MANY];
static float draws[MANY];
static uint64_t indices[MANY];

/* The known answers that come with Random123 (Salmon et al. 2011), file kat_vectors, philox4x32 10. */
START_TEST(philox_gives_the_published_answers)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        uint32_t out[4];
        tide_philox(known[i].counter, known[i].key, out);
        ck_assert_mem_eq(out, known[i].out, sizeof out);
    }
}
END_TEST

/* The batches are the cipher of consecutive counters: word w of lane j at [w * 16 + j]. */
START_TEST(batches_are_philox_of_consecutive_counters)
{
    tide_rng rng = {.key = 0x0123456789abcdefu, .stream = 0xfedcba9876543210u, .next = 0x0fffffffu};
    uint32_t batch[TIDE_RNG_BATCH], out[4];
    uint64_t first = rng.next * (TIDE_RNG_BATCH / 4);
    const uint32_t key[2] = {0x89abcdefu, 0x01234567u};
    for (int round = 0; round < 3; round++) { /* across the carry into the second counter word */
        tide_rng_words(&rng, batch, TIDE_RNG_BATCH);
        for (uint64_t lane = 0; lane < 16; lane++, first++) {
            const uint32_t counter[4] = {(uint32_t)first, (uint32_t)(first >> 32), 0x76543210u, 0xfedcba98u};
            tide_philox(counter, key, out);
            for (size_t w = 0; w < 4; w++)
                EXPECT(batch[w * 16 + lane] == out[w]);
        }
    }
}
END_TEST

START_TEST(words_fill_their_bits_evenly)
{
    tide_rng rng = tide_rng_make(1, 0);
    tide_rng_words(&rng, words, MANY);
    for (int bit = 0; bit < 32; bit++) {
        size_t ones = 0;
        for (size_t i = 0; i < MANY; i++)
            ones += words[i] >> bit & 1;
        NEAR((double)ones, MANY / 2.0, 0.0, 5.0 * sqrt(MANY / 4.0));
    }
}
END_TEST

/* Chi-squared over 100 cells: mean 99, deviation 14; six deviations. */
START_TEST(uniform_is_flat_and_stays_in_its_range)
{
    tide_rng rng = tide_rng_make(2, 0);
    size_t cells[100] = {0};
    tide_rng_uniform(&rng, draws, MANY, -3.0f, 7.0f);
    for (size_t i = 0; i < MANY; i++) {
        EXPECT(draws[i] >= -3.0f && draws[i] < 7.0f);
        size_t cell = (size_t)(((double)draws[i] + 3.0) * 10.0);
        cells[cell < 99 ? cell : 99]++;
    }
    double chi = 0.0, expected = MANY / 100.0;
    for (size_t i = 0; i < 100; i++)
        chi += ((double)cells[i] - expected) * ((double)cells[i] - expected) / expected;
    ck_assert_double_lt(chi, 99.0 + 6.0 * 14.1);
    ck_assert_double_gt(chi, 99.0 - 6.0 * 14.1);
}
END_TEST

START_TEST(uniform_never_reaches_its_upper_end)
{
    tide_rng rng = tide_rng_make(3, 0);
    /* two neighbours: every rounding upwards would reach the end */
    const float low = 1.0f, high = nextafterf(1.0f, 2.0f);
    tide_rng_uniform(&rng, draws, MANY, low, high);
    for (size_t i = 0; i < MANY; i++)
        EXPECT(draws[i] == low);
    tide_rng_uniform(&rng, draws, 100, 5.0f, 5.0f);
    for (size_t i = 0; i < 100; i++)
        EXPECT(draws[i] == 5.0f);
}
END_TEST

/* Kolmogorov and Smirnov: sqrt(n) times the largest distance exceeds 2.0 with a chance of 7e-4. */
static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

START_TEST(normal_follows_the_normal_distribution)
{
    tide_rng rng = tide_rng_make(4, 0);
    tide_rng_normal(&rng, draws, MANY);
    double moments[5] = {0};
    for (size_t i = 0; i < MANY; i++)
        for (int k = 1; k < 5; k++)
            moments[k] += pow((double)draws[i], k) / MANY;
    NEAR(moments[1], 0.0, 0.0, 5.0 / sqrt(MANY));
    NEAR(moments[2], 1.0, 0.0, 5.0 * sqrt(2.0 / MANY));
    NEAR(moments[3], 0.0, 0.0, 5.0 * sqrt(15.0 / MANY));
    NEAR(moments[4], 3.0, 0.0, 5.0 * sqrt(96.0 / MANY));
    qsort(draws, MANY, sizeof draws[0], ascending);
    double farthest = 0.0;
    for (size_t i = 0; i < MANY; i++) {
        double p = 0.5 * erfc(-(double)draws[i] / sqrt(2.0));
        farthest = fmax(farthest, fabs(p - ((double)i + 0.5) / MANY));
    }
    ck_assert_double_lt(farthest * sqrt(MANY), 2.0);
    EXPECT(draws[0] > -6.8f && draws[MANY - 1] < 6.8f);
}
END_TEST

START_TEST(normal_neighbours_and_halves_are_uncorrelated)
{
    tide_rng rng = tide_rng_make(5, 0);
    tide_rng_normal(&rng, draws, MANY);
    static const size_t lags[] = {1, 2, 16, 32, 64};
    for (size_t l = 0; l < sizeof lags / sizeof lags[0]; l++) {
        double sum = 0.0, squares = 0.0;
        for (size_t i = 0; i + lags[l] < MANY; i++) {
            sum += (double)draws[i] * (double)draws[i + lags[l]] / MANY;
            squares += ((double)draws[i] * (double)draws[i] - 1.0) *
                       ((double)draws[i + lags[l]] * (double)draws[i + lags[l]] - 1.0) / MANY;
        }
        NEAR(sum, 0.0, 0.0, 5.0 / sqrt(MANY));
        NEAR(squares, 0.0, 0.0, 10.0 / sqrt(MANY));
    }
}
END_TEST

START_TEST(double_has_53_bits_on_0_to_1)
{
    tide_rng rng = tide_rng_make(6, 0);
    double mean = 0.0;
    int fine = 0; /* numbers that 32 bits could not have made */
    for (int i = 0; i < 100000; i++) {
        double x = tide_rng_double(&rng);
        EXPECT(x >= 0.0 && x < 1.0);
        mean += x / 100000;
        fine += x * 0x1p32 != floor(x * 0x1p32);
    }
    NEAR(mean, 0.5, 0.0, 5.0 * sqrt(1.0 / 12.0 / 100000));
    ck_assert_int_gt(fine, 99000);
}
END_TEST

START_TEST(indices_are_flat_for_small_odd_and_huge_bounds)
{
    tide_rng rng = tide_rng_make(7, 0);
    static const uint64_t bounds[] = {1, 2, 3, 7, 1000003, (uint64_t)1 << 32, ((uint64_t)1 << 63) + 12345, UINT64_MAX};
    for (size_t b = 0; b < sizeof bounds / sizeof bounds[0]; b++) {
        double mean = 0.0;
        tide_rng_indices(&rng, indices, 100000, bounds[b]);
        for (size_t i = 0; i < 100000; i++) {
            EXPECT(indices[i] < bounds[b]);
            mean += (double)indices[i] / (double)bounds[b] / 100000;
        }
        double centre = 0.5 - 0.5 / (double)bounds[b];
        NEAR(mean, centre, 0.0, 5.0 * sqrt(1.0 / 12.0 / 100000));
    }
    size_t cells[7] = {0};
    tide_rng_indices(&rng, indices, 700000, 7);
    for (size_t i = 0; i < 700000; i++)
        cells[indices[i]]++;
    for (size_t i = 0; i < 7; i++)
        NEAR((double)cells[i], 100000.0, 0.0, 5.0 * sqrt(100000.0));
}
END_TEST

/* floor(word bound / 2^64), word made of one 32-bit word of each half of a batch: to the last unit. */
START_TEST(indices_are_scaled_words_exactly)
{
    __extension__ typedef unsigned __int128 wide;
    static const uint64_t bounds[] = {
        3, 1000003, UINT64_MAX, UINT64_MAX - 12345, 0x8000000000000001u, 0xFFFFFFFF00000001u};
    enum { HALF = TIDE_RNG_BATCH / 2 };
    tide_rng rng = tide_rng_make(7, 1), twin = rng;
    for (int round = 0; round < 2000; round++) {
        uint64_t bound = bounds[round % 6];
        uint32_t batch[TIDE_RNG_BATCH];
        tide_rng_words(&twin, batch, TIDE_RNG_BATCH);
        tide_rng_indices(&rng, indices, HALF, bound);
        for (size_t j = 0; j < HALF; j++) {
            uint64_t word = (uint64_t)batch[j] << 32 | batch[j + HALF];
            EXPECT(indices[j] == (uint64_t)(((wide)word * bound) >> 64));
        }
    }
}
END_TEST

START_TEST(every_permutation_is_equally_likely)
{
    tide_rng rng = tide_rng_make(8, 0);
    size_t seen[256] = {0};
    for (int round = 0; round < 24000; round++) {
        uint64_t order[4];
        tide_rng_permutation(&rng, order, 4);
        size_t code = 0, present = 0;
        for (int i = 0; i < 4; i++) {
            code = code * 4 + order[i];
            present |= (size_t)1 << order[i];
        }
        EXPECT(present == 15);
        seen[code]++;
    }
    size_t kinds = 0;
    for (size_t i = 0; i < 256; i++) {
        if (seen[i] == 0)
            continue;
        kinds++;
        NEAR((double)seen[i], 1000.0, 0.0, 5.0 * sqrt(1000.0));
    }
    ck_assert_uint_eq(kinds, 24);
}
END_TEST

START_TEST(long_permutations_hold_each_index_once)
{
    tide_rng rng = tide_rng_make(9, 0);
    static bool present[MANY];
    memset(present, 0, sizeof present);
    tide_rng_permutation(&rng, indices, MANY);
    size_t in_place = 0;
    for (size_t i = 0; i < MANY; i++) {
        EXPECT(indices[i] < MANY && !present[indices[i]]);
        present[indices[i]] = true;
        in_place += indices[i] == i;
    }
    ck_assert_uint_lt(in_place, 10); /* Poisson with mean 1 */
    tide_rng_permutation(&rng, indices, 0);
    tide_rng_permutation(&rng, indices, 1);
    ck_assert_uint_eq(indices[0], 0);
}
END_TEST

START_TEST(streams_and_seeds_are_independent)
{
    const tide_rng rngs[] = {tide_rng_make(1, 0), tide_rng_make(1, 1), tide_rng_make(1, (uint64_t)1 << 32),
                             tide_rng_make(2, 0), tide_rng_make((uint64_t)1 << 32, 0)};
    EXPECT(rngs[1].stream == 1 && rngs[2].stream == (uint64_t)1 << 32); /* half of the counter: they cannot meet */
    enum { N = sizeof rngs / sizeof rngs[0], LENGTH = 1 << 16 };
    static float normals[N][LENGTH];
    for (size_t i = 0; i < N; i++) {
        tide_rng rng = rngs[i];
        tide_rng_normal(&rng, normals[i], LENGTH);
    }
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < i; j++) {
            double correlation = 0.0;
            for (size_t k = 0; k < LENGTH; k++)
                correlation += (double)normals[i][k] * (double)normals[j][k] / LENGTH;
            NEAR(correlation, 0.0, 0.0, 5.0 / sqrt(LENGTH));
        }
    }
}
END_TEST

START_TEST(a_copy_of_the_struct_restores_the_state)
{
    tide_rng rng = tide_rng_make(10, 3);
    tide_rng_normal(&rng, draws, 1000);
    const tide_rng saved = rng;
    float first[77], second[77];
    tide_rng_normal(&rng, first, 77);
    tide_rng_uniform(&rng, draws, 5, 0.0f, 1.0f);
    rng = saved;
    tide_rng_normal(&rng, second, 77);
    ck_assert_mem_eq(first, second, sizeof first);
}
END_TEST

/* A call uses whole batches, so a shorter call gives the beginning of a longer one. */
START_TEST(a_shorter_call_is_the_beginning_of_a_longer)
{
    static const size_t lengths[] = {1, 3, 31, 32, 33, 63, 64, 65, 127, 200};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        tide_rng one = tide_rng_make(11, 0), other = tide_rng_make(11, 0);
        float shorter[256], longer[256];
        tide_rng_normal(&one, shorter, lengths[i]);
        tide_rng_normal(&other, longer, 256);
        ck_assert_mem_eq(shorter, longer, lengths[i] * sizeof(float));
        ck_assert_uint_eq(one.next, (lengths[i] + TIDE_RNG_BATCH - 1) / TIDE_RNG_BATCH);
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, philox_gives_the_published_answers);
    tcase_add_test(tests, batches_are_philox_of_consecutive_counters);
    tcase_add_test(tests, words_fill_their_bits_evenly);
    tcase_add_test(tests, uniform_is_flat_and_stays_in_its_range);
    tcase_add_test(tests, uniform_never_reaches_its_upper_end);
    tcase_add_test(tests, normal_follows_the_normal_distribution);
    tcase_add_test(tests, normal_neighbours_and_halves_are_uncorrelated);
    tcase_add_test(tests, double_has_53_bits_on_0_to_1);
    tcase_add_test(tests, indices_are_flat_for_small_odd_and_huge_bounds);
    tcase_add_test(tests, indices_are_scaled_words_exactly);
    tcase_add_test(tests, every_permutation_is_equally_likely);
    tcase_add_test(tests, long_permutations_hold_each_index_once);
    tcase_add_test(tests, streams_and_seeds_are_independent);
    tcase_add_test(tests, a_copy_of_the_struct_restores_the_state);
    tcase_add_test(tests, a_shorter_call_is_the_beginning_of_a_longer);
}

int main(void)
{
    return testing_run("rng", add);
}
