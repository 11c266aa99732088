/* Writing HDF5: a file driver of Tide's own, so that a full disk is an error. HDF5
 * 1.10 keeps what it could not write, and crashes when it closes the file; this
 * driver notes the first error, and from then on takes every write for done. The
 * file under its temporary name is then removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "data/hdf5.h"
#if H5_VERSION_GE(1, 14, 0)
#include <H5FDdevelop.h>
#endif

/* ---- the driver ---- */

typedef struct driver_info {
    int *error; /* where the output keeps its errno */
} driver_info;

typedef struct driver_file {
    H5FD_t base; /* HDF5's part comes first */
    int file;
    int *error;
    haddr_t allocated, end;
} driver_file;

static H5FD_t *driver_open(const char *path, unsigned flags, hid_t access, haddr_t most)
{
    (void)flags;
    (void)most;
    const driver_info *info = H5Pget_driver_info(access);
    driver_file *f = calloc(1, sizeof *f);
    if (f == NULL || info == NULL) {
        free(f);
        return NULL;
    }
    f->error = info->error;
    f->file = open(path, O_RDWR | O_CREAT | O_TRUNC, 0666);
    if (f->file < 0) {
        *f->error = errno;
        free(f);
        return NULL;
    }
    return &f->base;
}

static herr_t driver_close(H5FD_t *base)
{
    driver_file *f = (driver_file *)base;
    if (close(f->file) != 0 && *f->error == 0)
        *f->error = errno;
    free(f);
    return 0;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *flags)
{
    (void)base;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)base)->allocated;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t address)
{
    (void)type;
    ((driver_file *)base)->allocated = address;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type)
{
    (void)type;
    return ((const driver_file *)base)->end;
}

static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t n, void *bytes)
{
    (void)type;
    (void)transfer;
    driver_file *f = (driver_file *)base;
    char *to = bytes;
    while (n > 0) {
        ssize_t got = pread(f->file, to, n, (off_t)address);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && *f->error == 0)
            *f->error = errno;
        if (got <= 0) {
            memset(to, 0, n); /* past the end */
            return 0;
        }
        to += got;
        address += (haddr_t)got;
        n -= (size_t)got;
    }
    return 0;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t n, const void *bytes)
{
    (void)type;
    (void)transfer;
    driver_file *f = (driver_file *)base;
    const char *from = bytes;
    if (address + n > f->end)
        f->end = address + n;
    while (n > 0 && *f->error == 0) {
        ssize_t put = pwrite(f->file, from, n, (off_t)address);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0) {
            *f->error = errno;
            break;
        }
        from += put;
        address += (haddr_t)put;
        n -= (size_t)put;
    }
    return 0;
}

static herr_t driver_truncate(H5FD_t *base, hid_t transfer, hbool_t closing)
{
    (void)transfer;
    (void)closing;
    driver_file *f = (driver_file *)base;
    if (*f->error == 0 && ftruncate(f->file, (off_t)f->allocated) != 0)
        *f->error = errno;
    f->end = f->allocated;
    return 0;
}

static const H5FD_class_t DRIVER = {
#if H5_VERSION_GE(1, 14, 0)
    .version = H5FD_CLASS_VERSION,
    .value = 600, /* of those left to anyone's tests */
#endif
    .name = "tide",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* ---- the output ---- */

tide_status tide_hdf5_create(const char *path, tide_hdf5_output *output)
{
    output->file = H5I_INVALID_HID;
    output->error = 0;
    if (strlen(path) >= sizeof output->path)
        return tide_fail(TIDE_ARGUMENT, "%s: the path is too long", path);
    memcpy(output->path, path, strlen(path) + 1);
    TIDE_TRY(tide_file_temporary(path, output->temporary, sizeof output->temporary));
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    hid_t driver = H5FDregister(&DRIVER);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    driver_info info = {.error = &output->error};
    if (driver >= 0 && access >= 0 && H5Pset_driver(access, driver, &info) >= 0) {
        H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
        /* Everything but the elements carries a checksum in this version of the format. */
        H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110);
        hid_t properties = H5Pcreate(H5P_FILE_CREATE); /* the root is a group, without times */
        H5Pset_obj_track_times(properties, 0);
        output->file = H5Fcreate(output->temporary, H5F_ACC_TRUNC, properties, access);
        H5Pclose(properties);
    }
    tide_status status = TIDE_OK;
    if (output->file < 0 && output->error != 0)
        status = tide_fail(TIDE_IO, "%s: %s", path, strerror(output->error));
    else if (output->file < 0)
        status = tide_hdf5_fail(TIDE_IO, path, NULL, "HDF5 cannot make the file");
    H5Pclose(access);
    H5FDunregister(driver); /* an open file keeps it */
    return status;
}

tide_status tide_hdf5_check_output(const tide_hdf5_output *output)
{
    if (output->error != 0)
        return tide_fail(TIDE_IO, "%s: %s", output->path, strerror(output->error));
    return TIDE_OK;
}

tide_status tide_hdf5_commit(tide_hdf5_output *output)
{
    herr_t closed = H5Fclose(output->file);
    output->file = H5I_INVALID_HID;
    tide_status status = tide_hdf5_check_output(output);
    if (status == TIDE_OK && closed < 0)
        status = tide_hdf5_fail(TIDE_IO, output->path, NULL, "HDF5 cannot finish the file");
    if (status != TIDE_OK) {
        unlink(output->temporary);
        return status;
    }
    return tide_file_commit(output->temporary, output->path);
}

void tide_hdf5_discard(tide_hdf5_output *output)
{
    if (output->file < 0)
        return;
    unlink(output->temporary);
    if (output->error == 0)
        output->error = ECANCELED; /* what is still to be written need not be */
    H5Fclose(output->file);
    output->file = H5I_INVALID_HID;
}

/* ---- pieces ---- */

hid_t tide_hdf5_make_group(hid_t parent, const char *name)
{
    hid_t properties = H5Pcreate(H5P_GROUP_CREATE);
    H5Pset_obj_track_times(properties, 0);
    hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, properties, H5P_DEFAULT);
    H5Pclose(properties);
    return group;
}

hid_t tide_hdf5_dataset_properties(void)
{
    hid_t properties = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_obj_track_times(properties, 0);
    return properties;
}

hid_t tide_hdf5_boolean_type(void)
{
    static const int8_t no = 0, yes = 1;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
    H5Tenum_insert(type, "FALSE", &no);
    H5Tenum_insert(type, "TRUE", &yes);
    return type;
}
