/* SPDX-License-Identifier: Apache-2.0
 *
 * Every row of one window, copied out in pieces that all belong to one moment. The lock is held for
 * one piece at a time; that nothing moved in between is checked with each, and where it did the
 * walk must begin again. Live, counts change once a second, so a walk that takes less has its
 * moment; a walk of a million rows takes a few tenths.
 *
 * Order: the site and what the limit on keys folded together; then pages, boxes and, behind each
 * box, its placements. A prior is the same for all placements of a box and is learned from all of
 * them, which is why they come together. Thread: any.
 */
#ifndef LIVECTR_STORAGE_WALK_H
#define LIVECTR_STORAGE_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/names.h"
#include "storage/spread.h"
#include "storage/store.h"

enum {
    WALK_ROWS_MAX = 256,
    WALK_BYTES = 65536,
    /* Keys looked at while the lock is held: some 50 us. */
    WALK_VISITS_MAX = 512
};

/* One row with at least an impression or a click. */
struct walk_row {
    enum level level;
    bool other; /* the counts that the limit on keys folded together at this level; no people */
    struct text page, box; /* point into the piece */
    struct figures figures;
};

struct walk_piece {
    size_t count;
    struct walk_row rows[WALK_ROWS_MAX];
    size_t bytes_used;
    char bytes[WALK_BYTES];
};

enum walk_stage { WALK_SITE, WALK_KEYS, WALK_SPREAD, WALK_PLACEMENTS, WALK_DONE };

/* The caller's; begun by walk_begin(). */
struct walk {
    const struct store *store; /* compared, never followed: it may be gone */
    size_t window;
    bool levels[LEVEL_COUNT]; /* those whose rows are wanted */
    struct reading reading;   /* the moment */
    uint64_t removals;        /* of keys, since a position in a box's list was noted */
    enum walk_stage stage;
    uint32_t kid;       /* the next one, or the box whose placements are looked at */
    uint32_t placement; /* the next one of that box */
    struct spread spread;
    double weight; /* the prior's, of that box's placements */
};

/* Begins a walk of `window` at the moment that `store` shows now. */
void walk_begin(const struct store *store, size_t window, const bool levels[LEVEL_COUNT],
                struct walk *ret_walk);

/* Asks the writer to let the moment of `walk` last until it is released, but never so long that
 * `to` would be more than 5 s behind as_of: for a store of so many rows that it takes longer than
 * the second between two moves. `store` answers now. A hold that nobody releases ends by itself. */
void walk_hold(const struct store *store, const struct walk *walk);
void walk_release(const struct store *store);

/* The next piece, possibly without a row; walk->stage is WALK_DONE after the last one. `store` may
 * be another one than before. Errors: CTR_RETRY: something moved: what was copied is worth nothing.
 */
CTR_MUST_USE enum ctr_status walk_next(const struct store *store, struct walk *walk,
                                       struct walk_piece *ret_piece);

#endif
