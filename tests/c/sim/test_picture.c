/* Pictures of simulations, and the PNG files they become. Without OSMesa there is one promise: to say so. */
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <unistd.h>

#include "../testing.h"
#include "sim/picture.h"
#include "sim/png.h"

#define CHEETAH TIDE_SOURCE_DIR "/envs/half_cheetah.xml"

enum { W = 96, H = 64, BYTES = 3 * W * H };

static const tide_picture_options plain = {.width = W, .height = H, .azimuth = 110.0, .elevation = -15.0};

/* A picture of the sim, or NULL where this machine has no OSMesa. */
static tide_picture *try_picture(const tide_sim *sim, const tide_picture_options *options)
{
    tide_picture *picture = NULL;
    tide_status status = tide_picture_create(sim, options, &picture);
    if (status == TIDE_STATE && strstr(tide_message(), "libosmesa6") != NULL)
        return NULL;
    if (status != TIDE_OK)
        ck_abort_msg("%s", tide_message());
    return picture;
}

static tide_sim *load_text(const char *mjcf)
{
    char path[] = "/tmp/tide-test-picture-XXXXXX";
    int descriptor = mkstemp(path);
    ck_assert_int_ge(descriptor, 0);
    ck_assert_int_eq(write(descriptor, mjcf, strlen(mjcf)), (ssize_t)strlen(mjcf));
    close(descriptor);
    tide_sim *sim;
    tide_status status = tide_sim_load(path, &sim);
    unlink(path);
    MUST(status);
    return sim;
}

static void draw(tide_picture *picture, const char *label, uint8_t rgb[BYTES])
{
    MUST(tide_picture_draw(picture, label, rgb, 3 * W));
}

/* Pixels that differ in rows from `first` on: in a channel by more than `tolerance`. */
static size_t differences(const uint8_t *a, const uint8_t *b, size_t first, int tolerance)
{
    size_t n = 0;
    for (size_t i = 3 * W * first; i < BYTES; i += 3)
        n += abs(a[i] - b[i]) > tolerance || abs(a[i + 1] - b[i + 1]) > tolerance ||
             abs(a[i + 2] - b[i + 2]) > tolerance;
    return n;
}

static void move(tide_sim *sim, double x, double knee)
{
    double qpos[9] = {x, 0, 0, 0, knee}, qvel[9] = {0};
    MUST(tide_sim_place(sim, qpos, qvel));
}

START_TEST(the_same_state_gives_the_same_bytes_and_another_state_others)
{
    static uint8_t first[BYTES], second[BYTES];
    tide_sim *sim;
    MUST(tide_sim_load(CHEETAH, &sim));
    tide_picture *picture = try_picture(sim, &plain);
    if (picture != NULL) {
        draw(picture, NULL, first);
        size_t sky = 0;
        for (size_t i = 0; i < BYTES; i += 3)
            sky += memcmp(first + i, first, 3) == 0;
        ck_assert_uint_lt(sky, W * H / 2); /* no uniform picture */
        move(sim, 0.0, 0.7);
        draw(picture, NULL, second);
        ck_assert_uint_gt(differences(first, second, 0, 8), 10);
        move(sim, 0.0, 0.0);
        draw(picture, NULL, second);
        ck_assert_mem_eq(first, second, BYTES);
        tide_picture *other = try_picture(sim, &plain);
        memset(second, 0, BYTES);
        draw(other, NULL, second);
        ck_assert_mem_eq(first, second, BYTES);
        tide_picture_destroy(other);
        draw(picture, NULL, second); /* the other's end is not this one's */
        ck_assert_mem_eq(first, second, BYTES);
    }
    tide_picture_destroy(picture);
    tide_sim_destroy(sim);
}
END_TEST

/* The camera goes along, so only the floor tells: checks of 0.5 m that repeat every 8. */
START_TEST(the_floor_shows_that_the_robot_moves)
{
    static uint8_t here[BYTES], there[BYTES];
    tide_sim *sim;
    MUST(tide_sim_load(CHEETAH, &sim));
    tide_picture *picture = try_picture(sim, &plain);
    if (picture != NULL) {
        draw(picture, NULL, here);
        move(sim, 0.25, 0.0);
        draw(picture, NULL, there);
        ck_assert_uint_gt(differences(here, there, H / 2, 8), W * H / 2 / 4);
        move(sim, 400.0, 0.0); /* far past the plane's size in the file */
        draw(picture, NULL, there);
        ck_assert_uint_lt(differences(here, there, 0, 24), W * H / 50);
    }
    tide_picture_destroy(picture);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(drawing_changes_nothing_of_the_simulation)
{
    static uint8_t rgb[BYTES];
    tide_sim *drawn, *alone;
    MUST(tide_sim_load(CHEETAH, &drawn));
    MUST(tide_sim_load(CHEETAH, &alone));
    tide_picture *picture = try_picture(drawn, &plain);
    for (int step = 0; picture != NULL && step < 10; step++) {
        bool diverged;
        tide_sim_control(drawn)[step % 6] = tide_sim_control(alone)[step % 6] = step % 3 - 1;
        draw(picture, "label", rgb);
        MUST(tide_sim_step(drawn, 5, &diverged));
        MUST(tide_sim_step(alone, 5, &diverged));
        draw(picture, NULL, rgb);
        double a[3], b[3];
        MUST(tide_sim_body_position(drawn, "ffoot", a));
        MUST(tide_sim_body_position(alone, "ffoot", b));
        ck_assert_mem_eq(a, b, sizeof a);
        ck_assert_mem_eq(tide_sim_qpos(drawn), tide_sim_qpos(alone), 9 * sizeof(double));
        ck_assert_mem_eq(tide_sim_qvel(drawn), tide_sim_qvel(alone), 9 * sizeof(double));
    }
    tide_picture_destroy(picture);
    tide_sim_destroy(drawn);
    tide_sim_destroy(alone);
}
END_TEST

START_TEST(a_label_stands_in_the_upper_left_corner_whatever_it_holds)
{
    static uint8_t without[BYTES], with[BYTES];
    tide_sim *sim;
    MUST(tide_sim_load(CHEETAH, &sim));
    tide_picture *picture = try_picture(sim, &plain);
    if (picture != NULL) {
        draw(picture, NULL, without);
        draw(picture, "A", with);
        size_t changed = differences(without, with, 0, 0);
        ck_assert_uint_gt(changed, 5);
        ck_assert_uint_eq(differences(without, with, H / 2, 0), 0);
        static char hostile[5000];
        memset(hostile, 'x', sizeof hostile - 1);
        memcpy(hostile, "%s%n\t\x01\xff\n\n\n", 11);
        draw(picture, hostile, with);
        draw(picture, "", with);
        ck_assert_mem_eq(without, with, BYTES);
    }
    tide_picture_destroy(picture);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(only_the_picture_s_own_part_of_a_larger_one_is_written)
{
    enum { WIDE = 3 * W + 30 };
    static uint8_t alone[BYTES], large[WIDE * H + 7];
    tide_sim *sim;
    MUST(tide_sim_load(CHEETAH, &sim));
    tide_picture *picture = try_picture(sim, &plain);
    if (picture != NULL) {
        draw(picture, NULL, alone);
        memset(large, 0xa5, sizeof large);
        MUST(tide_picture_draw(picture, NULL, large + 3, WIDE));
        for (size_t y = 0; y < H; y++) {
            ck_assert_mem_eq(large + 3 + y * WIDE, alone + y * 3 * W, 3 * W);
            for (size_t i = 3 + 3 * W; i < WIDE; i++)
                EXPECT(large[y * WIDE + i] == 0xa5);
        }
    }
    tide_picture_destroy(picture);
    tide_sim_destroy(sim);
}
END_TEST

START_TEST(what_cannot_be_drawn_is_refused_and_the_extremes_can)
{
    tide_sim *sim;
    MUST(tide_sim_load(CHEETAH, &sim));
    tide_picture *picture = NULL;
    const size_t sides[] = {0, 15, 4097, 1u << 31, SIZE_MAX};
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        tide_picture_options o = plain;
        o.width = sides[i];
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "16 to 4096");
        o = plain;
        o.height = sides[i];
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "16 to 4096");
    }
    const double bad[] = {NAN, INFINITY, -INFINITY, -1e9, 1e9};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tide_picture_options o = plain;
        o.azimuth = bad[i];
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "azimuth");
        o = plain;
        o.elevation = bad[i];
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "elevation");
        o = plain;
        o.distance = bad[i];
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "distance");
    }
    picture = try_picture(sim, &plain);
    if (picture != NULL) {
        tide_picture_destroy(picture);
        tide_picture_options o = plain;
        o.body = "tail";
        MUST_FAIL(tide_picture_create(sim, &o, &picture), TIDE_ARGUMENT, "no body \"tail\"");
        const size_t extremes[][2] = {{16, 16}, {4096, 16}, {16, 4096}};
        for (size_t i = 0; i < 3; i++) {
            o = (tide_picture_options){.width = extremes[i][0], .height = extremes[i][1], .elevation = -90.0};
            o.body = "bfoot";
            picture = try_picture(sim, &o);
            uint8_t *rgb = malloc(3 * o.width * o.height);
            ck_assert_ptr_nonnull(rgb);
            MUST(tide_picture_draw(picture, "label", rgb, 3 * o.width));
            free(rgb);
            tide_picture_destroy(picture);
        }
    }
    tide_sim_destroy(sim);
}
END_TEST

/* The mean colour of the middle of a picture of this model. */
static bool middle_of(const char *mjcf, double colour[3])
{
    static uint8_t rgb[BYTES];
    tide_sim *sim = load_text(mjcf);
    tide_picture *picture = try_picture(sim, &plain);
    bool drawn = picture != NULL;
    if (drawn)
        draw(picture, NULL, rgb);
    for (size_t c = 0; c < 3; c++)
        colour[c] = 0.0;
    for (size_t y = H / 2 - 3; y < H / 2 + 3; y++)
        for (size_t x = W / 2 - 3; x < W / 2 + 3; x++)
            for (size_t c = 0; c < 3; c++)
                colour[c] += rgb[3 * (y * W + x) + c] / 36.0;
    tide_picture_destroy(picture);
    tide_sim_destroy(sim);
    return drawn;
}

START_TEST(what_the_author_of_a_model_gave_is_kept)
{
    double c[3];
    if (!middle_of(
            "<mujoco><worldbody><body><freejoint/><geom size='1' rgba='.9 .1 .1 1'/></body></worldbody></mujoco>", c))
        return;
    ck_assert_double_gt(c[0], 3.0 * c[1]);
    middle_of("<mujoco><asset><texture name='t' type='cube' builtin='flat' rgb1='.1 .1 .9' rgb2='.1 .1 .9' width='8' "
              "height='8'/>"
              "<texture type='skybox' builtin='flat' rgb1='0 1 0' width='8' height='48'/>"
              "<material name='m' texture='t'/></asset><worldbody><light pos='0 -5 5' dir='0 1 -1'/>"
              "<body><freejoint/><geom size='1' material='m'/></body></worldbody></mujoco>",
              c);
    ck_assert_double_gt(c[2], 3.0 * c[0]);
}
END_TEST

START_TEST(models_of_next_to_nothing_have_pictures)
{
    double c[3];
    middle_of("<mujoco><worldbody/></mujoco>", c);
    middle_of("<mujoco><worldbody><geom type='plane' size='1 1 1'/></worldbody></mujoco>", c);
    middle_of("<mujoco><worldbody><body mocap='true'><geom size='1e-6'/></body><body><joint/><inertial pos='0 0 0' "
              "mass='1' diaginertia='1 1 1'/></body></worldbody></mujoco>",
              c);
}
END_TEST

/* ---- PNG ---- */

static uint32_t number(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Reads a file that this library wrote: chunks with their checks, one IDAT, the filter "sub". */
static void check_png(const char *path, const uint8_t *rgb, size_t width, size_t height)
{
    static uint8_t file[1 << 20], rows[1 << 20];
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(file, 1, sizeof file, f), at = 8, row = 1 + 3 * width;
    fclose(f);
    ck_assert_mem_eq(file, "\x89PNG\r\n\x1a\n", 8);
    int seen = 0;
    static const char order[3][5] = {"IHDR", "IDAT", "IEND"};
    for (; at < n; seen++) {
        uint32_t length = number(file + at);
        const uint8_t *data = file + at + 8;
        ck_assert_int_lt(seen, 3);
        ck_assert_mem_eq(file + at + 4, order[seen], 4);
        ck_assert_uint_eq(number(data + length), crc32_gzip_refl(0, file + at + 4, length + 4));
        if (seen == 0) {
            ck_assert_uint_eq(number(data), width);
            ck_assert_uint_eq(number(data + 4), height);
            ck_assert_mem_eq(data + 8, ((uint8_t[]){8, 2, 0, 0, 0}), 5);
        } else if (seen == 1) {
            struct inflate_state *inflate = malloc(sizeof *inflate);
            ck_assert_ptr_nonnull(inflate);
            isal_inflate_init(inflate);
            inflate->crc_flag = ISAL_ZLIB;
            inflate->next_in = file + at + 8;
            inflate->avail_in = length;
            inflate->next_out = rows;
            inflate->avail_out = sizeof rows;
            ck_assert_int_eq(isal_inflate(inflate), ISAL_DECOMP_OK);
            ck_assert_uint_eq(inflate->total_out, row * height);
            free(inflate);
        }
        at += 12 + length;
    }
    ck_assert_int_eq(seen, 3);
    ck_assert_uint_eq(at, n);
    for (size_t y = 0; y < height; y++) {
        uint8_t *line = rows + y * row;
        ck_assert_int_eq(line[0], 1);
        for (size_t i = 1; i < row; i++) {
            line[i] = (uint8_t)(line[i] + (i > 3 ? line[i - 3] : 0));
            EXPECT(line[i] == rgb[y * 3 * width + i - 1]);
        }
    }
}

START_TEST(png_files_hold_every_pixel)
{
    static uint8_t rgb[3 * 211 * 97];
    tide_rng rng = testing_rng("png");
    const size_t sizes[][2] = {{1, 1}, {211, 97}, {1, 97}, {211, 1}};
    for (int kind = 0; kind < 2; kind++) /* noise, which does not compress, and a slope */
        for (size_t s = 0; s < 4; s++) {
            size_t width = sizes[s][0], height = sizes[s][1];
            for (size_t i = 0; i < 3 * width * height; i++)
                rgb[i] = kind == 0 ? (uint8_t)testing_uniform(&rng, 0.0f, 255.99f) : (uint8_t)(i / 100);
            char path[64];
            snprintf(path, sizeof path, "/tmp/tide-test-png-%d.png", (int)getpid());
            MUST(tide_png_write(path, rgb, width, height));
            check_png(path, rgb, width, height);
            unlink(path);
        }
}
END_TEST

START_TEST(a_png_file_that_cannot_be_is_refused)
{
    const uint8_t rgb[3] = {0};
    MUST_FAIL(tide_png_write("/tmp/x.png", rgb, 0, 1), TIDE_ARGUMENT, "0 x 1");
    MUST_FAIL(tide_png_write("/tmp/x.png", rgb, 1, 40000), TIDE_ARGUMENT, "40000");
    MUST_FAIL(tide_png_write("/nowhere/x.png", rgb, 1, 1), TIDE_IO, "/nowhere/x.png");
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_test(tests, the_same_state_gives_the_same_bytes_and_another_state_others);
    tcase_add_test(tests, the_floor_shows_that_the_robot_moves);
    tcase_add_test(tests, drawing_changes_nothing_of_the_simulation);
    tcase_add_test(tests, a_label_stands_in_the_upper_left_corner_whatever_it_holds);
    tcase_add_test(tests, only_the_picture_s_own_part_of_a_larger_one_is_written);
    tcase_add_test(tests, what_cannot_be_drawn_is_refused_and_the_extremes_can);
    tcase_add_test(tests, what_the_author_of_a_model_gave_is_kept);
    tcase_add_test(tests, models_of_next_to_nothing_have_pictures);
    tcase_add_test(tests, png_files_hold_every_pixel);
    tcase_add_test(tests, a_png_file_that_cannot_be_is_refused);
}

int main(void)
{
    return testing_run("picture", add);
}
