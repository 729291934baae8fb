/* SPDX-License-Identifier: Apache-2.0
 *
 * Copying a file page by page between other work. SQLite's own "online backup": what the same
 * connection writes meanwhile goes to the copy as well, so that it needs no second pass.
 */
#include <stdlib.h>
#include <unistd.h>

#include "storage/sql_raw.h"

struct sql_copy {
    struct sql into;
    sqlite3_backup *backup;
    bool failed;
};

/* The copy is thrown away unless it is complete, and then it is synced by whoever moves it. */
static const char settings[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
                               "PRAGMA mmap_size = 0; PRAGMA cache_size = -4096";

enum ctr_status sql_copy_begin(struct sql *from, const char *path, struct sql_copy **ret_copy,
                               struct ctr_error *reterr)
{
    struct sql_copy *copy = calloc(1, sizeof *copy);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    enum ctr_status status = CTR_OK;

    if (copy == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to copy to %s", path);
    }
    CTR_ASSERT(sql_checked(from)); /* the bytes behind its pages are no content */
    (void)unlink(path);
    if (sqlite3_open_v2(path, &copy->into.handle, flags, sql_pages_vfs()) != SQLITE_OK ||
        sqlite3_exec(copy->into.handle, settings, NULL, NULL, NULL) != SQLITE_OK) {
        status = sql_fail(&copy->into, "opening a copy", reterr);
    } else {
        copy->backup = sqlite3_backup_init(copy->into.handle, "main", from->handle, "main");
        if (copy->backup == NULL) {
            status = sql_fail(&copy->into, "beginning a copy", reterr);
        }
    }
    if (status != CTR_OK) {
        (void)sqlite3_close_v2(copy->into.handle);
        free(copy);
        return status;
    }
    *ret_copy = copy;
    return CTR_OK;
}

enum ctr_status sql_copy_step(struct sql_copy *copy, int pages, struct ctr_error *reterr)
{
    int code = sqlite3_backup_step(copy->backup, pages);

    if (code == SQLITE_OK) {
        return CTR_OK;
    }
    if (code == SQLITE_DONE) {
        return CTR_NOT_FOUND;
    }
    copy->failed = true;
    return ctr_fail(reterr, sql_status(code), "sqlite, copying: %s (%d)", sqlite3_errstr(code),
                    code);
}

enum ctr_status sql_copy_end(struct sql_copy *copy, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    if (copy == NULL) {
        return CTR_OK;
    }
    if (sqlite3_backup_finish(copy->backup) != SQLITE_OK && !copy->failed) {
        status = sql_fail(&copy->into, "ending a copy", reterr);
    }
    if (sqlite3_close(copy->into.handle) != SQLITE_OK && status == CTR_OK) {
        status = ctr_fail(reterr, CTR_IO, "sqlite, closing a copy");
    }
    free(copy);
    return status;
}
