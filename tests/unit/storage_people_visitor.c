/* SPDX-License-Identifier: Apache-2.0
 *
 * One visitor's pairs: lines that are hung on and given back, and a table for a bot.
 */
#include "tests/support/people_pairs.h"
#include "tests/support/test.h"

#include <time.h>

enum { SPAN_S = 600, VISITOR = 77 };
#define BEGIN_S INT64_C(1795454400)

static struct people people;

static void begin(void)
{
    assert_int_equal(people_init(&people, SPAN_S, UINT64_MAX), CTR_OK);
    people_set_reach(&people, BEGIN_S);
}

static void view(uint32_t kid, int64_t second_s)
{
    struct people_moves moves;

    assert_int_equal(people_reserve(&people, VISITOR, NULL, 1), CTR_OK);
    assert_true(people_touch(
        &people, &(struct people_touched){.visitor = VISITOR, .kid = kid, .second_s = second_s},
        &moves));
    assert_int_equal(moves.viewer.enters_s, second_s);
}

static const struct people_visitor *visitor(void)
{
    return people_find(&people, &people.parts[0], VISITOR);
}

/* Line by line, until lines do not do any more. */
static void a_visitor_takes_a_line_when_the_ones_before_are_full(void **state)
{
    (void)state;
    begin();
    for (uint32_t kid = 0; kid < VISITOR_PAIRS; kid++) {
        uint64_t bytes = people.bytes;

        view(kid, BEGIN_S + kid);
        assert_int_equal(visitor_count(visitor()), kid + 1);
        if (kid > 0) {
            assert_int_equal(people.bytes - bytes,
                             kid >= 4 && (kid - 4) % PEOPLE_LINE_PAIRS == 0 ? LINE_BYTES : 0);
        }
        for (uint32_t other = 0; other <= kid + 1; other++) {
            assert_int_equal(pair_lives(&people, VISITOR, other), other <= kid);
        }
    }
    assert_int_equal(people.bytes, people_bytes_anew(&people));
    view(VISITOR_PAIRS, BEGIN_S + 100);
    assert_true(visitor_is_large(visitor()));
    for (uint32_t kid = 0; kid <= VISITOR_PAIRS; kid++) {
        assert_true(pair_lives(&people, VISITOR, kid));
    }
    assert_int_equal(people.bytes, people_bytes_anew(&people));
    people_done(&people);
}

/* Who comes back again and again takes no more than he needs at once. */
static void a_dead_pair_makes_room_before_a_line_is_taken(void **state)
{
    uint64_t bytes = 0;

    (void)state;
    begin();
    for (uint32_t kid = 0; kid < 10; kid++) {
        view(kid, BEGIN_S + kid * 50);
    }
    bytes = people.bytes;
    for (uint32_t kid = 10; kid < 1000; kid++) {
        int64_t now_s = BEGIN_S + (int64_t)kid * 50;

        people_set_reach(&people, now_s - 9 * 50);
        view(kid, now_s);
        assert_int_equal(people.live, 10);
        for (uint32_t other = kid - 9; other <= kid; other++) {
            assert_true(pair_lives(&people, VISITOR, other));
        }
        assert_false(pair_lives(&people, VISITOR, kid - 10));
        assert_int_equal(people.bytes, bytes);
    }
    assert_int_equal(people.pairs, 10);
    people_done(&people);
}

/* All events at once: dead pairs go before a table is made. */
static void a_table_is_made_for_live_pairs_alone(void **state)
{
    (void)state;
    begin();
    for (uint32_t kid = 0; kid < VISITOR_PAIRS; kid++) {
        view(kid, BEGIN_S + kid);
    }
    people_set_reach(&people, BEGIN_S + 5);
    assert_int_equal(people_reserve(&people, VISITOR, NULL, 4), CTR_OK);
    assert_false(visitor_is_large(visitor()));
    assert_int_equal(visitor_count(visitor()), VISITOR_PAIRS - 5);
    for (uint32_t kid = 0; kid < VISITOR_PAIRS; kid++) {
        assert_int_equal(pair_lives(&people, VISITOR, kid), kid >= 5);
    }
    people_done(&people);
}

static int64_t now_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void a_bot_of_100000_keys_is_found_key_by_key(void **state)
{
    enum { KEYS = 100000 };
    int64_t longest_us = 0;
    int64_t all_us = now_us();
    uint64_t begun_bytes = 0;

    (void)state;
    begin();
    for (uint32_t kid = 0; kid < KEYS; kid++) {
        int64_t begun_us = now_us();

        view(kid * 3, BEGIN_S + kid / 400);
        begun_us = now_us() - begun_us;
        longest_us = begun_us > longest_us ? begun_us : longest_us;
    }
    print_message("%.0f ns a key, the longest %lld us, %.1f bytes\n",
                  (double)(now_us() - all_us) * 1000 / KEYS, (long long)longest_us,
                  (double)people.bytes / KEYS);
    for (uint32_t kid = 0; kid < 3 * KEYS; kid++) {
        assert_int_equal(pair_lives(&people, VISITOR, kid), kid % 3 == 0);
    }
    assert_int_equal(people.live, KEYS);
    assert_int_equal(people.pairs, KEYS);
    assert_int_equal(people.bytes, people_bytes_anew(&people));
    /* He meets as many others: a table of garbage is used again, and small when he is. */
    for (uint32_t kid = 0; kid < KEYS; kid++) {
        people_set_reach(&people, BEGIN_S + kid / 400);
        view(kid * 3 + 1, BEGIN_S + SPAN_S - 1);
    }
    assert_int_equal(people.live, KEYS + 400);
    assert_true(visitor()->as.large.lines < 40000);
    people_set_reach(&people, BEGIN_S + SPAN_S - 1);
    view(1000000, BEGIN_S + SPAN_S + 5);
    begun_bytes = people.bytes;
    people_set_reach(&people, BEGIN_S + SPAN_S);
    assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
    assert_int_equal(visitor_count(visitor()), 1);
    assert_int_equal(people.pairs, 1);
    assert_true(pair_lives(&people, VISITOR, 1000000));
    assert_true(people.bytes < begun_bytes / 100);
    assert_int_equal(people.bytes, people_bytes_anew(&people));
    people_set_reach(&people, BEGIN_S + SPAN_S + 6);
    people_done(&people);
}

/* Half of them leave at a time, and the table follows. */
static void a_table_shrinks_with_its_pairs(void **state)
{
    static const uint64_t keys = 4096;

    (void)state;
    begin();
    for (uint32_t kid = 0; kid < keys; kid++) {
        view(kid, BEGIN_S + (kid == 0 ? 100 : __builtin_ctz(kid)));
    }
    for (uint32_t turn = 1; turn < 12; turn++) {
        people_set_reach(&people, BEGIN_S + turn);
        assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
        assert_int_equal(people.live, keys >> turn);
        assert_int_equal(visitor_is_large(visitor()), keys >> turn > 40);
        assert_true(people.bytes - people_ring_bytes(&people) <
                    LINE_BYTES * 3 + 40 * (keys >> turn) + 64);
        for (uint32_t kid = 1; kid < keys; kid++) {
            assert_int_equal(pair_lives(&people, VISITOR, kid),
                             (uint32_t)__builtin_ctz(kid) >= turn);
        }
        assert_int_equal(people.bytes, people_bytes_anew(&people));
    }
    people_done(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_takes_a_line_when_the_ones_before_are_full),
        cmocka_unit_test(a_dead_pair_makes_room_before_a_line_is_taken),
        cmocka_unit_test(a_table_is_made_for_live_pairs_alone),
        cmocka_unit_test(a_bot_of_100000_keys_is_found_key_by_key),
        cmocka_unit_test(a_table_shrinks_with_its_pairs),
    };

    return cmocka_run_group_tests_name("storage/people_visitor", tests, NULL, NULL);
}
