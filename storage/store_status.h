/* SPDX-License-Identifier: Apache-2.0
 *
 * How far the store is and what it made of everything it read, for /v1/status and /metrics. Thread:
 * any.
 */
#ifndef LIVECTR_STORAGE_STORE_STATUS_H
#define LIVECTR_STORAGE_STORE_STATUS_H

#include "storage/delays.h"
#include "storage/store.h"

enum { MALFORMED_SAMPLES_MAX = 8, MALFORMED_DETAIL_BYTES = 160 };

struct malformed_sample {
    uint32_t partition;
    int64_t offset;
    enum malformed_reason reason;
    char detail[MALFORMED_DETAIL_BYTES];
};

/* Bytes by what they are for. */
struct store_memory {
    uint64_t keys, names, slices, held, people, ids, minutes, journal;
};

/* Slices of event time that are held, by their length. */
enum { STORE_GRAINS_MAX = 4 };
struct store_slices {
    size_t tiers;
    int64_t grains_ms[STORE_GRAINS_MAX];
    uint64_t counts[STORE_GRAINS_MAX];
};

/* One picture of how far everything is, for /v1/status and /metrics. */
struct store_status {
    struct progress progress;
    uint32_t keys[LEVEL_COUNT]; /* rows per level, site included */
    uint32_t keys_max;
    uint64_t keys_folded; /* events counted in an `other` row since the start */
    uint64_t held;
    uint32_t held_max;
    uint64_t bytes; /* the sum of `memory` */
    struct store_memory memory;
    struct store_slices slices;
    uint64_t people, people_max; /* live pairs of a visitor and a key */
    uint64_t people_refused;     /* pairs that did not fit, since the start */
    uint64_t people_bytes;
    uint64_t ids, ids_max, ids_bytes; /* remembered events */
    uint64_t repeated;                /* clicks that click_gap leaves out */
    uint64_t minutes_waiting;         /* rows of finished minutes not yet saved */
    uint32_t minutes_max;
    uint64_t minutes_lost; /* events whose minute could not be kept, since the start */
    struct delays delays;
    uint64_t malformed[MALFORMED_COUNT];
    size_t samples_count; /* newest first */
    struct malformed_sample samples[MALFORMED_SAMPLES_MAX];
    size_t partitions_count;
    struct partition *partitions; /* owned copy, in the order of topic and number */
};

/* Errors: CTR_NO_MEMORY. Free with store_status_done(). */
CTR_MUST_USE enum ctr_status store_status_read(const struct store *store,
                                               struct store_status *ret_status);
void store_status_done(struct store_status *status);

#endif
