/* tide.image: pixels; tide.picture: a camera on a tide.physics, which it keeps, that draws into images. */
#include "sim/picture.h"

#include <stdint.h>
#include <string.h>

#include "binding.h"
#include "data.h"
#include "sim.h"
#include "sim/png.h"

#define IMAGE_CLASS "tide.image"
#define PICTURE_CLASS "tide.picture"

/* ---- images ---- */

typedef struct image {
    size_t width, height;
    uint8_t rgb[]; /* the top row first */
} image;

static image *check_image(lua_State *L, int arg)
{
    return luaL_checkudata(L, arg, IMAGE_CLASS);
}

static size_t check_side(lua_State *L, int arg, const char *what)
{
    lua_Integer n = luaL_checkinteger(L, arg);
    if (n < 1 || n > TIDE_PNG_SIDE)
        luaL_argerror(
            L, arg, lua_pushfstring(L, "a %s of %I pixels; 1 to %d are possible", what, (LUAI_UACINT)n, TIDE_PNG_SIDE));
    return (size_t)n;
}

static image *push_image(lua_State *L, size_t width, size_t height)
{
    image *made = lua_newuserdatauv(L, sizeof *made + 3 * width * height, 0);
    made->width = width;
    made->height = height;
    memset(made->rgb, 0, 3 * width * height);
    luaL_setmetatable(L, IMAGE_CLASS);
    return made;
}

/* image(width, height) -> a black image */
static int image_new(lua_State *L)
{
    size_t width = check_side(L, 1, "width"), height = check_side(L, 2, "height");
    push_image(L, width, height);
    return 1;
}

/* image:size() -> width, height */
static int image_size(lua_State *L)
{
    const image *i = check_image(L, 1);
    lua_pushinteger(L, (lua_Integer)i->width);
    lua_pushinteger(L, (lua_Integer)i->height);
    return 2;
}

/* image:bytes() -> a string: red, green, blue of each pixel, row by row from the top */
static int image_bytes(lua_State *L)
{
    const image *i = check_image(L, 1);
    lua_pushlstring(L, (const char *)i->rgb, 3 * i->width * i->height);
    return 1;
}

/* image:save(path): a PNG file, whole or not at all. */
static int image_save(lua_State *L)
{
    const image *i = check_image(L, 1);
    return tide_check_status(L, tide_png_write(tide_check_text(L, 2), i->rgb, i->width, i->height), 0);
}

/* ---- pictures ---- */

static void release_picture(void *picture)
{
    tide_picture_destroy(picture);
}

/* An option of the table at `arg`: a number, or `otherwise` where it is absent. Raw access: no script runs in between. */
static double number_option(lua_State *L, int arg, const char *name, double otherwise)
{
    lua_pushstring(L, name);
    if (lua_rawget(L, arg) != LUA_TNIL) {
        int is_number;
        otherwise = lua_tonumberx(L, -1, &is_number);
        if (!is_number)
            luaL_error(L, "picture: %s must be a number, not a %s", name, luaL_typename(L, -1));
    }
    lua_pop(L, 1);
    return otherwise;
}

/* picture(physics, width, height [, { body =, distance =, azimuth =, elevation = }]) -> a camera */
static int picture_new(lua_State *L)
{
    lua_settop(L, 4);
    tide_check_physics(L, 1);
    tide_picture_options options = {.width = tide_check_size(L, 2, 1), .height = tide_check_size(L, 3, 1)};
    if (lua_isnil(L, 4)) {
        lua_newtable(L);
        lua_replace(L, 4);
    }
    luaL_checktype(L, 4, LUA_TTABLE);
    options.distance = number_option(L, 4, "distance", 0.0);
    options.azimuth = number_option(L, 4, "azimuth", 110.0);
    options.elevation = number_option(L, 4, "elevation", -15.0);
    lua_pushliteral(L, "body");
    lua_rawget(L, 4); /* stays on the stack */
    if (!lua_isnil(L, -1)) {
        if (lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "picture: body must be a name, not a %s", luaL_typename(L, -1));
        options.body = lua_tostring(L, -1);
    }
    void **place = tide_push_object(L, PICTURE_CLASS);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    tide_picture *picture;
    tide_check_status(L, tide_picture_create(tide_check_physics(L, 1), &options, &picture), 0);
    *place = picture;
    return 1;
}

/* picture:size() -> width, height */
static int picture_size(lua_State *L)
{
    const tide_picture *picture = tide_check_object(L, 1, PICTURE_CLASS);
    lua_pushinteger(L, (lua_Integer)tide_picture_width(picture));
    lua_pushinteger(L, (lua_Integer)tide_picture_height(picture));
    return 2;
}

/* picture:draw([label [, image [, x, y]]]) -> image: the physics' present state, with its upper left corner at x, y of
 * the image (0, 0 unless given), or as an image of its own. */
static int picture_draw(lua_State *L)
{
    lua_settop(L, 5);
    tide_picture *picture = tide_check_object(L, 1, PICTURE_CLASS);
    const char *label = luaL_optstring(L, 2, NULL);
    size_t width = tide_picture_width(picture), height = tide_picture_height(picture);
    size_t x = lua_isnoneornil(L, 4) ? 0 : tide_check_size(L, 4, 0);
    size_t y = lua_isnoneornil(L, 5) ? 0 : tide_check_size(L, 5, 0);
    if (lua_isnil(L, 3)) {
        push_image(L, width, height);
        lua_replace(L, 3);
    }
    image *into = check_image(L, 3);
    if (width > into->width || x > into->width - width || height > into->height || y > into->height - height)
        return luaL_argerror(L, 3,
                             lua_pushfstring(L, "%I x %I pixels at %I, %I do not fit into an image of %I x %I",
                                             (LUAI_UACINT)width, (LUAI_UACINT)height, (LUAI_UACINT)x, (LUAI_UACINT)y,
                                             (LUAI_UACINT)into->width, (LUAI_UACINT)into->height));
    tide_check_physics_of(L, 1, "picture");
    lua_settop(L, 3);
    return tide_check_status(
        L, tide_picture_draw(picture, label, into->rgb + 3 * (y * into->width + x), 3 * into->width), 1);
}

void tide_open_picture(lua_State *L)
{
    static const luaL_Reg functions[] = {{"image", image_new}, {"picture", picture_new}, {NULL, NULL}};
    static const luaL_Reg image_methods[] = {
        {"size", image_size}, {"bytes", image_bytes}, {"save", image_save}, {NULL, NULL}};
    static const luaL_Reg picture_methods[] = {{"size", picture_size}, {"draw", picture_draw}, {NULL, NULL}};
    luaL_newmetatable(L, IMAGE_CLASS);
    luaL_newlib(L, image_methods);
    lua_setfield(L, -2, "__index");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 1);
    tide_new_class(L, PICTURE_CLASS, picture_methods, release_picture);
    luaL_setfuncs(L, functions, 0);
}
