/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/partitions.h"

#include <string.h>

#include "storage/moment.h"
#include "storage/status.h"

uint64_t partition_malformed(const struct partition_counts *counts)
{
    uint64_t sum = 0;

    for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
        sum += counts->malformed[reason];
    }
    return sum;
}

int64_t partition_next(const struct partition *partition)
{
    return partition->intervals_count == 0
               ? -1
               : partition->intervals[partition->intervals_count - 1].next;
}

void partition_start(struct partition *partition, int64_t offset, bool gap)
{
    int64_t next = partition_next(partition);
    size_t last = 0;

    partition->started = true;
    partition->at_end = false;
    if (next == offset) {
        return;
    }
    if (gap && next >= 0 && offset > next) {
        partition->gap_records += (uint64_t)(offset - next);
    }
    if (partition->intervals_count == PARTITION_INTERVALS_MAX) {
        /* The oldest two become one: the list stays bounded, gap_records keeps the number. */
        partition->intervals[1].first = partition->intervals[0].first;
        memmove(&partition->intervals[0], &partition->intervals[1],
                (PARTITION_INTERVALS_MAX - 1) * sizeof partition->intervals[0]);
        partition->intervals_count--;
    }
    last = partition->intervals_count++;
    partition->intervals[last] = (struct interval){.first = offset, .next = offset};
}

/* What was seen as the log's end is now reached: the moment it was seen is confirmed. */
static void confirm_pending(struct partition *partition)
{
    if (partition->pending_ms != MOMENT_NONE &&
        partition_next(partition) >= partition->pending_end) {
        if (partition->pending_ms > partition->confirmed_ms) {
            partition->confirmed_ms = partition->pending_ms;
        }
        partition->pending_ms = MOMENT_NONE;
    }
}

void partition_reach(struct partition *partition, int64_t next, int64_t now_ms)
{
    CTR_ASSERT(partition->intervals_count > 0);
    if (next > partition_next(partition)) {
        partition->intervals[partition->intervals_count - 1].next = next;
        partition->at_end = false;
    }
    if (now_ms > partition->alive_ms) {
        partition->alive_ms = now_ms;
    }
    if (next > partition->end) {
        partition->end = next;
    }
    confirm_pending(partition);
}

void partition_end(struct partition *partition, int64_t next, int64_t now_ms)
{
    partition_reach(partition, next, now_ms);
    partition->at_end = partition_next(partition) >= partition->end;
}

void partition_confirm(struct partition *partition, int64_t end, int64_t asked_ms)
{
    if (asked_ms > partition->alive_ms) {
        partition->alive_ms = asked_ms;
    }
    partition->end = end;
    if (partition_next(partition) >= end) {
        partition->at_end = true;
        if (asked_ms > partition->confirmed_ms) {
            partition->confirmed_ms = asked_ms;
        }
        partition->pending_ms = MOMENT_NONE;
        return;
    }
    partition->at_end = false;
    if (partition->pending_ms == MOMENT_NONE) {
        /* An older pending end is kept: it is reached first. */
        partition->pending_ms = asked_ms;
        partition->pending_end = end;
    }
}
