/* Elementary functions that a compiler can vectorise: no branch, no table, no errno.
 *
 * Each is within a few units in the last place of float32 (tests/c/base) and
 * gives the same bits for an element wherever in an array it stands. */
#ifndef TIDE_BASE_VMATH_H
#define TIDE_BASE_VMATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float tide_bits_to_float(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t tide_float_to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* e^x. Below -87 it gives e^-87 (1.6e-38), above 88 e^88 (1.7e38); NaN stays NaN.
 * x = n ln 2 + r with |r| <= ln 2 / 2, then seven terms of the series of e^r. */
static inline float tide_expf(float x)
{
    float clamped = x < -87.0f ? -87.0f : x;
    clamped = clamped > 88.0f ? 88.0f : clamped;
    /* adding 1.5 * 2^23 rounds to an integer that stays in the low mantissa bits */
    float shifted = clamped * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    float r = clamped - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t scale = (tide_float_to_bits(shifted) - 0x4B400000u + 127u) << 23;
    return p * tide_bits_to_float(scale);
}

/* ln x for normal x > 0 (no zero, subnormal, infinity or NaN).
 * x = 2^e m with m in [sqrt(1/2), sqrt 2); ln m = 2 artanh((m - 1) / (m + 1)). */
static inline float tide_logf(float x)
{
    uint32_t bits = tide_float_to_bits(x);
    uint32_t above = bits - 0x3F3504F3u; /* sqrt(1/2) */
    float e = (float)((int32_t)above >> 23);
    float m = tide_bits_to_float((above & 0x007FFFFFu) + 0x3F3504F3u);
    float s = (m - 1.0f) / (m + 1.0f);
    float z = s * s;
    float p = 2.0f / 9.0f;
    p = p * z + 2.0f / 7.0f;
    p = p * z + 2.0f / 5.0f;
    p = p * z + 2.0f / 3.0f;
    p = p * z * s;
    return e * 0.693359375f + (p + (2.0f * s + e * -2.12194440e-4f));
}

/* ln(1 + e^x), without overflow for large x and without loss for small:
 * max(x, 0) + 2 artanh(t / (2 + t)) with t = e^-|x|. */
static inline float tide_softplusf(float x)
{
    float t = tide_expf(-fabsf(x));
    float s = t / (2.0f + t);
    float z = s * s;
    float p = 2.0f / 15.0f;
    p = p * z + 2.0f / 13.0f;
    p = p * z + 2.0f / 11.0f;
    p = p * z + 2.0f / 9.0f;
    p = p * z + 2.0f / 7.0f;
    p = p * z + 2.0f / 5.0f;
    p = p * z + 2.0f / 3.0f;
    p = p * z + 2.0f;
    float positive = x > 0.0f ? x : 0.0f;
    return positive + p * s;
}

/* 1 / (1 + e^-x). */
static inline float tide_sigmoidf(float x)
{
    return 1.0f / (1.0f + tide_expf(-x));
}

/* tanh x: its series for small |x|, 1 - 2 / (e^2|x| + 1) beyond. */
static inline float tide_tanhf(float x)
{
    float a = fabsf(x);
    float z = x * x;
    float p = -1382.0f / 155925.0f;
    p = p * z + 62.0f / 2835.0f;
    p = p * z + -17.0f / 315.0f;
    p = p * z + 2.0f / 15.0f;
    p = p * z + -1.0f / 3.0f;
    float small = a + a * z * p;
    float large = 1.0f - 2.0f / (tide_expf(2.0f * a) + 1.0f);
    float magnitude = a < 0.3f ? small : large;
    return copysignf(magnitude, x);
}

/* artanh x for |x| < 1: its series for small |x|, half the logarithm of (1 + x) / (1 - x) beyond. */
static inline float tide_atanhf(float x)
{
    float a = fabsf(x);
    float z = x * x;
    float p = 1.0f / 15.0f;
    p = p * z + 1.0f / 13.0f;
    p = p * z + 1.0f / 11.0f;
    p = p * z + 1.0f / 9.0f;
    p = p * z + 1.0f / 7.0f;
    p = p * z + 1.0f / 5.0f;
    p = p * z + 1.0f / 3.0f;
    float small = a + a * z * p;
    float large = 0.5f * tide_logf((1.0f + a) / (1.0f - a));
    return copysignf(a > 0.3f ? large : small, x);
}

/* sin and cos of 2 pi u for u in [0, 1): a quarter turn is taken off exactly, then series. */
static inline void tide_sincos_turnf(float u, float *sine, float *cosine)
{
    float shifted = u * 4.0f + 12582912.0f;
    uint32_t quarter = tide_float_to_bits(shifted);
    float x = (u * 4.0f - (shifted - 12582912.0f)) * 1.57079633f;
    float z = x * x;
    float s = 1.0f / 362880.0f;
    s = s * z + -1.0f / 5040.0f;
    s = s * z + 1.0f / 120.0f;
    s = s * z + -1.0f / 6.0f;
    s = s * z * x + x;
    float c = -1.0f / 3628800.0f;
    c = c * z + 1.0f / 40320.0f;
    c = c * z + -1.0f / 720.0f;
    c = c * z + 1.0f / 24.0f;
    c = c * z + -0.5f;
    c = c * z + 1.0f;
    int swap = (quarter & 1u) != 0;
    float s_swapped = swap ? c : s;
    float c_swapped = swap ? s : c;
    uint32_t s_sign = (quarter & 2u) << 30;
    uint32_t c_sign = ((quarter + 1u) & 2u) << 30;
    *sine = tide_bits_to_float(tide_float_to_bits(s_swapped) ^ s_sign);
    *cosine = tide_bits_to_float(tide_float_to_bits(c_swapped) ^ c_sign);
}

#endif
