/* Tensors as Lua sees them, for the files of bindings/ that compute with them.
 *
 * One userdata class, three kinds: persistent (its elements stand in the userdata
 * or in its parent's), activation (a value of the running step) and parameter (a
 * part of a trainable block). */
#ifndef TIDE_BINDINGS_TENSOR_H
#define TIDE_BINDINGS_TENSOR_H

#include <lua.h>

#include "autodiff/tape.h"
#include "binding.h"
#include "step.h"

/* The tensor or number at `arg` as a value of the running step. */
tide_value *tide_check_value(lua_State *L, int arg);

/* Pushes an activation for `value`. */
void tide_push_value(lua_State *L, tide_value *value);

/* Pushes a tensor that reads `block` from `offset`; the userdata at `owner` keeps it alive. */
void tide_push_parameter(lua_State *L, tide_parameters *block, size_t offset, size_t rank, const size_t *dims,
                         int owner);

/* The block of the parameter tensor at `arg`, or NULL if it is another kind of tensor. */
tide_parameters *tide_tensor_block(lua_State *L, int arg);

/* Notes that the elements of the tensor at `arg` were written: a backward that would read the old ones refuses. */
void tide_touch(lua_State *L, int arg);

/* Shape arguments f(d1, d2, d3) from stack index `first` on; returns the rank. */
size_t tide_check_dims(lua_State *L, int first, size_t dims[TIDE_MAX_RANK]);

/* Adds to the module table on top of the stack, and to the methods of tensors. */
void tide_open_autodiff(lua_State *L);
void tide_add_tensor_methods(lua_State *L, const luaL_Reg *methods);

#define TIDE_TENSOR_CLASS "tide.tensor"

#endif
