/* SPDX-License-Identifier: Apache-2.0
 *
 * The history on a real SQLite file.
 */
#include "storage/history.h"

#include "tests/support/test.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/hash.h"
#include "storage/moment.h"

enum { PATH_BYTES = 96, POINTS_MAX = 400, DAY_HOURS = 24, HOUR_MINUTES = 60 };
#define DAY_MS   (DAY_HOURS * HISTORY_HOUR_MS)
#define BEGIN_MS INT64_C(1795392000000) /* midnight */
#define EVER_MS  INT64_MAX

static char directory[PATH_BYTES - 32];
static char path[PATH_BYTES];
static struct sql *sql;
static struct history *history;
static const struct history_limits for_ever = {MOMENT_NONE, EVER_MS, EVER_MS};

/* ---- tools --------------------------------------------------------------------------------- */

static void must(enum ctr_status status, const struct ctr_error *error)
{
    if (status != CTR_OK) {
        fail_msg("%s", error->text);
    }
}

static void run(const char *statements)
{
    struct ctr_error error = {0};

    must(sql_run(sql, statements, &error), &error);
}

static void open_history(void)
{
    struct ctr_error error = {0};

    must(sql_open(path, &sql, &error), &error);
    must(sql_own(sql, &error), &error);
    must(history_open(sql, &history, &error), &error);
}

static void close_history(void)
{
    history_close(history);
    sql_close(sql);
    history = NULL;
    sql = NULL;
}

static void reopen(void)
{
    close_history();
    open_history();
}

static int make_file(void **state)
{
    static int files;
    struct ctr_error error = {0};

    (void)state;
    (void)snprintf(path, sizeof path, "%s/%d.sqlite", directory, files++);
    must(sql_open(path, &sql, &error), &error);
    must(sql_own(sql, &error), &error);
    run(history_schema);
    must(history_open(sql, &history, &error), &error);
    return 0;
}

static int drop_file(void **state)
{
    (void)state;
    close_history();
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
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)execl("/bin/rm", "rm", "-rf", directory, (char *)NULL);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static int64_t count_of(const char *table)
{
    struct ctr_error error = {0};
    char statement[PATH_BYTES];
    int64_t count = -1;

    (void)snprintf(statement, sizeof statement, "SELECT count(*) FROM %s", table);
    must(sql_integer(sql, statement, &count, &error), &error);
    return count;
}

static struct minute_key key_of(uint8_t level, const char *page, const char *box)
{
    return (struct minute_key){
        .hash = hash_mix(hash_checksum(page, strlen(page)), hash_checksum(box, strlen(box)), level),
        .level = level,
        .page = {.bytes = page, .length = strlen(page)},
        .box = {.bytes = box, .length = strlen(box)}};
}

/* Adds to one row of a block, which is made if it is NULL. */
static void put(struct minute_block **block, const struct minute_key *key, int64_t minute_ms,
                int number, int32_t value)
{
    struct minute_row *row = NULL;

    if (*block == NULL) {
        *block = minute_block_new(MOMENT_NONE);
    }
    assert_int_equal(minute_block_row(*block, key, 0, minute_ms, &row), CTR_OK);
    row->numbers[number] += value;
}

static enum ctr_status try_add(struct minute_block *block, const struct history_limits *limits)
{
    const struct minute_block *blocks[] = {block};
    struct ctr_error error = {0};
    enum ctr_status status = CTR_OK;

    run("BEGIN IMMEDIATE");
    status = history_add(history, blocks, 1, limits, &error);
    if (status == CTR_OK) {
        run("COMMIT");
    } else {
        sql_rollback(sql);
        history_forget(history);
    }
    minute_block_give(block);
    return status;
}

/* Adds one number of one minute, under limits. */
static void add(const struct minute_key *key, int64_t minute_ms, int number, int32_t value,
                const struct history_limits *limits)
{
    struct minute_block *block = NULL;

    put(&block, key, minute_ms, number, value);
    assert_int_equal(try_add(block, limits), CTR_OK);
}

static void expire(const struct history_limits *limits, size_t budget)
{
    struct ctr_error error = {0};

    run("BEGIN IMMEDIATE");
    must(history_expire(history, limits, budget, &error), &error);
    run("COMMIT");
}

struct points {
    size_t count, stop_at; /* stop_at 0: never */
    struct history_point items[POINTS_MAX];
};

static struct points points;

static bool keep_point(void *owner, const struct history_point *point)
{
    struct points *into = owner;

    assert_true(into->count < POINTS_MAX);
    assert_true(into->count == 0 || into->items[into->count - 1].start_ms < point->start_ms);
    into->items[into->count++] = *point;
    return into->count != into->stop_at;
}

/* Reads into `points`. */
static void read_range(const struct minute_key *key, int64_t from_ms, int64_t until_ms)
{
    struct ctr_error error = {0};

    points.count = 0;
    must(history_read(history, key, from_ms, until_ms, keep_point, &points, &error), &error);
}

static void read_all(const struct minute_key *key)
{
    read_range(key, INT64_MIN, INT64_MAX);
}

static void expect(size_t at, int64_t start_ms, int64_t grain_ms, int number, int64_t value)
{
    assert_true(at < points.count);
    assert_true(points.items[at].start_ms == start_ms);
    assert_true(points.items[at].grain_ms == grain_ms);
    assert_true(points.items[at].numbers[number] == value);
}

static struct history_limits limits_at(int64_t to_ms)
{
    return (struct history_limits){
        .to_ms = to_ms, .keep_minutes_ms = 2 * HISTORY_HOUR_MS, .keep_hours_ms = 2 * DAY_MS};
}

/* ---- adding and reading -------------------------------------------------------------------- */

static void minutes_are_read_back_in_order_with_all_their_numbers(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_key another = key_of(3, "/a", "c");
    struct minute_block *block = NULL;

    (void)state;
    for (int minute = 130; minute >= 0; minute -= 13) {
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            put(&block, &key, BEGIN_MS + minute * MINUTE_MS, number, minute * 100 + number);
            put(&block, &another, BEGIN_MS + minute * MINUTE_MS, number, -1);
        }
    }
    assert_int_equal(try_add(block, &for_ever), CTR_OK);
    for (int turn = 0; turn < 2; turn++) {
        read_all(&key);
        assert_int_equal(points.count, 11);
        for (int i = 0; i < 11; i++) {
            for (int number = 0; number < MINUTE_NUMBERS; number++) {
                expect((size_t)i, BEGIN_MS + i * 13 * MINUTE_MS, MINUTE_MS, number,
                       i * 1300 + number);
            }
        }
        reopen();
    }
}

static void a_range_begins_with_from_and_ends_before_until(void **state)
{
    struct minute_key key = key_of(0, "", "");
    struct minute_block *block = NULL;

    (void)state;
    for (int minute = 0; minute < 5 * DAY_HOURS * HOUR_MINUTES; minute += 30) {
        put(&block, &key, BEGIN_MS + minute * MINUTE_MS, MINUTE_CLICKS, 1);
    }
    assert_int_equal(try_add(block, &for_ever), CTR_OK);
    read_range(&key, BEGIN_MS, BEGIN_MS + 30 * MINUTE_MS);
    assert_int_equal(points.count, 1);
    read_range(&key, BEGIN_MS, BEGIN_MS + 30 * MINUTE_MS + 1);
    assert_int_equal(points.count, 2);
    read_range(&key, BEGIN_MS + 1, BEGIN_MS + DAY_MS);
    assert_int_equal(points.count, 47);
    expect(0, BEGIN_MS + 30 * MINUTE_MS, MINUTE_MS, MINUTE_CLICKS, 1);
    read_range(&key, BEGIN_MS + 5 * DAY_MS - 30 * MINUTE_MS, INT64_MAX);
    assert_int_equal(points.count, 1);
    read_range(&key, BEGIN_MS + 5 * DAY_MS, INT64_MAX);
    assert_int_equal(points.count, 0);
    read_range(&key, BEGIN_MS + DAY_MS, BEGIN_MS);
    assert_int_equal(points.count, 0);
    read_range(&key, INT64_MIN, -1);
    assert_int_equal(points.count, 0);
    points.stop_at = 100;
    read_all(&key);
    assert_int_equal(points.count, 100);
    points.stop_at = 0;
}

static void the_ends_of_time_and_long_gaps_are_no_trouble(void **state)
{
    struct minute_key key = key_of(0, "", "");
    struct minute_key another = key_of(1, "/a", "");
    const int64_t last_ms = EVENT_TS_MS_MAX / MINUTE_MS * MINUTE_MS;

    (void)state;
    add(&another, BEGIN_MS, MINUTE_CLICKS, 9, &for_ever);
    add(&key, 0, MINUTE_CLICKS, 1, &for_ever);
    add(&key, last_ms, MINUTE_CLICKS, 2, &for_ever);
    read_all(&key);
    assert_int_equal(points.count, 2);
    expect(0, 0, MINUTE_MS, MINUTE_CLICKS, 1);
    expect(1, last_ms, MINUTE_MS, MINUTE_CLICKS, 2);
}

static void corrections_add_up_within_a_call_and_over_calls(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_block *first = NULL;
    struct minute_block *second = NULL;
    const struct minute_block *blocks[2];
    struct ctr_error error = {0};

    (void)state;
    put(&first, &key, BEGIN_MS, MINUTE_IMPRESSIONS, 40);
    put(&second, &key, BEGIN_MS, MINUTE_IMPRESSIONS, 2);
    put(&second, &key, BEGIN_MS + MINUTE_MS, MINUTE_CLICKS, 1);
    put(&second, &key, BEGIN_MS + HISTORY_HOUR_MS, MINUTE_CLICKS, 5);
    blocks[0] = first;
    blocks[1] = second;
    run("BEGIN IMMEDIATE");
    must(history_add(history, blocks, 2, &for_ever, &error), &error);
    run("COMMIT");
    minute_block_give(first);
    minute_block_give(second);
    add(&key, BEGIN_MS, MINUTE_IMPRESSIONS, -10, &for_ever);
    reopen();
    add(&key, BEGIN_MS, MINUTE_REVISION, 1, &for_ever);
    read_all(&key);
    assert_int_equal(points.count, 3);
    expect(0, BEGIN_MS, MINUTE_MS, MINUTE_IMPRESSIONS, 32);
    expect(0, BEGIN_MS, MINUTE_MS, MINUTE_REVISION, 1);
    expect(1, BEGIN_MS + MINUTE_MS, MINUTE_MS, MINUTE_CLICKS, 1);
    expect(2, BEGIN_MS + HISTORY_HOUR_MS, MINUTE_MS, MINUTE_CLICKS, 5);
    assert_int_equal(count_of("history_block"), 2);
    assert_int_equal(count_of("history_key"), 1);
}

static void an_unknown_key_has_no_points(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_key unknown = key_of(3, "/ab", "");

    (void)state;
    read_all(&key);
    assert_int_equal(points.count, 0);
    add(&key, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    read_all(&unknown);
    assert_int_equal(points.count, 0);
    assert_int_equal(count_of("history_key"), 1);
}

static void nothing_to_add_is_nothing_added(void **state)
{
    struct ctr_error error = {0};

    (void)state;
    must(history_add(history, NULL, 0, &for_ever, &error), &error);
    assert_int_equal(try_add(minute_block_new(BEGIN_MS), &for_ever), CTR_OK);
    assert_int_equal(count_of("history_key"), 0);
}

static void keys_that_differ_in_one_thing_are_different_also_with_one_hash(void **state)
{
    struct minute_key keys[] = {key_of(3, "/a", "b"), key_of(3, "/ab", ""), key_of(3, "", "/ab"),
                                key_of(2, "", "/ab"), key_of(1, "/ab", ""), key_of(2, "", ""),
                                key_of(2, "", "")};
    enum { COUNT = sizeof keys / sizeof keys[0] };

    (void)state;
    keys[COUNT - 1].other = true;
    for (int k = 0; k < COUNT; k++) {
        keys[k].hash = 1;
        add(&keys[k], BEGIN_MS, MINUTE_CLICKS, k + 1, &for_ever);
    }
    for (int turn = 0; turn < 2; turn++) {
        for (int k = 0; k < COUNT; k++) {
            read_all(&keys[k]);
            assert_int_equal(points.count, 1);
            expect(0, BEGIN_MS, MINUTE_MS, MINUTE_CLICKS, k + 1);
        }
        reopen();
    }
    assert_int_equal(count_of("history_key"), COUNT);
}

/* ---- age ----------------------------------------------------------------------------------- */

static void old_minutes_become_hours_without_their_people(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_block *block = NULL;
    struct history_limits limits = limits_at(BEGIN_MS + 4 * HISTORY_HOUR_MS - 1);

    (void)state;
    for (int minute = 0; minute < 3 * HOUR_MINUTES; minute++) {
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            put(&block, &key, BEGIN_MS + minute * MINUTE_MS, number, number + 1);
        }
    }
    assert_int_equal(try_add(block, &for_ever), CTR_OK);
    expire(&limits, SIZE_MAX);
    read_all(&key);
    assert_int_equal(points.count, 1 + 2 * HOUR_MINUTES);
    for (int number = 0; number < MINUTE_NUMBERS; number++) {
        bool lasts = number < MINUTE_PEOPLE || number > MINUTE_UNSEEN_CLICKERS;

        expect(0, BEGIN_MS, HISTORY_HOUR_MS, number, lasts ? (number + 1) * HOUR_MINUTES : 0);
        expect(1, BEGIN_MS + HISTORY_HOUR_MS, MINUTE_MS, number, number + 1);
    }
    limits.to_ms++;
    expire(&limits, SIZE_MAX);
    read_all(&key);
    assert_int_equal(points.count, 2 + HOUR_MINUTES);
    expect(1, BEGIN_MS + HISTORY_HOUR_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 2 * HOUR_MINUTES);
    assert_int_equal(count_of("history_block"), 2);
}

static void a_budget_is_kept_and_what_is_left_comes_next(void **state)
{
    struct minute_block *block = NULL;
    struct history_limits limits = limits_at(BEGIN_MS + DAY_MS);

    (void)state;
    for (int k = 0; k < 10; k++) {
        char page[8];
        struct minute_key key;

        (void)snprintf(page, sizeof page, "/%d", k);
        key = key_of(1, page, "");
        put(&block, &key, BEGIN_MS, MINUTE_CLICKS, 1);
    }
    assert_int_equal(try_add(block, &for_ever), CTR_OK);
    expire(&limits, 0);
    assert_int_equal(count_of("history_block WHERE slot < 1 << 60"), 10);
    expire(&limits, 3);
    assert_int_equal(count_of("history_block WHERE slot < 1 << 60"), 7);
    assert_int_equal(count_of("history_block WHERE slot >= 1 << 60"), 3);
    expire(&limits, 7);
    assert_int_equal(count_of("history_block WHERE slot >= 1 << 60"), 10);
    limits.to_ms += 2 * DAY_MS;
    expire(&limits, 4);
    assert_int_equal(count_of("history_block"), 6);
    assert_int_equal(count_of("history_key"), 10);
    expire(&limits, 6);
    assert_int_equal(count_of("history_block"), 0);
    assert_int_equal(count_of("history_key"), 10);
    expire(&limits, 4);
    assert_int_equal(count_of("history_key"), 6);
    expire(&limits, 100);
    assert_int_equal(count_of("history_key"), 0);
    expire(&limits, 100);
}

static void a_key_goes_with_its_last_row_and_may_come_again(void **state)
{
    struct minute_key going = key_of(1, "/going", "");
    struct minute_key staying = key_of(1, "/staying", "");
    struct minute_key another = key_of(1, "/another", "");
    struct history_limits limits = limits_at(BEGIN_MS + 3 * DAY_MS);

    (void)state;
    add(&staying, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    add(&going, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    add(&staying, BEGIN_MS + DAY_MS, MINUTE_CLICKS, 2, &for_ever);
    expire(&limits, SIZE_MAX);
    assert_int_equal(count_of("history_key"), 1);
    read_all(&going);
    assert_int_equal(points.count, 0);
    read_all(&staying);
    assert_int_equal(points.count, 1);
    expect(0, BEGIN_MS + DAY_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 2);
    add(&another, limits.to_ms, MINUTE_CLICKS, 6, &limits); /* gets an id that is free again */
    add(&going, limits.to_ms, MINUTE_CLICKS, 7, &limits);
    read_all(&going);
    assert_int_equal(points.count, 1);
    expect(0, limits.to_ms, MINUTE_MS, MINUTE_CLICKS, 7);
    read_all(&staying);
    assert_int_equal(points.count, 1);
}

static void a_key_stays_for_its_newest_row_in_whatever_order_they_came(void **state)
{
    struct minute_key together = key_of(1, "/together", "");
    struct minute_key apart = key_of(1, "/apart", "");
    struct minute_block *block = NULL;
    struct history_limits limits = limits_at(BEGIN_MS + 4 * DAY_MS);

    (void)state;
    put(&block, &together, BEGIN_MS, MINUTE_CLICKS, 1);
    put(&block, &together, BEGIN_MS + 2 * DAY_MS, MINUTE_CLICKS, 2);
    put(&block, &together, BEGIN_MS + DAY_MS, MINUTE_CLICKS, 3);
    assert_int_equal(try_add(block, &for_ever), CTR_OK);
    add(&apart, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    add(&apart, BEGIN_MS + 2 * DAY_MS, MINUTE_CLICKS, 2, &for_ever);
    add(&apart, BEGIN_MS + DAY_MS, MINUTE_CLICKS, 3, &for_ever);
    expire(&limits, SIZE_MAX);
    reopen();
    read_all(&together);
    expect(0, BEGIN_MS + 2 * DAY_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 2);
    read_all(&apart);
    expect(0, BEGIN_MS + 2 * DAY_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 2);
    assert_int_equal(count_of("history_block"), 2);
}

static void a_late_correction_is_added_to_the_hour_its_minute_became(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_key late = key_of(3, "/late", "b");
    struct history_limits limits = limits_at(BEGIN_MS + DAY_MS);

    (void)state;
    add(&key, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    expire(&limits, SIZE_MAX);
    add(&key, BEGIN_MS + 9 * MINUTE_MS, MINUTE_CLICKS, 2, &limits);
    add(&key, BEGIN_MS + 9 * MINUTE_MS, MINUTE_VIEWERS, 2, &limits);
    add(&late, BEGIN_MS + 9 * MINUTE_MS, MINUTE_CLICKS, 4, &limits);
    read_all(&key);
    assert_int_equal(points.count, 1);
    expect(0, BEGIN_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 3);
    expect(0, BEGIN_MS, HISTORY_HOUR_MS, MINUTE_VIEWERS, 0);
    read_all(&late);
    assert_int_equal(points.count, 1);
    expect(0, BEGIN_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 4);
}

static void a_late_correction_goes_to_the_minutes_while_they_wait_for_their_turn(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct history_limits limits = limits_at(BEGIN_MS + DAY_MS);

    (void)state;
    add(&key, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    add(&key, BEGIN_MS + MINUTE_MS, MINUTE_CLICKS, 2, &limits);
    read_all(&key);
    assert_int_equal(points.count, 2);
    expire(&limits, SIZE_MAX);
    read_all(&key);
    assert_int_equal(points.count, 1);
    expect(0, BEGIN_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 3);
}

static void an_hour_stays_an_hour_when_minutes_are_kept_longer(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct history_limits limits = limits_at(BEGIN_MS + 2 * DAY_MS - HISTORY_HOUR_MS);

    (void)state;
    for (int day = 0; day < 2; day++) {
        int64_t hour_ms = BEGIN_MS + day * DAY_MS;

        add(&key, hour_ms, MINUTE_CLICKS, 1, &for_ever);
        if (day == 0) {
            expire(&limits, SIZE_MAX);
            reopen(); /* it learns again up to which day there are hours */
        } else {
            expire(&limits, SIZE_MAX);
        }
        add(&key, hour_ms + MINUTE_MS, MINUTE_CLICKS, 2, &for_ever);
        add(&key, hour_ms + HISTORY_HOUR_MS, MINUTE_CLICKS, 5, &for_ever);
        read_range(&key, hour_ms, INT64_MAX);
        assert_int_equal(points.count, 2);
        expect(0, hour_ms, HISTORY_HOUR_MS, MINUTE_CLICKS, 3);
        expect(1, hour_ms + HISTORY_HOUR_MS, MINUTE_MS, MINUTE_CLICKS, 5);
    }
}

static void rows_too_old_for_both_are_left_out(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_block *block = NULL;
    struct history_limits limits = limits_at(BEGIN_MS + 3 * DAY_MS);

    (void)state;
    add(&key, BEGIN_MS + DAY_MS - MINUTE_MS, MINUTE_CLICKS, 1, &limits);
    assert_int_equal(count_of("history_key"), 0);
    put(&block, &key, BEGIN_MS + DAY_MS - MINUTE_MS, MINUTE_CLICKS, 1);
    put(&block, &key, BEGIN_MS + DAY_MS, MINUTE_CLICKS, 2);
    assert_int_equal(try_add(block, &limits), CTR_OK);
    read_all(&key);
    assert_int_equal(points.count, 1);
    expect(0, BEGIN_MS + DAY_MS, HISTORY_HOUR_MS, MINUTE_CLICKS, 2);
}

static void minutes_that_outlive_hours_keep_their_key_and_then_go(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct history_limits limits = {
        .to_ms = BEGIN_MS + 3 * DAY_MS, .keep_minutes_ms = 5 * DAY_MS, .keep_hours_ms = DAY_MS};

    (void)state;
    add(&key, BEGIN_MS, MINUTE_CLICKS, 1, &limits);
    expire(&limits, SIZE_MAX);
    reopen();
    read_all(&key);
    assert_int_equal(points.count, 1);
    limits.to_ms += 3 * DAY_MS;
    expire(&limits, SIZE_MAX);
    assert_int_equal(count_of("history_block"), 0);
    assert_int_equal(count_of("history_key"), 0);
}

/* ---- failure ------------------------------------------------------------------------------- */

static void after_a_rollback_and_forget_it_knows_what_the_file_knows(void **state)
{
    struct minute_key gone = key_of(3, "/gone", "b");
    struct minute_key kept = key_of(3, "/kept", "b");
    struct minute_block *block = NULL;
    const struct minute_block *blocks[1];
    struct ctr_error error = {0};

    (void)state;
    put(&block, &gone, BEGIN_MS, MINUTE_CLICKS, 1);
    blocks[0] = block;
    run("BEGIN IMMEDIATE");
    must(history_add(history, blocks, 1, &for_ever, &error), &error);
    sql_rollback(sql);
    history_forget(history);
    minute_block_give(block);
    read_all(&gone);
    assert_int_equal(points.count, 0);
    add(&kept, BEGIN_MS, MINUTE_CLICKS, 2, &for_ever);
    add(&gone, BEGIN_MS, MINUTE_CLICKS, 4, &for_ever);
    reopen();
    read_all(&kept);
    expect(0, BEGIN_MS, MINUTE_MS, MINUTE_CLICKS, 2);
    read_all(&gone);
    expect(0, BEGIN_MS, MINUTE_MS, MINUTE_CLICKS, 4);
}

static enum ctr_status try_read(const struct minute_key *key)
{
    struct ctr_error error = {0};

    points.count = 0;
    return history_read(history, key, 0, INT64_MAX, keep_point, &points, &error);
}

static bool skip_point(void *owner, const struct minute_key *key, const struct history_point *point)
{
    (void)owner;
    (void)key;
    (void)point;
    return true;
}

static void damage_is_noticed_wherever_it_is(void **state)
{
    static const char *const damages[] = {
        "UPDATE history_block SET numbers = x''",
        "UPDATE history_block SET numbers = substr(numbers, 1, 3)",
        "UPDATE history_block SET numbers = substr(numbers, 1, 4)",
        "UPDATE history_block SET numbers = substr(numbers, 1, length(numbers) - 1)",
        "UPDATE history_block SET numbers = CAST(numbers || x'00' AS BLOB)",
        "UPDATE history_block SET numbers = CAST(x'00' || substr(numbers, 2) AS BLOB)",
        "UPDATE history_block SET numbers = CAST(substr(numbers, 1, 6) || x'7f' AS BLOB)",
        "UPDATE history_block SET slot = slot + (1 << 32)", /* another hour */
        "UPDATE history_key SET id = id + 1",
        "UPDATE history_key SET id = -1",
        "UPDATE history_key SET last_day = 0",
        "UPDATE history_key SET checksum = 1",
    };
    struct minute_key key = key_of(3, "/a", "b");
    struct ctr_error error = {0};

    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct minute_block *block = NULL;

        assert_int_equal(make_file(state), 0);
        add(&key, BEGIN_MS, MINUTE_CLICKS, 77, &for_ever);
        run(damages[i]);
        reopen();
        assert_int_equal(try_read(&key), CTR_CORRUPT);
        assert_int_equal(history_each(history, skip_point, NULL, &error), CTR_CORRUPT);
        put(&block, &key, BEGIN_MS, MINUTE_CLICKS, 1);
        put(&block, &key, BEGIN_MS + HISTORY_HOUR_MS, MINUTE_CLICKS, 1);
        assert_int_equal(try_add(block, &for_ever), CTR_CORRUPT);
        if (i < 7) {
            struct history_limits limits = limits_at(BEGIN_MS + DAY_MS);

            assert_int_equal(history_expire(history, &limits, 9, &error), CTR_CORRUPT);
        }
        close_history();
    }
    assert_int_equal(make_file(state), 0);
}

static void a_row_moved_to_another_key_or_grain_is_noticed(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct minute_key another = key_of(3, "/b", "b");

    add(&another, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    add(&key, BEGIN_MS + DAY_MS, MINUTE_CLICKS, 77, &for_ever);
    run("UPDATE history_block SET slot = slot - 1 WHERE slot & 3 = 2");
    reopen();
    assert_int_equal(try_read(&another), CTR_CORRUPT);
    close_history();
    assert_int_equal(make_file(state), 0);
    add(&key, BEGIN_MS, MINUTE_CLICKS, 77, &for_ever);
    run("UPDATE history_block SET slot = slot + (1 << 60)");
    reopen();
    assert_int_equal(try_read(&key), CTR_CORRUPT);
}

static void slots_that_nobody_writes_end_no_search_in_a_circle(void **state)
{
    struct minute_key key = key_of(3, "/a", "b");
    struct history_limits limits = limits_at(BEGIN_MS + DAY_MS);
    struct ctr_error error = {0};

    (void)state;
    add(&key, BEGIN_MS, MINUTE_CLICKS, 77, &for_ever);
    run("INSERT INTO history_block VALUES (-1, x''), (3 << 60, x''), (5 << 60, x''),"
        " ((2 << 60) + 5, x''), (9223372036854775807, x'')");
    assert_int_equal(try_read(&key), CTR_OK);
    assert_int_equal(points.count, 1);
    must(history_expire(history, &limits, 5, &error), &error);
    assert_int_equal(try_read(&key), CTR_OK);
    assert_int_equal(points.count, 1);
}

static void without_its_tables_it_is_not_opened(void **state)
{
    struct history *another = NULL;
    struct ctr_error error = {0};

    (void)state;
    run("DROP TABLE history_block");
    assert_int_equal(history_open(sql, &another, &error), CTR_IO);
    assert_null(another);
}

/* ---- every key ----------------------------------------------------------------------------- */

struct walk {
    char text[512];
    size_t stop_at, count;
};

static bool write_point(void *owner, const struct minute_key *key,
                        const struct history_point *point)
{
    struct walk *walk = owner;
    size_t length = strlen(walk->text);

    (void)snprintf(walk->text + length, sizeof walk->text - length, "%d%s %.*s %.*s %lld%c=%lld\n",
                   key->level, key->other ? "*" : "", (int)(key->page.length % 8), key->page.bytes,
                   (int)(key->box.length % 8), key->box.bytes,
                   (long long)((point->start_ms - BEGIN_MS) / MINUTE_MS),
                   point->grain_ms == MINUTE_MS ? 'm' : 'h',
                   (long long)point->numbers[MINUTE_CLICKS]);
    return ++walk->count != walk->stop_at;
}

static void every_point_is_given_by_level_page_box_and_time(void **state)
{
    static const char expected[] = "0   0h=1\n0   120m=2\n1 /a  0h=3\n1 /b  121m=4\n2  b 0h=5\n"
                                   "2*   0h=6\n3 /a a 0h=7\n3 /a b 0h=8\n3 /b a 0h=9\n";
    static struct walk walk;
    struct minute_key keys[] = {key_of(0, "", ""),    key_of(0, "", ""),    key_of(1, "/a", ""),
                                key_of(1, "/b", ""),  key_of(2, "", "b"),   key_of(2, "", ""),
                                key_of(3, "/a", "a"), key_of(3, "/a", "b"), key_of(3, "/b", "a")};
    enum { COUNT = sizeof keys / sizeof keys[0] };
    struct history_limits limits = limits_at(BEGIN_MS + 4 * HISTORY_HOUR_MS);
    struct ctr_error error = {0};

    (void)state;
    keys[5].other = true;
    for (int i = 0; i < COUNT; i++) {
        int k = i * 4 % COUNT;
        int minute = k == 1 ? 120 : k == 3 ? 121 : k;

        add(&keys[k], BEGIN_MS + minute * MINUTE_MS, MINUTE_CLICKS, k + 1, &for_ever);
    }
    expire(&limits, SIZE_MAX);
    must(history_each(history, write_point, &walk, &error), &error);
    assert_string_equal(walk.text, expected);
    walk = (struct walk){.stop_at = 2};
    must(history_each(history, write_point, &walk, &error), &error);
    assert_int_equal(walk.count, 2);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, drop_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(minutes_are_read_back_in_order_with_all_their_numbers),
        FILE_TEST(a_range_begins_with_from_and_ends_before_until),
        FILE_TEST(the_ends_of_time_and_long_gaps_are_no_trouble),
        FILE_TEST(corrections_add_up_within_a_call_and_over_calls),
        FILE_TEST(an_unknown_key_has_no_points),
        FILE_TEST(nothing_to_add_is_nothing_added),
        FILE_TEST(keys_that_differ_in_one_thing_are_different_also_with_one_hash),
        FILE_TEST(old_minutes_become_hours_without_their_people),
        FILE_TEST(a_budget_is_kept_and_what_is_left_comes_next),
        FILE_TEST(a_key_goes_with_its_last_row_and_may_come_again),
        FILE_TEST(a_key_stays_for_its_newest_row_in_whatever_order_they_came),
        FILE_TEST(a_late_correction_is_added_to_the_hour_its_minute_became),
        FILE_TEST(a_late_correction_goes_to_the_minutes_while_they_wait_for_their_turn),
        FILE_TEST(an_hour_stays_an_hour_when_minutes_are_kept_longer),
        FILE_TEST(rows_too_old_for_both_are_left_out),
        FILE_TEST(minutes_that_outlive_hours_keep_their_key_and_then_go),
        FILE_TEST(after_a_rollback_and_forget_it_knows_what_the_file_knows),
        cmocka_unit_test_teardown(damage_is_noticed_wherever_it_is, drop_file),
        FILE_TEST(a_row_moved_to_another_key_or_grain_is_noticed),
        FILE_TEST(slots_that_nobody_writes_end_no_search_in_a_circle),
        FILE_TEST(without_its_tables_it_is_not_opened),
        FILE_TEST(every_point_is_given_by_level_page_box_and_time),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
