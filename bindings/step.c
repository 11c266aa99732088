/* The training step as Lua sees it: its tape, and the objects that it points into. */
#include "step.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "binding.h"

#define STORAGE_CLASS "tide.storage"

/* What one Lua state holds for its tensors. The objects that its running step
 * points into are the keys of a table in the registry. */
typedef struct lua_room {
    tide_tape *tape;
} lua_room;

static const char room_key, held_key;

tide_tape *tide_lua_tape(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &room_key);
    lua_room *room = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (room == NULL || room->tape == NULL)
        luaL_error(L, "tide.core is closed");
    return room->tape;
}

void tide_check(lua_State *L, tide_status status)
{
    if (status != TIDE_OK)
        luaL_error(L, "%s", tide_message());
}

void tide_hold(lua_State *L, int arg)
{
    arg = lua_absindex(L, arg);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &held_key);
    lua_pushvalue(L, arg);
    lua_pushboolean(L, 1);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

/* __gc of a guarded class. What the step holds is collected only when the Lua state closes: finalisers run
 * in any order then, so the step ends with the first of them. */
static int guarded_close(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &room_key);
    lua_room *room = lua_touserdata(L, -1);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &held_key);
    lua_pushvalue(L, 1);
    if (lua_rawget(L, -2) != LUA_TNIL && room->tape != NULL)
        tide_tape_end_step(room->tape);
    lua_settop(L, 1);
    return tide_object_close(L);
}

void tide_guard_class(lua_State *L, const char *class)
{
    luaL_getmetatable(L, class);
    lua_pushcfunction(L, guarded_close);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    tide_forbid_close(L, class);
}

static void release_storage(void *storage)
{
    tide_parameters_let_go(storage);
}

void tide_hold_storage(lua_State *L, const tide_parameters *block)
{
    *tide_push_object(L, STORAGE_CLASS) = tide_parameters_hold(block);
    tide_hold(L, -1);
    lua_pop(L, 1);
}

/* Nothing is held from now on. */
static void hold_nothing(lua_State *L)
{
    lua_createtable(L, 0, 64);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &held_key);
}

/* end_step(): ends the training step; its activations are gone. */
static int end_step(lua_State *L)
{
    tide_refuse_in_finaliser(L, "end_step");
    tide_tape_end_step(tide_lua_tape(L));
    hold_nothing(L);
    return 0;
}

/* set_recording(flag) -> what it was.  Scripts use tide.no_grad. */
static int set_recording(lua_State *L)
{
    lua_pushboolean(L, tide_tape_set_recording(tide_lua_tape(L), lua_toboolean(L, 1)));
    return 1;
}

/* allocated_total() -> bytes that the core has asked of the system so far. */
static int allocated_total(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)tide_alloc_total());
    return 1;
}

/* copy_seconds(t, large) -> the processor's seconds that it takes to copy the numbers of t into fresh memory, in
 * large pages or the usual ones. The memory is given back.  For tide bench. */
static int copy_seconds(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    size_t n = tide_tensor_count(t);
    void *fresh;
    clock_t start = clock();
    tide_check(L, (lua_toboolean(L, 2) ? tide_alloc_whole : tide_alloc_untouched)(n, sizeof *t->data, &fresh));
    if (n > 0)
        memcpy(fresh, t->data, n * sizeof *t->data);
    clock_t end = clock();
    tide_free(fresh);
    lua_pushnumber(L, (lua_Number)(end - start) / CLOCKS_PER_SEC);
    return 1;
}

static int room_close(lua_State *L)
{
    lua_room *room = lua_touserdata(L, 1);
    tide_tape_destroy(room->tape);
    room->tape = NULL;
    return 0;
}

static void open_room(lua_State *L)
{
    lua_room *room = lua_newuserdatauv(L, sizeof *room, 0);
    *room = (lua_room){0};
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, room_close);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);
    tide_check(L, tide_tape_create(&room->tape));
    lua_rawsetp(L, LUA_REGISTRYINDEX, &room_key);
    hold_nothing(L);
}

void tide_open_step(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"end_step", end_step},
        {"set_recording", set_recording},
        {"allocated_total", allocated_total},
        {"copy_seconds", copy_seconds},
        {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    lua_rawgetp(L, LUA_REGISTRYINDEX, &room_key);
    if (lua_isnil(L, -1))
        open_room(L);
    lua_pop(L, 1);
    tide_new_class(L, STORAGE_CLASS, none, release_storage);
    tide_guard_class(L, STORAGE_CLASS);
    luaL_setfuncs(L, functions, 0);
}
