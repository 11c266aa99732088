#include "sim/fields.h"

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
    bool derives; /* MuJoCo derives constants from it */
} field;

#define FIELD_OF(function, array, width)                               \
    static double *function(const mjModel *m, size_t index, size_t *n) \
    {                                                                  \
        *n = (width);                                                  \
        return m->array + index * *n;                                  \
    }

FIELD_OF(joint_range, jnt_range, 2)
FIELD_OF(joint_stiffness, jnt_stiffness, 1)
FIELD_OF(body_mass, body_mass, 1)
FIELD_OF(body_inertia, body_inertia, 3)
FIELD_OF(body_centre, body_ipos, 3)
FIELD_OF(geom_friction, geom_friction, 3)
FIELD_OF(geom_solref, geom_solref, mjNREF)
FIELD_OF(geom_solimp, geom_solimp, mjNIMP)
FIELD_OF(actuator_gear, actuator_gear, 6)
FIELD_OF(actuator_ctrlrange, actuator_ctrlrange, 2)
FIELD_OF(actuator_gainprm, actuator_gainprm, mjNGAIN)
FIELD_OF(actuator_biasprm, actuator_biasprm, mjNBIAS)

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
    {TIDE_SIM_OPTION, "gravity", option_gravity, ANY, false},        /* m/s^2 */
    {TIDE_SIM_OPTION, "timestep", option_timestep, POSITIVE, false}, /* s, of one mj_step */
    {TIDE_SIM_OPTION, "wind", option_wind, ANY, false},              /* of the medium, m/s */
    {TIDE_SIM_OPTION, "density", option_density, NOT_NEGATIVE, false},
    {TIDE_SIM_OPTION, "viscosity", option_viscosity, NOT_NEGATIVE, false},
    {TIDE_SIM_JOINT, "damping", joint_damping, ANY, false},
    {TIDE_SIM_JOINT, "stiffness", joint_stiffness, ANY, false},
    {TIDE_SIM_JOINT, "armature", joint_armature, NOT_NEGATIVE, true},
    {TIDE_SIM_JOINT, "frictionloss", joint_frictionloss, NOT_NEGATIVE, false},
    {TIDE_SIM_JOINT, "range", joint_range, ANY, false},
    {TIDE_SIM_BODY, "mass", body_mass, NOT_NEGATIVE, true},
    {TIDE_SIM_BODY, "inertia", body_inertia, NOT_NEGATIVE, true},    /* diagonal, in the inertial frame */
    {TIDE_SIM_BODY, "centre", body_centre, ANY, true},               /* of mass, in the body's frame */
    {TIDE_SIM_GEOM, "friction", geom_friction, NOT_NEGATIVE, false}, /* sliding, torsional, rolling */
    {TIDE_SIM_GEOM, "solref", geom_solref, ANY, false},
    {TIDE_SIM_GEOM, "solimp", geom_solimp, NOT_NEGATIVE, false},
    {TIDE_SIM_ACTUATOR, "gear", actuator_gear, ANY, true},
    {TIDE_SIM_ACTUATOR, "ctrlrange", actuator_ctrlrange, ANY, false},
    {TIDE_SIM_ACTUATOR, "gainprm", actuator_gainprm, ANY, false},
    {TIDE_SIM_ACTUATOR, "biasprm", actuator_biasprm, ANY, false},
};

_Static_assert(mjNGAIN <= TIDE_SIM_FIELD_MAX && mjNBIAS <= TIDE_SIM_FIELD_MAX, "a longer field");

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

/* Appends ", name" to a list of names in `text`, if it fits. */
static void append(char *text, size_t size, const char *name)
{
    size_t at = strlen(text);
    if (at + strlen(name) + 8 < size)
        snprintf(text + at, size - at, "%s%s", at == 0 ? "" : ", ", name);
    else if (at + 6 < size && (at < 3 || strcmp(text + at - 3, "...") != 0))
        snprintf(text + at, size - at, ", ...");
}

tide_status tide_sim_find(const tide_sim *sim, tide_sim_kind kind, const char *name, size_t *index)
{
    int id = kind == TIDE_SIM_OPTION ? -1 : mj_name2id(sim->model, object_type(kind), name);
    if (id < 0) {
        char names[400] = "";
        for (size_t i = 0, n = tide_sim_part_count(sim, kind); i < n; i++) {
            const char *known = tide_sim_part_name(sim, kind, i);
            if (known != NULL)
                append(names, sizeof names, known);
        }
        return tide_fail(TIDE_ARGUMENT, "no %s \"%.100s\" in %s; there are: %s", tide_sim_kind_name(kind), name,
                         sim->path, names);
    }
    *index = (size_t)id;
    return TIDE_OK;
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
    char names[200] = "";
    for (size_t i = 0; i < FIELDS; i++)
        if (fields[i].kind == kind)
            append(names, sizeof names, fields[i].name);
    return tide_fail(TIDE_ARGUMENT, "a %s has no field \"%.100s\"; there are: %s", tide_sim_kind_name(kind), name,
                     names);
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
            return tide_fail(TIDE_NUMERIC, "%s.%s[%zu] is %g; finite numbers are needed", tide_sim_kind_name(kind),
                             name, i + 1, values[i]);
        if ((f->range == NOT_NEGATIVE && values[i] < 0.0) || (f->range == POSITIVE && values[i] <= 0.0))
            return tide_fail(TIDE_ARGUMENT, "%s.%s[%zu] is %g; it must %s", tide_sim_kind_name(kind), name, i + 1,
                             values[i], f->range == POSITIVE ? "be above zero" : "not be below zero");
    }
    memcpy(numbers, values, n * sizeof *values);
    sim->underived = sim->underived || f->derives;
    return TIDE_OK;
}
