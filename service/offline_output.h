/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the minutes of an offline replay go.
 */
#ifndef LIVECTR_SERVICE_OFFLINE_OUTPUT_H
#define LIVECTR_SERVICE_OFFLINE_OUTPUT_H

#include <stdint.h>

#include "service/replay_options.h"
#include "storage/status.h"

struct offline_output {
    const char *database; /* borrowed: the snapshot's file, which nobody else has open */
    const char *name;     /* borrowed; NULL: stdout */
    enum replay_format format;
    int64_t lateness_ms;
};

/* Writes all minutes of the file, returning how many. A file appears under its name when it is
 * whole, or not at all. Errors: CTR_IO, CTR_CORRUPT, CTR_NO_MEMORY, CTR_INVALID. Thread: main. */
CTR_MUST_USE enum ctr_status offline_output_write(const struct offline_output *output,
                                                  uint64_t *ret_rows, struct ctr_error *reterr);

#endif
