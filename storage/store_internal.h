/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the store share: store.c (life, records), store_apply.c (time), store_read.c
 * and store_list.c (readers), store_cut.c (checkpoints). Nobody else includes this.
 *
 * One mutex. The writer takes it to publish and to add or remove keys, readers to copy out. A plain
 * mutex and not a read-write lock: with glibc's default one, readers starve the writer.
 */
#ifndef LIVECTR_STORAGE_STORE_INTERNAL_H
#define LIVECTR_STORAGE_STORE_INTERNAL_H

#include <pthread.h>

#include "storage/held.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/slices.h"
#include "storage/store.h"

/* Counts that enter one slice in one step, one cell per key. */
struct batch_list {
    int64_t start_ms;
    uint64_t mark;
    size_t count, capacity;
    struct cell *cells;
};

struct batch {
    size_t count, capacity;
    struct batch_list *lists;
    size_t last;     /* the list met last */
    uint64_t folded; /* added to keys_folded when the batch is counted, not each time it is tried */
};

struct samples {
    size_t count, next;
    struct malformed_sample ring[MALFORMED_SAMPLES_MAX];
};

/* What readers see, changed under the lock. */
struct published {
    struct progress progress;
    int64_t from_ms[WINDOWS_MAX];
    struct partition *partitions;
    size_t partitions_count, partitions_capacity;
    uint64_t held, keys_folded, bytes;
    struct samples samples;
};

struct store {
    struct store_options options;

    /* the writer's own */
    struct names names;
    struct held held;
    struct slices slices;
    struct batch batch;
    struct partition *partitions;
    uint32_t *order;  /* partition indexes by topic and number: the canonical order */
    uint32_t *sorted; /* scratch: a bucket's events in that order */
    size_t sorted_capacity;
    size_t partitions_count, partitions_capacity;
    int64_t as_of_ms, covered_from_ms;
    int64_t lead_ms; /* the least partition clock of the last advance, MOMENT_NONE */
    bool at_end, caught_up_once;
    uint64_t keys_folded;
    struct samples samples;
    uint32_t *removed_kids; /* saved keys that are gone: the snapshot must forget them */
    size_t removed_count, removed_capacity;

    /* shared */
    pthread_mutex_t lock;
    struct keys keys;
    struct published published;
};

/* store_new with room for keys numbered up to kids_min, which a checkpoint may bring. */
CTR_MUST_USE enum ctr_status store_new_sized(const struct store_options *options, uint32_t kids_min,
                                             struct store **ret_store, struct ctr_error *reterr);

void store_lock(const struct store *store);
void store_unlock(const struct store *store);

/* Sorts the canonical order again after a partition was added. */
void store_order_partitions(struct store *store);

/* Adds a partition as it is. Errors: CTR_NO_MEMORY, CTR_LIMIT. */
CTR_MUST_USE enum ctr_status store_partition_add(struct store *store,
                                                 const struct partition *partition,
                                                 uint32_t *ret_index);

/* Removes the keys that the slices list as orphans. Errors: CTR_NO_MEMORY: they stay listed. */
CTR_MUST_USE enum ctr_status store_remove_orphans(struct store *store);

/* Copies the accounts for readers. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_publish(struct store *store);

/* Turns a bucket's records into store->batch, in canonical order. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_gather(struct store *store, const struct held_bucket *bucket);

/* Frees the scratch lists. */
void batch_done(struct batch *batch);

#endif
