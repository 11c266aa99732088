#include "nn/adam.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/pool.h"

tide_status tide_adam_create(tide_adam **adam, tide_parameters **blocks, size_t n_blocks, double lr, double beta1,
                             double beta2, double epsilon)
{
    *adam = NULL;
    if (n_blocks == 0)
        return tide_fail(TIDE_ARGUMENT, "adam: no parameters to train");
    if (!(lr > 0.0 && isfinite(lr)) || !(beta1 >= 0.0 && beta1 < 1.0) || !(beta2 >= 0.0 && beta2 < 1.0) ||
        !(epsilon > 0.0 && isfinite(epsilon)))
        return tide_fail(TIDE_ARGUMENT, "adam: lr %g, betas %g and %g, epsilon %g are not rates", lr, beta1, beta2,
                         epsilon);
    for (size_t i = 0; i < n_blocks; i++)
        for (size_t j = 0; j < i; j++)
            if (blocks[i] == blocks[j])
                return tide_fail(TIDE_ARGUMENT, "adam: parameters %zu and %zu are the same", j + 1, i + 1);
    tide_adam *fresh;
    TIDE_TRY(tide_alloc(sizeof *fresh, (void **)&fresh));
    fresh->lr = lr;
    fresh->beta1 = beta1;
    fresh->beta2 = beta2;
    fresh->epsilon = epsilon;
    fresh->n_blocks = n_blocks;
    for (size_t i = 0; i < n_blocks; i++)
        fresh->count += blocks[i]->count;
    tide_status status = tide_alloc_array(n_blocks, sizeof *fresh->blocks, (void **)&fresh->blocks);
    if (status == TIDE_OK)
        status = tide_alloc_array(fresh->count, sizeof(float), (void **)&fresh->first);
    if (status == TIDE_OK)
        status = tide_alloc_array(fresh->count, sizeof(float), (void **)&fresh->second);
    if (status == TIDE_OK)
        status = tide_parameters_join(blocks, n_blocks);
    if (status != TIDE_OK) {
        tide_adam_destroy(fresh);
        return status;
    }
    memcpy(fresh->blocks, blocks, n_blocks * sizeof *blocks);
    *adam = fresh;
    return TIDE_OK;
}

void tide_adam_destroy(tide_adam *adam)
{
    if (adam == NULL)
        return;
    tide_free(adam->blocks);
    tide_free(adam->first);
    tide_free(adam->second);
    tide_free(adam);
}

/* m <- b1 m + (1 - b1) g;  v <- b2 v + (1 - b2) g^2;  p <- p - rate m / (correction sqrt(v) + epsilon). */
typedef struct adam_rates {
    float beta1, rest1; /* b1 and 1 - b1, each rounded once */
    float beta2, rest2;
    float rate, correction, epsilon;
} adam_rates;

static const double OPERATIONS = 20.0; /* for each parameter; a square root and two divisions count as several */

static void adam_run(float *restrict p, const float *restrict g, float *restrict m, float *restrict v, size_t n,
                     adam_rates r)
{
    for (size_t i = 0; i < n; i++) {
        m[i] = r.beta1 * m[i] + r.rest1 * g[i];
        v[i] = r.beta2 * v[i] + r.rest2 * g[i] * g[i];
        p[i] -= r.rate * m[i] / (r.correction * sqrtf(v[i]) + r.epsilon);
    }
}

static bool all_finite(const float *x, size_t n)
{
    int odd = 0;
    for (size_t i = 0; i < n; i++)
        odd |= !(x[i] - x[i] == 0.0f);
    return !odd;
}

typedef struct adam_job {
    tide_parameters *block;
    float *first, *second;
    adam_rates rates;
} adam_job;

static void adam_part(void *context, size_t part, size_t parts)
{
    const adam_job *job = context;
    const size_t line = TIDE_ALIGNMENT / sizeof(float), count = job->block->count;
    tide_span lines = tide_pool_share((count + line - 1) / line, part, parts);
    size_t at = lines.first * line, end = lines.end * line < count ? lines.end * line : count;
    adam_run(job->block->values + at, job->block->gradients + at, job->first + at, job->second + at, end - at,
             job->rates);
}

tide_status tide_adam_step(tide_adam *adam)
{
    for (size_t i = 0; i < adam->n_blocks; i++)
        if (adam->blocks[i]->has_gradient && !all_finite(adam->blocks[i]->gradients, adam->blocks[i]->count))
            return tide_fail(TIDE_NUMERIC, "adam: a gradient of block %zu of %zu is not finite at step %llu", i + 1,
                             adam->n_blocks, (unsigned long long)adam->steps + 1);
    adam->steps++;
    double t = (double)adam->steps;
    const adam_rates rates = {
        .beta1 = (float)adam->beta1,
        .rest1 = (float)(1.0 - adam->beta1),
        .beta2 = (float)adam->beta2,
        .rest2 = (float)(1.0 - adam->beta2),
        .rate = (float)(adam->lr / (1.0 - pow(adam->beta1, t))),
        .correction = (float)(1.0 / sqrt(1.0 - pow(adam->beta2, t))),
        .epsilon = (float)adam->epsilon,
    };
    size_t offset = 0;
    for (size_t i = 0; i < adam->n_blocks; i++) {
        tide_parameters *block = adam->blocks[i];
        if (block->has_gradient) {
            adam_job job = {block, adam->first + offset, adam->second + offset, rates};
            tide_pool_run(adam_part, &job, tide_pool_parts(TIDE_MOST_THREADS, OPERATIONS * (double)block->count));
            block->has_gradient = false;
            block->version++;
        }
        offset += block->count;
    }
    return TIDE_OK;
}

tide_status tide_adam_restore(tide_adam *adam, const float *first, const float *second, uint64_t steps)
{
    if (!all_finite(first, adam->count) || !all_finite(second, adam->count))
        return tide_fail(TIDE_NUMERIC, "adam: the running means to restore are not finite");
    for (size_t i = 0; i < adam->count; i++)
        if (second[i] < 0.0f)
            return tide_fail(TIDE_NUMERIC, "adam: the running mean of squares to restore is %g at place %zu",
                             (double)second[i], i + 1);
    memcpy(adam->first, first, adam->count * sizeof(float));
    memcpy(adam->second, second, adam->count * sizeof(float));
    adam->steps = steps;
    return TIDE_OK;
}

void tide_adam_forget(tide_adam *adam)
{
    for (size_t i = 0; i < adam->n_blocks; i++)
        adam->blocks[i]->has_gradient = false;
}
