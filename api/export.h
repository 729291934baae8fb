/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may export at once, and where an export puts what it has copied until its reader has taken
 * it.
 */
#ifndef LIVECTR_API_EXPORT_H
#define LIVECTR_API_EXPORT_H

#include <stdint.h>

#include "api/counters.h"
#include "storage/status.h"

struct exports_options {
    uint32_t max;                   /* at once */
    struct http_counters *counters; /* borrowed; may be NULL */
    const char *folder; /* for files without a name; borrowed; NULL: small exports only */
};

struct exports;

/* Errors: CTR_NO_MEMORY. Thread: main. */
CTR_MUST_USE enum ctr_status exports_new(const struct exports_options *options,
                                         struct exports **ret_exports);

/* None may be running any more; NULL is fine. */
void exports_free(struct exports *exports);

#endif
