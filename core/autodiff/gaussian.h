/* Gaussian policies. The tanh-Gaussian one of soft actor-critic (Haarnoja et al.
 * 2018, arXiv 1812.05905, appendix C): sampling by reparameterisation, with the log
 * probability of the sample. And the log-densities of actions that are given, as a
 * dataset's are: under a tanh-Gaussian, and under a plain normal distribution. */
#ifndef TIDE_AUTODIFF_GAUSSIAN_H
#define TIDE_AUTODIFF_GAUSSIAN_H

#include "autodiff/tape.h"

#define TIDE_LOG_STD_MIN (-20.0f)
#define TIDE_LOG_STD_MAX 2.0f

/* Given actions are held within +-this, where atanh is finite: float's step below 1 is 6e-8. */
#define TIDE_ACTION_MAX (1.0f - 1e-6f)

/* From head (batch, 2 dim), mean beside log_std, and noise (batch, dim) from N(0, 1):
 *
 *   log_std = clamp(multiplier * head + offset, -20, 2),  x = mean + exp(log_std) noise,  action = tanh x,
 *   log_prob = sum over dim of [-noise^2 / 2 - log_std - ln(2 pi) / 2 - 2 (ln 2 - x - softplus(-2 x))],
 *
 * the last term being ln(1 - tanh^2 x) without loss of digits. `scalars`, shape (2), holds multiplier and
 * offset; NULL means 1 and 0. *action is (batch, dim), *log_prob (batch). Errors: TIDE_SHAPE. */
tide_status tide_tanh_gaussian(tide_tape *tape, tide_value *head, tide_value *scalars, const tide_tensor *noise,
                               tide_value **action, tide_value **log_prob);

/* The log-density, (batch), of given actions (batch, dim), held within +-TIDE_ACTION_MAX, under the head above:
 *
 *   x = atanh a,  z = (x - mean) / std,  log_prob = sum over dim of [-z^2 / 2 - log_std - ln(2 pi) / 2 - ln(1 - a^2)],
 *
 * with gradients to the head and the scalars, none to the actions. Errors: TIDE_SHAPE. */
tide_status tide_tanh_gaussian_log_prob(tide_tape *tape, tide_value *head, tide_value *scalars,
                                        const tide_tensor *actions, tide_value **log_prob);

/* The log-density, (batch), of x (batch, dim) under N(mean, exp(log_std)^2), dimension by dimension; mean (batch, dim),
 * log_std (batch, dim), or (dim) for every row. Gradients to all three. Errors: TIDE_SHAPE. */
tide_status tide_gaussian_log_prob(tide_tape *tape, tide_value *mean, tide_value *log_std, tide_value *x,
                                   tide_value **log_prob);

/* The deterministic action tanh(mean), (batch, dim); not recorded. Errors: TIDE_SHAPE. */
tide_status tide_tanh_mean(tide_tape *tape, const tide_value *head, tide_value **action);

#endif
