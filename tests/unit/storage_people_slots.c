/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the pairs lie: groups and their tags, parts that are cleaned, grow and shrink.
 */
#include "storage/people_internal.h"

#include "tests/property/storage_dice.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"

enum { SPAN_S = 600, TAG = 9 };
#define BEGIN_S INT64_C(1795454400)

static struct people people;

static void begin(void)
{
    assert_int_equal(people_init(&people, SPAN_S, UINT64_MAX), CTR_OK);
    people_set_reach(&people, BEGIN_S);
}

static void view(uint64_t print, int64_t second_s)
{
    struct people_moves moves;

    assert_int_equal(people_reserve(&people, print), CTR_OK);
    assert_true(people_touch(
        &people,
        &(struct people_touched){.print = print, .kid = (uint32_t)print, .second_s = second_s},
        &moves));
    assert_int_equal(moves.viewer.enters_s, second_s);
}

static void compare_tags(struct dice *dice)
{
    uint8_t tags[PEOPLE_TAGS];
    struct people_group group = {.tags = tags};
    uint8_t tag = (uint8_t)dice_below(dice, 256);
    uint32_t wanted = 0;

    for (uint32_t i = 0; i < PEOPLE_TAGS; i++) {
        /* Many that are alike, or differ in one bit: where a carry would be seen. */
        tags[i] = dice_percent(dice, 40)
                      ? tag
                      : tag ^ (uint8_t)(dice_percent(dice, 50) ? 1U << dice_below(dice, 8)
                                                               : dice_below(dice, 256));
        wanted |= (uint32_t)(i < PEOPLE_GROUP && tags[i] == tag) << i;
    }
    ROUND_CHECK(dice, people_tags_like(tags, tag) == wanted, "%x, not %x",
                people_tags_like(tags, tag), wanted);
    ROUND_CHECK(dice, group_like(&group, tag) == wanted, "%x, not %x", group_like(&group, tag),
                wanted);
}

static void tags_are_compared_alike_with_and_without_sse2(void **state)
{
    (void)state;
    dice_play(compare_tags, 20000, 2);
}

/* Part 0, the first home of all, one tag: nothing but the rest of the print tells them apart. */
static uint64_t colliding(uint64_t number)
{
    return (uint64_t)TAG << 32 | (number + 1);
}

/* They pass one group after the other, and are found behind those that were cleaned of. */
static void pairs_of_one_home_are_found_wherever_they_were_put(void **state)
{
    enum { PAIRS = 1000, LEAVE = 3 };
    const struct people_part *part = &people.parts[0];

    (void)state;
    begin();
    for (uint64_t i = 0; i < PAIRS; i++) {
        view(colliding(i), BEGIN_S + (i % LEAVE == 0 ? 100 : 0));
        assert_false(people_knows(&people, colliding(i + 1)));
    }
    people_set_reach(&people, BEGIN_S + 50);
    for (int turn = 0; turn < 3; turn++) {
        for (uint64_t i = 0; i < PAIRS; i++) {
            assert_int_equal(people_knows(&people, colliding(i)), i % LEAVE == 0);
        }
        assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
        assert_int_equal(part->count, (PAIRS + LEAVE - 1) / LEAVE);
    }
    for (uint64_t i = 0; i < PAIRS; i++) { /* those that left come again, into the gaps */
        view(colliding(i), BEGIN_S + 200);
    }
    assert_int_equal(part->count, PAIRS);
    people_done(&people);
}

/* Cleaned where they are: most stay, and no slot is found twice. */
static void a_part_that_is_cleaned_where_it_is_keeps_its_size(void **state)
{
    enum { PAIRS = 2000, TURNS = 40 };
    const struct people_part *part = &people.parts[0];
    uint32_t groups = 0;

    (void)state;
    begin();
    for (uint64_t i = 0; i < PAIRS; i++) {
        view(hash_mix(i, 1, 1) >> 12, BEGIN_S + 1);
    }
    groups = part->groups;
    /* In each turn a twentieth goes, who are not seen any more, and as many come. */
    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        int64_t now_s = BEGIN_S + (int64_t)turn * 10;
        uint64_t first = turn * PAIRS / 20;

        people_set_reach(&people, now_s - 9);
        for (uint64_t i = first; i < first + PAIRS; i++) {
            view(hash_mix(i, 1, 1) >> 12, now_s + 1);
        }
        assert_int_equal(people.live, PAIRS + PAIRS / 20);
        for (uint64_t i = first; i < first + PAIRS; i++) {
            assert_true(people_knows(&people, hash_mix(i, 1, 1) >> 12));
        }
    }
    assert_int_equal(part->groups, groups);
    people_done(&people);
}

static void a_part_shrinks_with_its_people(void **state)
{
    enum { PAIRS = 5000, LEFT = 20 };
    const struct people_part *part = &people.parts[0];
    uint64_t bytes = 0;

    (void)state;
    begin();
    bytes = people.bytes;
    for (uint64_t i = 0; i < PAIRS; i++) {
        view(hash_mix(i, 2, 2) >> 12, BEGIN_S + (i % (PAIRS / LEFT) == 0 ? 100 : 0));
    }
    assert_true(part->groups * PEOPLE_GROUP >= PAIRS);
    people_set_reach(&people, BEGIN_S + 1);
    assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
    assert_int_equal(part->count, LEFT);
    assert_int_equal(part->groups, 2);
    for (uint64_t i = 0; i < PAIRS; i++) {
        assert_int_equal(people_knows(&people, hash_mix(i, 2, 2) >> 12), i % (PAIRS / LEFT) == 0);
    }
    people_free_slots(&people, &people.parts[0]);
    assert_int_equal(people.bytes, bytes + people.moved_capacity * sizeof(struct pair));
    people_done(&people);
}

/* The parts' sizes are spread, so that their sum has about the same room at any number of pairs. */
static void all_parts_together_have_the_same_room_at_any_time(void **state)
{
    enum { PAIRS = 3000000, MANY = 1000000, OFTEN = 50000 };
    double least = 100;
    double most = 0;

    (void)state;
    begin();
    for (uint64_t i = 1; i <= PAIRS; i++) {
        view(hash_mix(i, 4, 4), BEGIN_S + 1);
        if (i >= MANY && i % OFTEN == 0) {
            double bytes = (double)people.bytes / (double)i;

            least = bytes < least ? bytes : least;
            most = bytes > most ? bytes : most;
        }
    }
    print_message("%.2f to %.2f bytes a pair\n", least, most);
    assert_true(most <= 24);
    assert_true(most - least <= 1.5);
    people_done(&people);
}

/* An image may have been written by a table that puts pairs elsewhere. */
static void a_part_is_loaded_in_any_order_but_each_pair_once(void **state)
{
    enum { PAIRS = 700 };
    struct pair pairs[PAIRS];
    struct people_part made;
    size_t count = 0;

    (void)state;
    begin();
    for (uint64_t i = 0; i < PAIRS; i++) {
        view(hash_mix(i, 5, 5) >> 12, BEGIN_S + (int64_t)i % SPAN_S);
    }
    count = people_copy_part(&people, 0, pairs);
    assert_int_equal(count, PAIRS);
    made = people.parts[0];
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < PAIRS / 2; i++) {
            struct pair other = pairs[i];

            pairs[i] = pairs[PAIRS - 1 - i];
            pairs[PAIRS - 1 - i] = other;
        }
        people.parts[0] = (struct people_part){.generation = people.generation};
        assert_int_equal(people_load_part(&people, 0, pairs, PAIRS), CTR_OK);
        assert_int_equal(people_load_part(&people, 0, pairs, PAIRS), CTR_CORRUPT);
        for (uint64_t i = 0; i < PAIRS; i++) {
            assert_true(people_knows(&people, hash_mix(i, 5, 5) >> 12));
        }
        people_free_slots(&people, &people.parts[0]);
    }
    pairs[PAIRS / 2] = pairs[PAIRS / 3];
    assert_int_equal(people_load_part(&people, 0, pairs, PAIRS), CTR_CORRUPT);
    assert_int_equal(people.parts[0].groups, 0);
    people.parts[0] = made;
    people_done(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_are_compared_alike_with_and_without_sse2),
        cmocka_unit_test(pairs_of_one_home_are_found_wherever_they_were_put),
        cmocka_unit_test(a_part_that_is_cleaned_where_it_is_keeps_its_size),
        cmocka_unit_test(a_part_shrinks_with_its_people),
        cmocka_unit_test(all_parts_together_have_the_same_room_at_any_time),
        cmocka_unit_test(a_part_is_loaded_in_any_order_but_each_pair_once),
    };

    return cmocka_run_group_tests_name("storage/people_slots", tests, NULL, NULL);
}
