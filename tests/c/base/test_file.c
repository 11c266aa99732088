/* Files that are whole or absent. */
#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../testing.h"

#include "base/file.h"

static char folder[] = "/tmp/tide-test-file-XXXXXX";

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void must_hold(const char *path, const char *text)
{
    char found[64] = "";
    FILE *file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    size_t n = fread(found, 1, sizeof found - 1, file);
    fclose(file);
    found[n] = '\0';
    ck_assert_str_eq(found, text);
}

/* What lies in the folder: a temporary file left behind would count. */
static int entries(void)
{
    int n = 0;
    DIR *open_folder = opendir(folder);
    ck_assert_ptr_nonnull(open_folder);
    for (const struct dirent *entry; (entry = readdir(open_folder)) != NULL;)
        n += entry->d_name[0] != '.';
    closedir(open_folder);
    return n;
}

START_TEST(writing_replaces_the_old_file_and_leaves_nothing_beside_it)
{
    const char *path = in_folder("a.json");
    MUST(tide_file_write(path, "old", 3));
    MUST(tide_file_write(path, "newer", 5));
    must_hold(path, "newer");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(temporary_names_are_in_the_folder_of_the_file_and_differ)
{
    char first[256], second[256];
    MUST(tide_file_temporary(in_folder("a"), first, sizeof first));
    MUST(tide_file_temporary(in_folder("a"), second, sizeof second));
    ck_assert_int_eq(strncmp(first, in_folder("a"), strlen(in_folder("a"))), 0);
    ck_assert_str_ne(first, second);
}
END_TEST

START_TEST(a_failed_commit_keeps_the_old_file)
{
    const char *path = in_folder("b.json");
    MUST(tide_file_write(path, "old", 3));
    MUST_FAIL(tide_file_commit(in_folder("missing.tmp"), in_folder("b.json")), TIDE_IO, "missing.tmp");
    must_hold(in_folder("b.json"), "old");
}
END_TEST

START_TEST(a_missing_folder_is_named)
{
    MUST_FAIL(tide_file_write(in_folder("no/such/x"), "x", 1), TIDE_IO, "no/such/x");
    MUST_FAIL(tide_file_write("/proc/x", "x", 1), TIDE_IO, "/proc/x");
}
END_TEST

START_TEST(a_folder_in_the_way_is_named_and_the_temporary_file_removed)
{
    const char *path = in_folder("taken");
    ck_assert_int_eq(mkdir(path, 0777), 0);
    MUST_FAIL(tide_file_write(path, "x", 1), TIDE_IO, "taken");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
    char path[6000], small[8];
    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    MUST_FAIL(tide_file_write(path, "x", 1), TIDE_ARGUMENT, "too long");
    MUST_FAIL(tide_file_temporary("abcdefgh", small, sizeof small), TIDE_ARGUMENT, "too long");
}
END_TEST

/* A limit on the size of files stands for a full disk. */
START_TEST(a_full_disk_is_an_error_and_keeps_the_old_file)
{
    const char *path = in_folder("full");
    MUST(tide_file_write(path, "old", 3));
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit little = {.rlim_cur = 4, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &little), 0);
    tide_status status = tide_file_write(path, "much newer", 10);
    const struct rlimit much = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &much), 0);
    ck_assert_int_eq(status, TIDE_IO);
    must_hold(path, "old");
    ck_assert_int_eq(entries(), 1);
}
END_TEST

static void add(TCase *tests)
{
    tcase_add_checked_fixture(tests, make_folder, remove_folder);
    tcase_add_test(tests, writing_replaces_the_old_file_and_leaves_nothing_beside_it);
    tcase_add_test(tests, temporary_names_are_in_the_folder_of_the_file_and_differ);
    tcase_add_test(tests, a_failed_commit_keeps_the_old_file);
    tcase_add_test(tests, a_missing_folder_is_named);
    tcase_add_test(tests, a_folder_in_the_way_is_named_and_the_temporary_file_removed);
    tcase_add_test(tests, a_path_that_is_too_long_is_refused);
    tcase_add_test(tests, a_full_disk_is_an_error_and_keeps_the_old_file);
}

int main(void)
{
    return testing_run("file", add);
}
