/* SPDX-License-Identifier: Apache-2.0
 *
 * What the verbs of ktool share: clients, pacing, sending with every acknowledgement counted.
 */
#include "tests/support/ktool.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char text[ERROR_BYTES];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) != RD_KAFKA_CONF_OK) {
        die(name, text);
    }
}

static rd_kafka_t *start(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char text[ERROR_BYTES];
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);

    if (client == NULL) {
        die("client", text);
    }
    return client;
}

static rd_kafka_conf_t *plain_conf(const struct args *args)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();

    set(conf, "bootstrap.servers", args->values[BROKERS]);
    set(conf, "client.id", "ktool");
    set(conf, "reconnect.backoff.ms", "20");
    return conf;
}

/* One in flight on its way to the broker. */
struct delivery {
    uint64_t number; /* the line, or the event of a flood, from 1 */
    uint32_t hash;   /* chooses the partition where none was given */
};

uint64_t deliveries_done, deliveries_failed; /* only the thread that polls touches them */

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *unused)
{
    struct delivery *delivery = message->_private;

    (void)client;
    (void)unused;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        deliveries_done++;
    } else {
        deliveries_failed++;
        (void)fprintf(stderr, "ktool: record %" PRIu64 " to %s [%" PRId32 "] failed: %s\n",
                      delivery->number, rd_kafka_topic_name(message->rkt), message->partition,
                      rd_kafka_err2str(message->err));
    }
    free(delivery);
}

static int32_t by_hash(const rd_kafka_topic_t *topic, const void *key, size_t key_length,
                       int32_t partitions, void *topic_opaque, void *message_opaque)
{
    const struct delivery *delivery = message_opaque;

    (void)topic;
    (void)key;
    (void)key_length;
    (void)topic_opaque;
    return (int32_t)(delivery->hash % (uint32_t)partitions);
}

rd_kafka_t *producer_start(const struct args *args)
{
    return transactor_start(args, NULL);
}

rd_kafka_t *transactor_start(const struct args *args, const char *id)
{
    rd_kafka_conf_t *conf = plain_conf(args);
    rd_kafka_topic_conf_t *topic_conf = rd_kafka_topic_conf_new();
    char timeout_ms[32];

    (void)snprintf(timeout_ms, sizeof timeout_ms, "%" PRId64,
                   option_number(args, TIMEOUT, 120) * 1000);
    rd_kafka_topic_conf_set_partitioner_cb(topic_conf, by_hash);
    rd_kafka_conf_set_default_topic_conf(conf,
                                         topic_conf); /* first: it replaces settings of topics */
    set(conf, "enable.idempotence", "true");
    if (id != NULL) {
        set(conf, "transactional.id", id);
    }
    set(conf, "topic.metadata.propagation.max.ms", "2000"); /* create has waited already */
    set(conf, "linger.ms", "5");
    set(conf, "sticky.partitioning.linger.ms", "0"); /* else the partitioner is not asked */
    if (id == NULL) {                                /* else the transaction's own */
        set(conf, "message.timeout.ms", timeout_ms);
    }
    if (args->values[LZ4] != NULL) {
        set(conf, "compression.type", "lz4");
    }
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    return start(RD_KAFKA_PRODUCER, conf);
}

rd_kafka_t *consumer_start(const struct args *args)
{
    rd_kafka_conf_t *conf = plain_conf(args);

    set(conf, "group.id", "ktool");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    set(conf, "auto.offset.reset", "error");
    set(conf, "fetch.wait.max.ms", "20");
    return start(RD_KAFKA_CONSUMER, conf);
}

const struct rd_kafka_metadata *describe(rd_kafka_t *client, const char *name)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, topic, &metadata, ADMIN_MS);

    rd_kafka_topic_destroy(topic);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(name, rd_kafka_err2str(err));
    }
    return metadata;
}

int partition_count(rd_kafka_t *client, const char *name)
{
    const struct rd_kafka_metadata *metadata = describe(client, name);
    int count = metadata->topics[0].partition_cnt;

    if (metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(name, rd_kafka_err2str(metadata->topics[0].err));
    }
    rd_kafka_metadata_destroy(metadata);
    return count;
}

rd_kafka_t *admin_start(const struct args *args)
{
    return start(RD_KAFKA_PRODUCER, plain_conf(args));
}

int64_t mono_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t wall_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void pace(rd_kafka_t *client, int64_t begun_us, uint64_t done, int64_t rate)
{
    if (done % 1024 == 0) {
        (void)rd_kafka_poll(client, 0);
    }
    while (rate > 0 && (double)(mono_us() - begun_us) * (double)rate < (double)done * 1e6) {
        const struct timespec millisecond = {.tv_nsec = 1000000};

        (void)rd_kafka_poll(client, 0);
        (void)nanosleep(&millisecond, NULL);
    }
}

/* rd_kafka_produceva and not producev: the macros of the latter are not C17 under clang. */
static rd_kafka_resp_err_t enqueue(rd_kafka_t *client, const struct record *record,
                                   struct delivery *delivery)
{
    const rd_kafka_vu_t fields[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->time_ms},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key, record->key == NULL ? 0 : strlen(record->key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {record->value, record->length}},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = delivery},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(client, fields, sizeof fields / sizeof fields[0]);
    rd_kafka_resp_err_t err = rd_kafka_error_code(error);

    rd_kafka_error_destroy(error);
    return err;
}

void send_record(rd_kafka_t *client, const struct record *record)
{
    struct delivery *delivery = malloc(sizeof *delivery);
    rd_kafka_resp_err_t err;

    if (delivery == NULL) {
        die("produce", "out of memory");
    }
    *delivery = (struct delivery){record->number, record->hash};
    while ((err = enqueue(client, record, delivery)) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        (void)rd_kafka_poll(client, 100);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        deliveries_failed++;
        (void)fprintf(stderr, "ktool: record %" PRIu64 " to %s [%" PRId32 "] refused: %s\n",
                      record->number, record->topic, record->partition, rd_kafka_err2str(err));
        free(delivery);
    }
} /* NOLINT(clang-analyzer-unix.Malloc): delivered() frees it */

void finish(rd_kafka_t *client)
{
    while (rd_kafka_flush(client, 1000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    }
    rd_kafka_destroy(client);
}
