/* SPDX-License-Identifier: Apache-2.0
 *
 * How much the click-through rates of siblings differ, as sums from which the weight of a prior is
 * learned (docs/definitions.md "Rates"). The sums are integers, so they do not depend on the order
 * in which siblings were added, and taking one off leaves exactly what was there before. Thread:
 * any.
 */
#ifndef LIVECTR_STORAGE_SPREAD_H
#define LIVECTR_STORAGE_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 spread_wide;

struct spread {
    uint64_t siblings;
    uint64_t impressions, clicks;
    spread_wide squares;   /* of the impressions */
    spread_wide quotients; /* sum of floor(2^32 clicks^2 / impressions) */
};

#define SPREAD_WEIGHT_MIN     10.0
#define SPREAD_WEIGHT_MAX     10000.0
#define SPREAD_WEIGHT_DEFAULT 100.0 /* where there are too few siblings to learn from */

/* Those without impressions, or with more clicks than impressions, do not take part. */
static inline bool spread_takes_part(uint64_t impressions, uint64_t clicks)
{
    return impressions > 0 && clicks <= impressions;
}

/* floor(2^32 k^2 / n); most keys have no clicks in a short window, and nearly always all of it fits
 * 64 bits, where a division is ten times faster. */
static inline spread_wide spread_quotient(uint64_t impressions, uint64_t clicks)
{
    if (clicks == 0) {
        return 0;
    }
    if (clicks < UINT64_C(1) << 16) {
        return (clicks * clicks << 32) / impressions;
    }
    return ((spread_wide)clicks * clicks << 32) / impressions;
}

/* One sibling more, or less. Counts up to 2^40, and 2^46 of all siblings together: two million a
 * second for 400 days. */
static inline void spread_add(struct spread *spread, uint64_t impressions, uint64_t clicks)
{
    if (spread_takes_part(impressions, clicks)) {
        spread->siblings++;
        spread->impressions += impressions;
        spread->clicks += clicks;
        spread->squares += (spread_wide)impressions * impressions;
        spread->quotients += spread_quotient(impressions, clicks);
    }
}

static inline void spread_remove(struct spread *spread, uint64_t impressions, uint64_t clicks)
{
    if (spread_takes_part(impressions, clicks)) {
        spread->siblings--;
        spread->impressions -= impressions;
        spread->clicks -= clicks;
        spread->squares -= (spread_wide)impressions * impressions;
        spread->quotients -= spread_quotient(impressions, clicks);
    }
}

/* The weight in impressions, SPREAD_WEIGHT_MIN to SPREAD_WEIGHT_MAX: the method of moments of J. C.
 * Kleinman, "Proportions with extraneous variance: single and independent samples", J. Amer.
 * Statist. Assoc. 68 (1973), with weights w_i = n_i. */
double spread_weight(const struct spread *spread);

#endif
