/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/slices_internal.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { TOTALS_AHEAD = 16 };

static void add_tier(struct slices *slices, int64_t grain_ms)
{
    if (slices->tiers_count == 0 || slices->tiers[slices->tiers_count - 1].grain_ms != grain_ms) {
        CTR_ASSERT(slices->tiers_count < TIERS_MAX);
        slices->tiers[slices->tiers_count++] =
            (struct tier){.grain_ms = grain_ms, .limit_ms = MOMENT_NONE};
    }
}

void slices_init(struct slices *slices, enum slices_kind kind, const struct window_set *windows)
{
    memset(slices, 0, sizeof *slices);
    slices->kind = kind;
    slices->stride = (kind == SLICES_COUNTS ? sizeof(struct cell) : sizeof(struct crowd_cell)) /
                     sizeof(uint32_t);
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

size_t slices_lower_bound(const struct tier *tier, int64_t start_ms)
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

enum ctr_status slices_in_tier(struct slices *slices, struct tier *tier, int64_t start_ms,
                               struct slice **ret_slice)
{
    size_t at = slices_lower_bound(tier, start_ms);

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
                                     .compact_at = SLICE_COMPACT_FIRST,
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
    return slices_in_tier(slices, tier, moment_floor(ts_ms, tier->grain_ms), ret_slice);
}

int64_t slices_start_of(const struct slices *slices, int64_t ts_ms)
{
    const struct tier *tier = tier_of(slices, ts_ms);

    return tier == NULL ? MOMENT_NONE : moment_floor(ts_ms, tier->grain_ms);
}

static size_t cell_bytes(const struct slices *slices)
{
    return slices->stride * sizeof(uint32_t);
}

enum ctr_status slices_reserve(struct slices *slices, struct slice *slice, size_t count)
{
    size_t capacity = slice->capacity == 0 ? SLICE_CELLS_FIRST : slice->capacity;
    uint32_t *cells = NULL;

    /* What comes at once has few keys twice: to look for them before there is as much again would
     * find nothing. */
    slice->compact_at = slice->compact_at < count * 2 ? count * 2 : slice->compact_at;
    if (slice->count + count <= slice->capacity) {
        return CTR_OK;
    }
    while (capacity < slice->count + count) {
        capacity += capacity / 2 + 1;
    }
    cells = realloc(slice->cells, capacity * cell_bytes(slices));
    if (cells == NULL) {
        return CTR_NO_MEMORY;
    }
    slices->bytes += (capacity - slice->capacity) * cell_bytes(slices);
    slice->cells = cells;
    slice->capacity = capacity;
    return CTR_OK;
}

void slices_compact(struct slices *slices, const struct keys *keys, struct slice *slice)
{
    size_t count = slice->count;

    slice->mark = slices->next_mark++;
    slice->count = 0;
    for (size_t c = 0; c < count; c++) {
        const uint32_t *cell = slice_cell(slices, slice, c);
        struct key *key = keys_at(keys, cell[0]);

        if (c + TOTALS_AHEAD < count) {
            keys_prefetch_key(keys, slice_cell(slices, slice, c + TOTALS_AHEAD)[0]);
        }
        if (slice_merge(slices, slice, key, cell)) {
            key->cells--;
        } else {
            slice_append(slices, slice, key, cell); /* in its own place, or before it */
        }
    }
    slice_set_compact_at(slice);
}

enum ctr_status slices_add(struct slices *slices, struct keys *keys, struct slice *slice,
                           const void *cell)
{
    const uint32_t *words = cell;
    struct key *key = keys_at(keys, words[0]);

    slice->unsaved = true;
    if (slice_merge(slices, slice, key, words)) {
        return CTR_OK;
    }
    if (slice->count >= slice->compact_at) {
        slices_compact(slices, keys, slice);
        if (slice_merge(slices, slice, key, words)) {
            return CTR_OK;
        }
    }
    if (slices_reserve(slices, slice, 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    key->cells++;
    slice_append(slices, slice, key, words);
    return CTR_OK;
}

/* ---- totals -------------------------------------------------------------------------------- */

/* The numbers of a cell of people, which wrap as those of a crowd do. */
static void add_to_crowds(struct keys *keys, const struct crowd_cell *cell, size_t first,
                          size_t end)
{
    struct crowd *crowds = keys_crowds(keys, cell->key);

    for (size_t w = first; w < end; w++) {
        crowds[w].viewers += (uint32_t)cell->viewers;
        crowds[w].clickers += (uint32_t)cell->clickers;
        crowds[w].clicking += (uint32_t)cell->clicking;
    }
}

static void expire_counts(struct keys *keys, size_t window, const struct slice *slice)
{
    const struct cell *cells = (const void *)slice->cells;

    for (size_t c = 0; c < slice->count; c++) {
        if (c + TOTALS_AHEAD < slice->count) {
            keys_prefetch_key(keys, cells[c + TOTALS_AHEAD].key);
            prefetch(&keys_totals(keys, cells[c + TOTALS_AHEAD].key)[window]);
        }
        keys_add_counts(keys, cells[c].key, window, window + 1, -(int64_t)cells[c].impressions,
                        -(int64_t)cells[c].clicks);
    }
}

static void expire_people(struct keys *keys, size_t window, const struct slice *slice)
{
    const struct crowd_cell *cells = (const void *)slice->cells;

    for (size_t c = 0; c < slice->count; c++) {
        struct crowd *crowd = NULL;

        if (c + TOTALS_AHEAD < slice->count) {
            prefetch(&keys_crowds(keys, cells[c + TOTALS_AHEAD].key)[window]);
        }
        crowd = &keys_crowds(keys, cells[c].key)[window];
        crowd->viewers -= (uint32_t)cells[c].viewers;
        crowd->clickers -= (uint32_t)cells[c].clickers;
        crowd->clicking -= (uint32_t)cells[c].clicking;
    }
}

void slices_expire(const struct slices *slices, struct keys *keys, size_t window, int64_t from_ms,
                   int64_t until_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        const struct tier *tier = &slices->tiers[t];

        for (size_t i = slices_lower_bound(tier, from_ms);
             i < tier->count && tier->items[i].start_ms < until_ms; i++) {
            if (slices->kind == SLICES_COUNTS) {
                expire_counts(keys, window, &tier->items[i]);
            } else {
                expire_people(keys, window, &tier->items[i]);
            }
        }
    }
}

/* Windows are suffixes of one another: one that holds a slice is followed by such as do, too. */
void slices_count(const struct slices *slices, struct keys *keys, const void *cell,
                  int64_t start_ms, const int64_t *from_ms)
{
    size_t end = slices->windows.count;
    size_t first = 0;

    while (first < end && start_ms < from_ms[first]) {
        first++;
    }
    if (slices->kind == SLICES_COUNTS) {
        const struct cell *counts = cell;

        keys_add_counts(keys, counts->key, first, end, counts->impressions, counts->clicks);
    } else {
        add_to_crowds(keys, cell, first, end);
    }
}
