/* SPDX-License-Identifier: Apache-2.0
 *
 * ktool's verbs for records: produce, dump, ends.
 */
#include "tests/support/ktool.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEADER_PAUSE_MS = 100 };

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- produce ----------------------------------------------------------------------------- */

/* FNV-1a, 32 bit (Fowler, Noll, Vo), of a record's value. */
static uint32_t hash_of(const char *bytes, size_t length)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619U;
    }
    return hash;
}

/* Decodes in place; returns the number of bytes. Dies on anything that is not base64. */
static size_t from_base64(char *text, size_t length)
{
    uint32_t bits = 0;
    size_t used = 0, out = 0;

    while (length > 0 && text[length - 1] == '=') {
        length--;
    }
    for (size_t i = 0; i < length; i++) {
        const char *digit = memchr(base64, text[i], sizeof base64 - 1);

        if (digit == NULL) {
            die("value", "not base64");
        }
        bits = bits << 6 | (uint32_t)(digit - base64);
        used += 6;
        if (used >= 8) {
            used -= 8;
            text[out++] = (char)(bits >> used & 0xff);
        }
    }
    return out;
}

/* Cuts a line into a record that points into it. */
static void parse_line(char *line, size_t length, struct record *record)
{
    char *fields[5];

    fields[0] = line;
    for (int i = 1; i < 5; i++) {
        char *tab = memchr(fields[i - 1], '\t', length - (size_t)(fields[i - 1] - line));

        if (tab == NULL) {
            (void)fprintf(stderr, "ktool: line %" PRIu64 " has fewer than 5 fields\n",
                          record->number);
            exit(1);
        }
        *tab = '\0';
        fields[i] = tab + 1;
    }
    record->topic = fields[0];
    record->partition = (int32_t)to_number(fields[1], "partition");
    record->time_ms = to_number(fields[2], "record time");
    record->time_ms = record->time_ms < 0 ? 0 : record->time_ms;
    record->value = fields[4];
    record->length = length - (size_t)(fields[4] - line);
    if (strcmp(fields[3], "b64") == 0) {
        record->length = from_base64(record->value, record->length);
    } else if (strcmp(fields[3], "null") == 0) {
        record->value = NULL;
        record->length = 0;
    } else if (strcmp(fields[3], "raw") != 0) {
        die(fields[3], "the encoding is raw, b64 or null");
    }
    record->hash = record->value == NULL ? 0 : hash_of(record->value, record->length);
}

uint64_t send_lines(rd_kafka_t *client, const struct args *args)
{
    int64_t rate = option_number(args, RATE, 0), begun_us = mono_us();
    struct record record = {.key = args->values[KEY]};
    char *line = NULL;
    size_t room = 0;
    ssize_t length;

    while ((length = getline(&line, &room, stdin)) > 0) {
        length -= line[length - 1] == '\n';
        line[length] = '\0';
        pace(client, begun_us, record.number, rate);
        record.number++;
        parse_line(line, (size_t)length, &record);
        send_record(client, &record);
    }
    free(line);
    return record.number;
}

int verb_produce(const struct args *args)
{
    rd_kafka_t *client = producer_start(args);
    uint64_t number = send_lines(client, args);

    finish(client);
    (void)printf("produced %" PRIu64 "\n", deliveries_done);
    return deliveries_failed == 0 && deliveries_done == number ? 0 : 1;
}

/* ---- dump, ends -------------------------------------------------------------------------- */

static void print_base64(const unsigned char *bytes, size_t length)
{
    char quad[4];

    for (size_t i = 0; i < length; i += 3) {
        size_t have = length - i < 3 ? length - i : 3;
        uint32_t bits = (uint32_t)bytes[i] << 16 | (have > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                        (have > 2 ? bytes[i + 2] : 0);

        for (unsigned at = 0; at < 4; at++) {
            quad[at] = at <= have ? base64[bits >> (18 - 6 * at) & 63] : '=';
        }
        (void)fwrite(quad, 1, sizeof quad, stdout);
    }
}

static void print_record(const rd_kafka_message_t *message)
{
    (void)printf("{\"topic\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64
                 ",\"time\":%" PRId64 ",\"value_b64\":",
                 rd_kafka_topic_name(message->rkt), message->partition, message->offset,
                 rd_kafka_message_timestamp(message, NULL));
    if (message->payload == NULL) {
        (void)printf("null}\n");
    } else {
        (void)printf("\"");
        print_base64(message->payload, message->len);
        (void)printf("\"}\n");
    }
}

/* Prints one partition from `low` to just before `high`. */
static void dump_partition(rd_kafka_t *client, const char *topic, int32_t number, int64_t low,
                           int64_t high)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    bool more = low < high;

    rd_kafka_topic_partition_list_add(list, topic, number)->offset = low;
    if (more && rd_kafka_assign(client, list) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(topic, "cannot be assigned");
    }
    while (more) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(client, ADMIN_MS);

        if (message == NULL) {
            die(topic, "nothing arrived for 30 s");
        }
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            more = message->offset < high; /* the tail may be holes: markers, compaction */
        } else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            (void)fprintf(stderr, "ktool: %s\n", rd_kafka_message_errstr(message));
            more = message->err == RD_KAFKA_RESP_ERR__TRANSPORT ||
                   message->err == RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
            if (!more) {
                die(topic, "cannot be read");
            }
        } else {
            if (message->offset < high) {
                print_record(message);
            }
            more = message->offset + 1 < high;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

/* First and end of a partition. A broker that was away, or stood still, leads nothing until it has
 * said that it is back. */
static void ask_range(rd_kafka_t *client, const char *topic, int32_t number, int64_t *ret_low,
                      int64_t *ret_high)
{
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int waited_ms = 0; waited_ms < ADMIN_MS; waited_ms += LEADER_PAUSE_MS) {
        err = rd_kafka_query_watermark_offsets(client, topic, number, ret_low, ret_high, ADMIN_MS);
        if (err != RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION &&
            err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
            break;
        }
        (void)poll(NULL, 0, LEADER_PAUSE_MS);
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(topic, rd_kafka_err2str(err));
    }
}

int verb_dump(const struct args *args)
{
    need_rest(args, 1);
    rd_kafka_t *client = consumer_start(args);
    int64_t *low = calloc(PARTITIONS_MAX, sizeof *low),
            *high = calloc(PARTITIONS_MAX, sizeof *high);
    int base = 0, counts[REST_MAX];

    if (low == NULL || high == NULL) {
        die("dump", "out of memory");
    }
    for (int i = 0; i < args->rest_count; i++) { /* all ends first: they are one moment, nearly */
        counts[i] = partition_count(client, args->rest[i]);
        for (int at = 0; at < counts[i] && base + at < PARTITIONS_MAX; at++) {
            ask_range(client, args->rest[i], at, &low[base + at], &high[base + at]);
        }
        base += counts[i];
    }
    base = 0;
    for (int i = 0; i < args->rest_count; i++) {
        for (int at = 0; at < counts[i] && base + at < PARTITIONS_MAX; at++) {
            dump_partition(client, args->rest[i], at, low[base + at], high[base + at]);
        }
        base += counts[i];
    }
    free(low);
    free(high);
    rd_kafka_destroy(client);
    return fflush(stdout) == 0 && !ferror(stdout) && base <= PARTITIONS_MAX ? 0 : 1;
}

/* The ends of one partition, asked for on a thread of its own: rd_kafka_query_watermark_offsets()
 * does not keep to its time limit when a broker hangs (2.0.2 asks again for ever). */
struct question {
    rd_kafka_t *client;
    const char *topic;
    int32_t number, leader;
    int64_t low, high;
    rd_kafka_resp_err_t err;
    atomic_bool answered;
};

static void *ask(void *argument)
{
    struct question *question = argument;

    question->err =
        rd_kafka_query_watermark_offsets(question->client, question->topic, question->number,
                                         &question->low, &question->high, ADMIN_MS);
    atomic_store(&question->answered, true);
    return NULL;
}

/* One question per partition, in order; metadata lists them in none. */
static struct question *ask_all(rd_kafka_t *client, const char *name, int *ret_count)
{
    const struct rd_kafka_metadata *metadata = describe(client, name);
    const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
    struct question *questions = calloc((size_t)topic->partition_cnt + 1, sizeof *questions);

    if (topic->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(name, rd_kafka_err2str(topic->err));
    }
    for (int i = 0; i < topic->partition_cnt; i++) {
        const struct rd_kafka_metadata_partition *partition = &topic->partitions[i];
        struct question *question = questions == NULL ? NULL : &questions[partition->id];
        pthread_t thread;

        if (question == NULL) {
            die(name, "out of memory");
        }
        question->client = client;
        question->topic = name;
        question->number = partition->id;
        question->leader = partition->leader;
        if (pthread_create(&thread, NULL, ask, question) != 0 || pthread_detach(thread) != 0) {
            die(name, "no thread");
        }
    }
    *ret_count = topic->partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    return questions;
}

static bool print_ends(const struct question *question)
{
    bool answered = atomic_load(&question->answered);
    rd_kafka_resp_err_t err = answered ? question->err : RD_KAFKA_RESP_ERR__TIMED_OUT;

    (void)printf("{\"topic\":\"%s\",\"partition\":%" PRId32 ",\"leader\":%" PRId32, question->topic,
                 question->number, question->leader);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)printf(",\"low\":%" PRId64 ",\"high\":%" PRId64 "}\n", question->low, question->high);
        return true;
    }
    (void)printf(",\"low\":null,\"high\":null,\"error\":\"%s\"}\n", rd_kafka_err2name(err));
    return false;
}

int verb_ends(const struct args *args)
{
    need_rest(args, 1);
    rd_kafka_t *client = consumer_start(args);
    int count;
    struct question *questions = ask_all(client, args->rest[0], &count);
    int64_t deadline_us = mono_us() + option_number(args, TIMEOUT, 10) * 1000000;
    bool all = true;

    for (int i = 0; i < count; i++) {
        while (!atomic_load(&questions[i].answered) && mono_us() < deadline_us) {
            (void)poll(NULL, 0, 2);
        }
        all = print_ends(&questions[i]) && all;
    }
    if (all) { /* else somebody still asks, and closing could take minutes */
        free(questions);
        rd_kafka_destroy(client);
    }
    return all ? 0 : 1;
}
