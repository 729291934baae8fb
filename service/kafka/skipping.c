/* SPDX-License-Identifier: Apache-2.0
 *
 * Over a batch that cannot be read. librdkafka 2.0 loses its way behind one: it takes bytes of the
 * batch for the next. So the batch is left alone, and its end is found by asking for offsets
 * further on: a broker answers each with the batch that holds it, and the error names the same
 * offset as long as it is the same batch. Twice the logarithm of the batch's size in questions, and
 * exact also where another damaged batch follows. Thread: ingest.
 */
#include "service/kafka/consumer_internal.h"

static bool in_the_batch(struct skip *skip, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR ||
        message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return false;
    }
    if (skip->in < 0) {
        skip->complaint = message->offset;
    }
    return message->offset == skip->complaint;
}

/* The offset to ask for next; -1: `behind` is its end. */
static int64_t next_question(struct skip *skip, int64_t high)
{
    int64_t at = skip->in + skip->step;

    if (skip->behind >= 0 && skip->behind - skip->in <= 1) {
        return -1;
    }
    if (skip->behind >= 0) {
        return skip->in + (skip->behind - skip->in) / 2;
    }
    skip->step *= 2;
    return at < high ? at : high;
}

/* Reading goes on behind the batch; the offsets in between are lost. */
static void end_skip(struct kafka_source *source, uint32_t index, struct part *part)
{
    int64_t behind = part->skip.behind > part->next ? part->skip.behind : part->next;

    if (behind > part->next) {
        kafka_add_item(source, &(struct source_item){
                                   .kind = SOURCE_GAP, .partition = index, .offset = behind});
    }
    part->next = behind;
    (void)pthread_mutex_lock(&source->lock);
    part->start = (struct source_start){.kind = START_OFFSET, .value = behind};
    part->given = behind;
    part->state = PART_RESOLVING;
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    (void)pthread_mutex_unlock(&source->lock);
}

static bool passing(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__BAD_COMPRESSION:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
        return false;
    default:
        return true; /* says nothing of the batch: wait for the next answer */
    }
}

void kafka_skip_on(struct kafka_source *source, uint32_t index, const rd_kafka_message_t *message)
{
    struct part *part = kafka_part(source, index);
    struct skip *skip = &part->skip;

    if (passing(message->err)) {
        return;
    }
    if (in_the_batch(skip, message)) {
        skip->in = skip->at;
    } else {
        skip->behind = skip->at;
    }
    skip->at = skip->in < 0 ? -1 : next_question(skip, part->high);
    kafka_unassign(source, part);
    if (skip->at < 0) {
        end_skip(source, index, part);
    } else if (!kafka_assign(source, part, skip->at)) {
        kafka_begin_again(source, part);
    }
}
