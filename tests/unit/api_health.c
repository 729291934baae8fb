/* SPDX-License-Identifier: Apache-2.0
 *
 * What turns /livez and /readyz to 503, what does not, and what `verbose` adds.
 */
#include <stdio.h>

#include "api/counters.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;

static void add_thread(const char *name, int64_t silent_ms)
{
    struct beat_facts *beat = &fixture.facts.beats[fixture.facts.beats_count++];

    (void)snprintf(beat->thread, sizeof beat->thread, "%s", name);
    beat->silent_ms = silent_ms;
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 1000);
    add_thread("ingest", 12);
    add_thread("scout", 40);
    return 0;
}

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static struct api_response ask(const char *target)
{
    struct api_request request = {
        .method = API_GET, .target = target, .now_ms = FIXTURE_TS, .mono_ms = 500000};
    struct api_response response;

    api_respond(&fixture.context, true, &request, &response);
    return response;
}

static void expect_status(const char *target, unsigned status)
{
    struct api_response response = ask(target);

    assert_int_equal(response.status, status);
    assert_string_equal(response.cache_control, "no-store");
    api_response_done(&response);
}

/* One check of a verbose answer of that status, borrowed until the next call. */
static const json_t *check_of(const char *target, unsigned status, const char *name)
{
    static json_t *answer;
    struct api_response response = ask(target);
    const json_t *checks;

    assert_string_equal(response.content_type,
                        status == 200 ? "application/json" : "application/problem+json");
    json_decref(answer);
    answer = fixture_json(&response, status);
    if (status == 200)
        assert_true(json_is_true(json_object_get(answer, "ok")));
    else
        assert_int_equal(fixture_number(answer, "status"), status);
    checks = json_object_get(answer, "checks");
    for (size_t i = 0; i < json_array_size(checks); i++) {
        const json_t *check = json_array_get(checks, i);

        if (strcmp(fixture_string(check, "name"), name) == 0)
            return check;
    }
    fail_msg("there is no check %s", name);
    return NULL;
}

static bool holds(const json_t *check, const char *member)
{
    return json_is_true(json_object_get(check, member));
}

static void a_thread_that_is_silent_for_a_minute_ends_life(void **state)
{
    (void)state;
    fixture.facts.beats[1].silent_ms = 59999;
    expect_status("/livez", 200);
    fixture.facts.beats[1].silent_ms = 60000;
    fixture_expect_problem(ask("/livez"), 503, "The thread scout has not moved for 60 s; restart");
    expect_status("/readyz", 200); /* it still answers */
    fixture.facts.beats[1].silent_ms = 0;
    expect_status("/livez", 200);
}

static void an_answer_that_takes_a_minute_ends_life(void **state)
{
    unsigned slot = http_counters_enter(&fixture.counters, 500000 - 59999);
    unsigned stuck;

    (void)state;
    expect_status("/livez", 200);
    stuck = http_counters_enter(&fixture.counters, 500000 - 75000);
    fixture_expect_problem(ask("/livez"), 503, "one request for 75 s; restart");
    http_counters_leave(&fixture.counters, stuck);
    expect_status("/livez", 200);
    http_counters_leave(&fixture.counters, slot);
    fixture.context.http = NULL;
    expect_status("/livez", 200);
}

/* Nothing that a restart does not cure. */
static void neither_kafka_nor_the_disk_nor_the_end_do(void **state)
{
    (void)state;
    fixture.facts.persisting = false;
    fixture.facts.draining = true;
    fixture.facts.ready = false;
    (void)snprintf(fixture.facts.source_state, sizeof fixture.facts.source_state, "brokers_down");
    expect_status("/livez", 200);
    fixture_expect_problem(ask("/readyz"), 503, "shutting down");
    fixture.facts.draining = false;
    fixture_expect_problem(ask("/readyz"), 503, "caught up");
    fixture.facts.ready = true;
    expect_status("/readyz", 200);
}

static void verbose_lists_the_threads(void **state)
{
    const json_t *check = check_of("/livez?verbose", 200, "ingest");

    (void)state;
    assert_true(holds(check, "ok") && holds(check, "counts"));
    assert_string_equal(fixture_string(check, "words"), "moved 12 ms ago");
    assert_true(holds(check_of("/livez?verbose=true", 200, "http"), "ok"));
    fixture.facts.beats[0].silent_ms = 61000;
    check = check_of("/livez?verbose", 503, "ingest");
    assert_false(holds(check, "ok"));
    assert_non_null(strstr(fixture_string(check, "words"), "61 s"));
    assert_true(holds(check_of("/livez?verbose", 503, "scout"), "ok"));
}

static void verbose_tells_what_decides_nothing(void **state)
{
    const json_t *check;

    (void)state;
    (void)snprintf(fixture.facts.source_state, sizeof fixture.facts.source_state, "brokers_down");
    (void)snprintf(fixture.facts.source_error, sizeof fixture.facts.source_error, "\xFF\"no\"");
    fixture.facts.persisting = false;
    (void)snprintf(fixture.facts.snapshot_error, sizeof fixture.facts.snapshot_error, "disk full");
    check = check_of("/readyz?verbose", 200, "source");
    assert_false(holds(check, "ok") || holds(check, "counts"));
    assert_string_equal(fixture_string(check, "words"), "brokers_down: \xEF\xBF\xBD\"no\"");
    check = check_of("/readyz?verbose", 200, "snapshot");
    assert_false(holds(check, "ok") || holds(check, "counts"));
    assert_string_equal(fixture_string(check, "words"), "disk full");
    assert_true(holds(check_of("/readyz?verbose", 200, "caught_up"), "counts"));
    fixture.facts.ready = false;
    check = check_of("/readyz?verbose=true", 503, "caught_up");
    assert_true(holds(check, "counts") && !holds(check, "ok"));
    fixture.facts.draining = true;
    assert_false(holds(check_of("/readyz?verbose", 503, "serving"), "ok"));
}

static void without_verbose_it_is_two_letters(void **state)
{
    static const char *const plain[] = {"/livez", "/readyz", "/livez?verbose=false"};
    static const char *const wrong[] = {"/livez?verbose=", "/livez?verbose=1",
                                        "/readyz?verbose=TRUE", "/livez?verbose&verbose=true",
                                        "/livez?verbose&"};

    (void)state;
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        struct api_response response = ask(plain[i]);

        assert_int_equal(response.status, 200);
        assert_int_equal(response.body_length, 3);
        assert_memory_equal(response.body_static, "ok\n", 3);
        api_response_done(&response);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        fixture_expect_problem(ask(wrong[i]), 400, "verbose");
}

#define WITH_THREADS(test) cmocka_unit_test_setup_teardown(test, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_THREADS(a_thread_that_is_silent_for_a_minute_ends_life),
        WITH_THREADS(an_answer_that_takes_a_minute_ends_life),
        WITH_THREADS(neither_kafka_nor_the_disk_nor_the_end_do),
        WITH_THREADS(verbose_lists_the_threads),
        WITH_THREADS(verbose_tells_what_decides_nothing),
        WITH_THREADS(without_verbose_it_is_two_letters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
