/* SPDX-License-Identifier: Apache-2.0
 *
 * The watcher: everything that waits for a broker and is not the reading itself. It changes what
 * it shares only under the lock and holds it across no call that waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/kafka/consumer_internal.h"
#include "storage/moment.h"

enum { ASK_MS = 2000, PROBE_MS = 1000, RETRY_MS = 500 };

struct watcher {
    struct kafka_source *source;
    rd_kafka_topic_t *topics[CONFIG_TOPICS_MAX];
    bool found[CONFIG_TOPICS_MAX];
    bool complete;
    int64_t discover_at_ms; /* monotonic */
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

/* False: the topic is not there (yet), or memory ran out. */
static bool discover_topic(struct watcher *watcher, size_t index)
{
    struct kafka_source *source = watcher->source;
    const char *name = source->config->topics[index].name;
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(source->handle, 0, watcher->topics[index], &metadata, ASK_MS);
    bool good = false;

    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "topic %s: %s", name, rd_kafka_err2str(code));
        return false;
    }
    if (metadata->topic_cnt == 1 && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "topic %s: %s", name, rd_kafka_err2str(metadata->topics[0].err));
    } else if (metadata->topic_cnt == 1) {
        const rd_kafka_metadata_topic_t *topic = &metadata->topics[0];

        good = topic->partition_cnt > 0;
        (void)pthread_mutex_lock(&source->lock);
        for (int i = 0; i < topic->partition_cnt; i++) {
            int32_t number = topic->partitions[i].id;

            good = good && (knows(source, name, number) || add_part(source, name, number));
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
    rd_kafka_metadata_destroy(metadata);
    return good;
}

static void discover(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;
    bool all = true;

    if (clock_mono_ms() < watcher->discover_at_ms) {
        return;
    }
    for (size_t i = 0; i < source->config->topics_count; i++) {
        watcher->found[i] = discover_topic(watcher, i) || watcher->found[i];
        all = all && watcher->found[i];
    }
    watcher->discover_at_ms =
        clock_mono_ms() + (all ? source->config->discover_interval_ms : RETRY_MS);
    if (all && !watcher->complete) {
        (void)pthread_mutex_lock(&source->lock);
        watcher->complete = kafka_note(source, &(struct note){.kind = SOURCE_COMPLETE});
        (void)snprintf(source->health.state, sizeof source->health.state, "reading");
        (void)pthread_mutex_unlock(&source->lock);
    }
}

/* ---- where to start ------------------------------------------------------------------------ */

struct ends {
    int64_t low, high;
};

/* The first offset whose record time is at or after time_ms, `high` where there is none. */
static rd_kafka_resp_err_t offset_for_time(struct kafka_source *source, const struct part *part,
                                           int64_t time_ms, int64_t high, int64_t *ret_offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *asked =
        rd_kafka_topic_partition_list_add(list, part->topic, part->number);
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    asked->offset = time_ms < 0 ? 0 : time_ms;
    code = rd_kafka_offsets_for_times(source->handle, list, ASK_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = list->elems[0].err;
    }
    /* high was read before: whatever came since is at or after it, so nothing is skipped. */
    *ret_offset = list->elems[0].offset < 0 ? high : list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static bool fitting_offset(struct kafka_source *source, const struct part *part,
                           const struct ends *ends, int64_t offset)
{
    if (offset > ends->high) {
        kafka_complain(source,
                       "topic %s partition %d ends at %lld, before our position %lld: it was "
                       "truncated or made anew; restore it, or move data_dir away to start anew",
                       part->topic, (int)part->number, (long long)ends->high, (long long)offset);
        return false;
    }
    return true;
}

/* Turns the wish into an offset that exists now. False: not yet; it was complained about. */
static bool look_up(struct kafka_source *source, const struct part *part, struct source_start start,
                    struct part *ret_found)
{
    struct ends ends = {0};
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        source->handle, part->topic, part->number, &ends.low, &ends.high, ASK_MS);

    *ret_found = (struct part){.low = ends.low, .first = ends.low, .covered_ms = MOMENT_NONE};
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && start.kind == START_TIME) {
        code = offset_for_time(source, part, start.value, ends.high, &ret_found->first);
        ret_found->covered_ms = start.value;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "topic %s partition %d: %s", part->topic, (int)part->number,
                       rd_kafka_err2str(code));
        return false;
    }
    switch (start.kind) {
    case START_OFFSET:
        ret_found->first = start.value > ends.low ? start.value : ends.low;
        return fitting_offset(source, part, &ends, start.value);
    case START_LATEST:
        ret_found->first = ends.high;
        ret_found->covered_ms = clock_wall_ms();
        break;
    case START_EARLIEST:
        ret_found->covered_ms = INT64_MAX; /* the beginning may be gone: from the first record */
        break;
    case START_TIME:
    default:
        break;
    }
    if (ret_found->first == 0) {
        ret_found->covered_ms = MOMENT_NONE; /* there is nothing before it */
    }
    return true;
}

static void resolve(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;

    for (uint32_t i = 0;; i++) {
        struct part *part = NULL;
        struct part found;
        struct source_start start = {0};

        (void)pthread_mutex_lock(&source->lock);
        if (i >= source->parts_count || source->stopping) {
            (void)pthread_mutex_unlock(&source->lock);
            return;
        }
        part = source->parts[i];
        start = part->start;
        if (part->state != PART_RESOLVING) {
            (void)pthread_mutex_unlock(&source->lock);
            continue;
        }
        (void)pthread_mutex_unlock(&source->lock);
        if (look_up(source, part, start, &found)) {
            struct note note = {.kind = SOURCE_STARTED, .partition = i};

            (void)pthread_mutex_lock(&source->lock);
            part->low = found.low;
            part->first = found.first;
            part->covered_ms = found.covered_ms;
            if (kafka_note(source, &note)) {
                part->state = PART_RESOLVED;
            }
            (void)pthread_mutex_unlock(&source->lock);
        }
    }
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* The partitions being read, asked for the offset "latest" (-1). Indexes go into `ret_index`. */
static rd_kafka_topic_partition_list_t *reading(struct kafka_source *source, uint32_t **ret_index)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    uint32_t count = 0;

    (void)pthread_mutex_lock(&source->lock);
    *ret_index = calloc(source->parts_count + 1, sizeof **ret_index);
    list =
        *ret_index == NULL ? NULL : rd_kafka_topic_partition_list_new((int)source->parts_count + 1);
    for (uint32_t i = 0; list != NULL && i < source->parts_count; i++) {
        const struct part *part = source->parts[i];

        if (part->state == PART_READING) {
            rd_kafka_topic_partition_list_add(list, part->topic, part->number)->offset =
                RD_KAFKA_OFFSET_END;
            (*ret_index)[count++] = i;
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
    return list;
}

/* Whether an idle partition's end is still its end. librdkafka reports an end once per reaching it;
 * without this sign of life the partition of a hung broker would look idle. An answer is a time and
 * an offset: whatever came before the question was asked lies below that offset. */
static void probe(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;
    uint32_t *index = NULL;
    rd_kafka_topic_partition_list_t *list = reading(source, &index);
    int64_t asked_ms = clock_wall_ms();

    if (list != NULL && list->cnt > 0) {
        rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(source->handle, list, PROBE_MS);

        if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_complain(source, "asking for the ends: %s", rd_kafka_err2str(code));
        }
        (void)pthread_mutex_lock(&source->lock);
        for (int i = 0; i < list->cnt; i++) {
            if (list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR && list->elems[i].offset >= 0) {
                (void)kafka_note(source, &(struct note){.kind = SOURCE_CONFIRMED,
                                                        .partition = index[i],
                                                        .offset = list->elems[i].offset,
                                                        .time_ms = asked_ms});
            }
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
    if (list != NULL) {
        rd_kafka_topic_partition_list_destroy(list);
    }
    free(index);
}

/* ---- the thread ---------------------------------------------------------------------------- */

/* Waits for the next round; false: stop. */
static bool wait_round(struct kafka_source *source)
{
    struct timespec until = clock_after_ms(source->config->probe_interval_ms);
    bool stopping = false;

    (void)pthread_mutex_lock(&source->lock);
    if (!source->stopping) {
        (void)pthread_cond_timedwait(&source->changed, &source->lock, &until);
    }
    stopping = source->stopping;
    (void)pthread_mutex_unlock(&source->lock);
    return !stopping;
}

void *kafka_watch(void *argument)
{
    struct watcher watcher = {.source = argument};
    struct kafka_source *source = watcher.source;

    for (size_t i = 0; i < source->config->topics_count; i++) {
        watcher.topics[i] =
            rd_kafka_topic_new(source->handle, source->config->topics[i].name, NULL);
    }
    do {
        discover(&watcher);
        resolve(&watcher);
        probe(&watcher);
    } while (wait_round(source));
    for (size_t i = 0; i < source->config->topics_count; i++) {
        if (watcher.topics[i] != NULL) {
            rd_kafka_topic_destroy(watcher.topics[i]);
        }
    }
    return NULL;
}
