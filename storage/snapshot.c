/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/snapshot_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/history.h"
#include "storage/pack.h"

enum { APPLICATION_ID = 0x4c435452 /* "LCTR" */ };

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE partition (number INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,"
    " account BLOB NOT NULL) STRICT;"
    "CREATE TABLE key (kid INTEGER PRIMARY KEY, level INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, page BLOB NOT NULL, box BLOB NOT NULL) STRICT;"
    "CREATE TABLE slice (grain INTEGER NOT NULL, start INTEGER NOT NULL, count INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, cells BLOB NOT NULL, UNIQUE (grain, start)) STRICT;"
    "CREATE TABLE held (apply INTEGER PRIMARY KEY, count INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, records BLOB NOT NULL) STRICT;"
    "CREATE TABLE journal (number INTEGER PRIMARY KEY, newest INTEGER NOT NULL,"
    " checksum INTEGER NOT NULL, events BLOB NOT NULL) STRICT;"
    "CREATE TABLE minute (start INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,"
    " rows BLOB NOT NULL) STRICT;"
    "PRAGMA application_id = 1279480914;"
    "PRAGMA user_version = 2;";

#define KEEP_MINUTES_MS (INT64_C(8) * 24 * HISTORY_HOUR_MS)
#define KEEP_HOURS_MS   (INT64_C(400) * 24 * HISTORY_HOUR_MS)

static const char *const statement_texts[STATEMENTS_COUNT] = {
    [PUT_META] = "INSERT OR REPLACE INTO meta VALUES (?, ?)",
    [PUT_PARTITION] = "INSERT OR REPLACE INTO partition VALUES (?, ?, ?)",
    [PUT_KEY] = "INSERT OR REPLACE INTO key VALUES (?, ?, ?, ?, ?)",
    [PUT_SLICE] = "INSERT OR REPLACE INTO slice VALUES (?, ?, ?, ?, ?)",
    [PUT_HELD] = "INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?)",
    [PUT_JOURNAL] = "INSERT INTO journal SELECT coalesce(max(number), 0) + 1, ?, ?, ? FROM journal",
    [PUT_MINUTE] = "INSERT OR REPLACE INTO minute VALUES (?, ?, ?)",
    [DROP_JOURNAL] = "DELETE FROM journal WHERE newest < ?",
    [DROP_MINUTES] = "DELETE FROM minute WHERE start < ?",
    [DROP_KEY] = "DELETE FROM key WHERE kid = ?",
    [DROP_SLICE] = "DELETE FROM slice WHERE grain = ? AND start = ?",
    [DROP_HELD] = "DELETE FROM held WHERE apply = ?",
};

/* ---- open ---------------------------------------------------------------------------------- */

static enum ctr_status make_tables(struct snapshot *snapshot, struct ctr_error *reterr)
{
    enum ctr_status status = sql_own(snapshot->sql, reterr);

    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, schema, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, history_schema, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, "COMMIT", reterr);
    }
    if (status != CTR_OK) {
        sql_rollback(snapshot->sql);
    }
    return status;
}

static enum ctr_status check_version(struct snapshot *snapshot, const char *path,
                                     struct ctr_error *reterr)
{
    int64_t application = 0;
    int64_t version = 0;
    int64_t tables = 0;
    enum ctr_status status =
        sql_integer(snapshot->sql, "PRAGMA application_id", &application, reterr);

    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "PRAGMA user_version", &version, reterr);
    }
    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "SELECT count(*) FROM sqlite_schema", &tables, reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    if (tables == 0 && version == 0 && application == 0) {
        return make_tables(snapshot, reterr);
    }
    if (application != APPLICATION_ID) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%s is a database of another program; name another data_dir", path);
    }
    if (version != SNAPSHOT_VERSION) {
        return ctr_fail(reterr, CTR_INVALID,
                        "%s has schema version %lld, this program knows %d; run the %s program, "
                        "or name another data_dir",
                        path, (long long)version, (int)SNAPSHOT_VERSION,
                        version > SNAPSHOT_VERSION ? "newer" : "older");
    }
    return sql_own(snapshot->sql, reterr);
}

enum ctr_status snapshot_open(const char *path, struct snapshot **ret_snapshot,
                              struct ctr_error *reterr)
{
    struct snapshot *snapshot = calloc(1, sizeof *snapshot);
    enum ctr_status status = CTR_OK;

    if (snapshot == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open %s", path);
    }
    snapshot_keep(snapshot, KEEP_MINUTES_MS, KEEP_HOURS_MS);
    status = sql_open(path, &snapshot->sql, reterr);
    if (status == CTR_OK) {
        status = check_version(snapshot, path, reterr);
    }
    for (int i = 0; status == CTR_OK && i < STATEMENTS_COUNT; i++) {
        status = sql_prepare(snapshot->sql, statement_texts[i], &snapshot->statements[i], reterr);
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
    history_close(snapshot->history);
    for (int i = 0; i < STATEMENTS_COUNT; i++) {
        sql_finish(snapshot->statements[i]);
    }
    sql_close(snapshot->sql);
    free(snapshot);
}

/* ---- save ---------------------------------------------------------------------------------- */

static enum ctr_status put_integer(struct snapshot *snapshot, const char *name, int64_t value,
                                   struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_META];

    sql_set_text(put, 1, name);
    sql_set_integer(put, 2, value);
    return sql_do(snapshot->sql, put, reterr);
}

static enum ctr_status save_meta(struct snapshot *snapshot, const struct checkpoint *from,
                                 int64_t saved_ms, int64_t journals, struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_META];
    const int64_t values[META_COUNT] = {
        [META_AS_OF] = from->as_of_ms,
        [META_TO] = from->to_ms,
        [META_COVERED_FROM] = from->covered_from_ms,
        [META_KEYS_FOLDED] = (int64_t)from->keys_folded,
        [META_CLOCK] = from->clock,
        [META_PAGE_IMPRESSIONS] = from->page_impressions,
        [META_PARTITIONS] = (int64_t)from->partitions_count,
        [META_KEYS] = (int64_t)from->keys_total,
        [META_SLICES] = (int64_t)from->slices_total,
        [META_HELD] = (int64_t)from->buckets_total,
        [META_SAVED_AT] = saved_ms,
        [META_CUT] = (int64_t)from->cut,
        [META_PEOPLE_HORIZON] = from->people_horizon_ms,
        [META_DEDUP_HORIZON] = from->dedup_horizon_ms,
        [META_CLICK_GAP] = from->click_gap_ms,
        [META_SECRET_CHECK] = from->secret_check,
        [META_REPEATED] = (int64_t)from->repeated,
        [META_JOURNALS] = journals,
        [META_MINUTES] = (int64_t)from->minutes_count,
    };
    char windows[WINDOWS_MAX * (WINDOW_NAME_BYTES + 1)] = "";
    size_t length = 0;
    enum ctr_status status = CTR_OK;

    for (size_t w = 0; w < from->windows.count; w++) {
        length += (size_t)snprintf(windows + length, sizeof windows - length, "%s%s",
                                   w == 0 ? "" : ",", from->windows.items[w].name);
    }
    for (size_t i = 0; i < META_COUNT && status == CTR_OK; i++) {
        status = put_integer(snapshot, snapshot_meta_names[i], values[i], reterr);
    }
    if (status == CTR_OK) {
        status = put_integer(snapshot, "checksum",
                             snapshot_checksum(values, META_COUNT, windows, length), reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    sql_set_text(put, 1, "windows");
    sql_set_text(put, 2, windows);
    return sql_do(snapshot->sql, put, reterr);
}

static enum ctr_status save_partitions(struct snapshot *snapshot, const struct checkpoint *from,
                                       struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_PARTITION];
    struct packer packer = {0};
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->partitions_count && status == CTR_OK; i++) {
        const int64_t number = (int64_t)i;

        packer.length = 0;
        snapshot_pack_partition(&from->partitions[i], &packer);
        if (packer.failed) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save the positions");
            break;
        }
        sql_set_integer(put, 1, number);
        sql_set_integer(put, 2, snapshot_checksum(&number, 1, packer.bytes, packer.length));
        sql_set_bytes(put, 3, packer.bytes, packer.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    return status;
}

static enum ctr_status save_gone(struct snapshot *snapshot, const struct checkpoint *from,
                                 struct ctr_error *reterr)
{
    struct sql_statement **statements = snapshot->statements;
    enum ctr_status status = CTR_OK;

    if (from->whole) {
        return sql_run(snapshot->sql,
                       "DELETE FROM key; DELETE FROM slice; DELETE FROM held;"
                       "DELETE FROM partition; DELETE FROM minute",
                       reterr);
    }
    for (size_t i = 0; i < from->keys_gone_count && status == CTR_OK; i++) {
        sql_set_integer(statements[DROP_KEY], 1, from->keys_gone[i]);
        status = sql_do(snapshot->sql, statements[DROP_KEY], reterr);
    }
    for (size_t i = 0; i < from->slices_gone_count && status == CTR_OK; i++) {
        sql_set_integer(statements[DROP_SLICE], 1, from->slices_gone[i].grain_ms);
        sql_set_integer(statements[DROP_SLICE], 2, from->slices_gone[i].start_ms);
        status = sql_do(snapshot->sql, statements[DROP_SLICE], reterr);
    }
    for (size_t i = 0; i < from->buckets_gone_count && status == CTR_OK; i++) {
        sql_set_integer(statements[DROP_HELD], 1, from->buckets_gone[i]);
        status = sql_do(snapshot->sql, statements[DROP_HELD], reterr);
    }
    return status;
}

static enum ctr_status save_keys(struct snapshot *snapshot, const struct checkpoint *from,
                                 struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_KEY];
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->keys_count && status == CTR_OK; i++) {
        const struct checkpoint_key *key = &from->keys[i];

        sql_set_integer(put, 1, key->kid);
        sql_set_integer(put, 2, key->level);
        sql_set_integer(put, 3, snapshot_key_checksum(key->kid, key->level, key->page, key->box));
        sql_set_bytes(put, 4, key->page.bytes, key->page.length);
        sql_set_bytes(put, 5, key->box.bytes, key->box.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    return status;
}

static enum ctr_status save_slices(struct snapshot *snapshot, const struct checkpoint *from,
                                   struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_SLICE];
    struct packer packer = {0};
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->slices_count && status == CTR_OK; i++) {
        const struct checkpoint_slice *slice = &from->slices[i];
        const int64_t numbers[] = {slice->grain_ms, slice->start_ms, (int64_t)slice->count};
        int64_t before = 0;

        packer.length = 0;
        for (size_t c = 0; c < slice->count; c++) {
            pack_signed(&packer, (int64_t)slice->cells[c].key - before);
            pack_signed(&packer, slice->cells[c].impressions);
            pack_signed(&packer, slice->cells[c].clicks);
            before = slice->cells[c].key;
        }
        if (packer.failed) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save a slice");
            break;
        }
        sql_set_integer(put, 1, numbers[0]);
        sql_set_integer(put, 2, numbers[1]);
        sql_set_integer(put, 3, numbers[2]);
        sql_set_integer(put, 4, snapshot_checksum(numbers, 3, packer.bytes, packer.length));
        sql_set_bytes(put, 5, packer.bytes, packer.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    return status;
}

static enum ctr_status save_held(struct snapshot *snapshot, const struct checkpoint *from,
                                 struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_HELD];
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->buckets_count && status == CTR_OK; i++) {
        const struct checkpoint_bucket *bucket = &from->buckets[i];
        const int64_t numbers[] = {bucket->apply_ms, (int64_t)bucket->count};

        sql_set_integer(put, 1, numbers[0]);
        sql_set_integer(put, 2, numbers[1]);
        sql_set_integer(put, 3, snapshot_checksum(numbers, 2, bucket->bytes, bucket->length));
        sql_set_bytes(put, 4, bucket->bytes, bucket->length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    return status;
}

enum ctr_status snapshot_save(struct snapshot *snapshot, const struct checkpoint *checkpoint,
                              int64_t saved_ms, struct ctr_error *reterr)
{
    typedef enum ctr_status step(struct snapshot *, const struct checkpoint *, struct ctr_error *);
    static step *const steps[] = {save_gone,
                                  save_partitions,
                                  save_keys,
                                  save_slices,
                                  save_held,
                                  snapshot_save_journals,
                                  snapshot_save_minutes,
                                  snapshot_save_history};
    enum ctr_status status = sql_run(snapshot->sql, "BEGIN IMMEDIATE", reterr);
    int64_t journals = 0;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == CTR_OK; i++) {
        status = steps[i](snapshot, checkpoint, reterr);
    }
    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "SELECT count(*) FROM journal", &journals, reterr);
    }
    if (status == CTR_OK) {
        status = save_meta(snapshot, checkpoint, saved_ms, journals, reterr);
    }
    if (status == CTR_OK) {
        status = sql_run(snapshot->sql, "COMMIT", reterr);
    }
    if (status != CTR_OK) {
        sql_rollback(snapshot->sql);
        history_forget(snapshot->history);
        return status;
    }
    snapshot->cut = checkpoint->cut;
    /* The log is folded into the file each time, so that it stays small. The save itself is done:
     * where folding fails (a full disk) the next save tries again. */
    sql_fold_log(snapshot->sql);
    return CTR_OK;
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

struct history *snapshot_history(const struct snapshot *snapshot)
{
    return snapshot->history;
}

uint64_t snapshot_bytes(const struct snapshot *snapshot)
{
    return sql_bytes(snapshot->sql);
}
