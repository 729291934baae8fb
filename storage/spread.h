/* SPDX-License-Identifier: Apache-2.0
 *
 * How much the click-through rates of siblings differ, as sums from which the weight of a prior is
 * learned (docs/definitions.md "Rates"). The sums are integers, so they do not depend on the order
 * in which siblings were added, and taking one off leaves exactly what was there before. Thread:
 * any.
 */
#ifndef LIVECTR_STORAGE_SPREAD_H
#define LIVECTR_STORAGE_SPREAD_H

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

/* One sibling more, or less. Those without impressions, or with more clicks than impressions, do
 * not take part. Counts up to 2^40, and 2^46 of all siblings together: two million a second for 400
 * days. */
void spread_add(struct spread *spread, uint64_t impressions, uint64_t clicks);
void spread_remove(struct spread *spread, uint64_t impressions, uint64_t clicks);

/* The weight in impressions, SPREAD_WEIGHT_MIN to SPREAD_WEIGHT_MAX: the method of moments of J. C.
 * Kleinman, "Proportions with extraneous variance: single and independent samples", J. Amer.
 * Statist. Assoc. 68 (1973), with weights w_i = n_i. */
double spread_weight(const struct spread *spread);

#endif
