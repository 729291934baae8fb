/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the source share: consumer.c (life), client.c (handles of librdkafka),
 * complaints.c (words); reader.c, assigning.c, skipping.c (ingest thread); watcher_internal.h's.
 */
#ifndef LIVECTR_SERVICE_KAFKA_CONSUMER_INTERNAL_H
#define LIVECTR_SERVICE_KAFKA_CONSUMER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "service/kafka/part.h"
#include "service/kafka/rd.h"
#include "service/kafka/statistics.h"
#include "service/source.h"

enum { BATCH_MESSAGES = 4096 }; /* records of one poll, at most */

/* A word from the watcher to the ingest thread. */
struct note {
    enum source_kind kind;
    uint32_t partition;
    int64_t offset;
    int64_t time_ms;
    enum partition_state state;
    bool quiet; /* not for the pipeline */
};

/* One librdkafka client. The reader's may be replaced while the watcher waits in a call to it, so
 * whoever is inside is counted. */
struct client {
    rd_kafka_t *handle;
    atomic_uint users;
};

/* What a source suffers from, as its state says; the first that applies. */
enum cause {
    CAUSE_NONE,
    CAUSE_BROKERS_DOWN,
    CAUSE_DNS,
    CAUSE_TLS,
    CAUSE_AUTH,
    CAUSE_NOT_AUTHORIZED,
    CAUSE_TOPIC_MISSING,
    CAUSE_PARTITIONS_SHRUNK,
    CAUSE_COUNT
};

struct kafka_source {
    struct source base;
    const struct config *config;
    int wake_fd; /* eventfd: records or notes are there */

    pthread_t watcher;
    bool watcher_runs;
    /* The watcher's own client: it sees the log's end beyond open transactions, and its questions
     * do not wait behind a fetch. */
    rd_kafka_t *asker;

    pthread_mutex_t lock;
    pthread_cond_t changed; /* wakes the watcher early */
    struct client *client;  /* the reader's */
    bool stopping, closed;
    bool rebuild;        /* the ingest thread is to make the client anew */
    bool woken;          /* since the watcher's round began: do not wait, go round again */
    bool hungry;         /* a queue is empty though its log goes on (feeding.c) */
    int64_t fed_ms;      /* monotonic: when that was last said */
    struct part **parts; /* a part never moves; the array is under the lock */
    uint32_t parts_count, parts_capacity;
    struct note *notes;
    size_t notes_count, notes_capacity;
    struct source_health health;
    struct kafka_statistics statistics;
    enum cause cause; /* the gravest that librdkafka spoke of since all was well */

    bool asked, unanswered, odd; /* watcher thread, of this round */

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
uint32_t kafka_parts_count(struct kafka_source *source);

/* ---- client.c ------------------------------------------------------------------------------ */

/* The reader's client, or the watcher's. Errors: CTR_INVALID, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status kafka_client_new(struct kafka_source *source,
                                              struct client **ret_client, struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status kafka_asker_new(struct kafka_source *source, rd_kafka_t **ret_asker,
                                             struct ctr_error *reterr);

/* Waits for the last user, then ends it, which may take minutes. */
void kafka_client_end(struct client *client);

/* The reader's client for a call of the watcher, and back. Takes the lock. */
struct client *kafka_client_borrow(struct kafka_source *source);
void kafka_client_return(struct client *client);

/* A new client in place of the reader's; every partition is begun again where it was. Thread:
 * ingest, between two polls. */
void kafka_client_rebuild(struct kafka_source *source);

/* ---- assigning.c, reader.c: the ingest thread ---------------------------------------------- */

/* Two of the source's operations (service/source.h). */
enum ctr_status kafka_poll(struct source *base, int timeout_ms, struct source_batch *ret_batch);
void kafka_release(struct source *base, struct source_batch *batch);

/* Room for every item one poll can give was made before it began. */
void kafka_add_item(struct kafka_source *source, const struct source_item *item);

/* The watcher found where to begin: assign. A failure goes back to the watcher. */
void kafka_begin_part(struct kafka_source *source, uint32_t index);
/* Assigns it at any offset, for a look. */
bool kafka_assign(struct kafka_source *source, struct part *part, int64_t offset);
/* What came for the offset that was asked for last. */
void kafka_skip_on(struct kafka_source *source, uint32_t index, const rd_kafka_message_t *message);
/* STARTED or READING, and GAP; once it is known to be the right log. */
void kafka_announce(struct kafka_source *source, uint32_t index);
/* Has the watcher look at the log again, to go on from our own place. */
void kafka_begin_again(struct kafka_source *source, struct part *part);
/* A queue is empty though its log goes on: has the client look at its queues. Under the lock.
 * False: that was said just now. */
bool kafka_hungry(struct kafka_source *source);
/* Takes it off the client. */
void kafka_unassign(struct kafka_source *source, struct part *part);

/* Gives its queue back, which may live on in a client that takes long to end: it wakes nobody any
 * more, as what it would write to may be another file by then. */
void kafka_close_queue(struct part *part);

/* ---- both sides ---------------------------------------------------------------------------- */
void *kafka_watch(void *argument); /* the watcher's thread */
/* Adds a note and wakes the ingest thread. Under the lock. False: no memory; say it again later. */
bool kafka_note(struct kafka_source *source, const struct note *note);

/* Keeps the newest complaint and counts it. Takes the lock. */
void kafka_complain(struct kafka_source *source, const char *format, ...) CTR_PRINTF(2, 3);

/* librdkafka's error callback. Thread: whoever polls the client. */
void kafka_on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque);

#endif
