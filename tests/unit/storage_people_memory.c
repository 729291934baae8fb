/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of people where memory fails: at each allocation once, and for a while from there on.
 */
#include "tests/support/people_model.h"

#include "tests/support/failing_memory.h"

enum { EVENTS = 3000, BEGIN_S = 1795454400, GIVES_UP = 5 };

static struct people people;
static struct model model;

/* NOLINTBEGIN(readability-identifier-naming): the linker's names */
void *__real_table_alloc(size_t bytes);
void *__wrap_table_alloc(size_t bytes);

/* Large tables are no malloc's. */
void *__wrap_table_alloc(size_t bytes)
{
    return fault_must_fail(bytes) ? NULL : __real_table_alloc(bytes);
}
/* NOLINTEND(readability-identifier-naming) */

/* Nothing is changed by what fails; it is tried again until memory is back. */
static void reserve(struct dice *dice, int visitor, size_t count)
{
    struct people_hint hint =
        people_look(&people, model_visitor(visitor)); /* of before, each time */

    while (people_reserve(&people, model_visitor(visitor), &hint, count) != CTR_OK) {
        fault.armed = false;
        model_check(dice, &model, &people);
        fault.failures++;
        fault.armed = fault.failures < GIVES_UP;
    }
}

/* The same story each time: a bot, visitors who come and go, and times with few of them. */
static void tell(struct dice *dice)
{
    int64_t now_s = BEGIN_S;

    model_begin(&model, now_s - MODEL_SPAN_S, UINT64_MAX);
    assert_int_equal(people_init(&people, MODEL_SPAN_S, UINT64_MAX), CTR_OK);
    people_set_reach(&people, model.reach_s);
    fault.armed = true;
    for (int e = 0; e < EVENTS; e++) {
        int visitor = dice_percent(dice, 30) ? 0 : (int)dice_below(dice, MODEL_VISITORS);

        reserve(dice, visitor, PEOPLE_AT_ONCE);
        for (int i = 0; i < PEOPLE_AT_ONCE; i++) {
            model_touch(dice, &model, &people, visitor,
                        (int)dice_below(dice, visitor == 0 ? MODEL_KIDS : MODEL_FEW_KIDS),
                        i == 0 && dice_percent(dice, 20), now_s);
        }
        if (dice_percent(dice, 40)) {
            now_s += e % 1000 > 900 ? 40 : 1;
            model.reach_s = now_s - MODEL_SPAN_S;
            people_set_reach(&people, model.reach_s);
        }
    }
    fault.armed = false;
    model_check(dice, &model, &people);
    model_check_walk(dice, &model, &people);
}

static void fail_at_each(bool sticky)
{
    uint64_t at = 0;

    do {
        struct dice dice = {.state = 7};

        fault = (struct fault){.at = ++at, .sticky = sticky};
        tell(&dice);
        people_done(&people);
    } while (fault.seen >= at);
    print_message("%llu allocations\n", (unsigned long long)at - 1);
    assert_true(at > 20);
}

static void an_allocation_that_fails_changes_nothing(void **state)
{
    (void)state;
    fail_at_each(false);
}

static void nothing_is_changed_while_memory_is_short(void **state)
{
    (void)state;
    fail_at_each(true);
}

/* What was read of a part goes, and nothing else is hurt. */
static void a_part_that_memory_does_not_hold_is_not_loaded(void **state)
{
    static struct people loaded;
    struct dice dice = {.state = 9};
    uint64_t failed = 0;

    (void)state;
    fault = (struct fault){.at = 0};
    tell(&dice);
    for (uint64_t at = 1; failed == at - 1; at++) {
        assert_int_equal(people_init(&loaded, 0, UINT64_MAX), CTR_OK);
        fault = (struct fault){.at = at};
        for (size_t part = 0; part < 2; part++) {
            uint32_t *words = malloc(people_part_words(&people, part) * sizeof *words);
            size_t count = people_copy_part(&people, part, words);
            uint64_t bytes = loaded.bytes;

            assert_true(count > 0);
            fault.armed = true;
            if (people_load_part(&loaded, part, words, count) != CTR_OK) {
                failed++;
                assert_int_equal(loaded.bytes, bytes);
                assert_int_equal(loaded.parts[part].size, 0);
            }
            fault.armed = false;
            free(words);
        }
        assert_int_equal(loaded.bytes, people_bytes_anew(&loaded));
        people_done(&loaded);
    }
    assert_true(failed >= 4); /* an index for each, a region, the bot's table */
    people_done(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_allocation_that_fails_changes_nothing),
        cmocka_unit_test(nothing_is_changed_while_memory_is_short),
        cmocka_unit_test(a_part_that_memory_does_not_hold_is_not_loaded),
    };

    return cmocka_run_group_tests_name("storage/people_memory", tests, NULL, NULL);
}
