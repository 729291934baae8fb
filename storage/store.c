/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a store, its partitions, and the verdict on each record. Time is in store_apply.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

const char *level_name(enum level level)
{
    static const char *const names[LEVEL_COUNT] = {"site", "page", "box", "placement"};

    CTR_ASSERT(level < LEVEL_COUNT);
    return names[level];
}

int64_t store_secret_check(const struct store_options *options)
{
    static const char text[] = "livectr: is this the same key?";

    return (int64_t)hash_id(options->hash_secret, text, sizeof text - 1);
}

void store_lock(const struct store *store)
{
    /* The mutex is the one thing a reader changes. */
    int failed = pthread_mutex_lock((pthread_mutex_t *)(uintptr_t)&store->lock);

    CTR_ASSERT(failed == 0);
}

void store_unlock(const struct store *store)
{
    int failed = pthread_mutex_unlock((pthread_mutex_t *)(uintptr_t)&store->lock);

    CTR_ASSERT(failed == 0);
}

/* The windows with people: those that are short enough, which stand first. */
static void choose_people(struct store *store)
{
    const struct window_set *windows = &store->options.windows;

    store->minute_window = WINDOWS_MAX;
    while (store->people_windows.count < windows->count &&
           windows->items[store->people_windows.count].length_ms <=
               store->options.people_horizon_ms) {
        const struct window *window = &windows->items[store->people_windows.count];

        if (window->length_ms == MINUTE_PEOPLE_MS) {
            store->minute_window = store->people_windows.count;
        }
        store->people_windows.items[store->people_windows.count++] = *window;
    }
}

/* The longest stretch that a window with people may cover, in seconds. */
static uint32_t people_span_s(const struct window_set *windows)
{
    const struct window *longest = NULL;

    if (windows->count == 0) {
        return 0;
    }
    longest = &windows->items[windows->count - 1];
    return (uint32_t)((longest->length_ms + longest->grain_ms) / 1000);
}

static enum ctr_status init_tables(struct store *store, uint32_t kids_min)
{
    const struct store_options *options = &store->options;
    const struct keys_shape shape = {.windows = options->windows.count,
                                     .people_windows = store->people_windows.count,
                                     .limit = options->keys_max,
                                     .kids_min = kids_min};

    store->journal = journal_part_new();
    if (store->journal == NULL || names_init(&store->names, options->hash_secret) != CTR_OK ||
        keys_init(&store->keys, &shape) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return people_init(&store->people, people_span_s(&store->people_windows),
                       options->visitors_max);
}

enum ctr_status store_new_sized(const struct store_options *options, uint32_t kids_min,
                                struct store **ret_store, struct ctr_error *reterr)
{
    struct store *store = NULL;

    if (options->windows.count == 0 || options->windows.count > WINDOWS_MAX) {
        return ctr_fail(reterr, CTR_INVALID, "at least one window is needed");
    }
    store = calloc(1, sizeof *store);
    if (store == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the store");
    }
    store->options = *options;
    store->as_of_ms = MOMENT_NONE;
    store->lead_ms = MOMENT_NONE;
    store->covered_from_ms = MOMENT_NONE;
    store->published.progress = (struct progress){.as_of_ms = MOMENT_NONE,
                                                  .to_ms = MOMENT_NONE,
                                                  .covered_from_ms = MOMENT_NONE,
                                                  .alive_ms = MOMENT_NONE,
                                                  .clock = options->clock};
    choose_people(store);
    held_init(&store->held);
    slices_init(&store->slices, SLICES_COUNTS, &options->windows);
    slices_init(&store->crowds, SLICES_PEOPLE, &store->people_windows);
    ids_init(&store->ids, options->ids_max);
    gaps_init(&store->gaps, options->click_gap_ms,
              options->ids_max < UINT32_MAX / 2 ? (uint32_t)options->ids_max : UINT32_MAX / 2);
    book_init(&store->book, options->lateness_ms, options->minutes_max);
    (void)pthread_mutex_init(&store->lock, NULL);
    (void)pthread_cond_init(&store->answered, NULL);
    if (init_tables(store, kids_min) != CTR_OK) {
        store_free(store);
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for %u keys", options->keys_max);
    }
    *ret_store = store;
    return CTR_OK;
}

enum ctr_status store_new(const struct store_options *options, struct store **ret_store,
                          struct ctr_error *reterr)
{
    return store_new_sized(options, 0, ret_store, reterr);
}

void store_free(struct store *store)
{
    if (store == NULL) {
        return;
    }
    held_done(&store->held, &store->names);
    slices_done(&store->slices);
    slices_done(&store->crowds);
    people_done(&store->people);
    ids_done(&store->ids);
    gaps_done(&store->gaps);
    book_done(&store->book);
    journal_part_give(store->journal);
    for (size_t i = 0; i < store->journals_count; i++) {
        journal_part_give(store->journals_waiting[i]);
    }
    free(store->journals_waiting);
    keys_done(&store->keys);
    names_done(&store->names);
    step_done(&store->step);
    free(store->partitions);
    free(store->order);
    free(store->sorted);
    free(store->removed_kids);
    free(store->published.partitions);
    (void)pthread_cond_destroy(&store->answered);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

const struct store_options *store_options(const struct store *store)
{
    return &store->options;
}

void store_cover_from(struct store *store, int64_t covered_from_ms)
{
    if (covered_from_ms > store->covered_from_ms) {
        store->covered_from_ms = covered_from_ms;
    }
}

/* ---- records ------------------------------------------------------------------------------- */

enum verdict { VERDICT_ACCEPTED, VERDICT_LATE, VERDICT_FUTURE };

/* CONTRACT, Events 6 and Time 8. All of the record itself, but for a producer whose clock is ahead
 * of ours: it must not stop the clock of its partition. Times are at most EVENT_TS_MS_MAX and at
 * least 0, so the differences cannot overflow. */
static enum verdict judge(const struct store_options *options, int64_t ts_ms, int64_t record_ms,
                          int64_t now_ms)
{
    if (record_ms - ts_ms > options->late_ms) {
        return VERDICT_LATE;
    }
    if (ts_ms - record_ms > options->future_ms) {
        return VERDICT_FUTURE;
    }
    if (options->clock == CLOCK_WALL && record_ms - now_ms > options->future_ms) {
        return VERDICT_FUTURE;
    }
    return VERDICT_ACCEPTED;
}

/* The step at which an event enters: the end of the slice of the later of its event time and its
 * arrival. */
static int64_t step_of(const struct store *store, int64_t arrival_ms, struct held_event *held)
{
    int64_t to_ms = store->published.progress.to_ms; /* the writer's own word, read back */
    int64_t later_ms = held->ts_ms > arrival_ms ? held->ts_ms : arrival_ms;
    int64_t apply_ms = moment_floor(later_ms, SLICE_BASE_MS) + SLICE_BASE_MS;

    if (to_ms != MOMENT_NONE && arrival_ms < to_ms) {
        /* The clock has passed its arrival: only its event time can still hold it. */
        held->flags |= HELD_STRAGGLER;
        apply_ms = moment_floor(held->ts_ms, SLICE_BASE_MS) + SLICE_BASE_MS;
    }
    return to_ms != MOMENT_NONE && apply_ms < to_ms ? to_ms : apply_ms;
}

/* Everything about the event that is kept: ids of visitors and events only as keyed hashes. */
static void remember(const struct store *store, const struct event *event, int64_t arrival_ms,
                     struct held_event *held)
{
    uint64_t visitor = 0;

    if (event->visitor.length > 0) {
        visitor = hash_id(store->options.hash_secret, event->visitor.bytes, event->visitor.length);
        held->visitor = visitor == 0 ? 1 : visitor;
    }
    held->flags |= event->filtered ? HELD_FILTERED : 0;
    if (arrival_ms - event->ts_ms > store->options.dedup_horizon_ms) {
        held->flags |= HELD_TOO_LATE | (event->id.length > 0 ? HELD_UNCHECKED : 0);
    } else {
        held->print = store_print(store, event, held);
    }
}

static enum ctr_status hold_event(struct store *store, uint32_t index, int64_t arrival_ms,
                                  int64_t delay_ms, const struct event *event)
{
    struct held_event held = {.ts_ms = event->ts_ms,
                              .partition = index,
                              .type = (uint8_t)event->type,
                              .delay_ms = delay_ms > INT32_MAX ? INT32_MAX : (int32_t)delay_ms};
    int64_t apply_ms = step_of(store, arrival_ms, &held);

    if (names_take(&store->names, event->page, &held.page) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (event->box.length > 0 && names_take(&store->names, event->box, &held.box) != CTR_OK) {
        names_give(&store->names, held.page);
        return CTR_NO_MEMORY;
    }
    remember(store, event, arrival_ms, &held);
    if (held_add(&store->held, apply_ms, &held) != CTR_OK) {
        names_give(&store->names, held.box);
        names_give(&store->names, held.page);
        return CTR_NO_MEMORY;
    }
    return CTR_OK;
}

static int64_t clamp_time(int64_t record_ms, int64_t ts_ms)
{
    if (record_ms < 0) {
        return ts_ms; /* the record carries no time of its own */
    }
    return record_ms > EVENT_TS_MS_MAX ? EVENT_TS_MS_MAX : record_ms;
}

static int64_t later_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

enum ctr_status store_record_event(struct store *store, uint32_t partition, int64_t offset,
                                   int64_t record_ms, int64_t now_ms, const struct event *event)
{
    struct partition *into = store_partition(store, partition);
    int64_t time_ms = clamp_time(record_ms, event->ts_ms);
    int64_t arrival_ms =
        later_of(into->arrival_ms, store->options.clock == CLOCK_EVENT ? event->ts_ms : time_ms);

    if (offset < partition_next(into)) {
        return CTR_OK;
    }
    switch (judge(&store->options, event->ts_ms, time_ms, now_ms)) {
    case VERDICT_LATE:
        into->counts.late++;
        store_note_refused(store, event, MINUTE_LATE);
        break;
    case VERDICT_FUTURE:
        into->counts.future++;
        store_note_refused(store, event, MINUTE_FUTURE);
        break;
    case VERDICT_ACCEPTED:
        if (hold_event(store, partition, arrival_ms, time_ms - event->ts_ms, event) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        delays_add(&store->delays.recorded, time_ms - event->ts_ms);
        if (store->options.clock == CLOCK_WALL) {
            delays_add(&store->delays.read, now_ms - time_ms);
        }
        into->arrival_ms = arrival_ms;
        into->counts.held++;
        break;
    }
    into->counts.read++;
    partition_reach(into, offset + 1, now_ms);
    return CTR_OK;
}

void store_record_malformed(struct store *store, uint32_t partition, int64_t offset, int64_t now_ms,
                            enum malformed_reason reason, const char *detail)
{
    struct partition *into = store_partition(store, partition);
    struct samples *samples = &store->samples;
    struct malformed_sample *sample = &samples->ring[samples->next];

    if (offset < partition_next(into)) {
        return;
    }
    into->counts.read++;
    into->counts.malformed[reason]++;
    partition_reach(into, offset + 1, now_ms);
    *sample = (struct malformed_sample){.partition = partition, .offset = offset, .reason = reason};
    (void)snprintf(sample->detail, sizeof sample->detail, "%s", detail);
    samples->next = (samples->next + 1) % MALFORMED_SAMPLES_MAX;
    samples->count += samples->count < MALFORMED_SAMPLES_MAX ? 1 : 0;
}

bool store_overfull(const struct store *store)
{
    return store->held.events >= store->options.held_max;
}
