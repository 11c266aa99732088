/* The data room: trees, datasets, replay. */
#include "data.h"

void tide_open_data(lua_State *L)
{
    tide_open_data_tree(L);
}
