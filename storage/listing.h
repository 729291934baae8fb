/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of one level's rows, as readers ask the store for them. Thread: any.
 */
#ifndef LIVECTR_STORAGE_LISTING_H
#define LIVECTR_STORAGE_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"
#include "storage/store.h"

enum list_sort { LIST_BY_IMPRESSIONS, LIST_BY_CLICKS, LIST_BY_CTR, LIST_BY_ID };

struct list_query {
    enum level level; /* LEVEL_PAGE, LEVEL_BOX, or LEVEL_PLACEMENT of one page */
    struct text page; /* for LEVEL_PLACEMENT */
    size_t window;
    enum list_sort sort; /* largest first; ids ascending, also between equals */
    uint64_t impressions_min;
    size_t limit; /* 1 to LIST_ROWS_MAX */
};

enum { LIST_ROWS_MAX = 1000 };

struct list_row {
    struct text page, box; /* point into the listing */
    struct figures figures;
};

struct listing {
    struct reading reading;
    size_t total; /* rows that match, of which `count` are here */
    size_t count;
    struct totals other; /* what the limit on keys folded together at this level */
    struct list_row *rows;
    char *bytes; /* what the texts point into */
};

/* The rows that match, with at least one impression or click in the window. The caller owns
 * *ret_listing and frees it. Errors: CTR_NO_MEMORY. O(keys). */
CTR_MUST_USE enum ctr_status store_list(const struct store *store, const struct list_query *query,
                                        struct listing **ret_listing);
void listing_free(struct listing *listing);

#endif
