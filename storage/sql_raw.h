/* SPDX-License-Identifier: Apache-2.0
 *
 * SQLite itself, for the files storage/sql*.c only: the one door to sqlite3.
 */
#ifndef LIVECTR_STORAGE_SQL_RAW_H
#define LIVECTR_STORAGE_SQL_RAW_H

#include <sqlite3.h>

#include "storage/sql.h"

/* Behind the content of each page: its checksum. */
enum { SQL_PAGE_BYTES = 4096, SQL_RESERVED_BYTES = 8 };

struct sql {
    sqlite3 *handle;
    bool keep_log;    /* closing must not fold the log into the file */
    bool sync_failed; /* what was written since may not be what is on the disk */
};

/* What a result code of SQLite means to us. */
enum ctr_status sql_status(int code);

/* Explains the last error of a handle and gives its status. */
CTR_MUST_USE enum ctr_status sql_fail(struct sql *sql, const char *doing, struct ctr_error *reterr);

/* The name of the file system layer that puts a checksum behind each page it writes to a database
 * and compares it on each read: SQLITE_IOERR_DATA where it is another, or where the file ends too
 * soon. Pages of a file that has no room for checksums pass as they are. The log has SQLite's own
 * checksums. Registers it first; NULL: that failed. Thread: any. */
const char *sql_pages_vfs(void);

/* Whether the pages of the open file carry checksums. */
bool sql_pages_checked(sqlite3 *handle);

#endif
