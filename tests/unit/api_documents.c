/* SPDX-License-Identifier: Apache-2.0 */
#include "api/documents.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/router.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;
static struct store *wall; /* in event time every copy holds, of whatever */

static int start(void **state)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .keys_max = 1,
                                    .held_max = 1,
                                    .visitors_max = 1,
                                    .ids_max = 1,
                                    .minutes_max = 1};

    (void)state;
    fixture_start(&fixture, 100);
    options.windows = store_options(fixture.store)->windows;
    assert_int_equal(store_new(&options, &wall, NULL), CTR_OK);
    fixture.context.store = wall;
    return 0;
}

static int done(void **state)
{
    (void)state;
    store_free(wall);
    fixture_done(&fixture);
    return 0;
}

static struct api_response ask(const char *target, const char *accept, const char *encoding,
                               const char *tag)
{
    struct api_request request = {.method = API_GET,
                                  .target = target,
                                  .accept = accept,
                                  .accept_encoding = encoding,
                                  .if_none_match = tag,
                                  .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    api_respond(&fixture.context, false, &request, &response);
    return response;
}

static void expect_file(const struct api_response *response, const char *path)
{
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(response->body_length + 1);

    assert_non_null(file);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, response->body_length + 1, file), response->body_length);
    assert_memory_equal(bytes, response->body_static, response->body_length);
    free(bytes);
    (void)fclose(file);
}

static void the_contract_is_the_file_byte_for_byte(void **state)
{
    struct api_response response = ask("/openapi.yaml", NULL, NULL, NULL);

    (void)state;
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "application/yaml");
    assert_null(response.policy);
    expect_file(&response, LIVECTR_TESTS_DIR "/../openapi.yaml");
    api_response_done(&response);
}

static void the_page_may_load_nothing_but_its_own_style(void **state)
{
    struct api_response response = ask("/docs", "text/html", NULL, NULL);

    (void)state;
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/html; charset=utf-8");
    assert_non_null(strstr(response.policy, "default-src 'none'; style-src 'sha256-"));
    assert_null(strstr(response.policy, "unsafe"));
    expect_file(&response, LIVECTR_TESTS_DIR "/../docs/api.html");
    api_response_done(&response);
}

static void a_tag_of_a_document_holds_on_any_day_and_in_every_process(void **state)
{
    struct api_response first = ask("/openapi.yaml", NULL, NULL, NULL);
    struct api_request later = {.method = API_GET,
                                .target = "/openapi.yaml",
                                .if_none_match = first.etag,
                                .now_ms = FIXTURE_TS + INT64_C(40) * 86400000};
    struct api_response second;

    (void)state;
    fixture.context.instance++;
    api_respond(&fixture.context, false, &later, &second);
    assert_int_equal(second.status, 304);
    assert_string_equal(second.etag, first.etag);
    later.if_none_match = NULL;
    api_respond(&fixture.context, false, &later, &second);
    assert_int_equal(second.status, 200);
    assert_string_equal(second.etag, first.etag);
    later.target = "/docs";
    later.if_none_match = first.etag;
    api_respond(&fixture.context, false, &later, &second);
    assert_int_equal(second.status, 200); /* another document */
    assert_string_not_equal(second.etag, first.etag);
}

static void a_compressed_document_has_a_tag_of_its_own_that_holds(void **state)
{
    struct api_response plain = ask("/docs", NULL, NULL, NULL);
    struct api_response response = ask("/docs", NULL, "gzip", NULL);
    struct api_response again;

    (void)state;
    assert_string_equal(response.encoding, "gzip");
    assert_string_equal(response.vary, "Accept-Encoding");
    assert_null(response.body_static);
    assert_true(response.body_length < plain.body_length / 3);
    assert_string_not_equal(response.etag, plain.etag);
    again = ask("/docs", NULL, "gzip", response.etag);
    assert_int_equal(again.status, 304);
    again = ask("/docs", NULL, NULL, response.etag);
    assert_int_equal(again.status, 200); /* who takes no gzip has no use for it */
    api_response_done(&response);
}

static void the_dashboard_may_load_its_own_files_and_nothing_else(void **state)
{
    struct api_response response =
        ask("/", "text/html,application/xhtml+xml,*/*;q=0.8", NULL, NULL);

    (void)state;
    assert_int_equal(response.status, 200);
    assert_string_equal(response.content_type, "text/html; charset=utf-8");
    assert_string_equal(response.cache_control, "no-cache");
    assert_non_null(strstr(response.policy, "default-src 'none'; script-src 'self'; "));
    assert_null(strstr(response.policy, "unsafe"));
    assert_null(strstr(response.policy, "http"));
    expect_file(&response, LIVECTR_TESTS_DIR "/../api/dashboard/index.html");
    api_response_done(&response);
}

static void every_file_of_the_dashboard_is_served_as_what_it_is(void **state)
{
    bool script = false, style = false, image = false;

    (void)state;
    for (size_t i = 0; i < documents_dashboard_count; i++) {
        const struct document_file *file = &documents_dashboard[i];
        char path[256], target[64];
        struct api_response response;

        (void)snprintf(path, sizeof path, LIVECTR_TESTS_DIR "/../api/dashboard/%s", file->name);
        (void)snprintf(target, sizeof target, "/dashboard/%s", file->name);
        if (strcmp(file->name, "index.html") == 0)
            continue;
        response = ask(target, "*/*", NULL, NULL);
        assert_int_equal(response.status, 200);
        assert_string_equal(response.content_type, file->content_type);
        /* A page has a policy of its own; what it loads has none. */
        assert_true((strstr(file->name, ".html") != NULL) ==
                    (response.policy != NULL && strstr(response.policy, "script-src 'self'")));
        script = script || strncmp(response.content_type, "text/javascript", 15) == 0;
        style = style || strncmp(response.content_type, "text/css", 8) == 0;
        image = image || strcmp(response.content_type, "image/svg+xml") == 0;
        expect_file(&response, path);
        assert_int_equal(ask(target, "*/*", NULL, response.etag).status, 304);
        api_response_done(&response);
    }
    assert_true(script && style && image);
}

static void the_dashboard_is_not_where_there_are_no_numbers(void **state)
{
    struct api_request request = {.method = API_GET, .target = "/"};
    struct api_response response;

    (void)state;
    api_respond(&fixture.context, true, &request, &response);
    fixture_expect_problem(response, 404, "admin listener");
}

static void what_is_asked_in_vain_is_refused(void **state)
{
    (void)state;
    fixture_expect_problem(ask("/?theme=dark", NULL, NULL, NULL), 400, "theme");
    fixture_expect_problem(ask("/", "application/json", NULL, NULL), 406, "text/html");
    fixture_expect_problem(ask("/dashboard/nonesuch.js", NULL, NULL, NULL), 404, "nonesuch.js");
    fixture_expect_problem(ask("/dashboard/index.html", NULL, NULL, NULL), 404, "no file");
    fixture_expect_problem(ask("/dashboard/main.js?v=1", NULL, NULL, NULL), 400, "v");
    fixture_expect_problem(ask("/docs?theme=dark", NULL, NULL, NULL), 400, "theme");
    fixture_expect_problem(ask("/docs", "application/json", NULL, NULL), 406, "text/html");
    fixture_expect_problem(ask("/openapi.yaml", "application/json", NULL, NULL), 406,
                           "application/yaml");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_contract_is_the_file_byte_for_byte, start, done),
        cmocka_unit_test_setup_teardown(the_page_may_load_nothing_but_its_own_style, start, done),
        cmocka_unit_test_setup_teardown(a_tag_of_a_document_holds_on_any_day_and_in_every_process,
                                        start, done),
        cmocka_unit_test_setup_teardown(a_compressed_document_has_a_tag_of_its_own_that_holds,
                                        start, done),
        cmocka_unit_test_setup_teardown(the_dashboard_may_load_its_own_files_and_nothing_else,
                                        start, done),
        cmocka_unit_test_setup_teardown(every_file_of_the_dashboard_is_served_as_what_it_is, start,
                                        done),
        cmocka_unit_test_setup_teardown(the_dashboard_is_not_where_there_are_no_numbers, start,
                                        done),
        cmocka_unit_test_setup_teardown(what_is_asked_in_vain_is_refused, start, done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
