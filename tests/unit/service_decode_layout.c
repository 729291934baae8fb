/* SPDX-License-Identifier: Apache-2.0
 *
 * Layouts: which records are read by one, and that those that nearly fit are what the judge says.
 */
#include "tests/support/decode_rows.h"

#define FIRST                                                                                      \
    "{\"type\":\"view\",\"ts\":1795454594000,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null}"

static unsigned misses(const struct pair *pair)
{
    return pair->room->layouts.misses;
}

/* One record after the other; `fits`: by a layout that is known. */
struct next {
    const char *record;
    bool plain, fits;
};

static void check_next(struct pair *pair, const struct next *nexts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct event event;
        size_t length = strlen(nexts[i].record);
        unsigned before = misses(pair);
        char *copy = malloc(length);
        bool taken;

        assert_non_null(copy);
        memcpy(copy, nexts[i].record, length);
        pair->room->escapes.used = 0;
        taken = fast_decode(&pair->schema, scan_best(), pair->room, (struct text){copy, length},
                            TOPIC_TYPE_FROM_EVENT, &event);
        if ((taken && misses(pair) == before) != nexts[i].fits)
            fail_msg("%s: %s", nexts[i].fits ? "fits none" : "fits", nexts[i].record);
        free(copy);
        check(pair, nexts[i].record, length, TOPIC_TYPE_FROM_EVENT, nexts[i].plain);
    }
}

#define CHECK_NEXT(pair, nexts) check_next(pair, nexts, sizeof(nexts) / sizeof(nexts)[0])

static void values_may_differ_and_nothing_else(void **state)
{
    static const struct next nexts[] = {
        {FIRST, true, false},
        {FIRST, true, true},
        {"{\"type\":\"click\",\"ts\":1,\"page\":\"/another\",\"box\":\"\",\"n\":-7.5e3,\"o\":null}",
         true, true},
        {" \n{\"type\":\"view\",\"ts\":1795454594000,\"page\":\"/"
         "a\",\"box\":\"b\",\"n\":7,\"o\":null}",
         true, false},
        {FIRST "\n", true, true}, /* what follows the brace is no part of it */
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"\\u00e9\\\"\\\\\",\"box\":\"b\",\"n\":7,\"o\":"
         "true}",
         true, true},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"\xC3\xA9\",\"box\":\"b\",\"n\":7,\"o\":false}",
         true, true},
        {"{\"ts\":1,\"type\":\"view\",\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null}", true,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":null,\"n\":7,\"o\":null}", true,
         false},
        {"{\"type\":\"view\",\"ts\":2,\"page\":\"/b\",\"box\":null,\"n\":7,\"o\":true}", true,
         true},
    };
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    assert_non_null(pair);
    CHECK_NEXT(pair, nexts);
    pair_free(pair);
}

static void what_nearly_fits_is_judged(void **state)
{
    static const struct next nexts[] = {
        {FIRST, true, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":nul}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":07,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null}}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null,\"o\":1}",
         false, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7}", true, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"hover\",\"ts\":1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":-1,\"page\":\"/a\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\x01\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\xC3\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\\u00zz\",\"box\":\"b\",\"n\":7,\"o\":null}",
         false, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\\\",\"box\":\"b\",\"n\":7,\"o\":null}", false,
         false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"visitor\":\"v\"}", true, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"visitox\":\"v\"}", true, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"a_very_long_visitor\":\"v\"}", true, false},
        {"{\"type\":\"view\",\"ts\":1,\"page\":\"/a\",\"a_very_lung_visitor\":\"v\"}", true, false},
        {"{\"type\":\"view}", false, false},
        {"{\"type\":\"}", false, false},
        {"{\"type\":}", false, false},
        {FIRST, true, false}, /* four others came after it */
        {FIRST, true, true},
    };
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    assert_non_null(pair);
    CHECK_NEXT(pair, nexts);
    pair_free(pair);
}

/* {"a":0,"a":0, ...} up to so many values of no field, with names of so many bytes, then the rest.
 */
static char *long_record(size_t values, size_t name_bytes)
{
    size_t room = 200 + values * (name_bytes + 16);
    char *record = malloc(room);
    size_t length = 1;

    assert_non_null(record);
    record[0] = '{';
    for (size_t i = 0; i < values; i++)
        length += (size_t)snprintf(record + length, room - length, "\"%0*zu\":%zu,",
                                   (int)name_bytes, i, i);
    (void)snprintf(record + length, room - length, REST);
    return record;
}

static void records_that_are_too_long_are_read_name_by_name(void **state)
{
    static const struct {
        size_t values, name_bytes;
        bool fits;
    } rows[] = {{13, 4, true}, /* and the three of REST: LAYOUT_VALUES_MAX */
                {14, 4, false},
                {10, 43, true}, /* 10 x 47 - 2 + 42: LAYOUT_BYTES_MAX at most */
                {10, 48, false}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pair *pair = pair_new(NULL, 0);
        char *record = long_record(rows[i].values, rows[i].name_bytes);
        struct next nexts[] = {{record, true, false}, {record, true, rows[i].fits}};

        assert_non_null(pair);
        CHECK_NEXT(pair, nexts);
        free(record);
        pair_free(pair);
    }
}

/* An object may stand for the type only where the topic says what it is. */
static void a_layout_holds_for_its_topic_type(void **state)
{
    const char *record = "{\"type\":{\"a\":\"view\"},\"ts\":1,\"page\":\"p\"}";
    struct pair *pair = pair_new(NULL, 0);

    (void)state;
    assert_non_null(pair);
    check(pair, record, strlen(record), TOPIC_TYPE_VIEW, true);
    check(pair, record, strlen(record), TOPIC_TYPE_FROM_EVENT, false);
    check(pair, record, strlen(record), TOPIC_TYPE_CLICK, true);
    pair_free(pair);
}

/* A stream in which all records differ is not learned at each of them. */
static void not_every_record_is_learned(void **state)
{
    struct pair *pair = pair_new(NULL, 0);
    struct event event;
    size_t known = 0;

    (void)state;
    assert_non_null(pair);
    pair->room->layouts.learn_every = LAYOUT_LEARN_EVERY;
    for (size_t i = 0; i < 2 * LAYOUT_LEARN_EVERY; i++) {
        char *record = long_record(1, i + 1);

        assert_true(fast_decode(&pair->schema, scan_best(), pair->room,
                                (struct text){record, strlen(record)}, TOPIC_TYPE_FROM_EVENT,
                                &event));
        free(record);
    }
    for (size_t i = 0; i < LAYOUTS; i++)
        known += pair->room->layouts.known[i].values > 0;
    assert_int_equal(known, 2);
    pair_free(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_may_differ_and_nothing_else),
        cmocka_unit_test(what_nearly_fits_is_judged),
        cmocka_unit_test(records_that_are_too_long_are_read_name_by_name),
        cmocka_unit_test(a_layout_holds_for_its_topic_type),
        cmocka_unit_test(not_every_record_is_learned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
