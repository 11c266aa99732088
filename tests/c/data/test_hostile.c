/* Files that lie: each gives an error that says what is wrong, none a crash, a hang or a large allocation. */
#include <sys/wait.h>

#include "data/dataset.h"
#include "data/tree.h"
#include "foreign.h"

/* HDF5 itself asks for absurd amounts and lives with a refusal; the sanitizer need not stop there. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* Reads everything in the file as a tree; arrays into memory of their size. */
static tide_status walk(void)
{
    tide_tree_reader *reader;
    tide_tree_item item = {.kind = TIDE_TREE_ENTER};
    TIDE_TRY(tide_tree_open(path, "/", 0, &reader));
    tide_status status = TIDE_OK;
    while (status == TIDE_OK && item.kind != TIDE_TREE_END) {
        status = tide_tree_next(reader, &item);
        if (status != TIDE_OK || item.kind < TIDE_TREE_TENSOR || item.kind > TIDE_TREE_INTEGERS)
            continue;
        void *elements = malloc(item.count * 8 + 1);
        ck_assert_msg(elements != NULL, "%zu elements", item.count);
        status = tide_tree_read(reader, elements);
        free(elements);
    }
    tide_tree_close(reader);
    return status;
}

static tide_status read_dataset(void)
{
    tide_dataset *dataset;
    tide_status status = tide_dataset_read(path, NULL, &dataset);
    tide_dataset_release(dataset);
    return status;
}

/* A small dataset of four rows as h5py writes it. */
static void write_dataset(void)
{
    hid_t file = foreign_file();
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    int8_t ends[4] = {0, 1, 0, 1};
    hsize_t dims[2] = {4, 2}, chunk[2] = {2, 2};
    foreign_array(file, "observations", H5T_IEEE_F32LE, 2, dims, chunk, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "actions", H5T_IEEE_F32LE, 2, dims, NULL, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "next_observations", H5T_IEEE_F64LE, 2, dims, NULL, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "rewards", H5T_IEEE_F32LE, 1, dims, chunk, H5T_NATIVE_FLOAT, x);
    foreign_array(file, "terminals", H5T_STD_I8LE, 1, dims, NULL, H5T_NATIVE_INT8, ends);
    H5Fclose(file);
}

START_TEST(a_truncated_file_says_how_much_is_there)
{
    write_dataset();
    MUST(read_dataset());
    size_t n;
    unsigned char *bytes = slurp(&n);
    char wanted[80];
    static const size_t kept[] = {48, 97, 500, 2000};
    for (size_t i = 0; i <= 4; i++) {
        size_t size = i < 4 ? kept[i] : n - 1;
        spill(bytes, size);
        snprintf(wanted, sizeof wanted, "truncated file: %zu of %zu bytes are there; fetch it again", size, n);
        MUST_FAIL(read_dataset(), TIDE_FORMAT, wanted);
        MUST_FAIL(walk(), TIDE_FORMAT, wanted);
    }
    spill(bytes, 20);
    MUST_FAIL(walk(), TIDE_FORMAT, "truncated file: 20 of");
    spill(bytes, 4);
    MUST_FAIL(walk(), TIDE_FORMAT, "not an HDF5 file");
    spill(bytes, 0);
    MUST_FAIL(walk(), TIDE_FORMAT, "empty");
    free(bytes);
}
END_TEST

START_TEST(truncation_is_seen_in_files_of_our_own_too)
{
    tide_tree_writer *w;
    MUST(tide_tree_create(path, &w));
    MUST(tide_tree_put_string(w, "s", "text"));
    MUST(tide_tree_commit(w));
    tide_tree_discard(w);
    size_t n;
    unsigned char *bytes = slurp(&n);
    for (size_t size = 48; size < n; size += 7) {
        spill(bytes, size);
        MUST_FAIL(walk(), TIDE_FORMAT, "truncated file");
    }
    free(bytes);
}
END_TEST

START_TEST(other_kinds_of_files_are_named)
{
    spill((const unsigned char *)"<!DOCTYPE html><html>not found</html>", 37);
    MUST_FAIL(walk(), TIDE_FORMAT, "file signature not found: not an HDF5 file (37 bytes)");
    unlink(path);
    MUST_FAIL(walk(), TIDE_IO, "No such file");
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    MUST_FAIL(walk(), TIDE_IO, "not a file");
    tide_tree_reader *reader;
    MUST_FAIL(tide_tree_open(folder, "/", 0, &reader), TIDE_IO, "a folder");
}
END_TEST

START_TEST(a_small_file_that_claims_terabytes_is_refused)
{
    hsize_t dims[2] = {(hsize_t)1 << 40, 17}, chunk[2] = {1, 17}, flat[1] = {(hsize_t)1 << 40};
    hid_t file = foreign_file();
    foreign_array(file, "observations", H5T_IEEE_F32LE, 2, dims, chunk, H5T_NATIVE_FLOAT, NULL);
    foreign_array(file, "actions", H5T_IEEE_F32LE, 2, dims, chunk, H5T_NATIVE_FLOAT, NULL);
    foreign_array(file, "rewards", H5T_IEEE_F32LE, 1, flat, chunk, H5T_NATIVE_FLOAT, NULL);
    foreign_array(file, "terminals", H5T_IEEE_F32LE, 1, flat, chunk, H5T_NATIVE_FLOAT, NULL);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "claims");
    MUST_FAIL(read_dataset(), TIDE_FORMAT, "observations: claims");
    size_t rank, shape[TIDE_MAX_RANK];
    MUST_FAIL(tide_tree_numbers(path, "rewards", &rank, shape, NULL), TIDE_FORMAT, "claims");
}
END_TEST

START_TEST(chunks_of_gigabytes_are_refused)
{
    hsize_t dims[1] = {10}, most[1] = {H5S_UNLIMITED}, chunk[1] = {(hsize_t)1 << 29};
    hid_t file = foreign_file(), space = H5Screate_simple(1, dims, most), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(properties, 1, chunk);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "x: its chunks are larger than 256 MiB");
}
END_TEST

START_TEST(circles_and_second_names_are_refused)
{
    hid_t file = foreign_file(), group = H5Gcreate2(file, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "/", group, "up", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "/a/up: a second name");
    file = foreign_file();
    group = H5Gcreate2(file, "a", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_hard(file, "a", file, "b", H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(group);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "/b: a second name");
}
END_TEST

START_TEST(links_to_elsewhere_are_not_followed)
{
    char secret[300];
    snprintf(secret, sizeof secret, "%s/secret.h5", folder);
    write_dataset();
    ck_assert_int_eq(rename(path, secret), 0);
    hid_t file = foreign_file();
    H5Lcreate_external(secret, "/observations", file, "observations", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "observations: a link to another file");
    MUST_FAIL(read_dataset(), TIDE_FORMAT, "observations: a link to another file");
    file = foreign_file();
    H5Lcreate_external(secret, "/", file, "infos", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/infos", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    size_t rank, shape[TIDE_MAX_RANK];
    MUST_FAIL(tide_tree_numbers(path, "infos/rewards", &rank, shape, NULL), TIDE_FORMAT, "another file");
    MUST_FAIL(tide_tree_numbers(path, "soft/rewards", &rank, shape, NULL), TIDE_FORMAT, "another name");
    ck_assert(!tide_tree_has(path, "soft/rewards"));
    unlink(secret);
}
END_TEST

START_TEST(elements_in_other_files_are_not_read)
{
    char secret[300];
    snprintf(secret, sizeof secret, "%s/secret", folder);
    FILE *f = fopen(secret, "wb");
    fputs("words that belong to someone else", f);
    fclose(f);
    hsize_t dims[1] = {4};
    hid_t file = foreign_file(), space = H5Screate_simple(1, dims, NULL), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_external(properties, secret, 0, 32);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Pclose(properties);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "x: its elements stand in another file");
    file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_virtual(properties, space, "/etc/hostname", "x", space);
    H5Dclose(H5Dcreate2(file, "y", H5T_IEEE_F64LE, space, H5P_DEFAULT, properties, H5P_DEFAULT));
    H5Pclose(properties);
    H5Sclose(space);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "y: its elements stand in another file");
    unlink(secret);
}
END_TEST

/* Makes a file with one array or attribute of the type, and checks the refusal. */
static void refused_type(hid_t type, int rank, const hsize_t *dims, const char *text)
{
    hid_t file = foreign_file();
    foreign_array(file, "x", type, rank, dims, NULL, type, NULL);
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, text);
    tide_tree_reader *reader;
    tide_tree_item item;
    MUST(tide_tree_open(path, "/", 1, &reader)); /* lenient: passes it over */
    MUST(tide_tree_next(reader, &item));
    ck_assert_int_eq(item.kind, TIDE_TREE_END);
    tide_tree_close(reader);
}

START_TEST(types_and_shapes_that_no_tree_holds_are_named)
{
    hsize_t dims[4] = {2, 2, 2, 2};
    hid_t compound = H5Tcreate(H5T_COMPOUND, 16), text = H5Tcopy(H5T_C_S1);
    H5Tinsert(compound, "real", 0, H5T_NATIVE_DOUBLE);
    H5Tinsert(compound, "imaginary", 8, H5T_NATIVE_DOUBLE);
    H5Tset_size(text, 5);
    refused_type(compound, 1, dims, "x: neither numbers, booleans nor text");
    refused_type(text, 1, dims, "x: an array of text");
    refused_type(H5T_IEEE_F32LE, 4, dims, "x: 4 dimensions, at most 3");
    hid_t file = foreign_file(), nothing = H5Screate(H5S_NULL);
    H5Dclose(H5Dcreate2(file, "x", H5T_IEEE_F32LE, nothing, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "x: has no shape");
    file = foreign_file();
    hid_t several = H5Screate_simple(2, dims, NULL);
    H5Aclose(H5Acreate2(file, "x", H5T_IEEE_F32LE, several, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
    MUST_FAIL(walk(), TIDE_FORMAT, "x: an attribute of 4 elements");
    H5Sclose(several);
    H5Sclose(nothing);
    H5Tclose(compound);
    H5Tclose(text);
}
END_TEST

/* ---- damage ---- */

/* Reads the damaged file in a process of its own: 1 if that lives. */
static int survives(void)
{
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        struct rlimit seconds = {.rlim_cur = 10, .rlim_max = 10};
        setrlimit(RLIMIT_CPU, &seconds);
#if !defined(__SANITIZE_ADDRESS__)
        struct rlimit memory = {.rlim_cur = (rlim_t)2 << 30, .rlim_max = (rlim_t)2 << 30};
        setrlimit(RLIMIT_AS, &memory);
#endif
        (void)walk();
        (void)read_dataset();
        _exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Changes one to four bytes `times` times, each time from the whole file. */
static void damage(const char *what, size_t times)
{
    size_t n, dead = 0;
    unsigned char *bytes = slurp(&n), *copy = malloc(n);
    tide_rng rng = testing_rng(what);
    for (size_t i = 0; i < times; i++) {
        uint64_t changes, place, value;
        memcpy(copy, bytes, n);
        tide_rng_indices(&rng, &changes, 1, 4);
        for (uint64_t c = 0; c <= changes; c++) {
            tide_rng_indices(&rng, &place, 1, n);
            tide_rng_indices(&rng, &value, 1, 256);
            copy[place] = (unsigned char)value;
        }
        spill(copy, n);
        if (!survives()) {
            dead++;
            printf("%s: damage %zu of %zu kills\n", what, i, times);
        }
    }
    free(bytes);
    free(copy);
    ck_assert_msg(dead == 0, "%s: %zu of %zu damaged files killed the reader", what, dead, times);
}

START_TEST(damage_to_a_dataset_of_our_own_is_survived)
{
    tide_dataset_writer *w;
    const tide_dataset_shape shape = {3, 2, 2, 2};
    MUST(tide_dataset_create(path, &shape, &w));
    for (int i = 0; i < 20; i++) {
        float x[3] = {(float)i, 1, 2};
        double state[2] = {i, -i};
        tide_transition t = {.observation = x, .action = x, .next_observation = x, .reward = 1.0f};
        MUST(tide_dataset_add(w, &t, i % 5 == 4, state, state));
    }
    MUST(tide_dataset_commit(w));
    tide_dataset_discard(w);
    damage("dataset", 400);
}
END_TEST

START_TEST(damage_to_a_tree_of_our_own_is_survived)
{
    tide_tree_writer *w;
    float x[6] = {1, 2, 3, 4, 5, 6};
    const size_t dims[2] = {2, 3};
    tide_tensor t = tide_tensor_make(x, 2, dims);
    MUST(tide_tree_create(path, &w));
    for (int i = 0; i < 12; i++) {
        char name[16];
        snprintf(name, sizeof name, "part%d", i);
        MUST(tide_tree_enter(w, name));
        MUST(tide_tree_put_tensor(w, "x", &t));
        MUST(tide_tree_put_string(w, "s", "text"));
        MUST(tide_tree_leave(w));
    }
    MUST(tide_tree_commit(w));
    tide_tree_discard(w);
    damage("tree", 400);
}
END_TEST

START_TEST(damage_to_a_minari_file_is_survived)
{
    hid_t file = foreign_file();
    float x[6] = {0, 1, 2, 3, 4, 5};
    int8_t ends[2] = {0, 1};
    hsize_t states[2] = {3, 2}, steps[2] = {2, 2}, chunk[2] = {2, 2};
    for (int e = 0; e < 3; e++) {
        char name[32];
        snprintf(name, sizeof name, "episode_%d", e);
        hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        foreign_array(group, "observations", H5T_IEEE_F32LE, 2, states, chunk, H5T_NATIVE_FLOAT, x);
        foreign_array(group, "actions", H5T_IEEE_F32LE, 2, steps, NULL, H5T_NATIVE_FLOAT, x);
        foreign_array(group, "rewards", H5T_IEEE_F64LE, 1, steps, chunk, H5T_NATIVE_FLOAT, x);
        foreign_array(group, "terminations", H5T_STD_I8LE, 1, steps, NULL, H5T_NATIVE_INT8, ends);
        foreign_array(group, "truncations", H5T_STD_I8LE, 1, steps, NULL, H5T_NATIVE_INT8, ends);
        H5Gclose(group);
    }
    H5Fclose(file);
    MUST(read_dataset());
    damage("minari", 400);
}
END_TEST

START_TEST(damage_to_a_foreign_dataset_is_survived)
{
    write_dataset();
    damage("foreign dataset", 400);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, a_truncated_file_says_how_much_is_there);
    tcase_add_test(tests, truncation_is_seen_in_files_of_our_own_too);
    tcase_add_test(tests, other_kinds_of_files_are_named);
    tcase_add_test(tests, a_small_file_that_claims_terabytes_is_refused);
    tcase_add_test(tests, chunks_of_gigabytes_are_refused);
    tcase_add_test(tests, circles_and_second_names_are_refused);
    tcase_add_test(tests, links_to_elsewhere_are_not_followed);
    tcase_add_test(tests, elements_in_other_files_are_not_read);
    tcase_add_test(tests, types_and_shapes_that_no_tree_holds_are_named);
    tcase_add_test(tests, damage_to_a_dataset_of_our_own_is_survived);
    tcase_add_test(tests, damage_to_a_tree_of_our_own_is_survived);
    tcase_add_test(tests, damage_to_a_minari_file_is_survived);
    tcase_add_test(tests, damage_to_a_foreign_dataset_is_survived);
}

int main(void)
{
    return testing_run("hostile", add);
}
