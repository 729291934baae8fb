/* SPDX-License-Identifier: Apache-2.0
 *
 * A reader that runs dry in the middle of a backlog. When the queues of all partitions of a broker
 * are full, librdkafka 2.0's thread for that broker sleeps until something else wakes it, up to a
 * second; that the queues were emptied does not. A question to the broker does: it passes through
 * the same thread, which then looks at the queues again. Its answer is not waited for.
 * Thread: watcher; kafka_hungry() is the ingest thread's.
 */
#include "service/clock.h"
#include "service/kafka/watcher_internal.h"

enum { FEED_EVERY_MS = 20, NO_WAIT_MS = 1 };

bool kafka_hungry(struct kafka_source *source)
{
    int64_t now_ms = clock_mono_ms();

    if (now_ms - source->fed_ms < FEED_EVERY_MS) {
        return false;
    }
    source->fed_ms = now_ms;
    source->hungry = true;
    source->woken = true;
    (void)pthread_cond_signal(&source->changed);
    return true;
}

static bool empty_behind(const struct part *part)
{
    return part->state == PART_READING && !part->held && part->given < part->due;
}

void kafka_feed(struct kafka_source *source)
{
    struct question question;
    struct client *client = NULL;
    bool hungry = false;

    (void)pthread_mutex_lock(&source->lock);
    hungry = source->hungry;
    source->hungry = false;
    (void)pthread_mutex_unlock(&source->lock);
    if (!hungry) {
        return;
    }
    if (kafka_question_new(source, empty_behind, &question) && question.list->cnt > 0) {
        client = kafka_client_borrow(source);
        for (int i = 0; i < question.list->cnt; i++) {
            question.list->elems[i].offset = RD_KAFKA_OFFSET_END;
        }
        (void)rd_kafka_offsets_for_times(client->handle, question.list, NO_WAIT_MS);
        kafka_client_return(client);
    }
    kafka_question_done(&question);
}
