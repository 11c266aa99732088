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

void tide_sum_repeats(float *out, const float *g, size_t rows, size_t width, size_t repeat)
{
    memset(out, 0, rows / repeat * width * sizeof(float));
    for (size_t i = 0; i < rows; i++)
        add_row(out + i / repeat * width, g + i * width, width);
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
