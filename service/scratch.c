/* SPDX-License-Identifier: Apache-2.0 */
#include "service/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1200 };

enum ctr_status scratch_make(char *ret_path, size_t path_bytes, struct ctr_error *reterr)
{
    const char *parent = getenv("TMPDIR");
    enum ctr_status status = CTR_OK;

    (void)snprintf(ret_path, path_bytes, "%.900s/livectr-offline-XXXXXX",
                   parent == NULL || parent[0] == '\0' ? "/tmp" : parent);
    if (mkdtemp(ret_path) == NULL) {
        status = ctr_fail(reterr, CTR_IO, "no folder for the counting, %.200s: %s; set TMPDIR",
                          ret_path, strerror(errno));
        ret_path[0] = '\0';
    }
    return status;
}

void scratch_remove(const char *path)
{
    static const char *const names[] = {"livectr.db",         "livectr.db-wal", "livectr.db-shm",
                                        "livectr.db-journal", "livectr.lock",   "hash.key"};
    char file[PATH_BYTES];

    if (path[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)snprintf(file, sizeof file, "%s/%s", path, names[i]);
        (void)unlink(file);
    }
    (void)rmdir(path);
}
