/* tide.replay: what batches are drawn from. */
#include <string.h>

#include "data.h"
#include "data/replay.h"
#include "tensor.h"

#define REPLAY_CLASS "tide.replay"

static void release_replay(void *replay)
{
    tide_replay_destroy(replay);
}

static tide_replay *check_replay(lua_State *L, int arg)
{
    return tide_check_object(L, arg, REPLAY_CLASS);
}

/* replay(observation_dim, action_dim, sim_capacity [, dataset]) */
static int replay_new(lua_State *L)
{
    size_t observation_dim = tide_check_size(L, 1, 1), action_dim = tide_check_size(L, 2, 1);
    size_t capacity = tide_check_size(L, 3, 0);
    tide_dataset *real = tide_opt_dataset(L, 4);
    void **place = tide_push_object(L, REPLAY_CLASS);
    tide_replay *replay;
    tide_check(L, tide_replay_create(observation_dim, action_dim, capacity, real, &replay));
    *place = replay;
    return 1;
}

/* replay:add(observation, action, reward, next_observation, terminal) */
static int replay_add(lua_State *L)
{
    tide_replay *replay = check_replay(L, 1);
    lua_settop(L, 6);
    tide_transition t = tide_check_transition(L, 2, replay->layout.observation_dim, replay->layout.action_dim);
    tide_check(L, tide_replay_add(replay, &t));
    lua_settop(L, 1);
    return 1;
}

/* replay:sample(rng, n_real, n_sim) -> { observations =, actions =, ..., n_real =, n_sim = },
 * tensors of the running step, real rows first */
static int replay_sample(lua_State *L)
{
    const tide_replay *replay = check_replay(L, 1);
    tide_rng *rng = tide_check_rng(L, 2);
    size_t n_real = tide_check_size(L, 3, 0), n_sim = tide_check_size(L, 4, 0);
    luaL_argcheck(L, n_real <= INT32_MAX && n_sim <= INT32_MAX, 3, "that many rows are no batch");
    luaL_argcheck(L, n_real + n_sim > 0, 3, "a batch of no rows");
    tide_batch batch;
    lua_createtable(L, 0, TIDE_PARTS + 2);
    for (int part = 0; part < TIDE_PARTS; part++) {
        batch.parts[part] = tide_push_part(L, &replay->layout, (tide_part)part, n_real + n_sim, 1)->data;
        lua_setfield(L, -2, tide_part_names[part]);
    }
    tide_check(L, tide_replay_sample(replay, rng, n_real, n_sim, &batch));
    lua_pushinteger(L, (lua_Integer)n_real);
    lua_setfield(L, -2, "n_real");
    lua_pushinteger(L, (lua_Integer)n_sim);
    lua_setfield(L, -2, "n_sim");
    return 1;
}

/* replay:count("real" or "sim"); without a part, both. */
static int replay_count(lua_State *L)
{
    static const char *const PARTS[] = {"both", "real", "sim", NULL};
    const tide_replay *replay = check_replay(L, 1);
    int part = luaL_checkoption(L, 2, "both", PARTS);
    size_t count = (part != 2 ? tide_replay_real_count(replay) : 0) + (part != 1 ? replay->count : 0);
    lua_pushinteger(L, (lua_Integer)count);
    return 1;
}

/* replay:state() -> the ring as a table, for tree_write and replay:restore: the arrays'
 * filled rows in the ring's order, and the row (1-based) that is written next */
static int replay_state(lua_State *L)
{
    const tide_replay *replay = check_replay(L, 1);
    lua_createtable(L, 0, TIDE_PARTS + 2);
    for (int part = 0; part < TIDE_PARTS; part++) {
        const tide_tensor *t = tide_push_part(L, &replay->layout, (tide_part)part, replay->count, 0);
        tide_replay_save(replay, (tide_part)part, t->data);
        lua_setfield(L, -2, tide_part_names[part]);
    }
    lua_pushinteger(L, (lua_Integer)replay->next + 1);
    lua_setfield(L, -2, "next");
    lua_pushinteger(L, (lua_Integer)replay->capacity);
    lua_setfield(L, -2, "capacity");
    return 1;
}

/* A field of the table at `arg`, raw: no script runs in between, which could close the replay. */
static void raw_field(lua_State *L, int arg, const char *name)
{
    lua_pushstring(L, name);
    lua_rawget(L, arg);
}

/* replay:restore(state): also into a larger ring than the one saved. */
static int replay_restore(lua_State *L)
{
    tide_replay *replay = check_replay(L, 1);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    int is_integer;
    raw_field(L, 2, "next");
    lua_Integer next = lua_tointegerx(L, -1, &is_integer);
    luaL_argcheck(L, is_integer && next >= 1, 2, "not the state of a replay: 'next' is missing");
    tide_batch columns;
    size_t count = 0;
    for (int part = 0; part < TIDE_PARTS; part++) {
        size_t size = tide_part_size(&replay->layout, (tide_part)part);
        int rank = part == TIDE_REWARDS || part == TIDE_TERMINALS ? 1 : 2;
        raw_field(L, 2, tide_part_names[part]);
        if (luaL_testudata(L, -1, TIDE_TENSOR_CLASS) == NULL)
            return luaL_argerror(
                L, 2, lua_pushfstring(L, "not the state of a replay: '%s' is missing", tide_part_names[part]));
        const tide_tensor *t = tide_check_tensor(L, lua_gettop(L));
        if (part == 0)
            count = t->dims[0];
        const size_t dims[2] = {count, size};
        tide_tensor wanted = tide_tensor_make(NULL, (size_t)rank, dims);
        char got[TIDE_SHAPE_TEXT], needed[TIDE_SHAPE_TEXT];
        if (!tide_tensor_same_shape(t, &wanted))
            return luaL_argerror(L, 2,
                                 lua_pushfstring(L, "%s has shape %s, %s is needed", tide_part_names[part],
                                                 tide_tensor_shape_text(t, got),
                                                 tide_tensor_shape_text(&wanted, needed)));
        columns.parts[part] = t->data; /* stays on the stack */
    }
    tide_check(L, tide_replay_restore(replay, count, (size_t)next - 1, &columns));
    lua_settop(L, 1);
    return 1;
}

static int replay_property(lua_State *L)
{
    const char *key = lua_tostring(L, 2);
    const tide_replay *replay = tide_object_held(L, 1);
    size_t value;
    if (strcmp(key, "observation_dim") != 0 && strcmp(key, "action_dim") != 0 && strcmp(key, "capacity") != 0)
        return 0;
    if (replay == NULL)
        replay = check_replay(L, 1);
    value = key[0] == 'o'   ? replay->layout.observation_dim
            : key[0] == 'a' ? replay->layout.action_dim
                            : replay->capacity;
    lua_pushinteger(L, (lua_Integer)value);
    return 1;
}

static int replay_tostring(lua_State *L)
{
    const tide_replay *r = tide_object_held(L, 1);
    if (r == NULL)
        lua_pushliteral(L, "replay (closed)");
    else
        lua_pushfstring(L, "replay of %I real and %I of at most %I simulated transitions",
                        (LUAI_UACINT)tide_replay_real_count(r), (LUAI_UACINT)r->count, (LUAI_UACINT)r->capacity);
    return 1;
}

void tide_open_data_replay(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"add", replay_add},     {"sample", replay_sample},   {"count", replay_count},
        {"state", replay_state}, {"restore", replay_restore}, {NULL, NULL},
    };
    tide_new_class(L, REPLAY_CLASS, methods, release_replay);
    tide_set_properties(L, REPLAY_CLASS, replay_property);
    luaL_getmetatable(L, REPLAY_CLASS);
    lua_pushcfunction(L, replay_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
    lua_pushcfunction(L, replay_new);
    lua_setfield(L, -2, "replay");
}
