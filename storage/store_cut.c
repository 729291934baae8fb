/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting a checkpoint out of the store, and growing a store out of a checkpoint.
 *
 * A cut copies what changed since the last one: slices are written once when they close and again
 * only when a late event or a fold touches them, so its cost follows the traffic of one snapshot
 * interval, not the keys. Only the writer runs here and readers never change anything, so the cut
 * needs no lock.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/store_internal.h"

/* ---- cut ----------------------------------------------------------------------------------- */

/* An owned copy of a list; *ret_copy NULL for an empty one. */
static bool copy_list(const void *list, size_t count, size_t item_bytes, void *ret_copy)
{
    void *copy = NULL;

    if (count > 0) {
        copy = malloc(count * item_bytes);
        if (copy == NULL) {
            return false;
        }
        memcpy(copy, list, count * item_bytes);
    }
    memcpy(ret_copy, &copy, sizeof copy);
    return true;
}

static bool cut_gone(const struct store *store, struct checkpoint *cut)
{
    if (cut->whole) {
        return true;
    }
    cut->keys_gone_count = store->removed_count;
    cut->slices_gone_count = store->slices.gone_count;
    cut->buckets_gone_count = store->held.gone_count;
    return copy_list(store->removed_kids, cut->keys_gone_count, sizeof *cut->keys_gone,
                     &cut->keys_gone) &&
           copy_list(store->slices.gone, cut->slices_gone_count, sizeof *cut->slices_gone,
                     &cut->slices_gone) &&
           copy_list(store->held.gone, cut->buckets_gone_count, sizeof *cut->buckets_gone,
                     &cut->buckets_gone);
}

static bool wanted_key(const struct checkpoint *cut, const struct key *key)
{
    return key->used && (cut->whole || key->unsaved);
}

static struct text cut_name(const struct name *name, char **at)
{
    struct text text = {.bytes = *at};

    if (name != NULL) {
        memcpy(*at, name->bytes, name->length);
        text.length = name->length;
        *at += name->length;
    }
    return text;
}

static bool cut_keys(const struct store *store, struct checkpoint *cut)
{
    size_t text_bytes = 0;
    char *at = NULL;

    for (uint32_t kid = LEVEL_COUNT; kid < store->keys.next_kid; kid++) {
        const struct key *key = keys_at(&store->keys, kid);

        if (wanted_key(cut, key)) {
            cut->keys_count++;
            text_bytes += (key->page == NULL ? 0 : key->page->length) +
                          (key->box == NULL ? 0 : key->box->length);
        }
    }
    cut->keys = calloc(cut->keys_count + 1, sizeof *cut->keys);
    cut->text = malloc(text_bytes + 1);
    if (cut->keys == NULL || cut->text == NULL) {
        return false;
    }
    at = cut->text;
    cut->keys_count = 0;
    for (uint32_t kid = LEVEL_COUNT; kid < store->keys.next_kid; kid++) {
        struct key *key = keys_at(&store->keys, kid);

        if (wanted_key(cut, key)) {
            struct text page = cut_name(key->page, &at);
            struct text box = cut_name(key->box, &at);

            cut->keys[cut->keys_count++] =
                (struct checkpoint_key){.kid = kid, .level = key->level, .page = page, .box = box};
            key->unsaved = false;
        }
    }
    return true;
}

static bool cut_tier(struct tier *tier, struct checkpoint *cut)
{
    for (size_t i = 0; i < tier->count; i++) {
        struct slice *slice = &tier->items[i];
        struct checkpoint_slice *into = &cut->slices[cut->slices_count];

        if (!cut->whole && !slice->unsaved) {
            continue;
        }
        *into = (struct checkpoint_slice){
            .grain_ms = tier->grain_ms, .start_ms = slice->start_ms, .count = slice->count};
        if (!copy_list(slice->cells, slice->count, sizeof *slice->cells, &into->cells)) {
            return false;
        }
        cut->slices_count++;
        slice->unsaved = false;
        slice->saved = true;
    }
    return true;
}

static bool cut_slices(struct store *store, struct checkpoint *cut)
{
    size_t room = 1;

    for (size_t t = 0; t < store->slices.tiers_count; t++) {
        room += store->slices.tiers[t].count;
    }
    cut->slices = calloc(room, sizeof *cut->slices);
    if (cut->slices == NULL) {
        return false;
    }
    for (size_t t = 0; t < store->slices.tiers_count; t++) {
        if (!cut_tier(&store->slices.tiers[t], cut)) {
            return false;
        }
    }
    return true;
}

static bool pack_bucket(const struct held_bucket *bucket, struct checkpoint_bucket *into)
{
    struct packer packer = {0};

    for (size_t i = 0; i < bucket->count; i++) {
        const struct held_event *event = &bucket->events[i];

        pack_unsigned(&packer, event->partition);
        pack_unsigned(&packer, (uint64_t)event->type | (event->straggler ? 2 : 0));
        pack_signed(&packer, bucket->apply_ms - event->ts_ms);
        pack_bytes(&packer, event->page->bytes, event->page->length);
        pack_bytes(&packer, event->box == NULL ? "" : event->box->bytes,
                   event->box == NULL ? 0 : event->box->length);
    }
    if (packer.failed) {
        packer_done(&packer);
        return false;
    }
    *into = (struct checkpoint_bucket){.apply_ms = bucket->apply_ms,
                                       .count = bucket->count,
                                       .bytes = packer.bytes,
                                       .length = packer.length};
    return true;
}

static bool cut_held(struct store *store, struct checkpoint *cut)
{
    cut->buckets = calloc(store->held.count + 1, sizeof *cut->buckets);
    if (cut->buckets == NULL) {
        return false;
    }
    for (size_t i = 0; i < store->held.count; i++) {
        struct held_bucket *bucket = &store->held.buckets[i];

        if (!cut->whole && !bucket->unsaved) {
            continue;
        }
        if (!pack_bucket(bucket, &cut->buckets[cut->buckets_count])) {
            return false;
        }
        cut->buckets_count++;
        bucket->unsaved = false;
        bucket->saved = true;
    }
    return true;
}

enum ctr_status store_cut(struct store *store, bool whole, struct checkpoint **ret_checkpoint)
{
    struct checkpoint *cut = calloc(1, sizeof *cut);

    if (cut == NULL) {
        return CTR_NO_MEMORY;
    }
    cut->whole = whole;
    cut->as_of_ms = store->as_of_ms;
    cut->to_ms = store->published.progress.to_ms;
    cut->covered_from_ms = store->covered_from_ms;
    cut->keys_folded = store->keys_folded;
    cut->clock = store->options.clock;
    cut->page_impressions = store->options.page_impressions;
    cut->windows = store->options.windows;
    cut->partitions_count = store->partitions_count;
    if (!copy_list(store->partitions, store->partitions_count, sizeof *store->partitions,
                   &cut->partitions) ||
        !cut_gone(store, cut) || !cut_keys(store, cut) || !cut_slices(store, cut) ||
        !cut_held(store, cut)) {
        checkpoint_free(cut);
        return CTR_NO_MEMORY;
    }
    store->removed_count = 0;
    store->slices.gone_count = 0;
    store->held.gone_count = 0;
    *ret_checkpoint = cut;
    return CTR_OK;
}

/* ---- restore ------------------------------------------------------------------------------- */

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

/* A grain that is no tier any more goes to the next coarser one; none: the windows that needed it
 * are gone, and so is the slice. */
static enum ctr_status restore_slice(struct store *store, const struct checkpoint_slice *slice)
{
    for (size_t t = 0; t < store->slices.tiers_count; t++) {
        int64_t grain_ms = store->slices.tiers[t].grain_ms;

        if (grain_ms >= slice->grain_ms) {
            return slices_restore(&store->slices, &store->keys, grain_ms,
                                  moment_floor(slice->start_ms, grain_ms), slice->cells,
                                  slice->count);
        }
    }
    return CTR_OK;
}

static enum ctr_status restore_slices(struct store *store, const struct checkpoint *from)
{
    for (size_t i = 0; i < from->slices_count; i++) {
        enum ctr_status status = CTR_CORRUPT;

        if (known_cells(store, &from->slices[i])) {
            status = restore_slice(store, &from->slices[i]);
        }
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
    struct text page = {0};
    struct text box = {0};
    struct held_event event = {.ts_ms = bucket->apply_ms - age_ms,
                               .partition = (uint32_t)partition,
                               .type = (uint8_t)(type & 1),
                               .straggler = (type & 2) != 0};

    page.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &page.length);
    box.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &box.length);
    if (unpacker->failed || partition >= store->partitions_count || page.length == 0 || type > 3) {
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
    for (size_t i = 0; i < store->held.count; i++) {
        store->held.buckets[i].unsaved = false;
        store->held.buckets[i].saved = true;
    }
    return CTR_OK;
}

static void restore_time(struct store *store, const struct checkpoint *from)
{
    struct published *published = &store->published;

    store->as_of_ms = from->as_of_ms;
    store->covered_from_ms = from->covered_from_ms;
    store->keys_folded = from->keys_folded;
    published->progress.to_ms = from->to_ms;
    if (from->to_ms == MOMENT_NONE) {
        return;
    }
    slices_set_limits(&store->slices, from->to_ms);
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
