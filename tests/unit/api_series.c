/* SPDX-License-Identifier: Apache-2.0 */
#include "api_past.h"

#include <math.h>

#include "storage/rate.h"

static struct past past;

static int start(void **state)
{
    if (make_path(state) != 0) {
        return -1;
    }
    past_start(&past);
    return 0;
}

static int done(void **state)
{
    (void)state;
    past_done(&past);
    return 0;
}

/* The points of a series as text. */
static char *points_of(const char *target)
{
    json_t *series = past_get(&past, target);
    char *text = json_dumps(json_object_get(series, "points"), JSON_COMPACT);

    assert_non_null(text);
    json_decref(series);
    return text;
}

/* ---- points -------------------------------------------------------------------------------- */

static void a_point_is_a_minute_with_its_counts_people_and_state(void **state)
{
    static const char *const states[] = {"final", "final", "final", "closing", "closing", "live"};
    json_t *series = NULL;
    const json_t *point = NULL;
    struct rate rate = rate_of(3, 1);

    (void)state;
    past_give(&past, (struct given){.ts_ms = AT(0, 5), .visitor = "v"});
    past_give(&past, (struct given){.type = EVENT_CLICK, .ts_ms = AT(0, 6), .visitor = "v"});
    past_give(&past, (struct given){.type = EVENT_CLICK, .ts_ms = AT(0, 7), .page = "/b"});
    past_events(&past, 2, 0, AT(0, 8));
    past_settle(&past, AT(1, 30));
    past_events(&past, 1, 0, AT(1, 30));
    past_settle(&past, AT(4, 15));
    series =
        past_get(&past, "/v1/series?page=/a&from=2026-11-23T17:19:59Z&to=2026-11-23T17:25:00Z");
    assert_int_equal(json_array_size(json_object_get(series, "points")), 6);
    for (size_t i = 0; i < 6; i++) {
        assert_words(past_point(series, i), "state", states[i]);
    }
    point = past_point(series, 1);
    assert_words(point, "start", "2026-11-23T17:20:00.000Z");
    assert_member(point, "impressions", 3);
    assert_member(point, "clicks", 1);
    assert_true(fabs(fixture_number(point, "ctr_low") - rate.low) < 1e-15);
    assert_true(fabs(fixture_number(point, "ctr_high") - rate.high) < 1e-15);
    assert_member(point, "viewers_10m", 1);
    assert_member(point, "clickers_10m", 1);
    assert_member(point, "unseen_clickers_10m", 0);
    assert_member(point, "unique_ctr_10m", 1);
    assert_member(point, "revision", 0);
    assert_member(point, "coverage", 1);
    point = past_point(series, 0); /* no row: zeros, a ratio of nothing, nobody asked for people */
    assert_member(point, "impressions", 0);
    assert_true(is_null(point, "ctr"));
    assert_true(is_null(point, "viewers_10m"));
    point = past_point(series, 5); /* a quarter of it has passed */
    assert_member(point, "impressions", 0);
    assert_true(fabs(fixture_number(point, "coverage") - 0.25) < 1e-12);
    json_decref(series);
}

static void a_series_says_of_what_and_up_to_when_it_is(void **state)
{
    json_t *series = NULL;

    (void)state;
    past_events(&past, 2, 1, AT(0, 5));
    past_settle(&past, AT(1, 30) + 500);
    past.now_ms += 100;
    series = past_get(&past, "/v1/series?page=/a");
    assert_words(series, "page", "/a");
    assert_null(json_object_get(series, "box"));
    assert_words(series, "step", "1m");
    assert_words(series, "from", "2026-11-23T16:22:00.000Z"); /* 60 steps */
    assert_words(series, "to", "2026-11-23T17:22:00.000Z");   /* the newest one is in it */
    assert_words(series, "counted_to", "2026-11-23T17:21:30.000Z");
    assert_words(series, "as_of", "2026-11-23T17:21:30.500Z");
    assert_member(series, "lag_ms", 100);
    assert_words(series, "state", "live");
    assert_null(json_object_get(series, "compare"));
    assert_int_equal(json_array_size(json_object_get(series, "points")), 60);
    assert_member(past_point(series, 58), "impressions", 2);
    json_decref(series);
}

static void a_longer_step_sums_what_is_known_and_says_how_much_that_is(void **state)
{
    json_t *series = NULL;
    const json_t *point = NULL;

    (void)state;
    store_cover_from(past.store, AT(5, 0));
    for (int i = 0; i < 40; i++) {
        past_events(&past, i >= 5, 0, AT(i, 1));
        past_settle(&past, AT(i, 30));
    }
    series = past_get(&past, "/v1/series?page=/a&step=10m&from=2026-11-23T17:10:00Z");
    assert_int_equal(json_array_size(json_object_get(series, "points")), 5);
    point = past_point(series, 0);
    assert_true(is_null(point, "impressions"));
    assert_true(is_null(point, "revision"));
    assert_member(point, "coverage", 0);
    point = past_point(series, 1);
    assert_member(point, "impressions", 5);
    assert_true(fabs(fixture_number(point, "coverage") - 0.5) < 1e-12);
    assert_true(is_null(point, "viewers_10m"));
    assert_words(point, "state", "final");
    assert_member(past_point(series, 2), "impressions", 10);
    point = past_point(series, 4); /* the newest minute decides */
    assert_words(point, "state", "live");
    assert_true(fabs(fixture_number(point, "coverage") - 0.95) < 1e-12);
    json_decref(series);
}

static void what_has_not_begun_and_what_was_before_the_service_is_null(void **state)
{
    json_t *series = NULL;

    (void)state;
    store_cover_from(past.store, AT(1, 0));
    past_events(&past, 1, 0, AT(2, 0));
    past_settle(&past, AT(4, 0));
    series = past_get(&past, "/v1/series?from=2026-11-23T17:20:00Z&to=2026-11-23T17:26:00Z");
    assert_true(is_null(past_point(series, 0), "impressions"));
    assert_member(past_point(series, 1), "impressions", 0);
    assert_member(past_point(series, 2), "impressions", 1);
    assert_member(past_point(series, 3), "impressions", 0);
    assert_true(is_null(past_point(series, 4), "impressions"));
    assert_words(past_point(series, 4), "state", "live");
    json_decref(series);
}

/* ---- from two places ----------------------------------------------------------------------- */

/* Nobody must be able to tell where a number lies: not saved, saved and still in the store, only
 * in the file, corrected after that, and read back by another process. */
static void saved_or_not_makes_no_difference(void **state)
{
    static const char target[] = "/v1/series?page=/a&from=2026-11-23T17:20:00Z&"
                                 "to=2026-11-23T17:26:00Z";
    char *unsaved = NULL;
    char *now = NULL;
    struct checkpoint *loaded = NULL;

    (void)state;
    past_events(&past, 7, 2, AT(0, 5));
    past_settle(&past, AT(1, 0));
    past_events(&past, 5, 0, AT(1, 0));
    past_settle(&past, AT(3, 0) + 1000);
    past_events(&past, 1, 0, AT(0, 59)); /* a correction, waiting for the next cut */
    past_settle(&past, AT(6, 0));
    unsaved = points_of(target);
    assert_non_null(strstr(unsaved, "\"impressions\":8"));
    assert_non_null(strstr(unsaved, "\"revision\":1"));
    for (int i = 0; i < 3; i++) {
        past_save(&past);
        now = points_of(target);
        assert_string_equal(now, unsaved);
        free(now);
    }
    store_free(past.store);
    assert_int_equal(snapshot_load(past.snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(store_restore(&past.options, loaded, &past.store, NULL), CTR_OK);
    checkpoint_free(loaded);
    past.context.store = past.store;
    now = points_of(target);
    assert_string_equal(now, unsaved);
    free(now);
    free(unsaved);
}

static void a_cut_that_is_saved_in_between_is_asked_for_again(void **state)
{
    json_t *series = NULL;

    (void)state;
    past_events(&past, 7, 2, AT(0, 5));
    past_settle(&past, AT(4, 0));
    past_save(&past);
    past_events(&past, 1, 0, AT(4, 0));
    past_settle(&past, AT(8, 0));
    past_save(&past); /* the store lets go of what was in the first one */
    past.stale = 2;
    series = past_get(&past, "/v1/series?page=/a&from=2026-11-23T17:20:00Z");
    assert_member(past_point(series, 0), "impressions", 7);
    assert_int_equal(past.asked, 3);
    json_decref(series);
    past.stale = 100;
    past.asked = 0;
    fixture_expect_problem(past_ask(&past, "/v1/series?page=/a"), 503, "history");
    assert_int_equal(past.asked, 5);
}

static void a_disk_that_does_not_answer_is_503_at_once(void **state)
{
    static const enum ctr_status failures[] = {CTR_RETRY, CTR_IO, CTR_CORRUPT, CTR_STOPPED};
    struct api_response response;

    (void)state;
    past_settle(&past, AT(4, 0));
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        past.history_fails = failures[i];
        past.asked = 0;
        response = past_ask(&past, "/v1/series?compare=1d,7d");
        assert_int_equal(response.retry_after_s, 1);
        fixture_expect_problem(response, 503, "/v1/status says how the snapshot is");
        assert_int_equal(past.asked, 1); /* each question may have waited for two seconds */
    }
}

static void without_a_history_only_what_the_store_holds_is_known(void **state)
{
    json_t *series = NULL;

    (void)state;
    past.context.history = NULL;
    past_events(&past, 1, 0, AT(0, 0));
    past_settle(&past, AT(10, 0));
    series = past_get(&past, "/v1/series?from=2026-11-23T17:19:00Z&to=2026-11-23T17:30:00Z");
    assert_true(is_null(past_point(series, 0), "impressions")); /* final: it may be elsewhere */
    assert_member(past_point(series, 1), "impressions", 1);     /* final, but not saved yet */
    assert_true(is_null(past_point(series, 8), "impressions"));
    assert_member(past_point(series, 9), "impressions", 0); /* closing */
    json_decref(series);
}

/* ---- what is kept -------------------------------------------------------------------------- */

/* Minutes of the hours from 17:00 on, ten views each, then hours later; minutes are kept for two
 * hours, hours for two days. */
static void give_three_hours(void)
{
    past.context.keep_minutes_ms = 2 * HOUR_MS;
    past.context.keep_hours_ms = 2 * DAY_MS;
    snapshot_keep(past.snapshot, 2 * HOUR_MS, 2 * DAY_MS);
    for (int i = 0; i < 160; i += 10) {
        past_events(&past, 10, 1, AT(i, 1));
        past_settle(&past, AT(i, 2));
    }
    past_settle(&past, AT(164, 0)); /* 20:04 */
    past_save(&past);
}

static void minutes_that_became_hours_serve_whole_hours_only(void **state)
{
    json_t *minutes = NULL;
    json_t *hours = NULL;
    json_t *halves = NULL;

    (void)state;
    give_three_hours();
    minutes = past_get(&past, "/v1/series?page=/a&step=10m&from=2026-11-23T17:20:00Z");
    assert_true(is_null(past_point(minutes, 0), "impressions"));
    assert_true(is_null(past_point(minutes, 3), "impressions"));
    assert_member(past_point(minutes, 4), "impressions", 10); /* 18:00, the first hour kept */
    hours = past_get(&past, "/v1/series?page=/a&step=1h&from=2026-11-23T17:00:00Z");
    assert_member(past_point(hours, 0), "impressions", 40);
    assert_member(past_point(hours, 0), "clicks", 4);
    assert_member(past_point(hours, 1), "impressions", 60);
    halves = past_get(&past, "/v1/series?page=/a&step=90m&from=2026-11-23T16:30:00Z");
    assert_member(past_point(halves, 1), "impressions", 90); /* 18:00 to 19:30 */
    assert_true(is_null(past_point(halves, 0), "impressions"));
    json_decref(minutes);
    json_decref(hours);
    json_decref(halves);
}

/* Keeping them for longer from now on does not bring them back: nor may they look like zeros. */
static void minutes_that_are_gone_are_null_though_they_should_be_kept(void **state)
{
    json_t *series = NULL;

    (void)state;
    give_three_hours();
    past.context.keep_minutes_ms = 8 * DAY_MS;
    series = past_get(&past, "/v1/series?page=/a&from=2026-11-23T17:30:00Z&"
                             "to=2026-11-23T18:01:00Z");
    assert_true(is_null(past_point(series, 0), "impressions"));
    assert_true(is_null(past_point(series, 29), "impressions"));
    assert_member(past_point(series, 30), "impressions", 10);
    json_decref(series);
    series = past_get(&past, "/v1/series?page=/a&step=90m&from=2026-11-23T16:30:00Z");
    assert_true(fabs(fixture_number(past_point(series, 0), "coverage") - 1.0 / 3) < 1e-12);
    json_decref(series);
}

/* What is too old but not tidied up yet is as gone as what is. */
static void what_is_known_does_not_depend_on_when_the_disk_is_tidied_up(void **state)
{
    json_t *series = NULL;

    (void)state;
    give_three_hours();
    past.context.keep_minutes_ms = HOUR_MS; /* nobody has tidied up for that */
    series = past_get(&past, "/v1/series?page=/a&step=10m&from=2026-11-23T18:50:00Z");
    assert_true(is_null(past_point(series, 0), "impressions"));
    assert_member(past_point(series, 1), "impressions", 10);
    json_decref(series);
    past_settle(&past, AT(0, 0) + 3 * DAY_MS);
    series = past_get(&past, "/v1/series?page=/a&step=1h&from=2026-11-23T18:00:00Z&"
                             "to=2026-11-24T02:00:00Z");
    assert_true(is_null(past_point(series, 0), "impressions"));
    assert_member(past_point(series, 6), "impressions", 0); /* 24 November, 00:00 */
    json_decref(series);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static void the_same_stretch_earlier_comes_with_the_difference(void **state)
{
    struct rate now = rate_of(40, 8);
    struct rate then = rate_of(30, 3);
    struct rate_difference wanted = rate_difference_of(&now, &then);
    json_t *series = NULL;
    const json_t *first = NULL;
    const json_t *difference = NULL;

    (void)state;
    past_events(&past, 30, 3, AT(0, 1));
    past_settle(&past, AT(60, 0));
    past_events(&past, 40, 8, AT(60, 1));
    past_settle(&past, AT(64, 0));
    past_save(&past);
    past.asked = 0;
    series = past_get(&past, "/v1/series?page=/a&compare=1h,2h&from=2026-11-23T18:20:00Z&"
                             "to=2026-11-23T18:22:00Z");
    assert_int_equal(past.asked, 3);
    assert_int_equal(json_array_size(json_object_get(series, "compare")), 2);
    first = json_array_get(json_object_get(series, "compare"), 0);
    assert_words(first, "shift", "1h");
    assert_int_equal(json_array_size(json_object_get(first, "points")), 2);
    assert_words(past_point(first, 0), "start", "2026-11-23T17:20:00.000Z");
    assert_member(past_point(first, 0), "impressions", 30);
    difference = json_object_get(first, "difference");
    assert_true(wanted.known);
    assert_true(fabs(fixture_number(difference, "ctr") - wanted.difference) < 1e-15);
    assert_true(fabs(fixture_number(difference, "ctr_low") - wanted.low) < 1e-15);
    assert_true(fabs(fixture_number(difference, "ctr_high") - wanted.high) < 1e-15);
    difference =
        json_object_get(json_array_get(json_object_get(series, "compare"), 1), "difference");
    assert_true(is_null(difference, "ctr")); /* nothing was seen two hours before */
    assert_true(is_null(difference, "ctr_low"));
    json_decref(series);
}

/* ---- arguments ----------------------------------------------------------------------------- */

static void bad_arguments_are_400_with_what_would_do(void **state)
{
    static const char *const cases[][2] = {
        {"step=30s", "step must be whole minutes"},
        {"step=7m", "step must be"},
        {"step=36h", "step must be"},
        {"step=1", "step must be"},
        {"from=now", "from must be a time like 2026-11-23T17:30:00Z, not \"now\""},
        {"to=2026-11-23", "to must be a time"},
        {"from=2026-11-23T17:20:00Z&to=2026-11-23T17:20:00Z", "from must lie before to"},
        {"from=2026-11-24T17:20:00Z", "from must lie before to"},
        {"compare=1d,", "compare must be"},
        {"compare=,1d", "compare must be"},
        {"compare=30s", "compare must be"},
        {"step=1d&compare=1h", "compare must be"},
        {"compare=1d,2d,3d,4d,5d", "up to 4 spans"},
        {"minute=2026-11-23T17:20:00Z", "from, to, step, compare and max_lag_ms"},
        {"from=2026-11-22T00:00:00Z&to=2026-11-23T09:21:00Z", "have to be 2m or longer"},
        {"from=2026-11-01T00:00:00Z&to=2026-11-21T00:00:00Z", "have to be 15m or longer"},
        {"from=2026-01-01T00:00:00Z&to=2026-11-21T00:00:00Z", "have to be 4h or longer"},
        {"from=1990-01-01T00:00:00Z&to=2026-11-21T00:00:00Z", "have to be 7d or longer"},
    };
    char target[256];

    (void)state;
    past_settle(&past, AT(4, 0));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, "/v1/series?%s", cases[i][0]);
        fixture_expect_problem(past_ask(&past, target), 400, cases[i][1]);
    }
}

static void two_thousand_points_are_answered(void **state)
{
    static const char *const targets[] = {
        "/v1/series?from=2026-11-22T00:00:00Z&to=2026-11-23T09:20:00Z",
        "/v1/series?from=2026-11-22T00:00:00Z&to=2026-11-23T09:21:00Z&step=2m",
        "/v1/series?from=2020-11-22T00:00:00Z"}; /* as far as it goes */
    static const size_t wanted[] = {2000, 1001, 2000};

    (void)state;
    past_settle(&past, AT(4, 0));
    for (size_t i = 0; i < 3; i++) {
        json_t *series = past_get(&past, targets[i]);

        assert_int_equal(json_array_size(json_object_get(series, "points")), wanted[i]);
        json_decref(series);
    }
}

static void before_a_first_to_it_is_starting(void **state)
{
    (void)state;
    fixture_expect_problem(past_ask(&past, "/v1/series"), 503, "Not every partition");
    fixture_expect_problem(past_ask(&past, "/v1/explain"), 503, "Not every partition");
}

/* The disk is slow, and meanwhile the store moves on. */
static enum ctr_status history_of_later(void *owner, const struct api_history_question *question,
                                        struct api_history *ret_history)
{
    settle_at(past.store, AT(4, 30));
    return past_history(owner, question, ret_history);
}

static void a_tag_begins_with_the_moment_that_was_read(void **state)
{
    static const char target[] =
        "/v1/series?page=/a&from=2026-11-23T17:20:00Z&to=2026-11-23T17:30:00Z";
    struct api_response before;
    struct api_response between;

    (void)state;
    past_events(&past, 3, 1, AT(4, 0));
    past_settle(&past, AT(4, 10));
    before = past_ask(&past, target);
    past.context.history = history_of_later;
    between = past_ask(&past, target);
    assert_non_null(strstr(before.body, "\"counted_to\":\"2026-11-23T17:24:10.000Z\""));
    assert_non_null(strstr(between.body, "\"counted_to\":\"2026-11-23T17:24:30.000Z\""));
    assert_memory_not_equal(before.etag, between.etag, 17);
    api_response_done(&before);
    api_response_done(&between);
}

#define SERIES_TEST(name) cmocka_unit_test_setup_teardown(name, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERIES_TEST(a_point_is_a_minute_with_its_counts_people_and_state),
        SERIES_TEST(a_series_says_of_what_and_up_to_when_it_is),
        SERIES_TEST(a_longer_step_sums_what_is_known_and_says_how_much_that_is),
        SERIES_TEST(what_has_not_begun_and_what_was_before_the_service_is_null),
        SERIES_TEST(saved_or_not_makes_no_difference),
        SERIES_TEST(a_cut_that_is_saved_in_between_is_asked_for_again),
        SERIES_TEST(a_disk_that_does_not_answer_is_503_at_once),
        SERIES_TEST(without_a_history_only_what_the_store_holds_is_known),
        SERIES_TEST(minutes_that_became_hours_serve_whole_hours_only),
        SERIES_TEST(minutes_that_are_gone_are_null_though_they_should_be_kept),
        SERIES_TEST(what_is_known_does_not_depend_on_when_the_disk_is_tidied_up),
        SERIES_TEST(the_same_stretch_earlier_comes_with_the_difference),
        SERIES_TEST(bad_arguments_are_400_with_what_would_do),
        SERIES_TEST(two_thousand_points_are_answered),
        SERIES_TEST(before_a_first_to_it_is_starting),
        SERIES_TEST(a_tag_begins_with_the_moment_that_was_read),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
