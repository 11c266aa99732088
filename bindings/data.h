/* What the files of bindings/data*.c share. */
#ifndef TIDE_BINDINGS_DATA_H
#define TIDE_BINDINGS_DATA_H

#include <lua.h>

#include "binding.h"
#include "data/dataset.h"
#include "data/tree.h"

/* A path or name at `arg`: a string without zero bytes, which C would cut short. */
const char *tide_check_text(lua_State *L, int arg);

/* n numbers at `arg`, a tensor of shape (n) or a sequence; `what` names them in messages.
 * The floats are good while what `arg` holds, and what this pushed, is on the stack. */
const float *tide_check_vector(lua_State *L, int arg, const char *what, size_t n);

/* A flag at `arg`: a boolean, 0 or 1. */
int tide_check_flag(lua_State *L, int arg, const char *what);

/* observation, action, reward, next_observation, terminal at `first` and after it. */
tide_transition tide_check_transition(lua_State *L, int first, size_t observation_dim, size_t action_dim);

/* Pushes a tensor for n rows of a part, (n, size) or (n): a persistent one or an activation. */
tide_tensor *tide_push_part(lua_State *L, const tide_layout *layout, tide_part part, size_t n, int activation);

/* Replaces the class's table of methods by a function that looks there after calling
 * `property` (object, key), which pushes a value or nothing. */
void tide_set_properties(lua_State *L, const char *class, lua_CFunction property);

/* Writes the table at `index` into the group at hand, sorted by name. */
void tide_put_table(lua_State *L, tide_tree_writer *writer, int index);

/* Pushes a table of what stands in `path` below `group`. */
void tide_push_tree(lua_State *L, const char *path, const char *group, int lenient);

/* The options of reading a dataset in the table at `arg`, which may be nil. */
tide_dataset_options tide_check_dataset_options(lua_State *L, int arg);

/* Pushes a table of what a dataset of `rows` rows holds and how it was read. */
void tide_push_dataset_info(lua_State *L, const tide_dataset_info *info, size_t rows, const tide_layout *layout);

/* The dataset at `arg`, or NULL if that is nil. */
tide_dataset *tide_opt_dataset(lua_State *L, int arg);

/* Each adds its functions to the module table on top of the stack. */
void tide_open_data_tree(lua_State *L);
void tide_open_data_dataset(lua_State *L);
void tide_open_data_replay(lua_State *L);
void tide_open_data_arrays(lua_State *L);

#endif
