/* Networks as the tests of core/nn make them: weights drawn, every kind of shape, with LayerNorm and without. */
#ifndef TIDE_TESTS_NETWORKS_H
#define TIDE_TESTS_NETWORKS_H

#include "../gradients.h"

#include "nn/mlp.h"

static tide_rng rng; /* a test begins with a fresh one: seed is its fixture */

static inline void seed(void)
{
    rng = testing_rng("networks");
}

static const tide_mlp_options plain = {0};

static inline tide_mlp *network(size_t n_layers, const size_t *sizes, tide_mlp_options options)
{
    tide_mlp *mlp;
    MUST(tide_mlp_create(&mlp, sizes, n_layers, options));
    for (size_t i = 0; i < n_layers; i++) {
        MUST(tide_mlp_init_layer(mlp, i, TIDE_INIT_TORCH, 0.0f, &rng));
        if (tide_mlp_normalises(mlp, i)) { /* gains of both signs, as training may leave them */
            float *values = mlp->parameters->values;
            tide_rng_uniform(&rng, values + mlp->gain_at[i], sizes[i + 1], 0.5f, 1.5f);
            tide_rng_uniform(&rng, values + mlp->shift_at[i], sizes[i + 1], -0.3f, 0.3f);
            values[mlp->gain_at[i]] *= -1.0f;
        }
    }
    return mlp;
}

static const struct {
    size_t n_layers, sizes[5];
    tide_mlp_options options;
} shapes[] = {
    {1, {3, 2}, {.scalar = false}},
    {1, {7, 9}, {.tanh_scale = 2.0f}},
    {1, {5, 1}, {.scalar = true}},
    {2, {3, 16, 1}, {.scalar = true}},
    {2, {4, 5, 2}, {.tanh_scale = 2.0f}},
    {3, {23, 64, 64, 1}, {.scalar = true}},
    {3, {17, 33, 20, 12}, {.scalar = false}},
    {3, {40, 32, 32, 2}, {.tanh_scale = 2.0f}},
    {4, {6, 3, 4, 5, 4}, {.tanh_scale = -1.5f}},
    {1, {3, 2}, {.layer_norm = true}},
    {2, {3, 16, 1}, {.scalar = true, .layer_norm = true}},
    {3, {5, 33, 20, 12}, {.layer_norm = true}},
    {3, {7, 32, 19, 2}, {.tanh_scale = 2.0f, .layer_norm = true}},
    {4, {6, 7, 4, 5, 4}, {.tanh_scale = -1.5f, .layer_norm = true}},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* For loop tests: without and with LayerNorm. */
static inline tide_mlp_options critic_options(int i)
{
    return (tide_mlp_options){.scalar = true, .layer_norm = i == 1};
}

/* Equal but for rounding, at the scale of the largest of b. */
static inline void all_near(const float *a, const float *b, size_t n)
{
    double scale = 0.0;
    for (size_t i = 0; i < n; i++)
        scale = fmax(scale, fabs((double)b[i]));
    for (size_t i = 0; i < n; i++)
        NEAR(a[i], b[i], 0.0, 2e-5 * (scale + 1e-3));
}

#endif
