/* What a plain model lacks to look like something: a floor that shows motion, a sky, colours. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "sim/mujoco.h"

enum {
    CHECK = 64, /* pixels of a check's side */
    CHECKS = 8, /* checks along the floor's texture */
    FLOOR = CHECK * CHECKS,
    SKY = 64,            /* pixels of the side of one of the sky's six faces */
    TEXTURES_MOST = 100, /* of a rendering context in MuJoCo 2.2.2 */
};

/* ---- arrays of the view that are no longer the model's ---- */

/* A copy of n elements of `size` bytes with room for `more`; it belongs to the decor. */
static tide_status grow(tide_decor *decor, const void *from, size_t n, size_t more, size_t size, void *place)
{
    void *block;
    TIDE_TRY(tide_alloc_array(n + more, size, &block));
    decor->blocks[decor->block_count++] = block;
    if (n > 0)
        memcpy(block, from, n * size);
    if (more > 0)
        memset((char *)block + n * size, 0, more * size);
    memcpy(place, &block, sizeof block);
    return TIDE_OK;
}

#define GROW(array, n, more) TIDE_TRY(grow(decor, m->array, (size_t)(n), (size_t)(more), sizeof *m->array, &m->array))

void tide_decor_clear(tide_decor *decor)
{
    for (size_t i = 0; i < decor->block_count; i++)
        tide_free(decor->blocks[i]);
    decor->block_count = 0;
}

/* ---- textures ---- */

static void put_colour(mjtByte *to, double red, double green, double blue)
{
    to[0] = (mjtByte)(255.0 * red + 0.5);
    to[1] = (mjtByte)(255.0 * green + 0.5);
    to[2] = (mjtByte)(255.0 * blue + 0.5);
}

/* Checks in two greys; every CHECKS checks a darker band across x and across y, to count by. */
static void paint_floor(mjtByte *rgb)
{
    for (size_t y = 0; y < FLOOR; y++)
        for (size_t x = 0; x < FLOOR; x++, rgb += 3) {
            bool band = x < CHECK / 6 || y < CHECK / 6;
            bool dark = (x / CHECK + y / CHECK) % 2 == 0;
            double grey = band ? 0.34 : dark ? 0.60 : 0.74;
            put_colour(rgb, grey * 0.96, grey, grey * 1.03);
        }
}

static const double horizon[3] = {0.86, 0.91, 0.96}, zenith[3] = {0.42, 0.60, 0.82};

/* Right, left, up, down, front, back, one below the other: from the horizon to the zenith by height. */
static void paint_sky(mjtByte *rgb)
{
    enum { UP = 2, DOWN = 3 };
    for (size_t face = 0; face < 6; face++)
        for (size_t y = 0; y < SKY; y++)
            for (size_t x = 0; x < SKY; x++, rgb += 3) {
                double u = (2.0 * (double)x + 1.0) / SKY - 1.0, v = (2.0 * (double)y + 1.0) / SKY - 1.0;
                double height = (face == UP ? 1.0 : face == DOWN ? -1.0 : -v) / sqrt(1.0 + u * u + v * v);
                double share = height > 0.0 ? sqrt(height) : 0.0, c[3];
                for (size_t i = 0; i < 3; i++)
                    c[i] = horizon[i] + share * (zenith[i] - horizon[i]);
                put_colour(rgb, c[0], c[1], c[2]);
            }
}

static void describe_texture(mjModel *m, int id, int type, int width, int height, int address)
{
    m->tex_type[id] = type;
    m->tex_width[id] = width;
    m->tex_height[id] = height;
    m->tex_adr[id] = address;
#if mjVERSION_HEADER > 320
    m->tex_nchannel[id] = 3;
#endif
}

/* Appends the floor's texture and, where there is no sky, the sky's. */
static tide_status add_textures(tide_decor *decor, mjModel *m)
{
    enum { FLOOR_BYTES = 3 * FLOOR * FLOOR, SKY_BYTES = 3 * 6 * SKY * SKY };
    bool sky = true;
    for (int i = 0; i < m->ntex; i++)
        sky = sky && m->tex_type[i] != mjTEXTURE_SKYBOX;
    int n = m->ntex, at = (int)m->ntexdata;
    GROW(tex_type, n, 2);
    GROW(tex_width, n, 2);
    GROW(tex_height, n, 2);
    GROW(tex_adr, n, 2);
#if mjVERSION_HEADER > 320
    GROW(tex_nchannel, n, 2);
#endif
#if mjVERSION_HEADER >= 333
    GROW(tex_colorspace, n, 2);
#endif
    GROW(TIDE_TEXTURE_DATA, at, FLOOR_BYTES + SKY_BYTES);
    describe_texture(m, n, mjTEXTURE_2D, FLOOR, FLOOR, at);
    paint_floor(m->TIDE_TEXTURE_DATA + at);
    describe_texture(m, n + 1, mjTEXTURE_SKYBOX, SKY, 6 * SKY, at + FLOOR_BYTES);
    paint_sky(m->TIDE_TEXTURE_DATA + at + FLOOR_BYTES);
    m->ntex = n + (sky ? 2 : 1);
    m->ntexdata = at + FLOOR_BYTES + (sky ? SKY_BYTES : 0);
    for (size_t i = 0; sky && i < 3; i++)
        m->vis.rgba.haze[i] = m->vis.rgba.fog[i] = (float)horizon[i];
    return TIDE_OK;
}

/* Appends the floor's material, whose texture is `texture`. */
static tide_status add_material(tide_decor *decor, mjModel *m, int texture, double check)
{
    int n = m->nmat;
    GROW(mat_texid, n * TIDE_TEXTURES_PER_MATERIAL, TIDE_TEXTURES_PER_MATERIAL);
    GROW(mat_texuniform, n, 1);
    GROW(mat_texrepeat, 2 * n, 2);
    GROW(mat_emission, n, 1);
    GROW(mat_specular, n, 1);
    GROW(mat_shininess, n, 1);
    GROW(mat_reflectance, n, 1);
#if mjVERSION_HEADER > 320
    GROW(mat_metallic, n, 1);
    GROW(mat_roughness, n, 1);
#endif
    GROW(mat_rgba, 4 * n, 4);
    for (int i = 0; i < TIDE_TEXTURES_PER_MATERIAL; i++)
        m->mat_texid[n * TIDE_TEXTURES_PER_MATERIAL + i] = i == TIDE_TEXTURE_ROLE ? texture : -1;
    m->mat_texuniform[n] = 1;
    m->mat_texrepeat[2 * n] = m->mat_texrepeat[2 * n + 1] = (float)(1.0 / (CHECKS * check));
    m->mat_specular[n] = 0.1f;
    m->mat_shininess[n] = 0.2f;
    for (int i = 0; i < 4; i++)
        m->mat_rgba[4 * n + i] = 1.0f;
    m->nmat = n + 1;
    return TIDE_OK;
}

/* ---- geoms ---- */

/* A geom is plain where its author gave it neither a material nor another colour than MuJoCo's default. */
static bool is_plain(const mjModel *m, int geom)
{
    static const float grey[4] = {0.5f, 0.5f, 0.5f, 1.0f};
    return m->geom_matid[geom] < 0 && memcmp(m->geom_rgba + 4 * geom, grey, sizeof grey) == 0;
}

/* The limb that a body is of, counted among its root's children, and the bodies between it and the root; -1 for roots. */
static int limb_of(const mjModel *m, int body, int *depth)
{
    const int root = m->body_rootid[body];
    if (body == root)
        return -1;
    *depth = 0;
    for (; m->body_parentid[body] != root; body = m->body_parentid[body])
        (*depth)++;
    int limb = 0;
    for (int i = root + 1; i < body; i++)
        limb += m->body_parentid[i] == root;
    return limb;
}

/* Colours that differ in lightness too: slate for the trunk, one hue a limb, every other link of it darker. */
static void colour_geom(const mjModel *m, int geom, float rgba[4])
{
    static const float limbs[][3] = {
        {0.95f, 0.60f, 0.15f}, {0.20f, 0.52f, 0.85f}, {0.30f, 0.70f, 0.45f}, {0.83f, 0.40f, 0.55f}};
    static const float trunk[3] = {0.24f, 0.28f, 0.36f}, scenery[3] = {0.62f, 0.60f, 0.56f};
    int body = m->geom_bodyid[geom], depth = 0, limb = limb_of(m, body, &depth);
    const float *colour = body == 0 ? scenery : limb < 0 ? trunk : limbs[limb % 4];
    for (int i = 0; i < 3; i++)
        rgba[i] = colour[i] * (depth % 2 == 1 ? 0.66f : 1.0f);
}

/* Planes that are touched are infinite in the physics: they are drawn so. */
static tide_status adorn_geoms(tide_decor *decor, mjModel *m, int floor_material)
{
    const mjModel plain = *m;
    GROW(geom_rgba, 4 * m->ngeom, 0);
    GROW(geom_size, 3 * m->ngeom, 0);
    GROW(geom_matid, m->ngeom, 0);
    for (int g = 0; g < m->ngeom; g++) {
        bool floor = m->geom_type[g] == mjGEOM_PLANE && (m->geom_contype[g] | m->geom_conaffinity[g]) != 0;
        if (floor)
            m->geom_size[3 * g] = m->geom_size[3 * g + 1] = 0.0;
        if (!is_plain(&plain, g))
            continue;
        if (floor && floor_material >= 0) {
            m->geom_matid[g] = floor_material;
            for (int i = 0; i < 4; i++)
                m->geom_rgba[4 * g + i] = 1.0f;
        } else {
            colour_geom(&plain, g, m->geom_rgba + 4 * g);
        }
    }
    return TIDE_OK;
}

tide_status tide_decor_make(const mjModel *model, double check, tide_decor *decor)
{
    *decor = (tide_decor){.view = *model, .unlit = model->nlight == 0};
    mjModel *m = &decor->view;
    int material = -1;
    if (m->ntex + 2 <= TEXTURES_MOST) {
        int texture = m->ntex;
        TIDE_TRY(add_textures(decor, m));
        TIDE_TRY(add_material(decor, m, texture, check));
        material = m->nmat - 1;
    }
    return adorn_geoms(decor, m, material);
}
