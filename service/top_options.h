/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `livectr top` as one value.
 */
#ifndef LIVECTR_SERVICE_TOP_OPTIONS_H
#define LIVECTR_SERVICE_TOP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "service/rest.h"
#include "storage/status.h"

/* Texts are borrowed from argv. */
struct top_options {
    const char *level, *by, *window, *page, *min_impressions; /* NULL: the service's own */
    int64_t interval_ms;
    bool once, help;
    struct rest_options rest;
};

/* argv[0] is the first flag. Errors: CTR_INVALID with the way out. Thread: any. */
CTR_MUST_USE enum ctr_status top_options_parse(int argc, char **argv,
                                               struct top_options *ret_options,
                                               struct ctr_error *reterr);

#endif
