/* SPDX-License-Identifier: Apache-2.0
 *
 * The parts of ktool, the tests' tool for Kafka: ktool.c (arguments, verbs), ktool_client.c (what
 * the verbs share), ktool_admin.c (topics), ktool_records.c (records in and out), ktool_flood.c (a
 * live stream), ktool_outage.c (a backlog), ktool_transact.c (transactions,
 * deleting). One thread; whatever fails ends the program with a line that says why.
 */
#ifndef LIVECTR_TESTS_SUPPORT_KTOOL_H
#define LIVECTR_TESTS_SUPPORT_KTOOL_H

#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

enum { REST_MAX = 64, ERROR_BYTES = 512, ADMIN_MS = 30000, PARTITIONS_MAX = 4096 };

enum option {
    BROKERS,
    RATE,
    TOPICS,
    SECONDS,
    SEED,
    PAGES,
    BOXES,
    VISITORS,
    CLICK_PERCENT,
    PARTITIONS,
    LEADERS,
    TIMEOUT,
    BEGIN,
    UNTIL,
    KEY,
    LZ4,
    OPTION_COUNT
};

struct args {
    const char *values[OPTION_COUNT]; /* NULL: not given */
    char *rest[REST_MAX];
    int rest_count;
};

/* ---- ktool.c ------------------------------------------------------------------------------- */

_Noreturn void die(const char *what, const char *why);
int64_t to_number(const char *text, const char *what);
int64_t option_number(const struct args *args, enum option option, int64_t otherwise);
/* The same, from `least` to a thousand million. */
uint32_t option_bounded(const struct args *args, enum option option, int64_t otherwise,
                        int64_t least);
void need_rest(const struct args *args, int least);

/* ---- ktool_client.c ------------------------------------------------------------------------ */

extern uint64_t deliveries_done, deliveries_failed;

struct record {
    const char *topic;
    int32_t partition; /* RD_KAFKA_PARTITION_UA: by hash */
    int64_t time_ms;   /* 0: now */
    const char *key;   /* NULL: none */
    char *value;       /* NULL: a tombstone */
    size_t length;
    uint64_t number;
    uint32_t hash;
};

/* A client without a consumer's or producer's settings, for topics. */
rd_kafka_t *admin_start(const struct args *args);
rd_kafka_t *producer_start(const struct args *args);
rd_kafka_t *transactor_start(const struct args *args, const char *id);
rd_kafka_t *consumer_start(const struct args *args);

/* The metadata of one topic; the caller destroys it. */
const struct rd_kafka_metadata *describe(rd_kafka_t *client, const char *name);
int partition_count(rd_kafka_t *client, const char *name);

int64_t mono_us(void);
int64_t wall_ms(void);

/* Serves delivery reports until event `done` of a stream of `rate` events a second is due;
 * rate 0: as fast as it goes. */
void pace(rd_kafka_t *client, int64_t begun_us, uint64_t done, int64_t rate);

/* Copies the record into the client's queue, waiting while that is full. */
void send_record(rd_kafka_t *client, const struct record *record);

/* Sends the lines of stdin (ktool --help, produce); how many. */
uint64_t send_lines(rd_kafka_t *client, const struct args *args);

/* Takes the answer to an administrative request from `queue`; dies with the error it holds. */
rd_kafka_event_t *admin_answer(rd_kafka_queue_t *queue, const char *what);
void check_topics(const rd_kafka_topic_result_t **results, size_t count);

/* Waits for every acknowledgement and ends the client. message.timeout.ms bounds the wait. */
void finish(rd_kafka_t *client);

/* ---- the verbs: each returns the exit code ------------------------------------------------- */

int verb_create(const struct args *args);
int verb_partitions(const struct args *args);
int verb_delete_records(const struct args *args);
int verb_produce(const struct args *args);
int verb_dump(const struct args *args);
int verb_ends(const struct args *args);
int verb_flood(const struct args *args);
int verb_outage(const struct args *args);
int verb_transact(const struct args *args);
int verb_delete(const struct args *args);

#endif
