/* SPDX-License-Identifier: Apache-2.0
 *
 * Cutting a checkpoint out of the store.
 *
 * A cut copies what changed since the last one: slices are written once when they close and again
 * only when a late event or a fold touches them, so its cost follows the traffic of one snapshot
 * interval, not the keys. Only the writer runs here and readers never change anything, so the cut
 * needs no lock.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/checkpoint.h"
#include "storage/fault_point.h"
#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/store_internal.h"

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

        cut->keys_total += key->used ? 1 : 0;
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
        if (!copy_list(slice->cells, slice->count, sizeof *into->cells, &into->cells)) {
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
    cut->slices_total = room - 1;
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
        pack_unsigned(&packer, (uint64_t)event->flags << 1 | event->type);
        pack_signed(&packer, bucket->apply_ms - event->ts_ms);
        pack_hash(&packer, event->visitor);
        pack_hash(&packer, event->print);
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

        if (bucket->count == 0) {
            continue; /* left by a failed allocation, and never saved */
        }
        cut->buckets_total++;
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

static bool cut_minutes(struct store *store, struct checkpoint *cut)
{
    if (book_cut(&store->book, store->cut, &cut->finished, &cut->finished_count) != CTR_OK) {
        return false;
    }
    cut->minutes = calloc(store->book.open_count + 1, sizeof *cut->minutes);
    if (cut->minutes == NULL) {
        return false;
    }
    for (size_t i = 0; i < store->book.open_count; i++) {
        struct minute_block *block = store->book.open[i];
        struct checkpoint_minute *minute = &cut->minutes[cut->minutes_count++];

        minute->minute_ms = block->minute_ms;
        if (cut->whole || block->changed) {
            minute->block = minute_block_copy(block);
            if (minute->block == NULL) {
                return false;
            }
            block->changed = false;
        }
    }
    return true;
}

/* The cut before is in the file: what was kept in case it failed may go. */
static void forget_saved(struct store *store)
{
    store_forget_journals(store);
    book_saved(&store->book, store->cut);
    store->cut_saved = store->cut;
}

static void cut_settings(const struct store *store, struct checkpoint *cut)
{
    const struct store_options *options = &store->options;

    cut->cut = store->cut;
    cut->as_of_ms = store->as_of_ms;
    cut->to_ms = store->published.progress.to_ms;
    cut->covered_from_ms = store->covered_from_ms;
    cut->keys_folded = store->keys_folded;
    cut->clock = options->clock;
    cut->page_impressions = options->page_impressions;
    cut->windows = options->windows;
    cut->people_horizon_ms = options->people_horizon_ms;
    cut->dedup_horizon_ms = options->dedup_horizon_ms;
    cut->click_gap_ms = options->click_gap_ms;
    cut->secret_check = store_secret_check(options);
    cut->repeated = store->repeated;
    cut->journal_from_ms = store_journal_from(store);
    cut->partitions_count = store->partitions_count;
}

enum ctr_status store_cut(struct store *store, bool whole, struct checkpoint **ret_checkpoint)
{
    struct checkpoint *cut = calloc(1, sizeof *cut);

    if (!store->has_cut) { /* after a start: what was loaded is in the file */
        store->has_cut = true;
        store->cut_saved = store->cut;
    }
    if (!whole && !store->cut_failed) { /* a cut that failed is not in the file, though numbered */
        forget_saved(store);
    }
    if (cut == NULL) {
        return CTR_NO_MEMORY;
    }
    if (store->step.begun) { /* memory cut a step short: half of it must not be saved */
        free(cut);
        return CTR_NO_MEMORY;
    }
    FAULT_POINT("cut_begun");
    cut->whole = whole || store->cut_failed;
    store->cut_failed = true;
    store->cut = store_number_journals(store, store->cut) + 1;
    cut_settings(store, cut);
    cut->since = store->cut_saved;
    store_forget_old_journals(store, cut->journal_from_ms);
    if (!copy_list(store->partitions, store->partitions_count, sizeof *store->partitions,
                   &cut->partitions) ||
        !cut_gone(store, cut) || !cut_keys(store, cut) || !cut_slices(store, cut) ||
        !cut_held(store, cut) || !store_cut_journals(store, cut) || !cut_minutes(store, cut)) {
        checkpoint_free(cut);
        journal_spares_trim(&store->journal_spares, 0); /* memory is short */
        return CTR_NO_MEMORY;
    }
    store->cut_failed = false;
    store->removed_count = 0;
    store->slices.gone_count = 0;
    store->held.gone_count = 0;
    FAULT_POINT("cut_made");
    *ret_checkpoint = cut;
    return CTR_OK;
}
