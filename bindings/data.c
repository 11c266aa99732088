/* The data room: trees, datasets, replay, files in blocks; and how their functions take transitions. */
#include "data.h"

#include <stdint.h>

#include "tensor.h"

/* A sequence of n numbers at `arg`, copied into a userdata that is left on the stack. */
static const float *check_sequence(lua_State *L, int arg, const char *what, size_t n)
{
    lua_Unsigned length = lua_rawlen(L, arg);
    if (length != n)
        luaL_argerror(
            L, arg, lua_pushfstring(L, "%s has %I numbers, %I are needed", what, (LUAI_UACINT)length, (LUAI_UACINT)n));
    float *numbers = lua_newuserdatauv(L, (n + 1) * sizeof *numbers, 0);
    for (size_t i = 0; i < n; i++) {
        int is_number;
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        numbers[i] = (float)lua_tonumberx(L, -1, &is_number);
        if (!is_number)
            luaL_argerror(
                L, arg,
                lua_pushfstring(L, "%s[%I] is a %s, not a number", what, (LUAI_UACINT)i + 1, luaL_typename(L, -1)));
        lua_pop(L, 1);
    }
    return numbers;
}

const float *tide_check_vector(lua_State *L, int arg, const char *what, size_t n)
{
    if (lua_type(L, arg) == LUA_TTABLE)
        return check_sequence(L, arg, what, n);
    return tide_check_tensor_shape(L, arg, what, 1, &n)->data;
}

int tide_check_flag(lua_State *L, int arg, const char *what)
{
    if (lua_type(L, arg) == LUA_TBOOLEAN)
        return lua_toboolean(L, arg);
    int is_number;
    lua_Number x = lua_tonumberx(L, arg, &is_number);
    if (!is_number || (x != 0.0 && x != 1.0))
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s: true or false is needed, not %s", what, luaL_tolstring(L, arg, NULL)));
    return x != 0.0;
}

tide_transition tide_check_transition(lua_State *L, int first, size_t observation_dim, size_t action_dim)
{
    tide_transition t;
    luaL_checkstack(L, 8, "transition");
    t.reward = (float)luaL_checknumber(L, first + 2);
    t.terminal = tide_check_flag(L, first + 4, "terminal");
    t.observation = tide_check_vector(L, first, "observation", observation_dim);
    t.action = tide_check_vector(L, first + 1, "action", action_dim);
    t.next_observation = tide_check_vector(L, first + 3, "next_observation", observation_dim);
    return t;
}

tide_tensor *tide_push_part(lua_State *L, const tide_layout *layout, tide_part part, size_t n, int activation)
{
    size_t dims[2] = {n, tide_part_size(layout, part)};
    size_t rank = part == TIDE_REWARDS || part == TIDE_TERMINALS ? 1 : 2;
    return activation ? tide_push_activation(L, rank, dims) : tide_push_tensor(L, rank, dims);
}

/* Upvalues: the methods, the properties. */
static int index_object(lua_State *L)
{
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_settop(L, 2);
    lua_CFunction property = lua_tocfunction(L, lua_upvalueindex(2));
    return lua_type(L, 2) == LUA_TSTRING ? property(L) : 0;
}

void tide_set_properties(lua_State *L, const char *class, lua_CFunction property)
{
    luaL_getmetatable(L, class);
    lua_getfield(L, -1, "__index");
    lua_pushcfunction(L, property);
    lua_pushcclosure(L, index_object, 2);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

void tide_open_data(lua_State *L)
{
    tide_open_data_tree(L);
    tide_open_data_dataset(L);
    tide_open_data_replay(L);
    tide_open_data_arrays(L);
}
