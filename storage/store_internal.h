/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the store share: store.c (life, records), store_partitions.c, store_gather.c (a
 * bucket into cells), store_people.c (who saw and clicked), store_minutes.c (minutes for the
 * history), store_apply.c (time), store_read.c and store_list.c (readers), store_cut.c and
 * store_restore.c (checkpoints). Nobody else includes this.
 *
 * One mutex. The writer takes it to publish and to add or remove keys, readers to copy out. A plain
 * mutex and not a read-write lock: with glibc's default one, readers starve the writer.
 */
#ifndef LIVECTR_STORAGE_STORE_INTERNAL_H
#define LIVECTR_STORAGE_STORE_INTERNAL_H

#include <pthread.h>

#include "storage/book.h"
#include "storage/gaps.h"
#include "storage/held.h"
#include "storage/ids.h"
#include "storage/journal.h"
#include "storage/keys.h"
#include "storage/names.h"
#include "storage/people.h"
#include "storage/slices.h"
#include "storage/store.h"
#include "storage/store_status.h"
#include "storage/store_step.h"

/* A question of a reader that only the writer can answer; under the lock. */
struct held_question {
    bool asked, answered;
    const struct key_name *name; /* the asker's, who waits */
    int64_t minute_ms;
    uint64_t count;
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
    uint64_t people, people_refused, people_bytes, ids, ids_bytes, repeated;
    struct delays delays;
    struct samples samples;
};

struct store {
    struct store_options options;
    struct window_set people_windows; /* the first so many of options.windows */
    size_t minute_window;             /* the 10m window, WINDOWS_MAX where none has people */

    /* the writer's own */
    struct names names;
    struct held held;
    struct slices slices, crowds;
    struct people people;
    struct ids ids;
    struct gaps gaps;
    struct journal_part *journal;           /* being filled */
    struct journal_part **journals_waiting; /* cut off, until they are saved */
    size_t journals_count, journals_capacity;
    struct step step;
    struct partition *partitions;
    uint32_t *order;  /* partition indexes by topic and number: the canonical order */
    uint32_t *sorted; /* scratch: a bucket's events in that order */
    size_t sorted_capacity;
    size_t partitions_count, partitions_capacity;
    int64_t as_of_ms, covered_from_ms;
    int64_t lead_ms; /* the least partition clock of the last advance, MOMENT_NONE */
    bool at_end, caught_up_once;
    bool minutes_wait; /* a step waits while too many finished minutes do */
    uint64_t keys_folded, people_refused, repeated;
    uint64_t cut;    /* number of the newest one */
    bool cut_failed; /* for want of memory: the next one is whole */
    struct delays delays;
    struct samples samples;
    uint32_t *removed_kids; /* saved keys that are gone: the snapshot must forget them */
    size_t removed_count, removed_capacity;

    /* shared */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct held_question question;
    struct keys keys;
    struct published published;
    struct minutes_book book; /* has a lock of its own */
};

/* store_new with room for keys numbered up to kids_min, which a checkpoint may bring. */
CTR_MUST_USE enum ctr_status store_new_sized(const struct store_options *options, uint32_t kids_min,
                                             struct store **ret_store, struct ctr_error *reterr);

/* The same for the same hash_secret, and tells nothing about it. */
int64_t store_secret_check(const struct store_options *options);

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

/* The same without memory to be had, under the lock: with each step, so that a status is one
 * picture. */
void store_publish_accounts(struct store *store);

/* The prior's weight that was learned last, for the keys with the same siblings. */
struct prior_memo {
    bool known;
    enum level level;
    const struct name *box;
    double weight;
};

/* The figures of a row, or of a key that nobody has counted: zeros, and what its level above says.
 * Under the lock. */
void store_figures(const struct store *store, struct prior_memo *memo, size_t window, uint32_t kid,
                   struct figures *ret_figures);
void store_unknown_figures(const struct store *store, struct prior_memo *memo, size_t window,
                           const struct key_name *name, uint64_t box_hash,
                           struct figures *ret_figures);

/* Fingerprint of an accepted event whose names are known; 0 where it has no id. */
uint64_t store_print(const struct store *store, const struct event *event,
                     const struct held_event *held);

/* Fills people, ids and gaps again from a checkpoint's journals, after all else was restored.
 * Errors: CTR_NO_MEMORY, CTR_CORRUPT. */
CTR_MUST_USE enum ctr_status store_replay_journals(struct store *store,
                                                   const struct checkpoint *from);

/* Answers a reader's question about held records, under the lock. */
void store_answer(struct store *store);

#endif
