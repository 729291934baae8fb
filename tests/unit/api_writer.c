/* SPDX-License-Identifier: Apache-2.0 */
#include "api/writer.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "tests/support/test.h"

/* What the writer holds, as a string on the heap; ends the writer. */
static char *take(struct writer *writer)
{
    char *bytes = NULL;
    size_t length = 0;
    char *string;

    assert_int_equal(writer_take(writer, &bytes, &length), CTR_OK);
    string = calloc(1, length + 1);
    assert_non_null(string);
    memcpy(string, bytes, length);
    free(bytes);
    writer_done(writer);
    return string;
}

static void expect(struct writer *writer, const char *json)
{
    char *string = take(writer);

    assert_string_equal(string, json);
    free(string);
}

static void commas_stand_between_values_and_nowhere_else(void **state)
{
    struct writer writer;

    (void)state;
    writer_init(&writer, 1000);
    writer_open(&writer, '{');
    writer_key(&writer, "a");
    writer_open(&writer, '[');
    writer_u64(&writer, UINT64_MAX);
    writer_i64(&writer, INT64_MIN);
    writer_open(&writer, '{');
    writer_close(&writer, '}');
    writer_open(&writer, '[');
    writer_close(&writer, ']');
    writer_close(&writer, ']');
    writer_key(&writer, "b");
    writer_bool(&writer, true);
    writer_key(&writer, "c");
    writer_null(&writer);
    writer_close(&writer, '}');
    expect(&writer, "{\"a\":[18446744073709551615,-9223372036854775808,{},[]],\"b\":true,"
                    "\"c\":null}");
}

static void strings_are_escaped_where_json_demands_it_and_bytes_else(void **state)
{
    static const char text[] = "a\"b\\c/\b\f\n\r\t\x01\x1f\x7f é🎯\0end";
    struct writer writer;

    (void)state;
    writer_init(&writer, 1000);
    writer_text(&writer, (struct text){text, sizeof text - 1});
    expect(&writer, "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\\u001F\x7f é🎯\\u0000end\"");
}

static void what_is_not_utf8_is_repaired_where_nobody_promised_it(void **state)
{
    struct writer writer;

    (void)state;
    writer_init(&writer, 1000);
    writer_repaired(&writer, "{\"a\":\"é\xC3\xFF\xED\xA0\x80\n\xE2\x82");
    expect(&writer, "\"{\\\"a\\\":\\\"é\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
                    "\\n\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void expect_double(double value)
{
    struct writer writer;
    char *string;
    double back;

    writer_init(&writer, 1000);
    writer_real(&writer, value);
    string = take(&writer);
    back = strtod(string, NULL);
    assert_memory_equal(&back, &value, sizeof value);
    assert_true(strspn(string, "0123456789+-.e") == strlen(string));
    free(string);
}

static void doubles_read_back_to_the_last_bit(void **state)
{
    static const double values[] = {0,       -0.0,    1,       1e22,    0.1,
                                    1.0 / 3, 2.0 / 3, DBL_MAX, DBL_MIN, 4.9406564584124654e-324};
    uint64_t seed = 0x9E3779B97F4A7C15u;

    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        expect_double(values[i]);
    for (int i = 0; i < 20000; i++) {
        double value;

        seed = seed * 6364136223846793005u + 1442695040888963407u;
        value = (double)(seed >> 44) / (double)((seed & 0xFFFFF) + 1); /* ratios of counts */
        expect_double(value);
        memcpy(&value, &seed, sizeof value); /* any bits at all */
        if (isfinite(value))
            expect_double(value);
    }
}

static void doubles_are_as_short_as_they_can_be(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},           {1, "1"},
                 {0.5, "0.5"},           {100, "100"},
                 {0.045378, "0.045378"}, {1.0 / 3, "0.3333333333333333"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct writer writer;

        writer_init(&writer, 1000);
        writer_real(&writer, cases[i].value);
        expect(&writer, cases[i].text);
    }
}

static void a_number_that_is_none_is_null(void **state)
{
    struct writer writer;

    (void)state;
    writer_init(&writer, 1000);
    writer_open(&writer, '[');
    writer_real(&writer, (double)NAN);
    writer_real(&writer, (double)INFINITY);
    writer_close(&writer, ']');
    expect(&writer, "[null,null]");
}

static void a_locale_with_a_decimal_comma_changes_nothing(void **state)
{
    static const char *const locales[] = {"de_DE.UTF-8", "pl_PL.UTF-8", "fr_FR.UTF-8"};
    struct writer writer;
    bool found = false;

    (void)state;
    for (size_t i = 0; i < sizeof locales / sizeof locales[0] && !found; i++)
        found = setlocale(LC_ALL, locales[i]) != NULL;
    if (!found)
        skip();
    writer_init(&writer, 1000);
    writer_real(&writer, 0.25);
    expect(&writer, "0.25");
    (void)setlocale(LC_ALL, "C");
}

static void times_are_rfc_3339_or_null(void **state)
{
    struct writer writer;

    (void)state;
    writer_init(&writer, 1000);
    writer_open(&writer, '[');
    writer_time(&writer, 1795455014001);
    writer_time(&writer, MOMENT_NONE);
    writer_time(&writer, EVENT_TS_MS_MAX + 1); /* the end of the last slice there can be */
    writer_close(&writer, ']');
    expect(&writer, "[\"2026-11-23T17:30:14.001Z\",null,\"9999-12-31T23:59:59.999Z\"]");
}

static void the_limit_ends_the_document_and_is_reported(void **state)
{
    struct writer writer;
    char *bytes = NULL;
    size_t length = 0;

    (void)state;
    for (size_t limit = 0; limit < 12; limit++) {
        writer_init(&writer, limit);
        writer_string(&writer, "0123456789");
        assert_int_equal(writer_take(&writer, &bytes, &length), CTR_LIMIT);
        assert_null(bytes);
        writer_done(&writer);
    }
    writer_init(&writer, 12);
    writer_string(&writer, "0123456789");
    expect(&writer, "\"0123456789\"");
}

static void a_long_document_grows(void **state)
{
    struct writer writer;
    char *string;

    (void)state;
    writer_init(&writer, 1000000);
    for (int i = 0; i < 10000; i++)
        writer_format(&writer, "%05d", i);
    string = take(&writer);
    assert_int_equal(strlen(string), 50000);
    assert_memory_equal(string + 49995, "09999", 5);
    free(string);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_values_and_nowhere_else),
        cmocka_unit_test(strings_are_escaped_where_json_demands_it_and_bytes_else),
        cmocka_unit_test(what_is_not_utf8_is_repaired_where_nobody_promised_it),
        cmocka_unit_test(doubles_read_back_to_the_last_bit),
        cmocka_unit_test(doubles_are_as_short_as_they_can_be),
        cmocka_unit_test(a_number_that_is_none_is_null),
        cmocka_unit_test(a_locale_with_a_decimal_comma_changes_nothing),
        cmocka_unit_test(times_are_rfc_3339_or_null),
        cmocka_unit_test(the_limit_ends_the_document_and_is_reported),
        cmocka_unit_test(a_long_document_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
