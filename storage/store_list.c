/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: the first rows of one level by a number, from one picture. The best `limit` rows are kept
 * in a heap whose root is the worst of them, so a pass over the keys costs little more than the
 * comparison with the root, and no memory is taken under the lock.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/listing.h"
#include "storage/store_internal.h"

struct candidate {
    uint32_t kid;
    struct totals totals;
};

struct selection {
    const struct store *store;
    const struct list_query *query;
    size_t total, count;
    struct candidate *heap; /* room for query->limit */
};

static int compare_names(const struct name *left, const struct name *right)
{
    if (left == NULL || right == NULL) {
        return (left != NULL) - (right != NULL);
    }
    return text_compare((struct text){left->bytes, left->length},
                        (struct text){right->bytes, right->length});
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

/* Negative: left stands before right in the list. */
static int compare(const struct selection *selection, const struct candidate *left,
                   const struct candidate *right)
{
    const struct keys *keys = &selection->store->keys;
    const struct key *left_key = keys_at(keys, left->kid);
    const struct key *right_key = keys_at(keys, right->kid);
    const struct totals *a = &left->totals;
    const struct totals *b = &right->totals;
    int order = 0;

    switch (selection->query->sort) {
    case LIST_BY_IMPRESSIONS:
        order = (b->impressions > a->impressions) - (b->impressions < a->impressions);
        break;
    case LIST_BY_CLICKS:
        order = (b->clicks > a->clicks) - (b->clicks < a->clicks);
        break;
    case LIST_BY_CTR:
        order = compare_ratio(b, a);
        break;
    case LIST_BY_ID:
        break;
    }
    if (order == 0) {
        order = compare_names(left_key->page, right_key->page);
    }
    return order != 0 ? order : compare_names(left_key->box, right_key->box);
}

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

static void consider(struct selection *selection, uint32_t kid)
{
    struct candidate candidate = {
        .kid = kid, .totals = keys_totals(&selection->store->keys, kid)[selection->query->window]};

    if ((candidate.totals.impressions == 0 && candidate.totals.clicks == 0) ||
        candidate.totals.impressions < selection->query->impressions_min) {
        return;
    }
    selection->total++;
    if (selection->count < selection->query->limit) {
        selection->heap[selection->count++] = candidate;
        sift_up(selection, selection->count - 1);
    } else if (compare(selection, &candidate, &selection->heap[0]) < 0) {
        selection->heap[0] = candidate;
        sift_down(selection, 0);
    }
}

/* Under the lock. */
static void select_level(struct selection *selection)
{
    const struct keys *keys = &selection->store->keys;

    for (uint32_t kid = LEVEL_COUNT; kid < keys->next_kid; kid++) {
        const struct key *key = keys_at(keys, kid);

        if (key->used && key->level == selection->query->level) {
            consider(selection, kid);
        }
    }
}

/* Under the lock. */
static void select_placements(struct selection *selection, uint64_t page_hash)
{
    struct key_name name = {.page = selection->query->page};
    const struct keys *keys = &selection->store->keys;
    uint32_t page = keys_find_text(keys, &name, page_hash, 0);
    /* A placement never outlives the key of its page: both get a cell from the same event. */
    uint32_t kid = page == KEY_NONE ? KEY_NONE : keys_at(keys, page)->page->placements;

    for (; kid != KEY_NONE; kid = keys_at(keys, kid)->of_page.next) {
        consider(selection, kid);
    }
}

/* Takes the heap apart from its worst row on: in place this leaves the best first. */
static void order_rows(struct selection *selection)
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

static struct text copy_name(const struct name *name, char **at)
{
    struct text text = {.bytes = *at};

    if (name != NULL) {
        memcpy(*at, name->bytes, name->length);
        text.length = name->length;
        *at += name->length;
    }
    return text;
}

/* Under the lock: the names may be gone once it is released. */
static void copy_rows(const struct selection *selection, struct listing *listing)
{
    const struct store *store = selection->store;
    struct prior_memo memo = {.known = false};
    char *at = listing->bytes;

    for (size_t i = 0; i < selection->count; i++) {
        const struct key *key = keys_at(&store->keys, selection->heap[i].kid);
        struct list_row *row = &listing->rows[i];

        row->page = copy_name(key->page, &at);
        row->box = copy_name(key->box, &at);
        store_figures(store, &memo, selection->query->window, selection->heap[i].kid,
                      &row->figures);
    }
    listing->count = selection->count;
    listing->total = selection->total;
    listing->other =
        keys_totals(&store->keys, keys_reserved(selection->query->level))[selection->query->window];
    listing->reading =
        (struct reading){.from_ms = store->published.from_ms[selection->query->window],
                         .progress = store->published.progress};
}

void listing_free(struct listing *listing)
{
    if (listing != NULL) {
        free(listing->rows);
        free(listing->bytes);
        free(listing);
    }
}

static struct listing *listing_new(size_t limit)
{
    struct listing *listing = calloc(1, sizeof *listing);

    if (listing == NULL) {
        return NULL;
    }
    listing->rows = calloc(limit, sizeof *listing->rows);
    listing->bytes = malloc(limit * 2 * EVENT_ID_BYTES_MAX);
    if (listing->rows == NULL || listing->bytes == NULL) {
        listing_free(listing);
        return NULL;
    }
    return listing;
}

enum ctr_status store_list(const struct store *store, const struct list_query *query,
                           struct listing **ret_listing)
{
    struct selection selection = {.store = store, .query = query};
    struct listing *listing = NULL;
    uint64_t page_hash =
        query->level == LEVEL_PLACEMENT
            ? hash_id(store->options.hash_secret, query->page.bytes, query->page.length)
            : 0;

    CTR_ASSERT(query->limit >= 1 && query->limit <= LIST_ROWS_MAX);
    CTR_ASSERT(query->window < store->options.windows.count && query->level != LEVEL_SITE);
    listing = listing_new(query->limit);
    selection.heap = calloc(query->limit, sizeof *selection.heap);
    if (listing == NULL || selection.heap == NULL) {
        listing_free(listing);
        free(selection.heap);
        return CTR_NO_MEMORY;
    }
    store_lock(store);
    if (query->level == LEVEL_PLACEMENT) {
        select_placements(&selection, page_hash);
    } else {
        select_level(&selection);
    }
    order_rows(&selection);
    copy_rows(&selection, listing);
    store_unlock(store);
    free(selection.heap);
    *ret_listing = listing;
    return CTR_OK;
}
