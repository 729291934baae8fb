/* SPDX-License-Identifier: Apache-2.0
 *
 * The yardstick of ingest: a consumer on librdkafka alone that reads a topic from its beginning to
 * the end it has at the start and does nothing with it. No program that reads Kafka by librdkafka
 * is cheaper than this.
 *
 *   nothing -b BROKERS --topic T [--call batch|parts|callback] [-X NAME=VALUE]...
 *
 * --call  batch     rd_kafka_consume_batch_queue() on the client's queue
 *         parts     the same on a queue for each partition, in turn
 *         callback  rd_kafka_consume_callback_queue() on the client's queue
 *
 * One JSON line; steady: from the first tenth on, so without connecting.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/bench/tools/tool.h"

enum { BATCH = 4096, ASK_MS = 10000, PARTITIONS_MAX = 4096, WAIT_MS = 100 };

struct nothing {
    rd_kafka_t *client;
    rd_kafka_queue_t *queues[PARTITIONS_MAX];
    int queues_count, wake;
    uint64_t wanted, read, bytes;
    int64_t begun_us, steady_us, steady_cpu_us;
    uint64_t steady_read;
};

static void take(struct nothing *nothing, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        nothing->read++;
        nothing->bytes += message->len;
    } else if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        tool_die("consume", rd_kafka_message_errstr(message));
    }
}

static void take_by_callback(rd_kafka_message_t *message, void *opaque)
{
    take(opaque, message);
}

static ssize_t take_batch(struct nothing *nothing, rd_kafka_queue_t *queue, int wait_ms)
{
    static rd_kafka_message_t *messages[BATCH];
    ssize_t count = rd_kafka_consume_batch_queue(queue, wait_ms, messages, BATCH);

    for (ssize_t i = 0; i < count; i++) {
        take(nothing, messages[i]);
    }
    for (ssize_t i = 0; i < count; i++) {
        rd_kafka_message_destroy(messages[i]);
    }
    return count;
}

static void take_parts(struct nothing *nothing)
{
    ssize_t count = 0;

    for (int i = 0; i < nothing->queues_count; i++) {
        ssize_t more = take_batch(nothing, nothing->queues[i], 0);

        count += more > 0 ? more : 0;
    }
    if (count == 0) {
        struct pollfd wake = {.fd = nothing->wake, .events = POLLIN};
        uint64_t counter = 0;

        if (poll(&wake, 1, WAIT_MS) == 1 &&
            read(nothing->wake, &counter, sizeof counter) != sizeof counter) {
            tool_die("eventfd", "cannot be read");
        }
    }
}

/* What is to be read, and where: assigned at numbers, which needs no look-up. */
static rd_kafka_topic_partition_list_t *plan(struct nothing *nothing, const char *topic)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(nothing->client, topic, NULL);
    rd_kafka_topic_partition_list_t *list = NULL;
    int64_t low = 0;
    int64_t high = 0;

    if (rd_kafka_metadata(nothing->client, 0, handle, &metadata, ASK_MS) != 0 ||
        metadata->topics[0].partition_cnt == 0) {
        tool_die(topic, "is not there");
    }
    list = rd_kafka_topic_partition_list_new(metadata->topics[0].partition_cnt);
    for (int i = 0; i < metadata->topics[0].partition_cnt; i++) {
        if (rd_kafka_query_watermark_offsets(nothing->client, topic, i, &low, &high, ASK_MS) != 0) {
            tool_die(topic, "has no ends");
        }
        rd_kafka_topic_partition_list_add(list, topic, i)->offset = low;
        nothing->wanted += (uint64_t)(high - low);
    }
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return list;
}

static void open_parts(struct nothing *nothing, const rd_kafka_topic_partition_list_t *list)
{
    static const uint64_t one = 1;

    nothing->wake = eventfd(0, EFD_CLOEXEC);
    for (int i = 0; i < list->cnt && i < PARTITIONS_MAX; i++) {
        rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(
            nothing->client, list->elems[i].topic, list->elems[i].partition);

        rd_kafka_queue_forward(queue, NULL);
        rd_kafka_queue_io_event_enable(queue, nothing->wake, &one, sizeof one);
        nothing->queues[nothing->queues_count++] = queue;
    }
}

static void note_steady(struct nothing *nothing)
{
    if (nothing->steady_us == 0 && nothing->read >= nothing->wanted / 10) {
        nothing->steady_us = tool_mono_us();
        nothing->steady_cpu_us = tool_cpu_us();
        nothing->steady_read = nothing->read;
    }
}

static void read_all(struct nothing *nothing, const char *call)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(nothing->client);
    bool callback = strcmp(call, "callback") == 0;

    while (nothing->read < nothing->wanted) {
        if (nothing->queues_count > 0) {
            take_parts(nothing);
        } else if (callback) {
            (void)rd_kafka_consume_callback_queue(queue, WAIT_MS, take_by_callback, nothing);
        } else {
            (void)take_batch(nothing, queue, WAIT_MS);
        }
        note_steady(nothing);
    }
    rd_kafka_queue_destroy(queue);
}

static void report(const struct nothing *nothing)
{
    double wall = (double)(tool_mono_us() - nothing->begun_us) / 1e6;
    double cpu = (double)tool_cpu_us() / 1e6;
    double steady = (double)(nothing->read - nothing->steady_read);
    double steady_wall = (double)(tool_mono_us() - nothing->steady_us) / 1e6;
    double steady_cpu = (double)(tool_cpu_us() - nothing->steady_cpu_us) / 1e6;

    (void)printf("{\"events\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"wall_s\":%.3f,\"cpu_s\":%.3f,"
                 "\"events_per_s\":%.0f,\"events_per_cpu_s\":%.0f,\"ns_per_event\":%.1f}\n",
                 nothing->read, nothing->bytes, wall, cpu, steady / steady_wall,
                 steady / steady_cpu, steady_cpu * 1e9 / steady);
}

static void set_more(rd_kafka_conf_t *conf, int argc, char **argv)
{
    char name[TOOL_NAME_BYTES];
    const char *value = NULL;
    int at = 1;

    while ((value = tool_setting(argc, argv, &at, name)) != NULL) {
        tool_set(conf, name, value);
    }
}

int main(int argc, char **argv)
{
    static struct nothing nothing;
    rd_kafka_conf_t *conf = tool_conf(tool_text(argc, argv, "-b", NULL));
    const char *call = tool_text(argc, argv, "--call", "batch");
    rd_kafka_topic_partition_list_t *list = NULL;

    tool_set(conf, "group.id", "nothing");
    tool_set(conf, "enable.auto.commit", "false");
    tool_set(conf, "enable.auto.offset.store", "false");
    tool_set(conf, "enable.partition.eof", "true");
    tool_set(conf, "auto.offset.reset", "error");
    set_more(conf, argc, argv);
    nothing.client = tool_client(RD_KAFKA_CONSUMER, conf);
    (void)rd_kafka_poll_set_consumer(nothing.client);
    list = plan(&nothing, tool_text(argc, argv, "--topic", NULL));
    if (strcmp(call, "parts") == 0) {
        open_parts(&nothing, list);
    }
    nothing.begun_us = tool_mono_us();
    if (rd_kafka_assign(nothing.client, list) != 0) {
        tool_die("assign", "refused");
    }
    read_all(&nothing, call);
    report(&nothing);
    (void)fflush(stdout);
    _exit(0); /* ending the client waits for its connections, and measures nothing */
}
