/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening a snapshot: whose file it is, of which version, and how an older one becomes ours.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/fault_point.h"
#include "storage/history.h"
#include "storage/snapshot_internal.h"

enum { APPLICATION_ID = 0x4c435452 /* "LCTR" */ };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE partition (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,"
    " account BLOB NOT NULL) STRICT;" SNAPSHOT_KEYS_TABLE
    "CREATE TABLE slice (grain INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, cells BLOB NOT NULL, UNIQUE (grain, start)) STRICT;"
    "CREATE TABLE held (apply INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, records BLOB NOT NULL) STRICT;"
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, newest INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, events BLOB NOT NULL) STRICT;"
    "CREATE TABLE minute (start INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,"
    " rows BLOB NOT NULL) STRICT;"
    "PRAGMA application_id = 1279480914;"
    "PRAGMA user_version = 4;";

#define KEEP_MINUTES_MS (INT64_C(8) * 24 * HISTORY_HOUR_MS)
#define KEEP_HOURS_MS   (INT64_C(400) * 24 * HISTORY_HOUR_MS)

static const char *const statement_texts[STATEMENTS_COUNT] = {
    [PUT_META] = "INSERT OR REPLACE INTO meta VALUES (?, ?)",
    [PUT_PARTITION] = "INSERT OR REPLACE INTO partition VALUES (?, ?, ?)",
    [PUT_KEYS] = SNAPSHOT_PUT_KEYS,
    [GET_KEYS] = "SELECT block, checksum, keys FROM key WHERE block = ?",
    [PUT_SLICE] = "INSERT OR REPLACE INTO slice VALUES (?, ?, ?, ?, ?)",
    [PUT_HELD] = "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)",
    [PUT_JOURNAL] = "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?)",
    [PUT_MINUTE] = "INSERT OR REPLACE INTO minute VALUES (?, ?, ?)",
    [DROP_JOURNAL] = "DELETE FROM journal WHERE newest < ?",
    [DROP_MINUTES] = "DELETE FROM minute WHERE start < ?",
    [DROP_KEYS] = "DELETE FROM key WHERE block = ?",
    [DROP_SLICE] = "DELETE FROM slice WHERE grain = ? AND start = ?",
    [DROP_HELD] = "DELETE FROM held WHERE apply = ?",
};

/* ---- versions ------------------------------------------------------------------------------ */

/* What leads from one version to the next, in one transaction that ends in its number. `rewrite`:
 * before that the file is written anew, as one transaction of its own that changes no row, so that
 * a start that ends in between begins again with the same rows. */
struct migration {
    bool rewrite;
    enum ctr_status (*convert)(struct snapshot *snapshot, struct ctr_error *reterr); /* or NULL */
    const char *statements;
};

enum { VERSION_MIN = 2, VERSION_KEY_BLOCKS = 4 };

static const struct migration migrations[SNAPSHOT_VERSION - VERSION_MIN] = {
    /* 2 -> 3: a checksum behind each page; unused pages go back to the disk bit by bit. Accounts of
     * partitions got more numbers at their end, without which snapshot_rows.c reads them too. */
    {.rewrite = true, .statements = "PRAGMA user_version = 3"},
    /* 3 -> 4: keys in blocks. */
    {.convert = snapshot_migrate_keys, .statements = "PRAGMA user_version = 4"},
};

static enum ctr_status rewrite(struct snapshot *snapshot, struct ctr_error *reterr)
{
    /* Damage must be found before: the new file would hide it. */
    enum ctr_status status = sql_check(snapshot->sql, reterr);

    if (status == CTR_OK) {
        FAULT_POINT("migrate_rewrite");
        status = sql_rewrite(snapshot->sql, reterr);
    }
    FAULT_POINT("migrate_rewritten");
    return status;
}

static enum ctr_status migrate_one(struct snapshot *snapshot, const struct migration *migration,
                                   struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    if (migration->rewrite && !sql_checked(snapshot->sql)) {
        status = rewrite(snapshot, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, "BEGIN IMMEDIATE", reterr);
    }
    if (status == CTR_OK) {
        FAULT_POINT("migrate_begun");
        status = migration->convert == NULL ? CTR_OK : migration->convert(snapshot, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, migration->statements, reterr);
    }
    if (status == CTR_OK) {
        FAULT_POINT("migrate_commit");
        status = sql_run(snapshot->sql, "COMMIT", reterr);
    }
    if (status != CTR_OK) {
        sql_rollback(snapshot->sql);
    }
    FAULT_POINT("migrated");
    return status;
}

static enum ctr_status migrate(struct snapshot *snapshot, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (int64_t v = snapshot->version; v < SNAPSHOT_VERSION && status == CTR_OK; v++) {
        status = migrate_one(snapshot, &migrations[v - VERSION_MIN], reterr);
    }
    return status;
}

static enum ctr_status make_tables(struct snapshot *snapshot, struct ctr_error *reterr)
{
    enum ctr_status status = sql_run(snapshot->sql, schema, reterr);

    FAULT_POINT("create_tables");
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, history_schema, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, "COMMIT", reterr);
    }
    if (status != CTR_OK) {
        sql_rollback(snapshot->sql);
    }
    FAULT_POINT("created");
    return status;
}

/* ---- open ---------------------------------------------------------------------------------- */

static enum ctr_status check_version(struct snapshot *snapshot, const char *path,
                                     struct ctr_error *reterr)
{
    int64_t application = 0;
    int64_t tables = 0;
    enum ctr_status status =
        sql_integer(snapshot->sql, "PRAGMA application_id", &application, reterr);

    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "PRAGMA user_version", &snapshot->version, reterr);
    }
    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "SELECT count(*) FROM sqlite_schema", &tables, reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    snapshot->empty = tables == 0 && snapshot->version == 0 && application == 0;
    snapshot->key_rows = !snapshot->empty && snapshot->version < VERSION_KEY_BLOCKS;
    if (snapshot->empty) {
        return CTR_OK;
    }
    if (application != APPLICATION_ID) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%.150s is a database of another program; name another data_dir", path);
    }
    if (snapshot->version > SNAPSHOT_VERSION || snapshot->version < VERSION_MIN) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%.150s has schema version %lld, this program knows %d to %d; run the %s "
                        "program, or name another data_dir",
                        path, (long long)snapshot->version, (int)VERSION_MIN, (int)SNAPSHOT_VERSION,
                        snapshot->version > SNAPSHOT_VERSION ? "newer" : "older");
    }
    if (snapshot->version >= 3 && !sql_checked(snapshot->sql)) {
        return ctr_fail(reterr, CTR_CORRUPT, "%.150s: the header is damaged", path);
    }
    return CTR_OK;
}

static enum ctr_status look(const char *path, bool only_read, struct snapshot **ret_snapshot,
                            struct ctr_error *reterr)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    enum ctr_status status = CTR_OK;

    if (snapshot == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open %.150s", path);
    }
    snapshot_keep(snapshot, KEEP_MINUTES_MS, KEEP_HOURS_MS);
    snapshot->path = strdup(path);
    if (snapshot->path == NULL) {
        free(snapshot);
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open %.150s", path);
    }
    status = only_read ? sql_open_read(path, &snapshot->sql, reterr)
                       : sql_open(path, &snapshot->sql, reterr);
    if (status == CTR_OK) {
        status = check_version(snapshot, path, reterr);
    }
    if (status == CTR_OK && !snapshot->empty) {
        status = snapshot_read_cut(snapshot, reterr);
    }
    if (status != CTR_OK) {
        snapshot_close(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return CTR_OK;
}

enum ctr_status snapshot_look(const char *path, struct snapshot **ret_snapshot,
                              struct ctr_error *reterr)
{
    return look(path, false, ret_snapshot, reterr);
}

static enum ctr_status prepare(struct snapshot *snapshot, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (int i = 0; status == CTR_OK && i < STATEMENTS_COUNT; i++) {
        status = sql_prepare(snapshot->sql, statement_texts[i], &snapshot->statements[i], reterr);
    }
    return status == CTR_OK ? history_open(snapshot->sql, &snapshot->history, reterr) : status;
}

enum ctr_status snapshot_own(struct snapshot *snapshot, struct ctr_error *reterr)
{
    enum ctr_status status = sql_own(snapshot->sql, reterr);

    if (status == CTR_OK) {
        status = snapshot->empty ? make_tables(snapshot, reterr) : migrate(snapshot, reterr);
    }
    if (status == CTR_OK) {
        snapshot->key_rows = false;
    }
    return status == CTR_OK ? prepare(snapshot, reterr) : status;
}

enum ctr_status snapshot_open(const char *path, struct snapshot **ret_snapshot,
                              struct ctr_error *reterr)
{
    struct snapshot *snapshot = NULL;
    enum ctr_status status = look(path, false, &snapshot, reterr);

    if (status == CTR_OK) {
        status = snapshot_own(snapshot, reterr);
    }
    if (status != CTR_OK) {
        snapshot_close(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return CTR_OK;
}

enum ctr_status snapshot_open_read(const char *path, struct snapshot **ret_snapshot,
                                   struct ctr_error *reterr)
{
    struct snapshot *snapshot = NULL;
    enum ctr_status status = look(path, true, &snapshot, reterr);

    if (status == CTR_OK) {
        snapshot_ignore_image(snapshot); /* nobody starts from it */
    }
    if (status == CTR_OK && snapshot->empty) {
        status = ctr_fail(reterr, CTR_NOT_FOUND, "%.150s: nothing was saved in it", path);
    }
    if (status == CTR_OK) {
        status = history_open(snapshot->sql, &snapshot->history, reterr);
    }
    if (status != CTR_OK) {
        snapshot_close(snapshot);
        return status;
    }
    *ret_snapshot = snapshot;
    return CTR_OK;
}

void snapshot_close(struct snapshot *snapshot)
{
    if (snapshot == NULL) {
        return;
    }
    snapshot_images_done(snapshot);
    history_close(snapshot->history);
    for (int i = 0; i < STATEMENTS_COUNT; i++) {
        sql_finish(snapshot->statements[i]);
    }
    sql_close(snapshot->sql);
    free(snapshot);
}

/* ---- what is known of it ------------------------------------------------------------------- */

void snapshot_suspect(struct snapshot *snapshot)
{
    snapshot->suspect = true;
    sql_keep_log(snapshot->sql);
}

bool snapshot_sync_failed(const struct snapshot *snapshot)
{
    return sql_sync_failed(snapshot->sql);
}

const struct ctr_error *snapshot_folded(const struct snapshot *snapshot)
{
    return &snapshot->folded;
}

void snapshot_keep(struct snapshot *snapshot, int64_t minutes_ms, int64_t hours_ms)
{
    snapshot->keep_minutes_ms = minutes_ms;
    snapshot->keep_hours_ms = hours_ms;
}

uint64_t snapshot_cut(const struct snapshot *snapshot)
{
    return snapshot->cut;
}

int64_t snapshot_version(const struct snapshot *snapshot)
{
    return snapshot->version;
}

struct history *snapshot_history(const struct snapshot *snapshot)
{
    return snapshot->history;
}

struct sql *snapshot_sql(const struct snapshot *snapshot)
{
    return snapshot->sql;
}

uint64_t snapshot_bytes(const struct snapshot *snapshot)
{
    return sql_bytes(snapshot->sql);
}
