/* Arrays of files of transitions: both layouts under one set of names, blocks equal the whole, copies to the bit;
 * surveys come to what reading comes to. */
#include "base/alloc.h"
#include "data/arrays.h"
#include "data/dataset.h"
#include "data/survey.h"
#include "foreign.h"

enum { S = 2 };

/* ---- Minari ---- */

/* Writes episode e of `length` steps: observation of step t is (100 e + t, -t), action (t), reward e + t; its last
 * step has the flags. qpos is as long as the observations, note as the actions. */
static void write_episode(hid_t file, size_t e, size_t length, int terminal, int truncated)
{
    double observations[64][S], values[64];
    int8_t flags[2][64] = {{0}};
    char name[64];
    for (size_t t = 0; t <= length; t++) {
        observations[t][0] = 100.0 * (double)e + (double)t;
        observations[t][1] = -(double)t;
        values[t] = (double)(e + t);
    }
    if (length > 0) {
        flags[0][length - 1] = (int8_t)terminal;
        flags[1][length - 1] = (int8_t)truncated;
    }
    hsize_t states[2] = {length + 1, S}, steps[2] = {length, 1}, chunk[2] = {3, S};
    hid_t boolean = foreign_boolean();
    snprintf(name, sizeof name, "episode_%zu", e);
    hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    foreign_array(group, "observations", H5T_IEEE_F64LE, 2, states, length > 2 ? chunk : NULL, H5T_NATIVE_DOUBLE,
                  observations);
    foreign_array(group, "actions", H5T_IEEE_F32LE, 2, steps, NULL, H5T_NATIVE_DOUBLE, values);
    foreign_array(group, "rewards", H5T_IEEE_F64LE, 1, steps, NULL, H5T_NATIVE_DOUBLE, values);
    foreign_array(group, "terminations", boolean, 1, steps, NULL, boolean, flags[0]);
    foreign_array(group, "truncations", boolean, 1, steps, NULL, boolean, flags[1]);
    foreign_array(group, "infos/qpos", H5T_IEEE_F64LE, 2, states, NULL, H5T_NATIVE_DOUBLE, observations);
    foreign_array(group, "infos/note", H5T_IEEE_F64LE, 1, steps, NULL, H5T_NATIVE_DOUBLE, values);
    H5Gclose(group);
    H5Tclose(boolean);
}

/* Episodes of 3 (terminal), 12 (truncated), 1 (neither) and 2 steps (truncated), written last to first. */
static void write_minari(void)
{
    static const size_t LENGTHS[] = {3, 12, 1, 2};
    hid_t file = foreign_file();
    for (size_t e = 4; e-- > 0;)
        write_episode(file, e, LENGTHS[e], e == 0, e == 1 || e == 3);
    H5Fclose(file);
}

static tide_arrays *open_file(void)
{
    tide_arrays *a;
    MUST(tide_arrays_open(path, &a));
    return a;
}

#define OPEN_FAILS(status, text)                                   \
    do {                                                           \
        tide_arrays *failed_;                                      \
        MUST_FAIL(tide_arrays_open(path, &failed_), status, text); \
        ck_assert_ptr_null(failed_);                               \
    } while (0)

START_TEST(episodes_of_a_minari_file_follow_one_another)
{
    write_minari();
    tide_arrays *a = open_file();
    ck_assert_int_eq(tide_arrays_layout_of(a), TIDE_MINARI);
    ck_assert_uint_eq(tide_arrays_rows(a), 18);
    ck_assert_uint_eq(tide_arrays_episodes(a), 4);
    ck_assert_uint_eq(tide_arrays_episode_end(a, 1), 15);
    double now[18][S], next[18][S], qpos[18][S], note[18];
    MUST(tide_arrays_read(a, tide_arrays_find(a, "observations"), TIDE_FLOAT64, 0, 18, now));
    MUST(tide_arrays_read(a, tide_arrays_find(a, "next_observations"), TIDE_FLOAT64, 0, 18, next));
    MUST(tide_arrays_read(a, tide_arrays_find(a, "infos/qpos"), TIDE_FLOAT64, 0, 18, qpos));
    MUST(tide_arrays_read(a, tide_arrays_find(a, "infos/note"), TIDE_FLOAT64, 0, 18, note));
    static const size_t STARTS[] = {0, 3, 15, 16, 18};
    for (size_t e = 0, i = 0; e < 4; e++)
        for (size_t t = 0; i < STARTS[e + 1]; t++, i++) {
            ck_assert_double_eq(now[i][0], 100.0 * (double)e + (double)t);
            ck_assert_double_eq(next[i][0], now[i][0] + 1.0);
            ck_assert_double_eq(qpos[i][1], -(double)t);
            ck_assert_double_eq(note[i], (double)(e + t));
        }
    float part[5][S]; /* from within the second episode into the fourth */
    MUST(tide_arrays_read(a, tide_arrays_find(a, "observations"), TIDE_FLOAT32, 13, 5, part));
    ck_assert_float_eq(part[1][0], 111.0f);
    ck_assert_float_eq(part[2][0], 200.0f);
    ck_assert_float_eq(part[4][0], 301.0f);
    tide_arrays_close(a);
}
END_TEST

START_TEST(a_minari_file_is_read_as_a_dataset)
{
    write_minari();
    tide_dataset *d;
    const tide_dataset_options infos = {0};
    MUST(tide_dataset_read(path, &infos, &d));
    ck_assert_uint_eq(d->count, 18);
    ck_assert_uint_eq(d->info.episodes, 4);
    ck_assert_uint_eq(d->info.terminals, 1);
    ck_assert_uint_eq(d->info.timeouts, 3);
    ck_assert_uint_eq(d->info.unmarked_ends, 1); /* the third episode's */
    ck_assert_uint_eq(d->info.unmarked_cuts, 0);
    ck_assert_uint_eq(d->info.dropped, 0);
    static const uint8_t CUTS[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1};
    ck_assert_mem_eq(d->timeouts, CUTS, 18);
    ck_assert_float_eq(d->rows[14 * d->layout.stride + d->layout.next_observation], 112.0f);
    tide_dataset_release(d);
}
END_TEST

START_TEST(minari_files_that_do_not_fit_are_named)
{
    hid_t file = foreign_file();
    write_episode(file, 0, 3, 0, 1);
    write_episode(file, 2, 3, 0, 1);
    H5Fclose(file);
    OPEN_FAILS(TIDE_FORMAT, "2 episodes, and the last is episode_2: some are missing");
    static const struct {
        const char *gone, *text;
        hsize_t dims[2];
    } cases[] = {
        {"observations", "episode_1/observations has 3 rows, 4 are needed: rewards has 3", {3, S}},
        {"actions", "episode_1/actions has 4 rows, 3 are needed", {4, 1}},
        {"actions", "episode_1/actions: its rows are not those of episode_0", {3, 2}},
        {"terminations", "there is no episode_1/terminations", {0, 0}},
    };
    for (size_t i = 0; i < 4; i++) {
        char name[64];
        double zeros[16] = {0};
        file = foreign_file();
        write_episode(file, 0, 3, 0, 1);
        write_episode(file, 1, 3, 0, 1);
        snprintf(name, sizeof name, "episode_1/%s", cases[i].gone);
        H5Ldelete(file, name, H5P_DEFAULT);
        if (cases[i].dims[0] > 0)
            foreign_array(file, name, H5T_IEEE_F64LE, 2, cases[i].dims, NULL, H5T_NATIVE_DOUBLE, zeros);
        H5Fclose(file);
        OPEN_FAILS(i < 3 ? TIDE_SHAPE : TIDE_FORMAT, cases[i].text);
    }
    tide_arrays *a; /* what only some episodes have is found when it is read */
    double x[6][S];
    file = foreign_file();
    write_episode(file, 0, 3, 0, 1);
    write_episode(file, 1, 3, 0, 1);
    H5Ldelete(file, "episode_1/infos/qpos", H5P_DEFAULT);
    H5Fclose(file);
    a = open_file();
    MUST(tide_arrays_read(a, tide_arrays_find(a, "infos/qpos"), TIDE_FLOAT64, 0, 3, x));
    MUST_FAIL(tide_arrays_read(a, tide_arrays_find(a, "infos/qpos"), TIDE_FLOAT64, 0, 6, x), TIDE_FORMAT,
              "there is no episode_1/infos/qpos");
    tide_arrays_close(a);
}
END_TEST

START_TEST(a_folder_is_a_minari_dataset_if_its_file_is_there)
{
    tide_arrays *a;
    char data[300], file[400];
    MUST_FAIL(tide_arrays_open(folder, &a), TIDE_IO, "without data/main_data.hdf5");
    write_minari();
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(file, sizeof file, "%s/main_data.hdf5", data);
    ck_assert_int_eq(mkdir(data, 0700), 0);
    ck_assert_int_eq(rename(path, file), 0);
    const char *const ways[] = {folder, data, file};
    for (size_t i = 0; i < 3; i++) {
        MUST(tide_arrays_open(ways[i], &a));
        ck_assert_uint_eq(tide_arrays_rows(a), 18);
        tide_arrays_close(a);
    }
    unlink(file);
    rmdir(data);
}
END_TEST

/* ---- D4RL ---- */

enum { N = 5000, D = 3 };

typedef struct table {
    double observations[N][D], next_observations[N][D], actions[N], rewards[N];
    int8_t terminals[N], timeouts[N];
} table;

/* Chained rows, an end every `length` rows, in turn terminal and timeout; every 700th cut is not marked. */
static table *make_table(size_t length)
{
    tide_rng rng = testing_rng("table");
    table *t = calloc(1, sizeof *t);
    for (size_t i = 0; i < N; i++) {
        for (size_t j = 0; j < D; j++)
            t->observations[i][j] = (double)testing_uniform(&rng, -2.0f, 2.0f);
        t->actions[i] = (double)testing_uniform(&rng, -1.0f, 1.0f);
        t->rewards[i] = (double)testing_uniform(&rng, -1.0f, 1.0f);
    }
    for (size_t i = 0; i < N; i++) {
        int is_end = (i + 1) % length == 0, is_terminal = (i + 1) / length % 2 == 0;
        t->terminals[i] = is_end && is_terminal;
        t->timeouts[i] = is_end && !is_terminal && (i + 1) % 700 != 0;
        for (size_t j = 0; j < D; j++)
            t->next_observations[i][j] = is_end || i + 1 == N ? 9.0 : t->observations[i + 1][j];
    }
    return t;
}

static void write_table(const table *t, int with_next, int with_timeouts)
{
    hsize_t wide[2] = {N, D}, one[1] = {N}, chunk[2] = {333, D}, odd[1] = {777};
    hid_t file = foreign_file(), boolean = foreign_boolean();
    foreign_array(file, "observations", H5T_IEEE_F32LE, 2, wide, chunk, H5T_NATIVE_DOUBLE, t->observations);
    foreign_array(file, "actions", H5T_IEEE_F64LE, 1, one, odd, H5T_NATIVE_DOUBLE, t->actions);
    foreign_array(file, "rewards", H5T_IEEE_F32LE, 1, one, NULL, H5T_NATIVE_DOUBLE, t->rewards);
    foreign_array(file, "terminals", boolean, 1, one, odd, boolean, t->terminals);
    if (with_next)
        foreign_array(file, "next_observations", H5T_IEEE_F32LE, 2, wide, chunk, H5T_NATIVE_DOUBLE,
                      t->next_observations);
    if (with_timeouts)
        foreign_array(file, "timeouts", H5T_STD_U8LE, 1, one, odd, H5T_NATIVE_INT8, t->timeouts);
    H5Tclose(boolean);
    H5Fclose(file);
}

START_TEST(blocks_are_the_whole_in_parts)
{
    tide_rng rng = testing_rng("blocks");
    table *t = make_table(100);
    write_table(t, 1, 1);
    tide_arrays *a = open_file();
    static float whole[N][D], part[N][D];
    const tide_array *observations = tide_arrays_find(a, "observations");
    MUST(tide_arrays_read(a, observations, TIDE_FLOAT32, 0, N, whole));
    for (int k = 0; k < 300; k++) {
        uint64_t first, n;
        tide_rng_indices(&rng, &first, 1, N);
        tide_rng_indices(&rng, &n, 1, k % 2 == 0 ? 10 : N - first + 1);
        n = n < N - first ? n : N - first;
        MUST(tide_arrays_read(a, observations, TIDE_FLOAT32, first, n, part));
        ck_assert_mem_eq(part, whole[first], n * sizeof whole[0]);
    }
    MUST_FAIL(tide_arrays_read(a, observations, TIDE_FLOAT32, N - 1, 2, part), TIDE_ARGUMENT, "it has 5000");
    tide_arrays_close(a);
    free(t);
}
END_TEST

START_TEST(arrays_are_listed_with_what_is_wrong_with_them)
{
    double numbers[24] = {0};
    hsize_t dims[4] = {4, 2, 3, 1};
    hid_t file = foreign_file(), text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 5);
    foreign_array(file, "observations", H5T_IEEE_F32LE, 2, dims, NULL, H5T_NATIVE_DOUBLE, numbers);
    foreign_array(file, "infos/deep/x", H5T_STD_U8LE, 3, dims, NULL, H5T_NATIVE_DOUBLE, numbers);
    foreign_array(file, "infos/words", text, 1, dims, NULL, text, NULL);
    foreign_array(file, "infos/video", H5T_STD_U8LE, 4, dims, NULL, H5T_NATIVE_DOUBLE, NULL);
    foreign_array(file, "infos/single", H5T_IEEE_F64LE, 0, dims, NULL, H5T_NATIVE_DOUBLE, numbers);
    foreign_array(file, "metadata/weight", H5T_IEEE_F64LE, 1, dims, NULL, H5T_NATIVE_DOUBLE, numbers);
    H5Lcreate_soft("/observations", file, "rewards", H5P_DEFAULT, H5P_DEFAULT);
    H5Tclose(text);
    H5Fclose(file);
    tide_arrays *a = open_file();
    const tide_array *x = tide_arrays_find(a, "infos/deep/x");
    ck_assert_uint_eq(x->rank, 2);
    ck_assert_uint_eq(x->across, 6);
    ck_assert_int_eq(x->element, TIDE_UINT8);
    ck_assert_ptr_null(tide_arrays_find(a, "metadata/weight"));
    MUST_FAIL(tide_arrays_need(a, "infos/words", &x), TIDE_FORMAT, "infos/words holds text");
    MUST_FAIL(tide_arrays_need(a, "infos/video", &x), TIDE_FORMAT, "4 dimensions, at most 3");
    MUST_FAIL(tide_arrays_need(a, "infos/single", &x), TIDE_FORMAT, "a single value");
    MUST_FAIL(tide_arrays_need(a, "rewards", &x), TIDE_FORMAT, "a link to another name");
    MUST_FAIL(tide_arrays_need(a, "infos", &x), TIDE_FORMAT, "a group, an array is needed");
    MUST_FAIL(tide_arrays_need(a, "actions", &x), TIDE_FORMAT, "no actions");
    tide_arrays_close(a);
}
END_TEST

START_TEST(a_scan_finds_every_odd_row)
{
    table *t = make_table(100);
    t->actions[17] = NAN;
    t->actions[4999] = -INFINITY;
    t->actions[20] = 1.5;
    for (size_t i = 3000; i < 3020; i++)
        t->actions[i] = -1.25;
    write_table(t, 1, 1);
    tide_arrays *a = open_file();
    tide_scan scan;
    double least, greatest;
    MUST(tide_arrays_scan(a, tide_arrays_find(a, "actions"), 10, N - 10, -1.0, 1.0, &scan, &least, &greatest));
    ck_assert_uint_eq(scan.odd, 2);
    ck_assert_uint_eq(scan.odd_rows[0], 17);
    ck_assert_uint_eq(scan.odd_rows[1], 4999);
    ck_assert_uint_eq(scan.outside, 21);
    ck_assert_uint_eq(scan.outside_rows[0], 20);
    ck_assert_uint_eq(scan.outside_rows[7], 3006);
    ck_assert_double_eq(least, -1.25);
    ck_assert_double_eq(greatest, 1.5);
    tide_arrays_close(a);
    free(t);
}
END_TEST

START_TEST(rows_are_compared_across_any_shift)
{
    table *t = make_table(100); /* row i's next observation is row i + 1's, but for i = 99, 199 ... 4999 */
    write_table(t, 1, 1);
    tide_arrays *a = open_file();
    const tide_array *next = tide_arrays_find(a, "next_observations"), *now = tide_arrays_find(a, "observations");
    static uint8_t differs[N];
    for (size_t first = 0; first < 200; first += 99) {
        MUST(tide_arrays_compare(a, next, now, 1, first, N - first, differs));
        for (size_t i = first; i < N; i++)
            ck_assert_msg(differs[i - first] == ((i + 1) % 100 == 0 && i + 1 < N), "row %zu from %zu", i, first);
    }
    MUST(tide_arrays_compare(a, now, next, -1, 0, N, differs));
    for (size_t i = 0; i < N; i++)
        ck_assert_msg(differs[i] == (i > 0 && i % 100 == 0), "row %zu", i);
    MUST_FAIL(tide_arrays_compare(a, now, tide_arrays_find(a, "actions"), 0, 0, N, differs), TIDE_SHAPE, "actions 1");
    tide_arrays_close(a);
    free(t);
}
END_TEST

/* ---- writing ---- */

START_TEST(copies_are_equal_to_the_bit)
{
    char copy[300];
    tide_arrays_writer *w;
    snprintf(copy, sizeof copy, "%s/copy.h5", folder);
    table *t = make_table(100);
    write_table(t, 1, 1);
    tide_arrays *a = open_file(), *b;
    MUST(tide_arrays_create(copy, &w));
    for (size_t i = 0; tide_arrays_at(a, i) != NULL; i++) {
        const tide_array *x = tide_arrays_at(a, i);
        char name[64];
        snprintf(name, sizeof name, "a/b/%s", x->name);
        MUST(tide_arrays_make(w, name, x->element, x->rank, x->dims, 0));
        for (size_t first = 0, n = 1; first < N; first += n, n = n * 3 % 5003)
            MUST(tide_arrays_copy(w, name, a, x, first, n < N - first ? n : N - first));
    }
    MUST(tide_arrays_put_integer(w, "a/b", "seed", -7));
    MUST(tide_arrays_commit(w));
    MUST_FAIL(tide_arrays_commit(w), TIDE_STATE, "committed already");
    tide_arrays_discard(w);
    MUST(tide_arrays_open(copy, &b));
    static double before[N * D], after[N * D];
    for (size_t i = 0; tide_arrays_at(a, i) != NULL; i++) {
        const tide_array *x = tide_arrays_at(a, i), *y;
        char name[64];
        snprintf(name, sizeof name, "a/b/%s", x->name);
        MUST(tide_arrays_need(b, name, &y));
        ck_assert_int_eq(x->element, y->element);
        MUST(tide_arrays_read(a, x, TIDE_FLOAT64, 0, N, before));
        MUST(tide_arrays_read(b, y, TIDE_FLOAT64, 0, N, after));
        ck_assert_mem_eq(before, after, N * x->across * sizeof *before);
    }
    tide_arrays_close(a);
    tide_arrays_close(b);
    unlink(copy);
    free(t);
}
END_TEST

START_TEST(an_array_writer_refuses_names_and_shapes)
{
    tide_arrays_writer *w;
    const size_t dims[3] = {2, 0, 1};
    const double rows[2] = {1, 2};
    MUST(tide_arrays_create(path, &w));
    MUST(tide_arrays_make(w, "infos/x", TIDE_FLOAT64, 1, dims, 10));
    MUST_FAIL(tide_arrays_make(w, "infos/x", TIDE_FLOAT64, 1, dims, 0), TIDE_ARGUMENT, "infos/x is there already");
    MUST_FAIL(tide_arrays_make(w, "infos", TIDE_FLOAT64, 1, dims, 0), TIDE_ARGUMENT, "infos is there already");
    MUST_FAIL(tide_arrays_make(w, "infos/x/y", TIDE_FLOAT64, 1, dims, 0), TIDE_ARGUMENT, "x: is no group");
    MUST_FAIL(tide_arrays_make(w, "a//b", TIDE_FLOAT64, 1, dims, 0), TIDE_ARGUMENT, "no path of names");
    MUST_FAIL(tide_arrays_make(w, "a/", TIDE_FLOAT64, 1, dims, 0), TIDE_ARGUMENT, "is no name");
    MUST_FAIL(tide_arrays_make(w, "y", TIDE_FLOAT64, 2, dims, 0), TIDE_ARGUMENT, "rows of no numbers");
    MUST_FAIL(tide_arrays_make(w, "y", TIDE_FLOAT64, 3, dims, 0), TIDE_ARGUMENT, "rows of");
    MUST_FAIL(tide_arrays_append(w, "y", 1, rows), TIDE_ARGUMENT, "no array 'y' was made");
    MUST(tide_arrays_append(w, "infos/x", 1, rows));
    MUST(tide_arrays_finish(w, "infos"));
    MUST_FAIL(tide_arrays_append(w, "infos/x", 1, rows), TIDE_ARGUMENT, "no array 'infos/x' was made");
    tide_arrays_discard(w);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(a_full_disk_leaves_no_file_of_arrays)
{
    tide_arrays_writer *w;
    static float rows[4096];
    tide_rng rng = testing_rng("full disk");
    for (size_t i = 0; i < 4096; i++)
        rows[i] = testing_uniform(&rng, 0.0f, 1.0f);
    fill_disk(20000);
    MUST(tide_arrays_create(path, &w));
    MUST(tide_arrays_make(w, "x", TIDE_FLOAT32, 0, NULL, 0));
    tide_status status = TIDE_OK;
    for (int i = 0; i < 8 && status == TIDE_OK; i++)
        status = tide_arrays_append(w, "x", 4096, rows);
    if (status == TIDE_OK)
        status = tide_arrays_commit(w);
    ck_assert_int_eq(status, TIDE_IO);
    ck_assert_ptr_nonnull(strstr(tide_message(), "File too large"));
    tide_arrays_discard(w);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

/* ---- surveys ---- */

static void must_agree(const tide_dataset_options *options)
{
    tide_dataset *d;
    tide_survey *s;
    tide_dataset_info info;
    size_t kept;
    float mean[2][8], std[2][8];
    MUST(tide_dataset_read(path, options, &d));
    MUST(tide_survey_open(path, options, &s));
    while (tide_survey_done(s) < tide_survey_rows(s))
        MUST(tide_survey_step(s));
    tide_survey_info(s, &info, &kept);
    ck_assert_uint_eq(kept, d->count);
    ck_assert_mem_eq(&info, &d->info, sizeof info);
    MUST(tide_dataset_statistics(d, 0, mean[0], std[0]));
    tide_survey_statistics(s, mean[1], std[1]);
    for (size_t j = 0; j < d->layout.observation_dim; j++) {
        NEAR(mean[1][j], (double)mean[0][j], 1e-6, 0);
        NEAR(std[1][j], (double)std[0][j], 1e-6, 0);
    }
    tide_dataset_release(d);
    tide_survey_close(s);
}

START_TEST(a_survey_comes_to_what_reading_comes_to)
{
    const tide_dataset_options limit = {.max_episode_steps = 60};
    table *t = make_table(100);
    for (int variant = 1; variant < 8; variant++) {
        write_table(t, variant & 1, variant & 2);
        if (variant & 3)
            must_agree(NULL);
        must_agree(&limit);
    }
    for (size_t i = 0; i < N; i++)
        t->next_observations[i][0] += 1.0; /* observations that are not chained */
    write_table(t, 1, 1);
    must_agree(NULL);
    write_minari();
    must_agree(NULL);
    t->rewards[4500] = NAN;
    write_table(t, 1, 1);
    tide_survey *s;
    MUST(tide_survey_open(path, NULL, &s));
    MUST(tide_survey_step(s));
    MUST_FAIL(tide_survey_step(s), TIDE_NUMERIC, "rewards: row 4501, column 1 (from 1) is nan");
    tide_survey_close(s);
    free(t);
}
END_TEST

START_TEST(zeros_beyond_the_wanted_observations_are_left_away)
{
    table *t = make_table(100);
    for (size_t i = 0; i < N; i++)
        t->observations[i][2] = t->next_observations[i][2] = 0.0;
    write_table(t, 1, 1);
    const tide_dataset_options two = {.observation_dim = 2};
    tide_dataset *d;
    MUST(tide_dataset_read(path, &two, &d));
    ck_assert_uint_eq(d->layout.observation_dim, 2);
    ck_assert_uint_eq(d->info.zero_columns, 1);
    for (size_t i = 0; i < N; i++)
        for (size_t j = 0; j < 2; j++) {
            const float *row = d->rows + i * d->layout.stride;
            ck_assert_float_eq(row[j], (float)t->observations[i][j]);
            ck_assert_float_eq(row[d->layout.next_observation + j], (float)t->next_observations[i][j]);
        }
    tide_dataset_release(d);
    t->next_observations[4321][2] = 0.5;
    write_table(t, 1, 1);
    MUST_FAIL(tide_dataset_read(path, &two, &d), TIDE_SHAPE,
              "next_observations have 3 numbers, of which the first 2 are wanted, but the others are not all zero: "
              "row 4322, column 3 (from 1) is 0.5");
    free(t);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, episodes_of_a_minari_file_follow_one_another);
    tcase_add_test(tests, a_minari_file_is_read_as_a_dataset);
    tcase_add_test(tests, minari_files_that_do_not_fit_are_named);
    tcase_add_test(tests, a_folder_is_a_minari_dataset_if_its_file_is_there);
    tcase_add_test(tests, blocks_are_the_whole_in_parts);
    tcase_add_test(tests, arrays_are_listed_with_what_is_wrong_with_them);
    tcase_add_test(tests, a_scan_finds_every_odd_row);
    tcase_add_test(tests, rows_are_compared_across_any_shift);
    tcase_add_test(tests, copies_are_equal_to_the_bit);
    tcase_add_test(tests, an_array_writer_refuses_names_and_shapes);
    tcase_add_test(tests, a_full_disk_leaves_no_file_of_arrays);
    tcase_add_test(tests, a_survey_comes_to_what_reading_comes_to);
    tcase_add_test(tests, zeros_beyond_the_wanted_observations_are_left_away);
}

int main(void)
{
    return testing_run("arrays", add);
}
