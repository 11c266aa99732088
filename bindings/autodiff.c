/* Tensors that compute: arithmetic, functions, reductions, losses, shapes. */
#include <math.h>

#include "autodiff/elementwise.h"
#include "autodiff/gaussian.h"
#include "autodiff/reduce.h"
#include "autodiff/shape.h"
#include "tensor.h"

/* ---- arithmetic ---- */

static int push_binary(lua_State *L, tide_binary kind)
{
    tide_value *out;
    tide_value *a = tide_check_value(L, 1), *b = tide_check_value(L, 2);
    tide_check(L, tide_binary_op(tide_lua_tape(L), kind, a, b, &out));
    tide_push_value(L, out);
    return 1;
}

/* scale * tensor + shift, for arithmetic with one number. */
static int push_affine(lua_State *L, int arg, lua_Number scale, lua_Number shift)
{
    tide_value *out;
    tide_check(L, tide_affine(tide_lua_tape(L), tide_check_value(L, arg), (float)scale, (float)shift, &out));
    tide_push_value(L, out);
    return 1;
}

static int value_add(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER)
        return push_affine(L, 2, 1.0, lua_tonumber(L, 1));
    if (lua_type(L, 2) == LUA_TNUMBER)
        return push_affine(L, 1, 1.0, lua_tonumber(L, 2));
    return push_binary(L, TIDE_ADD);
}

static int value_subtract(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER)
        return push_affine(L, 2, -1.0, lua_tonumber(L, 1));
    if (lua_type(L, 2) == LUA_TNUMBER)
        return push_affine(L, 1, 1.0, -lua_tonumber(L, 2));
    return push_binary(L, TIDE_SUBTRACT);
}

static int value_multiply(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TNUMBER)
        return push_affine(L, 2, lua_tonumber(L, 1), 0.0);
    if (lua_type(L, 2) == LUA_TNUMBER)
        return push_affine(L, 1, lua_tonumber(L, 2), 0.0);
    return push_binary(L, TIDE_MULTIPLY);
}

static int value_divide(lua_State *L)
{
    return push_binary(L, TIDE_DIVIDE);
}

static int value_negate(lua_State *L)
{
    return push_affine(L, 1, -1.0, 0.0);
}

static int value_min(lua_State *L)
{
    return push_binary(L, TIDE_MINIMUM);
}

static int value_max(lua_State *L)
{
    return push_binary(L, TIDE_MAXIMUM);
}

/* ---- functions ---- */

/* The kind of function stands in the closure. */
static int value_unary(lua_State *L)
{
    tide_unary kind = (tide_unary)lua_tointeger(L, lua_upvalueindex(1));
    tide_value *out;
    tide_check(L, tide_unary_op(tide_lua_tape(L), kind, tide_check_value(L, 1), &out));
    tide_push_value(L, out);
    return 1;
}

/* clamp(t, low, high) */
static int value_clamp(lua_State *L)
{
    float low = (float)luaL_optnumber(L, 2, -HUGE_VAL), high = (float)luaL_optnumber(L, 3, HUGE_VAL);
    tide_value *out;
    tide_check(L, tide_clamp(tide_lua_tape(L), tide_check_value(L, 1), low, high, &out));
    tide_push_value(L, out);
    return 1;
}

/* t:detach() -> the same elements, nothing recorded. */
static int value_detach(lua_State *L)
{
    tide_value *value = tide_check_value(L, 1), *leaf;
    tide_check(L, tide_tape_view(tide_lua_tape(L), value, &value->tensor, &leaf));
    tide_push_value(L, leaf);
    return 1;
}

/* ---- reductions and losses ---- */

/* sum(t [, axis]): axis 1 is the first; without it everything. The kind stands in the closure. */
static int value_reduce(lua_State *L)
{
    tide_reduction kind = (tide_reduction)lua_tointeger(L, lua_upvalueindex(1));
    lua_Integer axis = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, lua_isnoneornil(L, 2) || (axis >= 1 && axis <= TIDE_MAX_RANK), 2, "axes are 1, 2 and 3");
    tide_value *out;
    tide_check(L, tide_reduce(tide_lua_tape(L), kind, tide_check_value(L, 1), (int)axis - 1, &out));
    tide_push_value(L, out);
    return 1;
}

/* t:std() -> number: the sample standard deviation of all elements (n - 1), no gradient. */
static int value_std(lua_State *L)
{
    const tide_tensor *t = tide_check_tensor(L, 1);
    size_t n = tide_tensor_count(t);
    char text[TIDE_SHAPE_TEXT];
    if (n < 2)
        return luaL_error(L, "std: two elements or more are needed, the shape is %s", tide_tensor_shape_text(t, text));
    double mean = 0.0, squares = 0.0;
    for (size_t i = 0; i < n; i++)
        mean += (double)t->data[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += ((double)t->data[i] - mean) * ((double)t->data[i] - mean);
    lua_pushnumber(L, sqrt(squares / ((double)n - 1.0)));
    return 1;
}

/* mse(prediction, target [, weights]) */
static int value_mse(lua_State *L)
{
    tide_value *prediction = tide_check_value(L, 1), *target = tide_check_value(L, 2), *out;
    tide_value *weights = lua_isnoneornil(L, 3) ? NULL : tide_check_value(L, 3);
    tide_check(L, tide_mse(tide_lua_tape(L), prediction, target, weights, &out));
    tide_push_value(L, out);
    return 1;
}

/* huber(prediction, target, threshold [, weights]) */
static int value_huber(lua_State *L)
{
    tide_value *prediction = tide_check_value(L, 1), *target = tide_check_value(L, 2), *out;
    float threshold = (float)luaL_optnumber(L, 3, 1.0);
    tide_value *weights = lua_isnoneornil(L, 4) ? NULL : tide_check_value(L, 4);
    tide_check(L, tide_huber(tide_lua_tape(L), prediction, target, weights, threshold, &out));
    tide_push_value(L, out);
    return 1;
}

/* expectile(prediction, target, tau [, weights]) */
static int value_expectile(lua_State *L)
{
    tide_value *prediction = tide_check_value(L, 1), *target = tide_check_value(L, 2), *out;
    float tau = (float)luaL_checknumber(L, 3);
    tide_value *weights = lua_isnoneornil(L, 4) ? NULL : tide_check_value(L, 4);
    tide_check(L, tide_expectile(tide_lua_tape(L), prediction, target, weights, tau, &out));
    tide_push_value(L, out);
    return 1;
}

typedef tide_status column_function(tide_tape *, tide_value *, const tide_tensor *, tide_value **);

/* f(t, columns) -> (batch): t (batch, n), columns (batch) count from 1; `one` and `all` name them in messages. */
static int push_of_columns(lua_State *L, column_function *function, const char *one, const char *all)
{
    tide_tape *tape = tide_lua_tape(L);
    tide_value *t = tide_check_value(L, 1), *columns = tide_check_value(L, 2), *from_zero, *out;
    const tide_tensor *c = &columns->tensor;
    size_t most = t->tensor.dims[1];
    for (size_t i = 0, n = tide_tensor_count(c); i < n; i++)
        if (!(c->data[i] >= 1.0f && c->data[i] <= (float)most) || c->data[i] != floorf(c->data[i]))
            return luaL_error(L, "%s %I is %f; %s are 1 to %I", one, (LUAI_UACINT)i + 1, (LUAI_UACNUMBER)c->data[i],
                              all, (LUAI_UACINT)most);
    tide_check(L, tide_affine(tape, columns, 1.0f, -1.0f, &from_zero));
    tide_check(L, function(tape, t, &from_zero->tensor, &out));
    tide_push_value(L, out);
    return 1;
}

/* cross_entropy(logits, labels) -> (batch); labels (batch) count classes from 1. */
static int value_cross_entropy(lua_State *L)
{
    return push_of_columns(L, tide_cross_entropy, "cross_entropy: label", "classes");
}

/* pick(t, positions) -> (batch): t[i][positions[i]], positions (batch) from 1. */
static int value_pick(lua_State *L)
{
    return push_of_columns(L, tide_pick, "pick: position", "positions");
}

/* argmax(t) -> (batch): where each row of (batch, n) is largest, from 1; no gradient. */
static int value_argmax(lua_State *L)
{
    tide_value *from_zero, *out;
    tide_check(L, tide_argmax(tide_lua_tape(L), tide_check_value(L, 1), &from_zero));
    tide_check(L, tide_affine(tide_lua_tape(L), from_zero, 1.0f, 1.0f, &out));
    tide_push_value(L, out);
    return 1;
}

/* ---- shapes ---- */

typedef tide_status part_function(tide_tape *, tide_value *, size_t, size_t, tide_value **);

/* f(t, first, last), both counted from 1 and included. */
static int push_part(lua_State *L, part_function *part)
{
    size_t first = tide_check_size(L, 2, 1), last = tide_check_size(L, 3, 0);
    luaL_argcheck(L, last + 1 >= first, 3, "the last is before the first");
    tide_value *out;
    tide_check(L, part(tide_lua_tape(L), tide_check_value(L, 1), first - 1, last + 1 - first, &out));
    tide_push_value(L, out);
    return 1;
}

static int value_rows(lua_State *L)
{
    return push_part(L, tide_rows);
}

static int value_columns(lua_State *L)
{
    return push_part(L, tide_columns);
}

/* t:reshape(d1, ...) */
static int value_reshape(lua_State *L)
{
    size_t dims[TIDE_MAX_RANK], rank = tide_check_dims(L, 2, dims);
    tide_value *out;
    tide_check(L, tide_reshape(tide_lua_tape(L), tide_check_value(L, 1), rank, dims, &out));
    tide_push_value(L, out);
    return 1;
}

/* t:repeat_rows(n): each row n times, one after another. */
static int value_repeat_rows(lua_State *L)
{
    size_t n = tide_check_size(L, 2, 0);
    tide_value *out;
    tide_check(L, tide_repeat_rows(tide_lua_tape(L), tide_check_value(L, 1), n, &out));
    tide_push_value(L, out);
    return 1;
}

typedef tide_status concat_function(tide_tape *, tide_value *const *, size_t, tide_value **);

static int push_concat(lua_State *L, concat_function *concat)
{
    enum { MOST = 32 };
    tide_value *parts[MOST], *out;
    int n = lua_gettop(L);
    if (n > MOST)
        return luaL_error(L, "concat: %d tensors, at most %d at a time", n, MOST);
    for (int i = 0; i < n; i++)
        parts[i] = tide_check_value(L, i + 1);
    tide_check(L, concat(tide_lua_tape(L), parts, (size_t)n, &out));
    tide_push_value(L, out);
    return 1;
}

static int value_concat_rows(lua_State *L)
{
    return push_concat(L, tide_concat_rows);
}

static int value_concat_columns(lua_State *L)
{
    return push_concat(L, tide_concat_columns);
}

/* ---- policies ---- */

/* tanh_gaussian(head, noise [, scalars]) -> action, log_prob */
static int value_tanh_gaussian(lua_State *L)
{
    tide_value *head = tide_check_value(L, 1), *action, *log_prob;
    tide_value *noise = tide_check_value(L, 2);
    tide_value *scalars = lua_isnoneornil(L, 3) ? NULL : tide_check_value(L, 3);
    tide_check(L, tide_tanh_gaussian(tide_lua_tape(L), head, scalars, &noise->tensor, &action, &log_prob));
    tide_push_value(L, action);
    tide_push_value(L, log_prob);
    return 2;
}

/* tanh_gaussian_log_prob(head, actions [, scalars]) -> (batch) */
static int value_tanh_gaussian_log_prob(lua_State *L)
{
    tide_value *head = tide_check_value(L, 1), *actions = tide_check_value(L, 2), *out;
    tide_value *scalars = lua_isnoneornil(L, 3) ? NULL : tide_check_value(L, 3);
    tide_check(L, tide_tanh_gaussian_log_prob(tide_lua_tape(L), head, scalars, &actions->tensor, &out));
    tide_push_value(L, out);
    return 1;
}

/* gaussian_log_prob(mean, log_std, x) -> (batch) */
static int value_gaussian_log_prob(lua_State *L)
{
    tide_value *mean = tide_check_value(L, 1), *log_std = tide_check_value(L, 2), *x = tide_check_value(L, 3), *out;
    tide_check(L, tide_gaussian_log_prob(tide_lua_tape(L), mean, log_std, x, &out));
    tide_push_value(L, out);
    return 1;
}

/* tanh_mean(head) -> action */
static int value_tanh_mean(lua_State *L)
{
    tide_value *action;
    tide_check(L, tide_tanh_mean(tide_lua_tape(L), tide_check_value(L, 1), &action));
    tide_push_value(L, action);
    return 1;
}

/* ---- opening ---- */

void tide_add_tensor_methods(lua_State *L, const luaL_Reg *methods)
{
    luaL_getmetatable(L, TIDE_TENSOR_CLASS);
    lua_getfield(L, -1, "methods");
    luaL_setfuncs(L, methods, 0);
    lua_pop(L, 2);
}

/* Adds a closure over `kind` to the module (on top of the stack) and to the methods (below it). */
static void add_kind(lua_State *L, const char *name, lua_CFunction function, int kind)
{
    lua_pushinteger(L, kind);
    lua_pushcclosure(L, function, 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, -4, name);
    lua_setfield(L, -2, name);
}

void tide_open_autodiff(lua_State *L)
{
    static const struct {
        const char *name;
        tide_unary kind;
    } unary[] = {
        {"exp", TIDE_EXP},         {"log", TIDE_LOG},           {"sqrt", TIDE_SQRT},
        {"square", TIDE_SQUARE},   {"tanh", TIDE_TANH},         {"relu", TIDE_RELU},
        {"sigmoid", TIDE_SIGMOID}, {"softplus", TIDE_SOFTPLUS}, {"abs", TIDE_ABSOLUTE},
    };
    static const luaL_Reg shared[] = {
        {"min", value_min},
        {"max", value_max},
        {"clamp", value_clamp},
        {"mse", value_mse},
        {"huber", value_huber},
        {"expectile", value_expectile},
        {"cross_entropy", value_cross_entropy},
        {"argmax", value_argmax},
        {"pick", value_pick},
        {"rows", value_rows},
        {"columns", value_columns},
        {"reshape", value_reshape},
        {"detach", value_detach},
        {"std", value_std},
        {"repeat_rows", value_repeat_rows},
        {NULL, NULL},
    };
    static const luaL_Reg functions[] = {
        {"concat_rows", value_concat_rows},
        {"concat_columns", value_concat_columns},
        {"tanh_gaussian", value_tanh_gaussian},
        {"tanh_gaussian_log_prob", value_tanh_gaussian_log_prob},
        {"gaussian_log_prob", value_gaussian_log_prob},
        {"tanh_mean", value_tanh_mean},
        {NULL, NULL},
    };
    static const luaL_Reg arithmetic[] = {
        {"__add", value_add},    {"__sub", value_subtract}, {"__mul", value_multiply},
        {"__div", value_divide}, {"__unm", value_negate},   {NULL, NULL},
    };
    luaL_setfuncs(L, functions, 0);
    luaL_setfuncs(L, shared, 0);
    tide_add_tensor_methods(L, shared);
    luaL_getmetatable(L, TIDE_TENSOR_CLASS);
    luaL_setfuncs(L, arithmetic, 0);
    lua_getfield(L, -1, "methods");
    lua_replace(L, -2);
    lua_insert(L, -2); /* methods, module */
    for (size_t i = 0; i < sizeof unary / sizeof unary[0]; i++)
        add_kind(L, unary[i].name, value_unary, (int)unary[i].kind);
    add_kind(L, "sum", value_reduce, TIDE_SUM);
    add_kind(L, "mean", value_reduce, TIDE_MEAN);
    add_kind(L, "logsumexp", value_reduce, TIDE_LOGSUMEXP);
    lua_remove(L, -2);
}
