/* tide.rng: a random generator with a stream of its own. */
#include <math.h>

#include "base/rng.h"

#include "binding.h"
#include "tensor.h"

#define RNG_CLASS "tide.rng"

tide_rng *tide_check_rng(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, RNG_CLASS);
}

/* rng(seed [, stream]) */
static int rng_new(lua_State *L)
{
    uint64_t seed = (uint64_t)luaL_checkinteger(L, 1);
    uint64_t stream = (uint64_t)luaL_optinteger(L, 2, 0);
    tide_rng *rng = lua_newuserdatauv(L, sizeof *rng, 0);
    *rng = tide_rng_make(seed, stream);
    luaL_setmetatable(L, RNG_CLASS);
    return 1;
}

/* rng:normal(tensor, sigma) -> a tensor of its shape, of N(0, sigma^2) draws. */
static int normal_like(lua_State *L, tide_rng *rng)
{
    const tide_tensor *like = tide_check_tensor(L, 2);
    const float sigma = (float)luaL_optnumber(L, 3, 1.0);
    tide_tensor *t = tide_push_tensor(L, like->rank, like->dims);
    size_t n = tide_tensor_count(t);
    tide_rng_normal(rng, t->data, n);
    for (size_t i = 0; i < n; i++)
        t->data[i] *= sigma;
    return 1;
}

/* rng:normal(d1, ...) -> tensor of N(0, 1) draws; without dimensions, a number. */
static int rng_normal(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    if (lua_type(L, 2) == LUA_TUSERDATA)
        return normal_like(L, rng);
    if (lua_isnone(L, 2)) {
        float value;
        tide_rng_normal(rng, &value, 1);
        lua_pushnumber(L, (lua_Number)value);
        return 1;
    }
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 2, dims);
    tide_tensor *t = tide_push_tensor(L, rank, dims);
    tide_rng_normal(rng, t->data, tide_tensor_count(t));
    return 1;
}

/* rng:add_normal(tensor, sigma) -> the tensor, sigma N(0, 1) added to each of its elements. */
static int rng_add_normal(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    const tide_tensor *t = tide_check_tensor(L, 2);
    luaL_argcheck(L, tide_tensor_block(L, 2) == NULL, 2, "noise cannot be added to a parameter");
    const float sigma = (float)luaL_checknumber(L, 3);
    for (size_t first = 0, n = tide_tensor_count(t); first < n; first += TIDE_RNG_BATCH) {
        float draws[TIDE_RNG_BATCH];
        size_t count = n - first < TIDE_RNG_BATCH ? n - first : TIDE_RNG_BATCH;
        tide_rng_normal(rng, draws, count);
        for (size_t i = 0; i < count; i++)
            t->data[first + i] += sigma * draws[i];
    }
    tide_touch(L, 2);
    lua_settop(L, 2);
    return 1;
}

/* rng:draw_normal(d1, ...) -> as normal, a tensor of the running training step. */
static int rng_draw_normal(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 2, dims);
    const tide_tensor *t = tide_push_activation(L, rank, dims);
    tide_rng_normal(rng, t->data, tide_tensor_count(t));
    return 1;
}

static void check_range(lua_State *L, lua_Number low, lua_Number high)
{
    luaL_argcheck(L, low <= high, 3, "the upper end is below the lower");
    luaL_argcheck(L, isfinite((float)high - (float)low), 3, "the range is too wide for a float");
}

/* rng:draw_uniform(low, high, d1, ...) -> as uniform, a tensor of the running training step. */
static int rng_draw_uniform(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    lua_Number low = luaL_checknumber(L, 2), high = luaL_checknumber(L, 3);
    check_range(L, low, high);
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 4, dims);
    const tide_tensor *t = tide_push_activation(L, rank, dims);
    tide_rng_uniform(rng, t->data, tide_tensor_count(t), (float)low, (float)high);
    return 1;
}

/* rng:uniform(low, high, d1, ...) -> tensor of draws from [low, high); without dimensions, a number. */
static int rng_uniform(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    lua_Number low = luaL_optnumber(L, 2, 0.0), high = luaL_optnumber(L, 3, 1.0);
    check_range(L, low, high);
    if (lua_isnone(L, 4)) {
        lua_Number x = low + (high - low) * tide_rng_double(rng);
        lua_pushnumber(L, x < high ? x : low);
        return 1;
    }
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 4, dims);
    tide_tensor *t = tide_push_tensor(L, rank, dims);
    tide_rng_uniform(rng, t->data, tide_tensor_count(t), (float)low, (float)high);
    return 1;
}

/* rng:number() -> a number uniform on [0, 1), 53 bits. */
static int rng_number(lua_State *L)
{
    lua_pushnumber(L, tide_rng_double(tide_check_rng(L, 1)));
    return 1;
}

/* rng:integer(low, high) -> an integer uniform on low .. high. */
static int rng_integer(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    lua_Integer low = luaL_checkinteger(L, 2), high = luaL_checkinteger(L, 3);
    luaL_argcheck(L, low <= high, 3, "the upper end is below the lower");
    uint64_t bound = (uint64_t)high - (uint64_t)low + 1, index;
    if (bound == 0)
        return luaL_argerror(L, 3, "the range has more than 2^64 - 1 integers");
    tide_rng_indices(rng, &index, 1, bound);
    lua_pushinteger(L, (lua_Integer)((uint64_t)low + index));
    return 1;
}

/* rng:permutation(n) -> table: 1 .. n in a random order. */
static int rng_permutation(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    size_t n = tide_check_size(L, 2, 0);
    luaL_argcheck(L, n <= INT32_MAX, 2, "too long for a Lua table");
    uint64_t *order = lua_newuserdatauv(L, (n + 1) * sizeof *order, 0);
    tide_rng_permutation(rng, order, n);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)order[i] + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* rng:state() -> { key, stream, next }, for rng:restore(state). */
static int rng_state(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    const uint64_t words[3] = {rng->key, rng->stream, rng->next};
    lua_createtable(L, 3, 0);
    for (int i = 0; i < 3; i++) {
        lua_pushinteger(L, (lua_Integer)words[i]);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int rng_restore(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    uint64_t words[3];
    for (int i = 0; i < 3; i++) {
        int is_integer;
        lua_rawgeti(L, 2, i + 1);
        words[i] = (uint64_t)lua_tointegerx(L, -1, &is_integer);
        luaL_argcheck(L, is_integer, 2, "not a state: three integers are needed");
        lua_pop(L, 1);
    }
    *rng = (tide_rng){.key = words[0], .stream = words[1], .next = words[2]};
    lua_settop(L, 1);
    return 1;
}

static int rng_tostring(lua_State *L)
{
    tide_rng *rng = tide_check_rng(L, 1);
    lua_pushfstring(L, "tide.rng (stream %I, %I batches drawn)", (LUAI_UACINT)rng->stream, (LUAI_UACINT)rng->next);
    return 1;
}

void tide_open_rng(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"normal", rng_normal},
        {"uniform", rng_uniform},
        {"number", rng_number},
        {"integer", rng_integer},
        {"state", rng_state},
        {"restore", rng_restore},
        {"permutation", rng_permutation},
        {"draw_normal", rng_draw_normal},
        {"draw_uniform", rng_draw_uniform},
        {"add_normal", rng_add_normal},
        {NULL, NULL},
    };
    luaL_newmetatable(L, RNG_CLASS);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, rng_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    lua_pushcfunction(L, rng_new);
    lua_setfield(L, -2, "rng");
}
