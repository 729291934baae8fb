/* SPDX-License-Identifier: Apache-2.0 */
#include "service/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum { PATH_MAX_BYTES = 1100 };

enum ctr_status lock_take(const char *folder, int *ret_lock, struct ctr_error *reterr)
{
    char path[PATH_MAX_BYTES];
    int lock = -1;

    (void)snprintf(path, sizeof path, "%.1024s/livectr.lock", folder);
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0) {
        return ctr_fail(reterr, CTR_IO, "data_dir = %.150s: livectr.lock: %s", folder,
                        strerror(errno));
    }
    /* flock() belongs to the open file: no close() elsewhere in the process drops it. A file system
     * without it leaves the refusing to SQLite. */
    if (flock(lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        (void)close(lock);
        return ctr_fail(reterr, CTR_RETRY,
                        "data_dir = %.150s is in use by another livectr; stop that one, or name "
                        "another data_dir",
                        folder);
    }
    *ret_lock = lock;
    return CTR_OK;
}

void lock_release(int lock)
{
    if (lock >= 0) {
        (void)close(lock);
    }
}
