/* SPDX-License-Identifier: Apache-2.0
 *
 * Two passes. The first hashes each store alone: a checksum per key and window over a rendering of
 * fixed form, added up, so that the order of keys plays no part. Only where the sums differ does
 * the second one copy keys out of one store and look them up in the other.
 */
#include "storage/store_compare.h"

#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { ROWS_PER_CHUNK = 256 };

struct window_digest {
    uint64_t sum, mixed, rows;
};

struct digest {
    struct progress progress;
    int64_t from_ms[WINDOWS_MAX];
    bool over_limit;
    struct window_digest windows[WINDOWS_MAX];
};

/* ---- figures ------------------------------------------------------------------------------- */

/* Under the lock. */
static struct compared_figures figures_of(const struct store *store, uint32_t kid, size_t window)
{
    struct compared_figures figures = {.totals = keys_totals(&store->keys, kid)[window]};
    int64_t short_s = *keys_short_s(&store->keys, kid);
    bool other = kid != keys_reserved(LEVEL_SITE) && kid < LEVEL_COUNT;

    figures.people_known =
        !other && window < store->people_windows.count &&
        (short_s == MOMENT_NONE || short_s * 1000 < store->published.from_ms[window]);
    if (figures.people_known) {
        figures.crowd = keys_crowds(&store->keys, kid)[window];
    }
    return figures;
}

static bool is_zero(const struct compared_figures *figures)
{
    return figures->totals.impressions == 0 && figures->totals.clicks == 0 &&
           figures->crowd.viewers == 0 && figures->crowd.clickers == 0 &&
           figures->crowd.clicking == 0;
}

static bool same(const struct compared_figures *left, const struct compared_figures *right)
{
    if (is_zero(left) && is_zero(right)) {
        return true; /* a key without events in the window need not be known */
    }
    return left->totals.impressions == right->totals.impressions &&
           left->totals.clicks == right->totals.clicks &&
           left->people_known == right->people_known &&
           left->crowd.viewers == right->crowd.viewers &&
           left->crowd.clickers == right->crowd.clickers &&
           left->crowd.clicking == right->crowd.clicking;
}

static bool in_use(const struct keys *keys, uint32_t kid)
{
    return kid < LEVEL_COUNT || keys_at(keys, kid)->used;
}

/* ---- the first pass ------------------------------------------------------------------------ */

/* Under the lock. */
static void add_row(struct window_digest *digest, uint64_t key_hash,
                    const struct compared_figures *figures)
{
    const uint64_t rendering[] = {key_hash,
                                  figures->totals.impressions,
                                  figures->totals.clicks,
                                  figures->people_known,
                                  figures->crowd.viewers,
                                  figures->crowd.clickers,
                                  figures->crowd.clicking};
    uint64_t hash = hash_checksum(rendering, sizeof rendering);

    digest->sum += hash;
    digest->mixed ^= hash_mix(hash, key_hash, figures->totals.impressions);
    digest->rows++;
}

/* Under the lock. */
static void digest_key(const struct store *store, uint32_t kid, struct digest *digest)
{
    const struct key *key = keys_at(&store->keys, kid);

    for (size_t w = 0; w < store->options.windows.count; w++) {
        struct compared_figures figures = figures_of(store, kid, w);

        if (!is_zero(&figures)) {
            add_row(&digest->windows[w], kid < LEVEL_COUNT ? kid : key->hash, &figures);
        }
    }
}

static bool moved(const struct progress *now, const struct progress *then)
{
    return now->to_ms != then->to_ms || now->revision != then->revision;
}

/* CTR_RETRY: it changed meanwhile. */
static enum ctr_status digest_store(const struct store *store, struct digest *ret_digest)
{
    struct digest digest = {.over_limit = false};
    uint32_t next = 0;
    uint32_t end = 1;

    for (uint32_t first = 0; first < end; first = next) {
        store_lock(store);
        if (first == 0) {
            digest.progress = store->published.progress;
            memcpy(digest.from_ms, store->published.from_ms, sizeof digest.from_ms);
        } else if (moved(&store->published.progress, &digest.progress)) {
            store_unlock(store);
            return CTR_RETRY;
        }
        end = store->keys.next_kid;
        next = end - first > KEYS_PER_CHUNK ? first + KEYS_PER_CHUNK : end;
        for (uint32_t kid = first; kid < next; kid++) {
            if (in_use(&store->keys, kid)) {
                digest_key(store, kid, &digest);
            }
        }
        digest.over_limit = store->published.keys_folded > 0 ||
                            store->published.people_refused > 0 ||
                            store->published.ids >= store->options.ids_max;
        store_unlock(store);
    }
    *ret_digest = digest;
    return CTR_OK;
}

/* ---- the second pass ----------------------------------------------------------------------- */

/* A key as it is copied out of one store. */
struct row {
    uint32_t kid;
    enum level level;
    size_t page_length, box_length;
    char page[EVENT_ID_BYTES_MAX], box[EVENT_ID_BYTES_MAX];
    struct compared_figures figures[WINDOWS_MAX];
};

struct search {
    const struct store *from, *in; /* the rows of one are looked up in the other */
    bool swapped;                  /* `from` is the right one */
    bool compared[WINDOWS_MAX];
    struct row *rows; /* ROWS_PER_CHUNK */
    struct comparison *found;
};

/* Under the lock of `from`. */
static void copy_row(const struct search *search, uint32_t kid, struct row *row)
{
    const struct store *store = search->from;
    const struct key *key = keys_at(&store->keys, kid);

    row->kid = kid;
    row->level = kid < LEVEL_COUNT ? (enum level)kid : (enum level)key->level;
    row->page_length = key->page == NULL ? 0 : key->page->length;
    row->box_length = key->box == NULL ? 0 : key->box->length;
    if (key->page != NULL) {
        memcpy(row->page, key->page->bytes, row->page_length);
    }
    if (key->box != NULL) {
        memcpy(row->box, key->box->bytes, row->box_length);
    }
    for (size_t w = 0; w < store->options.windows.count; w++) {
        row->figures[w] = figures_of(store, kid, w);
    }
}

static uint64_t hash_or_none(const struct store *store, struct text text)
{
    return text.length == 0 ? 0 : hash_id(store->options.hash_secret, text.bytes, text.length);
}

/* Whether the row stands before what was found so far. */
static bool comes_first(const struct comparison *found, const struct row *row)
{
    struct text page = {row->page, row->page_length};
    struct text box = {row->box, row->box_length};
    int order = 0;

    if (found->equal) {
        return true;
    }
    order = ((int)row->level > (int)found->level) - ((int)row->level < (int)found->level);
    if (order == 0) {
        order = text_compare(page, (struct text){found->page, found->page_length});
    }
    if (order == 0) {
        order = text_compare(box, (struct text){found->box, found->box_length});
    }
    return order < 0;
}

static void keep_difference(struct search *search, const struct row *row, size_t window,
                            const struct compared_figures *other)
{
    struct comparison *found = search->found;

    found->equal = false;
    found->level = row->level;
    found->window = window;
    found->page_length = row->page_length;
    found->box_length = row->box_length;
    memcpy(found->page, row->page, row->page_length);
    memcpy(found->box, row->box, row->box_length);
    found->left = search->swapped ? *other : row->figures[window];
    found->right = search->swapped ? row->figures[window] : *other;
}

static void look_up(struct search *search, const struct row *row)
{
    const struct store *store = search->in;
    const struct key_name name = {.page = {row->page, row->page_length},
                                  .box = {row->box, row->box_length}};
    uint64_t page_hash = hash_or_none(store, name.page);
    uint64_t box_hash = hash_or_none(store, name.box);
    struct compared_figures others[WINDOWS_MAX] = {{.people_known = false}};
    uint32_t kid = row->kid;

    store_lock(store);
    if (kid >= LEVEL_COUNT) {
        kid = keys_find_text(&store->keys, &name, page_hash, box_hash);
    }
    for (size_t w = 0; w < store->options.windows.count && kid != KEY_NONE; w++) {
        others[w] = figures_of(store, kid, w);
    }
    store_unlock(store);
    for (size_t w = 0; w < store->options.windows.count; w++) {
        if (search->compared[w] && !same(&row->figures[w], &others[w])) {
            if (comes_first(search->found, row)) {
                keep_difference(search, row, w, &others[w]);
            }
            return;
        }
    }
}

/* Copies rows from kid `first` on; the number of the next one. */
static uint32_t copy_rows(const struct search *search, uint32_t first, size_t *ret_count,
                          uint32_t *ret_end)
{
    const struct store *store = search->from;
    uint32_t kid = first;
    size_t count = 0;

    store_lock(store);
    for (; kid < store->keys.next_kid && count < ROWS_PER_CHUNK; kid++) {
        if (in_use(&store->keys, kid)) {
            copy_row(search, kid, &search->rows[count++]);
        }
    }
    *ret_end = store->keys.next_kid;
    store_unlock(store);
    *ret_count = count;
    return kid;
}

static void search_from(struct search *search)
{
    uint32_t end = 1;
    size_t count = 0;

    for (uint32_t kid = 0; kid < end;) {
        kid = copy_rows(search, kid, &count, &end);
        for (size_t i = 0; i < count; i++) {
            look_up(search, &search->rows[i]);
        }
    }
}

/* CTR_RETRY where none is found any more: what differed has gone. */
static enum ctr_status find_difference(const struct store *left, const struct store *right,
                                       const bool *compared, struct comparison *comparison)
{
    struct search search = {.from = left,
                            .in = right,
                            .rows = calloc(ROWS_PER_CHUNK, sizeof *search.rows),
                            .found = comparison};

    if (search.rows == NULL) {
        return CTR_NO_MEMORY;
    }
    memcpy(search.compared, compared, sizeof search.compared);
    comparison->equal = true;
    search_from(&search);
    search.from = right;
    search.in = left;
    search.swapped = true;
    search_from(&search);
    free(search.rows);
    return comparison->equal ? CTR_RETRY : CTR_OK;
}

enum ctr_status store_compare(const struct store *left, const struct store *right,
                              struct comparison *ret_comparison)
{
    struct comparison comparison = {.equal = true};
    bool compared[WINDOWS_MAX] = {false};
    struct digest a, b;

    CTR_ASSERT(left->options.windows.count == right->options.windows.count);
    if (digest_store(left, &a) != CTR_OK || digest_store(right, &b) != CTR_OK ||
        a.progress.to_ms != b.progress.to_ms) {
        return CTR_RETRY;
    }
    comparison.to_ms = a.progress.to_ms;
    comparison.over_limit = a.over_limit || b.over_limit;
    for (size_t w = 0; w < left->options.windows.count; w++) {
        compared[w] = a.progress.covered_from_ms <= a.from_ms[w] &&
                      b.progress.covered_from_ms <= b.from_ms[w];
        if (compared[w]) {
            comparison.windows++;
            comparison.rows += a.windows[w].rows;
            comparison.equal =
                comparison.equal && memcmp(&a.windows[w], &b.windows[w], sizeof a.windows[w]) == 0;
        }
    }
    *ret_comparison = comparison;
    return comparison.equal ? CTR_OK : find_difference(left, right, compared, ret_comparison);
}
