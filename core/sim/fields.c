#include "sim/fields.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "sim/mujoco.h"

typedef enum field_range { ANY, NOT_NEGATIVE, POSITIVE } field_range;

/* One row a field. `numbers` gives where those of the part at `index` stand, and how many. */
typedef struct field {
    tide_sim_kind kind;
    const char *name;
    double *(*numbers)(const mjModel *m, size_t index, size_t *n);
    field_range range;
    bool derives;                             /* MuJoCo's mj_setConst derives constants from it */
    void (*follow)(mjModel *m, size_t index); /* derives what only MuJoCo's compiler does; NULL: nothing */
} field;

/* ---- what only the compiler derives ---- */

/* Frames that the compiler found to coincide are copied instead of computed; a part that was moved
 * has a frame of its own. */
static void part_geom(mjModel *m, size_t geom)
{
    m->geom_sameframe[geom] = 0;
}

/* The mass matrix of "simple" bodies is taken for diagonal; a body whose centre of mass or joint moved
 * off its frame is none. dof_simplenum counts the simple degrees of freedom from each one on. */
static void part_body(mjModel *m, size_t body)
{
    m->body_simple[body] = 0;
    int count = 0;
    for (int i = m->nv - 1; i >= 0; i--) {
        count = m->body_simple[m->dof_bodyid[i]] ? count + 1 : 0;
        m->dof_simplenum[i] = count;
    }
}

#if mjVERSION_HEADER >= 300
/* Boxes around the body and all its geoms, in its inertial frame: larger than the compiler's, never too small. */
static void enclose(mjModel *m, size_t body)
{
    mjtNum reach = 0.0;
    for (int g = m->body_geomadr[body], end = g + m->body_geomnum[body]; g >= 0 && g < end; g++)
        reach = mju_max(reach, mju_dist3(m->geom_pos + 3 * g, m->body_ipos + 3 * body) + m->geom_rbound[g]);
    for (int b = m->body_bvhadr[body], end = b + m->body_bvhnum[body]; b >= 0 && b < end; b++)
        for (int k = 0; k < 6; k++)
            m->bvh_aabb[6 * b + k] = k < 3 ? 0.0 : reach;
}
#else
static void enclose(mjModel *m, size_t body)
{
    (void)m;
    (void)body;
}
#endif

static void follow_geom_position(mjModel *m, size_t index)
{
    part_geom(m, index);
    enclose(m, (size_t)m->geom_bodyid[index]);
}

/* The sphere around a geom in which collisions are looked for. */
static void follow_geom_size(mjModel *m, size_t index)
{
    const mjtNum *size = m->geom_size + 3 * index;
    mjtNum radius = 0.0; /* a plane's: none */
    switch (m->geom_type[index]) {
    case mjGEOM_SPHERE: radius = size[0]; break;
    case mjGEOM_CAPSULE: radius = size[0] + size[1]; break;
    case mjGEOM_CYLINDER: radius = mju_sqrt(size[0] * size[0] + size[1] * size[1]); break;
    case mjGEOM_ELLIPSOID: radius = mju_max(size[0], mju_max(size[1], size[2])); break;
    case mjGEOM_BOX: radius = mju_norm3(size); break;
    default: break;
    }
    m->geom_rbound[index] = radius;
#if mjVERSION_HEADER >= 300
    for (size_t k = 0; k < 3 && m->geom_type[index] != mjGEOM_PLANE; k++) {
        m->geom_aabb[6 * index + k] = 0.0;
        m->geom_aabb[6 * index + 3 + k] = radius;
    }
#endif
    enclose(m, (size_t)m->geom_bodyid[index]);
}

static void follow_body_centre(mjModel *m, size_t index)
{
    part_body(m, index);
    m->body_sameframe[index] = 0;
    for (int g = 0; g < m->ngeom; g++)
        if ((size_t)m->geom_bodyid[g] == index)
            part_geom(m, (size_t)g);
    for (int s = 0; s < m->nsite; s++)
        if ((size_t)m->site_bodyid[s] == index)
            m->site_sameframe[s] = 0;
    enclose(m, index);
}

/* What is where follows in mj_forward alone. */
static void follow_body_position(mjModel *m, size_t index)
{
    (void)m;
    (void)index;
}

static void follow_joint_position(mjModel *m, size_t index)
{
    part_body(m, (size_t)m->jnt_bodyid[index]);
}

/* ---- the fields ---- */

#define FIELD_OF(function, array, width)                               \
    static double *function(const mjModel *m, size_t index, size_t *n) \
    {                                                                  \
        *n = (width);                                                  \
        return m->array + index * *n;                                  \
    }

FIELD_OF(joint_range, jnt_range, 2)
FIELD_OF(joint_position, jnt_pos, 3)
FIELD_OF(joint_stiffness, jnt_stiffness, 1)
FIELD_OF(body_mass, body_mass, 1)
FIELD_OF(body_inertia, body_inertia, 3)
FIELD_OF(body_centre, body_ipos, 3)
FIELD_OF(body_position, body_pos, 3)
FIELD_OF(geom_size, geom_size, 3)
FIELD_OF(geom_position, geom_pos, 3)
FIELD_OF(geom_friction, geom_friction, 3)
FIELD_OF(geom_solref, geom_solref, mjNREF)
FIELD_OF(geom_solimp, geom_solimp, mjNIMP)
FIELD_OF(actuator_gear, actuator_gear, 6)
FIELD_OF(actuator_ctrlrange, actuator_ctrlrange, 2)
FIELD_OF(actuator_gainprm, actuator_gainprm, mjNGAIN)
FIELD_OF(actuator_biasprm, actuator_biasprm, mjNBIAS)
FIELD_OF(actuator_dynprm, actuator_dynprm, mjNDYN)

/* Per degree of freedom: a hinge or a slide has 1, a ball 3, a free joint 6. */
static size_t dof_range(const mjModel *m, size_t joint, size_t *n)
{
    const int type = m->jnt_type[joint];
    *n = type == mjJNT_FREE ? 6 : type == mjJNT_BALL ? 3 : 1;
    return (size_t)m->jnt_dofadr[joint];
}

static double *joint_damping(const mjModel *m, size_t index, size_t *n)
{
    return m->dof_damping + dof_range(m, index, n);
}

static double *joint_armature(const mjModel *m, size_t index, size_t *n)
{
    return m->dof_armature + dof_range(m, index, n);
}

static double *joint_frictionloss(const mjModel *m, size_t index, size_t *n)
{
    return m->dof_frictionloss + dof_range(m, index, n);
}

#define OPTION_OF(function, member, width)                             \
    static double *function(const mjModel *m, size_t index, size_t *n) \
    {                                                                  \
        (void)index;                                                   \
        *n = (width);                                                  \
        return (double *)(uintptr_t)(member);                          \
    }

OPTION_OF(option_gravity, m->opt.gravity, 3)
OPTION_OF(option_wind, m->opt.wind, 3)
OPTION_OF(option_timestep, &m->opt.timestep, 1)
OPTION_OF(option_density, &m->opt.density, 1)
OPTION_OF(option_viscosity, &m->opt.viscosity, 1)

static const field fields[] = {
    {TIDE_SIM_OPTION, "gravity", option_gravity, ANY, false, NULL},              /* m/s^2 */
    {TIDE_SIM_OPTION, "timestep", option_timestep, POSITIVE, false, NULL},       /* s, of one mj_step */
    {TIDE_SIM_OPTION, "wind", option_wind, ANY, false, NULL},                    /* of the medium, m/s */
    {TIDE_SIM_OPTION, "density", option_density, NOT_NEGATIVE, false, NULL},     /* of the medium, kg/m^3 */
    {TIDE_SIM_OPTION, "viscosity", option_viscosity, NOT_NEGATIVE, false, NULL}, /* of the medium, Pa s */
    {TIDE_SIM_JOINT, "damping", joint_damping, ANY, false, NULL},
    {TIDE_SIM_JOINT, "stiffness", joint_stiffness, ANY, false, NULL},
    {TIDE_SIM_JOINT, "armature", joint_armature, NOT_NEGATIVE, true, NULL},
    {TIDE_SIM_JOINT, "frictionloss", joint_frictionloss, NOT_NEGATIVE, false, NULL},
    {TIDE_SIM_JOINT, "range", joint_range, ANY, false, NULL},
    {TIDE_SIM_JOINT, "position", joint_position, ANY, true, follow_joint_position}, /* in the body's frame */
    {TIDE_SIM_BODY, "mass", body_mass, NOT_NEGATIVE, true, NULL},
    {TIDE_SIM_BODY, "inertia", body_inertia, NOT_NEGATIVE, true, NULL},          /* diagonal, in the inertial frame */
    {TIDE_SIM_BODY, "centre", body_centre, ANY, true, follow_body_centre},       /* of mass, in the body's frame */
    {TIDE_SIM_BODY, "position", body_position, ANY, true, follow_body_position}, /* in the parent's frame */
    {TIDE_SIM_GEOM, "size", geom_size, NOT_NEGATIVE, false, follow_geom_size},
    {TIDE_SIM_GEOM, "position", geom_position, ANY, false, follow_geom_position}, /* in the body's frame */
    {TIDE_SIM_GEOM, "friction", geom_friction, NOT_NEGATIVE, false, NULL},        /* sliding, torsional, rolling */
    {TIDE_SIM_GEOM, "solref", geom_solref, ANY, false, NULL},
    {TIDE_SIM_GEOM, "solimp", geom_solimp, NOT_NEGATIVE, false, NULL},
    {TIDE_SIM_ACTUATOR, "gear", actuator_gear, ANY, true, NULL},
    {TIDE_SIM_ACTUATOR, "ctrlrange", actuator_ctrlrange, ANY, false, NULL},
    {TIDE_SIM_ACTUATOR, "gainprm", actuator_gainprm, ANY, false, NULL},
    {TIDE_SIM_ACTUATOR, "biasprm", actuator_biasprm, ANY, false, NULL},
    {TIDE_SIM_ACTUATOR, "dynprm", actuator_dynprm, ANY, false, NULL}, /* of "filter": the time constant, s */
};

_Static_assert(mjNGAIN <= TIDE_SIM_FIELD_MAX && mjNBIAS <= TIDE_SIM_FIELD_MAX && mjNDYN <= TIDE_SIM_FIELD_MAX,
               "a longer field");

enum { FIELDS = sizeof fields / sizeof *fields };

const char *tide_sim_kind_name(tide_sim_kind kind)
{
    static const char *const names[TIDE_SIM_KINDS] = {"model", "joint", "body", "geom", "actuator"};
    return names[kind];
}

static int object_type(tide_sim_kind kind)
{
    static const int types[TIDE_SIM_KINDS] = {mjOBJ_UNKNOWN, mjOBJ_JOINT, mjOBJ_BODY, mjOBJ_GEOM, mjOBJ_ACTUATOR};
    return types[kind];
}

size_t tide_sim_part_count(const tide_sim *sim, tide_sim_kind kind)
{
    const mjModel *m = sim->model;
    const size_t counts[TIDE_SIM_KINDS] = {1, (size_t)m->njnt, (size_t)m->nbody, (size_t)m->ngeom, (size_t)m->nu};
    return counts[kind];
}

const char *tide_sim_part_name(const tide_sim *sim, tide_sim_kind kind, size_t index)
{
    if (kind == TIDE_SIM_OPTION)
        return NULL;
    const char *name = mj_id2name(sim->model, object_type(kind), (int)index);
    return name != NULL && name[0] != '\0' ? name : NULL;
}

/* What a part is of its kind. */
const char *tide_sim_part_type(const tide_sim *sim, tide_sim_kind kind, size_t index)
{
    static const char *const joints[] = {"free", "ball", "slide", "hinge"};
    static const char *const geoms[] = {"plane", "hfield", "sphere", "capsule", "ellipsoid", "cylinder", "box", "mesh"};
    if (kind == TIDE_SIM_JOINT)
        return joints[sim->model->jnt_type[index]];
    if (kind != TIDE_SIM_GEOM)
        return NULL;
    size_t type = (size_t)sim->model->geom_type[index];
    return type < sizeof geoms / sizeof *geoms ? geoms[type] : "other";
}

bool tide_sim_part_body(const tide_sim *sim, tide_sim_kind kind, size_t index, size_t *body)
{
    const mjModel *m = sim->model;
    if (kind == TIDE_SIM_JOINT)
        *body = (size_t)m->jnt_bodyid[index];
    else if (kind == TIDE_SIM_GEOM)
        *body = (size_t)m->geom_bodyid[index];
    else if (kind == TIDE_SIM_BODY && index > 0)
        *body = (size_t)m->body_parentid[index];
    else
        return false;
    return true;
}

/* ---- unknown names ---- */

/* Edit distance of two words (Levenshtein 1966), capitals aside; of the first characters of long ones. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 63 };
    size_t row[LONGEST + 1], n = strlen(a), m = strlen(b);
    n = n < LONGEST ? n : LONGEST;
    m = m < LONGEST ? m : LONGEST;
    for (size_t j = 0; j <= m; j++)
        row[j] = j;
    for (size_t i = 1; i <= n; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t least = diagonal + (same ? 0 : 1);
            least = row[j] + 1 < least ? row[j] + 1 : least;
            least = row[j - 1] + 1 < least ? row[j - 1] + 1 : least;
            diagonal = row[j];
            row[j] = least;
        }
    }
    return row[m];
}

/* Names for a message: the known ones, and which of them is nearest to the one that is not. */
typedef struct suggestion {
    const char *wanted, *nearest; /* nearest: NULL where none resembles it */
    size_t distance;
    char known[400];
} suggestion;

static void suggest(suggestion *s, const char *name)
{
    size_t at = strlen(s->known), d = distance(s->wanted, name), length = strlen(name);
    if (d <= (length / 2 > 2 ? length / 2 : 2) && (s->nearest == NULL || d < s->distance)) {
        s->nearest = name;
        s->distance = d;
    }
    if (at + length + 8 < sizeof s->known)
        snprintf(s->known + at, sizeof s->known - at, "%s%s", at == 0 ? "" : ", ", name);
    else if (at + 6 < sizeof s->known && (at < 3 || strcmp(s->known + at - 3, "...") != 0))
        snprintf(s->known + at, sizeof s->known - at, ", ...");
}

/* "nearest: bshin; there are: bthigh, bshin ..." */
static const char *suggested(const suggestion *s, char text[600])
{
    snprintf(text, 600, "%s%.100s%sthere are: %s", s->nearest != NULL ? "nearest: " : "",
             s->nearest != NULL ? s->nearest : "", s->nearest != NULL ? "; " : "", s->known);
    return text;
}

tide_status tide_sim_find(const tide_sim *sim, tide_sim_kind kind, const char *name, size_t *index)
{
    int id = kind == TIDE_SIM_OPTION ? -1 : mj_name2id(sim->model, object_type(kind), name);
    if (id < 0) {
        suggestion s = {.wanted = name};
        char text[600];
        for (size_t i = 0, n = tide_sim_part_count(sim, kind); i < n; i++) {
            const char *known = tide_sim_part_name(sim, kind, i);
            if (known != NULL)
                suggest(&s, known);
        }
        return tide_fail(TIDE_ARGUMENT, "no %s \"%.100s\" in %s; %s", tide_sim_kind_name(kind), name, sim->path,
                         suggested(&s, text));
    }
    *index = (size_t)id;
    return TIDE_OK;
}

const char *tide_sim_field_name(tide_sim_kind kind, size_t index)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == kind && index-- == 0)
            return fields[i].name;
    return NULL;
}

static const field *find_field(tide_sim_kind kind, const char *name)
{
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == kind && strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

bool tide_sim_has_field(tide_sim_kind kind, const char *name)
{
    return find_field(kind, name) != NULL;
}

/* The row of a field that a part of this sim has. */
static tide_status check_field(const tide_sim *sim, tide_sim_kind kind, size_t index, const char *name,
                               const field **found)
{
    if (index >= tide_sim_part_count(sim, kind))
        return tide_fail(TIDE_ARGUMENT, "%s %zu of %zu", tide_sim_kind_name(kind), index + 1,
                         tide_sim_part_count(sim, kind));
    *found = find_field(kind, name);
    if (*found != NULL)
        return TIDE_OK;
    suggestion s = {.wanted = name};
    char text[600];
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == kind)
            suggest(&s, fields[i].name);
    return tide_fail(TIDE_ARGUMENT, "a %s has no field \"%.100s\"; %s", tide_sim_kind_name(kind), name,
                     suggested(&s, text));
}

tide_status tide_sim_get_field(const tide_sim *sim, tide_sim_kind kind, size_t index, const char *name,
                               double values[TIDE_SIM_FIELD_MAX], size_t *n)
{
    const field *f;
    TIDE_TRY(check_field(sim, kind, index, name, &f));
    const double *numbers = f->numbers(sim->model, index, n);
    memcpy(values, numbers, *n * sizeof *values);
    return TIDE_OK;
}

/* Sizes that a geom of its type can have: those it uses above zero, none of those that come from a file. */
static tide_status check_size(const tide_sim *sim, size_t geom, const double *size)
{
    static const int used[] = {[mjGEOM_PLANE] = 0,     [mjGEOM_SPHERE] = 1,   [mjGEOM_CAPSULE] = 2,
                               [mjGEOM_ELLIPSOID] = 3, [mjGEOM_CYLINDER] = 2, [mjGEOM_BOX] = 3};
    int type = sim->model->geom_type[geom];
    if (type == mjGEOM_HFIELD || type > mjGEOM_BOX)
        return tide_fail(TIDE_ARGUMENT, "geom.size: a %s has the size of its file, it cannot be written",
                         tide_sim_part_type(sim, TIDE_SIM_GEOM, geom));
    for (int i = 0; i < used[type]; i++)
        if (size[i] <= 0.0)
            return tide_fail(TIDE_ARGUMENT, "geom.size[%d] of a %s is %g; it must be above zero", i + 1,
                             tide_sim_part_type(sim, TIDE_SIM_GEOM, geom), size[i]);
    return TIDE_OK;
}

/* MuJoCo 3 lays out its matrices for simple bodies when it compiles: there they stay simple. */
static tide_status check_simple(const tide_sim *sim, tide_sim_kind kind, size_t index, const char *name)
{
    size_t body = kind == TIDE_SIM_BODY ? index : (size_t)sim->model->jnt_bodyid[index];
    if (mjVERSION_HEADER < 300 || !sim->model->body_simple[body])
        return TIDE_OK;
    return tide_fail(TIDE_ARGUMENT,
                     "%s.%s: MuJoCo %s cannot move it off the frame of a body that turns about it; "
                     "write it into %s",
                     tide_sim_kind_name(kind), name, mj_versionString(), sim->path);
}

tide_status tide_sim_set_field(tide_sim *sim, tide_sim_kind kind, size_t index, const char *name, const double *values,
                               size_t n)
{
    const field *f;
    TIDE_TRY(check_field(sim, kind, index, name, &f));
    size_t wanted;
    double *numbers = f->numbers(sim->model, index, &wanted);
    if (n != wanted)
        return tide_fail(TIDE_SHAPE, "%s.%s has %zu number%s, %zu given", tide_sim_kind_name(kind), name, wanted,
                         wanted == 1 ? "" : "s", n);
    for (size_t i = 0; i < n; i++) {
        if (mju_isBad(values[i]))
            return tide_fail(TIDE_NUMERIC, "%s.%s[%zu] is %g; finite numbers up to %g are needed",
                             tide_sim_kind_name(kind), name, i + 1, values[i], mjMAXVAL);
        if ((f->range == NOT_NEGATIVE && values[i] < 0.0) || (f->range == POSITIVE && values[i] <= 0.0))
            return tide_fail(TIDE_ARGUMENT, "%s.%s[%zu] is %g; it must %s", tide_sim_kind_name(kind), name, i + 1,
                             values[i], f->range == POSITIVE ? "be above zero" : "not be below zero");
    }
    if (f->numbers == geom_size)
        TIDE_TRY(check_size(sim, index, values));
    if (f->numbers == body_centre || f->numbers == joint_position)
        TIDE_TRY(check_simple(sim, kind, index, name));
    memcpy(numbers, values, n * sizeof *values);
    if (f->follow != NULL)
        f->follow(sim->model, index);
    sim->underived = sim->underived || f->derives;
    sim->unforwarded = sim->unforwarded || f->follow != NULL;
    return TIDE_OK;
}
