/* Networks, optimisers and the backward pass, which needs to know both. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/adam.h"
#include "nn/mlp.h"
#include "tensor.h"
#include "tensor/gemm.h"

#define MLP_CLASS "tide.mlp"
#define ADAM_CLASS "tide.adam"

enum { MOST_BLOCKS = 64 };

/* ---- networks ---- */

static void release_mlp(void *mlp)
{
    tide_mlp_destroy(mlp);
}

static tide_mlp *check_mlp(lua_State *L, int arg)
{
    return tide_check_object(L, arg, MLP_CLASS);
}

/* mlp(sizes [, tanh_scale [, scalar [, layer_norm [, bfloat16]]]]): a network of zeros.  Scripts use tide.mlp. */
static int mlp_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    size_t sizes[TIDE_MAX_LAYERS + 1], n = lua_rawlen(L, 1);
    luaL_argcheck(L, n >= 2 && n <= TIDE_MAX_LAYERS + 1, 1, "a network has 1 to 16 linear layers");
    for (size_t i = 0; i < n; i++) {
        int is_integer;
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        lua_Integer size = lua_tointegerx(L, -1, &is_integer);
        luaL_argcheck(L, is_integer && size > 0, 1, "sizes are positive integers");
        sizes[i] = (size_t)size;
        lua_pop(L, 1);
    }
    tide_mlp_options options = {.tanh_scale = (float)luaL_optnumber(L, 2, 0.0),
                                .scalar = lua_toboolean(L, 3),
                                .layer_norm = lua_toboolean(L, 4),
                                .bfloat16 = lua_toboolean(L, 5)};
    tide_mlp *mlp;
    void **place = tide_push_object(L, MLP_CLASS);
    tide_status status = tide_mlp_create(&mlp, sizes, n - 1, options);
    *place = mlp;
    return tide_check_status(L, status, 1);
}

/* network(part1, ...) -> out */
static int mlp_call(lua_State *L)
{
    tide_mlp *mlp = check_mlp(L, 1);
    tide_value *parts[TIDE_MAX_PARTS], *out;
    int n = lua_gettop(L) - 1;
    if (n < 1 || n > TIDE_MAX_PARTS)
        return luaL_error(L, "a network takes 1 to %d tensors, not %d", TIDE_MAX_PARTS, n);
    for (int i = 0; i < n; i++)
        parts[i] = tide_check_value(L, i + 2);
    tide_hold(L, 1);
    tide_check(L, tide_mlp_forward(tide_lua_tape(L), mlp, parts, (size_t)n, &out));
    tide_push_value(L, out);
    return 1;
}

/* network:init_layer(layer, scheme, gain, rng): layers count from 1. */
static int mlp_init_layer(lua_State *L)
{
    static const char *const schemes[] = {"torch", "xavier", "orthogonal", NULL};
    tide_mlp *mlp = check_mlp(L, 1);
    size_t layer = tide_check_size(L, 2, 1);
    tide_init init = (tide_init)luaL_checkoption(L, 3, NULL, schemes);
    float gain = (float)luaL_checknumber(L, 4);
    tide_rng *rng = tide_check_rng(L, 5);
    return tide_check_status(L, tide_mlp_init_layer(mlp, layer - 1, init, gain, rng), 0);
}

/* Pushes the sizes as text, for messages. */
static const char *push_sizes(lua_State *L, const tide_mlp *mlp)
{
    luaL_Buffer buffer;
    luaL_buffinit(L, &buffer);
    for (size_t i = 0; i <= mlp->n_layers; i++) {
        lua_pushfstring(L, i == 0 ? "%I" : "-%I", (LUAI_UACINT)mlp->sizes[i]);
        luaL_addvalue(&buffer);
    }
    luaL_pushresult(&buffer);
    return lua_tostring(L, -1);
}

/* target:polyak(source, tau) */
static int mlp_polyak(lua_State *L)
{
    tide_mlp *target = check_mlp(L, 1), *source = check_mlp(L, 2);
    lua_Number tau = luaL_checknumber(L, 3);
    luaL_argcheck(L, tau >= 0.0 && tau <= 1.0, 3, "tau is between 0 and 1");
    if (target->n_layers != source->n_layers ||
        memcmp(target->sizes, source->sizes, (target->n_layers + 1) * sizeof target->sizes[0]) != 0)
        return luaL_error(L, "polyak: the target's sizes are %s, the source's %s", push_sizes(L, target),
                          push_sizes(L, source));
    if (target->options.layer_norm != source->options.layer_norm)
        return luaL_error(L, "polyak: the %s has LayerNorm, the %s has none",
                          source->options.layer_norm ? "source" : "target",
                          source->options.layer_norm ? "target" : "source");
    return tide_check_status(L, tide_parameters_polyak(target->parameters, source->parameters, (float)tau), 0);
}

/* network:freeze(): from now on its parameters are constants. */
static int mlp_freeze(lua_State *L)
{
    check_mlp(L, 1)->parameters->trainable = false;
    lua_settop(L, 1);
    return 1;
}

/* network:sizes() -> { inputs, hidden ..., outputs } */
static int mlp_sizes(lua_State *L)
{
    const tide_mlp *mlp = check_mlp(L, 1);
    lua_createtable(L, (int)mlp->n_layers + 1, 0);
    for (size_t i = 0; i <= mlp->n_layers; i++) {
        lua_pushinteger(L, (lua_Integer)mlp->sizes[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* network:properties() -> tanh_scale, scalar, layer_norm: what mlp takes after the sizes. */
static int mlp_properties(lua_State *L)
{
    const tide_mlp *mlp = check_mlp(L, 1);
    lua_pushnumber(L, (lua_Number)mlp->options.tanh_scale);
    lua_pushboolean(L, mlp->options.scalar);
    lua_pushboolean(L, mlp->options.layer_norm);
    lua_pushboolean(L, mlp->options.bfloat16);
    return 4;
}

/* ---- a layer's parameters ---- */

typedef enum layer_part { WEIGHT, BIAS, GAIN, SHIFT } layer_part;

static const char *const part_names[] = {"weight", "bias", "gain", "shift", NULL};

/* Where a part of the layer at `arg` (from 1) stands in the network's block, and its shape. */
static size_t check_layer_part(lua_State *L, const tide_mlp *mlp, int arg, layer_part part, size_t *rank,
                               size_t dims[TIDE_MAX_RANK])
{
    size_t layer = tide_check_size(L, arg, 1) - 1;
    luaL_argcheck(L, layer < mlp->n_layers, arg, "the network has no such layer");
    luaL_argcheck(L, part <= BIAS || tide_mlp_normalises(mlp, layer), arg, "the layer has no LayerNorm");
    const size_t *const places[] = {mlp->weight_at, mlp->bias_at, mlp->gain_at, mlp->shift_at};
    *rank = part == WEIGHT ? 2 : 1;
    dims[0] = mlp->sizes[layer + 1];
    dims[1] = mlp->sizes[layer];
    return places[part][layer];
}

/* network:weight(layer), bias, gain and shift -> tensors that read and write the network. The part stands in
 * the closure. */
static int mlp_part(lua_State *L)
{
    tide_mlp *mlp = check_mlp(L, 1);
    size_t rank, dims[TIDE_MAX_RANK];
    size_t offset = check_layer_part(L, mlp, 2, (layer_part)lua_tointeger(L, lua_upvalueindex(1)), &rank, dims);
    tide_push_parameter(L, mlp->parameters, offset, rank, dims, 1);
    return 1;
}

/* ---- parameters in general ---- */

/* The block of the tensor at `arg`, or NULL where it is no parameter. */
static tide_parameters *check_parameter(lua_State *L, int arg)
{
    tide_check_tensor(L, arg);
    return tide_tensor_block(L, arg);
}

/* The block of the network or parameter on top of the stack, element `i` of the table at `arg`. */
static size_t collect_listed(lua_State *L, int arg, size_t i, tide_parameters **blocks, size_t n)
{
    tide_parameters *block = NULL;
    if (luaL_testudata(L, -1, MLP_CLASS) != NULL)
        block = check_mlp(L, -1)->parameters;
    else if (luaL_testudata(L, -1, TIDE_TENSOR_CLASS) != NULL)
        block = check_parameter(L, lua_gettop(L));
    if (block == NULL)
        luaL_argerror(L, arg, lua_pushfstring(L, "element %I is no network and no parameter", (LUAI_UACINT)i));
    blocks[n] = block;
    return n + 1;
}

/* Adds the blocks behind the value at `arg`: a network, an optimiser or a parameter. */
static size_t collect_blocks(lua_State *L, int arg, tide_parameters **blocks, size_t n)
{
    tide_adam **adam = luaL_testudata(L, arg, ADAM_CLASS);
    if (adam != NULL) {
        const tide_adam *held = tide_check_object(L, arg, ADAM_CLASS);
        luaL_argcheck(L, n + held->n_blocks <= MOST_BLOCKS, arg, "too many parameters");
        memcpy(blocks + n, held->blocks, held->n_blocks * sizeof *blocks);
        return n + held->n_blocks;
    }
    luaL_argcheck(L, n < MOST_BLOCKS, arg, "too many parameters");
    if (luaL_testudata(L, arg, MLP_CLASS) != NULL) {
        blocks[n] = check_mlp(L, arg)->parameters;
        return n + 1;
    }
    blocks[n] = luaL_testudata(L, arg, TIDE_TENSOR_CLASS) != NULL ? check_parameter(L, arg) : NULL;
    luaL_argcheck(L, blocks[n] != NULL, arg, "a network, an optimiser or a parameter is needed");
    return n + 1;
}

/* loss:backward([retain,] network or optimiser or parameter, ...): adds to their gradients; without any, to
 * those of everything trainable upstream. */
static int value_backward(lua_State *L)
{
    tide_value *loss = tide_check_value(L, 1);
    bool retain = false;
    int first = 2;
    if (lua_isboolean(L, 2)) {
        retain = lua_toboolean(L, 2);
        first = 3;
    }
    tide_parameters *blocks[MOST_BLOCKS];
    size_t n = 0;
    for (int arg = first; arg <= lua_gettop(L); arg++)
        n = collect_blocks(L, arg, blocks, n);
    return tide_check_status(L, tide_tape_backward(tide_lua_tape(L), loss, blocks, n, retain), 0);
}

/* gradient_of(network, layer, "weight"|"bias"|"gain"|"shift" [, used]) or gradient_of(parameter [, used])
 * -> a copy, or nil where none came. With `used`, also the last one that an optimiser has taken its step with. */
static int gradient_of(lua_State *L)
{
    const tide_parameters *block;
    bool used = false;
    size_t offset = 0, rank, dims[TIDE_MAX_RANK];
    if (luaL_testudata(L, 1, MLP_CLASS) != NULL) {
        const tide_mlp *mlp = check_mlp(L, 1);
        layer_part part = (layer_part)luaL_checkoption(L, 3, NULL, part_names);
        block = mlp->parameters;
        used = lua_toboolean(L, 4);
        offset = check_layer_part(L, mlp, 2, part, &rank, dims);
    } else {
        const tide_tensor *t = tide_check_tensor(L, 1);
        block = tide_tensor_block(L, 1);
        luaL_argcheck(L, block != NULL, 1, "this tensor is not a parameter");
        used = lua_toboolean(L, 2);
        offset = (size_t)(t->data - block->values);
        rank = t->rank;
        memcpy(dims, t->dims, sizeof dims);
    }
    if (!block->has_gradient && !used)
        return 0;
    tide_tensor *copy = tide_push_tensor(L, rank, dims);
    memcpy(copy->data, block->gradients + offset, tide_tensor_count(copy) * sizeof(float));
    return 1;
}

/* ---- Adam ---- */

static void release_adam(void *adam)
{
    tide_adam_destroy(adam);
}

static tide_adam *check_adam(lua_State *L, int arg)
{
    return tide_check_object(L, arg, ADAM_CLASS);
}

/* adam({ network or parameter, ... }, lr [, beta1 [, beta2 [, epsilon]]]) */
static int adam_new(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Number lr = luaL_checknumber(L, 2), beta1 = luaL_optnumber(L, 3, 0.9), beta2 = luaL_optnumber(L, 4, 0.999);
    lua_Number epsilon = luaL_optnumber(L, 5, 1e-8);
    tide_parameters *blocks[MOST_BLOCKS];
    size_t n = 0, count = lua_rawlen(L, 1);
    luaL_argcheck(L, count <= MOST_BLOCKS, 1, "too many parameters");
    lua_settop(L, 5);
    void **place = tide_push_object(L, ADAM_CLASS);
    lua_createtable(L, (int)count, 0); /* keeps the owners alive; a copy, which scripts cannot empty */
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        n = collect_listed(L, 1, i + 1, blocks, n);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setiuservalue(L, -2, 1);
    for (size_t i = 0; i < n; i++)
        tide_hold_storage(L, blocks[i]); /* the running step may point into it, and Adam moves it */
    tide_adam *adam;
    tide_status status = tide_adam_create(&adam, blocks, n, lr, beta1, beta2, epsilon);
    *place = adam;
    return tide_check_status(L, status, 1);
}

/* optimiser:step() */
static int adam_step(lua_State *L)
{
    return tide_check_status(L, tide_adam_step(check_adam(L, 1)), 0);
}

/* optimiser:minimise(loss [, retain]): backward to this optimiser's parameters alone, then a step. */
static int adam_minimise(lua_State *L)
{
    tide_adam *adam = check_adam(L, 1);
    tide_value *loss = tide_check_value(L, 2);
    tide_adam_forget(adam);
    tide_status status = tide_tape_backward(tide_lua_tape(L), loss, adam->blocks, adam->n_blocks, lua_toboolean(L, 3));
    if (status == TIDE_OK)
        status = tide_adam_step(adam);
    if (status != TIDE_OK)
        tide_adam_forget(adam); /* nothing half done is left to a later step */
    return tide_check_status(L, status, 0);
}

static int adam_forget(lua_State *L)
{
    tide_adam_forget(check_adam(L, 1));
    return 0;
}

/* optimiser:lr([new]) -> the learning rate */
static int adam_lr(lua_State *L)
{
    tide_adam *adam = check_adam(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        lua_Number lr = luaL_checknumber(L, 2);
        luaL_argcheck(L, lr > 0.0 && isfinite(lr), 2, "a learning rate is positive");
        adam->lr = lr;
    }
    lua_pushnumber(L, adam->lr);
    return 1;
}

/* optimiser:steps() -> the steps taken so far */
static int adam_steps(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_adam(L, 1)->steps);
    return 1;
}

/* optimiser:state() -> first, second, steps: copies of the running means, and the step count. */
static int adam_state(lua_State *L)
{
    const tide_adam *adam = check_adam(L, 1);
    memcpy(tide_push_tensor(L, 1, &adam->count)->data, adam->first, adam->count * sizeof(float));
    memcpy(tide_push_tensor(L, 1, &adam->count)->data, adam->second, adam->count * sizeof(float));
    lua_pushinteger(L, (lua_Integer)adam->steps);
    return 3;
}

/* optimiser:restore(first, second, steps) */
static int adam_restore(lua_State *L)
{
    tide_adam *adam = check_adam(L, 1);
    const tide_tensor *first = tide_check_tensor_shape(L, 2, "first", 1, &adam->count);
    const tide_tensor *second = tide_check_tensor_shape(L, 3, "second", 1, &adam->count);
    size_t steps = tide_check_size(L, 4, 0);
    return tide_check_status(L, tide_adam_restore(adam, first->data, second->data, steps), 0);
}

/* ---- threads ---- */

/* threads([n]) -> threads of the matrix products, after setting them */
static int threads(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        tide_check(L, tide_pool_set_threads(tide_check_size(L, 1, 1)));
    lua_pushinteger(L, (lua_Integer)tide_pool_threads());
    return 1;
}

/* blas() -> library, kernel */
static int blas(lua_State *L)
{
    lua_pushstring(L, tide_gemm_library());
    lua_pushstring(L, tide_gemm_kernel());
    return 2;
}

/* products([name]) -> who makes products ("avx512", "avx2", "openblas"), after setting it */
static int products(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        tide_check(L, tide_gemm_use(luaL_checkstring(L, 1)));
    lua_pushstring(L, tide_gemm_products());
    return 1;
}

/* product(m, n, k, repeats): multiplies an (m, k) and a (k, n) matrix of zeros `repeats` times; returns the
 * (m, n) result.  For tide bench, which times the call. */
static int product(lua_State *L)
{
    size_t m = tide_check_size(L, 1, 1), n = tide_check_size(L, 2, 1), k = tide_check_size(L, 3, 1);
    size_t repeats = tide_check_size(L, 4, 1);
    float *a = tide_push_activation(L, 2, (const size_t[]){m, k})->data;
    float *b = tide_push_activation(L, 2, (const size_t[]){k, n})->data;
    float *c = tide_push_activation(L, 2, (const size_t[]){m, n})->data;
    memset(a, 0, m * k * sizeof *a);
    memset(b, 0, k * n * sizeof *b);
    for (size_t i = 0; i < repeats; i++)
        tide_gemm(false, false, m, n, k, a, k, b, n, 0.0f, c, n);
    return 1;
}

/* TIDE_PRODUCTS names who makes products. */
static void obey_environment(lua_State *L)
{
    const char *name = getenv("TIDE_PRODUCTS");
    if (name != NULL && name[0] != '\0' && tide_gemm_use(name) != TIDE_OK)
        luaL_error(L, "TIDE_PRODUCTS: %s", tide_message());
}

void tide_open_nn(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"mlp", mlp_new}, {"adam", adam_new},   {"gradient_of", gradient_of}, {"threads", threads},
        {"blas", blas},   {"product", product}, {"products", products},       {NULL, NULL},
    };
    static const luaL_Reg mlp_methods[] = {
        {"init_layer", mlp_init_layer}, {"polyak", mlp_polyak},         {"freeze", mlp_freeze},
        {"sizes", mlp_sizes},           {"properties", mlp_properties}, {NULL, NULL},
    };
    static const luaL_Reg adam_methods[] = {
        {"step", adam_step},   {"minimise", adam_minimise}, {"forget", adam_forget},   {"lr", adam_lr},
        {"steps", adam_steps}, {"state", adam_state},       {"restore", adam_restore}, {NULL, NULL},
    };
    static const luaL_Reg tensor_methods[] = {{"backward", value_backward}, {NULL, NULL}};
    tide_new_class(L, MLP_CLASS, mlp_methods, release_mlp);
    tide_guard_class(L, MLP_CLASS);
    luaL_getmetatable(L, MLP_CLASS);
    lua_pushcfunction(L, mlp_call);
    lua_setfield(L, -2, "__call");
    lua_getfield(L, -1, "__index");
    for (int part = WEIGHT; part <= SHIFT; part++) {
        lua_pushinteger(L, part);
        lua_pushcclosure(L, mlp_part, 1);
        lua_setfield(L, -2, part_names[part]);
    }
    lua_pop(L, 2);
    tide_new_class(L, ADAM_CLASS, adam_methods, release_adam);
    tide_add_tensor_methods(L, tensor_methods);
    luaL_setfuncs(L, functions, 0);
    obey_environment(L);
}
