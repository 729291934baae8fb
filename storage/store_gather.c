/* SPDX-License-Identifier: Apache-2.0
 *
 * One bucket of held records in canonical order, with the memory each will need asked for ahead.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/store_internal.h"

enum { PREFETCH_AHEAD = 12 };

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

/* Asks for the memory that an event will need, some events ahead. */
static void prefetch_event(const struct store *store, const struct held_event *event)
{
    static const enum level levels[] = {LEVEL_PAGE, LEVEL_BOX, LEVEL_PLACEMENT};
    uint64_t page_hash = event->page->hash;
    uint64_t box_hash = event->box == NULL ? 0 : event->box->hash;

    if (event->print != 0) {
        ids_prefetch(&store->ids, event->ts_ms, event->print);
    }
    if (event->visitor == 0) {
        return;
    }
    people_prefetch(&store->people,
                    store_pair(event->visitor, keys_hash(LEVEL_SITE, 0, 0), LEVEL_SITE));
    for (size_t i = 0; i < (event->box == NULL ? 1 : sizeof levels / sizeof levels[0]); i++) {
        uint64_t hash = keys_hash(levels[i], levels[i] == LEVEL_BOX ? 0 : page_hash,
                                  levels[i] == LEVEL_PAGE ? 0 : box_hash);

        people_prefetch(&store->people, store_pair(event->visitor, hash, levels[i]));
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
        if (step->next_event + PREFETCH_AHEAD < step->sorted_count) {
            prefetch_event(store,
                           &bucket->events[store->sorted[step->next_event + PREFETCH_AHEAD]]);
        }
        if (store_take(store, &bucket->events[store->sorted[step->next_event]]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        step->next_event++;
    }
    return CTR_OK;
}
