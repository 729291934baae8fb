/* SPDX-License-Identifier: Apache-2.0 */
#include "api/state.h"

#include "api/partition.h"
#include "storage/moment.h"
#include "tests/support/test.h"

#define NOW INT64_C(1795455000000)

static struct progress wall(int64_t behind_ms, int64_t silent_ms)
{
    return (struct progress){.as_of_ms = NOW - behind_ms,
                             .to_ms = moment_floor(NOW - behind_ms, 1000),
                             .covered_from_ms = INT64_MIN,
                             .alive_ms = NOW - silent_ms,
                             .clock = CLOCK_WALL};
}

static void without_a_to_it_is_starting(void **state)
{
    struct progress progress = wall(0, 0);

    (void)state;
    progress.to_ms = MOMENT_NONE;
    assert_int_equal(state_of(&progress, NOW), STATE_STARTING);
    progress.clock = CLOCK_EVENT;
    progress.at_end = true;
    assert_int_equal(state_of(&progress, NOW), STATE_STARTING);
}

static void ten_seconds_are_the_patience(void **state)
{
    struct progress progress = wall(500, 100);

    (void)state;
    assert_int_equal(state_of(&progress, NOW), STATE_LIVE);
    progress = wall(10000, 10000);
    assert_int_equal(state_of(&progress, NOW), STATE_LIVE);
    progress = wall(10001, 10000);
    assert_int_equal(state_of(&progress, NOW), STATE_CATCHING_UP);
    progress = wall(10001, 10001);
    assert_int_equal(state_of(&progress, NOW), STATE_STALE);
}

static void no_sign_of_life_ever_is_stale(void **state)
{
    struct progress progress = wall(500, 0);

    (void)state;
    progress.alive_ms = MOMENT_NONE;
    assert_int_equal(state_of(&progress, NOW), STATE_STALE);
}

static void event_mode_knows_no_wall_clock(void **state)
{
    struct progress progress = wall(INT64_C(1000000000000), INT64_C(1000000000000));

    (void)state;
    progress.clock = CLOCK_EVENT;
    assert_int_equal(state_of(&progress, NOW), STATE_CATCHING_UP);
    progress.at_end = true;
    assert_int_equal(state_of(&progress, NOW), STATE_LIVE);
    assert_int_equal(state_lag_ms(&progress, NOW), 0);
}

static void lag_is_never_negative(void **state)
{
    struct progress progress = wall(412, 0);

    (void)state;
    assert_int_equal(state_lag_ms(&progress, NOW), 412);
    progress = wall(-1, 0);
    assert_int_equal(state_lag_ms(&progress, NOW), 0);
}

static void expect_coverage(int64_t covered_from_ms, int64_t hundredths)
{
    struct progress progress = {.to_ms = 2000, .covered_from_ms = covered_from_ms};

    assert_true((int64_t)(state_coverage(&progress, 1000) * 100 + 0.5) == hundredths);
}

static void coverage_is_the_part_at_or_after_the_start(void **state)
{
    (void)state;
    expect_coverage(INT64_MIN, 100);
    expect_coverage(999, 100);
    expect_coverage(1000, 100);
    expect_coverage(1250, 75);
    expect_coverage(1990, 1);
    expect_coverage(2000, 0);
    expect_coverage(INT64_MAX, 0);
}

static void a_partitions_clock_follows_the_design(void **state)
{
    struct store_options options = {.clock = CLOCK_WALL, .settle_ms = 500};
    struct partition partition = {.arrival_ms = MOMENT_NONE, .confirmed_ms = MOMENT_NONE};

    (void)state;
    assert_true(partition_clock_ms(&partition, &options, NOW) == MOMENT_NONE);
    partition.arrival_ms = NOW + 700;
    assert_true(partition_clock_ms(&partition, &options, NOW) == NOW - 500);
    partition.arrival_ms = NOW - 5000;
    assert_true(partition_clock_ms(&partition, &options, NOW) == NOW - 5500);
    partition.confirmed_ms = NOW - 10;
    assert_true(partition_clock_ms(&partition, &options, NOW) == NOW - 510);
    options.clock = CLOCK_EVENT;
    assert_true(partition_clock_ms(&partition, &options, NOW) == NOW - 5000);
}

static void a_partitions_lag_is_unknown_until_both_ends_are(void **state)
{
    struct partition partition = {.end = -1};

    (void)state;
    assert_int_equal(partition_lag(&partition), -1);
    partition.end = 10;
    assert_int_equal(partition_lag(&partition), -1);
    partition.started = true;
    partition.intervals_count = 1;
    partition.intervals[0] = (struct interval){0, 4};
    assert_int_equal(partition_lag(&partition), 6);
    partition.end = 3; /* seen before the position went on */
    assert_int_equal(partition_lag(&partition), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_to_it_is_starting),
        cmocka_unit_test(ten_seconds_are_the_patience),
        cmocka_unit_test(no_sign_of_life_ever_is_stale),
        cmocka_unit_test(event_mode_knows_no_wall_clock),
        cmocka_unit_test(lag_is_never_negative),
        cmocka_unit_test(coverage_is_the_part_at_or_after_the_start),
        cmocka_unit_test(a_partitions_clock_follows_the_design),
        cmocka_unit_test(a_partitions_lag_is_unknown_until_both_ends_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
