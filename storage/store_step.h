/* SPDX-License-Identifier: Apache-2.0
 *
 * One step of the store: a bucket of held records on its way into the counts, in phases that each
 * go on where they failed for want of memory. Part of store_internal.h. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_STORE_STEP_H
#define LIVECTR_STORAGE_STORE_STEP_H

#include "storage/hash.h"
#include "storage/held.h"
#include "storage/minutes.h"
#include "storage/people.h"
#include "storage/slices.h"
#include "storage/store.h"

/* What one key gets in one slice in one step. */
struct gain {
    struct cell cell;
    struct crowd_cell crowd; /* of a list of one second: who enters it, or leaves it */
    int32_t events;          /* that were counted, for the revision of their minute */
    /* As much of these as its minute was told: a step that goes on may have gained more since. */
    int32_t told_impressions, told_clicks, told_events;
};

/* Gains of one slice, or of one minute of a slice that is longer; one per key. */
struct gain_list {
    int64_t start_ms;
    bool of_second; /* not of a longer slice: people who enter it are among the gains */
    bool met;       /* there are such people */
    uint64_t mark;
    size_t count, capacity;
    struct gain *gains;
};

/* What only minutes are told of: a copy, a click left out, an event older than every window. */
enum note_kind {
    NOTE_DUPLICATE,
    NOTE_FILTERED,
    NOTE_REPEATED,
    NOTE_TAKEN_BACK, /* repeated, and its click was counted in no slice any more */
    NOTE_OLD,
    NOTE_OLD_REPEATED
};

struct note {
    int64_t ts_ms;
    uint32_t event;  /* its number in the bucket, which may grow while a step is under way */
    uint32_t folded; /* 1 << level: for the `other` row there */
    enum note_kind kind;
};

/* A person who leaves or enters one second of one key, which is another one than the event's or
 * in a longer slice. */
struct crowd_step {
    int64_t second_s;
    struct crowd_cell cell;
};

/* Crowd cells of one second, one per key. */
struct crowd_list {
    int64_t second_s;
    size_t first, count; /* of the sorted cells */
};

/* What an event will look for, as far as it can be said before its turn. */
struct foreseen {
    uint64_t visitor;         /* 0 none */
    struct people_hint where; /* it is */
    uint64_t placement;       /* hash of its key there */
};

enum { AHEAD_EVENTS = 32 }; /* so many are hashed before their turn, a power of two */

/* One step: a bucket on its way into the counts. Each phase goes on where it failed, so that no
 * event is taken twice: `begun` says that a bucket is under way. */
struct step {
    bool begun;
    int64_t bucket_ms, to_ms;
    size_t sorted_count, next_event;     /* gather */
    size_t hashed;                       /* gather: how many of the sorted ones are in `ahead` */
    size_t met, paired;                  /* and for how many of these what was asked for */
    struct foreseen ahead[AHEAD_EVENTS]; /* by place modulo its length */
    size_t next_note;                    /* minutes: notes are counted by level */
    uint64_t folded, refused, repeated;

    size_t lists_count, lists_capacity;
    struct gain_list *lists;
    size_t last; /* the list met last */
    size_t notes_count, notes_capacity;
    struct note *notes;

    size_t steps_count, steps_capacity;
    struct crowd_step *steps;
    size_t cells_capacity;
    struct crowd_cell *cells; /* sorted by second and merged */
    size_t crowd_lists_count, crowd_lists_capacity;
    struct crowd_list *crowd_lists;
    uint32_t *seconds; /* scratch of the sort: one per second of reach, and one */
};

/* ---- a step, in this order ----------------------------------------------------------------- */

/* Turns a bucket's records into gains, notes and crowd steps, in canonical order. Errors:
 * CTR_NO_MEMORY: the next call goes on. */
CTR_MUST_USE enum ctr_status store_gather(struct store *store, struct held_bucket *bucket);

/* One event. Errors: CTR_NO_MEMORY: nothing changed. */
CTR_MUST_USE enum ctr_status store_take(struct store *store, struct held_event *event,
                                        const struct foreseen *ahead);

/* Where the gains of an event of ts_ms are listed: its slice, or its minute where slices are
 * longer; MOMENT_NONE where nothing is kept. */
int64_t step_start(const struct store *store, int64_t ts_ms);

/* The list of that moment, made if need be. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status step_list(struct store *store, int64_t start_ms, size_t *ret_at);

/* Room for one event's levels. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status step_reserve(struct gain_list *list);

/* The key's entry; the room was reserved. */
struct gain *step_gain(struct store *store, struct gain_list *list, uint32_t kid);

/* One event's people, at the levels whose keys are given (KEY_NONE: not at that level); flags for
 * the journal. gains: what these keys gain in the event's own second, NULL where it has no list of
 * its own. After store_reserve_people for the same event. */
uint32_t store_meet(struct store *store, const struct held_event *event,
                    const uint32_t kids[LEVEL_COUNT], struct gain *const gains[LEVEL_COUNT]);
CTR_MUST_USE enum ctr_status store_reserve_people(struct store *store,
                                                  const struct held_event *event,
                                                  const struct people_hint *where);

/* The hash of a visitor and a place where click_gap looks. */
uint64_t store_place(uint64_t visitor, uint64_t page_hash, uint64_t box_hash);

/* Forgets what is too old at to_ms for ids, gaps and people. */
void store_forget(struct store *store, int64_t to_ms);

/* Sorts the crowd steps by second and merges them; makes room in the slices, for what is among the
 * gains as well. Errors: CTR_NO_MEMORY: may be called again. */
CTR_MUST_USE enum ctr_status store_sort_crowds(struct store *store);
/* Those that are not among the gains. */
void store_append_crowds(struct store *store);
void store_add_crowds(struct store *store); /* under the lock */

/* The crowd slice of a moment at or after reach. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_crowd_slice(struct store *store, int64_t ts_ms,
                                               struct slice **ret_slice);

static inline bool crowd_changes(const struct crowd_cell *crowd)
{
    return (crowd->viewers | crowd->clickers | crowd->clicking) != 0;
}

/* Adds gains and notes to the minutes. Errors: CTR_NO_MEMORY: the next call goes on. */
CTR_MUST_USE enum ctr_status store_note_minutes(struct store *store);

/* The levels (1 << level) at which an event that is only noted belongs to the `other` row: where
 * the store is full and its key has no row. */
uint32_t store_noted_levels(const struct store *store, uint64_t page_hash, uint64_t box_hash);

/* A record that its times refused, for its minute. Errors: CTR_NO_MEMORY: nothing was told. */
CTR_MUST_USE enum ctr_status store_note_refused(struct store *store, const struct event *event,
                                                enum minute_number number);

/* `to` has reached to_ms: takes the people of a minute that ends there, finishes minutes. */
void store_close_minutes(struct store *store, int64_t to_ms);

/* DESIGN "Levels", CONTRACT 12: whether such an event counts at a level. */
bool store_counts_at(const struct store *store, enum event_type type, bool box, enum level level);

void step_done(struct step *step);

#endif
