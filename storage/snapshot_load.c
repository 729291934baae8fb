/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading a checkpoint back. Every blob is checked against its own checksum, because a flipped byte
 * inside a blob passes every check SQLite has.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
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

enum { NUMBERS_MAX = 3 };

/* The blob at a column, if it and all numbers before it are what the checksum between them says. */
static bool checked_bytes(struct sql_statement *row, int at, struct unpacker *ret_unpacker)
{
    int64_t numbers[NUMBERS_MAX] = {0};
    size_t length = 0;
    const unsigned char *bytes = sql_get_bytes(row, at, &length);

    for (int i = 0; i < at - 1; i++) {
        numbers[i] = sql_get_integer(row, i);
    }
    *ret_unpacker = (struct unpacker){.at = bytes, .end = bytes == NULL ? bytes : bytes + length};
    return sql_get_integer(row, at - 1) ==
           snapshot_checksum(numbers, (size_t)at - 1, bytes, length);
}

static enum ctr_status read_partition(struct sql_statement *row, void *ret_item)
{
    struct unpacker unpacker;

    return checked_bytes(row, 2, &unpacker) && snapshot_unpack_partition(&unpacker, ret_item)
               ? CTR_OK
               : CTR_CORRUPT;
}

/* Owned for the moment; join_texts() moves the bytes into the checkpoint. */
static enum ctr_status copy_text(struct sql_statement *row, int at, struct text *ret_text)
{
    size_t length = 0;
    const void *bytes = sql_get_bytes(row, at, &length);
    char *copy = NULL;

    if (length > EVENT_ID_BYTES_MAX) {
        return CTR_CORRUPT;
    }
    if (length > 0) {
        copy = malloc(length);
        if (copy == NULL) {
            return CTR_NO_MEMORY;
        }
        memcpy(copy, bytes, length);
    }
    *ret_text = (struct text){.bytes = copy, .length = length};
    return CTR_OK;
}

static enum ctr_status read_key(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_key *key = ret_item;
    int64_t kid = sql_get_integer(row, 0);
    int64_t level = sql_get_integer(row, 1);
    enum ctr_status status = CTR_OK;

    if (kid < 0 || kid > UINT32_MAX / 2 || level < 0 || level >= LEVEL_COUNT) {
        return CTR_CORRUPT;
    }
    key->kid = (uint32_t)kid;
    key->level = (uint8_t)level;
    status = copy_text(row, 3, &key->page);
    if (status == CTR_OK) {
        status = copy_text(row, 4, &key->box);
    }
    if (status == CTR_OK && sql_get_integer(row, 2) !=
                                snapshot_key_checksum(key->kid, key->level, key->page, key->box)) {
        return CTR_CORRUPT;
    }
    return status;
}

static enum ctr_status read_slice(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_slice *slice = ret_item;
    struct unpacker unpacker;
    int64_t count = sql_get_integer(row, 2);
    int64_t kid = 0;

    if (!checked_bytes(row, 4, &unpacker) || count < 0 ||
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

static enum ctr_status read_bucket(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_bucket *bucket = ret_item;
    struct unpacker unpacker;
    int64_t count = sql_get_integer(row, 1);

    if (!checked_bytes(row, 3, &unpacker) || count < 0) {
        return CTR_CORRUPT;
    }
    bucket->apply_ms = sql_get_integer(row, 0);
    bucket->count = (size_t)count;
    bucket->length = (size_t)(unpacker.end - unpacker.at);
    bucket->bytes = malloc(bucket->length + 1);
    if (bucket->bytes == NULL) {
        return CTR_NO_MEMORY;
    }
    if (bucket->length > 0) {
        memcpy(bucket->bytes, unpacker.at, bucket->length);
    }
    return CTR_OK;
}

static enum ctr_status read_journal(struct sql_statement *row, void *ret_item)
{
    struct unpacker unpacker;

    return checked_bytes(row, 2, &unpacker) ? journal_unpack(&unpacker, ret_item) : CTR_CORRUPT;
}

static enum ctr_status read_minute(struct sql_statement *row, void *ret_item)
{
    struct checkpoint_minute *minute = ret_item;
    struct unpacker unpacker;

    if (!checked_bytes(row, 2, &unpacker)) {
        return CTR_CORRUPT;
    }
    minute->minute_ms = sql_get_integer(row, 0);
    return snapshot_unpack_minute(&unpacker, minute->minute_ms, &minute->block);
}

static enum ctr_status load_lists(struct snapshot *snapshot, struct checkpoint *into,
                                  struct ctr_error *reterr)
{
    struct rows partitions = {.item_bytes = sizeof *into->partitions};
    struct rows keys = {.item_bytes = sizeof *into->keys};
    struct rows slices = {.item_bytes = sizeof *into->slices};
    struct rows buckets = {.item_bytes = sizeof *into->buckets};
    struct rows journals = {.item_bytes = sizeof(struct journal_part *)};
    struct rows minutes = {.item_bytes = sizeof *into->minutes};
    const struct {
        const char *query;
        read_row *read;
        struct rows *rows;
    } lists[] = {
        {"SELECT number, checksum, account FROM partition ORDER BY number", read_partition,
         &partitions},
        {"SELECT kid, level, checksum, page, box FROM key ORDER BY kid", read_key, &keys},
        {"SELECT grain, start, count, checksum, cells FROM slice ORDER BY grain, start", read_slice,
         &slices},
        {"SELECT apply, count, checksum, records FROM held ORDER BY apply", read_bucket, &buckets},
        {"SELECT newest, checksum, events FROM journal ORDER BY number", read_journal, &journals},
        {"SELECT start, checksum, rows FROM minute ORDER BY start", read_minute, &minutes},
    };
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == CTR_OK; i++) {
        status = read_rows(snapshot, lists[i].query, lists[i].read, lists[i].rows, reterr);
    }
    into->partitions = partitions.items;
    into->partitions_count = partitions.count;
    into->keys = keys.items;
    into->keys_count = keys.count;
    into->slices = slices.items;
    into->slices_count = slices.count;
    into->buckets = buckets.items;
    into->buckets_count = buckets.count;
    into->journals = journals.items;
    into->journals_count = journals.count;
    into->minutes = minutes.items;
    into->minutes_count = minutes.count;
    return status;
}

static void move_text(struct text *text, char **at)
{
    if (text->length > 0) {
        memcpy(*at, text->bytes, text->length);
        free((void *)(uintptr_t)text->bytes);
    }
    text->bytes = *at;
    *at += text->length;
}

/* One block for all texts, as a checkpoint has them. Frees the single ones, also on failure. */
static enum ctr_status join_texts(struct checkpoint *into)
{
    size_t bytes = 1;
    char *at = NULL;

    for (size_t i = 0; i < into->keys_count; i++) {
        bytes += into->keys[i].page.length + into->keys[i].box.length;
    }
    into->text = malloc(bytes);
    if (into->text == NULL) {
        for (size_t i = 0; i < into->keys_count; i++) {
            free((void *)(uintptr_t)into->keys[i].page.bytes);
            free((void *)(uintptr_t)into->keys[i].box.bytes);
        }
        return CTR_NO_MEMORY;
    }
    at = into->text;
    for (size_t i = 0; i < into->keys_count; i++) {
        move_text(&into->keys[i].page, &at);
        move_text(&into->keys[i].box, &at);
    }
    return CTR_OK;
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
        status = load_lists(snapshot, into, reterr);
    }
    if (join_texts(into) != CTR_OK && status == CTR_OK) {
        status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to load the snapshot");
    }
    if (status == CTR_OK) {
        status = snapshot_load_meta(snapshot, into, reterr);
        if (status == CTR_NOT_FOUND || status == CTR_CORRUPT) {
            status = ctr_fail(reterr, CTR_CORRUPT, "the snapshot's settings are damaged");
        }
    }
    if (status != CTR_OK) {
        checkpoint_free(into);
        return status;
    }
    snapshot->cut = into->cut;
    *ret_checkpoint = into;
    return CTR_OK;
}
