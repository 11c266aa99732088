#include "base/rng.h"

#include <math.h>
#include <string.h>

#include "base/vmath.h"

enum { LANES = TIDE_RNG_BATCH / 4, HALF = TIDE_RNG_BATCH / 2 };

static const uint32_t MULTIPLIER_0 = 0xD2511F53u, MULTIPLIER_1 = 0xCD9E8D57u;
static const uint32_t WEYL_0 = 0x9E3779B9u, WEYL_1 = 0xBB67AE85u;

void tide_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0, p1 = (uint64_t)MULTIPLIER_1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

tide_rng tide_rng_make(uint64_t seed, uint64_t stream)
{
    uint32_t counter[4] = {(uint32_t)stream, (uint32_t)(stream >> 32), 0x54494445u, 0}; /* "TIDE" */
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, out[4];
    tide_philox(counter, key, out);
    return (tide_rng){.key = out[0] | (uint64_t)out[1] << 32, .stream = stream, .next = 0};
}

/* One batch: 16 consecutive counters side by side, so that the rounds vectorise.
 * Word w of lane j stands at out[w * LANES + j]. */
static void next_batch(tide_rng *rng, uint32_t out[TIDE_RNG_BATCH])
{
    uint64_t first = rng->next * LANES;
    uint32_t *restrict c0 = out, *restrict c1 = out + LANES;
    uint32_t *restrict c2 = out + 2 * LANES, *restrict c3 = out + 3 * LANES;
    for (size_t j = 0; j < LANES; j++) {
        c0[j] = (uint32_t)(first + j);
        c1[j] = (uint32_t)((first + j) >> 32);
        c2[j] = (uint32_t)rng->stream;
        c3[j] = (uint32_t)(rng->stream >> 32);
    }
    uint32_t k0 = (uint32_t)rng->key, k1 = (uint32_t)(rng->key >> 32);
    for (int round = 0; round < 10; round++) {
        for (size_t j = 0; j < LANES; j++) {
            uint64_t p0 = (uint64_t)MULTIPLIER_0 * c0[j], p1 = (uint64_t)MULTIPLIER_1 * c2[j];
            c0[j] = (uint32_t)(p1 >> 32) ^ c1[j] ^ k0;
            c2[j] = (uint32_t)(p0 >> 32) ^ c3[j] ^ k1;
            c1[j] = (uint32_t)p1;
            c3[j] = (uint32_t)p0;
        }
        k0 += WEYL_0;
        k1 += WEYL_1;
    }
    rng->next++;
}

void tide_rng_words(tide_rng *rng, uint32_t *out, size_t n)
{
    uint32_t words[TIDE_RNG_BATCH];
    for (size_t i = 0; i < n; i += TIDE_RNG_BATCH) {
        next_batch(rng, words);
        size_t count = n - i < TIDE_RNG_BATCH ? n - i : TIDE_RNG_BATCH;
        memcpy(out + i, words, count * sizeof *out);
    }
}

void tide_rng_uniform(tide_rng *rng, float *out, size_t n, float low, float high)
{
    uint32_t words[TIDE_RNG_BATCH];
    float span = high - low;
    for (size_t i = 0; i < n; i += TIDE_RNG_BATCH) {
        next_batch(rng, words);
        size_t count = n - i < TIDE_RNG_BATCH ? n - i : TIDE_RNG_BATCH;
        for (size_t j = 0; j < count; j++) {
            float value = low + span * ((float)(words[j] >> 8) * 0x1p-24f);
            out[i + j] = value < high ? value : low; /* rounding can reach high */
        }
    }
}

/* 32 pairs of words become 64 normals: r cos and r sin. */
static void normal_batch(tide_rng *rng, float out[TIDE_RNG_BATCH])
{
    uint32_t words[TIDE_RNG_BATCH];
    next_batch(rng, words);
    for (size_t j = 0; j < HALF; j++) {
        float u = (float)words[j] * 0x1p-32f + 0x1p-33f; /* (0, 1] */
        float turn = (float)(words[j + HALF] >> 8) * 0x1p-24f;
        float squared = -2.0f * tide_logf(u);
        float radius = sqrtf(squared > 0.0f ? squared : 0.0f);
        float sine, cosine;
        tide_sincos_turnf(turn, &sine, &cosine);
        out[j] = radius * cosine;
        out[j + HALF] = radius * sine;
    }
}

void tide_rng_normal(tide_rng *rng, float *out, size_t n)
{
    float normals[TIDE_RNG_BATCH];
    size_t whole = n - n % TIDE_RNG_BATCH;
    for (size_t i = 0; i < whole; i += TIDE_RNG_BATCH)
        normal_batch(rng, out + i);
    if (whole < n) {
        normal_batch(rng, normals);
        memcpy(out + whole, normals, (n - whole) * sizeof *out);
    }
}

double tide_rng_double(tide_rng *rng)
{
    uint32_t words[2];
    tide_rng_words(rng, words, 2);
    uint64_t bits = (uint64_t)words[0] << 32 | words[1];
    return (double)(bits >> 11) * 0x1p-53;
}

/* floor(word * bound / 2^64), from 32-bit halves. */
static uint64_t scale_index(uint32_t high_word, uint32_t low_word, uint64_t bound)
{
    uint64_t bound_high = bound >> 32, bound_low = bound & 0xFFFFFFFFu;
    uint64_t low_low = (uint64_t)low_word * bound_low;
    uint64_t high_low = (uint64_t)high_word * bound_low;
    uint64_t low_high = (uint64_t)low_word * bound_high;
    uint64_t middle = (low_low >> 32) + (high_low & 0xFFFFFFFFu) + (low_high & 0xFFFFFFFFu);
    return (uint64_t)high_word * bound_high + (high_low >> 32) + (low_high >> 32) + (middle >> 32);
}

void tide_rng_indices(tide_rng *rng, uint64_t *out, size_t n, uint64_t bound)
{
    uint32_t words[TIDE_RNG_BATCH];
    for (size_t i = 0; i < n; i += HALF) {
        next_batch(rng, words);
        size_t count = n - i < HALF ? n - i : HALF;
        for (size_t j = 0; j < count; j++)
            out[i + j] = scale_index(words[j], words[j + HALF], bound);
    }
}

void tide_rng_permutation(tide_rng *rng, uint64_t *out, size_t n)
{
    uint32_t words[TIDE_RNG_BATCH];
    size_t ready = 0;
    for (size_t i = 0; i < n; i++)
        out[i] = i;
    for (size_t i = n; i > 1; i--) {
        if (ready == 0) {
            next_batch(rng, words);
            ready = HALF;
        }
        ready--;
        uint64_t j = scale_index(words[ready], words[ready + HALF], i);
        uint64_t swapped = out[i - 1];
        out[i - 1] = out[j];
        out[j] = swapped;
    }
}
