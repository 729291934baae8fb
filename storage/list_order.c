/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/list_order.h"

#include <string.h>

static struct text text_of_name(const struct name *name)
{
    return name == NULL ? (struct text){0} : (struct text){name->bytes, name->length};
}

/* a/b against c/d without a division: the products of 64-bit counts need more than 64 bits. */
static int compare_ratio(const struct totals *left, const struct totals *right)
{
    __extension__ typedef unsigned __int128 wide;
    wide left_side = (wide)left->clicks * right->impressions;
    wide right_side = (wide)right->clicks * left->impressions;

    if (left->impressions == 0 || right->impressions == 0) {
        return (left->impressions > 0) - (right->impressions > 0);
    }
    return (left_side > right_side) - (left_side < right_side);
}

static struct list_place place_of(const struct selection *selection,
                                  const struct candidate *candidate)
{
    const struct key *key = keys_at(&selection->store->keys, candidate->kid);

    return (struct list_place){.totals = candidate->totals,
                               .value = candidate->value,
                               .page = text_of_name(key->page),
                               .box = text_of_name(key->box)};
}

/* Negative: left stands before right in the list. */
static int compare_places(enum list_sort sort, const struct list_place *left,
                          const struct list_place *right)
{
    const struct totals *a = &left->totals;
    const struct totals *b = &right->totals;
    int order = 0;

    switch (sort) {
    case LIST_BY_IMPRESSIONS:
        order = (b->impressions > a->impressions) - (b->impressions < a->impressions);
        break;
    case LIST_BY_CLICKS:
        order = (b->clicks > a->clicks) - (b->clicks < a->clicks);
        break;
    case LIST_BY_CTR:
        order = compare_ratio(b, a);
        break;
    case LIST_BY_CTR_LOW:
    case LIST_BY_SMOOTHED_CTR:
    case LIST_BY_UNIQUE_CTR:
    case LIST_BY_RISE:
    case LIST_BY_FALL:
        order = (right->value > left->value) - (right->value < left->value);
        break;
    case LIST_BY_ID:
        break;
    }
    if (order == 0) {
        order = text_compare(left->page, right->page);
    }
    return order != 0 ? order : text_compare(left->box, right->box);
}

static int compare(const struct selection *selection, const struct candidate *left,
                   const struct candidate *right)
{
    struct list_place left_place = place_of(selection, left);
    struct list_place right_place = place_of(selection, right);

    return compare_places(selection->query->sort, &left_place, &right_place);
}

/* ---- what is compared ---------------------------------------------------------------------- */

struct prior_memo *selection_memo(const struct selection *selection, const struct key *key)
{
    size_t at = key->level == LEVEL_PLACEMENT && key->box != NULL ? key->box->box_key : 0;

    return &selection->memos[at & selection->memos_mask];
}

struct rate_difference selection_difference(const struct selection *selection, uint32_t kid,
                                            struct totals *ret_before)
{
    const struct totals *totals = keys_totals(&selection->store->keys, kid);
    const struct totals *now = &totals[selection->query->window];
    const struct totals *wider = &totals[selection->query->wider];
    struct rate first = rate_of(now->impressions, now->clicks);
    struct rate second;

    *ret_before = (struct totals){.impressions = wider->impressions - now->impressions,
                                  .clicks = wider->clicks - now->clicks};
    second = rate_of(ret_before->impressions, ret_before->clicks);
    return rate_difference_of(&first, &second);
}

static double smoothed_or_unique(const struct selection *selection, uint32_t kid)
{
    const struct key *key = keys_at(&selection->store->keys, kid);
    struct figures figures;
    const struct totals *totals = &figures.totals;

    store_figures(selection->store, selection_memo(selection, key), selection->query->window, kid,
                  &figures);
    if (selection->query->sort == LIST_BY_UNIQUE_CTR) {
        return figures.people != PEOPLE_KNOWN || figures.crowd.viewers == 0
                   ? -1
                   : (double)figures.crowd.clickers / (double)figures.crowd.viewers;
    }
    if (!figures.has_prior || totals->impressions == 0 || totals->clicks > totals->impressions) {
        return -1;
    }
    return rate_smoothed(totals->impressions, totals->clicks, figures.prior_ctr,
                         figures.prior_weight);
}

/* Fills candidate->value. False: it does not belong into the list. */
static bool value(struct selection *selection, struct candidate *candidate)
{
    struct totals before;
    struct rate_difference difference;
    struct rate rate;

    switch (selection->query->sort) {
    case LIST_BY_CTR_LOW:
        rate = rate_of(candidate->totals.impressions, candidate->totals.clicks);
        candidate->value = rate.has_interval ? rate.low : -1;
        return true;
    case LIST_BY_SMOOTHED_CTR:
    case LIST_BY_UNIQUE_CTR:
        candidate->value = smoothed_or_unique(selection, candidate->kid);
        return true;
    case LIST_BY_RISE:
    case LIST_BY_FALL:
        difference = selection_difference(selection, candidate->kid, &before);
        selection->compared += difference.known;
        candidate->value =
            selection->query->sort == LIST_BY_RISE ? difference.low : -difference.high;
        return difference.known && candidate->value > 0;
    case LIST_BY_IMPRESSIONS:
    case LIST_BY_CLICKS:
    case LIST_BY_CTR:
    case LIST_BY_ID:
        break;
    }
    return true;
}

/* ---- the heap ------------------------------------------------------------------------------ */

static void sift_down(struct selection *selection, size_t at)
{
    struct candidate *heap = selection->heap;

    for (;;) {
        size_t worst = at;

        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < selection->count && compare(selection, &heap[child], &heap[worst]) > 0) {
                worst = child;
            }
        }
        if (worst == at) {
            return;
        }
        struct candidate moved = heap[at];
        heap[at] = heap[worst];
        heap[worst] = moved;
        at = worst;
    }
}

static void sift_up(struct selection *selection, size_t at)
{
    struct candidate *heap = selection->heap;

    while (at > 0 && compare(selection, &heap[at], &heap[(at - 1) / 2]) > 0) {
        struct candidate moved = heap[at];

        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

static bool begins_with(const struct name *name, struct text prefix)
{
    return prefix.length == 0 || (name != NULL && name->length >= prefix.length &&
                                  memcmp(name->bytes, prefix.bytes, prefix.length) == 0);
}

static bool matches(const struct selection *selection, const struct candidate *candidate)
{
    const struct list_query *query = selection->query;
    const struct key *key = keys_at(&selection->store->keys, candidate->kid);

    return (candidate->totals.impressions > 0 || candidate->totals.clicks > 0) &&
           candidate->totals.impressions >= query->impressions_min &&
           begins_with(query->level == LEVEL_PAGE ? key->page : key->box, query->prefix);
}

/* Whether there is no need to know its number: a rate's lower bound is at most the rate (rate_of),
 * and the worst of the rows that are kept is above that. Saves a square root and three divisions
 * for nearly every key of a large level. */
static bool is_hopeless(const struct selection *selection, const struct candidate *candidate)
{
    const struct list_query *query = selection->query;

    return query->sort == LIST_BY_CTR_LOW && selection->count == query->limit &&
           (double)candidate->totals.clicks / (double)candidate->totals.impressions <
               selection->heap[0].value;
}

void selection_consider(struct selection *selection, uint32_t kid)
{
    const struct list_query *query = selection->query;
    struct candidate candidate = {
        .kid = kid, .totals = keys_totals(&selection->store->keys, kid)[query->window]};

    if (!matches(selection, &candidate)) {
        return;
    }
    if (!query->has_after && is_hopeless(selection, &candidate)) {
        selection->total++;
        selection->behind++;
        return;
    }
    if (!value(selection, &candidate)) {
        return;
    }
    selection->total++;
    if (query->has_after) {
        struct list_place place = place_of(selection, &candidate);

        if (compare_places(query->sort, &place, &query->after) <= 0) {
            return;
        }
    }
    selection->behind++;
    if (selection->count < query->limit) {
        selection->heap[selection->count++] = candidate;
        sift_up(selection, selection->count - 1);
    } else if (compare(selection, &candidate, &selection->heap[0]) < 0) {
        selection->heap[0] = candidate;
        sift_down(selection, 0);
    }
}

/* Takes the heap apart from its worst row on: in place this leaves the best first. */
void selection_sort(struct selection *selection)
{
    size_t count = selection->count;

    while (selection->count > 1) {
        struct candidate worst = selection->heap[0];

        selection->count--;
        selection->heap[0] = selection->heap[selection->count];
        selection->heap[selection->count] = worst;
        sift_down(selection, 0);
    }
    selection->count = count;
}
