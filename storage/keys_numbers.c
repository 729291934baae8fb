/* SPDX-License-Identifier: Apache-2.0
 *
 * The totals of a key, and what is known of its siblings in step with them.
 */
#include "storage/keys.h"

void keys_add_counts(struct keys *keys, uint32_t kid, size_t window, int64_t impressions,
                     int64_t clicks)
{
    struct totals *totals = &keys_totals(keys, kid)[window];
    uint8_t level = keys_at(keys, kid)->level;
    bool sibling = kid >= LEVEL_COUNT && level != LEVEL_PLACEMENT;
    struct spread *spread = sibling ? &keys->spreads[level == LEVEL_BOX][window] : NULL;

    if (sibling) {
        spread_remove(spread, totals->impressions, totals->clicks);
    }
    totals->impressions += (uint64_t)impressions;
    totals->clicks += (uint64_t)clicks;
    if (sibling) {
        spread_add(spread, totals->impressions, totals->clicks);
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
