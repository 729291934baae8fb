/* SPDX-License-Identifier: Apache-2.0 */
#include "api/headers.h"

#include <string.h>

#include "tests/support/test.h"

static void absent_empty_and_given_are_three_things(void **state)
{
    struct headers headers;
    struct api_request request = {.accept = "left over"};

    (void)state;
    headers_init(&headers);
    headers_add(&headers, "Host", "x");
    headers_add(&headers, "ACCEPT-encoding", NULL);
    headers_add(&headers, "if-none-match", "\"a\"");
    headers_lend(&headers, &request);
    assert_null(request.accept);
    assert_string_equal(request.accept_encoding, "");
    assert_string_equal(request.if_none_match, "\"a\"");
}

static void several_lines_are_one_list_cut_behind_a_whole_line(void **state)
{
    static char line[HEADER_BYTES_MAX];
    struct headers headers;
    struct api_request request = {0};

    (void)state;
    headers_init(&headers);
    headers_add(&headers, "If-None-Match", "\"a\"");
    headers_add(&headers, "If-None-Match", "\"b\", \"c\"");
    memset(line, 'x', sizeof line - 1);
    headers_add(&headers, "If-None-Match", line);
    headers_add(&headers, "If-None-Match", "\"d\"");
    headers_lend(&headers, &request);
    assert_string_equal(request.if_none_match, "\"a\", \"b\", \"c\", \"d\"");
    line[HEADER_BYTES_MAX - 1 - 20] = '\0'; /* 18 and a comma and a space: exactly full */
    headers_init(&headers);
    headers_add(&headers, "Accept", "123456789012345678");
    headers_add(&headers, "Accept", line);
    headers_lend(&headers, &request);
    assert_int_equal(strlen(request.accept), HEADER_BYTES_MAX - 1);
}

static void find(struct headers_found *found, const char *name, const char *value)
{
    headers_find(found, (struct text){name, strlen(name)}, value);
}

static void one_walk_finds_the_first_of_each_and_says_where_a_list_goes_on(void **state)
{
    struct headers_found found = {.joins = false};

    (void)state;
    find(&found, "Host", "x");
    find(&found, "Accep", "cut");
    find(&found, "AUTHORIZATION", "Bearer a");
    find(&found, "authorization", "Bearer b");
    find(&found, "Accept", NULL);
    find(&found, "access-control-request-method", "GET");
    assert_string_equal(found.values[HEADER_AUTHORIZATION], "Bearer a");
    assert_string_equal(found.values[HEADER_ACCEPT], "");
    assert_string_equal(found.values[HEADER_PREFLIGHT], "GET");
    assert_null(found.values[HEADER_ACCEPT_ENCODING]);
    assert_null(found.values[HEADER_USER_AGENT]);
    assert_false(found.joins); /* two Authorizations are no list */
    find(&found, "accept", "text/html");
    assert_true(found.joins);
    assert_string_equal(found.values[HEADER_ACCEPT], "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_walk_finds_the_first_of_each_and_says_where_a_list_goes_on),
        cmocka_unit_test(absent_empty_and_given_are_three_things),
        cmocka_unit_test(several_lines_are_one_list_cut_behind_a_whole_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
