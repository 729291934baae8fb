/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of the source and what both of its threads say. reader.c has the ingest thread's side,
 * watcher.c the other.
 */
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

struct kafka_source *kafka_mine(struct source *source)
{
    return (struct kafka_source *)source; /* base is the first member */
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

static void kafka_start(struct source *base, uint32_t partition, struct source_start start)
{
    struct kafka_source *source = kafka_mine(base);

    (void)pthread_mutex_lock(&source->lock);
    source->parts[partition]->start = start;
    source->parts[partition]->state = PART_RESOLVING;
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}

static void kafka_hold(struct source *base, uint32_t partition, bool hold)
{
    kafka_part(kafka_mine(base), partition)->held = hold;
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
