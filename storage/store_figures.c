/* SPDX-License-Identifier: Apache-2.0
 *
 * All that is told about one key in one window, from the one picture that readers see.
 */
#include "storage/moment.h"
#include "storage/prefetch.h"
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
    } else if (store->options.provisional && store->published.progress.covered_from_ms > from_ms) {
        figures->people = PEOPLE_NOT_COVERED;
    } else if (kid != KEY_NONE && *keys_short_s(&store->keys, kid) != MOMENT_NONE &&
               *keys_short_s(&store->keys, kid) * 1000 >= from_ms) {
        figures->people = PEOPLE_OVER_LIMIT;
    } else if (kid != KEY_NONE) {
        figures->crowd = keys_crowds(&store->keys, kid)[window];
    }
}

/* ---- the weight of a placement's prior --------------------------------------------------------
 *
 * Learned from all placements of the box: thousands of keys for a box that is on every page. So it
 * is remembered until counts change. Under the lock, also where the store is const. */

static struct prior_known *place_of(const struct store *store, size_t window,
                                    const struct name *box)
{
    size_t place = (box->box_key * (size_t)WINDOWS_MAX + window) % PRIORS_KNOWN;

    return (struct prior_known *)(uintptr_t)&store->priors[place];
}

static bool is_known(const struct store *store, size_t window, const struct name *box)
{
    const struct prior_known *known = place_of(store, window, box);
    uint64_t revision = store->published.progress.revision;

    return revision != 0 && known->revision == revision && known->box_kid == box->box_key &&
           known->window == window;
}

static void remember(const struct store *store, size_t window, const struct name *box,
                     const struct spread *spread)
{
    *place_of(store, window, box) =
        (struct prior_known){.revision = store->published.progress.revision,
                             .box_kid = box->box_key,
                             .window = (uint32_t)window,
                             .weight = spread_weight(spread)};
}

static double placement_weight(const struct store *store, size_t window, const struct name *box)
{
    if (!is_known(store, window, box)) {
        struct spread spread = keys_spread(&store->keys, LEVEL_PLACEMENT, box, window);

        remember(store, window, box, &spread);
    }
    return place_of(store, window, box)->weight;
}

void prior_lesson_add(struct prior_lesson *lesson, const struct store *store, size_t window,
                      const struct name *box)
{
    for (size_t i = 0; i < lesson->count; i++) {
        if (lesson->boxes[i] == box) {
            return;
        }
    }
    if (box->box_key == KEY_NONE || is_known(store, window, box)) {
        return;
    }
    lesson->boxes[lesson->count++] = box;
    if (lesson->count == PRIOR_LESSON_BOXES) {
        prior_lesson_learn(lesson, store, window);
    }
}

void prior_lesson_learn(struct prior_lesson *lesson, const struct store *store, size_t window)
{
    const struct keys *keys = &store->keys;
    struct spread spreads[PRIOR_LESSON_BOXES] = {{0}};
    uint32_t kids[PRIOR_LESSON_BOXES];
    bool more = lesson->count > 0;

    for (size_t i = 0; i < lesson->count; i++) {
        kids[i] = lesson->boxes[i]->pages;
    }
    while (more) {
        more = false;
        for (size_t i = 0; i < lesson->count; i++) {
            uint32_t kid = kids[i];

            if (kid == KEY_NONE) {
                continue;
            }
            kids[i] = keys_links(keys, kid)->of_box.next;
            if (kids[i] != KEY_NONE) {
                more = true;
                prefetch(&keys_links(keys, kids[i])->of_box);
                prefetch(&keys_totals(keys, kids[i])[window]);
            }
            spread_add(&spreads[i], keys_totals(keys, kid)[window].impressions,
                       keys_totals(keys, kid)[window].clicks);
        }
    }
    for (size_t i = 0; i < lesson->count; i++) {
        remember(store, window, lesson->boxes[i], &spreads[i]);
    }
    lesson->count = 0;
}

static double sibling_weight(const struct store *store, size_t window, enum level level)
{
    struct spread spread = keys_spread(&store->keys, level, NULL, window);

    return spread_weight(&spread);
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
        *memo = (struct prior_memo){.known = true,
                                    .level = level,
                                    .box = box,
                                    .weight = level == LEVEL_PLACEMENT
                                                  ? placement_weight(store, window, box)
                                                  : sibling_weight(store, window, level)};
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
