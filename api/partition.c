/* SPDX-License-Identifier: Apache-2.0 */
#include "api/partition.h"

#include "storage/moment.h"

int64_t partition_lag(const struct partition *partition)
{
    int64_t next = partition_next(partition);

    if (next < 0 || partition->end < 0)
        return -1;
    return partition->end > next ? partition->end - next : 0;
}

int64_t partition_clock_ms(const struct partition *partition, const struct store_options *options,
                           int64_t now_ms)
{
    int64_t clock_ms = partition->arrival_ms;

    if (options->clock == CLOCK_EVENT)
        return clock_ms;
    if (clock_ms > now_ms)
        clock_ms = now_ms;
    if (partition->confirmed_ms > clock_ms)
        clock_ms = partition->confirmed_ms;
    return clock_ms == MOMENT_NONE ? MOMENT_NONE : clock_ms - options->settle_ms;
}
