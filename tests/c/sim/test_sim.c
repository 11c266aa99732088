/* Promises of sim/sim.h. */
#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/mujoco.h"
#include "sim/sim.h"

#define CHEETAH TIDE_SOURCE_DIR "/envs/half_cheetah.xml"

enum { FRAME_SKIP = 5, NU = 6, NQ = 9, NV = 9 };

static tide_sim *load_cheetah(void)
{
    tide_sim *sim;
    ck_assert_msg(tide_sim_load(CHEETAH, &sim) == TIDE_OK, "%s", tide_message());
    return sim;
}

/* Puts `xml` into a file of its own and loads it. */
static tide_status load_text(const char *xml, tide_sim **sim)
{
    char path[] = "/tmp/tide_test_sim_XXXXXX";
    int file = mkstemp(path);
    ck_assert_int_ge(file, 0);
    ck_assert_int_eq(write(file, xml, strlen(xml)), (ssize_t)strlen(xml));
    close(file);
    tide_status status = tide_sim_load(path, sim);
    unlink(path);
    return status;
}

/* n control steps under random actions; none may fail. */
static void run(tide_sim *sim, tide_rng *rng, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float action[NU];
        bool diverged;
        tide_rng_uniform(rng, action, NU, -1.0f, 1.0f);
        for (size_t k = 0; k < NU; k++)
            tide_sim_control(sim)[k] = (double)action[k];
        ck_assert_msg(tide_sim_step(sim, FRAME_SKIP, &diverged) == TIDE_OK, "%s", tide_message());
        ck_assert(!diverged);
    }
}

static void check_same_state(tide_sim *a, tide_sim *b)
{
    size_t n = tide_sim_state_size(a);
    ck_assert_uint_eq(n, tide_sim_state_size(b));
    double *x = malloc(n * sizeof *x), *y = malloc(n * sizeof *y);
    ck_assert_int_eq(tide_sim_get_state(a, x), TIDE_OK);
    ck_assert_int_eq(tide_sim_get_state(b, y), TIDE_OK);
    ck_assert_mem_eq(x, y, n * sizeof *x);
    free(x);
    free(y);
}

START_TEST(a_missing_file_is_named)
{
    tide_sim *sim;
    ck_assert_int_eq(tide_sim_load("/nowhere/robot.xml", &sim), TIDE_FORMAT);
    ck_assert_ptr_nonnull(strstr(tide_message(), "/nowhere/robot.xml"));
}
END_TEST

START_TEST(a_file_that_is_no_model_is_refused)
{
    tide_sim *sim;
    ck_assert_int_eq(load_text("<mujoco><worldbody><cow/></worldbody></mujoco>", &sim), TIDE_FORMAT);
    ck_assert_ptr_nonnull(strstr(tide_message(), "cow"));
    ck_assert_ptr_null(strchr(tide_message(), '\n'));
    ck_assert_int_eq(load_text("no xml at all", &sim), TIDE_FORMAT);
    ck_assert_int_eq(load_text("<mujoco><worldbody><body><joint/></body></worldbody></mujoco>", &sim), TIDE_FORMAT);
    ck_assert_int_eq(tide_sim_load("/tmp", &sim), TIDE_FORMAT);
}
END_TEST

START_TEST(a_model_without_joints_or_actuators_steps)
{
    tide_sim *sim;
    bool diverged;
    double state[2];
    ck_assert_int_eq(load_text("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>", &sim), TIDE_OK);
    ck_assert_uint_eq(tide_sim_state_size(sim), 2);
    ck_assert_int_eq(tide_sim_step(sim, 3, &diverged), TIDE_OK);
    ck_assert_int_eq(tide_sim_get_state(sim, state), TIDE_OK);
    ck_assert_double_eq(state[0], 1.0);
    ck_assert_double_eq_tol(state[1], 0.006, 1e-12); /* three of MuJoCo's default steps */
    ck_assert_int_eq(tide_sim_place(sim, NULL, NULL), TIDE_OK);
    ck_assert_int_eq(tide_sim_set_state(sim, state), TIDE_OK);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(activations_are_part_of_the_state)
{
    static const char muscle[] =
        "<mujoco><worldbody><body><joint name='j' type='hinge' axis='0 1 0'/><geom size='.1' pos='0 0 1'/></body>"
        "</worldbody><actuator><general joint='j' dyntype='filter' dynprm='1'/></actuator></mujoco>";
    tide_sim *a, *b;
    bool diverged;
    double state[6];
    ck_assert_int_eq(load_text(muscle, &a), TIDE_OK);
    ck_assert_int_eq(load_text(muscle, &b), TIDE_OK);
    ck_assert_uint_eq(tide_sim_na(a), 1);
    ck_assert_uint_eq(tide_sim_state_size(a), 6);
    *tide_sim_control(a) = *tide_sim_control(b) = 1.0;
    ck_assert_int_eq(tide_sim_step(a, 50, &diverged), TIDE_OK);
    ck_assert_int_eq(tide_sim_get_state(a, state), TIDE_OK);
    ck_assert_double_gt(state[4], 0.05);
    ck_assert_int_eq(tide_sim_set_state(b, state), TIDE_OK);
    *tide_sim_control(a) = *tide_sim_control(b) = 0.5;
    ck_assert_int_eq(tide_sim_step(a, 50, &diverged), TIDE_OK);
    ck_assert_int_eq(tide_sim_step(b, 50, &diverged), TIDE_OK);
    check_same_state(a, b);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(a_restored_sim_continues_bit_for_bit)
{
    tide_sim *a = load_cheetah(), *b = load_cheetah();
    tide_rng rng = tide_rng_make(1, 0);
    tide_sim_add_noise(a, TIDE_SIM_QVEL, TIDE_SIM_NORMAL, 0.1, &rng);
    run(a, &rng, 100);
    double *state = malloc(tide_sim_state_size(a) * sizeof *state);
    ck_assert_int_eq(tide_sim_get_state(a, state), TIDE_OK);
    tide_rng other = tide_rng_make(2, 0);
    run(b, &other, 7); /* b's past must not matter */
    ck_assert_int_eq(tide_sim_set_state(b, state), TIDE_OK);
    ck_assert_uint_eq(tide_sim_steps(b), 100);
    other = rng;
    run(a, &rng, 200);
    run(b, &other, 200);
    check_same_state(a, b);
    free(state);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(saving_the_state_does_not_disturb_the_future)
{
    tide_sim *a = load_cheetah(), *b = load_cheetah();
    tide_rng rng = tide_rng_make(3, 0), other = rng;
    double *state = malloc(tide_sim_state_size(a) * sizeof *state);
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(tide_sim_get_state(a, state), TIDE_OK);
        run(a, &rng, 1);
        run(b, &other, 1);
    }
    check_same_state(a, b);
    free(state);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(the_warm_start_is_part_of_the_state)
{
    tide_sim *sim = load_cheetah();
    tide_rng rng = tide_rng_make(4, 0);
    run(sim, &rng, 30);
    size_t n = tide_sim_state_size(sim);
    ck_assert_uint_eq(n, 2 + NQ + NV + NV);
    double *state = malloc(n * sizeof *state);
    ck_assert_int_eq(tide_sim_get_state(sim, state), TIDE_OK);
    double largest = 0.0;
    for (size_t i = n - NV; i < n; i++)
        largest = fmax(largest, fabs(state[i]));
    ck_assert_double_gt(largest, 1.0);
    free(state);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(a_reset_forgets_the_past)
{
    tide_sim *a = load_cheetah(), *b = load_cheetah();
    tide_rng rng = tide_rng_make(5, 0);
    run(a, &rng, 60);
    ck_assert_int_eq(tide_sim_reset(a), TIDE_OK);
    ck_assert_uint_eq(tide_sim_steps(a), 0);
    ck_assert_double_eq(tide_sim_time(a), 0.0);
    check_same_state(a, b);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(a_replay_moves_as_steps_do_and_needs_a_new_state)
{
    enum { N = 30 };
    tide_sim *a = load_cheetah(), *b = load_cheetah();
    float actions[N * NU];
    bool diverged;
    tide_rng rng = tide_rng_make(7, 0);
    tide_rng_uniform(&rng, actions, N * NU, -1.0f, 1.0f);
    for (size_t i = 0; i < N; i++) {
        for (size_t k = 0; k < NU; k++)
            tide_sim_control(a)[k] = (double)actions[i * NU + k];
        ck_assert_int_eq(tide_sim_step(a, FRAME_SKIP, &diverged), TIDE_OK);
    }
    ck_assert_int_eq(tide_sim_replay(b, actions, N, FRAME_SKIP), TIDE_OK);
    ck_assert_mem_eq(tide_sim_qpos(a), tide_sim_qpos(b), NQ * sizeof(double));
    ck_assert_mem_eq(tide_sim_qvel(a), tide_sim_qvel(b), NV * sizeof(double));
    ck_assert_int_eq(tide_sim_step(b, FRAME_SKIP, &diverged), TIDE_STATE);
    ck_assert_int_eq(tide_sim_replay(b, actions, N, FRAME_SKIP), TIDE_STATE);
    ck_assert_int_eq(tide_sim_reset(b), TIDE_OK);
    ck_assert_int_eq(tide_sim_step(b, FRAME_SKIP, &diverged), TIDE_OK);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(sims_of_one_file_share_nothing)
{
    tide_sim *a = load_cheetah(), *b = load_cheetah(), *c = load_cheetah();
    a->model->opt.gravity[2] *= 2.0;
    tide_rng rng = tide_rng_make(6, 0), same = rng, again = rng;
    run(a, &rng, 20);
    run(b, &same, 20);
    run(c, &again, 20);
    check_same_state(b, c);
    ck_assert_double_ne(tide_sim_qpos(a)[1], tide_sim_qpos(b)[1]);
    tide_sim_destroy(a);
    tide_sim_destroy(b);
    tide_sim_destroy(c);
}
END_TEST

START_TEST(a_control_that_is_not_finite_is_refused)
{
    tide_sim *sim = load_cheetah(), *same = load_cheetah();
    bool diverged;
    tide_sim_control(sim)[2] = NAN;
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_NUMERIC);
    ck_assert_ptr_nonnull(strstr(tide_message(), "control[3]"));
    tide_sim_control(sim)[2] = 1e11;
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_NUMERIC);
    check_same_state(sim, same);
    tide_rng rng = tide_rng_make(7, 0);
    run(sim, &rng, 1); /* and it goes on */
    tide_sim_destroy(sim);
    tide_sim_destroy(same);
}
END_TEST

/* A state that MuJoCo would reset in silence: `what` picks how it goes wrong. */
static void spoil(tide_sim *sim, int what)
{
    if (what == 0)
        sim->data->qpos[4] = NAN;
    else if (what == 1)
        sim->data->qvel[3] = INFINITY;
    else
        sim->data->qvel[3] = 1e9; /* the acceleration runs away within the step */
}

START_TEST(a_runaway_state_is_reported)
{
    tide_sim *sim = load_cheetah();
    tide_rng rng = tide_rng_make(8, 0);
    run(sim, &rng, 10);
    spoil(sim, _i);
    double before[NQ];
    memcpy(before, tide_sim_qpos(sim), sizeof before);
    bool diverged;
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_OK);
    ck_assert(diverged);
    ck_assert_ptr_nonnull(strstr(tide_message(), "control step 11"));
    ck_assert_ptr_nonnull(strstr(tide_message(), "qpos"));
    ck_assert_mem_eq(before, tide_sim_qpos(sim), sizeof before);
    ck_assert_double_gt(tide_sim_time(sim), 0.4); /* not the silent reset */
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_STATE);
    ck_assert_int_eq(tide_sim_reset(sim), TIDE_OK);
    run(sim, &rng, 10);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(an_error_inside_mujoco_is_a_status)
{
    tide_sim *sim = load_cheetah();
    tide_rng rng = tide_rng_make(9, 0);
    for (int times = 0; times < 3; times++) {
        ck_assert_int_eq(tide_sim_reset(sim), TIDE_OK);
        run(sim, &rng, 3);
        double height = tide_sim_qpos(sim)[1];
        int integrator = sim->model->opt.integrator;
        sim->model->opt.integrator = 99;
        bool diverged;
        ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_SIMULATOR);
        ck_assert(!diverged);
        ck_assert_ptr_nonnull(strstr(tide_message(), "MuJoCo"));
        ck_assert_ptr_nonnull(strstr(tide_message(), "integrator"));
        ck_assert_ptr_nonnull(strstr(tide_message(), "control step 4"));
        ck_assert_double_eq(height, tide_sim_qpos(sim)[1]);
        sim->model->opt.integrator = integrator;
        ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_STATE);
    }
    tide_sim_destroy(sim);
}
END_TEST

static void work_that_fails(void *argument)
{
    (void)argument;
    mju_error("inner");
}

static void work_with_a_guard_inside(void *status)
{
    *(tide_status *)status = tide_sim_guard(work_that_fails, NULL);
    mju_error("outer");
}

START_TEST(guards_nest)
{
    tide_status inner = TIDE_OK;
    ck_assert_int_eq(tide_sim_guard(work_with_a_guard_inside, &inner), TIDE_SIMULATOR);
    ck_assert_int_eq(inner, TIDE_SIMULATOR);
    ck_assert_str_eq(tide_message(), "MuJoCo: outer");
}
END_TEST

#if mjVERSION_HEADER < 300
START_TEST(contacts_that_do_not_fit_are_an_error)
{
    /* Before 3.0 the buffers have fixed sizes; physics with contacts left out is wrong physics. */
    tide_sim *sim;
    ck_assert_int_eq(load_text("<mujoco><size nconmax='1'/><worldbody><geom type='plane' size='1 1 1'/>"
                               "<body pos='0 0 0.05'><freejoint/><geom type='box' size='.1 .1 .1'/></body>"
                               "</worldbody></mujoco>",
                               &sim),
                     TIDE_OK);
    bool diverged;
    ck_assert_int_eq(tide_sim_step(sim, 1, &diverged), TIDE_SIMULATOR);
    ck_assert_ptr_nonnull(strstr(tide_message(), "contact"));
    ck_assert(!diverged);
    tide_sim_destroy(sim);
}
END_TEST
#endif

/* Divergence, an error and a bad file, with stdout and stderr going to a file. */
static void misbehave(void)
{
    tide_sim *sim = load_cheetah();
    bool diverged;
    spoil(sim, 1);
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_OK);
    ck_assert(diverged);
    ck_assert_int_eq(tide_sim_reset(sim), TIDE_OK);
    sim->model->opt.integrator = 99;
    ck_assert_int_eq(tide_sim_step(sim, FRAME_SKIP, &diverged), TIDE_SIMULATOR);
    tide_sim_destroy(sim);
    ck_assert_int_eq(tide_sim_load("/nowhere.xml", &sim), TIDE_FORMAT);
}

START_TEST(nothing_is_printed_or_logged)
{
    char folder[] = "/tmp/tide_test_log_XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    char *former = getcwd(NULL, 0);
    ck_assert_ptr_nonnull(former);
    ck_assert_int_eq(chdir(folder), 0);
    fflush(stdout);
    fflush(stderr);
    int out = dup(1), err = dup(2), file = open("output", O_CREAT | O_RDWR, 0600);
    dup2(file, 1);
    dup2(file, 2);
    uint64_t warnings = tide_sim_warnings();
    misbehave();
    fflush(stdout);
    fflush(stderr);
    dup2(out, 1);
    dup2(err, 2);
    struct stat found;
    ck_assert_int_eq(fstat(file, &found), 0);
    close(file);
    ck_assert_int_eq(found.st_size, 0);
    ck_assert_int_ne(access("MUJOCO_LOG.TXT", F_OK), 0);
    ck_assert_uint_gt(tide_sim_warnings(), warnings);
    unlink("output");
    ck_assert_int_eq(chdir(former), 0);
    free(former);
    rmdir(folder);
}
END_TEST

START_TEST(a_state_that_is_not_finite_is_refused)
{
    tide_sim *sim = load_cheetah(), *same = load_cheetah();
    double *state = malloc(tide_sim_state_size(sim) * sizeof *state);
    ck_assert_int_eq(tide_sim_get_state(sim, state), TIDE_OK);
    state[5] = NAN;
    ck_assert_int_eq(tide_sim_set_state(sim, state), TIDE_NUMERIC);
    state[5] = 0.0;
    state[0] = -1.0;
    ck_assert_int_eq(tide_sim_set_state(sim, state), TIDE_ARGUMENT);
    double qpos[NQ] = {0}, qvel[NV] = {0};
    qvel[8] = INFINITY;
    ck_assert_int_eq(tide_sim_place(sim, qpos, qvel), TIDE_NUMERIC);
    ck_assert_ptr_nonnull(strstr(tide_message(), "qvel[9]"));
    check_same_state(sim, same);
    free(state);
    tide_sim_destroy(sim);
    tide_sim_destroy(same);
}
END_TEST

START_TEST(noise_has_its_size_and_seed)
{
    tide_sim *a = load_cheetah(), *b = load_cheetah();
    tide_rng rng = tide_rng_make(10, 0), same = rng;
    double sum = 0.0, squares = 0.0, largest = 0.0;
    enum { ROUNDS = 2000 };
    for (int i = 0; i < ROUNDS; i++) {
        ck_assert_int_eq(tide_sim_reset(a), TIDE_OK);
        tide_sim_add_noise(a, TIDE_SIM_QPOS, TIDE_SIM_UNIFORM, 0.1, &rng);
        tide_sim_add_noise(a, TIDE_SIM_QVEL, TIDE_SIM_NORMAL, 0.1, &rng);
        for (size_t k = 0; k < NQ; k++) {
            largest = fmax(largest, fabs(tide_sim_qpos(a)[k]));
            sum += tide_sim_qvel(a)[k];
            squares += tide_sim_qvel(a)[k] * tide_sim_qvel(a)[k];
        }
        tide_sim_add_noise(b, TIDE_SIM_QPOS, TIDE_SIM_UNIFORM, 0.1, &same);
        ck_assert_int_eq(tide_sim_reset(b), TIDE_OK);
        tide_sim_add_noise(b, TIDE_SIM_QVEL, TIDE_SIM_NORMAL, 0.1, &same);
    }
    ck_assert_double_le(largest, 0.1);
    ck_assert_double_gt(largest, 0.099);
    ck_assert_double_eq_tol(sum / (ROUNDS * NV), 0.0, 0.003);             /* 4 standard errors */
    ck_assert_double_eq_tol(squares / (ROUNDS * NV), 0.01, 0.01 * 0.045); /* 4 standard errors */
    ck_assert_mem_eq(tide_sim_qvel(a), tide_sim_qvel(b), NV * sizeof(double));
    tide_sim_destroy(a);
    tide_sim_destroy(b);
}
END_TEST

START_TEST(observations_skip_and_clip)
{
    tide_sim *sim = load_cheetah();
    double qpos[NQ], qvel[NV];
    for (size_t i = 0; i < NQ; i++) {
        qpos[i] = 0.01 * (double)i;
        qvel[i] = (double)i - 4.0;
    }
    ck_assert_int_eq(tide_sim_place(sim, qpos, qvel), TIDE_OK);
    float out[NQ + NV];
    ck_assert_int_eq(tide_sim_observe(sim, 1, 0.0, out), TIDE_OK);
    for (size_t i = 1; i < NQ; i++)
        ck_assert_float_eq(out[i - 1], (float)qpos[i]);
    for (size_t i = 0; i < NV; i++)
        ck_assert_float_eq(out[NQ - 1 + i], (float)qvel[i]);
    ck_assert_int_eq(tide_sim_observe(sim, NQ, 2.0, out), TIDE_OK);
    ck_assert_float_eq(out[0], -2.0f);
    ck_assert_float_eq(out[3], -1.0f);
    ck_assert_float_eq(out[8], 2.0f);
    ck_assert_int_eq(tide_sim_observe(sim, NQ + 1, 0.0, out), TIDE_ARGUMENT);
    ck_assert_int_eq(tide_sim_observe(sim, 0, -1.0, out), TIDE_ARGUMENT);
    ck_assert_int_eq(tide_sim_observe(sim, 0, (double)NAN, out), TIDE_ARGUMENT);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(bodies_stand_where_the_state_puts_them)
{
    tide_sim *sim = load_cheetah();
    double qpos[NQ] = {3.0, 0.25}, qvel[NV] = {0}, position[3];
    ck_assert_int_eq(tide_sim_place(sim, qpos, qvel), TIDE_OK);
    ck_assert_int_eq(tide_sim_body_position(sim, "torso", position), TIDE_OK);
    ck_assert_double_eq_tol(position[0], 3.0, 1e-12);
    ck_assert_double_eq_tol(position[2], 0.7 + 0.25, 1e-12);
    double *state = malloc(tide_sim_state_size(sim) * sizeof *state);
    ck_assert_int_eq(tide_sim_get_state(sim, state), TIDE_OK);
    ck_assert_int_eq(tide_sim_reset(sim), TIDE_OK);
    ck_assert_int_eq(tide_sim_set_state(sim, state), TIDE_OK);
    ck_assert_int_eq(tide_sim_body_position(sim, "torso", position), TIDE_OK);
    ck_assert_double_eq_tol(position[0], 3.0, 1e-12);
    ck_assert_int_eq(tide_sim_body_position(sim, "tail", position), TIDE_ARGUMENT);
    free(state);
    tide_sim_destroy(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sim");
    TCase *tests = tcase_create("sim");
    tcase_add_test(tests, a_missing_file_is_named);
    tcase_add_test(tests, a_file_that_is_no_model_is_refused);
    tcase_add_test(tests, a_model_without_joints_or_actuators_steps);
    tcase_add_test(tests, activations_are_part_of_the_state);
    tcase_add_test(tests, a_restored_sim_continues_bit_for_bit);
    tcase_add_test(tests, saving_the_state_does_not_disturb_the_future);
    tcase_add_test(tests, the_warm_start_is_part_of_the_state);
    tcase_add_test(tests, a_reset_forgets_the_past);
    tcase_add_test(tests, a_replay_moves_as_steps_do_and_needs_a_new_state);
    tcase_add_test(tests, sims_of_one_file_share_nothing);
    tcase_add_test(tests, a_control_that_is_not_finite_is_refused);
    tcase_add_loop_test(tests, a_runaway_state_is_reported, 0, 3);
    tcase_add_test(tests, an_error_inside_mujoco_is_a_status);
    tcase_add_test(tests, guards_nest);
#if mjVERSION_HEADER < 300
    tcase_add_test(tests, contacts_that_do_not_fit_are_an_error);
#endif
    tcase_add_test(tests, nothing_is_printed_or_logged);
    tcase_add_test(tests, a_state_that_is_not_finite_is_refused);
    tcase_add_test(tests, noise_has_its_size_and_seed);
    tcase_add_test(tests, observations_skip_and_clip);
    tcase_add_test(tests, bodies_stand_where_the_state_puts_them);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
