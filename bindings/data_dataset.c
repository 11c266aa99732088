/* tide.dataset and tide.dataset_writer: transitions on disk, in D4RL's layout. */
#include <string.h>

#include "data.h"
#include "tensor.h"

#define DATASET_CLASS "tide.dataset"
#define WRITER_CLASS "tide.dataset_writer"

/* ---- reading ---- */

static void release_dataset(void *dataset)
{
    tide_dataset_release(dataset);
}

static tide_dataset *check_dataset(lua_State *L, int arg)
{
    return tide_check_object(L, arg, DATASET_CLASS);
}

tide_dataset *tide_opt_dataset(lua_State *L, int arg)
{
    return lua_isnoneornil(L, arg) ? NULL : check_dataset(L, arg);
}

/* Field `name` of the options at `arg`, a size; 0 where it is absent. */
static size_t size_option(lua_State *L, int arg, const char *name)
{
    lua_getfield(L, arg, name);
    int is_integer;
    lua_Integer value = lua_tointegerx(L, -1, &is_integer);
    if (!lua_isnil(L, -1) && (!is_integer || value < 0))
        luaL_argerror(L, arg, lua_pushfstring(L, "%s: a whole number is needed", name));
    lua_pop(L, 1);
    return (size_t)value;
}

tide_dataset_options tide_check_dataset_options(lua_State *L, int arg)
{
    tide_dataset_options options = {0};
    if (lua_isnil(L, arg))
        return options;
    luaL_checktype(L, arg, LUA_TTABLE);
    options.max_episode_steps = size_option(L, arg, "max_episode_steps");
    options.observation_dim = size_option(L, arg, "observation_dim");
    lua_getfield(L, arg, "infos");
    options.infos = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return options;
}

/* metadata(path): what the file says about itself. */
static int push_metadata(lua_State *L)
{
    tide_push_tree(L, lua_tostring(L, 1), "metadata", 1);
    return 1;
}

/* dataset_read(path [, { max_episode_steps =, observation_dim =, infos = }]) -> dataset */
static int dataset_read(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    lua_settop(L, 2);
    tide_dataset_options options = tide_check_dataset_options(L, 2);
    void **place = tide_push_object(L, DATASET_CLASS);
    int holder = lua_gettop(L);
    tide_dataset *dataset;
    tide_check(L, tide_dataset_read(path, &options, &dataset));
    *place = dataset;
    lua_createtable(L, 0, 2);
    lua_pushvalue(L, 1);
    lua_setfield(L, -2, "path");
    if (tide_tree_has(path, "metadata")) {
        lua_pushcfunction(L, push_metadata);
        lua_pushvalue(L, 1);
        if (lua_pcall(L, 1, 1, 0) == LUA_OK) /* metadata that cannot be read takes no dataset away */
            lua_setfield(L, -2, "metadata");
        else
            lua_pop(L, 1);
    }
    lua_setiuservalue(L, holder, 1);
    lua_settop(L, holder);
    return 1;
}

static int dataset_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_dataset(L, 1)->count);
    return 1;
}

/* Which array is meant: a part, or one of those after them. */
enum { TIMEOUTS = TIDE_PARTS, QPOS, QVEL, NONE };

static int check_array(lua_State *L, int arg, const tide_dataset *d)
{
    const char *name = luaL_checkstring(L, arg);
    for (int part = 0; part < TIDE_PARTS; part++)
        if (strcmp(name, tide_part_names[part]) == 0)
            return part;
    if (strcmp(name, "timeouts") == 0)
        return TIMEOUTS;
    int infos = strcmp(name, "infos/qpos") == 0 ? QPOS : strcmp(name, "infos/qvel") == 0 ? QVEL : NONE;
    if (infos == NONE)
        luaL_argerror(L, arg,
                      lua_pushfstring(L,
                                      "no array '%s': observations, actions, rewards, next_observations, terminals, "
                                      "timeouts, infos/qpos, infos/qvel",
                                      name));
    if (d->qpos == NULL)
        luaL_argerror(L, arg, "infos were not read; dataset_read(path, { infos = true }) does");
    return infos;
}

static void push_infos(lua_State *L, const double *from, size_t first, size_t n, size_t dim)
{
    const size_t dims[2] = {n, dim};
    const tide_tensor *t = tide_push_tensor(L, 2, dims);
    for (size_t i = 0; i < n * dim; i++)
        t->data[i] = (float)from[first * dim + i];
}

static int push_rows(lua_State *L, const tide_dataset *d, int array, size_t first, size_t n)
{
    if (array == QPOS) {
        push_infos(L, d->qpos, first, n, d->qpos_dim);
    } else if (array == QVEL) {
        push_infos(L, d->qvel, first, n, d->qvel_dim);
    } else if (array == TIMEOUTS) {
        const tide_tensor *t = tide_push_tensor(L, 1, &n);
        for (size_t i = 0; i < n; i++)
            t->data[i] = d->timeouts[first + i] != 0 ? 1.0f : 0.0f;
    } else {
        const tide_tensor *t = tide_push_part(L, &d->layout, (tide_part)array, n, 0);
        tide_part_gather(&d->layout, (tide_part)array, d->rows + first * d->layout.stride, n, t->data);
    }
    return 1;
}

/* dataset:tensor(name) -> a copy of an array */
static int dataset_tensor(lua_State *L)
{
    const tide_dataset *d = check_dataset(L, 1);
    return push_rows(L, d, check_array(L, 2, d), 0, d->count);
}

/* dataset:rows(name, first, n) -> a copy of n rows, from `first` (1-based) on */
static int dataset_rows(lua_State *L)
{
    const tide_dataset *d = check_dataset(L, 1);
    int array = check_array(L, 2, d);
    size_t first = tide_check_size(L, 3, 1), n = tide_check_size(L, 4, 0);
    if (first > d->count || n > d->count - (first - 1))
        return luaL_error(L, "rows: %I rows from row %I on, the dataset has %I", (LUAI_UACINT)n, (LUAI_UACINT)first,
                          (LUAI_UACINT)d->count);
    return push_rows(L, d, array, first - 1, n);
}

static void push_numbers(lua_State *L, const double *x, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* dataset:state(row) -> qpos, qvel: the state before the row's action, in full precision */
static int dataset_state(lua_State *L)
{
    const tide_dataset *d = check_dataset(L, 1);
    size_t row = tide_check_size(L, 2, 1);
    luaL_argcheck(L, row <= d->count, 2, "the dataset has fewer rows");
    if (d->qpos == NULL)
        return luaL_error(L, "state: infos were not read; dataset_read(path, { infos = true }) does");
    push_numbers(L, d->qpos + (row - 1) * d->qpos_dim, d->qpos_dim);
    push_numbers(L, d->qvel + (row - 1) * d->qvel_dim, d->qvel_dim);
    return 2;
}

/* dataset:statistics([padded_rows]) -> mean, std of the observations */
static int dataset_statistics(lua_State *L)
{
    const tide_dataset *d = check_dataset(L, 1);
    size_t padded = lua_isnoneornil(L, 2) ? 0 : tide_check_size(L, 2, 1);
    const tide_tensor *mean = tide_push_tensor(L, 1, &d->layout.observation_dim);
    const tide_tensor *std = tide_push_tensor(L, 1, &d->layout.observation_dim);
    return tide_check_status(L, tide_dataset_statistics(d, padded, mean->data, std->data), 2);
}

static void set_count(lua_State *L, const char *name, size_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, double value)
{
    lua_pushnumber(L, value);
    lua_setfield(L, -2, name);
}

void tide_push_dataset_info(lua_State *L, const tide_dataset_info *info, size_t rows, const tide_layout *layout)
{
    static const char *const SOURCES[] = {"file", "next row", "max_episode_steps", "none"};
    lua_createtable(L, 0, 24);
    set_count(L, "rows", rows);
    set_count(L, "file_rows", info->file_rows);
    set_count(L, "dropped", info->dropped);
    set_count(L, "terminals", info->terminals);
    set_count(L, "timeouts", info->timeouts);
    set_count(L, "unmarked_cuts", info->unmarked_cuts);
    set_count(L, "unmarked_ends", info->unmarked_ends);
    set_count(L, "stand_ins", info->stand_ins);
    set_count(L, "zero_columns", info->zero_columns);
    set_count(L, "episodes", info->episodes);
    set_count(L, "unfinished", info->unfinished);
    set_count(L, "observation_dim", layout->observation_dim);
    set_count(L, "action_dim", layout->action_dim);
    if (info->episodes > 0) {
        set_number(L, "return_min", info->return_min);
        set_number(L, "return_mean", info->return_mean);
        set_number(L, "return_max", info->return_max);
        set_count(L, "length_min", info->length_min);
        set_number(L, "length_mean", info->length_mean);
        set_count(L, "length_max", info->length_max);
    }
    lua_pushstring(L, SOURCES[info->next_observations]);
    lua_setfield(L, -2, "next_observations");
    lua_pushstring(L, SOURCES[info->timeouts_source]);
    lua_setfield(L, -2, "timeouts_from");
}

/* dataset:info() -> what the file holds and how it was read */
static int dataset_info(lua_State *L)
{
    const tide_dataset *d = check_dataset(L, 1);
    tide_push_dataset_info(L, &d->info, d->count, &d->layout);
    lua_getiuservalue(L, 1, 1);
    lua_getfield(L, -1, "path");
    lua_setfield(L, -3, "path");
    lua_getfield(L, -1, "metadata");
    lua_setfield(L, -3, "metadata");
    lua_pop(L, 1);
    return 1;
}

static int dataset_property(lua_State *L)
{
    const char *key = lua_tostring(L, 2);
    if (strcmp(key, "observation_dim") == 0)
        lua_pushinteger(L, (lua_Integer)check_dataset(L, 1)->layout.observation_dim);
    else if (strcmp(key, "action_dim") == 0)
        lua_pushinteger(L, (lua_Integer)check_dataset(L, 1)->layout.action_dim);
    else
        return 0;
    return 1;
}

static int dataset_tostring(lua_State *L)
{
    const tide_dataset *d = tide_object_held(L, 1);
    if (d == NULL) {
        lua_pushliteral(L, "dataset (closed)");
        return 1;
    }
    lua_pushfstring(L, "dataset of %I transitions (%I observations, %I actions)", (LUAI_UACINT)d->count,
                    (LUAI_UACINT)d->layout.observation_dim, (LUAI_UACINT)d->layout.action_dim);
    return 1;
}

/* ---- writing ---- */

static void release_writer(void *writer)
{
    tide_dataset_discard(writer);
}

static tide_dataset_writer *check_writer(lua_State *L, int arg)
{
    return tide_check_object(L, arg, WRITER_CLASS);
}

static void check_writer_options(lua_State *L, int arg)
{
    static const char *const KNOWN[] = {"observation_dim", "action_dim", "metadata", "infos", NULL};
    luaL_checktype(L, arg, LUA_TTABLE);
    lua_pushnil(L);
    while (lua_next(L, arg) != 0) {
        lua_pop(L, 1);
        int known = 0;
        for (size_t i = 0; KNOWN[i] != NULL && lua_type(L, -1) == LUA_TSTRING; i++)
            known |= strcmp(KNOWN[i], lua_tostring(L, -1)) == 0;
        if (!known)
            luaL_argerror(L, arg,
                          lua_pushfstring(L,
                                          "unknown option '%s'; there are: observation_dim, action_dim, metadata, "
                                          "infos",
                                          luaL_tolstring(L, -1, NULL)));
    }
}

/* put_metadata(writer, table) */
static int put_metadata(lua_State *L)
{
    tide_tree_writer *tree;
    tide_check(L, tide_dataset_metadata(check_writer(L, 1), &tree));
    tide_put_table(L, tree, 2);
    return 0;
}

/* dataset_writer(path, { observation_dim =, action_dim =, metadata = {}, infos = { qpos =, qvel = } }) */
static int writer_new(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    lua_settop(L, 2);
    check_writer_options(L, 2);
    tide_dataset_shape shape = {size_option(L, 2, "observation_dim"), size_option(L, 2, "action_dim"), 0, 0};
    int infos = lua_getfield(L, 2, "infos"); /* index 3; metadata is 4, the writer 5 */
    luaL_argcheck(L, infos == LUA_TNIL || infos == LUA_TTABLE, 2, "infos: a table { qpos =, qvel = } is needed");
    if (infos == LUA_TTABLE) {
        shape.qpos_dim = size_option(L, 3, "qpos");
        shape.qvel_dim = size_option(L, 3, "qvel");
        luaL_argcheck(L, shape.qpos_dim > 0 && shape.qvel_dim > 0, 2, "infos: qpos and qvel are needed");
    }
    int metadata = lua_getfield(L, 2, "metadata");
    luaL_argcheck(L, metadata == LUA_TNIL || metadata == LUA_TTABLE, 2, "metadata: a table is needed");
    void **place = tide_push_object(L, WRITER_CLASS);
    tide_dataset_writer *writer;
    tide_check(L, tide_dataset_create(path, &shape, &writer));
    *place = writer;
    if (metadata == LUA_TTABLE) {
        lua_pushcfunction(L, put_metadata);
        lua_pushvalue(L, 5);
        lua_pushvalue(L, 4);
        if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
            *place = NULL;
            tide_dataset_discard(writer); /* at once: no temporary file stays */
            return lua_error(L);
        }
    }
    return 1;
}

/* n doubles at `arg`, a sequence or a tensor; NULL where n is 0. */
static const double *check_doubles(lua_State *L, int arg, const char *what, size_t n)
{
    if (n == 0)
        return NULL;
    double *numbers = lua_newuserdatauv(L, n * sizeof *numbers, 0);
    if (lua_type(L, arg) == LUA_TTABLE) {
        if (lua_rawlen(L, arg) != n)
            luaL_argerror(L, arg,
                          lua_pushfstring(L, "%s has %I numbers, %I are needed", what, (LUAI_UACINT)lua_rawlen(L, arg),
                                          (LUAI_UACINT)n));
        for (size_t i = 0; i < n; i++) {
            int is_number;
            lua_rawgeti(L, arg, (lua_Integer)i + 1);
            numbers[i] = lua_tonumberx(L, -1, &is_number);
            luaL_argcheck(L, is_number, arg, "a sequence of numbers is needed");
            lua_pop(L, 1);
        }
        return numbers;
    }
    const tide_tensor *t = tide_check_tensor_shape(L, arg, what, 1, &n);
    for (size_t i = 0; i < n; i++)
        numbers[i] = (double)t->data[i];
    return numbers;
}

/* writer:add(observation, action, reward, next_observation, terminal, timeout [, qpos, qvel]) */
static int writer_add(lua_State *L)
{
    tide_dataset_writer *writer = check_writer(L, 1);
    tide_dataset_shape shape = tide_dataset_shape_of(writer);
    lua_settop(L, 9);
    int timeout = tide_check_flag(L, 7, "timeout");
    tide_transition t = tide_check_transition(L, 2, shape.observation_dim, shape.action_dim);
    const double *qpos = check_doubles(L, 8, "qpos", shape.qpos_dim);
    const double *qvel = check_doubles(L, 9, "qvel", shape.qvel_dim);
    tide_check(L, tide_dataset_add(writer, &t, timeout, qpos, qvel));
    lua_settop(L, 1);
    return 1;
}

static int writer_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)tide_dataset_added(check_writer(L, 1)));
    return 1;
}

/* writer:commit(): the file is in place, whole, and the writer closed. After a failure nothing is left of it. */
static int writer_commit(lua_State *L)
{
    tide_check(L, tide_dataset_commit(check_writer(L, 1)));
    return tide_object_close(L);
}

static int writer_tostring(lua_State *L)
{
    const tide_dataset_writer *w = tide_object_held(L, 1);
    if (w == NULL)
        lua_pushliteral(L, "dataset writer (closed)");
    else
        lua_pushfstring(L, "dataset writer (%I transitions so far)", (LUAI_UACINT)tide_dataset_added(w));
    return 1;
}

static void set_meta(lua_State *L, const char *class, const char *name, lua_CFunction f)
{
    luaL_getmetatable(L, class);
    lua_pushcfunction(L, f);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

void tide_open_data_dataset(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"count", dataset_count}, {"tensor", dataset_tensor},         {"rows", dataset_rows}, {"state", dataset_state},
        {"info", dataset_info},   {"statistics", dataset_statistics}, {NULL, NULL},
    };
    static const luaL_Reg writer_methods[] = {
        {"add", writer_add}, {"count", writer_count}, {"commit", writer_commit}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"dataset_read", dataset_read}, {"dataset_writer", writer_new}, {NULL, NULL}};
    tide_new_class(L, DATASET_CLASS, methods, release_dataset);
    tide_set_properties(L, DATASET_CLASS, dataset_property);
    set_meta(L, DATASET_CLASS, "__len", dataset_count);
    set_meta(L, DATASET_CLASS, "__tostring", dataset_tostring);
    tide_new_class(L, WRITER_CLASS, writer_methods, release_writer);
    set_meta(L, WRITER_CLASS, "__tostring", writer_tostring);
    luaL_setfuncs(L, functions, 0);
}
