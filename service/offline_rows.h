/* SPDX-License-Identifier: Apache-2.0
 *
 * The minutes of a snapshot's file as lines: those that are final, from the history, and those that
 * are not, from the checkpoint, in one order: site, pages, boxes, placements, each followed by the
 * row of its folded keys; by page and box as bytes; then by time.
 */
#ifndef LIVECTR_SERVICE_OFFLINE_ROWS_H
#define LIVECTR_SERVICE_OFFLINE_ROWS_H

#include <stdint.h>
#include <stdio.h>

#include "service/replay_options.h"
#include "storage/checkpoint.h"
#include "storage/history.h"
#include "storage/status.h"

struct offline_rows_options {
    enum replay_format format;
    int64_t lateness_ms;
    FILE *file; /* borrowed */
};

/* Writes all rows, returning how many. Errors: CTR_IO (the file, or the history), CTR_CORRUPT,
 * CTR_NO_MEMORY. Thread: main. */
CTR_MUST_USE enum ctr_status offline_rows_write(const struct offline_rows_options *options,
                                                struct history *history,
                                                const struct checkpoint *checkpoint,
                                                uint64_t *ret_count, struct ctr_error *reterr);

#endif
