/* The pieces of H2O (Niu et al. 2022, arXiv 2206.13464) that are its own: what two
 * discriminators say about the dynamics, and what is done with it.
 *
 * d_sa and d_sas give two logits a row, first real, then simulated. The output of
 * d_sas is added to that of d_sa before its softmax, so that by Bayes' rule
 *
 *   ln P_M^(s'|s,a) / P_M(s'|s,a) = [l_sim - l_real](s,a,s') - [l_sim - l_real](s,a)
 *
 * is the difference of the d_sas outputs alone: d_sa cancels, exactly. All (batch)
 * vectors; nothing here is recorded except the value regulariser. */
#ifndef TIDE_H2O_H2O_H
#define TIDE_H2O_H2O_H

#include "autodiff/tape.h"
#include "base/rng.h"

/* ratio[i] = P_M / P_M^ = exp(d_sas[i][real] - d_sas[i][sim]) held within [low, high]; logits (batch, 2). */
tide_status tide_h2o_dynamics_ratio(const tide_tensor *logits, float low, float high, tide_tensor *ratio);

/* u[i] = mean over the n logits rows i n .. i n + n - 1 of ln P_M^ / P_M, held within [low, high];
 * logits (batch n, 2), u (batch): an estimate of KL(P_M^ || P_M) at (s, a), the
 * paper's measure of the dynamics gap. */
tide_status tide_h2o_gap(const tide_tensor *logits, size_t n, float low, float high, tide_tensor *u);

/* omega = u / sum u, and its logarithm, found from ln u: an omega too small for a float is 0, its logarithm
 * stays finite. All (batch). Errors: TIDE_NUMERIC for a u that is negative or not finite. */
tide_status tide_h2o_omega(const tide_tensor *u, tide_tensor *omega, tide_tensor *log_omega);

/* Next states as a Gaussian around each next state: out[i n + j] = next[i] + scale sigma noise[i n + j];
 * next (batch, dim), sigma (dim), noise and out (batch n, dim). */
tide_status tide_h2o_scatter(const tide_tensor *next, const tide_tensor *sigma, float scale, const tide_tensor *noise,
                             tide_tensor *out);

/* gap = ln sum_i omega_i exp q_sim_i - mean q_real, a scalar: the paper's value regulariser without beta, its
 * maximisation over the sampling distribution done in closed form. Errors: TIDE_SHAPE. */
tide_status tide_h2o_value_gap(tide_tape *tape, tide_value *q_sim, const tide_tensor *log_omega, tide_value *q_real,
                               tide_value **gap);

#endif
