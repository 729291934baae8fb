/* SPDX-License-Identifier: Apache-2.0
 *
 * The ingest thread's side: words of the watcher and records of the partitions, turned into items.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/kafka/consumer_internal.h"
#include "storage/moment.h"

enum { PART_MESSAGES = 1024 };

/* Swaps the inbox for the empty list of the last poll. */
static void take_notes(struct kafka_source *source)
{
    struct note *notes = source->taken;
    size_t capacity = source->taken_capacity;

    (void)pthread_mutex_lock(&source->lock);
    source->taken = source->notes;
    source->taken_count = source->notes_count;
    source->taken_capacity = source->notes_capacity;
    source->notes = notes;
    source->notes_count = 0;
    source->notes_capacity = capacity;
    (void)pthread_mutex_unlock(&source->lock);
}

/* ---- items --------------------------------------------------------------------------------- */

/* Room for every item one poll can give was made before it began. */
static void add_item(struct kafka_source *source, const struct source_item *item)
{
    CTR_ASSERT(source->items_count < source->items_capacity);
    source->items[source->items_count++] = *item;
}

static bool reserve_items(struct kafka_source *source)
{
    size_t wanted = BATCH_MESSAGES + 2 * source->taken_count;
    struct source_item *items = NULL;

    if (wanted <= source->items_capacity) {
        return true;
    }
    items = realloc(source->items, wanted * sizeof *items);
    if (items == NULL) {
        return false;
    }
    source->items = items;
    source->items_capacity = wanted;
    return true;
}

struct part *kafka_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = NULL;

    (void)pthread_mutex_lock(&source->lock);
    part = source->parts[index];
    (void)pthread_mutex_unlock(&source->lock);
    return part;
}

/* ---- assigning ----------------------------------------------------------------------------- */

/* The queue of its own must be unforwarded before the first assign, or librdkafka forwards it to
 * the consumer's common queue. */
static void open_queue(struct kafka_source *source, struct part *part)
{
    static const uint64_t one = 1;

    part->queue = rd_kafka_queue_get_partition(source->handle, part->topic, part->number);
    if (part->queue != NULL) {
        rd_kafka_queue_forward(part->queue, NULL);
        rd_kafka_queue_io_event_enable(part->queue, source->wake_fd, &one, sizeof one);
    }
}

static bool assign(struct kafka_source *source, struct part *part)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error = NULL;

    rd_kafka_topic_partition_list_add(list, part->topic, part->number)->offset = part->first;
    error = rd_kafka_incremental_assign(source->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        kafka_complain(source, "assigning topic %s partition %d: %s", part->topic,
                       (int)part->number, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        return false;
    }
    return true;
}

/* The watcher found where to begin: assign, and say so. A failure goes back to the watcher. */
static void begin_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = kafka_part(source, index);
    struct source_item item = {.partition = index};
    bool good = false;

    if (part->queue == NULL) {
        open_queue(source, part);
    }
    good = part->queue != NULL && assign(source, part);
    (void)pthread_mutex_lock(&source->lock);
    part->state = good ? PART_READING : PART_RESOLVING;
    (void)pthread_mutex_unlock(&source->lock);
    if (!good) {
        return;
    }
    if (!part->started_once) {
        int64_t wanted = part->start.kind == START_OFFSET ? part->start.value : part->first;

        item.kind = SOURCE_STARTED;
        item.offset = wanted;
        item.time_ms = part->covered_ms;
        add_item(source, &item);
        part->started_once = true;
    }
    if (part->start.kind == START_OFFSET && part->first > part->start.value) {
        item.kind = SOURCE_GAP;
        item.offset = part->first;
        add_item(source, &item);
    }
}

static void handle_notes(struct kafka_source *source)
{
    for (size_t i = 0; i < source->taken_count; i++) {
        const struct note *note = &source->taken[i];
        struct source_item item = {.kind = note->kind,
                                   .partition = note->partition,
                                   .offset = note->offset,
                                   .time_ms = note->time_ms};

        if (note->kind == SOURCE_STARTED) {
            begin_part(source, note->partition);
            continue;
        }
        if (note->kind == SOURCE_FOUND) {
            item.text = kafka_part(source, note->partition)->topic;
            item.length = strlen(item.text);
        }
        add_item(source, &item);
    }
    source->taken_count = 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Out of range, damaged, ...: have the watcher look at the log again and go on from our own place.
 * seek() fails in this state, so the partition is assigned anew. */
static void begin_again(struct kafka_source *source, struct part *part, int64_t next)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_error_t *error = NULL;

    (void)rd_kafka_topic_partition_list_add(list, part->topic, part->number);
    error = rd_kafka_incremental_unassign(source->handle, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    (void)pthread_mutex_lock(&source->lock);
    part->start = (struct source_start){.kind = START_OFFSET, .value = next};
    part->state = PART_RESOLVING;
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}

static bool handle_error(struct kafka_source *source, uint32_t index, struct part *part,
                         const rd_kafka_message_t *message)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        add_item(source, &(struct source_item){
                             .kind = SOURCE_END, .partition = index, .offset = message->offset});
        return true;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        kafka_complain(source, "topic %s partition %d at %lld: %s", part->topic, (int)part->number,
                       (long long)part->first, rd_kafka_message_errstr(message));
        begin_again(source, part, part->first);
        return false;
    default: /* librdkafka goes on by itself */
        kafka_complain(source, "topic %s partition %d: %s", part->topic, (int)part->number,
                       rd_kafka_message_errstr(message));
        return true;
    }
}

/* False: a fault, after which the partition is begun again. */
static bool handle_message(struct kafka_source *source, uint32_t index, struct part *part,
                           const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t time_ms = 0;

    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return handle_error(source, index, part, message);
    }
    time_ms = rd_kafka_message_timestamp(message, &type);
    add_item(source,
             &(struct source_item){.kind = SOURCE_RECORD,
                                   .partition = index,
                                   .offset = message->offset,
                                   .time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? MOMENT_NONE
                                                                                       : time_ms,
                                   .text = message->payload,
                                   .length = message->len});
    part->first = message->offset + 1; /* where reading would go on */
    return true;
}

/* The partition, if it is being read now. */
static struct part *readable(struct kafka_source *source, uint32_t index)
{
    struct part *part = NULL;

    (void)pthread_mutex_lock(&source->lock);
    part = source->parts[index]->state == PART_READING ? source->parts[index] : NULL;
    (void)pthread_mutex_unlock(&source->lock);
    return part == NULL || part->held || part->queue == NULL ? NULL : part;
}

static void read_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = readable(source, index);
    size_t room = BATCH_MESSAGES - source->messages_count;
    ssize_t count = 0;
    bool good = true;

    if (part == NULL || room == 0) {
        return;
    }
    count = rd_kafka_consume_batch_queue(part->queue, 0, source->messages + source->messages_count,
                                         room < PART_MESSAGES ? room : PART_MESSAGES);
    /* What stands behind a fault in the batch is read again. */
    for (ssize_t i = 0; i < count && good; i++) {
        good = handle_message(source, index, part,
                              source->messages[source->messages_count + (size_t)i]);
    }
    source->messages_count += count > 0 ? (size_t)count : 0;
}

static void read_parts(struct kafka_source *source)
{
    uint32_t count = 0;

    (void)pthread_mutex_lock(&source->lock);
    count = source->parts_count;
    (void)pthread_mutex_unlock(&source->lock);
    for (uint32_t i = 0; i < count; i++) {
        read_part(source, (source->next_part + i) % count);
    }
    source->next_part = count == 0 ? 0 : (source->next_part + 1) % count;
}

enum ctr_status kafka_poll(struct source *base, int timeout_ms, struct source_batch *ret_batch)
{
    struct kafka_source *source = kafka_mine(base);

    source->items_count = 0;
    source->messages_count = 0;
    (void)rd_kafka_poll(source->handle, 0); /* error and log callbacks */
    for (int round = 0; round < 2 && source->items_count == 0; round++) {
        if (round == 1) {
            struct pollfd wake = {.fd = source->wake_fd, .events = POLLIN};
            uint64_t counter = 0;

            if (poll(&wake, 1, timeout_ms) == 1 &&
                read(source->wake_fd, &counter, sizeof counter) < 0) {
                break;
            }
        }
        if (source->taken_count == 0) {
            take_notes(source);
        }
        if (!reserve_items(source)) {
            return CTR_NO_MEMORY;
        }
        handle_notes(source);
        read_parts(source);
    }
    *ret_batch = (struct source_batch){.items = source->items, .count = source->items_count};
    return CTR_OK;
}

void kafka_release(struct source *base, struct source_batch *batch)
{
    struct kafka_source *source = kafka_mine(base);

    for (size_t i = 0; i < source->messages_count; i++) {
        rd_kafka_message_destroy(source->messages[i]);
    }
    source->messages_count = 0;
    source->items_count = 0;
    *batch = (struct source_batch){0};
}
