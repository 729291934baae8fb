/* SPDX-License-Identifier: Apache-2.0
 *
 * Headers that stand with every answer, over real sockets: refusals of the edge have them, too.
 */
#include "api/http.h"

#include "api/cors.h"
#include "api/http_raw.h"
#include "api/text.h"
#include "api/tokens.h"
#include "tests/unit/api_client.h"

static struct fixture fixture;
static struct http_server *server;
static struct client_answer answer;
static struct cors cors;

static int start(void **state)
{
    struct http_options options = {.host = "127.0.0.1",
                                   .threads = 1,
                                   .connections_max = 100,
                                   .context = &fixture.context,
                                   .wall_ms = client_wall_ms,
                                   .mono_ms = client_mono_ms,
                                   .mono_us = client_mono_us};
    struct ctr_error error = {0};

    (void)state;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 10, 1, "/a", NULL);
    fixture_publish(&fixture);
    assert_int_equal(cors_parse("https://a.example,https://b.example", &cors, &error), CTR_OK);
    fixture.context.cors = &cors;
    if (http_server_start(&options, &server, &error) != CTR_OK)
        fail_msg("%s", error.text);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_server_stop(server);
    tokens_free(fixture.context.tokens);
    fixture_done(&fixture);
    return 0;
}

static void ask(const char *request)
{
    int fd = client_connect(http_server_port(server));

    assert_true(fd >= 0);
    assert_true(client_say(fd, request));
    assert_true(client_read(fd, strncmp(request, "HEAD", 4) == 0, &answer));
    (void)close(fd);
}

static void expect_header(const char *name, const char *value)
{
    const char *found = client_header(&answer, name);

    if (found == NULL || strcmp(found, value) != 0)
        fail_msg("%s is %s, not %s, in %.*s", name, found == NULL ? "not there" : found, value,
                 (int)answer.head_length, answer.bytes);
}

static void no_answer_is_guessed_at_or_kept_by_mistake(void **state)
{
    static const struct {
        const char *request;
        unsigned status;
    } rows[] = {{"GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n", 200},
                {"HEAD /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n", 200},
                {"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n", 404},
                {"PUT /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n", 405},
                {"GET /v1/ctr HTTP/1.1\r\n\r\n", 400},
                {"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n", 200}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ask(rows[i].request);
        assert_int_equal(answer.status, rows[i].status);
        expect_header("X-Content-Type-Options", "nosniff");
        assert_non_null(client_header(&answer, "Cache-Control"));
        if (rows[i].status >= 400)
            expect_header("Cache-Control", "no-store");
        assert_null(client_header(&answer, "Content-Security-Policy")); /* none of them is a page */
        assert_null(client_header(&answer, "Access-Control-Allow-Origin"));
        expect_header("Vary", "Origin"); /* a cache must know, whoever asks first */
    }
}

static void an_allowed_origin_may_read_answers_and_refusals(void **state)
{
    static const char *const requests[] = {
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://b.example\r\n\r\n",
        "GET /nothing HTTP/1.1\r\nHost: x\r\nOrigin: https://b.example\r\n\r\n",
        "GET /v1/ctr HTTP/1.1\r\nHost: x\r\nHost: y\r\nOrigin: https://b.example\r\n\r\n"};

    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        ask(requests[i]);
        expect_header("Access-Control-Allow-Origin", "https://b.example");
        assert_non_null(
            strstr(client_header(&answer, "Access-Control-Expose-Headers"), "Retry-After"));
        expect_header("Vary", "Origin");
        assert_null(client_header(&answer, "Access-Control-Allow-Methods"));
    }
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://c.example\r\n\r\n");
    assert_int_equal(answer.status, 200); /* the browser keeps it from the script */
    assert_null(client_header(&answer, "Access-Control-Allow-Origin"));
    assert_null(client_header(&answer, "Access-Control-Expose-Headers"));
}

static void a_browser_that_asks_beforehand_is_told(void **state)
{
    (void)state;
    ask("OPTIONS /v1/ctr:batchGet HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
        "Access-Control-Request-Method: POST\r\n"
        "Access-Control-Request-Headers: authorization,content-type\r\n\r\n");
    assert_int_equal(answer.status, 200);
    assert_int_equal(answer.body_length, 0);
    expect_header("Access-Control-Allow-Origin", "https://a.example");
    expect_header("Access-Control-Allow-Methods", "POST");
    assert_non_null(strstr(client_header(&answer, "Access-Control-Allow-Headers"),
                           "Authorization, Content-Type"));
    expect_header("Access-Control-Max-Age", "3600");
    ask("OPTIONS /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://c.example\r\n"
        "Access-Control-Request-Method: GET\r\n\r\n");
    assert_int_equal(answer.status, 405);
    expect_header("Allow", "GET, HEAD");
    assert_null(client_header(&answer, "Access-Control-Allow-Methods"));
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n"
        "Access-Control-Request-Method: GET\r\n\r\n");
    assert_int_equal(answer.status, 200); /* only OPTIONS asks beforehand */
    assert_null(client_header(&answer, "Access-Control-Allow-Methods"));
    assert_true(answer.body_length > 0);
}

static void a_star_is_the_same_for_all(void **state)
{
    struct ctr_error error;

    (void)state;
    assert_int_equal(cors_parse("*", &cors, &error), CTR_OK);
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://c.example\r\n\r\n");
    expect_header("Access-Control-Allow-Origin", "*");
    assert_non_null(client_header(&answer, "Vary"));
    assert_null(strstr(answer.bytes, "Vary: Origin")); /* the same for all origins */
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_null(client_header(&answer, "Access-Control-Allow-Origin"));
}

static void a_token_travels_in_its_header(void **state)
{
    static const char line[] =
        "a sha256:f1aa0f0dc62d7d7ed6a4d3ef6bdb5d1c67b3a1b1c3b3c4f2c3ad0e4b9b8e7d60 read\n";
    struct ctr_error error;
    size_t count;

    (void)state;
    fixture.context.tokens = tokens_new();
    assert_int_equal(tokens_replace(fixture.context.tokens, "f", text_of(line), &count, &error),
                     CTR_OK);
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\n\r\n");
    assert_int_equal(answer.status, 401);
    expect_header("WWW-Authenticate", "Bearer realm=\"livectr\"");
    expect_header("Cache-Control", "no-store");
    expect_header("Access-Control-Allow-Origin", "https://a.example");
    assert_null(client_header(&answer, "Connection")); /* the next try comes on the same one */
    ask("GET /v1/ctr HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "
        "0123456789012345678901234567890123456789\r\n\r\n");
    assert_int_equal(answer.status, 401);
    expect_header("WWW-Authenticate", "Bearer realm=\"livectr\", error=\"invalid_token\"");
    ask("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(answer.status, 200);
}

/* No route gives a page yet; the headers wait for the first. */
static void a_page_may_load_nothing_unless_it_says_what(void **state)
{
    struct http_server bare = {.options = {.context = &fixture.context}};
    struct http_lane lane = {.server = &bare};
    struct api_response page = {.status = 200, .content_type = "text/html; charset=utf-8"};
    struct MHD_Response *built =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);

    (void)state;
    assert_true(http_headers_add(&lane, built, &page, NULL, FIXTURE_TS));
    assert_non_null(
        strstr(MHD_get_response_header(built, "Content-Security-Policy"), "default-src 'none'"));
    assert_non_null(strstr(MHD_get_response_header(built, "Content-Security-Policy"),
                           "frame-ancestors 'none'"));
    assert_string_equal(MHD_get_response_header(built, "X-Frame-Options"), "DENY");
    assert_string_equal(MHD_get_response_header(built, "Referrer-Policy"), "no-referrer");
    assert_string_equal(MHD_get_response_header(built, "Cache-Control"), "no-store");
    MHD_destroy_response(built);
    built = MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    page.policy = "default-src 'self'";
    assert_true(http_headers_add(&lane, built, &page, NULL, FIXTURE_TS));
    assert_string_equal(MHD_get_response_header(built, "Content-Security-Policy"),
                        "default-src 'self'");
    MHD_destroy_response(built);
}

static void expect_date(struct http_lane *lane, int64_t now_ms, const char *date)
{
    struct api_response plain = {.status = 200};
    struct MHD_Response *built =
        MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);

    assert_true(http_headers_add(lane, built, &plain, NULL, now_ms));
    assert_string_equal(MHD_get_response_header(built, "Date"), date);
    MHD_destroy_response(built);
}

static void the_date_is_that_of_the_answer(void **state)
{
    struct http_server bare = {.options = {.context = &fixture.context}};
    struct http_lane lane = {.server = &bare};
    const char *first;

    (void)state;
    expect_date(&lane, FIXTURE_TS, "Mon, 23 Nov 2026 17:30:00 GMT");
    expect_date(&lane, FIXTURE_TS + 999, "Mon, 23 Nov 2026 17:30:00 GMT");
    expect_date(&lane, FIXTURE_TS + 1000, "Mon, 23 Nov 2026 17:30:01 GMT");
    expect_date(&lane, INT64_C(1709251199000), "Thu, 29 Feb 2024 23:59:59 GMT");
    ask("GET /v1/ctr?page=/a HTTP/1.1\r\nHost: x\r\n\r\n");
    expect_header("Date", "Mon, 23 Nov 2026 17:30:05 GMT"); /* the clock of this listener */
    first = strstr(answer.bytes, "Date: ");
    assert_null(strstr(first + 1, "Date: "));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(no_answer_is_guessed_at_or_kept_by_mistake),
        TEST(an_allowed_origin_may_read_answers_and_refusals),
        TEST(a_browser_that_asks_beforehand_is_told),
        TEST(a_star_is_the_same_for_all),
        TEST(a_token_travels_in_its_header),
        TEST(a_page_may_load_nothing_unless_it_says_what),
        TEST(the_date_is_that_of_the_answer),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
