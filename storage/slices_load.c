/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling slices at a start: millions of cells at once, so nothing here goes to a key for each.
 * What is counted per key is gathered in an array by kid and added to the keys in one pass.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/slices_internal.h"
#include "storage/table.h"

/* ---- cells per key ------------------------------------------------------------------------- */

enum ctr_status slices_tally_init(struct slices_tally *tally, const struct keys *keys)
{
    *tally = (struct slices_tally){.kids = keys->next_kid};
    tally->cells = table_alloc(tally->kids * sizeof *tally->cells);
    return tally->cells == NULL ? CTR_NO_MEMORY : CTR_OK;
}

void slices_tally_done(struct slices_tally *tally)
{
    table_free(tally->cells, tally->kids * sizeof *tally->cells);
    tally->cells = NULL;
}

enum ctr_status slices_tally_add(const struct slices_tally *tally, struct keys *keys)
{
    for (uint32_t kid = 0; kid < tally->kids; kid++) {
        struct key *key = keys_at(keys, kid);

        if (tally->cells[kid] > 0 && !key->used) {
            return CTR_CORRUPT;
        }
        key->cells += tally->cells[kid];
    }
    return CTR_OK;
}

/* ---- restoring ----------------------------------------------------------------------------- */

enum ctr_status slices_fill(struct slices *slices, struct slices_tally *tally, struct slice *slice,
                            uint32_t *cells, size_t count)
{
    for (size_t c = 0; c < count; c++) {
        uint32_t kid = cells[c * slices->stride];

        if (kid >= tally->kids) {
            return CTR_CORRUPT;
        }
        tally->cells[kid]++;
    }
    slices->bytes += (count - slice->capacity) * slices->stride * sizeof *cells;
    free(slice->cells);
    slice->cells = cells;
    slice->count = slice->capacity = count;
    slice->compact_at = count * 2 > SLICE_COMPACT_FIRST ? count * 2 : SLICE_COMPACT_FIRST;
    return CTR_OK;
}

/* A slice as it was: nothing of it is there yet. */
static enum ctr_status put_slice(struct slices *slices, struct slices_tally *tally,
                                 struct slice *slice, const uint32_t *words, size_t count)
{
    size_t bytes = count * slices->stride * sizeof *words;
    uint32_t *cells = malloc(bytes + 1);
    enum ctr_status status = CTR_NO_MEMORY;

    if (cells == NULL) {
        return status;
    }
    if (count > 0) {
        memcpy(cells, words, bytes);
    }
    status = slices_fill(slices, tally, slice, cells, count);
    if (status != CTR_OK) {
        free(cells);
    }
    return status;
}

/* The cells of a slice whose grain is no tier any more, or that others joined. */
static enum ctr_status add_cells(struct slices *slices, struct keys *keys, struct slice *slice,
                                 const uint32_t *words, size_t count)
{
    if (slices_reserve(slices, slice, count) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t c = 0; c < count; c++) {
        const uint32_t *cell = words + c * slices->stride;

        if (cell[0] >= keys->next_kid || !keys_at(keys, cell[0])->used) {
            return CTR_CORRUPT;
        }
        if (slices_add(slices, keys, slice, cell) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

enum ctr_status slices_restore(struct slices *slices, struct keys *keys, struct slices_tally *tally,
                               const struct slice_saved *saved)
{
    struct tier *tier = slices->tiers;
    struct slice *slice = NULL;
    enum ctr_status status = CTR_OK;
    bool unsaved = false;

    while (tier < slices->tiers + slices->tiers_count && tier->grain_ms < saved->grain_ms) {
        tier++;
    }
    if (tier == slices->tiers + slices->tiers_count) {
        return slices_note_gone(slices, saved->grain_ms, saved->start_ms);
    }
    if (tier->grain_ms != saved->grain_ms &&
        slices_note_gone(slices, saved->grain_ms, saved->start_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (slices_in_tier(slices, tier, moment_floor(saved->start_ms, tier->grain_ms), &slice) !=
        CTR_OK) {
        return CTR_NO_MEMORY;
    }
    /* As it is in the snapshot, unless a slice of another grain became a part of it. */
    unsaved = tier->grain_ms != saved->grain_ms || (slice->count > 0 && slice->unsaved);
    status = slice->count == 0 ? put_slice(slices, tally, slice, saved->cells, saved->count)
                               : add_cells(slices, keys, slice, saved->cells, saved->count);
    slice->unsaved = unsaved;
    slice->saved = slice->saved || tier->grain_ms == saved->grain_ms;
    return status;
}

enum ctr_status slices_find_orphans(struct slices *slices, const struct keys *keys)
{
    for (uint32_t kid = LEVEL_COUNT; kid < keys->next_kid; kid++) {
        if (keys_at(keys, kid)->used && keys_at(keys, kid)->cells == 0) {
            if (slices_reserve_orphans(slices, 1) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            slices->orphans[slices->orphans_count++] = kid;
        }
    }
    return CTR_OK;
}

/* ---- totals -------------------------------------------------------------------------------- */

/* What a key has in the windows so far, from the shortest to the longest. */
struct sum {
    int64_t numbers[3];
};

static void sum_slice(const struct slices *slices, const struct slice *slice, struct sum *sums)
{
    for (size_t c = 0; c < slice->count; c++) {
        const uint32_t *cell = slice_cell(slices, slice, c);

        for (size_t n = 1; n < slices->stride; n++) {
            sums[cell[0]].numbers[n - 1] += (int32_t)cell[n];
        }
    }
}

static void sum_between(const struct slices *slices, struct sum *sums, int64_t from_ms,
                        int64_t until_ms)
{
    for (size_t t = 0; t < slices->tiers_count; t++) {
        const struct tier *tier = &slices->tiers[t];

        for (size_t i = slices_lower_bound(tier, from_ms);
             i < tier->count && tier->items[i].start_ms < until_ms; i++) {
            sum_slice(slices, &tier->items[i], sums);
        }
    }
}

static void add_sums(const struct slices *slices, struct keys *keys, size_t window,
                     const struct sum *sums)
{
    for (uint32_t kid = 0; kid < keys->next_kid; kid++) {
        const int64_t *numbers = sums[kid].numbers;

        if ((numbers[0] | numbers[1] | numbers[2]) == 0 || !keys_at(keys, kid)->used) {
            continue;
        }
        if (slices->kind == SLICES_COUNTS) {
            keys_add_counts(keys, kid, window, window + 1, numbers[0], numbers[1]);
        } else {
            struct crowd *crowd = &keys_crowds(keys, kid)[window];

            crowd->viewers += (uint32_t)numbers[0];
            crowd->clickers += (uint32_t)numbers[1];
            crowd->clicking += (uint32_t)numbers[2];
        }
    }
}

/* Windows are suffixes of one another: what a shorter one holds, the next one does, too. */
enum ctr_status slices_sum(const struct slices *slices, struct keys *keys, const int64_t *from_ms)
{
    struct sum *sums = table_alloc(keys->next_kid * sizeof *sums);
    int64_t until_ms = INT64_MAX;

    if (sums == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t w = 0; w < slices->windows.count; w++) {
        sum_between(slices, sums, from_ms[w], until_ms);
        until_ms = from_ms[w];
        add_sums(slices, keys, w, sums);
    }
    table_free(sums, keys->next_kid * sizeof *sums);
    return CTR_OK;
}
