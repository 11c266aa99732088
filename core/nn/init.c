#include <math.h>

#include "base/alloc.h"
#include "nn/mlp.h"

/* Makes the rows of q (rows, width), rows <= width, orthonormal: Gram and Schmidt,
 * twice, in double, from normal draws. A row that vanishes is drawn again. */
static void orthonormal_rows(double *q, size_t rows, size_t width, tide_rng *rng)
{
    for (size_t i = 0; i < rows; i++) {
        double *row = q + i * width, norm = 0.0;
        while (norm < 1e-3) {
            for (size_t k = 0; k < width; k += TIDE_RNG_BATCH) {
                float draws[TIDE_RNG_BATCH];
                size_t n = width - k < TIDE_RNG_BATCH ? width - k : TIDE_RNG_BATCH;
                tide_rng_normal(rng, draws, n);
                for (size_t j = 0; j < n; j++)
                    row[k + j] = (double)draws[j];
            }
            for (int pass = 0; pass < 2; pass++) {
                for (size_t j = 0; j < i; j++) {
                    double dot = 0.0;
                    for (size_t k = 0; k < width; k++)
                        dot += row[k] * q[j * width + k];
                    for (size_t k = 0; k < width; k++)
                        row[k] -= dot * q[j * width + k];
                }
            }
            norm = 0.0;
            for (size_t k = 0; k < width; k++)
                norm += row[k] * row[k];
            norm = sqrt(norm);
        }
        for (size_t k = 0; k < width; k++)
            row[k] /= norm;
    }
}

static tide_status init_orthogonal(float *weight, size_t out, size_t in, float gain, tide_rng *rng)
{
    size_t rows = out < in ? out : in, width = out < in ? in : out;
    double *q;
    TIDE_TRY(tide_alloc_array(rows * width, sizeof *q, (void **)&q));
    orthonormal_rows(q, rows, width, rng);
    for (size_t i = 0; i < out; i++)
        for (size_t j = 0; j < in; j++)
            weight[i * in + j] = gain * (float)(out < in ? q[i * width + j] : q[j * width + i]);
    tide_free(q);
    return TIDE_OK;
}

tide_status tide_mlp_init_layer(tide_mlp *mlp, size_t layer, tide_init init, float gain, tide_rng *rng)
{
    if (layer >= mlp->n_layers)
        return tide_fail(TIDE_ARGUMENT, "mlp: layer %zu of %zu", layer + 1, mlp->n_layers);
    size_t in = mlp->sizes[layer], out = mlp->sizes[layer + 1];
    if (!isfinite(gain))
        return tide_fail(TIDE_ARGUMENT, "mlp: a gain of %g", (double)gain);
    float *weight = mlp->parameters->values + mlp->weight_at[layer];
    float *bias = mlp->parameters->values + mlp->bias_at[layer];
    float bound = 0.0f;
    for (size_t i = 0; i < out; i++)
        bias[i] = 0.0f;
    for (size_t i = 0; i < out && tide_mlp_normalises(mlp, layer); i++) {
        mlp->parameters->values[mlp->gain_at[layer] + i] = 1.0f;
        mlp->parameters->values[mlp->shift_at[layer] + i] = 0.0f;
    }
    switch (init) {
    case TIDE_INIT_TORCH:
        bound = 1.0f / sqrtf((float)in);
        tide_rng_uniform(rng, weight, in * out, -bound, bound);
        tide_rng_uniform(rng, bias, out, -bound, bound);
        break;
    case TIDE_INIT_XAVIER:
        bound = gain * sqrtf(6.0f / (float)(in + out));
        tide_rng_uniform(rng, weight, in * out, -bound, bound);
        break;
    case TIDE_INIT_ORTHOGONAL: TIDE_TRY(init_orthogonal(weight, out, in, gain, rng)); break;
    }
    tide_parameters_touch(mlp->parameters);
    return TIDE_OK;
}
