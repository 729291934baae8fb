/* SPDX-License-Identifier: Apache-2.0
 *
 * What age does to the history: minutes become hours, hours go, keys go; and corrections that come
 * late.
 */
#include "storage/history.h"

#include "storage_history_fixture.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(old_minutes_become_hours_without_their_people),
        FILE_TEST(a_budget_is_kept_and_what_is_left_comes_next),
        FILE_TEST(a_key_goes_with_its_last_row_and_may_come_again),
        FILE_TEST(a_key_stays_for_its_newest_row_in_whatever_order_they_came),
        FILE_TEST(a_late_correction_is_added_to_the_hour_its_minute_became),
        FILE_TEST(a_late_correction_goes_to_the_minutes_while_they_wait_for_their_turn),
        FILE_TEST(an_hour_stays_an_hour_when_minutes_are_kept_longer),
        FILE_TEST(rows_too_old_for_both_are_left_out),
        FILE_TEST(minutes_that_outlive_hours_keep_their_key_and_then_go),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
