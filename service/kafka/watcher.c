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

/* The partitions in one state, asked for an offset each; `index` says which they are. */
struct question {
    rd_kafka_topic_partition_list_t *list;
    uint32_t *index;
};

/* False: no memory. */
static bool question_new(struct kafka_source *source, enum part_state state,
                         struct question *ret_question)
{
    struct question question = {.list = NULL};

    (void)pthread_mutex_lock(&source->lock);
    question.index = calloc(source->parts_count + 1, sizeof *question.index);
    if (question.index != NULL) {
        question.list = rd_kafka_topic_partition_list_new((int)source->parts_count + 1);
    }
    for (uint32_t i = 0; question.list != NULL && i < source->parts_count; i++) {
        const struct part *part = source->parts[i];

        if (part->state == state) {
            question.index[question.list->cnt] = i;
            (void)rd_kafka_topic_partition_list_add(question.list, part->topic, part->number);
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
    *ret_question = question;
    return question.list != NULL;
}

static void question_done(struct question *question)
{
    if (question->list != NULL) {
        rd_kafka_topic_partition_list_destroy(question->list);
    }
    free(question->index);
}

/* Puts the question for the offsets at `time` (a record time, or RD_KAFKA_OFFSET_BEGINNING or
 * _END), one request per broker. An answer below 0 means that no record is that young. The call for
 * watermarks would do, too, but in librdkafka 2.0 it does not keep to its time limit when a broker
 * hangs. False: not everything was answered, and nothing may be used. */
static bool ask(struct kafka_source *source, struct question *question, int64_t time, int wait_ms)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < question->list->cnt; i++) {
        question->list->elems[i].offset = time;
    }
    code = rd_kafka_offsets_for_times(source->handle, question->list, wait_ms);
    for (int i = 0; i < question->list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        code = question->list->elems[i].err;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "asking for offsets: %s", rd_kafka_err2str(code));
    }
    return code == RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* What the log holds, and the first offset at the time wished for. */
struct found {
    int64_t low, high, at_time;
};

static bool fitting_offset(struct kafka_source *source, const struct part *part, int64_t high,
                           int64_t offset)
{
    if (offset > high) {
        kafka_complain(source,
                       "topic %s partition %d ends at %lld, before our position %lld: it was "
                       "truncated or made anew; restore it, or move data_dir away to start anew",
                       part->topic, (int)part->number, (long long)high, (long long)offset);
        return false;
    }
    return true;
}

/* Turns the wish of a partition into an offset that exists now. Under the lock. */
static void settle_start(struct part *part, const struct found *found)
{
    part->low = found->low;
    part->first = found->low;
    part->covered_ms = MOMENT_NONE;
    switch (part->start.kind) {
    case START_OFFSET:
        part->first = part->start.value > found->low ? part->start.value : found->low;
        return;
    case START_EARLIEST:
        part->covered_ms = INT64_MAX; /* the beginning may be gone: from the first record */
        break;
    case START_LATEST:
        part->first = found->high;
        part->covered_ms = clock_wall_ms();
        break;
    case START_TIME:
        /* The end was asked for before: what came since is at or after it, nothing is skipped. */
        part->first = found->at_time < 0 ? found->high : found->at_time;
        part->covered_ms = part->start.value;
        break;
    }
    if (part->first == 0) {
        part->covered_ms = MOMENT_NONE; /* there is nothing before it */
    }
}

static void use_answers(struct kafka_source *source, const struct question *question,
                        const struct found *answers)
{
    for (int i = 0; i < question->list->cnt; i++) {
        struct part *part = kafka_part(source, question->index[i]);
        struct note note = {.kind = SOURCE_STARTED, .partition = question->index[i]};

        /* start is the watcher's to read in this state; a complaint takes the lock itself. */
        if (part->start.kind == START_OFFSET &&
            !fitting_offset(source, part, answers[i].high, part->start.value)) {
            continue;
        }
        (void)pthread_mutex_lock(&source->lock);
        settle_start(part, &answers[i]);
        if (kafka_note(source, &note)) {
            part->state = PART_RESOLVED;
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
}

/* The time that some partition wants to start at; all that do want the same. -1: none does. */
static int64_t wanted_time(struct kafka_source *source, const struct question *question)
{
    int64_t time_ms = -1;

    for (int i = 0; i < question->list->cnt; i++) {
        const struct part *part = kafka_part(source, question->index[i]);

        if (part->start.kind == START_TIME) {
            time_ms = part->start.value < 0 ? 0 : part->start.value;
        }
    }
    return time_ms;
}

static bool ask_all(struct kafka_source *source, struct question *question, struct found *answers)
{
    int64_t time_ms = wanted_time(source, question);
    const int64_t times[] = {RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END, time_ms};

    for (size_t t = 0; t < (time_ms < 0 ? 2 : 3); t++) {
        if (!ask(source, question, times[t], ASK_MS)) {
            return false;
        }
        for (int i = 0; i < question->list->cnt; i++) {
            int64_t *const members[] = {&answers[i].low, &answers[i].high, &answers[i].at_time};

            *members[t] = question->list->elems[i].offset;
        }
    }
    return true;
}

static void resolve(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;
    struct question question;
    struct found *answers = NULL;

    if (question_new(source, PART_RESOLVING, &question) && question.list->cnt > 0) {
        answers = calloc((size_t)question.list->cnt, sizeof *answers);
        if (answers != NULL && ask_all(source, &question, answers)) {
            use_answers(source, &question, answers);
        }
    }
    free(answers);
    question_done(&question);
}

/* ---- ends ---------------------------------------------------------------------------------- */

/* Whether an idle partition's end is still its end. librdkafka reports an end once per reaching it;
 * without this sign of life the partition of a hung broker would look idle. An answer is a time and
 * an offset: whatever came before the question was asked lies below that offset. */
static void probe(struct watcher *watcher)
{
    struct kafka_source *source = watcher->source;
    struct question question;
    int64_t asked_ms = clock_wall_ms();

    if (question_new(source, PART_READING, &question) && question.list->cnt > 0 &&
        ask(source, &question, RD_KAFKA_OFFSET_END, PROBE_MS)) {
        (void)pthread_mutex_lock(&source->lock);
        for (int i = 0; i < question.list->cnt; i++) {
            (void)kafka_note(source, &(struct note){.kind = SOURCE_CONFIRMED,
                                                    .partition = question.index[i],
                                                    .offset = question.list->elems[i].offset,
                                                    .time_ms = asked_ms});
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
    question_done(&question);
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
