/* SPDX-License-Identifier: Apache-2.0
 *
 * The totals of a key, and what is known of its siblings in step with them.
 */
#include "storage/keys.h"

/* What is known of the siblings of a key, by window; NULL where it is nobody's sibling, or a
 * placement: those are few, and looked at when they are asked for. */
static struct spread *spreads_of(struct keys *keys, uint32_t kid)
{
    uint8_t level = keys_at(keys, kid)->level;

    return kid < LEVEL_COUNT || level == LEVEL_PLACEMENT ? NULL : keys->spreads[level == LEVEL_BOX];
}

void keys_add_counts(struct keys *keys, uint32_t kid, size_t first, size_t end, int64_t impressions,
                     int64_t clicks)
{
    struct totals *totals = keys_totals(keys, kid);
    struct spread *spreads = spreads_of(keys, kid);

    for (size_t w = first; w < end; w++) {
        struct totals before = totals[w];
        struct totals after = {.impressions = before.impressions + (uint64_t)impressions,
                               .clicks = before.clicks + (uint64_t)clicks};

        totals[w] = after;
        if (spreads != NULL) {
            spread_remove(&spreads[w], before.impressions, before.clicks);
            spread_add(&spreads[w], after.impressions, after.clicks);
        }
    }
}

void keys_note_short(const struct keys *keys, uint32_t kid, int64_t second_s)
{
    int64_t *short_s = keys_short_s(keys, kid);

    *short_s = second_s > *short_s ? second_s : *short_s;
}

struct spread keys_spread(const struct keys *keys, enum level level, const struct name *box,
                          size_t window)
{
    struct spread spread = {0};

    if (level == LEVEL_PAGE || level == LEVEL_BOX) {
        return keys->spreads[level == LEVEL_BOX][window];
    }
    for (uint32_t kid = box->pages; kid != KEY_NONE; kid = keys_links(keys, kid)->of_box.next) {
        const struct totals *totals = &keys_totals(keys, kid)[window];

        spread_add(&spread, totals->impressions, totals->clicks);
    }
    return spread;
}
