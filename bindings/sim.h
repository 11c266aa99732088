/* What bindings/sim.c and bindings/picture.c share. */
#ifndef TIDE_BINDINGS_SIM_H
#define TIDE_BINDINGS_SIM_H

#include <lua.h>

#include "sim/sim.h"

/* The tide.physics at `arg`, open; a Lua error otherwise. */
tide_sim *tide_check_physics(lua_State *L, int arg);

/* The physics that the userdata at `arg` keeps in its user value; a Lua error where it is closed. */
tide_sim *tide_check_physics_of(lua_State *L, int arg, const char *what);

#endif
