/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people.h"

#include "tests/property/storage_dice.h"
#include "tests/support/test.h"

#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"

enum { SPAN_S = 600, PRINT = 77 };
#define NEVER   PEOPLE_NEVER
#define BEGIN_S INT64_C(1795454400)

static struct people people;

static void begin(uint64_t limit, int64_t reach_s)
{
    assert_int_equal(people_init(&people, SPAN_S, limit), CTR_OK);
    people_set_reach(&people, reach_s);
}

static bool touch(uint64_t print, bool click, int64_t second_s, struct people_moves *ret_moves)
{
    assert_int_equal(people_reserve(&people, print), CTR_OK);
    people_prefetch(&people, &print, 1);
    people_prefetch_tags(&people, &print, 1);
    people_prefetch_pairs(&people, &print, 1);
    return people_touch(&people,
                        &(struct people_touched){.print = print,
                                                 .kid = (uint32_t)hash_mix(print, 7, 7),
                                                 .click = click,
                                                 .second_s = second_s},
                        ret_moves);
}

#define assert_move(move, leaves, enters)                                                          \
    do {                                                                                           \
        assert_int_equal((move).leaves_s, leaves);                                                 \
        assert_int_equal((move).enters_s, enters);                                                 \
    } while (0)

/* Touches PRINT and checks what that moved; seconds are told from BEGIN_S, -1 stands for never. */
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

        assert_true(touch(PRINT, one->type == 'c', from_begin(one->second), &moves));
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
    assert_true(touch(PRINT, false, BEGIN_S + 5, &moves));
    for (int64_t second = 1; second <= 5; second++) {
        people_set_reach(&people, BEGIN_S + second);
        assert_int_equal(people.live, 1);
    }
    assert_true(touch(PRINT, true, BEGIN_S + 300, &moves));
    assert_move(moves.clicker, NEVER, BEGIN_S + 5);
    people_set_reach(&people, BEGIN_S + 6);
    assert_int_equal(people.live, 1);
    assert_true(touch(PRINT, false, BEGIN_S + 200, &moves));
    assert_move(moves.viewer, NEVER, BEGIN_S + 200);
    assert_move(moves.clicker, NEVER, BEGIN_S + 200);
    assert_move(moves.clicking, NEVER, NEVER);
    people_set_reach(&people, BEGIN_S + 301);
    assert_int_equal(people.live, 0);
    assert_true(touch(PRINT, true, BEGIN_S + 301, &moves));
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
        assert_true(touch(PRINT, false, second_s, &moves));
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

/* The same story everywhere on the scale: seconds are kept modulo 2^32. */
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
        assert_true(touch(PRINT, false, start_s, &moves));
        assert_move(moves.viewer, NEVER, start_s);
        assert_true(touch(PRINT, true, start_s + 599, &moves));
        assert_move(moves.clicker, NEVER, start_s);
        people_set_reach(&people, start_s + 1);
        assert_true(touch(PRINT, true, start_s + 600, &moves));
        assert_move(moves.clicker, NEVER, NEVER);
        assert_move(moves.clicking, start_s + 599, start_s + 600);
        assert_true(touch(PRINT, false, start_s + 300, &moves));
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
        assert_true(touch(PRINT, false, now_s, &moves));
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
 * part once in PEOPLE_PARTS * PEOPLE_PURGE_S seconds. */
static void old_pairs_are_purged_though_the_table_is_never_empty(void **state)
{
    struct people_moves moves;
    const struct people_part *part = &people.parts[0];
    int64_t now_s = BEGIN_S + 600;

    (void)state;
    begin(100, BEGIN_S);
    assert_true(touch(PRINT + 1, true, BEGIN_S, &moves));
    assert_true(touch(PRINT, false, now_s, &moves));
    people_set_reach(&people, BEGIN_S + 1);
    assert_int_equal(people.live, 1);
    assert_int_equal(part->count, 2);
    for (; now_s < BEGIN_S + (int64_t)PEOPLE_PARTS * PEOPLE_PURGE_S; now_s += 500) {
        people_set_reach(&people, now_s);
        assert_true(touch(PRINT, false, now_s + 500, &moves));
        assert_int_equal(people.live, 1);
    }
    people_set_reach(&people, now_s);
    assert_int_equal(part->count, 1);
    assert_true(touch(PRINT, true, now_s + 1, &moves));
    assert_move(moves.clicker, NEVER, now_s);
    assert_true(touch(PRINT + 1, false, now_s + 1, &moves));
    assert_move(moves.clicker, NEVER, NEVER);
    people_done(&people);
}

/* One after the other has the same home; who left makes room for whoever comes. */
static void new_pairs_take_the_slots_of_dead_ones(void **state)
{
    enum { COMERS = 300, STAY_S = 50 };
    struct people_moves moves;
    const struct people_part *part = &people.parts[0];
    int64_t now_s = BEGIN_S;

    (void)state;
    begin(UINT64_MAX, BEGIN_S);
    assert_true(touch(PRINT, true, now_s + SPAN_S - 1, &moves)); /* so that the table lives on */
    for (uint64_t i = 1; i <= COMERS; i++) {
        now_s += STAY_S / 5;
        people_set_reach(&people, now_s - STAY_S);
        assert_true(touch(PRINT, true, now_s, &moves));
        assert_true(touch(PRINT + i, false, now_s, &moves));
        assert_move(moves.viewer, NEVER, now_s);
        for (uint64_t before = i > 5 ? i - 5 : 1; before < i; before++) { /* they are all there */
            assert_true(people_knows(&people, PRINT + before));
        }
        assert_false(people_knows(&people, PRINT + i + 1));
        assert_true(part->count <= PEOPLE_GROUP);
    }
    assert_int_equal(part->groups, 1);
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

static void a_pair_takes_24_bytes_at_most_from_a_million_on(void **state)
{
    enum { PAIRS = 2000000, MANY = 1000000, OFTEN = 10000 };
    struct people_moves moves;
    double worst = 0;

    (void)state;
    begin(PAIRS, BEGIN_S);
    for (uint64_t i = 1; i <= PAIRS; i++) {
        assert_true(touch(hash_mix(i, 4, 4), false, BEGIN_S + 1, &moves));
        if (i >= MANY && i % OFTEN == 0 && (double)people.bytes / (double)i > worst) {
            worst = (double)people.bytes / (double)i;
        }
    }
    assert_int_equal(people.live, PAIRS);
    assert_false(touch(hash_mix(0, 4, 4), false, BEGIN_S + 1, &moves));
    print_message("up to %.2f bytes a pair\n", worst);
    assert_true(worst <= 24);
    people_done(&people);
}

/* ---- against a map that knows every time ---------------------------------------------------- */

enum { VISITORS = 40, EVENTS = 3000, SECONDS = 4096 };

struct naive {
    int64_t view_s[VISITORS], click_s[VISITORS]; /* NEVER before the first */
    int32_t counts[3][SECONDS];                  /* by what the moves said, from the start on */
};

static void apply_moves(struct naive *naive, const struct people_moves *moves, int64_t start_s)
{
    const struct people_move *by[] = {&moves->viewer, &moves->clicker, &moves->clicking};

    for (int i = 0; i < 3; i++) {
        if (by[i]->enters_s != NEVER) {
            naive->counts[i][by[i]->enters_s - start_s]++;
        }
        if (by[i]->enters_s != NEVER && by[i]->leaves_s != NEVER) {
            naive->counts[i][by[i]->leaves_s - start_s]--;
        }
    }
}

static int64_t earlier(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

/* The counts of every second from reach on, and how many are live, made anew from the map. */
static void compare(struct dice *dice, const struct naive *naive, int64_t start_s)
{
    static int32_t counts[3][SECONDS];
    uint64_t live = 0;

    memset(counts, 0, sizeof counts);
    for (int v = 0; v < VISITORS; v++) {
        int64_t times_s[] = {naive->view_s[v], earlier(naive->view_s[v], naive->click_s[v]),
                             naive->click_s[v]};

        live += later(naive->view_s[v], naive->click_s[v]) >= people.reach_s;
        for (int i = 0; i < 3; i++) {
            if (times_s[i] >= people.reach_s) {
                counts[i][times_s[i] - start_s]++;
            }
        }
    }
    ROUND_CHECK(dice, live == people.live, "%llu pairs live, not %llu",
                (unsigned long long)people.live, (unsigned long long)live);
    for (int i = 0; i < 3; i++) {
        for (int64_t second_s = later(people.reach_s, start_s); second_s < start_s + SECONDS;
             second_s++) {
            ROUND_CHECK(dice, counts[i][second_s - start_s] == naive->counts[i][second_s - start_s],
                        "count %d of second %lld: %d, not %d", i, (long long)(second_s - start_s),
                        naive->counts[i][second_s - start_s], counts[i][second_s - start_s]);
        }
    }
}

static void play(struct dice *dice)
{
    static struct naive naive;
    int64_t start_s =
        dice_percent(dice, 30) ? INT64_C(4294965000) : dice_between(dice, 0, INT64_C(253402200000));
    int64_t now_s = start_s;

    memset(&naive, 0, sizeof naive);
    for (int v = 0; v < VISITORS; v++) {
        naive.view_s[v] = naive.click_s[v] = NEVER;
    }
    begin(1000, now_s - SPAN_S);
    for (int e = 0; e < EVENTS; e++) {
        int v = (int)dice_below(dice, VISITORS);
        bool click = dice_percent(dice, 35);
        int64_t second_s = dice_percent(dice, 20)
                               ? dice_between(dice, later(start_s, now_s - SPAN_S), now_s)
                               : now_s;
        struct people_moves moves;
        int64_t *last_s = click ? &naive.click_s[v] : &naive.view_s[v];

        assert_true(touch(hash_mix((uint64_t)v, 5, 5), click, second_s, &moves));
        *last_s = later(*last_s, second_s);
        apply_moves(&naive, &moves, start_s);
        if (dice_percent(dice, 20)) {
            now_s = earlier(now_s + dice_between(dice, 1, dice_percent(dice, 3) ? 900 : 3),
                            start_s + SECONDS - 1);
            people_set_reach(&people, now_s - SPAN_S);
            compare(dice, &naive, start_s);
        }
    }
    people_done(&people);
}

static void random_histories_agree_with_a_map_of_last_times(void **state)
{
    (void)state;
    dice_play(play, 60, 5);
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
        cmocka_unit_test(old_pairs_are_purged_though_the_table_is_never_empty),
        cmocka_unit_test(new_pairs_take_the_slots_of_dead_ones),
        cmocka_unit_test(growth_and_cleaning_up_lose_no_pair),
        cmocka_unit_test(a_pair_takes_24_bytes_at_most_from_a_million_on),
        cmocka_unit_test(random_histories_agree_with_a_map_of_last_times),
    };

    return cmocka_run_group_tests_name("storage/people", tests, NULL, NULL);
}
