/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/delays.h"

static const int64_t bounds_ms[] = DELAY_BOUNDS;
_Static_assert(sizeof bounds_ms / sizeof bounds_ms[0] + 1 == DELAY_BUCKETS, "one bound a bucket");

int64_t delays_bound_ms(unsigned bucket)
{
    return bucket + 1 < DELAY_BUCKETS ? bounds_ms[bucket] : INT64_MAX;
}

void delays_add(struct delay_histogram *histogram, int64_t delay_ms)
{
    unsigned bucket = 0;

    while (delay_ms > delays_bound_ms(bucket)) {
        bucket++;
    }
    histogram->counts[bucket]++;
    histogram->count++;
    histogram->sum_ms += delay_ms;
}

int64_t delays_quantile_ms(const struct delay_histogram *histogram, double share)
{
    uint64_t below = 0;

    if (histogram->count == 0) {
        return -1;
    }
    for (unsigned bucket = 0; bucket < DELAY_BUCKETS; bucket++) {
        below += histogram->counts[bucket];
        if ((double)below >= share * (double)histogram->count) {
            return delays_bound_ms(bucket);
        }
    }
    return INT64_MAX;
}
