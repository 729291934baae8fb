/* SPDX-License-Identifier: Apache-2.0
 *
 * A consistent cut of the store as an owned, immutable value: what the snapshot thread writes, and
 * what a start reads back. Either whole, or what changed since the cut before: then what is gone
 * is listed first, and applying the lists in the order of this struct leads from one whole to the
 * next.
 */
#ifndef LIVECTR_STORAGE_CHECKPOINT_H
#define LIVECTR_STORAGE_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/slices.h"
#include "storage/store.h"

struct checkpoint_key {
    uint32_t kid;
    uint8_t level;
    struct text page, box; /* into the checkpoint's own bytes */
};

struct checkpoint_slice {
    int64_t grain_ms, start_ms;
    size_t count;
    struct cell *cells; /* owned */
};

/* Held records of one bucket, packed (see storage/pack.h). */
struct checkpoint_bucket {
    int64_t apply_ms;
    size_t count;
    unsigned char *bytes; /* owned */
    size_t length;
};

struct checkpoint {
    bool whole;

    /* what readers would see */
    int64_t as_of_ms, to_ms, covered_from_ms;
    uint64_t keys_folded;
    enum clock_mode clock;
    enum page_impressions page_impressions;
    struct window_set windows;
    size_t keys_total, slices_total, buckets_total; /* what a whole one would hold */

    size_t partitions_count;
    struct partition *partitions; /* in the store's own order; held records name them by index */

    size_t keys_gone_count;
    uint32_t *keys_gone;
    size_t slices_gone_count;
    struct slice_gone *slices_gone;
    size_t buckets_gone_count;
    int64_t *buckets_gone;

    size_t keys_count;
    struct checkpoint_key *keys;
    size_t slices_count;
    struct checkpoint_slice *slices;
    size_t buckets_count;
    struct checkpoint_bucket *buckets;

    char *text; /* what the keys' texts point into */
};

/* Frees all of it. NULL is fine. */
void checkpoint_free(struct checkpoint *checkpoint);

#endif
