/* SPDX-License-Identifier: Apache-2.0
 *
 * `livectr snapshot` on files that are whole, damaged, in use or of somebody else.
 */
#include "service/snapshot_verb.h"

#include "storage_snapshot_fixture.h"

#include <jansson.h>
#include <sys/stat.h>

#include "tests/support/verb.h"

/* ---- tools --------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    verb_main = snapshot_main;
    if (make_directory(state) != 0 || setenv("TMPDIR", directory, 1) != 0) {
        return -1;
    }
    verb_use(directory);
    return 0;
}

static void save_file(void)
{
    struct store *store = full_store();
    struct snapshot *snapshot = open_snapshot();

    save_steps(snapshot, store);
    snapshot_close(snapshot);
    store_free(store);
}

/* Runs it, and makes sure that the file is as it was. */
static int run(const char *verb)
{
    static unsigned char before[FILE_BYTES_MAX];
    static unsigned char after[FILE_BYTES_MAX];
    size_t length = read_file(path, before);
    int code = verb_run(verb, path);

    assert_int_equal(read_file(path, after), length);
    assert_memory_equal(before, after, length);
    return code;
}

/* ---- whole files --------------------------------------------------------------------------- */

static void info_names_the_cut_the_positions_and_the_rows(void **state)
{
    (void)state;
    save_file();
    assert_int_equal(run("info"), SNAPSHOT_OK);
    assert_non_null(strstr(verb_printed, "schema        4\n"));
    assert_non_null(strstr(verb_printed, "cut           7\n"));
    assert_non_null(strstr(verb_printed, "as of         2026-11-23T17:28:42.000Z\n"));
    assert_non_null(strstr(verb_printed, "windows       1m,10m\n"));
    assert_non_null(strstr(verb_printed, "  events/0 [0,45) [100,107) read 52 counted 51\n"));
    assert_non_null(strstr(verb_printed, "  history_block 8\n"));
}

static void a_whole_file_is_verified_row_by_row(void **state)
{
    (void)state;
    save_file();
    assert_int_equal(run("verify"), SNAPSHOT_OK);
    assert_non_null(strstr(verb_printed, "51 rows, 0 damaged, cut 7\n"));
    assert_string_equal(verb_said, ""); /* no progress where nobody looks */
}

static void a_file_of_an_older_version_is_read_as_it_is(void **state)
{
    static unsigned char bytes[FILE_BYTES_MAX];

    (void)state;
    write_file(path, bytes, read_file(LIVECTR_TESTS_DIR "/data/snapshots/version-2.db", bytes));
    assert_int_equal(run("info"), SNAPSHOT_OK);
    assert_non_null(strstr(verb_printed, "schema        2\n"));
    assert_int_equal(run("verify"), SNAPSHOT_OK);
    assert_int_equal(run("export"), SNAPSHOT_OK);
}

static void export_gives_lines_of_json_of_all_that_is_in_it(void **state)
{
    json_int_t clicks = 0;
    size_t partitions = 0;
    size_t keys = 0;
    size_t minutes = 0;
    size_t open = 0;
    char *rest = NULL;

    (void)state;
    save_file();
    assert_int_equal(run("export"), SNAPSHOT_OK);
    for (char *line = strtok_r(verb_printed, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        const char *what = json_string_value(json_object_get(json, "what"));

        assert_non_null(what);
        partitions += strcmp(what, "partition") == 0;
        keys += strcmp(what, "key") == 0;
        if (strcmp(what, "minute") == 0) {
            minutes++;
            open += json_is_false(json_object_get(json, "final"));
            if (strcmp(json_string_value(json_object_get(json, "level")), "site") == 0) {
                clicks += json_integer_value(json_object_get(json, "clicks"));
            }
        }
        json_decref(json);
    }
    assert_int_equal(partitions, 2);
    assert_int_equal(keys, 7);
    assert_true(minutes > 20 && open > 0 && open < minutes);
    /* Thirty clicks of full_store() and the six of give_named(), nothing twice. */
    assert_int_equal(clicks, 36);
}

static void a_log_that_was_not_folded_is_read_as_well(void **state)
{
    struct store *store = full_store();
    pid_t child = fork();

    (void)state;
    if (child == 0) { /* it ends before it can fold its log */
        sqlite3 *handle = NULL;

        save_file();
        if (sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, "livectr") == SQLITE_OK &&
            sqlite3_exec(handle,
                         "PRAGMA locking_mode = EXCLUSIVE; PRAGMA wal_autocheckpoint = 0;"
                         "DELETE FROM slice",
                         NULL, NULL, NULL) == SQLITE_OK) {
            (void)raise(SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(run("verify"), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_printed, "it cannot be loaded"));
    store_free(store);
}

/* ---- damaged files ------------------------------------------------------------------------- */

static void what_is_damaged_is_named(void **state)
{
    static const struct {
        const char *sql, *said;
    } cases[] = {
        {"UPDATE slice SET count = count + 1 WHERE start = (SELECT max(start) FROM slice)",
         "FROM slice ORDER BY grain, start: its checksum is wrong"},
        {"UPDATE key SET keys = CAST(keys || x'ff' AS BLOB) WHERE block = (SELECT max(block) FROM "
         "key)",
         "FROM key ORDER BY"},
        {"UPDATE history_block SET numbers = x'0011223344556677'", "the numbers of slot"},
        {"UPDATE history_key SET last_day = last_day + 1", "the key with id"},
        {"DELETE FROM minute", "it cannot be loaded"},
        {"UPDATE meta SET value = value + 1 WHERE name = 'as_of'", "settings are damaged"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)make_path(NULL);
        save_file();
        run_sql(cases[i].sql);
        assert_int_equal(run("verify"), SNAPSHOT_BAD);
        if (strstr(verb_printed, cases[i].said) == NULL &&
            strstr(verb_said, cases[i].said) == NULL) {
            fail_msg("%s: %s%s", cases[i].sql, verb_printed, verb_said);
        }
    }
}

static void a_page_that_was_changed_under_it_is_named(void **state)
{
    static unsigned char bytes[FILE_BYTES_MAX];
    size_t length = 0;

    (void)state;
    save_file();
    length = read_file(path, bytes);
    for (size_t page = 0; page < length / 4096; page++) {
        bytes[page * 4096 + 2000] ^= 1;
        write_file(path, bytes, length);
        assert_int_equal(run("verify"), SNAPSHOT_BAD);
        bytes[page * 4096 + 2000] ^= 1;
    }
}

/* ---- what is no such file ------------------------------------------------------------------ */

static void a_file_in_use_is_refused_with_the_way_out(void **state)
{
    int ready[2];
    char byte = 0;
    pid_t child = 0;

    (void)state;
    save_file();
    assert_int_equal(pipe(ready), 0);
    child = fork();
    if (child == 0) {
        struct snapshot *snapshot = open_snapshot();

        (void)!write(ready[1], snapshot == NULL ? "0" : "1", 1);
        for (;;) {
            (void)pause();
        }
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(verb_run("verify", path), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_said, "in use by a running service"));
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(ready[0]);
    (void)close(ready[1]);
    assert_int_equal(run("verify"), SNAPSHOT_OK);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    assert_int_equal(verb_run("info", "/nowhere/at/all.db"), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_said, "/nowhere/at/all.db: No such file"));
    assert_int_equal(verb_run("info", directory), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_said, "DATA_DIR/livectr.db"));
    write_file(path, (const unsigned char *)"brokers = here", 14);
    assert_int_equal(run("verify"), SNAPSHOT_BAD);
    (void)make_path(NULL);
    run_sql("CREATE TABLE theirs (a)");
    assert_int_equal(run("export"), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_said, "another program"));
    (void)make_path(NULL);
    snapshot_close(open_snapshot());
    assert_int_equal(run("export"), SNAPSHOT_BAD);
    assert_non_null(strstr(verb_said, "nothing was saved"));
}

static void wrong_arguments_show_how(void **state)
{
    (void)state;
    assert_int_equal(verb_run("--help", ""), SNAPSHOT_OK);
    assert_non_null(strstr(verb_printed, "Usage: livectr snapshot"));
    assert_int_equal(verb_run("verify", ""), SNAPSHOT_USAGE);
    assert_int_equal(verb_run("mend", path), SNAPSHOT_USAGE);
    assert_int_equal(verb_run("info a", "b"), SNAPSHOT_USAGE);
    assert_non_null(strstr(verb_said, "Usage: livectr snapshot"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(info_names_the_cut_the_positions_and_the_rows, make_path),
        cmocka_unit_test_setup(a_whole_file_is_verified_row_by_row, make_path),
        cmocka_unit_test_setup(a_file_of_an_older_version_is_read_as_it_is, make_path),
        cmocka_unit_test_setup(export_gives_lines_of_json_of_all_that_is_in_it, make_path),
        cmocka_unit_test_setup(a_log_that_was_not_folded_is_read_as_well, make_path),
        cmocka_unit_test_setup(what_is_damaged_is_named, make_path),
        cmocka_unit_test_setup(a_page_that_was_changed_under_it_is_named, make_path),
        cmocka_unit_test_setup(a_file_in_use_is_refused_with_the_way_out, make_path),
        cmocka_unit_test_setup(other_files_are_refused, make_path),
        cmocka_unit_test_setup(wrong_arguments_show_how, make_path),
    };

    return cmocka_run_group_tests_name("service/snapshot_verb", tests, set_up, remove_directory);
}
