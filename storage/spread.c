/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/spread.h"

#include <stdbool.h>

enum { SIBLINGS_MIN = 5 };

static bool takes_part(uint64_t impressions, uint64_t clicks)
{
    return impressions > 0 && clicks <= impressions;
}

/* floor(2^32 k^2 / n); nearly always all of it fits 64 bits, where a division is ten times faster.
 */
static spread_wide quotient(uint64_t impressions, uint64_t clicks)
{
    if (clicks < UINT64_C(1) << 16) {
        return (clicks * clicks << 32) / impressions;
    }
    return ((spread_wide)clicks * clicks << 32) / impressions;
}

void spread_add(struct spread *spread, uint64_t impressions, uint64_t clicks)
{
    if (takes_part(impressions, clicks)) {
        spread->siblings++;
        spread->impressions += impressions;
        spread->clicks += clicks;
        spread->squares += (spread_wide)impressions * impressions;
        spread->quotients += quotient(impressions, clicks);
    }
}

void spread_remove(struct spread *spread, uint64_t impressions, uint64_t clicks)
{
    if (takes_part(impressions, clicks)) {
        spread->siblings--;
        spread->impressions -= impressions;
        spread->clicks -= clicks;
        spread->squares -= (spread_wide)impressions * impressions;
        spread->quotients -= quotient(impressions, clicks);
    }
}

/* S of the definitions: sum of k^2/n less K^2/N. Both are taken in units of 2^-32 and subtracted as
 * integers, because they are nearly equal. */
static double squares_between(const struct spread *spread)
{
    spread_wide all = (spread_wide)spread->clicks * spread->clicks;
    spread_wide whole = all / spread->impressions;
    spread_wide rest = all % spread->impressions;
    spread_wide together = (whole << 32) + (rest << 32) / spread->impressions;
    double beyond = (double)((rest << 32) % spread->impressions) / (double)spread->impressions;
    /* Rounding each quotient down may leave their sum a little below. */
    double apart = spread->quotients >= together ? (double)(spread->quotients - together)
                                                 : -(double)(together - spread->quotients);

    return (apart - beyond) / 4294967296.0;
}

double spread_weight(const struct spread *spread)
{
    double siblings = (double)spread->siblings;
    double impressions = (double)spread->impressions;
    double ctr = (double)spread->clicks / impressions;
    double variance = ctr * (1 - ctr);
    double room = impressions - (double)spread->squares / impressions - (siblings - 1);
    double gamma = 0;
    double weight = 0;

    if (spread->siblings < SIBLINGS_MIN || spread->clicks == 0 ||
        spread->clicks == spread->impressions || room <= 0) {
        return SPREAD_WEIGHT_DEFAULT;
    }
    gamma = (squares_between(spread) - variance * (siblings - 1)) / (variance * room);
    if (gamma <= 0) {
        return SPREAD_WEIGHT_MAX;
    }
    weight = (1 - gamma) / gamma;
    if (weight < SPREAD_WEIGHT_MIN) {
        return SPREAD_WEIGHT_MIN;
    }
    return weight > SPREAD_WEIGHT_MAX ? SPREAD_WEIGHT_MAX : weight;
}
