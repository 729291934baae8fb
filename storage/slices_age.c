/* SPDX-License-Identifier: Apache-2.0
 *
 * What becomes of slices with age: folded into coarser ones, in the end dropped.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/slices_internal.h"

enum { CELLS_AHEAD = 16 };

/* Earliest moment that needs this grain at `to`: the `from` of the longest window that has it, on
 * an edge of the next tier. Without such a window, what the next tier's open slice covers. */
static int64_t tier_limit(const struct slices *slices, size_t t, int64_t to_ms)
{
    int64_t limit_ms = to_ms;
    int64_t edge_ms = slices->tiers[t + 1 < slices->tiers_count ? t + 1 : t].grain_ms;

    for (size_t w = 0; w < slices->windows.count; w++) {
        if (slices->windows.items[w].grain_ms == slices->tiers[t].grain_ms) {
            limit_ms = window_from_ms(&slices->windows.items[w], to_ms);
        }
    }
    return moment_floor(limit_ms, edge_ms);
}

void slices_set_limits(struct slices *slices, int64_t to_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        slices->tiers[t].limit_ms = tier_limit(slices, t, to_ms);
    }
}

static enum ctr_status grow_list(void **list, size_t *capacity, size_t count, size_t item_bytes)
{
    size_t wanted = *capacity == 0 ? 64 : *capacity;
    void *grown = NULL;

    while (wanted < count) {
        wanted *= 2;
    }
    if (wanted == *capacity) {
        return CTR_OK;
    }
    grown = realloc(*list, wanted * item_bytes);
    if (grown == NULL) {
        return CTR_NO_MEMORY;
    }
    *list = grown;
    *capacity = wanted;
    return CTR_OK;
}

static enum ctr_status reserve_gone(struct slices *slices, size_t count)
{
    void *gone = slices->gone;
    enum ctr_status status =
        grow_list(&gone, &slices->gone_capacity, slices->gone_count + count, sizeof *slices->gone);

    slices->gone = gone;
    return status;
}

enum ctr_status slices_note_gone(struct slices *slices, int64_t grain_ms, int64_t start_ms)
{
    if (reserve_gone(slices, 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    slices->gone[slices->gone_count++] =
        (struct slice_gone){.grain_ms = grain_ms, .start_ms = start_ms};
    return CTR_OK;
}

enum ctr_status slices_reserve_orphans(struct slices *slices, size_t count)
{
    void *orphans = slices->orphans;
    enum ctr_status status = grow_list(&orphans, &slices->orphans_capacity,
                                       slices->orphans_count + count, sizeof *slices->orphans);

    slices->orphans = orphans;
    return status;
}

/* Takes the oldest slices off a tier, remembering those that a snapshot still holds. */
static enum ctr_status remove_oldest(struct slices *slices, struct tier *tier, size_t count)
{
    if (reserve_gone(slices, count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        struct slice *slice = &tier->items[i];

        if (slice->saved) {
            slices->gone[slices->gone_count++] =
                (struct slice_gone){.grain_ms = tier->grain_ms, .start_ms = slice->start_ms};
        }
        slices->bytes -= slice->capacity * slices->stride * sizeof *slice->cells;
        free(slice->cells);
    }
    tier->count -= count;
    memmove(&tier->items[0], &tier->items[count], tier->count * sizeof tier->items[0]);
    return CTR_OK;
}

/* Gives back the room a slice does not need any more; failing to is harmless. */
static void trim_slice(struct slices *slices, struct slice *slice)
{
    size_t cell_bytes = slices->stride * sizeof(uint32_t);
    uint32_t *cells = NULL;

    if (slice->count == 0 ||
        slice->capacity - slice->count < slice->count / 8 + SLICE_CELLS_FIRST) {
        return;
    }
    cells = realloc(slice->cells, slice->count * cell_bytes);
    if (cells != NULL) {
        slices->bytes -= (slice->capacity - slice->count) * cell_bytes;
        slice->cells = cells;
        slice->capacity = slice->count;
    }
}

/* What it held is elsewhere. No key knows a cell of it any more, in case it cannot be removed at
 * once. */
static void empty_slice(struct slices *slices, struct slice *slice)
{
    slice->count = 0;
    slice->mark = slices->next_mark++;
    slice->unsaved = true;
}

/* The keys of the cells some places on, and where cells that are nearer will go. */
static void look_ahead(const struct slices *slices, const struct keys *keys,
                       const struct slice *slice, size_t at, const struct slice *target)
{
    if (at + 2 * (size_t)CELLS_AHEAD < slice->count) {
        keys_prefetch_key(keys, slice_cell(slices, slice, at + 2 * (size_t)CELLS_AHEAD)[0]);
    }
    if (at + CELLS_AHEAD < slice->count) {
        uint32_t kid = slice_cell(slices, slice, at + CELLS_AHEAD)[0];
        const struct key_mark *mark = &keys_at(keys, kid)->marks[slices->kind];

        if (mark->list == target->mark) {
            prefetch(slice_cell(slices, target, mark->at));
        }
    }
}

/* Moves the cells of one slice into the coarser one that covers it. All room is made first, so a
 * failure leaves both as they were. */
static enum ctr_status fold_slice(struct slices *slices, const struct keys *keys,
                                  struct slice *slice, struct slice *target)
{
    if (slices_reserve(slices, target, slice->count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t c = 0; c < slice->count; c++) {
        const uint32_t *cell = slice_cell(slices, slice, c);
        struct key *key = keys_at(keys, cell[0]);

        look_ahead(slices, keys, slice, c, target);
        if (slice_merge(slices, target, key, cell)) {
            key->cells--;
        } else {
            slice_append(slices, target, key, cell);
        }
    }
    target->unsaved = true;
    empty_slice(slices, slice);
    return CTR_OK;
}

/* Folds the slices of a tier from `at` on that one coarser slice covers, and says how many: the
 * tier's limit lies on an edge of coarser slices. A slice that was empty has one cell per key then,
 * because keys were met nowhere else in between. */
static enum ctr_status fold_some(struct slices *slices, const struct keys *keys, size_t t,
                                 size_t at, size_t *ret_folded)
{
    struct tier *tier = &slices->tiers[t];
    struct tier *coarser = &slices->tiers[t + 1];
    int64_t start_ms = moment_floor(tier->items[at].start_ms, coarser->grain_ms);
    int64_t end_ms = start_ms + coarser->grain_ms;
    struct slice *target = NULL;
    enum ctr_status status = slices_in_tier(slices, coarser, start_ms, &target);
    bool empty = status == CTR_OK && target->count == 0;
    size_t folded = 0;

    while (status == CTR_OK && at + folded < tier->count &&
           tier->items[at + folded].start_ms < end_ms) {
        status = fold_slice(slices, keys, &tier->items[at + folded], target);
        folded += status == CTR_OK;
    }
    if (folded > 0 && empty) {
        slice_set_compact_at(target);
    } else if (folded > 0) {
        slices_compact(slices, keys, target);
    }
    if (folded > 0) {
        trim_slice(slices, target);
    }
    *ret_folded = folded;
    return status;
}

static enum ctr_status drop_slice(struct slices *slices, struct keys *keys, struct slice *slice)
{
    if (slices_reserve_orphans(slices, slice->count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t c = 0; c < slice->count; c++) {
        uint32_t kid = slice_cell(slices, slice, c)[0];
        struct key *key = keys_at(keys, kid);

        if (c + CELLS_AHEAD < slice->count) {
            keys_prefetch_key(keys, slice_cell(slices, slice, c + CELLS_AHEAD)[0]);
        }
        key->cells--;
        if (key->cells == 0 && kid >= LEVEL_COUNT) {
            slices->orphans[slices->orphans_count++] = kid;
        }
    }
    empty_slice(slices, slice);
    return CTR_OK;
}

static enum ctr_status settle_tier(struct slices *slices, struct keys *keys, size_t t)
{
    struct tier *tier = &slices->tiers[t];
    enum ctr_status status = CTR_OK;
    size_t done = 0;

    while (status == CTR_OK && done < tier->count && tier->items[done].start_ms < tier->limit_ms) {
        size_t more = 0;

        if (t + 1 < slices->tiers_count) {
            status = fold_some(slices, keys, t, done, &more);
        } else {
            status = drop_slice(slices, keys, &tier->items[done]);
            more = status == CTR_OK;
        }
        done += more;
    }
    if (done > 0 && remove_oldest(slices, tier, done) != CTR_OK) {
        status = CTR_NO_MEMORY; /* the emptied slices stay and are removed the next time */
    }
    return status;
}

enum ctr_status slices_settle(struct slices *slices, struct keys *keys, int64_t to_ms)
{
    enum ctr_status status = CTR_OK;

    slices_set_limits(slices, to_ms);
    for (size_t t = 0; t < slices->tiers_count && status == CTR_OK; t++) {
        status = settle_tier(slices, keys, t);
    }
    return status;
}
