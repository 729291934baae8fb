/* SPDX-License-Identifier: Apache-2.0
 *
 * What slices.c (counting, restoring) and slices_age.c (folding, dropping) share.
 */
#ifndef LIVECTR_STORAGE_SLICES_INTERNAL_H
#define LIVECTR_STORAGE_SLICES_INTERNAL_H

#include "storage/slices.h"

enum { SLICE_CELLS_FIRST = 64 };     /* the room a slice begins with */
enum { SLICE_COMPACT_FIRST = 1024 }; /* cells at which it is compacted first */

/* First slice of the tier at or after start_ms. */
size_t slices_lower_bound(const struct tier *tier, int64_t start_ms);

/* The slice of the tier that begins at start_ms, made if need be. Valid until the next call.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_in_tier(struct slices *slices, struct tier *tier,
                                            int64_t start_ms, struct slice **ret_slice);

/* Events that arrive late leave a cell each time; here they become one cell per key again. */
void slices_compact(struct slices *slices, const struct keys *keys, struct slice *slice);

static inline void slice_set_compact_at(struct slice *slice)
{
    slice->compact_at =
        slice->count * 2 > SLICE_COMPACT_FIRST ? slice->count * 2 : SLICE_COMPACT_FIRST;
}

/* Adds a cell to the one that its key has in the slice, if the key was met last there. False: it
 * was not, or a counter is full: that is left alone, and the next cell of the same key goes on. */
static inline bool slice_merge(const struct slices *slices, const struct slice *slice,
                               const struct key *key, const uint32_t *cell)
{
    const struct key_mark *mark = &key->marks[slices->kind];
    bool people = slices->kind == SLICES_PEOPLE;
    int32_t sums[3] = {0};
    uint32_t *into = NULL;

    if (mark->list != slice->mark) {
        return false;
    }
    into = slice_cell(slices, slice, mark->at);
    if (__builtin_add_overflow((int32_t)into[1], (int32_t)cell[1], &sums[0]) ||
        __builtin_add_overflow((int32_t)into[2], (int32_t)cell[2], &sums[1]) ||
        (people && __builtin_add_overflow((int32_t)into[3], (int32_t)cell[3], &sums[2]))) {
        return false;
    }
    into[1] = (uint32_t)sums[0];
    into[2] = (uint32_t)sums[1];
    if (people) {
        into[3] = (uint32_t)sums[2];
    }
    return true;
}

/* Puts a cell behind the others, and has its key remember it; there is room. The cell may be one of
 * the slice that stands behind the others. */
static inline void slice_append(const struct slices *slices, struct slice *slice, struct key *key,
                                const uint32_t *cell)
{
    uint32_t *at = slice_cell(slices, slice, slice->count);

    key->marks[slices->kind] =
        (struct key_mark){.list = slice->mark, .at = (uint32_t)slice->count++};
    for (size_t i = 0; i < sizeof(struct cell) / sizeof *cell; i++) {
        at[i] = cell[i];
    }
    if (slices->kind == SLICES_PEOPLE) {
        at[3] = cell[3];
    }
}

/* Lists a slice that the snapshot must forget. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_note_gone(struct slices *slices, int64_t grain_ms,
                                              int64_t start_ms);

/* Makes room for `count` more orphans. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_reserve_orphans(struct slices *slices, size_t count);

#endif
