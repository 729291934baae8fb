/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

struct partition *store_partition(struct store *store, uint32_t index)
{
    CTR_ASSERT(index < store->partitions_count);
    return &store->partitions[index];
}

uint32_t store_partition_count(const struct store *store)
{
    return (uint32_t)store->partitions_count;
}

static bool comes_before(const struct partition *left, const struct partition *right)
{
    int topics = strcmp(left->topic, right->topic);

    return topics < 0 || (topics == 0 && left->number < right->number);
}

void store_order_partitions(struct store *store)
{
    for (size_t i = 0; i < store->partitions_count; i++) {
        size_t at = i;

        for (; at > 0 &&
               comes_before(&store->partitions[i], &store->partitions[store->order[at - 1]]);
             at--) {
            store->order[at] = store->order[at - 1];
        }
        store->order[at] = (uint32_t)i;
    }
}

enum ctr_status store_partition_add(struct store *store, const struct partition *partition,
                                    uint32_t *ret_index)
{
    if (store->partitions_count == PARTITIONS_MAX) {
        return CTR_LIMIT;
    }
    if (store->partitions_count == store->partitions_capacity) {
        size_t capacity = store->partitions_capacity == 0 ? 8 : store->partitions_capacity * 2;
        struct partition *partitions = realloc(store->partitions, capacity * sizeof *partitions);
        uint32_t *order = NULL;

        if (partitions == NULL) {
            return CTR_NO_MEMORY;
        }
        store->partitions = partitions;
        order = realloc(store->order, capacity * sizeof *order);
        if (order == NULL) {
            return CTR_NO_MEMORY;
        }
        store->order = order;
        store->partitions_capacity = capacity;
    }
    *ret_index = (uint32_t)store->partitions_count;
    store->partitions[store->partitions_count++] = *partition;
    store_order_partitions(store);
    return CTR_OK;
}

enum ctr_status store_partition_open(struct store *store, const char *topic, int32_t number,
                                     uint32_t *ret_index)
{
    struct partition fresh = {.number = number,
                              .end = -1,
                              .arrival_ms = MOMENT_NONE,
                              .confirmed_ms = MOMENT_NONE,
                              .alive_ms = MOMENT_NONE,
                              .pending_ms = MOMENT_NONE,
                              .print = {.offset = -1}};

    for (uint32_t i = 0; i < store->partitions_count; i++) {
        if (store->partitions[i].number == number &&
            strcmp(store->partitions[i].topic, topic) == 0) {
            *ret_index = i;
            return CTR_OK;
        }
    }
    if (snprintf(fresh.topic, sizeof fresh.topic, "%s", topic) >= (int)sizeof fresh.topic) {
        return CTR_LIMIT;
    }
    return store_partition_add(store, &fresh, ret_index);
}
