/* SPDX-License-Identifier: Apache-2.0
 *
 * Formulas from counts to ratios. Pure. Thread: any.
 */
#ifndef LIVECTR_STORAGE_RATE_H
#define LIVECTR_STORAGE_RATE_H

#include <stdbool.h>
#include <stdint.h>

/* A click-through rate with its interval. Members are valid only where the flag beside them says
 * so: a ratio of nothing is null, never 0. */
struct rate {
    bool has_ctr;      /* impressions > 0 */
    bool has_interval; /* impressions > 0 and clicks <= impressions */
    bool enough;       /* the interval's half-width is at most RATE_ENOUGH of the ratio */
    double ctr;        /* clicks / impressions; may exceed 1, which is a fact about the stream */
    double low, high;  /* Wilson score interval, 95 %, no continuity correction */
};

#define RATE_ENOUGH 0.2

/* E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
 * J. Amer. Statist. Assoc. 22 (1927), with z = 1.959963984540054. */
struct rate rate_of(uint64_t impressions, uint64_t clicks);

/* The mean of the Beta distribution that a prior of this CTR and weight (in impressions) becomes
 * after these counts. impressions + prior_weight > 0. */
double rate_smoothed(uint64_t impressions, uint64_t clicks, double prior_ctr, double prior_weight);

/* By how much the first rate is above the second, with its 95 % interval. */
struct rate_difference {
    bool known; /* both have an interval */
    double difference, low, high;
};

/* R. G. Newcombe, "Interval estimation for the difference between independent proportions",
 * Statistics in Medicine 17 (1998), method 10: from the two Wilson intervals. */
struct rate_difference rate_difference_of(const struct rate *first, const struct rate *second);

#endif
