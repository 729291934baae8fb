/* SPDX-License-Identifier: Apache-2.0 */
#include "service/kafka/consumer.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/kafka/consumer_internal.h"
#include "storage/moment.h"

enum { BATCH_MESSAGES = 4096, PART_MESSAGES = 1024 };

static struct kafka_source *mine(struct source *source)
{
    return (struct kafka_source *)source; /* base is the first member */
}

/* ---- words from the watcher ---------------------------------------------------------------- */

bool kafka_note(struct kafka_source *source, const struct note *note)
{
    static const uint64_t one = 1;

    if (source->notes_count == source->notes_capacity) {
        size_t capacity = source->notes_capacity == 0 ? 64 : source->notes_capacity * 2;
        struct note *notes = realloc(source->notes, capacity * sizeof *notes);

        if (notes == NULL) {
            return false;
        }
        source->notes = notes;
        source->notes_capacity = capacity;
    }
    source->notes[source->notes_count++] = *note;
    if (write(source->wake_fd, &one, sizeof one) < 0) {
        return true; /* only a full counter refuses, and that wakes as well */
    }
    return true;
}

void kafka_complain(struct kafka_source *source, const char *format, ...)
{
    char text[sizeof source->health.error];
    bool fresh = false;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)pthread_mutex_lock(&source->lock);
    fresh = strcmp(text, source->health.error) != 0;
    (void)snprintf(source->health.error, sizeof source->health.error, "%s", text);
    source->health.errors++;
    (void)pthread_mutex_unlock(&source->lock);
    log_line(fresh ? LOG_WARN : LOG_DEBUG, "source_error", "error=\"%s\"", text);
}

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

/* A part's address is stable, so it is used after the lock is released. */
static struct part *part_at(struct kafka_source *source, uint32_t index)
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
    struct part *part = part_at(source, index);
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
            item.text = part_at(source, note->partition)->topic;
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

static enum ctr_status kafka_poll(struct source *base, int timeout_ms,
                                  struct source_batch *ret_batch)
{
    struct kafka_source *source = mine(base);

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

static void kafka_release(struct source *base, struct source_batch *batch)
{
    struct kafka_source *source = mine(base);

    for (size_t i = 0; i < source->messages_count; i++) {
        rd_kafka_message_destroy(source->messages[i]);
    }
    source->messages_count = 0;
    source->items_count = 0;
    *batch = (struct source_batch){0};
}

static void kafka_start(struct source *base, uint32_t partition, struct source_start start)
{
    struct kafka_source *source = mine(base);

    (void)pthread_mutex_lock(&source->lock);
    source->parts[partition]->start = start;
    source->parts[partition]->state = PART_RESOLVING;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}

static void kafka_hold(struct source *base, uint32_t partition, bool hold)
{
    part_at(mine(base), partition)->held = hold;
}

static void kafka_health(struct source *base, struct source_health *ret_health)
{
    struct kafka_source *source = mine(base);

    (void)pthread_mutex_lock(&source->lock);
    *ret_health = source->health;
    (void)pthread_mutex_unlock(&source->lock);
}

/* ---- life ---------------------------------------------------------------------------------- */

static void free_source(struct kafka_source *source)
{
    for (uint32_t i = 0; i < source->parts_count; i++) {
        free(source->parts[i]);
    }
    free(source->parts);
    free(source->notes);
    free(source->taken);
    free(source->messages);
    free(source->items);
    if (source->wake_fd >= 0) {
        (void)close(source->wake_fd);
    }
    (void)pthread_cond_destroy(&source->changed);
    (void)pthread_mutex_destroy(&source->lock);
    free(source);
}

/* Everything that may wait for a broker: the watcher's call under way, and the destroying. */
static void *close_all(void *argument)
{
    struct kafka_source *source = argument;

    if (source->watcher_runs) {
        (void)pthread_join(source->watcher, NULL);
    }
    for (uint32_t i = 0; i < source->parts_count; i++) {
        if (source->parts[i]->queue != NULL) {
            rd_kafka_queue_destroy(source->parts[i]->queue);
        }
    }
    rd_kafka_destroy_flags(source->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    (void)pthread_mutex_lock(&source->lock);
    source->handle = NULL;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
    return NULL;
}

/* librdkafka can hang for minutes in its destructor after trouble with a broker, so that runs in a
 * thread that is abandoned at the deadline: the process is about to end, and nothing of worth is in
 * there. */
static void kafka_close(struct source *base, int deadline_ms)
{
    struct kafka_source *source = mine(base);
    int64_t until_ms = clock_mono_ms() + deadline_ms;
    pthread_t closer;
    bool closed = false;

    (void)pthread_mutex_lock(&source->lock);
    source->stopping = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
    if (pthread_create(&closer, NULL, close_all, source) != 0) {
        return;
    }
    (void)pthread_detach(closer);
    while (!closed && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 10);
        (void)pthread_mutex_lock(&source->lock);
        closed = source->handle == NULL;
        (void)pthread_mutex_unlock(&source->lock);
    }
    if (closed) {
        free_source(source);
    } else {
        log_line(LOG_WARN, "source_abandoned", "after_ms=%d", deadline_ms);
    }
}

/* Thread: ingest, inside rd_kafka_poll. */
static void on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    (void)handle;
    kafka_complain(opaque, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

static enum ctr_status make_conf(struct kafka_source *source, rd_kafka_conf_t **ret_conf,
                                 struct ctr_error *reterr)
{
    static const char *const fixed[][2] = {{"enable.auto.commit", "false"},
                                           {"enable.auto.offset.store", "false"},
                                           {"auto.offset.reset", "error"},
                                           {"enable.partition.eof", "true"}};
    /* Ours unless the user set them. Room for a second of catching up, since a full queue makes
     * librdkafka 2.0 wait for a second. Fetches that wait 100 ms, not 500: a broker answers one
     * request of a connection after the other, so the question for the ends waits for the fetch
     * before it, and that delay is part of an idle partition's lag. */
    static const char *const presets[][2] = {{"group.id", "livectr"},
                                             {"client.id", "livectr"},
                                             {"queued.min.messages", "200000"},
                                             {"queued.max.messages.kbytes", "65536"},
                                             {"fetch.wait.max.ms", "100"},
                                             {"socket.nagle.disable", "true"},
                                             {"reconnect.backoff.max.ms", "2000"},
                                             {"topic.metadata.refresh.interval.ms", "30000"}};
    rd_kafka_conf_t *conf = NULL;
    enum ctr_status status = rd_conf_new(source->config, &conf, reterr);

    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0] && status == CTR_OK; i++) {
        status = rd_conf_set(conf, fixed[i][0], fixed[i][1], reterr);
    }
    for (size_t i = 0; i < sizeof presets / sizeof presets[0] && status == CTR_OK; i++) {
        bool given = false;

        for (size_t k = 0; k < source->config->kafka_count; k++) {
            given = given || strcmp(source->config->kafka[k].name, presets[i][0]) == 0;
        }
        status = given ? CTR_OK : rd_conf_set(conf, presets[i][0], presets[i][1], reterr);
    }
    if (status != CTR_OK) {
        if (conf != NULL) {
            rd_kafka_conf_destroy(conf);
        }
        return status;
    }
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_opaque(conf, source);
    *ret_conf = conf;
    return CTR_OK;
}

static const struct source_ops kafka_ops = {.poll = kafka_poll,
                                            .release = kafka_release,
                                            .start = kafka_start,
                                            .hold = kafka_hold,
                                            .health = kafka_health,
                                            .close = kafka_close};

static struct kafka_source *new_source(const struct config *config)
{
    struct kafka_source *source = calloc(1, sizeof *source);

    if (source == NULL) {
        return NULL;
    }
    source->base.ops = &kafka_ops;
    source->config = config;
    source->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    source->messages = calloc(BATCH_MESSAGES, sizeof(rd_kafka_message_t *));
    (void)snprintf(source->health.state, sizeof source->health.state, "connecting");
    (void)pthread_mutex_init(&source->lock, NULL);
    (void)pthread_cond_init(&source->changed, NULL);
    if (source->wake_fd < 0 || source->messages == NULL) {
        free_source(source);
        return NULL;
    }
    return source;
}

enum ctr_status kafka_source_open(const struct config *config, struct source **ret_source,
                                  struct ctr_error *reterr)
{
    struct kafka_source *source = new_source(config);
    rd_kafka_conf_t *conf = NULL;
    char text[200] = "";
    enum ctr_status status = CTR_OK;

    if (source == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the Kafka source");
    }
    status = make_conf(source, &conf, reterr);
    if (status != CTR_OK) {
        free_source(source);
        return status;
    }
    source->handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (source->handle == NULL) {
        rd_kafka_conf_destroy(conf);
        free_source(source);
        return ctr_fail(reterr, CTR_INVALID, "kafka: %s", text);
    }
    if (pthread_create(&source->watcher, NULL, kafka_watch, source) != 0) {
        rd_kafka_destroy(source->handle);
        free_source(source);
        return ctr_fail(reterr, CTR_IO, "no thread for the Kafka source");
    }
    source->watcher_runs = true;
    *ret_source = &source->base;
    return CTR_OK;
}
