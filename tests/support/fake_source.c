/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_source.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { GIVE_MAX = 500 };

struct node {
    struct node *next;
    struct source_item item;
    char *bytes;
};

struct fake {
    struct source base;
    pthread_mutex_t lock;
    struct node *first, **last;
    size_t waiting;
    bool held[FAKE_PARTITIONS_MAX];
    unsigned holds[FAKE_PARTITIONS_MAX], stops[FAKE_PARTITIONS_MAX];
    struct source_start starts[FAKE_PARTITIONS_MAX];
    struct source_item given[GIVE_MAX];
    struct node *lent; /* nodes whose bytes the pipeline looks at */
};

static struct fake *mine(struct source *source)
{
    return (struct fake *)source;
}

/* Under the lock. */
static void push_locked(struct fake *fake, const struct source_item *item)
{
    struct node *node = calloc(1, sizeof *node);

    CTR_ASSERT(node != NULL);
    node->item = *item;
    if (item->text != NULL) {
        node->bytes = malloc(item->length + 1);
        CTR_ASSERT(node->bytes != NULL);
        memcpy(node->bytes, item->text, item->length);
        node->bytes[item->length] = '\0';
        node->item.text = node->bytes;
    }
    *fake->last = node;
    fake->last = &node->next;
    fake->waiting++;
}

static void push(struct source *source, const struct source_item *item)
{
    struct fake *fake = mine(source);

    (void)pthread_mutex_lock(&fake->lock);
    push_locked(fake, item);
    (void)pthread_mutex_unlock(&fake->lock);
}

static bool withheld(const struct fake *fake, const struct source_item *item)
{
    return fake->held[item->partition] && (item->kind == SOURCE_RECORD || item->kind == SOURCE_END);
}

static size_t take(struct fake *fake)
{
    struct node **at = &fake->first;
    size_t count = 0;

    while (*at != NULL && count < GIVE_MAX) {
        struct node *node = *at;

        if (withheld(fake, &node->item)) {
            at = &node->next;
            continue;
        }
        fake->given[count++] = node->item;
        *at = node->next;
        node->next = fake->lent;
        fake->lent = node;
        fake->waiting--;
        if (node->item.kind == SOURCE_FOUND) {
            break; /* nothing of a partition comes before its start was answered */
        }
    }
    fake->last = &fake->first;
    while (*fake->last != NULL) {
        fake->last = &(*fake->last)->next;
    }
    return count;
}

static enum ctr_status fake_poll(struct source *source, int timeout_ms,
                                 struct source_batch *ret_batch)
{
    struct fake *fake = mine(source);
    size_t count = 0;

    (void)pthread_mutex_lock(&fake->lock);
    count = take(fake);
    (void)pthread_mutex_unlock(&fake->lock);
    if (count == 0) {
        (void)poll(NULL, 0, timeout_ms < 2 ? timeout_ms : 2);
    }
    *ret_batch = (struct source_batch){.items = fake->given, .count = count};
    return CTR_OK;
}

static void free_nodes(struct node *node)
{
    while (node != NULL) {
        struct node *next = node->next;

        free(node->bytes);
        free(node);
        node = next;
    }
}

static void fake_release(struct source *source, struct source_batch *batch)
{
    struct fake *fake = mine(source);

    free_nodes(fake->lent);
    fake->lent = NULL;
    *batch = (struct source_batch){0};
}

static void on_start(struct source *source, uint32_t partition, struct source_start start)
{
    struct fake *fake = mine(source);
    struct source_item item = {.kind = SOURCE_STARTED,
                               .partition = partition,
                               .offset = start.kind == START_OFFSET ? start.value : 0,
                               .time_ms = MOMENT_NONE};
    struct node *rest = NULL;

    (void)pthread_mutex_lock(&fake->lock);
    fake->starts[partition] = start;
    /* What the test pushed meanwhile comes after the start. */
    rest = fake->first;
    fake->first = NULL;
    fake->last = &fake->first;
    push_locked(fake, &item);
    *fake->last = rest;
    while (*fake->last != NULL) {
        fake->last = &(*fake->last)->next;
    }
    (void)pthread_mutex_unlock(&fake->lock);
}

static void on_stop(struct source *source, uint32_t partition)
{
    struct fake *fake = mine(source);

    (void)pthread_mutex_lock(&fake->lock);
    fake->stops[partition]++;
    (void)pthread_mutex_unlock(&fake->lock);
}

static void on_hold(struct source *source, uint32_t partition, bool hold)
{
    struct fake *fake = mine(source);

    (void)pthread_mutex_lock(&fake->lock);
    fake->held[partition] = hold;
    fake->holds[partition] += hold ? 1 : 0;
    (void)pthread_mutex_unlock(&fake->lock);
}

static void on_health(struct source *source, struct source_health *ret_health)
{
    (void)source;
    *ret_health = (struct source_health){.state = "reading"};
}

static void on_close(struct source *source, int deadline_ms)
{
    struct fake *fake = mine(source);

    (void)deadline_ms;
    free_nodes(fake->first);
    free_nodes(fake->lent);
    (void)pthread_mutex_destroy(&fake->lock);
    free(fake);
}

struct source *fake_source_new(void)
{
    static const struct source_ops ops = {.poll = fake_poll,
                                          .release = fake_release,
                                          .start = on_start,
                                          .stop = on_stop,
                                          .hold = on_hold,
                                          .health = on_health,
                                          .close = on_close};
    struct fake *fake = calloc(1, sizeof *fake);

    CTR_ASSERT(fake != NULL);
    fake->base.ops = &ops;
    fake->last = &fake->first;
    (void)pthread_mutex_init(&fake->lock, NULL);
    return &fake->base;
}

void fake_found(struct source *source, uint32_t partition, const char *topic, int32_t number)
{
    push(source, &(struct source_item){.kind = SOURCE_FOUND,
                                       .partition = partition,
                                       .offset = number,
                                       .text = topic,
                                       .length = strlen(topic)});
}

void fake_complete(struct source *source)
{
    push(source, &(struct source_item){.kind = SOURCE_COMPLETE});
}

void fake_record(struct source *source, uint32_t partition, int64_t offset, int64_t time_ms,
                 const char *bytes, size_t length)
{
    push(source, &(struct source_item){.kind = SOURCE_RECORD,
                                       .partition = partition,
                                       .offset = offset,
                                       .time_ms = time_ms,
                                       .text = bytes,
                                       .length = length});
}

void fake_end(struct source *source, uint32_t partition, int64_t offset)
{
    push(source,
         &(struct source_item){.kind = SOURCE_END, .partition = partition, .offset = offset});
}

void fake_confirm(struct source *source, uint32_t partition, int64_t end, int64_t asked_ms)
{
    push(source,
         &(struct source_item){
             .kind = SOURCE_CONFIRMED, .partition = partition, .offset = end, .time_ms = asked_ms});
}

void fake_gap(struct source *source, uint32_t partition, int64_t offset)
{
    push(source,
         &(struct source_item){.kind = SOURCE_GAP, .partition = partition, .offset = offset});
}

void fake_item(struct source *source, const struct source_item *item)
{
    push(source, item);
}

unsigned fake_stops(struct source *source, uint32_t partition)
{
    struct fake *fake = mine(source);
    unsigned stops = 0;

    (void)pthread_mutex_lock(&fake->lock);
    stops = fake->stops[partition];
    (void)pthread_mutex_unlock(&fake->lock);
    return stops;
}

size_t fake_waiting(struct source *source)
{
    struct fake *fake = mine(source);
    size_t waiting = 0;

    (void)pthread_mutex_lock(&fake->lock);
    waiting = fake->waiting;
    (void)pthread_mutex_unlock(&fake->lock);
    return waiting;
}

bool fake_held(struct source *source, uint32_t partition)
{
    struct fake *fake = mine(source);
    bool held = false;

    (void)pthread_mutex_lock(&fake->lock);
    held = fake->held[partition];
    (void)pthread_mutex_unlock(&fake->lock);
    return held;
}

unsigned fake_holds(struct source *source, uint32_t partition)
{
    struct fake *fake = mine(source);
    unsigned holds = 0;

    (void)pthread_mutex_lock(&fake->lock);
    holds = fake->holds[partition];
    (void)pthread_mutex_unlock(&fake->lock);
    return holds;
}

struct source_start fake_start(struct source *source, uint32_t partition)
{
    struct fake *fake = mine(source);
    struct source_start start;

    (void)pthread_mutex_lock(&fake->lock);
    start = fake->starts[partition];
    (void)pthread_mutex_unlock(&fake->lock);
    return start;
}
