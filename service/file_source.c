/* SPDX-License-Identifier: Apache-2.0 */
#include "service/file_source.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "service/dump.h"
#include "storage/moment.h"

enum { BATCH_MAX = 1000, BYTES_FIRST = 1 << 20 };

/* What a partition has been told of so far. */
struct lane {
    bool found, started, ended;
    size_t next;
    int64_t end; /* once ended */
};

struct file_source {
    struct source base;
    struct replay_merge *merge; /* one of the two */
    struct dump *dump;
    char topic[PARTITION_TOPIC_BYTES]; /* of a merge */
    int64_t from_ms, until_ms, next_offset;
    size_t lanes_count, ended_count;
    struct lane *lanes;
    bool complete_told;
    struct source_item items[PARTITIONS_MAX + BATCH_MAX];
    size_t count;
    char *bytes; /* what the items' texts point into, as offsets until the batch is full */
    size_t bytes_length, bytes_capacity;
    enum ctr_status status;
    struct ctr_error error;
    _Atomic uint64_t given;
};

static struct file_source *mine(struct source *source)
{
    return (struct file_source *)source;
}

static void add_item(struct file_source *files, const struct source_item *item)
{
    files->items[files->count++] = *item;
}

/* Room for `length` bytes behind those of the batch. Texts are offsets until the batch is given. */
static char *reserve_bytes(struct file_source *files, size_t length)
{
    size_t capacity = files->bytes_capacity == 0 ? BYTES_FIRST : files->bytes_capacity;
    char *bytes = NULL;

    while (capacity < files->bytes_length + length + 1) {
        capacity *= 2;
    }
    if (capacity != files->bytes_capacity) {
        bytes = realloc(files->bytes, capacity);
        if (bytes == NULL) {
            return NULL;
        }
        files->bytes = bytes;
        files->bytes_capacity = capacity;
    }
    return files->bytes + files->bytes_length;
}

static void fail(struct file_source *files, enum ctr_status status, const char *text)
{
    files->status = status;
    files->error.status = status;
    (void)snprintf(files->error.text, sizeof files->error.text, "%s", text);
}

/* ---- what is told before records ----------------------------------------------------------- */

static const char *topic_of(const struct file_source *files, size_t lane)
{
    return files->dump != NULL ? files->dump->parts[lane].topic : files->topic;
}

static int32_t number_of(const struct file_source *files, size_t lane)
{
    return files->dump != NULL ? files->dump->parts[lane].number : 0;
}

/* True: something was added, and the pipeline must answer first. */
static bool tell_found(struct file_source *files)
{
    for (size_t i = 0; i < files->lanes_count; i++) {
        if (!files->lanes[i].found) {
            files->lanes[i].found = true;
            add_item(files, &(struct source_item){.kind = SOURCE_FOUND,
                                                  .partition = (uint32_t)i,
                                                  .offset = number_of(files, i),
                                                  .text = topic_of(files, i),
                                                  .length = strlen(topic_of(files, i))});
            return true;
        }
    }
    return false;
}

static void tell_started(struct file_source *files)
{
    for (size_t i = 0; i < files->lanes_count; i++) {
        add_item(files, &(struct source_item){.kind = SOURCE_STARTED,
                                              .partition = (uint32_t)i,
                                              .offset = 0,
                                              .time_ms = MOMENT_NONE});
    }
    add_item(files, &(struct source_item){.kind = SOURCE_COMPLETE});
    files->complete_told = true;
}

static void tell_end(struct file_source *files, size_t lane, int64_t next_offset)
{
    files->lanes[lane].ended = true;
    files->lanes[lane].end = next_offset;
    files->ended_count++;
    add_item(files, &(struct source_item){
                        .kind = SOURCE_END, .partition = (uint32_t)lane, .offset = next_offset});
}

/* Again with each look, as a broker would: events of a moment ago are counted in a moment. */
static void confirm_ends(struct file_source *files)
{
    for (size_t i = 0; i < files->lanes_count; i++) {
        add_item(files, &(struct source_item){.kind = SOURCE_CONFIRMED,
                                              .partition = (uint32_t)i,
                                              .offset = files->lanes[i].end,
                                              .time_ms = clock_wall_ms()});
    }
}

/* ---- records ------------------------------------------------------------------------------- */

static void give_bytes(struct file_source *files, size_t lane, int64_t offset, int64_t time_ms,
                       bool tombstone, size_t length)
{
    add_item(files,
             &(struct source_item){
                 .kind = SOURCE_RECORD,
                 .partition = (uint32_t)lane,
                 .offset = offset,
                 .time_ms = time_ms,
                 .text = tombstone ? NULL : (const char *)(uintptr_t)(files->bytes_length + 1),
                 .length = length});
    files->bytes_length += length;
    atomic_fetch_add(&files->given, 1);
}

static void give_merged(struct file_source *files)
{
    struct replay_item item;
    enum ctr_status status = CTR_OK;

    while (files->count + 2 < BATCH_MAX && files->status == CTR_OK) {
        char *room = NULL;

        status = replay_merge_next(files->merge, &item, &files->error);
        if (status == CTR_STOPPED) {
            tell_end(files, 0, files->next_offset);
            return;
        }
        if (status != CTR_OK) {
            files->status = status;
            return;
        }
        if (item.ts_ms < files->from_ms || item.ts_ms >= files->until_ms) {
            continue;
        }
        room = reserve_bytes(files, item.value.length);
        if (room == NULL) {
            fail(files, CTR_NO_MEMORY, "no memory for a record");
            return;
        }
        memcpy(room, item.value.bytes, item.value.length);
        give_bytes(files, 0, files->next_offset++, item.ts_ms, false, item.value.length);
    }
}

/* The partition that is furthest behind; lanes_count: all are read. */
static size_t furthest_behind(const struct file_source *files)
{
    size_t chosen = files->lanes_count;

    for (size_t i = 0; i < files->lanes_count; i++) {
        const struct dump_part *parts = files->dump->parts;

        if (!files->lanes[i].ended &&
            (chosen == files->lanes_count ||
             parts[i].records[files->lanes[i].next].time_ms <
                 parts[chosen].records[files->lanes[chosen].next].time_ms)) {
            chosen = i;
        }
    }
    return chosen;
}

static void give_dumped(struct file_source *files)
{
    while (files->count + 3 < BATCH_MAX && files->ended_count < files->lanes_count) {
        size_t lane = furthest_behind(files);
        const struct dump_part *part = &files->dump->parts[lane];
        const struct dump_record *record = &part->records[files->lanes[lane].next++];
        char *room = reserve_bytes(files, dump_value_room(record));
        int64_t length = 0;

        if (room == NULL) {
            fail(files, CTR_NO_MEMORY, "no memory for a record");
            return;
        }
        length = record->value == NULL ? 0 : dump_value(record, room);
        if (length < 0) {
            fail(files, CTR_INVALID, "a value of the dump is not base64");
            return;
        }
        give_bytes(files, lane, record->offset, record->time_ms, record->value == NULL,
                   (size_t)length);
        if (files->lanes[lane].next == part->count) {
            tell_end(files, lane, record->offset + 1);
        }
    }
}

static void place_texts(struct file_source *files)
{
    for (size_t i = 0; i < files->count; i++) {
        struct source_item *item = &files->items[i];

        if (item->kind == SOURCE_RECORD && item->text != NULL) {
            item->text = files->bytes + ((uintptr_t)item->text - 1);
        }
    }
}

/* ---- the source's verbs -------------------------------------------------------------------- */

static enum ctr_status poll_files(struct source *source, int timeout_ms,
                                  struct source_batch *ret_batch)
{
    struct file_source *files = mine(source);
    enum ctr_status status = CTR_OK;

    (void)timeout_ms;
    files->count = 0;
    files->bytes_length = 0;
    if (!tell_found(files)) {
        if (!files->complete_told) {
            tell_started(files);
        } else if (files->status != CTR_OK || files->ended_count == files->lanes_count) {
            confirm_ends(files);
            status = CTR_STOPPED;
        } else if (files->merge != NULL) {
            give_merged(files);
        } else {
            give_dumped(files);
        }
    }
    place_texts(files);
    *ret_batch = (struct source_batch){.items = files->items, .count = files->count};
    return status;
}

static void release_files(struct source *source, struct source_batch *batch)
{
    (void)source;
    (void)batch;
}

/* A file begins where it begins. */
static void start_files(struct source *source, uint32_t partition, struct source_start start)
{
    (void)start;
    mine(source)->lanes[partition].started = true;
}

static void hold_files(struct source *source, uint32_t partition, bool hold)
{
    (void)source;
    (void)partition;
    (void)hold;
}

/* A file is neither cut nor replaced while it is read, so nobody asks for this. */
static void stop_files(struct source *source, uint32_t partition)
{
    (void)source;
    (void)partition;
}

static void health_of_files(struct source *source, struct source_health *ret_health)
{
    (void)source;
    *ret_health = (struct source_health){.state = "reading"};
}

static void close_files(struct source *source, int deadline_ms)
{
    struct file_source *files = mine(source);

    (void)deadline_ms;
    replay_merge_close(files->merge);
    dump_close(files->dump);
    free(files->lanes);
    free(files->bytes);
    free(files);
}

static enum ctr_status make_source(size_t lanes_count, struct file_source **ret_files,
                                   struct ctr_error *reterr)
{
    static const struct source_ops ops = {.poll = poll_files,
                                          .release = release_files,
                                          .start = start_files,
                                          .stop = stop_files,
                                          .hold = hold_files,
                                          .health = health_of_files,
                                          .close = close_files};
    struct file_source *files = calloc(1, sizeof *files);

    if (files != NULL) {
        files->lanes = calloc(lanes_count, sizeof *files->lanes);
    }
    if (files == NULL || files->lanes == NULL) {
        free(files);
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the files");
    }
    files->base.ops = &ops;
    files->lanes_count = lanes_count;
    *ret_files = files;
    return CTR_OK;
}

enum ctr_status file_source_open_merge(struct replay_merge *merge, const char *topic,
                                       int64_t from_ms, int64_t until_ms,
                                       struct source **ret_source, struct ctr_error *reterr)
{
    struct file_source *files = NULL;
    enum ctr_status status = make_source(1, &files, reterr);

    if (status != CTR_OK) {
        replay_merge_close(merge);
        return status;
    }
    files->merge = merge;
    files->from_ms = from_ms;
    files->until_ms = until_ms;
    (void)snprintf(files->topic, sizeof files->topic, "%s", topic);
    *ret_source = &files->base;
    return CTR_OK;
}

enum ctr_status file_source_open_dump(const char *path, const struct config *config,
                                      struct source **ret_source, struct ctr_error *reterr)
{
    struct dump *dump = NULL;
    struct file_source *files = NULL;
    enum ctr_status status = dump_open(path, &dump, reterr);

    if (status == CTR_OK && dump->parts_count == 0) {
        status = ctr_fail(reterr, CTR_INVALID, "%.200s has no record", path);
    }
    if (status == CTR_OK && config != NULL && dump_stray_topic(dump, config) != NULL) {
        status = ctr_fail(reterr, CTR_INVALID,
                          "%.150s holds the topic \"%.100s\", which is not among --topics", path,
                          dump_stray_topic(dump, config));
    }
    if (status == CTR_OK) {
        status = make_source(dump->parts_count, &files, reterr);
    }
    if (status != CTR_OK) {
        dump_close(dump);
        return status;
    }
    files->dump = dump;
    *ret_source = &files->base;
    return CTR_OK;
}

uint64_t file_source_given(const struct source *source)
{
    return atomic_load(&((const struct file_source *)source)->given);
}

enum ctr_status file_source_error(const struct source *source, struct ctr_error *reterr)
{
    const struct file_source *files = (const struct file_source *)source;

    if (files->status != CTR_OK && reterr != NULL) {
        *reterr = files->error;
    }
    return files->status;
}
