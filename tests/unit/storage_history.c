/* SPDX-License-Identifier: Apache-2.0
 *
 * The history on a real SQLite file: adding, reading, failure and damage. Age is in
 * storage_history_age.c.
 */
#include "storage/history.h"

#include "storage_history_fixture.h"

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

static void more_keys_than_are_remembered_are_looked_up_in_the_file(void **state)
{
    enum { MANY = 300 };

    (void)state;
    history->known_bytes_max = 4096;
    for (int turn = 1; turn <= 3; turn++) {
        for (int k = 0; k < MANY; k++) {
            char page[8];
            struct minute_key key;

            (void)snprintf(page, sizeof page, "/%d", k);
            key = key_of(1, page, "");
            add(&key, BEGIN_MS, MINUTE_CLICKS, k, &for_ever);
            /* The last key may double each array. */
            assert_true(minute_block_bytes(history->known) < 32768);
            read_all(&key);
            assert_int_equal(points.count, 1);
            expect(0, BEGIN_MS, MINUTE_MS, MINUTE_CLICKS, k * turn);
        }
    }
    assert_int_equal(count_of("history_key"), MANY);
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

static void ids_end_at_32_bits(void **state)
{
    struct minute_key first = key_of(3, "/a", "b");
    struct minute_key second = key_of(3, "/b", "b");
    struct minute_block *block = NULL;

    (void)state;
    run("INSERT INTO history_key VALUES (99, x'', x'', 4294967294, 0, 0)");
    add(&first, BEGIN_MS, MINUTE_CLICKS, 1, &for_ever);
    reopen();
    read_all(&first);
    assert_int_equal(points.count, 1);
    put(&block, &second, BEGIN_MS, MINUTE_CLICKS, 1);
    assert_int_equal(try_add(block, &for_ever), CTR_LIMIT);
    run("UPDATE history_key SET id = 9223372036854775807 WHERE kind = 99");
    block = NULL;
    put(&block, &second, BEGIN_MS, MINUTE_CLICKS, 1);
    assert_int_equal(try_add(block, &for_ever), CTR_CORRUPT);
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
        FILE_TEST(more_keys_than_are_remembered_are_looked_up_in_the_file),
        FILE_TEST(after_a_rollback_and_forget_it_knows_what_the_file_knows),
        cmocka_unit_test_teardown(damage_is_noticed_wherever_it_is, drop_file),
        FILE_TEST(a_row_moved_to_another_key_or_grain_is_noticed),
        FILE_TEST(slots_that_nobody_writes_end_no_search_in_a_circle),
        FILE_TEST(ids_end_at_32_bits),
        FILE_TEST(without_its_tables_it_is_not_opened),
        FILE_TEST(every_point_is_given_by_level_page_box_and_time),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
