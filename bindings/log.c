/* tide.events: TensorBoard event files, as scripts/tide/records.lua writes them. */
#include <string.h>

#include "binding.h"
#include "log/events.h"

#define EVENTS_CLASS "tide.events"

/* A path or tag: a string without zero bytes, which C would cut short. */
static const char *check_text(lua_State *L, int arg)
{
    size_t n;
    const char *text = luaL_checklstring(L, arg, &n);
    luaL_argcheck(L, strlen(text) == n, arg, "the text holds a zero byte");
    return text;
}

static void release_events(void *events)
{
    tide_events_destroy(events);
}

/* events(path, wall_time): makes the file, refuses one that exists. */
static int events_new(lua_State *L)
{
    const char *path = check_text(L, 1);
    double wall_time = luaL_checknumber(L, 2);
    tide_events *events;
    void **place = tide_push_object(L, EVENTS_CLASS);
    tide_status status = tide_events_create(path, wall_time, &events);
    *place = events;
    return tide_check_status(L, status, 1);
}

/* events:add(step, wall_time, tags, values): two sequences of one length. */
static int events_add(lua_State *L)
{
    tide_events *events = tide_check_object(L, 1, EVENTS_CLASS);
    lua_Integer step = luaL_checkinteger(L, 2);
    double wall_time = luaL_checknumber(L, 3);
    luaL_checktype(L, 4, LUA_TTABLE);
    luaL_checktype(L, 5, LUA_TTABLE);
    lua_Unsigned n = lua_rawlen(L, 4);
    luaL_argcheck(L, n == lua_rawlen(L, 5), 5, "there are not as many values as tags");
    luaL_argcheck(L, n <= 1 << 20, 4, "more than 2^20 tags");
    tide_scalar *scalars = lua_newuserdatauv(L, ((size_t)n + 1) * sizeof *scalars, 0);
    for (lua_Unsigned i = 0; i < n; i++) {
        int is_number;
        luaL_argcheck(L, lua_rawgeti(L, 4, (lua_Integer)i + 1) == LUA_TSTRING, 4, "tags are strings");
        scalars[i].tag = lua_tostring(L, -1); /* the table keeps it alive */
        luaL_argcheck(L, strlen(scalars[i].tag) == lua_rawlen(L, -1), 4, "a tag holds a zero byte");
        lua_rawgeti(L, 5, (lua_Integer)i + 1);
        scalars[i].value = (float)lua_tonumberx(L, -1, &is_number);
        luaL_argcheck(L, is_number, 5, "values are numbers");
        lua_pop(L, 2);
    }
    return tide_check_status(L, tide_events_add(events, wall_time, step, scalars, (size_t)n), 0);
}

/* events:sync(): returns when all records are on disk. */
static int events_sync(lua_State *L)
{
    tide_events *events = tide_check_object(L, 1, EVENTS_CLASS);
    return tide_check_status(L, tide_events_sync(events), 0);
}

/* events_cut(path, step) -> records dropped: rewrites the file without what is past `step`. */
static int events_cut(lua_State *L)
{
    const char *path = check_text(L, 1);
    lua_Integer step = luaL_checkinteger(L, 2);
    size_t dropped;
    tide_check_status(L, tide_events_cut(path, step, &dropped), 0);
    lua_pushinteger(L, (lua_Integer)dropped);
    return 1;
}

void tide_open_log(lua_State *L)
{
    static const luaL_Reg methods[] = {{"add", events_add}, {"sync", events_sync}, {NULL, NULL}};
    tide_new_class(L, EVENTS_CLASS, methods, release_events);
    lua_pushcfunction(L, events_new);
    lua_setfield(L, -2, "events");
    lua_pushcfunction(L, events_cut);
    lua_setfield(L, -2, "events_cut");
}
