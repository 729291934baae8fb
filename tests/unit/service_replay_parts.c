/* SPDX-License-Identifier: Apache-2.0
 *
 * The small parts of a replay: heap, pace, encoder, near misses.
 */
#include "tests/support/test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"
#include "service/decode.h"
#include "service/heap.h"
#include "service/near.h"
#include "service/replay_encode.h"
#include "service/replay_pace.h"

static void a_heap_gives_back_in_the_order_of_time_then_order(void **state)
{
    struct heap heap;
    struct heap_entry last = {.time_ms = INT64_MIN}, entry;
    uint64_t random = 12345;
    int count = 0;

    (void)state;
    heap_init(&heap, 100000);
    for (uint64_t i = 0; i < 10000; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        assert_int_equal(
            heap_add(&heap, (struct heap_entry){.time_ms = (int64_t)(random >> 58), .order = i}),
            CTR_OK);
    }
    while (heap_pop(&heap, &entry)) {
        assert_true(entry.time_ms > last.time_ms ||
                    (entry.time_ms == last.time_ms && entry.order > last.order));
        last = entry;
        count++;
    }
    assert_int_equal(count, 10000);
    heap_done(&heap);
}

static void a_full_heap_refuses_one_more_and_goes_on(void **state)
{
    struct heap heap;
    struct heap_entry entry = {.time_ms = 1};

    (void)state;
    heap_init(&heap, 2);
    assert_false(heap_peek(&heap, &entry));
    assert_int_equal(heap_add(&heap, entry), CTR_OK);
    assert_int_equal(heap_add(&heap, entry), CTR_OK);
    assert_int_equal(heap_add(&heap, entry), CTR_LIMIT);
    assert_true(heap_pop(&heap, &entry));
    assert_int_equal(heap_add(&heap, entry), CTR_OK);
    heap_done(&heap);
}

static void pace_follows_event_time_or_a_rate_or_nothing(void **state)
{
    struct replay_pace real_time = {.speed = 1, .first_ts_ms = 1000};
    struct replay_pace fast = {.speed = 100, .first_ts_ms = 1000};
    struct replay_pace steady = {.rate = 200, .first_ts_ms = 1000};
    struct replay_pace at_once = {.first_ts_ms = 1000};

    (void)state;
    assert_int_equal(replay_due_us(&real_time, 1000, 0), 0);
    assert_int_equal(replay_due_us(&real_time, 3500, 7), 2500000);
    assert_int_equal(replay_due_us(&real_time, 500, 7), 0); /* out of order: at once */
    assert_int_equal(replay_due_us(&fast, 3500, 7), 25000);
    assert_int_equal(replay_due_us(&steady, 999999, 3), 15000);
    assert_int_equal(replay_due_us(&at_once, 999999, 3), 0);
    real_time.speed = 1e-12;
    assert_int_equal(replay_due_us(&real_time, INT64_C(253402300799999), 0), INT64_MAX);
}

static struct text text_of(const char *string)
{
    return (struct text){.bytes = string, .length = strlen(string)};
}

static bool same(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static void what_is_encoded_decodes_to_the_same_event(void **state)
{
    static char long_id[EVENT_ID_BYTES_MAX];
    static struct config config;
    struct event event = {
        .type = EVENT_CLICK,
        .ts_ms = EVENT_TS_MS_MAX,
        .page = text_of("/a \"quoted\" \\ path%/\xF0\x9F\x98\x80"),
        .box = {long_id, sizeof long_id},
        .visitor = text_of("\xC3\xBC</script>"),
    };
    struct decoder *decoder = NULL;
    struct decoded decoded;
    char bytes[4096];
    size_t length;

    (void)state;
    memset(long_id, '"', sizeof long_id);
    config_defaults(&config);
    assert_int_equal(decoder_new(&config, &decoder, NULL), CTR_OK);
    length = replay_encode(&event, bytes, sizeof bytes);
    assert_true(length > 0);
    decode_record(decoder, bytes, length, TOPIC_TYPE_FROM_EVENT, &decoded);
    assert_true(decoded.is_event);
    assert_int_equal(decoded.event.type, EVENT_CLICK);
    assert_int_equal(decoded.event.ts_ms, EVENT_TS_MS_MAX);
    assert_true(same(decoded.event.page, event.page));
    assert_true(same(decoded.event.box, event.box));
    assert_true(same(decoded.event.visitor, event.visitor));
    assert_int_equal(decoded.event.id.length, 0);
    decoder_free(decoder);
}

static void an_event_is_written_in_the_order_the_design_shows(void **state)
{
    static const char expected[] = "{\"id\":\"i\",\"type\":\"view\",\"ts\":5,\"page\":\"p\","
                                   "\"box\":\"b\",\"visitor\":\"\\u0009\"}";
    struct event event = {.type = EVENT_VIEW,
                          .ts_ms = 5,
                          .page = {"p", 1},
                          .box = {"b", 1},
                          .visitor = {"\t", 1},
                          .id = {"i", 1}};
    char bytes[sizeof expected - 1];

    (void)state;
    assert_int_equal(replay_encode(&event, bytes, sizeof bytes), sizeof bytes);
    assert_memory_equal(bytes, expected, sizeof bytes);
    assert_int_equal(replay_encode(&event, bytes, sizeof bytes - 1), 0);
}

static const char *nearest(const char *word, const char *const *names, struct near_miss *miss)
{
    near_miss_init(miss, word);
    for (; *names; names++) {
        near_miss_add(miss, *names, strlen(*names));
    }
    return near_miss_sentence(miss);
}

static void the_nearest_name_is_offered_unless_nothing_is_near(void **state)
{
    static const char *const names[] = {"timestamp", "campaign", "position", "id", NULL};
    struct near_miss miss;

    (void)state;
    assert_string_equal(nearest("timestmp", names, &miss), "; did you mean \"timestamp\"?");
    assert_string_equal(nearest("positions", names, &miss), "; did you mean \"position\"?");
    assert_string_equal(nearest("ip", names, &miss), "; did you mean \"id\"?");
    assert_string_equal(nearest("user_features", names, &miss), "");
    assert_string_equal(nearest("zzzz", names, &miss), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_gives_back_in_the_order_of_time_then_order),
        cmocka_unit_test(a_full_heap_refuses_one_more_and_goes_on),
        cmocka_unit_test(pace_follows_event_time_or_a_rate_or_nothing),
        cmocka_unit_test(what_is_encoded_decodes_to_the_same_event),
        cmocka_unit_test(an_event_is_written_in_the_order_the_design_shows),
        cmocka_unit_test(the_nearest_name_is_offered_unless_nothing_is_near),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
