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

/* ---- gathering ----------------------------------------------------------------------------- */

void batch_done(struct batch *batch)
{
    for (size_t i = 0; i < batch->capacity; i++) {
        free(batch->lists[i].cells);
    }
    free(batch->lists);
    memset(batch, 0, sizeof *batch);
}

/* The list of this slice; lists and their cells are kept from step to step. */
static enum ctr_status batch_list(struct store *store, int64_t start_ms,
                                  struct batch_list **ret_list)
{
    struct batch *batch = &store->batch;

    if (batch->last < batch->count && batch->lists[batch->last].start_ms == start_ms) {
        *ret_list = &batch->lists[batch->last];
        return CTR_OK;
    }
    for (batch->last = 0; batch->last < batch->count; batch->last++) {
        if (batch->lists[batch->last].start_ms == start_ms) {
            *ret_list = &batch->lists[batch->last];
            return CTR_OK;
        }
    }
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity == 0 ? 16 : batch->capacity * 2;
        struct batch_list *lists = realloc(batch->lists, capacity * sizeof *lists);

        if (lists == NULL) {
            return CTR_NO_MEMORY;
        }
        memset(&lists[batch->capacity], 0, (capacity - batch->capacity) * sizeof *lists);
        batch->lists = lists;
        batch->capacity = capacity;
    }
    *ret_list = &batch->lists[batch->count++];
    (*ret_list)->start_ms = start_ms;
    (*ret_list)->mark = store->slices.next_mark++;
    (*ret_list)->count = 0;
    return CTR_OK;
}

static enum ctr_status batch_cell(struct store *store, struct batch_list *list, uint32_t kid,
                                  struct cell **ret_cell)
{
    struct key *key = keys_at(&store->keys, kid);

    if (key->mark != list->mark) {
        if (list->count == list->capacity) {
            size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
            struct cell *cells = realloc(list->cells, capacity * sizeof *cells);

            if (cells == NULL) {
                return CTR_NO_MEMORY;
            }
            list->cells = cells;
            list->capacity = capacity;
        }
        key->mark = list->mark;
        key->mark_at = (uint32_t)list->count;
        list->cells[list->count++] = (struct cell){.key = kid};
    }
    *ret_cell = &list->cells[key->mark_at];
    return CTR_OK;
}

/* The key of an event at one level: its own, a new one, or the level's `other` at the limit. */
static enum ctr_status admit(struct store *store, enum level level, const struct held_event *event,
                             uint32_t *ret_kid)
{
    struct name *page = level == LEVEL_BOX ? NULL : event->page;
    struct name *box = level == LEVEL_PAGE ? NULL : event->box;
    enum ctr_status status = CTR_OK;

    *ret_kid = keys_find(&store->keys, level, page, box);
    if (*ret_kid != KEY_NONE) {
        return CTR_OK;
    }
    if (keys_full(&store->keys)) {
        store->keys_folded++;
        *ret_kid = keys_reserved(level);
        return CTR_OK;
    }
    store_lock(store);
    status = keys_reserve(&store->keys);
    if (status == CTR_OK) {
        *ret_kid = keys_add(&store->keys, level, page, box, KEY_NONE);
        for (int i = 0; i < 2; i++) {
            struct name *name = i == 0 ? page : box;

            if (name != NULL) {
                name->users++;
            }
        }
    }
    store_unlock(store);
    return status;
}

/* DESIGN "Levels", CONTRACT 12. */
static bool counts_at(const struct store *store, const struct held_event *event, enum level level)
{
    bool box_view = event->type == EVENT_VIEW && event->box != NULL;

    switch (level) {
    case LEVEL_SITE:
    case LEVEL_PAGE:
        return !box_view || store->options.page_impressions == PAGE_IMPRESSIONS_BOX_VIEWS;
    case LEVEL_BOX:
    case LEVEL_PLACEMENT:
        return event->box != NULL;
    case LEVEL_COUNT:
    default:
        return false;
    }
}

static enum ctr_status gather_level(struct store *store, const struct held_event *event,
                                    enum level level, struct batch_list *list)
{
    struct cell *cell = NULL;
    uint32_t kid = keys_reserved(LEVEL_SITE);
    bool counts = counts_at(store, event, level);

    /* A page has a key as soon as one of its boxes was seen, for the list of its boxes. */
    if (!counts && level != LEVEL_PAGE) {
        return CTR_OK;
    }
    if (level != LEVEL_SITE && admit(store, level, event, &kid) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (batch_cell(store, list, kid, &cell) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    cell->impressions += counts && event->type == EVENT_VIEW ? 1 : 0;
    cell->clicks += counts && event->type == EVENT_CLICK ? 1 : 0;
    return CTR_OK;
}

static enum ctr_status gather_event(struct store *store, const struct held_event *event)
{
    int64_t start_ms = slices_start_of(&store->slices, event->ts_ms);
    struct batch_list *list = NULL;

    if (start_ms == MOMENT_NONE) {
        return CTR_OK; /* older than every window: counted, but part of no answer from memory */
    }
    if (batch_list(store, start_ms, &list) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (gather_level(store, event, level, list) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

/* Indexes of the bucket's events by topic, partition number and offset: a counting sort, since
 * within one partition they stand in order already. */
static enum ctr_status sort_bucket(struct store *store, const struct held_bucket *bucket)
{
    size_t starts[PARTITIONS_MAX + 1] = {0};
    size_t start = 0;

    if (bucket->count > store->sorted_capacity) {
        size_t capacity = bucket->count * 2;
        uint32_t *sorted = realloc(store->sorted, capacity * sizeof *sorted);

        if (sorted == NULL) {
            return CTR_NO_MEMORY;
        }
        store->sorted = sorted;
        store->sorted_capacity = capacity;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        starts[bucket->events[i].partition]++;
    }
    for (size_t rank = 0; rank < store->partitions_count; rank++) {
        size_t *at = &starts[store->order[rank]];
        size_t count = *at;

        *at = start;
        start += count;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        store->sorted[starts[bucket->events[i].partition]++] = (uint32_t)i;
    }
    return CTR_OK;
}

static enum ctr_status gather_bucket(struct store *store, const struct held_bucket *bucket)
{
    store->batch.count = 0;
    if (sort_bucket(store, bucket) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        if (gather_event(store, &bucket->events[store->sorted[i]]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
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

static enum ctr_status remove_orphans(struct store *store)
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
    return store->slices.orphans_count == 0 ? CTR_OK : remove_orphans(store);
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
    if (gather_bucket(store, bucket) != CTR_OK || reserve_slices(store) != CTR_OK ||
        held_reserve_drop(&store->held) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    append_slices(store);
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
