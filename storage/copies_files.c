/* SPDX-License-Identifier: Apache-2.0
 *
 * The names under which files of the snapshot stand, and how one takes another's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/copies_internal.h"
#include "storage/fault_point.h"

void copies_name(char ret_name[COPIES_NAME_BYTES], const char *path, const char *suffix)
{
    (void)snprintf(ret_name, COPIES_NAME_BYTES, "%s%s", path, suffix);
}

static void folder_of(const char *path, char ret_folder[COPIES_NAME_BYTES])
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL || slash == path) {
        copies_name(ret_folder, slash == NULL ? "." : "/", "");
    } else {
        copies_name(ret_folder, path, "");
        ret_folder[slash - path] = '\0';
    }
}

enum ctr_status copies_lock_folder(const char *path, int *ret_folder, struct ctr_error *reterr)
{
    char folder[COPIES_NAME_BYTES];
    int descriptor = -1;

    folder_of(path, folder);
    *ret_folder = -1;
    descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", folder, strerror(errno));
    }
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) {
        *ret_folder = descriptor;
        return CTR_OK;
    }
    if (errno == EWOULDBLOCK) {
        (void)close(descriptor);
        return ctr_fail(reterr, CTR_RETRY, "%.200s is in use by another process", folder);
    }
    /* A file system without such locks: SQLite's own lock on each file is left. */
    (void)close(descriptor);
    return CTR_OK;
}

int64_t copies_file_bytes(const char *path)
{
    struct stat found;

    return stat(path, &found) == 0 ? (int64_t)found.st_size : -1;
}

/* A file, or the names in a folder, to the disk. */
static enum ctr_status sync_path(const char *path, int flags, struct ctr_error *reterr)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | flags);
    enum ctr_status status = CTR_OK;

    if (descriptor < 0 || fsync(descriptor) != 0) {
        status = ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
    }
    if (descriptor >= 0) {
        (void)close(descriptor);
    }
    return status;
}

static enum ctr_status sync_folder(const char *path, struct ctr_error *reterr)
{
    char folder[COPIES_NAME_BYTES];

    folder_of(path, folder);
    return sync_path(folder, O_DIRECTORY, reterr);
}

static enum ctr_status remove_file(const char *path, struct ctr_error *reterr)
{
    if (unlink(path) != 0 && errno != ENOENT) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", path, strerror(errno));
    }
    return CTR_OK;
}

static enum ctr_status move_file(const char *from, const char *to, struct ctr_error *reterr)
{
    if (rename(from, to) != 0) {
        return ctr_fail(reterr, CTR_IO, "%.200s: %s", from, strerror(errno));
    }
    return CTR_OK;
}

/* FILE goes, then its log, which must never meet another file; then FILE.new is FILE. */
static enum ctr_status replace(const char *path, struct ctr_error *reterr)
{
    char fresh[COPIES_NAME_BYTES];
    char log[COPIES_NAME_BYTES];
    enum ctr_status status = remove_file(path, reterr);

    copies_name(fresh, path, ".new");
    copies_name(log, path, "-wal");
    FAULT_POINT("install_old_gone");
    if (status == CTR_OK) {
        status = sync_folder(path, reterr);
    }
    if (status == CTR_OK) {
        status = remove_file(log, reterr);
    }
    FAULT_POINT("install_log_gone");
    if (status == CTR_OK) {
        status = sync_folder(path, reterr);
    }
    if (status == CTR_OK) {
        status = move_file(fresh, path, reterr);
    }
    FAULT_POINT("install_named");
    return status == CTR_OK ? sync_folder(path, reterr) : status;
}

enum ctr_status copies_tidy(const char *path, struct ctr_error *reterr)
{
    char name[COPIES_NAME_BYTES];

    copies_name(name, path, ".part");
    (void)unlink(name);
    copies_name(name, path, ".part-journal");
    (void)unlink(name);
    copies_name(name, path, ".new");
    if (copies_file_bytes(name) < 0) {
        return CTR_OK;
    }
    if (copies_file_bytes(path) >= 0) {
        /* The old one was not touched yet, and it may have been saved to since. */
        return remove_file(name, reterr);
    }
    return replace(path, reterr);
}

enum ctr_status copies_put_aside(const char *path, struct ctr_error *reterr)
{
    char aside[COPIES_NAME_BYTES];
    char log[COPIES_NAME_BYTES];
    char log_aside[COPIES_NAME_BYTES];
    enum ctr_status status = CTR_OK;

    copies_name(aside, path, ".damaged");
    copies_name(log, path, "-wal");
    copies_name(log_aside, path, ".damaged-wal");
    (void)unlink(log_aside);
    FAULT_POINT("aside_begin");
    status = move_file(path, aside, reterr);
    FAULT_POINT("aside_moved");
    if (copies_file_bytes(log) >= 0 && rename(log, log_aside) != 0) {
        (void)unlink(log);
    }
    return status == CTR_OK ? sync_folder(path, reterr) : status;
}

enum ctr_status copies_install(const char *path, struct ctr_error *reterr)
{
    char part[COPIES_NAME_BYTES];
    char fresh[COPIES_NAME_BYTES];
    enum ctr_status status = CTR_OK;

    copies_name(part, path, ".part");
    copies_name(fresh, path, ".new");
    status = sync_path(part, 0, reterr);
    FAULT_POINT("install_synced");
    if (status == CTR_OK) {
        status = move_file(part, fresh, reterr);
    }
    if (status == CTR_OK) {
        status = sync_folder(path, reterr);
    }
    FAULT_POINT("install_begin");
    if (status == CTR_OK) {
        status = replace(path, reterr);
    }
    if (status != CTR_OK && copies_file_bytes(path) >= 0) {
        (void)unlink(fresh); /* the old one stays, and goes on */
    }
    return status;
}
