/* SPDX-License-Identifier: Apache-2.0
 *
 * The orders in which lists stand, and a heap of the best rows met so far. Part of
 * store_internal.h: everything here is under the store's lock.
 */
#ifndef LIVECTR_STORAGE_LIST_ORDER_H
#define LIVECTR_STORAGE_LIST_ORDER_H

#include "storage/listing.h"
#include "storage/store_internal.h"

struct candidate {
    uint32_t kid;
    struct totals totals;
    double value;
};

struct selection {
    const struct store *store;
    const struct list_query *query;
    bool whole;        /* the lock is kept throughout */
    uint64_t revision; /* of the picture that is read */
    size_t total, compared, behind, count;
    struct candidate *heap;   /* room for query->limit; its root is the worst of them */
    struct prior_memo *memos; /* by the box of a placement */
    size_t memos_mask;
};

/* What the siblings of a key are remembered in. */
struct prior_memo *selection_memo(const struct selection *selection, const struct key *key);

/* Counts of a key in the window before, and by how much its CTR is above that of then. */
struct rate_difference selection_difference(const struct selection *selection, uint32_t kid,
                                            struct totals *ret_before);

/* Keeps the key if it matches and is among the best so far. */
void selection_consider(struct selection *selection, uint32_t kid);

/* Sorts what was kept, the best first. */
void selection_sort(struct selection *selection);

#endif
