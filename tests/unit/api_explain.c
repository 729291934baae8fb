/* SPDX-License-Identifier: Apache-2.0 */
#include "api_past.h"

#include <pthread.h>
#include <stdatomic.h>

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

/* In the minute 17:20 of /a: counted 3 views and 1 click of 6, a copy, 1 filtered, 1 repeated, and
 * later 1 late; of the future 1 in 17:23. */
static void give_one_of_each(void)
{
    store_free(past.store);
    past.options.click_gap_ms = 10000;
    past.store = fixture_store(&past.options, 1);
    past.context.store = past.store;
    past_give(&past, (struct given){.ts_ms = AT(0, 1), .visitor = "v", .id = "1"});
    past_give(&past, (struct given){.ts_ms = AT(0, 1), .visitor = "v", .id = "1"});
    past_events(&past, 2, 0, AT(0, 2));
    past_give(&past, (struct given){.ts_ms = AT(0, 3), .filtered = true});
    past_give(&past, (struct given){.type = EVENT_CLICK, .ts_ms = AT(0, 4), .visitor = "v"});
    past_give(&past, (struct given){.type = EVENT_CLICK, .ts_ms = AT(0, 5), .visitor = "v"});
    give(past.store, 0, AT(0, 5), (struct given){.ts_ms = AT(3, 0), .page = "/a"});
    past_settle(&past, AT(2, 0));
}

static void a_minute_is_told_with_all_that_did_not_count(void **state)
{
    json_t *answer = NULL;

    (void)state;
    give_one_of_each();
    past_settle(&past, AT(10, 30));
    past_events(&past, 1, 0, AT(0, 29)); /* late: more than ten minutes after */
    past_events(&past, 1, 0, AT(0, 30)); /* a correction */
    past_settle(&past, AT(12, 0));
    answer = past_get(&past, "/v1/explain?page=/a&minute=2026-11-23T17:20:59Z");
    assert_words(answer, "page", "/a");
    assert_words(answer, "minute", "2026-11-23T17:20:00.000Z");
    assert_words(answer, "minute_state", "final");
    assert_member(answer, "impressions", 4);
    assert_member(answer, "clicks", 1);
    assert_member(answer, "viewers_10m", 1);
    assert_member(answer, "clickers_10m", 1);
    assert_member(answer, "revision", 1);
    assert_member(answer, "duplicates", 1);
    assert_member(answer, "late", 1);
    assert_member(answer, "future", 0);
    assert_member(answer, "filtered", 1);
    assert_member(answer, "repeated", 1);
    assert_words(answer, "counted_to", "2026-11-23T17:32:00.000Z");
    assert_words(answer, "as_of", "2026-11-23T17:32:00.000Z");
    assert_words(answer, "state", "live");
    json_decref(answer);
    answer = past_get(&past, "/v1/explain?page=/a&minute=2026-11-23T17:23:00Z");
    assert_member(answer, "future", 1);
    assert_member(answer, "impressions", 0);
    json_decref(answer);
}

static void saved_or_not_makes_no_difference(void **state)
{
    static const char target[] = "/v1/explain?page=/a&minute=2026-11-23T17:20:00Z";
    struct api_response unsaved;
    struct api_response saved;

    (void)state;
    give_one_of_each();
    past_settle(&past, AT(5, 0));
    unsaved = past_ask(&past, target);
    for (int i = 0; i < 3; i++) {
        past_save(&past);
        saved = past_ask(&past, target);
        assert_int_equal(saved.status, 200);
        assert_int_equal(saved.body_length, unsaved.body_length);
        assert_memory_equal(saved.body, unsaved.body, saved.body_length);
        api_response_done(&saved);
    }
    api_response_done(&unsaved);
}

static void the_newest_minute_that_ended_is_the_default(void **state)
{
    json_t *answer = NULL;

    (void)state;
    past_settle(&past, AT(4, 59));
    answer = past_get(&past, "/v1/explain");
    assert_words(answer, "minute", "2026-11-23T17:23:00.000Z");
    assert_words(answer, "minute_state", "closing");
    assert_null(json_object_get(answer, "page"));
    json_decref(answer);
}

static void what_is_not_known_is_null(void **state)
{
    static const char *const members[] = {"impressions", "clicks",      "ctr",  "viewers_10m",
                                          "revision",    "duplicates",  "late", "future",
                                          "filtered",    "repeated",    "held", "ctr_low",
                                          "ctr_high",    "clickers_10m"};
    json_t *answer = NULL;

    (void)state;
    store_cover_from(past.store, AT(1, 0));
    past_settle(&past, AT(4, 0));
    answer = past_get(&past, "/v1/explain?minute=2026-11-23T17:20:00Z");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_true(is_null(answer, members[i]));
    }
    json_decref(answer);
}

static void bad_arguments_are_400(void **state)
{
    static const char *const cases[][2] = {
        {"minute=now", "minute must be a time like 2026-11-23T17:30:00Z, not \"now\""},
        {"minute=2026-11-23T17:30Z", "minute must be a time"},
        {"minute=", "minute"},
        {"page=%00", "page"},
        {"window=10m", "the arguments are: page, box, minute and max_lag_ms"},
    };
    char target[256];

    (void)state;
    past_settle(&past, AT(4, 0));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        (void)snprintf(target, sizeof target, "/v1/explain?%s", cases[i][0]);
        fixture_expect_problem(past_ask(&past, target), 400, cases[i][1]);
    }
    past.history_fails = CTR_IO;
    fixture_expect_problem(past_ask(&past, "/v1/explain"), 503, "The history on disk");
}

/* ---- held ---------------------------------------------------------------------------------- */

struct writer_thread {
    struct store *store;
    _Atomic bool over;
};

/* Publishes without moving time, as the ingest thread does all the while. */
static void *publish(void *argument)
{
    struct writer_thread *writer = argument;

    while (!atomic_load(&writer->over)) {
        if (store_advance(writer->store, AT(4, 1), false) != CTR_OK) {
            break;
        }
    }
    return NULL;
}

static void held_events_are_counted_while_the_writer_runs(void **state)
{
    struct writer_thread writer = {.store = past.store};
    struct timespec now;
    pthread_t thread;
    json_t *answer = NULL;

    (void)state;
    past_settle(&past, AT(4, 1));
    past_events(&past, 3, 1, AT(4, 2));
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    past.mono_ms = (int64_t)now.tv_sec * 1000;
    past.mono_ms += 60000; /* a slow machine may take its time */
    assert_int_equal(pthread_create(&thread, NULL, publish, &writer), 0);
    answer = past_get(&past, "/v1/explain?page=/a&minute=2026-11-23T17:24:00Z");
    atomic_store(&writer.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_member(answer, "held", 4);
    assert_member(answer, "impressions", 0);
    assert_words(answer, "minute_state", "live");
    json_decref(answer);
}

#define EXPLAIN_TEST(name) cmocka_unit_test_setup_teardown(name, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPLAIN_TEST(a_minute_is_told_with_all_that_did_not_count),
        EXPLAIN_TEST(saved_or_not_makes_no_difference),
        EXPLAIN_TEST(the_newest_minute_that_ended_is_the_default),
        EXPLAIN_TEST(what_is_not_known_is_null),
        EXPLAIN_TEST(bad_arguments_are_400),
        EXPLAIN_TEST(held_events_are_counted_while_the_writer_runs),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
