/* Datasets: D4RL's layout in its variants, each planted defect named, files written whole. */
#include "base/alloc.h"
#include "data/dataset.h"
#include "foreign.h"

enum { S = 3, A = 2, MOST = 64 };

/* A dataset to plant defects in: n rows, row i has observation (i, i + .25, i + .5), action (i, -i), reward i,
 * next observation (i + 1, i + 1.25, i + 1.5) unless its episode ends, then 1000 more. */
typedef struct plan {
    size_t n;
    double observations[MOST][S], actions[MOST][A], rewards[MOST], next_observations[MOST][S];
    int8_t terminals[MOST], timeouts[MOST];
} plan;

static plan make_plan(size_t n, size_t terminal_every, size_t timeout_every)
{
    plan p = {.n = n};
    for (size_t i = 0; i < n; i++) {
        p.terminals[i] = terminal_every > 0 && (i + 1) % terminal_every == 0;
        p.timeouts[i] = timeout_every > 0 && (i + 1) % timeout_every == 0;
        double next = (double)i + 1.0 + (p.terminals[i] || p.timeouts[i] ? 1000.0 : 0.0);
        for (int j = 0; j < S; j++) {
            p.observations[i][j] = (double)i + 0.25 * j;
            p.next_observations[i][j] = next + 0.25 * j;
        }
        p.actions[i][0] = (double)i;
        p.actions[i][1] = -(double)i;
        p.rewards[i] = (double)i;
    }
    return p;
}

/* Writes arrays of the plan named in `which` ("oarnte" for observations, actions, rewards ...), numbers as `type`. */
static void write_plan(const plan *p, const char *which, hid_t type)
{
    hid_t file = foreign_file();
    hsize_t s[2] = {p->n, S}, a[2] = {p->n, A}, one[1] = {p->n};
    if (strchr(which, 'o') != NULL)
        foreign_array(file, "observations", type, 2, s, NULL, H5T_NATIVE_DOUBLE, p->observations);
    if (strchr(which, 'a') != NULL)
        foreign_array(file, "actions", type, 2, a, NULL, H5T_NATIVE_DOUBLE, p->actions);
    if (strchr(which, 'r') != NULL)
        foreign_array(file, "rewards", type, 1, one, NULL, H5T_NATIVE_DOUBLE, p->rewards);
    if (strchr(which, 'n') != NULL)
        foreign_array(file, "next_observations", type, 2, s, NULL, H5T_NATIVE_DOUBLE, p->next_observations);
    if (strchr(which, 't') != NULL)
        foreign_array(file, "terminals", H5T_STD_I8LE, 1, one, NULL, H5T_NATIVE_INT8, p->terminals);
    if (strchr(which, 'e') != NULL)
        foreign_array(file, "timeouts", H5T_STD_I8LE, 1, one, NULL, H5T_NATIVE_INT8, p->timeouts);
    H5Fclose(file);
}

static tide_dataset *read_with(const tide_dataset_options *options)
{
    tide_dataset *d;
    MUST(tide_dataset_read(path, options, &d));
    return d;
}

/* Reading fails so, and gives nothing. */
#define READ_FAILS(options, status, text)                                    \
    do {                                                                     \
        tide_dataset *failed_;                                               \
        MUST_FAIL(tide_dataset_read(path, options, &failed_), status, text); \
        ck_assert_ptr_null(failed_);                                         \
    } while (0)

static float element(const tide_dataset *d, size_t row, tide_part part, size_t j)
{
    return d->rows[row * d->layout.stride + tide_part_offset(&d->layout, part) + j];
}

static void must_equal_plan(const tide_dataset *d, const plan *p)
{
    ck_assert_uint_eq(d->count, p->n);
    for (size_t i = 0; i < p->n; i++) {
        for (size_t j = 0; j < S; j++) {
            ck_assert_float_eq(element(d, i, TIDE_OBSERVATIONS, j), (float)p->observations[i][j]);
            ck_assert_float_eq(element(d, i, TIDE_NEXT_OBSERVATIONS, j), (float)p->next_observations[i][j]);
        }
        for (size_t j = 0; j < A; j++)
            ck_assert_float_eq(element(d, i, TIDE_ACTIONS, j), (float)p->actions[i][j]);
        ck_assert_float_eq(element(d, i, TIDE_REWARDS, 0), (float)p->rewards[i]);
        ck_assert_float_eq(element(d, i, TIDE_TERMINALS, 0), (float)p->terminals[i]);
        ck_assert_int_eq(d->timeouts[i], p->timeouts[i]);
    }
}

START_TEST(float32_and_float64_are_read_alike)
{
    plan p = make_plan(20, 7, 5);
    const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_IEEE_F64BE};
    for (size_t i = 0; i < 3; i++) {
        write_plan(&p, "oarnte", types[i]);
        tide_dataset *d = read_with(NULL);
        must_equal_plan(d, &p);
        ck_assert_int_eq(d->info.next_observations, TIDE_FROM_FILE);
        ck_assert_int_eq(d->info.timeouts_source, TIDE_FROM_FILE);
        tide_dataset_release(d);
    }
}
END_TEST

START_TEST(flags_of_any_type_and_columns_of_shape_n_1_are_read)
{
    plan p = make_plan(20, 7, 5);
    hid_t boolean = foreign_boolean();
    const hid_t types[] = {boolean, H5T_STD_I8LE, H5T_STD_U8LE, H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I64BE};
    hsize_t column[2] = {20, 1};
    for (size_t i = 0; i < 6; i++) {
        write_plan(&p, "oan", H5T_IEEE_F32LE);
        hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), memory = i == 0 ? boolean : H5T_NATIVE_INT8;
        foreign_array(file, "rewards", H5T_IEEE_F64LE, 2, column, NULL, H5T_NATIVE_DOUBLE, p.rewards);
        foreign_array(file, "terminals", types[i], 2, column, column, memory, p.terminals);
        foreign_array(file, "timeouts", types[i], 1, column, NULL, memory, p.timeouts);
        H5Fclose(file);
        tide_dataset *d = read_with(NULL);
        must_equal_plan(d, &p);
        tide_dataset_release(d);
    }
    H5Tclose(boolean);
}
END_TEST

START_TEST(missing_next_observations_come_from_the_next_row_and_never_across_an_end)
{
    plan p = make_plan(22, 7, 5); /* terminals at rows 6, 13, 20; timeouts at 4, 9, 14, 19; 21 is the last */
    write_plan(&p, "oarte", H5T_IEEE_F32LE);
    tide_dataset *d = read_with(NULL);
    ck_assert_int_eq(d->info.next_observations, TIDE_FROM_NEXT_ROW);
    ck_assert_uint_eq(d->info.file_rows, 22);
    ck_assert_uint_eq(d->info.dropped, 5);
    ck_assert_uint_eq(d->count, 17);
    ck_assert_uint_eq(d->info.stand_ins, 3);
    size_t row = 0;
    for (size_t i = 0; i < 22; i++) {
        if (!p.terminals[i] && (p.timeouts[i] || i == 21))
            continue;
        double next = p.terminals[i] ? (double)i : (double)i + 1;
        ck_assert_float_eq(element(d, row, TIDE_OBSERVATIONS, 0), (float)i);
        ck_assert_float_eq(element(d, row, TIDE_ACTIONS, 1), -(float)i);
        ck_assert_float_eq(element(d, row, TIDE_REWARDS, 0), (float)i);
        ck_assert_float_eq(element(d, row, TIDE_NEXT_OBSERVATIONS, 2), (float)(next + 0.5));
        ck_assert_float_eq(element(d, row, TIDE_TERMINALS, 0), (float)p.terminals[i]);
        row++;
    }
    ck_assert_uint_eq(row, d->count);
    ck_assert_uint_eq(d->info.episodes, 7);
    tide_dataset_release(d);
}
END_TEST

START_TEST(without_timeouts_a_step_limit_cuts)
{
    plan p = make_plan(20, 7, 0);
    write_plan(&p, "oart", H5T_IEEE_F32LE);
    READ_FAILS(NULL, TIDE_FORMAT, "give max_episode_steps");
    const tide_dataset_options options = {.max_episode_steps = 5};
    tide_dataset *d = read_with(&options); /* cut after rows 4, 11, 18; terminal at 6, 13 */
    ck_assert_int_eq(d->info.timeouts_source, TIDE_FROM_EPISODE_LENGTH);
    ck_assert_uint_eq(d->info.timeouts, 3);
    ck_assert_uint_eq(d->info.terminals, 2);
    ck_assert_uint_eq(d->info.dropped, 4);
    ck_assert_uint_eq(d->info.unfinished, 1);
    for (size_t i = 0; i < d->count; i++) {
        float now = element(d, i, TIDE_OBSERVATIONS, 0);
        ck_assert(now != 4.0f && now != 11.0f && now != 18.0f && now != 19.0f);
    }
    tide_dataset_release(d);
    write_plan(&p, "oarnt", H5T_IEEE_F32LE); /* with next observations nothing has to be known */
    d = read_with(NULL);
    ck_assert_int_eq(d->info.timeouts_source, TIDE_FROM_NOTHING);
    ck_assert_uint_eq(d->count, 20);
    tide_dataset_release(d);
}
END_TEST

START_TEST(returns_and_lengths_are_those_of_the_episodes)
{
    plan p = make_plan(12, 0, 5); /* 0..4, 5..9, and 10, 11 unfinished */
    write_plan(&p, "oarte", H5T_IEEE_F64LE);
    tide_dataset *d = read_with(NULL);
    const tide_dataset_info *info = &d->info;
    ck_assert_uint_eq(info->episodes, 2);
    ck_assert_uint_eq(info->unfinished, 2);
    ck_assert_double_eq(info->return_min, 10.0);
    ck_assert_double_eq(info->return_max, 35.0);
    ck_assert_double_eq(info->return_mean, 22.5);
    ck_assert_uint_eq(info->length_min, 5);
    ck_assert_double_eq(info->length_mean, 5.0);
    tide_dataset_release(d);
}
END_TEST

START_TEST(cuts_that_nothing_marks_are_counted)
{
    plan p = make_plan(20, 0, 10);
    p.timeouts[9] = 0; /* its next observation still jumps */
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    tide_dataset *d = read_with(NULL);
    ck_assert_uint_eq(d->info.unmarked_cuts, 1);
    ck_assert_uint_eq(d->info.timeouts, 1);
    ck_assert_uint_eq(d->info.episodes, 2);
    ck_assert_uint_eq(d->count, 20);
    tide_dataset_release(d);
    for (size_t i = 0; i < 20; i++) /* rows of no order at all: not twenty episodes */
        p.next_observations[i][0] += 0.125;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    d = read_with(NULL);
    ck_assert_uint_eq(d->info.unmarked_cuts, 0);
    ck_assert_uint_eq(d->info.episodes, 1);
    tide_dataset_release(d);
}
END_TEST

START_TEST(missing_arrays_are_named)
{
    plan p = make_plan(10, 0, 5);
    static const struct {
        const char *which, *text;
    } cases[] = {
        {"arnte", "no observations"}, {"ornte", "no actions"}, {"oante", "no rewards"}, {"oarne", "no terminals"}};
    for (size_t i = 0; i < 4; i++) {
        write_plan(&p, cases[i].which, H5T_IEEE_F32LE);
        READ_FAILS(NULL, TIDE_FORMAT, cases[i].text);
    }
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    const tide_dataset_options infos = {.infos = 1};
    READ_FAILS(&infos, TIDE_FORMAT, "no infos/qpos");
}
END_TEST

/* Writes the plan but for one array, which has another shape. */
static void with_shape(const plan *p, const char *which, const char *name, int rank, const hsize_t *dims)
{
    static const double zeros[4096];
    write_plan(p, which, H5T_IEEE_F32LE);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    foreign_array(file, name, H5T_IEEE_F32LE, rank, dims, NULL, H5T_NATIVE_DOUBLE, zeros);
    H5Fclose(file);
}

START_TEST(shapes_that_do_not_fit_are_named)
{
    plan p = make_plan(10, 0, 5);
    const hsize_t short_rows[2] = {8, A}, wide[2] = {10, 5}, cube[3] = {10, 2, 2}, pairs[2] = {10, 2},
                  none[2] = {10, 0};
    with_shape(&p, "ornte", "actions", 2, short_rows);
    READ_FAILS(NULL, TIDE_SHAPE, "observations 10, actions 8, rewards 10");
    with_shape(&p, "oarte", "next_observations", 2, wide);
    READ_FAILS(NULL, TIDE_SHAPE, "observations have 3 numbers, next_observations 5");
    with_shape(&p, "ornte", "actions", 3, cube);
    READ_FAILS(NULL, TIDE_SHAPE, "actions has 3 dimensions (10, 2, 2)");
    with_shape(&p, "oante", "rewards", 2, pairs);
    READ_FAILS(NULL, TIDE_SHAPE, "rewards has 2 dimensions (10, 2, 1)");
    with_shape(&p, "ornte", "actions", 2, none);
    READ_FAILS(NULL, TIDE_ARGUMENT, "actions of 0 numbers");
    p.n = 0;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    READ_FAILS(NULL, TIDE_FORMAT, "holds no transitions");
    hid_t file = foreign_file();
    H5Gclose(H5Gcreate2(file, "observations", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    READ_FAILS(NULL, TIDE_FORMAT, "observations: a group");
}
END_TEST

START_TEST(numbers_that_are_none_are_found)
{
    plan good = make_plan(10, 0, 5), p = good;
    p.observations[7][1] = NAN;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    READ_FAILS(NULL, TIDE_NUMERIC, "observations: row 8, column 2 (from 1) is nan");
    p = good;
    p.rewards[3] = 1e300; /* more than a float holds */
    write_plan(&p, "oarnte", H5T_IEEE_F64LE);
    READ_FAILS(NULL, TIDE_NUMERIC, "rewards: row 4, column 1 (from 1) is inf");
    p = good;
    p.next_observations[9][2] = -INFINITY;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    READ_FAILS(NULL, TIDE_NUMERIC, "next_observations: row 10, column 3 (from 1) is -inf");
    p = good;
    p.terminals[5] = 2;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    READ_FAILS(NULL, TIDE_NUMERIC, "terminals: row 6, column 1 (from 1) is 2");
}
END_TEST

/* Several blocks of chunks that divide neither rows nor columns, as large files have them. */
START_TEST(large_files_are_read_in_blocks)
{
    enum { N = 150001, D = 17 };
    float *x = malloc(sizeof(float) * N * D);
    int8_t *ends = calloc(N, 1);
    for (size_t i = 0; i < (size_t)N * D; i++)
        x[i] = (float)(i % 100003);
    ends[N - 1] = 1;
    hsize_t dims[2] = {N, D}, one[1] = {N}, odd[2] = {1777, 5}, tall[2] = {70000, D}, flat[1] = {999};
    hid_t file = foreign_file();
    foreign_array(file, "observations", H5T_IEEE_F32LE, 2, dims, odd, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "actions", H5T_IEEE_F64BE, 2, dims, tall, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "next_observations", H5T_IEEE_F32LE, 2, dims, NULL, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "rewards", H5T_IEEE_F32LE, 1, one, flat, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "terminals", H5T_STD_I8LE, 1, one, flat, H5T_NATIVE_INT8, ends);
    H5Fclose(file);
    tide_dataset *d = read_with(NULL);
    ck_assert_uint_eq(d->count, N);
    size_t wrong = 0; /* each assertion of Check is a system call */
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++) {
            wrong += element(d, i, TIDE_OBSERVATIONS, j) != x[i * D + j];
            wrong += element(d, i, TIDE_ACTIONS, j) != x[i * D + j];
            wrong += element(d, i, TIDE_NEXT_OBSERVATIONS, j) != x[i * D + j];
        }
        wrong += element(d, i, TIDE_REWARDS, 0) != x[i];
        wrong += element(d, i, TIDE_TERMINALS, 0) != (float)ends[i];
    }
    ck_assert_uint_eq(wrong, 0);
    tide_dataset_release(d);
    free(x);
    free(ends);
}
END_TEST

START_TEST(statistics_are_those_of_the_true_rows)
{
    tide_rng rng = testing_rng("statistics");
    plan p = make_plan(50, 0, 0);
    for (size_t i = 0; i < 50; i++)
        for (size_t j = 0; j < S; j++)
            p.observations[i][j] = (double)testing_uniform(&rng, -1.0f, 3.0f) + 1000.0 * (double)j;
    write_plan(&p, "oarnte", H5T_IEEE_F32LE);
    tide_dataset *d = read_with(NULL);
    float mean[S], std[S];
    const size_t padded[] = {0, 50, 500}; /* rows in all, the others zeros */
    for (size_t k = 0; k < 3; k++) {
        double n = padded[k] == 0 ? 50.0 : (double)padded[k];
        MUST(tide_dataset_statistics(d, padded[k], mean, std));
        for (size_t j = 0; j < S; j++) {
            double sum = 0.0, squares = 0.0;
            for (size_t i = 0; i < 50; i++)
                sum += (double)(float)p.observations[i][j];
            for (size_t i = 0; i < 50; i++)
                squares += pow((double)(float)p.observations[i][j] - sum / n, 2);
            squares += (n - 50.0) * pow(sum / n, 2);
            NEAR(mean[j], sum / n, 1e-6, 0);
            NEAR(std[j], sqrt(squares / n) + (padded[k] == 0 ? 0.0 : 1e-3), 1e-6, 0);
        }
    }
    MUST_FAIL(tide_dataset_statistics(d, 49, mean, std), TIDE_ARGUMENT, "padded to 49");
    tide_dataset_release(d);
}
END_TEST

/* ---- writing ---- */

static tide_dataset_writer *start(size_t infos)
{
    tide_dataset_writer *w;
    const tide_dataset_shape shape = {S, A, infos, infos};
    MUST(tide_dataset_create(path, &shape, &w));
    return w;
}

static tide_status add_row(tide_dataset_writer *w, const plan *p, size_t i)
{
    float s[S], a[A], next[S];
    for (size_t j = 0; j < S; j++) {
        s[j] = (float)p->observations[i][j];
        next[j] = (float)p->next_observations[i][j];
    }
    for (size_t j = 0; j < A; j++)
        a[j] = (float)p->actions[i][j];
    tide_transition t = {s, a, next, (float)p->rewards[i], p->terminals[i]};
    double state[2] = {0.1 * (double)i, -0.1 * (double)i};
    return tide_dataset_add(w, &t, p->timeouts[i], state, state);
}

START_TEST(what_is_written_comes_back)
{
    plan p = make_plan(60, 7, 5);
    tide_dataset_writer *w = start(2);
    tide_tree_writer *metadata, *again;
    MUST(tide_dataset_metadata(w, &metadata));
    MUST(tide_tree_put_string(metadata, "algorithm", "SAC"));
    MUST(tide_dataset_metadata(w, &again));
    ck_assert_ptr_eq(metadata, again);
    for (size_t i = 0; i < 60; i++)
        MUST(add_row(w, &p, i));
    ck_assert_uint_eq(tide_dataset_added(w), 60);
    MUST(tide_dataset_commit(w));
    MUST_FAIL(add_row(w, &p, 0), TIDE_STATE, "committed already");
    tide_dataset_discard(w);
    const tide_dataset_options infos = {.infos = 1};
    tide_dataset *d = read_with(&infos);
    must_equal_plan(d, &p);
    ck_assert_double_eq(d->qpos[2 * 59], 0.1 * 59.0);
    ck_assert_double_eq(d->qvel[2 * 59 + 1], -0.1 * 59.0);
    tide_dataset_release(d);
    tide_tree_reader *r;
    tide_tree_item item;
    MUST(tide_tree_open(path, "metadata", 0, &r));
    MUST(tide_tree_next(r, &item));
    ck_assert_str_eq(item.string, "SAC");
    tide_tree_close(r);
}
END_TEST

START_TEST(files_longer_than_the_buffers_are_whole)
{
    enum { N = 9000 };
    tide_dataset_writer *w = start(0);
    for (size_t i = 0; i < N; i++) {
        float x[S] = {(float)i, 1, 2};
        tide_transition t = {x, x, x, (float)i, 0};
        MUST(tide_dataset_add(w, &t, i % 1000 == 999, NULL, NULL));
    }
    MUST(tide_dataset_commit(w));
    tide_dataset_discard(w);
    tide_dataset *d = read_with(NULL);
    ck_assert_uint_eq(d->count, N);
    for (size_t i = 0; i < N; i++) {
        ck_assert_float_eq(element(d, i, TIDE_REWARDS, 0), (float)i);
        ck_assert_int_eq(d->timeouts[i], i % 1000 == 999);
    }
    tide_dataset_release(d);
}
END_TEST

START_TEST(equal_datasets_are_equal_files)
{
    plan p = make_plan(60, 7, 5);
    unsigned char *bytes[2];
    size_t n[2];
    for (int k = 0; k < 2; k++) {
        tide_dataset_writer *w = start(2);
        for (size_t i = 0; i < 60; i++)
            MUST(add_row(w, &p, i));
        MUST(tide_dataset_commit(w));
        tide_dataset_discard(w);
        bytes[k] = slurp(&n[k]);
        if (k == 0)
            sleep(1); /* times in the file would show */
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}
END_TEST

START_TEST(a_row_that_is_refused_is_not_added)
{
    plan p = make_plan(10, 0, 5);
    tide_dataset_writer *w = start(2);
    MUST(add_row(w, &p, 0));
    p.rewards[1] = NAN;
    MUST_FAIL(add_row(w, &p, 1), TIDE_NUMERIC, "row 2: the reward is nan");
    p.rewards[1] = 1.0;
    p.actions[1][1] = INFINITY;
    MUST_FAIL(add_row(w, &p, 1), TIDE_NUMERIC, "row 2: action[2] is inf");
    MUST(add_row(w, &p, 2));
    MUST(tide_dataset_commit(w));
    tide_dataset_discard(w);
    tide_dataset *d = read_with(NULL);
    ck_assert_uint_eq(d->count, 2);
    ck_assert_float_eq(element(d, 1, TIDE_REWARDS, 0), 2.0f);
    tide_dataset_release(d);
}
END_TEST

START_TEST(a_writer_that_is_given_up_leaves_nothing)
{
    plan p = make_plan(10, 0, 5);
    tide_dataset_writer *w = start(2);
    MUST(add_row(w, &p, 0));
    tide_dataset_discard(w);
    ck_assert_int_ne(access(path, F_OK), 0);
    w = start(0);
    MUST_FAIL(tide_dataset_commit(w), TIDE_STATE, "none was added");
    tide_dataset_discard(w);
    const tide_dataset_shape shape = {0, A, 0, 0};
    MUST_FAIL(tide_dataset_create(path, &shape, &w), TIDE_ARGUMENT, "observations of 0");
    ck_assert_ptr_null(w);
}
END_TEST

START_TEST(a_full_disk_leaves_the_old_dataset)
{
    plan p = make_plan(10, 0, 5);
    tide_dataset_writer *w = start(2);
    for (size_t i = 0; i < 10; i++)
        MUST(add_row(w, &p, i));
    MUST(tide_dataset_commit(w));
    tide_dataset_discard(w);
    fill_disk(20000);
    w = start(2);
    tide_rng rng = testing_rng("full disk");
    tide_status status = TIDE_OK;
    for (size_t i = 0; i < 20000 && status == TIDE_OK; i++) {
        for (size_t j = 0; j < S; j++)
            p.observations[0][j] = (double)testing_uniform(&rng, 0.0f, 1.0f);
        status = add_row(w, &p, 0);
    }
    if (status == TIDE_OK)
        status = tide_dataset_commit(w);
    ck_assert_int_eq(status, TIDE_IO);
    ck_assert_ptr_nonnull(strstr(tide_message(), "File too large"));
    tide_dataset_discard(w);
    tide_dataset *d = read_with(NULL);
    ck_assert_uint_eq(d->count, 10);
    tide_dataset_release(d);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, float32_and_float64_are_read_alike);
    tcase_add_test(tests, flags_of_any_type_and_columns_of_shape_n_1_are_read);
    tcase_add_test(tests, missing_next_observations_come_from_the_next_row_and_never_across_an_end);
    tcase_add_test(tests, without_timeouts_a_step_limit_cuts);
    tcase_add_test(tests, returns_and_lengths_are_those_of_the_episodes);
    tcase_add_test(tests, cuts_that_nothing_marks_are_counted);
    tcase_add_test(tests, missing_arrays_are_named);
    tcase_add_test(tests, shapes_that_do_not_fit_are_named);
    tcase_add_test(tests, numbers_that_are_none_are_found);
    tcase_add_test(tests, large_files_are_read_in_blocks);
    tcase_add_test(tests, statistics_are_those_of_the_true_rows);
    tcase_add_test(tests, what_is_written_comes_back);
    tcase_add_test(tests, files_longer_than_the_buffers_are_whole);
    tcase_add_test(tests, equal_datasets_are_equal_files);
    tcase_add_test(tests, a_row_that_is_refused_is_not_added);
    tcase_add_test(tests, a_writer_that_is_given_up_leaves_nothing);
    tcase_add_test(tests, a_full_disk_leaves_the_old_dataset);
}

int main(void)
{
    return testing_run("dataset", add);
}
