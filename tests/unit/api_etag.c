/* SPDX-License-Identifier: Apache-2.0
 *
 * Entity tags: one tag is one set of bytes, the same numbers are recognised however they are asked
 * for, and other numbers never are.
 */
#include "api/etag.h"

#include <stdio.h>

#include "api/coding.h"
#include "tests/unit/api_fixture.h"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start_windows(&fixture, 1000, "1m,2m,10m");
    fixture.context.instance = 7;
    for (int i = 0; i < 40; i++) {
        char page[32];

        (void)snprintf(page, sizeof page, "/page/%d", i);
        fixture_events(&fixture, 40 - i, 1, page, NULL);
        fixture_events(&fixture, 40 - i, 1, page, "top");
    }
    fixture_publish(&fixture);
    return 0;
}

static int done(void **state)
{
    (void)state;
    fixture_done(&fixture);
    return 0;
}

struct asked {
    const char *if_none_match, *accept_encoding;
    int64_t later_ms;
    enum api_method method;
};

static struct api_response ask(const char *target, struct asked asked)
{
    struct api_request request = {.method = asked.method,
                                  .target = target,
                                  .if_none_match = asked.if_none_match,
                                  .accept_encoding = asked.accept_encoding,
                                  .now_ms = FIXTURE_TS + 5000 + asked.later_ms};
    struct api_response response;

    api_respond(&fixture.context, false, &request, &response);
    return response;
}

/* The tag of a 200. */
static void tag_of(const char *target, struct asked asked, char ret_tag[API_ETAG_BYTES])
{
    struct api_response response = ask(target, asked);

    if (response.status != 200)
        print_message("%s: %u\n", target, response.status);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.etag[0], '"');
    assert_int_equal(response.etag[strlen(response.etag) - 1], '"');
    memcpy(ret_tag, response.etag, API_ETAG_BYTES);
    api_response_done(&response);
}

static unsigned status_of(const char *target, struct asked asked)
{
    struct api_response response = ask(target, asked);
    unsigned status = response.status;

    if (status == 304) {
        assert_string_equal(response.body_static, "");
        assert_null(response.content_type);
        assert_non_null(response.cache_control);
        assert_string_equal(response.vary, "Accept-Encoding");
    }
    api_response_done(&response);
    return status;
}

static const char *const targets[] = {"/v1/ctr",
                                      "/v1/pages",
                                      "/v1/boxes",
                                      "/v1/top",
                                      "/v1/top?by=rise&window=1m",
                                      "/v1/series?page=/page/1&compare=1d"};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static void a_copy_that_holds_is_304_with_its_own_tag(void **state)
{
    (void)state;
    for (size_t i = 0; i < TARGETS; i++) {
        char tag[API_ETAG_BYTES];
        char list[4 * API_ETAG_BYTES];
        struct api_response response;
        size_t length;

        response = ask(targets[i], (struct asked){0});
        length = response.body_length;
        memcpy(tag, response.etag, sizeof tag);
        api_response_done(&response);
        response = ask(targets[i], (struct asked){.if_none_match = tag, .later_ms = 900});
        assert_int_equal(response.status, 304);
        assert_int_equal(response.body_length, length);
        assert_string_equal(response.etag, tag);
        api_response_done(&response);
        assert_int_equal(
            status_of(targets[i], (struct asked){.if_none_match = tag, .method = API_HEAD}), 304);
        (void)snprintf(list, sizeof list, "\"other\",W/\"x\" , W/%s", tag);
        assert_int_equal(status_of(targets[i], (struct asked){.if_none_match = list}), 304);
        assert_int_equal(status_of(targets[i], (struct asked){.if_none_match = " *"}), 304);
        for (size_t other = 0; other < TARGETS; other++)
            assert_int_equal(status_of(targets[other], (struct asked){.if_none_match = tag}),
                             other == i ? 304 : 200);
    }
}

static void what_is_no_tag_of_ours_is_not_held(void **state)
{
    static const char *const bad[] = {"",
                                      ",",
                                      "\"",
                                      "\"\"",
                                      "x",
                                      "\"a.b.c\"",
                                      "\"1.2.3\"",
                                      "\"1.2.3.4-gzip\"",
                                      "\"1.2.3.4\"",
                                      "W/",
                                      "W/*",
                                      "\"*\"",
                                      "-",
                                      "\"1.2\""};
    char tag[API_ETAG_BYTES];
    char changed[API_ETAG_BYTES + 16];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = bad[i]}), 200);
    tag_of("/v1/ctr", (struct asked){0}, tag);
    (void)snprintf(changed, sizeof changed, "%s", tag + 1); /* no quote before it */
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = changed}), 200);
    memcpy(changed, tag, sizeof tag);
    changed[strlen(changed) - 1] = '\0'; /* none after it */
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = changed}), 200);
    memcpy(changed, tag, sizeof tag);
    changed[3] = changed[3] == '0' ? '1' : '0';
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = changed}), 200);
    (void)snprintf(changed, sizeof changed, "%.*sx\"", (int)strlen(tag) - 1, tag);
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = changed}), 200);
}

static void spellings_of_one_request_share_their_tag(void **state)
{
    static const char *const same[][2] = {
        {"/v1/ctr", "/v1/ctr?window=10m"},
        {"/v1/ctr?page=/page/1&box=top", "/v1/ctr?box=t%6Fp&page=%2Fpage%2F1"},
        {"/v1/pages", "/v1/pages?limit=100&sort=impressions&min_impressions=0"},
        {"/v1/pages?sort=ctr&limit=7", "/v1/pages?limit=07&sort=ctr"},
        {"/v1/top", "/v1/top?by=ctr_low&level=placement&window=10m"},
        {"/v1/series", "/v1/series?step=1m"}};
    static const char *const different[] = {"/v1/ctr",
                                            "/v1/ctr?window=1m",
                                            "/v1/ctr?page=/page/1",
                                            "/v1/ctr?box=/page/1",
                                            "/v1/ctr?page=top&box=x",
                                            "/v1/ctr?page=x&box=top",
                                            "/v1/pages?limit=5",
                                            "/v1/pages?limit=6",
                                            "/v1/pages?sort=ctr",
                                            "/v1/pages?prefix=/p",
                                            "/v1/boxes?prefix=/p",
                                            "/v1/boxes?page=/p",
                                            "/v1/top?page=/p",
                                            "/v1/top?level=page",
                                            "/v1/top?level=box",
                                            "/v1/pages?min_impressions=5",
                                            "/v1/series?step=1h",
                                            "/v1/series?step=60m",
                                            "/v1/series?page=top"};
    char first[API_ETAG_BYTES];
    char second[API_ETAG_BYTES];

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        tag_of(same[i][0], (struct asked){0}, first);
        tag_of(same[i][1], (struct asked){0}, second);
        assert_string_equal(first, second);
    }
    for (size_t i = 0; i < sizeof different / sizeof different[0]; i++) {
        tag_of(different[i], (struct asked){0}, first);
        for (size_t j = 0; j < sizeof different / sizeof different[0]; j++) {
            if (i == j)
                continue;
            tag_of(different[j], (struct asked){0}, second);
            if (memcmp(first, second, 18) == 0)
                print_message("%s and %s\n", different[i], different[j]);
            assert_memory_not_equal(first, second, 18);
        }
    }
    tag_of("/v1/ctr", (struct asked){0}, first); /* max_lag_ms is no part of what is answered */
    assert_int_equal(status_of("/v1/ctr?max_lag_ms=9", (struct asked){.if_none_match = first}),
                     304);
}

static void other_numbers_another_start_and_another_state_are_other_tags(void **state)
{
    char tag[API_ETAG_BYTES];

    (void)state;
    tag_of("/v1/ctr", (struct asked){0}, tag);
    fixture.context.instance = 8;
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = tag}), 200);
    fixture.context.instance = 7;
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = tag}), 304);
    fixture_event(&fixture, EVENT_VIEW, "/page/1", NULL); /* no word of the end: catching_up */
    assert_int_equal(store_advance(fixture.store, MOMENT_NONE, false), CTR_OK);
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = tag}), 200);
    fixture_publish(&fixture);
    assert_int_equal(status_of("/v1/ctr", (struct asked){.if_none_match = tag}), 200);
}

static void problems_and_batches_have_no_tag(void **state)
{
    static const char body[] = "{\"items\":[{}]}";
    struct api_response response = ask("/v1/ctr?window=7s", (struct asked){.if_none_match = "*"});

    (void)state;
    assert_string_equal(response.etag, "");
    assert_int_equal(response.status, 400);
    api_response_done(&response);
    response = fixture_post(&fixture, body, sizeof body - 1, "application/json");
    assert_int_equal(response.status, 200);
    assert_string_equal(response.etag, "");
    api_response_done(&response);
}

static void each_content_coding_has_a_tag_of_its_own(void **state)
{
    char plain[API_ETAG_BYTES];
    char coded[API_ETAG_BYTES];
    const struct asked gzip = {.accept_encoding = "gzip"};

    (void)state;
    tag_of("/v1/pages", (struct asked){0}, plain);
    tag_of("/v1/pages", gzip, coded);
    assert_string_not_equal(plain, coded);
    assert_memory_equal(plain, coded, (size_t)(strrchr(plain, '.') - plain));
    assert_string_equal(coded + strlen(coded) - 6, "-gzip\"");
    assert_int_equal(
        status_of("/v1/pages", (struct asked){.if_none_match = coded, .accept_encoding = "gzip"}),
        304);
    assert_int_equal(
        status_of("/v1/pages", (struct asked){.if_none_match = plain, .accept_encoding = "gzip"}),
        304);
    assert_int_equal(status_of("/v1/pages", (struct asked){.if_none_match = coded}), 200);
}

/* In wall mode lag_ms grows while the numbers stand still. */
static void in_wall_time_a_copy_holds_for_ten_seconds(void **state)
{
    const struct store_options options = {.windows = store_options(fixture.store)->windows,
                                          .clock = CLOCK_WALL,
                                          .keys_max = 1,
                                          .held_max = 1,
                                          .visitors_max = 1,
                                          .ids_max = 1,
                                          .minutes_max = 1};
    struct progress progress = {.to_ms = FIXTURE_TS,
                                .as_of_ms = FIXTURE_TS + 300,
                                .alive_ms = FIXTURE_TS,
                                .covered_from_ms = INT64_MIN,
                                .revision = 3};
    struct api_request request = {.now_ms = FIXTURE_TS + 400};
    struct api_call call = {.context = &fixture.context, .request = &request};
    struct api_response first = {.status = 200, .body_static = "x", .body_length = 1};
    struct api_response second = first;
    struct etag etag;

    (void)state;
    assert_int_equal(store_new(&options, &call.store, NULL), CTR_OK);
    first.body = (char *)(uintptr_t)first.body_static;
    second.body = first.body;
    etag_begin(&etag, "x");
    etag_of(&etag, &call, &progress);
    etag_sign(&etag, &call, &first);
    request.now_ms += 1;
    etag_sign(&etag, &call, &second);
    assert_string_not_equal(first.etag, second.etag); /* lag_ms inside differs by one */
    request.if_none_match = first.etag;
    request.now_ms = FIXTURE_TS + 400 + ETAG_AGE_MAX_MS;
    assert_true(etag_holds(&etag, &call, "", &second));
    assert_string_equal(second.etag, first.etag);
    request.now_ms += 1;
    assert_false(etag_holds(&etag, &call, "", &second));
    request.now_ms = FIXTURE_TS + 399; /* made in the future: the clock was set back */
    assert_false(etag_holds(&etag, &call, "", &second));
    request.now_ms = FIXTURE_TS + 500;
    progress.revision = 4;
    etag_of(&etag, &call, &progress);
    assert_false(etag_holds(&etag, &call, "", &second));
    progress.revision = 3;
    progress.covered_from_ms = FIXTURE_TS - 1;
    etag_of(&etag, &call, &progress);
    assert_false(etag_holds(&etag, &call, "", &second));
    progress.covered_from_ms = INT64_MIN;
    etag_of(&etag, &call, &progress);
    assert_true(etag_holds(&etag, &call, "", &second));
    store_free(call.store);
}

#define WITH_EVENTS(test) cmocka_unit_test_setup_teardown(test, start, done)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_EVENTS(a_copy_that_holds_is_304_with_its_own_tag),
        WITH_EVENTS(what_is_no_tag_of_ours_is_not_held),
        WITH_EVENTS(spellings_of_one_request_share_their_tag),
        WITH_EVENTS(other_numbers_another_start_and_another_state_are_other_tags),
        WITH_EVENTS(problems_and_batches_have_no_tag),
        WITH_EVENTS(each_content_coding_has_a_tag_of_its_own),
        WITH_EVENTS(in_wall_time_a_copy_holds_for_ten_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
