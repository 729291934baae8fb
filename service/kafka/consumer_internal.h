/* SPDX-License-Identifier: Apache-2.0
 *
 * What consumer.c (life), reader.c (ingest thread) and watcher.c (watcher thread) share.
 */
#ifndef LIVECTR_SERVICE_KAFKA_CONSUMER_INTERNAL_H
#define LIVECTR_SERVICE_KAFKA_CONSUMER_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>

#include "service/kafka/rd.h"
#include "service/source.h"

enum { BATCH_MESSAGES = 4096 }; /* records of one poll, at most */

enum part_state {
    PART_FOUND,     /* announced; waiting for start() */
    PART_RESOLVING, /* the watcher looks its offset up */
    PART_RESOLVED,  /* the ingest thread is to assign it */
    PART_READING,
};

struct part {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;
    rd_kafka_queue_t *queue; /* ingest thread */
    bool held;               /* ingest thread */

    /* under the lock */
    enum part_state state;
    struct source_start start;
    int64_t low;        /* what the look-up gave: the log's beginning ... */
    int64_t first;      /* ... and where to read from */
    int64_t covered_ms; /* see SOURCE_STARTED */
    bool started_once;  /* STARTED was given before: now only a GAP may follow */
};

/* A word from the watcher to the ingest thread. */
struct note {
    enum source_kind kind;
    uint32_t partition;
    int64_t offset;
    int64_t time_ms;
};

struct kafka_source {
    struct source base;
    const struct config *config;
    rd_kafka_t *handle;
    int wake_fd; /* eventfd: records or notes are there */

    pthread_t watcher;
    bool watcher_runs;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* wakes the watcher early */
    bool stopping;
    bool woken;          /* since the watcher's round began: do not wait, go round again */
    struct part **parts; /* a part never moves; the array is under the lock */
    uint32_t parts_count, parts_capacity;
    struct note *notes;
    size_t notes_count, notes_capacity;
    struct source_health health;

    /* ingest thread */
    struct note *taken; /* notes of this poll */
    size_t taken_count, taken_capacity;
    rd_kafka_message_t **messages;
    size_t messages_count;
    struct source_item *items;
    size_t items_count, items_capacity;
    uint32_t next_part; /* which queue is read first */
};

struct kafka_source *kafka_mine(struct source *source);

/* A part's address is stable, so it may be used after the lock, which this takes, is released. */
struct part *kafka_part(struct kafka_source *source, uint32_t index);

/* Two of the source's operations (service/source.h). Thread: ingest. */
enum ctr_status kafka_poll(struct source *base, int timeout_ms, struct source_batch *ret_batch);
void kafka_release(struct source *base, struct source_batch *batch);

void *kafka_watch(void *argument); /* the watcher's thread */

/* Adds a note and wakes the ingest thread. Under the lock. False: no memory; say it again later. */
bool kafka_note(struct kafka_source *source, const struct note *note);

/* Keeps the newest complaint and counts it. Takes the lock. */
void kafka_complain(struct kafka_source *source, const char *format, ...) CTR_PRINTF(2, 3);

#endif
