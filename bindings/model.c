/* tide.model and tide.model_part: the figures of a physics' model, by name. A part keeps its physics alive. */
#include <stdint.h>
#include <string.h>

#include "binding.h"
#include "sim.h"
#include "sim/fields.h"
#include "sim/sim.h"
#include "step.h"

#define MODEL_CLASS "tide.model"
#define PART_CLASS "tide.model_part"

/* The physics of the model or part at `arg`. */
static tide_sim *check_owner(lua_State *L, int arg)
{
    return tide_check_physics_of(L, arg, "model");
}

typedef struct part {
    tide_sim_kind kind;
    size_t index;
} part;

static tide_sim *check_part(lua_State *L, part *p)
{
    const part *held = luaL_checkudata(L, 1, PART_CLASS);
    *p = *held;
    return check_owner(L, 1);
}

int tide_push_model(lua_State *L)
{
    lua_newuserdatauv(L, 1, 1);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, MODEL_CLASS);
    return 1;
}

/* A number for a field of one, else a sequence. */
static int push_field(lua_State *L, const tide_sim *sim, tide_sim_kind kind, size_t index, const char *name)
{
    double values[TIDE_SIM_FIELD_MAX];
    size_t n;
    tide_check(L, tide_sim_get_field(sim, kind, index, name, values, &n));
    if (n == 1)
        lua_pushnumber(L, values[0]);
    else
        tide_push_sequence(L, values, n);
    return 1;
}

static int write_field(lua_State *L, tide_sim *sim, tide_sim_kind kind, size_t index, const char *name)
{
    double values[TIDE_SIM_FIELD_MAX];
    size_t n = 1;
    if (lua_type(L, 3) == LUA_TTABLE) {
        n = lua_rawlen(L, 3);
        if (n > TIDE_SIM_FIELD_MAX)
            return luaL_error(L, "%s.%s: %I numbers are too many", tide_sim_kind_name(kind), name, (LUAI_UACINT)n);
        tide_check_numbers(L, 3, name, values, n);
    } else if (lua_isnumber(L, 3)) {
        values[0] = lua_tonumber(L, 3);
    } else {
        return luaL_error(L, "%s.%s: a number or a sequence of numbers is needed, not a %s", tide_sim_kind_name(kind),
                          name, luaL_typename(L, 3));
    }
    return tide_check_status(L, tide_sim_set_field(sim, kind, index, name, values, n), 0);
}

/* Pushes the part at `index`; the model, or another part of it, stands at stack index 1. */
static void push_part(lua_State *L, tide_sim_kind kind, size_t index)
{
    part *p = lua_newuserdatauv(L, sizeof *p, 1);
    *p = (part){.kind = kind, .index = index};
    lua_getiuservalue(L, 1, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, PART_CLASS);
}

/* model:joint(name) and its like -> the part; the kind is the upvalue. */
static int model_part(lua_State *L)
{
    luaL_checkudata(L, 1, MODEL_CLASS);
    const tide_sim *sim = check_owner(L, 1);
    tide_sim_kind kind = (tide_sim_kind)lua_tointeger(L, lua_upvalueindex(1));
    size_t index;
    tide_check(L, tide_sim_find(sim, kind, luaL_checkstring(L, 2), &index));
    push_part(L, kind, index);
    return 1;
}

/* model:joints() and its like -> a sequence of all parts */
static int model_parts(lua_State *L)
{
    luaL_checkudata(L, 1, MODEL_CLASS);
    const tide_sim *sim = check_owner(L, 1);
    tide_sim_kind kind = (tide_sim_kind)lua_tointeger(L, lua_upvalueindex(1));
    size_t n = tide_sim_part_count(sim, kind);
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        push_part(L, kind, i);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* model.gravity reads an option; everything else is a method. */
static int model_index(lua_State *L)
{
    luaL_checkudata(L, 1, MODEL_CLASS);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    return push_field(L, check_owner(L, 1), TIDE_SIM_OPTION, 0, luaL_checkstring(L, 2));
}

static int model_newindex(lua_State *L)
{
    luaL_checkudata(L, 1, MODEL_CLASS);
    tide_sim *sim = check_owner(L, 1);
    return write_field(L, sim, TIDE_SIM_OPTION, 0, luaL_checkstring(L, 2));
}

/* part.name, part.type of a joint or geom, part.body of a joint or geom, body.parent, or a field of the part */
static int part_index(lua_State *L)
{
    part p;
    const tide_sim *sim = check_part(L, &p);
    const char *key = luaL_checkstring(L, 2);
    if (strcmp(key, "name") == 0) {
        lua_pushstring(L, tide_sim_part_name(sim, p.kind, p.index));
        return 1;
    }
    if (strcmp(key, "type") == 0 && tide_sim_part_type(sim, p.kind, p.index) != NULL) {
        lua_pushstring(L, tide_sim_part_type(sim, p.kind, p.index));
        return 1;
    }
    size_t body;
    if (strcmp(key, p.kind == TIDE_SIM_BODY ? "parent" : "body") == 0 &&
        tide_sim_part_body(sim, p.kind, p.index, &body)) {
        push_part(L, TIDE_SIM_BODY, body);
        return 1;
    }
    if (p.kind == TIDE_SIM_BODY && strcmp(key, "parent") == 0)
        return 0; /* the world's */
    return push_field(L, sim, p.kind, p.index, key);
}

static int part_newindex(lua_State *L)
{
    part p;
    tide_sim *sim = check_part(L, &p);
    return write_field(L, sim, p.kind, p.index, luaL_checkstring(L, 2));
}

/* Two handles of one part are equal. */
static int part_eq(lua_State *L)
{
    const part *a = luaL_testudata(L, 1, PART_CLASS), *b = luaL_testudata(L, 2, PART_CLASS);
    bool same = a != NULL && b != NULL && a->kind == b->kind && a->index == b->index;
    if (same) {
        lua_getiuservalue(L, 1, 1);
        lua_getiuservalue(L, 2, 1);
        same = lua_rawequal(L, -1, -2);
    }
    lua_pushboolean(L, same);
    return 1;
}

static int part_tostring(lua_State *L)
{
    part p;
    const tide_sim *sim = check_part(L, &p);
    const char *name = tide_sim_part_name(sim, p.kind, p.index);
    lua_pushfstring(L, "%s %s", tide_sim_kind_name(p.kind), name != NULL ? name : "without a name");
    return 1;
}

/* mujoco_fields() -> { model = { "gravity", ... }, joint = { ... }, ... }: what can be read and written */
static int mujoco_fields(lua_State *L)
{
    lua_newtable(L);
    for (int kind = 0; kind < TIDE_SIM_KINDS; kind++) {
        lua_newtable(L);
        const char *name;
        for (size_t i = 0; (name = tide_sim_field_name((tide_sim_kind)kind, i)) != NULL; i++) {
            lua_pushstring(L, name);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        lua_setfield(L, -2, tide_sim_kind_name((tide_sim_kind)kind));
    }
    return 1;
}

/* A method of the table on top of the stack, for one kind of part. */
static void add_part_method(lua_State *L, const char *name, lua_CFunction function, tide_sim_kind kind)
{
    lua_pushinteger(L, (lua_Integer)kind);
    lua_pushcclosure(L, function, 1);
    lua_setfield(L, -2, name);
}

void tide_open_model(lua_State *L)
{
    luaL_newmetatable(L, MODEL_CLASS);
    lua_newtable(L);
    add_part_method(L, "joint", model_part, TIDE_SIM_JOINT);
    add_part_method(L, "joints", model_parts, TIDE_SIM_JOINT);
    add_part_method(L, "body", model_part, TIDE_SIM_BODY);
    add_part_method(L, "bodies", model_parts, TIDE_SIM_BODY);
    add_part_method(L, "geom", model_part, TIDE_SIM_GEOM);
    add_part_method(L, "geoms", model_parts, TIDE_SIM_GEOM);
    add_part_method(L, "actuator", model_part, TIDE_SIM_ACTUATOR);
    add_part_method(L, "actuators", model_parts, TIDE_SIM_ACTUATOR);
    lua_pushcclosure(L, model_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, model_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    luaL_newmetatable(L, PART_CLASS);
    lua_pushcfunction(L, part_index);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, part_newindex);
    lua_setfield(L, -2, "__newindex");
    lua_pushcfunction(L, part_eq);
    lua_setfield(L, -2, "__eq");
    lua_pushcfunction(L, part_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    lua_pushcfunction(L, mujoco_fields);
    lua_setfield(L, -2, "mujoco_fields");
}
