/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot on a real file. SQLite's locks belong to a process, so "another process" is this
 * program run again with a verb: open, or save-and-die.
 */
#include "storage/snapshot.h"

#include "storage_fixture.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/pack.h"

enum { PATH_BYTES = 96, FILE_BYTES_MAX = 1 << 20 };

static const char *program;
static char directory[PATH_BYTES - 32];
static char path[PATH_BYTES];

/* ---- tools --------------------------------------------------------------------------------- */

static int make_path(void **state)
{
    static int files;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/%d.sqlite", directory, files++);
    return 0;
}

static int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s/livectr-unit-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static int remove_directory(void **state)
{
    char command[PATH_BYTES];
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)snprintf(command, sizeof command, "%s", directory);
        (void)execl("/bin/rm", "rm", "-rf", command, (char *)NULL);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static size_t read_file(const char *from, unsigned char *ret_bytes)
{
    FILE *file = fopen(from, "rb");
    size_t length = 0;

    assert_non_null(file);
    length = fread(ret_bytes, 1, FILE_BYTES_MAX, file);
    assert_true(length < FILE_BYTES_MAX);
    assert_int_equal(fclose(file), 0);
    return length;
}

static void write_file(const char *to, const unsigned char *bytes, size_t length)
{
    FILE *file = fopen(to, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

/* Runs SQL on a file through a connection of its own. */
static void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    char *message = NULL;

    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    if (sqlite3_exec(handle, sql, NULL, NULL, &message) != SQLITE_OK) {
        fail_msg("%s: %s", sql, message);
    }
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
}

static struct snapshot *open_snapshot(void)
{
    struct snapshot *snapshot = NULL;
    struct ctr_error err = {0};

    if (snapshot_open(path, &snapshot, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    return snapshot;
}

static void save(struct snapshot *snapshot, struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;
    struct ctr_error err = {0};

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    if (snapshot_save(snapshot, cut, BEGIN_MS, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    checkpoint_free(cut);
}

/* Everything in a checkpoint as bytes, so that two can be compared. */
static int compare_hashes(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(uint64_t));
}

/* Journals in any division into parts and open minutes in any order of rows say the same. */
static void pack_minutes(const struct checkpoint *from, struct packer *packer)
{
    for (size_t i = 0; i < from->minutes_count; i++) {
        const struct minute_block *block = from->minutes[i].block;
        static uint64_t sums[4096];

        pack_signed(packer, from->minutes[i].minute_ms);
        assert_true(block->rows_count <= sizeof sums / sizeof sums[0]);
        for (size_t r = 0; r < block->rows_count; r++) {
            struct minute_key key = minute_block_key(block, block->rows[r].key);

            sums[r] = hash_mix(key.hash,
                               hash_checksum(block->rows[r].numbers, sizeof block->rows[r].numbers),
                               key.level);
        }
        qsort(sums, block->rows_count, sizeof sums[0], compare_hashes);
        pack_bytes(packer, sums, block->rows_count * sizeof sums[0]);
    }
}

static void pack_checkpoint(const struct checkpoint *from, struct packer *packer)
{
    pack_signed(packer, from->as_of_ms);
    pack_signed(packer, from->to_ms);
    pack_signed(packer, from->covered_from_ms);
    pack_unsigned(packer, from->keys_folded);
    pack_unsigned(packer, from->clock);
    pack_unsigned(packer, from->page_impressions);
    for (size_t w = 0; w < from->windows.count; w++) {
        pack_bytes(packer, from->windows.items[w].name, strlen(from->windows.items[w].name));
    }
    for (size_t i = 0; i < from->partitions_count; i++) {
        const struct partition *partition = &from->partitions[i];

        pack_bytes(packer, partition->topic, strlen(partition->topic));
        pack_signed(packer, partition->number);
        pack_signed(packer, partition->arrival_ms);
        pack_unsigned(packer, partition->gap_records);
        pack_bytes(packer, partition->intervals,
                   partition->intervals_count * sizeof partition->intervals[0]);
        pack_bytes(packer, &partition->counts, sizeof partition->counts);
    }
    for (size_t i = 0; i < from->keys_count; i++) {
        pack_unsigned(packer, from->keys[i].kid);
        pack_unsigned(packer, from->keys[i].level);
        pack_bytes(packer, from->keys[i].page.bytes, from->keys[i].page.length);
        pack_bytes(packer, from->keys[i].box.bytes, from->keys[i].box.length);
    }
    for (size_t i = 0; i < from->slices_count; i++) {
        pack_signed(packer, from->slices[i].grain_ms);
        pack_signed(packer, from->slices[i].start_ms);
        pack_bytes(packer, from->slices[i].cells,
                   from->slices[i].count * sizeof from->slices[i].cells[0]);
    }
    for (size_t i = 0; i < from->buckets_count; i++) {
        pack_signed(packer, from->buckets[i].apply_ms);
        pack_unsigned(packer, from->buckets[i].count);
        pack_bytes(packer, from->buckets[i].bytes, from->buckets[i].length);
    }
    pack_minutes(from, packer);
    assert_false(packer->failed);
}

static void assert_same_checkpoint(const struct checkpoint *left, const struct checkpoint *right)
{
    struct packer a = {0};
    struct packer b = {0};

    pack_checkpoint(left, &a);
    pack_checkpoint(right, &b);
    assert_int_equal(a.length, b.length);
    assert_memory_equal(a.bytes, b.bytes, a.length);
    packer_done(&a);
    packer_done(&b);
}

/* What the file says is what a whole cut of the store says. The store's next cut may be partial. */
static void assert_saved(struct snapshot *snapshot, struct store *store)
{
    struct checkpoint *cut = NULL;
    struct checkpoint *loaded = NULL;
    struct ctr_error err = {0};

    assert_int_equal(store_cut(store, true, &cut), CTR_OK);
    if (snapshot_load(snapshot, &loaded, &err) != CTR_OK) {
        fail_msg("%s", err.text);
    }
    assert_same_checkpoint(loaded, cut);
    checkpoint_free(cut);
    checkpoint_free(loaded);
}

static void give_named(struct store *store, int i, const char *page)
{
    static const char *const visitors[] = {"v1", "v2", NULL};
    char id[16];

    (void)snprintf(id, sizeof id, "id %d", i);
    give(store, (uint32_t)i % 2, BEGIN_MS + i * 7000,
         (struct given){.type = i % 5 == 0 ? EVENT_CLICK : EVENT_VIEW,
                        .ts_ms = BEGIN_MS + i * 7000,
                        .page = page,
                        .box = "box",
                        .visitor = visitors[i % 3],
                        .id = id});
}

/* Keys, slices of two tiers, held records, two partitions, a gap, malformed records, people, ids,
 * clicks with a gap, minutes that are open and one that is final. */
static struct store *full_store(void)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;

    options.click_gap_ms = 10000;
    store = fixture_store(&options, 2);

    store_cover_from(store, BEGIN_MS - HOUR_MS);
    for (int i = 0; i < 30; i++) {
        view(store, (uint32_t)i % 2, BEGIN_MS + i * 7000, i % 3 == 0 ? "/a" : "/b",
             i % 4 == 0 ? NULL : "box");
        click(store, (uint32_t)i % 2, BEGIN_MS + i * 7000, "/a", "box");
        give_named(store, i, i % 2 == 0 ? "/a" : "/c");
    }
    partition_start(store_partition(store, 0), 100, true);
    store_record_malformed(store, 0, 100, BEGIN_MS, MALFORMED_KEY_TWICE, "{}");
    settle_at(store, BEGIN_MS + 150000);
    return store;
}

/* ---- saving and loading -------------------------------------------------------------------- */

static void a_new_file_has_nothing_to_load(void **state)
{
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;

    (void)state;
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_NOT_FOUND);
    assert_null(loaded);
    assert_true(snapshot_bytes(snapshot) > 0);
    snapshot_close(snapshot);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    snapshot_close(NULL);
}

static void an_empty_store_is_saved_and_loaded(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 0);
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

static void what_was_saved_is_loaded_after_the_file_was_opened_again(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    snapshot = open_snapshot();
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

static void a_chain_of_partial_saves_is_the_whole(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    for (int i = 0; i < 20; i++) {
        int64_t now_ms = BEGIN_MS + 220000 + i * 55000;

        view(store, 0, now_ms, i % 2 == 0 ? "/c" : "/d", NULL);
        click(store, 1, now_ms - 30000, "/late", "x");
        settle_at(store, now_ms + (i % 3) * 1500);
        save(snapshot, store, false);
        assert_saved(snapshot, store);
    }
    snapshot_close(snapshot);
    store_free(store);
}

static void an_opened_file_can_be_saved_to_partially_by_the_restored_store(void **state)
{
    struct store *store = full_store();
    struct store_options options = *store_options(store);
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;

    (void)state;
    save(snapshot, store, true);
    store_free(store);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(store_restore(&options, loaded, &store, NULL), CTR_OK);
    checkpoint_free(loaded);
    for (uint32_t p = 0; p < 2; p++) {
        struct partition *partition = store_partition(store, p);

        partition_start(partition, partition_next(partition), false);
    }
    view(store, 1, BEGIN_MS + 300000, "/e", NULL);
    settle_at(store, BEGIN_MS + 2 * HOUR_MS);
    save(snapshot, store, false);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

static void with_fewer_windows_the_slices_and_keys_nobody_needs_leave_the_file(void **state)
{
    struct store_options options = fixture_options("1m,10m,24h");
    struct store_options fewer = fixture_options("1m");
    struct store *store = fixture_store(&options, 1);
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;
    struct store_status status;

    (void)state;
    view(store, 0, BEGIN_MS, "/old", NULL);
    view(store, 0, BEGIN_MS + 5 * HOUR_MS, "/new", NULL);
    settle_at(store, BEGIN_MS + 5 * HOUR_MS + 2000);
    save(snapshot, store, true);
    store_free(store);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(store_restore(&fewer, loaded, &store, NULL), CTR_OK);
    checkpoint_free(loaded);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys[LEVEL_PAGE], 1);
    store_status_done(&status);
    assert_totals(store, 0, "/new", NULL, 1, 0);
    save(snapshot, store, false);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

static void slices_of_a_grain_that_is_gone_become_a_part_of_coarser_ones(void **state)
{
    struct store_options options = fixture_options("10m,24h");
    struct store_options fewer = fixture_options("24h");
    struct store *store = fixture_store(&options, 1);
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;

    (void)state;
    for (int i = 0; i < 50; i++) {
        view(store, 0, BEGIN_MS + i * 17000, "/a", NULL);
    }
    settle_at(store, BEGIN_MS + 50 * 17000);
    save(snapshot, store, true);
    store_free(store);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(store_restore(&fewer, loaded, &store, NULL), CTR_OK);
    checkpoint_free(loaded);
    assert_totals(store, 0, "/a", NULL, 50, 0);
    /* One late event in a slice that came from several. */
    partition_start(store_partition(store, 0), 50, false);
    give(store, 0, BEGIN_MS + 900000,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a"});
    settle_at(store, BEGIN_MS + 902000);
    save(snapshot, store, false);
    assert_saved(snapshot, store);
    store_free(store);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(store_restore(&fewer, loaded, &store, NULL), CTR_OK);
    checkpoint_free(loaded);
    assert_totals(store, 0, "/a", NULL, 51, 0);
    snapshot_close(snapshot);
    store_free(store);
}

/* ---- whose file it is ---------------------------------------------------------------------- */

/* This program again, with a verb; returns its exit code, 128 + signal when it was killed. */
static int run_again(const char *verb)
{
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        (void)execl(program, program, verb, path, (char *)NULL);
        _exit(99);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_second_process_is_told_to_retry(void **state)
{
    struct snapshot *snapshot = open_snapshot();
    struct store *store = full_store();

    (void)state;
    assert_int_equal(run_again("open"), CTR_RETRY);
    save(snapshot, store, true);
    assert_int_equal(run_again("open"), CTR_RETRY);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    assert_int_equal(run_again("open"), CTR_OK);
    store_free(store);
}

static void what_a_killed_process_had_saved_is_there(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = NULL;

    (void)state;
    assert_int_equal(run_again("save-and-die"), 128 + SIGKILL);
    snapshot = open_snapshot();
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

static void assert_refused_untouched(enum ctr_status wanted)
{
    static unsigned char before[FILE_BYTES_MAX];
    static unsigned char after[FILE_BYTES_MAX];
    size_t length = read_file(path, before);
    struct snapshot *snapshot = NULL;
    struct ctr_error err = {0};

    assert_int_equal(snapshot_open(path, &snapshot, &err), wanted);
    assert_int_equal(err.status, wanted);
    assert_true(strlen(err.text) > 0);
    assert_null(snapshot);
    assert_int_equal(read_file(path, after), length);
    assert_memory_equal(before, after, length);
}

static void a_newer_version_is_refused_untouched(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    run_sql("PRAGMA user_version = 3");
    assert_refused_untouched(CTR_INVALID);
    run_sql("PRAGMA user_version = 2");
    snapshot_close(open_snapshot());
}

static void the_database_of_another_program_is_refused_untouched(void **state)
{
    (void)state;
    run_sql("CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)");
    assert_refused_untouched(CTR_INVALID);
}

static void an_empty_database_with_the_mark_of_another_program_is_refused(void **state)
{
    (void)state;
    run_sql("PRAGMA application_id = 42; CREATE TABLE t (a); DROP TABLE t");
    assert_refused_untouched(CTR_INVALID);
}

static void a_file_that_is_no_database_is_refused_untouched(void **state)
{
    static const unsigned char bytes[5000] = "brokers = kafka:9092\n";

    (void)state;
    write_file(path, bytes, sizeof bytes);
    assert_refused_untouched(CTR_CORRUPT);
}

static void an_empty_file_is_taken(void **state)
{
    (void)state;
    write_file(path, (const unsigned char *)"", 0);
    snapshot_close(open_snapshot());
}

static void a_path_that_cannot_be_is_an_io_error(void **state)
{
    struct snapshot *snapshot = NULL;
    struct ctr_error err = {0};

    (void)state;
    assert_int_equal(snapshot_open("/nowhere/at/all.sqlite", &snapshot, &err), CTR_IO);
    assert_int_equal(snapshot_open(directory, &snapshot, &err), CTR_IO);
}

/* ---- damage -------------------------------------------------------------------------------- */

static enum ctr_status load_status(void)
{
    struct snapshot *snapshot = NULL;
    struct checkpoint *loaded = NULL;
    struct ctr_error err = {0};
    enum ctr_status status = snapshot_open(path, &snapshot, &err);

    if (status == CTR_OK) {
        status = snapshot_load(snapshot, &loaded, &err);
        assert_true(status == CTR_OK || status == CTR_NOT_FOUND || strlen(err.text) > 0);
    }
    snapshot_close(snapshot);
    checkpoint_free(loaded);
    return status;
}

static void every_changed_column_is_noticed(void **state)
{
    /* Blobs: first and last byte changed; numbers: the lowest and a high bit. */
    static const struct {
        const char *table, *column;
        bool blob;
    } columns[] = {
        {"partition", "account", true}, {"partition", "checksum", false},
        {"partition", "number", false}, {"key", "page", true},
        {"key", "box", true},           {"key", "level", false},
        {"key", "kid", false},          {"key", "checksum", false},
        {"slice", "cells", true},       {"slice", "grain", false},
        {"slice", "start", false},      {"slice", "count", false},
        {"slice", "checksum", false},   {"held", "records", true},
        {"held", "apply", false},       {"held", "count", false},
        {"held", "checksum", false},    {"journal", "events", true},
        {"journal", "newest", false},   {"journal", "checksum", false},
        {"minute", "rows", true},       {"minute", "start", false},
        {"minute", "checksum", false},
    };
    static unsigned char bytes[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;

    (void)state;
    view(store, 0, BEGIN_MS + 300000, "/held", "box");
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    length = read_file(path, bytes);
    assert_int_equal(load_status(), CTR_OK);
    for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
        for (int change = 0; change < 2; change++) {
            char value[160];
            char sql[400];
            const char *column = columns[c].column;

            if (columns[c].blob && change == 0) {
                (void)snprintf(value, sizeof value, "x'ff' || substr(%s, 2)", column);
            } else if (columns[c].blob) {
                (void)snprintf(value, sizeof value, "substr(%s, 1, length(%s) - 1) || x'ff'",
                               column, column);
            } else {
                (void)snprintf(value, sizeof value, "%s + %s", column,
                               change == 0 ? "1" : "1099511627776");
            }
            (void)snprintf(sql, sizeof sql,
                           "UPDATE %s SET %s = CAST(%s AS %s) WHERE rowid ="
                           " (SELECT max(rowid) FROM %s%s)",
                           columns[c].table, column, value, columns[c].blob ? "BLOB" : "INTEGER",
                           columns[c].table,
                           strcmp(column, "box") == 0
                               ? " WHERE length(box) > 0"
                               : (strcmp(column, "page") == 0 ? " WHERE length(page) > 0" : ""));
            write_file(path, bytes, length);
            run_sql(sql);
            if (load_status() != CTR_CORRUPT) {
                fail_msg("not noticed: %s", sql);
            }
        }
    }
}

static void every_changed_setting_is_noticed(void **state)
{
    static const char *const names[] = {
        "as_of",    "to",        "covered_from",     "keys_folded",
        "clock",    "keys",      "page_impressions", "partitions",
        "slices",   "held",      "saved_at",         "checksum",
        "cut",      "click_gap", "people_horizon",   "dedup_horizon",
        "repeated", "journals",  "minutes",          "secret_check"};
    static unsigned char bytes[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;
    char sql[160];

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    length = read_file(path, bytes);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(sql, sizeof sql, "UPDATE meta SET value = value + 1 WHERE name = '%s'",
                       names[i]);
        write_file(path, bytes, length);
        run_sql(sql);
        assert_int_equal(load_status(), CTR_CORRUPT);
        (void)snprintf(sql, sizeof sql, "DELETE FROM meta WHERE name = '%s'", names[i]);
        write_file(path, bytes, length);
        run_sql(sql);
        assert_int_equal(load_status(), CTR_CORRUPT);
    }
    write_file(path, bytes, length);
    run_sql("UPDATE meta SET value = '1m,11m' WHERE name = 'windows'");
    assert_int_equal(load_status(), CTR_CORRUPT);
    write_file(path, bytes, length);
    run_sql("DELETE FROM meta");
    assert_int_equal(load_status(), CTR_CORRUPT);
}

static void a_lost_row_is_noticed(void **state)
{
    static const char *const tables[] = {"partition", "key", "slice", "held", "journal", "minute"};
    static unsigned char bytes[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;
    char sql[160];

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    length = read_file(path, bytes);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        (void)snprintf(sql, sizeof sql, "DELETE FROM %s WHERE rowid = (SELECT min(rowid) FROM %s)",
                       tables[i], tables[i]);
        write_file(path, bytes, length);
        run_sql(sql);
        assert_int_equal(load_status(), CTR_CORRUPT);
    }
}

/* Any bit of the file: either it is noticed, or what is loaded is right, and what is saved on top
 * of it is noticed or right as well. */
static void check_flip(const unsigned char *bytes, size_t length, size_t bit)
{
    static unsigned char flipped[FILE_BYTES_MAX];
    struct store *store = full_store();
    struct snapshot *snapshot = NULL;
    struct checkpoint *loaded = NULL;

    memcpy(flipped, bytes, length);
    flipped[bit / 8] ^= (unsigned char)(1U << bit % 8);
    write_file(path, flipped, length);
    if (snapshot_open(path, &snapshot, NULL) == CTR_OK &&
        snapshot_load(snapshot, &loaded, NULL) == CTR_OK) {
        struct checkpoint *wanted = NULL;
        struct checkpoint *part = NULL;

        assert_int_equal(store_cut(store, true, &wanted), CTR_OK);
        assert_same_checkpoint(loaded, wanted);
        checkpoint_free(loaded);
        checkpoint_free(wanted);
        loaded = NULL;
        view(store, 0, BEGIN_MS + 220000, "/more", NULL);
        settle_at(store, BEGIN_MS + 290000);
        assert_int_equal(store_cut(store, false, &part), CTR_OK);
        if (snapshot_save(snapshot, part, 0, NULL) == CTR_OK &&
            snapshot_load(snapshot, &loaded, NULL) == CTR_OK) {
            assert_int_equal(store_cut(store, true, &wanted), CTR_OK);
            assert_same_checkpoint(loaded, wanted);
            checkpoint_free(wanted);
        }
        checkpoint_free(part);
    }
    checkpoint_free(loaded);
    snapshot_close(snapshot);
    store_free(store);
}

static void a_flipped_bit_anywhere_in_the_file_never_gives_other_numbers(void **state)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    const char *text = getenv("LIVECTR_ROUNDS");
    size_t flips = text == NULL ? 700 : strtoull(text, NULL, 10);
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    length = read_file(path, bytes);
    for (size_t i = 0; i < flips; i++) {
        /* A fixed sequence that spreads over the file (golden ratio). */
        check_flip(bytes, length, (size_t)(i * UINT64_C(0x9E3779B97F4A7C15) % (length * 8)));
    }
}

static void a_cut_off_file_never_gives_other_numbers(void **state)
{
    enum { PAGE_BYTES = 4096 };
    static unsigned char bytes[FILE_BYTES_MAX];
    static const unsigned char zeros[PAGE_BYTES];
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    size_t length = 0;

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    length = read_file(path, bytes);
    for (size_t cut = 512; cut < length; cut += 1536) {
        write_file(path, bytes, cut);
        /* Of the last page only zeros may be missing. */
        if (load_status() == CTR_OK) {
            assert_true(length - cut < PAGE_BYTES);
            assert_true(memcmp(bytes + cut, zeros, length - cut) == 0);
        }
    }
}

/* ---- a full disk --------------------------------------------------------------------------- */

static void limit_file_bytes(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_failed_save_leaves_the_old_state_and_the_next_whole_one_works(void **state)
{
    struct store *store = full_store();
    struct store *old = full_store();
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *cut = NULL;
    struct ctr_error err = {0};

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    save(snapshot, store, true);
    for (int i = 0; i < 900; i++) {
        static char page[16];

        (void)snprintf(page, sizeof page, "/page/%d", i);
        view(store, 0, BEGIN_MS + 220000 + i, page, NULL);
    }
    settle_at(store, BEGIN_MS + 240000);
    /* The disk is full at once, and after some of the log was written. */
    for (rlim_t room = 0; room <= 16384; room += 8192) {
        assert_int_equal(store_cut(store, true, &cut), CTR_OK);
        limit_file_bytes(room);
        assert_int_equal(snapshot_save(snapshot, cut, 0, &err), CTR_IO);
        limit_file_bytes(RLIM_INFINITY);
        checkpoint_free(cut);
        assert_saved(snapshot, old);
    }
    save(snapshot, store, true);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    snapshot = open_snapshot();
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
    store_free(old);
}

/* ---- the program run again ------------------------------------------------------------------ */

static int open_and_tell(void)
{
    struct snapshot *snapshot = NULL;
    enum ctr_status status = snapshot_open(path, &snapshot, NULL);

    snapshot_close(snapshot);
    return (int)status;
}

static int save_and_die(void)
{
    struct snapshot *snapshot = open_snapshot();
    struct store *store = full_store();

    save(snapshot, store, true);
    (void)raise(SIGKILL);
    return 1;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_new_file_has_nothing_to_load, make_path),
        cmocka_unit_test(closing_nothing_is_fine),
        cmocka_unit_test_setup(an_empty_store_is_saved_and_loaded, make_path),
        cmocka_unit_test_setup(what_was_saved_is_loaded_after_the_file_was_opened_again, make_path),
        cmocka_unit_test_setup(a_chain_of_partial_saves_is_the_whole, make_path),
        cmocka_unit_test_setup(an_opened_file_can_be_saved_to_partially_by_the_restored_store,
                               make_path),
        cmocka_unit_test_setup(with_fewer_windows_the_slices_and_keys_nobody_needs_leave_the_file,
                               make_path),
        cmocka_unit_test_setup(slices_of_a_grain_that_is_gone_become_a_part_of_coarser_ones,
                               make_path),
        cmocka_unit_test_setup(a_second_process_is_told_to_retry, make_path),
        cmocka_unit_test_setup(what_a_killed_process_had_saved_is_there, make_path),
        cmocka_unit_test_setup(a_newer_version_is_refused_untouched, make_path),
        cmocka_unit_test_setup(the_database_of_another_program_is_refused_untouched, make_path),
        cmocka_unit_test_setup(an_empty_database_with_the_mark_of_another_program_is_refused,
                               make_path),
        cmocka_unit_test_setup(a_file_that_is_no_database_is_refused_untouched, make_path),
        cmocka_unit_test_setup(an_empty_file_is_taken, make_path),
        cmocka_unit_test_setup(a_path_that_cannot_be_is_an_io_error, make_path),
        cmocka_unit_test_setup(every_changed_column_is_noticed, make_path),
        cmocka_unit_test_setup(every_changed_setting_is_noticed, make_path),
        cmocka_unit_test_setup(a_lost_row_is_noticed, make_path),
        cmocka_unit_test_setup(a_flipped_bit_anywhere_in_the_file_never_gives_other_numbers,
                               make_path),
        cmocka_unit_test_setup(a_cut_off_file_never_gives_other_numbers, make_path),
        cmocka_unit_test_setup(a_failed_save_leaves_the_old_state_and_the_next_whole_one_works,
                               make_path),
    };

    program = argv[0];
    if (argc == 3) {
        (void)snprintf(path, sizeof path, "%s", argv[2]);
        return strcmp(argv[1], "open") == 0 ? open_and_tell() : save_and_die();
    }
    return cmocka_run_group_tests_name("storage/snapshot", tests, make_directory, remove_directory);
}
