/* SPDX-License-Identifier: Apache-2.0
 *
 * Which request is answered: paths, scopes, tokens, and what browsers ask beforehand.
 */
#include "api/auth.h"

#include <stdio.h>

#include "api/cors.h"
#include "api/digest.h"
#include "api/text.h"
#include "api/tokens.h"
#include "tests/unit/api_fixture.h"

#define READER "lctr_rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrr"
#define BOSS   "lctr_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define OLD    "lctr_ooooooooooooooooooooooooooooooooooooooooooo"

static struct fixture fixture;
static struct cors cors;

static void add_line(char *text, size_t size, const char *token, const char *rest)
{
    char digits[DIGEST_HEX + 1];
    char line[256];
    struct digest digest;

    assert_true(digest_of(token, strlen(token), &digest));
    digest_format(&digest, digits);
    (void)snprintf(line, sizeof line, "%.9s sha256:%s %s\n", token, digits, rest);
    text_append(text, size, line);
}

static int start(void **state)
{
    char text[1024] = "";
    struct ctr_error error;
    size_t count;

    (void)state;
    fixture_start(&fixture, 1000);
    fixture_events(&fixture, 10, 1, "/a", NULL);
    fixture_publish(&fixture);
    fixture.context.tokens = tokens_new();
    add_line(text, sizeof text, READER, "read");
    add_line(text, sizeof text, BOSS, "admin");
    add_line(text, sizeof text, OLD, "read,admin 2026-01-01T00:00:00Z");
    assert_int_equal(tokens_replace(fixture.context.tokens, "f", text_of(text), &count, &error),
                     CTR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    tokens_free(fixture.context.tokens);
    fixture_done(&fixture);
    return 0;
}

static struct api_response ask(bool admin, const char *target, const char *authorization)
{
    struct api_request request = {.method = API_GET,
                                  .target = target,
                                  .authorization = authorization,
                                  .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    api_respond(&fixture.context, admin, &request, &response);
    return response;
}

static unsigned status_of(const char *target, const char *authorization)
{
    struct api_response response = ask(false, target, authorization);
    unsigned status = response.status;

    api_response_done(&response);
    return status;
}

static void expect_refusal(struct api_response response, unsigned status, const char *challenge,
                           const char *words)
{
    assert_non_null(response.challenge);
    assert_string_equal(response.challenge, challenge);
    fixture_expect_problem(response, status, words);
}

static void without_a_token_numbers_are_not_given(void **state)
{
    static const char *const none[] = {
        NULL, "", "Bearer", "Bearer ", "Basic " READER, READER, "Bearer:" READER};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        expect_refusal(ask(false, "/v1/ctr", none[i]), 401, "Bearer realm=\"livectr\"",
                       "There is no bearer token: /v1/ctr is answered to bearer tokens with the "
                       "scope read");
}

static void a_token_of_the_scope_opens(void **state)
{
    (void)state;
    assert_int_equal(status_of("/v1/ctr", "Bearer " READER), 200);
    assert_int_equal(status_of("/v1/status", "bearer  " READER " "), 200); /* RFC 9110, 11.1 */
    assert_int_equal(status_of("/v1/ctr?page=x&window=1m", "Bearer " READER), 200);
    assert_int_equal(status_of("/metrics", "Bearer " BOSS), 200);
}

static void what_a_token_got_is_not_for_others(void **state)
{
    struct tokens *tokens = fixture.context.tokens;
    struct api_response response = ask(false, "/v1/ctr", "Bearer " READER);

    (void)state;
    assert_string_equal(response.cache_control,
                        "private, max-age=1, stale-while-revalidate=5, stale-if-error=30");
    api_response_done(&response);
    fixture.context.tokens = NULL;
    response = ask(false, "/v1/ctr", NULL);
    assert_memory_equal(response.cache_control, "public, max-age=1,", 18);
    api_response_done(&response);
    fixture.context.tokens = tokens;
    response = (struct api_response){.cache_control = "public, max-age=3600"};
    auth_keep_private(&fixture.context, &response);
    assert_string_equal(response.cache_control, "private");
    response.cache_control = "no-store";
    auth_keep_private(&fixture.context, &response);
    assert_string_equal(response.cache_control, "no-store");
}

static void an_unknown_or_expired_one_is_invalid(void **state)
{
    (void)state;
    expect_refusal(ask(false, "/v1/ctr", "Bearer " READER "x"), 401,
                   "Bearer realm=\"livectr\", error=\"invalid_token\"", "The token is not known");
    expect_refusal(ask(false, "/v1/ctr", "Bearer " OLD), 401,
                   "Bearer realm=\"livectr\", error=\"invalid_token\"", "The token has expired");
}

static void another_scope_is_forbidden(void **state)
{
    (void)state;
    expect_refusal(ask(false, "/metrics", "Bearer " READER), 403,
                   "Bearer realm=\"livectr\", error=\"insufficient_scope\", scope=\"admin\"",
                   "/metrics wants the scope admin");
    expect_refusal(ask(false, "/v1/ctr", "Bearer " BOSS), 403,
                   "Bearer realm=\"livectr\", error=\"insufficient_scope\", scope=\"read\"",
                   "/v1/ctr wants the scope read");
}

static void health_and_descriptions_are_open(void **state)
{
    (void)state;
    assert_int_equal(status_of("/livez", NULL), 200);
    assert_int_equal(status_of("/readyz", NULL), 200);
    assert_int_equal(status_of("/problems/unauthorized", NULL), 200);
    assert_int_equal(status_of("/nothing", NULL), 404);
}

static void every_path_has_its_scope(void **state)
{
    static const struct {
        const char *path;
        unsigned scope;
    } rows[] = {{"/v1/ctr", TOKEN_READ},
                {"/v1/ctr:batchGet", TOKEN_READ},
                {"/v1/status", TOKEN_READ},
                {"/v1/anything/new", TOKEN_READ},
                {"/v1/stream", TOKEN_STREAM},
                {"/v1/export", TOKEN_EXPORT},
                {"/metrics", TOKEN_ADMIN},
                {"/livez", 0},
                {"/readyz", 0},
                {"/problems/{name}", 0},
                {"/openapi.yaml", 0},
                {"/docs", 0}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(auth_scope(rows[i].path), rows[i].scope);
    for (size_t i = 0; api_route_path(i) != NULL; i++) {
        bool numbers = strncmp(api_route_path(i), "/v1/", 4) == 0;

        assert_true(!numbers || auth_scope(api_route_path(i)) != 0);
    }
}

static void an_escaped_path_is_no_way_around(void **state)
{
    (void)state;
    assert_int_equal(status_of("/v1/%63tr", NULL), 401);
    assert_int_equal(status_of("/%76%31/ctr", NULL), 401);
    assert_int_equal(status_of("http://x/v1/ctr", NULL), 401);
}

static void the_token_comes_before_method_and_arguments(void **state)
{
    struct api_request request = {
        .method = API_POST, .target = "/v1/ctr", .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    (void)state;
    api_respond(&fixture.context, false, &request, &response);
    fixture_expect_problem(response, 401, "no bearer token");
    assert_int_equal(status_of("/v1/ctr?nonsense=1", NULL), 401);
    assert_int_equal(status_of("/v1/ctr?nonsense=1", "Bearer " READER), 400);
}

static void the_admin_listener_asks_unless_only_this_machine_can_come(void **state)
{
    struct api_response response;

    (void)state;
    expect_refusal(ask(true, "/metrics", NULL), 401, "Bearer realm=\"livectr\"", "/metrics");
    fixture.context.admin_open = true;
    response = ask(true, "/metrics", NULL);
    assert_int_equal(response.status, 200);
    api_response_done(&response);
    expect_refusal(ask(false, "/metrics", NULL), 401, "Bearer realm=\"livectr\"", "/metrics");
}

static void without_a_file_everybody_may(void **state)
{
    struct tokens *tokens = fixture.context.tokens;

    (void)state;
    fixture.context.tokens = NULL;
    assert_int_equal(status_of("/v1/ctr", NULL), 200);
    assert_int_equal(status_of("/metrics", "Bearer nonsense"), 200);
    fixture.context.tokens = tokens;
}

/* ---- what browsers ask ---------------------------------------------------------------------- */

static struct api_response preflight(const char *target, const char *origin, const char *method)
{
    struct api_request request = {.method = API_OTHER,
                                  .target = target,
                                  .origin = origin,
                                  .preflight = method,
                                  .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    api_respond(&fixture.context, false, &request, &response);
    return response;
}

static void an_allowed_origin_learns_what_it_may_without_a_token(void **state)
{
    struct api_response response;
    struct ctr_error error;

    (void)state;
    assert_int_equal(cors_parse("https://a.example", &cors, &error), CTR_OK);
    fixture.context.cors = &cors;
    response = preflight("/v1/ctr", "https://a.example", "GET");
    assert_int_equal(response.status, 200);
    assert_string_equal(response.preflight, "GET, HEAD");
    assert_int_equal(response.body_length, 0);
    api_response_done(&response);
    response = preflight("/v1/ctr:batchGet", "https://a.example", "POST");
    assert_string_equal(response.preflight, "POST");
    api_response_done(&response);
    fixture_expect_problem(preflight("/v1/nothing", "https://a.example", "GET"), 404, "nothing at");
}

static void other_options_are_405_as_ever(void **state)
{
    struct api_response response;
    struct ctr_error error;
    struct tokens *tokens = fixture.context.tokens;

    (void)state;
    assert_int_equal(cors_parse("https://a.example", &cors, &error), CTR_OK);
    fixture.context.tokens = NULL;
    fixture.context.cors = &cors;
    fixture_expect_problem(preflight("/v1/ctr", "https://b.example", "GET"), 405, "GET, HEAD only");
    fixture_expect_problem(preflight("/v1/ctr", NULL, "GET"), 405, "GET, HEAD only");
    fixture_expect_problem(preflight("/v1/ctr", "https://a.example", NULL), 405, "GET, HEAD only");
    fixture.context.cors = NULL;
    fixture_expect_problem(preflight("/v1/ctr", "https://a.example", "GET"), 405, "GET, HEAD only");
    response = preflight("/v1/ctr", "https://a.example", "GET");
    assert_string_equal(response.allow, "GET, HEAD");
    assert_null(response.preflight);
    api_response_done(&response);
    fixture.context.tokens = tokens;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(without_a_token_numbers_are_not_given),
        TEST(a_token_of_the_scope_opens),
        TEST(what_a_token_got_is_not_for_others),
        TEST(an_unknown_or_expired_one_is_invalid),
        TEST(another_scope_is_forbidden),
        TEST(health_and_descriptions_are_open),
        TEST(every_path_has_its_scope),
        TEST(an_escaped_path_is_no_way_around),
        TEST(the_token_comes_before_method_and_arguments),
        TEST(the_admin_listener_asks_unless_only_this_machine_can_come),
        TEST(without_a_file_everybody_may),
        TEST(an_allowed_origin_learns_what_it_may_without_a_token),
        TEST(other_options_are_405_as_ever),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
