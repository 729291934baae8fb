/* SPDX-License-Identifier: Apache-2.0
 *
 * The ingest thread's side: words of the watcher and records of the partitions, turned into items.
 */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/kafka/consumer_internal.h"
#include "storage/moment.h"
#include "storage/prefetch.h"

/* PART_ITEMS: what is told of a partition besides its records and notes in one poll, at most. */
enum { PART_MESSAGES = 1024, PART_ITEMS = 8, BAD_TRIES = 3, AHEAD = 8 };

/* Swaps the inbox for the empty list of the last poll. True: the client is to be made anew. */
static bool take_notes(struct kafka_source *source)
{
    bool rebuild = false;
    struct note *notes = source->taken;
    size_t capacity = source->taken_capacity;

    (void)pthread_mutex_lock(&source->lock);
    source->taken = source->notes;
    source->taken_count = source->notes_count;
    source->taken_capacity = source->notes_capacity;
    source->notes = notes;
    source->notes_count = 0;
    source->notes_capacity = capacity;
    rebuild = source->rebuild;
    source->rebuild = false;
    (void)pthread_mutex_unlock(&source->lock);
    return rebuild;
}

/* ---- items --------------------------------------------------------------------------------- */

void kafka_add_item(struct kafka_source *source, const struct source_item *item)
{
    CTR_ASSERT(source->items_count < source->items_capacity);
    source->items[source->items_count++] = *item;
}

static bool reserve_items(struct kafka_source *source)
{
    size_t wanted = BATCH_MESSAGES + PART_ITEMS * (source->taken_count + kafka_parts_count(source));
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

/* The watcher says what a partition suffers from; some of it means leaving it. */
static void handle_state(struct kafka_source *source, const struct note *note)
{
    struct part *part = kafka_part(source, note->partition);

    if (note->state == PARTITION_GONE || note->state == PARTITION_REFUSED) {
        kafka_unassign(source, part);
    } else if (note->state == PARTITION_STALLED) {
        kafka_begin_again(source, part);
    }
}

static void handle_notes(struct kafka_source *source)
{
    for (size_t i = 0; i < source->taken_count; i++) {
        const struct note *note = &source->taken[i];
        struct source_item item = {.kind = note->kind,
                                   .partition = note->partition,
                                   .offset = note->offset,
                                   .time_ms = note->time_ms,
                                   .state = note->state};

        if (note->kind == SOURCE_STARTED) {
            kafka_begin_part(source, note->partition);
            continue;
        }
        if (note->kind == SOURCE_FOUND) {
            item.text = kafka_part(source, note->partition)->topic;
            item.length = strlen(item.text);
        } else if (note->kind == SOURCE_STATE) {
            handle_state(source, note);
        } else if (note->kind == SOURCE_SHRUNK) {
            kafka_unassign(source, kafka_part(source, note->partition));
        }
        if (!note->quiet) {
            kafka_add_item(source, &item);
        }
    }
    source->taken_count = 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Out of range may be retention or a shorter log: the watcher looks. False: no more of this batch.
 */
static bool begin_again(struct kafka_source *source, struct part *part,
                        const rd_kafka_message_t *message)
{
    kafka_complain(source, "topic %s partition %d at %lld: %s", part->topic, (int)part->number,
                   (long long)part->next, rd_kafka_message_errstr(message));
    kafka_begin_again(source, part);
    return false;
}

/* librdkafka steps over a batch that it cannot read. It is asked for again from our own place, and
 * if that does not help, the pipeline decides. */
static bool handle_damage(struct kafka_source *source, uint32_t index, struct part *part,
                          const rd_kafka_message_t *message)
{
    part->bad_tries = part->bad_at == part->next ? part->bad_tries + 1 : 1;
    part->bad_at = part->next;
    if (part->bad_tries < BAD_TRIES) {
        return begin_again(source, part, message);
    }
    part->bad_tries = 0;
    kafka_complain(source, "topic %s partition %d at %lld, for the third time: %s", part->topic,
                   (int)part->number, (long long)part->next, rd_kafka_message_errstr(message));
    (void)pthread_mutex_lock(&source->lock);
    part->state = PART_STOPPED;
    (void)pthread_mutex_unlock(&source->lock);
    kafka_unassign(source, part);
    kafka_add_item(source, &(struct source_item){
                               .kind = SOURCE_DAMAGED, .partition = index, .offset = part->next});
    return false;
}

static void handle_end(struct kafka_source *source, uint32_t index, struct part *part,
                       int64_t offset)
{
    part->next = offset > part->next ? offset : part->next;
    kafka_add_item(source,
                   &(struct source_item){.kind = SOURCE_END, .partition = index, .offset = offset});
}

static bool handle_error(struct kafka_source *source, uint32_t index, struct part *part,
                         const rd_kafka_message_t *message)
{
    switch ((int)message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        handle_end(source, index, part, message->offset);
        return true;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART: /* it may be another when it is back */
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return begin_again(source, part, message);
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED: /* no such magic byte */
        return handle_damage(source, index, part, message);
    default: /* librdkafka goes on by itself */
        kafka_complain(source, "topic %s partition %d: %s", part->topic, (int)part->number,
                       rd_kafka_message_errstr(message));
        return true;
    }
}

/* Every field is written where it stays: at two million records a second a copy of the item costs
 * as much as all else here. */
static void write_record(struct source_item *item, uint32_t index,
                         const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    int64_t time_ms = rd_kafka_message_timestamp(message, &type);

    item->kind = SOURCE_RECORD;
    item->partition = index;
    item->offset = message->offset;
    item->time_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? MOMENT_NONE : time_ms;
    item->text = message->payload;
    item->length = message->len;
    item->key = message->key;
    item->key_length = message->key_len;
    item->state = PARTITION_READING;
}

static struct source_item *add_record(struct kafka_source *source, uint32_t index,
                                      const rd_kafka_message_t *message)
{
    struct source_item *item = &source->items[source->items_count];

    CTR_ASSERT(source->items_count < source->items_capacity);
    source->items_count++;
    write_record(item, index, message);
    return item;
}

/* False: a fault, after which the partition is begun again. */
static bool handle_message(struct kafka_source *source, uint32_t index, struct part *part,
                           const rd_kafka_message_t *message)
{
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return handle_error(source, index, part, message);
    }
    (void)add_record(source, index, message);
    if (message->offset >= part->next) {
        part->next = message->offset + 1; /* where reading would go on */
        part->last = message->offset;
    }
    return true;
}

/* The first message of a partition whose log is to be known again. False: a fault. */
static bool handle_proof(struct kafka_source *source, uint32_t index, struct part *part,
                         const rd_kafka_message_t *message)
{
    bool good = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    bool ended = message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
    struct source_item item = {.kind = SOURCE_UNPROVED, .partition = index};

    if (!good && !ended) {
        return handle_error(source, index, part, message);
    }
    (void)pthread_mutex_lock(&source->lock);
    part->state = PART_READING;
    (void)pthread_mutex_unlock(&source->lock);
    if (good && message->offset < part->start.value) {
        add_record(source, index, message)->kind = SOURCE_PROOF;
        return true; /* the rest is told once the pipeline has had its say: at the next poll */
    }
    kafka_add_item(source, &item);
    kafka_announce(source, index);
    return handle_message(source, index, part, message);
}

/* Whether records of it are wanted now, and in which state it is. */
static bool readable(struct kafka_source *source, const struct part *part,
                     enum part_state *ret_state)
{
    bool wanted = false;

    (void)pthread_mutex_lock(&source->lock);
    *ret_state = part->state;
    wanted =
        part->state == PART_READING || part->state == PART_PROVING || part->state == PART_SKIPPING;
    wanted = wanted && !part->held && part->queue != NULL;
    (void)pthread_mutex_unlock(&source->lock);
    return wanted;
}

/* Tells the watcher how far it is; drained: nothing is left in the queue, empty: nothing was. Live,
 * queues are drained all the time and what is missing is on its way: only what has been missing
 * since the round before tells of a queue that is not filled. */
static void note_progress(struct kafka_source *source, struct part *part, bool drained, bool empty)
{
    (void)pthread_mutex_lock(&source->lock);
    part->given = part->next;
    part->proof = part->last >= 0 ? part->last : part->proof;
    if (empty) {
        part->empty_ms = clock_mono_ms();
    }
    if (drained && part->next < part->due && part->next != part->fed_at && kafka_hungry(source)) {
        part->fed_at = part->next;
    }
    (void)pthread_mutex_unlock(&source->lock);
}

/* A batch of messages is more than the nearest cache holds. */
static void fetch_ahead(rd_kafka_message_t *const *messages, ssize_t at, ssize_t count)
{
    if (at + AHEAD < count) {
        prefetch(messages[at + AHEAD]);
    }
}

/* False: a fault. */
static bool take_message(struct kafka_source *source, uint32_t index, struct part *part,
                         enum part_state state, const rd_kafka_message_t *message)
{
    if (state == PART_SKIPPING) {
        kafka_skip_on(source, index, message);
        return true;
    }
    return state == PART_PROVING ? handle_proof(source, index, part, message)
                                 : handle_message(source, index, part, message);
}

static void read_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = kafka_part(source, index);
    size_t room = BATCH_MESSAGES - source->messages_count;
    rd_kafka_message_t **messages = source->messages + source->messages_count;
    ssize_t count = 0;
    enum part_state state = PART_READING;
    bool good = true;

    if (room == 0 || !readable(source, part, &state)) {
        return;
    }
    if (part->announce && state != PART_PROVING) {
        kafka_announce(source, index);
    }
    room = state != PART_READING ? 1 : room < PART_MESSAGES ? room : PART_MESSAGES;
    count = rd_kafka_consume_batch_queue(part->queue, 0, messages, room);
    /* What stands behind a fault in the batch is read again. */
    for (ssize_t i = 0; i < count && good; i++) {
        fetch_ahead(messages, i, count);
        good = take_message(source, index, part, state, messages[i]);
    }
    source->messages_count += count > 0 ? (size_t)count : 0;
    note_progress(source, part, count < (ssize_t)room, count <= 0);
}

static void read_parts(struct kafka_source *source)
{
    uint32_t count = kafka_parts_count(source);

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
    (void)rd_kafka_poll(source->client->handle, 0); /* error and log callbacks */
    for (int round = 0; round < 2 && source->items_count == 0; round++) {
        if (round == 1) {
            struct pollfd wake = {.fd = source->wake_fd, .events = POLLIN};
            uint64_t counter = 0;

            if (poll(&wake, 1, timeout_ms) == 1 &&
                read(source->wake_fd, &counter, sizeof counter) < 0) {
                break;
            }
        }
        if (source->taken_count == 0 && take_notes(source)) {
            kafka_client_rebuild(source);
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
        fetch_ahead(source->messages, (ssize_t)i, (ssize_t)source->messages_count);
        rd_kafka_message_destroy(source->messages[i]);
    }
    source->messages_count = 0;
    source->items_count = 0;
    *batch = (struct source_batch){0};
}
