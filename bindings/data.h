/* What the files of bindings/data*.c share. */
#ifndef TIDE_BINDINGS_DATA_H
#define TIDE_BINDINGS_DATA_H

#include <lua.h>

#include "binding.h"
#include "data/tree.h"

/* A path or name at `arg`: a string without zero bytes, which C would cut short. */
const char *tide_check_text(lua_State *L, int arg);

/* Writes the table at `index` into the group at hand, sorted by name. */
void tide_put_table(lua_State *L, tide_tree_writer *writer, int index);

/* Pushes a table of what stands in `path` below `group`. */
void tide_push_tree(lua_State *L, const char *path, const char *group, int lenient);

/* Each adds its functions to the module table on top of the stack. */
void tide_open_data_tree(lua_State *L);
void tide_open_data_dataset(lua_State *L);
void tide_open_data_replay(lua_State *L);

#define TIDE_DATASET_CLASS "tide.dataset"

#endif
