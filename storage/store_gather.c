/* SPDX-License-Identifier: Apache-2.0
 *
 * One bucket of held records, gathered into one cell per key and slice: which keys an event counts
 * for, and whether each of them has a row of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

void batch_done(struct batch *batch)
{
    for (size_t i = 0; i < batch->capacity; i++) {
        free(batch->lists[i].cells);
    }
    free(batch->lists);
    memset(batch, 0, sizeof *batch);
}

/* The list of this slice; lists and their cells are kept from step to step. */
static enum ctr_status batch_list(struct store *store, int64_t start_ms,
                                  struct batch_list **ret_list)
{
    struct batch *batch = &store->batch;

    if (batch->last < batch->count && batch->lists[batch->last].start_ms == start_ms) {
        *ret_list = &batch->lists[batch->last];
        return CTR_OK;
    }
    for (batch->last = 0; batch->last < batch->count; batch->last++) {
        if (batch->lists[batch->last].start_ms == start_ms) {
            *ret_list = &batch->lists[batch->last];
            return CTR_OK;
        }
    }
    if (batch->count == batch->capacity) {
        size_t capacity = batch->capacity == 0 ? 16 : batch->capacity * 2;
        struct batch_list *lists = realloc(batch->lists, capacity * sizeof *lists);

        if (lists == NULL) {
            return CTR_NO_MEMORY;
        }
        memset(&lists[batch->capacity], 0, (capacity - batch->capacity) * sizeof *lists);
        batch->lists = lists;
        batch->capacity = capacity;
    }
    *ret_list = &batch->lists[batch->count++];
    (*ret_list)->start_ms = start_ms;
    (*ret_list)->mark = store->slices.next_mark++;
    (*ret_list)->count = 0;
    return CTR_OK;
}

static enum ctr_status batch_cell(struct store *store, struct batch_list *list, uint32_t kid,
                                  struct cell **ret_cell)
{
    struct key *key = keys_at(&store->keys, kid);

    if (key->mark != list->mark) {
        if (list->count == list->capacity) {
            size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
            struct cell *cells = realloc(list->cells, capacity * sizeof *cells);

            if (cells == NULL) {
                return CTR_NO_MEMORY;
            }
            list->cells = cells;
            list->capacity = capacity;
        }
        key->mark = list->mark;
        key->mark_at = (uint32_t)list->count;
        list->cells[list->count++] = (struct cell){.key = kid};
    }
    *ret_cell = &list->cells[key->mark_at];
    return CTR_OK;
}

/* The key of an event at one level: its own, a new one, or the level's `other` at the limit. */
static enum ctr_status admit(struct store *store, enum level level, const struct held_event *event,
                             uint32_t *ret_kid)
{
    struct name *page = level == LEVEL_BOX ? NULL : event->page;
    struct name *box = level == LEVEL_PAGE ? NULL : event->box;
    enum ctr_status status = CTR_OK;

    *ret_kid = keys_find(&store->keys, level, page, box);
    if (*ret_kid != KEY_NONE) {
        return CTR_OK;
    }
    if (keys_full(&store->keys)) {
        store->batch.folded++;
        *ret_kid = keys_reserved(level);
        return CTR_OK;
    }
    store_lock(store);
    status = keys_reserve(&store->keys);
    if (status == CTR_OK) {
        *ret_kid = keys_add(&store->keys, level, page, box, KEY_NONE);
        for (int i = 0; i < 2; i++) {
            struct name *name = i == 0 ? page : box;

            if (name != NULL) {
                name->users++;
            }
        }
    }
    store_unlock(store);
    return status;
}

/* DESIGN "Levels", CONTRACT 12. */
static bool counts_at(const struct store *store, const struct held_event *event, enum level level)
{
    bool box_view = event->type == EVENT_VIEW && event->box != NULL;

    switch (level) {
    case LEVEL_SITE:
    case LEVEL_PAGE:
        return !box_view || store->options.page_impressions == PAGE_IMPRESSIONS_BOX_VIEWS;
    case LEVEL_BOX:
    case LEVEL_PLACEMENT:
        return event->box != NULL;
    case LEVEL_COUNT:
    default:
        return false;
    }
}

static enum ctr_status gather_level(struct store *store, const struct held_event *event,
                                    enum level level, struct batch_list *list)
{
    struct cell *cell = NULL;
    uint32_t kid = keys_reserved(LEVEL_SITE);
    bool counts = counts_at(store, event, level);

    /* A page has a key as soon as one of its boxes was seen, for the list of its boxes. */
    if (!counts && level != LEVEL_PAGE) {
        return CTR_OK;
    }
    if (level != LEVEL_SITE && admit(store, level, event, &kid) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (batch_cell(store, list, kid, &cell) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    cell->impressions += counts && event->type == EVENT_VIEW ? 1 : 0;
    cell->clicks += counts && event->type == EVENT_CLICK ? 1 : 0;
    return CTR_OK;
}

static enum ctr_status gather_event(struct store *store, const struct held_event *event)
{
    int64_t start_ms = slices_start_of(&store->slices, event->ts_ms);
    struct batch_list *list = NULL;

    if (start_ms == MOMENT_NONE) {
        return CTR_OK; /* older than every window: counted, but part of no answer from memory */
    }
    if (batch_list(store, start_ms, &list) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (gather_level(store, event, level, list) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

/* Indexes of the bucket's events by topic, partition number and offset: a counting sort, since
 * within one partition they stand in order already. */
static enum ctr_status sort_bucket(struct store *store, const struct held_bucket *bucket)
{
    size_t starts[PARTITIONS_MAX + 1] = {0};
    size_t start = 0;

    if (bucket->count > store->sorted_capacity) {
        size_t capacity = bucket->count * 2;
        uint32_t *sorted = realloc(store->sorted, capacity * sizeof *sorted);

        if (sorted == NULL) {
            return CTR_NO_MEMORY;
        }
        store->sorted = sorted;
        store->sorted_capacity = capacity;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        starts[bucket->events[i].partition]++;
    }
    for (size_t rank = 0; rank < store->partitions_count; rank++) {
        size_t *at = &starts[store->order[rank]];
        size_t count = *at;

        *at = start;
        start += count;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        store->sorted[starts[bucket->events[i].partition]++] = (uint32_t)i;
    }
    return CTR_OK;
}

enum ctr_status store_gather(struct store *store, const struct held_bucket *bucket)
{
    store->batch.count = 0;
    store->batch.folded = 0;
    if (sort_bucket(store, bucket) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < bucket->count; i++) {
        if (gather_event(store, &bucket->events[store->sorted[i]]) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}
