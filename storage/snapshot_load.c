/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a checkpoint back. Every blob is checked against its own checksum, because a flipped byte
 * inside a blob passes every check SQLite has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/image.h"
#include "storage/pack.h"
#include "storage/snapshot_internal.h"

/* A list that grows row by row. */
struct rows {
    void *items;
    size_t count, capacity, item_bytes;
};

static void *add_row(struct rows *rows)
{
    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
        void *items = realloc(rows->items, capacity * rows->item_bytes);

        if (items == NULL) {
            return NULL;
        }
        rows->items = items;
        rows->capacity = capacity;
    }
    memset((char *)rows->items + rows->count * rows->item_bytes, 0, rows->item_bytes);
    return (char *)rows->items + rows->count++ * rows->item_bytes;
}

typedef enum ctr_status read_row(struct sql_statement *row, void *ret_item);

/* Runs a query and turns each row into an item. */
static enum ctr_status read_rows(struct snapshot *snapshot, const char *query, read_row *read,
                                 struct rows *rows, struct ctr_error *reterr)
{
    struct sql_statement *statement = NULL;
    enum ctr_status status = sql_prepare(snapshot->sql, query, &statement, reterr);

    while (status == CTR_OK) {
        void *item = NULL;

        status = sql_next(snapshot->sql, statement, reterr);
        if (status != CTR_OK) {
            break;
        }
        item = add_row(rows);
        status = item == NULL ? CTR_NO_MEMORY : read(statement, item);
        if (status != CTR_OK) {
            (void)ctr_fail(reterr, status, "%s: row %zu %s", query, rows->count,
                           status == CTR_NO_MEMORY ? "does not fit in memory" : "is damaged");
        }
    }
    sql_finish(statement);
    return status == CTR_NOT_FOUND ? CTR_OK : status;
}

static enum ctr_status read_partition(struct sql_statement *row, void *ret_item)
{
    struct unpacker unpacker;

    return snapshot_checked_bytes(row, 2, &unpacker) &&
                   snapshot_unpack_partition(&unpacker, ret_item)
               ? CTR_OK
               : CTR_CORRUPT;
}

static enum ctr_status read_slice(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_slice *slice = ret_item;
    struct unpacker unpacker;
    int64_t count = sql_get_integer(row, 2);
    int64_t kid = 0;

    if (!snapshot_checked_bytes(row, 4, &unpacker) || count < 0 ||
        count > (unpacker.end - unpacker.at) / 3) {
        return CTR_CORRUPT;
    }
    slice->grain_ms = sql_get_integer(row, 0);
    slice->start_ms = sql_get_integer(row, 1);
    slice->cells = calloc((size_t)count + 1, sizeof *slice->cells);
    if (slice->cells == NULL) {
        return CTR_NO_MEMORY;
    }
    for (; slice->count < (size_t)count; slice->count++) {
        struct cell *cell = &slice->cells[slice->count];

        kid += unpack_signed(&unpacker);
        cell->key = (uint32_t)kid;
        cell->impressions = (int32_t)unpack_signed(&unpacker);
        cell->clicks = (int32_t)unpack_signed(&unpacker);
    }
    return unpacker.failed || unpacker.at != unpacker.end ? CTR_CORRUPT : CTR_OK;
}

/* All of a blob. */
static enum ctr_status copy_bytes(const struct unpacker *from, unsigned char **ret_bytes,
                                  size_t *ret_length)
{
    *ret_length = (size_t)(from->end - from->at);
    *ret_bytes = malloc(*ret_length + 1);
    if (*ret_bytes == NULL) {
        return CTR_NO_MEMORY;
    }
    if (*ret_length > 0) {
        memcpy(*ret_bytes, from->at, *ret_length);
    }
    return CTR_OK;
}

static enum ctr_status read_bucket(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_bucket *bucket = ret_item;
    struct unpacker unpacker;
    int64_t count = sql_get_integer(row, 1);

    if (!snapshot_checked_bytes(row, 3, &unpacker) || count < 0) {
        return CTR_CORRUPT;
    }
    bucket->apply_ms = sql_get_integer(row, 0);
    bucket->count = (size_t)count;
    return copy_bytes(&unpacker, &bucket->bytes, &bucket->length);
}

static enum ctr_status read_journal(struct sql_statement *row, void *ret_item)
{
    struct unpacker unpacker;

    return snapshot_checked_journal(row, &unpacker) ? journal_unpack(&unpacker, ret_item)
                                                    : CTR_CORRUPT;
}

static enum ctr_status read_minute(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_minute *minute = ret_item;
    struct unpacker unpacker;

    if (!snapshot_checked_bytes(row, 2, &unpacker)) {
        return CTR_CORRUPT;
    }
    minute->minute_ms = sql_get_integer(row, 0);
    return copy_bytes(&unpacker, &minute->bytes, &minute->length);
}

static enum ctr_status load_lists(struct snapshot *snapshot, struct checkpoint *into,
                                  struct ctr_error *reterr)
{
    struct rows partitions = {.item_bytes = sizeof *into->partitions};
    struct rows slices = {.item_bytes = sizeof *into->slices};
    struct rows buckets = {.item_bytes = sizeof *into->buckets};
    struct rows minutes = {.item_bytes = sizeof *into->minutes};
    const struct {
        const char *query;
        read_row *read;
        struct rows *rows;
    } lists[] = {
        {"SELECT number, checksum, account FROM partition ORDER BY number", read_partition,
         &partitions},
        {"SELECT grain, start, count, checksum, cells FROM slice ORDER BY grain, start", read_slice,
         &slices},
        {"SELECT apply, count, checksum, records FROM held ORDER BY apply", read_bucket, &buckets},
        {"SELECT start, checksum, rows FROM minute ORDER BY start", read_minute, &minutes},
    };
    enum ctr_status status = snapshot_load_keys(snapshot, into, reterr);

    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == CTR_OK; i++) {
        status = read_rows(snapshot, lists[i].query, lists[i].read, lists[i].rows, reterr);
    }
    into->partitions = partitions.items;
    into->partitions_count = partitions.count;
    into->slices = slices.items;
    into->slices_count = slices.count;
    into->buckets = buckets.items;
    into->buckets_count = buckets.count;
    into->minutes = minutes.items;
    into->minutes_count = minutes.count;
    return status;
}

/* What came after the image, all of it where there is none. */
static enum ctr_status load_journals(struct snapshot *snapshot, struct checkpoint *into,
                                     struct ctr_error *reterr)
{
    struct rows journals = {.item_bytes = sizeof(struct journal_part *)};
    char query[128];
    enum ctr_status status = CTR_OK;

    (void)snprintf(query, sizeof query,
                   "SELECT number, newest, checksum, events FROM journal WHERE number > %lld"
                   " ORDER BY number",
                   into->image == NULL ? -1LL : (long long)into->image->cut);
    status = read_rows(snapshot, query, read_journal, &journals, reterr);
    into->journals = journals.items;
    into->journals_count = journals.count;
    return status;
}

enum ctr_status snapshot_load(struct snapshot *snapshot, struct checkpoint **ret_checkpoint,
                              struct ctr_error *reterr)
{
    struct checkpoint *into = NULL;
    int64_t rows = 0;
    enum ctr_status status =
        sql_integer(snapshot->sql,
                    "SELECT EXISTS (SELECT 1 FROM meta) OR EXISTS (SELECT 1 FROM partition) OR"
                    " EXISTS (SELECT 1 FROM key) OR EXISTS (SELECT 1 FROM slice) OR EXISTS (SELECT "
                    "1 FROM held) OR EXISTS (SELECT 1 FROM journal) OR EXISTS (SELECT 1 FROM "
                    "minute)",
                    &rows, reterr);

    if (status != CTR_OK || rows == 0) {
        return status == CTR_OK ? CTR_NOT_FOUND : status;
    }
    into = calloc(1, sizeof *into);
    if (into == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to load the snapshot");
    }
    into->whole = true;
    /* The history is read when it is asked for; but a file that was cut off shows at both ends. */
    status = sql_integer(snapshot->sql,
                         "SELECT (SELECT count(*) FROM (SELECT slot FROM history_block"
                         " ORDER BY slot DESC LIMIT 1)) +"
                         " (SELECT count(*) FROM (SELECT kind FROM history_key LIMIT 1))",
                         &rows, reterr);
    if (status == CTR_OK) {
        status = snapshot_load_image(snapshot, &into->image, reterr);
    }
    if (status == CTR_OK) {
        status = load_lists(snapshot, into, reterr);
    }
    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "SELECT count(*) FROM journal", &into->journals_total,
                             reterr);
    }
    if (status == CTR_OK) {
        status = snapshot_load_meta(snapshot, into, reterr);
        if (status == CTR_NOT_FOUND || status == CTR_CORRUPT) {
            status = ctr_fail(reterr, CTR_CORRUPT, "the snapshot's settings are damaged");
        }
    }
    if (status == CTR_OK) {
        snapshot_fit_image(snapshot, into);
        status = load_journals(snapshot, into, reterr);
    }
    if (status != CTR_OK) {
        checkpoint_free(into);
        return status;
    }
    snapshot->cut = into->cut;
    *ret_checkpoint = into;
    return CTR_OK;
}
