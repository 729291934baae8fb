/* SPDX-License-Identifier: Apache-2.0 */
#include "api/overload.h"

#include "tests/support/test.h"

static void only_several_late_ones_in_a_row_are_a_queue(void **state)
{
    struct overload overload = {.wait_max_ms = 1000};

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OVERLOAD_LATE_MIN; i++)
            assert_false(overload_judge(&overload, 1000));
        assert_true(overload_judge(&overload, 1000));
        assert_true(overload_judge(&overload, 5000));
        assert_false(overload_judge(&overload, 0));
    }
}

static void who_waited_less_is_answered(void **state)
{
    struct overload overload = {.wait_max_ms = 1000};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_false(overload_judge(&overload, 999));
}

static void one_in_sixteen_is_looked_at_until_one_waited(void **state)
{
    struct overload overload = {.wait_max_ms = 1000};
    int looked = 0;

    (void)state;
    for (int i = 0; i < 160; i++)
        looked += overload_looks(&overload);
    assert_int_equal(looked, 10);
    assert_false(overload_judge(&overload, 250));
    for (int i = 0; i < OVERLOAD_WATCHFUL; i++)
        assert_true(overload_looks(&overload));
    looked = 0;
    for (int i = 0; i < 160; i++)
        looked += overload_looks(&overload);
    assert_int_equal(looked, 10);
}

static void without_a_limit_nobody_looks(void **state)
{
    struct overload overload = {0};

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_false(overload_looks(&overload));
}

static void what_is_no_tcp_socket_never_waited(void **state)
{
    (void)state;
    assert_int_equal(overload_waited_ms(-1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_several_late_ones_in_a_row_are_a_queue),
        cmocka_unit_test(who_waited_less_is_answered),
        cmocka_unit_test(one_in_sixteen_is_looked_at_until_one_waited),
        cmocka_unit_test(without_a_limit_nobody_looks),
        cmocka_unit_test(what_is_no_tcp_socket_never_waited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
