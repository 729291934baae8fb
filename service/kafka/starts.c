/* SPDX-License-Identifier: Apache-2.0
 *
 * Where partitions begin: wishes turned into offsets that exist. Thread: watcher.
 */
#include <stdlib.h>

#include "service/clock.h"
#include "service/kafka/watcher_internal.h"
#include "storage/moment.h"

/* A log that is shorter than what was read of it is believed after this long, lest a broker that
 * has just become the leader is taken at its first word. */
enum { SHORT_MS = 3000 };

/* ---- questions ----------------------------------------------------------------------------- */

bool kafka_question_new(struct kafka_source *source, bool (*wanted)(const struct part *part),
                        struct question *ret_question)
{
    struct question question = {.list = NULL};
    uint32_t room = kafka_parts_count(source) + 1;

    question.index = calloc(room, sizeof *question.index);
    question.given = calloc(room, sizeof *question.given);
    if (question.index != NULL && question.given != NULL) {
        question.list = rd_kafka_topic_partition_list_new((int)room);
    }
    (void)pthread_mutex_lock(&source->lock);
    for (uint32_t i = 0; question.list != NULL && i < room - 1; i++) {
        const struct part *part = source->parts[i];

        if (wanted(part)) {
            question.index[question.list->cnt] = i;
            question.given[question.list->cnt] = part->given;
            (void)rd_kafka_topic_partition_list_add(question.list, part->topic, part->number);
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
    *ret_question = question;
    return question.list != NULL;
}

void kafka_question_done(struct question *question)
{
    if (question->list != NULL) {
        rd_kafka_topic_partition_list_destroy(question->list);
    }
    free(question->index);
    free(question->given);
}

/* The call for watermarks would do, too, but in librdkafka 2.0 it does not keep to its time limit
 * when a broker hangs. */
bool kafka_ask(struct kafka_source *source, rd_kafka_t *handle, struct question *question,
               int64_t time, int wait_ms)
{
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

    for (int i = 0; i < question->list->cnt; i++) {
        question->list->elems[i].offset = time;
    }
    code = rd_kafka_offsets_for_times(handle, question->list, wait_ms);
    if (handle == source->asker) {
        kafka_answered(source, code);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        kafka_complain(source, "asking for offsets: %s", rd_kafka_err2str(code));
        source->odd = true;
        return false;
    }
    for (int i = 0; i < question->list->cnt; i++) {
        rd_kafka_topic_partition_t *answer = &question->list->elems[i];

        if (answer->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            kafka_complain(source, "asking for offsets of topic %s partition %d: %s", answer->topic,
                           (int)answer->partition, rd_kafka_err2str(answer->err));
            answer->offset = RD_KAFKA_OFFSET_INVALID;
            source->odd = true;
        }
    }
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

/* What the log holds, and the first offset at the time wished for. */
struct found {
    int64_t low, high, at_time;
};

/* Under the lock. The log ends before where it was to be read, and has for a while: the pipeline
 * decides. */
static void give_up(struct kafka_source *source, uint32_t index, const struct found *found)
{
    struct part *part = source->parts[index];

    if (part->short_since_ms == 0) {
        part->short_since_ms = clock_mono_ms();
    } else if (clock_mono_ms() - part->short_since_ms >= SHORT_MS &&
               kafka_note(source, &(struct note){.kind = SOURCE_SHRUNK,
                                                 .partition = index,
                                                 .offset = found->high})) {
        part->state = PART_STOPPED;
        part->short_since_ms = 0;
    }
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
        /* At the log's beginning, what was deleted may have been of that time, too. */
        part->covered_ms = found->at_time == found->low ? INT64_MAX : part->start.value;
        break;
    }
    if (part->first == 0) {
        part->covered_ms = MOMENT_NONE; /* there is nothing before it */
    }
}

static bool answered(const struct found *found)
{
    return found->low != RD_KAFKA_OFFSET_INVALID && found->high != RD_KAFKA_OFFSET_INVALID &&
           found->at_time != RD_KAFKA_OFFSET_INVALID;
}

static void use_answers(struct kafka_source *source, const struct question *question,
                        const struct found *answers, int64_t asked_ms)
{
    (void)pthread_mutex_lock(&source->lock);
    for (int i = 0; i < question->list->cnt; i++) {
        struct part *part = source->parts[question->index[i]];
        struct note note = {.kind = SOURCE_STARTED, .partition = question->index[i]};

        if (part->state != PART_RESOLVING || !answered(&answers[i])) {
            continue; /* ask again; or stopped meanwhile */
        }
        if (part->start.kind == START_OFFSET && part->start.value > answers[i].high) {
            give_up(source, question->index[i], &answers[i]);
            continue;
        }
        part->short_since_ms = 0;
        settle_start(part, &answers[i]);
        part->asked_ms = asked_ms;
        part->high = answers[i].high;
        if (part->start.prove) {
            part->proof = part->start.proof;
        }
        if (kafka_note(source, &note)) {
            part->state = PART_RESOLVED;
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
}

/* The time that some partition wants to start at; all that do want the same. -1: none does. */
static int64_t wanted_time(struct kafka_source *source, const struct question *question)
{
    int64_t time_ms = -1;

    (void)pthread_mutex_lock(&source->lock);
    for (int i = 0; i < question->list->cnt; i++) {
        const struct part *part = source->parts[question->index[i]];

        if (part->start.kind == START_TIME) {
            time_ms = part->start.value < 0 ? 0 : part->start.value;
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
    return time_ms;
}

static bool ask_all(struct kafka_source *source, struct question *question, struct found *answers)
{
    int64_t time_ms = wanted_time(source, question);
    const int64_t times[] = {RD_KAFKA_OFFSET_BEGINNING, RD_KAFKA_OFFSET_END, time_ms};

    for (size_t t = 0; t < (time_ms < 0 ? 2 : 3); t++) {
        if (!kafka_ask(source, source->asker, question, times[t], ASK_MS)) {
            return false;
        }
        for (int i = 0; i < question->list->cnt; i++) {
            int64_t *const members[] = {&answers[i].low, &answers[i].high, &answers[i].at_time};

            *members[t] = question->list->elems[i].offset;
        }
    }
    return true;
}

static bool resolving(const struct part *part)
{
    return part->state == PART_RESOLVING;
}

void kafka_resolve(struct kafka_source *source)
{
    struct question question;
    struct found *answers = NULL;
    int64_t asked_ms = clock_wall_ms();

    if (kafka_question_new(source, resolving, &question) && question.list->cnt > 0) {
        answers = calloc((size_t)question.list->cnt, sizeof *answers);
        if (answers != NULL && ask_all(source, &question, answers)) {
            use_answers(source, &question, answers, asked_ms);
        }
    }
    free(answers);
    kafka_question_done(&question);
}
