/* SPDX-License-Identifier: Apache-2.0
 *
 * max_lag_ms: in wall mode against a store whose as_of is BEGIN, asked at chosen moments; in event
 * mode, where only the end of the log will do.
 */
#include "api/fresh.h"

#include <stdio.h>

#include "api/text.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static enum ctr_status check(int64_t now_ms, uint64_t lag_max_ms, const struct progress *progress,
                             struct problem *ret_problem)
{
    const struct fresh_demand demand = {.given = true, .lag_max_ms = lag_max_ms};
    const struct api_request request = {.now_ms = now_ms};
    const struct api_call call = {
        .context = &fixture.context, .request = &request, .store = fixture.store};

    return fresh_check(&call, &demand, progress, ret_problem);
}

static struct progress progress_at(int64_t as_of_ms, int64_t alive_ms)
{
    return (struct progress){.clock = CLOCK_WALL,
                             .to_ms = as_of_ms - 300,
                             .as_of_ms = as_of_ms,
                             .covered_from_ms = INT64_MIN,
                             .alive_ms = alive_ms};
}

static void the_bound_is_met_to_the_millisecond_or_refused(void **state)
{
    struct progress live = progress_at(FIXTURE_TS, FIXTURE_TS);
    struct problem problem;

    (void)state;
    fixture_start(&fixture, 100);
    assert_int_equal(check(FIXTURE_TS + 800, 800, &live, &problem), CTR_OK);
    assert_int_equal(check(FIXTURE_TS + 801, 800, &live, &problem), CTR_INVALID);
    assert_int_equal(problem.kind, PROBLEM_TOO_STALE);
    assert_int_equal(problem.retry_after_s, 1);
    assert_non_null(strstr(problem.detail, "801 ms old, max_lag_ms is 800; the state is live"));
    assert_non_null(strstr(problem.detail, "settle"));
    assert_int_equal(check(FIXTURE_TS - 5, 0, &live, &problem), CTR_OK); /* a lag is never < 0 */
}

static void a_refusal_says_why_and_when_to_ask_again(void **state)
{
    struct progress behind = progress_at(FIXTURE_TS - 60000, FIXTURE_TS);
    struct progress dead = progress_at(FIXTURE_TS - 20000, FIXTURE_TS - 20000);
    struct problem problem;

    (void)state;
    fixture_start(&fixture, 100);
    assert_int_equal(check(FIXTURE_TS, 1000, &behind, &problem), CTR_INVALID);
    assert_int_equal(problem.retry_after_s, 5);
    assert_non_null(strstr(problem.detail, "60000 ms old"));
    assert_non_null(strstr(problem.detail, "catching_up: a backlog"));
    (void)snprintf(fixture.facts.source_error, sizeof fixture.facts.source_error,
                   "broker \x01 is down");
    assert_int_equal(check(FIXTURE_TS, 1000, &dead, &problem), CTR_INVALID);
    assert_int_equal(problem.retry_after_s, 10);
    assert_non_null(strstr(problem.detail, "stale: a partition has shown no sign of life"));
    assert_non_null(strstr(problem.detail, "broker %01 is down"));
    fixture.facts.source_error[0] = '\0';
    assert_int_equal(check(FIXTURE_TS, 1000, &dead, &problem), CTR_INVALID);
    assert_null(strstr(problem.detail, "the source says"));
    behind.to_ms = MOMENT_NONE;
    assert_int_equal(check(FIXTURE_TS, 1000, &behind, &problem), CTR_INVALID);
    assert_int_equal(problem.kind, PROBLEM_STARTING);
}

static void in_event_time_only_the_end_of_the_log_is_fresh(void **state)
{
    struct progress progress = progress_at(FIXTURE_TS, FIXTURE_TS);
    struct problem problem;

    (void)state;
    fixture_start(&fixture, 100);
    progress.clock = CLOCK_EVENT;
    assert_int_equal(check(FIXTURE_TS + 99999999, UINT64_MAX, &progress, &problem), CTR_INVALID);
    progress.at_end = true;
    assert_int_equal(check(FIXTURE_TS + 99999999, 0, &progress, &problem), CTR_OK);
}

static void the_argument_is_a_whole_number(void **state)
{
    static const char *const bad[] = {"-1", "1.5", "x", "1e3", "9999999999999999999"};
    struct fresh_demand demand;
    struct problem problem;

    (void)state;
    fixture_start(&fixture, 100);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(fresh_read(text_of(bad[i]), &demand, &problem), CTR_INVALID);
        assert_non_null(strstr(problem.detail, "max_lag_ms"));
    }
    assert_int_equal(fresh_read((struct text){0}, &demand, &problem), CTR_OK);
    assert_false(demand.given);
    assert_int_equal(fresh_read(text_of("0"), &demand, &problem), CTR_OK);
    assert_true(demand.given);
}

/* The store here is in event mode, so reading on without an end makes it too old for any demand. */
static void every_read_takes_it_and_refuses_alike(void **state)
{
    static const char *const targets[] = {"/v1/ctr?max_lag_ms=5",    "/v1/pages?max_lag_ms=5",
                                          "/v1/boxes?max_lag_ms=5",  "/v1/top?max_lag_ms=5",
                                          "/v1/series?max_lag_ms=5", "/v1/explain?max_lag_ms=5"};
    static const char *const flows[] = {"/v1/export?max_lag_ms=5", "/v1/stream?max_lag_ms=5"};
    static const char body[] = "{\"items\":[{}]}";
    struct api_request post = {.method = API_POST,
                               .target = "/v1/ctr:batchGet?max_lag_ms=5",
                               .content_type = "application/json",
                               .body = body,
                               .body_length = sizeof body - 1};
    struct api_response response;

    (void)state;
    fixture_start(&fixture, 100);
    fixture_events(&fixture, 1, 0, "/a", NULL);
    fixture_publish(&fixture);
    for (size_t i = 0; i + 1 < sizeof targets / sizeof targets[0]; i++) {
        response = fixture_get(&fixture, targets[i]);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.cache_control, "public, no-cache");
        api_response_done(&response);
    }
    api_respond(&fixture.context, false, &post, &response);
    assert_int_equal(response.status, 200);
    api_response_done(&response);
    fixture_event(&fixture, EVENT_VIEW, "/a", NULL); /* and no word of an end after it */
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        response = fixture_get(&fixture, targets[i]);
        assert_int_equal(response.retry_after_s, 5);
        fixture_expect_problem(response, 503, "max_lag_ms is 5; the state is catching_up");
    }
    for (size_t i = 0; i < sizeof flows / sizeof flows[0]; i++) {
        response = fixture_get(&fixture, flows[i]);
        fixture_expect_problem(response, 503, "max_lag_ms is 5; the state is catching_up");
    }
    api_respond(&fixture.context, false, &post, &response);
    fixture_expect_problem(response, 503, "max_lag_ms is 5; the state is catching_up");
    response = fixture_get(&fixture, "/v1/ctr");
    assert_int_equal(response.status, 200);
    api_response_done(&response);
}

#define AND_DONE(test) cmocka_unit_test_teardown(test, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        AND_DONE(the_bound_is_met_to_the_millisecond_or_refused),
        AND_DONE(a_refusal_says_why_and_when_to_ask_again),
        AND_DONE(in_event_time_only_the_end_of_the_log_is_fresh),
        AND_DONE(the_argument_is_a_whole_number),
        AND_DONE(every_read_takes_it_and_refuses_alike),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
