/* HalfCheetah against the published simulator: tests/reference/envs.h5. */
#include <check.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/fields.h"
#include "sim/mujoco.h"

#define CHEETAH TIDE_SOURCE_DIR "/envs/half_cheetah.xml"
#define REFERENCE TIDE_SOURCE_DIR "/tests/reference/envs.h5"

enum { TRAJECTORIES = 4, STEPS = 60, COMPARED = 20, NQ = 9, NV = 9, NU = 6, FRAME_SKIP = 5 };

static const char *const dynamics[] = {"real", "gravity_x2.0", "friction_x0.3", "density_x1.5"};

static double *read_reference(int which, const char *name, size_t count)
{
    char path[100];
    snprintf(path, sizeof path, "HalfCheetah/%s/%s", dynamics[which], name);
    hid_t file = H5Fopen(REFERENCE, H5F_ACC_RDONLY, H5P_DEFAULT);
    ck_assert_msg(file >= 0, "cannot open " REFERENCE);
    hid_t set = H5Dopen2(file, path, H5P_DEFAULT), space = H5Dget_space(set);
    ck_assert_int_eq(H5Sget_simple_extent_npoints(space), (hssize_t)count);
    double *numbers = malloc(count * sizeof *numbers);
    ck_assert(H5Dread(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    return numbers;
}

/* Multiplies one field of every part. */
static void scale(tide_sim *sim, tide_sim_kind kind, const char *field, double factor)
{
    for (size_t i = 0; i < tide_sim_part_count(sim, kind); i++) {
        double values[TIDE_SIM_FIELD_MAX];
        size_t n;
        ck_assert_int_eq(tide_sim_get_field(sim, kind, i, field, values, &n), TIDE_OK);
        for (size_t k = 0; k < n; k++)
            values[k] *= factor;
        ck_assert_int_eq(tide_sim_set_field(sim, kind, i, field, values, n), TIDE_OK);
    }
}

static tide_sim *load(int which)
{
    tide_sim *sim;
    ck_assert_msg(tide_sim_load(CHEETAH, &sim) == TIDE_OK, "%s", tide_message());
    if (which == 1)
        scale(sim, TIDE_SIM_OPTION, "gravity", 2.0);
    if (which == 2)
        scale(sim, TIDE_SIM_GEOM, "friction", 0.3);
    if (which == 3) {
        scale(sim, TIDE_SIM_BODY, "mass", 1.5);
        scale(sim, TIDE_SIM_BODY, "inertia", 1.5);
    }
    return sim;
}

static double worst(const double *a, const double *b, size_t n)
{
    double most = 0.0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

START_TEST(trajectories_are_the_published_ones)
{
    double *init_qpos = read_reference(_i, "init_qpos", TRAJECTORIES * NQ);
    double *init_qvel = read_reference(_i, "init_qvel", TRAJECTORIES * NV);
    double *actions = read_reference(_i, "actions", TRAJECTORIES * STEPS * NU);
    double *qpos = read_reference(_i, "qpos", TRAJECTORIES * STEPS * NQ);
    double *qvel = read_reference(_i, "qvel", TRAJECTORIES * STEPS * NV);
    /* Another MuJoCo rounds otherwise, and contacts amplify that. */
    double tolerance = mj_version() == 222 ? 1e-9 : 1e-6;
    tide_sim *sim = load(_i);
    for (size_t t = 0; t < TRAJECTORIES; t++) {
        ck_assert_int_eq(tide_sim_place(sim, init_qpos + t * NQ, init_qvel + t * NV), TIDE_OK);
        for (size_t s = 0; s < COMPARED; s++) {
            size_t row = t * STEPS + s;
            bool diverged;
            memcpy(tide_sim_control(sim), actions + row * NU, NU * sizeof *actions);
            ck_assert_msg(tide_sim_step(sim, FRAME_SKIP, &diverged) == TIDE_OK, "%s", tide_message());
            ck_assert(!diverged);
            ck_assert_double_le(worst(tide_sim_qpos(sim), qpos + row * NQ, NQ), tolerance);
            ck_assert_double_le(worst(tide_sim_qvel(sim), qvel + row * NV, NV), tolerance);
        }
    }
    tide_sim_destroy(sim);
    free(init_qpos);
    free(init_qvel);
    free(actions);
    free(qpos);
    free(qvel);
}
END_TEST

START_TEST(dynamics_with_a_gap_are_not_the_real_ones)
{
    /* The comparison above can tell them apart: a sim without the gap misses the reference. */
    double *init_qpos = read_reference(_i, "init_qpos", TRAJECTORIES * NQ);
    double *init_qvel = read_reference(_i, "init_qvel", TRAJECTORIES * NV);
    double *actions = read_reference(_i, "actions", TRAJECTORIES * STEPS * NU);
    double *qpos = read_reference(_i, "qpos", TRAJECTORIES * STEPS * NQ);
    tide_sim *sim = load(0);
    bool diverged;
    ck_assert_int_eq(tide_sim_place(sim, init_qpos, init_qvel), TIDE_OK);
    for (size_t s = 0; s < COMPARED; s++) {
        memcpy(tide_sim_control(sim), actions + s * NU, NU * sizeof *actions);
        ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_OK);
    }
    ck_assert_double_gt(worst(tide_sim_qpos(sim), qpos + (COMPARED - 1) * NQ, NQ), 1e-3);
    tide_sim_destroy(sim);
    free(init_qpos);
    free(init_qvel);
    free(actions);
    free(qpos);
}
END_TEST

/* Public figures, and the masses (14 kg in all) and inertias that MuJoCo 2.2.2 derives from them. */
typedef struct link {
    const char *name;
    double mass, inertia[3], damping, stiffness, range[2], gear;
} link;

static const link links[] = {
    {"bthigh",
     1.5435146443514645,
     {0.01684433958158996, 0.01684433958158996, 0.0015760215899581589},
     6,
     240,
     {-.52, 1.05},
     120},
    {"bshin",
     1.5874476987447697,
     {0.018267419079497905, 0.018267419079497905, 0.0016225027615062756},
     4.5,
     180,
     {-.785, .785},
     90},
    {"bfoot",
     1.0953974895397491,
     {0.0063524232635983275, 0.0063524232635983275, 0.0011019136401673642},
     3,
     120,
     {-.4, .785},
     60},
    {"fthigh",
     1.4380753138075317,
     {0.013739643347280341, 0.013739643347280341, 0.0014644667782426782},
     4.5,
     180,
     {-1, .7},
     120},
    {"fshin",
     1.2008368200836821,
     {0.0082221086192468609, 0.0082221086192468609, 0.001213468451882845},
     3,
     120,
     {-1.2, .87},
     60},
    {"ffoot",
     0.8845188284518829,
     {0.0035291094560669458, 0.0035291094560669458, 0.00087880401673640172},
     1.5,
     60,
     {-.5, .5},
     30},
};

static void check_field(const tide_sim *sim, tide_sim_kind kind, const char *part, const char *field,
                        const double *figures, size_t n)
{
    size_t index, width;
    double values[TIDE_SIM_FIELD_MAX];
    ck_assert_msg(tide_sim_find(sim, kind, part, &index) == TIDE_OK, "%s", tide_message());
    ck_assert_int_eq(tide_sim_get_field(sim, kind, index, field, values, &width), TIDE_OK);
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(fabs(values[i] - figures[i]) <= 1e-12, "%s.%s is %.17g, not %.17g", part, field, values[i],
                      figures[i]);
}

START_TEST(model_constants_are_the_published_ones)
{
    tide_sim *sim = load(0);
    const double torso = 6.2502092050209201, armature = 0.1, friction[3] = {0.4, 0.1, 0.1};
    check_field(sim, TIDE_SIM_BODY, "torso", "mass", &torso, 1);
    double total = torso;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++) {
        const link *l = &links[i];
        total += l->mass;
        check_field(sim, TIDE_SIM_BODY, l->name, "mass", &l->mass, 1);
        check_field(sim, TIDE_SIM_BODY, l->name, "inertia", l->inertia, 3);
        check_field(sim, TIDE_SIM_JOINT, l->name, "damping", &l->damping, 1);
        check_field(sim, TIDE_SIM_JOINT, l->name, "stiffness", &l->stiffness, 1);
        check_field(sim, TIDE_SIM_JOINT, l->name, "armature", &armature, 1);
        check_field(sim, TIDE_SIM_JOINT, l->name, "range", l->range, 2);
        check_field(sim, TIDE_SIM_ACTUATOR, l->name, "gear", &l->gear, 1);
        check_field(sim, TIDE_SIM_GEOM, l->name, "friction", friction, 3);
    }
    ck_assert_double_eq_tol(total, 14.0, 1e-12);
    ck_assert_uint_eq(tide_sim_nq(sim), NQ);
    ck_assert_uint_eq(tide_sim_nv(sim), NV);
    ck_assert_uint_eq(tide_sim_nu(sim), NU);
    ck_assert_double_eq(tide_sim_timestep(sim), 0.01);
    tide_sim_destroy(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("half_cheetah");
    TCase *tests = tcase_create("half_cheetah");
    tcase_add_loop_test(tests, trajectories_are_the_published_ones, 0, 4);
    tcase_add_loop_test(tests, dynamics_with_a_gap_are_not_the_real_ones, 1, 4);
    tcase_add_test(tests, model_constants_are_the_published_ones);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
