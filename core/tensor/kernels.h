/* The passes between matrix products: each touches its rows once.
 *
 * Matrices are row-major and contiguous; loops are written so that the compiler
 * vectorises them. */
#ifndef TIDE_TENSOR_KERNELS_H
#define TIDE_TENSOR_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* h (rows, width) <- max(h + bias, 0). */
void tide_bias_relu(float *h, size_t rows, size_t width, const float *bias);

/* The same with LayerNorm before the ReLU: h <- max(gain n + shift, 0), n = (x - mean) scale of a row x of h + bias,
 * scale = 1 / sqrt(variance + 1e-5) over its elements. n (rows, width) and scale (rows) are kept unless NULL. */
void tide_bias_norm_relu(float *h, size_t rows, size_t width, const float *bias, const float *gain, const float *shift,
                         float *normal, float *scales);

/* y (rows, width) <- y + bias. */
void tide_bias(float *y, size_t rows, size_t width, const float *bias);

/* g (rows, width) <- g where h > 0, else 0; sums (width) += the column sums of the result, unless NULL. */
void tide_relu_backward(float *g, const float *h, size_t rows, size_t width, float *sums);

/* g (rows, width), of gain n + shift, <- the gradient of what n was made of, from n and its scales (rows). gain_sums
 * (width) += the column sums of g n, bias_sums (width) += those of the result, unless both are NULL. */
void tide_norm_backward(float *g, const float *normal, const float *scales, size_t rows, size_t width,
                        const float *gain, float *gain_sums, float *bias_sums);

/* sums (width) += column sums of g (rows, width). */
void tide_column_sums(const float *g, size_t rows, size_t width, float *sums);

/* y <- scale tanh(y). */
void tide_scaled_tanh(float *y, size_t n, float scale);

/* g_out <- g (scale - y^2 / scale): the gradient before y = scale tanh(.). */
void tide_scaled_tanh_backward(float *g_out, const float *g, const float *y, size_t n, float scale);

/* Layers with few outputs, where a general product spends its time packing. */
enum { TIDE_NARROW = 4 };

/* y (rows, out) <- h (rows, width) w^T + bias, w (out, width), out <= TIDE_NARROW. */
void tide_narrow_forward(float *y, const float *h, size_t rows, size_t width, const float *w, const float *bias,
                         size_t out);

/* dh (rows, width) <- (g w) masked by h > 0, g (rows, out); sums (width) += its column sums, dw (out, width) += g^T h,
 * unless both are NULL. */
void tide_narrow_backward(float *dh, const float *g, const float *h, size_t rows, size_t width, const float *w,
                          size_t out, float *sums, float *dw);

#endif
