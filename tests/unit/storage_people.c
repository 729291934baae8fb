/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people.h"

#include "tests/support/test.h"

#include <stdlib.h>

#define BEGIN_S INT64_C(1795454400)
enum { SPAN_S = 610 };

static struct people *make(uint64_t limit, int64_t reach_s)
{
    struct people *people = calloc(1, sizeof *people);

    assert_non_null(people);
    assert_int_equal(people_init(people, SPAN_S, limit), CTR_OK);
    people_set_reach(people, reach_s);
    return people;
}

static void drop(struct people *people)
{
    people_done(people);
    free(people);
}

static bool touch(struct people *people, uint64_t print, bool click, int64_t second_s,
                  struct people_moves *moves)
{
    assert_int_equal(people_reserve(people, print), CTR_OK);
    return people_touch(people, print, click, second_s, moves);
}

static void assert_move(struct people_move move, int64_t leaves_s, int64_t enters_s)
{
    assert_true(move.leaves_s == leaves_s);
    assert_true(move.enters_s == enters_s);
}

static void a_view_makes_a_viewer_and_a_click_after_it_a_clicker(void **state)
{
    struct people *people = make(10, BEGIN_S);
    struct people_moves moves;

    (void)state;
    assert_true(touch(people, 1, false, BEGIN_S + 5, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, BEGIN_S + 5);
    assert_move(moves.clicker, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_move(moves.clicking, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_true(touch(people, 1, true, BEGIN_S + 9, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_move(moves.clicker, PEOPLE_NEVER, BEGIN_S + 5);
    assert_move(moves.clicking, PEOPLE_NEVER, BEGIN_S + 9);
    assert_true(touch(people, 1, false, BEGIN_S + 7, &moves));
    assert_move(moves.viewer, BEGIN_S + 5, BEGIN_S + 7);
    assert_move(moves.clicker, BEGIN_S + 5, BEGIN_S + 7);
    assert_int_equal(people->live, 1);
    drop(people);
}

static void what_is_older_changes_nothing(void **state)
{
    struct people *people = make(10, BEGIN_S);
    struct people_moves moves;

    (void)state;
    assert_true(touch(people, 1, false, BEGIN_S + 50, &moves));
    assert_true(touch(people, 1, false, BEGIN_S + 3, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_true(touch(people, 1, false, BEGIN_S + 50, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_true(touch(people, 1, true, BEGIN_S + 60, &moves));
    assert_true(touch(people, 1, true, BEGIN_S + 10, &moves));
    assert_move(moves.clicker, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_move(moves.clicking, PEOPLE_NEVER, PEOPLE_NEVER);
    drop(people);
}

static void a_time_before_reach_is_as_if_it_had_never_been(void **state)
{
    struct people *people = make(10, BEGIN_S);
    struct people_moves moves;

    (void)state;
    assert_true(touch(people, 1, false, BEGIN_S + 5, &moves));
    assert_true(touch(people, 1, true, BEGIN_S + 300, &moves));
    people_set_reach(people, BEGIN_S + 6);
    assert_int_equal(people->live, 1); /* its click still counts */
    assert_true(touch(people, 1, false, BEGIN_S + 301, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, BEGIN_S + 301);
    assert_move(moves.clicker, PEOPLE_NEVER, BEGIN_S + 300);
    people_set_reach(people, BEGIN_S + 302);
    assert_int_equal(people->live, 0);
    assert_true(touch(people, 1, true, BEGIN_S + 400, &moves));
    assert_move(moves.clicker, PEOPLE_NEVER, PEOPLE_NEVER);
    drop(people);
}

static void the_limit_is_reached_and_freed_again(void **state)
{
    struct people *people = make(2, BEGIN_S);
    struct people_moves moves;

    (void)state;
    assert_true(touch(people, 1, false, BEGIN_S + 1, &moves));
    assert_true(touch(people, 2, false, BEGIN_S + 2, &moves));
    assert_false(touch(people, 3, false, BEGIN_S + 3, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, PEOPLE_NEVER);
    assert_true(touch(people, 2, true, BEGIN_S + 3, &moves)); /* who is known stays known */
    assert_int_equal(people->live, 2);
    people_set_reach(people, BEGIN_S + 2);
    assert_int_equal(people->live, 1);
    assert_true(touch(people, 3, false, BEGIN_S + 4, &moves));
    assert_false(touch(people, 1, false, BEGIN_S + 4, &moves));
    drop(people);
}

/* What a pair is, told naively. */
struct known {
    int64_t view_s, click_s;
};

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static void compare_with_a_plain_list(int64_t begin_s)
{
    enum { PAIRS = 5000, STEPS = 60000 };
    static struct known known[PAIRS + 1];
    struct people *people = make(UINT64_MAX, begin_s - SPAN_S);
    int64_t now_s = begin_s;
    uint64_t dice = 7;
    size_t live = 0;

    for (int i = 0; i <= PAIRS; i++) {
        known[i] = (struct known){PEOPLE_NEVER, PEOPLE_NEVER};
    }
    for (int step = 0; step < STEPS; step++) {
        struct people_moves moves;
        uint64_t pair = 0;
        int64_t second_s = 0;
        bool click = false;

        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
        pair = 1 + (dice >> 33) % PAIRS;
        click = (dice >> 60) < 3;
        second_s = now_s - (int64_t)(dice >> 40) % (SPAN_S - 1);
        assert_true(touch(people, pair * UINT64_C(0x9E3779B97F4A7C15), click, second_s, &moves));
        if (click) {
            known[pair].click_s = later(known[pair].click_s, second_s);
        } else {
            known[pair].view_s = later(known[pair].view_s, second_s);
        }
        if (step % 20 == 0) {
            now_s += step % 400 == 0 ? 90 : 1;
            people_set_reach(people, now_s - SPAN_S + 1);
        }
    }
    for (int i = 1; i <= PAIRS; i++) {
        live += later(known[i].view_s, known[i].click_s) >= people->reach_s ? 1 : 0;
    }
    assert_int_equal(people->live, live);
    drop(people);
}

static void live_pairs_are_those_of_a_plain_list(void **state)
{
    (void)state;
    compare_with_a_plain_list(BEGIN_S);
    compare_with_a_plain_list(SPAN_S);                       /* 1970 */
    compare_with_a_plain_list(-20);                          /* before it */
    compare_with_a_plain_list((INT64_C(1) << 32) - 1000);    /* 2106, where 32 bits end */
    compare_with_a_plain_list(INT64_C(253402300799) - 5000); /* 9999 */
}

static void a_pair_costs_at_most_24_bytes_and_none_is_lost(void **state)
{
    enum { MANY = 1000000 };
    struct people *people = make(UINT64_MAX, BEGIN_S);
    struct people_moves moves;

    (void)state;
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_true(touch(people, i * UINT64_C(0x9E3779B97F4A7C15), false, BEGIN_S, &moves));
    }
    assert_int_equal(people->live, MANY);
    assert_true(people->bytes / MANY <= 24);
    for (uint64_t i = 1; i <= MANY; i += 997) {
        assert_true(touch(people, i * UINT64_C(0x9E3779B97F4A7C15), false, BEGIN_S + 1, &moves));
        assert_move(moves.viewer, BEGIN_S, BEGIN_S + 1);
    }
    drop(people);
}

/* Times are kept modulo 2^32 seconds: a jump of 136 years must not make the past the present. */
static void a_long_jump_leaves_nobody(void **state)
{
    struct people *people = make(10, BEGIN_S);
    struct people_moves moves;

    (void)state;
    assert_true(touch(people, 1, false, BEGIN_S + 5, &moves));
    people_set_reach(people, BEGIN_S + (INT64_C(1) << 32));
    assert_int_equal(people->live, 0);
    assert_true(touch(people, 1, false, BEGIN_S + (INT64_C(1) << 32) + 1, &moves));
    assert_move(moves.viewer, PEOPLE_NEVER, BEGIN_S + (INT64_C(1) << 32) + 1);
    drop(people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_view_makes_a_viewer_and_a_click_after_it_a_clicker),
        cmocka_unit_test(what_is_older_changes_nothing),
        cmocka_unit_test(a_time_before_reach_is_as_if_it_had_never_been),
        cmocka_unit_test(the_limit_is_reached_and_freed_again),
        cmocka_unit_test(live_pairs_are_those_of_a_plain_list),
        cmocka_unit_test(a_pair_costs_at_most_24_bytes_and_none_is_lost),
        cmocka_unit_test(a_long_jump_leaves_nobody),
    };

    return cmocka_run_group_tests_name("storage/people", tests, NULL, NULL);
}
