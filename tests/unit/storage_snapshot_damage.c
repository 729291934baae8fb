/* SPDX-License-Identifier: Apache-2.0
 *
 * Damaged files: noticed, or harmless.
 */
#include "tests/unit/storage_snapshot_fixture.h"

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

/* Blobs: first and last byte changed; numbers: the lowest and a high bit. */
static const struct {
    const char *table, *column;
    bool blob;
} columns[] = {
    {"partition", "account", true}, {"partition", "checksum", false},
    {"partition", "number", false}, {"key", "keys", true},
    {"key", "block", false},        {"key", "checksum", false},
    {"slice", "cells", true},       {"slice", "grain", false},
    {"slice", "start", false},      {"slice", "count", false},
    {"slice", "checksum", false},   {"held", "records", true},
    {"held", "apply", false},       {"held", "count", false},
    {"held", "checksum", false},    {"journal", "events", true},
    {"journal", "newest", false},   {"journal", "checksum", false},
    {"journal", "number", false},   {"minute", "rows", true},
    {"minute", "start", false},     {"minute", "checksum", false},
};

static void every_changed_column_is_noticed(void **state)
{
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
                           " (SELECT max(rowid) FROM %s)",
                           columns[c].table, column, value, columns[c].blob ? "BLOB" : "INTEGER",
                           columns[c].table);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_changed_column_is_noticed, make_path),
        cmocka_unit_test_setup(every_changed_setting_is_noticed, make_path),
        cmocka_unit_test_setup(a_lost_row_is_noticed, make_path),
        cmocka_unit_test_setup(a_flipped_bit_anywhere_in_the_file_never_gives_other_numbers,
                               make_path),
        cmocka_unit_test_setup(a_cut_off_file_never_gives_other_numbers, make_path),
    };

    return cmocka_run_group_tests_name("storage/snapshot_damage", tests, make_directory,
                                       remove_directory);
}
