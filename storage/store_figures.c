/* SPDX-License-Identifier: Apache-2.0
 *
 * All that is told about one key in one window, from the one picture that readers see.
 */
#include "storage/moment.h"
#include "storage/store_internal.h"

static bool any(const struct totals *totals)
{
    return totals->impressions > 0 || totals->clicks > 0;
}

static void people_figures(const struct store *store, size_t window, uint32_t kid,
                           struct figures *figures)
{
    int64_t from_ms = store->published.from_ms[window];

    if (window >= store->people_windows.count) {
        figures->people = PEOPLE_BEYOND_HORIZON;
    } else if (kid != KEY_NONE && keys_at(&store->keys, kid)->people_short_s != MOMENT_NONE &&
               keys_at(&store->keys, kid)->people_short_s * 1000 >= from_ms) {
        figures->people = PEOPLE_OVER_LIMIT;
    } else if (kid != KEY_NONE) {
        figures->crowd = keys_crowds(&store->keys, kid)[window];
    }
}

/* The level above: the site for pages and boxes, the box for placements. */
static void prior_figures(const struct store *store, struct prior_memo *memo, size_t window,
                          enum level level, const struct name *box, struct figures *figures)
{
    const struct totals *above = &keys_totals(&store->keys, keys_reserved(LEVEL_SITE))[window];

    if (level == LEVEL_SITE) {
        return;
    }
    if (level == LEVEL_PLACEMENT) {
        if (box == NULL || box->box_key == KEY_NONE) {
            return;
        }
        above = &keys_totals(&store->keys, box->box_key)[window];
    }
    if (above->impressions == 0 || above->clicks > above->impressions) {
        return;
    }
    if (!memo->known || memo->level != level || memo->box != box) {
        struct spread spread = keys_spread(&store->keys, level, box, window);

        *memo = (struct prior_memo){
            .known = true, .level = level, .box = box, .weight = spread_weight(&spread)};
    }
    figures->has_prior = true;
    figures->prior_ctr = (double)above->clicks / (double)above->impressions;
    figures->prior_weight = memo->weight;
}

void store_figures(const struct store *store, struct prior_memo *memo, size_t window, uint32_t kid,
                   struct figures *ret_figures)
{
    const struct key *key = keys_at(&store->keys, kid);

    *ret_figures = (struct figures){.totals = keys_totals(&store->keys, kid)[window]};
    people_figures(store, window, kid, ret_figures);
    prior_figures(store, memo, window, (enum level)key->level,
                  key->level == LEVEL_PLACEMENT ? key->box : NULL, ret_figures);
    ret_figures->folded =
        kid != keys_reserved(LEVEL_SITE) && !any(&ret_figures->totals) &&
        any(&keys_totals(&store->keys, keys_reserved((enum level)key->level))[window]);
}

void store_unknown_figures(const struct store *store, struct prior_memo *memo, size_t window,
                           const struct key_name *name, uint64_t box_hash,
                           struct figures *ret_figures)
{
    enum level level = keys_level(name);
    const struct key_name box_alone = {.box = name->box};
    uint32_t box =
        level == LEVEL_PLACEMENT ? keys_find_text(&store->keys, &box_alone, 0, box_hash) : KEY_NONE;

    *ret_figures =
        (struct figures){.folded = any(&keys_totals(&store->keys, keys_reserved(level))[window])};
    people_figures(store, window, KEY_NONE, ret_figures);
    prior_figures(store, memo, window, level,
                  box == KEY_NONE ? NULL : keys_at(&store->keys, box)->box, ret_figures);
}
