/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/rate.h"

#include <math.h>

/* The 97.5th percentile of the standard normal distribution: 95 % two-sided. */
#define RATE_Z 1.959963984540054

struct rate rate_of(uint64_t impressions, uint64_t clicks)
{
    struct rate rate = {.has_ctr = impressions > 0};
    double n = (double)impressions;
    double z2 = RATE_Z * RATE_Z;

    if (!rate.has_ctr) {
        return rate;
    }
    rate.ctr = (double)clicks / n;
    rate.has_interval = clicks <= impressions;
    if (rate.has_interval) {
        double p = rate.ctr;
        double centre = p + z2 / (2 * n);
        double spread = RATE_Z * sqrt(p * (1 - p) / n + z2 / (4 * n * n));
        double scale = 1 + z2 / n;

        /* At the ends the exact bound is 0 or 1; rounding must not leave a negative zero, nor (with
         * counts beyond 2^52) a bound on the wrong side of the ratio or above 1. */
        rate.low = clicks == 0 ? 0.0 : fmin(p, (centre - spread) / scale);
        rate.high = clicks == impressions ? 1.0 : fmin(1.0, fmax(p, (centre + spread) / scale));
        rate.enough = clicks > 0 && (rate.high - rate.low) / 2 <= RATE_ENOUGH * p;
    }
    return rate;
}

double rate_smoothed(uint64_t impressions, uint64_t clicks, double prior_ctr, double prior_weight)
{
    return ((double)clicks + prior_ctr * prior_weight) / ((double)impressions + prior_weight);
}

struct rate_difference rate_difference_of(const struct rate *first, const struct rate *second)
{
    struct rate_difference found = {.known = first->has_interval && second->has_interval};

    if (found.known) {
        found.difference = first->ctr - second->ctr;
        found.low = found.difference - hypot(first->ctr - first->low, second->high - second->ctr);
        found.high = found.difference + hypot(first->high - first->ctr, second->ctr - second->low);
    }
    return found;
}
