/* Random numbers: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers:
 * as easy as 1, 2, 3"), a counter encrypted by a key. A generator is three
 * words: copying the struct saves its state, copying it back restores it.
 *
 * Generators of one seed and different streams never meet. */
#ifndef TIDE_BASE_RNG_H
#define TIDE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct tide_rng {
    uint64_t key;    /* from seed and stream */
    uint64_t stream; /* upper half of the counter */
    uint64_t next;   /* lower half: the next batch of TIDE_RNG_BATCH words */
} tide_rng;

enum { TIDE_RNG_BATCH = 64 }; /* words made at a time; each call uses whole batches */

/* One block of the cipher: 4 words from a 4-word counter and a 2-word key. */
void tide_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A generator for `seed`; `stream` picks one of 2^64 independent sequences. */
tide_rng tide_rng_make(uint64_t seed, uint64_t stream);

/* n words, uniform over 32 bits. */
void tide_rng_words(tide_rng *rng, uint32_t *out, size_t n);

/* n numbers uniform on [low, high). */
void tide_rng_uniform(tide_rng *rng, float *out, size_t n, float low, float high);

/* n numbers from N(0, 1), by Box and Muller's transform; at most 6.8 from zero. */
void tide_rng_normal(tide_rng *rng, float *out, size_t n);

/* One number uniform on [0, 1) with 53 random bits. */
double tide_rng_double(tide_rng *rng);

/* n indices uniform on [0, bound), bound > 0. Bias below bound / 2^64. */
void tide_rng_indices(tide_rng *rng, uint64_t *out, size_t n, uint64_t bound);

/* A uniformly random order of 0 .. n - 1 (Fisher and Yates). */
void tide_rng_permutation(tide_rng *rng, uint64_t *out, size_t n);

#endif
