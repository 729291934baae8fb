/* SPDX-License-Identifier: Apache-2.0
 *
 * Which picture a reader saw. Two readings of the same picture tell the same figures of every key,
 * so what was made of one may be shown for the other. Thread: any.
 */
#ifndef LIVECTR_STORAGE_PICTURE_H
#define LIVECTR_STORAGE_PICTURE_H

#include <stdbool.h>

#include "storage/store.h"

struct picture {
    uint64_t store; /* no other store of this process has this number; not 0 */
    uint64_t revision;
    int64_t covered_from_ms; /* may move on alone, and people of a provisional store with it */
};

/* progress: as it was read from this store. */
struct picture picture_of(const struct store *store, const struct progress *progress);

bool picture_same(const struct picture *left, const struct picture *right);

/* What all numbers of one window have in common now, and no numbers. */
struct reading store_reading(const struct store *store, size_t window);

#endif
