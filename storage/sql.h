/* SPDX-License-Identifier: Apache-2.0
 *
 * The few calls of SQLite that the snapshot needs, with our statuses. Only storage/sql*.c know
 * sqlite3. Each page of a file that was made here carries a checksum (storage/sql_pages.c), so that
 * whatever is read is what was written, or CTR_CORRUPT. Thread: one thread per struct sql.
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

/* Opens a file only to read it, which nobody else may be writing: no lock, no log. */
CTR_MUST_USE enum ctr_status sql_open_read(const char *path, struct sql **ret_sql,
                                           struct ctr_error *reterr);

/* NULL is fine. Folds the log into a file that is owned, unless something has failed. */
void sql_close(struct sql *sql);

/* From now on closing leaves the log as it is. */
void sql_keep_log(struct sql *sql);

/* Makes the file one with a write-ahead log (which is noted in it). */
CTR_MUST_USE enum ctr_status sql_own(struct sql *sql, struct ctr_error *reterr);

/* Whether the pages of the file carry checksums. */
bool sql_checked(struct sql *sql);

/* Writes the whole file anew, with checksums behind its pages and room given back bit by bit. */
CTR_MUST_USE enum ctr_status sql_rewrite(struct sql *sql, struct ctr_error *reterr);

/* Looks at all of it: CTR_CORRUPT says what is wrong first. */
CTR_MUST_USE enum ctr_status sql_check(struct sql *sql, struct ctr_error *reterr);

/* Runs statements without results. */
CTR_MUST_USE enum ctr_status sql_run(struct sql *sql, const char *statements,
                                     struct ctr_error *reterr);

/* Ends a failed transaction, if SQLite has not ended it already. */
void sql_rollback(struct sql *sql);

/* Folds the write-ahead log into the file. CTR_IO: not now; all that was committed is there still,
 * unless sql_sync_failed(). */
CTR_MUST_USE enum ctr_status sql_fold_log(struct sql *sql, struct ctr_error *reterr);

/* A sync has failed since it was opened: the system may have forgotten what it had not written. The
 * file must be closed, and not be written to again. */
bool sql_sync_failed(const struct sql *sql);

/* Gives up to `pages` unused pages back to the disk, if a quarter of the file and more than a
 * megabyte is unused. Inside a transaction. */
CTR_MUST_USE enum ctr_status sql_shrink(struct sql *sql, int pages, struct ctr_error *reterr);

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

/* ---- copying a file while it is written to ------------------------------------------------- */

struct sql_copy;

/* Begins to copy all of a file, whose pages carry checksums, to a new one at `path`, which is
 * removed first. What is written to the file meanwhile, through the same struct sql, is in the
 * copy. Errors: CTR_NO_MEMORY, CTR_IO. */
CTR_MUST_USE enum ctr_status sql_copy_begin(struct sql *from, const char *path,
                                            struct sql_copy **ret_copy, struct ctr_error *reterr);

/* Copies some pages. CTR_OK: there are more; CTR_NOT_FOUND: that was all; CTR_CORRUPT: the file
 * that is read is damaged; CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status sql_copy_step(struct sql_copy *copy, int pages,
                                           struct ctr_error *reterr);

/* Ends it, before `from` is closed. The file is a database if the last step gave CTR_NOT_FOUND and
 * this gives CTR_OK. NULL is fine. */
CTR_MUST_USE enum ctr_status sql_copy_end(struct sql_copy *copy, struct ctr_error *reterr);

#endif
