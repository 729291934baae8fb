/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of the source, and what the pipeline wants of it.
 */
#include "service/kafka/consumer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/kafka/consumer_internal.h"
#include "storage/cond.h"

struct kafka_source *kafka_mine(struct source *source)
{
    return (struct kafka_source *)source; /* base is the first member */
}

struct part *kafka_part(struct kafka_source *source, uint32_t index)
{
    struct part *part = NULL;

    (void)pthread_mutex_lock(&source->lock);
    part = source->parts[index];
    (void)pthread_mutex_unlock(&source->lock);
    return part;
}

uint32_t kafka_parts_count(struct kafka_source *source)
{
    uint32_t count = 0;

    (void)pthread_mutex_lock(&source->lock);
    count = source->parts_count;
    (void)pthread_mutex_unlock(&source->lock);
    return count;
}

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

static void kafka_start(struct source *base, uint32_t partition, struct source_start start)
{
    struct kafka_source *source = kafka_mine(base);

    struct part *part = kafka_part(source, partition);

    part->last = -1;
    part->announce = false;
    (void)pthread_mutex_lock(&source->lock);
    part->start = start;
    part->started_once = false;
    part->begun = false;
    part->state = PART_RESOLVING;
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}

static void kafka_stop(struct source *base, uint32_t partition)
{
    struct kafka_source *source = kafka_mine(base);
    struct part *part = kafka_part(source, partition);

    (void)pthread_mutex_lock(&source->lock);
    part->state = PART_STOPPED;
    (void)pthread_mutex_unlock(&source->lock);
    kafka_unassign(source, part);
}

static void kafka_hold(struct source *base, uint32_t partition, bool hold)
{
    struct kafka_source *source = kafka_mine(base);

    (void)pthread_mutex_lock(&source->lock);
    source->parts[partition]->held = hold;
    (void)pthread_mutex_unlock(&source->lock);
}

static void kafka_health(struct source *base, struct source_health *ret_health)
{
    struct kafka_source *source = kafka_mine(base);

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
    free(source->statistics.text);
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
        kafka_close_queue(source->parts[i]);
    }
    kafka_client_end(source->client);
    rd_kafka_destroy(source->asker);
    (void)pthread_mutex_lock(&source->lock);
    source->closed = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
    return NULL;
}

/* librdkafka can hang for minutes in its destructor after trouble with a broker, so that runs in a
 * thread that is abandoned at the deadline: the process is about to end, and nothing of worth is in
 * there. */
static void kafka_close(struct source *base, int deadline_ms)
{
    struct kafka_source *source = kafka_mine(base);
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
        closed = source->closed;
        (void)pthread_mutex_unlock(&source->lock);
    }
    if (closed) {
        free_source(source);
    } else {
        log_line(LOG_WARN, "source_abandoned", "after_ms=%d", deadline_ms);
    }
}

static const struct source_ops kafka_ops = {.poll = kafka_poll,
                                            .release = kafka_release,
                                            .start = kafka_start,
                                            .stop = kafka_stop,
                                            .hold = kafka_hold,
                                            .health = kafka_health,
                                            .statistics = kafka_statistics,
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
    cond_init_monotonic(&source->changed);
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
    enum ctr_status status = CTR_OK;

    if (source == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the Kafka source");
    }
    status = kafka_client_new(source, &source->client, reterr);
    if (status == CTR_OK) {
        status = kafka_asker_new(source, &source->asker, reterr);
    }
    if (status == CTR_OK && pthread_create(&source->watcher, NULL, kafka_watch, source) != 0) {
        status = ctr_fail(reterr, CTR_IO, "no thread for the Kafka source");
    }
    if (status != CTR_OK) {
        kafka_client_end(source->client);
        if (source->asker != NULL) {
            rd_kafka_destroy(source->asker);
        }
        free_source(source);
        return status;
    }
    source->watcher_runs = true;
    *ret_source = &source->base;
    return CTR_OK;
}
