/* SPDX-License-Identifier: Apache-2.0 */
#include "service/kafka/producer.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/kafka/rd.h"
#include "service/near.h"

enum { METADATA_TIMEOUT_MS = 10000, CREATE_TIMEOUT_MS = 30000, FULL_POLL_MS = 100 };

/* Deliveries are reported on the thread that polls, so nothing here needs a lock. */
struct producer {
    rd_kafka_t *handle;
    char brokers[CONFIG_TEXT_BYTES];
    struct producer_counts counts;
    char first_failure[160];
};

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;

    (void)handle;
    if (!message->err) {
        producer->counts.delivered++;
        return;
    }
    if (producer->counts.failed++ == 0) {
        (void)snprintf(producer->first_failure, sizeof producer->first_failure, "%s",
                       rd_kafka_err2str(message->err));
    }
}

static bool given_by_user(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static enum ctr_status configure(const struct config *config, int linger_ms, rd_kafka_conf_t *conf,
                                 struct ctr_error *reterr)
{
    char linger[16];
    const struct {
        const char *name, *value;
    } defaults[] = {
        {"enable.idempotence", "true"},
        {"compression.type", "lz4"},
        {"linger.ms", linger},
        {"batch.num.messages", "10000"},
        {"queue.buffering.max.kbytes", "65536"},
        {"partitioner", "murmur2_random"},
        {"socket.nagle.disable", "true"},
    };

    (void)snprintf(linger, sizeof linger, "%d", linger_ms);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
        if (!given_by_user(config, defaults[i].name) &&
            rd_conf_set(conf, defaults[i].name, defaults[i].value, reterr) != CTR_OK) {
            return CTR_INVALID;
        }
    }
    return CTR_OK;
}

enum ctr_status producer_open(const struct config *config, int linger_ms,
                              struct producer **ret_producer, struct ctr_error *reterr)
{
    struct producer *producer = calloc(1, sizeof *producer);
    rd_kafka_conf_t *conf = NULL;
    char reason[256] = "";
    enum ctr_status status;

    if (!producer) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    (void)snprintf(producer->brokers, sizeof producer->brokers, "%s", config->brokers);
    status = rd_conf_new(config, &conf, reterr);
    if (status == CTR_OK) {
        status = configure(config, linger_ms, conf, reterr);
    }
    if (status != CTR_OK) {
        goto out;
    }
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    producer->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!producer->handle) {
        status = ctr_fail(reterr, CTR_INVALID, "the Kafka client refuses its settings: %s", reason);
        goto out;
    }
    *ret_producer = producer;
    return CTR_OK;
out:
    if (conf) {
        rd_kafka_conf_destroy(conf);
    }
    free(producer);
    return status;
}

void producer_close(struct producer *producer)
{
    if (!producer) {
        return;
    }
    (void)rd_kafka_purge(producer->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_destroy(producer->handle);
    free(producer);
}

/* The topic within a list of all; NULL: not there. */
static const struct rd_kafka_metadata_topic *find(const struct rd_kafka_metadata *metadata,
                                                  const char *name, struct near_miss *miss)
{
    near_miss_init(miss, name);
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const char *topic = metadata->topics[i].topic;

        if (strcmp(topic, name) == 0 && !metadata->topics[i].err) {
            return &metadata->topics[i];
        }
        near_miss_add(miss, topic, strlen(topic));
    }
    return NULL;
}

/* Asks for all topics: asking for one by name would make brokers create it. */
static enum ctr_status list_topics(struct producer *producer,
                                   const struct rd_kafka_metadata **ret_metadata,
                                   struct ctr_error *reterr)
{
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(producer->handle, 1, NULL, ret_metadata, METADATA_TIMEOUT_MS);

    if (error) {
        return ctr_fail(reterr, CTR_IO,
                        "no answer from %s (%s); is the address right and the "
                        "broker up?",
                        producer->brokers, rd_kafka_err2str(error));
    }
    return CTR_OK;
}

enum ctr_status producer_topic_find(struct producer *producer, const char *name,
                                    uint32_t *ret_partitions, struct ctr_error *reterr)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const struct rd_kafka_metadata_topic *topic;
    struct near_miss miss;
    enum ctr_status status = list_topics(producer, &metadata, reterr);

    if (status != CTR_OK) {
        return status;
    }
    topic = find(metadata, name, &miss);
    if (topic) {
        *ret_partitions = (uint32_t)topic->partition_cnt;
    } else {
        status = ctr_fail(reterr, CTR_NOT_FOUND, "there is no topic \"%s\"%s", name,
                          near_miss_sentence(&miss));
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

/* Whether all partitions have leaders; CTR_RETRY: not yet. */
static enum ctr_status check_leaders(struct producer *producer, const struct producer_topic *topic,
                                     struct ctr_error *reterr)
{
    const struct rd_kafka_metadata *metadata = NULL;
    const struct rd_kafka_metadata_topic *found;
    struct near_miss miss;
    uint32_t led = 0;
    enum ctr_status status = list_topics(producer, &metadata, reterr);

    if (status != CTR_OK) {
        return status;
    }
    found = find(metadata, topic->name, &miss);
    for (int i = 0; found && i < found->partition_cnt; i++) {
        if (found->partitions[i].leader >= 0) {
            led++;
        }
    }
    if (led < topic->partitions) {
        status = ctr_fail(reterr, CTR_RETRY,
                          "topic \"%s\" has leaders for %" PRIu32 " of %" PRIu32
                          " partitions after 30 s",
                          topic->name, led, topic->partitions);
    }
    rd_kafka_metadata_destroy(metadata);
    return status;
}

static enum ctr_status wait_for_leaders(struct producer *producer,
                                        const struct producer_topic *topic,
                                        struct ctr_error *reterr)
{
    int64_t deadline_ms = clock_mono_ms() + CREATE_TIMEOUT_MS;
    enum ctr_status status;

    while ((status = check_leaders(producer, topic, reterr)) == CTR_RETRY &&
           clock_mono_ms() < deadline_ms) {
        producer_poll(producer, 50);
    }
    return status == CTR_RETRY ? CTR_IO : status;
}

/* What the broker said to the one topic that was asked for. */
static enum ctr_status read_creation(rd_kafka_event_t *event, const char *name,
                                     struct ctr_error *reterr)
{
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_topic_result_t **topics = NULL;
    size_t count = 0;

    if (rd_kafka_event_error(event)) {
        return ctr_fail(reterr, CTR_IO, "creating topic \"%s\" failed: %s", name,
                        rd_kafka_event_error_string(event));
    }
    if (result) {
        topics = rd_kafka_CreateTopics_result_topics(result, &count);
    }
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[i]);
        const char *text = rd_kafka_topic_result_error_string(topics[i]);

        if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            return ctr_fail(reterr, CTR_INVALID, "the broker refuses topic \"%s\": %s", name,
                            text ? text : rd_kafka_err2str(error));
        }
    }
    return CTR_OK;
}

static enum ctr_status ask_for_topic(struct producer *producer, rd_kafka_NewTopic_t *new_topic,
                                     const char *name, struct ctr_error *reterr)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(producer->handle);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(producer->handle, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_event_t *event;
    enum ctr_status status;

    (void)rd_kafka_AdminOptions_set_request_timeout(options, CREATE_TIMEOUT_MS, NULL, 0);
    rd_kafka_CreateTopics(producer->handle, &new_topic, 1, options, queue);
    event = rd_kafka_queue_poll(queue, CREATE_TIMEOUT_MS + 5000);
    if (event) {
        status = read_creation(event, name, reterr);
    } else {
        status = ctr_fail(reterr, CTR_IO, "no broker created topic \"%s\" within 30 s", name);
    }
    if (event) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return status;
}

enum ctr_status producer_topic_create(struct producer *producer, const struct producer_topic *topic,
                                      struct ctr_error *reterr)
{
    char reason[256] = "", retention[32];
    rd_kafka_NewTopic_t *new_topic =
        rd_kafka_NewTopic_new(topic->name, (int)topic->partitions, -1, reason, sizeof reason);
    enum ctr_status status;

    if (!new_topic) {
        return ctr_fail(reterr, CTR_INVALID, "topic \"%s\": %s", topic->name, reason);
    }
    (void)snprintf(retention, sizeof retention, "%" PRId64, topic->retention_ms);
    (void)rd_kafka_NewTopic_set_config(new_topic, "retention.ms", retention);
    (void)rd_kafka_NewTopic_set_config(new_topic, "message.timestamp.type", "CreateTime");
    status = ask_for_topic(producer, new_topic, topic->name, reterr);
    rd_kafka_NewTopic_destroy(new_topic);
    return status == CTR_OK ? wait_for_leaders(producer, topic, reterr) : status;
}

/* Once something was given up, more would only leave a hole in the log. */
static enum ctr_status check(const struct producer *producer, struct ctr_error *reterr)
{
    char reason[256];

    if (producer->counts.failed > 0) {
        return ctr_fail(reterr, CTR_IO, "%" PRIu64 " records were not delivered, the first: %s",
                        producer->counts.failed, producer->first_failure);
    }
    if (rd_kafka_fatal_error(producer->handle, reason, sizeof reason)) {
        return ctr_fail(reterr, CTR_IO, "the producer is broken: %s", reason);
    }
    return CTR_OK;
}

enum ctr_status producer_send(struct producer *producer, const struct producer_record *record,
                              struct ctr_error *reterr)
{
    struct text key = record->key, value = record->value;
    rd_kafka_resp_err_t error;

    for (;;) {
        enum ctr_status status = check(producer, reterr);

        if (status != CTR_OK) {
            return status;
        }
        /* The plain tags: the macros around them are a GNU extension. */
        error = rd_kafka_producev(
            producer->handle, RD_KAFKA_VTYPE_TOPIC, record->topic, RD_KAFKA_VTYPE_VALUE,
            (void *)(uintptr_t)value.bytes, value.length, RD_KAFKA_VTYPE_KEY,
            key.length ? (void *)(uintptr_t)key.bytes : NULL, key.length, RD_KAFKA_VTYPE_TIMESTAMP,
            record->time_ms, RD_KAFKA_VTYPE_MSGFLAGS, RD_KAFKA_MSG_F_COPY, RD_KAFKA_VTYPE_END);
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            break;
        }
        (void)rd_kafka_poll(producer->handle, FULL_POLL_MS);
    }
    if (error) {
        return ctr_fail(reterr, CTR_INVALID, "a record for topic \"%s\" is refused: %s",
                        record->topic, rd_kafka_err2str(error));
    }
    producer->counts.sent++;
    return CTR_OK;
}

void producer_poll(struct producer *producer, int timeout_ms)
{
    (void)rd_kafka_poll(producer->handle, timeout_ms);
}

enum ctr_status producer_flush(struct producer *producer, int timeout_ms, struct ctr_error *reterr)
{
    rd_kafka_resp_err_t error = rd_kafka_flush(producer->handle, timeout_ms);
    enum ctr_status status = check(producer, reterr);

    if (status != CTR_OK || !error) {
        return status;
    }
    return ctr_fail(reterr, CTR_RETRY, "%d records are still under way",
                    rd_kafka_outq_len(producer->handle));
}

struct producer_counts producer_counts(const struct producer *producer)
{
    return producer->counts;
}
