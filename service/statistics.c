/* SPDX-License-Identifier: Apache-2.0 */
#include "service/statistics.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static int64_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name)); /* 0 where it is none */
}

static const char *words(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text == NULL ? "" : text;
}

/* What it measured in the last interval, -1: nothing. */
static int64_t measured(const json_t *broker, const char *what, const char *name)
{
    const json_t *values = json_object_get(broker, what);

    return number(values, "cnt") > 0 ? number(values, name) : -1;
}

/* As the value of a label, whatever it holds. */
static void copy_name(const char *name, char ret_name[KAFKA_BROKER_BYTES])
{
    size_t length = 0;

    for (; name[length] != '\0' && length + 1 < KAFKA_BROKER_BYTES; length++) {
        char byte = name[length];

        ret_name[length] =
            (char)(byte > ' ' && byte < 0x7F && byte != '"' && byte != '\\' ? byte : '?');
    }
    ret_name[length] = '\0';
}

static void read_broker(const char *name, const json_t *broker,
                        struct kafka_broker_facts *ret_facts)
{
    int64_t throttle_ms = measured(broker, "throttle", "avg");

    *ret_facts = (struct kafka_broker_facts){.up = strcmp(words(broker, "state"), "UP") == 0,
                                             .rtt_avg_us = measured(broker, "rtt", "avg"),
                                             .rtt_p99_us = measured(broker, "rtt", "p99"),
                                             .rtt_max_us = measured(broker, "rtt", "max"),
                                             .throttle_ms = throttle_ms < 0 ? 0 : throttle_ms,
                                             .outbuf = number(broker, "outbuf_cnt"),
                                             .waitresp = number(broker, "waitresp_cnt"),
                                             .sent_bytes = number(broker, "txbytes"),
                                             .received_bytes = number(broker, "rxbytes"),
                                             .send_errors = number(broker, "txerrs"),
                                             .receive_errors = number(broker, "rxerrs"),
                                             .timeouts = number(broker, "req_timeouts"),
                                             .connects = number(broker, "connects"),
                                             .disconnects = number(broker, "disconnects")};
    copy_name(name, ret_facts->name);
}

/* Addresses to begin with have no id; a coordinator is one of the others once more. */
static bool is_broker(const json_t *broker)
{
    return json_object_get(broker, "nodeid") != NULL && number(broker, "nodeid") >= 0 &&
           strcmp(words(broker, "source"), "logical") != 0 &&
           strcmp(words(broker, "source"), "internal") != 0;
}

static void read_brokers(json_t *brokers, struct kafka_facts *facts)
{
    void *at = json_object_iter(brokers);

    for (; at != NULL && facts->brokers_count < KAFKA_BROKERS_MAX;
         at = json_object_iter_next(brokers, at)) {
        const json_t *broker = json_object_iter_value(at);

        if (is_broker(broker)) {
            read_broker(json_object_iter_key(at), broker, &facts->brokers[facts->brokers_count]);
            facts->brokers_count++;
        }
    }
}

static enum kafka_fetch_state fetch_state(const char *word)
{
    static const char *const names[KAFKA_FETCH_COUNT] = {
#define KAFKA_FETCH_NAME(state) #state,
        KAFKA_FETCH_STATES(KAFKA_FETCH_NAME)
#undef KAFKA_FETCH_NAME
    };

    for (int i = 0; i < KAFKA_FETCH_other; i++) {
        size_t length = strlen(names[i]);
        bool same = strlen(word) == length;

        for (size_t k = 0; same && k < length; k++) {
            same = names[i][k] == (word[k] == '-' ? '_' : word[k]);
        }
        if (same) {
            return (enum kafka_fetch_state)i;
        }
    }
    return KAFKA_FETCH_other;
}

/* Partition -1 is no partition. */
static void read_partitions(json_t *partitions, struct kafka_facts *facts)
{
    for (void *at = json_object_iter(partitions); at != NULL;
         at = json_object_iter_next(partitions, at)) {
        const json_t *partition = json_object_iter_value(at);

        if (json_object_iter_key(at)[0] != '-') {
            facts->queue_messages += number(partition, "fetchq_cnt");
            facts->queue_bytes += number(partition, "fetchq_size");
            facts->fetch_states[fetch_state(words(partition, "fetch_state"))]++;
        }
    }
}

enum ctr_status statistics_parse(const char *text, size_t length, struct kafka_facts *ret_facts)
{
    json_t *root = NULL;
    json_t *topics = NULL;

    if (length > STATISTICS_BYTES_MAX) {
        return CTR_LIMIT;
    }
    root = json_loadb(text, length, 0, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return CTR_INVALID;
    }
    *ret_facts = (struct kafka_facts){.known = true,
                                      .replies = number(root, "replyq"),
                                      .received_messages = number(root, "rxmsgs"),
                                      .received_bytes = number(root, "rxmsg_bytes")};
    read_brokers(json_object_get(root, "brokers"), ret_facts);
    topics = json_object_get(root, "topics");
    for (void *at = json_object_iter(topics); at != NULL; at = json_object_iter_next(topics, at)) {
        read_partitions(json_object_get(json_object_iter_value(at), "partitions"), ret_facts);
    }
    json_decref(root);
    return CTR_OK;
}
