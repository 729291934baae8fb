/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of a store. Records are in store_record.c, time in store_clock.c and store_apply.c.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "storage/cond.h"
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
    /* The mutex, and how many wait for it, are all that a reader changes. */
    struct store *shared = (struct store *)(uintptr_t)store;
    int failed = pthread_mutex_trylock(&shared->lock);

    if (failed == EBUSY) {
        (void)atomic_fetch_add_explicit(&shared->waiting, 1, memory_order_relaxed);
        failed = pthread_mutex_lock(&shared->lock);
        (void)atomic_fetch_sub_explicit(&shared->waiting, 1, memory_order_relaxed);
    }
    CTR_ASSERT(failed == 0);
}

bool store_wanted(const struct store *store)
{
    return atomic_load_explicit(&store->waiting, memory_order_relaxed) > 0;
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
                                     .text_max_bytes = options->key_text_max_bytes,
                                     .kids_min = kids_min};

    store->journal = journal_part_new(&store->journal_spares);
    store->journal_part_events = JOURNAL_PART_EVENTS_MAX;
    if (store->journal == NULL || names_init(&store->names, options->hash_secret) != CTR_OK ||
        keys_init(&store->keys, &shape) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return people_init(&store->people, people_span_s(&store->people_windows),
                       options->visitors_max);
}

static _Atomic uint64_t stores_made;

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
    store->identity = atomic_fetch_add(&stores_made, 1) + 1;
    store->as_of_ms = MOMENT_NONE;
    store->lead_ms = MOMENT_NONE;
    store->covered_from_ms = MOMENT_NONE;
    store->limit_ms = INT64_MAX;
    store->published.progress = (struct progress){.as_of_ms = MOMENT_NONE,
                                                  .to_ms = MOMENT_NONE,
                                                  .covered_from_ms = MOMENT_NONE,
                                                  .alive_ms = MOMENT_NONE,
                                                  .clock = options->clock,
                                                  .provisional = options->provisional};
    choose_people(store);
    held_init(&store->held);
    slices_init(&store->slices, SLICES_COUNTS, &options->windows);
    slices_init(&store->crowds, SLICES_PEOPLE, &store->people_windows);
    ids_init(&store->ids, options->ids_max);
    gaps_init(&store->gaps, options->click_gap_ms,
              options->ids_max < UINT32_MAX / 2 ? (uint32_t)options->ids_max : UINT32_MAX / 2);
    book_init(&store->book, options->lateness_ms, options->minutes_max);
    (void)pthread_mutex_init(&store->lock, NULL);
    cond_init_monotonic(&store->answered);
    cond_init_monotonic(&store->moved);
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
    journal_spares_trim(&store->journal_spares, 0);
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
    (void)pthread_cond_destroy(&store->moved);
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

void store_limit(struct store *store, int64_t to_ms)
{
    store->limit_ms = to_ms;
}

bool store_overfull(const struct store *store)
{
    uint64_t names = store->names.bytes;
    uint64_t bytes = store->held.events * sizeof(struct held_event);

    bytes += names > store->keys.text_bytes ? names - store->keys.text_bytes : 0;
    return store->held.events >= store->options.held_max ||
           (store->options.held_max_bytes > 0 && bytes >= store->options.held_max_bytes);
}
