/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/snapshot_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "storage/history_internal.h"
#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/snapshot_internal.h"

enum { PROGRESS_ROWS = 16384, TEXT_BYTES = 400, QUERY_BYTES = 128 };

const char *const snapshot_tables[SNAPSHOT_TABLES] = {"meta",   "partition",   "key",
                                                      "slice",  "held",        "journal",
                                                      "minute", "history_key", "history_block"};

/* ---- facts --------------------------------------------------------------------------------- */

enum ctr_status snapshot_facts_read(struct snapshot *snapshot, struct snapshot_facts *ret_facts,
                                    struct ctr_error *reterr)
{
    const struct {
        const char *query;
        int64_t *into;
    } numbers[] = {{"PRAGMA page_count", &ret_facts->pages},
                   {"PRAGMA freelist_count", &ret_facts->unused_pages},
                   {"PRAGMA page_size", &ret_facts->page_bytes}};
    char query[QUERY_BYTES];
    enum ctr_status status = CTR_OK;

    *ret_facts = (struct snapshot_facts){.version = snapshot_version(snapshot),
                                         .cut = snapshot_cut(snapshot),
                                         .saved_ms = MOMENT_NONE};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0] && status == CTR_OK; i++) {
        status = sql_integer(snapshot->sql, numbers[i].query, numbers[i].into, reterr);
    }
    for (size_t i = 0; i < SNAPSHOT_TABLES && status == CTR_OK; i++) {
        (void)snprintf(query, sizeof query, "SELECT count(*) FROM %s", snapshot_tables[i]);
        status = sql_integer(snapshot->sql, query, &ret_facts->rows[i], reterr);
    }
    if (status == CTR_OK && snapshot->cut > 0) {
        status = sql_integer(snapshot->sql, "SELECT value FROM meta WHERE name = 'saved_at'",
                             &ret_facts->saved_ms, reterr);
    }
    return status;
}

/* ---- checking ------------------------------------------------------------------------------ */

struct check {
    struct snapshot *snapshot;
    const struct snapshot_checking *checking;
    uint64_t rows;
};

static void tell(const struct check *check, const char *format, ...) CTR_PRINTF(2, 3);
static void tell(const struct check *check, const char *format, ...)
{
    char text[TEXT_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    check->checking->damage(check->checking->owner, text);
}

static void count_row(struct check *check)
{
    check->rows++;
    if (check->rows % PROGRESS_ROWS == 0 && check->checking->progress != NULL) {
        check->checking->progress(check->checking->owner, check->rows);
    }
}

typedef bool check_row(struct check *check, struct sql_statement *row, struct ctr_error *error);

static bool blob_at_2(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    struct unpacker unpacker;

    (void)check;
    (void)error;
    return snapshot_checked_bytes(row, 2, &unpacker);
}

static bool blob_at_3(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    struct unpacker unpacker;

    (void)check;
    (void)error;
    return snapshot_checked_bytes(row, 3, &unpacker);
}

static bool blob_at_4(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    struct unpacker unpacker;

    (void)check;
    (void)error;
    return snapshot_checked_bytes(row, 4, &unpacker);
}

static bool journal_row(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    struct unpacker unpacker;

    (void)check;
    (void)error;
    return snapshot_checked_journal(row, &unpacker);
}

static bool key_row(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    (void)error;
    return snapshot_check_keys(check->snapshot, row);
}

static bool history_key_row(struct check *check, struct sql_statement *row, struct ctr_error *error)
{
    struct minute_key name;
    struct history_key key;

    (void)check;
    return history_key_get(row, &name, &key, error) == CTR_OK;
}

static bool history_block_row(struct check *check, struct sql_statement *row,
                              struct ctr_error *error)
{
    struct history *history = snapshot_history(check->snapshot);

    return history_block_get(history, sql_get_integer(row, 0), &history->cells, error) == CTR_OK;
}

static enum ctr_status check_table(struct check *check, const char *query, check_row *is_right,
                                   struct ctr_error *reterr)
{
    struct sql *sql = check->snapshot->sql;
    struct sql_statement *statement = NULL;
    struct ctr_error error = {.text = ""};
    uint64_t number = 0;
    enum ctr_status status = sql_prepare(sql, query, &statement, &error);

    while (status == CTR_OK) {
        status = sql_next(sql, statement, &error);
        if (status == CTR_OK) {
            number++;
            count_row(check);
            error.text[0] = '\0';
            if (!is_right(check, statement, &error)) {
                tell(check, "row %llu of: %s: %s", (unsigned long long)number, query,
                     error.text[0] == '\0' ? "its checksum is wrong" : error.text);
            }
        }
    }
    sql_finish(statement);
    if (status == CTR_CORRUPT) {
        tell(check, "behind row %llu of: %s: %s", (unsigned long long)number, query, error.text);
        return CTR_OK;
    }
    if (status != CTR_NOT_FOUND) {
        return ctr_fail(reterr, status, "%s", error.text);
    }
    return CTR_OK;
}

static enum ctr_status check_all_tables(struct check *check, struct ctr_error *reterr)
{
    const struct {
        const char *query;
        check_row *is_right;
    } tables[] = {
        {"SELECT number, checksum, account FROM partition ORDER BY number", blob_at_2},
        {snapshot_keys_query(check->snapshot), key_row},
        {"SELECT grain, start, count, checksum, cells FROM slice ORDER BY grain, start", blob_at_4},
        {"SELECT apply, count, checksum, records FROM held ORDER BY apply", blob_at_3},
        {"SELECT number, newest, checksum, events FROM journal ORDER BY number", journal_row},
        {"SELECT start, checksum, rows FROM minute ORDER BY start", blob_at_2},
        {"SELECT * FROM history_key ORDER BY kind, page, box", history_key_row},
        {"SELECT slot FROM history_block ORDER BY slot", history_block_row},
    };
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < sizeof tables / sizeof tables[0] && status == CTR_OK; i++) {
        status = check_table(check, tables[i].query, tables[i].is_right, reterr);
    }
    return status;
}

enum ctr_status snapshot_check(struct snapshot *snapshot, const struct snapshot_checking *checking,
                               uint64_t *ret_rows, struct ctr_error *reterr)
{
    struct check check = {.snapshot = snapshot, .checking = checking};
    struct checkpoint *loaded = NULL;
    struct ctr_error error = {.text = ""};
    enum ctr_status status = sql_check(snapshot->sql, &error);

    if (status == CTR_CORRUPT) {
        tell(&check, "%s", error.text);
        status = CTR_OK;
    }
    if (status == CTR_OK) {
        status = check_all_tables(&check, &error);
    }
    if (status == CTR_OK) {
        /* What a start would do: rows that are missing, and what makes no sense. */
        status = snapshot_load(snapshot, &loaded, &error);
        if (status == CTR_OK) {
            status = checkpoint_open_minutes(loaded);
            (void)snprintf(error.text, sizeof error.text, "an open minute makes no sense");
        }
        checkpoint_free(loaded);
        if (status == CTR_CORRUPT) {
            tell(&check, "it cannot be loaded: %s", error.text);
        }
        status = status == CTR_CORRUPT || status == CTR_NOT_FOUND ? CTR_OK : status;
    }
    *ret_rows = check.rows;
    return status == CTR_OK ? CTR_OK : ctr_fail(reterr, status, "%s", error.text);
}
