/* SPDX-License-Identifier: Apache-2.0
 *
 * Time: how far as_of may go, and what moving it does.
 *
 * One step counts one bucket of held records and moves every window to the bucket's moment T:
 *   1. bring the windows to T - 1 s, if they lag behind (nothing is held in between)
 *   2. gather the bucket's records, in canonical order: copies are found, people are met; what is
 *      gained becomes one cell per key and slice (store_event.c, store_people.c)
 *   3. make all room that is needed, tell the minutes, append the cells to their slices
 *   4. under the lock, at once for all keys: add the cells to the totals, take off what the
 *      windows leave behind, set to = T
 *   5. end minutes, forget old ids, fold and drop old slices; keys without any cell go
 * A step that memory cuts short goes on where it stopped: no event is taken twice.
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

/* Room in every slice that gets gains: more than one list may go to a slice, where slices are
 * longer than a minute. */
static enum ctr_status reserve_slices(struct store *store)
{
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < store->step.lists_count; i++) {
            const struct gain_list *list = &store->step.lists[i];
            struct slice *slice = NULL;

            if (slices_locate(&store->slices, list->start_ms, &slice) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
            slice->coming = pass == 0 ? 0 : slice->coming + list->count;
            if (slices_reserve(&store->slices, slice, slice->coming) != CTR_OK) {
                return CTR_NO_MEMORY;
            }
        }
    }
    return CTR_OK;
}

static void append_slices(struct store *store)
{
    for (size_t i = 0; i < store->step.lists_count; i++) {
        const struct gain_list *list = &store->step.lists[i];
        struct slice *slice = NULL;
        enum ctr_status status = slices_locate(&store->slices, list->start_ms, &slice);

        CTR_ASSERT(status == CTR_OK && slice != NULL);
        for (size_t g = 0; g < list->count; g++) {
            status = slices_add(&store->slices, &store->keys, slice, &list->gains[g].cell);
            CTR_ASSERT(status == CTR_OK); /* the room was made before */
        }
    }
}

static void add_totals(struct store *store)
{
    for (size_t i = 0; i < store->step.lists_count; i++) {
        const struct gain_list *list = &store->step.lists[i];

        for (size_t g = 0; g < list->count; g++) {
            slices_count(&store->slices, &store->keys, &list->gains[g].cell, list->start_ms,
                         store->published.from_ms);
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
            if (w < store->people_windows.count) {
                slices_expire(&store->crowds, &store->keys, w, published->from_ms[w], from_ms);
            }
        }
        published->from_ms[w] = from_ms;
    }
    published->progress.to_ms = to_ms;
    published->progress.as_of_ms = max_of(published->progress.as_of_ms, to_ms);
    published->progress.revision++;
}

static enum ctr_status remove_orphans(struct store *store, struct slices *slices)
{
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

enum ctr_status store_remove_orphans(struct store *store)
{
    enum ctr_status status = remove_orphans(store, &store->slices);

    return status == CTR_OK ? remove_orphans(store, &store->crowds) : status;
}

/* Copies of what is this old can only be stragglers' (CONTRACT, Events 7). */
void store_forget(struct store *store, int64_t to_ms)
{
    int64_t until_ms = to_ms - store->options.dedup_horizon_ms - 2 * MINUTE_MS;

    ids_forget(&store->ids, until_ms);
    gaps_forget(&store->gaps, until_ms - store->options.click_gap_ms);
    if (store->people_windows.count > 0) {
        int64_t from_ms = store->published.from_ms[store->people_windows.count - 1];

        people_set_reach(&store->people, moment_floor(from_ms, 1000) / 1000);
    }
}

/* After `to` moved: what no window needs any more goes, and minutes end. */
static enum ctr_status settle(struct store *store, int64_t to_ms)
{
    store_close_minutes(store, to_ms);
    store_forget(store, to_ms);
    if (slices_settle(&store->slices, &store->keys, to_ms) != CTR_OK ||
        slices_settle(&store->crowds, &store->keys, to_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return store_remove_orphans(store);
}

static enum ctr_status move_edges_alone(struct store *store, int64_t to_ms)
{
    if (store->published.progress.to_ms == MOMENT_NONE) {
        slices_set_limits(&store->slices, to_ms);
        slices_set_limits(&store->crowds, to_ms);
    }
    store_lock(store);
    move_edges(store, to_ms);
    store_unlock(store);
    return settle(store, to_ms);
}

/* The end of the first open minute that ends after `to` and up to to_ms; MOMENT_NONE. Only the
 * writer changes the list of open minutes, so it may look without their lock. */
static int64_t next_minute_end(const struct store *store, int64_t to_ms)
{
    for (size_t i = 0; i < store->book.open_count; i++) {
        int64_t end_ms = store->book.open[i]->minute_ms + MINUTE_MS;

        if (end_ms > store->published.progress.to_ms && end_ms < to_ms) {
            return end_ms;
        }
    }
    return MOMENT_NONE;
}

static bool must_wait(const struct store *store)
{
    return store->minutes_wait && store_minutes_pressing(store);
}

/* Moves to `to_ms` without counting anything, with a stop at each minute's end on the way: what the
 * history keeps of people is taken there. */
static enum ctr_status pass(struct store *store, int64_t to_ms)
{
    for (int64_t end_ms = next_minute_end(store, to_ms); end_ms != MOMENT_NONE;
         end_ms = next_minute_end(store, to_ms)) {
        if (must_wait(store)) {
            return CTR_RETRY;
        }
        if (move_edges_alone(store, end_ms) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return move_edges_alone(store, to_ms);
}

/* When the record was made; unknown for one that was held across a restart. */
static void measure(struct store *store, const struct held_event *event, int64_t now_ms)
{
    if (store->options.clock == CLOCK_WALL && event->delay_ms != HELD_DELAY_UNKNOWN) {
        delays_add(&store->delays.applied, now_ms - event->ts_ms - event->delay_ms);
    }
}

static void account(struct store *store, const struct held_bucket *bucket, int64_t now_ms)
{
    for (size_t i = 0; i < bucket->count; i++) {
        const struct held_event *event = &bucket->events[i];
        struct partition_counts *counts = &store->partitions[event->partition].counts;

        counts->held--;
        if (event->verdict == HELD_DUPLICATE) {
            counts->duplicate++;
            continue;
        }
        counts->counted++;
        counts->stragglers += (event->flags & HELD_STRAGGLER) != 0;
        counts->unchecked += (event->flags & HELD_UNCHECKED) != 0;
        counts->filtered += (event->flags & HELD_FILTERED) != 0;
        measure(store, event, now_ms);
    }
}

/* Begins the step of the first bucket, after bringing the windows to the second before it. */
static enum ctr_status begin_step(struct store *store)
{
    struct step *step = &store->step;
    int64_t bucket_ms = held_first(&store->held)->apply_ms;

    if (store->published.progress.to_ms == MOMENT_NONE ||
        store->published.progress.to_ms < bucket_ms - SLICE_BASE_MS) {
        enum ctr_status status = pass(store, bucket_ms - SLICE_BASE_MS);

        if (status != CTR_OK) {
            return status;
        }
    }
    step->begun = true;
    step->bucket_ms = bucket_ms;
    step->to_ms = max_of(bucket_ms, store->published.progress.to_ms);
    step->sorted_count = step->next_event = step->next_row = step->next_note = 0;
    step->folded = step->refused = step->repeated = 0;
    step->lists_count = step->notes_count = step->steps_count = 0;
    step->crowd_lists_count = 0;
    return CTR_OK;
}

static enum ctr_status end_step(struct store *store, struct held_bucket *bucket, int64_t now_ms)
{
    int64_t to_ms = store->step.to_ms;

    append_slices(store);
    store_append_crowds(store);
    store->keys_folded += store->step.folded;
    store->people_refused += store->step.refused;
    store->repeated += store->step.repeated;
    account(store, bucket, now_ms);
    store_lock(store);
    add_totals(store);
    store_add_crowds(store);
    move_edges(store, to_ms);
    store_publish_accounts(store);
    store_unlock(store);
    held_drop(&store->held, bucket, &store->names);
    store->step.begun = false;
    return settle(store, to_ms);
}

static enum ctr_status count_first(struct store *store, int64_t now_ms)
{
    struct held_bucket *bucket = NULL;
    enum ctr_status status = CTR_OK;

    if (!store->step.begun) {
        status = must_wait(store) ? CTR_RETRY : begin_step(store);
    }
    if (status != CTR_OK) {
        return status;
    }
    bucket = held_at(&store->held, store->step.bucket_ms);
    if (store_gather(store, bucket) != CTR_OK || store_sort_crowds(store) != CTR_OK ||
        reserve_slices(store) != CTR_OK || held_reserve_drop(&store->held) != CTR_OK ||
        store_note_minutes(store) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return end_step(store, bucket, now_ms);
}

static enum ctr_status move_to(struct store *store, int64_t to_ms, int64_t now_ms)
{
    while (store->step.begun ||
           (held_first(&store->held) != NULL && held_first(&store->held)->apply_ms <= to_ms)) {
        enum ctr_status status = count_first(store, now_ms);

        if (status != CTR_OK) {
            return status;
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
        status = move_to(store, moment_floor(store->as_of_ms, SLICE_BASE_MS), now_ms);
    }
    return store_publish(store) == CTR_OK ? status : CTR_NO_MEMORY;
}
