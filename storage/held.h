/* SPDX-License-Identifier: Apache-2.0
 *
 * Records that were read but not counted, by the moment `to` at which they enter the answers: the
 * end of the slice of the later of their event time and their arrival.
 *
 *   bucket  to=12:00:01  [event event event ...]   in the order read, per partition by offset
 *   bucket  to=12:00:02  [event ...]
 *
 * A held event is one user of its names. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_HELD_H
#define LIVECTR_STORAGE_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/names.h"
#include "storage/status.h"

enum held_flag {
    HELD_STRAGGLER = 1,
    HELD_FILTERED = 2,
    HELD_TOO_LATE = 4,  /* comes too long after its event to be looked up */
    HELD_UNCHECKED = 8, /* has an id, but was not found out to be a copy or not */
    HELD_FLAGS_END = 16
};

/* What became of it at its step. */
enum held_verdict { HELD_WAITING, HELD_COUNTED, HELD_DUPLICATE };

#define HELD_DELAY_UNKNOWN INT32_MIN

struct held_event {
    int64_t ts_ms;
    struct name *page, *box; /* box NULL: none */
    uint64_t visitor;        /* keyed hash, 0: none */
    uint64_t print;          /* of the whole event, 0: it cannot be recognised */
    uint32_t partition;
    int32_t delay_ms; /* record time - event time; HELD_DELAY_UNKNOWN after a restart */
    uint8_t type;     /* enum event_type */
    uint8_t flags;    /* enum held_flag */
    uint8_t verdict;  /* enum held_verdict */
};

struct held_bucket {
    int64_t apply_ms;
    size_t count, capacity;
    struct held_event *events;
    bool unsaved, saved;
};

/* Memory for the events of a bucket. */
struct held_room {
    struct held_event *events;
    size_t capacity;
};

/* Where partitions run ahead of each other, so many buckets or more are filled at the same time. */
enum { HELD_SPARES_MAX = 8 };

struct held {
    size_t count, capacity;
    struct held_bucket *buckets;              /* by apply_ms */
    uint64_t events;                          /* in all buckets */
    struct held_room spares[HELD_SPARES_MAX]; /* of buckets that were dropped, for the next ones */
    size_t spares_count;
    size_t usual; /* events of the bucket that was dropped last */
    size_t gone_count, gone_capacity;
    int64_t *gone; /* saved buckets that were counted since: the snapshot must forget them */
};

void held_init(struct held *held);
void held_done(struct held *held, struct names *names);

/* Adds one event, which the caller writes where it stays (its uses of names are then the bucket's):
 * put together elsewhere and copied at once, it would wait for its parts to be written. It is valid
 * until the next one is added. Errors: CTR_NO_MEMORY: nothing changed. */
CTR_MUST_USE enum ctr_status held_add(struct held *held, int64_t apply_ms,
                                      struct held_event **ret_event);

/* The bucket that is due first, NULL when none is held. */
struct held_bucket *held_first(const struct held *held);

/* The bucket of a moment, which must be there. */
struct held_bucket *held_at(const struct held *held, int64_t apply_ms);

/* Makes room for one drop, so that dropping cannot fail after the counting. Errors: CTR_NO_MEMORY.
 */
CTR_MUST_USE enum ctr_status held_reserve_drop(struct held *held);

/* Drops a bucket, giving its names back. */
void held_drop(struct held *held, struct held_bucket *bucket, struct names *names);

#endif
