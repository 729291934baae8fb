/* SPDX-License-Identifier: Apache-2.0 */
#include "service/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/scratch.h"

/* Where SQLite puts its locks on a file. */
enum { LOCK_BEGIN = 0x40000000, LOCK_BYTES = 512, COPY_BYTES = 1 << 16 };

bool snapshot_file_in_use(const char *path)
{
    struct flock lock = {
        .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_start = LOCK_BEGIN, .l_len = LOCK_BYTES};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool used = file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

    if (file >= 0) {
        (void)close(file);
    }
    return used;
}

static enum ctr_status copy_bytes(int from, int to)
{
    static char bytes[COPY_BYTES];
    ssize_t length = 0;

    while ((length = read(from, bytes, sizeof bytes)) > 0) {
        for (ssize_t at = 0; at < length;) {
            ssize_t written = write(to, bytes + at, (size_t)(length - at));

            if (written <= 0) {
                return CTR_IO;
            }
            at += written;
        }
    }
    return length == 0 ? CTR_OK : CTR_IO;
}

static enum ctr_status copy_file(const char *from, const char *folder, const char *name,
                                 struct ctr_error *reterr)
{
    char into[SNAPSHOT_FILE_PATH_BYTES + 32];
    int source = open(from, O_RDONLY | O_CLOEXEC);
    int target = -1;
    enum ctr_status status = CTR_IO;

    (void)snprintf(into, sizeof into, "%s/%s", folder, name);
    if (source >= 0) {
        target = open(into, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    }
    if (target >= 0) {
        status = copy_bytes(source, target);
    }
    if (status != CTR_OK) {
        (void)ctr_fail(reterr, CTR_IO, "copying %.120s to %.120s: %s", from, into, strerror(errno));
    }
    if (source >= 0) {
        (void)close(source);
    }
    if (target >= 0) {
        (void)close(target);
    }
    return status;
}

/* Its log is recovered in a copy. */
static enum ctr_status open_copy(const char *path, const char *log, struct snapshot_file *file,
                                 struct ctr_error *reterr)
{
    char copy[SNAPSHOT_FILE_PATH_BYTES + 32];
    enum ctr_status status = scratch_make(file->folder, sizeof file->folder, reterr);

    if (status == CTR_OK) {
        status = copy_file(path, file->folder, "livectr.db", reterr);
    }
    if (status == CTR_OK) {
        status = copy_file(log, file->folder, "livectr.db-wal", reterr);
    }
    if (status == CTR_OK) {
        (void)snprintf(copy, sizeof copy, "%s/livectr.db", file->folder);
        status = snapshot_open(copy, &file->snapshot, reterr);
    }
    return status;
}

enum ctr_status snapshot_file_open(const char *path, struct snapshot_file *ret_file,
                                   struct ctr_error *reterr)
{
    char log[SNAPSHOT_FILE_PATH_BYTES];
    struct stat found;
    enum ctr_status status = CTR_OK;

    *ret_file = (struct snapshot_file){.snapshot = NULL};
    if (snprintf(log, sizeof log, "%s-wal", path) >= (int)sizeof log) {
        return ctr_fail(reterr, CTR_INVALID, "the path is too long");
    }
    if (stat(path, &found) != 0) {
        return ctr_fail(reterr, errno == ENOENT ? CTR_NOT_FOUND : CTR_IO, "%.200s: %s", path,
                        strerror(errno));
    }
    if (!S_ISREG(found.st_mode)) {
        return ctr_fail(reterr, CTR_INVALID, "%.200s is no file; name one, as DATA_DIR/livectr.db",
                        path);
    }
    if (snapshot_file_in_use(path)) {
        return ctr_fail(reterr, CTR_RETRY,
                        "%.200s is in use by a running service; stop it, or ask it: GET /v1/status",
                        path);
    }
    if (stat(log, &found) == 0 && found.st_size > 0) {
        status = open_copy(path, log, ret_file, reterr);
    } else {
        status = snapshot_open_read(path, &ret_file->snapshot, reterr);
    }
    if (status != CTR_OK) {
        snapshot_file_close(ret_file);
    }
    return status;
}

void snapshot_file_close(struct snapshot_file *file)
{
    snapshot_close(file->snapshot);
    file->snapshot = NULL;
    scratch_remove(file->folder);
    file->folder[0] = '\0';
}
