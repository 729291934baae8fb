/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the logs end, and whether the reader gets there. Thread: watcher.
 */
#include "service/clock.h"
#include "service/kafka/watcher_internal.h"

/* How long a partition may stand before the reason is looked for, and before an open transaction is
 * called one that blocks. The reader must have looked into its queue just now, or it is not the
 * brokers that it waits for. */
enum { SUSPECT_MS = 2000, BLOCKED_MS = 5000, HUNGRY_MS = 5000, REASSIGNS = 2 };

static bool assigned(const struct part *part)
{
    return part->state == PART_READING || part->state == PART_PROVING ||
           part->state == PART_SKIPPING;
}

/* Under the lock. Says it once. */
static void tell(struct kafka_source *source, uint32_t index, enum partition_state state)
{
    struct part *part = source->parts[index];

    if (part->told != state &&
        kafka_note(source,
                   &(struct note){.kind = SOURCE_STATE, .partition = index, .state = state})) {
        part->told = state;
    }
}

/* Under the lock. Something is to come: there is a backlog, or a record to know the log by. */
static bool waits(const struct part *part, int64_t given, int64_t high)
{
    return !part->held && (part->state != PART_READING || high > given);
}

/* Under the lock. Since when the reader has been where it is, though something is to come. */
static void measure(struct kafka_source *source, uint32_t index, int64_t given, int64_t high)
{
    struct part *part = source->parts[index];
    bool waiting = waits(part, given, high);

    if (waiting && part->behind_since_ms != 0 && part->behind_at == given) {
        return;
    }
    if (part->told != PARTITION_READING) {
        tell(source, index, PARTITION_READING);
    }
    if (part->behind_at != given || !waiting) {
        part->stalls = 0;
    }
    part->behind_since_ms = waiting ? clock_mono_ms() : 0;
    part->behind_at = given;
}

/* An answer is a time and an offset: whatever came before the question was asked lies below that
 * offset. The end is the one beyond open transactions, which may yet bring records of the past: as
 * long as one is open, nothing is confirmed. */
static void confirm(struct kafka_source *source, const struct question *question, int64_t asked_ms)
{
    (void)pthread_mutex_lock(&source->lock);
    for (int i = 0; i < question->list->cnt; i++) {
        uint32_t index = question->index[i];
        struct part *part = source->parts[index];
        int64_t high = question->list->elems[i].offset;

        if (!assigned(part) || high == RD_KAFKA_OFFSET_INVALID) {
            continue;
        }
        if (high < question->given[i]) {
            /* Shorter than what was read before the question: have it looked up in earnest. */
            if (part->short_since_ms == 0) {
                part->short_since_ms = clock_mono_ms();
                (void)kafka_note(source, &(struct note){.kind = SOURCE_STATE,
                                                        .partition = index,
                                                        .state = PARTITION_STALLED,
                                                        .quiet = true});
            }
            continue;
        }
        part->short_since_ms = 0;
        part->due = part->end;
        part->end = high;
        measure(source, index, question->given[i], high);
        if (part->state != PART_READING) {
            continue; /* it may be another log */
        }
        (void)kafka_note(source, &(struct note){.kind = SOURCE_CONFIRMED,
                                                .partition = index,
                                                .offset = high,
                                                .time_ms = asked_ms});
    }
    (void)pthread_mutex_unlock(&source->lock);
}

/* Under the lock. First the partition is assigned anew, then the whole client is made anew, again
 * and again. The process does not end: what it knows is still worth an answer. */
static void free_stalled(struct kafka_source *source, uint32_t index)
{
    struct part *part = source->parts[index];

    part->stalls++;
    part->behind_since_ms = clock_mono_ms();
    part->told = PARTITION_READING; /* say it again, which also has it assigned again */
    tell(source, index, PARTITION_STALLED);
    if (part->stalls > REASSIGNS) {
        source->rebuild = true;
    }
}

/* A new client disturbs the partitions that are well, so it is made more and more rarely. */
static int64_t patience_ms(const struct kafka_source *source, const struct part *part)
{
    unsigned rebuilds = part->stalls > REASSIGNS ? part->stalls - REASSIGNS : 0;

    return source->config->stall_after_ms << (rebuilds < 4 ? rebuilds : 4);
}

/* Under the lock. `stable`: up to where the reader may read, RD_KAFKA_OFFSET_INVALID where its
 * client does not know. */
static void judge(struct kafka_source *source, uint32_t index, int64_t stable)
{
    struct part *part = source->parts[index];
    int64_t now_ms = clock_mono_ms();
    int64_t behind_ms = now_ms - part->behind_since_ms;
    bool blocked =
        part->state == PART_READING && stable != RD_KAFKA_OFFSET_INVALID && stable <= part->given;

    if (!assigned(part) || part->behind_since_ms == 0 || part->given != part->behind_at) {
        return;
    }
    if (blocked) {
        if (behind_ms >= BLOCKED_MS) {
            tell(source, index, PARTITION_BLOCKED);
        }
    } else if (behind_ms >= patience_ms(source, part) && now_ms - part->empty_ms < HUNGRY_MS) {
        free_stalled(source, index);
    }
}

/* Keeps those that stand. */
static void keep_suspects(struct kafka_source *source, struct question *question)
{
    (void)pthread_mutex_lock(&source->lock);
    for (int i = question->list->cnt - 1; i >= 0; i--) {
        const struct part *part = source->parts[question->index[i]];

        if (part->behind_since_ms == 0 || clock_mono_ms() - part->behind_since_ms < SUSPECT_MS) {
            (void)rd_kafka_topic_partition_list_del_by_idx(question->list, i);
            for (int k = i; k < question->list->cnt; k++) {
                question->index[k] = question->index[k + 1];
            }
        }
    }
    (void)pthread_mutex_unlock(&source->lock);
}

/* Asks the reader's own client how far it may read. That it does not answer is an answer. */
static void examine(struct kafka_source *source)
{
    struct question question;
    struct client *client = NULL;
    bool answered = false;

    if (kafka_question_new(source, assigned, &question)) {
        keep_suspects(source, &question);
    }
    if (question.list != NULL && question.list->cnt > 0) {
        client = kafka_client_borrow(source);
        answered = kafka_ask(source, client->handle, &question, RD_KAFKA_OFFSET_END, PROBE_MS);
        kafka_client_return(client);
        (void)pthread_mutex_lock(&source->lock);
        for (int i = 0; i < question.list->cnt; i++) {
            judge(source, question.index[i],
                  answered ? question.list->elems[i].offset : RD_KAFKA_OFFSET_INVALID);
        }
        (void)pthread_mutex_unlock(&source->lock);
    }
    kafka_question_done(&question);
}

/* Whether an idle partition's end is still its end. librdkafka reports an end once per reaching it;
 * without this sign of life the partition of a hung broker would look idle. */
void kafka_probe(struct kafka_source *source)
{
    struct question question;
    int64_t asked_ms = clock_wall_ms();

    if (kafka_question_new(source, assigned, &question) && question.list->cnt > 0 &&
        kafka_ask(source, source->asker, &question, RD_KAFKA_OFFSET_END, PROBE_MS)) {
        confirm(source, &question, asked_ms);
    }
    kafka_question_done(&question);
    examine(source);
}
