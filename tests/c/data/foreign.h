/* HDF5 files as other programs write them, made with HDF5 itself, for the tests of data/. */
#ifndef TIDE_TESTS_DATA_FOREIGN_H
#define TIDE_TESTS_DATA_FOREIGN_H

#define H5_USE_110_API
#include <hdf5.h>
#include <stdint.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../testing.h"

static char folder[] = "/tmp/tide-test-data-XXXXXX";
static char path[256]; /* the file of the test at hand */

static inline void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file.h5", folder);
}

/* Only the test's file may be there: no temporary one is left. */
static inline void remove_folder(void)
{
    unlink(path);
    ck_assert_msg(rmdir(folder) == 0, "files are left in %s", folder);
}

/* From here on no file grows past `bytes`: a full disk, for whoever writes. */
static inline void fill_disk(rlim_t bytes)
{
    const struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static inline hid_t foreign_file(void)
{
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    ck_assert(file >= 0);
    return file;
}

/* An array of `type` on disk whose elements are given as `memory`; chunks and gzip where chunk is not NULL. */
static inline void foreign_array(hid_t parent, const char *name, hid_t type, int rank, const hsize_t *dims,
                                 const hsize_t *chunk, hid_t memory, const void *elements)
{
    hid_t space = rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(rank, dims, NULL);
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    if (chunk != NULL) {
        H5Pset_chunk(properties, rank, chunk);
        H5Pset_deflate(properties, 1);
    }
    hid_t dataset = H5Dcreate2(parent, name, type, space, links, properties, H5P_DEFAULT);
    ck_assert(dataset >= 0);
    if (elements != NULL)
        ck_assert(H5Dwrite(dataset, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements) >= 0);
    H5Dclose(dataset);
    H5Pclose(properties);
    H5Pclose(links);
    H5Sclose(space);
}

static inline hid_t foreign_boolean(void)
{
    int8_t no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tenum_insert(type, "FALSE", &no);
    H5Tenum_insert(type, "TRUE", &yes);
    return type;
}

static inline size_t file_bytes(void)
{
    struct stat status;
    ck_assert_int_eq(stat(path, &status), 0);
    return (size_t)status.st_size;
}

/* The file's bytes, to be freed. */
static inline unsigned char *slurp(size_t *n)
{
    *n = file_bytes();
    unsigned char *bytes = malloc(*n + 1);
    FILE *f = fopen(path, "rb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

static inline void spill(const unsigned char *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
    ck_assert_int_eq(fclose(f), 0);
}

#endif
