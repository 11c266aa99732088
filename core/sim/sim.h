/* Physics: one MuJoCo model and its state, stepped under control.
 *
 * Every tide_sim owns a model of its own, so what a gap writes into one is seen by no
 * other. MuJoCo's errors, which would end the process, become TIDE_SIMULATOR; a state
 * that runs away, which MuJoCo resets in silence, is reported as diverged. Nothing is
 * printed and no MUJOCO_LOG.TXT is written. Units are MuJoCo's: m, kg, s, rad. */
#ifndef TIDE_SIM_SIM_H
#define TIDE_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/status.h"

typedef struct tide_sim tide_sim;

/* The version of the MuJoCo library in use, such as "2.2.2". */
const char *tide_sim_version(void);

/* Warnings that MuJoCo gave on this thread so far. */
uint64_t tide_sim_warnings(void);

/* Loads an MJCF file; its state is the model's initial one.
 * Errors: TIDE_FORMAT (no such file, not MJCF), TIDE_MEMORY, TIDE_SIMULATOR. */
tide_status tide_sim_load(const char *path, tide_sim **sim);
void tide_sim_destroy(tide_sim *sim);

/* ---- looking ---- */

/* Numbers in qpos, qvel, the control and the activations. */
size_t tide_sim_nq(const tide_sim *sim);
size_t tide_sim_nv(const tide_sim *sim);
size_t tide_sim_nu(const tide_sim *sim);
size_t tide_sim_na(const tide_sim *sim);

const double *tide_sim_qpos(const tide_sim *sim);
const double *tide_sim_qvel(const tide_sim *sim);
double tide_sim_time(const tide_sim *sim);
double tide_sim_timestep(const tide_sim *sim); /* of one mj_step */
size_t tide_sim_steps(const tide_sim *sim);    /* control steps since the last reset */

/* Writes qpos from index `skip` on, then qvel, into `out` (nq - skip + nv floats), each
 * clipped to [-clip, clip]. A clip of 0 means none. Errors: TIDE_ARGUMENT. */
tide_status tide_sim_observe(const tide_sim *sim, size_t skip, double clip, float *out);

/* The position of a body's frame as MuJoCo last computed it: after a step, that is at the
 * beginning of the step's last mj_step. Errors: TIDE_ARGUMENT (unknown name). */
tide_status tide_sim_body_position(tide_sim *sim, const char *body, double position[3]);

/* ---- the state ---- */

/* Back to the model's initial state: time 0, nothing remembered by the solver. */
tide_status tide_sim_reset(tide_sim *sim);

/* As reset, then with these positions (nq) and velocities (nv).
 * Errors: TIDE_NUMERIC (not finite; nothing is changed). */
tide_status tide_sim_place(tide_sim *sim, const double *qpos, const double *qvel);

/* Adds scale * U(-1, 1) or scale * N(0, 1) to every number of qpos or of qvel. */
typedef enum tide_sim_part { TIDE_SIM_QPOS, TIDE_SIM_QVEL } tide_sim_part;
typedef enum tide_sim_noise { TIDE_SIM_UNIFORM, TIDE_SIM_NORMAL } tide_sim_noise;
void tide_sim_add_noise(tide_sim *sim, tide_sim_part part, tide_sim_noise noise, double scale, tide_rng *rng);

/* Everything that the future depends on, as tide_sim_state_size numbers: steps, time,
 * qpos, qvel, activations and the solver's warm start. A sim of the same model that takes
 * it over continues bit for bit. Changes to the model's fields are not part of it.
 * tide_sim_set_state: TIDE_NUMERIC where a number is not finite, and nothing is changed. */
size_t tide_sim_state_size(const tide_sim *sim);
tide_status tide_sim_get_state(tide_sim *sim, double *state);
tide_status tide_sim_set_state(tide_sim *sim, const double *state);

/* ---- moving ---- */

/* The place of the nu numbers that the next step applies; after a step, those applied. */
double *tide_sim_control(tide_sim *sim);

/* Sum of the squares of the control. */
double tide_sim_control_squares(const tide_sim *sim);

/* Computes what follows from the state (mj_forward), if it was written since. */
tide_status tide_sim_forward(tide_sim *sim);

/* One control step: frame_skip times mj_step under tide_sim_control. If a number of the
 * state leaves MuJoCo's bounds or is NaN, *diverged is true, tide_message says where, and
 * the state is the one from before the step; then, as after an error, the sim does not
 * step until it gets a new state.
 * Errors: TIDE_NUMERIC (a control that is not finite), TIDE_STATE, TIDE_SIMULATOR with
 * MuJoCo's message, the step and the state before it. */
tide_status tide_sim_step(tide_sim *sim, size_t frame_skip, bool *diverged);

/* What a control step would cost if it were nothing but MuJoCo, for tide bench: `rows` times frame_skip times mj_step
 * under the rows of actions (rows, nu), in one go. The state moves as by tide_sim_step, but nothing is saved and no
 * warning looked at, so the sim does not step afterwards until it gets a new state.
 * Errors: TIDE_STATE, TIDE_SIMULATOR. */
tide_status tide_sim_replay(tide_sim *sim, const float *actions, size_t rows, size_t frame_skip);

#endif
