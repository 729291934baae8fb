/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/spread.h"

enum { SIBLINGS_MIN = 5 };

__extension__ typedef __int128 spread_difference;

/* The numerator of gamma times N: N S - N p(1-p)(m-1). Both terms are nearly equal where siblings
 * are alike, so they are subtracted as integers, in units of 2^-32. */
static double excess(const struct spread *spread)
{
    spread_wide impressions = spread->impressions;
    spread_wide clicks = spread->clicks;
    spread_wide found = spread->quotients * impressions - (clicks * clicks << 32);
    spread_wide wanted = clicks * (impressions - clicks) * (spread->siblings - 1);
    spread_wide rest = wanted % impressions << 32;
    spread_wide whole = (wanted / impressions << 32) + rest / impressions;
    double fraction = (double)(rest % impressions) / (double)impressions;

    return ((double)(spread_difference)(found - whole) - fraction) / 4294967296.0;
}

double spread_weight(const struct spread *spread)
{
    spread_wide impressions = spread->impressions;
    spread_wide variance = (spread_wide)spread->clicks * (impressions - spread->clicks);
    spread_wide all = impressions * impressions;
    spread_wide taken = 0;
    double gamma = 0;
    double weight = 0;

    if (spread->siblings < SIBLINGS_MIN || variance == 0) {
        return SPREAD_WEIGHT_DEFAULT;
    }
    taken = spread->squares + (spread->siblings - 1) * impressions;
    if (all <= taken) {
        return SPREAD_WEIGHT_DEFAULT;
    }
    gamma = excess(spread) / (double)variance * (double)all / (double)(all - taken);
    if (gamma <= 0) {
        return SPREAD_WEIGHT_MAX;
    }
    weight = (1 - gamma) / gamma;
    if (weight < SPREAD_WEIGHT_MIN) {
        return SPREAD_WEIGHT_MIN;
    }
    return weight > SPREAD_WEIGHT_MAX ? SPREAD_WEIGHT_MAX : weight;
}
