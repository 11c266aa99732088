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

/* Textures had three channels and were called rgb before 3.2; a material has had several textures since. */
#if mjVERSION_HEADER > 320
#define TIDE_TEXTURE_DATA tex_data
#define TIDE_TEXTURES_PER_MATERIAL mjNTEXROLE
#define TIDE_TEXTURE_ROLE mjTEXROLE_RGB
#else
#define TIDE_TEXTURE_DATA tex_rgb
#define TIDE_TEXTURES_PER_MATERIAL (mjVERSION_HEADER == 320 ? 6 : 1)
#define TIDE_TEXTURE_ROLE 0
#endif

/* Light that comes from one direction. */
#if mjVERSION_HEADER >= 333
#define TIDE_MAKE_DIRECTIONAL(light) ((light)->type = mjLIGHT_DIRECTIONAL)
#else
#define TIDE_MAKE_DIRECTIONAL(light) ((light)->directional = 1)
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

/* What pictures show of a model: a copy of its struct that shares its arrays, but for those that are adorned where the
 * author left them plain. The floor is the infinite plane that the physics has, with a mark every `check` metres. */
typedef struct tide_decor {
    mjModel view;
    bool unlit;       /* the author placed no lights: whoever draws brings one */
    void *blocks[24]; /* the adorned arrays */
    size_t block_count;
} tide_decor;

/* Adorns `model`, which must outlive *decor. Clean up with tide_decor_clear also after a failure. */
tide_status tide_decor_make(const mjModel *model, double check, tide_decor *decor);
void tide_decor_clear(tide_decor *decor);

/* mj_setConst and mj_forward where they are due. */
tide_status tide_sim_settle(tide_sim *sim);

#endif
