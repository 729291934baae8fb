/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a store, its partitions, and the verdict on each record. Time is in store_apply.c.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

const char *level_name(enum level level)
{
    static const char *const names[LEVEL_COUNT] = {"site", "page", "box", "placement"};

    CTR_ASSERT(level < LEVEL_COUNT);
    return names[level];
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
    held_init(&store->held);
    slices_init(&store->slices, &options->windows);
    (void)pthread_mutex_init(&store->lock, NULL);
    if (names_init(&store->names, options->hash_secret) != CTR_OK ||
        keys_init(&store->keys, options->windows.count, options->keys_max, kids_min) != CTR_OK) {
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
    keys_done(&store->keys);
    names_done(&store->names);
    batch_done(&store->batch);
    free(store->partitions);
    free(store->order);
    free(store->sorted);
    free(store->removed_kids);
    free(store->published.partitions);
    (void)pthread_mutex_destroy(&store->lock);
    free(store);
}

const struct store_options *store_options(const struct store *store)
{
    return &store->options;
}

/* ---- partitions ---------------------------------------------------------------------------- */

struct partition *store_partition(struct store *store, uint32_t index)
{
    CTR_ASSERT(index < store->partitions_count);
    return &store->partitions[index];
}

uint32_t store_partition_count(const struct store *store)
{
    return (uint32_t)store->partitions_count;
}

static bool comes_before(const struct partition *left, const struct partition *right)
{
    int topics = strcmp(left->topic, right->topic);

    return topics < 0 || (topics == 0 && left->number < right->number);
}

void store_order_partitions(struct store *store)
{
    for (size_t i = 0; i < store->partitions_count; i++) {
        size_t at = i;

        for (; at > 0 &&
               comes_before(&store->partitions[i], &store->partitions[store->order[at - 1]]);
             at--) {
            store->order[at] = store->order[at - 1];
        }
        store->order[at] = (uint32_t)i;
    }
}

enum ctr_status store_partition_add(struct store *store, const struct partition *partition,
                                    uint32_t *ret_index)
{
    if (store->partitions_count == PARTITIONS_MAX) {
        return CTR_LIMIT;
    }
    if (store->partitions_count == store->partitions_capacity) {
        size_t capacity = store->partitions_capacity == 0 ? 8 : store->partitions_capacity * 2;
        struct partition *partitions = realloc(store->partitions, capacity * sizeof *partitions);
        uint32_t *order = NULL;

        if (partitions == NULL) {
            return CTR_NO_MEMORY;
        }
        store->partitions = partitions;
        order = realloc(store->order, capacity * sizeof *order);
        if (order == NULL) {
            return CTR_NO_MEMORY;
        }
        store->order = order;
        store->partitions_capacity = capacity;
    }
    *ret_index = (uint32_t)store->partitions_count;
    store->partitions[store->partitions_count++] = *partition;
    store_order_partitions(store);
    return CTR_OK;
}

enum ctr_status store_partition_open(struct store *store, const char *topic, int32_t number,
                                     uint32_t *ret_index)
{
    struct partition fresh = {.number = number,
                              .end = -1,
                              .arrival_ms = MOMENT_NONE,
                              .confirmed_ms = MOMENT_NONE,
                              .alive_ms = MOMENT_NONE,
                              .pending_ms = MOMENT_NONE};

    for (uint32_t i = 0; i < store->partitions_count; i++) {
        if (store->partitions[i].number == number &&
            strcmp(store->partitions[i].topic, topic) == 0) {
            *ret_index = i;
            return CTR_OK;
        }
    }
    if (snprintf(fresh.topic, sizeof fresh.topic, "%s", topic) >= (int)sizeof fresh.topic) {
        return CTR_LIMIT;
    }
    return store_partition_add(store, &fresh, ret_index);
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

static enum ctr_status hold_event(struct store *store, uint32_t index, int64_t arrival_ms,
                                  const struct event *event)
{
    struct held_event held = {
        .ts_ms = event->ts_ms, .partition = index, .type = (uint8_t)event->type};
    int64_t to_ms = store->published.progress.to_ms; /* the writer's own word, read back */
    int64_t later_ms = event->ts_ms > arrival_ms ? event->ts_ms : arrival_ms;
    int64_t apply_ms = moment_floor(later_ms, SLICE_BASE_MS) + SLICE_BASE_MS;

    if (to_ms != MOMENT_NONE && arrival_ms < to_ms) {
        /* The clock has passed its arrival: only its event time can still hold it. */
        held.straggler = true;
        apply_ms = moment_floor(event->ts_ms, SLICE_BASE_MS) + SLICE_BASE_MS;
    }
    if (to_ms != MOMENT_NONE && apply_ms < to_ms) {
        apply_ms = to_ms;
    }
    if (names_take(&store->names, event->page, &held.page) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if ((event->box.length > 0 && names_take(&store->names, event->box, &held.box) != CTR_OK) ||
        held_add(&store->held, apply_ms, &held) != CTR_OK) {
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
        break;
    case VERDICT_FUTURE:
        into->counts.future++;
        break;
    case VERDICT_ACCEPTED:
        if (hold_event(store, partition, arrival_ms, event) != CTR_OK) {
            return CTR_NO_MEMORY;
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
