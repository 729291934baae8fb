/* SPDX-License-Identifier: Apache-2.0
 *
 * The events that were counted lately, by fingerprint, to find copies (CONTRACT, Events 7): one set
 * per minute of event time, so that a look-up is one probe whatever came in between, and a minute
 * is forgotten by giving up its set.
 *
 * A fingerprint is 64 bits of a keyed hash of the whole decoded event. Two different events of one
 * minute are taken for copies with a probability of n / 2^64 each, n being that minute's events:
 * at 10,000 events/s one in a century. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_IDS_H
#define LIVECTR_STORAGE_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

struct ids_minute {
    int64_t minute_ms; /* its start */
    uint64_t *prints;  /* 0: free */
    size_t count, capacity;
};

struct ids {
    struct ids_minute *minutes; /* by minute_ms */
    size_t minutes_count, minutes_capacity;
    size_t likely; /* the place of the minute that was asked for last, or no longer so */
    uint64_t count, limit;
    uint64_t bytes;  /* of all sets */
    uint64_t *spare; /* the set of a minute that was forgotten, for the next one; NULL: none */
    size_t spare_capacity;
    int64_t gone_ms; /* every minute that ended by then is forgotten; MOMENT_NONE none */
};

enum ids_verdict { IDS_NEW, IDS_COPY, IDS_UNCHECKED };

void ids_init(struct ids *ids, uint64_t limit);
void ids_done(struct ids *ids);

/* Makes room for one more event of the minute that holds ts_ms. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status ids_reserve(struct ids *ids, int64_t ts_ms);

/* IDS_COPY: it is there already. IDS_NEW: it is now. IDS_UNCHECKED: its minute is forgotten, or the
 * limit is reached and it could not be remembered. After ids_reserve for the same moment. */
enum ids_verdict ids_add(struct ids *ids, int64_t ts_ms, uint64_t print);

/* Whether ids_add would find a copy. */
bool ids_has(const struct ids *ids, int64_t ts_ms, uint64_t print);

void ids_prefetch(const struct ids *ids, int64_t ts_ms, uint64_t print);

/* ---- an image ------------------------------------------------------------------------------ */

/* Adds fingerprints that were saved, in the order of their slots; those that are there already do
 * not matter. Errors: CTR_NO_MEMORY; CTR_CORRUPT: one is 0. */
CTR_MUST_USE enum ctr_status ids_load(struct ids *ids, int64_t minute_ms, const uint64_t *prints,
                                      size_t count);

/* Moves what `from` holds into an empty `into`, but minutes that are forgotten there. `from` is
 * empty afterwards. */
void ids_adopt(struct ids *into, struct ids *from);

/* Where a copy of all fingerprints stands: piece by piece, while others come in. */
struct ids_copy {
    int64_t minute_ms; /* MOMENT_NONE before the first */
    size_t slot, capacity;
};

/* Copies some fingerprints of one minute to `ret_prints`, which has room for slots_max of them.
 * Whatever was there when the copy began is copied, some perhaps twice. False: that was all. */
bool ids_copy_next(const struct ids *ids, struct ids_copy *copy, uint64_t *ret_prints,
                   size_t slots_max, size_t *ret_count);

/* Forgets the minutes that ended at or before until_ms. */
void ids_forget(struct ids *ids, int64_t until_ms);

#endif
