/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/sql_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUSY_MS = 300, SHRINK_PAGES_MIN = 256, PATH_BYTES = 1100 };

/* sql_statement is never defined: it is a sqlite3_stmt under a name that other files may use. */
static sqlite3_stmt *raw(struct sql_statement *statement)
{
    return (sqlite3_stmt *)statement;
}

enum ctr_status sql_status(int code)
{
    if (code == SQLITE_IOERR_DATA) {
        return CTR_CORRUPT; /* a page is not what was written */
    }
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

enum ctr_status sql_fail(struct sql *sql, const char *doing, struct ctr_error *reterr)
{
    int code = sqlite3_extended_errcode(sql->handle);
    enum ctr_status status = sql_status(code);

    sql->sync_failed =
        sql->sync_failed || code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
    sql->keep_log = sql->keep_log || status == CTR_IO || status == CTR_CORRUPT;
    if (code == SQLITE_IOERR_DATA) {
        return ctr_fail(reterr, status, "sqlite, %s: a page is damaged", doing);
    }

    return ctr_fail(reterr, status, "sqlite, %s: %s (%d)", doing, sqlite3_errmsg(sql->handle),
                    code);
}

/* TRAPS: exactly one connection; EXCLUSIVE before WAL, so that no shared-memory file appears and a
 * second process is refused; mmap off. NORMAL is enough because offsets return with the counts. */
static const char settings[] = "PRAGMA synchronous = NORMAL;"
                               "PRAGMA wal_autocheckpoint = 0;"
                               "PRAGMA mmap_size = 0;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cell_size_check = ON;"
                               "BEGIN EXCLUSIVE; COMMIT;";
static const char owning[] = "PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT;";

static enum ctr_status reserve_checksums(struct sql *sql, struct ctr_error *reterr)
{
    int bytes = SQL_RESERVED_BYTES;

    if (sqlite3_file_control(sql->handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &bytes) !=
        SQLITE_OK) {
        return sql_fail(sql, "making room for checksums", reterr);
    }
    return CTR_OK;
}

static enum ctr_status open_handle(const char *path, int flags, struct sql **ret_sql,
                                   struct ctr_error *reterr)
{
    struct sql *sql = calloc(1, sizeof *sql);
    const char *vfs = sql_pages_vfs();
    enum ctr_status status = CTR_OK;

    if (sql == NULL || vfs == NULL) {
        free(sql);
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open %s", path);
    }
    if (sqlite3_open_v2(path, &sql->handle, flags | SQLITE_OPEN_NOMUTEX, vfs) != SQLITE_OK) {
        status = sql_fail(sql, "opening", reterr);
        sql_close(sql);
        return status;
    }
    (void)sqlite3_extended_result_codes(sql->handle, 1);
    (void)sqlite3_busy_timeout(sql->handle, BUSY_MS);
    sql->keep_log = true; /* until it is known whose file it is */
    (void)sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    *ret_sql = sql;
    return CTR_OK;
}

enum ctr_status sql_open(const char *path, struct sql **ret_sql, struct ctr_error *reterr)
{
    struct sql *sql = NULL;
    int64_t pages = 0;
    enum ctr_status status =
        open_handle(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &sql, reterr);

    if (status != CTR_OK) {
        return status;
    }
    status = sql_run(sql, "PRAGMA locking_mode = EXCLUSIVE", reterr);
    /* Both can be had before the first page is written only, or by writing all of them anew. */
    if (status == CTR_OK) {
        status = sql_integer(sql, "PRAGMA page_count", &pages, reterr);
    }
    if (status == CTR_OK && pages == 0) {
        status = reserve_checksums(sql, reterr);
        if (status == CTR_OK) {
            status = sql_run(sql, "PRAGMA auto_vacuum = INCREMENTAL", reterr);
        }
    }
    if (status == CTR_OK) {
        status = sql_run(sql, settings, reterr);
    }
    if (status != CTR_OK) {
        sql_close(sql);
        return status;
    }
    *ret_sql = sql;
    return CTR_OK;
}

/* As a URI: its own marks are written as %xx. */
static bool immutable_uri(const char *path, char *ret_uri, size_t bytes)
{
    static const char digits[] = "0123456789abcdef";
    size_t length = (size_t)snprintf(ret_uri, bytes, "file:");

    for (const char *at = path; *at != '\0' && length + 32 < bytes; at++) {
        if (*at == '%' || *at == '?' || *at == '#') {
            ret_uri[length++] = '%';
            ret_uri[length++] = digits[(unsigned char)*at >> 4];
            ret_uri[length++] = digits[(unsigned char)*at & 15];
        } else {
            ret_uri[length++] = *at;
        }
    }
    (void)snprintf(ret_uri + length, bytes - length, "?immutable=1");
    return length + 32 < bytes;
}

enum ctr_status sql_open_read(const char *path, struct sql **ret_sql, struct ctr_error *reterr)
{
    char uri[PATH_BYTES];
    struct sql *sql = NULL;
    enum ctr_status status = CTR_OK;

    if (!immutable_uri(path, uri, sizeof uri)) {
        return ctr_fail(reterr, CTR_INVALID, "the path is too long");
    }
    status = open_handle(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, &sql, reterr);
    if (status == CTR_OK) {
        status = sql_run(sql,
                         "PRAGMA mmap_size = 0; PRAGMA trusted_schema = OFF;"
                         "PRAGMA cell_size_check = ON",
                         reterr);
    }
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
        if (!sql->keep_log && sql->handle != NULL) { /* NULL: no memory to open it */
            (void)sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        }
        (void)sqlite3_close_v2(sql->handle);
        free(sql);
    }
}

enum ctr_status sql_own(struct sql *sql, struct ctr_error *reterr)
{
    enum ctr_status status = sql_run(sql, owning, reterr);

    sql->keep_log = status != CTR_OK;
    return status;
}

void sql_keep_log(struct sql *sql)
{
    sql->keep_log = true;
}

bool sql_checked(struct sql *sql)
{
    return sql_pages_checked(sql->handle);
}

bool sql_sync_failed(const struct sql *sql)
{
    return sql->sync_failed;
}

enum ctr_status sql_rewrite(struct sql *sql, struct ctr_error *reterr)
{
    enum ctr_status status = reserve_checksums(sql, reterr);

    if (status == CTR_OK) {
        status = sql_run(sql, "PRAGMA auto_vacuum = INCREMENTAL; VACUUM", reterr);
    }
    return status == CTR_OK ? sql_fold_log(sql, reterr) : status;
}

enum ctr_status sql_check(struct sql *sql, struct ctr_error *reterr)
{
    struct sql_statement *check = NULL;
    enum ctr_status status = sql_prepare(sql, "PRAGMA integrity_check(1)", &check, reterr);
    size_t length = 0;
    const char *said = NULL;

    if (status != CTR_OK) {
        return status;
    }
    status = sql_next(sql, check, reterr);
    if (status == CTR_OK) {
        said = sql_get_bytes(check, 0, &length);
        if (length != 2 || memcmp(said, "ok", 2) != 0) {
            status = ctr_fail(reterr, CTR_CORRUPT, "integrity_check: %.*s", (int)length, said);
        }
    }
    sql_finish(check);
    return status;
}

enum ctr_status sql_run(struct sql *sql, const char *statements, struct ctr_error *reterr)
{
    if (sqlite3_exec(sql->handle, statements, NULL, NULL, NULL) != SQLITE_OK) {
        return sql_fail(sql, "running", reterr);
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

enum ctr_status sql_fold_log(struct sql *sql, struct ctr_error *reterr)
{
    if (sqlite3_wal_checkpoint_v2(sql->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) !=
        SQLITE_OK) {
        return sql_fail(sql, "folding the log", reterr);
    }
    return CTR_OK;
}

enum ctr_status sql_shrink(struct sql *sql, int pages, struct ctr_error *reterr)
{
    char text[64];
    int64_t all = 0;
    int64_t unused = 0;
    enum ctr_status status = sql_integer(sql, "PRAGMA page_count", &all, reterr);

    if (status == CTR_OK) {
        status = sql_integer(sql, "PRAGMA freelist_count", &unused, reterr);
    }
    if (status != CTR_OK || unused <= SHRINK_PAGES_MIN || unused * 4 <= all) {
        return status;
    }
    (void)snprintf(text, sizeof text, "PRAGMA incremental_vacuum(%d)", pages);
    return sql_run(sql, text, reterr);
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
        return sql_fail(sql, "preparing", reterr);
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
        status = sql_fail(sql, "writing", reterr);
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
        return sql_fail(sql, "reading", reterr);
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
