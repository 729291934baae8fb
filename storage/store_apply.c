/* SPDX-License-Identifier: Apache-2.0
 *
 * What moving `to` does; how far it may go is in store_clock.c.
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

#include "storage/fault_point.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { TOTALS_AHEAD = 16 };

static int64_t min_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms < right_ms ? left_ms : right_ms;
}

static int64_t max_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
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

/* Counts, and people of the same second: both while the key is at hand. */
static void append_list(struct store *store, const struct gain_list *list)
{
    struct slice *slice = NULL;
    struct slice *crowd = NULL;
    enum ctr_status status = slices_locate(&store->slices, list->start_ms, &slice);

    CTR_ASSERT(status == CTR_OK && slice != NULL);
    if (list->met) {
        status = store_crowd_slice(store, list->start_ms, &crowd);
        CTR_ASSERT(status == CTR_OK);
    }
    for (size_t g = 0; g < list->count; g++) {
        const struct gain *gain = &list->gains[g];

        if (g + TOTALS_AHEAD < list->count) {
            keys_prefetch_key(&store->keys, list->gains[g + TOTALS_AHEAD].cell.key);
        }
        status = slices_add(&store->slices, &store->keys, slice, &gain->cell);
        CTR_ASSERT(status == CTR_OK); /* the room was made before */
        if (crowd_changes(&gain->crowd)) {
            status = slices_add(&store->crowds, &store->keys, crowd, &gain->crowd);
            CTR_ASSERT(status == CTR_OK);
        }
    }
}

static void append_slices(struct store *store)
{
    for (size_t i = 0; i < store->step.lists_count; i++) {
        append_list(store, &store->step.lists[i]);
    }
}

static void add_totals(struct store *store)
{
    for (size_t i = 0; i < store->step.lists_count; i++) {
        const struct gain_list *list = &store->step.lists[i];

        for (size_t g = 0; g < list->count; g++) {
            if (g + TOTALS_AHEAD < list->count) {
                uint32_t kid = list->gains[g + TOTALS_AHEAD].cell.key;

                keys_prefetch_key(&store->keys, kid);
                prefetch(keys_totals(&store->keys, kid));
                prefetch(keys_crowds(&store->keys, kid));
            }
            slices_count(&store->slices, &store->keys, &list->gains[g].cell, list->start_ms,
                         store->published.from_ms);
            if (crowd_changes(&list->gains[g].crowd)) {
                slices_count(&store->crowds, &store->keys, &list->gains[g].crowd, list->start_ms,
                             store->published.from_ms);
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
            if (w < store->people_windows.count) {
                slices_expire(&store->crowds, &store->keys, w, published->from_ms[w], from_ms);
            }
        }
        published->from_ms[w] = from_ms;
    }
    published->progress.to_ms = to_ms;
    published->progress.as_of_ms = max_of(published->progress.as_of_ms, to_ms);
    published->progress.covered_from_ms = store->covered_from_ms; /* what is behind a gap says so */
    published->progress.revision++;
    (void)pthread_cond_broadcast(&store->moved); /* nothing where nobody waits */
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

/* After `to` moved: what no window needs any more goes, and minutes end. Cut short it may be done
 * again. */
static enum ctr_status settle(struct store *store, int64_t to_ms)
{
    enum ctr_status status = CTR_OK;

    store->unsettled = true;
    store_close_minutes(store, to_ms);
    store_forget(store, to_ms);
    if (slices_settle(&store->slices, &store->keys, to_ms) != CTR_OK ||
        slices_settle(&store->crowds, &store->keys, to_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    status = store_remove_orphans(store);
    store->unsettled = status != CTR_OK;
    return status;
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
    step->sorted_count = step->next_event = step->next_note = 0;
    step->hashed = step->met = step->paired = 0;
    step->folded = step->refused = step->repeated = 0;
    step->lists_count = step->notes_count = step->steps_count = 0;
    step->crowd_lists_count = 0;
    return CTR_OK;
}

static enum ctr_status end_step(struct store *store, struct held_bucket *bucket, int64_t now_ms)
{
    int64_t to_ms = store->step.to_ms;

    FAULT_POINT("step_gathered");
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
    FAULT_POINT("step_published");
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
    /* Else keys that should be gone would keep others out at the limit. */
    if (store->unsettled && settle(store, store->published.progress.to_ms) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
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
        store_move_as_of(store, now_ms);
    }
    if (!waiting && store->as_of_ms != MOMENT_NONE && !store_is_held(store)) {
        status = move_to(
            store, min_of(moment_floor(store->as_of_ms, SLICE_BASE_MS), store->limit_ms), now_ms);
    }
    return store_publish(store) == CTR_OK ? status : CTR_NO_MEMORY;
}
