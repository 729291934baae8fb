/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people.h"

#include "tests/support/people_pairs.h"
#include "tests/support/test.h"

#include "storage/hash.h"
#include "storage/moment.h"

enum { SPAN_S = 600, VISITOR = 77, KID = 3 };
#define NEVER   PEOPLE_NEVER
#define BEGIN_S INT64_C(1795454400)

static struct people people;

static void begin(uint64_t limit, int64_t reach_s)
{
    assert_int_equal(people_init(&people, SPAN_S, limit), CTR_OK);
    people_set_reach(&people, reach_s);
}

static bool touch_key(uint64_t visitor, uint32_t kid, bool click, int64_t second_s,
                      struct people_moves *ret_moves)
{
    struct people_hint hint;

    people_prefetch(&people, visitor);
    hint = people_look(&people, visitor);
    people_prefetch_visitor(&people, &hint);
    people_prefetch_pairs(&people, &hint);
    assert_int_equal(people_reserve(&people, visitor, &hint, 1), CTR_OK);
    return people_touch(&people,
                        &(struct people_touched){
                            .visitor = visitor, .kid = kid, .click = click, .second_s = second_s},
                        ret_moves);
}

/* A visitor of one key. */
static bool touch(uint64_t visitor, bool click, int64_t second_s, struct people_moves *ret_moves)
{
    return touch_key(visitor, KID, click, second_s, ret_moves);
}

#define assert_move(move, leaves, enters)                                                          \
    do {                                                                                           \
        assert_int_equal((move).leaves_s, leaves);                                                 \
        assert_int_equal((move).enters_s, enters);                                                 \
    } while (0)

/* Touches VISITOR and checks what that moved; seconds are told from BEGIN_S, -1 stands for never.
 */
struct told {
    char type;
    int64_t second;
    int64_t viewer[2], clicker[2], clicking[2];
};

static int64_t from_begin(int64_t second)
{
    return second < 0 ? NEVER : BEGIN_S + second;
}

static void tell(const struct told *told, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct told *one = &told[i];
        struct people_moves moves;

        assert_true(touch(VISITOR, one->type == 'c', from_begin(one->second), &moves));
        assert_move(moves.viewer, from_begin(one->viewer[0]), from_begin(one->viewer[1]));
        assert_move(moves.clicker, from_begin(one->clicker[0]), from_begin(one->clicker[1]));
        assert_move(moves.clicking, from_begin(one->clicking[0]), from_begin(one->clicking[1]));
    }
}

#define TELL(...)                                                                                  \
    do {                                                                                           \
        static const struct told told_[] = {__VA_ARGS__};                                          \
        begin(10, BEGIN_S);                                                                        \
        tell(told_, sizeof told_ / sizeof told_[0]);                                               \
        people_done(&people);                                                                      \
    } while (0)
#define NOTHING                                                                                    \
    {                                                                                              \
        -1, -1                                                                                     \
    }

static void a_viewer_moves_on_with_each_later_view_and_only_then(void **state)
{
    (void)state;
    TELL({'v', 5, {-1, 5}, NOTHING, NOTHING}, {'v', 5, NOTHING, NOTHING, NOTHING},
         {'v', 9, {5, 9}, NOTHING, NOTHING}, {'v', 7, NOTHING, NOTHING, NOTHING},
         {'v', 0, NOTHING, NOTHING, NOTHING}, {'v', 600, {9, 600}, NOTHING, NOTHING});
}

static void a_click_after_a_view_makes_a_clicker_of_the_time_of_the_view(void **state)
{
    (void)state;
    TELL({'v', 5, {-1, 5}, NOTHING, NOTHING}, {'c', 8, NOTHING, {-1, 5}, {-1, 8}},
         {'c', 9, NOTHING, NOTHING, {8, 9}}, {'v', 7, {5, 7}, {5, 7}, NOTHING},
         {'v', 20, {7, 20}, {7, 9}, NOTHING}, {'c', 15, NOTHING, {9, 15}, {9, 15}},
         {'c', 30, NOTHING, {15, 20}, {15, 30}});
}

static void a_click_before_any_view_is_a_clicker_once_the_view_is_known(void **state)
{
    (void)state;
    TELL({'c', 4, NOTHING, NOTHING, {-1, 4}}, {'c', 3, NOTHING, NOTHING, NOTHING},
         {'v', 9, {-1, 9}, {-1, 4}, NOTHING});
    TELL({'c', 9, NOTHING, NOTHING, {-1, 9}}, {'v', 4, {-1, 4}, {-1, 4}, NOTHING},
         {'v', 6, {4, 6}, {4, 6}, NOTHING}, {'v', 9, {6, 9}, {6, 9}, NOTHING},
         {'v', 10, {9, 10}, NOTHING, NOTHING});
}

static void what_lies_before_reach_is_as_if_it_had_never_been(void **state)
{
    struct people_moves moves;

    (void)state;
    begin(10, BEGIN_S);
    assert_true(touch(VISITOR, false, BEGIN_S + 5, &moves));
    for (int64_t second = 1; second <= 5; second++) {
        people_set_reach(&people, BEGIN_S + second);
        assert_int_equal(people.live, 1);
    }
    assert_true(touch(VISITOR, true, BEGIN_S + 300, &moves));
    assert_move(moves.clicker, NEVER, BEGIN_S + 5);
    people_set_reach(&people, BEGIN_S + 6);
    assert_int_equal(people.live, 1);
    assert_true(touch(VISITOR, false, BEGIN_S + 200, &moves));
    assert_move(moves.viewer, NEVER, BEGIN_S + 200);
    assert_move(moves.clicker, NEVER, BEGIN_S + 200);
    assert_move(moves.clicking, NEVER, NEVER);
    people_set_reach(&people, BEGIN_S + 301);
    assert_int_equal(people.live, 0);
    assert_true(touch(VISITOR, true, BEGIN_S + 301, &moves));
    assert_move(moves.clicking, NEVER, BEGIN_S + 301);
    assert_move(moves.clicker, NEVER, NEVER);
    people_done(&people);
}

/* Which says nothing of clicks, however far reach has moved since the pair was made. */
static void one_who_only_views_never_clicks_however_far_reach_moves(void **state)
{
    struct people_moves moves;
    int64_t last_s = NEVER;

    (void)state;
    begin(10, BEGIN_S - 500);
    for (int64_t second_s = BEGIN_S; second_s < BEGIN_S + 5000; second_s += 100) {
        people_set_reach(&people, second_s - 500);
        assert_true(touch(VISITOR, false, second_s, &moves));
        assert_move(moves.viewer, last_s, second_s);
        assert_move(moves.clicker, NEVER, NEVER);
        assert_move(moves.clicking, NEVER, NEVER);
        last_s = second_s;
    }
    people_done(&people);
}

static void a_reached_limit_keeps_new_pairs_out_until_one_is_gone(void **state)
{
    struct people_moves moves;

    (void)state;
    begin(2, BEGIN_S);
    assert_true(touch(1, false, BEGIN_S + 1, &moves));
    assert_true(touch(2, true, BEGIN_S + 2, &moves));
    assert_false(touch(3, false, BEGIN_S + 3, &moves));
    assert_move(moves.viewer, NEVER, NEVER);
    assert_move(moves.clicker, NEVER, NEVER);
    assert_move(moves.clicking, NEVER, NEVER);
    assert_int_equal(people.live, 2);
    assert_true(touch(1, true, BEGIN_S + 4, &moves)); /* one that is known goes on */
    people_set_reach(&people, BEGIN_S + 2);
    assert_false(touch(3, false, BEGIN_S + 3, &moves));
    people_set_reach(&people, BEGIN_S + 3);
    assert_int_equal(people.live, 1);
    assert_true(touch(3, false, BEGIN_S + 3, &moves));
    assert_move(moves.viewer, NEVER, BEGIN_S + 3);
    assert_false(touch(2, false, BEGIN_S + 3, &moves)); /* it was live once, and is new again */
    people_done(&people);
}

static void after_a_long_silence_every_part_is_empty(void **state)
{
    struct people_moves moves;
    uint64_t generation = 0;

    (void)state;
    begin(1000000, BEGIN_S);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_true(touch(hash_mix(i, 1, 1), (i & 1) != 0, BEGIN_S + (int64_t)(i % 600), &moves));
    }
    assert_int_equal(people.live, 20000);
    generation = people.generation;
    people_set_reach(&people, BEGIN_S + 86400);
    assert_int_equal(people.live, 0);
    assert_true(people.generation > generation);
    for (uint64_t i = 0; i < 20000; i++) {
        assert_true(touch(hash_mix(i, 1, 1), false, BEGIN_S + 86400, &moves));
        assert_move(moves.viewer, NEVER, BEGIN_S + 86400);
        assert_move(moves.clicker, NEVER, NEVER);
    }
    assert_int_equal(people.live, 20000);
    people_done(&people);
}

/* The same story everywhere on the scale: seconds are kept modulo 2^24. */
static void moves_are_the_same_at_every_time(void **state)
{
    static const int64_t starts_s[] = {-INT64_C(62135596800),
                                       -700,
                                       -1,
                                       0,
                                       INT64_C(2147483400),
                                       INT64_C(4294966700),
                                       INT64_C(4294967295),
                                       INT64_C(8589934000),
                                       INT64_C(253402299600)};

    (void)state;
    for (size_t i = 0; i < sizeof starts_s / sizeof starts_s[0]; i++) {
        int64_t start_s = starts_s[i];
        struct people_moves moves;

        begin(10, start_s);
        assert_true(touch(VISITOR, false, start_s, &moves));
        assert_move(moves.viewer, NEVER, start_s);
        assert_true(touch(VISITOR, true, start_s + 599, &moves));
        assert_move(moves.clicker, NEVER, start_s);
        people_set_reach(&people, start_s + 1);
        assert_true(touch(VISITOR, true, start_s + 600, &moves));
        assert_move(moves.clicker, NEVER, NEVER);
        assert_move(moves.clicking, start_s + 599, start_s + 600);
        assert_true(touch(VISITOR, false, start_s + 300, &moves));
        assert_move(moves.clicker, NEVER, start_s + 300);
        people_set_reach(&people, start_s + 601);
        assert_int_equal(people.live, 0);
        people_done(&people);
    }
}

/* A century in big steps, with one pair that lives on and others that are left behind. */
static void a_pair_of_long_ago_is_never_taken_for_one_of_now(void **state)
{
    struct people_moves moves;
    int64_t last_s = NEVER;
    int64_t now_s = BEGIN_S;

    (void)state;
    begin(100000, BEGIN_S - 500);
    for (uint64_t step = 0; step < 200000; step++, now_s += 100 + (int64_t)(step % 400) * 86) {
        bool kept = last_s >= now_s - 500;

        people_set_reach(&people, now_s - 500);
        assert_true(touch(VISITOR, false, now_s, &moves));
        assert_move(moves.viewer, kept ? last_s : NEVER, now_s);
        assert_move(moves.clicker, NEVER, NEVER);
        last_s = now_s;
        assert_true(touch(hash_mix(step % 1000, 2, 2), true, now_s, &moves));
        assert_int_equal(moves.clicking.enters_s, now_s);
        assert_true(moves.clicking.leaves_s == NEVER || moves.clicking.leaves_s >= now_s - 500);
        assert_move(moves.clicker, NEVER, NEVER);
    }
    assert_true(now_s > BEGIN_S + (INT64_C(1) << 31));
    people_done(&people);
}

/* One that lives all the time keeps the generation from changing: only the purge cleans up, each
 * part once in PEOPLE_PARTS / PEOPLE_PURGE_PARTS seconds. */
static void old_pairs_are_purged_though_the_table_is_never_empty(void **state)
{
    struct people_moves moves;
    const struct people_part *part = &people.parts[PEOPLE_PARTS - 1]; /* its turn is the last */
    uint64_t visitor = (uint64_t)(PEOPLE_PARTS - 1) << 52;
    int64_t now_s = BEGIN_S + 600;

    (void)state;
    begin(100, BEGIN_S);
    assert_true(touch(visitor + 1, true, BEGIN_S, &moves));
    assert_true(touch(visitor, false, now_s, &moves));
    people_set_reach(&people, BEGIN_S + 1);
    assert_int_equal(people.live, 1);
    assert_int_equal(part->count, 2);
    for (; now_s < BEGIN_S + PEOPLE_PARTS / PEOPLE_PURGE_PARTS; now_s += 50) {
        people_set_reach(&people, now_s);
        assert_true(touch(visitor, false, now_s + 50, &moves));
        assert_int_equal(people.live, 1);
    }
    people_set_reach(&people, now_s);
    assert_int_equal(part->count, 1);
    assert_true(touch(visitor, true, now_s + 1, &moves));
    assert_move(moves.clicker, NEVER, now_s);
    assert_true(touch(visitor + 1, false, now_s + 1, &moves));
    assert_move(moves.clicker, NEVER, NEVER);
    people_done(&people);
}

/* A line that was given back still looks like this visitor's: only its last bits are overwritten.
 */
static void a_hint_does_not_outlive_its_line(void **state)
{
    struct people_moves moves;
    struct people_hint hint;
    int64_t now_s = BEGIN_S + 2 * SPAN_S;
    uint64_t visitor = UINT64_C(5) << 20;

    (void)state;
    begin(100, BEGIN_S);
    assert_true(touch(visitor, false, BEGIN_S, &moves));
    hint = people_look(&people, visitor);
    assert_true(hint.slot != 0);
    people_set_reach(&people, now_s);
    assert_int_equal(people_reserve(&people, visitor, &hint, 1), CTR_OK);
    assert_true(people_touch(
        &people, &(struct people_touched){.visitor = visitor, .kid = 7, .second_s = now_s},
        &moves));
    assert_move(moves.viewer, NEVER, now_s);
    hint = people_look(&people, visitor);
    assert_int_equal(people_reserve(&people, visitor, &hint, 1), CTR_OK);
    assert_true(people_touch(
        &people, &(struct people_touched){.visitor = visitor, .kid = 7, .second_s = now_s + 1},
        &moves));
    assert_move(moves.viewer, now_s, now_s + 1);
    people_done(&people);
}

/* One of so many pairs that they have a table: it is not made anew for the dead ones in it. */
static void dead_pairs_of_a_busy_visitor_never_live_again(void **state)
{
    enum { PAIRS = 90, BUSY = 60 };
    struct people_moves moves;
    int64_t now_s = BEGIN_S;

    (void)state;
    begin(1000, BEGIN_S - 300);
    for (uint32_t kid = 1; kid <= PAIRS; kid++) {
        assert_true(touch_key(VISITOR, kid, false, now_s, &moves));
    }
    for (; now_s < BEGIN_S + (INT64_C(1) << (PEOPLE_TIME_BITS - 1)) + 5000; now_s += 250) {
        people_set_reach(&people, now_s - 300);
        for (uint32_t kid = 1; kid <= BUSY; kid++) {
            assert_true(touch_key(VISITOR, kid, false, now_s, &moves));
        }
    }
    for (uint32_t kid = BUSY + 1; kid <= PAIRS; kid++) {
        assert_true(touch_key(VISITOR, kid, false, now_s, &moves));
        assert_move(moves.viewer, NEVER, now_s);
    }
    people_done(&people);
}

/* One after the other has the same home; who left makes room for whoever comes. */
static void new_visitors_take_the_slots_of_dead_ones(void **state)
{
    enum { COMERS = 300, STAY_S = 50 };
    struct people_moves moves;
    const struct people_part *part = &people.parts[0];
    int64_t now_s = BEGIN_S;

    (void)state;
    begin(UINT64_MAX, BEGIN_S);
    assert_true(touch(VISITOR, true, now_s + SPAN_S - 1, &moves)); /* so that the table lives on */
    for (uint64_t i = 1; i <= COMERS; i++) {
        now_s += STAY_S / 5;
        people_set_reach(&people, now_s - STAY_S);
        assert_true(touch(VISITOR, true, now_s, &moves));
        assert_true(touch(VISITOR + i, false, now_s, &moves));
        assert_move(moves.viewer, NEVER, now_s);
        for (uint64_t before = i > 5 ? i - 5 : 1; before < i; before++) { /* they are all there */
            assert_true(pair_lives(&people, VISITOR + before, KID));
        }
        assert_false(pair_lives(&people, VISITOR + i + 1, KID));
        assert_true(part->count <= people_room(part->size));
    }
    assert_true(part->size <= 16);
    people_done(&people);
}

static void growth_and_cleaning_up_lose_no_pair(void **state)
{
    enum { PAIRS = 60000, TURNS = 20 };
    struct people_moves moves;

    (void)state;
    begin(UINT64_MAX, BEGIN_S - 500);
    /* Each turn half of the pairs come again, the others are left behind and new ones come. */
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        int64_t now_s = BEGIN_S + (int64_t)turn * 400;

        people_set_reach(&people, now_s - 500);
        for (uint64_t i = turn * PAIRS / 2; i < turn * PAIRS / 2 + PAIRS; i++) {
            bool known = turn > 0 && i < turn * PAIRS / 2 + PAIRS / 2;

            assert_true(touch(hash_mix(i, 3, 3), false, now_s, &moves));
            assert_move(moves.viewer, known ? now_s - 400 : NEVER, now_s);
        }
        assert_int_equal(people.live, turn == 0 ? PAIRS : PAIRS + PAIRS / 2);
    }
    people_done(&people);
}

/* The site, and eleven keys more for each visitor; how many of them come together does not matter.
 */
static void a_pair_takes_18_bytes_at_most_at_a_dozen_a_visitor(void **state)
{
    enum { VISITORS_MANY = 200000, PAIRS_EACH = 12 };
    struct people_moves moves;
    double bytes = 0;

    (void)state;
    begin((uint64_t)VISITORS_MANY * PAIRS_EACH, BEGIN_S);
    for (uint32_t pair = 0; pair < PAIRS_EACH; pair++) {
        for (uint64_t i = 1; i <= VISITORS_MANY; i++) {
            assert_true(touch_key(hash_mix(i, 4, 4), pair == 0 ? 0 : (uint32_t)i * 16 + pair, false,
                                  BEGIN_S + 1, &moves));
        }
    }
    assert_int_equal(people.live, VISITORS_MANY * PAIRS_EACH);
    assert_false(touch(hash_mix(0, 4, 4), false, BEGIN_S + 1, &moves));
    bytes = (double)people.bytes / (double)people.live;
    print_message("%.2f bytes a pair\n", bytes);
    assert_true(bytes <= 18);
    assert_int_equal(people.bytes, people_bytes_anew(&people));
    people_done(&people);
}

/* Its pairs are all dead by then: the key it was given to begins with nobody. */
static void a_number_that_another_key_was_given_begins_anew(void **state)
{
    struct people_moves moves;

    (void)state;
    begin(10, BEGIN_S);
    assert_true(touch_key(VISITOR, 7, false, BEGIN_S + 10, &moves));
    assert_true(touch_key(VISITOR, 7, true, BEGIN_S + 11, &moves));
    assert_true(touch_key(VISITOR, 8, false, BEGIN_S + 100, &moves)); /* the visitor lives on */
    people_set_reach(&people, BEGIN_S + 12);
    assert_int_equal(people.live, 1);
    assert_true(touch_key(VISITOR, 7, true, BEGIN_S + 13, &moves));
    assert_move(moves.viewer, NEVER, NEVER);
    assert_move(moves.clicker, NEVER, NEVER);
    assert_move(moves.clicking, NEVER, BEGIN_S + 13);
    assert_int_equal(people.live, 2);
    assert_int_equal(people.pairs, 2); /* in the place that it had */
    people_done(&people);
}

/* One event of four keys: room for all is made at once. */
static void the_keys_of_an_event_are_touched_after_one_reservation(void **state)
{
    struct people_moves moves;

    (void)state;
    begin(UINT64_MAX, BEGIN_S);
    for (uint32_t event = 0; event < 200; event++) {
        int64_t second_s = BEGIN_S + event;
        uint64_t visitor = hash_mix(event % 7, 1, 1);

        assert_int_equal(people_reserve(&people, visitor, NULL, 4), CTR_OK);
        for (uint32_t level = 0; level < 4; level++) {
            const struct people_touched touched = {.visitor = visitor,
                                                   .kid = level == 0 ? 0 : event * 4 + level,
                                                   .second_s = second_s};

            assert_true(people_touch(&people, &touched, &moves));
            assert_move(moves.viewer, level == 0 && event >= 7 ? second_s - 7 : NEVER, second_s);
        }
    }
    assert_int_equal(people.live, 7 + 200 * 3);
    people_done(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_viewer_moves_on_with_each_later_view_and_only_then),
        cmocka_unit_test(a_click_after_a_view_makes_a_clicker_of_the_time_of_the_view),
        cmocka_unit_test(a_click_before_any_view_is_a_clicker_once_the_view_is_known),
        cmocka_unit_test(what_lies_before_reach_is_as_if_it_had_never_been),
        cmocka_unit_test(one_who_only_views_never_clicks_however_far_reach_moves),
        cmocka_unit_test(a_reached_limit_keeps_new_pairs_out_until_one_is_gone),
        cmocka_unit_test(after_a_long_silence_every_part_is_empty),
        cmocka_unit_test(moves_are_the_same_at_every_time),
        cmocka_unit_test(a_pair_of_long_ago_is_never_taken_for_one_of_now),
        cmocka_unit_test(a_hint_does_not_outlive_its_line),
        cmocka_unit_test(old_pairs_are_purged_though_the_table_is_never_empty),
        cmocka_unit_test(dead_pairs_of_a_busy_visitor_never_live_again),
        cmocka_unit_test(new_visitors_take_the_slots_of_dead_ones),
        cmocka_unit_test(growth_and_cleaning_up_lose_no_pair),
        cmocka_unit_test(a_pair_takes_18_bytes_at_most_at_a_dozen_a_visitor),
        cmocka_unit_test(a_number_that_another_key_was_given_begins_anew),
        cmocka_unit_test(the_keys_of_an_event_are_touched_after_one_reservation),
    };

    return cmocka_run_group_tests_name("storage/people", tests, NULL, NULL);
}
