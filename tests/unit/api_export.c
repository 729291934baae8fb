/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/export, drained without a socket.
 */
#include "api/export.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/api_flow.h"

static struct fixture fixture;
static char folder[] = "/tmp/livectr-export-XXXXXX";

static void start_exports(uint32_t max, const char *where)
{
    const struct exports_options options = {
        .max = max, .folder = where, .counters = &fixture.counters};

    assert_int_equal(exports_new(&options, &fixture.context.exports), CTR_OK);
}

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 100000);
    start_exports(2, folder);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    exports_free(fixture.context.exports); /* asserts that none is left */
    fixture_done(&fixture);
    return 0;
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void fill(int pages)
{
    char page[64];

    for (int i = 0; i < pages; i++) {
        (void)snprintf(page, sizeof page, "/page, \"%d\"", i);
        fixture_events(&fixture, 1 + i % 3, i % 2, page, NULL);
        fixture_events(&fixture, 2, 1, page, i % 2 == 0 ? "even" : "odds");
    }
    fixture_publish(&fixture);
}

static struct api_response ask(const char *target, const char *accept)
{
    const struct api_request request = {.method = API_GET, .target = target, .accept = accept};

    return flow_ask(&fixture, &request);
}

/* The whole document; the response is ended. */
static char *export(const char *target, const char *accept, size_t room_bytes)
{
    struct api_response response = ask(target, accept);
    enum feed_says says;
    char *bytes;

    assert_int_equal(response.status, 200);
    assert_string_equal(response.cache_control, "no-store");
    assert_true(flow_prepare(&response, 0));
    bytes = flow_pull(&response.feed, room_bytes, &says);
    assert_int_equal(says, FEED_ENDS);
    api_response_done(&response);
    return bytes;
}

static json_t *parse(const char *text, size_t length)
{
    json_error_t error;
    json_t *json =
        json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);

    if (json == NULL)
        print_message("%s in %.*s\n", error.text, (int)length, text);
    assert_non_null(json);
    return json;
}

struct sums {
    size_t rows;
    uint64_t impressions[LEVEL_COUNT], clicks[LEVEL_COUNT];
};

static void add(struct sums *sums, const json_t *row)
{
    const char *level = fixture_string(row, "level");
    int at = 0;

    while (strcmp(level_name((enum level)at), level) != 0)
        at++;
    sums->rows++;
    sums->impressions[at] += (uint64_t)fixture_number(row, "impressions");
    sums->clicks[at] += (uint64_t)fixture_number(row, "clicks");
}

static void check_sums(const struct sums *sums)
{
    assert_true(sums->impressions[LEVEL_SITE] > 0 && sums->clicks[LEVEL_SITE] > 0);
    assert_int_equal(sums->impressions[LEVEL_PAGE], sums->impressions[LEVEL_SITE]);
    assert_int_equal(sums->clicks[LEVEL_PAGE], sums->clicks[LEVEL_SITE]);
    assert_int_equal(sums->impressions[LEVEL_BOX], sums->impressions[LEVEL_PLACEMENT]);
    assert_int_equal(sums->clicks[LEVEL_BOX], sums->clicks[LEVEL_PLACEMENT]);
}

static void the_document_holds_every_row_and_its_sums_are_right(void **state)
{
    size_t rooms[] = {1, 7, 4096, 100000};

    (void)state;
    fill(40);
    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        char *text = export("/v1/export?window=10m", NULL, rooms[i]);
        json_t *json = parse(text, strlen(text));
        const json_t *items = json_object_get(json, "items");
        struct sums sums = {0};

        for (size_t row = 0; row < json_array_size(items); row++)
            add(&sums, json_array_get(items, row));
        assert_int_equal(sums.rows, 1 + 40 + 2 + 40);
        assert_int_equal((size_t)fixture_number(json, "total"), sums.rows);
        assert_string_equal(fixture_string(json, "window"), "10m");
        assert_string_equal(fixture_string(json, "to"), "2026-11-23T17:30:01.000Z");
        check_sums(&sums);
        json_decref(json);
        free(text);
    }
    assert_int_equal(atomic_load(&fixture.counters.exports_made), 4);
}

static void a_row_says_what_its_key_says_alone(void **state)
{
    char *text;
    struct api_response alone;
    char *numbers;

    (void)state;
    fill(3);
    text = export("/v1/export?level=placement&window=1h", "application/json", 4096);
    alone = fixture_get(&fixture, "/v1/ctr?window=1h&page=/page,%20%221%22&box=odds");
    assert_int_equal(alone.status, 200);
    alone.body = realloc(alone.body, alone.body_length + 1);
    alone.body[alone.body_length] = '\0';
    numbers = strstr(alone.body, "\"impressions\"");
    *strstr(numbers, ",\"coverage\"") = '\0';
    assert_non_null(strstr(numbers, "\"prior_weight\":"));
    assert_non_null(strstr(text, "\"page\":\"/page, \\\"1\\\"\",\"box\":\"odds\","));
    assert_non_null(strstr(text, numbers));
    api_response_done(&alone);
    free(text);
}

static void lines_are_documents_of_their_own(void **state)
{
    char *text;
    char *line;
    struct sums sums = {0};
    json_t *head;

    (void)state;
    fill(40);
    text = export("/v1/export", "application/x-ndjson, application/json;q=0.5", 4096);
    line = strchr(text, '\n');
    head = parse(text, (size_t)(line - text));
    for (line++; *line != '\0'; line = strchr(line, '\n') + 1) {
        json_t *row = parse(line, strcspn(line, "\n"));

        add(&sums, row);
        json_decref(row);
    }
    assert_int_equal((size_t)fixture_number(head, "total"), sums.rows);
    assert_int_equal(sums.rows, 83);
    check_sums(&sums);
    json_decref(head);
    free(text);
}

static void csv_has_the_same_cells_in_every_line(void **state)
{
    char *text;
    size_t lines = 0;

    (void)state;
    fill(5);
    text = export("/v1/export?window=1m", "text/csv", 4096);
    assert_memory_equal(text, "level,page,box,other,impressions,clicks,ctr,", 44);
    assert_non_null(strstr(text, "\r\npage,\"/page, \"\"3\"\"\",,0,1,"));
    assert_non_null(strstr(text, "\r\nplacement,\"/page, \"\"3\"\"\",\"odds\",0,2,1,0.5,"));
    for (const char *line = text; *line != '\0'; line = strstr(line, "\r\n") + 2) {
        size_t commas = 0;
        bool quoted = false;

        for (const char *at = line; *at != '\r'; at++) {
            quoted = quoted != (*at == '"');
            commas += !quoted && *at == ',';
        }
        assert_int_equal(commas, 17);
        lines++;
    }
    assert_int_equal(lines, 1 + 1 + 5 + 2 + 5);
    free(text);
}

static void what_the_limit_folded_is_in_it(void **state)
{
    char *text;

    (void)state;
    exports_free(fixture.context.exports);
    fixture_done(&fixture);
    fixture_start(&fixture, 6);
    start_exports(2, folder);
    fill(10);
    text = export("/v1/export?level=page", NULL, 4096);
    assert_non_null(strstr(text, "{\"level\":\"page\",\"other\":true,\"impressions\":"));
    free(text);
    text = export("/v1/export?level=page", "text/csv", 4096);
    assert_non_null(strstr(text, "\r\npage,,,1,"));
    assert_non_null(strstr(text, ",,,,,,,,,,,\"2026-")); /* no ratio and no people of a remainder */
    free(text);
}

static void arguments_are_checked(void **state)
{
    (void)state;
    fill(1);
    fixture_expect_problem(ask("/v1/export?level=pages", NULL), 400,
                           "site, page, box and placement");
    fixture_expect_problem(ask("/v1/export?window=7s", NULL), 400, "There is no window");
    fixture_expect_problem(ask("/v1/export?page=/a", NULL), 400, "window, level and max_lag_ms");
    fixture_expect_problem(ask("/v1/export", "text/html"), 406, "text/csv");
    assert_int_equal(atomic_load(&fixture.counters.exports_made), 0);
}

static void before_there_are_numbers_it_is_refused(void **state)
{
    (void)state;
    fixture_expect_problem(ask("/v1/export", NULL), 503, "/v1/status");
}

static void one_too_many_is_refused_until_another_has_ended(void **state)
{
    struct api_response first, second, third;

    (void)state;
    fill(1);
    first = ask("/v1/export", NULL);
    second = ask("/v1/export", NULL);
    third = ask("/v1/export", NULL);
    assert_int_equal(third.retry_after_s, 1);
    fixture_expect_problem(third, 503, "2 (max_exports)");
    assert_int_equal(atomic_load(&fixture.counters.exports_refused), 1);
    api_response_done(&first); /* never asked for a byte */
    third = ask("/v1/export", NULL);
    assert_int_equal(third.status, 200);
    api_response_done(&third);
    api_response_done(&second);
}

static void head_is_answered_without_a_copy(void **state)
{
    struct api_response response;
    enum feed_says says;
    char *bytes;

    (void)state;
    fill(1);
    for (int i = 0; i < 5; i++) {
        response = fixture_ask(&fixture, API_HEAD, "/v1/export");
        assert_int_equal(response.status, 200);
        assert_null(response.feed.ops->prepare);
        bytes = flow_pull(&response.feed, 10, &says);
        assert_int_equal(says, FEED_ENDS);
        free(bytes);
        api_response_done(&response);
    }
}

/* A move in the middle: all of it is of the moment after. */
static void it_begins_anew_when_to_moves(void **state)
{
    struct api_response response, refusal;
    enum feed_says says;
    json_t *json;
    struct sums sums = {0};
    char *text;

    (void)state;
    fill(3000);
    response = ask("/v1/export", NULL);
    assert_int_equal(response.feed.ops->prepare(response.feed.owner, 0, &refusal), FEED_AGAIN);
    fixture_events(&fixture, 5, 5, "/late", NULL);
    fixture_publish(&fixture);
    assert_true(flow_prepare(&response, 0));
    assert_int_equal(atomic_load(&fixture.counters.exports_restarted), 1);
    fixture_events(&fixture, 5, 5, "/later", NULL); /* too late to be in it */
    fixture_publish(&fixture);
    text = flow_pull(&response.feed, 4096, &says);
    assert_int_equal(says, FEED_ENDS);
    json = parse(text, strlen(text));
    for (size_t row = 0; row < json_array_size(json_object_get(json, "items")); row++)
        add(&sums, json_array_get(json_object_get(json, "items"), row));
    assert_int_equal(sums.rows, 1 + 3001 + 2 + 3000);
    check_sums(&sums);
    json_decref(json);
    free(text);
    api_response_done(&response);
}

/* `to` moves on by `seconds`, with an event just before. */
static void move(int seconds)
{
    struct partition *partition = store_partition(fixture.store, fixture.partition);
    struct event event = {.type = EVENT_VIEW,
                          .ts_ms = store_progress(fixture.store).to_ms + (seconds - 1) * 1000,
                          .page = {"/a", 2}};

    assert_int_equal(store_record_event(fixture.store, fixture.partition, fixture.offset,
                                        event.ts_ms, MOMENT_NONE, &event),
                     CTR_OK);
    fixture.offset++;
    partition_reach(partition, fixture.offset, event.ts_ms);
    partition_end(partition, fixture.offset, event.ts_ms);
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
}

/* Prepares with a move after each call, 100 ms apart. */
static enum feed_prepared prepare_restless(struct api_response *response, int seconds,
                                           int64_t *ret_mono_ms, struct api_response *ret_refusal)
{
    enum feed_prepared prepared = FEED_AGAIN;

    for (*ret_mono_ms = 0; prepared == FEED_AGAIN && *ret_mono_ms < 100000; *ret_mono_ms += 100) {
        prepared = response->feed.ops->prepare(response->feed.owner, *ret_mono_ms, ret_refusal);
        move(seconds);
    }
    return prepared;
}

static void it_gives_up_where_no_moment_lasts(void **state)
{
    struct api_response response, refusal;
    int64_t mono_ms;

    (void)state;
    fill(3000);
    response = ask("/v1/export", NULL);
    assert_int_equal(prepare_restless(&response, 7, &mono_ms, &refusal), FEED_REFUSED);
    assert_true(mono_ms > 7000 && mono_ms < 9000);
    api_response_done(&response);
    fixture_expect_problem(refusal, 503, "no moment that lasted");
}

static void after_two_tries_it_has_to_wait_for_it(void **state)
{
    struct api_response response, refusal;
    int64_t mono_ms;
    int64_t to_ms;

    (void)state;
    fill(3000);
    response = ask("/v1/export", NULL);
    assert_int_equal(prepare_restless(&response, 1, &mono_ms, &refusal), FEED_READY);
    assert_int_equal(atomic_load(&fixture.counters.exports_restarted), 2);
    to_ms = store_progress(fixture.store).to_ms;
    move(1); /* nothing is held back any more */
    assert_true(store_progress(fixture.store).to_ms > to_ms);
    api_response_done(&response);
}

static void without_room_for_its_file_it_is_refused(void **state)
{
    struct api_response response;

    (void)state;
    exports_free(fixture.context.exports);
    start_exports(2, "/nowhere/at/all");
    fill(5000);
    response = ask("/v1/export", NULL);
    assert_false(flow_prepare(&response, 0));
    fixture_expect_problem(response, 503, "data_dir");
    response = ask("/v1/export?level=box", NULL); /* few enough for memory */
    assert_true(flow_prepare(&response, 0));
    api_response_done(&response);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(the_document_holds_every_row_and_its_sums_are_right),
        SERVED(a_row_says_what_its_key_says_alone),
        SERVED(lines_are_documents_of_their_own),
        SERVED(csv_has_the_same_cells_in_every_line),
        SERVED(what_the_limit_folded_is_in_it),
        SERVED(arguments_are_checked),
        SERVED(before_there_are_numbers_it_is_refused),
        SERVED(one_too_many_is_refused_until_another_has_ended),
        SERVED(head_is_answered_without_a_copy),
        SERVED(it_begins_anew_when_to_moves),
        SERVED(it_gives_up_where_no_moment_lasts),
        SERVED(after_two_tries_it_has_to_wait_for_it),
        SERVED(without_room_for_its_file_it_is_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
