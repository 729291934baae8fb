/* SPDX-License-Identifier: Apache-2.0
 *
 * Beginning, leaving and beginning again a partition. Thread: ingest.
 */
#include "service/kafka/consumer_internal.h"
#include "storage/moment.h"

void kafka_close_queue(struct part *part)
{
    if (part->queue != NULL) {
        rd_kafka_queue_io_event_enable(part->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(part->queue);
        part->queue = NULL;
    }
}

/* The queue of its own must be unforwarded before the first assign, or librdkafka forwards it to
 * the consumer's common queue. A partition that was gone has another one when it is back. */
static void open_queue(struct kafka_source *source, struct part *part)
{
    static const uint64_t one = 1;

    kafka_close_queue(part);
    part->queue = rd_kafka_queue_get_partition(source->client->handle, part->topic, part->number);
    if (part->queue != NULL) {
        rd_kafka_queue_forward(part->queue, NULL);
        rd_kafka_queue_io_event_enable(part->queue, source->wake_fd, &one, sizeof one);
    }
}

bool kafka_assign(struct kafka_source *source, struct part *part, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error = NULL;

    rd_kafka_topic_partition_list_add(list, part->topic, part->number)->offset = offset;
    error = rd_kafka_incremental_assign(source->client->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        kafka_complain(source, "assigning topic %s partition %d: %s", part->topic,
                       (int)part->number, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return false;
    }
    part->assigned = true;
    return true;
}

void kafka_unassign(struct kafka_source *source, struct part *part)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    rd_kafka_error_t *error = NULL;

    if (!part->assigned) {
        return;
    }
    list = rd_kafka_topic_partition_list_new(1);
    (void)rd_kafka_topic_partition_list_add(list, part->topic, part->number);
    error = rd_kafka_incremental_unassign(source->client->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    part->assigned = false;
}

/* The record to know the log by is there still, as far as the log's beginning tells. */
static bool provable(const struct part *part)
{
    return part->start.kind == START_OFFSET && part->start.prove &&
           part->start.proof >= part->low && part->start.proof < part->start.value;
}

void kafka_begin_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = kafka_part(source, index);
    enum part_state state = PART_READING;
    bool proving = false;
    bool wanted = false;
    bool good = false;

    (void)pthread_mutex_lock(&source->lock);
    wanted = part->state == PART_RESOLVED; /* else it was stopped meanwhile */
    (void)pthread_mutex_unlock(&source->lock);
    if (!wanted) {
        return;
    }
    kafka_unassign(source, part);
    open_queue(source, part);
    proving = provable(part);
    good = part->queue != NULL &&
           kafka_assign(source, part, proving ? part->start.proof : part->first);
    state = proving ? PART_PROVING : part->start.skip ? PART_SKIPPING : PART_READING;
    (void)pthread_mutex_lock(&source->lock);
    part->state = good ? state : PART_RESOLVING;
    part->begun = part->begun || good;
    part->given = part->first;
    part->end = part->high;
    part->due = part->high;
    (void)pthread_mutex_unlock(&source->lock);
    if (!good) {
        return;
    }
    part->next = part->first;
    part->fed_at = -1;
    part->skip = (struct skip){.at = part->first, .in = -1, .behind = -1, .step = 1};
    part->announce = true;
    if (!proving && part->start.kind == START_OFFSET && part->start.prove) {
        kafka_add_item(source, &(struct source_item){.kind = SOURCE_UNPROVED, .partition = index});
    }
    if (!proving) {
        kafka_announce(source, index);
    }
}

void kafka_announce(struct kafka_source *source, uint32_t index)
{
    struct part *part = kafka_part(source, index);
    bool at_offset = part->start.kind == START_OFFSET;
    struct source_item item = {.partition = index, .kind = SOURCE_STATE};

    part->announce = false;
    if (!part->started_once) {
        item.kind = SOURCE_STARTED;
        item.offset = at_offset ? part->start.value : part->first;
        item.time_ms = part->covered_ms;
        kafka_add_item(source, &item);
        part->started_once = true;
    } else {
        (void)pthread_mutex_lock(&source->lock);
        item.state = part->told; /* a stalled one is until something comes */
        (void)pthread_mutex_unlock(&source->lock);
        kafka_add_item(source, &item);
    }
    if (part->start.skip) {
        item.kind = SOURCE_STATE;
        item.state = PARTITION_DAMAGED;
        kafka_add_item(source, &item);
    }
    if (at_offset && part->first > part->start.value) {
        item.kind = SOURCE_GAP;
        item.offset = part->first;
        kafka_add_item(source, &item);
    }
    kafka_add_item(source, &(struct source_item){.kind = SOURCE_CONFIRMED,
                                                 .partition = index,
                                                 .offset = part->high,
                                                 .time_ms = part->asked_ms});
}

void kafka_begin_again(struct kafka_source *source, struct part *part)
{
    kafka_unassign(source, part);
    (void)pthread_mutex_lock(&source->lock);
    if (part->state == PART_STOPPED || part->state == PART_GONE) {
        (void)pthread_mutex_unlock(&source->lock);
        return;
    }
    if (part->state == PART_READING || (part->state == PART_PROVING && part->last >= 0)) {
        part->start =
            (struct source_start){.kind = START_OFFSET,
                                  .value = part->next,
                                  .prove = part->last >= 0 || part->start.prove,
                                  .proof = part->last >= 0 ? part->last : part->start.proof};
    }
    part->state = PART_RESOLVING; /* one that was still proving begins as it was to */
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}
