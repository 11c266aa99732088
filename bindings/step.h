/* The training step of a Lua state, for the files of bindings/ whose objects it points into.
 *
 * A value of the step reads the memory of networks, parameters and batches. Whoever hands such memory to the tape
 * holds its owner, so that the collector leaves it alone until end_step(). */
#ifndef TIDE_BINDINGS_STEP_H
#define TIDE_BINDINGS_STEP_H

#include <lua.h>

#include "autodiff/tape.h"

/* The tape of this Lua state. */
tide_tape *tide_lua_tape(lua_State *L);

/* Keeps the object at `arg` alive until the running step ends; the objects of a
 * guarded class that own what the step points into must be kept so. */
void tide_hold(lua_State *L, int arg);

/* For classes that own what a step may point into: scripts cannot close them, and a
 * step that holds one ends before it is destroyed. */
void tide_guard_class(lua_State *L, const char *class);

/* Keeps the memory now under `block` until the running step ends: it is about to move. */
void tide_hold_storage(lua_State *L, const tide_parameters *block);

/* Raises the core's message unless status is TIDE_OK. */
void tide_check(lua_State *L, tide_status status);

#endif
