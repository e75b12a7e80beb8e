/* Makes one write of a program fail, or all from one on: preloaded between it and the C library.
 *
 * faults_arm(folder, first, kind) counts, from then on, writes to files below `folder` and lets the
 * `first`-th of them go wrong. Writes elsewhere are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INPUT_OUTPUT_ONCE = 1, NO_ROOM_FROM_NOW = 2, TEAR_AND_DIE = 3 };

static char folder[4096];
static int kind, countdown, count;

void faults_arm(const char *path, int first, int wanted) {
    snprintf(folder, sizeof folder, "%s", path);
    kind = wanted;
    countdown = first;
    count = 0;
}

int faults_disarm(void) {
    kind = 0;
    return count;
}

static int is_below(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return strncmp(path, folder, strlen(folder)) == 0;
}

/* Returns the error number of this call, 0 to let it through, -1 to tear it. */
static int verdict(int descriptor) {
    if (!folder[0] || !is_below(descriptor)) return 0;
    count++;
    if (!kind || --countdown > 0) return 0;
    if (kind == TEAR_AND_DIE) return -1;
    if (kind == INPUT_OUTPUT_ONCE) {
        kind = 0;
        return EIO;
    }
    return ENOSPC;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) {
        REAL(pwrite64)(descriptor, data, size / 2, offset);
        _exit(9);
    }
    return REAL(pwrite64)(descriptor, data, size, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset) {
    return pwrite64(descriptor, data, size, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *parts, int number, off64_t offset) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) {
        REAL(pwritev64)(descriptor, parts, (number + 1) / 2, offset);
        _exit(9);
    }
    return REAL(pwritev64)(descriptor, parts, number, offset);
}

ssize_t pwritev(int descriptor, const struct iovec *parts, int number, off_t offset) {
    return pwritev64(descriptor, parts, number, offset);
}

ssize_t write(int descriptor, const void *data, size_t size) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) {
        REAL(write)(descriptor, data, size / 2);
        _exit(9);
    }
    return REAL(write)(descriptor, data, size);
}

/* Nothing is half done by the calls below: dying before them is the tear. */

int fdatasync(int descriptor) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) _exit(9);
    return REAL(fdatasync)(descriptor);
}

int fsync(int descriptor) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) _exit(9);
    return REAL(fsync)(descriptor);
}

int ftruncate64(int descriptor, off64_t length) {
    int error = verdict(descriptor);
    if (error > 0) return errno = error, -1;
    if (error) _exit(9);
    return REAL(ftruncate64)(descriptor, length);
}

int ftruncate(int descriptor, off_t length) { return ftruncate64(descriptor, length); }
