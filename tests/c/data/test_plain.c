/* Plain arrays are read without HDF5: to the bits and errors that it gives, and only where all of it is there. */
#include "data/dataset.h"
#include "data/hdf5.h"
#include "foreign.h"

/* ---- arrays ---- */

static tide_hdf5_input input;
static tide_hdf5_array array;

static void open_array(const char *name)
{
    hid_t object;
    MUST(tide_hdf5_open(path, &input));
    MUST(tide_hdf5_open_path(&input, name, &object));
    MUST(tide_hdf5_take_array(&input, object, name, &array));
}

static void close_array(void)
{
    tide_hdf5_close_array(&array);
    tide_hdf5_close(&input);
}

/* Reads rows both ways: by place and by HDF5. */
static void must_agree(hid_t type, size_t first, size_t n)
{
    size_t bytes = n * array.dims[1] * array.dims[2] * H5Tget_size(type);
    unsigned char *plain = malloc(bytes + 1), *packed = malloc(bytes + 1);
    memset(plain, 0xA5, bytes + 1);
    memset(packed, 0x5A, bytes + 1);
    tide_hdf5_array by_hdf5 = array;
    by_hdf5.plain = TIDE_HDF5_NOT_PLAIN;
    MUST(tide_hdf5_read_rows(&input, &array, "x", type, first, n, plain));
    MUST(tide_hdf5_read_rows(&input, &by_hdf5, "x", type, first, n, packed));
    ck_assert_int_eq(memcmp(plain, packed, bytes), 0);
    ck_assert_uint_eq(plain[bytes], 0xA5); /* nothing is written behind */
    free(plain);
    free(packed);
}

enum { ROWS = 128, ACROSS = 2 };

/* An array of ROWS x ACROSS elements of `type` on disk with these bytes. */
static void write_bytes(hid_t type, const void *bytes)
{
    hsize_t dims[2] = {ROWS, ACROSS};
    hid_t file = foreign_file();
    foreign_array(file, "before", H5T_STD_I8LE, 1, dims, NULL, H5T_NATIVE_INT8, bytes);
    foreign_array(file, "x", type, 2, dims, NULL, type, bytes);
    H5Fclose(file);
}

START_TEST(every_plain_type_is_read_as_hdf5_reads_it)
{
    tide_rng rng = testing_rng("plain types");
    uint64_t bytes[ROWS * ACROSS];
    uint8_t every[ROWS * ACROSS];
    for (size_t i = 0; i < ROWS * ACROSS; i++) /* any bits: NaNs with their payload, infinities, subnormals */
        tide_rng_indices(&rng, &bytes[i], 1, UINT64_MAX);
    const uint32_t odd[] = {0x7F800001, 0xFFC12345, 0x7F800000, 0xFF800000, 0x00000001, 0x80000000};
    for (size_t i = 0; i < ROWS * ACROSS; i++)
        every[i] = (uint8_t)i;
    hid_t boolean = foreign_boolean();
    const hid_t disk[] = {H5T_IEEE_F32LE, H5T_IEEE_F64LE, H5T_STD_I8LE, H5T_STD_U8LE, boolean};
    const tide_hdf5_plain wanted[] = {TIDE_HDF5_PLAIN_FLOAT, TIDE_HDF5_PLAIN_DOUBLE, TIDE_HDF5_PLAIN_INT8,
                                      TIDE_HDF5_PLAIN_UINT8, TIDE_HDF5_PLAIN_INT8};
    const hid_t memory[] = {H5T_NATIVE_FLOAT, H5T_NATIVE_DOUBLE, H5T_NATIVE_INT8, H5T_NATIVE_UINT8};
    for (size_t d = 0; d < 5; d++) {
        memcpy(bytes, odd, d == 0 ? sizeof odd : 0);
        write_bytes(disk[d], d < 2 ? (const void *)bytes : (const void *)every);
        open_array("x");
        ck_assert_int_eq(array.plain, wanted[d]);
        ck_assert(tide_hdf5_is_plain_as(&array, H5T_NATIVE_FLOAT) == (d != 1));
        for (size_t m = 0; m < 2; m++) { /* whole numbers of floats are another matter: HDF5's */
            must_agree(memory[m], 0, ROWS);
            must_agree(memory[m], 3, 1);
            must_agree(memory[m], ROWS - 5, 5);
        }
        for (size_t m = 2; m < 4 && d >= 2; m++)
            must_agree(memory[m], 1, ROWS - 1);
        close_array();
    }
    H5Tclose(boolean);
}
END_TEST

START_TEST(a_block_before_the_file_shifts_every_place)
{
    float x[ROWS * ACROSS];
    for (size_t i = 0; i < ROWS * ACROSS; i++)
        x[i] = (float)i;
    hsize_t dims[2] = {ROWS, ACROSS};
    hid_t properties = H5Pcreate(H5P_FILE_CREATE);
    H5Pset_userblock(properties, 1024);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, properties, H5P_DEFAULT);
    foreign_array(file, "x", H5T_IEEE_F32LE, 2, dims, NULL, H5T_NATIVE_FLOAT, x);
    H5Fclose(file);
    H5Pclose(properties);
    open_array("x");
    ck_assert_int_eq(array.plain, TIDE_HDF5_PLAIN_FLOAT);
    must_agree(H5T_NATIVE_FLOAT, 0, ROWS);
    float got[ACROSS];
    MUST(tide_hdf5_read_rows(&input, &array, "x", H5T_NATIVE_FLOAT, 7, 1, got));
    ck_assert_float_eq(got[1], 15.0f);
    close_array();
}
END_TEST

/* The array in a file of its own, made with these properties and never written to where elements is NULL. */
static void write_array(hid_t type, hid_t properties, const float *elements)
{
    hsize_t dims[2] = {ROWS, ACROSS};
    hid_t file = foreign_file(), space = H5Screate_simple(2, dims, NULL);
    hid_t dataset = H5Dcreate2(file, "x", type, space, H5P_DEFAULT, properties, H5P_DEFAULT);
    ck_assert(dataset >= 0);
    if (elements != NULL)
        ck_assert(H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Fclose(file);
}

static void must_not_be_plain(hid_t type, hid_t properties, const float *elements)
{
    write_array(type, properties, elements);
    open_array("x");
    ck_assert_int_eq(array.plain, TIDE_HDF5_NOT_PLAIN);
    float got[ROWS * ACROSS];
    MUST(tide_hdf5_read_rows(&input, &array, "x", H5T_NATIVE_FLOAT, 0, ROWS, got));
    for (size_t i = 0; i < ROWS * ACROSS; i++)
        ck_assert_float_eq(got[i], elements == NULL ? 0.0f : elements[i]);
    close_array();
}

START_TEST(what_is_packed_swapped_or_not_stored_is_left_to_hdf5)
{
    float x[ROWS * ACROSS];
    for (size_t i = 0; i < ROWS * ACROSS; i++)
        x[i] = (float)(i % 100);
    must_not_be_plain(H5T_IEEE_F32BE, H5P_DEFAULT, x);
    must_not_be_plain(H5T_IEEE_F64BE, H5P_DEFAULT, x);
    must_not_be_plain(H5T_STD_I16LE, H5P_DEFAULT, x);
    must_not_be_plain(H5T_IEEE_F32LE, H5P_DEFAULT, NULL);
    hid_t small = H5Tcopy(H5T_STD_I8LE), properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Tset_precision(small, 7);
    must_not_be_plain(small, H5P_DEFAULT, NULL);
    H5Tclose(small);
    H5Pset_layout(properties, H5D_COMPACT);
    must_not_be_plain(H5T_IEEE_F32LE, properties, x);
    H5Pset_layout(properties, H5D_CHUNKED);
    H5Pset_chunk(properties, 2, (hsize_t[]){16, ACROSS});
    must_not_be_plain(H5T_IEEE_F32LE, properties, x);
    H5Pclose(properties);
}
END_TEST

/* ---- files that lie about places ---- */

static void put_64(unsigned char *at, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* Makes the array x say that its elements begin at `place`; `more` bytes are appended to the file. */
static void move_storage(uint64_t place, size_t more)
{
    unsigned char wanted[16];
    open_array("x");
    put_64(wanted, array.place);
    put_64(wanted + 8, array.count * array.size);
    close_array();
    size_t n, found = 0;
    unsigned char *bytes = slurp(&n), *longer = calloc(n + more + 1, 1);
    memcpy(longer, bytes, n);
    for (size_t i = 0; i + sizeof wanted <= n; i++)
        if (memcmp(bytes + i, wanted, sizeof wanted) == 0) {
            put_64(longer + i, place);
            found++;
        }
    ck_assert_uint_eq(found, 1);
    spill(longer, n + more);
    free(bytes);
    free(longer);
}

static void write_floats(hid_t type)
{
    float x[ROWS * ACROSS];
    for (size_t i = 0; i < ROWS * ACROSS; i++)
        x[i] = (float)i;
    write_bytes(type, x);
}

/* Opens the array x, which fails. */
static tide_status open_fails(void)
{
    hid_t object;
    MUST(tide_hdf5_open(path, &input));
    MUST(tide_hdf5_open_path(&input, "x", &object));
    tide_status status = tide_hdf5_take_array(&input, object, "x", &array);
    tide_hdf5_close(&input);
    return status;
}

START_TEST(storage_outside_of_the_file_is_refused)
{
    const struct {
        ptrdiff_t from_end; /* where the elements begin */
        size_t more;        /* bytes behind what HDF5 takes for the file */
    } CASES[] = {{0, 0},       {-4, 0},   {-(ptrdiff_t)(ROWS * ACROSS * sizeof(float)) + 1, 0}, {1 << 20, 0}, {0, 4096},
                 {-512, 4096}, {16, 4096}};
    const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F32BE}; /* plain, and not */
    for (size_t t = 0; t < 2; t++) {
        for (size_t c = 0; c < sizeof CASES / sizeof *CASES; c++) {
            write_floats(types[t]);
            move_storage(file_bytes() + (size_t)CASES[c].from_end, CASES[c].more);
            MUST_FAIL(open_fails(), TIDE_FORMAT, "x: 256 elements of 4 bytes from byte");
        }
        write_floats(types[t]);
        move_storage(UINT64_MAX - 100, 0);
        MUST_FAIL(open_fails(), TIDE_FORMAT, "x: 256 elements of 4 bytes from byte 18446744073709551515 on");
        write_floats(types[t]); /* the last of all places is one */
        move_storage(file_bytes() - ROWS * ACROSS * sizeof(float), 0);
        open_array("x");
        must_agree(H5T_NATIVE_FLOAT, 0, ROWS);
        close_array();
    }
}
END_TEST

START_TEST(storage_that_is_shared_is_read_as_by_hdf5)
{
    write_floats(H5T_IEEE_F32LE);
    open_array("before");
    uint64_t place = array.place;
    close_array();
    move_storage(place, 0); /* partly in the other array's bytes, partly in the file's own tables */
    open_array("x");
    ck_assert_int_eq(array.plain, TIDE_HDF5_PLAIN_FLOAT);
    must_agree(H5T_NATIVE_FLOAT, 0, ROWS);
    must_agree(H5T_NATIVE_DOUBLE, 0, ROWS);
    close_array();
}
END_TEST

START_TEST(a_file_that_shrinks_while_it_is_read_is_noticed)
{
    float got[ROWS * ACROSS] = {0};
    hid_t chunks = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunks, 2, (hsize_t[]){ROWS, ACROSS});
    for (int way = 0; way < 3; way++) { /* plain, by HDF5, in chunks */
        write_array(H5T_IEEE_F32LE, way == 2 ? chunks : H5P_DEFAULT, got);
        open_array("x");
        ck_assert(array.plain == (way == 2 ? TIDE_HDF5_NOT_PLAIN : TIDE_HDF5_PLAIN_FLOAT));
        if (way == 1)
            array.plain = TIDE_HDF5_NOT_PLAIN;
        MUST(tide_hdf5_read_rows(&input, &array, "x", H5T_NATIVE_FLOAT, 0, ROWS, got));
        size_t n = file_bytes();
        ck_assert_int_eq(truncate(path, (off_t)n - 100), 0);
        char wanted[96];
        snprintf(wanted, sizeof wanted, "truncated while it was read: %zu of %zu bytes are there", n - 100, n);
        MUST_FAIL(tide_hdf5_read_rows(&input, &array, "x", H5T_NATIVE_FLOAT, 0, ROWS, got), TIDE_FORMAT, wanted);
        close_array();
    }
    H5Pclose(chunks);
}
END_TEST

/* ---- datasets ---- */

enum { LONG = 10000, S = 19, A = 3 }; /* rows of several blocks */

static float observations[LONG][S], next_observations[LONG][S], actions[LONG][A], rewards[LONG];
static int8_t terminals[LONG], timeouts[LONG];

/* Episodes of random lengths; next observations that break off where nothing marks it, at blocks' borders too. */
static void make_rows(void)
{
    tide_rng rng = testing_rng("plain datasets");
    memset(terminals, 0, sizeof terminals);
    memset(timeouts, 0, sizeof timeouts);
    for (size_t i = 0; i < LONG; i++) {
        uint64_t end;
        tide_rng_indices(&rng, &end, 1, 300);
        for (size_t j = 0; j < S; j++)
            observations[i][j] = testing_uniform(&rng, -1.0f, 1.0f);
        for (size_t j = 0; j < A; j++)
            actions[i][j] = testing_uniform(&rng, -1.0f, 1.0f);
        rewards[i] = testing_uniform(&rng, 0.0f, 1.0f);
        terminals[i] = end == 0;
        timeouts[i] = end == 1;
    }
    for (size_t i = 0; i < LONG; i++)
        memcpy(next_observations[i], observations[i + 1 < LONG ? i + 1 : i], sizeof next_observations[i]);
    static const size_t BREAKS[] = {0, 70, 4094, 4095, 4096, 8191, LONG - 2};
    for (size_t b = 0; b < sizeof BREAKS / sizeof *BREAKS; b++)
        next_observations[BREAKS[b]][S - 1] += 0.5f;
}

/* As one of: plain; float64, big-endian; in gzipped chunks of `chunk` rows where that is not 0. */
static void write_rows(hid_t number, hid_t flag, size_t chunk, int with_next)
{
    hid_t file = foreign_file();
    hsize_t s[2] = {LONG, S}, a[2] = {LONG, A}, one[1] = {LONG}, s_chunk[2] = {chunk, 5}, one_chunk[2] = {chunk, 2};
    hsize_t *wide = chunk == 0 ? NULL : s_chunk, *narrow = chunk == 0 ? NULL : one_chunk;
    foreign_array(file, "observations", number, 2, s, wide, H5T_NATIVE_FLOAT, observations);
    foreign_array(file, "actions", number, 2, a, narrow, H5T_NATIVE_FLOAT, actions);
    foreign_array(file, "rewards", number, 1, one, narrow, H5T_NATIVE_FLOAT, rewards);
    if (with_next)
        foreign_array(file, "next_observations", number, 2, s, wide, H5T_NATIVE_FLOAT, next_observations);
    foreign_array(file, "terminals", flag, 1, one, narrow, H5T_NATIVE_INT8, terminals);
    foreign_array(file, "timeouts", flag, 1, one, narrow, H5T_NATIVE_INT8, timeouts);
    H5Fclose(file);
}

static tide_dataset *read_rows(size_t max_episode_steps)
{
    tide_dataset *d;
    const tide_dataset_options options = {.max_episode_steps = max_episode_steps};
    MUST(tide_dataset_read(path, &options, &d));
    return d;
}

static const float *part_of(const tide_dataset *d, size_t i, tide_part part)
{
    return d->rows + i * d->layout.stride + tide_part_offset(&d->layout, part);
}

/* Is the dataset what the arrays say, counted row by row? */
static void must_be_the_rows(const tide_dataset *d, size_t max_episode_steps, int with_next)
{
    size_t kept = 0, steps = 0, cuts = 0, ends = 0, breaks = 0, episodes = 0;
    for (size_t i = 0; i < LONG; i++) {
        steps++;
        int cut = !terminals[i] && (timeouts[i] || (max_episode_steps > 0 && steps >= max_episode_steps));
        int is_break = with_next && i + 1 < LONG && !terminals[i] && !cut &&
                       memcmp(next_observations[i], observations[i + 1], sizeof next_observations[i]) != 0;
        cuts += (size_t)cut;
        ends += (size_t)terminals[i];
        breaks += (size_t)is_break;
        episodes += terminals[i] || cut || is_break;
        if (terminals[i] || timeouts[i] || cut)
            steps = 0;
        if (!with_next && !terminals[i] && (cut || i + 1 == LONG))
            continue;
        const float *next = with_next ? next_observations[i] : observations[terminals[i] ? i : i + 1];
        EXPECT(memcmp(part_of(d, kept, TIDE_OBSERVATIONS), observations[i], sizeof observations[i]) == 0);
        EXPECT(memcmp(part_of(d, kept, TIDE_ACTIONS), actions[i], sizeof actions[i]) == 0);
        EXPECT(memcmp(part_of(d, kept, TIDE_NEXT_OBSERVATIONS), next, sizeof observations[i]) == 0);
        EXPECT(*part_of(d, kept, TIDE_REWARDS) == rewards[i] && *part_of(d, kept, TIDE_TERMINALS) == terminals[i]);
        EXPECT(d->timeouts[kept] == (timeouts[i] || cut));
        kept++;
    }
    ck_assert_uint_eq(d->count, kept);
    ck_assert_uint_eq(d->info.timeouts, cuts);
    ck_assert_uint_eq(d->info.terminals, ends);
    ck_assert_uint_eq(d->info.unmarked_cuts, breaks);
    ck_assert_uint_eq(d->info.episodes, episodes);
}

START_TEST(datasets_are_the_same_however_they_are_stored)
{
    static const size_t LIMITS[] = {0, 1, 2, 7, 100, 1000, 4096, LONG};
    make_rows();
    for (int with_next = 0; with_next < 2; with_next++)
        for (int way = 0; way < 4; way++) {
            write_rows(way == 1   ? H5T_IEEE_F64LE
                       : way == 2 ? H5T_IEEE_F32BE
                                  : H5T_IEEE_F32LE,
                       way == 1   ? H5T_IEEE_F32LE
                       : way == 2 ? H5T_STD_U8LE
                                  : H5T_STD_I8LE,
                       way == 3 ? 777 : 0, with_next);
            for (size_t k = 0; k < sizeof LIMITS / sizeof *LIMITS; k++) {
                if (!with_next && LIMITS[k] == 1)
                    continue; /* no row would be left but the terminal ones */
                tide_dataset *d = read_rows(LIMITS[k]);
                must_be_the_rows(d, LIMITS[k], with_next);
                tide_dataset_release(d);
            }
        }
}
END_TEST

START_TEST(what_is_not_finite_is_named_however_it_is_stored)
{
    static const float ODD[] = {NAN, INFINITY, -INFINITY};
    static const size_t PLACES[] = {0, 63, 4095, 4096, LONG - 1};
    for (size_t k = 0; k < 5; k++) {
        make_rows();
        next_observations[PLACES[k]][k] = ODD[k % 3];
        char wanted[96];
        snprintf(wanted, sizeof wanted, "next_observations: row %zu, column %zu (from 1) is %s", PLACES[k] + 1, k + 1,
                 k % 3 == 0   ? "nan"
                 : k % 3 == 1 ? "inf"
                              : "-inf");
        for (int way = 0; way < 3; way++) {
            tide_dataset *d;
            write_rows(way == 1 ? H5T_IEEE_F32BE : H5T_IEEE_F32LE, H5T_STD_I8LE, way == 2 ? 777 : 0, 1);
            MUST_FAIL(tide_dataset_read(path, NULL, &d), TIDE_NUMERIC, wanted);
        }
    }
    make_rows();
    terminals[LONG - 1] = -3;
    for (int way = 0; way < 2; way++) {
        tide_dataset *d;
        write_rows(H5T_IEEE_F32LE, way == 0 ? H5T_STD_I8LE : H5T_STD_I8BE, way == 0 ? 0 : 777, 1);
        MUST_FAIL(tide_dataset_read(path, NULL, &d), TIDE_NUMERIC, "terminals: row 10000, column 1 (from 1) is -3");
    }
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, every_plain_type_is_read_as_hdf5_reads_it);
    tcase_add_test(tests, a_block_before_the_file_shifts_every_place);
    tcase_add_test(tests, what_is_packed_swapped_or_not_stored_is_left_to_hdf5);
    tcase_add_test(tests, storage_outside_of_the_file_is_refused);
    tcase_add_test(tests, storage_that_is_shared_is_read_as_by_hdf5);
    tcase_add_test(tests, a_file_that_shrinks_while_it_is_read_is_noticed);
    tcase_add_test(tests, datasets_are_the_same_however_they_are_stored);
    tcase_add_test(tests, what_is_not_finite_is_named_however_it_is_stored);
}

int main(void)
{
    return testing_run("plain", add);
}
