/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether two stores say the same: the proof at the end of a hand-over. Thread: any.
 */
#ifndef LIVECTR_STORAGE_STORE_COMPARE_H
#define LIVECTR_STORAGE_STORE_COMPARE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/store.h"

/* What one store says of one key in one window. */
struct compared_figures {
    struct totals totals;
    bool people_known;
    struct crowd crowd; /* zeros unless people_known */
};

struct comparison {
    int64_t to_ms;   /* of both */
    size_t windows;  /* how many of them both cover whole */
    uint64_t rows;   /* (key, window) with figures that were compared */
    bool equal;      /* in all of them */
    bool over_limit; /* one of the two met a limit (keys, visitors, ids): they may differ */

    /* Unless equal: the first one that differs, by level, page and box, its shortest window. */
    enum level level;
    size_t window;
    size_t page_length, box_length;
    char page[EVENT_ID_BYTES_MAX], box[EVENT_ID_BYTES_MAX];
    struct compared_figures left, right;
};

/* Compares the counts and people of every key in every window that both stores cover whole. Both
 * have the same windows and the same hash_secret. O(keys); holds each store's lock for a thousand
 * keys at a time, never both. Errors: CTR_RETRY: they do not stand at the same `to`, or one of them
 * changed meanwhile; CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_compare(const struct store *left, const struct store *right,
                                           struct comparison *ret_comparison);

#endif
