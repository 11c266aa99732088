/* MuJoCo 2.2.2 and 3.x behind one header, and what the files of this room share.
 *
 * Private to core/sim. Only what both versions have is used; where a signature
 * differs, a name below stands for it. */
#ifndef TIDE_SIM_MUJOCO_H
#define TIDE_SIM_MUJOCO_H

#include <mujoco/mujoco.h>

#include "sim/sim.h"

/* Why MuJoCo warned, in words. The second argument was an int before 3.0. */
#if mjVERSION_HEADER >= 300
#define TIDE_WARNING_TEXT(warning, info) mju_warningText((warning), (size_t)(info))
#else
#define TIDE_WARNING_TEXT(warning, info) mju_warningText((warning), (info))
#endif

struct tide_sim {
    mjModel *model; /* private to this sim: a gap may write into it */
    mjData *data;
    char *path;       /* where the model came from, for messages */
    double *control;  /* nu numbers, see tide_sim_control */
    double *last;     /* the state before the running control step */
    size_t steps;     /* control steps since the last reset */
    bool unforwarded; /* qpos or qvel were written: mj_forward is due */
    bool underived;   /* a field that others are derived from was written: mj_setConst is due */
    bool broken;      /* a step failed: only a new state helps */
};

/* Runs work(argument). An error inside MuJoCo leaves `work` at once and comes back as
 * TIDE_SIMULATOR with MuJoCo's words as the message. `work` owns nothing and keeps its
 * progress in *argument. */
tide_status tide_sim_guard(void (*work)(void *), void *argument);

/* mj_setConst and mj_forward where they are due. */
tide_status tide_sim_settle(tide_sim *sim);

#endif
