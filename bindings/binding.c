#include "binding.h"

int tide_check_status(lua_State *L, tide_status status, int n_results)
{
    if (status == TIDE_OK)
        return n_results;
    return luaL_error(L, "%s", tide_message());
}

size_t tide_check_size(lua_State *L, int arg, size_t least)
{
    lua_Integer value = luaL_checkinteger(L, arg);
    if (value < 0 || (size_t)value < least) {
        luaL_argerror(L, arg, lua_pushfstring(L, "%I is less than %I", (LUAI_UACINT)value, (LUAI_UACINT)least));
        return 0;
    }
    return (size_t)value;
}

typedef struct object {
    void *held;
} object;

/* The destroy function stands in the class's metatable under this key. */
static const char destroy_key;

int tide_object_close(lua_State *L)
{
    object *o = lua_touserdata(L, 1);
    if (o == NULL || !lua_getmetatable(L, 1))
        return 0;
    if (lua_rawgetp(L, -1, &destroy_key) != LUA_TLIGHTUSERDATA)
        return 0;
    void (*destroy)(void *);
    *(void **)&destroy = lua_touserdata(L, -1);
    if (o->held != NULL) {
        void *held = o->held;
        o->held = NULL;
        destroy(held);
    }
    return 0;
}

void *tide_object_held(lua_State *L, int arg)
{
    object *o = lua_touserdata(L, arg);
    return o == NULL ? NULL : o->held;
}

int tide_object_is_closed(lua_State *L, int arg)
{
    return tide_object_held(L, arg) == NULL;
}

void tide_refuse_in_finaliser(lua_State *L, const char *what)
{
    /* Lua 5.4.4 and newer answer -1 to everything while the collector calls a finaliser. */
    if (lua_gc(L, LUA_GCCOUNT) < 0)
        luaL_error(L, "%s: not from a finaliser (__gc)", what);
}

/* Classes that scripts may close have this key in their metatable. */
static const char closable_key;

/* The method. Scripts may call it with an object of another class. */
static int object_close_method(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1) || lua_rawgetp(L, -1, &closable_key) == LUA_TNIL)
        return luaL_argerror(L, 1, "an object that can be closed is needed");
    tide_refuse_in_finaliser(L, "close");
    lua_settop(L, 1);
    return tide_object_close(L);
}

void tide_new_class(lua_State *L, const char *class, const luaL_Reg *methods, void (*destroy)(void *))
{
    luaL_newmetatable(L, class);
    lua_newtable(L);
    lua_pushcfunction(L, object_close_method);
    lua_setfield(L, -2, "close");
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, tide_object_close);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, object_close_method);
    lua_setfield(L, -2, "__close");
    lua_pushboolean(L, 1);
    lua_rawsetp(L, -2, &closable_key);
    lua_pushboolean(L, 0); /* getmetatable gives false: scripts cannot reach __gc */
    lua_setfield(L, -2, "__metatable");
    lua_pushlightuserdata(L, *(void **)&destroy);
    lua_rawsetp(L, -2, &destroy_key);
    lua_pop(L, 1);
}

void tide_forbid_close(lua_State *L, const char *class)
{
    luaL_getmetatable(L, class);
    lua_pushnil(L);
    lua_rawsetp(L, -2, &closable_key);
    lua_pushnil(L);
    lua_setfield(L, -2, "__close");
    lua_getfield(L, -1, "__index");
    lua_pushnil(L);
    lua_setfield(L, -2, "close");
    lua_pop(L, 2);
}

void **tide_push_object(lua_State *L, const char *class)
{
    object *o = lua_newuserdatauv(L, sizeof *o, 1);
    o->held = NULL;
    luaL_setmetatable(L, class);
    return &o->held;
}

void *tide_check_object(lua_State *L, int arg, const char *class)
{
    object *o = luaL_checkudata(L, arg, class);
    if (o->held == NULL)
        luaL_argerror(L, arg, lua_pushfstring(L, "this %s is closed", class));
    return o->held;
}
