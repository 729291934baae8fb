/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/held.h"

#include "storage_fixture.h"

static const uint64_t secret[HASH_SECRET_WORDS] = {4, 5, 6};

static void hold(struct held *held, struct names *names, int64_t apply_ms, const char *page)
{
    struct held_event event = {.ts_ms = apply_ms - 1};
    struct held_event *added = NULL;

    assert_int_equal(names_take(names, as_text(page), &event.page), CTR_OK);
    assert_int_equal(held_add(held, apply_ms, &added), CTR_OK);
    *added = event;
}

static void buckets_come_in_the_order_of_their_moment(void **state)
{
    static const int64_t moments[] = {5000, 2000, 9000, 2000, 1000, 5000, 4000};
    static const int64_t wanted[] = {1000, 2000, 4000, 5000, 9000};
    struct names names;
    struct held held;

    (void)state;
    assert_int_equal(names_init(&names, secret), CTR_OK);
    held_init(&held);
    assert_null(held_first(&held));
    for (size_t i = 0; i < sizeof moments / sizeof moments[0]; i++) {
        hold(&held, &names, moments[i], "a");
    }
    assert_int_equal(held.events, 7);
    assert_int_equal(held.count, 5);
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_int_equal(held_first(&held)->apply_ms, wanted[i]);
        assert_int_equal(held_reserve_drop(&held), CTR_OK);
        held_drop(&held, held_first(&held), &names);
    }
    assert_null(held_first(&held));
    assert_int_equal(held.events, 0);
    assert_int_equal(names.count, 0);
    held_done(&held, &names);
    names_done(&names);
}

static void events_of_a_bucket_stay_in_the_order_read(void **state)
{
    struct names names;
    struct held held;

    (void)state;
    assert_int_equal(names_init(&names, secret), CTR_OK);
    held_init(&held);
    for (uint32_t i = 0; i < 1000; i++) {
        struct held_event event = {.ts_ms = i, .partition = i % 3};
        struct held_event *added = NULL;

        assert_int_equal(names_take(&names, as_text("a"), &event.page), CTR_OK);
        assert_int_equal(held_add(&held, 1000 + (i % 2) * 1000, &added), CTR_OK);
        *added = event;
    }
    for (size_t b = 0; b < 2; b++) {
        assert_int_equal(held.buckets[b].count, 500);
        for (size_t i = 0; i < 500; i++) {
            assert_int_equal(held.buckets[b].events[i].ts_ms, 2 * i + b);
        }
    }
    held_done(&held, &names);
    assert_int_equal(names.count, 0);
    names_done(&names);
}

static void only_saved_buckets_are_listed_as_gone(void **state)
{
    struct names names;
    struct held held;

    (void)state;
    assert_int_equal(names_init(&names, secret), CTR_OK);
    held_init(&held);
    hold(&held, &names, 1000, "a");
    hold(&held, &names, 2000, "b");
    held.buckets[1].saved = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(held_reserve_drop(&held), CTR_OK);
        held_drop(&held, held_first(&held), &names);
    }
    assert_int_equal(held.gone_count, 1);
    assert_int_equal(held.gone[0], 2000);
    held_done(&held, &names);
    names_done(&names);
}

static void fill(struct held *held, struct names *names, int64_t apply_ms, int count)
{
    for (int i = 0; i < count; i++) {
        hold(held, names, apply_ms, "a");
    }
}

static void drop_first(struct held *held, struct names *names)
{
    assert_int_equal(held_reserve_drop(held), CTR_OK);
    held_drop(held, held_first(held), names);
}

static void rooms_of_dropped_buckets_are_used_again_and_not_kept_for_ever(void **state)
{
    const struct held_event *rooms[HELD_SPARES_MAX + 2] = {NULL};
    struct names names;
    struct held held;

    (void)state;
    assert_int_equal(names_init(&names, secret), CTR_OK);
    held_init(&held);
    for (int i = 0; i < HELD_SPARES_MAX + 2; i++) {
        fill(&held, &names, 1000 * (i + 1), 100);
    }
    for (int i = 0; i < HELD_SPARES_MAX + 2; i++) {
        rooms[i] = held_first(&held)->events;
        drop_first(&held, &names);
    }
    assert_int_equal(held.spares_count, HELD_SPARES_MAX);
    for (int i = 0; i < HELD_SPARES_MAX; i++) { /* the one that was used last comes first */
        fill(&held, &names, 100000 + i, 3);
        assert_ptr_equal(held.buckets[i].events, rooms[HELD_SPARES_MAX - 1 - i]);
    }
    fill(&held, &names, 200000, 1);
    assert_int_equal(held.buckets[HELD_SPARES_MAX].capacity, 100); /* as the one before needed */
    fill(&held, &names, 250000, 1); /* far ahead, and how many there will be nobody knows */
    assert_int_equal(held.buckets[HELD_SPARES_MAX + 1].capacity, 16);
    while (held_first(&held) != NULL) {
        drop_first(&held, &names);
    }
    assert_int_equal(held.spares_count, 0); /* they were of a busier time */
    fill(&held, &names, 300000, 17);
    assert_int_equal(held.buckets[0].capacity, 32);
    held_done(&held, &names);
    assert_int_equal(names.count, 0);
    names_done(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buckets_come_in_the_order_of_their_moment),
        cmocka_unit_test(events_of_a_bucket_stay_in_the_order_read),
        cmocka_unit_test(rooms_of_dropped_buckets_are_used_again_and_not_kept_for_ever),
        cmocka_unit_test(only_saved_buckets_are_listed_as_gone),
    };

    return cmocka_run_group_tests_name("storage/held", tests, NULL, NULL);
}
