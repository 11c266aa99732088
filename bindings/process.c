/* core.process: what a long run asks of its process: signals, clocks, the terminal, cores, whole files. */
#define _GNU_SOURCE /* sched.h: sets of cores */
#include <errno.h>
#include <fcntl.h>
#include <hdf5.h>
#include <mujoco/mujoco.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "binding.h"
#include "tensor/gemm.h"

/* ---- signals ---- */

static const struct {
    int number;
    const char *name;
} signals[] = {{SIGTERM, "SIGTERM"}, {SIGINT, "SIGINT"}, {SIGUSR1, "SIGUSR1"}};

enum { N_SIGNALS = sizeof signals / sizeof signals[0] };

static volatile sig_atomic_t caught[N_SIGNALS];
static struct sigaction former[N_SIGNALS];
static bool catching;

/* Notes the signal; a second SIGINT ends the process as if none were caught. */
static void note_signal(int number)
{
    for (int i = 0; i < N_SIGNALS; i++) {
        if (signals[i].number != number)
            continue;
        if (number == SIGINT && caught[i]) {
            signal(SIGINT, SIG_DFL);
            raise(SIGINT); /* delivered when this handler returns */
        }
        caught[i] = 1;
    }
}

/* catch_signals(): from now on SIGTERM, SIGINT and SIGUSR1 only set a flag. */
static int process_catch_signals(lua_State *L)
{
    (void)L;
    for (int i = 0; i < N_SIGNALS; i++)
        caught[i] = 0;
    if (catching)
        return 0;
    struct sigaction action = {.sa_handler = note_signal, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < N_SIGNALS; i++)
        sigaction(signals[i].number, &action, &former[i]);
    catching = true;
    return 0;
}

/* release_signals(): the handlers from before catch_signals, and no flag. */
static int process_release_signals(lua_State *L)
{
    (void)L;
    for (int i = 0; i < N_SIGNALS; i++) {
        if (catching)
            sigaction(signals[i].number, &former[i], NULL);
        caught[i] = 0;
    }
    catching = false;
    return 0;
}

/* signalled() -> the name of a caught signal (SIGTERM before SIGINT before SIGUSR1), or nil.
 * The flag stays up until the next catch_signals or release_signals. */
static int process_signalled(lua_State *L)
{
    for (int i = 0; i < N_SIGNALS; i++)
        if (caught[i]) {
            lua_pushstring(L, signals[i].name);
            return 1;
        }
    lua_pushnil(L);
    return 1;
}

/* ---- clocks ---- */

static int push_clock(lua_State *L, clockid_t clock)
{
    struct timespec now;
    if (clock_gettime(clock, &now) != 0)
        return luaL_error(L, "the clock cannot be read: %s", strerror(errno));
    lua_pushnumber(L, (lua_Number)now.tv_sec + 1e-9 * (lua_Number)now.tv_nsec);
    return 1;
}

/* monotonic() -> seconds from some start, never set back. */
static int process_monotonic(lua_State *L)
{
    return push_clock(L, CLOCK_MONOTONIC);
}

/* wall_time() -> seconds since 1970, with fractions. */
static int process_wall_time(lua_State *L)
{
    return push_clock(L, CLOCK_REALTIME);
}

/* ---- terminal ---- */

static int check_descriptor(lua_State *L, int arg)
{
    lua_Integer number = luaL_checkinteger(L, arg);
    luaL_argcheck(L, number >= 0 && number <= 2, arg, "0 (input), 1 (output) or 2 (errors)");
    return (int)number;
}

/* is_terminal(fd) -> boolean */
static int process_is_terminal(lua_State *L)
{
    lua_pushboolean(L, isatty(check_descriptor(L, 1)));
    return 1;
}

static int push_size(lua_State *L, bool rows)
{
    struct winsize size;
    int found = ioctl(check_descriptor(L, 1), TIOCGWINSZ, &size) != 0 ? 0 : rows ? size.ws_row : size.ws_col;
    if (found == 0)
        lua_pushnil(L);
    else
        lua_pushinteger(L, found);
    return 1;
}

/* terminal_width(fd) -> columns, or nil where it is no terminal or does not say. */
static int process_terminal_width(lua_State *L)
{
    return push_size(L, false);
}

/* terminal_height(fd) -> rows, or nil where it is no terminal or does not say. */
static int process_terminal_height(lua_State *L)
{
    return push_size(L, true);
}

/* ---- cores ---- */

/* cores() -> numbers of the cores that this thread may run on, rising. */
static int process_cores(lua_State *L)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return luaL_error(L, "cores: %s", strerror(errno));
    lua_newtable(L);
    lua_Integer n = 0;
    for (size_t core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &set)) {
            lua_pushinteger(L, (lua_Integer)core);
            lua_rawseti(L, -2, ++n);
        }
    return 1;
}

/* pin(cores): from now on this thread, and what it starts, runs on these cores alone. */
static int process_pin(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    cpu_set_t set;
    CPU_ZERO(&set);
    lua_Integer n = luaL_len(L, 1);
    luaL_argcheck(L, n > 0, 1, "it names no core");
    for (lua_Integer i = 1; i <= n; i++) {
        int is_integer;
        lua_geti(L, 1, i);
        lua_Integer core = lua_tointegerx(L, -1, &is_integer);
        if (!is_integer || core < 0 || core >= CPU_SETSIZE)
            return luaL_error(L, "pin: %s is not a core's number", luaL_tolstring(L, -1, NULL));
        CPU_SET((size_t)core, &set);
        lua_pop(L, 1);
    }
    if (sched_setaffinity(0, sizeof set, &set) != 0)
        return luaL_error(L, "pin: %s", strerror(errno));
    return 0;
}

/* ---- files and names ---- */

/* write_file(path, text): whole or not at all. */
static int process_write_file(lua_State *L)
{
    size_t path_bytes, n;
    const char *path = luaL_checklstring(L, 1, &path_bytes);
    luaL_argcheck(L, strlen(path) == path_bytes, 1, "the path holds a zero byte");
    const char *text = luaL_checklstring(L, 2, &n);
    return tide_check_status(L, tide_file_write(path, text, n), 0);
}

/* lock_holder(path) -> process id, or nil: who else holds a lock on the file, as lfs.lock takes it. 0 where the
 * holder is on another machine. Asking takes no lock, not even for a moment. */
static int process_lock_holder(lua_State *L)
{
    int file = open(luaL_checkstring(L, 1), O_RDONLY | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool held = file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (file >= 0)
        close(file);
    if (held)
        lua_pushinteger(L, lock.l_pid > 0 ? lock.l_pid : 0);
    else
        lua_pushnil(L);
    return 1;
}

/* hostname() -> string */
static int process_hostname(lua_State *L)
{
    char name[256];
    if (gethostname(name, sizeof name) != 0)
        memcpy(name, "localhost", 10);
    name[sizeof name - 1] = '\0';
    lua_pushstring(L, name);
    return 1;
}

/* pid() -> integer */
static int process_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

/* versions() -> table: what a run's numbers depend on beside its seed. */
static int process_versions(lua_State *L)
{
    unsigned major = 0, minor = 0, release = 0;
    lua_createtable(L, 0, 8);
    lua_pushliteral(L, TIDE_VERSION);
    lua_setfield(L, -2, "tide");
    lua_pushliteral(L, LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE);
    lua_setfield(L, -2, "lua");
    lua_pushstring(L, mj_versionString());
    lua_setfield(L, -2, "mujoco");
    H5get_libversion(&major, &minor, &release);
    lua_pushfstring(L, "%d.%d.%d", (int)major, (int)minor, (int)release);
    lua_setfield(L, -2, "hdf5");
    lua_pushstring(L, tide_gemm_library());
    lua_setfield(L, -2, "openblas");
    lua_pushstring(L, tide_gemm_kernel());
    lua_setfield(L, -2, "kernel");
    lua_pushstring(L, tide_gemm_products());
    lua_setfield(L, -2, "products");
    lua_pushinteger(L, (lua_Integer)tide_pool_threads());
    lua_setfield(L, -2, "threads");
    return 1;
}

void tide_open_process(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"catch_signals", process_catch_signals},
        {"release_signals", process_release_signals},
        {"signalled", process_signalled},
        {"monotonic", process_monotonic},
        {"wall_time", process_wall_time},
        {"is_terminal", process_is_terminal},
        {"terminal_width", process_terminal_width},
        {"terminal_height", process_terminal_height},
        {"cores", process_cores},
        {"pin", process_pin},
        {"write_file", process_write_file},
        {"lock_holder", process_lock_holder},
        {"hostname", process_hostname},
        {"pid", process_pid},
        {"versions", process_versions},
        {NULL, NULL},
    };
    luaL_newlib(L, functions);
    lua_setfield(L, -2, "process");
}
