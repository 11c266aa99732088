/* The passes between products, each against its sentence in the header, at odd widths. */
#include "../testing.h"

#include "tensor/kernels.h"

enum { ROWS = 14, MOST = ROWS * 70 };

static const size_t widths[] = {1, 2, 3, 4, 15, 16, 17, 33, 64, 67};
enum { N_WIDTHS = sizeof widths / sizeof widths[0] };

static float x[MOST], h[MOST], y[MOST], bias[MOST], sums[70], before[70];
static tide_rng rng;

static void draw(void)
{
    tide_rng_normal(&rng, x, MOST);
    tide_rng_normal(&rng, h, MOST);
    tide_rng_normal(&rng, bias, MOST);
    tide_rng_normal(&rng, before, 70);
    memcpy(y, x, sizeof y);
    memcpy(sums, before, sizeof sums);
}

static void seed(void)
{
    rng = testing_rng("kernels");
}

START_TEST(bias_and_relu)
{
    for (size_t w = 0; w < N_WIDTHS; w++) {
        size_t width = widths[w];
        draw();
        tide_bias_relu(y, ROWS, width, bias);
        for (size_t i = 0; i < ROWS * width; i++)
            EXPECT(y[i] == fmaxf(x[i] + bias[i % width], 0.0f));
        draw();
        tide_bias(y, ROWS, width, bias);
        for (size_t i = 0; i < ROWS * width; i++)
            EXPECT(y[i] == x[i] + bias[i % width]);
    }
}
END_TEST

START_TEST(relu_keeps_nan)
{
    float row[3] = {NAN, -1.0f, 1.0f}, zero[3] = {0};
    tide_bias_relu(row, 1, 3, zero);
    EXPECT(isnan(row[0]) && row[1] == 0.0f && row[2] == 1.0f);
}
END_TEST

START_TEST(relu_backward_masks_and_sums)
{
    for (size_t w = 0; w < N_WIDTHS; w++) {
        size_t width = widths[w];
        draw();
        h[width / 2] = 0.0f; /* slope 0 at 0 */
        tide_relu_backward(y, h, ROWS, width, sums);
        for (size_t j = 0; j < width; j++) {
            double sum = (double)before[j];
            for (size_t i = 0; i < ROWS; i++) {
                EXPECT(y[i * width + j] == (h[i * width + j] > 0.0f ? x[i * width + j] : 0.0f));
                sum += (double)y[i * width + j];
            }
            NEAR(sums[j], sum, 1e-6, 1e-5);
        }
        memcpy(bias, y, sizeof bias);
        memcpy(y, x, sizeof y);
        tide_relu_backward(y, h, ROWS, width, NULL);
        ck_assert_mem_eq(y, bias, sizeof y);
    }
}
END_TEST

/* What LayerNorm makes of one row of sums, in double. */
static void normalised_row(const float *row, const float *added, size_t width, double *n, double *scale)
{
    double mean = 0.0, variance = 0.0;
    for (size_t j = 0; j < width; j++)
        mean += ((double)row[j] + (double)added[j]) / (double)width;
    for (size_t j = 0; j < width; j++)
        variance += pow((double)row[j] + (double)added[j] - mean, 2.0) / (double)width;
    *scale = 1.0 / sqrt(variance + 1e-5);
    for (size_t j = 0; j < width; j++)
        n[j] = ((double)row[j] + (double)added[j] - mean) * *scale;
}

START_TEST(layer_norm_and_its_slope)
{
    static float normal[MOST], unkept[MOST], gain[70], shift[70], bias_sums[70];
    for (size_t w = 1; w < N_WIDTHS; w++) {
        size_t width = widths[w];
        float scales[ROWS];
        draw();
        tide_rng_normal(&rng, gain, 70);
        tide_rng_normal(&rng, shift, 70);
        memcpy(unkept, y, sizeof unkept);
        tide_bias_norm_relu(y, ROWS, width, bias, gain, shift, normal, scales);
        tide_bias_norm_relu(unkept, ROWS, width, bias, gain, shift, NULL, NULL);
        ck_assert_mem_eq(y, unkept, ROWS * width * sizeof(float));
        double gain_wanted[70], bias_wanted[70], scale, n[70];
        for (size_t j = 0; j < width; j++)
            gain_wanted[j] = bias_wanted[j] = (double)before[j];
        memcpy(unkept, h, sizeof unkept); /* h: a gradient that came from above */
        memcpy(bias_sums, before, sizeof bias_sums);
        tide_norm_backward(unkept, normal, scales, ROWS, width, gain, sums, bias_sums);
        for (size_t i = 0; i < ROWS; i++) {
            const float *g = h + i * width;
            double mean = 0.0, along = 0.0;
            normalised_row(x + i * width, bias, width, n, &scale);
            NEAR(scales[i], scale, 1e-4, 0.0);
            for (size_t j = 0; j < width; j++) {
                NEAR(y[i * width + j], fmax((double)gain[j] * n[j] + (double)shift[j], 0.0), 1e-4, 1e-4);
                mean += (double)g[j] * (double)gain[j] / (double)width;
                along += (double)g[j] * (double)gain[j] * n[j] / (double)width;
                gain_wanted[j] += (double)g[j] * n[j];
            }
            for (size_t j = 0; j < width; j++) {
                double slope = scale * ((double)g[j] * (double)gain[j] - mean - along * n[j]);
                NEAR(unkept[i * width + j], slope, 1e-3, 1e-3 * fmax(1.0, scale));
                bias_wanted[j] += (double)unkept[i * width + j];
            }
        }
        for (size_t j = 0; j < width; j++) {
            NEAR(sums[j], gain_wanted[j], 1e-4, 1e-4);
            NEAR(bias_sums[j], bias_wanted[j], 1e-5, 1e-4);
        }
        memcpy(y, h, sizeof y);
        tide_norm_backward(y, normal, scales, ROWS, width, gain, NULL, NULL);
        ck_assert_mem_eq(y, unkept, ROWS * width * sizeof(float));
    }
}
END_TEST

START_TEST(layer_norm_of_equal_sums_is_the_shift_and_keeps_nan)
{
    float row[4] = {3.0f, 3.0f, 3.0f, 3.0f}, odd[4] = {1.0f, NAN, 2.0f, 0.0f};
    float zero[4] = {0}, gain[4] = {1.0f, 2.0f, 3.0f, 4.0f}, shift[4] = {0.5f, -1.0f, 2.0f, 0.0f};
    tide_bias_norm_relu(row, 1, 4, zero, gain, shift, NULL, NULL);
    EXPECT(row[0] == 0.5f && row[1] == 0.0f && row[2] == 2.0f && row[3] == 0.0f);
    tide_bias_norm_relu(odd, 1, 4, zero, gain, shift, NULL, NULL);
    EXPECT(isnan(odd[0]) && isnan(odd[1]) && isnan(odd[2]) && isnan(odd[3]));
}
END_TEST

START_TEST(column_sums_add)
{
    for (size_t w = 0; w < N_WIDTHS; w++) {
        size_t width = widths[w];
        draw();
        tide_column_sums(x, ROWS, width, sums);
        for (size_t j = 0; j < width; j++) {
            double sum = (double)before[j];
            for (size_t i = 0; i < ROWS; i++)
                sum += (double)x[i * width + j];
            NEAR(sums[j], sum, 1e-6, 1e-5);
        }
    }
}
END_TEST

START_TEST(scaled_tanh_and_its_slope)
{
    static const float scales[] = {1.0f, 2.0f, -0.5f};
    for (size_t s = 0; s < 3; s++) {
        float scale = scales[s];
        draw();
        tide_scaled_tanh(y, MOST, scale);
        for (size_t i = 0; i < MOST; i++)
            NEAR(y[i], (double)scale * tanh((double)x[i]), 5e-7, 1e-12);
        tide_scaled_tanh_backward(bias, h, y, MOST, scale);
        for (size_t i = 0; i < MOST; i++) {
            double t = tanh((double)x[i]);
            NEAR(bias[i], (double)h[i] * (double)scale * (1.0 - t * t), 1e-5, 1e-6);
        }
        memcpy(before, bias, sizeof before);
        tide_scaled_tanh_backward(h, h, y, MOST, scale); /* in place */
        ck_assert_mem_eq(before, h, sizeof before);
    }
}
END_TEST

START_TEST(narrow_layers_match_plain_loops)
{
    for (size_t w = 0; w < N_WIDTHS; w++) {
        size_t width = widths[w];
        for (size_t out = 1; out <= TIDE_NARROW; out++) {
            static float g[ROWS * TIDE_NARROW], weight[TIDE_NARROW * 70], dw[TIDE_NARROW * 70],
                dw_before[TIDE_NARROW * 70];
            draw();
            tide_rng_normal(&rng, g, ROWS * TIDE_NARROW);
            tide_rng_normal(&rng, weight, TIDE_NARROW * 70);
            tide_rng_normal(&rng, dw_before, TIDE_NARROW * 70);
            memcpy(dw, dw_before, sizeof dw);
            tide_narrow_forward(y, h, ROWS, width, weight, bias, out);
            for (size_t i = 0; i < ROWS; i++) {
                for (size_t o = 0; o < out; o++) {
                    double sum = (double)bias[o];
                    for (size_t j = 0; j < width; j++)
                        sum += (double)h[i * width + j] * (double)weight[o * width + j];
                    NEAR(y[i * out + o], sum, 1e-5, 1e-5);
                }
            }
            static float alone[sizeof y / sizeof y[0]];
            tide_narrow_backward(y, g, h, ROWS, width, weight, out, sums, dw);
            tide_narrow_backward(alone, g, h, ROWS, width, weight, out, NULL, NULL);
            ck_assert_mem_eq(alone, y, ROWS * width * sizeof(float));
            for (size_t j = 0; j < width; j++) {
                double column = (double)before[j];
                for (size_t i = 0; i < ROWS; i++) {
                    double d = 0.0;
                    for (size_t o = 0; o < out; o++)
                        d += (double)g[i * out + o] * (double)weight[o * width + j];
                    d = h[i * width + j] > 0.0f ? d : 0.0;
                    NEAR(y[i * width + j], d, 1e-5, 1e-5);
                    column += d;
                }
                NEAR(sums[j], column, 1e-5, 1e-5);
                for (size_t o = 0; o < out; o++) {
                    double d = (double)dw_before[o * width + j];
                    for (size_t i = 0; i < ROWS; i++)
                        d += (double)g[i * out + o] * (double)h[i * width + j];
                    NEAR(dw[o * width + j], d, 1e-5, 1e-5);
                }
            }
        }
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, seed, NULL);
    tcase_add_test(tests, bias_and_relu);
    tcase_add_test(tests, relu_keeps_nan);
    tcase_add_test(tests, relu_backward_masks_and_sums);
    tcase_add_test(tests, layer_norm_and_its_slope);
    tcase_add_test(tests, layer_norm_of_equal_sums_is_the_shift_and_keeps_nan);
    tcase_add_test(tests, column_sums_add);
    tcase_add_test(tests, scaled_tanh_and_its_slope);
    tcase_add_test(tests, narrow_layers_match_plain_loops);
}

int main(void)
{
    return testing_run("kernels", add);
}
