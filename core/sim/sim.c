#include "sim/sim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "sim/mujoco.h"

const char *tide_sim_version(void)
{
    return mj_versionString();
}

/* ---- loading ---- */

typedef struct loading {
    const char *path;
    mjModel *model;
    mjData *data;
    char error[1000];
} loading;

static void load(void *argument)
{
    loading *l = argument;
    l->model = mj_loadXML(l->path, NULL, l->error, (int)sizeof l->error);
    if (l->model != NULL)
        l->data = mj_makeData(l->model);
}

/* MuJoCo's messages end in a line break and go over several lines. */
static void make_one_line(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
        text[--n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (text[i] == '\n')
            text[i] = ' ';
}

static size_t warm_start_count(const tide_sim *sim)
{
    return tide_sim_nv(sim);
}

static tide_status finish_loading(tide_sim *sim, const char *path)
{
    void *block;
    size_t length = strlen(path) + 1;
    TIDE_TRY(tide_alloc(length, &block));
    sim->path = block;
    memcpy(sim->path, path, length);
    TIDE_TRY(tide_alloc_array(tide_sim_nu(sim), sizeof(double), &block));
    sim->control = block;
    TIDE_TRY(tide_alloc_array(tide_sim_state_size(sim), sizeof(double), &block));
    sim->last = block;
    return tide_sim_reset(sim);
}

tide_status tide_sim_load(const char *path, tide_sim **sim)
{
    if (mj_version() != mjVERSION_HEADER)
        return tide_fail(TIDE_SIMULATOR, "Tide was built for MuJoCo %d, but this is %d; build it again",
                         mjVERSION_HEADER, mj_version());
    loading l = {.path = path};
    tide_status status = tide_sim_guard(load, &l);
    if (status == TIDE_OK && l.model == NULL) {
        make_one_line(l.error);
        status = tide_fail(TIDE_FORMAT, "%s: not a model that MuJoCo %s reads: %s", path, mj_versionString(), l.error);
    } else if (status == TIDE_OK && l.data == NULL) {
        status = tide_fail(TIDE_MEMORY, "%s: no memory for the state of this model", path);
    } else if (status != TIDE_OK) {
        status = tide_fail(status, "%s: %s", path, tide_message());
    }
    void *block = NULL;
    if (status == TIDE_OK)
        status = tide_alloc(sizeof **sim, &block);
    if (status != TIDE_OK) {
        if (l.data != NULL)
            mj_deleteData(l.data);
        if (l.model != NULL)
            mj_deleteModel(l.model);
        return status;
    }
    tide_sim *made = block;
    *made = (tide_sim){.model = l.model, .data = l.data};
    status = finish_loading(made, path);
    if (status != TIDE_OK) {
        tide_sim_destroy(made);
        return status;
    }
    *sim = made;
    return TIDE_OK;
}

void tide_sim_destroy(tide_sim *sim)
{
    if (sim == NULL)
        return;
    mj_deleteData(sim->data);
    mj_deleteModel(sim->model);
    tide_free(sim->path);
    tide_free(sim->control);
    tide_free(sim->last);
    tide_free(sim);
}

/* ---- looking ---- */

size_t tide_sim_nq(const tide_sim *sim)
{
    return (size_t)sim->model->nq;
}

size_t tide_sim_nv(const tide_sim *sim)
{
    return (size_t)sim->model->nv;
}

size_t tide_sim_nu(const tide_sim *sim)
{
    return (size_t)sim->model->nu;
}

size_t tide_sim_na(const tide_sim *sim)
{
    return (size_t)sim->model->na;
}

const double *tide_sim_qpos(const tide_sim *sim)
{
    return sim->data->qpos;
}

const double *tide_sim_qvel(const tide_sim *sim)
{
    return sim->data->qvel;
}

double tide_sim_time(const tide_sim *sim)
{
    return sim->data->time;
}

double tide_sim_timestep(const tide_sim *sim)
{
    return sim->model->opt.timestep;
}

size_t tide_sim_steps(const tide_sim *sim)
{
    return sim->steps;
}

static float clipped(double x, double clip)
{
    return (float)(x > clip ? clip : x < -clip ? -clip : x);
}

tide_status tide_sim_observe(const tide_sim *sim, size_t skip, double clip, float *out)
{
    size_t nq = tide_sim_nq(sim), nv = tide_sim_nv(sim);
    const double *qpos = sim->data->qpos, *qvel = sim->data->qvel;
    if (skip > nq)
        return tide_fail(TIDE_ARGUMENT, "observe: %zu of %zu positions skipped", skip, nq);
    if (!(clip >= 0.0))
        return tide_fail(TIDE_ARGUMENT, "observe: the clip %g is below zero", clip);
    if (clip == 0.0)
        clip = INFINITY;
    for (size_t i = skip; i < nq; i++)
        *out++ = clipped(qpos[i], clip);
    for (size_t i = 0; i < nv; i++)
        *out++ = clipped(qvel[i], clip);
    return TIDE_OK;
}

tide_status tide_sim_body_position(tide_sim *sim, const char *body, double position[3])
{
    int id = mj_name2id(sim->model, mjOBJ_BODY, body);
    if (id < 0)
        return tide_fail(TIDE_ARGUMENT, "body_position: %s has no body \"%s\"", sim->path, body);
    TIDE_TRY(tide_sim_forward(sim));
    memcpy(position, sim->data->xpos + 3 * (size_t)id, 3 * sizeof *position);
    return TIDE_OK;
}

/* ---- the state ---- */

/* n may be 0, and the pointers NULL then: models without joints or actuators. */
static void copy(double *to, const double *from, size_t n)
{
    if (n > 0)
        memcpy(to, from, n * sizeof *to);
}

static tide_status check_finite(const char *what, const double *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (mju_isBad(values[i]))
            return tide_fail(TIDE_NUMERIC, "%s[%zu] is %g; finite numbers up to %g are needed", what, i + 1, values[i],
                             mjMAXVAL);
    return TIDE_OK;
}

static void reset(void *argument)
{
    tide_sim *sim = argument;
    mj_resetData(sim->model, sim->data);
}

static tide_status clear(tide_sim *sim)
{
    TIDE_TRY(tide_sim_guard(reset, sim));
    for (size_t i = 0, n = tide_sim_nu(sim); i < n; i++)
        sim->control[i] = 0.0;
    sim->steps = 0;
    sim->broken = false;
    sim->unforwarded = true;
    return TIDE_OK;
}

tide_status tide_sim_reset(tide_sim *sim)
{
    return clear(sim);
}

tide_status tide_sim_place(tide_sim *sim, const double *qpos, const double *qvel)
{
    size_t nq = tide_sim_nq(sim), nv = tide_sim_nv(sim);
    TIDE_TRY(check_finite("qpos", qpos, nq));
    TIDE_TRY(check_finite("qvel", qvel, nv));
    TIDE_TRY(clear(sim));
    copy(sim->data->qpos, qpos, nq);
    copy(sim->data->qvel, qvel, nv);
    return TIDE_OK;
}

void tide_sim_add_noise(tide_sim *sim, tide_sim_part part, tide_sim_noise noise, double scale, tide_rng *rng)
{
    double *to = part == TIDE_SIM_QPOS ? sim->data->qpos : sim->data->qvel;
    size_t n = part == TIDE_SIM_QPOS ? tide_sim_nq(sim) : tide_sim_nv(sim);
    for (size_t first = 0; first < n; first += TIDE_RNG_BATCH) {
        float draws[TIDE_RNG_BATCH];
        size_t count = n - first < TIDE_RNG_BATCH ? n - first : TIDE_RNG_BATCH;
        if (noise == TIDE_SIM_UNIFORM)
            tide_rng_uniform(rng, draws, count, -1.0f, 1.0f);
        else
            tide_rng_normal(rng, draws, count);
        for (size_t i = 0; i < count; i++)
            to[first + i] += scale * (double)draws[i];
    }
    sim->unforwarded = true;
}

size_t tide_sim_state_size(const tide_sim *sim)
{
    return 2 + tide_sim_nq(sim) + tide_sim_nv(sim) + tide_sim_na(sim) + warm_start_count(sim);
}

static double *put(double *to, const double *from, size_t n)
{
    copy(to, from, n);
    return to + n;
}

static const double *take(const double *from, double *to, size_t n)
{
    copy(to, from, n);
    return from + n;
}

static void save(const tide_sim *sim, double *state)
{
    const mjData *d = sim->data;
    *state++ = (double)sim->steps;
    *state++ = d->time;
    state = put(state, d->qpos, tide_sim_nq(sim));
    state = put(state, d->qvel, tide_sim_nv(sim));
    state = put(state, d->act, tide_sim_na(sim));
    put(state, d->qacc_warmstart, warm_start_count(sim));
}

static tide_status load_state(tide_sim *sim, const double *state)
{
    mjData *d = sim->data;
    TIDE_TRY(clear(sim));
    sim->steps = (size_t)*state++;
    d->time = *state++;
    state = take(state, d->qpos, tide_sim_nq(sim));
    state = take(state, d->qvel, tide_sim_nv(sim));
    state = take(state, d->act, tide_sim_na(sim));
    take(state, d->qacc_warmstart, warm_start_count(sim));
    sim->unforwarded = false;
    return TIDE_OK;
}

tide_status tide_sim_get_state(tide_sim *sim, double *state)
{
    TIDE_TRY(tide_sim_settle(sim)); /* it moves the warm start */
    save(sim, state);
    return TIDE_OK;
}

tide_status tide_sim_set_state(tide_sim *sim, const double *state)
{
    TIDE_TRY(check_finite("state", state, tide_sim_state_size(sim)));
    if (state[0] < 0.0)
        return tide_fail(TIDE_ARGUMENT, "state[1] is %g: a number of steps is needed", state[0]);
    TIDE_TRY(load_state(sim, state));
    /* Positions of bodies and the like follow now; mj_forward moves the warm start, so it is put back. */
    sim->unforwarded = true;
    TIDE_TRY(tide_sim_settle(sim));
    size_t before = tide_sim_state_size(sim) - warm_start_count(sim);
    take(state + before, sim->data->qacc_warmstart, warm_start_count(sim));
    return TIDE_OK;
}

/* ---- moving ---- */

double *tide_sim_control(tide_sim *sim)
{
    return sim->control;
}

double tide_sim_control_squares(const tide_sim *sim)
{
    double sum = 0.0;
    for (size_t i = 0, n = tide_sim_nu(sim); i < n; i++)
        sum += sim->control[i] * sim->control[i];
    return sum;
}

static void forward(void *argument)
{
    tide_sim *sim = argument;
    mj_forward(sim->model, sim->data);
}

typedef struct deriving {
    tide_sim *sim;
    mjData *scratch; /* mj_setConst writes into the state it is given */
} deriving;

static void derive(void *argument)
{
    deriving *d = argument;
    d->scratch = mj_makeData(d->sim->model);
    if (d->scratch != NULL)
        mj_setConst(d->sim->model, d->scratch);
}

tide_status tide_sim_settle(tide_sim *sim)
{
    if (sim->underived) {
        deriving d = {.sim = sim};
        tide_status status = tide_sim_guard(derive, &d);
        if (status == TIDE_OK && d.scratch == NULL)
            status = tide_fail(TIDE_MEMORY, "%s: no memory to derive the model's constants", sim->path);
        if (d.scratch != NULL)
            mj_deleteData(d.scratch);
        TIDE_TRY(status);
        sim->underived = false;
    }
    if (sim->unforwarded) {
        TIDE_TRY(tide_sim_guard(forward, sim));
        sim->unforwarded = false;
    }
    return TIDE_OK;
}

tide_status tide_sim_forward(tide_sim *sim)
{
    return tide_sim_settle(sim);
}

/* Writes "qpos -0.1 0.57 ..., qvel ..." for messages; long states are cut. */
static void describe(const tide_sim *sim, char *text, size_t size)
{
    enum { SHOWN = 24 };
    const double *parts[2] = {sim->data->qpos, sim->data->qvel};
    const size_t counts[2] = {tide_sim_nq(sim), tide_sim_nv(sim)};
    static const char *const names[2] = {"qpos", ", qvel"};
    size_t at = 0;
    text[0] = '\0';
    for (size_t p = 0; p < 2; p++) {
        at += (size_t)snprintf(text + at, size - at, "%s", names[p]);
        for (size_t i = 0; i < counts[p] && i < SHOWN && at + 32 < size; i++)
            at += (size_t)snprintf(text + at, size - at, " %.6g", parts[p][i]);
        if (counts[p] > SHOWN && at + 32 < size)
            at += (size_t)snprintf(text + at, size - at, " ...");
    }
}

/* The first kind of warning at or after `first` that MuJoCo counted, or -1. */
static int counted_warning(const mjData *d, int first, int last)
{
    for (int w = first; w <= last; w++)
        if (d->warning[w].number > 0)
            return w;
    return -1;
}

typedef struct stepping {
    tide_sim *sim;
    size_t frame_skip;
    int warning; /* a kind, or -1 */
    int info;    /* what MuJoCo tells about it */
} stepping;

static void step(void *argument)
{
    stepping *s = argument;
    const mjModel *m = s->sim->model;
    mjData *d = s->sim->data;
    for (size_t i = 0; i < s->frame_skip; i++) {
        mj_step(m, d);
        /* Divergence first: the reset that follows it leaves only its own warning. */
        s->warning = counted_warning(d, mjWARN_BADQPOS, mjWARN_BADCTRL);
        if (s->warning < 0)
            s->warning = counted_warning(d, mjWARN_INERTIA, mjWARN_CNSTRFULL);
        if (s->warning >= 0) {
            s->info = d->warning[s->warning].lastinfo;
            return;
        }
    }
}

tide_status tide_sim_step(tide_sim *sim, size_t frame_skip, bool *diverged)
{
    *diverged = false;
    size_t nu = tide_sim_nu(sim);
    TIDE_TRY(check_finite("the control", sim->control, nu));
    if (sim->broken)
        return tide_fail(TIDE_STATE, "step: the simulation failed in its last step; reset it first");
    TIDE_TRY(tide_sim_settle(sim));
    save(sim, sim->last);
    copy(sim->data->ctrl, sim->control, nu);
    for (int w = 0; w < mjNWARNING; w++)
        sim->data->warning[w].number = 0;

    stepping s = {.sim = sim, .frame_skip = frame_skip, .warning = -1};
    tide_status status = tide_sim_guard(step, &s);
    if (status == TIDE_OK && s.warning < 0) {
        sim->steps++;
        return TIDE_OK;
    }
    char reason[400], state[500];
    if (status == TIDE_OK)
        snprintf(reason, sizeof reason, "MuJoCo: %s", TIDE_WARNING_TEXT(s.warning, s.info));
    else
        snprintf(reason, sizeof reason, "%.399s", tide_message());
    TIDE_TRY(load_state(sim, sim->last));
    sim->broken = true;
    describe(sim, state, sizeof state);
    tide_status failure = tide_fail(TIDE_SIMULATOR, "%s (control step %zu, time %g s; before it: %s)", reason,
                                    sim->steps + 1, sim->data->time, state);
    *diverged = status == TIDE_OK && s.warning >= mjWARN_BADQPOS && s.warning <= mjWARN_BADQACC;
    return *diverged ? TIDE_OK : failure;
}

typedef struct replaying {
    const tide_sim *sim;
    const float *actions;
    size_t rows, frame_skip;
} replaying;

static void replay(void *argument)
{
    const replaying *r = argument;
    mjData *d = r->sim->data;
    size_t nu = tide_sim_nu(r->sim);
    for (size_t row = 0; row < r->rows; row++) {
        for (size_t i = 0; i < nu; i++)
            d->ctrl[i] = (double)r->actions[row * nu + i];
        for (size_t i = 0; i < r->frame_skip; i++)
            mj_step(r->sim->model, d);
    }
}

tide_status tide_sim_replay(tide_sim *sim, const float *actions, size_t rows, size_t frame_skip)
{
    if (sim->broken)
        return tide_fail(TIDE_STATE, "replay: the simulation failed in its last step; reset it first");
    TIDE_TRY(tide_sim_settle(sim));
    replaying r = {.sim = sim, .actions = actions, .rows = rows, .frame_skip = frame_skip};
    tide_status status = tide_sim_guard(replay, &r);
    sim->broken = true; /* nothing was checked on the way: only a new state is to be stepped from */
    return status;
}
