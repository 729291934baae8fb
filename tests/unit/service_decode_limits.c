/* SPDX-License-Identifier: Apache-2.0
 *
 * The edges of what is plain: limits, settings, topics.
 */
#include "tests/support/decode_rows.h"

static void what_is_too_much_goes_to_the_judge(void **state)
{
    char record[PAIR_BYTES_MAX + 1];
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    for (size_t depth = FAST_DEPTH_MAX - 1; depth <= FAST_DEPTH_MAX; depth++) {
        size_t length = 5;

        memcpy(record, "{\"a\":", 5);
        memset(record + length, '[', depth);
        memset(record + length + depth, ']', depth);
        length += 2 * depth;
        memcpy(record + length, "," REST, sizeof("," REST));
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, depth < FAST_DEPTH_MAX);
    }
    for (size_t names = FAST_NAMES_MAX; names <= FAST_NAMES_MAX + 1; names++) {
        size_t length = 1;

        record[0] = '{';
        for (size_t i = 0; i < names; i++)
            length += (size_t)snprintf(record + length, 32, "\"%zu\":0,", i);
        memcpy(record + length, REST, sizeof REST);
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, names == FAST_NAMES_MAX);
    }
    /* 2,100 deep: more than jansson takes */
    memset(record, '[', 2100);
    (void)snprintf(record + 2100, 100, "}");
    check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, false);
    /* as long as a record may be */
    memset(record, ' ', PAIR_BYTES_MAX);
    memcpy(record + PAIR_BYTES_MAX - sizeof("{" REST) + 1, "{" REST, sizeof("{" REST) - 1);
    check(pair, record, PAIR_BYTES_MAX, TOPIC_TYPE_FROM_EVENT, true);
    pair_free(pair);
}

static void names_of_settings_are_found_where_they_stand(void **state)
{
    static const struct pair_setting settings[] = {
        {"field_page", "/a/page"},
        {"field_box", "/a/b/box"},
        {"field_visitor", "a_name_of_17_by"},
        {"field_id", "/"},
        {"filter", "/a/bot=-12"},
        {"field_ts", "/a/page/ts"},
        {"view_types", "view, seen now,  a_view_of_something,,"},
        {"click_types", "click,view,pressed"},
    };
    static const struct row rows[] = {
        {"{\"type\":\"view\",\"a\":{\"page\":{\"ts\":1}}}", false}, /* a page that is no text */
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\"}}", false},
    };
    static const struct pair_setting others[] = {
        {"field_page", "/a/page"},
        {"field_box", "/a/b/box"},
        {"field_visitor", "a_name_of_17_byt"},
        {"field_id", "/"},
        {"filter", "/a/bot=-12"},
        {"field_ts", "/a/ts"},
        {"view_types", "view, seen now,  a_view_of_something,,"},
        {"click_types", "click,view,pressed"},
    };
    static const struct row other_rows[] = {
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1}}", true},
        {"{\"type\":\"seen\",\"a\":{\"page\":\"p\",\"ts\":1},\"\":\"id\"}", true},
        {"{\"type\":\"seen now\",\"a\":{\"page\":\"p\",\"ts\":1}}", false},
        {"{\"type\":\"a_view_of_something\",\"a\":{\"page\":\"p\",\"ts\":1}}", true},
        {"{\"type\":\"a_view_of_somethinG\",\"a\":{\"page\":\"p\",\"ts\":1}}", false},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":-12,\"page\":\"p\",\"b\":{\"box\":\"b\"}}}",
         true},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":\"-12\",\"page\":\"p\",\"b\":[]}}", true},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":12,\"page\":\"p\",\"b\":\"box\"}}", true},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":{\"a\":1},\"page\":\"p\"}}", true},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":-0,\"page\":\"p\"}}", false},
        {"{\"type\":\"pressed\",\"a\":{\"ts\":1,\"bot\":-12.0,\"page\":\"p\"}}", true},
        {"{\"type\":\"view\",\"a\":[{\"page\":\"p\",\"ts\":1}]}", false},
        {"{\"type\":\"view\",\"b\":{\"page\":\"p\",\"ts\":1}}", false},
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1},\"a_name_of_17_byt\":\"v\"}", true},
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1},\"a_name_of_17_byT\":\"v\"}", true},
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1,\"a\":{\"page\":\"q\"}}}", true},
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1},\"a\":{}}", false},
        {"{\"type\":\"view\",\"a\":{\"page\":\"p\",\"ts\":1,\"page\":\"p\"}}", false},
    };

    (void)state;
    check_rows(settings, sizeof settings / sizeof settings[0], rows, sizeof rows / sizeof rows[0]);
    check_rows(others, sizeof others / sizeof others[0], other_rows,
               sizeof other_rows / sizeof other_rows[0]);
}

static void the_type_of_the_topic_wins(void **state)
{
    static const char *const types[] = {"\"type\":\"click\",",
                                        "\"type\":7,",
                                        "\"type\":null,",
                                        "\"type\":[1],",
                                        "\"type\":1.5,",
                                        "\"type\":\"\\u0041\",",
                                        ""};
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        char record[200];

        (void)snprintf(record, sizeof record, "{%s\"ts\":1,\"page\":\"p\"}", types[i]);
        check(pair, record, strlen(record), TOPIC_TYPE_VIEW, true);
        check(pair, record, strlen(record), TOPIC_TYPE_CLICK, true);
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, i == 0);
    }
    pair_free(pair);
}

/* Texts that are written out share one room: when it is full, the judge decodes. */
static void escaped_texts_have_bounds(void **state)
{
    static char record[PAIR_BYTES_MAX];
    struct pair *pair = pair_new(NULL, 0);
    struct escapes escapes = {.used = ESCAPES_BYTES - 3};
    struct text text = {0};

    (void)state;
    for (size_t units = 500; units <= 1000; units += 500) {
        size_t length = (size_t)snprintf(record, sizeof record, "{\"box\":\"");

        for (size_t i = 0; i < units; i++)
            length += (size_t)snprintf(record + length, 8, "\\u0061");
        (void)snprintf(record + length, sizeof record - length, "\"," REST);
        check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, units == 500);
    }
    assert_false(escapes_write(&escapes, (struct text){"\\/ab", 4}, &text));
    assert_true(escapes_write(&escapes, (struct text){"\\/a", 3}, &text));
    assert_int_equal(text.length, 2);
    assert_memory_equal(text.bytes, "/a", 2);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_much_goes_to_the_judge),
        cmocka_unit_test(names_of_settings_are_found_where_they_stand),
        cmocka_unit_test(the_type_of_the_topic_wins),
        cmocka_unit_test(escaped_texts_have_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
