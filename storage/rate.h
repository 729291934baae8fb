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
    double ctr;        /* clicks / impressions; may exceed 1, which is a fact about the stream */
    double low, high;  /* Wilson score interval, 95 %, no continuity correction */
};

/* E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
 * J. Amer. Statist. Assoc. 22 (1927), with z = 1.959963984540054. */
struct rate rate_of(uint64_t impressions, uint64_t clicks);

#endif
