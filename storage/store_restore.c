/* SPDX-License-Identifier: Apache-2.0
 *
 * Growing a store out of a checkpoint. Nothing in the checkpoint is believed: numbers that do not
 * fit together are CTR_CORRUPT, never a wrong count.
 */
#include <stdlib.h>

#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/store_internal.h"
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
        partition.at_end = false;
        partition.end = -1;
        partition.confirmed_ms = MOMENT_NONE;
        partition.alive_ms = MOMENT_NONE;
        partition.pending_ms = MOMENT_NONE;
        status = store_partition_add(store, &partition, &index);
        if (status != CTR_OK) {
            return status;
        }
    }
    return CTR_OK;
}

static enum ctr_status take_name(struct store *store, struct text text, struct name **ret_name)
{
    *ret_name = NULL;
    return text.length == 0 ? CTR_OK : names_take(&store->names, text, ret_name);
}

/* Each level has exactly the ids it is made of. */
static bool fitting_names(enum level level, struct text page, struct text box)
{
    return level > LEVEL_SITE && level < LEVEL_COUNT && (page.length > 0) == (level != LEVEL_BOX) &&
           (box.length > 0) == (level != LEVEL_PAGE);
}

static enum ctr_status restore_keys(struct store *store, const struct checkpoint *from,
                                    uint32_t kids_max)
{
    for (size_t i = 0; i < from->keys_count; i++) {
        const struct checkpoint_key *key = &from->keys[i];
        struct name *page = NULL;
        struct name *box = NULL;

        if (!fitting_names((enum level)key->level, key->page, key->box) || key->kid < LEVEL_COUNT ||
            key->kid > kids_max ||
            (key->kid < store->keys.next_kid && keys_at(&store->keys, key->kid)->used)) {
            return CTR_CORRUPT;
        }
        if (take_name(store, key->page, &page) != CTR_OK ||
            take_name(store, key->box, &box) != CTR_OK ||
            keys_restore(&store->keys, key->kid, (enum level)key->level, page, box) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    keys_collect_free(&store->keys);
    return CTR_OK;
}

static bool known_cells(const struct store *store, const struct checkpoint_slice *slice)
{
    for (size_t c = 0; c < slice->count; c++) {
        if (slice->cells[c].key >= store->keys.next_kid ||
            !keys_at(&store->keys, slice->cells[c].key)->used) {
            return false;
        }
    }
    return true;
}

static enum ctr_status restore_slices(struct store *store, const struct checkpoint *from)
{
    for (size_t i = 0; i < from->slices_count; i++) {
        const struct checkpoint_slice *slice = &from->slices[i];
        enum ctr_status status = CTR_CORRUPT;

        if (known_cells(store, slice)) {
            status = slices_restore(&store->slices, &store->keys, slice->grain_ms, slice->start_ms,
                                    slice->cells, slice->count);
        }
        if (status != CTR_OK) {
            return status;
        }
    }
    /* Keys of slices that no window needs any more. */
    return slices_find_orphans(&store->slices, &store->keys) == CTR_OK ? store_remove_orphans(store)
                                                                       : CTR_NO_MEMORY;
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

    page.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &page.length);
    box.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &box.length);
    if (unpacker->failed || partition >= store->partitions_count || page.length == 0 ||
        type >> 1 >= HELD_FLAGS_END) {
        return CTR_CORRUPT;
    }
    if (take_name(store, page, &event.page) != CTR_OK ||
        take_name(store, box, &event.box) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return held_add(&store->held, bucket->apply_ms, &event);
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
        struct minute_block *block = from->minutes[i].block;

        if (block == NULL || block->minute_ms != from->minutes[i].minute_ms ||
            (i > 0 && block->minute_ms <= from->minutes[i - 1].minute_ms)) {
            return CTR_CORRUPT;
        }
        minute_block_take(block);
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
    slices_sum(&store->slices, &store->keys, published->from_ms);
    published->progress.revision = 1;
}

static uint32_t highest_kid(const struct checkpoint *from)
{
    uint32_t highest = 0;

    for (size_t i = 0; i < from->keys_count; i++) {
        if (from->keys[i].kid > highest && from->keys[i].kid < UINT32_MAX / 2) {
            highest = from->keys[i].kid;
        }
    }
    return highest;
}

enum ctr_status store_restore(const struct store_options *options,
                              const struct checkpoint *checkpoint, struct store **ret_store,
                              struct ctr_error *reterr)
{
    struct store *store = NULL;
    uint32_t kids_max = highest_kid(checkpoint);
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
        status = restore_keys(store, checkpoint, kids_max);
    }
    if (status == CTR_OK) {
        status = restore_slices(store, checkpoint);
    }
    if (status == CTR_OK) {
        status = restore_held(store, checkpoint);
    }
    if (status == CTR_OK) {
        restore_time(store, checkpoint);
        status = restore_minutes(store, checkpoint);
    }
    if (status == CTR_OK) {
        status = store_replay_journals(store, checkpoint);
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
