/* SPDX-License-Identifier: Apache-2.0
 *
 * The events that people, ids and gaps were made of, as numbers: saved in place of those tables. A
 * start replays them; what no table needs any more is deleted from the file by age. So a save costs
 * what came since the last one (15 bytes an event on disk), however much is kept.
 *
 * Parts are counted references: the store appends to the newest, the snapshot thread reads those
 * that were cut off. Thread: ingest appends; a part that was cut off never changes.
 */
#ifndef LIVECTR_STORAGE_JOURNAL_H
#define LIVECTR_STORAGE_JOURNAL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

/* What became of the event, so that the replay does the same whatever the limits are by then. */
enum journal_flag {
    JOURNAL_CLICK = 1,
    JOURNAL_ID = 2,          /* its fingerprint was remembered */
    JOURNAL_GAP = 4,         /* its click was kept for click_gap */
    JOURNAL_PEOPLE = 8,      /* its visitor's pairs were touched, but at levels that were: */
    JOURNAL_FOLDED = 16,     /* ... << level: in the `other` row */
    JOURNAL_SHORT = 256,     /* ... << level: refused by max_visitors */
    JOURNAL_REPEATED = 4096, /* its click did not count, for click_gap */
    JOURNAL_FLAGS_END = 8192
};

struct journal_event {
    uint64_t visitor, print, page_hash, box_hash; /* 0 where there is none */
    int64_t ts_ms;
    uint32_t flags;
};

struct journal_part {
    _Atomic uint32_t users;
    uint64_t cut; /* the first cut that was given it, 0 none */
    size_t count, capacity;
    int64_t newest_ms; /* largest ts_ms */
    struct journal_event *events;
};

/* An empty part with one user; NULL: no memory. */
struct journal_part *journal_part_new(void);
void journal_part_take(struct journal_part *part);
void journal_part_give(struct journal_part *part); /* NULL is fine */

/* Makes room for one more. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status journal_reserve(struct journal_part *part);
void journal_add(struct journal_part *part, const struct journal_event *event);

/* A part as bytes and back: times against the oldest, hashes of pages and boxes once each. */
struct packer;
struct unpacker;
CTR_MUST_USE enum ctr_status journal_pack(const struct journal_part *part, struct packer *packer);
CTR_MUST_USE enum ctr_status journal_unpack(struct unpacker *unpacker,
                                            struct journal_part **ret_part);

#endif
