/* Tensor handles: making them, looking at them, changing their elements. */
#include "tensor.h"

#include <stdint.h>
#include <string.h>

#include "base/alloc.h"

#define PARAMETERS_CLASS "tide.parameters"

typedef struct lua_tensor {
    tide_tensor tensor; /* persistent and parameter tensors */
    tide_value *value;  /* an activation, of step `step` */
    uint64_t step;
    tide_parameters *block; /* a parameter, from `offset` on */
    size_t offset;
    uint64_t changes; /* rises whenever a script writes the elements of a persistent tensor */
} lua_tensor;

size_t tide_check_dims(lua_State *L, int first, size_t dims[TIDE_MAX_RANK])
{
    size_t rank = 0;
    for (int arg = first, top = lua_gettop(L); arg <= top; arg++) {
        luaL_argcheck(L, rank < TIDE_MAX_RANK, arg, "a tensor has at most 3 dimensions");
        dims[rank++] = tide_check_size(L, arg, 0);
    }
    return rank;
}

/* A persistent tensor keeps its elements in the userdata, after the header. */
tide_tensor *tide_push_tensor(lua_State *L, size_t rank, const size_t *dims)
{
    size_t count;
    tide_check(L, tide_tensor_check_dims(rank, dims, &count));
    if (count > tide_machine_memory() / sizeof(float)) {
        char text[TIDE_SHAPE_TEXT];
        tide_tensor shape = tide_tensor_make(NULL, rank, dims);
        luaL_error(L, "tensor: the shape %s takes more memory than this machine has",
                   tide_tensor_shape_text(&shape, text));
    }
    lua_tensor *t = lua_newuserdatauv(L, sizeof *t + TIDE_ALIGNMENT + count * sizeof(float), 0);
    uintptr_t after = (uintptr_t)(t + 1);
    float *data = (float *)((after + TIDE_ALIGNMENT - 1) & ~(uintptr_t)(TIDE_ALIGNMENT - 1));
    memset(data, 0, count * sizeof(float));
    *t = (lua_tensor){.tensor = tide_tensor_make(data, rank, dims)};
    luaL_setmetatable(L, TIDE_TENSOR_CLASS);
    return &t->tensor;
}

void tide_push_value(lua_State *L, tide_value *value)
{
    lua_tensor *t = lua_newuserdatauv(L, sizeof *t, 0);
    *t = (lua_tensor){.value = value, .step = tide_tape_step(tide_lua_tape(L))};
    luaL_setmetatable(L, TIDE_TENSOR_CLASS);
}

tide_tensor *tide_push_activation(lua_State *L, size_t rank, const size_t *dims)
{
    tide_value *value;
    tide_check(L, tide_tape_fresh(tide_lua_tape(L), rank, dims, &value));
    tide_push_value(L, value);
    return &value->tensor;
}

void tide_push_parameter(lua_State *L, tide_parameters *block, size_t offset, size_t rank, const size_t *dims,
                         int owner)
{
    owner = lua_absindex(L, owner);
    lua_tensor *t = lua_newuserdatauv(L, sizeof *t, 1);
    *t = (lua_tensor){.tensor = tide_tensor_make(NULL, rank, dims), .block = block, .offset = offset};
    luaL_setmetatable(L, TIDE_TENSOR_CLASS);
    lua_pushvalue(L, owner);
    lua_setiuservalue(L, -2, 1);
}

/* The tensor at `arg` with its data in place, or an error if its step is over. */
static lua_tensor *check_live(lua_State *L, int arg)
{
    lua_tensor *t = luaL_checkudata(L, arg, TIDE_TENSOR_CLASS);
    if (t->value != NULL && t->step != tide_tape_step(tide_lua_tape(L)))
        luaL_argerror(L, arg, "this tensor belongs to a training step that has ended; clone() keeps a copy");
    if (t->block != NULL) {
        lua_getiuservalue(L, arg, 1);
        if (tide_object_is_closed(L, -1))
            luaL_argerror(L, arg, "the owner of this parameter is gone");
        lua_pop(L, 1);
        t->tensor.data = t->block->values + t->offset;
    }
    return t;
}

tide_tensor *tide_check_tensor(lua_State *L, int arg)
{
    lua_tensor *t = check_live(L, arg);
    return t->value != NULL ? &t->value->tensor : &t->tensor;
}

tide_tensor *tide_check_tensor_shape(lua_State *L, int arg, const char *what, size_t rank, const size_t *dims)
{
    tide_tensor *t = tide_check_tensor(L, arg);
    tide_tensor wanted = tide_tensor_make(NULL, rank, dims);
    if (!tide_tensor_same_shape(t, &wanted)) {
        char got_text[TIDE_SHAPE_TEXT], wanted_text[TIDE_SHAPE_TEXT];
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "%s has shape %s, %s is needed", what, tide_tensor_shape_text(t, got_text),
                                      tide_tensor_shape_text(&wanted, wanted_text)));
    }
    return t;
}

tide_parameters *tide_tensor_block(lua_State *L, int arg)
{
    lua_tensor *t = luaL_checkudata(L, arg, TIDE_TENSOR_CLASS);
    return t->block;
}

tide_value *tide_check_value(lua_State *L, int arg)
{
    tide_tape *tape = tide_lua_tape(L);
    tide_value *value;
    if (lua_type(L, arg) == LUA_TNUMBER) {
        tide_check(L, tide_tape_fresh(tape, 0, NULL, &value));
        value->tensor.data[0] = (float)lua_tonumber(L, arg);
        return value;
    }
    lua_tensor *t = check_live(L, arg);
    if (t->value != NULL)
        return t->value;
    if (t->block != NULL) {
        lua_getiuservalue(L, arg, 1);
        tide_hold(L, -1);
        lua_pop(L, 1);
        tide_check(L, tide_tape_parameter(tape, t->block, &t->tensor, &value));
    } else {
        tide_hold(L, arg);
        tide_check(L, tide_tape_leaf(tape, &t->tensor, &value));
        value->changes = &t->changes;
    }
    return value;
}

/* ---- making ---- */

/* Fills dims from the first elements of the nested tables at `arg`. */
static size_t table_dims(lua_State *L, int arg, size_t dims[TIDE_MAX_RANK])
{
    size_t rank = 0;
    lua_pushvalue(L, arg);
    int pushed = 1;
    while (lua_type(L, -1) == LUA_TTABLE) {
        luaL_argcheck(L, rank < TIDE_MAX_RANK, arg, "a tensor has at most 3 dimensions");
        dims[rank++] = lua_rawlen(L, -1);
        lua_rawgeti(L, -1, 1);
        pushed++;
    }
    lua_pop(L, pushed);
    return rank;
}

/* Writes the numbers of the nested table on top of the stack, which must have the shape of t, to *next;
 * only checks them where next is NULL. */
static void fill_from_table(lua_State *L, int arg, const tide_tensor *t, size_t depth, float **next)
{
    if (lua_type(L, -1) != LUA_TTABLE)
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "a table of %I elements was expected within, not a %s",
                                      (LUAI_UACINT)t->dims[depth], luaL_typename(L, -1)));
    if (lua_rawlen(L, -1) != t->dims[depth])
        luaL_argerror(L, arg,
                      lua_pushfstring(L, "a table of %I elements where %I are needed", (LUAI_UACINT)lua_rawlen(L, -1),
                                      (LUAI_UACINT)t->dims[depth]));
    for (size_t i = 0; i < t->dims[depth]; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i + 1);
        if (depth + 1 < t->rank && depth + 1 < TIDE_MAX_RANK) {
            fill_from_table(L, arg, t, depth + 1, next);
        } else {
            int is_number;
            lua_Number x = lua_tonumberx(L, -1, &is_number);
            if (!is_number)
                luaL_argerror(L, arg,
                              lua_pushfstring(L, "a number was expected in the table, not a %s", luaL_typename(L, -1)));
            if (next != NULL)
                *(*next)++ = (float)x;
        }
        lua_pop(L, 1);
    }
}

/* tensor(table) -> a persistent tensor with the table's numbers and nesting; tensor(number): a scalar. */
static int tensor_new(lua_State *L)
{
    size_t dims[TIDE_MAX_RANK];
    if (lua_type(L, 1) == LUA_TNUMBER) {
        lua_Number x = lua_tonumber(L, 1);
        tide_push_tensor(L, 0, NULL)->data[0] = (float)x;
        return 1;
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t rank = table_dims(L, 1, dims);
    tide_tensor *t = tide_push_tensor(L, rank, dims);
    float *next = t->data;
    lua_pushvalue(L, 1);
    fill_from_table(L, 1, t, 0, &next);
    lua_pop(L, 1);
    return 1;
}

/* zeros(d1, ...) -> a persistent tensor. */
static int tensor_zeros(lua_State *L)
{
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 1, dims);
    tide_push_tensor(L, rank, dims);
    return 1;
}

static void release_parameters(void *block)
{
    tide_parameters_destroy(block);
}

/* parameter(number or tensor) -> a trainable tensor with a block of its own. */
static int tensor_parameter(lua_State *L)
{
    lua_Number number = 0.0;
    const tide_tensor *initial = NULL;
    if (lua_type(L, 1) == LUA_TNUMBER)
        number = lua_tonumber(L, 1);
    else
        initial = tide_check_tensor(L, 1);
    luaL_argcheck(L, initial == NULL || tide_tensor_count(initial) > 0, 1, "a tensor without elements");
    void **place = tide_push_object(L, PARAMETERS_CLASS);
    tide_parameters *block;
    tide_check(L, tide_parameters_create(&block, initial != NULL ? tide_tensor_count(initial) : 1));
    *place = block;
    if (initial != NULL)
        memcpy(block->values, initial->data, block->count * sizeof(float));
    else
        block->values[0] = (float)number;
    tide_push_parameter(L, block, 0, initial != NULL ? initial->rank : 0, initial != NULL ? initial->dims : NULL, -1);
    return 1;
}

/* ---- looking ---- */

static void push_nested(lua_State *L, const tide_tensor *t, size_t depth, const float **next)
{
    luaL_checkstack(L, 3, "tensor");
    lua_createtable(L, t->dims[depth] > INT32_MAX ? 0 : (int)t->dims[depth], 0);
    for (size_t i = 0; i < t->dims[depth]; i++) {
        if (depth + 1 < t->rank && depth + 1 < TIDE_MAX_RANK)
            push_nested(L, t, depth + 1, next);
        else
            lua_pushnumber(L, (lua_Number) * (*next)++);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* t:totable() -> the elements as nested tables; a scalar gives its number. */
static int tensor_totable(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    const float *next = t->data;
    if (t->rank == 0)
        lua_pushnumber(L, (lua_Number)*next);
    else
        push_nested(L, t, 0, &next);
    return 1;
}

/* t:item() -> the only element. */
static int tensor_item(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    char text[TIDE_SHAPE_TEXT];
    if (tide_tensor_count(t) != 1)
        return luaL_error(L, "item: one element is needed, the shape is %s", tide_tensor_shape_text(t, text));
    lua_pushnumber(L, (lua_Number)t->data[0]);
    return 1;
}

/* Position of t:get(i, j, k), 1-based; arguments start at stack index 2. */
static float *check_element(lua_State *L, const tide_tensor *t)
{
    size_t position = 0;
    for (size_t i = 0; i < t->rank; i++) {
        int arg = (int)i + 2;
        lua_Integer at = luaL_checkinteger(L, arg);
        if (at < 1 || (size_t)at > t->dims[i])
            luaL_argerror(L, arg,
                          lua_pushfstring(L, "index %I is outside 1 .. %I", (LUAI_UACINT)at, (LUAI_UACINT)t->dims[i]));
        position = position * t->dims[i] + (size_t)at - 1;
    }
    return t->data + position;
}

static int tensor_get(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    lua_pushnumber(L, (lua_Number)*check_element(L, t));
    return 1;
}

void tide_touch(lua_State *L, int arg)
{
    lua_tensor *t = luaL_checkudata(L, arg, TIDE_TENSOR_CLASS);
    if (t->value != NULL)
        tide_tape_touch(t->value);
    else if (t->block != NULL)
        tide_parameters_touch(t->block);
    else
        t->changes++;
}

/* t:set(i, j, k, value) */
static int tensor_set(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    float *element = check_element(L, t);
    *element = (float)luaL_checknumber(L, (int)t->rank + 2);
    tide_touch(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* t:fill(value) */
static int tensor_fill(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    float value = (float)luaL_checknumber(L, 2);
    for (size_t i = 0, n = tide_tensor_count(t); i < n; i++)
        t->data[i] = value;
    tide_touch(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* t:copy(source): the elements of a tensor of the same shape, or of a table. */
static int tensor_copy(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    if (lua_type(L, 2) == LUA_TTABLE) {
        float *next = t->data;
        luaL_argcheck(L, t->rank > 0, 2, "a table cannot be copied into a scalar");
        lua_settop(L, 2);
        fill_from_table(L, 2, t, 0, NULL); /* a wrong table changes nothing */
        fill_from_table(L, 2, t, 0, &next);
    } else {
        const tide_tensor *source = tide_check_tensor_shape(L, 2, "the source", t->rank, t->dims);
        memmove(t->data, source->data, tide_tensor_count(t) * sizeof(float));
    }
    tide_touch(L, 1);
    lua_settop(L, 1);
    return 1;
}

/* t:clone() -> a persistent copy. */
static int tensor_clone(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    tide_tensor *copy = tide_push_tensor(L, t->rank, t->dims);
    memcpy(copy->data, t->data, tide_tensor_count(t) * sizeof(float));
    return 1;
}

static int tensor_is_finite(lua_State *L)
{
    lua_pushboolean(L, tide_tensor_is_finite(tide_check_tensor(L, 1)));
    return 1;
}

static int tensor_len(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    if (t->rank == 0)
        return luaL_error(L, "a scalar has no length");
    lua_pushinteger(L, (lua_Integer)t->dims[0]);
    return 1;
}

static int tensor_tostring(lua_State *L)
{
    lua_tensor *handle = luaL_checkudata(L, 1, TIDE_TENSOR_CLASS);
    if (handle->value != NULL && handle->step != tide_tape_step(tide_lua_tape(L))) {
        lua_pushliteral(L, "tensor of a past step");
        return 1;
    }
    const tide_tensor *t = tide_check_tensor(L, 1);
    size_t n = tide_tensor_count(t), shown = n < 8 ? n : 8;
    char text[TIDE_SHAPE_TEXT];
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    luaL_addstring(&buffer, "tensor ");
    luaL_addstring(&buffer, tide_tensor_shape_text(t, text));
    luaL_addstring(&buffer, " [");
    for (size_t i = 0; i < shown; i++) {
        lua_pushfstring(L, i == 0 ? "%f" : ", %f", (LUAI_UACNUMBER)t->data[i]);
        luaL_addvalue(&buffer);
    }
    luaL_addstring(&buffer, n > shown ? ", ...]" : "]");
    luaL_pushresult(&buffer);
    return 1;
}

/* t.shape is a table of dimensions; everything else is a method. */
static int tensor_index(lua_State *L)
{
    const char *key = lua_tostring(L, 2);
    if (key != NULL && strcmp(key, "shape") == 0) {
        const tide_tensor *t = tide_check_tensor(L, 1);
        lua_createtable(L, (int)t->rank, 0);
        for (size_t i = 0; i < t->rank; i++) {
            lua_pushinteger(L, (lua_Integer)t->dims[i]);
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
        return 1;
    }
    lua_pushvalue(L, 2);
    lua_rawget(L, lua_upvalueindex(1));
    return 1;
}

void tide_open_tensor(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"tensor", tensor_new},
        {"zeros", tensor_zeros},
        {"parameter", tensor_parameter},
        {NULL, NULL},
    };
    static const luaL_Reg methods[] = {
        {"totable", tensor_totable}, {"item", tensor_item},           {"get", tensor_get},
        {"set", tensor_set},         {"fill", tensor_fill},           {"copy", tensor_copy},
        {"clone", tensor_clone},     {"is_finite", tensor_is_finite}, {NULL, NULL},
    };
    static const luaL_Reg none[] = {{NULL, NULL}};
    tide_new_class(L, PARAMETERS_CLASS, none, release_parameters);
    tide_guard_class(L, PARAMETERS_CLASS);
    luaL_newmetatable(L, TIDE_TENSOR_CLASS);
    luaL_newlib(L, methods);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, "methods");
    lua_pushcclosure(L, tensor_index, 1);
    lua_setfield(L, -2, "__index");
    lua_pushcfunction(L, tensor_len);
    lua_setfield(L, -2, "__len");
    lua_pushcfunction(L, tensor_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
    tide_open_autodiff(L);
}
