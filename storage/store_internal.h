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
#include <stdatomic.h>

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
#include "storage/store_prior.h"
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
    uint64_t held, keys_folded;
    struct store_memory memory;
    struct store_slices slices;
    uint64_t people, people_refused, people_bytes, ids, ids_bytes, repeated;
    struct delays delays;
    struct samples samples;
};

/* How far a copy for an image is (storage/store_image.h). */
enum sweep_next { SWEEP_IDLE, SWEEP_CLICKS, SWEEP_PEOPLE, SWEEP_IDS, SWEEP_KEYS, SWEEP_END };

struct sweep {
    enum sweep_next next;
    bool begun;
    uint64_t cut;
    uint64_t batches; /* made of it so far */
    uint64_t events;  /* in cuts since its own one */
    int64_t minute_ms;
    size_t part;
    struct ids_copy ids;
    uint32_t kid;
};

struct store {
    struct store_options options;
    uint64_t identity;
    struct window_set people_windows; /* the first so many of options.windows */
    size_t minute_window;             /* the 10m window, WINDOWS_MAX where none has people */

    /* the writer's own */
    struct names names;
    struct held held;
    struct slices slices, crowds;
    struct people people;
    struct ids ids;
    struct gaps gaps;
    struct sweep sweep;
    struct journal_part *journal;           /* being filled */
    struct journal_part **journals_waiting; /* closed, until they are saved */
    size_t journals_count, journals_capacity;
    size_t journal_part_events; /* in a part at most; JOURNAL_PART_EVENTS_MAX, but in tests */
    struct journal_spares journal_spares;
    struct step step;
    struct partition *partitions;
    uint32_t *order;  /* partition indexes by topic and number: the canonical order */
    uint32_t *sorted; /* scratch: a bucket's events in that order */
    size_t sorted_capacity;
    size_t partitions_count, partitions_capacity;
    int64_t as_of_ms, covered_from_ms;
    int64_t limit_ms; /* where `to` stops for now; INT64_MAX nowhere */
    int64_t lead_ms;  /* the least partition clock of the last advance, MOMENT_NONE */
    bool at_end, caught_up_once;
    bool unsettled;    /* what follows a move of `to` was cut short for want of memory */
    bool minutes_wait; /* a step waits while too many finished minutes do */
    uint64_t keys_folded, people_refused, repeated;
    uint64_t cut;    /* number of the newest one */
    bool cut_failed; /* for want of memory: the next one is whole */
    bool has_cut;
    uint64_t cut_saved; /* all that came with cuts up to this one is saved */
    struct delays delays;
    struct samples samples;
    uint32_t *removed_kids; /* saved keys that are gone: the snapshot must forget them */
    size_t removed_count, removed_capacity;

    /* shared */
    pthread_mutex_t lock;
    _Atomic unsigned waiting; /* threads in store_lock() */
    pthread_cond_t answered;
    pthread_cond_t moved; /* a change was published */
    struct held_question question;
    struct keys keys;
    _Atomic uint64_t held_revision; /* steps wait while this is the published one; 0: none */
    struct published published;
    struct prior_known priors[PRIORS_KNOWN]; /* a cache, each at its place */
    struct minutes_book book;                /* has a lock of its own */
};

/* store_new with room for keys numbered up to kids_min, which a checkpoint may bring. */
CTR_MUST_USE enum ctr_status store_new_sized(const struct store_options *options, uint32_t kids_min,
                                             struct store **ret_store, struct ctr_error *reterr);

/* The same for the same hash_secret, and tells nothing about it. */
int64_t store_secret_check(const struct store_options *options);

void store_lock(const struct store *store);
void store_unlock(const struct store *store);

/* Whether somebody waits in store_lock(). */
bool store_wanted(const struct store *store);

/* Sorts the canonical order again after a partition was added. */
void store_order_partitions(struct store *store);

/* Adds a partition as it is. Errors: CTR_NO_MEMORY, CTR_LIMIT. */
CTR_MUST_USE enum ctr_status store_partition_add(struct store *store,
                                                 const struct partition *partition,
                                                 uint32_t *ret_index);

/* Whether a reader has asked for this picture to last, and may still have it. Thread: ingest. */
bool store_is_held(const struct store *store);

/* Moves as_of as far as the partitions allow at now_ms. */
void store_move_as_of(struct store *store, int64_t now_ms);

/* Removes the keys that the slices list as orphans. Errors: CTR_NO_MEMORY: they stay listed. */
CTR_MUST_USE enum ctr_status store_remove_orphans(struct store *store);

/* Copies the accounts for readers. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_publish(struct store *store);

/* The same without memory to be had, under the lock: with each step, so that a status is one
 * picture. */
void store_publish_accounts(struct store *store);

/* The figures of a row, or of a key that nobody has counted: zeros, and what its level above says.
 * Under the lock. */
void store_figures(const struct store *store, struct prior_memo *memo, size_t window, uint32_t kid,
                   struct figures *ret_figures);
void store_unknown_figures(const struct store *store, struct prior_memo *memo, size_t window,
                           const struct key_name *name, uint64_t box_hash,
                           struct figures *ret_figures);

/* The journal (store_journals.c). Makes room in it for one event more. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_reserve_journal(struct store *store);

/* Gives the parts that wait and have no number yet those after `cut`; the last one that was given.
 */
uint64_t store_number_journals(struct store *store, uint64_t cut);

/* What has been journalled since the last cut joins what is not known to be saved; all that is the
 * cut's. False: no memory. */
bool store_cut_journals(struct store *store, struct checkpoint *cut);

/* The parts that cuts have numbered are saved. */
void store_forget_journals(struct store *store);

/* Where nothing can be saved for long, what is too old to be needed again does not wait for it. */
void store_forget_old_journals(struct store *store, int64_t from_ms);

/* How far back events are needed to fill people, ids and gaps again. */
int64_t store_journal_from(const struct store *store);

/* Answers a reader's question about held records, under the lock. */
void store_answer(struct store *store);

#endif
