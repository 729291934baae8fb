/* SPDX-License-Identifier: Apache-2.0
 *
 * A new column is one row of the table.
 */
#include "service/offline_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/writer.h"
#include "storage/moment.h"
#include "storage/rate.h"

enum { LINE_BYTES_MAX = 1 << 16 };

struct row {
    struct minute_key key;
    int64_t minute_ms;
    int64_t numbers[MINUTE_NUMBERS];
};

struct rows {
    const struct offline_rows_options *options;
    int64_t to_ms;
    struct row *open; /* owned: rows of minutes that are not final, in order */
    size_t open_count, open_next;
    uint64_t written;
    enum ctr_status status;
};

/* ---- order --------------------------------------------------------------------------------- */

static int compare_rows(const void *left, const void *right)
{
    const struct row *one = left;
    const struct row *two = right;
    int kind_one = one->key.level * 2 + (one->key.other ? 1 : 0);
    int kind_two = two->key.level * 2 + (two->key.other ? 1 : 0);
    int order = kind_one - kind_two;

    if (order == 0) {
        order = text_compare(one->key.page, two->key.page);
    }
    if (order == 0) {
        order = text_compare(one->key.box, two->key.box);
    }
    return order != 0 ? order
                      : (one->minute_ms > two->minute_ms) - (one->minute_ms < two->minute_ms);
}

/* ---- columns ------------------------------------------------------------------------------- */

static void write_level(struct writer *writer, const struct rows *rows, const struct row *row)
{
    (void)rows;
    writer_string(writer, level_name(row->key.level));
}

/* Null where a level has no such name; and both for the row of keys that did not fit. */
static void write_text(struct writer *writer, const struct rows *rows, struct text text)
{
    if (text.length == 0) {
        writer_null(writer);
    } else if (rows->options->format == REPLAY_NDJSON) {
        writer_text(writer, text);
    } else { /* RFC 4180: in quotes, and those inside twice */
        writer_plain(writer, "\"", 1);
        for (size_t i = 0; i < text.length; i++) {
            writer_plain(writer, "\"\"", text.bytes[i] == '"' ? 2 : 0);
            writer_plain(writer, &text.bytes[i], text.bytes[i] == '"' ? 0 : 1);
        }
        writer_plain(writer, "\"", 1);
    }
}

static void write_page(struct writer *writer, const struct rows *rows, const struct row *row)
{
    write_text(writer, rows, row->key.page);
}

static void write_box(struct writer *writer, const struct rows *rows, const struct row *row)
{
    write_text(writer, rows, row->key.box);
}

static void write_other(struct writer *writer, const struct rows *rows, const struct row *row)
{
    (void)rows;
    writer_bool(writer, row->key.other);
}

static void write_minute(struct writer *writer, const struct rows *rows, const struct row *row)
{
    (void)rows;
    writer_time(writer, row->minute_ms);
}

static void write_state(struct writer *writer, const struct rows *rows, const struct row *row)
{
    int64_t end_ms = row->minute_ms + MINUTE_MS;

    writer_string(writer, rows->to_ms < end_ms                                ? "live"
                          : rows->to_ms < end_ms + rows->options->lateness_ms ? "closing"
                                                                              : "final");
}

static void write_ratio(struct writer *writer, bool known, double value)
{
    if (known) {
        writer_real(writer, value);
    } else {
        writer_null(writer);
    }
}

static struct rate row_rate(const struct row *row)
{
    return rate_of((uint64_t)row->numbers[MINUTE_IMPRESSIONS],
                   (uint64_t)row->numbers[MINUTE_CLICKS]);
}

static void write_ctr(struct writer *writer, const struct rows *rows, const struct row *row)
{
    struct rate rate = row_rate(row);

    (void)rows;
    write_ratio(writer, rate.has_ctr, rate.ctr);
}

static void write_low(struct writer *writer, const struct rows *rows, const struct row *row)
{
    struct rate rate = row_rate(row);

    (void)rows;
    write_ratio(writer, rate.has_interval, rate.low);
}

static void write_high(struct writer *writer, const struct rows *rows, const struct row *row)
{
    struct rate rate = row_rate(row);

    (void)rows;
    write_ratio(writer, rate.has_interval, rate.high);
}

typedef void write_column(struct writer *writer, const struct rows *rows, const struct row *row);

/* clang-format off */
static const struct column {
    const char *name;
    write_column *write;       /* NULL: a number */
    enum minute_number number;
    bool people;               /* null unless the row has people */
} columns[] = {
    {"level",               write_level,  0, false},
    {"page",                write_page,   0, false},
    {"box",                 write_box,    0, false},
    {"other",               write_other,  0, false},
    {"minute",              write_minute, 0, false},
    {"state",               write_state,  0, false},
    {"impressions",         NULL, MINUTE_IMPRESSIONS,     false},
    {"clicks",              NULL, MINUTE_CLICKS,          false},
    {"ctr",                 write_ctr,    0, false},
    {"ctr_low",             write_low,    0, false},
    {"ctr_high",            write_high,   0, false},
    {"viewers_10m",         NULL, MINUTE_VIEWERS,         true},
    {"clickers_10m",        NULL, MINUTE_CLICKERS,        true},
    {"unseen_clickers_10m", NULL, MINUTE_UNSEEN_CLICKERS, true},
    {"revision",            NULL, MINUTE_REVISION,        false},
    {"duplicates",          NULL, MINUTE_DUPLICATES,      false},
    {"late",                NULL, MINUTE_LATE,            false},
    {"future",              NULL, MINUTE_FUTURE,          false},
    {"filtered",            NULL, MINUTE_FILTERED,        false},
    {"repeated",            NULL, MINUTE_REPEATED,        false},
};
/* clang-format on */

enum { COLUMNS = sizeof columns / sizeof *columns };

static void write_cell(struct writer *writer, const struct rows *rows, const struct row *row,
                       const struct column *column)
{
    if (column->write != NULL) {
        column->write(writer, rows, row);
    } else if (column->people && row->numbers[MINUTE_PEOPLE] != 1) {
        writer_null(writer);
    } else {
        writer_i64(writer, row->numbers[column->number]);
    }
}

/* ---- lines --------------------------------------------------------------------------------- */

/* Cells with commas between; what is null is empty. */
static void write_csv_line(struct writer *writer, const struct rows *rows, const struct row *row)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        size_t begin = 0;

        writer_plain(writer, ",", i > 0 ? 1 : 0);
        begin = writer->length;
        writer->comma_due = false;
        write_cell(writer, rows, row, &columns[i]);
        if (writer->length == begin + 4 && memcmp(writer->bytes + begin, "null", 4) == 0) {
            writer->length = begin;
        }
    }
}

static void write_json_line(struct writer *writer, const struct rows *rows, const struct row *row)
{
    writer_open(writer, '{');
    for (size_t i = 0; i < COLUMNS; i++) {
        writer_key(writer, columns[i].name);
        write_cell(writer, rows, row, &columns[i]);
    }
    writer_close(writer, '}');
}

static void put_bytes(struct rows *rows, const char *bytes, size_t length)
{
    if (rows->status == CTR_OK && fwrite(bytes, 1, length, rows->options->file) != length) {
        rows->status = CTR_IO;
    }
}

static void put_row(struct rows *rows, const struct row *row)
{
    struct writer writer;

    writer_init(&writer, LINE_BYTES_MAX);
    if (rows->options->format == REPLAY_CSV) {
        write_csv_line(&writer, rows, row);
    } else {
        write_json_line(&writer, rows, row);
    }
    writer_plain(&writer, "\n", 1);
    if (writer.status != CTR_OK) {
        rows->status = writer.status;
    }
    put_bytes(rows, writer.bytes, writer.length);
    writer_done(&writer);
    rows->written++;
}

static void put_header(struct rows *rows)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        put_bytes(rows, ",", i > 0 ? 1 : 0);
        put_bytes(rows, columns[i].name, strlen(columns[i].name));
    }
    put_bytes(rows, "\n", 1);
}

/* ---- the two sources ----------------------------------------------------------------------- */

static enum ctr_status collect_open(struct rows *rows, const struct checkpoint *checkpoint)
{
    size_t count = 0;

    for (size_t i = 0; i < checkpoint->minutes_count; i++) {
        count +=
            checkpoint->minutes[i].block == NULL ? 0 : checkpoint->minutes[i].block->rows_count;
    }
    rows->open = calloc(count + 1, sizeof *rows->open);
    if (rows->open == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < checkpoint->minutes_count; i++) {
        const struct minute_block *block = checkpoint->minutes[i].block;

        for (size_t at = 0; block != NULL && at < block->rows_count; at++) {
            struct row *row = &rows->open[rows->open_count++];

            row->key = minute_block_key(block, block->rows[at].key);
            row->minute_ms = block->rows[at].minute_ms;
            for (size_t n = 0; n < MINUTE_NUMBERS; n++) {
                row->numbers[n] = block->rows[at].numbers[n];
            }
        }
    }
    qsort(rows->open, rows->open_count, sizeof *rows->open, compare_rows);
    return CTR_OK;
}

/* A minute that closes has its rows in one place only: no two are equal. */
static bool visit_point(void *owner, const struct minute_key *key,
                        const struct history_point *point)
{
    struct rows *rows = owner;
    struct row row = {.key = *key, .minute_ms = point->start_ms};

    memcpy(row.numbers, point->numbers, sizeof row.numbers);
    while (rows->open_next < rows->open_count &&
           compare_rows(&rows->open[rows->open_next], &row) < 0) {
        put_row(rows, &rows->open[rows->open_next++]);
    }
    put_row(rows, &row);
    return rows->status == CTR_OK;
}

enum ctr_status offline_rows_write(const struct offline_rows_options *options,
                                   struct history *history, const struct checkpoint *checkpoint,
                                   uint64_t *ret_count, struct ctr_error *reterr)
{
    struct rows rows = {.options = options, .to_ms = checkpoint->to_ms};
    enum ctr_status status = CTR_OK;

    if (collect_open(&rows, checkpoint) != CTR_OK) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the minutes");
    }
    if (options->format == REPLAY_CSV) {
        put_header(&rows);
    }
    status = history_each(history, visit_point, &rows, reterr);
    while (status == CTR_OK && rows.status == CTR_OK && rows.open_next < rows.open_count) {
        put_row(&rows, &rows.open[rows.open_next++]);
    }
    free(rows.open);
    *ret_count = rows.written;
    if (status == CTR_OK && (rows.status == CTR_IO || fflush(options->file) != 0)) {
        return ctr_fail(reterr, CTR_IO, "writing the minutes failed: %s", strerror(errno));
    }
    return status == CTR_OK && rows.status != CTR_OK
               ? ctr_fail(reterr, rows.status, "no memory for a line")
               : status;
}
