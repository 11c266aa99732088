#include "tensor/kernels.h"

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

void tide_sum_repeats(float *out, const float *g, size_t rows, size_t width, size_t repeat)
{
    memset(out, 0, rows / repeat * width * sizeof(float));
    for (size_t i = 0; i < rows; i++)
        add_row(out + i / repeat * width, g + i * width, width);
}

static float dot(const float *restrict a, const float *restrict b, size_t n)
{
    float sum = 0.0f;
#pragma omp simd reduction(+ : sum)
    for (size_t j = 0; j < n; j++)
        sum += a[j] * b[j];
    return sum;
}

void tide_narrow_forward(float *y, const float *h, size_t rows, size_t width, const float *w, const float *bias,
                         size_t out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t o = 0; o < out; o++)
            y[i * out + o] = dot(h + i * width, w + o * width, width) + bias[o];
}

static void scaled_row(float *restrict to, float scale, const float *restrict from, size_t n)
{
    for (size_t j = 0; j < n; j++)
        to[j] = scale * from[j];
}

static void add_scaled_row(float *restrict to, float scale, const float *restrict from, size_t n)
{
    for (size_t j = 0; j < n; j++)
        to[j] += scale * from[j];
}

void tide_narrow_backward(float *dh, const float *g, const float *h, size_t rows, size_t width, const float *w,
                          size_t out, float *sums)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = dh + i * width;
        scaled_row(row, g[i * out], w, width);
        for (size_t o = 1; o < out; o++)
            add_scaled_row(row, g[i * out + o], w + o * width, width);
        tide_relu_backward(row, h + i * width, 1, width, sums);
    }
}

void tide_narrow_weights(float *dw, const float *g, const float *h, size_t rows, size_t width, size_t out)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t o = 0; o < out; o++)
            add_scaled_row(dw + o * width, g[i * out + o], h + i * width, width);
}
