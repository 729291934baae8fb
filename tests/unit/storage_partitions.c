/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/partitions.h"

#include "tests/support/test.h"

#include "storage/moment.h"

static struct partition fresh(void)
{
    return (struct partition){.end = -1,
                              .arrival_ms = MOMENT_NONE,
                              .confirmed_ms = MOMENT_NONE,
                              .alive_ms = MOMENT_NONE,
                              .pending_ms = MOMENT_NONE};
}

static struct partition started_at(int64_t offset)
{
    struct partition partition = fresh();

    partition_start(&partition, offset, false);
    return partition;
}

static void assert_interval(const struct partition *partition, size_t i, int64_t first,
                            int64_t next)
{
    assert_int_equal(partition->intervals[i].first, first);
    assert_int_equal(partition->intervals[i].next, next);
}

static void a_fresh_partition_has_no_position(void **state)
{
    struct partition partition = fresh();

    (void)state;
    assert_int_equal(partition_next(&partition), -1);
    partition_start(&partition, 40, true);
    assert_true(partition.started);
    assert_int_equal(partition_next(&partition), 40);
    assert_int_equal(partition.lost, 0);
    assert_int_equal(partition.intervals_count, 1);
    assert_interval(&partition, 0, 40, 40);
}

static void reading_moves_the_position_and_never_back(void **state)
{
    struct partition partition = started_at(5);

    (void)state;
    partition_reach(&partition, 9, 1000);
    assert_int_equal(partition_next(&partition), 9);
    assert_int_equal(partition.end, 9);
    partition_reach(&partition, 7, 500);
    assert_int_equal(partition_next(&partition), 9);
    assert_int_equal(partition.alive_ms, 1000);
    assert_interval(&partition, 0, 5, 9);
}

static void starting_where_it_stands_adds_no_interval(void **state)
{
    struct partition partition = started_at(5);

    (void)state;
    partition_reach(&partition, 9, 1000);
    partition_end(&partition, 9, 1000);
    partition_start(&partition, 9, true);
    assert_int_equal(partition.intervals_count, 1);
    assert_false(partition.at_end); /* has to be seen anew */
}

static void a_gap_ends_an_interval_and_is_counted(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_reach(&partition, 10, 1000);
    partition_start(&partition, 25, true);
    partition_reach(&partition, 30, 1000);
    assert_int_equal(partition.intervals_count, 2);
    assert_interval(&partition, 0, 0, 10);
    assert_interval(&partition, 1, 25, 30);
    assert_int_equal(partition.lost, 15);
    partition_start(&partition, 40, false); /* left out on purpose */
    assert_int_equal(partition.lost, 15);
}

static void beyond_the_limit_the_oldest_intervals_become_one(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    for (int64_t i = 0; i < PARTITION_INTERVALS_MAX + 3; i++) {
        partition_start(&partition, i * 10, true);
        partition_reach(&partition, i * 10 + 4, 1000);
    }
    assert_int_equal(partition.intervals_count, PARTITION_INTERVALS_MAX);
    assert_interval(&partition, 0, 0, 34);
    assert_interval(&partition, 1, 40, 44);
    assert_interval(&partition, PARTITION_INTERVALS_MAX - 1, 180, 184);
    assert_int_equal(partition.lost, 6 * (PARTITION_INTERVALS_MAX + 2));
}

static void an_end_is_left_by_the_next_record(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_end(&partition, 3, 1000);
    assert_true(partition.at_end);
    assert_int_equal(partition_next(&partition), 3);
    assert_true(partition.confirmed_ms == MOMENT_NONE);
    partition_reach(&partition, 4, 1000);
    assert_false(partition.at_end);
}

static void an_end_below_what_the_broker_said_is_none(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_confirm(&partition, 10, 500);
    partition_end(&partition, 3, 1000);
    assert_false(partition.at_end);
    partition_end(&partition, 10, 1000);
    assert_true(partition.at_end);
    assert_int_equal(partition.confirmed_ms, 500);
}

static void a_confirmation_at_the_position_counts_from_when_it_was_asked(void **state)
{
    struct partition partition = started_at(7);

    (void)state;
    partition_confirm(&partition, 7, 2000);
    assert_true(partition.at_end);
    assert_int_equal(partition.confirmed_ms, 2000);
    assert_int_equal(partition.alive_ms, 2000);
    partition_confirm(&partition, 7, 1500); /* an answer that came late */
    assert_int_equal(partition.confirmed_ms, 2000);
}

static void a_confirmation_ahead_counts_once_it_is_reached(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_confirm(&partition, 5, 1000);
    assert_false(partition.at_end);
    assert_true(partition.confirmed_ms == MOMENT_NONE);
    partition_confirm(&partition, 9, 2000); /* the older one is kept: it is reached first */
    partition_reach(&partition, 4, 2500);
    assert_true(partition.confirmed_ms == MOMENT_NONE);
    partition_reach(&partition, 5, 2500);
    assert_int_equal(partition.confirmed_ms, 1000);
    assert_true(partition.pending_ms == MOMENT_NONE);
    partition_confirm(&partition, 9, 3000);
    partition_reach(&partition, 12, 3500); /* past it */
    assert_int_equal(partition.confirmed_ms, 3000);
}

static void a_pending_end_never_takes_a_confirmation_back(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_confirm(&partition, 2, 1000);
    partition_confirm(&partition, 0, 5000); /* the log was cut: nothing is pending any more */
    assert_int_equal(partition.confirmed_ms, 5000);
    partition_confirm(&partition, 1, 900);
    partition_reach(&partition, 1, 6000);
    assert_int_equal(partition.confirmed_ms, 5000);
}

static void malformed_is_the_sum_over_the_reasons(void **state)
{
    struct partition_counts counts = {0};

    (void)state;
    for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
        counts.malformed[reason] = UINT64_C(1) << reason;
    }
    assert_int_equal(partition_malformed(&counts), (1 << MALFORMED_COUNT) - 1);
    assert_string_equal(malformed_reason_name(MALFORMED_EMPTY), "empty");
    assert_string_equal(malformed_reason_name(MALFORMED_BAD_VALUE), "bad_value");
}

static void another_log_is_a_new_interval_and_forgets_what_the_old_one_was_known_by(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_reach(&partition, 120, 1000);
    partition_confirm(&partition, 130, 1000);
    partition.print.offset = 119;
    partition_start(&partition, 0, false);
    assert_int_equal(partition.log_changes, 1);
    assert_int_equal(partition.print.offset, -1);
    assert_int_equal(partition.end, -1);
    partition_reach(&partition, 15, 2000);
    assert_int_equal(partition.confirmed_ms, MOMENT_NONE); /* what was pending was of the old log */
    assert_int_equal(partition_next(&partition), 15);
    assert_interval(&partition, 0, 0, 120);
    assert_interval(&partition, 1, 0, 15);
    partition_start(&partition, 15, false); /* begun again where it is: the same log */
    assert_int_equal(partition.log_changes, 1);
}

static void many_logs_join_into_intervals_that_hold_both(void **state)
{
    struct partition partition = started_at(0);

    (void)state;
    partition_reach(&partition, 100, 1000);
    for (int i = 0; i < PARTITION_INTERVALS_MAX; i++) {
        partition_start(&partition, 0, false);
        partition_reach(&partition, 10 - i % 2, 1000);
    }
    assert_int_equal(partition.intervals_count, PARTITION_INTERVALS_MAX);
    assert_interval(&partition, 0, 0, 100);
    assert_int_equal(partition_next(&partition), 9);
}

static void a_trouble_is_the_state_before_anything_else(void **state)
{
    struct partition partition = fresh();

    (void)state;
    assert_int_equal(partition_state(&partition), PARTITION_STARTING);
    partition_start(&partition, 0, false);
    assert_int_equal(partition_state(&partition), PARTITION_READING);
    partition_end(&partition, 5, 1000);
    assert_int_equal(partition_state(&partition), PARTITION_AT_END);
    partition.held = true;
    assert_int_equal(partition_state(&partition), PARTITION_HELD);
    partition.trouble = PARTITION_BLOCKED;
    assert_int_equal(partition_state(&partition), PARTITION_BLOCKED);
    for (int i = 0; i < PARTITION_STATE_COUNT; i++) {
        bool read = i == PARTITION_READING || i == PARTITION_AT_END;

        assert_non_null(partition_state_name((enum partition_state)i));
        assert_int_equal(partition_state_reason((enum partition_state)i) == NULL, read);
    }
}

static void a_print_tells_key_and_value_apart_and_needs_the_secret(void **state)
{
    static const uint64_t secret[24] = {1}, other[24] = {2};
    struct text a = {.bytes = "a", .length = 1};
    struct text b = {.bytes = "b", .length = 1};
    struct text none = {.bytes = NULL};
    struct record_print print = record_print_of(secret, 7, 1000, a, b);

    (void)state;
    assert_int_equal(print.offset, 7);
    assert_int_equal(print.time_ms, 1000);
    assert_true(print.hash == record_print_of(secret, 8, 1, a, b).hash);
    assert_true(print.hash != record_print_of(secret, 7, 1000, b, a).hash);
    assert_true(print.hash != record_print_of(secret, 7, 1000, none, b).hash);
    assert_true(print.hash != record_print_of(secret, 7, 1000, a, none).hash);
    assert_true(print.hash != record_print_of(other, 7, 1000, a, b).hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_log_is_a_new_interval_and_forgets_what_the_old_one_was_known_by),
        cmocka_unit_test(many_logs_join_into_intervals_that_hold_both),
        cmocka_unit_test(a_trouble_is_the_state_before_anything_else),
        cmocka_unit_test(a_print_tells_key_and_value_apart_and_needs_the_secret),
        cmocka_unit_test(a_fresh_partition_has_no_position),
        cmocka_unit_test(reading_moves_the_position_and_never_back),
        cmocka_unit_test(starting_where_it_stands_adds_no_interval),
        cmocka_unit_test(a_gap_ends_an_interval_and_is_counted),
        cmocka_unit_test(beyond_the_limit_the_oldest_intervals_become_one),
        cmocka_unit_test(an_end_is_left_by_the_next_record),
        cmocka_unit_test(an_end_below_what_the_broker_said_is_none),
        cmocka_unit_test(a_confirmation_at_the_position_counts_from_when_it_was_asked),
        cmocka_unit_test(a_confirmation_ahead_counts_once_it_is_reached),
        cmocka_unit_test(a_pending_end_never_takes_a_confirmation_back),
        cmocka_unit_test(malformed_is_the_sum_over_the_reasons),
    };

    return cmocka_run_group_tests_name("storage/partitions", tests, NULL, NULL);
}
