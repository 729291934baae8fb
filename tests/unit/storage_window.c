/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/window.h"

#include "tests/support/test.h"

#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)

static void grains_change_just_above_their_borders(void **state)
{
    (void)state;
    assert_int_equal(window_grain_ms(SECOND_MS), SECOND_MS);
    assert_int_equal(window_grain_ms(2 * MINUTE_MS), SECOND_MS);
    assert_int_equal(window_grain_ms(2 * MINUTE_MS + SECOND_MS), 10 * SECOND_MS);
    assert_int_equal(window_grain_ms(20 * MINUTE_MS), 10 * SECOND_MS);
    assert_int_equal(window_grain_ms(20 * MINUTE_MS + SECOND_MS), MINUTE_MS);
    assert_int_equal(window_grain_ms(2 * HOUR_MS), MINUTE_MS);
    assert_int_equal(window_grain_ms(2 * HOUR_MS + SECOND_MS), 10 * MINUTE_MS);
    assert_int_equal(window_grain_ms(400 * 24 * HOUR_MS), 10 * MINUTE_MS);
}

static int64_t from_of(const char *name, int64_t to_ms)
{
    struct window_set set;

    assert_int_equal(window_set_parse(name, &set, NULL), CTR_OK);
    return window_from_ms(&set.items[0], to_ms);
}

static void from_lies_on_the_grain_at_or_before_the_length(void **state)
{
    /* DESIGN "The answer": a 10m window to 17:30:14 begins at 17:20:10. */
    const int64_t to_ms = INT64_C(1795455014000);

    (void)state;
    assert_int_equal(from_of("1m", to_ms), to_ms - MINUTE_MS);
    assert_int_equal(from_of("10m", to_ms), INT64_C(1795454410000));
    assert_int_equal(from_of("10m", to_ms - 4 * SECOND_MS), INT64_C(1795454410000));
    assert_int_equal(from_of("10m", to_ms - 5 * SECOND_MS), INT64_C(1795454400000));
    assert_int_equal(from_of("1h", to_ms), INT64_C(1795451400000));
    assert_int_equal(from_of("24h", to_ms), INT64_C(1795368600000));
    assert_int_equal(from_of("10m", 5 * SECOND_MS), -10 * MINUTE_MS);
    assert_int_equal(from_of("1s", 0), -SECOND_MS);
}

static void windows_stand_in_the_order_of_their_length(void **state)
{
    struct window_set set;

    (void)state;
    assert_int_equal(window_set_parse(" 24h ,1m,\t10m , 1h", &set, NULL), CTR_OK);
    assert_int_equal(set.count, 4);
    assert_string_equal(set.items[0].name, "1m");
    assert_string_equal(set.items[1].name, "10m");
    assert_string_equal(set.items[2].name, "1h");
    assert_string_equal(set.items[3].name, "24h");
    assert_int_equal(set.preferred, 1);
    assert_int_equal(window_set_parse("1h,5m", &set, NULL), CTR_OK);
    assert_int_equal(set.preferred, 0);
    assert_int_equal(window_set_parse("1h,600s", &set, NULL), CTR_OK);
    assert_int_equal(set.preferred, 0);
    assert_string_equal(set.items[0].name, "600s");
}

static void windows_are_found_by_their_whole_name(void **state)
{
    struct window_set set;

    (void)state;
    assert_int_equal(window_set_parse("1m,10m", &set, NULL), CTR_OK);
    assert_int_equal(window_set_find(&set, "10m", 3), 1);
    assert_int_equal(window_set_find(&set, "10m", 2), 2);
    assert_int_equal(window_set_find(&set, "1m", 2), 0);
    assert_int_equal(window_set_find(&set, "60s", 3), 2);
    assert_int_equal(window_set_find(&set, "", 0), 2);
}

static void the_shortest_and_the_longest_window_are_taken(void **state)
{
    struct window_set set;

    (void)state;
    assert_int_equal(window_set_parse("1s,400d", &set, NULL), CTR_OK);
    assert_int_equal(window_set_parse("1s,2s,3s,4s,5s,6s,7s,8s", &set, NULL), CTR_OK);
    assert_int_equal(set.count, WINDOWS_MAX);
    assert_int_equal(window_set_parse("1000ms", &set, NULL), CTR_OK);
    assert_int_equal(window_set_parse("00000000000001m", &set, NULL), CTR_OK);
}

static void what_is_no_list_of_windows_is_refused_with_the_reason(void **state)
{
    static const struct {
        const char *list, *said;
    } refused[] = {
        {"", "\"\" is no span"},
        {"10m,", "\"\" is no span"},
        {",10m", "\"\" is no span"},
        {"10", "\"10\" is no span"},
        {"ten", "\"ten\" is no span"},
        {"000000000000001m", "is no span"},
        {"0s", "whole number of seconds"},
        {"500ms", "whole number of seconds"},
        {"1500ms", "whole number of seconds"},
        {"401d", "whole number of seconds"},
        {"1m,60s", "\"60s\" is there twice"},
        {"1m 10m", "comma before \"10m\""},
        {"1s,2s,3s,4s,5s,6s,7s,8s,9s", "more than 8"},
        {"1s,1s,2s,3s,4s,5s,6s,7s,8s", "there twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct window_set set = {.count = 99};
        struct ctr_error err = {0};

        assert_int_equal(window_set_parse(refused[i].list, &set, &err), CTR_INVALID);
        if (strstr(err.text, refused[i].said) == NULL) {
            fail_msg("\"%s\": %s", refused[i].list, err.text);
        }
        assert_int_equal(set.count, 99);
    }
}

static void the_window_of_twice_the_length_is_found_or_none(void **state)
{
    struct window_set set;

    (void)state;
    assert_int_equal(window_set_parse("1m,2m,10m,20m,30m,24h,48h", &set, NULL), CTR_OK);
    assert_int_equal(window_set_find_twice(&set, 0), 1);
    assert_int_equal(window_set_find_twice(&set, 1), set.count); /* 10m is more than twice 2m */
    assert_int_equal(window_set_find_twice(&set, 2), 3);
    assert_int_equal(window_set_find_twice(&set, 3), set.count);
    assert_int_equal(window_set_find_twice(&set, 5), 6);
    assert_int_equal(window_set_find_twice(&set, 6), set.count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grains_change_just_above_their_borders),
        cmocka_unit_test(from_lies_on_the_grain_at_or_before_the_length),
        cmocka_unit_test(windows_stand_in_the_order_of_their_length),
        cmocka_unit_test(windows_are_found_by_their_whole_name),
        cmocka_unit_test(the_shortest_and_the_longest_window_are_taken),
        cmocka_unit_test(what_is_no_list_of_windows_is_refused_with_the_reason),
        cmocka_unit_test(the_window_of_twice_the_length_is_found_or_none),
    };

    return cmocka_run_group_tests_name("storage/window", tests, NULL, NULL);
}
