/* SPDX-License-Identifier: Apache-2.0
 *
 * `max_lag_ms`: a caller that would rather have no numbers than old ones. Pure but for the facts of
 * the process, which a refusal quotes. Thread: any.
 */
#ifndef LIVECTR_API_FRESH_H
#define LIVECTR_API_FRESH_H

#include <stdbool.h>
#include <stdint.h>

#include "api/call.h"

struct fresh_demand {
    bool given; /* else whatever there is will do */
    uint64_t lag_max_ms;
};

/* Reads the argument; absent: no demand. Errors: CTR_INVALID with the problem. */
CTR_MUST_USE enum ctr_status fresh_read(struct text value, struct fresh_demand *ret_demand,
                                        struct problem *ret_problem);

/* Whether numbers of this moment meet the demand. Event time has no distance from now, so there
 * only numbers that hold all that was written do. Errors: CTR_INVALID with PROBLEM_TOO_STALE, or
 * PROBLEM_STARTING where a demand is made before there is a first `to`. */
CTR_MUST_USE enum ctr_status fresh_check(const struct api_call *call,
                                         const struct fresh_demand *demand,
                                         const struct progress *progress,
                                         struct problem *ret_problem);

/* The Cache-Control of numbers: those asked for with a demand are kept by nobody without asking
 * again, or a cache would break the promise. Static. */
const char *fresh_cache_control(const struct fresh_demand *demand);

#endif
