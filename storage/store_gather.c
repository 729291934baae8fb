/* SPDX-License-Identifier: Apache-2.0
 *
 * One bucket of held records in canonical order, with the memory each will need asked for ahead.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/prefetch.h"
#include "storage/store_internal.h"

/* Indexes of the bucket's events from `first` on by topic, partition number and offset: a counting
 * sort, since within one partition they stand in order already. */
static enum ctr_status sort_bucket(struct store *store, const struct held_bucket *bucket,
                                   size_t first)
{
    size_t starts[PARTITIONS_MAX + 1] = {0};
    size_t start = first;

    if (bucket->count > store->sorted_capacity) {
        size_t capacity = bucket->count * 2;
        uint32_t *sorted = realloc(store->sorted, capacity * sizeof *sorted);

        if (sorted == NULL) {
            return CTR_NO_MEMORY;
        }
        store->sorted = sorted;
        store->sorted_capacity = capacity;
    }
    for (size_t i = first; i < bucket->count; i++) {
        starts[bucket->events[i].partition]++;
    }
    for (size_t rank = 0; rank < store->partitions_count; rank++) {
        size_t *at = &starts[store->order[rank]];
        size_t count = *at;

        *at = start;
        start += count;
    }
    for (size_t i = first; i < bucket->count; i++) {
        store->sorted[starts[bucket->events[i].partition]++] = (uint32_t)i;
    }
    store->step.sorted_count = bucket->count;
    return CTR_OK;
}

/* ---- ahead --------------------------------------------------------------------------------- */

/* So many events before its turn an event's names, its slots everywhere, its keys and its visitor,
 * the visitor's pairs and what its keys gained are asked for: each needs what the one before
 * brought. */
enum {
    NAMES_AHEAD = AHEAD_EVENTS + 16,
    VISITORS_AHEAD = AHEAD_EVENTS / 2,
    KEYS_AHEAD = AHEAD_EVENTS / 2,
    PAIRS_AHEAD = AHEAD_EVENTS / 4,
    GAINS_AHEAD = 6
};

static const struct held_event *event_at(const struct store *store,
                                         const struct held_bucket *bucket, size_t at)
{
    return &bucket->events[store->sorted[at]];
}

static void prefetch_names(const struct held_event *event)
{
    prefetch(event->page);
    if (event->box != NULL) {
        prefetch(event->box);
    }
}

static void hash_event(const struct store *store, const struct held_event *event,
                       struct foreseen *ret_ahead)
{
    uint64_t page = event->page->hash;
    uint64_t box = event->box == NULL ? 0 : event->box->hash;

    if (event->print != 0) {
        ids_prefetch(&store->ids, event->ts_ms, event->print);
    }
    if (event->box != NULL) {
        ret_ahead->placement = keys_hash(LEVEL_PLACEMENT, page, box);
        keys_prefetch(&store->keys, ret_ahead->placement);
    }
    ret_ahead->visitor = event->visitor;
    if (event->visitor != 0) {
        people_prefetch(&store->people, event->visitor);
    }
}

static void prefetch_keys(const struct store *store, const struct held_event *event,
                          const struct foreseen *ahead)
{
    keys_prefetch_key(&store->keys, event->page->page_key);
    if (event->box != NULL) {
        keys_prefetch_key(&store->keys, event->box->box_key);
        keys_prefetch_key(&store->keys, keys_peek(&store->keys, ahead->placement));
    }
}

/* What the keys gained so far, where that is in the list that was met last. */
static void prefetch_gains(const struct store *store, const struct held_event *event,
                           const struct foreseen *ahead)
{
    const struct step *step = &store->step;
    const struct gain_list *list = step->last < step->lists_count ? &step->lists[step->last] : NULL;
    uint32_t kids[] = {event->page->page_key, KEY_NONE, KEY_NONE};

    if (event->box != NULL) {
        kids[1] = event->box->box_key;
        kids[2] = keys_peek(&store->keys, ahead->placement);
    }
    for (size_t i = 0; list != NULL && i < sizeof kids / sizeof kids[0]; i++) {
        const struct key_mark *mark =
            kids[i] == KEY_NONE ? NULL : &keys_at(&store->keys, kids[i])->marks[SLICES_COUNTS];

        if (mark != NULL && mark->list == list->mark) {
            prefetch(&list->gains[mark->at]);
        }
    }
}

static void look_at_people(struct store *store, size_t next)
{
    struct step *step = &store->step;

    for (; step->met < step->hashed && step->met <= next + VISITORS_AHEAD; step->met++) {
        struct foreseen *ahead = &step->ahead[step->met % AHEAD_EVENTS];

        ahead->where = people_look(&store->people, ahead->visitor);
        people_prefetch_visitor(&store->people, &ahead->where);
    }
    for (; step->paired < step->met && step->paired <= next + PAIRS_AHEAD; step->paired++) {
        people_prefetch_pairs(&store->people, &step->ahead[step->paired % AHEAD_EVENTS].where);
    }
}

/* Whatever of the events up to some after `next` was not looked at so far. */
static void look_ahead(struct store *store, const struct held_bucket *bucket, size_t next)
{
    struct step *step = &store->step;
    size_t hash_until = next + AHEAD_EVENTS;

    hash_until = hash_until < step->sorted_count ? hash_until : step->sorted_count;
    if (next + NAMES_AHEAD < step->sorted_count) {
        prefetch_names(event_at(store, bucket, next + NAMES_AHEAD));
    }
    for (; step->hashed < hash_until; step->hashed++) {
        hash_event(store, event_at(store, bucket, step->hashed),
                   &step->ahead[step->hashed % AHEAD_EVENTS]);
    }
    look_at_people(store, next);
    if (next + KEYS_AHEAD < step->hashed) {
        prefetch_keys(store, event_at(store, bucket, next + KEYS_AHEAD),
                      &step->ahead[(next + KEYS_AHEAD) % AHEAD_EVENTS]);
    }
    if (next + GAINS_AHEAD < step->hashed) {
        prefetch_gains(store, event_at(store, bucket, next + GAINS_AHEAD),
                       &step->ahead[(next + GAINS_AHEAD) % AHEAD_EVENTS]);
    }
}

enum ctr_status store_gather(struct store *store, struct held_bucket *bucket)
{
    struct step *step = &store->step;

    while (step->next_event < bucket->count) {
        /* Records that came into the bucket while memory was short stand behind the others. */
        if (step->next_event == step->sorted_count &&
            sort_bucket(store, bucket, step->sorted_count) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        look_ahead(store, bucket, step->next_event);
        if (store_take(store, &bucket->events[store->sorted[step->next_event]],
                       &step->ahead[step->next_event % AHEAD_EVENTS]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        step->next_event++;
    }
    return CTR_OK;
}
