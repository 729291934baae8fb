/* SPDX-License-Identifier: Apache-2.0 */
#include "api/cursor.h"

#include <math.h>
#include <string.h>

#include "tests/support/test.h"

static void a_cursor_comes_back_exactly_for_every_length_of_id(void **state)
{
    static char id[EVENT_ID_BYTES_MAX];
    const struct list_place place = {.totals = {.impressions = UINT64_MAX, .clicks = 56},
                                     .value = 0.1 + 0.2};
    char cursor[QUERY_CURSOR_BYTES_MAX + 1];
    char room[QUERY_CURSOR_BYTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof id; i++)
        id[i] = (char)(i * 37 + 128);
    for (size_t length = 1; length <= sizeof id; length++) {
        struct list_place got;
        struct text got_id;

        cursor_write(77, &place, (struct text){id, length}, cursor);
        assert_int_equal(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                        "0123456789-_"),
                         strlen(cursor));
        assert_true(cursor_read((struct text){cursor, strlen(cursor)}, 77, room, &got, &got_id));
        assert_int_equal(got.totals.impressions, UINT64_MAX);
        assert_int_equal(got.totals.clicks, 56);
        assert_memory_equal(&got.value, &place.value, sizeof got.value);
        assert_int_equal(got_id.length, length);
        assert_memory_equal(got_id.bytes, id, length);
    }
}

static void what_is_no_cursor_of_this_list_is_refused(void **state)
{
    struct list_place place = {.value = 1};
    struct list_place got;
    struct text id;
    static char huge[QUERY_CURSOR_BYTES_MAX];
    char cursor[QUERY_CURSOR_BYTES_MAX + 1];
    char room[QUERY_CURSOR_BYTES_MAX];

    (void)state;
    cursor_write(77, &place, (struct text){"a", 1}, cursor);
    assert_false(cursor_read((struct text){cursor, strlen(cursor)}, 78, room, &got, &id));
    for (size_t length = 0; length + 1 < strlen(cursor); length++)
        assert_false(cursor_read((struct text){cursor, length}, 77, room, &got, &id));
    for (int byte = 0; byte < 256; byte++) {
        char bad[QUERY_CURSOR_BYTES_MAX + 1];

        memcpy(bad, cursor, sizeof bad);
        bad[20] = (char)byte;
        if (memchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", byte, 64) ==
            NULL)
            assert_false(cursor_read((struct text){bad, strlen(cursor)}, 77, room, &got, &id));
    }
    memset(huge, 'A', sizeof huge);
    memcpy(huge, cursor, 11); /* the list */
    assert_false(cursor_read((struct text){huge, sizeof huge}, 77, room, &got, &id));
    place.value = (double)NAN;
    cursor_write(77, &place, (struct text){"a", 1}, cursor);
    assert_false(cursor_read((struct text){cursor, strlen(cursor)}, 77, room, &got, &id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_comes_back_exactly_for_every_length_of_id),
        cmocka_unit_test(what_is_no_cursor_of_this_list_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
