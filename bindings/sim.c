/* tide.physics: one MuJoCo model and its state. */
#include <stdint.h>

#include "binding.h"
#include "sim.h"
#include "sim/sim.h"
#include "tensor.h"

#define PHYSICS_CLASS "tide.physics"

tide_sim *tide_check_physics(lua_State *L, int arg)
{
    return tide_check_object(L, arg, PHYSICS_CLASS);
}

static tide_sim *check_physics(lua_State *L)
{
    return tide_check_physics(L, 1);
}

tide_sim *tide_check_physics_of(lua_State *L, int arg, const char *what)
{
    lua_getiuservalue(L, arg, 1);
    tide_sim *sim = tide_object_held(L, -1);
    lua_pop(L, 1);
    if (sim == NULL)
        luaL_argerror(L, arg, lua_pushfstring(L, "the physics of this %s is closed", what));
    return sim;
}

static void release_physics(void *sim)
{
    tide_sim_destroy(sim);
}

void tide_check_numbers(lua_State *L, int arg, const char *what, double *out, size_t n)
{
    if (lua_type(L, arg) != LUA_TTABLE) {
        const tide_tensor *t = tide_check_tensor_shape(L, arg, what, 1, &n);
        for (size_t i = 0; i < n; i++)
            out[i] = (double)t->data[i];
        return;
    }
    if (lua_rawlen(L, arg) != n)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s has %I numbers, %I are needed", what, (LUAI_UACINT)lua_rawlen(L, arg),
                                      (LUAI_UACINT)n));
    for (size_t i = 0; i < n; i++) {
        int is_number;
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        out[i] = lua_tonumberx(L, -1, &is_number);
        if (!is_number)
            luaL_argerror(
                L, arg,
                lua_pushfstring(L, "%s[%I] is not a number but a %s", what, (LUAI_UACINT)i + 1, luaL_typename(L, -1)));
        lua_pop(L, 1);
    }
}

/* As tide_check_numbers, into memory that lives with the value it pushes. */
static const double *push_vector(lua_State *L, int arg, const char *what, size_t n)
{
    double *numbers = lua_newuserdatauv(L, (n + 1) * sizeof *numbers, 0);
    tide_check_numbers(L, arg, what, numbers, n);
    return numbers;
}

void tide_push_sequence(lua_State *L, const double *numbers, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* physics(path) -> the model of an MJCF file, in its initial state. */
static int physics_new(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    void **place = tide_push_object(L, PHYSICS_CLASS);
    tide_sim *sim;
    tide_check(L, tide_sim_load(path, &sim));
    *place = sim;
    return 1;
}

/* ---- looking ---- */

/* physics:sizes() -> numbers in qpos, qvel, the control */
static int physics_sizes(lua_State *L)
{
    const tide_sim *sim = check_physics(L);
    lua_pushinteger(L, (lua_Integer)tide_sim_nq(sim));
    lua_pushinteger(L, (lua_Integer)tide_sim_nv(sim));
    lua_pushinteger(L, (lua_Integer)tide_sim_nu(sim));
    return 3;
}

/* One of n numbers, or a sequence of them all. */
static int push_numbers(lua_State *L, const double *numbers, size_t n)
{
    if (lua_isnoneornil(L, 2)) {
        tide_push_sequence(L, numbers, n);
        return 1;
    }
    lua_Integer at = luaL_checkinteger(L, 2);
    if (at < 1 || (size_t)at > n)
        return luaL_argerror(L, 2, lua_pushfstring(L, "index %I is outside 1 .. %I", (LUAI_UACINT)at, (LUAI_UACINT)n));
    lua_pushnumber(L, numbers[at - 1]);
    return 1;
}

/* physics:qpos([i]) -> coordinate i, or a sequence of them all */
static int physics_qpos(lua_State *L)
{
    const tide_sim *sim = check_physics(L);
    return push_numbers(L, tide_sim_qpos(sim), tide_sim_nq(sim));
}

/* physics:qvel([i]) -> velocity i, or a sequence of them all */
static int physics_qvel(lua_State *L)
{
    const tide_sim *sim = check_physics(L);
    return push_numbers(L, tide_sim_qvel(sim), tide_sim_nv(sim));
}

/* physics:control([i]) -> number i of the control applied last, or a sequence of them all */
static int physics_control(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    return push_numbers(L, tide_sim_control(sim), tide_sim_nu(sim));
}

/* physics:control_squares() -> sum of the squares of the control applied last */
static int physics_control_squares(lua_State *L)
{
    lua_pushnumber(L, tide_sim_control_squares(check_physics(L)));
    return 1;
}

/* physics:time() -> seconds since the reset */
static int physics_time(lua_State *L)
{
    lua_pushnumber(L, tide_sim_time(check_physics(L)));
    return 1;
}

/* physics:timestep() -> seconds of one MuJoCo step */
static int physics_timestep(lua_State *L)
{
    lua_pushnumber(L, tide_sim_timestep(check_physics(L)));
    return 1;
}

/* physics:body_position(name) -> x, y, z as of the last step's beginning */
static int physics_body_position(lua_State *L)
{
    double position[3];
    tide_check(L, tide_sim_body_position(check_physics(L), luaL_checkstring(L, 2), position));
    for (int i = 0; i < 3; i++)
        lua_pushnumber(L, position[i]);
    return 3;
}

/* physics:observe(tensor [, skip_qpos [, clip]]): writes qpos from there on, then qvel, into the tensor. */
static int physics_observe(lua_State *L)
{
    const tide_sim *sim = check_physics(L);
    size_t skip = lua_isnoneornil(L, 3) ? 0 : tide_check_size(L, 3, 0), nq = tide_sim_nq(sim);
    if (skip > nq)
        return luaL_argerror(L, 3, lua_pushfstring(L, "there are only %I positions", (LUAI_UACINT)nq));
    lua_Number clip = luaL_optnumber(L, 4, 0.0);
    size_t n = nq - skip + tide_sim_nv(sim);
    const tide_tensor *t = tide_check_tensor_shape(L, 2, "the observation", 1, &n);
    luaL_argcheck(L, tide_tensor_block(L, 2) == NULL, 2, "an observation cannot be written into a parameter");
    tide_touch(L, 2);
    return tide_check_status(L, tide_sim_observe(sim, skip, clip, t->data), 0);
}

/* ---- the state ---- */

/* physics:reset(): the model's initial state. */
static int physics_reset(lua_State *L)
{
    return tide_check_status(L, tide_sim_reset(check_physics(L)), 0);
}

/* physics:place(qpos, qvel): resets, then takes these positions and velocities. */
static int physics_place(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    const double *qpos = push_vector(L, 2, "qpos", tide_sim_nq(sim));
    const double *qvel = push_vector(L, 3, "qvel", tide_sim_nv(sim));
    return tide_check_status(L, tide_sim_place(sim, qpos, qvel), 0);
}

/* physics:add_noise("qpos" or "qvel", "uniform" or "normal", scale, rng) */
static int physics_add_noise(lua_State *L)
{
    static const char *const parts[] = {"qpos", "qvel", NULL}, *const noises[] = {"uniform", "normal", NULL};
    tide_sim *sim = check_physics(L);
    tide_sim_part part = luaL_checkoption(L, 2, NULL, parts) == 0 ? TIDE_SIM_QPOS : TIDE_SIM_QVEL;
    tide_sim_noise noise = luaL_checkoption(L, 3, NULL, noises) == 0 ? TIDE_SIM_UNIFORM : TIDE_SIM_NORMAL;
    lua_Number scale = luaL_checknumber(L, 4);
    luaL_argcheck(L, scale >= 0.0 && scale <= 1e6, 4, "the scale is not in 0 .. 1e6");
    tide_sim_add_noise(sim, part, noise, scale, tide_check_rng(L, 5));
    return 0;
}

/* physics:state() -> a sequence of numbers, for physics:restore(state) */
static int physics_state(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    size_t n = tide_sim_state_size(sim);
    double *state = lua_newuserdatauv(L, n * sizeof *state, 0);
    tide_check(L, tide_sim_get_state(sim, state));
    tide_push_sequence(L, state, n);
    return 1;
}

static int physics_restore(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    const double *state = push_vector(L, 2, "the state", tide_sim_state_size(sim));
    return tide_check_status(L, tide_sim_set_state(sim, state), 0);
}

/* ---- moving ---- */

/* physics:forward(): computes what follows from the state. */
static int physics_forward(lua_State *L)
{
    return tide_check_status(L, tide_sim_forward(check_physics(L)), 0);
}

/* physics:step(action, frame_skip) -> nil, or what went wrong if the simulation diverged: the state is
 * then the one from before the step. */
static int physics_step(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    size_t frame_skip = tide_check_size(L, 3, 1);
    tide_check_numbers(L, 2, "the action", tide_sim_control(sim), tide_sim_nu(sim));
    bool diverged;
    tide_check(L, tide_sim_step(sim, frame_skip, &diverged));
    if (diverged)
        lua_pushstring(L, tide_message());
    else
        lua_pushnil(L);
    return 1;
}

/* physics:replay(actions, frame_skip): nothing but MuJoCo's steps, under the rows of actions (n, nu); the physics needs a
 * new state afterwards. For tide bench, which times the call. */
static int physics_replay(lua_State *L)
{
    tide_sim *sim = check_physics(L);
    const tide_tensor *actions = tide_check_tensor(L, 2);
    size_t frame_skip = tide_check_size(L, 3, 1);
    luaL_argcheck(L, actions->rank == 2 && actions->dims[1] == tide_sim_nu(sim), 2,
                  "actions in rows, a number for each actuator, are needed");
    return tide_check_status(L, tide_sim_replay(sim, actions->data, actions->dims[0], frame_skip), 0);
}

/* physics:model() -> the model's figures */
static int physics_model(lua_State *L)
{
    check_physics(L);
    return tide_push_model(L);
}

/* mujoco_version() -> "2.2.2" */
static int mujoco_version(lua_State *L)
{
    lua_pushstring(L, tide_sim_version());
    return 1;
}

/* mujoco_warnings() -> warnings that MuJoCo gave so far */
static int mujoco_warnings(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)tide_sim_warnings());
    return 1;
}

void tide_open_sim(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"physics", physics_new},
        {"mujoco_version", mujoco_version},
        {"mujoco_warnings", mujoco_warnings},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"sizes", physics_sizes},
        {"qpos", physics_qpos},
        {"qvel", physics_qvel},
        {"control", physics_control},
        {"control_squares", physics_control_squares},
        {"time", physics_time},
        {"timestep", physics_timestep},
        {"body_position", physics_body_position},
        {"observe", physics_observe},
        {"reset", physics_reset},
        {"place", physics_place},
        {"add_noise", physics_add_noise},
        {"state", physics_state},
        {"restore", physics_restore},
        {"forward", physics_forward},
        {"step", physics_step},
        {"replay", physics_replay},
        {"model", physics_model},
        {NULL, NULL},
    };
    tide_new_class(L, PHYSICS_CLASS, methods, release_physics);
    luaL_setfuncs(L, functions, 0);
    tide_open_model(L);
}
