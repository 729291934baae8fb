/* SPDX-License-Identifier: Apache-2.0
 *
 * How far as_of may go: the least clock over all partitions.
 */
#include "storage/moment.h"
#include "storage/store_internal.h"

static int64_t min_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms < right_ms ? left_ms : right_ms;
}

static int64_t max_of(int64_t left_ms, int64_t right_ms)
{
    return left_ms > right_ms ? left_ms : right_ms;
}

/* Where one partition stands; MOMENT_NONE: not known, INT64_MAX: it holds nothing back. */
static int64_t partition_clock(const struct store *store, const struct partition *partition,
                               int64_t now_ms)
{
    if (!partition->started) {
        return MOMENT_NONE;
    }
    if (store->options.clock == CLOCK_EVENT) {
        return partition->at_end ? INT64_MAX : partition->arrival_ms;
    }
    return max_of(partition->confirmed_ms, min_of(partition->arrival_ms, now_ms));
}

/* In event mode, with everything read: the end of the slice of the largest event time. */
static int64_t event_end(const struct store *store)
{
    int64_t last_ms = MOMENT_NONE;

    for (size_t i = 0; i < store->partitions_count; i++) {
        last_ms = max_of(last_ms, store->partitions[i].arrival_ms);
    }
    return last_ms == MOMENT_NONE ? MOMENT_NONE
                                  : moment_floor(last_ms, SLICE_BASE_MS) + SLICE_BASE_MS;
}

void store_move_as_of(struct store *store, int64_t now_ms)
{
    int64_t least_ms = INT64_MAX;
    bool at_end = store->partitions_count > 0;

    for (size_t i = 0; i < store->partitions_count; i++) {
        const struct partition *partition = &store->partitions[i];

        least_ms = min_of(least_ms, partition_clock(store, partition, now_ms));
        at_end = at_end && partition->started && partition->at_end;
    }
    store->at_end = at_end;
    store->caught_up_once = store->caught_up_once || at_end;
    store->lead_ms = least_ms == INT64_MAX ? MOMENT_NONE : least_ms;
    if (store->options.clock == CLOCK_EVENT && at_end) {
        least_ms = event_end(store);
    }
    if (least_ms != MOMENT_NONE && least_ms != INT64_MAX) {
        store->as_of_ms = max_of(store->as_of_ms, least_ms - store->options.settle_ms);
    }
}

bool store_partition_leads(const struct store *store, uint32_t index)
{
    const struct partition *partition = &store->partitions[index];

    if (!partition->started || store->lead_ms == MOMENT_NONE) {
        return true;
    }
    return partition_clock(store, partition, INT64_MAX) <= store->lead_ms + SLICE_BASE_MS;
}
