/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/slices.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { CELLS_FIRST = 64, COMPACT_FIRST = 1024 };

static void add_tier(struct slices *slices, int64_t grain_ms)
{
    if (slices->tiers_count == 0 || slices->tiers[slices->tiers_count - 1].grain_ms != grain_ms) {
        CTR_ASSERT(slices->tiers_count < TIERS_MAX);
        slices->tiers[slices->tiers_count++] =
            (struct tier){.grain_ms = grain_ms, .limit_ms = MOMENT_NONE};
    }
}

void slices_init(struct slices *slices, const struct window_set *windows)
{
    memset(slices, 0, sizeof *slices);
    slices->windows = *windows;
    slices->next_mark = 1;
    add_tier(slices, SLICE_BASE_MS);
    for (size_t w = 0; w < windows->count; w++) {
        add_tier(slices, windows->items[w].grain_ms);
    }
}

void slices_done(struct slices *slices)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        for (size_t i = 0; i < slices->tiers[t].count; i++) {
            free(slices->tiers[t].items[i].cells);
        }
        free(slices->tiers[t].items);
    }
    free(slices->gone);
    free(slices->orphans);
    memset(slices, 0, sizeof *slices);
}

/* First slice at or after start_ms. */
static size_t lower_bound(const struct tier *tier, int64_t start_ms)
{
    size_t low = 0;
    size_t high = tier->count;

    /* Nearly every look-up is for the newest slice. */
    if (high > 0 && tier->items[high - 1].start_ms < start_ms) {
        return high;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tier->items[middle].start_ms < start_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static enum ctr_status tier_slice(struct slices *slices, struct tier *tier, int64_t start_ms,
                                  struct slice **ret_slice)
{
    size_t at = lower_bound(tier, start_ms);

    if (at < tier->count && tier->items[at].start_ms == start_ms) {
        *ret_slice = &tier->items[at];
        return CTR_OK;
    }
    if (tier->count == tier->capacity) {
        size_t capacity = tier->capacity == 0 ? 64 : tier->capacity * 2;
        struct slice *items = realloc(tier->items, capacity * sizeof *items);

        if (items == NULL) {
            return CTR_NO_MEMORY;
        }
        tier->items = items;
        tier->capacity = capacity;
    }
    memmove(&tier->items[at + 1], &tier->items[at], (tier->count - at) * sizeof tier->items[0]);
    tier->items[at] = (struct slice){.start_ms = start_ms,
                                     .mark = slices->next_mark++,
                                     .compact_at = COMPACT_FIRST,
                                     .unsaved = true};
    tier->count++;
    *ret_slice = &tier->items[at];
    return CTR_OK;
}

static struct tier *tier_of(const struct slices *slices, int64_t ts_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        if (ts_ms >= slices->tiers[t].limit_ms) {
            return (struct tier *)(uintptr_t)&slices->tiers[t];
        }
    }
    return NULL;
}

enum ctr_status slices_locate(struct slices *slices, int64_t ts_ms, struct slice **ret_slice)
{
    struct tier *tier = tier_of(slices, ts_ms);

    if (tier == NULL) {
        *ret_slice = NULL;
        return CTR_OK;
    }
    return tier_slice(slices, tier, moment_floor(ts_ms, tier->grain_ms), ret_slice);
}

int64_t slices_start_of(const struct slices *slices, int64_t ts_ms)
{
    const struct tier *tier = tier_of(slices, ts_ms);

    return tier == NULL ? MOMENT_NONE : moment_floor(ts_ms, tier->grain_ms);
}

enum ctr_status slices_reserve(struct slices *slices, struct slice *slice, size_t count)
{
    size_t capacity = slice->capacity == 0 ? CELLS_FIRST : slice->capacity;
    struct cell *cells = NULL;

    if (slice->count + count <= slice->capacity) {
        return CTR_OK;
    }
    while (capacity < slice->count + count) {
        capacity += capacity / 2;
    }
    cells = realloc(slice->cells, capacity * sizeof *cells);
    if (cells == NULL) {
        return CTR_NO_MEMORY;
    }
    slices->bytes += (capacity - slice->capacity) * sizeof *cells;
    slice->cells = cells;
    slice->capacity = capacity;
    return CTR_OK;
}

static bool merge_cells(struct cell *into, const struct cell *cell)
{
    /* A full counter is left alone: the next cell of the same key goes on. */
    if (into->impressions > UINT32_MAX - cell->impressions ||
        into->clicks > UINT32_MAX - cell->clicks) {
        return false;
    }
    into->impressions += cell->impressions;
    into->clicks += cell->clicks;
    return true;
}

/* Events that arrive late leave a cell each time; here they become one cell per key again. */
static void compact(struct slices *slices, const struct keys *keys, struct slice *slice)
{
    size_t kept = 0;

    slice->mark = slices->next_mark++;
    for (size_t c = 0; c < slice->count; c++) {
        struct key *key = keys_at(keys, slice->cells[c].key);

        if (key->mark == slice->mark &&
            merge_cells(&slice->cells[key->mark_at], &slice->cells[c])) {
            key->cells--;
            continue;
        }
        key->mark = slice->mark;
        key->mark_at = (uint32_t)kept;
        slice->cells[kept++] = slice->cells[c];
    }
    slice->count = kept;
    slice->compact_at = kept * 2 > COMPACT_FIRST ? kept * 2 : COMPACT_FIRST;
}

enum ctr_status slices_add(struct slices *slices, struct keys *keys, struct slice *slice,
                           const struct cell *cell)
{
    struct key *key = keys_at(keys, cell->key);

    slice->unsaved = true;
    if (key->mark == slice->mark && merge_cells(&slice->cells[key->mark_at], cell)) {
        return CTR_OK;
    }
    if (slice->count >= slice->compact_at) {
        compact(slices, keys, slice);
        if (key->mark == slice->mark && merge_cells(&slice->cells[key->mark_at], cell)) {
            return CTR_OK;
        }
    }
    if (slices_reserve(slices, slice, 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    key->mark = slice->mark;
    key->mark_at = (uint32_t)slice->count;
    key->cells++;
    slice->cells[slice->count++] = *cell;
    return CTR_OK;
}

void slices_expire(const struct slices *slices, const struct keys *keys, size_t window,
                   int64_t from_ms, int64_t until_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        const struct tier *tier = &slices->tiers[t];

        for (size_t i = lower_bound(tier, from_ms);
             i < tier->count && tier->items[i].start_ms < until_ms; i++) {
            const struct slice *slice = &tier->items[i];

            for (size_t c = 0; c < slice->count; c++) {
                struct totals *totals = &keys_totals(keys, slice->cells[c].key)[window];

                totals->impressions -= slice->cells[c].impressions;
                totals->clicks -= slice->cells[c].clicks;
            }
        }
    }
}

void slices_sum(const struct slices *slices, const struct keys *keys, const int64_t *from_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        for (size_t i = 0; i < slices->tiers[t].count; i++) {
            const struct slice *slice = &slices->tiers[t].items[i];

            for (size_t c = 0; c < slice->count; c++) {
                struct totals *totals = keys_totals(keys, slice->cells[c].key);

                for (size_t w = 0; w < slices->windows.count; w++) {
                    if (slice->start_ms >= from_ms[w]) {
                        totals[w].impressions += slice->cells[c].impressions;
                        totals[w].clicks += slice->cells[c].clicks;
                    }
                }
            }
        }
    }
}

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

static enum ctr_status note_gone(struct slices *slices, int64_t grain_ms, int64_t start_ms)
{
    if (reserve_gone(slices, 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    slices->gone[slices->gone_count++] =
        (struct slice_gone){.grain_ms = grain_ms, .start_ms = start_ms};
    return CTR_OK;
}

static enum ctr_status reserve_orphans(struct slices *slices, size_t count)
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
        slices->bytes -= slice->capacity * sizeof *slice->cells;
        free(slice->cells);
    }
    tier->count -= count;
    memmove(&tier->items[0], &tier->items[count], tier->count * sizeof tier->items[0]);
    return CTR_OK;
}

/* Gives back the room a slice does not need any more; failing to is harmless. */
static void trim_slice(struct slices *slices, struct slice *slice)
{
    struct cell *cells = NULL;

    if (slice->count == 0 || slice->capacity - slice->count < slice->count / 8 + CELLS_FIRST) {
        return;
    }
    cells = realloc(slice->cells, slice->count * sizeof *cells);
    if (cells != NULL) {
        slices->bytes -= (slice->capacity - slice->count) * sizeof *cells;
        slice->cells = cells;
        slice->capacity = slice->count;
    }
}

/* Moves the cells of one slice into the coarser slice that covers it. All room is made first, so a
 * failure leaves both as they were. */
static enum ctr_status fold_slice(struct slices *slices, struct keys *keys, struct slice *slice,
                                  struct tier *coarser)
{
    int64_t start_ms = moment_floor(slice->start_ms, coarser->grain_ms);
    struct slice *target = NULL;

    if (tier_slice(slices, coarser, start_ms, &target) != CTR_OK ||
        slices_reserve(slices, target, slice->count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t c = 0; c < slice->count; c++) {
        enum ctr_status status = slices_add(slices, keys, target, &slice->cells[c]);

        CTR_ASSERT(status == CTR_OK);
        keys_at(keys, slice->cells[c].key)->cells--;
    }
    slice->count = 0;
    slice->unsaved = true; /* in case it cannot be removed at once */
    return CTR_OK;
}

static enum ctr_status drop_slice(struct slices *slices, struct keys *keys, struct slice *slice)
{
    if (reserve_orphans(slices, slice->count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t c = 0; c < slice->count; c++) {
        struct key *key = keys_at(keys, slice->cells[c].key);

        key->cells--;
        if (key->cells == 0 && slice->cells[c].key >= LEVEL_COUNT) {
            slices->orphans[slices->orphans_count++] = slice->cells[c].key;
        }
    }
    slice->count = 0;
    slice->unsaved = true; /* in case it cannot be removed at once */
    return CTR_OK;
}

static enum ctr_status settle_tier(struct slices *slices, struct keys *keys, size_t t)
{
    struct tier *tier = &slices->tiers[t];
    struct tier *coarser = t + 1 < slices->tiers_count ? &slices->tiers[t + 1] : NULL;
    enum ctr_status status = CTR_OK;
    size_t done = 0;

    while (done < tier->count && tier->items[done].start_ms < tier->limit_ms) {
        status = coarser == NULL ? drop_slice(slices, keys, &tier->items[done])
                                 : fold_slice(slices, keys, &tier->items[done], coarser);
        if (status != CTR_OK) {
            break;
        }
        done++;
    }
    if (coarser != NULL && done > 0) {
        for (size_t i =
                 lower_bound(coarser, moment_floor(tier->items[0].start_ms, coarser->grain_ms));
             i < coarser->count; i++) {
            compact(slices, keys, &coarser->items[i]);
            trim_slice(slices, &coarser->items[i]);
        }
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

enum ctr_status slices_restore(struct slices *slices, struct keys *keys, int64_t grain_ms,
                               int64_t start_ms, const struct cell *cells, size_t count)
{
    struct tier *tier = slices->tiers;
    struct slice *slice = NULL;
    bool unsaved = false;

    while (tier < slices->tiers + slices->tiers_count && tier->grain_ms < grain_ms) {
        tier++;
    }
    if (tier == slices->tiers + slices->tiers_count) {
        return note_gone(slices, grain_ms, start_ms);
    }
    if (tier->grain_ms != grain_ms && note_gone(slices, grain_ms, start_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (tier_slice(slices, tier, moment_floor(start_ms, tier->grain_ms), &slice) != CTR_OK ||
        slices_reserve(slices, slice, count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    /* As it is in the snapshot, unless a slice of another grain became a part of it. */
    unsaved = tier->grain_ms != grain_ms || (slice->count > 0 && slice->unsaved);
    for (size_t c = 0; c < count; c++) {
        if (slices_add(slices, keys, slice, &cells[c]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    slice->unsaved = unsaved;
    slice->saved = slice->saved || tier->grain_ms == grain_ms;
    return CTR_OK;
}

enum ctr_status slices_find_orphans(struct slices *slices, const struct keys *keys)
{
    for (uint32_t kid = LEVEL_COUNT; kid < keys->next_kid; kid++) {
        if (keys_at(keys, kid)->used && keys_at(keys, kid)->cells == 0) {
            if (reserve_orphans(slices, 1) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            slices->orphans[slices->orphans_count++] = kid;
        }
    }
    return CTR_OK;
}
