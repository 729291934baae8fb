/* SPDX-License-Identifier: Apache-2.0
 *
 * For who adds or finds keys by the million: looking ahead, and what is left when all are there.
 */
#include "storage/keys.h"

void keys_prefetch(const struct keys *keys, uint64_t hash)
{
    prefetch(&keys->index[(size_t)hash & (keys->index_count - 1)]);
}

void keys_prefetch_links(const struct keys *keys, uint32_t kid)
{
    if (kid != KEY_NONE) {
        prefetch(keys_links(keys, kid));
    }
}

uint32_t keys_peek(const struct keys *keys, uint64_t hash)
{
    uint32_t found = keys->index[(size_t)hash & (keys->index_count - 1)];

    return found == 0 ? KEY_NONE : found - 1;
}

void keys_collect_free(struct keys *keys)
{
    keys->free_count = 0;
    /* From above, so that the lowest numbers are handed out first. */
    for (uint32_t kid = keys->next_kid; kid-- > LEVEL_COUNT;) {
        if (!keys_at(keys, kid)->used) {
            keys->free_kids[keys->free_count++] = kid;
        }
    }
}
