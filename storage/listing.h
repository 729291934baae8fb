/* SPDX-License-Identifier: Apache-2.0
 *
 * Lists of one level's rows, as readers ask the store for them. Thread: any.
 */
#ifndef LIVECTR_STORAGE_LISTING_H
#define LIVECTR_STORAGE_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/rate.h"
#include "storage/status.h"
#include "storage/store.h"

/* Largest first, and what has no such number last; between equals ids ascend, byte by byte. */
enum list_sort {
    LIST_BY_IMPRESSIONS,
    LIST_BY_CLICKS,
    LIST_BY_CTR,
    LIST_BY_CTR_LOW,
    LIST_BY_SMOOTHED_CTR,
    LIST_BY_UNIQUE_CTR,
    LIST_BY_RISE, /* only rows whose CTR rose beyond noise, by the least rise it can be */
    LIST_BY_FALL, /* likewise, fallen */
    LIST_BY_ID    /* ids alone, ascending */
};

/* Where a row stands in its order: what is compared, then its ids. */
struct list_place {
    struct totals totals;
    double value; /* what the sorts without exact arithmetic compare; below zero: no such number */
    struct text page, box;
};

struct list_query {
    enum level level; /* LEVEL_PAGE, LEVEL_BOX or LEVEL_PLACEMENT */
    struct text page; /* for LEVEL_PLACEMENT: of this page only; empty: of all */
    size_t window;
    size_t wider; /* of LIST_BY_RISE and LIST_BY_FALL: the window that is twice as long */
    enum list_sort sort;
    uint64_t impressions_min;
    struct text prefix; /* of the page at LEVEL_PAGE, else of the box; empty: any */
    bool has_after;
    struct list_place after; /* only rows behind this place, whether or not a row stands there */
    size_t limit;            /* 1 to LIST_ROWS_MAX */
};

enum { LIST_ROWS_MAX = 1000 };

struct list_row {
    struct list_place place; /* its texts point into the listing */
    struct figures figures;
    struct totals before; /* LIST_BY_RISE and LIST_BY_FALL: of the window before */
    struct rate_difference difference;
};

struct listing {
    struct reading reading;
    int64_t before_ms; /* LIST_BY_RISE and LIST_BY_FALL: where the window before begins */
    size_t total;      /* rows that match, whatever `after` says */
    size_t compared;   /* LIST_BY_RISE and LIST_BY_FALL: rows of which both rates are known */
    size_t count;
    bool more;           /* rows that match stand behind the last of these */
    struct totals other; /* what the limit on keys folded together at this level */
    struct list_row *rows;
    char *bytes; /* what the texts point into */
};

/* The rows that match, with at least one impression or click in the window, all of one picture. The
 * caller owns *ret_listing and frees it. Errors: CTR_NO_MEMORY. O(keys), or O(placements of the
 * page). Whoever waits for the lock gets it every few hundred keys. */
CTR_MUST_USE enum ctr_status store_list(const struct store *store, const struct list_query *query,
                                        struct listing **ret_listing);
void listing_free(struct listing *listing);

#endif
