/* SPDX-License-Identifier: Apache-2.0
 *
 * The two clients of a source: one that reads, and one that asks.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/kafka/consumer_internal.h"
#include "service/log.h"

enum {
    USERS_WAIT_MS = 20,
    FETCH_KBYTES_MIN = 2048 /* librdkafka wants more than one message of its largest size */
};

struct property {
    const char *name, *value;
};

static enum ctr_status set_fixed(rd_kafka_conf_t *conf, const struct property *fixed, size_t count,
                                 struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < count && status == CTR_OK; i++) {
        status = rd_conf_set(conf, fixed[i].name, fixed[i].value, reterr);
    }
    return status;
}

/* Ours unless the user set them. */
/* Whether a property of librdkafka is among the settings. */
static bool is_given(const struct config *config, const char *name)
{
    bool given = false;

    for (size_t k = 0; k < config->kafka_count; k++) {
        given = given || strcmp(config->kafka[k].name, name) == 0;
    }
    return given;
}

static enum ctr_status set_presets(const struct config *config, rd_kafka_conf_t *conf,
                                   const struct property *presets, size_t count,
                                   struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < count && status == CTR_OK; i++) {
        status = is_given(config, presets[i].name)
                     ? CTR_OK
                     : rd_conf_set(conf, presets[i].name, presets[i].value, reterr);
    }
    return status;
}

/* For how many bytes a broker waits: a part of what one partition may bring (1 MB), so that in a
 * backlog no answer waits. For none where somebody chose how long a fetch may wait, which was meant
 * for a fetch of nothing; nor with the clock of the events, whose end is when all partitions are at
 * their ends at once. */
static const char *fetch_least(const struct config *config)
{
    return config->clock == CLOCK_EVENT || is_given(config, "fetch.wait.max.ms") ? "1" : "131072";
}

static enum ctr_status reader_conf(const struct kafka_source *source, rd_kafka_conf_t *conf,
                                   struct ctr_error *reterr)
{
    static const struct property fixed[] = {{"enable.auto.commit", "false"},
                                            {"enable.auto.offset.store", "false"},
                                            {"auto.offset.reset", "error"},
                                            {"enable.partition.eof", "true"},
                                            {"check.crcs", "true"}};
    uint32_t kbytes = source->config->kafka_queue_kbytes;
    char queue_kbytes[16], fetch_bytes[16];
    /* Messages a partition: a tenth of a second of catching up, as a full queue that was emptied is
     * noticed in a few ms (feeding.c). One response may pass the queue's limit by as much as it
     * holds.
     * fetch.min.bytes and fetch.wait.max.ms: a broker answers when it has so much or so long has
     * passed, some forty times a second instead of for each record of a steady trickle. What waits
     * for it waits for its slice's end and for settle anyway. */
    const struct property presets[] = {{"group.id", "livectr"},
                                       {"client.id", "livectr"},
                                       {"queued.min.messages", "50000"},
                                       {"queued.max.messages.kbytes", queue_kbytes},
                                       {"fetch.max.bytes", fetch_bytes},
                                       {"fetch.min.bytes", fetch_least(source->config)},
                                       {"fetch.wait.max.ms", "20"},
                                       {"socket.nagle.disable", "true"},
                                       {"reconnect.backoff.max.ms", "2000"},
                                       {"statistics.interval.ms", "10000"},
                                       {"topic.metadata.refresh.interval.ms", "30000"}};
    enum ctr_status status = CTR_OK;

    (void)snprintf(queue_kbytes, sizeof queue_kbytes, "%u", (unsigned)kbytes);
    (void)snprintf(fetch_bytes, sizeof fetch_bytes, "%u",
                   (unsigned)(kbytes < FETCH_KBYTES_MIN ? FETCH_KBYTES_MIN : kbytes) * 1024U);
    status = set_fixed(conf, fixed, sizeof fixed / sizeof fixed[0], reterr);

    return status != CTR_OK ? status
                            : set_presets(source->config, conf, presets,
                                          sizeof presets / sizeof presets[0], reterr);
}

/* No group.id: a client without one looks for no coordinator. */
static enum ctr_status asker_conf(const struct kafka_source *source, rd_kafka_conf_t *conf,
                                  struct ctr_error *reterr)
{
    static const struct property fixed[] = {{"isolation.level", "read_uncommitted"}};
    static const struct property presets[] = {{"client.id", "livectr"},
                                              {"socket.nagle.disable", "true"},
                                              {"reconnect.backoff.max.ms", "2000"}};
    enum ctr_status status = set_fixed(conf, fixed, sizeof fixed / sizeof fixed[0], reterr);

    return status != CTR_OK ? status
                            : set_presets(source->config, conf, presets,
                                          sizeof presets / sizeof presets[0], reterr);
}

static enum ctr_status open_handle(struct kafka_source *source, bool asks, rd_kafka_t **ret_handle,
                                   struct ctr_error *reterr)
{
    rd_kafka_conf_t *conf = NULL;
    char text[200] = "";
    enum ctr_status status = rd_conf_new(source->config, &conf, reterr);

    if (status != CTR_OK) {
        return status;
    }
    status = asks ? asker_conf(source, conf, reterr) : reader_conf(source, conf, reterr);
    if (status != CTR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_error_cb(conf, kafka_on_error);
    if (!asks) {
        rd_kafka_conf_set_stats_cb(conf, kafka_on_statistics);
    }
    rd_kafka_conf_set_opaque(conf, source);
    *ret_handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (*ret_handle == NULL) {
        rd_kafka_conf_destroy(conf);
        return ctr_fail(reterr, CTR_INVALID, "kafka: %s", text);
    }
    return CTR_OK;
}

enum ctr_status kafka_asker_new(struct kafka_source *source, rd_kafka_t **ret_asker,
                                struct ctr_error *reterr)
{
    return open_handle(source, true, ret_asker, reterr);
}

enum ctr_status kafka_client_new(struct kafka_source *source, struct client **ret_client,
                                 struct ctr_error *reterr)
{
    struct client *client = calloc(1, sizeof *client);
    enum ctr_status status = CTR_OK;

    if (client == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for a Kafka client");
    }
    status = open_handle(source, false, &client->handle, reterr);
    if (status != CTR_OK) {
        free(client);
        return status;
    }
    *ret_client = client;
    return CTR_OK;
}

void kafka_client_end(struct client *client)
{
    if (client == NULL) {
        return;
    }
    while (atomic_load(&client->users) > 0) {
        (void)poll(NULL, 0, USERS_WAIT_MS);
    }
    rd_kafka_destroy_flags(client->handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(client);
}

struct client *kafka_client_borrow(struct kafka_source *source)
{
    struct client *client = NULL;

    (void)pthread_mutex_lock(&source->lock);
    client = source->client;
    (void)atomic_fetch_add(&client->users, 1);
    (void)pthread_mutex_unlock(&source->lock);
    return client;
}

void kafka_client_return(struct client *client)
{
    (void)atomic_fetch_sub(&client->users, 1);
}

static void *end_client(void *argument)
{
    kafka_client_end(argument);
    return NULL;
}

/* In a thread of its own: librdkafka may hang in its destructor, and what was wrong with the client
 * makes that likelier. */
static void abandon(struct client *client)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, end_client, client) == 0) {
        (void)pthread_detach(thread);
    }
}

void kafka_client_rebuild(struct kafka_source *source)
{
    struct client *fresh = NULL;
    struct client *old = source->client;
    struct ctr_error error = {.text = ""};
    uint32_t count = kafka_parts_count(source);

    if (kafka_client_new(source, &fresh, &error) != CTR_OK) {
        kafka_complain(source, "a new client: %s", error.text);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct part *part = kafka_part(source, i);

        kafka_close_queue(part);
        if (part->assigned) {
            part->assigned = false;
            kafka_begin_again(source, part);
        }
    }
    (void)pthread_mutex_lock(&source->lock);
    source->client = fresh;
    (void)pthread_mutex_unlock(&source->lock);
    abandon(old);
    log_line(LOG_WARN, "kafka_client_rebuilt", "partitions=%u", (unsigned)count);
}
