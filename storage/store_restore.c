/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing a store out of a checkpoint. Nothing in the checkpoint is believed: numbers that do not
 * fit together are CTR_CORRUPT, never a wrong count.
 */
#include <stdlib.h>

#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/store_load.h"
#include "storage/store_minutes.h"

/* A window can be answered from the old slices where they were kept at its grain for as long. */
static bool window_served(const struct window_set *had, const struct window *window)
{
    for (size_t i = 0; i < had->count; i++) {
        if (had->items[i].grain_ms == window->grain_ms &&
            had->items[i].length_ms >= window->length_ms) {
            return true;
        }
    }
    return false;
}

/* The length of the longest window that has people, 0 for none: so far back they are known. */
static int64_t longest_with_people(const struct window_set *windows, int64_t horizon_ms)
{
    int64_t longest_ms = 0;

    for (size_t w = 0; w < windows->count; w++) {
        int64_t length_ms = windows->items[w].length_ms;

        longest_ms = length_ms <= horizon_ms && length_ms > longest_ms ? length_ms : longest_ms;
    }
    return longest_ms;
}

static enum ctr_status check_settings(const struct store_options *options,
                                      const struct checkpoint *from, struct ctr_error *reterr)
{
    if (options->clock != from->clock) {
        return ctr_fail(reterr, CTR_INVALID,
                        "the snapshot was made with clock = %s; set that, or move it away to start "
                        "anew from Kafka",
                        from->clock == CLOCK_EVENT ? "event" : "wall");
    }
    if (options->page_impressions != from->page_impressions) {
        return ctr_fail(reterr, CTR_INVALID,
                        "the snapshot was made with another page_impressions; set that, or move it "
                        "away to start anew from Kafka");
    }
    if (store_secret_check(options) != from->secret_check) {
        return ctr_fail(reterr, CTR_INVALID,
                        "the snapshot was made with another hash key; bring back the file that "
                        "hash_key names (hash.key in data_dir), or move the snapshot away to start "
                        "anew from Kafka");
    }
    if (options->click_gap_ms != from->click_gap_ms) {
        return ctr_fail(
            reterr, CTR_INVALID,
            "the snapshot was made with click_gap = %lldms; set that, or move it away to "
            "start anew from Kafka",
            (long long)from->click_gap_ms);
    }
    if (options->people_horizon_ms > from->people_horizon_ms ||
        options->dedup_horizon_ms > from->dedup_horizon_ms) {
        return ctr_fail(
            reterr, CTR_INVALID,
            "the snapshot remembers people for %llds and ids for %llds, which a longer "
            "people_horizon or dedup_horizon cannot be answered from; set those, or move "
            "it away to start anew from Kafka",
            (long long)from->people_horizon_ms / 1000, (long long)from->dedup_horizon_ms / 1000);
    }
    if (longest_with_people(&options->windows, options->people_horizon_ms) >
        longest_with_people(&from->windows, from->people_horizon_ms)) {
        return ctr_fail(
            reterr, CTR_INVALID,
            "the snapshot has people for windows up to %llds, which a longer one cannot "
            "be answered from; leave it out of windows, set a shorter people_horizon, or "
            "move the snapshot away to start anew from Kafka",
            (long long)longest_with_people(&from->windows, from->people_horizon_ms) / 1000);
    }
    for (size_t w = 0; w < options->windows.count; w++) {
        if (!window_served(&from->windows, &options->windows.items[w])) {
            return ctr_fail(reterr, CTR_INVALID,
                            "the snapshot cannot answer the new window %s exactly; leave it out of "
                            "windows, or move the snapshot away to start anew from Kafka",
                            options->windows.items[w].name);
        }
    }
    return CTR_OK;
}

static enum ctr_status restore_partitions(struct store *store, const struct checkpoint *from)
{
    for (size_t i = 0; i < from->partitions_count; i++) {
        struct partition partition = from->partitions[i];
        uint32_t index = 0;
        enum ctr_status status = CTR_OK;

        /* What the log holds now has to be seen anew. */
        partition.started = false;
        partition.restored = true;
        partition.at_end = false;
        partition.end = -1;
        partition.confirmed_ms = MOMENT_NONE;
        partition.alive_ms = MOMENT_NONE;
        partition.pending_ms = MOMENT_NONE;
        partition.trouble = PARTITION_READING;
        partition.held = false;
        partition.gap_to = 0;
        status = store_partition_add(store, &partition, &index);
        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

static enum ctr_status restore_slices(struct store *store, const struct checkpoint *from,
                                      struct slices_tally *tally)
{
    for (size_t i = 0; i < from->slices_count; i++) {
        const struct checkpoint_slice *slice = &from->slices[i];
        enum ctr_status status =
            slices_restore(&store->slices, &store->keys, tally,
                           &(struct slice_saved){.grain_ms = slice->grain_ms,
                                                 .start_ms = slice->start_ms,
                                                 .cells = (const uint32_t *)slice->cells,
                                                 .count = slice->count});

        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

static enum ctr_status restore_event(struct store *store, const struct checkpoint_bucket *bucket,
                                     struct unpacker *unpacker)
{
    uint64_t partition = unpack_unsigned(unpacker);
    uint64_t type = unpack_unsigned(unpacker);
    int64_t age_ms = unpack_signed(unpacker);
    uint64_t visitor = unpack_hash(unpacker);
    uint64_t print = unpack_hash(unpacker);
    struct text page = {0};
    struct text box = {0};
    struct held_event event = {.ts_ms = bucket->apply_ms - age_ms,
                               .visitor = visitor,
                               .print = print,
                               .partition = (uint32_t)partition,
                               .delay_ms = HELD_DELAY_UNKNOWN,
                               .type = (uint8_t)(type & 1),
                               .flags = (uint8_t)(type >> 1)};
    struct held_event *held = NULL;

    page.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &page.length);
    box.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &box.length);
    if (unpacker->failed || partition >= store->partitions_count || page.length == 0 ||
        type >> 1 >= HELD_FLAGS_END) {
        return CTR_CORRUPT;
    }
    if (store_take_name(store, page, &event.page) != CTR_OK ||
        store_take_name(store, box, &event.box) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (held_add(&store->held, bucket->apply_ms, &held) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    *held = event;
    return CTR_OK;
}

static enum ctr_status restore_held(struct store *store, const struct checkpoint *from)
{
    uint64_t expected = 0;

    for (size_t i = 0; i < from->buckets_count; i++) {
        const struct checkpoint_bucket *bucket = &from->buckets[i];
        struct unpacker unpacker = {.at = bucket->bytes, .end = bucket->bytes + bucket->length};

        for (size_t e = 0; e < bucket->count; e++) {
            enum ctr_status status = restore_event(store, bucket, &unpacker);

            if (status != CTR_OK) {
                return status;
            }
        }
        if (unpacker.at != unpacker.end) {
            return CTR_CORRUPT;
        }
    }
    for (size_t i = 0; i < from->partitions_count; i++) {
        expected += from->partitions[i].counts.held;
    }
    if (expected != store->held.events) {
        return CTR_CORRUPT;
    }
    for (size_t i = 0; i < store->held.count; i++) {
        store->held.buckets[i].unsaved = false;
        store->held.buckets[i].saved = true;
    }
    return CTR_OK;
}

static enum ctr_status restore_minutes(struct store *store, const struct checkpoint *from)
{
    struct minutes_book *book = &store->book;

    book->open = calloc(from->minutes_count + 1, sizeof *book->open);
    if (book->open == NULL) {
        return CTR_NO_MEMORY;
    }
    book->open_capacity = from->minutes_count + 1;
    for (size_t i = 0; i < from->minutes_count; i++) {
        struct minute_block *block = NULL;
        enum ctr_status status = CTR_CORRUPT;

        if (i == 0 || from->minutes[i].minute_ms > from->minutes[i - 1].minute_ms) {
            status = checkpoint_minute_open(&from->minutes[i], &block);
        }
        if (status != CTR_OK) {
            return status;
        }
        block->changed = false;
        book->open[book->open_count++] = block;
    }
    book->to_ms = from->to_ms;
    book->freed_cut = from->cut;
    return CTR_OK;
}

static void restore_time(struct store *store, const struct checkpoint *from)
{
    struct published *published = &store->published;

    store->as_of_ms = from->as_of_ms;
    store->covered_from_ms = from->covered_from_ms;
    store->keys_folded = from->keys_folded;
    store->repeated = from->repeated;
    store->cut = from->cut;
    published->progress.to_ms = from->to_ms;
    if (from->to_ms == MOMENT_NONE) {
        return;
    }
    slices_set_limits(&store->slices, from->to_ms);
    slices_set_limits(&store->crowds, from->to_ms);
    for (size_t w = 0; w < store->options.windows.count; w++) {
        published->from_ms[w] = window_from_ms(&store->options.windows.items[w], from->to_ms);
    }
    published->progress.revision = 1;
}

/* ---- two halves at once -------------------------------------------------------------------- */

/* People are brought back by a second thread: it looks at the keys and at time, which are there by
 * then, and fills what nothing else touches meanwhile. */
struct half {
    struct store *store;
    const struct checkpoint *from;
    struct slices_tally tally;
    enum ctr_status status;
};

static void *restore_people(void *argument)
{
    struct half *half = argument;
    struct store *store = half->store;

    half->status = slices_tally_init(&half->tally, &store->keys);
    if (half->status == CTR_OK) {
        half->status = store_replay_journals(store, half->from);
    }
    if (half->status == CTR_OK) {
        half->status = store_load_crowds(store, &half->tally);
    }
    if (half->status == CTR_OK && half->from->to_ms != MOMENT_NONE) {
        half->status = slices_sum(&store->crowds, &store->keys, store->published.from_ms);
    }
    return NULL;
}

static enum ctr_status restore_counts(struct half *half)
{
    struct store *store = half->store;
    enum ctr_status status = slices_tally_init(&half->tally, &store->keys);

    if (status == CTR_OK) {
        status = restore_slices(store, half->from, &half->tally);
    }
    if (status == CTR_OK && half->from->to_ms != MOMENT_NONE) {
        status = slices_sum(&store->slices, &store->keys, store->published.from_ms);
    }
    if (status == CTR_OK) {
        status = restore_held(store, half->from);
    }
    return status == CTR_OK ? restore_minutes(store, half->from) : status;
}

static enum ctr_status join_halves(struct store *store, const struct half *counts,
                                   const struct half *people)
{
    enum ctr_status status = counts->status == CTR_OK ? people->status : counts->status;

    if (status == CTR_OK) {
        status = slices_tally_add(&counts->tally, &store->keys);
    }
    if (status == CTR_OK) {
        status = slices_tally_add(&people->tally, &store->keys);
    }
    if (status != CTR_OK) {
        return status;
    }
    /* Keys of slices that no window needs any more. */
    return slices_find_orphans(&store->slices, &store->keys) == CTR_OK ? store_remove_orphans(store)
                                                                       : CTR_NO_MEMORY;
}

static enum ctr_status restore_halves(struct store *store, const struct checkpoint *from)
{
    struct half counts = {.store = store, .from = from};
    struct half people = {.store = store, .from = from};
    pthread_t thread;
    bool started = pthread_create(&thread, NULL, restore_people, &people) == 0;
    enum ctr_status status = CTR_OK;

    counts.status = restore_counts(&counts);
    if (started) {
        (void)pthread_join(thread, NULL);
    } else {
        (void)restore_people(&people);
    }
    status = join_halves(store, &counts, &people);
    slices_tally_done(&counts.tally);
    slices_tally_done(&people.tally);
    return status;
}

enum ctr_status store_restore(const struct store_options *options,
                              const struct checkpoint *checkpoint, struct store **ret_store,
                              struct ctr_error *reterr)
{
    struct store *store = NULL;
    uint32_t kids_max = store_highest_kid(checkpoint);
    enum ctr_status status = check_settings(options, checkpoint, reterr);

    if (status != CTR_OK) {
        return status;
    }
    status = store_new_sized(options, kids_max, &store, reterr);
    if (status != CTR_OK) {
        return status;
    }
    status = restore_partitions(store, checkpoint);
    if (status == CTR_OK) {
        status = store_load_keys(store, checkpoint);
    }
    if (status == CTR_OK) {
        restore_time(store, checkpoint);
        status = restore_halves(store, checkpoint);
    }
    if (status == CTR_OK) {
        status = store_publish(store);
    }
    if (status != CTR_OK) {
        store_free(store);
        return ctr_fail(reterr, status, "%s",
                        status == CTR_NO_MEMORY ? "no memory to load the snapshot"
                                                : "the snapshot contradicts itself");
    }
    *ret_store = store;
    return CTR_OK;
}
