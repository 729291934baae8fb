/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the watcher share: watcher.c (topics, the thread), starts.c (where partitions
 * begin), ends.c (where logs end), and complaints.c. Thread: watcher.
 */
#ifndef LIVECTR_SERVICE_KAFKA_WATCHER_INTERNAL_H
#define LIVECTR_SERVICE_KAFKA_WATCHER_INTERNAL_H

#include "service/kafka/consumer_internal.h"

enum { ASK_MS = 2000, PROBE_MS = 1000, RETRY_MS = 500 };

/* Partitions asked for an offset each. */
struct question {
    rd_kafka_topic_partition_list_t *list;
    uint32_t *index; /* which they are */
    int64_t *given;  /* where the reader was when this was made */
};

/* Of the partitions that are `wanted`, which is asked under the lock. False: no memory. */
bool kafka_question_new(struct kafka_source *source, bool (*wanted)(const struct part *part),
                        struct question *ret_question);
void kafka_question_done(struct question *question);

/* Puts the question for the offsets at `time` (a record time, or RD_KAFKA_OFFSET_BEGINNING or
 * _END), one request per broker; RD_KAFKA_OFFSET_INVALID where one has no answer. An answer of -1
 * means that no record is that young. False: none may be used. */
bool kafka_ask(struct kafka_source *source, rd_kafka_t *handle, struct question *question,
               int64_t time, int wait_ms);

/* Wakes the threads that fetch for a reader that runs dry (kafka_hungry()). Waits for nobody. */
void kafka_feed(struct kafka_source *source);

/* Where the partitions that are to be begun begin. */
void kafka_resolve(struct kafka_source *source);

/* Confirms ends; notices what is blocked, stalled or cut short. */
void kafka_probe(struct kafka_source *source);

/* A round of the watcher: what it asked, whether that was answered, and what is wrong with the
 * topics; from all of it the source's state follows. Thread: watcher. */
void kafka_round_begin(struct kafka_source *source);
void kafka_answered(struct kafka_source *source, rd_kafka_resp_err_t code);
void kafka_round_done(struct kafka_source *source, bool complete, enum cause topics);

/* What an error of a topic means for the source; CAUSE_NONE: nothing that lasts. */
enum cause kafka_cause_of(rd_kafka_resp_err_t code);

#endif
