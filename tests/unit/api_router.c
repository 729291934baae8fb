/* SPDX-License-Identifier: Apache-2.0
 *
 * Every resource through the one door, with a store that holds known events:
 *   page /a   200 views, 20 clicks, of which box top 40 views, 10 clicks (clicks count for both)
 *   page /b   1 view, 0 clicks; box top 10 views, 20 clicks (more clicks than views)
 */
#include "api/router.h"

#include <math.h>
#include <stdio.h>

#include "storage/rate.h"
#include "storage/store_status.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 200, 10, "/a", NULL);
    fixture_events(&fixture, 40, 10, "/a", "top");
    fixture_events(&fixture, 1, 0, "/b", NULL);
    fixture_events(&fixture, 10, 20, "/b", "top");
    fixture_publish(&fixture);
    return 0;
}

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

static json_t *get(const char *target)
{
    struct api_response response = fixture_get(&fixture, target);

    return fixture_json(&response, 200);
}

static void expect_counts(const json_t *answer, double impressions, double clicks)
{
    double got_impressions = fixture_number(answer, "impressions");
    double got_clicks = fixture_number(answer, "clicks");

    if ((int)got_impressions != (int)impressions || (int)got_clicks != (int)clicks)
        print_message("%g views, %g clicks\n", got_impressions, got_clicks);
    assert_int_equal((int)got_impressions, (int)impressions);
    assert_int_equal((int)got_clicks, (int)clicks);
}

static void each_level_is_named_by_its_ids(void **state)
{
    json_t *site = get("/v1/ctr");
    json_t *page = get("/v1/ctr?page=/a");
    json_t *box = get("/v1/ctr?box=top&window=1m");
    json_t *placement = get("/v1/ctr?page=/b&box=top&window=1h");

    (void)state;
    expect_counts(site, 201, 40);
    assert_null(json_object_get(site, "page"));
    assert_null(json_object_get(site, "box"));
    assert_string_equal(fixture_string(site, "window"), "10m");
    expect_counts(page, 200, 20);
    assert_string_equal(fixture_string(page, "page"), "/a");
    assert_null(json_object_get(page, "box"));
    expect_counts(box, 50, 30);
    assert_null(json_object_get(box, "page"));
    assert_string_equal(fixture_string(box, "window"), "1m");
    expect_counts(placement, 10, 20);
    assert_string_equal(fixture_string(placement, "page"), "/b");
    assert_string_equal(fixture_string(placement, "box"), "top");
    json_decref(site);
    json_decref(page);
    json_decref(box);
    json_decref(placement);
}

static void an_answer_carries_its_evidence_and_exact_doubles(void **state)
{
    struct rate rate = rate_of(200, 20);
    struct api_response response = fixture_get(&fixture, "/v1/ctr?page=/a");
    json_t *answer;
    double value;

    (void)state;
    assert_string_equal(response.content_type, "application/json");
    assert_string_equal(response.cache_control,
                        "public, max-age=1, stale-while-revalidate=5, stale-if-error=30");
    assert_memory_equal(response.body, "{\"page\":\"/a\",\"window\":\"10m\",\"from\":\"", 36);
    answer = fixture_json(&response, 200);
    value = fixture_number(answer, "ctr");
    assert_memory_equal(&value, &rate.ctr, sizeof value);
    value = fixture_number(answer, "ctr_low");
    assert_memory_equal(&value, &rate.low, sizeof value);
    value = fixture_number(answer, "ctr_high");
    assert_memory_equal(&value, &rate.high, sizeof value);
    assert_true(fixture_number(answer, "prior_ctr") > 0);
    assert_int_equal((int)fixture_number(answer, "prior_weight"), 100); /* too few siblings */
    assert_int_equal((int)fixture_number(answer, "viewers"), 0);        /* nobody named a visitor */
    assert_true(json_is_null(json_object_get(answer, "unique_ctr")));
    assert_null(json_object_get(answer, "people_missing"));
    assert_string_equal(fixture_string(answer, "from"), "2026-11-23T17:20:00.000Z");
    assert_string_equal(fixture_string(answer, "to"), "2026-11-23T17:30:01.000Z");
    assert_string_equal(fixture_string(answer, "as_of"), "2026-11-23T17:30:01.000Z");
    assert_string_equal(fixture_string(answer, "state"), "live");
    assert_true(fixture_number(answer, "lag_ms") < 0.5);
    assert_true(fixture_number(answer, "coverage") > 0.999);
    assert_int_equal(json_object_size(answer), 21);
    json_decref(answer);
}

static void no_views_give_null_and_too_many_clicks_no_interval(void **state)
{
    json_t *unknown = get("/v1/ctr?page=/nobody");
    json_t *over = get("/v1/ctr?page=/b&box=top");

    (void)state;
    expect_counts(unknown, 0, 0);
    assert_true(json_is_null(json_object_get(unknown, "ctr")));
    assert_true(json_is_null(json_object_get(unknown, "ctr_low")));
    assert_null(json_object_get(unknown, "folded"));
    assert_true(fabs(fixture_number(over, "ctr") - 2) < 1e-12);
    assert_true(json_is_null(json_object_get(over, "ctr_low")));
    assert_true(json_is_null(json_object_get(over, "ctr_high")));
    json_decref(unknown);
    json_decref(over);
}

/* Percent-encodes every byte. */
static void encode(const char *bytes, char *ret_encoded)
{
    for (size_t i = 0; bytes[i] != '\0'; i++)
        (void)snprintf(ret_encoded + 3 * i, 4, "%%%02X", (unsigned)(unsigned char)bytes[i]);
}

static void expect_echo(const char *id)
{
    char target[4096] = "/v1/ctr?page=";
    char *body = NULL;
    json_t *answer;
    json_t *batch = json_pack("{s:[{s:s}]}", "items", "page", id);
    struct api_response response;

    encode(id, target + strlen(target));
    answer = get(target);
    assert_string_equal(fixture_string(answer, "page"), id);
    expect_counts(answer, 1, 0);
    json_decref(answer);
    assert_non_null(batch);
    body = json_dumps(batch, JSON_COMPACT);
    assert_non_null(body);
    response = fixture_post(&fixture, body, strlen(body), "application/json");
    answer = fixture_json(&response, 200);
    assert_string_equal(fixture_string(json_array_get(json_object_get(answer, "items"), 0), "page"),
                        id);
    expect_counts(json_array_get(json_object_get(answer, "items"), 0), 1, 0);
    json_decref(answer);
    json_decref(batch);
    free(body);
}

static void ids_come_back_byte_for_byte(void **state)
{
    static const char *const ids[] = {"a b  c ",       "/x//y/../z", "100%25 %zz+", "q\"u'o\\te",
                                      "🎯 żółć 日本語", "a&b=c?d#e",  "<script>",    "\xC2\x80"};
    char longest[EVENT_ID_BYTES_MAX + 1];

    (void)state;
    for (size_t i = 0; i + 4 <= EVENT_ID_BYTES_MAX; i += 4)
        memcpy(longest + i, "\xF0\x9F\x8E\xAF", 4);
    longest[EVENT_ID_BYTES_MAX] = '\0';
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        fixture_event(&fixture, EVENT_VIEW, ids[i], NULL);
    fixture_event(&fixture, EVENT_VIEW, longest, NULL);
    fixture_publish(&fixture);
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        expect_echo(ids[i]);
    expect_echo(longest);
}

static void an_unknown_window_lists_the_windows(void **state)
{
    static const char body[] = "{\"window\":\"2m\",\"items\":[]}";

    (void)state;
    fixture_expect_problem(fixture_get(&fixture, "/v1/ctr?window=2m"), 400,
                           "no window \"2m\"; the windows are: 1m, 10m, 1h.");
    fixture_expect_problem(fixture_get(&fixture, "/v1/pages?window=10M"), 400, "1m, 10m, 1h");
    fixture_expect_problem(fixture_post(&fixture, body, sizeof body - 1, "application/json"), 422,
                           "no window \"2m\"; the windows are: 1m, 10m, 1h.");
}

static void bad_arguments_are_400(void **state)
{
    static const char *const targets[] = {"/v1/ctr?page=",
                                          "/v1/ctr?page=%00",
                                          "/v1/ctr?page=%",
                                          "/v1/ctr?page=%FF",
                                          "/v1/ctr?page=a&page=a",
                                          "/v1/ctr?pages=a",
                                          "/v1/pages?limit=0",
                                          "/v1/pages?limit=1001",
                                          "/v1/pages?sort=views",
                                          "/v1/pages?page=a",
                                          "/v1/boxes?page=",
                                          "/v1/boxes?min_impressions=-1",
                                          "/v1/status?verbose",
                                          "/livez?x=1",
                                          "/readyz?x=1",
                                          "/metrics?name=x",
                                          "/v1/%GG",
                                          "/v1/ctr?window=",
                                          "/v1/ctr:batchGet?page=a"};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        bool batch = strstr(targets[i], "batchGet") != NULL;

        fixture_expect_problem(fixture_ask(&fixture, batch ? API_POST : API_GET, targets[i]), 400,
                               "");
    }
}

static void unknown_paths_are_404(void **state)
{
    static const char *const targets[] = {"//",        "/v1",     "/v1/ctr/",     "/v1/Ctr",
                                          "/v1//ctr",  "*",       "/v1/ctr%2F",   "/v1%2fctr",
                                          "/v1/../v1", "/livez/", "/favicon.ico", ""};

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        fixture_expect_problem(fixture_get(&fixture, targets[i]), 404, "There is nothing at");
    fixture_expect_problem(fixture_get(&fixture, "/v1/ctr/"), 404, "without the slash");
    fixture_expect_problem(fixture_get(&fixture, "/v1/ctrs"), 404, "the nearest path is /v1/ctr.");
    fixture_expect_problem(fixture_get(&fixture, "/v1/page"), 404,
                           "the nearest path is /v1/pages.");
    fixture_expect_problem(fixture_get(&fixture, "/metric"), 404, "the nearest path is /metrics.");
    fixture_expect_problem(fixture_get(&fixture, "/v1/x"), 404, "at \"/v1/x\".");
}

static void the_wrong_method_is_405_with_allow(void **state)
{
    static const char *const gets[] = {"/v1/ctr", "/v1/pages", "/v1/boxes", "/v1/status",
                                       "/livez",  "/readyz",   "/metrics"};
    struct api_response response;

    (void)state;
    for (size_t i = 0; i < sizeof gets / sizeof gets[0]; i++) {
        response = fixture_ask(&fixture, API_POST, gets[i]);
        assert_string_equal(response.allow, "GET, HEAD");
        fixture_expect_problem(response, 405, "GET, HEAD");
        fixture_expect_problem(fixture_ask(&fixture, API_OTHER, gets[i]), 405, "GET, HEAD");
    }
    response = fixture_get(&fixture, "/v1/ctr:batchGet");
    assert_string_equal(response.allow, "POST");
    fixture_expect_problem(response, 405, "POST");
    fixture_expect_problem(fixture_ask(&fixture, API_HEAD, "/v1/ctr:batchGet"), 405, "POST");
}

static void head_answers_as_get(void **state)
{
    struct api_response got = fixture_get(&fixture, "/v1/ctr?page=/a");
    struct api_response headed = fixture_ask(&fixture, API_HEAD, "/v1/ctr?page=/a");

    (void)state;
    assert_int_equal(headed.status, 200);
    assert_int_equal(headed.body_length, got.body_length);
    assert_memory_equal(headed.body, got.body, got.body_length);
    api_response_done(&got);
    api_response_done(&headed);
}

static json_t *post(const char *body)
{
    struct api_response response =
        fixture_post(&fixture, body, strlen(body), "application/json; charset=utf-8");

    return fixture_json(&response, 200);
}

static void a_batch_is_answered_in_the_order_asked(void **state)
{
    json_t *answer = post("{\"items\":[{\"box\":\"top\"},{},{\"page\":\"/b\",\"box\":\"top\"},"
                          "{\"page\":\"?\"},{\"page\":\"/a\"},{\"box\":\"top\"}],"
                          "\"window\":\"1m\"}");
    const json_t *items = json_object_get(answer, "items");

    (void)state;
    assert_string_equal(fixture_string(answer, "window"), "1m");
    assert_string_equal(fixture_string(answer, "state"), "live");
    assert_int_equal(json_object_size(answer), 8);
    assert_int_equal(json_array_size(items), 6);
    expect_counts(json_array_get(items, 0), 50, 30);
    expect_counts(json_array_get(items, 1), 201, 40);
    assert_null(json_object_get(json_array_get(items, 1), "page"));
    expect_counts(json_array_get(items, 2), 10, 20);
    expect_counts(json_array_get(items, 3), 0, 0);
    expect_counts(json_array_get(items, 4), 200, 20);
    expect_counts(json_array_get(items, 5), 50, 30);
    assert_null(json_object_get(json_array_get(items, 0), "state"));
    json_decref(answer);
    answer = post("{\"items\":[]}");
    assert_int_equal(json_array_size(json_object_get(answer, "items")), 0);
    json_decref(answer);
}

static void expect_post_problem(const char *body, unsigned status, const char *words)
{
    fixture_expect_problem(fixture_post(&fixture, body, strlen(body), "application/json"), status,
                           words);
}

static void a_body_that_is_not_json_is_400(void **state)
{
    static const char *const bodies[] = {"",
                                         "{",
                                         "5",
                                         "{\"items\":[]}x",
                                         "{\"items\":[],\"items\":[]}",
                                         "{\"items\":[{\"page\":\"a\",\"page\":\"a\"}]}",
                                         "{\"items\":[{\"page\":\"\\u0000\"}]}",
                                         "{\"items\":[{\"page\":\"\\ud800\"}]}",
                                         "{\"items\":[{\"page\":\"\xFF\"}]}",
                                         "{\"items\":1e999}"};

    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        expect_post_problem(bodies[i], 400, "Line ");
    fixture_expect_problem(fixture_post(&fixture, NULL, 0, "application/json"), 400, "Line ");
}

static void a_body_of_the_wrong_shape_is_422(void **state)
{
    char body[1024];

    (void)state;
    expect_post_problem("[]", 422, "must be an object");
    expect_post_problem("{}", 422, "must have items");
    expect_post_problem("{\"items\":{}}", 422, "items must be an array");
    expect_post_problem("{\"items\":[1]}", 422, "items[0] must be an object");
    expect_post_problem("{\"items\":[{},{\"page\":1}]}", 422, "items[1].page must be a string");
    expect_post_problem("{\"items\":[{\"page\":null}]}", 422, "items[0].page must be a string");
    expect_post_problem("{\"items\":[{\"page\":\"\"}]}", 422, "items[0].page is empty");
    expect_post_problem("{\"items\":[{\"box\":\"a\\nb\"}]}", 422, "items[0].box holds a control");
    expect_post_problem("{\"items\":[{\"boxes\":\"a\"}]}", 422, "members are: page and box");
    expect_post_problem("{\"items\":[],\"limit\":1}", 422, "members are: window and items");
    expect_post_problem("{\"items\":[],\"window\":10}", 422, "window must be a string");
    expect_post_problem("{\"items\":[],\"window\":\"\"}", 422, "the windows are");
    (void)snprintf(body, sizeof body, "{\"items\":[{\"page\":\"%0513d\"}]}", 0);
    expect_post_problem(body, 422, "items[0].page is longer than 512 bytes");
}

static void the_content_type_must_be_json(void **state)
{
    static const char body[] = "{\"items\":[]}";
    static const char *const bad[] = {NULL, "", "text/plain", "application/jsonp",
                                      "application/x-www-form-urlencoded"};
    struct api_response response;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        fixture_expect_problem(fixture_post(&fixture, body, sizeof body - 1, bad[i]), 415,
                               "application/json");
    response = fixture_post(&fixture, body, sizeof body - 1, "Application/JSON ;charset=utf-8");
    json_decref(fixture_json(&response, 200));
}

/* {"items":[item,item,...]} */
static char *many(size_t count, const char *item)
{
    size_t size = 64 + count * (strlen(item) + 1);
    char *body = calloc(1, size);
    size_t used;

    assert_non_null(body);
    used = (size_t)snprintf(body, size, "{\"items\":[");
    for (size_t i = 0; i < count; i++)
        used += (size_t)snprintf(body + used, size - used, "%s%s", i > 0 ? "," : "", item);
    (void)snprintf(body + used, size - used, "]}");
    return body;
}

static void a_thousand_items_are_the_most(void **state)
{
    char *body = many(1000, "{\"page\":\"/a\",\"box\":\"top\"}");
    json_t *answer = post(body);

    (void)state;
    assert_int_equal(json_array_size(json_object_get(answer, "items")), 1000);
    expect_counts(json_array_get(json_object_get(answer, "items"), 999), 40, 10);
    json_decref(answer);
    free(body);
    body = many(1001, "{}");
    expect_post_problem(body, 413, "has 1001 items; at most 1000");
    free(body);
    body = many(100000, "[]");
    expect_post_problem(body, 413, "more values");
    free(body);
    body = calloc(1, 1048578);
    assert_non_null(body);
    memset(body, ' ', 1048577);
    expect_post_problem(body, 413, "has 1048577 bytes; at most 1048576");
    body[1048576] = '\0';
    memcpy(body, "{\"items\":[]}", 12);
    json_decref(post(body));
    free(body);
}

static const char *item_string(const json_t *list, size_t index, const char *name)
{
    return fixture_string(json_array_get(json_object_get(list, "items"), index), name);
}

static void pages_are_listed_largest_first(void **state)
{
    json_t *list = get("/v1/pages");

    (void)state;
    assert_int_equal((int)fixture_number(list, "total"), 2);
    assert_string_equal(item_string(list, 0, "page"), "/a");
    assert_string_equal(item_string(list, 1, "page"), "/b");
    expect_counts(json_array_get(json_object_get(list, "items"), 0), 200, 20);
    assert_null(json_object_get(list, "other"));
    assert_string_equal(fixture_string(list, "to"), "2026-11-23T17:30:01.000Z");
    json_decref(list);
    list = get("/v1/pages?sort=ctr&window=1m&limit=1");
    assert_int_equal((int)fixture_number(list, "total"), 2);
    assert_int_equal(json_array_size(json_object_get(list, "items")), 1);
    assert_string_equal(item_string(list, 0, "page"), "/b");
    json_decref(list);
    list = get("/v1/pages?min_impressions=2");
    assert_int_equal((int)fixture_number(list, "total"), 1);
    json_decref(list);
}

static void each_sort_has_its_order(void **state)
{
    static const char *const orders[][4] = {{"impressions", "/a", "/c", "/b"},
                                            {"clicks", "/c", "/a", "/b"},
                                            {"ctr", "/b", "/c", "/a"},
                                            {"id", "/a", "/b", "/c"}};
    char target[64];

    (void)state;
    fixture_events(&fixture, 5, 50, "/c", NULL);
    fixture_publish(&fixture);
    for (size_t i = 0; i < 4; i++) {
        json_t *list;

        (void)snprintf(target, sizeof target, "/v1/pages?sort=%s", orders[i][0]);
        list = get(target);
        for (size_t k = 0; k < 3; k++)
            assert_string_equal(item_string(list, k, "page"), orders[i][k + 1]);
        json_decref(list);
    }
}

static void boxes_are_listed_across_pages_or_of_one(void **state)
{
    json_t *list = get("/v1/boxes?sort=id");

    (void)state;
    assert_int_equal((int)fixture_number(list, "total"), 1);
    expect_counts(json_array_get(json_object_get(list, "items"), 0), 50, 30);
    assert_null(json_object_get(json_array_get(json_object_get(list, "items"), 0), "page"));
    json_decref(list);
    list = get("/v1/boxes?page=%2Fb&sort=clicks");
    assert_int_equal((int)fixture_number(list, "total"), 1);
    expect_counts(json_array_get(json_object_get(list, "items"), 0), 10, 20);
    assert_string_equal(item_string(list, 0, "page"), "/b");
    assert_string_equal(item_string(list, 0, "box"), "top");
    json_decref(list);
    list = get("/v1/boxes?page=/nobody");
    assert_int_equal((int)fixture_number(list, "total"), 0);
    json_decref(list);
}

static void what_the_limit_on_keys_folded_is_told(void **state)
{
    struct fixture full;
    struct api_response response;
    json_t *json;

    (void)state;
    fixture_start(&full, 1);
    fixture_events(&full, 3, 1, "/first", NULL);
    fixture_events(&full, 5, 2, "/second", NULL);
    fixture_publish(&full);
    response = fixture_get(&full, "/v1/ctr?page=/second");
    json = fixture_json(&response, 200);
    expect_counts(json, 0, 0);
    assert_true(json_is_true(json_object_get(json, "folded")));
    json_decref(json);
    response = fixture_get(&full, "/v1/pages");
    json = fixture_json(&response, 200);
    assert_int_equal((int)fixture_number(json, "total"), 1);
    expect_counts(json_object_get(json, "other"), 5, 2);
    json_decref(json);
    fixture_done(&full);
}

static void status_accounts_for_every_record(void **state)
{
    json_t *json;
    const json_t *partition;
    const json_t *sample;

    (void)state;
    store_record_malformed(fixture.store, fixture.partition, fixture.offset++, MOMENT_NONE,
                           MALFORMED_MISSING, "{\"type\":\"view\"}");
    fixture_publish(&fixture);
    json = get("/v1/status");
    partition = json_array_get(json_object_get(json, "partitions"), 0);
    assert_string_equal(fixture_string(json, "state"), "live");
    assert_string_equal(fixture_string(partition, "topic"), "events");
    assert_int_equal((int)fixture_number(partition, "read"), 292);
    assert_int_equal((int)fixture_number(partition, "counted"), 291);
    assert_int_equal((int)fixture_number(partition, "malformed"), 1);
    assert_int_equal((int)fixture_number(partition, "lag"), 0);
    assert_int_equal((int)fixture_number(partition, "end"), 292);
    assert_string_equal(fixture_string(partition, "clock"), "2026-11-23T17:30:00.000Z");
    assert_int_equal((int)json_number_value(json_array_get(
                         json_array_get(json_object_get(partition, "position"), 0), 1)),
                     292);
    assert_int_equal(json_object_size(json_object_get(json, "malformed")), MALFORMED_COUNT);
    assert_int_equal((int)fixture_number(json_object_get(json, "malformed"), "missing"), 1);
    sample = json_array_get(json_object_get(json, "malformed_samples"), 0);
    assert_int_equal((int)fixture_number(sample, "offset"), 291);
    assert_string_equal(fixture_string(sample, "detail"), "{\"type\":\"view\"}");
    assert_int_equal((int)fixture_number(json_object_get(json, "keys"), "pages"), 2);
    assert_true(json_is_null(json_object_get(json_object_get(json, "snapshot"), "at")));
    assert_string_equal(fixture_string(json_object_get(json, "source"), "state"), "reading");
    assert_string_equal(fixture_string(json, "version"), "test");
    json_decref(json);
}

static void before_the_first_to_only_status_and_health_answer(void **state)
{
    static const char batch[] = "{\"items\":[{}]}";
    static const char *const targets[] = {"/v1/ctr", "/v1/pages", "/v1/boxes", "/v1/boxes?page=a"};
    struct fixture empty;
    struct api_response response;
    json_t *json;

    (void)state;
    fixture_start(&empty, 10);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        response = fixture_get(&empty, targets[i]);
        assert_int_equal(response.retry_after_s, 1);
        fixture_expect_problem(response, 503, "first answer");
    }
    fixture_expect_problem(fixture_post(&empty, batch, sizeof batch - 1, "application/json"), 503,
                           "first answer");
    response = fixture_get(&empty, "/v1/status");
    json = fixture_json(&response, 200);
    assert_string_equal(fixture_string(json, "state"), "starting");
    assert_true(json_is_null(json_object_get(json, "to")));
    assert_true(json_is_null(json_object_get(json, "as_of")));
    assert_true(json_is_null(json_object_get(json, "lag_ms")));
    json_decref(json);
    response = fixture_get(&empty, "/metrics");
    assert_int_equal(response.status, 200);
    api_response_done(&response);
    fixture_done(&empty);
}

static void health_follows_the_facts(void **state)
{
    struct api_response response = fixture_get(&fixture, "/livez");

    (void)state;
    assert_int_equal(response.status, 200);
    assert_string_equal(response.cache_control, "no-store");
    api_response_done(&response);
    response = fixture_get(&fixture, "/readyz");
    assert_int_equal(response.status, 200);
    api_response_done(&response);
    fixture.facts.draining = true;
    fixture_expect_problem(fixture_get(&fixture, "/readyz"), 503, "shutting down");
    fixture.facts.draining = false;
    fixture.facts.ready = false;
    fixture_expect_problem(fixture_get(&fixture, "/readyz"), 503, "caught up");
    fixture.facts.alive = false;
    fixture_expect_problem(fixture_get(&fixture, "/livez"), 503, "restart");
}

static void the_admin_listener_serves_health_and_metrics_only(void **state)
{
    static const char *const served[] = {"/livez", "/readyz", "/metrics"};
    static const char *const refused[] = {"/v1/ctr", "/v1/status", "/v1/ctr:batchGet"};
    struct api_request request = {.method = API_GET};
    struct api_response response;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        request.target = served[i];
        api_respond(&fixture.context, true, &request, &response);
        assert_int_equal(response.status, 200);
        api_response_done(&response);
        request.target = refused[i];
        api_respond(&fixture.context, true, &request, &response);
        fixture_expect_problem(response, 404, "on the admin listener");
    }
}

/* Each line is a comment or a sample; each sample's metric was announced, once. */
static void metrics_are_well_formed(void **state)
{
    struct api_response response;
    char *text;
    char name[128] = "";
    bool histogram = false;
    size_t samples = 0;

    (void)state;
    http_counters_add_response(&fixture.counters, 0, 200);
    response = fixture_get(&fixture, "/metrics");
    assert_string_equal(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    text = calloc(1, response.body_length + 1);
    assert_non_null(text);
    memcpy(text, response.body, response.body_length);
    api_response_done(&response);
    assert_non_null(strstr(text, "\nlivectr_partition_read_total{topic=\"events\",partition=\"0\"} "
                                 "291\n"));
    assert_non_null(
        strstr(text, "\nlivectr_http_responses_total{route=\"/v1/ctr\",code=\"200\"} 1\n"));
    assert_non_null(strstr(text, "\nlivectr_state{state=\"live\"} 1\n"));
    assert_non_null(strstr(text, "\nlivectr_to_seconds 1795455001.000\n"));
    assert_non_null(
        strstr(text, "\nlivectr_event_delay_seconds_bucket{stage=\"recorded\",le=\"+Inf\"} "));
    for (char *line = text; *line != '\0';) {
        char *end = strchr(line, '\n');
        size_t length;

        assert_non_null(end);
        *end = '\0';
        if (strncmp(line, "# TYPE ", 7) == 0) {
            length = strcspn(line + 7, " ");
            assert_true(length < sizeof name);
            memcpy(name, line + 7, length);
            name[length] = '\0';
            assert_int_equal(strcmp(line + 7 + length, " counter") == 0,
                             strstr(name, "_total") != NULL);
            histogram = strcmp(line + 7 + length, " histogram") == 0;
        } else if (line[0] != '#') {
            /* A histogram's samples have an ending of their own. */
            assert_memory_equal(line, name, strlen(name));
            length = strcspn(line, "{ ") - strlen(name);
            assert_true(length == 0 ||
                        (histogram && (strncmp(line + strlen(name), "_bucket", length) == 0 ||
                                       strncmp(line + strlen(name), "_sum", length) == 0 ||
                                       strncmp(line + strlen(name), "_count", length) == 0)));
            samples++;
        }
        line = end + 1;
    }
    assert_true(samples > 50);
    free(text);
}

/* The other direction of the contract is tests/contract/check_contract.py: this one sees the route
 * that nobody wrote down. */
static void the_contract_lists_exactly_these_routes(void **state)
{
    FILE *file = fopen(LIVECTR_TESTS_DIR "/../openapi.yaml", "r");
    char line[512];
    size_t listed = 0;
    size_t routes = 0;

    (void)state;
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        bool found = false;

        if (strncmp(line, "  /", 3) != 0)
            continue;
        listed++;
        line[strcspn(line, "\n") - 1] = '\0'; /* and the colon before it */
        for (routes = 0; api_route_path(routes) != NULL; routes++)
            found = found || strcmp(api_route_path(routes), line + 2) == 0;
        if (!found)
            print_message("%s is in openapi.yaml only\n", line + 2);
        assert_true(found);
    }
    (void)fclose(file);
    assert_int_equal(listed, routes);
}

static void what_accept_excludes_is_406_and_probes_never_are(void **state)
{
    static const char *const targets[] = {"/v1/ctr",    "/v1/pages",   "/v1/boxes", "/v1/top",
                                          "/v1/series", "/v1/explain", "/v1/status"};
    struct api_request request = {
        .method = API_GET, .accept = "text/html", .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        request.target = targets[i];
        api_respond(&fixture.context, false, &request, &response);
        fixture_expect_problem(response, 406,
                               "gives application/json, which Accept: \"text/html\" excludes");
    }
    request.target = "/livez";
    api_respond(&fixture.context, false, &request, &response);
    assert_int_equal(response.status, 200);
    request.target = "/nothing";
    api_respond(&fixture.context, false, &request, &response);
    fixture_expect_problem(response, 404, "/nothing");
    request.accept = "text/html, */*;q=0.1";
    request.target = "/v1/ctr";
    api_respond(&fixture.context, false, &request, &response);
    assert_int_equal(response.status, 200);
    api_response_done(&response);
}

static void without_memory_there_is_a_static_answer(void **state)
{
    struct api_response response;

    (void)state;
    problem_respond_static(&response);
    assert_null(response.body);
    assert_int_equal(response.retry_after_s, 1);
    fixture_expect_problem(response, 503, "no memory");
}

#define WITH_EVENTS(test) cmocka_unit_test_setup_teardown(test, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EVENTS(each_level_is_named_by_its_ids),
        WITH_EVENTS(an_answer_carries_its_evidence_and_exact_doubles),
        WITH_EVENTS(no_views_give_null_and_too_many_clicks_no_interval),
        WITH_EVENTS(ids_come_back_byte_for_byte),
        WITH_EVENTS(an_unknown_window_lists_the_windows),
        WITH_EVENTS(bad_arguments_are_400),
        WITH_EVENTS(unknown_paths_are_404),
        WITH_EVENTS(the_wrong_method_is_405_with_allow),
        WITH_EVENTS(head_answers_as_get),
        WITH_EVENTS(a_batch_is_answered_in_the_order_asked),
        WITH_EVENTS(a_body_that_is_not_json_is_400),
        WITH_EVENTS(a_body_of_the_wrong_shape_is_422),
        WITH_EVENTS(the_content_type_must_be_json),
        WITH_EVENTS(a_thousand_items_are_the_most),
        WITH_EVENTS(pages_are_listed_largest_first),
        WITH_EVENTS(each_sort_has_its_order),
        WITH_EVENTS(boxes_are_listed_across_pages_or_of_one),
        WITH_EVENTS(status_accounts_for_every_record),
        WITH_EVENTS(health_follows_the_facts),
        WITH_EVENTS(the_admin_listener_serves_health_and_metrics_only),
        WITH_EVENTS(metrics_are_well_formed),
        WITH_EVENTS(what_accept_excludes_is_406_and_probes_never_are),
        cmocka_unit_test(what_the_limit_on_keys_folded_is_told),
        cmocka_unit_test(before_the_first_to_only_status_and_health_answer),
        cmocka_unit_test(the_contract_lists_exactly_these_routes),
        cmocka_unit_test(without_memory_there_is_a_static_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
