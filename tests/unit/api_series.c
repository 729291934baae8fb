/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/series and /v1/explain, with a history on a stand-in for the disk.
 */
#include "api_fixture.h"

#include "storage/history.h"

enum { POINTS_MAX = 8 };

static struct fixture fixture;

/* The history that is "on disk", and how it fails. */
static struct history_point saved[POINTS_MAX];
static size_t saved_count;
static enum ctr_status saved_status;

static enum ctr_status read_saved(void *owner, const struct minute_key *key, int64_t from_ms,
                                  int64_t until_ms, struct api_history *ret_history)
{
    (void)owner;
    (void)key;
    *ret_history = (struct api_history){.items = NULL};
    if (saved_status != CTR_OK)
        return saved_status;
    ret_history->items = calloc(POINTS_MAX, sizeof *ret_history->items);
    assert_non_null(ret_history->items);
    for (size_t i = 0; i < saved_count; i++)
        if (saved[i].start_ms >= from_ms && saved[i].start_ms < until_ms)
            ret_history->items[ret_history->count++] = saved[i];
    return CTR_OK;
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 100);
    fixture.context.history = read_saved;
    saved_count = 0;
    saved_status = CTR_OK;
    return 0;
}

static int end(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static void event_at(enum event_type type, int64_t ts_ms, const char *visitor)
{
    struct event event = {.type = type,
                          .ts_ms = ts_ms,
                          .page = {"p", 1},
                          .box = {"b", 1},
                          .visitor = {visitor, strlen(visitor)}};

    assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset++, ts_ms,
                                        MOMENT_NONE, &event),
                     CTR_OK);
}

static void save(int64_t start_ms, int64_t grain_ms, int64_t impressions, int64_t clicks)
{
    saved[saved_count] = (struct history_point){.start_ms = start_ms, .grain_ms = grain_ms};
    saved[saved_count].numbers[MINUTE_IMPRESSIONS] = impressions;
    saved[saved_count++].numbers[MINUTE_CLICKS] = clicks;
}

static json_t *ask(const char *target, unsigned status)
{
    struct api_response response = fixture_get(&fixture, target);

    return fixture_json(&response, status);
}

static const json_t *point(const json_t *answer, size_t at)
{
    const json_t *points = json_object_get(answer, "points");

    assert_true(at < json_array_size(points));
    return json_array_get(points, at);
}

static void assert_point(const json_t *answer, size_t at, int impressions, int clicks,
                         const char *state)
{
    const json_t *row = point(answer, at);

    assert_int_equal((int)fixture_number(row, "impressions"), impressions);
    assert_int_equal((int)fixture_number(row, "clicks"), clicks);
    assert_string_equal(fixture_string(row, "state"), state);
}

/* 17:25 is on disk; 17:26 is final but not saved; 17:28 closes; 17:30 is live. */
static void saved_and_unsaved_minutes_make_one_series(void **state)
{
    json_t *answer;

    (void)state;
    event_at(EVENT_VIEW, FIXTURE_TS - 4 * MINUTE_MS, "x");
    event_at(EVENT_VIEW, FIXTURE_TS - 2 * MINUTE_MS, "x");
    event_at(EVENT_CLICK, FIXTURE_TS - 2 * MINUTE_MS, "x");
    event_at(EVENT_VIEW, FIXTURE_TS, "y");
    fixture_publish(&fixture);
    save(FIXTURE_TS - 5 * MINUTE_MS, MINUTE_MS, 7, 3);
    answer = ask("/v1/series?box=b&from=2026-11-23T17:25:00Z&to=2026-11-23T17:31:00Z", 200);
    assert_string_equal(fixture_string(answer, "step"), "1m");
    assert_int_equal(json_array_size(json_object_get(answer, "points")), 6);
    assert_point(answer, 0, 7, 3, "final");
    assert_point(answer, 1, 1, 0, "final");
    assert_point(answer, 2, 0, 0, "final");
    assert_point(answer, 3, 1, 1, "closing");
    assert_point(answer, 5, 1, 0, "live");
    assert_true(json_is_null(json_object_get(point(answer, 0), "viewers_10m")));
    assert_int_equal((int)fixture_number(point(answer, 3), "viewers_10m"), 1);
    assert_int_equal((int)fixture_number(point(answer, 3), "clickers_10m"), 1);
    json_decref(answer);
    answer =
        ask("/v1/series?box=b&step=10m&from=2026-11-23T17:20:00Z&to=2026-11-23T17:40:00Z", 200);
    assert_int_equal(json_array_size(json_object_get(answer, "points")), 2);
    assert_point(answer, 0, 9, 4, "closing");
    assert_point(answer, 1, 1, 0, "live");
    json_decref(answer);
}

/* 1,000 of 10,000 now against 800 of 10,000 a day before. */
static void the_same_stretch_before_comes_with_the_difference(void **state)
{
    const json_t *compared;
    const json_t *difference;
    json_t *answer;

    (void)state;
    event_at(EVENT_VIEW, FIXTURE_TS, "y");
    fixture_publish(&fixture);
    save(FIXTURE_TS - 24 * HISTORY_HOUR_MS - 10 * MINUTE_MS, MINUTE_MS, 10000, 800);
    save(FIXTURE_TS - 10 * MINUTE_MS, MINUTE_MS, 10000, 1000);
    answer = ask("/v1/series?box=b&step=10m&from=2026-11-23T17:20:00Z&to=2026-11-23T17:30:00Z"
                 "&compare=1d",
                 200);
    assert_point(answer, 0, 10000, 1000, "closing");
    compared = json_array_get(json_object_get(answer, "compare"), 0);
    assert_string_equal(fixture_string(compared, "shift"), "1d");
    assert_point(compared, 0, 10000, 800, "final");
    difference = json_object_get(compared, "difference");
    assert_true(fixture_number(difference, "ctr") > 0.0199 &&
                fixture_number(difference, "ctr") < 0.0201);
    assert_true(fixture_number(difference, "ctr_low") > 0.0120 &&
                fixture_number(difference, "ctr_low") < 0.0122);
    assert_true(fixture_number(difference, "ctr_high") > 0.0278 &&
                fixture_number(difference, "ctr_high") < 0.0280);
    json_decref(answer);
}

static void wrong_arguments_are_told_with_the_way_out(void **state)
{
    static const struct {
        const char *target, *words;
    } cases[] = {
        {"/v1/series?step=7m", "divide a day"},
        {"/v1/series?step=90s", "divide a day"},
        {"/v1/series?step=0m", "divide a day"},
        {"/v1/series?from=yesterday", "argument from must be a time"},
        {"/v1/series?to=5", "argument to must be a time"},
        {"/v1/series?from=2026-11-23T17:30:00Z&to=2026-11-23T17:30:00Z", "from must lie before to"},
        {"/v1/series?from=2026-11-01T00:00:00Z&to=2026-11-23T00:00:00Z", "Take a longer step"},
        {"/v1/series?compare=1d,", "compare must be"},
        {"/v1/series?step=1h&compare=90m", "compare must be"},
        {"/v1/series?compare=1d,2d,3d,4d,5d", "compare must be"},
        {"/v1/series?window=1m", "window"},
        {"/v1/explain?minute=now", "minute"},
    };

    (void)state;
    event_at(EVENT_VIEW, FIXTURE_TS, "y");
    fixture_publish(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct api_response response = fixture_get(&fixture, cases[i].target);

        if (response.status != 400)
            print_message("%s: %u\n", cases[i].target, response.status);
        fixture_expect_problem(response, 400, cases[i].words);
    }
}

static void before_the_first_edge_it_is_starting(void **state)
{
    (void)state;
    fixture_expect_problem(fixture_get(&fixture, "/v1/series"), 503, "");
    fixture_expect_problem(fixture_get(&fixture, "/v1/explain?page=p"), 503, "");
}

static void a_disk_that_does_not_answer_is_told(void **state)
{
    (void)state;
    event_at(EVENT_VIEW, FIXTURE_TS, "y");
    fixture_publish(&fixture);
    saved_status = CTR_RETRY;
    fixture_expect_problem(fixture_get(&fixture, "/v1/series?box=b"), 503, "");
    saved_status = CTR_CORRUPT;
    assert_true(fixture_get(&fixture, "/v1/series?box=b").status >= 500);
}

static void an_explained_minute_names_what_was_set_apart(void **state)
{
    struct event event = {.type = EVENT_VIEW,
                          .ts_ms = FIXTURE_TS,
                          .page = {"p", 1},
                          .id = {"1", 1},
                          .visitor = {"x", 1}};
    json_t *answer;

    (void)state;
    for (int i = 0; i < 3; i++) { /* two of them copies */
        assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset++,
                                            FIXTURE_TS, MOMENT_NONE, &event),
                         CTR_OK);
    }
    event.filtered = true;
    event.id.length = 0;
    assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset++,
                                        FIXTURE_TS, MOMENT_NONE, &event),
                     CTR_OK);
    fixture_publish(&fixture);
    answer = ask("/v1/explain?page=p&minute=2026-11-23T17:30:59Z", 200); /* any time in it */
    assert_string_equal(fixture_string(answer, "minute"), "2026-11-23T17:30:00.000Z");
    assert_int_equal((int)fixture_number(answer, "impressions"), 1);
    assert_int_equal((int)fixture_number(answer, "duplicates"), 2);
    assert_int_equal((int)fixture_number(answer, "filtered"), 1);
    assert_int_equal((int)fixture_number(answer, "late"), 0);
    assert_string_equal(fixture_string(answer, "minute_state"), "live");
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(saved_and_unsaved_minutes_make_one_series, start, end),
        cmocka_unit_test_setup_teardown(the_same_stretch_before_comes_with_the_difference, start,
                                        end),
        cmocka_unit_test_setup_teardown(wrong_arguments_are_told_with_the_way_out, start, end),
        cmocka_unit_test_setup_teardown(before_the_first_edge_it_is_starting, start, end),
        cmocka_unit_test_setup_teardown(a_disk_that_does_not_answer_is_told, start, end),
        cmocka_unit_test_setup_teardown(an_explained_minute_names_what_was_set_apart, start, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
