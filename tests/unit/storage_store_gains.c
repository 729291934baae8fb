/* SPDX-License-Identifier: Apache-2.0
 *
 * The lists of a step: how much room one event finds.
 */
#include "tests/support/test.h"

#include <stdlib.h>

#include "storage/store_internal.h"

/* Its own four keys, and three `other` rows of a click that it takes back, may be new at once. */
static void one_event_finds_room_for_what_it_takes_back_too(void **state)
{
    struct gain_list list = {.count = 0};

    (void)state;
    for (; list.count < 1000; list.count++) {
        assert_int_equal(step_reserve(&list), CTR_OK);
        assert_true(list.capacity - list.count >= 2 * (size_t)LEVEL_COUNT - 1);
    }
    free(list.gains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_event_finds_room_for_what_it_takes_back_too),
    };

    return cmocka_run_group_tests_name("storage/store_gains", tests, NULL, NULL);
}
