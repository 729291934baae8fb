/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/ids.h"

#include "tests/support/test.h"

#include "storage/minutes.h"

#define BEGIN_MS INT64_C(1795454400000)

static enum ids_verdict add(struct ids *ids, int64_t ts_ms, uint64_t print)
{
    assert_int_equal(ids_reserve(ids, ts_ms), CTR_OK);
    return ids_add(ids, ts_ms, print);
}

static void a_second_one_is_a_copy(void **state)
{
    struct ids ids;

    (void)state;
    ids_init(&ids, 100);
    assert_int_equal(add(&ids, BEGIN_MS, 7), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS, 8), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS + 59999, 7), IDS_COPY);
    assert_true(ids_has(&ids, BEGIN_MS, 7));
    assert_false(ids_has(&ids, BEGIN_MS, 9));
    assert_int_equal(ids.count, 2);
    ids_done(&ids);
}

static void minutes_are_apart(void **state)
{
    struct ids ids;

    (void)state;
    ids_init(&ids, 100);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS, 7), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS - 1, 7), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS + 5 * MINUTE_MS, 7), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS, 7), IDS_COPY);
    ids_done(&ids);
}

static void a_minute_is_forgotten_at_its_very_end(void **state)
{
    struct ids ids;

    (void)state;
    ids_init(&ids, 100);
    assert_int_equal(add(&ids, BEGIN_MS, 7), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS, 7), IDS_NEW);
    ids_forget(&ids, BEGIN_MS + MINUTE_MS - 1);
    assert_int_equal(add(&ids, BEGIN_MS, 7), IDS_COPY);
    ids_forget(&ids, BEGIN_MS + MINUTE_MS);
    assert_int_equal(ids.count, 1);
    assert_int_equal(add(&ids, BEGIN_MS, 7), IDS_UNCHECKED);
    assert_int_equal(add(&ids, BEGIN_MS, 9), IDS_UNCHECKED);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS, 7), IDS_COPY);
    ids_forget(&ids, BEGIN_MS); /* never goes back */
    assert_int_equal(add(&ids, BEGIN_MS, 9), IDS_UNCHECKED);
    ids_done(&ids);
}

static void the_limit_is_reached_and_not_passed(void **state)
{
    struct ids ids;

    (void)state;
    ids_init(&ids, 2);
    assert_int_equal(add(&ids, BEGIN_MS, 1), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS, 2), IDS_NEW);
    assert_int_equal(add(&ids, BEGIN_MS, 3), IDS_UNCHECKED);
    assert_int_equal(add(&ids, BEGIN_MS, 1), IDS_COPY); /* what is known stays known */
    assert_int_equal(ids.count, 2);
    ids_forget(&ids, BEGIN_MS + MINUTE_MS);
    assert_int_equal(add(&ids, BEGIN_MS + MINUTE_MS, 3), IDS_NEW);
    ids_done(&ids);
}

static void many_are_all_found_again(void **state)
{
    enum { MANY = 50000 };
    struct ids ids;

    (void)state;
    ids_init(&ids, MANY);
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_int_equal(
            add(&ids, BEGIN_MS + (int64_t)(i % 3) * MINUTE_MS, i * UINT64_C(0x9E3779B97F4A7C15)),
            IDS_NEW);
    }
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_int_equal(
            add(&ids, BEGIN_MS + (int64_t)(i % 3) * MINUTE_MS, i * UINT64_C(0x9E3779B97F4A7C15)),
            IDS_COPY);
    }
    assert_true(ids.bytes < MANY * 40);
    ids_forget(&ids, BEGIN_MS + 3 * MINUTE_MS);
    assert_int_equal(ids.count, 0);
    assert_int_equal(ids.bytes, 0);
    ids_done(&ids);
}

static void the_set_of_a_forgotten_minute_serves_the_next_one_if_it_fits(void **state)
{
    enum { MANY = 1000 };
    const uint64_t *known = NULL;
    struct ids ids;

    (void)state;
    ids_init(&ids, MANY * 10);
    for (int minute = 0; minute < 3; minute++) {
        for (uint64_t i = 1; i <= MANY; i++) {
            assert_int_equal(add(&ids, BEGIN_MS + minute * MINUTE_MS, i), IDS_NEW);
        }
    }
    known = ids.minutes[0].prints;
    ids_forget(&ids, BEGIN_MS + MINUTE_MS);
    assert_int_equal(ids.bytes, 3 * 2048 * sizeof *known);
    assert_int_equal(add(&ids, BEGIN_MS + 3 * MINUTE_MS, 5), IDS_NEW);
    assert_ptr_equal(ids.minutes[2].prints, known);
    for (uint64_t i = 1; i <= MANY; i++) { /* nothing is left in it */
        assert_int_equal(ids_has(&ids, BEGIN_MS + 3 * MINUTE_MS, i), i == 5);
    }
    assert_int_equal(ids.bytes, 3 * 2048 * sizeof *known);
    ids_forget(&ids, BEGIN_MS + 2 * MINUTE_MS);
    assert_int_equal(add(&ids, BEGIN_MS + 4 * MINUTE_MS, 5), IDS_NEW); /* of a quiet time */
    assert_int_equal(ids.minutes[2].capacity, 64);
    assert_int_equal(ids.bytes, (2 * 2048 + 64) * sizeof *known);
    assert_int_equal(ids.count, MANY + 2);
    ids_forget(&ids, BEGIN_MS + 5 * MINUTE_MS);
    assert_int_equal(ids.bytes, 0);
    ids_done(&ids);
}

static void minutes_that_are_missing_are_found_to_be(void **state)
{
    static const int minutes[] = {50, 10, 30, 90, 0, 91, 31, 29};
    struct ids ids;

    (void)state;
    ids_init(&ids, 100);
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        for (int minute = -2; minute < 100; minute++) {
            bool there = false;

            for (size_t k = 0; k < i; k++) {
                there = there || minutes[k] == minute;
            }
            assert_int_equal(ids_has(&ids, BEGIN_MS + minute * MINUTE_MS, 7), there);
        }
        assert_int_equal(add(&ids, BEGIN_MS + minutes[i] * MINUTE_MS + 59999, 7), IDS_NEW);
    }
    for (size_t i = 1; i < ids.minutes_count; i++) {
        assert_true(ids.minutes[i - 1].minute_ms < ids.minutes[i].minute_ms);
    }
    ids_done(&ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_one_is_a_copy),
        cmocka_unit_test(minutes_are_apart),
        cmocka_unit_test(a_minute_is_forgotten_at_its_very_end),
        cmocka_unit_test(the_limit_is_reached_and_not_passed),
        cmocka_unit_test(the_set_of_a_forgotten_minute_serves_the_next_one_if_it_fits),
        cmocka_unit_test(minutes_that_are_missing_are_found_to_be),
        cmocka_unit_test(many_are_all_found_again),
    };

    return cmocka_run_group_tests_name("storage/ids", tests, NULL, NULL);
}
