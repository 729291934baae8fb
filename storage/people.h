/* SPDX-License-Identifier: Apache-2.0
 *
 * Who saw and clicked what, last: for each pair of a visitor and a key the second of its last view
 * and of its last click (docs/definitions.md "People"). From these two alone the people of every
 * window that ends at `to` follow, because both merge by maximum.
 *
 *   part[hash]  [ print | view | click ] [ ... ] ...     16 bytes a pair, linear probing
 *
 * A pair is live while one of its times is at or after `reach`, the `from` of the longest window
 * with people; what is not live any more is garbage, which goes when its part is full. The table is
 * cut into many parts so that each growth or clean-up moves few pairs: no long pause, and between
 * two thirds and four fifths of the slots in use (20 to 24 bytes a pair).
 *
 * A pair is known by 64 bits of a keyed hash of visitor and key; storage/keys.h says what of.
 * Times are whole seconds since the epoch, kept modulo 2^32. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_H
#define LIVECTR_STORAGE_PEOPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { PEOPLE_PARTS = 4096 };

struct pair {
    uint64_t print; /* 0: a free slot */
    uint32_t view_s, click_s;
};

struct people_part {
    struct pair *pairs;
    uint32_t count, capacity; /* slots in use (live and garbage) and all */
    uint64_t generation;      /* of the table when it was last touched: an older one is empty */
};

struct people {
    struct people_part parts[PEOPLE_PARTS];
    uint64_t generation;
    uint64_t live, limit;
    int64_t reach_s;  /* the first second that counts; MOMENT_NONE: before there is a `to` */
    uint32_t *newest; /* live pairs by their newest time, a ring over the seconds since reach */
    uint32_t newest_count;
    int64_t purged_s; /* reach when every part was last known to be free of wrapped times */
    uint64_t bytes;
};

#define PEOPLE_NEVER INT64_MIN

/* What one event changed for the three counts of a slice: the second a person leaves
 * (PEOPLE_NEVER: none) and the one it enters; enters PEOPLE_NEVER: nothing changed. */
struct people_move {
    int64_t leaves_s, enters_s;
};

struct people_moves {
    struct people_move viewer;   /* by last view */
    struct people_move clicker;  /* by the earlier of last view and last click */
    struct people_move clicking; /* by last click */
};

/* span_s: the longest stretch of seconds that reach may lie behind the step that is applied.
 * limit: pairs that may be live. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_init(struct people *people, uint32_t span_s, uint64_t limit);
void people_done(struct people *people);

/* Moves reach on: pairs whose times all lie before it are not live any more. */
void people_set_reach(struct people *people, int64_t reach_s);

/* Makes room for one more pair where `print` belongs, so that people_touch cannot fail.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_reserve(struct people *people, uint64_t print);

/* Asks for the memory that people_touch will look at. */
void people_prefetch(const struct people *people, uint64_t print);

/* A view or click of the pair at second_s (at or after reach). False: a new pair, but the limit is
 * reached; nothing changed and *ret_moves is empty. */
bool people_touch(struct people *people, uint64_t print, bool click, int64_t second_s,
                  struct people_moves *ret_moves);

#endif
