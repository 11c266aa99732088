/* Trees: what is written comes back, what is wrong is refused by name. */
#include <math.h>

#include "data/tree.h"
#include "foreign.h"

static tide_tree_writer *create(void)
{
    tide_tree_writer *writer;
    MUST(tide_tree_create(path, &writer));
    return writer;
}

static void commit(tide_tree_writer *writer)
{
    MUST(tide_tree_commit(writer));
    tide_tree_discard(writer);
}

static tide_tree_reader *tree_of(const char *group)
{
    tide_tree_reader *reader;
    MUST(tide_tree_open(path, group, 0, &reader));
    return reader;
}

static tide_tree_item next(tide_tree_reader *reader)
{
    tide_tree_item item;
    MUST(tide_tree_next(reader, &item));
    return item;
}

static tide_tree_item next_is(tide_tree_reader *reader, tide_tree_kind kind, const char *name)
{
    tide_tree_item item = next(reader);
    ck_assert_int_eq(item.kind, kind);
    if (name != NULL)
        ck_assert_str_eq(item.name, name);
    return item;
}

/* Steps through the whole file; the status of the first failure. */
static tide_status walk(int lenient, size_t *items)
{
    tide_tree_reader *reader;
    tide_status status = tide_tree_open(path, "/", lenient, &reader);
    tide_tree_item item = {.kind = TIDE_TREE_ENTER};
    *items = 0;
    while (status == TIDE_OK && item.kind != TIDE_TREE_END) {
        status = tide_tree_next(reader, &item);
        *items += 1;
    }
    tide_tree_close(reader);
    return status;
}

START_TEST(single_values_come_back)
{
    tide_tree_writer *w = create();
    char *large = malloc(100001);
    memset(large, 'x', 100000);
    large[100000] = '\0';
    MUST(tide_tree_put_boolean(w, "a no", 0));
    MUST(tide_tree_put_boolean(w, "b yes", 7));
    MUST(tide_tree_put_integer(w, "c least", INT64_MIN));
    MUST(tide_tree_put_number(w, "d", 0.1));
    MUST(tide_tree_put_number(w, "e inf", -INFINITY));
    MUST(tide_tree_put_string(w, "f", "h\xc3\xa9!"));
    MUST(tide_tree_put_string(w, "g", ""));
    MUST(tide_tree_put_string(w, "h large", large));
    commit(w);
    tide_tree_reader *r = tree_of("/");
    ck_assert_int_eq(next_is(r, TIDE_TREE_BOOLEAN, "a no").integer, 0);
    ck_assert_int_eq(next_is(r, TIDE_TREE_BOOLEAN, "b yes").integer, 1);
    ck_assert_int_eq(next_is(r, TIDE_TREE_INTEGER, "c least").integer, INT64_MIN);
    ck_assert_double_eq(next_is(r, TIDE_TREE_NUMBER, "d").number, 0.1);
    ck_assert_double_eq(next_is(r, TIDE_TREE_NUMBER, "e inf").number, -INFINITY);
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "f").string, "h\xc3\xa9!");
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "g").string, "");
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "h large").string, large);
    next_is(r, TIDE_TREE_END, NULL);
    next_is(r, TIDE_TREE_END, NULL);
    tide_tree_close(r);
    free(large);
}
END_TEST

START_TEST(arrays_come_back_with_their_shapes)
{
    float f[24];
    double d[3] = {0.1, -1e300, 3.0};
    int64_t n[2] = {INT64_MAX, -5};
    for (int i = 0; i < 24; i++)
        f[i] = (float)i / 7.0f;
    tide_tree_writer *w = create();
    for (size_t rank = 0; rank <= 3; rank++) {
        const size_t dims[3] = {2, 3, 4};
        tide_tensor t = tide_tensor_make(f, rank, dims);
        char name[] = "tensor0";
        name[6] = (char)('0' + rank);
        MUST(tide_tree_put_tensor(w, name, &t));
    }
    const size_t none[2] = {0, 5};
    tide_tensor empty = tide_tensor_make(NULL, 2, none);
    MUST(tide_tree_put_tensor(w, "a empty", &empty));
    MUST(tide_tree_put_numbers(w, "b numbers", d, 3));
    MUST(tide_tree_put_integers(w, "c integers", n, 2));
    commit(w);

    tide_tree_reader *r = tree_of("/");
    tide_tree_item item = next_is(r, TIDE_TREE_TENSOR, "a empty");
    ck_assert_uint_eq(item.count, 0);
    ck_assert_uint_eq(item.dims[1], 5);
    MUST(tide_tree_read(r, NULL));
    double d_back[3];
    int64_t n_back[2];
    float f_back[24];
    ck_assert_uint_eq(next_is(r, TIDE_TREE_NUMBERS, "b numbers").count, 3);
    MUST(tide_tree_read(r, d_back));
    ck_assert_mem_eq(d, d_back, sizeof d);
    ck_assert_uint_eq(next_is(r, TIDE_TREE_INTEGERS, "c integers").count, 2);
    MUST(tide_tree_read(r, n_back));
    ck_assert_mem_eq(n, n_back, sizeof n);
    for (size_t rank = 0; rank <= 3; rank++) {
        static const size_t counts[4] = {1, 2, 6, 24};
        item = next_is(r, TIDE_TREE_TENSOR, NULL);
        ck_assert_uint_eq(item.rank, rank);
        ck_assert_uint_eq(item.count, counts[rank]);
        MUST(tide_tree_read(r, f_back));
        ck_assert_mem_eq(f, f_back, counts[rank] * sizeof *f);
    }
    tide_tree_close(r);
}
END_TEST

START_TEST(groups_nest_and_are_read_from_anywhere)
{
    tide_tree_writer *w = create();
    MUST(tide_tree_enter(w, "agent"));
    MUST(tide_tree_enter(w, "q1"));
    ck_assert_str_eq(tide_tree_where(w), "/agent/q1");
    MUST(tide_tree_put_integer(w, "n", 3));
    MUST(tide_tree_leave(w));
    MUST(tide_tree_enter(w, "empty"));
    MUST(tide_tree_leave(w));
    MUST(tide_tree_leave(w));
    MUST_FAIL(tide_tree_leave(w), TIDE_STATE, "root");
    commit(w);
    tide_tree_reader *r = tree_of("/");
    next_is(r, TIDE_TREE_ENTER, "agent");
    next_is(r, TIDE_TREE_ENTER, "empty");
    next_is(r, TIDE_TREE_LEAVE, NULL);
    next_is(r, TIDE_TREE_ENTER, "q1");
    next_is(r, TIDE_TREE_INTEGER, "n");
    next_is(r, TIDE_TREE_LEAVE, NULL);
    next_is(r, TIDE_TREE_LEAVE, NULL);
    next_is(r, TIDE_TREE_END, NULL);
    tide_tree_close(r);
    r = tree_of("agent/q1");
    next_is(r, TIDE_TREE_INTEGER, "n");
    tide_tree_close(r);
    tide_tree_reader *none;
    MUST_FAIL(tide_tree_open(path, "agent/q3", 0, &none), TIDE_FORMAT, "no agent/q3");
    ck_assert(tide_tree_has(path, "agent/q1"));
    ck_assert(!tide_tree_has(path, "agent/q1/n/x"));
    ck_assert(!tide_tree_has(path, "agent/q2"));
}
END_TEST

START_TEST(equal_trees_are_equal_files)
{
    unsigned char *bytes[2];
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        tide_tree_writer *w = create();
        float x[3] = {1, 2, 3};
        const size_t dims[1] = {3};
        tide_tensor t = tide_tensor_make(x, 1, dims);
        tide_tree_enter(w, "g");
        tide_tree_put_tensor(w, "x", &t);
        tide_tree_put_string(w, "s", "text");
        tide_tree_leave(w);
        commit(w);
        bytes[i] = slurp(&n[i]);
        if (i == 0)
            sleep(1); /* times in the file would show */
    }
    ck_assert_uint_eq(n[0], n[1]);
    ck_assert_mem_eq(bytes[0], bytes[1], n[0]);
    free(bytes[0]);
    free(bytes[1]);
}
END_TEST

START_TEST(names_that_cannot_be_are_refused)
{
    tide_tree_writer *w = create();
    char long_name[400];
    memset(long_name, 'n', sizeof long_name);
    long_name[399] = '\0';
    MUST_FAIL(tide_tree_put_integer(w, "", 1), TIDE_ARGUMENT, "no name");
    MUST_FAIL(tide_tree_put_integer(w, "a/b", 1), TIDE_ARGUMENT, "a/b");
    MUST_FAIL(tide_tree_enter(w, "."), TIDE_ARGUMENT, "no name");
    MUST_FAIL(tide_tree_enter(w, long_name), TIDE_ARGUMENT, "longer");
    MUST(tide_tree_put_integer(w, "twice", 1));
    MUST_FAIL(tide_tree_enter(w, "twice"), TIDE_ARGUMENT, "twice is there already");
    MUST_FAIL(tide_tree_put_number(w, "twice", 1.0), TIDE_ARGUMENT, "twice is there already");
    commit(w);
}
END_TEST

START_TEST(too_deep_is_an_error_on_both_sides)
{
    tide_tree_writer *w = create();
    tide_status status = TIDE_OK;
    int depth = 0;
    for (; depth < 1000 && status == TIDE_OK; depth++)
        status = tide_tree_enter(w, "d");
    ck_assert_int_eq(status, TIDE_ARGUMENT);
    ck_assert_int_eq(depth, TIDE_TREE_DEPTH + 1);
    commit(w);
    size_t items;
    ck_assert_int_eq(walk(0, &items), TIDE_OK);
    hid_t file = foreign_file(), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    char deep[400] = "";
    for (int i = 0; i < 100; i++)
        strcat(deep, "/d");
    H5Gclose(H5Gcreate2(file, deep, links, H5P_DEFAULT, H5P_DEFAULT));
    H5Pclose(links);
    H5Fclose(file);
    MUST_FAIL(walk(0, &items), TIDE_FORMAT, "deeper than 64");
}
END_TEST

START_TEST(a_tree_not_committed_leaves_the_old_file)
{
    tide_tree_writer *w = create();
    MUST(tide_tree_put_integer(w, "n", 1));
    commit(w);
    size_t before, after;
    unsigned char *old = slurp(&before), *now;
    w = create();
    MUST(tide_tree_put_integer(w, "n", 2));
    now = slurp(&after);
    ck_assert_uint_eq(before, after);
    ck_assert_mem_eq(old, now, before);
    tide_tree_discard(w);
    free(now);
    now = slurp(&after);
    ck_assert_mem_eq(old, now, before);
    free(old);
    free(now);
}
END_TEST

START_TEST(two_writers_of_one_path_do_not_mix)
{
    tide_tree_writer *first = create(), *second = create();
    MUST(tide_tree_put_integer(first, "first", 1));
    MUST(tide_tree_put_integer(second, "second", 2));
    commit(first);
    tide_tree_reader *r = tree_of("/");
    next_is(r, TIDE_TREE_INTEGER, "first");
    tide_tree_close(r);
    commit(second);
    r = tree_of("/");
    next_is(r, TIDE_TREE_INTEGER, "second");
    next_is(r, TIDE_TREE_END, NULL);
    tide_tree_close(r);
}
END_TEST

/* HDF5 1.10 crashes on this by itself. */
START_TEST(a_full_disk_leaves_the_old_file)
{
    tide_tree_writer *w = create();
    MUST(tide_tree_put_integer(w, "n", 1));
    commit(w);
    fill_disk(20000);
    static float x[100000];
    const size_t dims[1] = {100000};
    tide_tensor t = tide_tensor_make(x, 1, dims);
    w = create();
    tide_status status = tide_tree_put_tensor(w, "x", &t);
    if (status == TIDE_OK)
        status = tide_tree_commit(w);
    MUST_FAIL(status, TIDE_IO, "File too large");
    tide_tree_discard(w);
    /* many small pieces: HDF5 keeps them in memory until the end */
    w = create();
    status = TIDE_OK;
    for (int i = 0; i < 2000 && status == TIDE_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "g%d", i);
        status = tide_tree_enter(w, name);
        if (status == TIDE_OK)
            status = tide_tree_put_integer(w, "n", i);
        if (status == TIDE_OK)
            status = tide_tree_leave(w);
    }
    if (status == TIDE_OK)
        status = tide_tree_commit(w);
    MUST_FAIL(status, TIDE_IO, "File too large");
    tide_tree_discard(w);
    tide_tree_reader *r = tree_of("/");
    ck_assert_int_eq(next_is(r, TIDE_TREE_INTEGER, "n").integer, 1);
    tide_tree_close(r);
}
END_TEST

START_TEST(places_that_cannot_be_written_are_named)
{
    tide_tree_writer *w;
    MUST_FAIL(tide_tree_create("/no/such/folder/x.h5", &w), TIDE_IO, "/no/such/folder/x.h5: No such file");
    ck_assert_ptr_null(w);
}
END_TEST

/* ---- foreign files ---- */

START_TEST(attributes_of_any_numeric_type_are_read)
{
    hid_t file = foreign_file(), one = H5Screate(H5S_SCALAR);
    hsize_t size = 1;
    hid_t single = H5Screate_simple(1, &size, NULL), text = H5Tcopy(H5T_C_S1), variable = H5Tcopy(H5T_C_S1);
    float f = 0.5f;
    int32_t i = 222;
    uint64_t u = UINT64_MAX;
    const char *words = "of any length";
    hid_t a = H5Acreate2(file, "a", H5T_IEEE_F32BE, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_FLOAT, &f);
    H5Aclose(a);
    a = H5Acreate2(file, "b", H5T_STD_I32LE, single, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_INT32, &i);
    H5Aclose(a);
    a = H5Acreate2(file, "c", H5T_STD_U64LE, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, H5T_NATIVE_UINT64, &u);
    H5Aclose(a);
    H5Tset_size(text, 6);
    H5Tset_strpad(text, H5T_STR_SPACEPAD);
    a = H5Acreate2(file, "d", text, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, text, "hi    ");
    H5Aclose(a);
    H5Tset_size(variable, H5T_VARIABLE);
    a = H5Acreate2(file, "e", variable, one, H5P_DEFAULT, H5P_DEFAULT);
    H5Awrite(a, variable, &words);
    H5Aclose(a);
    foreign_array(file, "f", H5T_STD_I16LE, 0, NULL, NULL, H5T_NATIVE_INT32, &i);
    foreign_array(file, "g", variable, 0, NULL, NULL, variable, &words);
    H5Fclose(file);
    tide_tree_reader *r = tree_of("/");
    ck_assert_double_eq(next_is(r, TIDE_TREE_NUMBER, "a").number, 0.5);
    ck_assert_int_eq(next_is(r, TIDE_TREE_INTEGER, "b").integer, 222);
    ck_assert_double_eq(next_is(r, TIDE_TREE_NUMBER, "c").number, 0x1p64);
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "d").string, "hi");
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "e").string, words);
    ck_assert_int_eq(next_is(r, TIDE_TREE_INTEGER, "f").integer, 222);
    ck_assert_str_eq(next_is(r, TIDE_TREE_STRING, "g").string, words);
    tide_tree_close(r);
    H5Tclose(text);
    H5Tclose(variable);
    H5Sclose(one);
    H5Sclose(single);
}
END_TEST

START_TEST(foreign_arrays_become_what_suits_them)
{
    hid_t file = foreign_file(), boolean = foreign_boolean();
    hsize_t dims[2] = {2, 2};
    double d[4] = {0.1, 2, 3, 4};
    int8_t b[2] = {1, 0};
    int32_t i[2] = {-1, 7};
    foreign_array(file, "a", H5T_IEEE_F64LE, 2, dims, NULL, H5T_NATIVE_DOUBLE, d);
    foreign_array(file, "b", H5T_IEEE_F64BE, 1, dims, NULL, H5T_NATIVE_DOUBLE, d);
    foreign_array(file, "c", boolean, 1, dims, NULL, boolean, b);
    foreign_array(file, "d", H5T_STD_I32BE, 1, dims, NULL, H5T_NATIVE_INT32, i);
    foreign_array(file, "e", H5T_STD_I32LE, 2, dims, dims, H5T_NATIVE_DOUBLE, d);
    H5Tclose(boolean);
    H5Fclose(file);
    tide_tree_reader *r = tree_of("/");
    float f_back[4];
    double d_back[4];
    int64_t i_back[2];
    next_is(r, TIDE_TREE_TENSOR, "a");
    MUST(tide_tree_read(r, f_back));
    ck_assert_float_eq(f_back[0], 0.1f);
    next_is(r, TIDE_TREE_NUMBERS, "b");
    MUST(tide_tree_read(r, d_back));
    ck_assert_double_eq(d_back[0], 0.1);
    next_is(r, TIDE_TREE_INTEGERS, "c");
    MUST(tide_tree_read(r, i_back));
    ck_assert_int_eq(i_back[0], 1);
    ck_assert_int_eq(i_back[1], 0);
    next_is(r, TIDE_TREE_INTEGERS, "d");
    MUST(tide_tree_read(r, i_back));
    ck_assert_int_eq(i_back[0], -1);
    next_is(r, TIDE_TREE_TENSOR, "e");
    MUST(tide_tree_read(r, f_back));
    ck_assert_float_eq(f_back[3], 4.0f);
    tide_tree_close(r);
    size_t rank, shape[TIDE_MAX_RANK];
    MUST(tide_tree_numbers(path, "/a", &rank, shape, NULL));
    ck_assert_uint_eq(rank, 2);
    ck_assert_uint_eq(shape[0] * shape[1], 4);
    MUST(tide_tree_numbers(path, "/a", &rank, shape, d_back));
    ck_assert_mem_eq(d, d_back, sizeof d);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, single_values_come_back);
    tcase_add_test(tests, arrays_come_back_with_their_shapes);
    tcase_add_test(tests, groups_nest_and_are_read_from_anywhere);
    tcase_add_test(tests, equal_trees_are_equal_files);
    tcase_add_test(tests, names_that_cannot_be_are_refused);
    tcase_add_test(tests, too_deep_is_an_error_on_both_sides);
    tcase_add_test(tests, a_tree_not_committed_leaves_the_old_file);
    tcase_add_test(tests, two_writers_of_one_path_do_not_mix);
    tcase_add_test(tests, a_full_disk_leaves_the_old_file);
    tcase_add_test(tests, places_that_cannot_be_written_are_named);
    tcase_add_test(tests, attributes_of_any_numeric_type_are_read);
    tcase_add_test(tests, foreign_arrays_become_what_suits_them);
}

int main(void)
{
    return testing_run("tree", add);
}
