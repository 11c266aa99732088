/* tide.core.h2o: the dynamics ratio, the gap u, omega and the value regulariser. */
#include "h2o/h2o.h"

#include "tensor.h"

/* dynamics_ratio(logits, low, high) -> ratio (batch) */
static int h2o_dynamics_ratio(lua_State *L)
{
    const tide_tensor *logits = tide_check_tensor(L, 1);
    float low = (float)luaL_checknumber(L, 2), high = (float)luaL_checknumber(L, 3);
    tide_tensor *ratio = tide_push_activation(L, 1, &logits->dims[0]);
    return tide_check_status(L, tide_h2o_dynamics_ratio(logits, low, high, ratio), 1);
}

/* gap(logits, n, low, high) -> u (batch) */
static int h2o_gap(lua_State *L)
{
    const tide_tensor *logits = tide_check_tensor(L, 1);
    size_t n = tide_check_size(L, 2, 1), rows = logits->dims[0] / n;
    float low = (float)luaL_checknumber(L, 3), high = (float)luaL_checknumber(L, 4);
    tide_tensor *u = tide_push_activation(L, 1, &rows);
    return tide_check_status(L, tide_h2o_gap(logits, n, low, high, u), 1);
}

/* omega(u) -> omega, log_omega (batch) */
static int h2o_omega(lua_State *L)
{
    const tide_tensor *u = tide_check_tensor(L, 1);
    tide_tensor *omega = tide_push_activation(L, u->rank, u->dims);
    tide_tensor *log_omega = tide_push_activation(L, u->rank, u->dims);
    return tide_check_status(L, tide_h2o_omega(u, omega, log_omega), 2);
}

/* scatter(next_observations, sigma, scale, noise) -> (batch n, dim) */
static int h2o_scatter(lua_State *L)
{
    const tide_tensor *next = tide_check_tensor(L, 1), *sigma = tide_check_tensor(L, 2);
    float scale = (float)luaL_checknumber(L, 3);
    const tide_tensor *noise = tide_check_tensor(L, 4);
    tide_tensor *out = tide_push_activation(L, noise->rank, noise->dims);
    return tide_check_status(L, tide_h2o_scatter(next, sigma, scale, noise, out), 1);
}

/* value_gap(q_sim, log_omega, q_real) -> scalar */
static int h2o_value_gap(lua_State *L)
{
    tide_value *q_sim = tide_check_value(L, 1), *q_real = tide_check_value(L, 3), *gap;
    const tide_tensor *log_omega = tide_check_tensor(L, 2);
    tide_check(L, tide_h2o_value_gap(tide_lua_tape(L), q_sim, log_omega, q_real, &gap));
    tide_push_value(L, gap);
    return 1;
}

void tide_open_h2o(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"dynamics_ratio", h2o_dynamics_ratio}, {"gap", h2o_gap}, {"omega", h2o_omega}, {"scatter", h2o_scatter},
        {"value_gap", h2o_value_gap},           {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "h2o");
}
