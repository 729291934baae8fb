/* SPDX-License-Identifier: Apache-2.0
 *
 * The past of one key in equal steps, from the history on disk and from what the store has not
 * saved yet, each row found exactly once. Pure but for the two readings. Thread: any.
 */
#ifndef LIVECTR_API_MINUTES_H
#define LIVECTR_API_MINUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/problem.h"
#include "api/request.h"
#include "api/writer.h"
#include "storage/history.h"
#include "storage/store.h"

enum { MINUTES_POINTS_MAX = 2000, MINUTES_RANGES_MAX = 5 };
#define MINUTES_DAY_MS (24 * HISTORY_HOUR_MS)

struct minutes_range {
    int64_t from_ms, until_ms; /* on steps */
    int64_t step_ms;           /* whole minutes that divide a day, or whole days */
};

struct minutes_point {
    int64_t numbers[MINUTE_NUMBERS];
    int64_t known_ms; /* how much of it is known: 0 nothing, step_ms all */
    int64_t gone_ms;  /* how much has only hours left where minutes are asked for */
    bool found;       /* some row lies in it */
};

struct minutes {
    struct minutes_range range;
    int64_t to_ms, lateness_ms; /* every step up to `to` is in it; MOMENT_NONE none */
    uint64_t changes;           /* store_minutes_changes() */
    size_t count;
    struct minutes_point *points; /* owned, from range.from_ms on */
};

/* Reads the points of up to MINUTES_RANGES_MAX ranges of one step, all of one moment. mono_ms: when
 * the request came; the disk has two seconds from then on. Errors: CTR_INVALID with the problem (no
 * answer from the disk in time: 503), CTR_NO_MEMORY; nothing is given then. */
CTR_MUST_USE enum ctr_status minutes_read(const struct api_context *context, int64_t mono_ms,
                                          const struct key_name *name,
                                          const struct minutes_range *ranges, size_t count,
                                          struct minutes *ret_minutes, struct problem *ret_problem);
void minutes_done(struct minutes *minutes, size_t count);

/* "live", "closing" or "final": what may still change in the stretch that ends at end_ms. */
const char *minutes_state(const struct minutes *minutes, int64_t end_ms);

/* Members of an open object: counts with their ratio and interval, people of the ten minutes at the
 * end (where there is one minute only), revision. */
void minutes_write_numbers(struct writer *writer, const struct minutes_point *point, bool single);

#endif
