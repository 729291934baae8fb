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

#include "storage/journal.h"
#include "storage/minutes.h"
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

/* A minute that is not final: its rows. To be saved: NULL where they are as in the cut before.
 * Loaded: packed, so that who needs them unpacks them when there is time. */
struct checkpoint_minute {
    int64_t minute_ms;
    struct minute_block *block; /* one use of it */
    unsigned char *bytes;       /* owned */
    size_t length;
};

struct checkpoint {
    bool whole;
    uint64_t cut; /* cuts are numbered from 1 on, over restarts too */
    uint64_t
        since; /* what was to be added with a later cut than this is in it (journals, finished) */

    /* what readers would see */
    int64_t as_of_ms, to_ms, covered_from_ms;
    uint64_t keys_folded;
    enum clock_mode clock;
    enum page_impressions page_impressions;
    struct window_set windows;
    int64_t people_horizon_ms, dedup_horizon_ms, click_gap_ms;
    int64_t secret_check; /* tells whether hashes are under the same key */
    uint64_t repeated;
    int64_t journal_from_ms; /* journals whose newest event is older are needed no more */
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

    /* added to what was saved before, in a whole one as well */
    size_t journals_count;
    struct journal_part **journals; /* one use of each; loaded with an image: after its cut */
    int64_t journals_total;         /* loaded: rows in the file */
    struct image *image;            /* loaded: owned, may still be read, NULL none;
                                     store_restore() empties it */
    size_t finished_count;
    struct minute_block **finished; /* for the history; one use of each */

    size_t minutes_count; /* all that are open */
    struct checkpoint_minute *minutes;

    char *text; /* what the keys' texts point into */
};

/* A use of the block, which is unpacked for it where it is packed. Errors: CTR_CORRUPT: it makes no
 * sense, or there is none; CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status checkpoint_minute_open(const struct checkpoint_minute *minute,
                                                    struct minute_block **ret_block);

/* Unpacks all minutes of a checkpoint that was loaded, so that each has its block. Errors: as
 * above.
 */
CTR_MUST_USE enum ctr_status checkpoint_open_minutes(struct checkpoint *checkpoint);

/* Frees all of it. NULL is fine. */
void checkpoint_free(struct checkpoint *checkpoint);

#endif
