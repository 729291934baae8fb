/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/moment.h"

#include "tests/support/test.h"

#include <string.h>

#include "storage/event.h"

#define UNTOUCHED INT64_C(-77)

static const struct {
    const char *text;
    int64_t ms;
} pairs[] = {
    {"1970-01-01T00:00:00.000Z", 0},
    {"1970-01-01T00:00:00.001Z", 1},
    {"2000-02-29T00:00:00.000Z", INT64_C(951782400000)},
    {"2026-11-23T17:30:14.000Z", INT64_C(1795455014000)},
    {"2100-02-28T23:59:59.999Z", INT64_C(4107542399999)},
    {"2100-03-01T00:00:00.000Z", INT64_C(4107542400000)},
    {"9999-12-31T23:59:59.999Z", EVENT_TS_MS_MAX},
};

static int64_t parse(const char *text)
{
    int64_t ms = UNTOUCHED;

    return moment_parse(text, strlen(text), &ms) ? ms : UNTOUCHED;
}

static void moments_are_written_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[MOMENT_TEXT_BYTES];

        moment_format(pairs[i].ms, text);
        assert_string_equal(text, pairs[i].text);
        assert_int_equal(parse(text), pairs[i].ms);
    }
}

static void moments_before_the_epoch_can_be_written(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } early[] = {
        {"1969-12-31T23:59:59.999Z", -1},
        {"1969-12-31T23:59:59.000Z", -1000},
        {"1900-03-01T00:00:00.000Z", INT64_C(-2203891200000)},
        {"1600-02-29T12:00:00.000Z", INT64_C(-11670955200000)},
        {"0001-01-01T00:00:00.000Z", MOMENT_MIN_MS},
    };

    (void)state;
    for (size_t i = 0; i < sizeof early / sizeof early[0]; i++) {
        char text[MOMENT_TEXT_BYTES];

        moment_format(early[i].ms, text);
        assert_string_equal(text, early[i].text);
        assert_int_equal(parse(text), UNTOUCHED); /* but no event happens there */
    }
}

static void every_day_of_eight_centuries_is_read_as_it_is_written(void **state)
{
    char before[MOMENT_TEXT_BYTES] = "";

    (void)state;
    for (int64_t day = 0; day < 800 * 366; day++) {
        char text[MOMENT_TEXT_BYTES];
        int64_t ms = day * 86400000 + 43261007;

        moment_format(ms, text);
        assert_int_equal(parse(text), ms);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

static void fractions_are_cut_and_offsets_taken_off(void **state)
{
    (void)state;
    assert_int_equal(parse("1970-01-01T00:00:01Z"), 1000);
    assert_int_equal(parse("1970-01-01T00:00:00.1Z"), 100);
    assert_int_equal(parse("1970-01-01T00:00:00.12Z"), 120);
    assert_int_equal(parse("1970-01-01T00:00:00.1239Z"), 123);
    assert_int_equal(parse("1970-01-01T00:00:00.999999999Z"), 999);
    assert_int_equal(parse("1970-01-01T01:00:00+01:00"), 0);
    assert_int_equal(parse("1969-12-31T20:30:00-03:30"), 0);
    assert_int_equal(parse("1970-01-01T00:00:00-00:00"), 0);
    assert_int_equal(parse("1970-01-01T00:00:00+00:00"), 0);
    assert_int_equal(parse("9999-12-31T23:58:59.999-00:01"), EVENT_TS_MS_MAX);
    assert_int_equal(parse("2024-02-29T23:59:59Z"), INT64_C(1709251199000));
}

static void what_is_no_rfc_3339_text_is_refused(void **state)
{
    static const char *const refused[] = {
        "",
        "Z",
        "1970-01-01",
        "1970-01-01T00:00:00",  /* no offset */
        "1970-01-01t00:00:00Z", /* lower case */
        "1970-01-01T00:00:00z",
        "1970-01-01 00:00:00Z", /* a space for T */
        "1970-01-01T00:00:60Z", /* a leap second */
        "1990-12-31T23:59:60Z",
        "1970-01-01T24:00:00Z",
        "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:00.Z",           /* no fraction digit */
        "1970-01-01T00:00:00.1234567890Z", /* ten */
        "1970-01-01T00:00:00,5Z",
        "1970-01-01T00:00Z",
        "1970-01-01T00:00:0Z",
        "1970-13-01T00:00:00Z",
        "1970-00-01T00:00:00Z",
        "1970-01-00T00:00:00Z",
        "1970-01-32T00:00:00Z",
        "1970-04-31T00:00:00Z",
        "2023-02-29T00:00:00Z", /* no leap year */
        "2100-02-29T00:00:00Z",
        "1970-01-01T00:00:00+24:00",
        "1970-01-01T00:00:00+00:60",
        "1970-01-01T00:00:00+0000",
        "1970-01-01T00:00:00+00",
        "1970-01-01T00:00:00ZZ",
        "1970-01-01T00:00:00Z ",
        " 1970-01-01T00:00:00Z",
        "+1970-01-01T00:00:00Z",
        "01970-01-01T00:00:00Z",
        "197-01-01T00:00:00Z",
        "-001-01-01T00:00:00Z",
        "1970-1-01T00:00:00Z",
        "1970/01/01T00:00:00Z",
        "1969-12-31T23:59:59.999Z", /* before the range */
        "1970-01-01T00:00:00+00:01",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999-00:01", /* after it */
        "1795454594000",
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int64_t ms = UNTOUCHED;

        if (moment_parse(refused[i], strlen(refused[i]), &ms)) {
            fail_msg("taken: \"%s\"", refused[i]);
        }
        assert_int_equal(ms, UNTOUCHED);
    }
    assert_int_equal(parse("2000-02-29T00:00:00Z"), INT64_C(951782400000));
}

static void no_beginning_of_a_moment_is_one(void **state)
{
    static const char text[] = "2026-11-23T17:30:14.123456789+01:00";
    int64_t ms = UNTOUCHED;

    (void)state;
    for (size_t length = 0; length < sizeof text - 1; length++) {
        assert_false(moment_parse(text, length, &ms));
    }
    assert_true(moment_parse(text, sizeof text - 1, &ms));
    assert_false(moment_parse("2026-11-23T17:30:14\0Z", 21, &ms));
}

static void floors_go_down_also_before_the_epoch(void **state)
{
    (void)state;
    assert_int_equal(moment_floor(0, 1000), 0);
    assert_int_equal(moment_floor(999, 1000), 0);
    assert_int_equal(moment_floor(1000, 1000), 1000);
    assert_int_equal(moment_floor(-1, 1000), -1000);
    assert_int_equal(moment_floor(-1000, 1000), -1000);
    assert_int_equal(moment_floor(-1001, 1000), -2000);
}

static int64_t span(const char *text)
{
    int64_t ms = UNTOUCHED;

    return moment_parse_span(text, strlen(text), &ms) ? ms : UNTOUCHED;
}

static void spans_have_a_unit(void **state)
{
    static const char *const refused[] = {"",
                                          "1",
                                          "s",
                                          "-1s",
                                          "+1s",
                                          "1.5s",
                                          "1 s",
                                          "1S",
                                          " 1s",
                                          "1s ",
                                          "1sec",
                                          "1ms1s",
                                          "0x1s",
                                          "10001d",
                                          "1w",
                                          "m1",
                                          "864000000001ms",
                                          "99999999999999999999999s"};

    (void)state;
    assert_int_equal(span("500ms"), 500);
    assert_int_equal(span("0s"), 0);
    assert_int_equal(span("10s"), 10000);
    assert_int_equal(span("010m"), 600000);
    assert_int_equal(span("48h"), INT64_C(172800000));
    assert_int_equal(span("8d"), INT64_C(691200000));
    assert_int_equal(span("10000d"), INT64_C(864000000000));
    assert_int_equal(span("864000000000ms"), INT64_C(864000000000));
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (span(refused[i]) != UNTOUCHED) {
            fail_msg("taken: \"%s\"", refused[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments_are_written_and_read_back),
        cmocka_unit_test(moments_before_the_epoch_can_be_written),
        cmocka_unit_test(every_day_of_eight_centuries_is_read_as_it_is_written),
        cmocka_unit_test(fractions_are_cut_and_offsets_taken_off),
        cmocka_unit_test(what_is_no_rfc_3339_text_is_refused),
        cmocka_unit_test(no_beginning_of_a_moment_is_one),
        cmocka_unit_test(floors_go_down_also_before_the_epoch),
        cmocka_unit_test(spans_have_a_unit),
    };

    return cmocka_run_group_tests_name("storage/moment", tests, NULL, NULL);
}
