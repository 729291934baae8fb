/* SPDX-License-Identifier: Apache-2.0
 *
 * The watcher: everything that waits for a broker and is not the reading itself. It changes what
 * it shares only under the lock and holds it across no call that waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/kafka/watcher_internal.h"
#include "storage/moment.h"

struct watcher {
    struct kafka_source *source;
    rd_kafka_topic_t *topics[CONFIG_TOPICS_MAX];
    bool found[CONFIG_TOPICS_MAX];
    enum cause causes[CONFIG_TOPICS_MAX], worst;
    bool complete;
    bool soon;                         /* something is odd: look again before it is time */
    int64_t discover_at_ms, looked_ms; /* monotonic */
};

/* ---- partitions ---------------------------------------------------------------------------- */

/* Under the lock. False: no memory. */
static bool add_part(struct kafka_source *source, const char *topic, int32_t number)
{
    struct part *part = NULL;
    struct note note = {.kind = SOURCE_FOUND, .partition = source->parts_count, .offset = number};

    if (source->parts_count == source->parts_capacity) {
        uint32_t capacity = source->parts_capacity == 0 ? 16 : source->parts_capacity * 2;
        struct part **parts = realloc(source->parts, capacity * sizeof *parts);

        if (parts == NULL) {
            return false;
        }
        source->parts = parts;
        source->parts_capacity = capacity;
    }
    part = calloc(1, sizeof *part);
    if (part == NULL) {
        return false;
    }
    (void)snprintf(part->topic, sizeof part->topic, "%s", topic);
    part->number = number;
    part->proof = -1;
    source->parts[source->parts_count] = part;
    if (!kafka_note(source, &note)) {
        free(part);
        return false;
    }
    source->parts_count++;
    return true;
}

static bool knows(const struct kafka_source *source, const char *topic, int32_t number)
{
    for (uint32_t i = 0; i < source->parts_count; i++) {
        if (source->parts[i]->number == number && strcmp(source->parts[i]->topic, topic) == 0) {
            return true;
        }
    }
    return false;
}

static bool gone_state(const struct part *part)
{
    return part->state == PART_GONE || part->state == PART_STOPPED || part->state == PART_FOUND;
}

/* Under the lock. Leaves partitions that the brokers do not know or do not let us read; begins
 * again where they do. */
static void settle_part(struct kafka_source *source, uint32_t index, bool there, enum cause cause)
{
    struct part *part = source->parts[index];
    struct note note = {.kind = SOURCE_STATE,
                        .partition = index,
                        .state =
                            cause == CAUSE_NOT_AUTHORIZED ? PARTITION_REFUSED : PARTITION_GONE};

    if (there && part->state == PART_GONE) {
        if (part->begun) { /* else what start() wished for stands as it was */
            part->start = (struct source_start){.kind = START_OFFSET,
                                                .value = part->given,
                                                .prove = part->proof >= 0,
                                                .proof = part->proof};
        }
        part->state = PART_RESOLVING;
        source->woken = true;
    } else if (!there && !gone_state(part) && kafka_note(source, &note)) {
        part->state = PART_GONE;
    }
}

/* Under the lock. */
static bool settle_parts(struct kafka_source *source, const char *topic,
                         const rd_kafka_metadata_topic_t *now, enum cause cause)
{
    bool shrunk = false;

    for (uint32_t i = 0; i < source->parts_count; i++) {
        struct part *part = source->parts[i];
        bool there = false;

        if (strcmp(part->topic, topic) != 0) {
            continue;
        }
        for (int k = 0; cause == CAUSE_NONE && k < now->partition_cnt; k++) {
            there = there || now->partitions[k].id == part->number;
        }
        settle_part(source, i, there, cause);
        shrunk = shrunk || !there;
    }
    return shrunk;
}

/* Takes in new partitions; false: memory ran out. Under the lock. */
static bool add_parts(struct kafka_source *source, const char *name,
                      const rd_kafka_metadata_topic_t *now)
{
    for (int i = 0; i < now->partition_cnt; i++) {
        if (!knows(source, name, now->partitions[i].id) &&
            !add_part(source, name, now->partitions[i].id)) {
            return false;
        }
    }
    return true;
}

static enum cause look(struct kafka_source *source, const char *name,
                       const rd_kafka_metadata_topic_t *now, bool *ret_found)
{
    enum cause cause = CAUSE_NONE;

    if (now->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "topic %s: %s", name, rd_kafka_err2str(now->err));
        cause = kafka_cause_of(now->err);
        if (cause == CAUSE_NONE) {
            return CAUSE_NONE; /* it will pass */
        }
    }
    (void)pthread_mutex_lock(&source->lock);
    if ((cause != CAUSE_NONE || now->partition_cnt > 0) && settle_parts(source, name, now, cause) &&
        cause == CAUSE_NONE) {
        cause = CAUSE_PARTITIONS_SHRUNK;
    }
    if (now->err == RD_KAFKA_RESP_ERR_NO_ERROR && now->partition_cnt > 0) {
        *ret_found = add_parts(source, name, now) || *ret_found;
    }
    (void)pthread_mutex_unlock(&source->lock);
    if (cause == CAUSE_PARTITIONS_SHRUNK) {
        kafka_complain(source, "topic %s has fewer partitions than before: %d", name,
                       now->partition_cnt);
    }
    return cause;
}

/* Asks for one topic. Never makes one. */
static void discover_topic(struct watcher *watcher, size_t index)
{
    struct kafka_source *source = watcher->source;
    const char *name = source->config->topics[index].name;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(source->asker, 0, watcher->topics[index], &metadata, ASK_MS);

    kafka_answered(source, code);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "topic %s: %s", name, rd_kafka_err2str(code));
        return;
    }
    if (metadata->topic_cnt == 1) {
        watcher->causes[index] = look(source, name, &metadata->topics[0], &watcher->found[index]);
    }
    rd_kafka_metadata_destroy(metadata);
}

static void discover(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;
    bool all = true;
    int64_t wait_ms = source->config->discover_interval_ms;

    if (clock_mono_ms() < watcher->discover_at_ms &&
        !(watcher->soon && clock_mono_ms() >= watcher->looked_ms + RETRY_MS)) {
        return;
    }
    for (size_t i = 0; i < source->config->topics_count; i++) {
        discover_topic(watcher, i);
        all = all && watcher->found[i] && watcher->causes[i] == CAUSE_NONE;
        watcher->worst =
            i == 0 || watcher->causes[i] > watcher->worst ? watcher->causes[i] : watcher->worst;
    }
    watcher->looked_ms = clock_mono_ms();
    watcher->soon = false;
    watcher->discover_at_ms = watcher->looked_ms + (all || wait_ms < RETRY_MS ? wait_ms : RETRY_MS);
    if (all && !watcher->complete) {
        (void)pthread_mutex_lock(&source->lock);
        watcher->complete = kafka_note(source, &(struct note){.kind = SOURCE_COMPLETE});
        (void)pthread_mutex_unlock(&source->lock);
    }
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Waits for the next round; false: stop. */
static bool wait_round(struct kafka_source *source)
{
    struct timespec until = clock_after_ms(source->config->probe_interval_ms);
    bool stopping = false;

    (void)pthread_mutex_lock(&source->lock);
    if (!source->stopping && !source->woken) {
        (void)pthread_cond_timedwait(&source->changed, &source->lock, &until);
    }
    source->woken = false;
    stopping = source->stopping;
    (void)pthread_mutex_unlock(&source->lock);
    return !stopping;
}

void *kafka_watch(void *argument)
{
    struct watcher watcher = {.source = argument};
    struct kafka_source *source = watcher.source;

    for (size_t i = 0; i < source->config->topics_count; i++) {
        watcher.topics[i] = rd_kafka_topic_new(source->asker, source->config->topics[i].name, NULL);
    }
    do {
        kafka_feed(source);
        (void)rd_kafka_poll(source->asker, 0); /* error callbacks */
        kafka_round_begin(source);
        discover(&watcher);
        kafka_resolve(source);
        kafka_probe(source);
        watcher.soon = watcher.soon || source->unanswered || source->odd;
        kafka_round_done(source, watcher.complete, watcher.worst);
        kafka_read_statistics(source);
    } while (wait_round(source));
    for (size_t i = 0; i < source->config->topics_count; i++) {
        if (watcher.topics[i] != NULL) {
            rd_kafka_topic_destroy(watcher.topics[i]);
        }
    }
    return NULL;
}
