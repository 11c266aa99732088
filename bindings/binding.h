/* What every file of bindings/ shares: statuses become Lua errors, objects become
 * userdata, tensors cross the border.
 *
 * A binding function checks its arguments, makes one core call and pushes the
 * result. Whatever it creates belongs to a userdata before anything can fail, so
 * that an error (a longjmp) leaks nothing. */
#ifndef TIDE_BINDINGS_BINDING_H
#define TIDE_BINDINGS_BINDING_H

#include <lauxlib.h>
#include <lua.h>

#include "base/rng.h"
#include "base/status.h"
#include "tensor/tensor.h"

/* Raises the core's message as a Lua error unless status is TIDE_OK; otherwise
 * returns n_results. */
int tide_check_status(lua_State *L, tide_status status, int n_results);

/* Counts and sizes: an integer of at least `least` at stack index `arg`. */
size_t tide_check_size(lua_State *L, int arg, size_t least);

/* Objects: a userdata that holds one pointer, destroyed by the collector or by
 * `close`. tide_push_object pushes it empty (the pointer NULL): create into the
 * place it returns. tide_check_object raises an error for a closed one.
 *
 * A finaliser may run wherever Lua allocates, so also within a binding function,
 * between its checks and its use of what was checked. It must not end lives
 * there: `close` and end_step refuse to run in one. */
void tide_new_class(lua_State *L, const char *class, const luaL_Reg *methods, void (*destroy)(void *));
void **tide_push_object(lua_State *L, const char *class);
void *tide_check_object(lua_State *L, int arg, const char *class);

/* Takes `close` from a class: only the collector destroys its objects. */
void tide_forbid_close(lua_State *L, const char *class);

/* Raises an error if a finaliser is running; `what` names the function that may not. */
void tide_refuse_in_finaliser(lua_State *L, const char *what);

/* What an object at `arg` holds, NULL when it is closed; its __gc. For special finalisers. */
void *tide_object_held(lua_State *L, int arg);
int tide_object_is_closed(lua_State *L, int arg);
int tide_object_close(lua_State *L);

/* Tensors. A pushed tensor is persistent: it lives as long as its userdata, its
 * elements zero. A pushed activation lives until the training step ends. The
 * pointer stays good while the value is on the stack (and, for activations, in
 * the step). */
tide_tensor *tide_push_tensor(lua_State *L, size_t rank, const size_t *dims);
tide_tensor *tide_push_activation(lua_State *L, size_t rank, const size_t *dims);

/* The live tensor at `arg`, or a Lua error (also for a tensor of a past step). */
tide_tensor *tide_check_tensor(lua_State *L, int arg);

/* As tide_check_tensor, of exactly this shape; `what` names it in the message. */
tide_tensor *tide_check_tensor_shape(lua_State *L, int arg, const char *what, size_t rank, const size_t *dims);

/* A tide.rng at `arg`; the pointer is into the userdata. */
tide_rng *tide_check_rng(lua_State *L, int arg);

/* Each file of bindings/ adds its functions to the module table on top of the stack. */
void tide_open_step(lua_State *L);    /* the training step */
void tide_open_tensor(lua_State *L);  /* tensors, autodiff */
void tide_open_nn(lua_State *L);      /* networks, optimisers */
void tide_open_h2o(lua_State *L);     /* dynamics ratio, u, omega */
void tide_open_rng(lua_State *L);     /* random generators */
void tide_open_data(lua_State *L);    /* HDF5, datasets, replay */
void tide_open_sim(lua_State *L);     /* MuJoCo worlds */
void tide_open_picture(lua_State *L); /* pictures of worlds */
void tide_open_log(lua_State *L);     /* TensorBoard events */
void tide_open_process(lua_State *L); /* signals, clocks, the terminal */
void tide_open_line(lua_State *L);    /* an interactive prompt */

int luaopen_tide_core(lua_State *L);

#endif
