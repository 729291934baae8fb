/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: every count of every key for every window, the records not yet counted, and how far
 * each partition was read. The only shared mutable state of the program.
 *
 *   one writer (the ingest thread)                    any number of readers
 *   store_partition_*, store_record_*  --- publish -->  store_read, store_list, store_progress,
 *   store_advance, store_cut                            store_partitions: copy out, keep nothing
 *
 * Invariants
 *  1. What readers see is the fold of the records that arrived before `to`, over the events with
 *     from <= ts < to; it changes only inside store_advance, all keys of all windows at once.
 *  2. For every partition, in every published picture:
 *     read = counted + held + duplicate + late + future + malformed.
 *  3. At every level the rows plus the `other` row add up to the same totals.
 *  4. Nothing here reads a clock, allocates for ever or logs.
 */
#ifndef LIVECTR_STORAGE_STORE_H
#define LIVECTR_STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "storage/event.h"
#include "storage/partitions.h"
#include "storage/status.h"
#include "storage/window.h"

struct store;
struct checkpoint;

enum clock_mode { CLOCK_WALL, CLOCK_EVENT };
enum page_impressions { PAGE_IMPRESSIONS_PAGE_VIEWS, PAGE_IMPRESSIONS_BOX_VIEWS };
enum level { LEVEL_SITE, LEVEL_PAGE, LEVEL_BOX, LEVEL_PLACEMENT, LEVEL_COUNT };

const char *level_name(enum level level);

struct store_options {
    struct window_set windows;
    enum clock_mode clock;
    enum page_impressions page_impressions;
    int64_t settle_ms;         /* 0 in event mode */
    int64_t late_ms;           /* INT64_MAX: off */
    int64_t future_ms;         /* INT64_MAX: off */
    int64_t people_horizon_ms; /* windows up to this long have people */
    int64_t dedup_horizon_ms;  /* how long after its event a copy is recognised */
    int64_t lateness_ms;       /* how long after its end a minute is final */
    int64_t click_gap_ms;      /* 0: every click counts */
    uint64_t visitors_max;     /* pairs (visitor, key) that are remembered */
    uint64_t ids_max;          /* events that are remembered, to find their copies */
    uint32_t minutes_max;      /* rows of finished minutes that wait to be saved */
    uint32_t keys_max;         /* pages + boxes + placements that have their own row */
    bool provisional;  /* a scout's: what it covers is answered until another store has the whole */
    uint32_t held_max; /* records read but not counted; store_overfull() tells when it is reached */
    uint64_t key_text_max_bytes; /* ids of keys that have their own row; 0: no limit */
    uint64_t held_max_bytes;     /* held records with their ids; as held_max; 0: no limit */
    uint64_t hash_secret[24];    /* 192 random bytes: nobody outside can build colliding ids */
};

/* What is asked about: neither id: the site; page: a page; box: a box across all pages; both: a
 * placement. */
struct key_name {
    struct text page, box;
};

struct totals {
    uint64_t impressions, clicks;
};

/* Visitors of one key in one window: by last view, by the earlier of last view and last click, by
 * last click. Those who clicked without having seen are clicking - clickers. */
struct crowd {
    uint32_t viewers, clickers, clicking;
};

/* Whether the people of a window are known. */
enum people_known {
    PEOPLE_KNOWN,
    PEOPLE_BEYOND_HORIZON,
    PEOPLE_OVER_LIMIT,
    PEOPLE_NOT_COVERED /* a provisional store that does not hold the whole window */
};

/* All that is told about one key in one window. */
struct figures {
    struct totals totals;
    enum people_known people;
    struct crowd crowd; /* zeros unless PEOPLE_KNOWN */
    bool has_prior;
    double prior_ctr, prior_weight;
    bool folded; /* all is zero, and it may be because the key is inside its level's `other` */
};

/* What one published picture has in common. MOMENT_NONE where there is none yet. */
struct progress {
    int64_t as_of_ms;
    int64_t to_ms;
    int64_t
        covered_from_ms; /* everything at or after this was read; INT64_MIN: from the beginning */
    int64_t alive_ms;    /* the oldest sign of life among partitions, MOMENT_NONE */
    uint64_t revision;   /* grows by one with every published change of a count */
    enum clock_mode clock;
    bool provisional;    /* as in the options */
    bool at_end;         /* every partition was read to its end at the same moment */
    bool caught_up_once; /* that has been so since the start */
    uint32_t partitions; /* how many are known */
};

struct reading {
    int64_t from_ms;
    struct progress progress;
};

/* ---- life -------------------------------------------------------------------------------- */

/* An empty store, copying `options`. Errors: CTR_NO_MEMORY, CTR_INVALID. Thread: any. */
CTR_MUST_USE enum ctr_status store_new(const struct store_options *options,
                                       struct store **ret_store, struct ctr_error *reterr);

/* As store_new, but continuing exactly where `checkpoint` (borrowed) was cut. Windows may differ
 * from those at the cut as long as their grains nest. Errors: CTR_CORRUPT where the checkpoint
 * contradicts itself, CTR_INVALID where the settings forbid it. */
CTR_MUST_USE enum ctr_status store_restore(const struct store_options *options,
                                           const struct checkpoint *checkpoint,
                                           struct store **ret_store, struct ctr_error *reterr);

void store_free(struct store *store); /* NULL is fine */

const struct store_options *store_options(const struct store *store);

/* ---- the writer (Thread: ingest) ----------------------------------------------------------- */

/* The index of a partition, adding it if it is new; a restored one keeps its position and
 * counters. Errors: CTR_NO_MEMORY, CTR_LIMIT. */
CTR_MUST_USE enum ctr_status store_partition_open(struct store *store, const char *topic,
                                                  int32_t number, uint32_t *ret_index);

/* The partition's own record: position, clock, confirmation. Writer-private; the writer changes
 * it only through the functions of storage/partitions.h. */
struct partition *store_partition(struct store *store, uint32_t index);
uint32_t store_partition_count(const struct store *store);

/* Takes a decoded record: judges late and future, else holds it until its slice closes. now_ms is
 * the wall clock (MOMENT_NONE in event mode). Copies what it keeps of `event`. Records below the
 * partition's position are dropped and counted as redelivered.
 * Errors: CTR_NO_MEMORY: nothing was changed, the same record may be offered again. */
CTR_MUST_USE enum ctr_status store_record_event(struct store *store, uint32_t partition,
                                                int64_t offset, int64_t record_ms, int64_t now_ms,
                                                const struct event *event);

/* Takes a record that is no event. `detail` (NUL-terminated, may be "") is kept among the newest
 * few for people to look at and must hold no visitor. */
void store_record_malformed(struct store *store, uint32_t partition, int64_t offset, int64_t now_ms,
                            enum malformed_reason reason, const char *detail);

/* Says that everything before covered_from_ms may be missing (a start later than the beginning). */
void store_cover_from(struct store *store, int64_t covered_from_ms);

/* Moves as_of as far as the partitions allow at now_ms, counts what thereby closes, publishes.
 * While `waiting` (partitions may still be unknown) only the accounts are published.
 * Errors: CTR_NO_MEMORY: what was closed so far is published, call again; CTR_RETRY: likewise, once
 * minutes were saved (store_minutes_wait). */
CTR_MUST_USE enum ctr_status store_advance(struct store *store, int64_t now_ms, bool waiting);

/* `to` goes no further than to_ms until told otherwise; INT64_MAX: as far as it can. */
void store_limit(struct store *store, int64_t to_ms);

/* held_max is reached: stop reading every partition that runs ahead of the others. */
bool store_overfull(const struct store *store);

/* More than half of the rows of finished minutes that may wait to be saved do: cut soon. While
 * `wait` was said last, store_advance() then stops between two steps with CTR_RETRY, so that no row
 * has to be dropped; say so only where saving goes well. */
bool store_minutes_pressing(const struct store *store);
void store_minutes_wait(struct store *store, bool wait);

/* Whether this partition is one that must be read for as_of to move. Meaningful after advance. */
bool store_partition_leads(const struct store *store, uint32_t index);

/* An owned, immutable picture for the snapshot thread: what changed since the last cut, or
 * everything when `whole`. Errors: CTR_NO_MEMORY: the next cut must be whole. */
CTR_MUST_USE enum ctr_status store_cut(struct store *store, bool whole,
                                       struct checkpoint **ret_checkpoint);

/* ---- readers (Thread: any) ----------------------------------------------------------------- */
/* Figures of `count` keys in one window, all of one moment. An id nobody has counted gives zeros;
 * `folded` is then true if its level had to fold keys into `other` within the window, so that the
 * zeros may be short. window < options->windows.count. */
void store_read(const struct store *store, size_t window, const struct key_name *names,
                size_t count, struct figures *ret_figures, struct reading *ret_reading);

struct progress store_progress(const struct store *store);

/* Waits until the revision is another one, or until the deadline (CLOCK_MONOTONIC). */
struct progress store_await(const struct store *store, uint64_t revision,
                            const struct timespec *deadline);

#endif
