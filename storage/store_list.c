/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists: the first rows of one level by a number, from one picture. The best `limit` rows are kept
 * in a heap whose root is the worst of them, so a pass over the keys costs little more than the
 * comparison with the root, and no memory is taken under the lock.
 *
 * A pass over all keys lets whoever waits for the lock in every few hundred of them. Where the
 * picture changed meanwhile, all is read again; a pass that met a change a few times keeps the lock
 * throughout, so that it ends while a backlog is counted too.
 *
 * Two things are done in one go, because what they walk along may be cut where it was left: the
 * placements of one page, and the siblings of one box (for the prior of its placements).
 *
 * What was kept stays valid while the revision does: a key goes only after a step that left it
 * without counts, and its place is taken only by one that has none yet.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "storage/hash.h"
#include "storage/list_order.h"

enum {
    KEYS_PER_HOLD = 512,
    ROWS_PER_HOLD = 64,
    PASSES_IN_PIECES = 3,
    TURN_NS = 100000,
    MEMOS_MAX = 65536 /* boxes of which the siblings are remembered at once */
};

/* Under the lock, which is let go of for a moment. False: the picture has changed. */
static bool breathe(const struct selection *selection)
{
    if (selection->whole) {
        return true;
    }
    if (store_wanted(selection->store)) {
        const struct timespec turn = {.tv_nsec = TURN_NS};

        /* Whoever waits needs longer to wake up than we to take the lock again; and the writer
         * takes it many times in a row. */
        store_unlock(selection->store);
        (void)nanosleep(&turn, NULL);
        store_lock(selection->store);
    }
    return selection->store->published.progress.revision == selection->revision;
}

static bool select_level(struct selection *selection)
{
    const struct keys *keys = &selection->store->keys;

    for (uint32_t kid = LEVEL_COUNT; kid < keys->next_kid; kid++) {
        const struct key *key = keys_at(keys, kid);

        if (key->used && key->level == selection->query->level) {
            selection_consider(selection, kid);
        }
        if (kid % KEYS_PER_HOLD == 0 && !breathe(selection)) {
            return false;
        }
    }
    return true;
}

/* In one go: the list of a page's placements may be cut where it was left. */
static void select_placements(struct selection *selection, uint64_t page_hash)
{
    struct key_name name = {.page = selection->query->page};
    const struct keys *keys = &selection->store->keys;
    uint32_t page = keys_find_text(keys, &name, page_hash, 0);
    /* A placement never outlives the key of its page: both get a cell from the same event. */
    uint32_t kid = page == KEY_NONE ? KEY_NONE : keys_at(keys, page)->page->placements;

    for (; kid != KEY_NONE; kid = keys_links(keys, kid)->of_page.next) {
        selection_consider(selection, kid);
    }
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

static void copy_row(const struct selection *selection, const struct candidate *candidate,
                     struct list_row *row, char **at)
{
    const struct list_query *query = selection->query;
    const struct key *key = keys_at(&selection->store->keys, candidate->kid);

    row->place.totals = candidate->totals;
    row->place.value = candidate->value;
    row->place.page = copy_name(key->page, at);
    row->place.box = copy_name(key->box, at);
    store_figures(selection->store, selection_memo(selection, key), query->window, candidate->kid,
                  &row->figures);
    if (query->sort == LIST_BY_RISE || query->sort == LIST_BY_FALL) {
        row->difference = selection_difference(selection, candidate->kid, &row->before);
    }
}

/* What the rows' figures will be asked for. */
static void learn_weights(const struct selection *selection)
{
    const struct store *store = selection->store;
    struct prior_lesson lesson = {.count = 0};

    for (size_t i = 0; i < selection->count; i++) {
        const struct key *key = keys_at(&store->keys, selection->heap[i].kid);

        if (key->level == LEVEL_PLACEMENT && key->box != NULL) {
            prior_lesson_add(&lesson, store, selection->query->window, key->box);
        }
    }
    prior_lesson_learn(&lesson, store, selection->query->window);
}

/* The names may be gone once the lock is released. */
static bool copy_rows(const struct selection *selection, struct listing *listing)
{
    char *at = listing->bytes;

    for (size_t i = 0; i < selection->count; i++) {
        copy_row(selection, &selection->heap[i], &listing->rows[i], &at);
        if (i % ROWS_PER_HOLD == ROWS_PER_HOLD - 1 && !breathe(selection)) {
            return false;
        }
    }
    return true;
}

static void copy_picture(const struct selection *selection, struct listing *listing)
{
    const struct store *store = selection->store;
    const struct list_query *query = selection->query;

    listing->count = selection->count;
    listing->total = selection->total;
    listing->compared = selection->compared;
    listing->more = selection->behind > selection->count;
    listing->other = keys_totals(&store->keys, keys_reserved(query->level))[query->window];
    listing->before_ms = store->published.from_ms[query->wider];
    listing->reading = (struct reading){.from_ms = store->published.from_ms[query->window],
                                        .progress = store->published.progress};
}

/* One pass, under the lock. False: the picture has changed. */
static bool pass(struct selection *selection, uint64_t page_hash, struct listing *listing)
{
    selection->revision = selection->store->published.progress.revision;
    selection->total = selection->compared = selection->behind = selection->count = 0;
    memset(selection->memos, 0, (selection->memos_mask + 1) * sizeof *selection->memos);
    if (selection->query->level == LEVEL_PLACEMENT && selection->query->page.length > 0) {
        select_placements(selection, page_hash);
    } else if (!select_level(selection)) {
        return false;
    }
    if (!breathe(selection)) {
        return false;
    }
    selection_sort(selection);
    learn_weights(selection);
    if (!copy_rows(selection, listing)) {
        return false;
    }
    copy_picture(selection, listing);
    return true;
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

/* As many as there are boxes, so that hardly two share a place: the siblings of a box's placements
 * are then added up once. */
static size_t memos_mask_for(const struct store *store, const struct list_query *query)
{
    size_t count = 1;
    uint32_t boxes = 0;

    if (query->level == LEVEL_PLACEMENT) {
        store_lock(store);
        boxes = store->keys.count[LEVEL_BOX];
        store_unlock(store);
    }
    while (count < MEMOS_MAX && count < 2 * (size_t)boxes) {
        count *= 2;
    }
    return count - 1;
}

enum ctr_status store_list(const struct store *store, const struct list_query *query,
                           struct listing **ret_listing)
{
    struct selection selection = {
        .store = store, .query = query, .memos_mask = memos_mask_for(store, query)};
    struct listing *listing = NULL;
    uint64_t page_hash = query->page.length == 0 ? 0
                                                 : hash_id(store->options.hash_secret,
                                                           query->page.bytes, query->page.length);
    enum ctr_status status = CTR_NO_MEMORY;

    CTR_ASSERT(query->limit >= 1 && query->limit <= LIST_ROWS_MAX);
    CTR_ASSERT(query->window < store->options.windows.count && query->level != LEVEL_SITE);
    CTR_ASSERT(query->wider < store->options.windows.count);
    listing = listing_new(query->limit);
    selection.heap = calloc(query->limit, sizeof *selection.heap);
    selection.memos = calloc(selection.memos_mask + 1, sizeof *selection.memos);
    if (listing != NULL && selection.heap != NULL && selection.memos != NULL) {
        bool done = false;

        for (int i = 0; !done; i++) {
            selection.whole = i >= PASSES_IN_PIECES;
            store_lock(store);
            done = pass(&selection, page_hash, listing);
            store_unlock(store);
        }
        *ret_listing = listing;
        listing = NULL;
        status = CTR_OK;
    }
    listing_free(listing);
    free(selection.heap);
    free(selection.memos);
    return status;
}
