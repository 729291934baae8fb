/* SPDX-License-Identifier: Apache-2.0
 *
 * What is due next: a binary min-heap by (time, order). Equal times leave in the order of `order`,
 * so that a merge is the same on every run. Thread: one at a time.
 */
#ifndef LIVECTR_SERVICE_REPLAY_HEAP_H
#define LIVECTR_SERVICE_REPLAY_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

struct heap_entry {
    int64_t time_ms;
    uint64_t order;
    void *item; /* the caller's */
};

struct heap {
    struct heap_entry *entries;
    size_t count, capacity, limit;
};

/* At most `limit` entries; memory is taken as they come. */
void heap_init(struct heap *heap, size_t limit);
void heap_done(struct heap *heap); /* frees the entries, not the items */

/* O(log n). Errors: CTR_LIMIT, CTR_NO_MEMORY; the heap is as before. */
CTR_MUST_USE enum ctr_status heap_add(struct heap *heap, struct heap_entry entry);

/* The least entry, still in the heap; false when it is empty. O(1). */
bool heap_peek(const struct heap *heap, struct heap_entry *ret_entry);

/* Takes the least entry out; false when it is empty. O(log n). */
bool heap_pop(struct heap *heap, struct heap_entry *ret_entry);

#endif
