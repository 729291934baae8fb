/* SPDX-License-Identifier: Apache-2.0 */
#include "api/query.h"

#include <stdio.h>
#include <string.h>

#include "api/text.h"
#include "tests/support/test.h"

static const char *const names[] = {"page", "box", "window", NULL};

static struct query query;
static struct problem problem;

static enum ctr_status parse(const char *target)
{
    struct target parts = target_split(target);

    return query_parse(parts.arguments, names, &query, &problem);
}

static void expect_text(const char *target, size_t index, const char *bytes, size_t length)
{
    assert_int_equal(parse(target), CTR_OK);
    assert_int_equal(query.values[index].length, length);
    assert_memory_equal(query.values[index].bytes, bytes, length);
}

static void expect_refusal(const char *target, const char *words)
{
    assert_int_equal(parse(target), CTR_INVALID);
    assert_int_equal(problem.kind, PROBLEM_ARGUMENT);
    if (strstr(problem.detail, words) == NULL)
        print_message("\"%s\" is not in: %s\n", words, problem.detail);
    assert_non_null(strstr(problem.detail, words));
}

static void a_target_is_split_at_the_first_question_mark(void **state)
{
    struct target parts = target_split("/v1/ctr?page=a?b");

    (void)state;
    assert_true(text_equals(parts.path, "/v1/ctr"));
    assert_true(text_equals(parts.arguments, "page=a?b"));
    parts = target_split("/v1/ctr");
    assert_true(text_equals(parts.path, "/v1/ctr"));
    assert_int_equal(parts.arguments.length, 0);
    parts = target_split("http://host:8080/v1/ctr?page=/x");
    assert_true(text_equals(parts.path, "/v1/ctr"));
    assert_true(text_equals(parts.arguments, "page=/x"));
    parts = target_split("HTTP://host/v1/ctr");
    assert_true(text_equals(parts.path, "/v1/ctr"));
    parts = target_split("http://host?page=/v1/ctr"); /* the path is empty */
    assert_int_equal(parts.path.length, 0);
    assert_true(text_equals(parts.arguments, "page=/v1/ctr"));
    parts = target_split("http://host#/v1/ctr");
    assert_true(text_equals(parts.path, "#/v1/ctr"));
}

static void values_are_decoded_once(void **state)
{
    (void)state;
    expect_text("/?page=%2Foffer%2flist", 0, "/offer/list", 11);
    expect_text("/?page=/offer/list", 0, "/offer/list", 11);
    expect_text("/?box=a+b%20c%2Bd", 1, "a b c+d", 7);
    expect_text("/?page=100%2525", 0, "100%25", 6);
    expect_text("/?page=a=b", 0, "a=b", 3);
    expect_text("/?page=%F0%9F%8E%AF", 0, "\xF0\x9F\x8E\xAF", 4);
    expect_text("/?page=\xF0\x9F\x8E\xAF", 0, "\xF0\x9F\x8E\xAF", 4);
    expect_text("/?p%61ge=x&box=y", 0, "x", 1);
    expect_text("/?page=%22%5C%26", 0, "\"\\&", 3);
}

static void what_is_not_given_is_absent(void **state)
{
    (void)state;
    assert_int_equal(parse("/?box=y"), CTR_OK);
    assert_int_equal(query.values[0].length, 0);
    assert_int_equal(query.values[1].length, 1);
    assert_int_equal(parse("/?"), CTR_OK);
    assert_int_equal(parse("/"), CTR_OK);
}

static void bad_values_are_refused_by_name(void **state)
{
    (void)state;
    expect_refusal("/?page=a%", "page holds a percent sign");
    expect_refusal("/?page=a%2", "page holds a percent sign");
    expect_refusal("/?page=a%2g", "page holds a percent sign");
    expect_refusal("/?page=a%00b", "page holds a control character");
    expect_refusal("/?page=a%0Ab", "page holds a control character");
    expect_refusal("/?page=a%7F", "page holds a control character");
    expect_refusal("/?page=a b", "page holds a raw space");
    expect_refusal("/?page=a\x01", "page holds a raw space or control");
    expect_refusal("/?box=%FF", "box is not UTF-8");
    expect_refusal("/?box=%C0%AF", "box is not UTF-8");
    expect_refusal("/?box=%ED%A0%80", "box is not UTF-8");
    expect_refusal("/?box=%F4%90%80%80", "box is not UTF-8");
    expect_refusal("/?box=%E2%82", "box is not UTF-8");
    expect_refusal("/?page=", "page is empty");
    expect_refusal("/?page", "page is empty");
    expect_refusal("/?page=x&box=", "box is empty");
}

static void unknown_and_repeated_arguments_are_refused(void **state)
{
    (void)state;
    expect_refusal("/?pag=x", "no argument \"pag\" here; the arguments are: page, box and window.");
    expect_refusal("/?Page=x", "no argument \"Page\"");
    expect_refusal("/?page=x&page=x", "page is given more than once");
    expect_refusal("/?page=x&p%61ge=y", "page is given more than once");
    expect_refusal("/?&page=x", "no argument \"\"");
    expect_refusal("/?%zz=x", "no argument \"%zz\"");
}

static void the_longest_id_is_512_bytes_however_it_is_written(void **state)
{
    char target[4096];
    char id[EVENT_ID_BYTES_MAX + 2];
    size_t used;

    (void)state;
    memset(id, 'x', sizeof id);
    (void)snprintf(target, sizeof target, "/?page=%.*s", EVENT_ID_BYTES_MAX, id);
    expect_text(target, 0, id, EVENT_ID_BYTES_MAX);
    (void)snprintf(target, sizeof target, "/?page=%.*s", EVENT_ID_BYTES_MAX + 1, id);
    expect_refusal(target, "page is longer than 512 bytes");
    used = (size_t)snprintf(target, sizeof target, "/?page=");
    for (int i = 0; i < EVENT_ID_BYTES_MAX; i++)
        used += (size_t)snprintf(target + used, sizeof target - used, "%%78");
    expect_text(target, 0, id, EVENT_ID_BYTES_MAX);
    (void)snprintf(target + used, sizeof target - used, "%%78");
    expect_refusal(target, "page is longer than 512 bytes");
}

static void all_arguments_fit_at_their_longest(void **state)
{
    static const char *const eight[] = {"a", "b", "c", "d", "e", "f", "g", "h", NULL};
    char target[8 * 520];
    size_t used = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        used += (size_t)snprintf(target + used, sizeof target - used, "%s%s=", i > 0 ? "&" : "",
                                 eight[i]);
        memset(target + used, 'a' + i, EVENT_ID_BYTES_MAX);
        used += EVENT_ID_BYTES_MAX;
    }
    assert_int_equal(query_parse((struct text){target, used}, eight, &query, &problem), CTR_OK);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(query.values[i].length, EVENT_ID_BYTES_MAX);
        assert_int_equal(query.values[i].bytes[0], 'a' + i);
        assert_int_equal(query.values[i].bytes[EVENT_ID_BYTES_MAX - 1], 'a' + i);
    }
}

static void expect_path(const char *target, const char *expected)
{
    struct target parts = target_split(target);
    char path[QUERY_PATH_BYTES_MAX];

    assert_int_equal(target_path(&parts, path, &problem), CTR_OK);
    assert_string_equal(path, expected);
}

static void paths_are_decoded_but_an_escaped_slash_is_no_separator(void **state)
{
    char path[QUERY_PATH_BYTES_MAX];
    struct target parts = target_split("/v1/%zz");

    (void)state;
    expect_path("/v1/ctr%3AbatchGet", "/v1/ctr:batchGet");
    expect_path("/v1%2Fctr", "");
    expect_path("/v1/ctr%00x", "");
    expect_path("/0123456789012345678901234567890123456789012345678901234567890123456789", "");
    assert_int_equal(target_path(&parts, path, &problem), CTR_INVALID);
    assert_int_equal(problem.kind, PROBLEM_BAD_REQUEST);
}

static void numbers_have_a_range(void **state)
{
    static const struct query_range range = {"limit", 1, 1000};
    static const char *const bad[] = {
        "0", "1001", "-1", "1.5", "1e3", "0x10", " 1", "abc", "18446744073709551621"};
    uint64_t value = 7;

    (void)state;
    assert_int_equal(query_number((struct text){0}, &range, &value, &problem), CTR_OK);
    assert_int_equal(value, 7);
    assert_int_equal(query_number(text_of("1000"), &range, &value, &problem), CTR_OK);
    assert_int_equal(value, 1000);
    assert_int_equal(query_number(text_of("1"), &range, &value, &problem), CTR_OK);
    assert_int_equal(value, 1);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(query_number(text_of(bad[i]), &range, &value, &problem), CTR_INVALID);
        assert_non_null(strstr(problem.detail, "limit must be a whole number from 1 to 1000"));
        assert_int_equal(value, 1);
    }
}

static void quotes_are_ascii_and_bounded(void **state)
{
    char quoted[TEXT_QUOTE_BYTES];
    char longest[600];

    (void)state;
    text_quote(text_of("a\xC3\xA9\x01"), quoted);
    assert_string_equal(quoted, "\"a%C3%A9%01\"");
    memset(longest, 0xFF, sizeof longest);
    text_quote((struct text){longest, sizeof longest}, quoted);
    assert_true(strlen(quoted) < TEXT_QUOTE_BYTES);
    assert_non_null(strstr(quoted, "...\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_is_split_at_the_first_question_mark),
        cmocka_unit_test(values_are_decoded_once),
        cmocka_unit_test(what_is_not_given_is_absent),
        cmocka_unit_test(bad_values_are_refused_by_name),
        cmocka_unit_test(unknown_and_repeated_arguments_are_refused),
        cmocka_unit_test(the_longest_id_is_512_bytes_however_it_is_written),
        cmocka_unit_test(all_arguments_fit_at_their_longest),
        cmocka_unit_test(paths_are_decoded_but_an_escaped_slash_is_no_separator),
        cmocka_unit_test(numbers_have_a_range),
        cmocka_unit_test(quotes_are_ascii_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
