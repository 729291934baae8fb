/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot on a real file. SQLite's locks belong to a process, so "another process" is this
 * program run again with a verb: open, or save-and-die.
 */
#include "tests/unit/storage_snapshot_fixture.h"

#include "storage/history.h"
#include "storage/sql.h"

static const char *program;

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

static void by_what_a_log_is_known_again_is_saved_with_the_position(void **state)
{
    const struct record_print print = {.offset = 29, .time_ms = BEGIN_MS, .hash = UINT64_MAX - 5};
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();
    struct checkpoint *loaded = NULL;

    (void)state;
    store_partition(store, 1)->redelivered = 3;
    store_partition(store, 1)->unverified = 4;
    store_partition(store, 1)->log_changes = 5;
    store_partition(store, 1)->print = print;
    save(snapshot, store, true);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(loaded->partitions[1].redelivered, 3);
    assert_int_equal(loaded->partitions[1].unverified, 4);
    assert_int_equal(loaded->partitions[1].log_changes, 5);
    assert_memory_equal(&loaded->partitions[1].print, &print, sizeof print);
    assert_int_equal(loaded->partitions[0].print.offset, -1);
    checkpoint_free(loaded);
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

static void set_version(int version)
{
    char sql[64];

    (void)snprintf(sql, sizeof sql, "PRAGMA user_version = %d", version);
    run_sql(sql);
}

static void a_newer_version_is_refused_untouched(void **state)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    (void)state;
    save(snapshot, store, true);
    snapshot_close(snapshot);
    store_free(store);
    set_version(SNAPSHOT_VERSION + 1);
    assert_refused_untouched(CTR_INVALID);
    set_version(1);
    assert_refused_untouched(CTR_INVALID);
    set_version(SNAPSHOT_VERSION);
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

/* ---- older versions ------------------------------------------------------------------------ */

/* tests/data/snapshots/version-N.db: what save_steps() of full_store() left when the program was of
 * version N. */
static void take_old_file(int version)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    char old[sizeof LIVECTR_TESTS_DIR + 64];

    (void)snprintf(old, sizeof old, LIVECTR_TESTS_DIR "/data/snapshots/version-%d.db", version);
    write_file(path, bytes, read_file(old, bytes));
}

static bool count_points(void *owner, const struct minute_key *key,
                         const struct history_point *point)
{
    int64_t *impressions = owner;

    (void)key;
    *impressions += point->numbers[MINUTE_IMPRESSIONS];
    return true;
}

static int64_t impressions_of(struct snapshot *snapshot)
{
    int64_t impressions = 0;

    assert_int_equal(history_each(snapshot_history(snapshot), count_points, &impressions, NULL),
                     CTR_OK);
    return impressions;
}

static void assert_old_file_says_the_same(int version)
{
    struct store *store = full_store();
    struct snapshot *snapshot = NULL;
    struct snapshot *fresh = NULL;
    int64_t impressions = 0;

    for (int step = 0; step < LATER_STEPS; step++) {
        later_step(store, step);
    }
    (void)make_path(NULL);
    take_old_file(version);
    snapshot = open_snapshot();
    assert_int_equal(snapshot_version(snapshot), version);
    assert_saved(snapshot, store);
    impressions = impressions_of(snapshot);
    snapshot_close(snapshot);
    snapshot = open_snapshot();
    assert_int_equal(snapshot_version(snapshot), SNAPSHOT_VERSION);
    assert_true(sql_checked(snapshot_sql(snapshot)));
    assert_saved(snapshot, store);
    assert_int_equal(impressions_of(snapshot), impressions);
    snapshot_close(snapshot);
    (void)make_path(NULL);
    fresh = open_snapshot();
    store_free(store);
    store = full_store();
    save_steps(fresh, store);
    assert_true(impressions > 0);
    assert_int_equal(impressions_of(fresh), impressions);
    snapshot_close(fresh);
    store_free(store);
}

static void an_old_file_says_the_same_and_is_of_this_version_from_then_on(void **state)
{
    (void)state;
    for (int version = 2; version < SNAPSHOT_VERSION; version++) {
        assert_old_file_says_the_same(version);
    }
}

static void assert_old_file_stays_as_it_is(int version)
{
    static unsigned char before[FILE_BYTES_MAX];
    static unsigned char after[FILE_BYTES_MAX];
    struct snapshot *snapshot = NULL;
    struct checkpoint *loaded = NULL;
    size_t length = 0;

    (void)make_path(NULL);
    take_old_file(version);
    length = read_file(path, before);
    assert_int_equal(snapshot_look(path, &snapshot, NULL), CTR_OK);
    assert_int_equal(snapshot_cut(snapshot), 1 + LATER_STEPS);
    snapshot_close(snapshot);
    assert_int_equal(snapshot_open_read(path, &snapshot, NULL), CTR_OK);
    assert_true(impressions_of(snapshot) > 0);
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_true(loaded->keys_count > 0);
    checkpoint_free(loaded);
    snapshot_close(snapshot);
    assert_int_equal(read_file(path, after), length);
    assert_memory_equal(before, after, length);
}

static void an_old_file_that_is_only_looked_at_stays_as_it_is(void **state)
{
    (void)state;
    for (int version = 2; version < SNAPSHOT_VERSION; version++) {
        assert_old_file_stays_as_it_is(version);
    }
}

/* ---- the size of the file ------------------------------------------------------------------- */

static void a_file_whose_keys_come_and_go_stays_as_large_as_what_it_holds(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    struct snapshot *snapshot = open_snapshot();
    uint64_t largest = 0;

    (void)state;
    options.keys_max = 20000;
    store = fixture_store(&options, 1);
    snapshot_keep(snapshot, HOUR_MS, 24 * HOUR_MS);
    for (int cut = 0; cut < 120; cut++) {
        int64_t now_ms = BEGIN_MS + cut * 61000;
        int keys = cut < 40 ? 1500 : 20;

        for (int i = 0; i < keys; i++) {
            char page[24];

            (void)snprintf(page, sizeof page, "/page/%d/%d", cut, i);
            view(store, 0, now_ms, page, NULL);
        }
        settle_at(store, now_ms + 2000);
        save(snapshot, store, cut == 0);
        if (snapshot_bytes(snapshot) > largest) {
            largest = snapshot_bytes(snapshot);
        }
    }
    /* The history of the first forty minutes is hours by now, and the pages are given back. */
    settle_at(store, BEGIN_MS + 40 * HOUR_MS);
    for (int cut = 0; cut < 60; cut++) {
        settle_at(store, BEGIN_MS + 40 * HOUR_MS + cut * 61000);
        save(snapshot, store, false);
    }
    assert_true(largest > 3 << 20);
    assert_true(snapshot_bytes(snapshot) < largest / 2);
    assert_saved(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
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
        cmocka_unit_test_setup(by_what_a_log_is_known_again_is_saved_with_the_position, make_path),
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
        cmocka_unit_test_setup(an_old_file_says_the_same_and_is_of_this_version_from_then_on,
                               make_path),
        cmocka_unit_test_setup(an_old_file_that_is_only_looked_at_stays_as_it_is, make_path),
        cmocka_unit_test_setup(a_file_whose_keys_come_and_go_stays_as_large_as_what_it_holds,
                               make_path),
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
