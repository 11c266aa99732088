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

static float row_sum(const float *x, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += x[j];
    return sum;
}

static float squared_distances(const float *x, float mean, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += (x[j] - mean) * (x[j] - mean);
    return sum;
}

static void normalise_row(float *x, float mean, float scale, size_t n)
{
    for (size_t j = 0; j < n; j++)
        x[j] = (x[j] - mean) * scale;
}

static void gain_shift_relu_row(float *restrict h, const float *restrict gain, const float *restrict shift, size_t n)
{
    for (size_t j = 0; j < n; j++) {
        float x = gain[j] * h[j] + shift[j];
        h[j] = x < 0.0f ? 0.0f : x; /* NaN stays NaN */
    }
}

void tide_bias_norm_relu(float *h, size_t rows, size_t width, const float *bias, const float *gain, const float *shift,
                         float *normal, float *scales)
{
    const float epsilon = 1e-5f;
    for (size_t i = 0; i < rows; i++) {
        float *row = h + i * width;
        tide_bias(row, 1, width, bias);
        float mean = row_sum(row, width) / (float)width;
        float scale = 1.0f / sqrtf(squared_distances(row, mean, width) / (float)width + epsilon);
        normalise_row(row, mean, scale, width);
        if (normal != NULL)
            memcpy(normal + i * width, row, width * sizeof(float));
        if (scales != NULL)
            scales[i] = scale;
        gain_shift_relu_row(row, gain, shift, width);
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

static void add_product_row(float *restrict into, const float *restrict a, const float *restrict b, size_t n)
{
    for (size_t j = 0; j < n; j++)
        into[j] += a[j] * b[j];
}

static void multiply_row(float *restrict x, const float *restrict by, size_t n)
{
    for (size_t j = 0; j < n; j++)
        x[j] *= by[j];
}

static void norm_slope_row(float *restrict g, const float *restrict normal, float mean, float along, float scale,
                           size_t n)
{
    for (size_t j = 0; j < n; j++)
        g[j] = scale * (g[j] - mean - along * normal[j]);
}

/* With d = g gain:  d loss / dx = scale (d - mean d - n mean(d n)). */
void tide_norm_backward(float *g, const float *normal, const float *scales, size_t rows, size_t width,
                        const float *gain, float *gain_sums, float *bias_sums)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = g + i * width;
        const float *n = normal + i * width;
        if (gain_sums != NULL)
            add_product_row(gain_sums, row, n, width);
        multiply_row(row, gain, width);
        float mean = row_sum(row, width) / (float)width, along = dot(row, n, width) / (float)width;
        norm_slope_row(row, n, mean, along, scales[i], width);
        if (bias_sums != NULL)
            add_row(bias_sums, row, width);
    }
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

/* Rows that the narrow layers take together: what belongs to a column, they read and write once. */
enum { ROWS = 4 };

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
