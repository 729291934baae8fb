/* SPDX-License-Identifier: Apache-2.0
 *
 * One partition of the source, as its two threads see it; consumer_internal.h says who does what.
 */
#ifndef LIVECTR_SERVICE_KAFKA_PART_H
#define LIVECTR_SERVICE_KAFKA_PART_H

#include <stdbool.h>

#include "service/kafka/rd.h"
#include "service/source.h"

enum part_state {
    PART_FOUND,     /* announced; waiting for start() */
    PART_RESOLVING, /* the watcher looks its offset up */
    PART_RESOLVED,  /* the ingest thread is to assign it */
    PART_PROVING,   /* assigned; the first record is to be compared */
    PART_SKIPPING,  /* assigned; the end of a batch that cannot be read is being searched */
    PART_READING,
    PART_STOPPED, /* until start() */
    PART_GONE,    /* until the brokers know it again */
};

/* The search for the end of a batch that cannot be read: offsets in it are answered with the same
 * error. */
struct skip {
    int64_t at;        /* asked for now */
    int64_t in;        /* the last one known to be in it, -1: none yet */
    int64_t behind;    /* the first one known not to be, -1 */
    int64_t step;      /* how far beyond `in` to look next */
    int64_t complaint; /* the offset that the error names */
};

struct part {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;

    /* ingest thread */
    rd_kafka_queue_t *queue;
    bool assigned;
    bool announce; /* STARTED, GAP or READING are to be told before anything else */
    int64_t next;  /* behind the last record given */
    int64_t last;  /* its offset, -1: none since start() */
    int64_t bad_at;
    unsigned bad_tries; /* at bad_at */
    int64_t fed_at;     /* `next` when it was last said to be hungry: once for each advance, as what
                           stands behind an open transaction is not to be had */
    struct skip skip;

    /* under the lock */
    enum part_state state;
    bool held;
    struct source_start start;
    int64_t low, high;  /* what the look-up gave: the log's beginning and end, ... */
    int64_t first;      /* ... where to read from, ... */
    int64_t asked_ms;   /* ... when it was asked, ... */
    int64_t covered_ms; /* ... see SOURCE_STARTED */
    bool started_once;  /* STARTED was given: now only a GAP may follow */
    bool begun;         /* it was read from, since start(): `given` says how far */
    int64_t given;      /* `next`, for the watcher */
    int64_t proof;      /* by which the log may be known again, -1 none */
    int64_t empty_ms;   /* monotonic: when the reader last found nothing in the queue */
    int64_t end;        /* the newest confirmed one */
    int64_t due;        /* the one before it: what lies below has had time to come */

    /* watcher thread */
    int64_t short_since_ms;    /* monotonic, 0: the log is long enough */
    int64_t behind_since_ms;   /* monotonic, 0: nothing is missing; else `given` has been ... */
    int64_t behind_at;         /* ... this since then, though the log goes on */
    unsigned stalls;           /* one after the other */
    enum partition_state told; /* under the lock */
};

#endif
