/* SPDX-License-Identifier: Apache-2.0
 *
 * The few calls of SQLite that the snapshot needs, with our statuses. The only file that knows
 * sqlite3. Thread: one thread per struct sql, the one that opened it.
 */
#ifndef LIVECTR_STORAGE_SQL_H
#define LIVECTR_STORAGE_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

struct sql;
struct sql_statement;

/* Opens or creates a file for this process alone, without writing to it: look whose it is, then
 * sql_own() it. Errors: CTR_RETRY: another process has it; CTR_CORRUPT: not a database; CTR_IO. */
CTR_MUST_USE enum ctr_status sql_open(const char *path, struct sql **ret_sql,
                                      struct ctr_error *reterr);
void sql_close(struct sql *sql); /* NULL is fine */

/* Makes the file one with a write-ahead log (which is noted in it). */
CTR_MUST_USE enum ctr_status sql_own(struct sql *sql, struct ctr_error *reterr);

/* Runs statements without results. */
CTR_MUST_USE enum ctr_status sql_run(struct sql *sql, const char *statements,
                                     struct ctr_error *reterr);

/* Ends a failed transaction, if SQLite has not ended it already. */
void sql_rollback(struct sql *sql);

/* Folds the write-ahead log into the file, if that can be done now. */
void sql_fold_log(struct sql *sql);

/* The one integer a statement gives. */
CTR_MUST_USE enum ctr_status sql_integer(struct sql *sql, const char *statement, int64_t *ret_value,
                                         struct ctr_error *reterr);

CTR_MUST_USE enum ctr_status sql_prepare(struct sql *sql, const char *text,
                                         struct sql_statement **ret_statement,
                                         struct ctr_error *reterr);
void sql_finish(struct sql_statement *statement); /* NULL is fine */

/* Parameters count from 1. Bytes are borrowed until the statement was run. */
void sql_set_integer(struct sql_statement *statement, int at, int64_t value);
void sql_set_text(struct sql_statement *statement, int at, const char *text);
void sql_set_bytes(struct sql_statement *statement, int at, const void *bytes, size_t length);

/* Runs a statement that gives no rows and makes it ready to run again. */
CTR_MUST_USE enum ctr_status sql_do(struct sql *sql, struct sql_statement *statement,
                                    struct ctr_error *reterr);

/* Makes a statement ready to run again, whose rows were not all taken or are done with. */
void sql_reset(struct sql_statement *statement);

/* How many rows the last INSERT, UPDATE or DELETE has changed. */
int64_t sql_changes(struct sql *sql);

/* Moves to the next row. CTR_OK: there is one; CTR_NOT_FOUND: no more. */
CTR_MUST_USE enum ctr_status sql_next(struct sql *sql, struct sql_statement *statement,
                                      struct ctr_error *reterr);

/* Columns of the row, counted from 0, valid until the next move. */
int64_t sql_get_integer(struct sql_statement *statement, int at);
const void *sql_get_bytes(struct sql_statement *statement, int at, size_t *ret_length);

/* Size of the file in bytes, 0 unknown. */
uint64_t sql_bytes(struct sql *sql);

#endif
