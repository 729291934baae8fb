/* SPDX-License-Identifier: Apache-2.0 */
#include "service/clock.h"

#include "tests/support/test.h"

#define SECOND_US INT64_C(1000000)
#define YEAR_US   (365 * 86400 * SECOND_US)

/* The clock is one for the process: each test begins where the one before ended. */
static int64_t wall_us = 1795454594 * SECOND_US, boot_us = 5000 * SECOND_US;
static int64_t step_us; /* told last */

/* Lets `us` pass on a machine whose clock is `off_us` away from the truth. */
static void after(int64_t us, int64_t off_us, int64_t expected_off_us)
{
    wall_us += us;
    boot_us += us;
    step_us = 0;
    assert_int_equal(clock_steady_us(wall_us + off_us, boot_us, &step_us),
                     wall_us + expected_off_us);
}

static void a_small_correction_is_followed_at_once(void **state)
{
    (void)state;
    after(0, 0, 0);
    after(SECOND_US, 0, 0);
    after(SECOND_US, SECOND_US / 20, SECOND_US / 20);
    after(SECOND_US, 0, 0);
    after(SECOND_US, -SECOND_US / 10, -SECOND_US / 10);
    after(SECOND_US, 0, 0);
}

static void a_step_is_bridged(void **state)
{
    static const int64_t steps_us[] = {SECOND_US / 10 + 1, -SECOND_US / 10 - 1, 3600 * SECOND_US,
                                       -3600 * SECOND_US, YEAR_US};

    (void)state;
    for (size_t i = 0; i < sizeof steps_us / sizeof steps_us[0]; i++) {
        after(SECOND_US, steps_us[i], 0);
        assert_int_equal(step_us, steps_us[i]);
        after(59 * SECOND_US, steps_us[i], 0);
        assert_int_equal(step_us, 0);
        after(SECOND_US, 0, 0);
    }
}

static void a_step_that_lasts_is_followed_in_the_end(void **state)
{
    (void)state;
    after(SECOND_US, 3600 * SECOND_US, 0);
    after(60 * SECOND_US, 3600 * SECOND_US, 0);
    after(1, 3600 * SECOND_US, 3600 * SECOND_US);
    after(SECOND_US, 3600 * SECOND_US, 3600 * SECOND_US);
    after(SECOND_US, 0, 3600 * SECOND_US);
    after(60 * SECOND_US, 0, 3600 * SECOND_US);
    after(SECOND_US, 0, 0);
}

static void two_short_steps_are_not_a_lasting_one(void **state)
{
    (void)state;
    after(SECOND_US, YEAR_US, 0);
    after(50 * SECOND_US, 0, 0);
    after(50 * SECOND_US, YEAR_US, 0);
    after(50 * SECOND_US, YEAR_US, 0);
    after(SECOND_US, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_correction_is_followed_at_once),
        cmocka_unit_test(a_step_is_bridged),
        cmocka_unit_test(a_step_that_lasts_is_followed_in_the_end),
        cmocka_unit_test(two_short_steps_are_not_a_lasting_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
