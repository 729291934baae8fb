/* SPDX-License-Identifier: Apache-2.0
 *
 * A snapshot's file that is looked at while no service uses it; it is never written to.
 */
#ifndef LIVECTR_SERVICE_SNAPSHOT_FILE_H
#define LIVECTR_SERVICE_SNAPSHOT_FILE_H

#include <stdbool.h>

#include "storage/snapshot.h"
#include "storage/status.h"

enum { SNAPSHOT_FILE_PATH_BYTES = 1200 };

struct snapshot_file {
    struct snapshot *snapshot;
    /* With a log beside it that was not folded (its service was killed), a copy of both is read. */
    char folder[SNAPSHOT_FILE_PATH_BYTES]; /* "" none */
};

/* Errors: CTR_RETRY: a service uses it; CTR_NOT_FOUND: it is not there, or nothing is in it;
 * CTR_INVALID: it is of another program or of a newer version; CTR_CORRUPT; CTR_IO. Thread: main.
 */
CTR_MUST_USE enum ctr_status snapshot_file_open(const char *path, struct snapshot_file *ret_file,
                                                struct ctr_error *reterr);
void snapshot_file_close(struct snapshot_file *file);

/* Whether some process uses the file now. */
bool snapshot_file_in_use(const char *path);

#endif
