/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/delays.h"

static const int64_t bounds_ms[] = DELAY_BOUNDS;
_Static_assert(sizeof bounds_ms / sizeof bounds_ms[0] + 1 == DELAY_BUCKETS, "one bound a bucket");

int64_t delays_bound_ms(unsigned bucket)
{
    return bucket + 1 < DELAY_BUCKETS ? bounds_ms[bucket] : INT64_MAX;
}

/* Between a power of two and the next one lies at most one bound. So the number of bits of a delay
 * says its bucket, or the one before: that of the least delay of so many bits. */
enum { BITS_MAX = 28 };
static const uint8_t bucket_of_bits[BITS_MAX + 1] = {0,  1,  1,  1,  1,  1,  1,  2,  3,  4,
                                                     5,  6,  6,  7,  8,  9,  10, 11, 12, 12,
                                                     13, 14, 14, 15, 15, 15, 16, 16, 17};

static unsigned bucket_of(int64_t delay_ms)
{
    unsigned bits = delay_ms <= 0 ? 0 : 64 - (unsigned)__builtin_clzll((uint64_t)delay_ms);
    unsigned bucket = 0;

    if (bits > BITS_MAX) {
        return DELAY_BUCKETS - 1;
    }
    bucket = bucket_of_bits[bits];
    return bucket + (delay_ms > bounds_ms[bucket] ? 1 : 0);
}

void delays_add(struct delay_histogram *histogram, int64_t delay_ms)
{
    histogram->counts[bucket_of(delay_ms)]++;
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
