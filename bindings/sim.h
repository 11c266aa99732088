/* What bindings/sim.c, bindings/model.c and bindings/picture.c share. */
#ifndef TIDE_BINDINGS_SIM_H
#define TIDE_BINDINGS_SIM_H

#include <lua.h>

#include "sim/sim.h"

/* The tide.physics at `arg`, open; a Lua error otherwise. */
tide_sim *tide_check_physics(lua_State *L, int arg);

/* The physics that the userdata at `arg` keeps in its user value; a Lua error where it is closed. */
tide_sim *tide_check_physics_of(lua_State *L, int arg, const char *what);

/* Copies the n numbers of a tensor (n) or a sequence at `arg` to `out`. Raw access: no script runs in between. */
void tide_check_numbers(lua_State *L, int arg, const char *what, double *out, size_t n);

void tide_push_sequence(lua_State *L, const double *numbers, size_t n);

/* Pushes the model of the tide.physics at index 1; returns 1. */
int tide_push_model(lua_State *L);

/* Adds mujoco_fields to the table on top of the stack, and makes the classes of models and their parts. */
void tide_open_model(lua_State *L);

#endif
