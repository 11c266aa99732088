#include "tensor/kernels.h"

#include <math.h>
#include <string.h>

#include "base/vmath.h"

static void bias_relu_row(float *restrict h, const float *restrict bias, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        float x = h[j] + bias[j];
        h[j] = x < 0.0f ? 0.0f : x; /* NaN stays NaN */
    }
}

void tide_bias_relu(float *h, size_t rows, size_t width, const float *bias)
{
    for (size_t i = 0; i < rows; i++)
        bias_relu_row(h + i * width, bias, width);
}

static float dot(const float *restrict a, const float *restrict b, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

/* Rows that are taken together where each needs sums: one alone would wait for its additions, one after the other. */
enum { ROWS = 4 };

/* `rows`, 1 or ROWS, is known to the compiler here and below. x (rows, n) <- x + bias; sums of each row. */
static inline __attribute__((always_inline)) void bias_sums(const size_t rows, float *restrict x,
                                                            const float *restrict bias, size_t n, float *sums)
{
    float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
#pragma omp simd reduction(+ : a, b, c, d)
    for (size_t j = 0; j < n; j++) {
        a += x[j] += bias[j];
        if (rows == 1)
            continue;
        b += x[n + j] += bias[j];
        c += x[2 * n + j] += bias[j];
        d += x[3 * n + j] += bias[j];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static inline __attribute__((always_inline)) void squared_distances(const size_t rows, const float *restrict x,
                                                                    const float *mean, size_t n, float *sums)
{
    const float m0 = mean[0], m1 = mean[1], m2 = mean[2], m3 = mean[3];
    float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f;
#pragma omp simd reduction(+ : a, b, c, d)
    for (size_t j = 0; j < n; j++) {
        a += (x[j] - m0) * (x[j] - m0);
        if (rows == 1)
            continue;
        b += (x[n + j] - m1) * (x[n + j] - m1);
        c += (x[2 * n + j] - m2) * (x[2 * n + j] - m2);
        d += (x[3 * n + j] - m3) * (x[3 * n + j] - m3);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
}

static void norm_relu_row(float *restrict h, float mean, float scale, const float *restrict gain,
                          const float *restrict shift, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float x = gain[j] * ((h[j] - mean) * scale) + shift[j];
        h[j] = x < 0.0f ? 0.0f : x; /* NaN stays NaN */
    }
}

static void norm_relu_row_keep(float *restrict h, float mean, float scale, const float *restrict gain,
                               const float *restrict shift, float *restrict normal, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        normal[j] = (h[j] - mean) * scale;
        float x = gain[j] * normal[j] + shift[j];
        h[j] = x < 0.0f ? 0.0f : x;
    }
}

static inline __attribute__((always_inline)) void bias_norm_relu(const size_t rows, float *h, size_t width,
                                                                 const float *bias, const float *gain,
                                                                 const float *shift, float *normal, float *scales)
{
    const float epsilon = 1e-5f;
    float mean[ROWS], squares[ROWS];
    bias_sums(rows, h, bias, width, mean);
    for (size_t i = 0; i < ROWS; i++)
        mean[i] /= (float)width;
    squared_distances(rows, h, mean, width, squares);
    for (size_t i = 0; i < rows; i++) {
        float scale = 1.0f / sqrtf(squares[i] / (float)width + epsilon);
        if (normal != NULL)
            norm_relu_row_keep(h + i * width, mean[i], scale, gain, shift, normal + i * width, width);
        else
            norm_relu_row(h + i * width, mean[i], scale, gain, shift, width);
        if (scales != NULL)
            scales[i] = scale;
    }
}

void tide_bias_norm_relu(float *h, size_t rows, size_t width, const float *bias, const float *gain, const float *shift,
                         float *normal, float *scales)
{
    for (size_t i = 0; i < rows;) {
        float *n = normal == NULL ? NULL : normal + i * width, *s = scales == NULL ? NULL : scales + i;
        bool several = i + ROWS <= rows;
        if (several)
            bias_norm_relu(ROWS, h + i * width, width, bias, gain, shift, n, s);
        else
            bias_norm_relu(1, h + i * width, width, bias, gain, shift, n, s);
        i += several ? ROWS : 1;
    }
}

static void add_row(float *restrict into, const float *restrict from, size_t n)
{
    for (size_t j = 0; j < n; j++)
        into[j] += from[j];
}

void tide_bias(float *y, size_t rows, size_t width, const float *bias)
{
    for (size_t i = 0; i < rows; i++)
        add_row(y + i * width, bias, width);
}

static void mask_row(float *restrict g, const float *restrict h, size_t width)
{
    for (size_t j = 0; j < width; j++)
        g[j] = h[j] > 0.0f ? g[j] : 0.0f;
}

static void mask_row_sums(float *restrict g, const float *restrict h, float *restrict sums, size_t width)
{
    for (size_t j = 0; j < width; j++) {
        float x = h[j] > 0.0f ? g[j] : 0.0f;
        g[j] = x;
        sums[j] += x;
    }
}

void tide_relu_backward(float *g, const float *h, size_t rows, size_t width, float *sums)
{
    for (size_t i = 0; i < rows; i++) {
        if (sums != NULL)
            mask_row_sums(g + i * width, h + i * width, sums, width);
        else
            mask_row(g + i * width, h + i * width, width);
    }
}

/* g (rows, n) <- d = g gain; sums of d and of d normal in each row; gain_sums += those of g normal in each column. */
static inline __attribute__((always_inline)) void gain_slopes(const size_t rows, const bool sum, float *restrict g,
                                                              const float *restrict normal, const float *restrict gain,
                                                              float *restrict gain_sums, size_t n, float *sums,
                                                              float *along)
{
    float a = 0.0f, b = 0.0f, c = 0.0f, d = 0.0f, ka = 0.0f, kb = 0.0f, kc = 0.0f, kd = 0.0f;
#pragma omp simd reduction(+ : a, b, c, d, ka, kb, kc, kd)
    for (size_t j = 0; j < n; j++) {
        float column = sum ? gain_sums[j] + g[j] * normal[j] : 0.0f;
        a += g[j] *= gain[j];
        ka += g[j] * normal[j];
        if (rows > 1) {
            column += g[n + j] * normal[n + j];
            column += g[2 * n + j] * normal[2 * n + j];
            column += g[3 * n + j] * normal[3 * n + j];
            b += g[n + j] *= gain[j];
            c += g[2 * n + j] *= gain[j];
            d += g[3 * n + j] *= gain[j];
            kb += g[n + j] * normal[n + j];
            kc += g[2 * n + j] * normal[2 * n + j];
            kd += g[3 * n + j] * normal[3 * n + j];
        }
        if (sum)
            gain_sums[j] = column;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    along[0] = ka;
    along[1] = kb;
    along[2] = kc;
    along[3] = kd;
}

static inline __attribute__((always_inline)) void norm_slope_row(const bool sum, float *restrict g,
                                                                 const float *restrict normal, float mean, float along,
                                                                 float scale, float *restrict bias_sums, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        g[j] = scale * (g[j] - mean - along * normal[j]);
        if (sum)
            bias_sums[j] += g[j];
    }
}

static inline __attribute__((always_inline)) void norm_backward(const size_t rows, const bool sum, float *g,
                                                                const float *normal, const float *scales, size_t width,
                                                                const float *gain, float *gain_sums, float *bias_sums)
{
    float mean[ROWS], along[ROWS];
    gain_slopes(rows, sum, g, normal, gain, gain_sums, width, mean, along);
    for (size_t i = 0; i < rows; i++)
        norm_slope_row(sum, g + i * width, normal + i * width, mean[i] / (float)width, along[i] / (float)width,
                       scales[i], bias_sums, width);
}

/* With d = g gain:  d loss / dx = scale (d - mean d - n mean(d n)). */
void tide_norm_backward(float *g, const float *normal, const float *scales, size_t rows, size_t width,
                        const float *gain, float *gain_sums, float *bias_sums)
{
    size_t i = 0;
    if (gain_sums == NULL) {
        for (; i + ROWS <= rows; i += ROWS)
            norm_backward(ROWS, false, g + i * width, normal + i * width, scales + i, width, gain, NULL, NULL);
        for (; i < rows; i++)
            norm_backward(1, false, g + i * width, normal + i * width, scales + i, width, gain, NULL, NULL);
        return;
    }
    for (; i + ROWS <= rows; i += ROWS)
        norm_backward(ROWS, true, g + i * width, normal + i * width, scales + i, width, gain, gain_sums, bias_sums);
    for (; i < rows; i++)
        norm_backward(1, true, g + i * width, normal + i * width, scales + i, width, gain, gain_sums, bias_sums);
}

void tide_column_sums(const float *g, size_t rows, size_t width, float *sums)
{
    for (size_t i = 0; i < rows; i++)
        add_row(sums, g + i * width, width);
}

void tide_scaled_tanh(float *y, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        y[i] = scale * tide_tanhf(y[i]);
}

void tide_scaled_tanh_backward(float *g_out, const float *g, const float *y, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++)
        g_out[i] = g[i] * (scale - y[i] * y[i] / scale);
}

/* The dot products of ROWS rows with w. */
static void dots(float *restrict y, size_t stride, const float *restrict h, size_t width, const float *restrict w,
                 float bias)
{
    const float *restrict h1 = h + width, *restrict h2 = h + 2 * width, *restrict h3 = h + 3 * width;
    float sum = 0.0f, sum1 = 0.0f, sum2 = 0.0f, sum3 = 0.0f;
#pragma omp simd reduction(+ : sum, sum1, sum2, sum3)
    for (size_t j = 0; j < width; j++) {
        sum += h[j] * w[j];
        sum1 += h1[j] * w[j];
        sum2 += h2[j] * w[j];
        sum3 += h3[j] * w[j];
    }
    y[0] = sum + bias;
    y[stride] = sum1 + bias;
    y[2 * stride] = sum2 + bias;
    y[3 * stride] = sum3 + bias;
}

void tide_narrow_forward(float *y, const float *h, size_t rows, size_t width, const float *w, const float *bias,
                         size_t out)
{
    size_t i = 0;
    for (; i + ROWS <= rows; i += ROWS)
        for (size_t o = 0; o < out; o++)
            dots(y + i * out + o, out, h + i * width, width, w + o * width, bias[o]);
    for (; i < rows; i++)
        for (size_t o = 0; o < out; o++)
            y[i * out + o] = dot(h + i * width, w + o * width, width) + bias[o];
}

/* `rows`, `out` and `sum` (whether sums and dw are wanted) are known to the compiler. */
static inline __attribute__((always_inline)) void
narrow_rows(const size_t rows, const size_t out, const bool sum, float *restrict dh, const float *restrict g,
            const float *restrict h, size_t width, const float *restrict w, float *restrict sums, float *restrict dw)
{
    for (size_t j = 0; j < width; j++) {
#pragma GCC unroll 4
        for (size_t i = 0; i < rows; i++) {
            float x = g[i * out] * w[j];
#pragma GCC unroll 4
            for (size_t o = 1; o < out; o++)
                x += g[i * out + o] * w[o * width + j];
            x = h[i * width + j] > 0.0f ? x : 0.0f;
            dh[i * width + j] = x;
            if (sum)
                sums[j] += x;
        }
#pragma GCC unroll 4
        for (size_t o = 0; o < out && sum; o++)
#pragma GCC unroll 4
            for (size_t i = 0; i < rows; i++)
                dw[o * width + j] += g[i * out + o] * h[i * width + j];
    }
}

#define NARROW(out)                                                                                                \
    static void narrow_##out(float *dh, const float *g, const float *h, size_t rows, size_t width, const float *w, \
                             float *sums, float *dw)                                                               \
    {                                                                                                              \
        size_t i = 0;                                                                                              \
        for (; i + ROWS <= rows; i += ROWS)                                                                        \
            if (sums != NULL)                                                                                      \
                narrow_rows(ROWS, out, true, dh + i * width, g + i * out, h + i * width, width, w, sums, dw);      \
            else                                                                                                   \
                narrow_rows(ROWS, out, false, dh + i * width, g + i * out, h + i * width, width, w, NULL, NULL);   \
        for (; i < rows; i++)                                                                                      \
            if (sums != NULL)                                                                                      \
                narrow_rows(1, out, true, dh + i * width, g + i * out, h + i * width, width, w, sums, dw);         \
            else                                                                                                   \
                narrow_rows(1, out, false, dh + i * width, g + i * out, h + i * width, width, w, NULL, NULL);      \
    }

NARROW(1)
NARROW(2)
NARROW(3)
NARROW(4)

void tide_narrow_backward(float *dh, const float *g, const float *h, size_t rows, size_t width, const float *w,
                          size_t out, float *sums, float *dw)
{
    static void (*const kinds[TIDE_NARROW])(float *, const float *, const float *, size_t, size_t, const float *,
                                            float *, float *) = {narrow_1, narrow_2, narrow_3, narrow_4};
    kinds[out - 1](dh, g, h, rows, width, w, sums, dw);
}
