/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: how far as_of may go, and what moving it does.
 *
 * One step counts one bucket of held records and moves every window to the bucket's moment T:
 *   1. bring the windows to T - 1 s, if they lag behind (nothing is held in between)
 *   2. gather the bucket's records, in canonical order, into one cell per key and slice
 *   3. append the cells to their slices
 *   4. under the lock, at once for all keys: add the cells to the totals, take off what the
 *      windows leave behind, set to = T
 *   5. fold and drop old slices; keys without any cell go
 * Doing 1 first makes the state before every bucket a function of the log alone, whatever the
 * steps in which as_of came here; so which keys are admitted at the limit is one, too.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

/* ---- as_of --------------------------------------------------------------------------------- */

static int64_t min_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms < right_ms ? left_ms : right_ms;
}

static int64_t max_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

/* Where one partition stands; MOMENT_NONE: not known, INT64_MAX: it holds nothing back. */
static int64_t partition_clock(const struct store *store, const struct partition *partition,
                               int64_t now_ms)
{
    if (!partition->started) {
        return MOMENT_NONE;
    }
    if (store->options.clock == CLOCK_EVENT) {
        return partition->at_end ? INT64_MAX : partition->arrival_ms;
    }
    return max_of(partition->confirmed_ms, min_of(partition->arrival_ms, now_ms));
}

/* In event mode, with everything read: the end of the slice of the largest event time. */
static int64_t event_end(const struct store *store)
{
    int64_t last_ms = MOMENT_NONE;

    for (size_t i = 0; i < store->partitions_count; i++) {
        last_ms = max_of(last_ms, store->partitions[i].arrival_ms);
    }
    return last_ms == MOMENT_NONE ? MOMENT_NONE
                                  : moment_floor(last_ms, SLICE_BASE_MS) + SLICE_BASE_MS;
}

static void move_as_of(struct store *store, int64_t now_ms)
{
    int64_t least_ms = INT64_MAX;
    bool at_end = store->partitions_count > 0;

    for (size_t i = 0; i < store->partitions_count; i++) {
        const struct partition *partition = &store->partitions[i];

        least_ms = min_of(least_ms, partition_clock(store, partition, now_ms));
        at_end = at_end && partition->started && partition->at_end;
    }
    store->at_end = at_end;
    store->caught_up_once = store->caught_up_once || at_end;
    store->lead_ms = least_ms == INT64_MAX ? MOMENT_NONE : least_ms;
    if (store->options.clock == CLOCK_EVENT && at_end) {
        least_ms = event_end(store);
    }
    if (least_ms != MOMENT_NONE && least_ms != INT64_MAX) {
        store->as_of_ms = max_of(store->as_of_ms, least_ms - store->options.settle_ms);
    }
}

bool store_partition_leads(const struct store *store, uint32_t index)
{
    const struct partition *partition = &store->partitions[index];

    if (!partition->started || store->lead_ms == MOMENT_NONE) {
        return true;
    }
    return partition_clock(store, partition, INT64_MAX) <= store->lead_ms + SLICE_BASE_MS;
}

/* ---- moving -------------------------------------------------------------------------------- */

static enum ctr_status reserve_slices(struct store *store)
{
    for (size_t i = 0; i < store->batch.count; i++) {
        struct slice *slice = NULL;

        if (slices_locate(&store->slices, store->batch.lists[i].start_ms, &slice) != CTR_OK ||
            slices_reserve(&store->slices, slice, store->batch.lists[i].count) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

static void append_slices(struct store *store)
{
    for (size_t i = 0; i < store->batch.count; i++) {
        const struct batch_list *list = &store->batch.lists[i];
        struct slice *slice = NULL;
        enum ctr_status status = slices_locate(&store->slices, list->start_ms, &slice);

        CTR_ASSERT(status == CTR_OK && slice != NULL);
        for (size_t c = 0; c < list->count; c++) {
            status = slices_add(&store->slices, &store->keys, slice, &list->cells[c]);
            CTR_ASSERT(status == CTR_OK); /* the room was made before */
        }
    }
}

static void add_totals(struct store *store)
{
    for (size_t i = 0; i < store->batch.count; i++) {
        const struct batch_list *list = &store->batch.lists[i];

        for (size_t c = 0; c < list->count; c++) {
            struct totals *totals = keys_totals(&store->keys, list->cells[c].key);

            for (size_t w = 0; w < store->options.windows.count; w++) {
                if (list->start_ms >= store->published.from_ms[w]) {
                    totals[w].impressions += list->cells[c].impressions;
                    totals[w].clicks += list->cells[c].clicks;
                }
            }
        }
    }
}

/* Moves the edges of every window. Under the lock. */
static void move_edges(struct store *store, int64_t to_ms)
{
    struct published *published = &store->published;

    for (size_t w = 0; w < store->options.windows.count; w++) {
        int64_t from_ms = window_from_ms(&store->options.windows.items[w], to_ms);

        if (from_ms > published->from_ms[w]) {
            slices_expire(&store->slices, &store->keys, w, published->from_ms[w], from_ms);
        }
        published->from_ms[w] = from_ms;
    }
    published->progress.to_ms = to_ms;
    published->progress.as_of_ms = max_of(published->progress.as_of_ms, to_ms);
    published->progress.revision++;
}

enum ctr_status store_remove_orphans(struct store *store)
{
    struct slices *slices = &store->slices;

    if (store->removed_count + slices->orphans_count > store->removed_capacity) {
        size_t capacity = (store->removed_count + slices->orphans_count) * 2;
        uint32_t *kids = realloc(store->removed_kids, capacity * sizeof *kids);

        if (kids == NULL) {
            return CTR_NO_MEMORY;
        }
        store->removed_kids = kids;
        store->removed_capacity = capacity;
    }
    for (size_t i = 0; i < slices->orphans_count; i++) {
        uint32_t kid = slices->orphans[i];
        struct key *key = keys_at(&store->keys, kid);
        struct name *page = key->page;
        struct name *box = key->box;

        if (!key->used || key->cells > 0) {
            continue; /* it found a new cell meanwhile */
        }
        if (!key->unsaved) {
            store->removed_kids[store->removed_count++] = kid;
        }
        store_lock(store);
        keys_remove(&store->keys, kid);
        store_unlock(store);
        names_give(&store->names, page);
        names_give(&store->names, box);
    }
    slices->orphans_count = 0;
    return CTR_OK;
}

static enum ctr_status settle(struct store *store, int64_t to_ms)
{
    if (slices_settle(&store->slices, &store->keys, to_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return store->slices.orphans_count == 0 ? CTR_OK : store_remove_orphans(store);
}

/* Moves to `to_ms` without counting anything. */
static enum ctr_status pass(struct store *store, int64_t to_ms)
{
    if (store->published.progress.to_ms == MOMENT_NONE) {
        slices_set_limits(&store->slices, to_ms);
    }
    store_lock(store);
    move_edges(store, to_ms);
    store_unlock(store);
    return settle(store, to_ms);
}

static void account(struct store *store, const struct held_bucket *bucket)
{
    for (size_t i = 0; i < bucket->count; i++) {
        struct partition_counts *counts = &store->partitions[bucket->events[i].partition].counts;

        counts->held--;
        counts->counted++;
        counts->stragglers += bucket->events[i].straggler ? 1 : 0;
    }
}

static enum ctr_status count_first(struct store *store)
{
    struct held_bucket *bucket = held_first(&store->held);
    int64_t to_ms = bucket->apply_ms;

    if (store->published.progress.to_ms == MOMENT_NONE ||
        store->published.progress.to_ms < to_ms - SLICE_BASE_MS) {
        if (pass(store, to_ms - SLICE_BASE_MS) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    if (store_gather(store, bucket) != CTR_OK || reserve_slices(store) != CTR_OK ||
        held_reserve_drop(&store->held) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    append_slices(store);
    store->keys_folded += store->batch.folded;
    store_lock(store);
    add_totals(store);
    move_edges(store, max_of(to_ms, store->published.progress.to_ms));
    store_unlock(store);
    account(store, bucket);
    held_drop_first(&store->held, &store->names);
    return settle(store, store->published.progress.to_ms);
}

static enum ctr_status move_to(struct store *store, int64_t to_ms)
{
    const struct held_bucket *bucket = held_first(&store->held);

    for (; bucket != NULL && bucket->apply_ms <= to_ms; bucket = held_first(&store->held)) {
        if (count_first(store) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return to_ms > store->published.progress.to_ms ? pass(store, to_ms) : CTR_OK;
}

enum ctr_status store_advance(struct store *store, int64_t now_ms, bool waiting)
{
    enum ctr_status status = CTR_OK;

    if (!waiting) {
        move_as_of(store, now_ms);
    }
    if (!waiting && store->as_of_ms != MOMENT_NONE) {
        status = move_to(store, moment_floor(store->as_of_ms, SLICE_BASE_MS));
    }
    return store_publish(store) == CTR_OK ? status : CTR_NO_MEMORY;
}
