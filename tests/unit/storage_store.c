/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/listing.h"
#include "storage/store.h"
#include "storage/store_status.h"

#include "storage/minutes.h"
#include "storage_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static struct progress progress_at(struct store *store, int64_t now_ms)
{
    assert_int_equal(store_advance(store, now_ms, false), CTR_OK);
    return store_progress(store);
}

/* ---- what is held -------------------------------------------------------------------------- */

static void a_record_is_held_until_the_slice_of_its_arrival_closes(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give(store, 0, BEGIN_MS + 5500,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .box = NULL});
    settle_at(store, BEGIN_MS + 5999);
    assert_int_equal(store_progress(store).to_ms, BEGIN_MS + 5000);
    assert_totals(store, 0, "/a", NULL, 0, 0);
    assert_int_equal(counts_of(store, 0).held, 1);
    settle_at(store, BEGIN_MS + 6000);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    assert_int_equal(counts_of(store, 0).held, 0);
    assert_int_equal(counts_of(store, 0).counted, 1);
    assert_int_equal(counts_of(store, 0).stragglers, 0);
    store_free(store);
}

static void a_record_is_held_until_the_slice_of_its_event_time_closes(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 30000, .page = "/a", .box = NULL});
    settle_at(store, BEGIN_MS + 30999);
    assert_totals(store, 0, "/a", NULL, 0, 0);
    settle_at(store, BEGIN_MS + 31000);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    store_free(store);
}

static void arrival_never_goes_back_within_a_partition(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);

    (void)state;
    give(store, 0, BEGIN_MS + 9000,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/a", .box = NULL});
    give(store, 0, BEGIN_MS + 1000,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/b", .box = NULL});
    give(store, 1, BEGIN_MS + 1000,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "/c", .box = NULL});
    settle_at(store, BEGIN_MS + 9500);
    assert_totals(store, 0, "/b", NULL, 0, 0);
    assert_totals(store, 0, "/c", NULL, 1, 0);
    settle_at(store, BEGIN_MS + 10000);
    assert_totals(store, 0, "/b", NULL, 1, 0);
    store_free(store);
}

static void a_window_holds_its_from_and_not_its_to(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    const int64_t to_ms = BEGIN_MS + 12 * MINUTE_MS + 7000;
    const int64_t ten_from_ms = BEGIN_MS + 2 * MINUTE_MS; /* on the grain of 10 s */
    struct key_name site = {{0}, {0}};
    struct reading reading;
    struct figures figures;

    (void)state;
    for (int i = -1; i <= 0; i++) {
        view(store, 0, ten_from_ms + i, i < 0 ? "/before" : "/ten", NULL);
    }
    for (int i = -1; i <= 0; i++) {
        view(store, 0, to_ms - MINUTE_MS + i, i < 0 ? "/minute before" : "/minute", NULL);
        view(store, 0, to_ms + i, i < 0 ? "/last" : "/after", NULL);
    }
    settle_at(store, to_ms + 999);
    store_read(store, 1, &site, 1, &figures, &reading);
    assert_int_equal(reading.from_ms, ten_from_ms);
    assert_int_equal(reading.progress.to_ms, to_ms);
    assert_totals(store, 1, "/before", NULL, 0, 0);
    assert_totals(store, 1, "/ten", NULL, 1, 0);
    assert_totals(store, 1, "/minute before", NULL, 1, 0);
    assert_totals(store, 0, "/minute before", NULL, 0, 0);
    assert_totals(store, 0, "/minute", NULL, 1, 0);
    assert_totals(store, 0, "/last", NULL, 1, 0);
    assert_totals(store, 0, "/after", NULL, 0, 0);
    store_free(store);
}

static void a_straggler_is_counted_with_the_next_advance(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    uint64_t revision = 0;

    (void)state;
    view(store, 0, BEGIN_MS, "/a", NULL);
    settle_at(store, BEGIN_MS + 10000);
    revision = store_progress(store).revision;
    give(store, 0, BEGIN_MS + 9999,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 9000, .page = "/a", .box = NULL});
    assert_int_equal(store_advance(store, BEGIN_MS + 10000, false), CTR_OK);
    assert_totals(store, 0, "/a", NULL, 2, 0);
    assert_int_equal(store_progress(store).to_ms, BEGIN_MS + 10000);
    assert_true(store_progress(store).revision > revision);
    assert_int_equal(counts_of(store, 0).stragglers, 1);
    assert_int_equal(counts_of(store, 0).counted, 2);
    store_free(store);
}

static void a_record_that_arrived_exactly_at_to_is_no_straggler(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    settle_at(store, BEGIN_MS + 10000);
    view(store, 0, BEGIN_MS + 10000, "/a", NULL);
    settle_at(store, BEGIN_MS + 10999);
    assert_totals(store, 0, "/a", NULL, 0, 0);
    settle_at(store, BEGIN_MS + 11000);
    assert_totals(store, 0, "/a", NULL, 1, 0);
    assert_int_equal(counts_of(store, 0).stragglers, 0);
    store_free(store);
}

static void a_straggler_from_the_future_waits_for_its_event_time(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    settle_at(store, BEGIN_MS + 10000);
    give(store, 0, BEGIN_MS + 9000,
         (struct given){.type = EVENT_CLICK, .ts_ms = BEGIN_MS + 12500, .page = "/a", .box = NULL});
    settle_at(store, BEGIN_MS + 12999);
    assert_totals(store, 0, "/a", NULL, 0, 0);
    settle_at(store, BEGIN_MS + 13000);
    assert_totals(store, 0, "/a", NULL, 0, 1);
    assert_int_equal(counts_of(store, 0).stragglers, 1);
    store_free(store);
}

/* ---- verdicts ------------------------------------------------------------------------------ */

static void late_is_strictly_more_than_the_horizon(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give(store, 0, BEGIN_MS,
         (struct given){
             .type = EVENT_VIEW, .ts_ms = BEGIN_MS - 48 * HOUR_MS, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 0).late, 0);
    give(store, 0, BEGIN_MS,
         (struct given){
             .type = EVENT_VIEW, .ts_ms = BEGIN_MS - 48 * HOUR_MS - 1, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 0).late, 1);
    assert_int_equal(counts_of(store, 0).held, 1);
    assert_int_equal(counts_of(store, 0).read, 2);
    store_free(store);
}

static void future_is_strictly_more_than_its_bound(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 60000, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 0).future, 0);
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 60001, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 0).future, 1);
    store_free(store);
}

static void both_verdicts_can_be_off(void **state)
{
    struct store_options options = fixture_options("24h");
    struct store *store = NULL;

    (void)state;
    options.late_ms = INT64_MAX;
    options.future_ms = INT64_MAX;
    store = fixture_store(&options, 1);
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = 0, .page = "/a", .box = NULL});
    give(store, 0, 0,
         (struct given){.type = EVENT_VIEW, .ts_ms = EVENT_TS_MS_MAX, .page = "/a", .box = NULL});
    assert_int_equal(counts_of(store, 0).held, 2);
    settle_at(store, BEGIN_MS + 1000);
    assert_totals(store, 0, "/a", NULL, 0, 0); /* one before every window, one not yet */
    assert_int_equal(counts_of(store, 0).counted, 1);
    store_free(store);
}

static void a_record_dated_too_far_ahead_of_the_wall_clock_is_future(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct event event = {.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = as_text("/a")};

    (void)state;
    assert_int_equal(store_record_event(store, 0, 0, BEGIN_MS + 60001, BEGIN_MS, &event), CTR_OK);
    assert_int_equal(counts_of(store, 0).future, 1);
    assert_true(store_partition(store, 0)->arrival_ms == MOMENT_NONE);
    assert_int_equal(store_record_event(store, 0, 1, BEGIN_MS + 60000, BEGIN_MS, &event), CTR_OK);
    assert_int_equal(counts_of(store, 0).held, 1);
    assert_int_equal(store_partition(store, 0)->arrival_ms, BEGIN_MS + 60000);
    store_free(store);
}

static void a_refused_record_does_not_move_the_clock_of_its_partition(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    view(store, 0, BEGIN_MS, "/a", NULL);
    give(store, 0, BEGIN_MS + 9000,
         (struct given){
             .type = EVENT_VIEW, .ts_ms = BEGIN_MS - 49 * HOUR_MS, .page = "/a", .box = NULL});
    store_record_malformed(store, 0, 2, BEGIN_MS + 9000, MALFORMED_EMPTY, "");
    assert_int_equal(progress_at(store, BEGIN_MS + 10000).as_of_ms, BEGIN_MS);
    store_free(store);
}

static void a_record_without_a_time_of_its_own_has_that_of_its_event(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct event event = {.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = as_text("/a")};

    (void)state;
    assert_int_equal(store_record_event(store, 0, 0, -1, BEGIN_MS + 1000, &event), CTR_OK);
    assert_int_equal(store_partition(store, 0)->arrival_ms, BEGIN_MS);
    store_free(store);
}

static void the_same_offset_is_counted_once(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct event event = {.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = as_text("/a")};

    (void)state;
    assert_int_equal(store_record_event(store, 0, 7, BEGIN_MS, BEGIN_MS, &event), CTR_OK);
    assert_int_equal(store_record_event(store, 0, 7, BEGIN_MS, BEGIN_MS, &event), CTR_OK);
    assert_int_equal(store_record_event(store, 0, 3, BEGIN_MS, BEGIN_MS, &event), CTR_OK);
    store_record_malformed(store, 0, 7, BEGIN_MS, MALFORMED_EMPTY, "");
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(counts_of(store, 0).read, 1);
    assert_totals(store, 0, NULL, NULL, 1, 0);
    store_free(store);
}

static void malformed_records_are_counted_by_reason_and_the_newest_are_kept(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct store_status status;
    char detail[2 * MALFORMED_DETAIL_BYTES];

    (void)state;
    memset(detail, 'x', sizeof detail - 1);
    detail[sizeof detail - 1] = '\0';
    for (int64_t i = 0; i < MALFORMED_SAMPLES_MAX + 3; i++) {
        store_record_malformed(store, 0, i, BEGIN_MS,
                               i % 2 == 0 ? MALFORMED_NOT_JSON : MALFORMED_MISSING, detail);
    }
    assert_int_equal(store_advance(store, BEGIN_MS, true), CTR_OK);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.malformed[MALFORMED_NOT_JSON], 6);
    assert_int_equal(status.malformed[MALFORMED_MISSING], 5);
    assert_int_equal(status.samples_count, MALFORMED_SAMPLES_MAX);
    for (size_t i = 0; i < status.samples_count; i++) {
        assert_int_equal(status.samples[i].offset, MALFORMED_SAMPLES_MAX + 2 - (int64_t)i);
        assert_int_equal(strlen(status.samples[i].detail), MALFORMED_DETAIL_BYTES - 1);
    }
    assert_int_equal(status.partitions[0].counts.read, MALFORMED_SAMPLES_MAX + 3);
    store_status_done(&status);
    store_free(store);
}

/* ---- levels -------------------------------------------------------------------------------- */

static void give_one_of_each(struct store *store)
{
    view(store, 0, BEGIN_MS, "/a", NULL);
    view(store, 0, BEGIN_MS, "/a", "box");
    view(store, 0, BEGIN_MS, "/a", "box");
    click(store, 0, BEGIN_MS, "/a", NULL);
    click(store, 0, BEGIN_MS, "/a", "box");
    click(store, 0, BEGIN_MS, "/b", "box");
    settle_at(store, BEGIN_MS + 1000);
}

static void page_views_count_for_pages_and_box_views_for_boxes(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give_one_of_each(store);
    assert_totals(store, 0, NULL, NULL, 1, 3);
    assert_totals(store, 0, "/a", NULL, 1, 2);
    assert_totals(store, 0, "/b", NULL, 0, 1);
    assert_totals(store, 0, NULL, "box", 2, 2);
    assert_totals(store, 0, "/a", "box", 2, 1);
    assert_totals(store, 0, "/b", "box", 0, 1);
    assert_totals(store, 0, "box", NULL, 0, 0);
    assert_totals(store, 0, NULL, "/a", 0, 0);
    store_free(store);
}

static void box_views_count_for_pages_and_site_where_set(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS;
    store = fixture_store(&options, 1);
    give_one_of_each(store);
    assert_totals(store, 0, NULL, NULL, 3, 3);
    assert_totals(store, 0, "/a", NULL, 3, 2);
    assert_totals(store, 0, NULL, "box", 2, 2);
    assert_totals(store, 0, "/a", "box", 2, 1);
    store_free(store);
}

static void windows_empty_when_time_passes_without_an_event(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    struct store_status status;

    (void)state;
    give_one_of_each(store);
    assert_totals(store, 0, "/a", "box", 2, 1);
    settle_at(store, BEGIN_MS + MINUTE_MS + 1000);
    assert_totals(store, 0, "/a", "box", 0, 0);
    assert_totals(store, 1, "/a", "box", 2, 1);
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS + 10000);
    assert_totals(store, 1, "/a", "box", 0, 0);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    for (int level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        assert_int_equal(status.keys[level], 0);
    }
    assert_int_equal(counts_of(store, 0).counted, 6);
    store_status_done(&status);
    store_free(store);
}

static void an_event_older_than_every_window_is_counted_and_in_no_answer(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    give(
        store, 0, BEGIN_MS,
        (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS - HOUR_MS, .page = "/a", .box = NULL});
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(counts_of(store, 0).counted, 1);
    assert_totals(store, 0, NULL, NULL, 0, 0);
    store_free(store);
}

static void a_late_event_is_counted_in_the_windows_that_hold_its_slice(void **state)
{
    struct store_options options = fixture_options("1m,10m,1h,24h");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    settle_at(store, BEGIN_MS + 30 * HOUR_MS);
    give(store, 0, BEGIN_MS + 30 * HOUR_MS,
         (struct given){.type = EVENT_VIEW,
                        .ts_ms = BEGIN_MS + 30 * HOUR_MS - 5 * MINUTE_MS,
                        .page = "/a",
                        .box = NULL});
    give(store, 0, BEGIN_MS + 30 * HOUR_MS,
         (struct given){
             .type = EVENT_VIEW, .ts_ms = BEGIN_MS + 10 * HOUR_MS, .page = "/a", .box = NULL});
    settle_at(store, BEGIN_MS + 30 * HOUR_MS + 1000);
    assert_totals(store, 0, "/a", NULL, 0, 0);
    assert_totals(store, 1, "/a", NULL, 1, 0);
    assert_totals(store, 2, "/a", NULL, 1, 0);
    assert_totals(store, 3, "/a", NULL, 2, 0);
    store_free(store);
}

/* ---- the limit on keys --------------------------------------------------------------------- */

static struct totals other_of(const struct store *store, enum level level)
{
    struct list_query query = {
        .level = level, .page = as_text("/none"), .sort = LIST_BY_ID, .limit = 1};
    struct listing *listing = NULL;
    struct totals other;

    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    other = listing->other;
    listing_free(listing);
    return other;
}

static void beyond_the_limit_the_other_row_keeps_the_sums_right(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct store_status status;
    struct key_name unknown = {.page = as_text("/3")};
    struct reading reading;
    struct figures figures;

    (void)state;
    options.keys_max = 3;
    store = fixture_store(&options, 1);
    view(store, 0, BEGIN_MS, "/1", "b"); /* takes three: page, box, placement */
    click(store, 0, BEGIN_MS, "/1", "b");
    view(store, 0, BEGIN_MS, "/2", NULL);
    view(store, 0, BEGIN_MS, "/3", "c");
    click(store, 0, BEGIN_MS, "/3", "c");
    settle_at(store, BEGIN_MS + 1000);
    assert_totals(store, 0, NULL, NULL, 1, 2);
    assert_totals(store, 0, "/1", "b", 1, 1);
    assert_int_equal(other_of(store, LEVEL_PAGE).impressions, 1);
    assert_int_equal(other_of(store, LEVEL_PAGE).clicks, 1);
    assert_int_equal(other_of(store, LEVEL_BOX).impressions, 1);
    assert_int_equal(other_of(store, LEVEL_PLACEMENT).clicks, 1);
    store_read(store, 0, &unknown, 1, &figures, &reading);
    assert_int_equal(figures.totals.impressions + figures.totals.clicks, 0);
    assert_true(figures.folded);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys_folded, 7);
    assert_int_equal(status.keys_max, 3);
    store_status_done(&status);
    store_free(store);
}

static void keys_come_back_when_old_ones_expire(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    struct key_name unknown = {.page = as_text("/9")};
    struct reading reading;
    struct figures figures;

    (void)state;
    options.keys_max = 1;
    store = fixture_store(&options, 1);
    view(store, 0, BEGIN_MS, "/1", NULL);
    view(store, 0, BEGIN_MS, "/2", NULL);
    settle_at(store, BEGIN_MS + 1000);
    assert_totals(store, 0, "/2", NULL, 0, 0);
    settle_at(store, BEGIN_MS + 61000);
    assert_int_equal(other_of(store, LEVEL_PAGE).impressions, 0);
    view(store, 0, BEGIN_MS + 61000, "/2", NULL);
    settle_at(store, BEGIN_MS + 62000);
    assert_totals(store, 0, "/2", NULL, 1, 0);
    store_read(store, 0, &unknown, 1, &figures, &reading);
    assert_false(figures.folded);
    store_free(store);
}

static void who_gets_the_last_key_depends_on_topic_partition_and_offset(void **state)
{
    struct store_options options = fixture_options("1m");

    (void)state;
    options.keys_max = 1;
    for (int order = 0; order < 2; order++) {
        struct store *store = fixture_store(&options, 2);

        view(store, order == 0 ? 0 : 1, BEGIN_MS, order == 0 ? "/first" : "/second", NULL);
        view(store, order == 0 ? 1 : 0, BEGIN_MS, order == 0 ? "/second" : "/first", NULL);
        settle_at(store, BEGIN_MS + 1000);
        assert_totals(store, 0, "/first", NULL, 1, 0);
        assert_totals(store, 0, "/second", NULL, 0, 0);
        store_free(store);
    }
}

/* ---- life ---------------------------------------------------------------------------------- */

/* Long ids use up their bytes before their number; what they leave when they go is free again. */
static void ids_of_keys_have_a_limit_in_bytes(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    struct store_status status;
    char page[300];

    (void)state;
    options.key_text_max_bytes = 2000;
    store = fixture_store(&options, 1);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(page, sizeof page, "/%0200d", i);
        view(store, 0, BEGIN_MS + i, page, NULL);
    }
    settle_at(store, BEGIN_MS + 2000);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys[LEVEL_PAGE], 9); /* the ninth passes 8 * (40 + 201) < 2000 */
    assert_int_equal(status.keys_folded, 11);
    store_status_done(&status);
    assert_totals(store, 0, NULL, NULL, 20, 0);
    settle_at(store, BEGIN_MS + 200000);
    view(store, 0, BEGIN_MS + 200500, "/new", NULL);
    settle_at(store, BEGIN_MS + 202000);
    assert_totals(store, 0, "/new", NULL, 1, 0);
    store_free(store);
}

static void held_records_have_a_limit_in_bytes(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    char page[300];
    int held = 0;

    (void)state;
    options.held_max_bytes = 10000;
    store = fixture_store(&options, 1);
    for (; held < 100 && !store_overfull(store); held++) {
        (void)snprintf(page, sizeof page, "/%0200d", held);
        view(store, 0, BEGIN_MS + held, page, NULL);
    }
    assert_in_range(held, 25, 40); /* some 300 bytes each */
    settle_at(store, BEGIN_MS + 2000);
    assert_false(store_overfull(store)); /* names of keys do not count */
    store_free(store);
}

static void a_store_needs_a_window(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct ctr_error err = {0};

    (void)state;
    options.windows.count = 0;
    assert_int_equal(store_new(&options, &store, &err), CTR_INVALID);
    assert_null(store);
    store_free(NULL);
    listing_free(NULL);
}

static void a_partition_has_one_index_and_a_bounded_name(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);
    char topic[PARTITION_TOPIC_BYTES + 1];
    uint32_t index = 9;

    (void)state;
    assert_int_equal(store_partition_open(store, "events", 1, &index), CTR_OK);
    assert_int_equal(index, 1);
    assert_int_equal(store_partition_count(store), 2);
    memset(topic, 't', sizeof topic);
    topic[PARTITION_TOPIC_BYTES] = '\0';
    assert_int_equal(store_partition_open(store, topic, 0, &index), CTR_LIMIT);
    topic[PARTITION_TOPIC_BYTES - 1] = '\0';
    assert_int_equal(store_partition_open(store, topic, 0, &index), CTR_OK);
    for (int32_t number = 0; number < PARTITIONS_MAX - 3; number++) {
        assert_int_equal(store_partition_open(store, "z", number, &index), CTR_OK);
    }
    assert_int_equal(store_partition_open(store, "z", PARTITIONS_MAX, &index), CTR_LIMIT);
    store_free(store);
}

static void partitions_are_listed_by_topic_and_number(void **state)
{
    static const struct {
        const char *topic;
        int32_t number;
    } order[] = {{"b", 2}, {"a", 10}, {"b", 0}, {"a", 9}, {"aa", 0}};
    static const char *const wanted[] = {"a/9", "a/10", "aa/0", "b/0", "b/2"};
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 0);
    struct store_status status;
    uint32_t index = 0;

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(store_partition_open(store, order[i].topic, order[i].number, &index),
                         CTR_OK);
        assert_int_equal(index, i);
    }
    assert_int_equal(store_advance(store, BEGIN_MS, false), CTR_OK);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.partitions_count, 5);
    for (size_t i = 0; i < 5; i++) {
        char text[PARTITION_TOPIC_BYTES + 16];

        (void)snprintf(text, sizeof text, "%s/%d", status.partitions[i].topic,
                       status.partitions[i].number);
        assert_string_equal(text, wanted[i]);
    }
    store_status_done(&status);
    store_free(store);
}

static void what_may_be_missing_only_grows(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 0);

    (void)state;
    assert_true(store_progress(store).covered_from_ms == MOMENT_NONE);
    store_cover_from(store, BEGIN_MS);
    store_cover_from(store, BEGIN_MS - 1);
    assert_int_equal(store_advance(store, BEGIN_MS, true), CTR_OK);
    assert_int_equal(store_progress(store).covered_from_ms, BEGIN_MS);
    store_free(store);
}

static void the_oldest_sign_of_life_is_that_of_all_partitions(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);

    (void)state;
    view(store, 0, BEGIN_MS, "/a", NULL);
    assert_true(progress_at(store, BEGIN_MS).alive_ms == MOMENT_NONE);
    partition_confirm(store_partition(store, 1), 0, BEGIN_MS + 7000);
    assert_int_equal(progress_at(store, BEGIN_MS).alive_ms, BEGIN_MS);
    partition_end(store_partition(store, 0), 1, BEGIN_MS + 9000);
    assert_int_equal(progress_at(store, BEGIN_MS).alive_ms, BEGIN_MS + 7000);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_held_until_the_slice_of_its_arrival_closes),
        cmocka_unit_test(a_record_is_held_until_the_slice_of_its_event_time_closes),
        cmocka_unit_test(arrival_never_goes_back_within_a_partition),
        cmocka_unit_test(a_window_holds_its_from_and_not_its_to),
        cmocka_unit_test(a_straggler_is_counted_with_the_next_advance),
        cmocka_unit_test(a_record_that_arrived_exactly_at_to_is_no_straggler),
        cmocka_unit_test(a_straggler_from_the_future_waits_for_its_event_time),
        cmocka_unit_test(late_is_strictly_more_than_the_horizon),
        cmocka_unit_test(future_is_strictly_more_than_its_bound),
        cmocka_unit_test(both_verdicts_can_be_off),
        cmocka_unit_test(a_record_dated_too_far_ahead_of_the_wall_clock_is_future),
        cmocka_unit_test(a_refused_record_does_not_move_the_clock_of_its_partition),
        cmocka_unit_test(a_record_without_a_time_of_its_own_has_that_of_its_event),
        cmocka_unit_test(the_same_offset_is_counted_once),
        cmocka_unit_test(malformed_records_are_counted_by_reason_and_the_newest_are_kept),
        cmocka_unit_test(page_views_count_for_pages_and_box_views_for_boxes),
        cmocka_unit_test(box_views_count_for_pages_and_site_where_set),
        cmocka_unit_test(windows_empty_when_time_passes_without_an_event),
        cmocka_unit_test(an_event_older_than_every_window_is_counted_and_in_no_answer),
        cmocka_unit_test(a_late_event_is_counted_in_the_windows_that_hold_its_slice),
        cmocka_unit_test(beyond_the_limit_the_other_row_keeps_the_sums_right),
        cmocka_unit_test(keys_come_back_when_old_ones_expire),
        cmocka_unit_test(who_gets_the_last_key_depends_on_topic_partition_and_offset),
        cmocka_unit_test(ids_of_keys_have_a_limit_in_bytes),
        cmocka_unit_test(held_records_have_a_limit_in_bytes),
        cmocka_unit_test(a_store_needs_a_window),
        cmocka_unit_test(a_partition_has_one_index_and_a_bounded_name),
        cmocka_unit_test(partitions_are_listed_by_topic_and_number),
        cmocka_unit_test(what_may_be_missing_only_grows),
        cmocka_unit_test(the_oldest_sign_of_life_is_that_of_all_partitions),
    };

    return cmocka_run_group_tests_name("storage/store", tests, NULL, NULL);
}
