/* Named access to a model's figures: what is wrong with a simulator is written here.
 *
 * A part is a joint, body, geom or actuator, or the options of the whole model. Fields
 * have one number or several. Constants that MuJoCo derives from a field (mj_setConst)
 * follow before the next step, and so do those that else only its compiler derives: a
 * geom's bounding sphere, which frames coincide, which bodies are simple. A body's mass
 * and inertia are figures of their own: they do not follow its geoms' sizes. */
#ifndef TIDE_SIM_FIELDS_H
#define TIDE_SIM_FIELDS_H

#include "sim/sim.h"

typedef enum tide_sim_kind {
    TIDE_SIM_OPTION, /* the model itself: one part, of index 0 and no name */
    TIDE_SIM_JOINT,
    TIDE_SIM_BODY,
    TIDE_SIM_GEOM,
    TIDE_SIM_ACTUATOR,
    TIDE_SIM_KINDS
} tide_sim_kind;

enum { TIDE_SIM_FIELD_MAX = 10 }; /* numbers in the longest field */

/* "joint", "body", ... */
const char *tide_sim_kind_name(tide_sim_kind kind);

/* Parts of this kind; the name of one, NULL if it has none. */
size_t tide_sim_part_count(const tide_sim *sim, tide_sim_kind kind);
const char *tide_sim_part_name(const tide_sim *sim, tide_sim_kind kind, size_t index);

/* What a joint ("hinge") or geom ("capsule") is; NULL for other kinds. */
const char *tide_sim_part_type(const tide_sim *sim, tide_sim_kind kind, size_t index);

/* The body that a joint or geom belongs to, or a body's parent. False where there is none. */
bool tide_sim_part_body(const tide_sim *sim, tide_sim_kind kind, size_t index, size_t *body);

/* Finds a part by name. Errors: TIDE_ARGUMENT, with the nearest name and those there are. */
tide_status tide_sim_find(const tide_sim *sim, tide_sim_kind kind, const char *name, size_t *index);

/* 1 if parts of this kind have the field. */
bool tide_sim_has_field(tide_sim_kind kind, const char *field);

/* The index-th field of a kind of part, NULL past the last. */
const char *tide_sim_field_name(tide_sim_kind kind, size_t index);

/* Reads a field into `values` and its count of numbers into *n.
 * Errors: TIDE_ARGUMENT, with the fields there are. */
tide_status tide_sim_get_field(const tide_sim *sim, tide_sim_kind kind, size_t index, const char *field,
                               double values[TIDE_SIM_FIELD_MAX], size_t *n);

/* Writes all n numbers of a field. Errors, and then nothing is changed: TIDE_ARGUMENT
 * (unknown field, a number out of the field's range, the size of a mesh), TIDE_SHAPE (another count),
 * TIDE_NUMERIC (not finite). */
tide_status tide_sim_set_field(tide_sim *sim, tide_sim_kind kind, size_t index, const char *field, const double *values,
                               size_t n);

#endif
