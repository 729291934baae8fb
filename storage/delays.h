/* SPDX-License-Identifier: Apache-2.0
 *
 * How long events are on their way, as histograms: from which an operator chooses `settle` (the
 * second one) and `lateness`, `dedup_horizon` and `late` (the first one). Since the start of the
 * process. Plain values. Thread: any.
 */
#ifndef LIVECTR_STORAGE_DELAYS_H
#define LIVECTR_STORAGE_DELAYS_H

#include <stdint.h>

/* Upper bounds in ms, both ends included; the last bucket has none. */
#define DELAY_BOUNDS                                                                               \
    {                                                                                              \
        0, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 120000, 300000, 600000,       \
            3600000, 21600000, 86400000, 172800000                                                 \
    }
enum { DELAY_BUCKETS = 19 };

struct delay_histogram {
    uint64_t counts[DELAY_BUCKETS];
    uint64_t count;
    int64_t sum_ms;
};

/* Event time to record time; record time to read; record time to counted in an answer. The last two
 * only with clock = wall. Of accepted records. */
struct delays {
    struct delay_histogram recorded, read, applied;
};

void delays_add(struct delay_histogram *histogram, int64_t delay_ms);

/* The upper bound of a bucket; INT64_MAX for the last one. */
int64_t delays_bound_ms(unsigned bucket);

/* The bound under which `share` (0 to 1) of the delays lie; -1 without any. */
int64_t delays_quantile_ms(const struct delay_histogram *histogram, double share);

#endif
