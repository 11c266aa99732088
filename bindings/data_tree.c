/* Trees: nested Lua tables as HDF5 files, and back.
 *
 * A table with names is a group. A sequence of integers or of numbers is one array;
 * any other sequence is a group of members "1", "2" ... with the attribute
 * tide_sequence, its length. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "tensor.h"

#define WRITER_CLASS "tide.tree_writer"
#define READER_CLASS "tide.tree_reader"

static const char SEQUENCE[] = "tide_sequence";

const char *tide_check_text(lua_State *L, int arg)
{
    size_t n;
    const char *text = luaL_checklstring(L, arg, &n);
    luaL_argcheck(L, strlen(text) == n, arg, "the text holds a zero byte");
    return text;
}

static void release_writer(void *writer)
{
    tide_tree_discard(writer);
}

static void release_reader(void *reader)
{
    tide_tree_close(reader);
}

/* ---- writing ---- */

/* What the keys and values of a table are. */
typedef struct table_kind {
    lua_Unsigned n;        /* all keys */
    int names;             /* all keys are strings */
    int sequence;          /* the keys are 1 .. n */
    int integers, numbers; /* all values are */
} table_kind;

static table_kind look_at_table(lua_State *L, int index)
{
    table_kind kind = {.names = 1, .integers = 1, .numbers = 1};
    lua_Unsigned length = lua_rawlen(L, index);
    int inside = 1;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        kind.n++;
        kind.names &= lua_type(L, -2) == LUA_TSTRING;
        inside &= lua_isinteger(L, -2) && lua_tointeger(L, -2) >= 1 && (lua_Unsigned)lua_tointeger(L, -2) <= length;
        kind.integers &= lua_isinteger(L, -1);
        kind.numbers &= lua_type(L, -1) == LUA_TNUMBER;
        lua_pop(L, 1);
    }
    kind.sequence = inside && kind.n == length && length > 0;
    return kind;
}

static void put_sequence(lua_State *L, tide_tree_writer *writer, const char *name, int index, table_kind kind)
{
    size_t n = (size_t)kind.n;
    int64_t *integers = lua_newuserdatauv(L, n * sizeof *integers, 0);
    double *numbers = (double *)integers; /* as large */
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, index, (lua_Integer)i + 1);
        if (kind.integers)
            integers[i] = lua_tointeger(L, -1);
        else
            numbers[i] = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    tide_check(L, kind.integers ? tide_tree_put_integers(writer, name, integers, n)
                                : tide_tree_put_numbers(writer, name, numbers, n));
    lua_pop(L, 1);
}

static void put_value(lua_State *L, tide_tree_writer *writer, const char *name, int index)
{
    size_t n;
    table_kind kind;
    switch (lua_type(L, index)) {
    case LUA_TBOOLEAN: tide_check(L, tide_tree_put_boolean(writer, name, lua_toboolean(L, index))); return;
    case LUA_TNUMBER:
        tide_check(L, lua_isinteger(L, index) ? tide_tree_put_integer(writer, name, lua_tointeger(L, index))
                                              : tide_tree_put_number(writer, name, lua_tonumber(L, index)));
        return;
    case LUA_TSTRING:
        if (strlen(lua_tolstring(L, index, &n)) != n)
            luaL_error(L, "tree_write: %s: the text '%s' holds a zero byte", tide_tree_where(writer), name);
        tide_check(L, tide_tree_put_string(writer, name, lua_tostring(L, index)));
        return;
    case LUA_TTABLE:
        kind = look_at_table(L, index);
        if (kind.sequence && kind.numbers) {
            put_sequence(L, writer, name, index, kind);
        } else {
            tide_check(L, tide_tree_enter(writer, name));
            tide_put_table(L, writer, index);
            tide_check(L, tide_tree_leave(writer));
        }
        return;
    default:
        if (luaL_testudata(L, index, TIDE_TENSOR_CLASS) != NULL)
            tide_check(L, tide_tree_put_tensor(writer, name, tide_check_tensor(L, index)));
        else
            luaL_error(L, "tree_write: %s: '%s' is a %s, which a file cannot hold", tide_tree_where(writer), name,
                       luaL_typename(L, index));
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_names(lua_State *L, tide_tree_writer *writer, int index, size_t n)
{
    const char **names = lua_newuserdatauv(L, (n + 1) * sizeof *names, 0);
    size_t used = 0, length;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        names[used] = lua_tolstring(L, -2, &length); /* the table keeps it alive */
        if (strlen(names[used]) != length || strcmp(names[used], SEQUENCE) == 0)
            luaL_error(L, "tree_write: %s: the name '%s' cannot be used", tide_tree_where(writer), names[used]);
        used++;
        lua_pop(L, 1);
    }
    qsort(names, used, sizeof *names, compare_names);
    for (size_t i = 0; i < used; i++) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, index);
        put_value(L, writer, names[i], lua_gettop(L));
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

void tide_put_table(lua_State *L, tide_tree_writer *writer, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 8, "tree_write");
    table_kind kind = look_at_table(L, index);
    if (kind.names) {
        put_names(L, writer, index, (size_t)kind.n);
        return;
    }
    if (!kind.sequence)
        luaL_error(L, "tree_write: %s: the keys of a table are names, or 1 to n", tide_tree_where(writer));
    tide_check(L, tide_tree_put_integer(writer, SEQUENCE, (int64_t)kind.n));
    for (lua_Unsigned i = 1; i <= kind.n; i++) {
        const char *name = lua_pushfstring(L, "%I", (LUAI_UACINT)i);
        lua_rawgeti(L, index, (lua_Integer)i);
        put_value(L, writer, name, lua_gettop(L));
        lua_pop(L, 2);
    }
}

/* tree_write(path, tree): the file is whole or as it was before. */
static int tree_write(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    void **place = tide_push_object(L, WRITER_CLASS);
    lua_toclose(L, 3); /* after an error too, at once: no temporary file stays */
    tide_tree_writer *writer;
    tide_check(L, tide_tree_create(path, &writer));
    *place = writer;
    tide_put_table(L, writer, 2);
    tide_check(L, tide_tree_commit(writer));
    return 0;
}

/* ---- reading ---- */

/* Pushes the array just stepped to. */
static void push_array(lua_State *L, tide_tree_reader *reader, const tide_tree_item *item)
{
    if (item->kind == TIDE_TREE_TENSOR) {
        const tide_tensor *t = tide_push_tensor(L, item->rank, item->dims);
        tide_check(L, tide_tree_read(reader, t->data));
        return;
    }
    if (item->count > INT32_MAX)
        luaL_error(L, "tree_read: '%s' is too long for a Lua table", item->name);
    int64_t *integers = lua_newuserdatauv(L, (item->count + 1) * sizeof *integers, 0);
    const double *numbers = (const double *)integers;
    tide_check(L, tide_tree_read(reader, integers));
    lua_createtable(L, (int)item->count, 0);
    for (size_t i = 0; i < item->count; i++) {
        if (item->kind == TIDE_TREE_INTEGERS)
            lua_pushinteger(L, integers[i]);
        else
            lua_pushnumber(L, numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_remove(L, -2);
}

/* Replaces the table on top by the sequence that it stands for, if it is one. */
static void restore_sequence(lua_State *L)
{
    lua_pushstring(L, SEQUENCE);
    int is_sequence = lua_rawget(L, -2) == LUA_TNUMBER;
    lua_pop(L, 1);
    if (!is_sequence)
        return;
    lua_newtable(L);
    for (lua_Integer i = 1;; i++) {
        lua_pushfstring(L, "%I", (LUAI_UACINT)i);
        if (lua_rawget(L, -3) == LUA_TNIL)
            break;
        lua_rawseti(L, -2, i);
    }
    lua_pop(L, 1);
    lua_remove(L, -2);
}

/* Sets field `item->name` of the table on top to the item. */
static void set_item(lua_State *L, tide_tree_reader *reader, const tide_tree_item *item)
{
    lua_pushstring(L, item->name); /* first: reading an array may not keep the name */
    switch (item->kind) {
    case TIDE_TREE_NUMBER: lua_pushnumber(L, item->number); break;
    case TIDE_TREE_INTEGER: lua_pushinteger(L, item->integer); break;
    case TIDE_TREE_BOOLEAN: lua_pushboolean(L, item->integer != 0); break;
    case TIDE_TREE_STRING: lua_pushstring(L, item->string); break;
    default: push_array(L, reader, item); break;
    }
    lua_rawset(L, -3);
}

void tide_push_tree(lua_State *L, const char *path, const char *group, int lenient)
{
    luaL_checkstack(L, 2 * TIDE_TREE_DEPTH + 16, "tree_read");
    void **place = tide_push_object(L, READER_CLASS);
    int holder = lua_gettop(L);
    lua_toclose(L, holder);
    tide_tree_reader *reader;
    tide_check(L, tide_tree_open(path, group, lenient, &reader));
    *place = reader;
    tide_tree_item item;
    lua_newtable(L);
    do {
        tide_check(L, tide_tree_next(reader, &item));
        if (item.kind == TIDE_TREE_ENTER) {
            lua_pushstring(L, item.name);
            lua_newtable(L);
        } else if (item.kind == TIDE_TREE_LEAVE) {
            restore_sequence(L);
            lua_rawset(L, -3);
        } else if (item.kind != TIDE_TREE_END) {
            set_item(L, reader, &item);
        }
    } while (item.kind != TIDE_TREE_END);
    restore_sequence(L);
    lua_closeslot(L, holder);
    lua_remove(L, holder);
}

/* tree_read(path [, group [, lenient]]) -> table; lenient: what a tree cannot hold is passed over */
static int tree_read(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    const char *group = lua_isnoneornil(L, 2) ? "/" : tide_check_text(L, 2);
    tide_push_tree(L, path, group, lua_toboolean(L, 3));
    return 1;
}

/* tree_read_numbers(path, dataset) -> flat sequence of doubles, sequence of dimensions */
static int tree_read_numbers(lua_State *L)
{
    const char *path = tide_check_text(L, 1), *dataset = tide_check_text(L, 2);
    size_t rank, dims[TIDE_MAX_RANK], count = 1;
    tide_check(L, tide_tree_numbers(path, dataset, &rank, dims, NULL));
    for (size_t i = 0; i < rank; i++)
        count *= dims[i];
    luaL_argcheck(L, count <= INT32_MAX, 2, "too long for a Lua table");
    double *numbers = lua_newuserdatauv(L, (count + 1) * sizeof *numbers, 0);
    tide_check(L, tide_tree_numbers(path, dataset, &rank, dims, numbers));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_createtable(L, (int)rank, 0);
    for (size_t i = 0; i < rank; i++) {
        lua_pushinteger(L, (lua_Integer)dims[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 2;
}

void tide_open_data_tree(lua_State *L)
{
    static const luaL_Reg none[] = {{NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"tree_write", tree_write},
        {"tree_read", tree_read},
        {"tree_read_numbers", tree_read_numbers},
        {NULL, NULL},
    };
    tide_new_class(L, WRITER_CLASS, none, release_writer);
    tide_new_class(L, READER_CLASS, none, release_reader);
    luaL_setfuncs(L, functions, 0);
}
