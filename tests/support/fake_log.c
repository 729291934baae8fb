/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_log.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/status.h"

enum { PARTITIONS = 4, ITEMS = 4096, IDLE_MS = 2, PER_POLL = 500 };

struct entry {
    int64_t time_ms;
    char *text;
};

struct fake_log {
    pthread_mutex_t lock;
    const char *topic;
    uint32_t partitions;
    int64_t (*wall_ms)(void);
    bool mute;
    struct entry *entries[PARTITIONS];
    size_t count[PARTITIONS], capacity[PARTITIONS];
};

struct reader {
    struct source base;
    struct fake_log *log;
    _Atomic int64_t until;
    int close_ms;
    bool announced;
    bool asked[PARTITIONS], begun[PARTITIONS], held[PARTITIONS];
    struct source_start starts[PARTITIONS];
    int64_t next[PARTITIONS];
    int64_t hidden[PARTITIONS];
    struct source_item items[ITEMS];
    size_t items_count;
};

static struct reader *mine(struct source *source)
{
    return (struct reader *)source;
}

/* ---- the log ------------------------------------------------------------------------------- */

struct fake_log *fake_log_new(const char *topic, uint32_t partitions, int64_t (*wall_ms)(void))
{
    struct fake_log *log = calloc(1, sizeof *log);

    CTR_ASSERT(log != NULL && partitions <= PARTITIONS);
    (void)pthread_mutex_init(&log->lock, NULL);
    log->topic = topic;
    log->partitions = partitions;
    log->wall_ms = wall_ms;
    return log;
}

void fake_log_free(struct fake_log *log)
{
    for (uint32_t p = 0; p < log->partitions; p++) {
        for (size_t i = 0; i < log->count[p]; i++) {
            free(log->entries[p][i].text);
        }
        free(log->entries[p]);
    }
    (void)pthread_mutex_destroy(&log->lock);
    free(log);
}

void fake_log_add(struct fake_log *log, uint32_t partition, int64_t time_ms, const char *text)
{
    (void)pthread_mutex_lock(&log->lock);
    if (log->count[partition] == log->capacity[partition]) {
        size_t capacity = log->capacity[partition] == 0 ? 1024 : log->capacity[partition] * 2;

        log->entries[partition] =
            realloc(log->entries[partition], capacity * sizeof *log->entries[partition]);
        CTR_ASSERT(log->entries[partition] != NULL);
        log->capacity[partition] = capacity;
    }
    log->entries[partition][log->count[partition]++] =
        (struct entry){.time_ms = time_ms, .text = strdup(text)};
    (void)pthread_mutex_unlock(&log->lock);
}

int64_t fake_log_end(struct fake_log *log, uint32_t partition)
{
    int64_t end = 0;

    (void)pthread_mutex_lock(&log->lock);
    end = (int64_t)log->count[partition];
    (void)pthread_mutex_unlock(&log->lock);
    return end;
}

void fake_log_mute(struct fake_log *log, bool mute)
{
    (void)pthread_mutex_lock(&log->lock);
    log->mute = mute;
    (void)pthread_mutex_unlock(&log->lock);
}

/* ---- a source ------------------------------------------------------------------------------ */

static void add_item(struct reader *reader, const struct source_item *item)
{
    CTR_ASSERT(reader->items_count < ITEMS);
    reader->items[reader->items_count++] = *item;
}

/* Under the lock of the log. */
static void begin(struct reader *reader, uint32_t p)
{
    const struct fake_log *log = reader->log;
    struct source_item item = {.kind = SOURCE_STARTED, .partition = p, .time_ms = MOMENT_NONE};
    size_t at = 0;

    switch (reader->starts[p].kind) {
    case START_OFFSET:
        item.offset = reader->starts[p].value;
        break;
    case START_LATEST:
        item.offset = (int64_t)log->count[p];
        item.time_ms = log->wall_ms();
        break;
    case START_TIME:
        while (at < log->count[p] && log->entries[p][at].time_ms < reader->starts[p].value) {
            at++;
        }
        item.offset = (int64_t)at;
        item.time_ms = at == 0 ? MOMENT_NONE : reader->starts[p].value;
        break;
    case START_EARLIEST:
        break;
    }
    reader->next[p] = item.offset;
    reader->begun[p] = true;
    add_item(reader, &item);
}

/* Under the lock of the log. */
static void read_part(struct reader *reader, uint32_t p)
{
    const struct fake_log *log = reader->log;
    int64_t until = atomic_load(&reader->until);
    uint32_t given = 0;

    for (; given < PER_POLL && reader->next[p] < (int64_t)log->count[p] && reader->next[p] < until;
         reader->next[p]++) {
        const struct entry *entry = &log->entries[p][reader->next[p]];

        if (reader->next[p] == reader->hidden[p]) {
            continue;
        }
        given++;
        add_item(reader, &(struct source_item){.kind = SOURCE_RECORD,
                                               .partition = p,
                                               .offset = reader->next[p],
                                               .time_ms = entry->time_ms,
                                               .text = entry->text,
                                               .length = strlen(entry->text)});
    }
    add_item(reader, &(struct source_item){.kind = SOURCE_CONFIRMED,
                                           .partition = p,
                                           .offset = (int64_t)log->count[p],
                                           .time_ms = log->wall_ms()});
}

/* Under the lock of the log. */
static void fill(struct reader *reader)
{
    const struct fake_log *log = reader->log;

    if (!reader->announced) {
        for (uint32_t p = 0; p < log->partitions; p++) {
            add_item(reader, &(struct source_item){.kind = SOURCE_FOUND,
                                                   .partition = p,
                                                   .offset = p,
                                                   .text = log->topic,
                                                   .length = strlen(log->topic)});
        }
        add_item(reader, &(struct source_item){.kind = SOURCE_COMPLETE});
        reader->announced = true;
        return;
    }
    for (uint32_t p = 0; p < log->partitions; p++) {
        if (reader->begun[p] && !reader->held[p]) {
            read_part(reader, p);
        } else if (reader->asked[p] && !reader->begun[p]) {
            begin(reader, p);
        }
    }
}

/* Texts never move, so that they may be read after the lock was let go. */
static enum ctr_status reader_poll(struct source *source, int timeout_ms,
                                   struct source_batch *ret_batch)
{
    struct reader *reader = mine(source);
    bool idle = true;

    reader->items_count = 0;
    (void)pthread_mutex_lock(&reader->log->lock);
    if (!reader->log->mute) {
        fill(reader);
    }
    (void)pthread_mutex_unlock(&reader->log->lock);
    for (size_t i = 0; i < reader->items_count; i++) {
        idle = idle && reader->items[i].kind == SOURCE_CONFIRMED;
    }
    if (idle) {
        (void)poll(NULL, 0, timeout_ms < IDLE_MS ? timeout_ms : IDLE_MS);
    }
    *ret_batch = (struct source_batch){.items = reader->items, .count = reader->items_count};
    return CTR_OK;
}

static void reader_release(struct source *source, struct source_batch *batch)
{
    (void)source;
    *batch = (struct source_batch){0};
}

static void reader_start(struct source *source, uint32_t partition, struct source_start start)
{
    (void)pthread_mutex_lock(&mine(source)->log->lock);
    mine(source)->starts[partition] = start;
    mine(source)->asked[partition] = true;
    (void)pthread_mutex_unlock(&mine(source)->log->lock);
}

static void reader_hold(struct source *source, uint32_t partition, bool hold)
{
    mine(source)->held[partition] = hold;
}

static void reader_health(struct source *source, struct source_health *ret_health)
{
    (void)source;
    *ret_health = (struct source_health){.state = "reading"};
}

static void reader_close(struct source *source, int deadline_ms)
{
    int wait_ms = mine(source)->close_ms < deadline_ms ? mine(source)->close_ms : deadline_ms;

    (void)poll(NULL, 0, wait_ms);
    free(source);
}

struct source *fake_log_open(struct fake_log *log, int64_t until, int close_ms)
{
    static const struct source_ops ops = {.poll = reader_poll,
                                          .release = reader_release,
                                          .start = reader_start,
                                          .hold = reader_hold,
                                          .health = reader_health,
                                          .close = reader_close};
    struct reader *reader = calloc(1, sizeof *reader);

    CTR_ASSERT(reader != NULL);
    reader->base.ops = &ops;
    reader->log = log;
    reader->close_ms = close_ms;
    atomic_store(&reader->until, until);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        reader->hidden[p] = -1;
    }
    return &reader->base;
}

void fake_log_until(struct source *source, int64_t until)
{
    atomic_store(&mine(source)->until, until);
}

void fake_log_hide(struct source *source, uint32_t partition, int64_t offset)
{
    (void)pthread_mutex_lock(&mine(source)->log->lock);
    mine(source)->hidden[partition] = offset;
    (void)pthread_mutex_unlock(&mine(source)->log->lock);
}

struct source_start fake_log_start(struct source *source, uint32_t partition)
{
    struct source_start start;

    (void)pthread_mutex_lock(&mine(source)->log->lock);
    start = mine(source)->starts[partition];
    (void)pthread_mutex_unlock(&mine(source)->log->lock);
    return start;
}
