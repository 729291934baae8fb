/* SPDX-License-Identifier: Apache-2.0
 *
 * A scout's store beside the one that is saved: which of them a request reads, and what it says.
 */
#include "tests/support/test.h"

#include <jansson.h>
#include <string.h>

#include "api/request.h"
#include "api/router.h"
#include "storage/minutes.h"
#include "storage/moment.h"
#include "tests/unit/api_fixture.h"

#define NOW_MS (FIXTURE_TS + 5000)
#define GAP_MS (20 * 60 * MINUTE_MS) /* so far is the saved one behind */

static struct desk {
    struct store *saved, *scout, *answers;
    struct service_facts facts;
    struct api_context context;
    int taken, given;
} desk;

static struct store *take(void *owner)
{
    struct desk *mine = owner;

    mine->taken++;
    return mine->answers;
}

static void give(void *owner, struct store *store)
{
    struct desk *mine = owner;

    assert_ptr_equal(store, mine->answers);
    mine->given++;
}

static void facts(void *owner, struct service_facts *ret_facts)
{
    *ret_facts = ((const struct desk *)owner)->facts;
}

/* `count` views of /a, all read up to to_ms of a log that goes on by `left` records. */
static struct store *store_at(int64_t to_ms, bool provisional, int count, int64_t left)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 60 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 1000,
                                    .ids_max = 1000,
                                    .minutes_max = 1000,
                                    .keys_max = 1000,
                                    .held_max = 1000,
                                    .provisional = provisional};
    const struct event event = {
        .type = EVENT_VIEW, .ts_ms = to_ms - 2000, .page = {"/a", 2}, .visitor = {"v", 1}};
    struct ctr_error error;
    struct store *store = NULL;
    uint32_t index = 0;

    assert_int_equal(window_set_parse("1m,10m,1h", &options.windows, &error), CTR_OK);
    assert_int_equal(store_new(&options, &store, &error), CTR_OK);
    assert_int_equal(store_partition_open(store, "events", 0, &index), CTR_OK);
    partition_start(store_partition(store, index), 0, false);
    for (int i = 0; i < count; i++) {
        assert_int_equal(store_record_event(store, index, i, event.ts_ms, NOW_MS, &event), CTR_OK);
    }
    partition_confirm(store_partition(store, index), count, to_ms);
    assert_int_equal(store_advance(store, NOW_MS, false), CTR_OK);
    if (left > 0) {
        partition_confirm(store_partition(store, index), count + left, NOW_MS);
    }
    assert_int_equal(store_advance(store, NOW_MS, false), CTR_OK);
    return store;
}

static int start(void **state)
{
    (void)state;
    desk = (struct desk){.saved = store_at(NOW_MS - GAP_MS, false, 3, 700),
                         .scout = store_at(NOW_MS - 1000, true, 5, 0)};
    store_cover_from(desk.scout, NOW_MS - 15 * MINUTE_MS);
    assert_int_equal(store_advance(desk.scout, NOW_MS, false), CTR_OK);
    desk.answers = desk.scout;
    desk.facts = (struct service_facts){
        .ready = true,
        .alive = true,
        .started_ms = FIXTURE_TS,
        .snapshot_ms = MOMENT_NONE,
        .source_state = "reading",
        .backfill = {.running = true,
                     .answers = true,
                     .from_ms = FIXTURE_TS - 2 * GAP_MS,
                     .to_ms = NOW_MS - GAP_MS,
                     .target_ms = NOW_MS - 1000,
                     .remaining_ms = 90000,
                     .records_per_s = 1234.5,
                     .times_real_time = 80,
                     .bytes = 4096},
        .handovers = {
            .scouts = 2, .made = 1, .differs = 1, .unproven = 0, .rows = 77, .at_ms = FIXTURE_TS}};
    desk.context = (struct api_context){.store = desk.saved,
                                        .take = take,
                                        .give = give,
                                        .desk_owner = &desk,
                                        .facts = facts,
                                        .facts_owner = &desk,
                                        .version = "test"};
    return 0;
}

static int end(void **state)
{
    (void)state;
    store_free(desk.saved);
    store_free(desk.scout);
    return 0;
}

static struct api_response ask(const char *target)
{
    struct api_request request = {.method = API_GET, .target = target, .now_ms = NOW_MS};
    struct api_response response;

    api_respond(&desk.context, false, &request, &response);
    assert_int_equal(desk.taken, desk.given);
    return response;
}

static json_t *get(const char *target)
{
    struct api_response response = ask(target);

    return fixture_json(&response, 200);
}

static void answers_are_the_scouts_and_say_what_they_cover(void **state)
{
    json_t *whole = get("/v1/ctr?page=/a&window=10m");
    json_t *part = get("/v1/ctr?page=/a&window=1h");
    json_t *list = get("/v1/pages?window=10m");
    const json_t *row = json_array_get(json_object_get(list, "items"), 0);

    (void)state;
    assert_int_equal((int)fixture_number(whole, "impressions"), 5);
    assert_int_equal((int)fixture_number(whole, "viewers"), 1);
    assert_string_equal(fixture_string(whole, "state"), "backfilling");
    assert_int_equal((int)fixture_number(whole, "coverage"), 1);
    assert_null(json_object_get(whole, "people_missing"));
    assert_int_equal((int)fixture_number(part, "impressions"), 5);
    assert_true(json_is_null(json_object_get(part, "viewers")));
    assert_true(json_is_null(json_object_get(part, "unique_ctr")));
    assert_string_equal(fixture_string(part, "people_missing"), "coverage");
    assert_in_range((int)(fixture_number(part, "coverage") * 1000), 240, 250);
    assert_int_equal((int)fixture_number(row, "impressions"), 5);
    assert_string_equal(fixture_string(list, "state"), "backfilling");
    json_decref(whole);
    json_decref(part);
    json_decref(list);
}

static void status_shares_with_answers_and_tells_the_rest_of_the_saved_one(void **state)
{
    json_t *status = get("/v1/status");
    const json_t *backfill = json_object_get(status, "backfill");
    const json_t *handovers = json_object_get(status, "handovers");
    const json_t *partition = json_array_get(json_object_get(status, "partitions"), 0);

    (void)state;
    assert_string_equal(fixture_string(status, "state"), "backfilling");
    assert_int_equal((int)fixture_number(status, "lag_ms"), 1000);
    assert_string_equal(fixture_string(status, "to"), fixture_string(backfill, "target"));
    assert_int_equal((int)fixture_number(partition, "read"), 3);
    assert_int_equal((int)fixture_number(partition, "lag"), 700);
    assert_true(json_is_true(json_object_get(backfill, "answers")));
    assert_string_equal(fixture_string(backfill, "from"), "2026-11-22T01:30:00.000Z");
    assert_string_equal(fixture_string(backfill, "to"), "2026-11-22T21:30:05.000Z");
    assert_int_equal((int)fixture_number(backfill, "records_left"), 700);
    assert_int_equal((int)fixture_number(backfill, "remaining_ms"), 90000);
    assert_int_equal((int)(fixture_number(backfill, "rate") * 10), 12345);
    assert_int_equal((int)fixture_number(backfill, "times_real_time"), 80);
    assert_int_equal((int)fixture_number(backfill, "memory_bytes"), 4096);
    assert_int_equal((int)fixture_number(handovers, "scouts"), 2);
    assert_int_equal((int)fixture_number(handovers, "made"), 1);
    assert_int_equal((int)fixture_number(handovers, "differs"), 1);
    assert_int_equal((int)fixture_number(handovers, "rows"), 77);
    assert_string_equal(fixture_string(handovers, "at"), "2026-11-23T17:30:00.000Z");
    json_decref(status);
}

/* Asked of the scout, told when the saved one had taken over and gone on: its rows are of its own
 * `to`, not of the one where the scout was stopped. */
static void rows_past_a_hand_over_come_with_their_own_moment(void **state)
{
    json_t *status = NULL;
    const json_t *partition = NULL;

    (void)state;
    store_free(desk.saved);
    desk.saved = store_at(NOW_MS, false, 7, 0);
    desk.context.store = desk.saved;
    status = get("/v1/status");
    partition = json_array_get(json_object_get(status, "partitions"), 0);
    assert_int_equal((int)fixture_number(partition, "counted"), 7);
    assert_int_equal((int)fixture_number(status, "lag_ms"), 0);
    assert_string_equal(fixture_string(status, "state"), "live");
    json_decref(status);
}

static void what_is_not_known_yet_is_null(void **state)
{
    json_t *status = NULL;
    const json_t *backfill = NULL;

    (void)state;
    desk.facts.backfill = (struct backfill_facts){.running = true,
                                                  .from_ms = MOMENT_NONE,
                                                  .to_ms = MOMENT_NONE,
                                                  .target_ms = MOMENT_NONE,
                                                  .remaining_ms = -1};
    status = get("/v1/status");
    backfill = json_object_get(status, "backfill");
    assert_true(json_is_null(json_object_get(backfill, "from")));
    assert_true(json_is_null(json_object_get(backfill, "to")));
    assert_true(json_is_null(json_object_get(backfill, "target")));
    assert_true(json_is_null(json_object_get(backfill, "remaining_ms")));
    assert_true(json_is_false(json_object_get(backfill, "answers")));
    json_decref(status);
}

static void without_a_scout_it_is_null_and_the_saved_one_answers(void **state)
{
    json_t *status = NULL;
    json_t *answer = NULL;

    (void)state;
    desk.answers = desk.saved;
    desk.facts.backfill.running = false;
    status = get("/v1/status");
    answer = get("/v1/ctr?page=/a&window=10m");
    assert_true(json_is_null(json_object_get(status, "backfill")));
    assert_string_equal(fixture_string(status, "state"), "catching_up");
    assert_int_equal((int)fixture_number(answer, "impressions"), 3);
    assert_string_equal(fixture_string(answer, "state"), "catching_up");
    json_decref(status);
    json_decref(answer);
}

static void the_past_is_told_by_the_saved_one(void **state)
{
    json_t *series = get("/v1/series?page=/a");
    json_t *explained = get("/v1/explain?page=/a");

    (void)state;
    assert_string_equal(fixture_string(series, "counted_to"), "2026-11-22T21:30:05.000Z");
    assert_string_equal(fixture_string(series, "state"), "catching_up");
    assert_string_equal(fixture_string(explained, "counted_to"), "2026-11-22T21:30:05.000Z");
    json_decref(series);
    json_decref(explained);
}

static bool says(const struct api_response *response, const char *line)
{
    return strstr(response->body, line) != NULL;
}

static void metrics_tell_it_too(void **state)
{
    struct api_response response = ask("/metrics");

    (void)state;
    assert_int_equal(response.status, 200);
    assert_true(says(&response, "\nlivectr_state{state=\"backfilling\"} 1\n"));
    assert_true(says(&response, "\nlivectr_backfill_running 1\n"));
    assert_true(says(&response, "\nlivectr_backfill_remaining_seconds 90.000\n"));
    assert_true(says(&response, "\nlivectr_handover_differs_total 1\n"));
    assert_true(says(&response, "\nlivectr_lag_seconds 1.000\n"));
    assert_true(
        says(&response, "livectr_partition_lag_records{topic=\"events\",partition=\"0\"} 700\n"));
    api_response_done(&response);
    desk.facts.backfill.running = false;
    response = ask("/metrics");
    assert_true(says(&response, "\nlivectr_backfill_running 0\n"));
    assert_false(says(&response, "\nlivectr_backfill_remaining_seconds "));
    api_response_done(&response);
}

static void a_refusal_gives_the_store_back_as_well(void **state)
{
    static const char *const targets[] = {"/v1/ctr?window=7m", "/v1/pages?limit=0", "/nowhere",
                                          "/v1/series?step=7s", "/v1/ctr?page="};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct api_response response = ask(targets[i]);

        assert_true(response.status >= 400);
        api_response_done(&response);
    }
    assert_true(desk.taken > 0);
}

#define WITH_BOTH(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_BOTH(answers_are_the_scouts_and_say_what_they_cover),
        WITH_BOTH(status_shares_with_answers_and_tells_the_rest_of_the_saved_one),
        WITH_BOTH(rows_past_a_hand_over_come_with_their_own_moment),
        WITH_BOTH(what_is_not_known_yet_is_null),
        WITH_BOTH(without_a_scout_it_is_null_and_the_saved_one_answers),
        WITH_BOTH(the_past_is_told_by_the_saved_one),
        WITH_BOTH(metrics_tell_it_too),
        WITH_BOTH(a_refusal_gives_the_store_back_as_well),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
