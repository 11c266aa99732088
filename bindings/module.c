/* The Lua C module tide.core: every file of bindings/ adds its functions. */
#include "binding.h"

int luaopen_tide_core(lua_State *L)
{
    lua_newtable(L);
    tide_open_rng(L);
    tide_open_step(L);
    tide_open_tensor(L);
    tide_open_nn(L);
    tide_open_h2o(L);
    tide_open_sim(L);
    tide_open_picture(L);
    tide_open_data(L);
    tide_open_log(L);
    tide_open_process(L);
    tide_open_line(L);
    return 1;
}
