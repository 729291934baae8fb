/* SPDX-License-Identifier: Apache-2.0
 *
 * What is shown of ids, numbers and answers by the verbs that look at a service.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/figures_text.h"
#include "service/printable.h"
#include "service/reply.h"
#include "service/verb.h"

static void expect_shown(const char *text, size_t columns_max, const char *wanted, size_t columns)
{
    char shown[1024];

    assert_int_equal(printable(text, columns_max, shown, sizeof shown), columns);
    assert_string_equal(shown, wanted);
}

static void what_a_terminal_would_obey_is_a_question_mark(void **state)
{
    (void)state;
    expect_shown("/offer/list", 80, "/offer/list", 11);
    expect_shown("a\x1b[2J\x07\r\nb", 80, "a?[2J???b", 9);
    expect_shown("\xc2\x9b"
                 "31m",
                 80, "?31m", 4);
    expect_shown("\x7f", 80, "?", 1);
    expect_shown("\xe2\x80\xae"
                 "txt.exe",
                 80, "?txt.exe", 8);
    expect_shown("\xe2\x81\xa6x", 80, "?x", 2);
    expect_shown("\xff\xfe"
                 "a\xc3",
                 80, "??a?", 4);
    expect_shown("", 80, "", 0);
}

static void columns_are_those_of_a_terminal(void **state)
{
    (void)state;
    expect_shown("\xe4\xb8\x96\xe7\x95\x8c", 4, "\xe4\xb8\x96\xe7\x95\x8c", 4);
    expect_shown("\xe4\xb8\x96\xe7\x95\x8c", 3, "\xe4\xb8\x96", 2);
    expect_shown("\xe4\xb8\x96\xe7\x95\x8c\xe4\xb8\x96", 5, "\xe4\xb8\x96...", 5);
    expect_shown("e\xcc\x81te\xcc\x81", 3, "e\xcc\x81te\xcc\x81", 3);
    expect_shown("0123456789", 10, "0123456789", 10);
    expect_shown("0123456789", 9, "012345...", 9);
    expect_shown("0123456789", 3, "012", 3);
    expect_shown("0123456789", 0, "", 0);
}

static void a_heap_of_accents_is_cut_and_nothing_overflows(void **state)
{
    char text[4001], shown[44];
    size_t columns = 0;

    (void)state;
    text[0] = 'a';
    for (size_t i = 1; i + 2 < sizeof text; i += 2) {
        memcpy(text + i, "\xcc\x81", 3);
    }
    columns = printable(text, 10, shown, sizeof shown);
    assert_int_equal(columns, 1);
    assert_int_equal(strlen(shown), 1 + 2 * 8);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(printable(text, 10, shown, sizeof shown), 10);
    /* Too little room is no overflow either. */
    assert_true(printable(text, 1000, shown, sizeof shown) < sizeof shown);
    assert_true(strlen(shown) < sizeof shown);
}

static void numbers_are_as_people_read_them(void **state)
{
    (void)state;
    assert_string_equal(figure_count(0).text, "0");
    assert_string_equal(figure_count(999).text, "999");
    assert_string_equal(figure_count(1234567).text, "1,234,567");
    assert_string_equal(figure_count(-1).text, "?");
    assert_string_equal(figure_count(INT64_MAX).text, "9,223,372,036,854,775,807");
    assert_string_equal(figure_percent(0.04538087).text, "4.54");
    assert_string_equal(figure_percent(1).text, "100.00");
    assert_string_equal(figure_percent(-0.00005).text, "-0.01");
    assert_string_equal(figure_percent(0.0701).text, "7.01");
    assert_string_equal(figure_span(-5).text, "0.0 s");
    assert_string_equal(figure_span(512).text, "0.5 s");
    assert_string_equal(figure_span(9949).text, "9.9 s");
    assert_string_equal(figure_span(9950).text, "10 s");
    assert_string_equal(figure_span(119000).text, "119 s");
    assert_string_equal(figure_span(600000).text, "10 min");
    assert_string_equal(figure_span(7200000).text, "2.0 h");
}

static void answers_are_read_and_others_are_not(void **state)
{
    static const char good[] =
        "{\"window\":\"10m\",\"to\":\"2026-11-29T20:19:33.000Z\",\"coverage\":0.5,\"lag_ms\":1615,"
        "\"state\":\"live\",\"total\":2,\"news\":[],\"items\":[{\"page\":\"p\",\"box\":\"b\","
        "\"impressions\":300,\"clicks\":3,\"ctr\":0.01,\"ctr_low\":0.003,\"ctr_high\":0.03,"
        "\"viewers\":null,\"difference\":{\"ctr\":-0.25}},{\"page\":\"q\",\"impressions\":0,"
        "\"clicks\":0,\"ctr\":null,\"ctr_low\":null,\"ctr_high\":null,\"viewers\":0}]}";
    static const char *const others[] = {
        "",      "null", "[]", "{", "{\"state\":\"live\"}", "{\"window\":1,\"state\":\"live\"}",
        "<html>"};
    struct ctr_error error = {.text = ""};
    struct reply reply;
    char words[64];

    (void)state;
    assert_int_equal(reply_read(good, sizeof good - 1, &reply, &error), CTR_OK);
    assert_int_equal(reply.rows_count, 2);
    assert_int_equal(reply.total, 2);
    assert_int_equal(reply.lag_ms, 1615);
    assert_true(reply.coverage > 0.49 && reply.coverage < 0.51);
    assert_string_equal(reply.rows[0].page, "p");
    assert_int_equal(reply.rows[0].impressions, 300);
    assert_int_equal(reply.rows[0].viewers, -1);
    assert_true(reply.rows[0].has_ctr && reply.rows[0].has_difference);
    assert_true(reply.rows[0].difference < -0.24);
    assert_string_equal(reply.rows[1].box, "");
    assert_false(reply.rows[1].has_ctr || reply.rows[1].has_difference);
    assert_int_equal(reply.rows[1].viewers, 0);
    reply_done(&reply);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        assert_int_equal(reply_read(others[i], strlen(others[i]), &reply, &error), CTR_INVALID);
    }
    reply_problem(400, "{\"detail\":\"no window 7m\",\"title\":\"Bad\"}", 39, words, sizeof words);
    assert_string_equal(words, "no window 7m (HTTP 400)");
    reply_problem(502, "<html>", 6, words, sizeof words);
    assert_string_equal(words, "HTTP 502");
}

static void flags_are_read_by_the_table(void **state)
{
    char first[] = "--page=/a=b", second[] = "--box", third[] = "b", last[] = "-",
         json[] = "--json";
    char joined[] = "--json=yes", wrong[] = "--jsn", ask[] = "-h";
    char *argv[] = {first, second, third, json, last, ask, joined, wrong, second};
    struct ctr_error error = {.text = ""};
    struct verb_flag flag;
    int at = 0;

    (void)state;
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_OK);
    assert_string_equal(flag.row->name, "--page");
    assert_string_equal(flag.value, "/a=b");
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_OK);
    assert_string_equal(flag.value, "b");
    assert_int_equal(at, 3);
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_OK);
    assert_null(flag.value);
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_OK);
    assert_null(flag.row);
    assert_string_equal(flag.value, "-");
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_OK);
    assert_string_equal(flag.row->name, "--help");
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "takes no value"));
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "did you mean \"--json\"?"));
    assert_int_equal(verb_next_flag(&verb_get, 9, argv, &at, &flag, &error), CTR_INVALID);
    assert_non_null(strstr(error.text, "--box needs a value"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_terminal_would_obey_is_a_question_mark),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(a_heap_of_accents_is_cut_and_nothing_overflows),
        cmocka_unit_test(numbers_are_as_people_read_them),
        cmocka_unit_test(answers_are_read_and_others_are_not),
        cmocka_unit_test(flags_are_read_by_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
