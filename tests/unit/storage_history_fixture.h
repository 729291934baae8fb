/* SPDX-License-Identifier: Apache-2.0
 *
 * What the tests of the history share: a real SQLite file for each test, rows in one line, and the
 * points that were read.
 */
#ifndef LIVECTR_TESTS_STORAGE_HISTORY_FIXTURE_H
#define LIVECTR_TESTS_STORAGE_HISTORY_FIXTURE_H

#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/hash.h"
#include "storage/history_internal.h"
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

static inline void must(enum ctr_status status, const struct ctr_error *error)
{
    if (status != CTR_OK) {
        fail_msg("%s", error->text);
    }
}

static inline void run(const char *statements)
{
    struct ctr_error error = {0};

    must(sql_run(sql, statements, &error), &error);
}

static inline void open_history(void)
{
    struct ctr_error error = {0};

    must(sql_open(path, &sql, &error), &error);
    must(sql_own(sql, &error), &error);
    must(history_open(sql, &history, &error), &error);
}

static inline void close_history(void)
{
    history_close(history);
    sql_close(sql);
    history = NULL;
    sql = NULL;
}

static inline void reopen(void)
{
    close_history();
    open_history();
}

static inline int make_file(void **state)
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

static inline int drop_file(void **state)
{
    (void)state;
    close_history();
    return 0;
}

static inline int make_directory(void **state)
{
    (void)state;
    (void)snprintf(directory, sizeof directory, "%s/livectr-unit-XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static inline int remove_directory(void **state)
{
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        (void)execl("/bin/rm", "rm", "-rf", directory, (char *)NULL);
        _exit(1);
    }
    return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static inline int64_t count_of(const char *table)
{
    struct ctr_error error = {0};
    char statement[PATH_BYTES];
    int64_t count = -1;

    (void)snprintf(statement, sizeof statement, "SELECT count(*) FROM %s", table);
    must(sql_integer(sql, statement, &count, &error), &error);
    return count;
}

static inline struct minute_key key_of(uint8_t level, const char *page, const char *box)
{
    return (struct minute_key){
        .hash = hash_mix(hash_checksum(page, strlen(page)), hash_checksum(box, strlen(box)), level),
        .level = level,
        .page = {.bytes = page, .length = strlen(page)},
        .box = {.bytes = box, .length = strlen(box)}};
}

/* Adds to one row of a block, which is made if it is NULL. */
static inline void put(struct minute_block **block, const struct minute_key *key, int64_t minute_ms,
                       int number, int32_t value)
{
    struct minute_row *row = NULL;

    if (*block == NULL) {
        *block = minute_block_new(MOMENT_NONE);
    }
    assert_int_equal(minute_block_row(*block, key, 0, minute_ms, &row), CTR_OK);
    row->numbers[number] += value;
}

static inline enum ctr_status try_add(struct minute_block *block,
                                      const struct history_limits *limits)
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
static inline void add(const struct minute_key *key, int64_t minute_ms, int number, int32_t value,
                       const struct history_limits *limits)
{
    struct minute_block *block = NULL;

    put(&block, key, minute_ms, number, value);
    assert_int_equal(try_add(block, limits), CTR_OK);
}

static inline void expire(const struct history_limits *limits, size_t budget)
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

static inline bool keep_point(void *owner, const struct history_point *point)
{
    struct points *into = owner;

    assert_true(into->count < POINTS_MAX);
    assert_true(into->count == 0 || into->items[into->count - 1].start_ms < point->start_ms);
    into->items[into->count++] = *point;
    return into->count != into->stop_at;
}

/* Reads into `points`. */
static inline void read_range(const struct minute_key *key, int64_t from_ms, int64_t until_ms)
{
    struct ctr_error error = {0};

    points.count = 0;
    must(history_read(history, key, from_ms, until_ms, keep_point, &points, &error), &error);
}

static inline void read_all(const struct minute_key *key)
{
    read_range(key, INT64_MIN, INT64_MAX);
}

static inline void expect(size_t at, int64_t start_ms, int64_t grain_ms, int number, int64_t value)
{
    assert_true(at < points.count);
    assert_true(points.items[at].start_ms == start_ms);
    assert_true(points.items[at].grain_ms == grain_ms);
    assert_true(points.items[at].numbers[number] == value);
}

static inline struct history_limits limits_at(int64_t to_ms)
{
    return (struct history_limits){
        .to_ms = to_ms, .keep_minutes_ms = 2 * HISTORY_HOUR_MS, .keep_hours_ms = 2 * DAY_MS};
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, drop_file)

#endif
