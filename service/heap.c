/* SPDX-License-Identifier: Apache-2.0 */
#include "service/heap.h"

#include <stdlib.h>

void heap_init(struct heap *heap, size_t limit)
{
    *heap = (struct heap){.limit = limit};
}

void heap_done(struct heap *heap)
{
    free(heap->entries);
    *heap = (struct heap){0};
}

static bool before(const struct heap_entry *a, const struct heap_entry *b)
{
    if (a->time_ms != b->time_ms) {
        return a->time_ms < b->time_ms;
    }
    return a->order < b->order;
}

static enum ctr_status grow(struct heap *heap)
{
    size_t capacity = heap->capacity ? heap->capacity * 2 : 16;
    struct heap_entry *entries = realloc(heap->entries, capacity * sizeof *entries);

    if (!entries) {
        return CTR_NO_MEMORY;
    }
    heap->entries = entries;
    heap->capacity = capacity;
    return CTR_OK;
}

enum ctr_status heap_add(struct heap *heap, struct heap_entry entry)
{
    size_t i = heap->count;

    if (i == heap->limit) {
        return CTR_LIMIT;
    }
    if (i == heap->capacity && grow(heap) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    heap->count++;
    while (i > 0 && before(&entry, &heap->entries[(i - 1) / 2])) {
        heap->entries[i] = heap->entries[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->entries[i] = entry;
    return CTR_OK;
}

bool heap_peek(const struct heap *heap, struct heap_entry *ret_entry)
{
    if (heap->count == 0) {
        return false;
    }
    *ret_entry = heap->entries[0];
    return true;
}

bool heap_pop(struct heap *heap, struct heap_entry *ret_entry)
{
    size_t i = 0;
    struct heap_entry last;

    if (!heap_peek(heap, ret_entry)) {
        return false;
    }
    last = heap->entries[--heap->count];
    for (;;) {
        size_t child = 2 * i + 1;

        if (child >= heap->count) {
            break;
        }
        if (child + 1 < heap->count && before(&heap->entries[child + 1], &heap->entries[child])) {
            child++;
        }
        if (!before(&heap->entries[child], &last)) {
            break;
        }
        heap->entries[i] = heap->entries[child];
        i = child;
    }
    if (heap->count > 0) {
        heap->entries[i] = last;
    }
    return true;
}
