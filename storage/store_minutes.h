/* SPDX-License-Identifier: Apache-2.0
 *
 * Minutes of keys that the store still holds: what GET /v1/series and GET /v1/explain need beside
 * the history on disk. Thread: any.
 */
#ifndef LIVECTR_STORAGE_STORE_MINUTES_H
#define LIVECTR_STORAGE_STORE_MINUTES_H

#include <time.h>

#include "storage/minutes.h"
#include "storage/store.h"

/* What of one key is on its way to the history: the sums of what the store holds per minute, for
 * minutes that begin in [from_ms, until_ms). `saved_cut` is the newest cut whose minutes are in the
 * history already (snapshot_saved_cut). Errors: CTR_NO_MEMORY; CTR_RETRY: minutes of a later cut
 * are in the history by now as well, ask it again. */
struct minute_sum {
    int64_t minute_ms;
    int64_t numbers[MINUTE_NUMBERS];
};

struct minute_sums {
    int64_t to_ms;    /* every step up to here is in them; MOMENT_NONE none */
    uint64_t changes; /* as store_minutes_changes() would have said */
    int64_t
        first_ms; /* the first minute since the service's start; INT64_MIN: from the beginning */
    int64_t lateness_ms;
    size_t count;
    struct minute_sum *items; /* owned, by minute */
};
/* A number that is another one whenever minutes of any key may be. Thread: any. */
uint64_t store_minutes_changes(const struct store *store);

CTR_MUST_USE enum ctr_status store_minutes(struct store *store, const struct key_name *name,
                                           int64_t from_ms, int64_t until_ms, uint64_t saved_cut,
                                           struct minute_sums *ret_sums);
void minute_sums_done(struct minute_sums *sums);

/* The key that the history knows a name by. */
struct minute_key store_minute_key(const struct store *store, const struct key_name *name);

/* Events of one key and minute that are held. Asks the writer, which answers with its next advance:
 * waits for that until `deadline` (CLOCK_MONOTONIC). Errors: CTR_RETRY: no answer by then. */
CTR_MUST_USE enum ctr_status store_held(struct store *store, const struct key_name *name,
                                        int64_t minute_ms, const struct timespec *deadline,
                                        uint64_t *ret_count);

#endif
