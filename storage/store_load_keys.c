/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/prefetch.h"
#include "storage/store_load.h"

enum ctr_status store_take_name(struct store *store, struct text text, struct name **ret_name)
{
    *ret_name = NULL;
    return text.length == 0 ? CTR_OK : names_take(&store->names, text, ret_name);
}

/* Each level has exactly the ids it is made of. */
static bool fitting_names(enum level level, struct text page, struct text box)
{
    return level > LEVEL_SITE && level < LEVEL_COUNT && (page.length > 0) == (level != LEVEL_BOX) &&
           (box.length > 0) == (level != LEVEL_PAGE);
}

static enum ctr_status restore_key(struct store *store, const struct checkpoint_key *key,
                                   uint32_t kids_max)
{
    struct name *page = NULL;
    struct name *box = NULL;

    if (!fitting_names((enum level)key->level, key->page, key->box) || key->kid < LEVEL_COUNT ||
        key->kid > kids_max ||
        (key->kid < store->keys.next_kid && keys_at(&store->keys, key->kid)->used)) {
        return CTR_CORRUPT;
    }
    if (store_take_name(store, key->page, &page) != CTR_OK ||
        store_take_name(store, key->box, &box) != CTR_OK ||
        keys_restore(&store->keys, key->kid, (enum level)key->level, page, box) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    return CTR_OK;
}

/* A key of a million touches half a dozen places in memory that are in no cache. They are asked for
 * on the way: first where its names and its index entry are, then the names, then the keys that
 * will be its neighbours in lists. */
enum { AHEAD_SLOTS = 24, AHEAD_NAMES = 16, AHEAD_KEYS = 8, AHEAD_RING = 32 };

struct ahead {
    uint64_t page_hash[AHEAD_RING], box_hash[AHEAD_RING]; /* 0: none */
};

static void look_ahead(const struct store *store, const struct checkpoint *from, size_t i,
                       struct ahead *ahead)
{
    if (i + AHEAD_SLOTS < from->keys_count) {
        const struct checkpoint_key *key = &from->keys[i + AHEAD_SLOTS];
        size_t at = (i + AHEAD_SLOTS) % AHEAD_RING;
        uint64_t page = key->page.length == 0 ? 0 : names_hash(&store->names, key->page);
        uint64_t box = key->box.length == 0 ? 0 : names_hash(&store->names, key->box);

        ahead->page_hash[at] = page;
        ahead->box_hash[at] = box;
        names_prefetch(&store->names, page);
        names_prefetch(&store->names, box);
        keys_prefetch(&store->keys, keys_hash((enum level)key->level, page, box));
    }
    if (i >= AHEAD_RING && i + AHEAD_NAMES < from->keys_count) {
        size_t at = (i + AHEAD_NAMES) % AHEAD_RING;

        prefetch(names_peek(&store->names, ahead->page_hash[at]));
        prefetch(names_peek(&store->names, ahead->box_hash[at]));
    }
    if (i >= AHEAD_RING && i + AHEAD_KEYS < from->keys_count &&
        from->keys[i + AHEAD_KEYS].level == LEVEL_PLACEMENT) {
        size_t at = (i + AHEAD_KEYS) % AHEAD_RING;
        const struct name *page = names_peek(&store->names, ahead->page_hash[at]);
        const struct name *box = names_peek(&store->names, ahead->box_hash[at]);

        keys_prefetch_links(&store->keys, page == NULL ? KEY_NONE : page->placements);
        keys_prefetch_links(&store->keys, box == NULL ? KEY_NONE : box->pages);
    }
}

uint32_t store_highest_kid(const struct checkpoint *from)
{
    uint32_t highest = 0;

    for (size_t i = 0; i < from->keys_count; i++) {
        if (from->keys[i].kid > highest && from->keys[i].kid < UINT32_MAX / 2) {
            highest = from->keys[i].kid;
        }
    }
    return highest;
}

enum ctr_status store_load_keys(struct store *store, const struct checkpoint *from)
{
    struct ahead ahead = {.page_hash = {0}};
    uint32_t kids_max = store_highest_kid(from);

    if (keys_expect(&store->keys, from->keys_count, kids_max) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < from->keys_count; i++) {
        enum ctr_status status = CTR_OK;

        look_ahead(store, from, i, &ahead);
        status = restore_key(store, &from->keys[i], kids_max);
        if (status != CTR_OK) {
            return status;
        }
    }
    keys_collect_free(&store->keys);
    return CTR_OK;
}
