/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sql.h"

#include <sqlite3.h>
#include <stdlib.h>

enum { BUSY_MS = 300 };

struct sql {
    sqlite3 *handle;
};

/* sql_statement is never defined: it is a sqlite3_stmt under a name that other files may use. */
static sqlite3_stmt *raw(struct sql_statement *statement)
{
    return (sqlite3_stmt *)statement;
}

static enum ctr_status status_of(int code)
{
    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CTR_RETRY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return CTR_CORRUPT;
    case SQLITE_NOMEM:
        return CTR_NO_MEMORY;
    default:
        return CTR_IO;
    }
}

static enum ctr_status fail(struct sql *sql, const char *doing, struct ctr_error *reterr)
{
    int code = sqlite3_extended_errcode(sql->handle);

    return ctr_fail(reterr, status_of(code), "sqlite, %s: %s (%d)", doing,
                    sqlite3_errmsg(sql->handle), code);
}

/* TRAPS: exactly one connection; EXCLUSIVE before WAL, so that no shared-memory file appears and a
 * second process is refused; mmap off. NORMAL is enough because offsets return with the counts. */
static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;"
                               "PRAGMA synchronous = NORMAL;"
                               "PRAGMA wal_autocheckpoint = 0;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "BEGIN EXCLUSIVE; COMMIT;";
static const char owning[] = "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT;";

enum ctr_status sql_open(const char *path, struct sql **ret_sql, struct ctr_error *reterr)
{
    struct sql *sql = calloc(1, sizeof *sql);
    enum ctr_status status = CTR_OK;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;

    if (sql == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open %s", path);
    }
    if (sqlite3_open_v2(path, &sql->handle, flags, NULL) != SQLITE_OK) {
        status = fail(sql, "opening", reterr);
        sql_close(sql);
        return status;
    }
    (void)sqlite3_busy_timeout(sql->handle, BUSY_MS);
    status = sql_run(sql, settings, reterr);
    if (status != CTR_OK) {
        sql_close(sql);
        return status;
    }
    *ret_sql = sql;
    return CTR_OK;
}

void sql_close(struct sql *sql)
{
    if (sql != NULL) {
        (void)sqlite3_close_v2(sql->handle);
        free(sql);
    }
}

enum ctr_status sql_own(struct sql *sql, struct ctr_error *reterr)
{
    return sql_run(sql, owning, reterr);
}

enum ctr_status sql_run(struct sql *sql, const char *statements, struct ctr_error *reterr)
{
    if (sqlite3_exec(sql->handle, statements, NULL, NULL, NULL) != SQLITE_OK) {
        return fail(sql, "running", reterr);
    }
    return CTR_OK;
}

void sql_rollback(struct sql *sql)
{
    /* After a full disk or an I/O error COMMIT may have rolled back by itself. */
    if (sqlite3_get_autocommit(sql->handle) == 0) {
        (void)sqlite3_exec(sql->handle, "ROLLBACK", NULL, NULL, NULL);
    }
}

void sql_fold_log(struct sql *sql)
{
    (void)sqlite3_exec(sql->handle, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
}

enum ctr_status sql_integer(struct sql *sql, const char *statement, int64_t *ret_value,
                            struct ctr_error *reterr)
{
    struct sql_statement *prepared = NULL;
    enum ctr_status status = sql_prepare(sql, statement, &prepared, reterr);

    if (status != CTR_OK) {
        return status;
    }
    status = sql_next(sql, prepared, reterr);
    if (status == CTR_OK) {
        *ret_value = sql_get_integer(prepared, 0);
    }
    sql_finish(prepared);
    return status;
}

enum ctr_status sql_prepare(struct sql *sql, const char *text, struct sql_statement **ret_statement,
                            struct ctr_error *reterr)
{
    sqlite3_stmt *statement = NULL;

    if (sqlite3_prepare_v2(sql->handle, text, -1, &statement, NULL) != SQLITE_OK) {
        return fail(sql, "preparing", reterr);
    }
    *ret_statement = (struct sql_statement *)statement;
    return CTR_OK;
}

void sql_finish(struct sql_statement *statement)
{
    (void)sqlite3_finalize(raw(statement));
}

/* A failed bind (out of memory) shows when the statement is run: its parameter would be NULL and
 * every column is NOT NULL. */
void sql_set_integer(struct sql_statement *statement, int at, int64_t value)
{
    (void)sqlite3_bind_int64(raw(statement), at, value);
}

void sql_set_text(struct sql_statement *statement, int at, const char *text)
{
    (void)sqlite3_bind_text(raw(statement), at, text, -1, SQLITE_STATIC);
}

void sql_set_bytes(struct sql_statement *statement, int at, const void *bytes, size_t length)
{
    /* A NULL pointer would bind NULL; an absent id is an empty blob. */
    (void)sqlite3_bind_blob64(raw(statement), at, length == 0 ? "" : bytes, length, SQLITE_STATIC);
}

enum ctr_status sql_do(struct sql *sql, struct sql_statement *statement, struct ctr_error *reterr)
{
    int code = sqlite3_step(raw(statement));
    enum ctr_status status = CTR_OK;

    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        status = fail(sql, "writing", reterr);
    }
    (void)sqlite3_reset(raw(statement));
    (void)sqlite3_clear_bindings(raw(statement));
    return status;
}

void sql_reset(struct sql_statement *statement)
{
    (void)sqlite3_reset(raw(statement));
    (void)sqlite3_clear_bindings(raw(statement));
}

int64_t sql_changes(struct sql *sql)
{
    return sqlite3_changes64(sql->handle);
}

enum ctr_status sql_next(struct sql *sql, struct sql_statement *statement, struct ctr_error *reterr)
{
    switch (sqlite3_step(raw(statement))) {
    case SQLITE_ROW:
        return CTR_OK;
    case SQLITE_DONE:
        return CTR_NOT_FOUND;
    default:
        return fail(sql, "reading", reterr);
    }
}

int64_t sql_get_integer(struct sql_statement *statement, int at)
{
    return sqlite3_column_int64(raw(statement), at);
}

const void *sql_get_bytes(struct sql_statement *statement, int at, size_t *ret_length)
{
    const void *bytes = sqlite3_column_blob(raw(statement), at);

    *ret_length = (size_t)sqlite3_column_bytes(raw(statement), at);
    return bytes;
}

uint64_t sql_bytes(struct sql *sql)
{
    int64_t pages = 0;
    int64_t page_bytes = 0;

    if (sql_integer(sql, "PRAGMA page_count", &pages, NULL) != CTR_OK ||
        sql_integer(sql, "PRAGMA page_size", &page_bytes, NULL) != CTR_OK) {
        return 0;
    }
    return (uint64_t)(pages * page_bytes);
}
