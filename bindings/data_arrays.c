/* tide.arrays, tide.arrays_writer, tide.dataset_survey: files of transitions a block of rows at a time. */
#include <math.h>
#include <string.h>

#include "data.h"
#include "data/arrays.h"
#include "data/survey.h"
#include "tensor.h"

#define ARRAYS_CLASS "tide.arrays"
#define WRITER_CLASS "tide.arrays_writer"
#define SURVEY_CLASS "tide.dataset_survey"

/* ---- reading ---- */

static void release_arrays(void *arrays)
{
    tide_arrays_close(arrays);
}

static tide_arrays *check_arrays(lua_State *L, int arg)
{
    return tide_check_object(L, arg, ARRAYS_CLASS);
}

/* The array named at `arg`, one that can be read. */
static const tide_array *check_array(lua_State *L, int arg, const tide_arrays *arrays)
{
    const tide_array *array;
    tide_check(L, tide_arrays_need(arrays, tide_check_text(L, arg), &array));
    return array;
}

/* Rows `first` (1-based) and `n` at `arg`, which the array has; first comes out 0-based. */
static void check_rows(lua_State *L, int arg, const tide_array *array, size_t *first, size_t *n)
{
    *first = tide_check_size(L, arg, 1) - 1;
    *n = tide_check_size(L, arg + 1, 0);
    if (*first > array->rows || *n > array->rows - *first)
        luaL_error(L, "%s: %I rows from row %I on, it has %I", array->name, (LUAI_UACINT)*n, (LUAI_UACINT)*first + 1,
                   (LUAI_UACINT)array->rows);
}

/* n rows of the array are few enough for memory: their elements. */
static size_t check_count(lua_State *L, const tide_array *array, size_t n)
{
    if (array->across > 0 && n > INT32_MAX / array->across)
        luaL_error(L, "%s: %I rows of %I numbers are more than can be read at a time", array->name, (LUAI_UACINT)n,
                   (LUAI_UACINT)array->across);
    return n * array->across;
}

/* arrays_open(path) -> arrays */
static int arrays_open(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    void **place = tide_push_object(L, ARRAYS_CLASS);
    tide_arrays *arrays;
    tide_check(L, tide_arrays_open(path, &arrays));
    *place = arrays;
    return 1;
}

static int arrays_path(lua_State *L)
{
    lua_pushstring(L, tide_arrays_path(check_arrays(L, 1)));
    return 1;
}

static int arrays_layout(lua_State *L)
{
    lua_pushstring(L, tide_arrays_layout_of(check_arrays(L, 1)) == TIDE_MINARI ? "minari" : "d4rl");
    return 1;
}

static int arrays_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)tide_arrays_rows(check_arrays(L, 1)));
    return 1;
}

static int arrays_episodes(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)tide_arrays_episodes(check_arrays(L, 1)));
    return 1;
}

/* arrays:episode(i) -> its first row, its number of rows */
static int arrays_episode(lua_State *L)
{
    const tide_arrays *arrays = check_arrays(L, 1);
    size_t i = tide_check_size(L, 2, 1), first = 0;
    luaL_argcheck(L, i <= tide_arrays_episodes(arrays), 2, "the file has fewer episodes");
    if (i > 1)
        first = tide_arrays_episode_end(arrays, i - 2);
    lua_pushinteger(L, (lua_Integer)first + 1);
    lua_pushinteger(L, (lua_Integer)(tide_arrays_episode_end(arrays, i - 1) - first));
    return 2;
}

static void push_array(lua_State *L, const tide_array *array)
{
    lua_createtable(L, 0, 5);
    lua_pushstring(L, array->name);
    lua_setfield(L, -2, "name");
    if (array->fault != NULL) {
        lua_pushstring(L, array->fault);
        lua_setfield(L, -2, "fault");
        return;
    }
    lua_pushstring(L, tide_element_names[array->element]);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, (lua_Integer)array->rows);
    lua_setfield(L, -2, "rows");
    lua_createtable(L, (int)array->rank, 0);
    for (size_t i = 0; i < array->rank; i++) {
        lua_pushinteger(L, (lua_Integer)array->dims[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, "shape");
}

/* arrays:list() -> { { name =, type =, rows =, shape = of a row }, or { name =, fault = } ... } */
static int arrays_list(lua_State *L)
{
    const tide_arrays *arrays = check_arrays(L, 1);
    lua_newtable(L);
    for (size_t i = 0; tide_arrays_at(arrays, i) != NULL; i++) {
        push_array(L, tide_arrays_at(arrays, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

/* arrays:rows(name, first, n) -> a tensor of n rows */
static int arrays_rows(lua_State *L)
{
    tide_arrays *arrays = check_arrays(L, 1);
    const tide_array *array = check_array(L, 2, arrays);
    size_t first, n, dims[TIDE_MAX_RANK];
    check_rows(L, 3, array, &first, &n);
    check_count(L, array, n);
    dims[0] = n;
    for (size_t i = 0; i < array->rank; i++)
        dims[i + 1] = array->dims[i];
    const tide_tensor *t = tide_push_tensor(L, array->rank + 1, dims);
    return tide_check_status(L, tide_arrays_read(arrays, array, TIDE_FLOAT32, first, n, t->data), 1);
}

/* arrays:numbers(name, first, n) -> the elements of n rows as a sequence, in full precision */
static int arrays_numbers(lua_State *L)
{
    tide_arrays *arrays = check_arrays(L, 1);
    const tide_array *array = check_array(L, 2, arrays);
    size_t first, n;
    check_rows(L, 3, array, &first, &n);
    size_t count = check_count(L, array, n);
    double *numbers = lua_newuserdatauv(L, (count + 1) * sizeof *numbers, 0);
    tide_check(L, tide_arrays_read(arrays, array, TIDE_FLOAT64, first, n, numbers));
    lua_createtable(L, (int)count, 0);
    for (size_t i = 0; i < count; i++) {
        lua_pushnumber(L, numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static void set_count(lua_State *L, const char *name, size_t count)
{
    lua_pushinteger(L, (lua_Integer)count);
    lua_setfield(L, -2, name);
}

/* Sets a field of the table on top to the first of `count` row numbers. */
static void set_examples(lua_State *L, const char *name, const size_t *rows, size_t count)
{
    size_t n = count < TIDE_SCAN_EXAMPLES ? count : TIDE_SCAN_EXAMPLES;
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushinteger(L, (lua_Integer)rows[i] + 1);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

static void set_numbers(lua_State *L, const char *name, const double *x, size_t n)
{
    lua_createtable(L, (int)n, 0);
    for (size_t i = 0; i < n; i++) {
        lua_pushnumber(L, x[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_setfield(L, -2, name);
}

/* arrays:scan(name, first, n [, low, high]) -> { odd =, odd_rows =, outside =, outside_rows =, least =, greatest = } */
static int arrays_scan(lua_State *L)
{
    tide_arrays *arrays = check_arrays(L, 1);
    const tide_array *array = check_array(L, 2, arrays);
    size_t first, n;
    check_rows(L, 3, array, &first, &n);
    double low = luaL_optnumber(L, 5, -HUGE_VAL), high = luaL_optnumber(L, 6, HUGE_VAL);
    check_count(L, array, 1);
    double *extremes = lua_newuserdatauv(L, (2 * array->across + 1) * sizeof *extremes, 0);
    tide_scan scan;
    tide_check(L, tide_arrays_scan(arrays, array, first, n, low, high, &scan, extremes, extremes + array->across));
    lua_createtable(L, 0, 6);
    set_count(L, "odd", scan.odd);
    set_count(L, "outside", scan.outside);
    set_examples(L, "odd_rows", scan.odd_rows, scan.odd);
    set_examples(L, "outside_rows", scan.outside_rows, scan.outside);
    set_numbers(L, "least", extremes, array->across);
    set_numbers(L, "greatest", extremes + array->across, array->across);
    return 1;
}

/* arrays:differing(a, b, shift, first, n) -> rows i of those where a's row i is not b's row i + shift */
static int arrays_differing(lua_State *L)
{
    tide_arrays *arrays = check_arrays(L, 1);
    const tide_array *a = check_array(L, 2, arrays), *b = check_array(L, 3, arrays);
    lua_Integer shift = luaL_checkinteger(L, 4);
    size_t first, n;
    luaL_argcheck(L, shift >= INT32_MIN && shift <= INT32_MAX, 4, "too far");
    check_rows(L, 5, a, &first, &n);
    uint8_t *differs = lua_newuserdatauv(L, n + 1, 0);
    tide_check(L, tide_arrays_compare(arrays, a, b, (ptrdiff_t)shift, first, n, differs));
    lua_newtable(L);
    lua_Integer found = 0;
    for (size_t i = 0; i < n; i++) {
        if (!differs[i])
            continue;
        lua_pushinteger(L, (lua_Integer)(first + i) + 1);
        lua_rawseti(L, -2, ++found);
    }
    return 1;
}

/* ---- writing ---- */

static void release_writer(void *writer)
{
    tide_arrays_discard(writer);
}

static tide_arrays_writer *check_writer(lua_State *L, int arg)
{
    return tide_check_object(L, arg, WRITER_CLASS);
}

/* arrays_writer(path) -> writer */
static int writer_new(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    void **place = tide_push_object(L, WRITER_CLASS);
    tide_arrays_writer *writer;
    tide_check(L, tide_arrays_create(path, &writer));
    *place = writer;
    return 1;
}

static tide_element check_element(lua_State *L, int arg)
{
    const char *name = luaL_checkstring(L, arg);
    for (int i = 0; i < TIDE_ELEMENTS; i++)
        if (strcmp(name, tide_element_names[i]) == 0)
            return (tide_element)i;
    luaL_argerror(L, arg, lua_pushfstring(L, "no type '%s': float32, float64, boolean, uint8, int32, int64", name));
    return TIDE_FLOAT32;
}

/* writer:array(name, type, shape of a row [, expected rows]) */
static int writer_array(lua_State *L)
{
    tide_arrays_writer *writer = check_writer(L, 1);
    const char *name = tide_check_text(L, 2);
    tide_element element = check_element(L, 3);
    luaL_checktype(L, 4, LUA_TTABLE);
    size_t rank = (size_t)lua_rawlen(L, 4), dims[TIDE_MAX_RANK];
    size_t rows = lua_isnoneornil(L, 5) ? 0 : tide_check_size(L, 5, 0);
    for (size_t i = 0; i < rank && i < TIDE_MAX_RANK; i++) {
        lua_rawgeti(L, 4, (lua_Integer)i + 1);
        lua_Integer dim = lua_tointeger(L, -1);
        luaL_argcheck(L, dim >= 1, 4, "dimensions of a row are whole numbers from 1 on");
        dims[i] = (size_t)dim;
        lua_pop(L, 1);
    }
    tide_check(L, tide_arrays_make(writer, name, element, rank, dims, rows));
    lua_settop(L, 1);
    return 1;
}

/* writer:copy(name, arrays, name there, first, n) */
static int writer_copy(lua_State *L)
{
    tide_arrays_writer *writer = check_writer(L, 1);
    const char *name = tide_check_text(L, 2);
    tide_arrays *from = check_arrays(L, 3);
    const tide_array *array = check_array(L, 4, from);
    size_t first, n;
    check_rows(L, 5, array, &first, &n);
    tide_check(L, tide_arrays_copy(writer, name, from, array, first, n));
    lua_settop(L, 1);
    return 1;
}

/* Element i of a block of numbers. */
static void set_element(void *block, tide_element element, size_t i, double x)
{
    switch (element) {
    case TIDE_FLOAT64: ((double *)block)[i] = x; break;
    case TIDE_BOOLEAN: ((int8_t *)block)[i] = x != 0.0; break;
    case TIDE_UINT8: ((uint8_t *)block)[i] = x >= 0.0 && x <= UINT8_MAX ? (uint8_t)x : 0; break;
    case TIDE_INT32: ((int32_t *)block)[i] = x >= INT32_MIN && x <= INT32_MAX ? (int32_t)x : 0; break;
    case TIDE_INT64: ((int64_t *)block)[i] = x >= -0x1p53 && x <= 0x1p53 ? (int64_t)x : 0; break;
    case TIDE_FLOAT32:
    case TIDE_ELEMENTS:
    default: ((float *)block)[i] = (float)x;
    }
}

/* Could the element be x, but for rounding? */
static int holds(tide_element element, double x)
{
    switch (element) {
    case TIDE_FLOAT32:
    case TIDE_FLOAT64: return 1;
    case TIDE_BOOLEAN: return x == 0.0 || x == 1.0;
    case TIDE_UINT8: return x >= 0.0 && x <= UINT8_MAX && x == floor(x);
    case TIDE_INT32: return x >= INT32_MIN && x <= INT32_MAX && x == floor(x);
    case TIDE_INT64:
    case TIDE_ELEMENTS:
    default: return x >= -0x1p53 && x <= 0x1p53 && x == floor(x);
    }
}

/* writer:append(name, numbers): the elements of whole rows, a sequence */
static int writer_append(lua_State *L)
{
    tide_arrays_writer *writer = check_writer(L, 1);
    const char *name = tide_check_text(L, 2);
    tide_element element;
    size_t across;
    luaL_checktype(L, 3, LUA_TTABLE);
    tide_check(L, tide_arrays_made(writer, name, &element, &across));
    size_t count = (size_t)lua_rawlen(L, 3);
    if (count % across != 0)
        luaL_argerror(L, 3,
                      lua_pushfstring(L, "%s: %I numbers are no whole rows of %I", name, (LUAI_UACINT)count,
                                      (LUAI_UACINT)across));
    void *block = lua_newuserdatauv(L, (count + 1) * tide_element_bytes(element), 0);
    for (size_t i = 0; i < count; i++) {
        int is_number;
        lua_rawgeti(L, 3, (lua_Integer)i + 1);
        double x = lua_tonumberx(L, -1, &is_number);
        if (!is_number || !holds(element, x))
            luaL_argerror(L, 3,
                          lua_pushfstring(L, "%s: element %I is %s, which a %s cannot be", name, (LUAI_UACINT)i + 1,
                                          luaL_tolstring(L, -1, NULL), tide_element_names[element]));
        lua_pop(L, 1);
        set_element(block, element, i, x);
    }
    tide_check(L, tide_arrays_append(writer, name, count / across, block));
    lua_settop(L, 1);
    return 1;
}

/* writer:finish(group): the arrays below it are complete */
static int writer_finish(lua_State *L)
{
    tide_check(L, tide_arrays_finish(check_writer(L, 1), tide_check_text(L, 2)));
    lua_settop(L, 1);
    return 1;
}

/* writer:integer(group, name, value): an attribute */
static int writer_integer(lua_State *L)
{
    tide_arrays_writer *writer = check_writer(L, 1);
    const char *group = tide_check_text(L, 2), *name = tide_check_text(L, 3);
    tide_check(L, tide_arrays_put_integer(writer, group, name, (int64_t)luaL_checkinteger(L, 4)));
    lua_settop(L, 1);
    return 1;
}

/* writer:metadata(table) */
static int writer_metadata(lua_State *L)
{
    tide_arrays_writer *writer = check_writer(L, 1);
    tide_tree_writer *tree;
    luaL_checktype(L, 2, LUA_TTABLE);
    tide_check(L, tide_arrays_metadata(writer, &tree));
    tide_put_table(L, tree, 2);
    lua_settop(L, 1);
    return 1;
}

/* writer:commit(): the file is in place, whole, and the writer closed. After a failure nothing is left of it. */
static int writer_commit(lua_State *L)
{
    tide_check(L, tide_arrays_commit(check_writer(L, 1)));
    return tide_object_close(L);
}

/* ---- surveys ---- */

static void release_survey(void *survey)
{
    tide_survey_close(survey);
}

static tide_survey *check_survey(lua_State *L, int arg)
{
    return tide_check_object(L, arg, SURVEY_CLASS);
}

/* dataset_survey(path [, { max_episode_steps = }]) -> survey */
static int survey_new(lua_State *L)
{
    const char *path = tide_check_text(L, 1);
    lua_settop(L, 2);
    tide_dataset_options options = tide_check_dataset_options(L, 2);
    void **place = tide_push_object(L, SURVEY_CLASS);
    tide_survey *survey;
    tide_check(L, tide_survey_open(path, &options, &survey));
    *place = survey;
    return 1;
}

/* survey:step() -> rows looked at so far, rows of the file */
static int survey_step(lua_State *L)
{
    tide_survey *survey = check_survey(L, 1);
    tide_check(L, tide_survey_step(survey));
    lua_pushinteger(L, (lua_Integer)tide_survey_done(survey));
    lua_pushinteger(L, (lua_Integer)tide_survey_rows(survey));
    return 2;
}

/* survey:info() -> as dataset:info(), of the rows looked at */
static int survey_info(lua_State *L)
{
    const tide_survey *survey = check_survey(L, 1);
    tide_layout layout = tide_survey_layout(survey);
    tide_dataset_info info;
    size_t kept;
    tide_survey_info(survey, &info, &kept);
    tide_push_dataset_info(L, &info, kept, &layout);
    return 1;
}

/* survey:statistics() -> mean, std of the observations looked at */
static int survey_statistics(lua_State *L)
{
    const tide_survey *survey = check_survey(L, 1);
    size_t dim = tide_survey_layout(survey).observation_dim;
    const tide_tensor *mean = tide_push_tensor(L, 1, &dim);
    const tide_tensor *std = tide_push_tensor(L, 1, &dim);
    tide_survey_statistics(survey, mean->data, std->data);
    return 2;
}

void tide_open_data_arrays(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"path", arrays_path},
        {"layout", arrays_layout},
        {"count", arrays_count},
        {"list", arrays_list},
        {"episodes", arrays_episodes},
        {"episode", arrays_episode},
        {"rows", arrays_rows},
        {"numbers", arrays_numbers},
        {"scan", arrays_scan},
        {"differing", arrays_differing},
        {NULL, NULL},
    };
    static const luaL_Reg writer_methods[] = {
        {"array", writer_array},     {"copy", writer_copy},
        {"append", writer_append},   {"finish", writer_finish},
        {"integer", writer_integer}, {"metadata", writer_metadata},
        {"commit", writer_commit},   {NULL, NULL},
    };
    static const luaL_Reg survey_methods[] = {
        {"step", survey_step}, {"info", survey_info}, {"statistics", survey_statistics}, {NULL, NULL}};
    static const luaL_Reg functions[] = {
        {"arrays_open", arrays_open}, {"arrays_writer", writer_new}, {"dataset_survey", survey_new}, {NULL, NULL}};
    tide_new_class(L, ARRAYS_CLASS, methods, release_arrays);
    tide_new_class(L, WRITER_CLASS, writer_methods, release_writer);
    tide_new_class(L, SURVEY_CLASS, survey_methods, release_survey);
    luaL_setfuncs(L, functions, 0);
}
