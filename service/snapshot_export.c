/* SPDX-License-Identifier: Apache-2.0 */
#include "service/snapshot_export.h"

#include <errno.h>
#include <string.h>

#include "api/writer.h"
#include "storage/checkpoint.h"
#include "storage/history.h"

enum { LINE_BYTES_MAX = 1 << 20, PROGRESS_LINES = 16384 };

struct export
{
    FILE *to;
    void (*progress)(uint64_t lines);
    uint64_t lines;
    enum ctr_status status;
};

static const struct {
    const char *name;
    enum minute_number number;
    bool people; /* null unless the row has people */
} columns[] = {
    {"impressions", MINUTE_IMPRESSIONS, false},
    {"clicks", MINUTE_CLICKS, false},
    {"viewers_10m", MINUTE_VIEWERS, true},
    {"clickers_10m", MINUTE_CLICKERS, true},
    {"unseen_clickers_10m", MINUTE_UNSEEN_CLICKERS, true},
    {"revision", MINUTE_REVISION, false},
    {"duplicates", MINUTE_DUPLICATES, false},
    {"late", MINUTE_LATE, false},
    {"future", MINUTE_FUTURE, false},
    {"filtered", MINUTE_FILTERED, false},
    {"repeated", MINUTE_REPEATED, false},
};

/* ---- lines --------------------------------------------------------------------------------- */

static void begin_line(struct writer *writer, const char *what)
{
    writer_init(writer, LINE_BYTES_MAX);
    writer_open(writer, '{');
    writer_key(writer, "what");
    writer_string(writer, what);
}

static void end_line(struct export *export, struct writer *writer)
{
    writer_close(writer, '}');
    writer_plain(writer, "\n", 1);
    if (export->status == CTR_OK) {
        export->status = writer->status;
    }
    if (export->status == CTR_OK &&
        fwrite(writer->bytes, 1, writer->length, export->to) != writer->length) {
        export->status = CTR_IO;
    }
    writer_done(writer);
    export->lines++;
    if (export->progress != NULL && export->lines % PROGRESS_LINES == 0) {
        export->progress(export->lines);
    }
}

static void put_number(struct writer *writer, const char *name, uint64_t value)
{
    writer_key(writer, name);
    writer_u64(writer, value);
}

static void put_time(struct writer *writer, const char *name, int64_t time_ms)
{
    writer_key(writer, name);
    writer_time(writer, time_ms);
}

static void put_name(struct writer *writer, const char *name, struct text text)
{
    writer_key(writer, name);
    if (text.length == 0) {
        writer_null(writer);
    } else {
        writer_text(writer, text);
    }
}

/* ---- what there is ------------------------------------------------------------------------- */

static void put_snapshot(struct export *export, const struct snapshot *snapshot,
                         const struct checkpoint *from)
{
    struct writer writer;

    begin_line(&writer, "snapshot");
    put_number(&writer, "schema", (uint64_t)snapshot_version(snapshot));
    put_number(&writer, "cut", from->cut);
    put_time(&writer, "as_of", from->as_of_ms);
    put_time(&writer, "to", from->to_ms);
    writer_key(&writer, "windows");
    writer_open(&writer, '[');
    for (size_t i = 0; i < from->windows.count; i++) {
        writer_string(&writer, from->windows.items[i].name);
    }
    writer_close(&writer, ']');
    end_line(export, &writer);
}

static void put_partition(struct export *export, const struct partition *partition)
{
    const struct partition_counts *counts = &partition->counts;
    struct writer writer;

    begin_line(&writer, "partition");
    writer_key(&writer, "topic");
    writer_string(&writer, partition->topic);
    writer_key(&writer, "partition");
    writer_i64(&writer, partition->number);
    writer_key(&writer, "position");
    writer_open(&writer, '[');
    for (size_t i = 0; i < partition->intervals_count; i++) {
        writer_open(&writer, '[');
        writer_i64(&writer, partition->intervals[i].first);
        writer_i64(&writer, partition->intervals[i].next);
        writer_close(&writer, ']');
    }
    writer_close(&writer, ']');
    put_number(&writer, "read", counts->read);
    put_number(&writer, "counted", counts->counted);
    put_number(&writer, "held", counts->held);
    put_number(&writer, "duplicate", counts->duplicate);
    put_number(&writer, "late", counts->late);
    put_number(&writer, "future", counts->future);
    put_number(&writer, "malformed", partition_malformed(counts));
    put_number(&writer, "unchecked", counts->unchecked);
    put_number(&writer, "filtered", counts->filtered);
    put_number(&writer, "stragglers", counts->stragglers);
    put_number(&writer, "lost", partition_lost(partition));
    put_number(&writer, "redelivered", partition->redelivered);
    end_line(export, &writer);
}

static void put_key(struct export *export, const struct checkpoint_key *key)
{
    struct writer writer;

    begin_line(&writer, "key");
    writer_key(&writer, "level");
    writer_string(&writer, level_name((enum level)key->level));
    put_name(&writer, "page", key->page);
    put_name(&writer, "box", key->box);
    end_line(export, &writer);
}

static void put_minute(struct export *export, const struct minute_key *key,
                       const struct history_point *point, bool final)
{
    struct writer writer;

    begin_line(&writer, "minute");
    writer_key(&writer, "level");
    writer_string(&writer, level_name((enum level)key->level));
    put_name(&writer, "page", key->page);
    put_name(&writer, "box", key->box);
    writer_key(&writer, "other");
    writer_bool(&writer, key->other);
    put_time(&writer, "start", point->start_ms);
    put_number(&writer, "grain_s", (uint64_t)point->grain_ms / 1000);
    writer_key(&writer, "final");
    writer_bool(&writer, final);
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        writer_key(&writer, columns[i].name);
        if (columns[i].people && point->numbers[MINUTE_PEOPLE] != 1) {
            writer_null(&writer);
        } else {
            writer_i64(&writer, point->numbers[columns[i].number]);
        }
    }
    end_line(export, &writer);
}

static bool put_final(void *owner, const struct minute_key *key, const struct history_point *point)
{
    struct export *export = owner;

    put_minute(export, key, point, true);
    return export->status == CTR_OK;
}

static void put_open(struct export *export, const struct minute_block *block)
{
    for (size_t i = 0; block != NULL && i < block->rows_count; i++) {
        const struct minute_row *row = &block->rows[i];
        const struct minute_key key = minute_block_key(block, row->key);
        struct history_point point = {.start_ms = row->minute_ms, .grain_ms = MINUTE_MS};

        for (size_t n = 0; n < MINUTE_NUMBERS; n++) {
            point.numbers[n] = row->numbers[n];
        }
        put_minute(export, &key, &point, false);
    }
}

enum ctr_status snapshot_export(struct snapshot *snapshot, FILE *to,
                                void (*progress)(uint64_t lines), uint64_t *ret_lines,
                                struct ctr_error *reterr)
{
    struct export export = {.to = to, .progress = progress};
    struct checkpoint *from = NULL;
    enum ctr_status status = snapshot_load(snapshot, &from, reterr);

    if (status == CTR_NOT_FOUND) {
        return ctr_fail(reterr, CTR_NOT_FOUND, "nothing was saved in it");
    }
    if (status != CTR_OK) {
        return status;
    }
    status = checkpoint_open_minutes(from);
    if (status != CTR_OK) {
        checkpoint_free(from);
        return ctr_fail(reterr, status, "a minute that is open cannot be read");
    }
    put_snapshot(&export, snapshot, from);
    for (size_t i = 0; i < from->partitions_count; i++) {
        put_partition(&export, &from->partitions[i]);
    }
    for (size_t i = 0; i < from->keys_count; i++) {
        put_key(&export, &from->keys[i]);
    }
    status = history_each(snapshot_history(snapshot), put_final, &export, reterr);
    for (size_t i = 0; i < from->minutes_count && status == CTR_OK; i++) {
        put_open(&export, from->minutes[i].block);
    }
    checkpoint_free(from);
    *ret_lines = export.lines;
    if (status == CTR_OK && (export.status == CTR_IO || fflush(to) != 0)) {
        return ctr_fail(reterr, CTR_IO, "writing failed: %s", strerror(errno));
    }
    return status == CTR_OK && export.status != CTR_OK
               ? ctr_fail(reterr, export.status, "no memory for a line")
               : status;
}
