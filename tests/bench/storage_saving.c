/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole save beside plain SQLite: makes a store of so many keys, saves it as the service does,
 * then reads every row of every table out of that file and has SQLite insert the same rows into an
 * empty file with the same schema and settings, in one transaction, and fold its log. And once more
 * one row for each key, as a program would that knows no better.
 *
 *   bench_storage_saving [KEYS, default 200000]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/snapshot.h"
#include "storage/store_status.h"

enum { SECONDS = 60, TABLES_MAX = 32, BOXES_A_PAGE = 4, PATH_BYTES = 80 };
#define EPOCH_MS INT64_C(1795454400000)

struct rows {
    char insert[400];
    int columns;
    sqlite3_value **values; /* count * columns, owned */
    size_t count, capacity;
};

struct bench {
    char folder[40];
    struct store *store;
    char *schema;
    struct rows tables[TABLES_MAX];
    size_t tables_count, rows_count;
    int64_t cut_us, save_us, plain_us, key_rows_us;
};

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static _Noreturn void fail(const char *what)
{
    (void)fprintf(stderr, "saving: %s\n", what);
    exit(1);
}

static void good(int code, int wanted, const char *what)
{
    if (code != wanted) {
        fail(what);
    }
}

static void path_of(const struct bench *bench, const char *name, char ret_path[PATH_BYTES])
{
    (void)snprintf(ret_path, PATH_BYTES, "%s/%s.db", bench->folder, name);
}

/* ---- our save ------------------------------------------------------------------------------ */

static void fill(struct bench *bench, int64_t boxes)
{
    uint32_t partition = 0;

    if (store_partition_open(bench->store, "events", 0, &partition) != CTR_OK) {
        fail("no partition");
    }
    partition_start(store_partition(bench->store, partition), 0, false);
    for (int64_t i = 0; i < boxes * 2; i++) {
        char page[48];
        char box[48];
        char visitor[48];
        int64_t ts_ms = EPOCH_MS + i * SECONDS * 1000 / (boxes * 2);
        struct event event = {.type = i % 30 == 0 ? EVENT_CLICK : EVENT_VIEW, .ts_ms = ts_ms};

        event.page.length =
            (size_t)snprintf(page, sizeof page, "/offer/%" PRId64, i % boxes / BOXES_A_PAGE);
        event.box.length = (size_t)snprintf(box, sizeof box, "opbox.carousel.%" PRId64, i % boxes);
        event.visitor.length = (size_t)snprintf(visitor, sizeof visitor, "v-%" PRId64, i % 50000);
        event.page.bytes = page;
        event.box.bytes = box;
        event.visitor.bytes = visitor;
        if (store_record_event(bench->store, 0, i, ts_ms, ts_ms, &event) != CTR_OK) {
            fail("no memory");
        }
    }
    partition_confirm(store_partition(bench->store, 0), boxes * 2, EPOCH_MS + SECONDS * 1000);
    if (store_advance(bench->store, EPOCH_MS + SECONDS * 1000, false) != CTR_OK) {
        fail("no memory");
    }
}

static void save(struct bench *bench)
{
    char path[PATH_BYTES];
    struct snapshot *snapshot = NULL;
    struct checkpoint *checkpoint = NULL;
    int64_t begun_us = 0;

    path_of(bench, "ours", path);
    if (snapshot_open(path, &snapshot, NULL) != CTR_OK) {
        fail("no snapshot");
    }
    begun_us = now_us();
    if (store_cut(bench->store, true, &checkpoint) != CTR_OK) {
        fail("no cut");
    }
    bench->cut_us = now_us() - begun_us;
    begun_us = now_us();
    if (snapshot_save(snapshot, checkpoint, EPOCH_MS, NULL) != CTR_OK) {
        fail("no save");
    }
    bench->save_us = now_us() - begun_us;
    checkpoint_free(checkpoint);
    snapshot_close(snapshot);
}

/* ---- the same rows ------------------------------------------------------------------------- */

static void keep_row(struct rows *rows, sqlite3_stmt *row)
{
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity == 0 ? 256 : rows->capacity * 2;
        rows->values =
            realloc(rows->values, rows->capacity * (size_t)rows->columns * sizeof(sqlite3_value *));
        if (rows->values == NULL) {
            fail("no memory");
        }
    }
    for (int i = 0; i < rows->columns; i++) {
        rows->values[rows->count * (size_t)rows->columns + (size_t)i] =
            sqlite3_value_dup(sqlite3_column_value(row, i));
    }
    rows->count++;
}

static void read_table(struct bench *bench, sqlite3 *db, const char *name)
{
    struct rows *rows = &bench->tables[bench->tables_count++];
    sqlite3_stmt *all = NULL;
    char text[200];
    size_t length = 0;

    (void)snprintf(text, sizeof text, "SELECT * FROM \"%s\"", name);
    good(sqlite3_prepare_v2(db, text, -1, &all, NULL), SQLITE_OK, name);
    rows->columns = sqlite3_column_count(all);
    length =
        (size_t)snprintf(rows->insert, sizeof rows->insert, "INSERT INTO \"%s\" VALUES(?", name);
    for (int i = 1; i < rows->columns; i++) {
        length += (size_t)snprintf(rows->insert + length, sizeof rows->insert - length, ",?");
    }
    (void)snprintf(rows->insert + length, sizeof rows->insert - length, ")");
    while (sqlite3_step(all) == SQLITE_ROW) {
        keep_row(rows, all);
    }
    bench->rows_count += rows->count;
    (void)sqlite3_finalize(all);
}

static void read_all(struct bench *bench)
{
    char path[PATH_BYTES];
    sqlite3 *db = NULL;
    sqlite3_stmt *tables = NULL;

    path_of(bench, "ours", path);
    good(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK, "our file");
    good(sqlite3_prepare_v2(db,
                            "SELECT name, sql || ';' FROM sqlite_master WHERE sql NOT NULL "
                            "ORDER BY type = 'index'",
                            -1, &tables, NULL),
         SQLITE_OK, "the schema");
    bench->schema = sqlite3_mprintf("");
    while (sqlite3_step(tables) == SQLITE_ROW && bench->tables_count < TABLES_MAX) {
        const char *sql = (const char *)sqlite3_column_text(tables, 1);

        bench->schema = sqlite3_mprintf("%z%s", bench->schema, sql);
        if (strncmp(sql, "CREATE TABLE", strlen("CREATE TABLE")) == 0) {
            read_table(bench, db, (const char *)sqlite3_column_text(tables, 0));
        }
    }
    (void)sqlite3_finalize(tables);
    (void)sqlite3_close(db);
}

/* ---- plain SQLite -------------------------------------------------------------------------- */

static sqlite3 *open_plain(const struct bench *bench, const char *name)
{
    char path[PATH_BYTES];
    sqlite3 *db = NULL;

    path_of(bench, name, path);
    good(sqlite3_open(path, &db), SQLITE_OK, "a plain file");
    good(sqlite3_exec(db,
                      "PRAGMA locking_mode=EXCLUSIVE;PRAGMA journal_mode=WAL;"
                      "PRAGMA synchronous=NORMAL;",
                      NULL, NULL, NULL),
         SQLITE_OK, "pragmas");
    return db;
}

static void close_plain(sqlite3 *db)
{
    good(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK, "commit");
    good(sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL), SQLITE_OK,
         "folding");
}

static void insert_rows(sqlite3 *db, const struct rows *rows)
{
    sqlite3_stmt *insert = NULL;

    good(sqlite3_prepare_v2(db, rows->insert, -1, &insert, NULL), SQLITE_OK, rows->insert);
    for (size_t i = 0; i < rows->count; i++) {
        for (int k = 0; k < rows->columns; k++) {
            (void)sqlite3_bind_value(insert, k + 1,
                                     rows->values[i * (size_t)rows->columns + (size_t)k]);
        }
        good(sqlite3_step(insert), SQLITE_DONE, rows->insert);
        (void)sqlite3_reset(insert);
    }
    (void)sqlite3_finalize(insert);
}

static void insert_same(struct bench *bench)
{
    sqlite3 *db = open_plain(bench, "plain");
    int64_t begun_us = 0;

    good(sqlite3_exec(db, bench->schema, NULL, NULL, NULL), SQLITE_OK, bench->schema);
    begun_us = now_us();
    good(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK, "begin");
    for (size_t i = 0; i < bench->tables_count; i++) {
        insert_rows(db, &bench->tables[i]);
    }
    close_plain(db);
    bench->plain_us = now_us() - begun_us;
    (void)sqlite3_close(db);
}

static void insert_key_rows(struct bench *bench, int64_t keys)
{
    sqlite3 *db = open_plain(bench, "keys");
    sqlite3_stmt *insert = NULL;
    int64_t begun_us = 0;

    good(sqlite3_exec(db,
                      "CREATE TABLE keys(kid INTEGER PRIMARY KEY, page TEXT, box TEXT,"
                      " impressions INTEGER, clicks INTEGER)",
                      NULL, NULL, NULL),
         SQLITE_OK, "a table");
    begun_us = now_us();
    good(sqlite3_exec(db, "BEGIN", NULL, NULL, NULL), SQLITE_OK, "begin");
    good(sqlite3_prepare_v2(db, "INSERT INTO keys VALUES(?,?,?,?,?)", -1, &insert, NULL), SQLITE_OK,
         "an insert");
    for (int64_t i = 0; i < keys; i++) {
        char page[48];
        char box[48];

        (void)snprintf(page, sizeof page, "/offer/%" PRId64, i / BOXES_A_PAGE);
        (void)snprintf(box, sizeof box, "opbox.carousel.%" PRId64, i);
        (void)sqlite3_bind_int64(insert, 1, i);
        (void)sqlite3_bind_text(insert, 2, page, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(insert, 3, box, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(insert, 4, i * 7);
        (void)sqlite3_bind_int64(insert, 5, i);
        good(sqlite3_step(insert), SQLITE_DONE, "an insert");
        (void)sqlite3_reset(insert);
    }
    (void)sqlite3_finalize(insert);
    close_plain(db);
    bench->key_rows_us = now_us() - begun_us;
    (void)sqlite3_close(db);
}

static void remove_files(const struct bench *bench)
{
    static const char *const names[] = {"ours", "plain", "keys"};
    static const char *const ends[] = {"", "-wal", "-shm"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
            char path[PATH_BYTES];
            char whole[PATH_BYTES + 8];

            path_of(bench, names[i], path);
            (void)snprintf(whole, sizeof whole, "%s%s", path, ends[k]);
            (void)unlink(whole);
        }
    }
    (void)rmdir(bench->folder);
}

int main(int argc, char **argv)
{
    static struct bench bench = {.folder = "/tmp/livectr-bench-saving-XXXXXX"};
    struct store_options options = {.dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .late_ms = 48 * 60 * MINUTE_MS,
                                    .future_ms = MINUTE_MS,
                                    .settle_ms = 500,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .visitors_max = 200000000,
                                    .ids_max = 50000000,
                                    .minutes_max = 4000000,
                                    .keys_max = 4000000,
                                    .held_max = 20000000};
    int64_t keys = argc > 1 ? strtoll(argv[1], NULL, 10) : 200000;
    int64_t boxes = keys * BOXES_A_PAGE / (BOXES_A_PAGE * 2 + 1); /* a box, its placement, pages */

    if (boxes < 1 || mkdtemp(bench.folder) == NULL ||
        window_set_parse("1m,10m,1h,24h", &options.windows, NULL) != CTR_OK ||
        store_new(&options, &bench.store, NULL) != CTR_OK) {
        fail("no start");
    }
    fill(&bench, boxes);
    save(&bench);
    read_all(&bench);
    insert_same(&bench);
    insert_key_rows(&bench, keys);
    (void)printf("{\"keys\":%" PRId64 ",\"rows\":%zu,\"cut_ms\":%.2f,\"save_ms\":%.1f,"
                 "\"plain_ms\":%.1f,\"key_rows_ms\":%.1f}\n",
                 keys, bench.rows_count, (double)bench.cut_us / 1000, (double)bench.save_us / 1000,
                 (double)bench.plain_us / 1000, (double)bench.key_rows_us / 1000);
    remove_files(&bench);
    store_free(bench.store);
    return 0;
}
