/* SPDX-License-Identifier: Apache-2.0
 *
 * The edges of what is plain: bytes.
 */
#include "tests/support/decode_rows.h"

static void fields_may_come_in_any_order_among_blanks(void **state)
{
    static const struct row rows[] = {
        {"{" REST, true},
        {"{\"page\":\"p\",\"ts\":0,\"type\":\"click\"}", true},
        {"{\"visitor\":\"v\",\"page\":\"p\",\"box\":\"b\",\"ts\":0,\"id\":\"i\",\"type\":"
         "\"click\"}",
         true},
        {" \t\r\n{ \"type\" : \"view\" ,\n\t\"ts\":\r1 , \"page\" : \"p\"\n}\n \r\t", true},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"\"}", false},
        {"{\"type\":\"view\",\"ts\":1}", false},
        {"{\"type\":\"view\",\"page\":\"p\"}", false},
        {"{\"ts\":1,\"page\":\"p\"}", false},
        {"{\"type\":\"hover\",\"ts\":1,\"page\":\"p\"}", false},
        {"{\"type\":\"views\",\"ts\":1,\"page\":\"p\"}", false},
        {"{\"type\":\"\",\"ts\":1,\"page\":\"p\"}", false},
        {"{\"Type\":\"view\",\"ts\":1,\"page\":\"p\"}", false},
        {"{}", false},
        {"{", false},
        {"}", false},
        {"", false},
        {" ", false},
        {"[]", false},
        {"\xEF\xBB\xBF{" REST, false},
        {"{" REST "}", false},
        {"{" REST "{" REST, false},
        {"{" REST ",", false},
        {"{" REST " x", false},
        {"{," REST, false},
        {"{\"a\"," REST, false},
        {"{\"a\" 1," REST, false},
        {"{\"a\":," REST, false},
        {"{a:1," REST, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p\",}", false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p\"", false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p}", false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p\"]", false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p\\\"}", false},
        {"{\"type\":\"view\",\v\"ts\":1,\"page\":\"p\"}", false},
    };
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    CHECK(rows);
    check(pair, "{" REST "\0", sizeof("{" REST), TOPIC_TYPE_FROM_EVENT, false);
    check(pair, "{\"a\":\"\0\"," REST, sizeof("{\"a\":\"\0\"," REST) - 1, TOPIC_TYPE_FROM_EVENT,
          false);
    pair_free(pair);
}

static void what_is_ignored_must_be_json_all_the_same(void **state)
{
    static const struct row rows[] = {
        {WITH("\"a\":{}"), true},
        {WITH("\"a\":[]"), true},
        {WITH("\"a\":[{},[],[[]],{\"b\":{\"c\":[1]}}]"), true},
        {WITH("\"a\":[ 1 , \"x\" , null ]"), true},
        {WITH("\"a\":{\"page\":\"q\",\"ts\":\"x\",\"type\":7}"), true},
        {WITH("\"a\":[{\"page\":\"q\"},{\"page\":\"q\"}]"), true},
        {WITH("\"a\":true,\"b\":false,\"c\":null"), true},
        {WITH("\"\":1"), true},
        {WITH("\"a\":[1,]"), false},
        {WITH("\"a\":[,1]"), false},
        {WITH("\"a\":[1 2]"), false},
        {WITH("\"a\":[1}"), false},
        {WITH("\"a\":{\"b\":1]"), false},
        {WITH("\"a\":{\"b\":1,}"), false},
        {WITH("\"a\":{\"b\"}"), false},
        {WITH("\"a\":{1:2}"), false},
        {WITH("\"a\":tru"), false},
        {WITH("\"a\":truex"), false},
        {WITH("\"a\":True"), false},
        {WITH("\"a\":nul"), false},
        {WITH("\"a\":NaN"), false},
        {"{" REST "tru", false},
    };

    (void)state;
    CHECK(rows);
}

static void a_name_may_come_once_in_each_object(void **state)
{
    static const struct row rows[] = {
        {WITH("\"a\":1,\"b\":2,\"aa\":3"), true},
        {WITH("\"a\":{\"a\":{\"a\":1}}"), true},
        {WITH("\"x\":{\"a\":1},\"a\":2"), true},
        {WITH("\"a_long_name_1\":1,\"a_long_name_2\":2"), true},
        {WITH("\"a\":1,\"a\":1"), false},
        {WITH("\"a\":1,\"b\":{},\"c\":[{}],\"a\":1"), false},
        {WITH("\"page\":\"p\""), false},
        {WITH("\"box\":null,\"box\":null"), false},
        {WITH("\"x\":{\"a\":1,\"a\":1}"), false},
        {WITH("\"x\":[0,{\"y\":{\"a\":1,\"b\":2,\"a\":1}}]"), false},
        {WITH("\"a_long_name_1\":1,\"a_long_name_1\":2"), false},
        {WITH("\"\":1,\"\":1"), false},
        {WITH("\"a\":1,\"\\u0061\":1"), false},
        {WITH("\"p\\u0061ge\":\"q\""), false},
        {WITH("\"b\\u006fx\":\"q\""), false}, /* an event, but with a name to be written out */
        {WITH("\"\\/\":1"), false},
    };

    (void)state;
    CHECK(rows);
}

static void numbers_are_taken_where_they_cannot_overflow(void **state)
{
    static const struct row rows[] = {
        {WITH("\"n\":0"), true},
        {WITH("\"n\":-0"), true},
        {WITH("\"n\":-17"), true},
        {WITH("\"n\":999999999999999999"), true},
        {WITH("\"n\":1000000000000000000"), false}, /* 19 digits: the judge knows */
        {WITH("\"n\":9223372036854775808"), false},
        {WITH("\"n\":0.0"), true},
        {WITH("\"n\":-1.5e-7"), true},
        {WITH("\"n\":1E+99"), true},
        {WITH("\"n\":1e100"), false},
        {WITH("\"n\":1e999"), false},
        {WITH("\"n\":0e0"), true},
        {WITH("\"n\":01"), false},
        {WITH("\"n\":-01"), false},
        {WITH("\"n\":00.5"), false},
        {WITH("\"n\":-"), false},
        {WITH("\"n\":+1"), false},
        {WITH("\"n\":.5"), false},
        {WITH("\"n\":1."), false},
        {WITH("\"n\":1.e5"), false},
        {WITH("\"n\":1e"), false},
        {WITH("\"n\":1e+"), false},
        {WITH("\"n\":1.5.5"), false},
        {WITH("\"n\":0x10"), false},
        {WITH("\"n\":1a"), false},
        {WITH("\"n\":--1"), false},
        {WITH("\"n\":1\xff"), false},
    };
    char record[700], digits[402];
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    CHECK(rows);
    memset(digits, '9', sizeof digits);
    for (int length = 99; length <= 401; length += length == 99 ? 1 : 301) {
        (void)snprintf(record, sizeof record, WITH("\"n\":%.*s.5e9"), length, digits);
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, length == 99);
    }
    pair_free(pair);
}

static void times_of_every_length_are_right(void **state)
{
    static const struct row rows[] = {
        {"{\"type\":\"view\",\"ts\":253402300799999,\"page\":\"p\"}", true},
        {"{\"type\":\"view\",\"ts\":253402300800000,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":-1,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":-0,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":1.0,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":1e3,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":null,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":true,\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":[1],\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":\"1\",\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":\"2026-11-23T18:23:14.0009+01:00\",\"page\":\"p\"}", true},
        {"{\"type\":\"view\",\"ts\":\"2026-11-23t18:23:14Z\",\"page\":\"p\"}", false},
        {"{\"type\":\"view\",\"ts\":\"2026-11-23T18:23:14\\u005a\",\"page\":\"p\"}", true},
    };
    struct pair *pair = pair_new(NULL, 0);
    int64_t ts = 0;

    (void)state;
    CHECK(rows);
    for (int digits = 1; digits <= 15; digits++) {
        char record[100];

        ts = ts * 10 + (digits * 7 + 1) % 10;
        if (digits == 1)
            ts = 1;
        (void)snprintf(record, sizeof record, "{\"type\":\"view\",\"ts\":%lld,\"page\":\"p\"}",
                       (long long)ts);
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, true);
    }
    pair_free(pair);
}

static void texts_are_taken_with_their_escapes(void **state)
{
    static const struct row rows[] = {
        {WITH("\"box\":\"\\/a\\\"b\\\\\""), true},
        {WITH("\"box\":\"\\u007a\\u00e9\\u20AC\\ud83d\\ude00\""), true},
        {WITH("\"box\":\"z\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\""), true},
        {WITH("\"box\":\"\\\\\\\\\",\"id\":\"\\\"\""), true},
        {WITH("\"a\":\"\\b\\f\\n\\r\\t\\u0001\\u007f\""), true},
        {WITH("\"a\":\"\\ud83d\\ude00\\ud83d\\ude00\""), true},
        {WITH("\"box\":null,\"visitor\":\"\",\"id\":null"), true},
        {WITH("\"box\":\"\\n\""), false},
        {WITH("\"box\":\"\\u001f\""), false},
        {WITH("\"box\":\"\\u007f\""), false},
        {WITH("\"box\":\"\x7f\""), false},
        {WITH("\"box\":1"), false},
        {WITH("\"box\":false"), false},
        {WITH("\"box\":{}"), false},
        {WITH("\"a\":\"\x7f\""), false}, /* an event: only texts of fields may not have it */
        {WITH("\"a\":\"\\u0000\""), false},
        {WITH("\"a\":\"\\ud83d\""), false},
        {WITH("\"a\":\"\\ud83dx\\ude00\""), false},
        {WITH("\"a\":\"\\ud83d\\u0041\""), false},
        {WITH("\"a\":\"\\ude00\\ud83d\""), false},
        {WITH("\"a\":\"\\u12g4\""), false},
        {WITH("\"a\":\"\\U0041\""), false},
        {WITH("\"a\":\"\\x41\""), false},
        {WITH("\"a\":\"\\\""), false},
        {WITH("\"a\":\"\t\""), false},
        {WITH("\"a\":\"\n\""), false},
        {WITH("\"a\":\"\xC3\""), false},
        {WITH("\"a\":\"\xC0\x80\""), false},
        {WITH("\"a\":\"\xED\xA0\x80\""), false},
        {WITH("\"a\":\"\xE0\x9F\xBF\""), false},
        {WITH("\"a\":\"\xF4\x90\x80\x80\""), false},
        {WITH("\"a\":\"\x80\""), false},
        {WITH("\"\xFE\":1"), false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"p\\u12\"}", false},
        {"{\"type\":\"v\\u0069ew\",\"ts\":1,\"page\":\"p\"}", true},
    };

    (void)state;
    CHECK(rows);
}

/* At every place of a block, so that each word's edges are met. */
static void long_texts_and_characters_may_lie_anywhere(void **state)
{
    static const char *const parts[] = {"\xF0\x9F\x98\x80", "\\ud83d\\ude00", "\\\\", "\\\"", "x"};
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    for (int length = 0; length <= 520; length++) {
        for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
            char record[1400];

            (void)snprintf(record, sizeof record, WITH("\"%0*d\":\"%s\",\"id\":\"%0*d\""), length,
                           0, parts[i], length == 0 ? 1 : length, 0);
            check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, length <= 512);
        }
    }
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_may_come_in_any_order_among_blanks),
        cmocka_unit_test(what_is_ignored_must_be_json_all_the_same),
        cmocka_unit_test(a_name_may_come_once_in_each_object),
        cmocka_unit_test(numbers_are_taken_where_they_cannot_overflow),
        cmocka_unit_test(times_of_every_length_are_right),
        cmocka_unit_test(texts_are_taken_with_their_escapes),
        cmocka_unit_test(long_texts_and_characters_may_lie_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
