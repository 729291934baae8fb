/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of `livectr demo` as one value.
 */
#ifndef LIVECTR_SERVICE_DEMO_OPTIONS_H
#define LIVECTR_SERVICE_DEMO_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/status.h"

/* Texts are borrowed from argv. */
struct demo_options {
    bool help;
    int64_t seconds; /* 0: until a signal */
    double rate;     /* events/s */
    uint64_t seed;
    const char *window; /* NULL: the service's preferred one */
    const char *kafka;  /* NULL: the embedded stand-in */
};

/* argv[0] is the first flag. Errors: CTR_INVALID with the way out. Thread: any. */
CTR_MUST_USE enum ctr_status demo_options_parse(int argc, char **argv,
                                                struct demo_options *ret_options,
                                                struct ctr_error *reterr);

#endif
