/* SPDX-License-Identifier: Apache-2.0
 *
 * ktool's verbs for topics: create, partitions, delete-records.
 */
#include "tests/support/ktool.h"

#include <stdlib.h>
#include <string.h>

static void await_leaders(rd_kafka_t *client, const char *name, int count)
{
    for (int tries = 0; tries < ADMIN_MS / 50; tries++) {
        const struct rd_kafka_metadata *metadata = describe(client, name);
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[0];
        int led = 0;

        for (int i = 0; i < topic->partition_cnt; i++) {
            led += topic->partitions[i].leader >= 0;
        }
        rd_kafka_metadata_destroy(metadata);
        if (led == count) {
            return;
        }
        (void)rd_kafka_poll(client, 50);
    }
    die(name, "not every partition has got a leader");
}

rd_kafka_event_t *admin_answer(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS);

    if (event == NULL) {
        die(what, "no answer");
    }
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(what, rd_kafka_event_error_string(event));
    }
    return event;
}

void check_topics(const rd_kafka_topic_result_t **results, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (rd_kafka_topic_result_error(results[i]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
            die(rd_kafka_topic_result_name(results[i]),
                rd_kafka_topic_result_error_string(results[i]));
        }
    }
}

static rd_kafka_NewTopic_t *new_topic(const struct args *args, int partitions)
{
    char text[ERROR_BYTES];
    const char *leaders = args->values[LEADERS];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(args->rest[0], partitions,
                                                       leaders == NULL ? 1 : -1, text, sizeof text);

    if (topic == NULL) {
        die(args->rest[0], text);
    }
    for (int i = 2; i < args->rest_count; i++) {
        char *equals = strchr(args->rest[i], '=');

        if (equals == NULL) {
            die(args->rest[i], "is not config=value");
        }
        *equals = '\0';
        (void)rd_kafka_NewTopic_set_config(topic, args->rest[i], equals + 1);
    }
    for (int32_t i = 0; leaders != NULL && i < partitions; i++) {
        char *end;
        int32_t broker = (int32_t)strtol(leaders, &end, 10);

        if (end == leaders || rd_kafka_NewTopic_set_replica_assignment(topic, i, &broker, 1, text,
                                                                       sizeof text) != 0) {
            die("--leaders", "needs one broker id per partition");
        }
        leaders = *end == ',' ? end + 1 : end;
    }
    return topic;
}

int verb_create(const struct args *args)
{
    need_rest(args, 2);
    int partitions = (int)to_number(args->rest[1], "PARTITIONS");
    rd_kafka_t *client = admin_start(args);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewTopic_t *topic = new_topic(args, partitions);
    const rd_kafka_topic_result_t **results;
    rd_kafka_event_t *event;
    size_t count;

    rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
    event = admin_answer(queue, args->rest[0]);
    results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    check_topics(results, count);
    rd_kafka_event_destroy(event);
    rd_kafka_NewTopic_destroy(topic);
    await_leaders(client, args->rest[0], partitions);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

int verb_partitions(const struct args *args)
{
    char text[ERROR_BYTES];

    need_rest(args, 2);
    int partitions = (int)to_number(args->rest[1], "COUNT");
    rd_kafka_t *client = admin_start(args);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_NewPartitions_t *grown =
        rd_kafka_NewPartitions_new(args->rest[0], (size_t)partitions, text, sizeof text);
    const rd_kafka_topic_result_t **results;
    rd_kafka_event_t *event;
    size_t count;

    if (grown == NULL) {
        die(args->rest[0], text);
    }
    rd_kafka_CreatePartitions(client, &grown, 1, NULL, queue);
    event = admin_answer(queue, args->rest[0]);
    results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event),
                                                      &count);
    check_topics(results, count);
    rd_kafka_event_destroy(event);
    rd_kafka_NewPartitions_destroy(grown);
    await_leaders(client, args->rest[0], partitions);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}

int verb_delete_records(const struct args *args)
{
    need_rest(args, 3);
    rd_kafka_t *client = admin_start(args);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_topic_partition_list_t *before = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *partition = rd_kafka_topic_partition_list_add(
        before, args->rest[0], (int32_t)to_number(args->rest[1], "PARTITION"));
    rd_kafka_DeleteRecords_t *request;
    rd_kafka_event_t *event;
    const rd_kafka_topic_partition_list_t *results;

    partition->offset = to_number(args->rest[2], "OFFSET"); /* -1 is RD_KAFKA_OFFSET_END */
    request = rd_kafka_DeleteRecords_new(before);
    rd_kafka_DeleteRecords(client, &request, 1, NULL, queue);
    event = admin_answer(queue, args->rest[0]);
    results = rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
    if (results->elems[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        die(args->rest[0], rd_kafka_err2str(results->elems[0].err));
    }
    rd_kafka_event_destroy(event);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(before);
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy(client);
    return 0;
}
