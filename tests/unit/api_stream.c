/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/stream, drained without a socket or a thread: time is what the test says.
 */
#include "api/streams.h"

#include <stdio.h>

#include "api/streams_internal.h"
#include "api/text.h"
#include "api/tokens.h"
#include "tests/unit/api_flow.h"

static struct fixture fixture;
static int64_t mono_ms, wall_ms;

static int64_t read_mono(void)
{
    return mono_ms;
}

static int64_t read_wall(void)
{
    return wall_ms;
}

static int start(void **state)
{
    struct streams_options options = {.context = &fixture.context,
                                      .wall_ms = read_wall,
                                      .mono_ms = read_mono,
                                      .max = 3,
                                      .heartbeat_ms = 15000};

    (void)state;
    mono_ms = 1000;
    wall_ms = FIXTURE_TS + 5000;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 200, 20, "/a", "x");
    fixture_events(&fixture, 10, 1, "/b", "y");
    fixture_events(&fixture, 7, 0, "/a", NULL);
    assert_int_equal(streams_new(&options, &fixture.context.streams), CTR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    streams_free(fixture.context.streams); /* asserts that none is left */
    fixture_done(&fixture);
    return 0;
}

/* An event a second later, and `to` moves. */
static void move(void)
{
    static const char page[] = "/a";
    struct event event = {.type = EVENT_VIEW, .page = {page, sizeof page - 1}};
    struct partition *partition = store_partition(fixture.store, fixture.partition);

    event.ts_ms = store_progress(fixture.store).to_ms;
    assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset,
                                        event.ts_ms, MOMENT_NONE, &event),
                     CTR_OK);
    fixture.offset++;
    partition_reach(partition, fixture.offset, event.ts_ms);
    partition_end(partition, fixture.offset, event.ts_ms);
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
}

static struct api_response ask(const char *target, const char *last_event_id)
{
    const struct api_request request = {
        .method = API_GET, .target = target, .last_event_id = last_event_id};

    return flow_ask(&fixture, &request);
}

static struct api_response open_stream(const char *target)
{
    struct api_response response = ask(target, NULL);

    if (response.status != 200)
        print_message("%s\n", response.body);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/event-stream");
    assert_string_equal(response.cache_control, "no-cache");
    assert_true(response.live);
    return response;
}

/* All there is now; it must then wait. In its own room until the next call. */
static const char *take(struct api_response *response)
{
    static char *text;
    enum feed_says says;

    free(text);
    text = NULL;
    if (response == NULL)
        return NULL;
    text = flow_pull(&response->feed, 100, &says);
    assert_int_equal(says, FEED_WAITS);
    return text;
}

static json_t *data_of(const char *text)
{
    const char *data = strstr(text, "\ndata: ");
    json_error_t error;
    json_t *json;

    assert_non_null(data);
    assert_string_equal(text + strlen(text) - 2, "\n\n");
    json = json_loadb(data + 7, strcspn(data + 7, "\n"),
                      JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
    assert_non_null(json);
    return json;
}

static void the_first_event_comes_at_once_and_others_as_to_moves(void **state)
{
    struct api_response response;
    const char *text;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream?page=/a&box=x&window=1m");
    text = take(&response);
    assert_memory_equal(text,
                        "retry: 3000\n\nid: 2026-11-23T17:30:01.000Z\ndata: {\"window\":", 57);
    assert_non_null(strstr(text, "\"items\":[{\"page\":\"/a\",\"box\":\"x\",\"impressions\":200,"));
    streams_tick(fixture.context.streams);
    assert_string_equal(take(&response), "");
    move();
    assert_string_equal(take(&response), ""); /* nobody has looked yet */
    streams_tick(fixture.context.streams);
    text = take(&response);
    assert_memory_equal(text, "id: 2026-11-23T17:30:02.000Z\ndata: {", 36);
    assert_null(strstr(text + 1, "id: "));
    assert_int_equal(atomic_load(&fixture.counters.stream_events), 2);
    api_response_done(&response);
    assert_int_equal(atomic_load(&fixture.counters.streams_closed), 1);
}

static void keys_come_in_the_order_asked(void **state)
{
    static const char *const wanted[][2] = {
        {"/b", NULL}, {"/a", "x"}, {NULL, "y"}, {"/a", "y"}, {NULL, "x"}};
    static const int impressions[] = {0, 200, 10, 0, 200};
    struct api_response response;
    const json_t *items;
    json_t *json;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream?key=/b&key=%2Fa%09x&window=10m&key=%09y&key=/a%09y&box=x");
    json = data_of(take(&response));
    items = json_object_get(json, "items");
    assert_int_equal(json_array_size(items), 5);
    assert_null(json_object_get(json, "top"));
    for (size_t i = 0; i < 5; i++) {
        const json_t *item = json_array_get(items, i);
        const char *page = json_string_value(json_object_get(item, "page"));
        const char *box = json_string_value(json_object_get(item, "box"));

        assert_string_equal(page == NULL ? "" : page, wanted[i][0] == NULL ? "" : wanted[i][0]);
        assert_string_equal(box == NULL ? "" : box, wanted[i][1] == NULL ? "" : wanted[i][1]);
        assert_int_equal((int)fixture_number(item, "impressions"), impressions[i]);
    }
    json_decref(json);
    api_response_done(&response);
}

static void without_a_key_it_is_the_site(void **state)
{
    struct api_response response;
    json_t *json;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    json = data_of(take(&response));
    assert_int_equal(json_array_size(json_object_get(json, "items")), 1);
    assert_int_equal(
        (int)fixture_number(json_array_get(json_object_get(json, "items"), 0), "clicks"), 21);
    json_decref(json);
    api_response_done(&response);
}

static void a_top_list_comes_alone_or_beside_keys(void **state)
{
    struct api_response response;
    const json_t *top;
    json_t *json;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream?level=box&by=clicks&limit=1");
    json = data_of(take(&response));
    top = json_object_get(json, "top");
    assert_int_equal(json_array_size(top), 1);
    assert_string_equal(fixture_string(json_array_get(top, 0), "box"), "x");
    assert_int_equal(json_array_size(json_object_get(json, "items")), 0);
    json_decref(json);
    api_response_done(&response);
    response = open_stream("/v1/stream?key=/b&by=ctr&level=box&min_impressions=11");
    json = data_of(take(&response));
    assert_int_equal(json_array_size(json_object_get(json, "top")), 1);
    assert_int_equal(json_array_size(json_object_get(json, "items")), 1);
    json_decref(json);
    api_response_done(&response);
}

static void name_keys(int count, char *ret_target, size_t bytes)
{
    int used = snprintf(ret_target, bytes, "/v1/stream?window=10m");

    for (int i = 0; i < count; i++)
        used += snprintf(ret_target + used, bytes - (size_t)used, "&key=/a");
}

static void arguments_are_checked(void **state)
{
    char target[32 + 101 * 8];
    char long_key[1200];
    const struct api_request wrong = {
        .method = API_GET, .target = "/v1/stream", .accept = "application/json"};

    (void)state;
    fixture_publish(&fixture);
    name_keys(101, target, sizeof target);
    fixture_expect_problem(ask(target, NULL), 400, "key may be given 100 times");
    fixture_expect_problem(ask("/v1/stream?key=", NULL), 400, "key is empty");
    fixture_expect_problem(ask("/v1/stream?key=%09", NULL), 400, "key is empty");
    fixture_expect_problem(ask("/v1/stream?key=/a%09", NULL), 400, "key is empty");
    fixture_expect_problem(ask("/v1/stream?key=/a%09b%09c", NULL), 400, "key");
    fixture_expect_problem(ask("/v1/stream?key=/a%0Ab", NULL), 400, "key");
    fixture_expect_problem(ask("/v1/stream?key=%FF", NULL), 400, "key");
    fixture_expect_problem(ask("/v1/stream?key=%zz", NULL), 400, "%25");
    (void)snprintf(long_key, sizeof long_key, "/v1/stream?key=%0513d", 0);
    fixture_expect_problem(ask(long_key, NULL), 400, "key");
    (void)snprintf(long_key, sizeof long_key, "/v1/stream?key=%01100d", 0);
    fixture_expect_problem(ask(long_key, NULL), 400, "key");
    fixture_expect_problem(ask("/v1/stream?level=site", NULL), 400, "page, box");
    fixture_expect_problem(ask("/v1/stream?by=id", NULL), 400, "impressions, clicks, ctr");
    fixture_expect_problem(ask("/v1/stream?by=rise", NULL), 400, "twice its length");
    fixture_expect_problem(ask("/v1/stream?limit=101", NULL), 400, "1 to 100");
    fixture_expect_problem(ask("/v1/stream?window=7s", NULL), 400, "no window");
    fixture_expect_problem(ask("/v1/stream?keys=1", NULL), 400,
                           "min_impressions, max_lag_ms and key");
    fixture_expect_problem(flow_ask(&fixture, &wrong), 406, "text/event-stream");
    assert_int_equal(atomic_load(&fixture.counters.streams_opened), 0);
}

static void a_hundred_keys_are_fine(void **state)
{
    char target[32 + 100 * 8];
    struct api_response response;
    json_t *json;

    (void)state;
    fixture_publish(&fixture);
    name_keys(100, target, sizeof target);
    response = open_stream(target);
    json = data_of(take(&response));
    assert_int_equal(json_array_size(json_object_get(json, "items")), 100);
    json_decref(json);
    api_response_done(&response);
}

static void before_there_are_numbers_it_is_refused(void **state)
{
    (void)state;
    fixture_expect_problem(ask("/v1/stream", NULL), 503, "/v1/status");
}

/* What a reader has already it does not get again; whatever else it says, it gets the newest. */
static void last_event_id_saves_the_first_event_where_nothing_moved(void **state)
{
    static const char *const others[] = {"2026-11-23T17:30:00.000Z", "2026-11-23T17:30:02.000Z",
                                         "nonsense", ""};
    struct api_response response;

    (void)state;
    fixture_publish(&fixture);
    response = ask("/v1/stream", "2026-11-23T17:30:01.000Z");
    assert_string_equal(take(&response), "retry: 3000\n\n");
    move();
    streams_tick(fixture.context.streams);
    assert_memory_equal(take(&response), "id: 2026-11-23T17:30:02.000Z\n", 29);
    api_response_done(&response);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        response = ask("/v1/stream?window=1h", others[i]);
        if (i == 1) /* by now that is the newest */
            assert_string_equal(take(&response), "retry: 3000\n\n");
        else
            assert_non_null(strstr(take(&response), "\nid: 2026-11-23T17:30:02.000Z\n"));
        api_response_done(&response);
    }
}

static void silence_is_broken_by_a_comment(void **state)
{
    struct api_response response;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    (void)take(&response);
    mono_ms += 14999;
    streams_tick(fixture.context.streams);
    assert_string_equal(take(&response), "");
    mono_ms += 1;
    streams_tick(fixture.context.streams);
    assert_string_equal(take(&response), ": nothing new\n\n");
    mono_ms += 10000;
    move();
    streams_tick(fixture.context.streams);
    assert_non_null(strstr(take(&response), "data: "));
    mono_ms += 14999; /* an event is a sign of life as well */
    assert_string_equal(take(&response), "");
    api_response_done(&response);
}

struct gate {
    int closed, opened;
};

static void close_gate(void *owner)
{
    ((struct gate *)owner)->closed++;
}

static void open_gate(void *owner)
{
    ((struct gate *)owner)->opened++;
}

static void attach(struct api_response *response, struct gate *gate)
{
    const struct feed_gate hooks = {.owner = gate, .close = close_gate, .open = open_gate};

    response->feed.ops->attach(response->feed.owner, &hooks);
}

static void a_gate_opens_once_for_each_close_and_only_for_news(void **state)
{
    struct api_response response;
    struct gate gate = {0};

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    attach(&response, &gate);
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 0); /* it does not wait yet */
    (void)take(&response);
    assert_int_equal(gate.closed, 1);
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 0);
    move();
    streams_tick(fixture.context.streams);
    move();
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 1);
    (void)take(&response);
    assert_int_equal(gate.closed, 2);
    mono_ms += 15000;
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 2);
    api_response_done(&response);
}

/* The newest, not all that were missed; and never half of one. */
static void a_reader_that_is_slow_misses_events(void **state)
{
    struct api_response response;
    char room[40];
    size_t length = 0;
    const char *text;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    (void)take(&response);
    move();
    streams_tick(fixture.context.streams);
    assert_int_equal(response.feed.ops->pull(response.feed.owner, room, sizeof room, &length),
                     FEED_GIVES);
    assert_memory_equal(room, "id: 2026-11-23T17:30:02.000Z\ndata: {", 36);
    for (int i = 0; i < 5; i++) {
        move();
        streams_tick(fixture.context.streams);
    }
    text = take(&response);
    assert_non_null(strstr(text, "\"to\":\"2026-11-23T17:30:02.000Z\"")); /* the rest of it */
    assert_non_null(strstr(text, "\n\nid: 2026-11-23T17:30:07.000Z\n"));
    assert_null(strstr(text, "17:30:06.000Z"));
    api_response_done(&response);
}

static size_t count_channels(void)
{
    size_t count = 0;

    for (const struct channel *channel = fixture.context.streams->channels; channel != NULL;
         channel = channel->next)
        count++;
    return count;
}

/* The same bytes, whoever came first; and none goes with another's end. */
static void streams_of_one_subscription_share_their_events(void **state)
{
    struct api_response first, second;
    char *copy;

    (void)state;
    fixture_publish(&fixture);
    first = open_stream("/v1/stream?page=/a");
    copy = strdup(take(&first));
    second = open_stream("/v1/stream?key=/a");
    assert_string_equal(take(&second), copy);
    assert_int_equal(count_channels(), 1);
    free(copy);
    move();
    streams_tick(fixture.context.streams);
    copy = strdup(take(&first));
    api_response_done(&first);
    assert_string_equal(take(&second), copy);
    free(copy);
    api_response_done(&second);
    assert_int_equal(count_channels(), 0);
}

static void streams_that_differ_in_anything_do_not(void **state)
{
    static const char *const targets[] = {"key=/a",
                                          "key=/b",
                                          "box=x",
                                          "key=/a&key=/a",
                                          "key=/a%09x",
                                          "key=/a%09y",
                                          "level=page",
                                          "level=box",
                                          "level=box&by=ctr",
                                          "level=box&limit=9",
                                          "window=1m",
                                          "window=1h",
                                          "min_impressions=1"};
    enum { TARGETS = sizeof targets / sizeof targets[0] };

    (void)state;
    fixture_publish(&fixture);
    for (size_t i = 0; i < TARGETS; i++) {
        for (size_t k = 0; k < TARGETS; k++) {
            char target[64];
            struct api_response first, second;

            (void)snprintf(target, sizeof target, "/v1/stream?%s", targets[i]);
            first = open_stream(target);
            (void)snprintf(target, sizeof target, "/v1/stream?%s", targets[k]);
            second = open_stream(target);
            assert_int_equal(count_channels(), i == k ? 1 : 2);
            api_response_done(&first);
            api_response_done(&second);
        }
    }
}

static void a_change_of_state_is_an_event(void **state)
{
    struct api_response response;
    const char *text;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    assert_non_null(strstr(take(&response), "\"state\":\"live\""));
    fixture_event(&fixture, EVENT_VIEW, "/a", NULL); /* there is more than what was counted */
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
    streams_tick(fixture.context.streams);
    text = take(&response);
    assert_memory_equal(text, "id: 2026-11-23T17:30:01.000Z\n", 29);
    assert_non_null(strstr(text, "\"state\":\"catching_up\""));
    api_response_done(&response);
}

/* The id does not tell states apart: whoever has seen `to` may have seen it as live. */
static void last_event_id_saves_no_event_unless_live(void **state)
{
    struct api_response response;

    (void)state;
    fixture_publish(&fixture);
    fixture_event(&fixture, EVENT_VIEW, "/a", NULL);
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
    response = ask("/v1/stream", "2026-11-23T17:30:01.000Z");
    assert_non_null(strstr(take(&response), "\"state\":\"catching_up\""));
    api_response_done(&response);
}

static void one_too_many_is_refused_until_another_has_ended(void **state)
{
    struct api_response responses[3];
    struct api_response refused;

    (void)state;
    fixture_publish(&fixture);
    for (int i = 0; i < 3; i++)
        responses[i] = open_stream("/v1/stream");
    refused = ask("/v1/stream?page=/b", NULL);
    assert_int_equal(refused.retry_after_s, 1);
    fixture_expect_problem(refused, 503, "3 (max_streams)");
    assert_int_equal(atomic_load(&fixture.counters.streams_refused), 1);
    api_response_done(&responses[1]);
    responses[1] = open_stream("/v1/stream?page=/b");
    for (int i = 0; i < 3; i++)
        api_response_done(&responses[i]);
}

static void head_is_answered_without_a_stream(void **state)
{
    struct api_response response;
    enum feed_says says;

    (void)state;
    fixture_publish(&fixture);
    response = fixture_ask(&fixture, API_HEAD, "/v1/stream?key=/a");
    assert_int_equal(response.status, 200);
    free(flow_pull(&response.feed, 10, &says));
    assert_int_equal(says, FEED_ENDS);
    api_response_done(&response);
    assert_int_equal(atomic_load(&fixture.counters.streams_opened), 0);
}

static void the_end_comes_after_what_is_being_sent(void **state)
{
    struct api_response response;
    struct gate gate = {0};
    enum feed_says says;
    char room[40];
    size_t length = 0;
    char *rest;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    attach(&response, &gate);
    (void)take(&response);
    move();
    streams_tick(fixture.context.streams);
    assert_int_equal(response.feed.ops->pull(response.feed.owner, room, sizeof room, &length),
                     FEED_GIVES);
    streams_end(fixture.context.streams);
    rest = flow_pull(&response.feed, 100, &says);
    assert_int_equal(says, FEED_ENDS);
    assert_string_equal(rest + strlen(rest) - 3, "}\n\n");
    free(rest);
    api_response_done(&response);
    fixture_expect_problem(ask("/v1/stream", NULL), 503, "shutting down");
}

static void the_end_opens_the_gates(void **state)
{
    struct api_response response;
    struct gate gate = {0};
    enum feed_says says;

    (void)state;
    fixture_publish(&fixture);
    response = open_stream("/v1/stream");
    attach(&response, &gate);
    (void)take(&response);
    streams_end(fixture.context.streams);
    assert_int_equal(gate.opened, 1);
    free(flow_pull(&response.feed, 100, &says));
    assert_int_equal(says, FEED_ENDS);
    api_response_done(&response);
}

static void give_tokens(const char *first, const char *second)
{
    const char *const tokens[] = {first, second};
    char text[512] = "";
    char digits[DIGEST_HEX + 1];
    struct digest digest;
    struct ctr_error error;
    size_t count;

    for (size_t i = 0; i < 2; i++) {
        char line[160];

        if (tokens[i] == NULL)
            continue;
        assert_true(digest_of(tokens[i], strlen(tokens[i]), &digest));
        digest_format(&digest, digits);
        (void)snprintf(line, sizeof line, "t%zu sha256:%s %s\n", i, digits,
                       i == 0 ? "stream" : "read,stream 2026-11-23T17:31:00Z");
        text_append(text, sizeof text, line);
    }
    assert_int_equal(tokens_replace(fixture.context.tokens, "f", text_of(text), &count, &error),
                     CTR_OK);
}

static struct api_response open_as(const char *token)
{
    char header[128];
    struct api_request request = {.method = API_GET, .target = "/v1/stream?page=/a"};

    (void)snprintf(header, sizeof header, "Bearer %s", token);
    request.authorization = header;
    return flow_ask(&fixture, &request);
}

static enum feed_says drain(struct api_response *response)
{
    enum feed_says says;

    free(flow_pull(&response->feed, 100, &says));
    return says;
}

static void a_stream_ends_when_its_token_is_taken_away_or_expires(void **state)
{
    static const char first[] = "lctr_1111111111111111111111111111111111111111111";
    static const char second[] = "lctr_2222222222222222222222222222222222222222222";
    struct api_response taken;
    struct api_response stays;
    struct gate gate = {0};

    (void)state;
    fixture_publish(&fixture);
    fixture.context.tokens = tokens_new();
    give_tokens(first, second);
    taken = open_as(first);
    stays = open_as(second);
    assert_int_equal(taken.status, 200);
    assert_int_equal(stays.status, 200);
    attach(&taken, &gate);
    assert_int_equal(drain(&taken), FEED_WAITS);
    give_tokens(first, second); /* read again: nothing has changed for anybody */
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 0);
    assert_int_equal(drain(&taken), FEED_WAITS);
    give_tokens(NULL, second);
    streams_tick(fixture.context.streams);
    assert_int_equal(gate.opened, 1); /* without waiting for news */
    assert_int_equal(drain(&taken), FEED_ENDS);
    assert_int_equal(drain(&stays), FEED_WAITS);
    wall_ms = FIXTURE_TS + 59999;
    streams_tick(fixture.context.streams);
    assert_int_equal(drain(&stays), FEED_WAITS);
    wall_ms = FIXTURE_TS + 60000;
    streams_tick(fixture.context.streams);
    assert_int_equal(drain(&stays), FEED_ENDS);
    api_response_done(&taken);
    api_response_done(&stays);
    tokens_free(fixture.context.tokens);
    fixture.context.tokens = NULL;
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(the_first_event_comes_at_once_and_others_as_to_moves),
        SERVED(keys_come_in_the_order_asked),
        SERVED(without_a_key_it_is_the_site),
        SERVED(a_top_list_comes_alone_or_beside_keys),
        SERVED(arguments_are_checked),
        SERVED(a_hundred_keys_are_fine),
        SERVED(before_there_are_numbers_it_is_refused),
        SERVED(last_event_id_saves_the_first_event_where_nothing_moved),
        SERVED(silence_is_broken_by_a_comment),
        SERVED(a_gate_opens_once_for_each_close_and_only_for_news),
        SERVED(a_reader_that_is_slow_misses_events),
        SERVED(streams_of_one_subscription_share_their_events),
        SERVED(streams_that_differ_in_anything_do_not),
        SERVED(a_change_of_state_is_an_event),
        SERVED(last_event_id_saves_no_event_unless_live),
        SERVED(one_too_many_is_refused_until_another_has_ended),
        SERVED(head_is_answered_without_a_stream),
        SERVED(a_stream_ends_when_its_token_is_taken_away_or_expires),
        SERVED(the_end_comes_after_what_is_being_sent),
        SERVED(the_end_opens_the_gates),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    (void)take(NULL);
    return failed;
}
