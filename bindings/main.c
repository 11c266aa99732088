/* The program `tide`: Lua with tide.core inside. What it does stands in scripts/tide/cli.lua.
 *
 * The Lua library is found beside the program when installed (PREFIX/bin/tide and
 * PREFIX/share/lua/5.4/tide), otherwise in the source tree it was built from. */
#include <limits.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binding.h"

enum { EXIT_FAILED = 1 };

/* Writes the folder of Lua modules into `folder`. */
static void find_scripts(char *folder, size_t size)
{
    char program[PATH_MAX], path[PATH_MAX + 64];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n > 0) {
        program[n] = '\0';
        char *slash = strrchr(program, '/');
        if (slash != NULL)
            *slash = '\0';
        slash = strrchr(program, '/');
        if (slash != NULL) {
            *slash = '\0';
            snprintf(path, sizeof path, "%s/share/lua/5.4/tide/cli.lua", program);
            if (access(path, R_OK) == 0) {
                snprintf(folder, size, "%s/share/lua/5.4", program);
                return;
            }
        }
    }
    snprintf(folder, size, "%s/scripts", TIDE_SOURCE_DIR);
}

/* Puts the library in front of package.path and tide.core into package.preload. */
static void open_library(lua_State *L)
{
    char folder[PATH_MAX + 64];
    find_scripts(folder, sizeof folder);
    lua_getglobal(L, "package");
    lua_getfield(L, -1, "path");
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder, luaL_tolstring(L, -1, NULL));
    lua_setfield(L, -4, "path");
    lua_pop(L, 2);
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_tide_core);
    lua_setfield(L, -2, "tide.core");
    lua_pop(L, 2);
}

/* The arguments, `arg` as in stock Lua: arg[0] is the program. Pushes the table. */
static void push_arguments(lua_State *L, int argc, char **argv)
{
    lua_createtable(L, argc > 0 ? argc - 1 : 0, 1);
    for (int i = 0; i < argc; i++) {
        lua_pushstring(L, argv[i]);
        lua_rawseti(L, -2, i);
    }
    lua_pushvalue(L, -1);
    lua_setglobal(L, "arg");
}

/* (argc, argv) -> exit code */
static int run(lua_State *L)
{
    int argc = (int)lua_tointeger(L, 1);
    char **argv = lua_touserdata(L, 2);
    luaL_checkversion(L);
    luaL_openlibs(L);
    open_library(L);
    lua_getglobal(L, "require");
    lua_pushliteral(L, "tide.cli");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "main");
    push_arguments(L, argc, argv);
    lua_call(L, 1, 1);
    return 1;
}

/* cli.main reports what goes wrong in a command. This one is for what goes wrong in finding or running cli.lua; where
 * from, as TIDE_TRACEBACK asks there too. */
static int describe(lua_State *L)
{
    const char *message = luaL_tolstring(L, 1, NULL), *wanted = getenv("TIDE_TRACEBACK");
    if (wanted != NULL && *wanted != '\0' && strcmp(wanted, "0") != 0)
        luaL_traceback(L, L, message, 1);
    return 1;
}

int main(int argc, char **argv)
{
    lua_State *L = luaL_newstate();
    if (L == NULL) {
        fputs("tide: not enough memory to start Lua\n", stderr);
        return EXIT_FAILED;
    }
    lua_pushcfunction(L, describe);
    lua_pushcfunction(L, run);
    lua_pushinteger(L, argc);
    lua_pushlightuserdata(L, argv);
    int code = EXIT_FAILED;
    if (lua_pcall(L, 2, 1, 1) == LUA_OK)
        code = (int)luaL_optinteger(L, -1, 0);
    else
        fprintf(stderr, "tide: %s\n", lua_tostring(L, -1));
    lua_close(L);
    /* What could not be written is a failure, also where no one looked. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        fputs("tide: standard output could not be written\n", stderr);
        code = EXIT_FAILED;
    }
    return code;
}
