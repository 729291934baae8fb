/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/store_status.h"
#include "storage_fixture.h"

static struct progress progress_at(struct store *store, int64_t now_ms)
{
    assert_int_equal(store_advance(store, now_ms, false), CTR_OK);
    return store_progress(store);
}

/* ---- the clock ----------------------------------------------------------------------------- */

static void a_partition_with_a_backlog_stands_at_its_last_arrival(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct partition *partition = NULL;

    (void)state;
    options.settle_ms = 500;
    store = fixture_store(&options, 1);
    partition = store_partition(store, 0);
    give(store, 0, BEGIN_MS + 3000,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .box = NULL});
    partition_confirm(partition, 5, BEGIN_MS + 8000);
    assert_int_equal(progress_at(store, BEGIN_MS + 8000).as_of_ms, BEGIN_MS + 2500);
    /* Only what was seen as the end being reached makes it known up to then. */
    for (int i = 0; i < 4; i++) {
        give(store, 0, BEGIN_MS + 3000,
             (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .box = NULL});
    }
    assert_int_equal(progress_at(store, BEGIN_MS + 9000).as_of_ms, BEGIN_MS + 7500);
    store_free(store);
}

static void a_partition_at_its_end_stands_at_its_last_confirmation(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);

    (void)state;
    settle_at(store, BEGIN_MS + 5000);
    partition_confirm(store_partition(store, 0), 0, BEGIN_MS + 60000);
    assert_int_equal(progress_at(store, BEGIN_MS + 60000).as_of_ms, BEGIN_MS + 5000);
    partition_end(store_partition(store, 1), 0, BEGIN_MS + 60000); /* no confirmation */
    assert_int_equal(progress_at(store, BEGIN_MS + 60000).as_of_ms, BEGIN_MS + 5000);
    partition_confirm(store_partition(store, 1), 0, BEGIN_MS + 59000);
    assert_int_equal(progress_at(store, BEGIN_MS + 60000).as_of_ms, BEGIN_MS + 59000);
    store_free(store);
}

static void an_unread_partition_holds_time_back(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    uint32_t index = 0;

    (void)state;
    assert_int_equal(store_partition_open(store, "events", 1, &index), CTR_OK);
    partition_confirm(store_partition(store, 0), 0, BEGIN_MS);
    assert_true(progress_at(store, BEGIN_MS).to_ms == MOMENT_NONE);
    partition_start(store_partition(store, 1), 0, false);
    assert_true(progress_at(store, BEGIN_MS).to_ms == MOMENT_NONE);
    partition_confirm(store_partition(store, 1), 0, BEGIN_MS);
    assert_int_equal(progress_at(store, BEGIN_MS).to_ms, BEGIN_MS);
    store_free(store);
}

static void arrivals_ahead_of_now_do_not_move_time_beyond_now(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    view(store, 0, BEGIN_MS + 30000, "/a", NULL);
    assert_int_equal(progress_at(store, BEGIN_MS).as_of_ms, BEGIN_MS);
    store_free(store);
}

static void time_never_goes_back(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    uint32_t index = 0;

    (void)state;
    settle_at(store, BEGIN_MS + 9000);
    assert_int_equal(store_partition_open(store, "events", 1, &index), CTR_OK);
    assert_int_equal(progress_at(store, BEGIN_MS + 20000).as_of_ms, BEGIN_MS + 9000);
    partition_start(store_partition(store, 1), 0, false);
    view(store, 1, BEGIN_MS, "/a", NULL);
    assert_int_equal(progress_at(store, BEGIN_MS).as_of_ms, BEGIN_MS + 9000);
    assert_int_equal(store_progress(store).to_ms, BEGIN_MS + 9000);
    store_free(store);
}

static void waiting_publishes_the_accounts_and_no_time(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct store_status status;

    (void)state;
    view(store, 0, BEGIN_MS, "/a", NULL);
    partition_confirm(store_partition(store, 0), 1, BEGIN_MS + 5000);
    assert_int_equal(store_advance(store, BEGIN_MS + 5000, true), CTR_OK);
    assert_true(store_progress(store).to_ms == MOMENT_NONE);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.held, 1);
    assert_int_equal(status.partitions[0].counts.read, 1);
    store_status_done(&status);
    store_free(store);
}

static void the_partition_that_holds_the_others_back_leads(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);

    (void)state;
    assert_true(store_partition_leads(store, 0)); /* nothing is known yet */
    view(store, 0, BEGIN_MS, "/a", NULL);
    view(store, 1, BEGIN_MS + 5000, "/a", NULL);
    assert_int_equal(store_advance(store, BEGIN_MS + 9000, false), CTR_OK);
    assert_true(store_partition_leads(store, 0));
    assert_false(store_partition_leads(store, 1));
    assert_false(store_overfull(store));
    store_free(store);
}

static void a_store_with_held_max_records_says_so(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.held_max = 3;
    store = fixture_store(&options, 1);
    for (int i = 0; i < 3; i++) {
        assert_false(store_overfull(store));
        view(store, 0, BEGIN_MS, "/a", NULL);
    }
    assert_true(store_overfull(store));
    settle_at(store, BEGIN_MS + 1000);
    assert_false(store_overfull(store));
    store_free(store);
}

/* ---- the clock of events ------------------------------------------------------------------- */

static void in_event_mode_time_is_the_least_arrival_of_a_backlog(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.clock = CLOCK_EVENT;
    store = fixture_store(&options, 2);
    give(store, 0, BEGIN_MS + 9 * HOUR_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .box = NULL});
    assert_true(progress_at(store, MOMENT_NONE).to_ms == MOMENT_NONE); /* 1 was not read */
    give(store, 1, 0,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 4500, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 1).future, 1); /* by its own record time */
    give(store, 1, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 4500, .page = "/a", .box = NULL});
    assert_int_equal(progress_at(store, MOMENT_NONE).as_of_ms, BEGIN_MS);
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 9000, .page = "/a", .box = NULL});
    assert_int_equal(progress_at(store, MOMENT_NONE).as_of_ms, BEGIN_MS + 4500);
    assert_int_equal(store_progress(store).to_ms, BEGIN_MS + 4000);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    store_free(store);
}

static void in_event_mode_a_partition_at_its_end_holds_nothing_back(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.clock = CLOCK_EVENT;
    store = fixture_store(&options, 3);
    partition_end(store_partition(store, 2), 0, MOMENT_NONE); /* known to be empty */
    view(store, 0, BEGIN_MS, "/a", NULL);
    view(store, 1, BEGIN_MS + 9000, "/a", NULL);
    partition_end(store_partition(store, 0), 1, MOMENT_NONE);
    assert_int_equal(progress_at(store, MOMENT_NONE).as_of_ms, BEGIN_MS + 9000);
    assert_false(store_progress(store).at_end);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    store_free(store);
}

static void in_event_mode_everything_is_counted_when_all_is_read(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.clock = CLOCK_EVENT;
    store = fixture_store(&options, 2);
    for (int more = 0; more < 3; more++) {
        int64_t last_ms = BEGIN_MS + more * 60000 + 9999;

        view(store, 0, last_ms - 5000, "/a", NULL);
        view(store, 1, last_ms, "/a", NULL);
        for (uint32_t p = 0; p < 2; p++) {
            partition_end(store_partition(store, p), more + 1, MOMENT_NONE);
        }
        assert_int_equal(progress_at(store, MOMENT_NONE).as_of_ms, last_ms + 1);
        assert_int_equal(store_progress(store).to_ms, last_ms + 1);
        assert_true(store_progress(store).at_end);
        assert_totals(store, 0, "/a", NULL, 2 * (more + 1), 0);
        assert_int_equal(counts_of(store, 0).held + counts_of(store, 1).held, 0);
    }
    assert_int_equal(counts_of(store, 0).stragglers, 0);
    assert_true(store_progress(store).caught_up_once);
    store_free(store);
}

static void in_event_mode_an_empty_log_has_no_to(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.clock = CLOCK_EVENT;
    store = fixture_store(&options, 2);
    for (uint32_t p = 0; p < 2; p++) {
        partition_confirm(store_partition(store, p), 0, BEGIN_MS);
    }
    assert_true(progress_at(store, MOMENT_NONE).to_ms == MOMENT_NONE);
    assert_true(store_progress(store).at_end);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_with_a_backlog_stands_at_its_last_arrival),
        cmocka_unit_test(a_partition_at_its_end_stands_at_its_last_confirmation),
        cmocka_unit_test(an_unread_partition_holds_time_back),
        cmocka_unit_test(arrivals_ahead_of_now_do_not_move_time_beyond_now),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(waiting_publishes_the_accounts_and_no_time),
        cmocka_unit_test(the_partition_that_holds_the_others_back_leads),
        cmocka_unit_test(a_store_with_held_max_records_says_so),
        cmocka_unit_test(in_event_mode_time_is_the_least_arrival_of_a_backlog),
        cmocka_unit_test(in_event_mode_a_partition_at_its_end_holds_nothing_back),
        cmocka_unit_test(in_event_mode_everything_is_counted_when_all_is_read),
        cmocka_unit_test(in_event_mode_an_empty_log_has_no_to),
    };

    return cmocka_run_group_tests_name("storage/store: time", tests, NULL, NULL);
}
