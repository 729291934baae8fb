/* SPDX-License-Identifier: Apache-2.0
 *
 * Counts (or people) by slice of event time: what the totals of the windows are made of, and what
 * is taken off them again when a window moves on.
 *
 *   tier 0   1 s    |.|.|.|.|.|.|.|.|.|.|   as long as a window of that grain needs them,
 *   tier 1   10 s   |         |         |   then folded into the next coarser tier,
 *   tier 2   1 min  |  ...                  and in the end dropped.
 *   tier 3   10 min
 *
 * Only grains that a configured window has (and the base) are tiers. A slice is a list of cells
 * (a key and what is counted for it), appended to, never searched; a key may have more than one
 * cell in a slice, so the sum is what counts; now and then they are made one. Slices without cells
 * do not exist.
 *
 * Invariants
 *  1. limit[t] is the moment from which tier t still has its own slices; it is a multiple of the
 *     next tier's grain, and limits fall from tier to tier.
 *  2. A slice lies wholly on one side of every window's `from` whose grain is not finer.
 *
 * Thread: ingest. Times are event times in ms.
 */
#ifndef LIVECTR_STORAGE_SLICES_H
#define LIVECTR_STORAGE_SLICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/keys.h"
#include "storage/status.h"
#include "storage/window.h"

enum { TIERS_MAX = 4 };

/* What a slice is made of: of counts, or of people. */
enum slices_kind { SLICES_COUNTS, SLICES_PEOPLE };

/* A cell of SLICES_COUNTS. Negative numbers take back. */
struct cell {
    uint32_t key;
    int32_t impressions, clicks;
};

/* A cell of SLICES_PEOPLE: visitors by the slice of the time that storage/people.h names. */
struct crowd_cell {
    uint32_t key;
    int32_t viewers, clickers, clicking;
};

struct slice {
    int64_t start_ms;
    uint64_t mark; /* see struct key: keys with this mark know their cell */
    size_t count, capacity;
    size_t coming;     /* the store's scratch: cells that a step will add */
    size_t compact_at; /* cells at which several of one key become one again */
    uint32_t *cells;   /* `stride` words each: a struct cell or struct crowd_cell */
    bool unsaved;      /* changed since the last cut */
    bool saved;        /* some cut holds it */
};

struct tier {
    int64_t grain_ms;
    int64_t limit_ms; /* MOMENT_NONE before there is a `to` */
    size_t count, capacity;
    struct slice *items; /* by start */
};

/* A saved slice that is gone: the snapshot must forget it. */
struct slice_gone {
    int64_t grain_ms, start_ms;
};

struct slices {
    enum slices_kind kind;
    size_t stride; /* words of a cell, its key included */
    size_t tiers_count;
    struct tier tiers[TIERS_MAX];
    struct window_set windows;
    uint64_t next_mark;
    uint64_t bytes;
    size_t gone_count, gone_capacity;
    struct slice_gone *gone;
    uint32_t *orphans; /* keys whose last cell went away; the store removes them */
    size_t orphans_count, orphans_capacity;
};

void slices_init(struct slices *slices, enum slices_kind kind, const struct window_set *windows);
void slices_done(struct slices *slices);

/* The slice in which an event of ts_ms is counted now, made if need be; *ret_slice NULL where it is
 * older than anything kept. Valid until the next call. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_locate(struct slices *slices, int64_t ts_ms,
                                           struct slice **ret_slice);

/* Start of the slice for ts_ms without making it; MOMENT_NONE where nothing is kept. */
int64_t slices_start_of(const struct slices *slices, int64_t ts_ms);

/* The cell at `at`: its key is the first word. */
static inline uint32_t *slice_cell(const struct slices *slices, const struct slice *slice,
                                   size_t at)
{
    return slice->cells + at * slices->stride;
}

/* Adds a cell of the kind of these slices. Errors: CTR_NO_MEMORY: nothing changed. */
CTR_MUST_USE enum ctr_status slices_add(struct slices *slices, struct keys *keys,
                                        struct slice *slice, const void *cell);

/* Makes room for `count` more cells in a slice, so that slices_add cannot fail for them. */
CTR_MUST_USE enum ctr_status slices_reserve(struct slices *slices, struct slice *slice,
                                            size_t count);

/* Takes what lies in [from_ms, until_ms) off the totals of `window`. Under the store's lock. */
void slices_expire(const struct slices *slices, struct keys *keys, size_t window, int64_t from_ms,
                   int64_t until_ms);

/* Adds a cell of a slice that begins at start_ms to the totals of the windows that hold it. Under
 * the store's lock. */
void slices_count(const struct slices *slices, struct keys *keys, const void *cell,
                  int64_t start_ms, const int64_t *from_ms);

/* After `to` moved: folds and drops what no window needs at its old grain any more.
 * Errors: CTR_NO_MEMORY: not all was folded; the next call goes on. */
CTR_MUST_USE enum ctr_status slices_settle(struct slices *slices, struct keys *keys, int64_t to_ms);

/* ---- a start (slices_load.c) --------------------------------------------------------------- */

/* How many cells mention each key, before the keys are told. */
struct slices_tally {
    uint32_t *cells; /* by kid */
    uint32_t kids;
};

/* Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_tally_init(struct slices_tally *tally, const struct keys *keys);
void slices_tally_done(struct slices_tally *tally);

/* Tells the keys. Errors: CTR_CORRUPT: one of them is not there. */
CTR_MUST_USE enum ctr_status slices_tally_add(const struct slices_tally *tally, struct keys *keys);

/* A slice as it was saved; cells are words like those of slice_cell(). */
struct slice_saved {
    int64_t grain_ms, start_ms;
    const uint32_t *cells;
    size_t count;
};

/* Puts a saved slice back where it was. A grain that is no tier any more goes to the next coarser
 * one; without one the windows that needed the slice are gone, and so is the slice: the snapshot
 * will be told. Errors: CTR_NO_MEMORY; CTR_CORRUPT: it is of a key that is not there. */
CTR_MUST_USE enum ctr_status slices_restore(struct slices *slices, struct keys *keys,
                                            struct slices_tally *tally,
                                            const struct slice_saved *saved);

/* Gives an empty slice its cells; takes the malloc'd `cells` over unless it fails. Errors:
 * CTR_CORRUPT: a key cannot be. */
CTR_MUST_USE enum ctr_status slices_fill(struct slices *slices, struct slices_tally *tally,
                                         struct slice *slice, uint32_t *cells, size_t count);

/* Lists the keys without a cell as orphans. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_find_orphans(struct slices *slices, const struct keys *keys);

/* Sets the limits for `to` without folding anything. */
void slices_set_limits(struct slices *slices, int64_t to_ms);

/* Adds every slice to the totals of the windows that hold it; the keys of all cells are there.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_sum(const struct slices *slices, struct keys *keys,
                                        const int64_t *from_ms);

#endif
