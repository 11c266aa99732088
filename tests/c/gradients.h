/* Gradients against central differences.
 *
 * The function under test is built on the tape from trainable inputs; a fixed
 * random weighting of its output makes a scalar. Differences are taken at two
 * steps and extrapolated (Richardson), the weighted sum in double, so that what
 * is left is the rounding of the forward pass. */
#ifndef TIDE_TESTS_GRADIENTS_H
#define TIDE_TESTS_GRADIENTS_H

#include "testing.h"

#include "autodiff/elementwise.h"
#include "autodiff/reduce.h"
#include "autodiff/tape.h"

enum { GRADIENT_INPUTS = 12 };

typedef struct gradient_case {
    size_t n;
    tide_tensor tensors[GRADIENT_INPUTS]; /* data: the values of the blocks */
    tide_parameters *blocks[GRADIENT_INPUTS];
    tide_tape *tape;
    tide_rng rng;
} gradient_case;

/* Makes *out from in[0 .. n - 1]. */
typedef void gradient_function(tide_tape *tape, tide_value **in, tide_value **out, const void *context);

static inline gradient_case gradient_begin(tide_rng rng)
{
    gradient_case g = {.rng = rng};
    MUST(tide_tape_create(&g.tape));
    return g;
}

/* Adds an input of this shape, elements uniform on [low, high], those closer to 0 than `gap` pushed away:
 * no kink within a difference's reach. Returns its place. */
static inline size_t gradient_input(gradient_case *g, size_t rank, const size_t *dims, float low, float high, float gap)
{
    size_t i = g->n++;
    ck_assert_uint_lt(i, GRADIENT_INPUTS);
    tide_tensor shape = tide_tensor_make(NULL, rank, dims);
    size_t count = tide_tensor_count(&shape);
    MUST(tide_parameters_create(&g->blocks[i], count));
    tide_rng_uniform(&g->rng, g->blocks[i]->values, count, low, high);
    for (size_t k = 0; k < count; k++) {
        float *x = &g->blocks[i]->values[k];
        if (fabsf(*x) < gap)
            *x += copysignf(gap, *x);
    }
    g->tensors[i] = tide_tensor_make(g->blocks[i]->values, rank, dims);
    return i;
}

static inline tide_value *gradient_build(gradient_case *g, gradient_function *function, const void *context)
{
    tide_value *in[GRADIENT_INPUTS], *out = NULL;
    for (size_t i = 0; i < g->n; i++)
        MUST(tide_tape_parameter(g->tape, g->blocks[i], &g->tensors[i], &in[i]));
    function(g->tape, in, &out, context);
    return out;
}

static inline double gradient_weighted(gradient_case *g, gradient_function *function, const void *context,
                                       const float *weights)
{
    bool recording = tide_tape_set_recording(g->tape, false);
    tide_value *out = gradient_build(g, function, context);
    double sum = 0.0;
    for (size_t i = 0, n = tide_tensor_count(&out->tensor); i < n; i++)
        sum += (double)weights[i] * (double)out->tensor.data[i];
    tide_tape_set_recording(g->tape, recording);
    tide_tape_end_step(g->tape);
    return sum;
}

/* Checks every input's gradient to `tolerance`, relative to the largest of the input's gradients and to 1. */
static inline void gradient_check(gradient_case *g, const char *name, gradient_function *function, const void *context,
                                  double tolerance)
{
    tide_value *out = gradient_build(g, function, context), *weights, *product, *loss;
    MUST(tide_tape_fresh(g->tape, out->tensor.rank, out->tensor.dims, &weights));
    size_t n = tide_tensor_count(&out->tensor);
    float *kept = calloc(n + 1, sizeof *kept);
    tide_rng_uniform(&g->rng, kept, n, -1.0f, 1.0f);
    memcpy(weights->tensor.data, kept, n * sizeof *kept);
    MUST(tide_binary_op(g->tape, TIDE_MULTIPLY, out, weights, &product));
    MUST(tide_reduce(g->tape, TIDE_SUM, product, TIDE_ALL, &loss));
    MUST(tide_tape_backward(g->tape, loss, NULL, 0, false));
    tide_tape_end_step(g->tape);
    for (size_t i = 0; i < g->n; i++) {
        tide_parameters *block = g->blocks[i];
        double scale = 1.0;
        for (size_t k = 0; k < block->count; k++)
            scale = fmax(scale, block->has_gradient ? fabs((double)block->gradients[k]) : 0.0);
        for (size_t k = 0; k < block->count; k++) {
            float x = block->values[k];
            double differences[2];
            for (int wide = 0; wide < 2; wide++) {
                float h = (wide ? 2.0f : 1.0f) * 0.015625f;
                volatile float up = x + h, down = x - h;
                block->values[k] = up;
                double above = gradient_weighted(g, function, context, kept);
                block->values[k] = down;
                double below = gradient_weighted(g, function, context, kept);
                differences[wide] = (above - below) / ((double)up - (double)down);
            }
            block->values[k] = x;
            double wanted = (4.0 * differences[0] - differences[1]) / 3.0;
            double got = block->has_gradient ? (double)block->gradients[k] : 0.0;
            if (!(fabs(got - wanted) <= tolerance * scale))
                ck_abort_msg("%s: input %zu, element %zu: gradient %.7g, difference %.7g", name, i + 1, k + 1, got,
                             wanted);
        }
        block->has_gradient = false;
    }
    free(kept);
}

static inline void gradient_end(gradient_case *g)
{
    for (size_t i = 0; i < g->n; i++)
        tide_parameters_destroy(g->blocks[i]);
    tide_tape_destroy(g->tape);
}

#endif
