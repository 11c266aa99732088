/* Tensors that compute: arithmetic, functions, reductions, gradients. */
#include "tensor.h"

/* t:detach() -> the same elements, nothing recorded. */
static int value_detach(lua_State *L)
{
    tide_value *value = tide_check_value(L, 1), *leaf;
    tide_check(L, tide_tape_leaf(tide_lua_tape(L), &value->tensor, &leaf));
    tide_push_value(L, leaf);
    return 1;
}

void tide_open_autodiff(lua_State *L)
{
    luaL_getmetatable(L, TIDE_TENSOR_CLASS);
    lua_getfield(L, -1, "methods");
    lua_pushcfunction(L, value_detach);
    lua_setfield(L, -2, "detach");
    lua_pop(L, 2);
}
