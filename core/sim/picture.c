#include "sim/picture.h"

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "sim/mujoco.h"

/* ---- OSMesa ---- */

/* Its few functions, as osmesa.h declares them, and the one drawing context that all pictures share: what one picture
 * has Mesa compile serves the next, and Mesa does not give back all of a context. Neither it nor the library is ever
 * let go. */
static struct {
    void *library, *context;
    void *(*create_context)(unsigned format, int depth, int stencil, int accumulation, void *shared);
    unsigned char (*make_current)(void *context, void *buffer, unsigned type, int width, int height);
} mesa;

static pthread_mutex_t mesa_lock = PTHREAD_MUTEX_INITIALIZER;

enum { GL_RGBA_ = 0x1908, GL_UNSIGNED_BYTE_ = 0x1401 };
enum { WINDOW = 16 }; /* pixels of a side of the context's window, which nothing is drawn into */

static bool find_function(const char *name, void *place)
{
    void *function = dlsym(mesa.library, name);
    memcpy(place, &function, sizeof function);
    return function != NULL;
}

/* Opens the library and makes the context, where that has not been done. */
static tide_status open_mesa(void)
{
    static const char *const names[] = {"libOSMesa.so.8", "libOSMesa.so.6", "libOSMesa.so"};
    /* Global: MuJoCo looks for OpenGL's functions among what is loaded. */
    for (size_t i = 0; i < sizeof names / sizeof *names && mesa.library == NULL; i++)
        mesa.library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL);
    if (mesa.library == NULL)
        return tide_fail(
            TIDE_STATE,
            "pictures need the library OSMesa, which is not installed (Debian: apt-get install libosmesa6)");
    if (mesa.context != NULL)
        return TIDE_OK;
    if (!find_function("OSMesaCreateContextExt", &mesa.create_context) ||
        !find_function("OSMesaMakeCurrent", &mesa.make_current))
        return tide_fail(TIDE_STATE, "pictures: this OSMesa lacks functions that it should have");
    mesa.context = mesa.create_context(GL_RGBA_, 24, 8, 0, NULL);
    if (mesa.context == NULL)
        return tide_fail(TIDE_STATE, "pictures: OSMesa makes no context");
    return TIDE_OK;
}

/* Runs work(argument), which may draw, as tide_sim_guard does. */
static tide_status with_mesa(void (*work)(void *), void *argument)
{
    static uint8_t window[4 * WINDOW * WINDOW];
    pthread_mutex_lock(&mesa_lock);
    tide_status status = open_mesa();
    if (status == TIDE_OK) {
        if (mesa.make_current(mesa.context, window, GL_UNSIGNED_BYTE_, WINDOW, WINDOW))
            status = tide_sim_guard(work, argument);
        else
            status = tide_fail(TIDE_STATE, "pictures: OSMesa refuses to draw");
        mesa.make_current(NULL, NULL, 0, 0, 0); /* another thread may be next */
    }
    pthread_mutex_unlock(&mesa_lock);
    return status;
}

/* ---- a picture ---- */

struct tide_picture {
    const tide_sim *sim;
    size_t width, height;
    int body;     /* that the camera follows */
    double rest;  /* its height in the model's initial state */
    mjData *data; /* the sim's state, and what follows from it: the sim's own is left alone */
    tide_decor decor;
    mjvOption option;
    mjvCamera camera;
    mjvScene scene;
    mjrContext context;
    uint8_t *pixels; /* width * height, the bottom row first */
    bool scene_made;
};

/* ---- making one ---- */

static tide_status check_options(const tide_picture_options *o)
{
    const size_t sides[2] = {o->width, o->height};
    for (int i = 0; i < 2; i++)
        if (sides[i] < TIDE_PICTURE_LEAST || sides[i] > TIDE_PICTURE_MOST)
            return tide_fail(TIDE_ARGUMENT, "picture: %zu x %zu pixels; a side has %d to %d", o->width, o->height,
                             TIDE_PICTURE_LEAST, TIDE_PICTURE_MOST);
    if (!(o->distance >= 0.0 && o->distance <= 1e6))
        return tide_fail(TIDE_ARGUMENT, "picture: a distance of %g m; 0 (by the robot's size) to 1e6", o->distance);
    if (!(fabs(o->azimuth) <= 360.0))
        return tide_fail(TIDE_ARGUMENT, "picture: an azimuth of %g degrees; -360 to 360", o->azimuth);
    if (!(fabs(o->elevation) <= 90.0))
        return tide_fail(TIDE_ARGUMENT, "picture: an elevation of %g degrees; -90 to 90", o->elevation);
    return TIDE_OK;
}

/* The heaviest of the bodies that stand on the world and move; the world where nothing does. */
static int find_robot(const mjModel *m)
{
    int found = 0;
    for (int b = 1; b < m->nbody; b++) {
        bool moves = m->body_weldid[b] != 0;
        for (int c = b + 1; !moves && c < m->nbody; c++)
            moves = m->body_rootid[c] == b && m->body_weldid[c] != 0;
        if (m->body_parentid[b] == 0 && moves && (found == 0 || m->body_subtreemass[b] > m->body_subtreemass[found]))
            found = b;
    }
    return found;
}

static bool is_part_of(const mjModel *m, int body, int whole)
{
    while (body > whole)
        body = m->body_parentid[body];
    return body == whole;
}

typedef struct making {
    tide_picture *picture;
    double radius;
} making;

/* The initial state, and the radius of a sphere around the robot's centre of mass that holds it. */
static void measure(void *argument)
{
    making *a = argument;
    tide_picture *p = a->picture;
    const mjModel *m = p->sim->model;
    p->data = mj_makeData(m);
    if (p->data == NULL)
        return;
    mj_fwdPosition(m, p->data);
    const mjtNum *centre = p->data->subtree_com + 3 * p->body;
    p->rest = centre[2];
    for (int g = 0; g < m->ngeom; g++) {
        if (m->geom_type[g] == mjGEOM_PLANE || !is_part_of(m, m->geom_bodyid[g], p->body))
            continue;
        double reach = mju_dist3(p->data->geom_xpos + 3 * g, centre) + m->geom_rbound[g];
        a->radius = reach > a->radius ? reach : a->radius;
    }
}

/* The sides of checks: 1, 2 or 5 times a power of ten, near the robot's radius. */
static double round_length(double length)
{
    double power = pow(10.0, floor(log10(length))), rest = length / power;
    return power * (rest < 1.5 ? 1.0 : rest < 3.5 ? 2.0 : rest < 7.5 ? 5.0 : 10.0);
}

static void make_context(void *argument)
{
    tide_picture *p = argument;
    mjModel *view = &p->decor.view;
    mjv_makeScene(view, &p->scene, view->ngeom + 1000);
    p->scene_made = true;
    mjr_makeContext(view, &p->context, p->height < 400 ? mjFONTSCALE_50 : mjFONTSCALE_100);
}

static void set_camera(tide_picture *p, const tide_picture_options *o, double radius)
{
    mjv_defaultOption(&p->option);
    mjv_defaultCamera(&p->camera);
    double half = 0.5 * p->decor.view.vis.global.fovy * mjPI / 180.0;
    if (p->width < p->height)
        half = atan(tan(half) * (double)p->width / (double)p->height);
    p->camera.type = mjCAMERA_FREE;
    p->camera.distance = o->distance > 0.0 ? o->distance : radius / sin(half) * 1.15;
    p->camera.azimuth = o->azimuth;
    p->camera.elevation = o->elevation;
}

/* What is drawn with: sizes, and figures that suit drawing without a graphics card. */
static void set_quality(tide_picture *p, double radius)
{
    mjModel *view = &p->decor.view;
    view->vis.global.offwidth = (int)p->width;
    view->vis.global.offheight = (int)p->height;
    view->vis.quality.shadowsize = 2048;
    view->vis.quality.offsamples = 4;
    if (!p->decor.unlit)
        return;
    view->vis.map.shadowclip = (float)(2.0 * radius / view->stat.extent);
    for (int i = 0; i < 3; i++) {
        view->vis.headlight.ambient[i] = 0.35f;
        view->vis.headlight.diffuse[i] = 0.30f;
        view->vis.headlight.specular[i] = 0.05f;
    }
}

static tide_status finish(tide_picture *p, const tide_picture_options *o)
{
    const mjModel *m = p->sim->model;
    p->body = find_robot(m);
    if (o->body != NULL) {
        p->body = mj_name2id(m, mjOBJ_BODY, o->body);
        if (p->body < 0)
            return tide_fail(TIDE_ARGUMENT, "picture: %s has no body \"%.100s\"", p->sim->path, o->body);
    }
    making making = {.picture = p};
    TIDE_TRY(tide_sim_guard(measure, &making));
    if (p->data == NULL)
        return tide_fail(TIDE_MEMORY, "picture: no memory for the state of %s", p->sim->path);
    double radius = making.radius > 1e-6 ? making.radius : m->stat.extent;
    TIDE_TRY(tide_decor_make(m, round_length(0.6 * radius), &p->decor));
    set_quality(p, radius);
    set_camera(p, o, radius);

    void *block;
    TIDE_TRY(tide_alloc_array(3 * p->width, p->height, &block));
    p->pixels = block;
    return with_mesa(make_context, p);
}

tide_status tide_picture_create(const tide_sim *sim, const tide_picture_options *options, tide_picture **picture)
{
    TIDE_TRY(check_options(options));
    void *block;
    TIDE_TRY(tide_alloc(sizeof **picture, &block));
    tide_picture *made = block;
    *made = (tide_picture){.sim = sim, .width = options->width, .height = options->height};
    mjv_defaultScene(&made->scene);
    mjr_defaultContext(&made->context);
    tide_status status = finish(made, options);
    if (status != TIDE_OK) {
        tide_picture_destroy(made);
        return status;
    }
    *picture = made;
    return TIDE_OK;
}

static void free_context(void *argument)
{
    tide_picture *p = argument;
    mjr_freeContext(&p->context);
}

void tide_picture_destroy(tide_picture *p)
{
    if (p == NULL)
        return;
    if (p->scene_made) {                  /* so the context may have been made as well */
        (void)with_mesa(free_context, p); /* a failure here has nothing left to undo */
        mjv_freeScene(&p->scene);
    }
    tide_decor_clear(&p->decor);
    mj_deleteData(p->data);
    tide_free(p->pixels);
    tide_free(p);
}

size_t tide_picture_width(const tide_picture *picture)
{
    return picture->width;
}

size_t tide_picture_height(const tide_picture *picture)
{
    return picture->height;
}

/* ---- drawing ---- */

/* The camera goes with the robot; up and down only where it would leave the middle of the picture. */
static void follow(tide_picture *p)
{
    const mjtNum *centre = p->data->subtree_com + 3 * p->body;
    double slack = 0.12 * p->camera.distance, rise = centre[2] - p->rest;
    p->camera.lookat[0] = centre[0];
    p->camera.lookat[1] = centre[1];
    p->camera.lookat[2] = p->rest + (rise > slack ? rise - slack : rise < -slack ? rise + slack : 0.0);
}

/* A sun over the camera's left shoulder, where the author placed no lights. It stands where shadows are to be seen. */
static void light(tide_picture *p)
{
    mjvScene *scene = &p->scene;
    if (!p->decor.unlit || scene->nlight >= mjMAXLIGHT)
        return;
    mjvLight *sun = &scene->lights[scene->nlight++];
    memset(sun, 0, sizeof *sun);
    TIDE_MAKE_DIRECTIONAL(sun);
    sun->castshadow = 1;
    sun->attenuation[0] = 1.0f;
    sun->cutoff = 45.0f;
    double azimuth = (p->camera.azimuth - 35.0) * mjPI / 180.0;
    const double direction[3] = {0.45 * cos(azimuth), 0.45 * sin(azimuth), -0.9};
    double height = 2.0 * p->camera.distance;
    for (int i = 0; i < 3; i++) {
        sun->dir[i] = (float)direction[i];
        sun->pos[i] = (float)(p->camera.lookat[i] - height * direction[i]);
        sun->diffuse[i] = 0.62f;
        sun->specular[i] = 0.25f;
    }
}

enum { LABEL = 400 }; /* bytes of the longest label */

typedef struct drawing {
    tide_picture *picture;
    char label[LABEL + 1];
} drawing;

static void draw(void *argument)
{
    drawing *d = argument;
    tide_picture *p = d->picture;
    const tide_sim *sim = p->sim;
    mjModel *view = &p->decor.view;
    mju_copy(p->data->qpos, sim->data->qpos, sim->model->nq);
    mju_copy(p->data->mocap_pos, sim->data->mocap_pos, 3 * sim->model->nmocap);
    mju_copy(p->data->mocap_quat, sim->data->mocap_quat, 4 * sim->model->nmocap);
    mj_fwdPosition(sim->model, p->data);
    follow(p);
    mjv_updateScene(view, p->data, &p->option, NULL, &p->camera, mjCAT_ALL, &p->scene);
    light(p);
    mjr_setBuffer(mjFB_OFFSCREEN, &p->context);
    mjr_restoreBuffer(&p->context); /* another picture may have been drawn since */
    const mjrRect whole = {0, 0, (int)p->width, (int)p->height};
    mjr_render(whole, &p->scene, &p->context);
    if (d->label[0] != '\0')
        mjr_overlay(mjFONT_NORMAL, mjGRID_TOPLEFT, whole, d->label, NULL, &p->context);
    mjr_readPixels(p->pixels, NULL, whole, &p->context);
}

tide_status tide_picture_draw(tide_picture *p, const char *label, uint8_t *rgb, size_t row_bytes)
{
    drawing d = {.picture = p};
    for (size_t i = 0; label != NULL && i < LABEL && label[i] != '\0'; i++)
        d.label[i] = label[i] == '\n' || (label[i] >= ' ' && label[i] < 127) ? label[i] : '?';
    TIDE_TRY(with_mesa(draw, &d));
    for (size_t y = 0; y < p->height; y++)
        memcpy(rgb + y * row_bytes, p->pixels + (p->height - 1 - y) * 3 * p->width, 3 * p->width);
    return TIDE_OK;
}
