/* SPDX-License-Identifier: Apache-2.0
 *
 * The clicks of each visitor in each place, for `click_gap` (docs/definitions.md "Counts"): a click
 * counts if none of the same visitor and place lies less than the gap before it. Which clicks count
 * is a property of the set, so a click that turns up late may take back the one after it.
 *
 *   heads[hash] -> click -> click -> ...     of any visitor and place with that hash, the newest
 *                                            first: one that comes in order looks at one or two
 *   minutes     -> click -> click -> ...     by minute of event time, to forget them
 *
 * Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_GAPS_H
#define LIVECTR_STORAGE_GAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

struct gap_click {
    uint64_t place; /* keyed hash of visitor, page and box */
    int64_t ts_ms;
    uint8_t folded;          /* 1 << level: counted in the `other` row there */
    bool counted;            /* and not taken back since */
    uint32_t next, before;   /* with the same head; 0 ends, else place in `clicks` + 1 */
    uint32_t next_of_minute; /* or next free one */
};

struct gap_minute {
    int64_t minute_ms;
    uint32_t first;
};

struct gaps {
    int64_t gap_ms; /* 0: off */
    struct gap_click *clicks;
    uint32_t clicks_count, clicks_capacity, free; /* free: a list by next_of_minute */
    uint32_t used, limit;
    uint32_t *heads;
    size_t heads_count; /* a power of two */
    struct gap_minute *minutes;
    size_t minutes_count, minutes_capacity;
    int64_t gone_ms;
};

/* What one more click does. */
struct gap_verdict {
    bool keep; /* it belongs into the set, and is not there yet */
    bool counts;
    bool takes_back; /* the click at taken_back_ms, which counted, does not any more */
    int64_t taken_back_ms;
    uint32_t taken_back; /* where it is in `clicks` */
    uint8_t taken_back_folded;
};

void gaps_init(struct gaps *gaps, int64_t gap_ms, uint32_t limit);
void gaps_done(struct gaps *gaps);

/* Makes room for one more click at ts_ms. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status gaps_reserve(struct gaps *gaps, int64_t ts_ms);

/* What a click would do. One whose minute is forgotten, or beyond the limit, counts and is not
 * kept. After gaps_reserve for the same moment. */
struct gap_verdict gaps_judge(const struct gaps *gaps, uint64_t place, int64_t ts_ms);

/* Keeps a click as gaps_judge said of it, with the levels at which it was folded. */
void gaps_keep(struct gaps *gaps, uint64_t place, int64_t ts_ms, uint8_t folded,
               const struct gap_verdict *verdict);

/* The same for a click of which it is known whether it counted, at a start: in any order and any
 * number of times. */
void gaps_merge(struct gaps *gaps, uint64_t place, int64_t ts_ms, uint8_t folded, bool counted);

/* Forgets the clicks of the minutes that ended at or before until_ms. */
void gaps_forget(struct gaps *gaps, int64_t until_ms);

uint64_t gaps_bytes(const struct gaps *gaps);

#endif
