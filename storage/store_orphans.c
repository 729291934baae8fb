/* SPDX-License-Identifier: Apache-2.0
 *
 * Keys without any cell: they go, and with them their names.
 */
#include <stdlib.h>

#include "storage/store_internal.h"

static enum ctr_status remove_orphans(struct store *store, struct slices *slices)
{
    if (store->removed_count + slices->orphans_count > store->removed_capacity) {
        size_t capacity = (store->removed_count + slices->orphans_count) * 2;
        uint32_t *kids = realloc(store->removed_kids, capacity * sizeof *kids);

        if (kids == NULL) {
            return CTR_NO_MEMORY;
        }
        store->removed_kids = kids;
        store->removed_capacity = capacity;
    }
    for (size_t i = 0; i < slices->orphans_count; i++) {
        uint32_t kid = slices->orphans[i];
        struct key *key = keys_at(&store->keys, kid);
        struct name *page = key->page;
        struct name *box = key->box;

        if (!key->used || key->cells > 0) {
            continue; /* it found a new cell meanwhile */
        }
        if (!key->unsaved) {
            store->removed_kids[store->removed_count++] = kid;
        }
        store_lock(store);
        keys_remove(&store->keys, kid);
        store_unlock(store);
        names_give(&store->names, page);
        names_give(&store->names, box);
    }
    slices->orphans_count = 0;
    return CTR_OK;
}

enum ctr_status store_remove_orphans(struct store *store)
{
    enum ctr_status status = remove_orphans(store, &store->slices);

    return status == CTR_OK ? remove_orphans(store, &store->crowds) : status;
}
