/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/partitions.h"

#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/status.h"

const char *partition_state_name(enum partition_state state)
{
    static const char *const names[PARTITION_STATE_COUNT] = {
        [PARTITION_READING] = "reading",   [PARTITION_STARTING] = "starting",
        [PARTITION_AT_END] = "at_end",     [PARTITION_HELD] = "held",
        [PARTITION_BLOCKED] = "blocked",   [PARTITION_STALLED] = "stalled",
        [PARTITION_GONE] = "gone",         [PARTITION_REFUSED] = "refused",
        [PARTITION_DAMAGED] = "damaged",   [PARTITION_GAP] = "gap",
        [PARTITION_REPLACED] = "replaced", [PARTITION_TRUNCATED] = "truncated",
    };

    CTR_ASSERT(state < PARTITION_STATE_COUNT);
    return names[state];
}

const char *partition_state_reason(enum partition_state state)
{
    static const char *const reasons[PARTITION_STATE_COUNT] = {
        [PARTITION_STARTING] = "where to begin is being looked up",
        [PARTITION_HELD] = "it is ahead of other partitions and waits for them",
        [PARTITION_BLOCKED] = "a producer's open transaction hides what comes after it; abort it "
                              "(kafka-transactions.sh) or wait for its timeout",
        [PARTITION_STALLED] = "there is a backlog and nothing comes; the connection is made anew",
        [PARTITION_GONE] = "the brokers do not know it; make the topic again, or take it out of "
                           "topics and move data_dir away",
        [PARTITION_REFUSED] = "the brokers do not allow reading it; give the user the right Read",
        [PARTITION_DAMAGED] = "a batch cannot be read (checksum or compression); restore it, or "
                              "set gap = continue to count it as lost",
        [PARTITION_GAP] = "records were deleted before they were read; set gap = continue to go "
                          "on without them",
        [PARTITION_REPLACED] =
            "this is another log than the one that was read; restore that, set log_changed = "
            "restart to read this one from its beginning, or move data_dir away",
        [PARTITION_TRUNCATED] =
            "the log ends before the position; restore it, set log_changed = restart to read it "
            "from its beginning, or move data_dir away",
    };

    CTR_ASSERT(state < PARTITION_STATE_COUNT);
    return reasons[state];
}

enum partition_state partition_state(const struct partition *partition)
{
    if (partition->trouble != PARTITION_READING) {
        return partition->trouble;
    }
    if (!partition->started) {
        return PARTITION_STARTING;
    }
    if (partition->held) {
        return PARTITION_HELD;
    }
    return partition->at_end ? PARTITION_AT_END : PARTITION_READING;
}

uint64_t partition_lost(const struct partition *partition)
{
    int64_t next = partition_next(partition);

    if (partition->trouble == PARTITION_GAP && partition->gap_to > next) {
        return partition->lost + (uint64_t)(partition->gap_to - next);
    }
    return partition->lost;
}

struct record_print record_print_of(const uint64_t *secret, int64_t offset, int64_t time_ms,
                                    struct text key, struct text value)
{
    uint64_t keyed = hash_id(secret, key.bytes, key.length);

    return (struct record_print){
        .offset = offset,
        .time_ms = time_ms,
        .hash = hash_mix(hash_id(secret, value.bytes, value.length), keyed, key.length)};
}

uint64_t partition_malformed(const struct partition_counts *counts)
{
    uint64_t sum = 0;

    for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
        sum += counts->malformed[reason];
    }
    return sum;
}

/* Of another log, the one before may lie anywhere. */
static void join(struct interval *into, const struct interval *other)
{
    into->first = other->first < into->first ? other->first : into->first;
    into->next = other->next > into->next ? other->next : into->next;
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
        partition->lost += (uint64_t)(offset - next);
    }
    if (offset < next) {
        partition->print = (struct record_print){.offset = -1};
        partition->end = -1;
        partition->pending_ms = MOMENT_NONE;
        partition->log_changes++;
    }
    if (partition->intervals_count == PARTITION_INTERVALS_MAX) {
        /* The oldest two become one: the list stays bounded, `lost` keeps the number. */
        join(&partition->intervals[1], &partition->intervals[0]);
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
