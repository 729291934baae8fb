/* SPDX-License-Identifier: Apache-2.0
 *
 * Two files of one snapshot: which is loaded, what becomes of a damaged one, and how it is made
 * again while saving goes on.
 */
#include "storage/copies.h"

#include "storage_snapshot_fixture.h"

#include <sys/stat.h>

#include "storage/history.h"
#include "storage/store_internal.h"

static char second[PATH_BYTES + 8];
static unsigned events[COPIES_EVENT_COUNT];
static char told[320];

/* ---- tools --------------------------------------------------------------------------------- */

static int make_paths(void **state)
{
    memset(events, 0, sizeof events);
    told[0] = '\0';
    (void)make_path(state);
    (void)snprintf(second, sizeof second, "%s.2", path);
    return 0;
}

static void note(void *owner, enum copies_event event, const char *file, const char *text)
{
    (void)owner;
    (void)file;
    events[event]++;
    (void)snprintf(told, sizeof told, "%s", text);
}

static enum ctr_status try_open(unsigned count, struct copies **ret_copies, struct ctr_error *error)
{
    const struct copies_options options = {.paths = {path, second}, .count = count, .note = note};

    return copies_open(&options, ret_copies, error);
}

static struct copies *open_copies(unsigned count)
{
    struct copies *copies = NULL;
    struct ctr_error error = {0};

    if (try_open(count, &copies, &error) != CTR_OK) {
        fail_msg("%s", error.text);
    }
    return copies;
}

static enum ctr_status try_save(struct copies *copies, struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;
    enum ctr_status status = CTR_OK;

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    status = copies_save(copies, cut, BEGIN_MS, NULL);
    checkpoint_free(cut);
    return status;
}

static void mend_all(struct copies *copies)
{
    for (int i = 0; i < 10000 && copies_mend(copies); i++) {
    }
}

static void assert_good(const struct copies *copies, unsigned wanted)
{
    struct copies_health health;

    copies_health(copies, &health);
    assert_int_equal(health.good, wanted);
}

static bool there(const char *name, const char *suffix)
{
    char whole[PATH_BYTES + 32];
    struct stat found;

    (void)snprintf(whole, sizeof whole, "%s%s", name, suffix);
    return stat(whole, &found) == 0;
}

static bool add_point(void *owner, const struct minute_key *key, const struct history_point *point)
{
    uint64_t *sum = owner;

    *sum += hash_mix(hash_checksum(key->page.bytes, key->page.length),
                     hash_checksum(key->box.bytes, key->box.length) + key->level,
                     hash_checksum(point, sizeof *point));
    return true;
}

static enum ctr_status history_sum(struct history *history, uint64_t *ret_sum)
{
    *ret_sum = 0;
    return history_each(history, add_point, ret_sum, NULL);
}

/* One file alone holds what the store has, and this history. */
static void assert_file(const char *file, struct store *store, uint64_t history)
{
    char kept[PATH_BYTES];
    struct snapshot *snapshot = NULL;
    uint64_t sum = 0;

    (void)snprintf(kept, sizeof kept, "%s", path);
    assert_int_equal(snapshot_open(file, &snapshot, NULL), CTR_OK);
    assert_saved(snapshot, store);
    assert_int_equal(history_sum(snapshot_history(snapshot), &sum), CTR_OK);
    assert_int_equal(sum, history);
    snapshot_close(snapshot);
    (void)snprintf(path, sizeof path, "%s", kept);
}

/* Both files say the same as the store. */
static void assert_both(struct store *store)
{
    struct snapshot *snapshot = NULL;
    uint64_t sum = 0;

    assert_int_equal(snapshot_open(path, &snapshot, NULL), CTR_OK);
    assert_int_equal(history_sum(snapshot_history(snapshot), &sum), CTR_OK);
    snapshot_close(snapshot);
    assert_file(path, store, sum);
    assert_file(second, store, sum);
}

/* A store that was saved to both files by a process that has ended; with so many events in a part
 * of its journal. */
static struct store *saved_store_of(size_t part_events)
{
    struct store *store = full_store();
    struct copies *copies = open_copies(2);

    store->journal_part_events = part_events;
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    for (int step = 0; step < LATER_STEPS; step++) {
        later_step(store, step);
        assert_int_equal(try_save(copies, store, false), CTR_OK);
    }
    assert_good(copies, 2);
    copies_close(copies);
    return store;
}

static struct store *saved_store(void)
{
    return saved_store_of(JOURNAL_PART_EVENTS_MAX);
}

static void go_on(struct store *store, int minutes)
{
    view(store, 0, BEGIN_MS + 600000 + minutes * 60000, "/d", NULL);
    settle_at(store, BEGIN_MS + 602000 + minutes * 60000);
}

/* The store as a start would have it, from what is loaded. */
static struct store *load(struct copies *copies)
{
    struct store *full = full_store();
    struct store_options options = *store_options(full);
    struct checkpoint *loaded = NULL;
    struct store *store = NULL;
    struct ctr_error error = {0};

    store_free(full);
    if (copies_load(copies, &loaded, &error) != CTR_OK) {
        fail_msg("%s", error.text);
    }
    assert_int_equal(store_restore(&options, loaded, &store, NULL), CTR_OK);
    checkpoint_free(loaded);
    copies_settle(copies);
    for (uint32_t p = 0; p < store_partition_count(store); p++) {
        struct partition *partition = store_partition(store, p);

        partition_start(partition, partition_next(partition), false);
    }
    return store;
}

/* Overwrites a page with zeros. */
static void zero_page(const char *file, size_t page)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    size_t length = read_file(file, bytes);

    assert_true((page + 1) * 4096 <= length);
    memset(bytes + page * 4096, 0, 4096);
    write_file(file, bytes, length);
}

/* The page, from 0, of a file at which the rows of a table begin. */
static size_t root_of(const char *file, const char *table)
{
    sqlite3 *handle = NULL;
    sqlite3_stmt *statement = NULL;
    char sql[120];
    char uri[PATH_BYTES + 40];
    size_t root = 0;

    (void)snprintf(uri, sizeof uri, "file:%s?immutable=1", file);
    (void)snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", table);
    assert_int_equal(sqlite3_open_v2(uri, &handle, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    root = (size_t)sqlite3_column_int64(statement, 0) - 1;
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(handle), SQLITE_OK);
    return root;
}

static void copy_file(const char *from, const char *to)
{
    static unsigned char bytes[FILE_BYTES_MAX];

    write_file(to, bytes, read_file(from, bytes));
}

/* ---- two files ----------------------------------------------------------------------------- */

static void both_files_hold_all_of_it(void **state)
{
    struct store *store = saved_store();

    (void)state;
    assert_both(store);
    store_free(store);
}

static void a_cut_may_bring_several_parts_of_the_journal(void **state)
{
    struct store *store = saved_store_of(1);

    (void)state;
    assert_true(store->cut > 1 + LATER_STEPS); /* a number each */
    assert_both(store);
    store_free(store);
}

static void one_file_is_enough_where_one_is_wanted(void **state)
{
    struct store *store = full_store();
    struct copies *copies = open_copies(1);

    (void)state;
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    assert_false(copies_mend(copies));
    copies_close(copies);
    assert_false(there(second, ""));
    store_free(store);
}

static void a_second_process_on_the_folder_is_told_to_retry(void **state)
{
    struct copies *copies = open_copies(2);
    int status = 0;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct copies *theirs = NULL;

        _exit((int)try_open(2, &theirs, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(WEXITSTATUS(status), CTR_RETRY);
    copies_close(copies);
}

/* ---- the start ----------------------------------------------------------------------------- */

static void expect_mended(struct store *store, enum copies_event why)
{
    struct copies *copies = open_copies(2);
    struct store *loaded = load(copies);

    assert_true(events[why] > 0);
    assert_good(copies, 1);
    assert_int_equal(partition_next(store_partition(loaded, 0)),
                     partition_next(store_partition(store, 0)));
    mend_all(copies);
    assert_int_equal(events[COPIES_REBUILT], 1);
    assert_good(copies, 2);
    go_on(loaded, 0);
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    go_on(loaded, 1);
    assert_int_equal(try_save(copies, loaded, false), CTR_OK);
    assert_good(copies, 2);
    copies_close(copies);
    assert_both(loaded);
    store_free(loaded);
    store_free(store);
}

static void a_damaged_first_file_is_put_aside_and_made_again(void **state)
{
    struct store *store = saved_store();

    (void)state;
    zero_page(path, root_of(path, "slice"));
    expect_mended(store, COPIES_DAMAGED);
    assert_true(there(path, ".damaged"));
    assert_false(there(path, ".part"));
    assert_false(there(path, ".new"));
}

static void a_damaged_second_file_is_seen_when_it_is_read(void **state)
{
    struct store *store = saved_store();

    (void)state;
    write_file(second, (const unsigned char *)"not a database, but longer than nothing", 39);
    expect_mended(store, COPIES_DAMAGED);
    assert_true(there(second, ".damaged"));
}

static void a_missing_file_is_made_again(void **state)
{
    struct store *store = saved_store();

    (void)state;
    assert_int_equal(unlink(path), 0);
    expect_mended(store, COPIES_BEHIND);
}

static void a_file_of_no_bytes_beside_a_good_one_is_damaged(void **state)
{
    struct store *store = saved_store();

    (void)state;
    write_file(path, (const unsigned char *)"", 0);
    expect_mended(store, COPIES_DAMAGED);
}

static void a_file_that_is_behind_is_made_again(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    char old[PATH_BYTES + 8];

    (void)state;
    (void)snprintf(old, sizeof old, "%s.old", path);
    copy_file(second, old);
    copies = open_copies(2);
    store_free(store);
    store = load(copies);
    go_on(store, 0);
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    copies_close(copies);
    copy_file(old, second);
    expect_mended(store, COPIES_BEHIND);
}

static void the_older_one_is_loaded_where_the_newest_makes_no_sense(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = open_copies(2);
    struct checkpoint *loaded = NULL;

    (void)state;
    assert_int_equal(copies_load(copies, &loaded, NULL), CTR_OK);
    checkpoint_free(loaded);
    copies_reject(copies, "the sums are wrong");
    assert_int_equal(copies_load(copies, &loaded, NULL), CTR_OK);
    checkpoint_free(loaded);
    copies_settle(copies);
    assert_int_equal(events[COPIES_DAMAGED], 1);
    assert_string_equal(told, "the sums are wrong");
    copies_reject(copies, "these, too");
    assert_int_equal(copies_load(copies, &loaded, NULL), CTR_CORRUPT);
    copies_close(copies);
    store_free(store);
}

static void where_both_are_damaged_the_start_stops_and_both_stay(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    struct checkpoint *loaded = NULL;
    struct ctr_error error = {0};

    (void)state;
    zero_page(path, root_of(path, "slice"));
    zero_page(second, root_of(second, "key"));
    copies = open_copies(2);
    assert_int_equal(copies_load(copies, &loaded, &error), CTR_CORRUPT);
    assert_non_null(strstr(error.text, "name another data_dir"));
    copies_close(copies);
    assert_true(there(path, "") && there(second, ""));
    assert_false(there(path, ".damaged") || there(second, ".damaged"));
    store_free(store);
}

static void a_newer_or_foreign_second_file_is_refused_and_neither_is_touched(void **state)
{
    static const char *const changes[] = {"PRAGMA user_version = 99", "PRAGMA application_id = 42"};
    static unsigned char first_before[FILE_BYTES_MAX];
    static unsigned char second_before[FILE_BYTES_MAX];
    static unsigned char after[FILE_BYTES_MAX];
    struct store *store = saved_store();

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char kept[sizeof path];
        struct copies *copies = NULL;
        size_t length = 0;
        size_t second_length = 0;

        (void)snprintf(kept, sizeof kept, "%s", path);
        memcpy(path, second, sizeof path);
        run_sql(changes[i]);
        (void)snprintf(path, sizeof path, "%s", kept);
        zero_page(path, root_of(path, "slice")); /* damage to the other one makes no difference */
        length = read_file(path, first_before);
        second_length = read_file(second, second_before);
        assert_int_equal(try_open(2, &copies, NULL), CTR_INVALID);
        assert_int_equal(read_file(path, after), length);
        assert_memory_equal(after, first_before, length);
        assert_int_equal(read_file(second, after), second_length);
        assert_memory_equal(after, second_before, second_length);
    }
    store_free(store);
}

static void what_a_kill_has_left_of_a_new_file_is_finished_or_removed(void **state)
{
    struct store *store = saved_store();
    char fresh[PATH_BYTES + 8];
    char part[PATH_BYTES + 8];
    char log[PATH_BYTES + 8];
    static unsigned char bytes[FILE_BYTES_MAX];
    struct copies *copies = NULL;

    (void)state;
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    (void)snprintf(part, sizeof part, "%s.part", path);
    copy_file(second, part); /* not known to be complete */
    copy_file(path, fresh);  /* complete, and the old one is gone */
    assert_int_equal(unlink(path), 0);
    (void)snprintf(log, sizeof log, "%s-wal", path);
    write_file(log, (const unsigned char *)"of the old one", 14);
    copies = open_copies(2);
    assert_int_equal(read_file(log, bytes), 0);
    store_free(load(copies));
    assert_int_equal(events[COPIES_BEHIND] + events[COPIES_DAMAGED], 0);
    assert_false(there(fresh, "") || there(part, ""));
    copies_close(copies);
    copy_file(path, fresh); /* complete, but the old one is still there and may be newer */
    copies = open_copies(2);
    assert_false(there(fresh, ""));
    copies_close(copies);
    assert_both(store);
    store_free(store);
}

/* ---- while it runs ------------------------------------------------------------------------- */

static void damaged_history_is_replaced_while_saving_goes_on(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    struct store *loaded = NULL;

    (void)state;
    run_sql("UPDATE history_block SET numbers = x'00112233445566778899'");
    copies = open_copies(2);
    loaded = load(copies); /* which does not read the history */
    assert_good(copies, 2);
    go_on(loaded, 0);
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    assert_int_equal(events[COPIES_DAMAGED], 1);
    assert_good(copies, 1);
    go_on(loaded, 1);
    assert_int_equal(try_save(copies, loaded, false), CTR_OK);
    mend_all(copies);
    assert_good(copies, 2);
    go_on(loaded, 5);
    assert_int_equal(try_save(copies, loaded, false), CTR_OK);
    copies_close(copies);
    assert_both(loaded);
    store_free(loaded);
    store_free(store);
}

static void a_reader_of_damaged_history_gets_the_other_file(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    struct store *loaded = NULL;
    uint64_t sum = 0;
    uint64_t wanted = 0;
    struct snapshot *alone = NULL;

    (void)state;
    assert_int_equal(snapshot_open(second, &alone, NULL), CTR_OK);
    assert_int_equal(history_sum(snapshot_history(alone), &wanted), CTR_OK);
    snapshot_close(alone);
    run_sql("UPDATE history_block SET numbers = x'00112233445566778899'");
    copies = open_copies(2);
    loaded = load(copies);
    assert_int_equal(history_sum(copies_history(copies), &sum), CTR_CORRUPT);
    assert_true(copies_history_failed(copies, CTR_CORRUPT, "a page"));
    assert_int_equal(history_sum(copies_history(copies), &sum), CTR_OK);
    assert_int_equal(sum, wanted);
    assert_false(copies_history_failed(copies, CTR_CORRUPT, "no other is left"));
    mend_all(copies);
    assert_good(copies, 2);
    copies_close(copies);
    store_free(loaded);
    store_free(store);
}

static void history_that_is_damaged_in_the_only_file_begins_anew(void **state)
{
    struct store *store = full_store();
    struct copies *copies = open_copies(1);
    struct store *loaded = NULL;
    struct copies_health health;

    (void)state;
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    for (int step = 0; step < LATER_STEPS; step++) {
        later_step(store, step);
        assert_int_equal(try_save(copies, store, false), CTR_OK);
    }
    copies_close(copies);
    run_sql("UPDATE history_block SET numbers = x'00112233445566778899'");
    copies = open_copies(1);
    loaded = load(copies);
    go_on(loaded, 0);
    go_on(loaded, 5); /* minutes of the hour that is damaged end */
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    assert_int_equal(events[COPIES_HISTORY_LOST], 1);
    copies_health(copies, &health);
    assert_true(health.history_lost > 0);
    go_on(loaded, 9);
    assert_int_equal(try_save(copies, loaded, false), CTR_OK);
    copies_close(copies);
    store_free(loaded);
    store_free(store);
}

static void a_file_is_made_again_while_saves_go_on(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;
    struct copies *copies = NULL;
    int steps = 0;

    (void)state;
    options.keys_max = 60000;
    options.held_max = 30000;
    store = fixture_store(&options, 1);
    copies = open_copies(2);
    for (int i = 0; i < 20000; i++) {
        char page[24];

        (void)snprintf(page, sizeof page, "/page/%d", i);
        view(store, 0, BEGIN_MS + i, page, "box");
    }
    settle_at(store, BEGIN_MS + 400000);
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    copies_close(copies);
    assert_int_equal(unlink(second), 0);
    copies = open_copies(2);
    store_free(store);
    {
        struct checkpoint *loaded = NULL;

        assert_int_equal(copies_load(copies, &loaded, NULL), CTR_OK);
        assert_int_equal(store_restore(&options, loaded, &store, NULL), CTR_OK);
        checkpoint_free(loaded);
        copies_settle(copies);
        partition_start(store_partition(store, 0), partition_next(store_partition(store, 0)),
                        false);
    }
    while (copies_mend(copies)) {
        view(store, 0, BEGIN_MS + 500000 + steps * 61000, "/while", "it is copied");
        settle_at(store, BEGIN_MS + 502000 + steps * 61000);
        assert_int_equal(try_save(copies, store, steps == 0), CTR_OK);
        steps++;
    }
    assert_true(steps > 1);
    assert_int_equal(events[COPIES_REBUILT], 1);
    assert_good(copies, 2);
    copies_close(copies);
    assert_both(store);
    store_free(store);
}

static void limit_file_bytes(rlim_t bytes)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void after_a_full_disk_both_files_get_what_they_missed(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    struct store *loaded = NULL;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    copies = open_copies(2);
    loaded = load(copies);
    go_on(loaded, 0);
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    for (int i = 1; i < 4; i++) {
        go_on(loaded, 3 * i);
        limit_file_bytes((rlim_t)i * 4096);
        assert_int_equal(try_save(copies, loaded, i > 1), CTR_IO);
        limit_file_bytes(RLIM_INFINITY);
        assert_true(copies_want_whole(copies));
    }
    go_on(loaded, 12);
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    assert_false(copies_want_whole(copies));
    assert_good(copies, 2);
    assert_int_equal(events[COPIES_REBUILT], 0);
    copies_close(copies);
    assert_both(loaded);
    store_free(loaded);
    store_free(store);
}

static void a_checkpoint_that_lacks_something_is_not_taken(void **state)
{
    struct store *store = full_store();
    struct copies *copies = open_copies(2);
    struct checkpoint *lost = NULL;

    (void)state;
    assert_int_equal(try_save(copies, store, true), CTR_OK);
    for (int i = 0; i < 2; i++) { /* the second one says that the first was saved */
        go_on(store, i);
        assert_int_equal(store_cut(store, false, &lost), CTR_OK);
        checkpoint_free(lost);
    }
    assert_int_equal(try_save(copies, store, false), CTR_IO);
    assert_int_equal(try_save(copies, store, true), CTR_IO);
    assert_int_equal(copies_cut(copies), 1);
    assert_int_equal(events[COPIES_BEHIND], 0);
    copies_close(copies);
    store_free(store);
}

static void a_file_that_cannot_be_made_again_is_tried_later(void **state)
{
    struct store *store = saved_store();
    struct copies *copies = NULL;
    struct store *loaded = NULL;

    (void)state;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(unlink(second), 0);
    copies = open_copies(2);
    loaded = load(copies);
    limit_file_bytes(8192);
    mend_all(copies);
    limit_file_bytes(RLIM_INFINITY);
    assert_int_equal(events[COPIES_NOT_REBUILT], 1);
    assert_false(there(second, ".part"));
    assert_false(copies_mend(copies)); /* not before the next save */
    go_on(loaded, 0);
    assert_int_equal(try_save(copies, loaded, true), CTR_OK);
    mend_all(copies);
    assert_int_equal(events[COPIES_REBUILT], 1);
    assert_good(copies, 2);
    copies_close(copies);
    assert_both(loaded);
    store_free(loaded);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(both_files_hold_all_of_it, make_paths),
        cmocka_unit_test_setup(a_cut_may_bring_several_parts_of_the_journal, make_paths),
        cmocka_unit_test_setup(one_file_is_enough_where_one_is_wanted, make_paths),
        cmocka_unit_test_setup(a_second_process_on_the_folder_is_told_to_retry, make_paths),
        cmocka_unit_test_setup(a_damaged_first_file_is_put_aside_and_made_again, make_paths),
        cmocka_unit_test_setup(a_damaged_second_file_is_seen_when_it_is_read, make_paths),
        cmocka_unit_test_setup(a_missing_file_is_made_again, make_paths),
        cmocka_unit_test_setup(a_file_of_no_bytes_beside_a_good_one_is_damaged, make_paths),
        cmocka_unit_test_setup(a_file_that_is_behind_is_made_again, make_paths),
        cmocka_unit_test_setup(the_older_one_is_loaded_where_the_newest_makes_no_sense, make_paths),
        cmocka_unit_test_setup(where_both_are_damaged_the_start_stops_and_both_stay, make_paths),
        cmocka_unit_test_setup(a_newer_or_foreign_second_file_is_refused_and_neither_is_touched,
                               make_paths),
        cmocka_unit_test_setup(what_a_kill_has_left_of_a_new_file_is_finished_or_removed,
                               make_paths),
        cmocka_unit_test_setup(damaged_history_is_replaced_while_saving_goes_on, make_paths),
        cmocka_unit_test_setup(a_reader_of_damaged_history_gets_the_other_file, make_paths),
        cmocka_unit_test_setup(history_that_is_damaged_in_the_only_file_begins_anew, make_paths),
        cmocka_unit_test_setup(a_file_is_made_again_while_saves_go_on, make_paths),
        cmocka_unit_test_setup(after_a_full_disk_both_files_get_what_they_missed, make_paths),
        cmocka_unit_test_setup(a_checkpoint_that_lacks_something_is_not_taken, make_paths),
        cmocka_unit_test_setup(a_file_that_cannot_be_made_again_is_tried_later, make_paths),
    };

    return cmocka_run_group_tests_name("storage/copies", tests, make_directory, remove_directory);
}
