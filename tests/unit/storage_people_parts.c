/* SPDX-License-Identifier: Apache-2.0
 *
 * Where visitors are: parts that are swept, grow and shrink, and are loaded.
 */
#include "tests/property/storage_dice.h"
#include "tests/support/people_pairs.h"
#include "tests/support/test.h"

#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"

enum { SPAN_S = 600, KID = 5 };
#define BEGIN_S INT64_C(1795454400)

static struct people people;

static void begin(void)
{
    assert_int_equal(people_init(&people, SPAN_S, UINT64_MAX), CTR_OK);
    people_set_reach(&people, BEGIN_S);
}

static void view_key(uint64_t visitor, uint32_t kid, int64_t second_s)
{
    struct people_moves moves;

    assert_int_equal(people_reserve(&people, visitor, NULL, 1), CTR_OK);
    assert_true(people_touch(
        &people, &(struct people_touched){.visitor = visitor, .kid = kid, .second_s = second_s},
        &moves));
    assert_int_equal(moves.viewer.enters_s, second_s);
}

static void view(uint64_t visitor, int64_t second_s)
{
    view_key(visitor, KID, second_s);
}

static bool known(uint64_t visitor)
{
    return pair_lives(&people, visitor, KID);
}

/* All of part 0 and one home: nothing but the rest of the hash tells them apart. */
static uint64_t colliding(uint64_t number)
{
    return UINT64_C(0xFFFFFFFF) << 20 | number; /* the last home: what follows goes round */
}

static void visitors_of_one_home_are_found_wherever_they_were_put(void **state)
{
    enum { VISITORS = 1000, LEAVE = 3 };
    const struct people_part *part = &people.parts[0];

    (void)state;
    begin();
    for (uint64_t i = 0; i < VISITORS; i++) {
        view(colliding(i), BEGIN_S + (i % LEAVE == 0 ? 100 : 0));
        view(hash_mix(i, 9, 9) >> 12, BEGIN_S + (i % LEAVE == 0 ? 100 : 0));
        assert_false(known(colliding(i + 1)));
    }
    people_set_reach(&people, BEGIN_S + 50);
    for (int turn = 0; turn < 3; turn++) {
        for (uint64_t i = 0; i < VISITORS; i++) {
            assert_int_equal(known(colliding(i)), i % LEAVE == 0);
            assert_int_equal(known(hash_mix(i, 9, 9) >> 12), i % LEAVE == 0);
        }
        assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
        assert_int_equal(part->count, 2 * ((VISITORS + LEAVE - 1) / LEAVE));
    }
    for (uint64_t i = 0; i < VISITORS; i++) { /* those that left come again, into the gaps */
        view(colliding(i), BEGIN_S + 200);
    }
    assert_int_equal(part->count, VISITORS + (VISITORS + LEAVE - 1) / LEAVE);
    people_done(&people);
}

/* Most stay, and those who are gone make room for as many others. */
static void a_part_that_is_swept_where_it_is_keeps_its_size(void **state)
{
    enum { VISITORS = 2000, TURNS = 40 };
    const struct people_part *part = &people.parts[0];
    uint32_t size = 0;

    (void)state;
    begin();
    for (uint64_t i = 0; i < VISITORS; i++) {
        view(hash_mix(i, 1, 1) >> 12, BEGIN_S + 1);
    }
    size = part->size;
    /* In each turn a twentieth goes, who are not seen any more, and as many come. */
    for (uint64_t turn = 1; turn <= TURNS; turn++) {
        int64_t now_s = BEGIN_S + (int64_t)turn * 10;
        uint64_t first = turn * VISITORS / 20;

        people_set_reach(&people, now_s - 9);
        for (uint64_t i = first; i < first + VISITORS; i++) {
            view(hash_mix(i, 1, 1) >> 12, now_s + 1);
        }
        assert_int_equal(people.live, VISITORS + VISITORS / 20);
        for (uint64_t i = first; i < first + VISITORS; i++) {
            assert_true(known(hash_mix(i, 1, 1) >> 12));
        }
    }
    assert_int_equal(part->size, size);
    people_done(&people);
}

static void a_part_shrinks_with_its_people(void **state)
{
    enum { VISITORS = 5000, LEFT = 20, KEYS = 12 };
    const struct people_part *part = &people.parts[0];
    uint64_t begun_bytes = 0;
    uint64_t full_bytes = 0;

    (void)state;
    begin();
    begun_bytes = people.bytes;
    for (uint64_t i = 0; i < VISITORS; i++) {
        for (uint32_t kid = 0; kid < KEYS; kid++) {
            view_key(hash_mix(i, 2, 2) >> 12, KID + kid,
                     BEGIN_S + (i % (VISITORS / LEFT) == 0 && kid % 3 == 0 ? 100 : 0));
        }
    }
    assert_true(people_room(part->size) >= VISITORS);
    full_bytes = people.bytes;
    assert_int_equal(full_bytes, people_bytes_anew(&people));
    people_set_reach(&people, BEGIN_S + 1);
    assert_int_equal(people_renew(&people, &people.parts[0]), CTR_OK);
    assert_int_equal(part->count, LEFT);
    assert_true(part->size <= 3 * LEFT);
    /* Of those who are left a third of their pairs are: a line each. */
    assert_int_equal(people.bytes, begun_bytes + LEFT * LINE_BYTES + part->size * sizeof(uint64_t));
    for (uint64_t i = 0; i < VISITORS; i++) {
        assert_int_equal(known(hash_mix(i, 2, 2) >> 12), i % (VISITORS / LEFT) == 0);
    }
    people_free_part(&people, &people.parts[0]);
    assert_int_equal(people.bytes, begun_bytes);
    people_done(&people);
}

/* Each turn's visitors leave in the next one: an index has room for some turns at most. */
static void what_is_garbage_goes_before_an_index_grows(void **state)
{
    enum { TURNS = 50, VISITORS = 500 };
    const struct people_part *part = &people.parts[0];

    (void)state;
    begin();
    for (uint64_t turn = 0; turn < TURNS; turn++) {
        int64_t now_s = BEGIN_S + (int64_t)turn * 20;

        people_set_reach(&people, now_s - 19);
        view(hash_mix(0, 3, 3) >> 12, now_s); /* so that the table lives on */
        for (uint64_t i = 1; i < VISITORS; i++) {
            view(hash_mix(i + turn * VISITORS, 3, 3) >> 12, now_s);
        }
        assert_int_equal(people.live, VISITORS);
    }
    assert_true(people_room(part->size) < 4 * VISITORS);
    people_done(&people);
}

/* The parts' sizes are spread, so that their sum has about the same room at any number of them. */
static void all_parts_together_have_the_same_room_at_any_time(void **state)
{
    enum { VISITORS = 1000000, MANY = 300000, OFTEN = 50000, KEYS = 4 };
    double least = 100;
    double most = 0;

    (void)state;
    begin();
    for (uint64_t i = 1; i <= VISITORS; i++) {
        for (uint32_t kid = 0; kid < KEYS; kid++) {
            view_key(hash_mix(i, 4, 4), kid, BEGIN_S + 1);
        }
        if (i >= MANY && i % OFTEN == 0) {
            double bytes = (double)people.bytes / (double)people.live;

            least = bytes < least ? bytes : least;
            most = bytes > most ? bytes : most;
        }
    }
    print_message("%.2f to %.2f bytes a pair where each visitor has four\n", least, most);
    assert_true(most <= 20);
    assert_true(most - least <= 0.3);
    people_done(&people);
}

/* ---- loading ------------------------------------------------------------------------------- */

enum { LOADED = 70, LOADED_KEYS = 10, WORDS = LOADED * 3 * (LOADED_KEYS + 1) };

static void fill_words(uint32_t words[WORDS])
{
    begin();
    for (uint64_t i = 0; i < LOADED; i++) {
        for (uint32_t kid = 0; kid < LOADED_KEYS; kid++) {
            view_key(hash_mix(i, 5, 5) >> 12, KID + kid, BEGIN_S + (int64_t)i % SPAN_S);
        }
    }
    assert_int_equal(people_part_words(&people, 0), WORDS);
    assert_int_equal(people_copy_part(&people, 0, words), WORDS);
    people_free_part(&people, &people.parts[0]);
}

static void a_part_is_loaded_once_and_in_any_order(void **state)
{
    enum { EACH = WORDS / LOADED };
    uint32_t words[WORDS];
    uint32_t other[WORDS];
    uint64_t bytes = 0;

    (void)state;
    fill_words(words);
    bytes = people.bytes;
    for (size_t turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < LOADED; i++) {
            memcpy(&other[(LOADED - 1 - i) * EACH], &words[i * EACH], EACH * sizeof *words);
        }
        assert_int_equal(people_load_part(&people, 0, other, WORDS), CTR_OK);
        assert_int_equal(people_load_part(&people, 0, other, WORDS), CTR_CORRUPT);
        assert_int_equal(people_load_part(&people, 0, NULL, 0), CTR_OK);
        for (uint64_t i = 0; i < LOADED; i++) {
            assert_true(known(hash_mix(i, 5, 5) >> 12));
        }
        assert_int_equal(people.bytes, people_bytes_anew(&people));
        people_free_part(&people, &people.parts[0]);
        assert_int_equal(people.bytes, bytes);
        memcpy(words, other, sizeof words);
    }
    people_done(&people);
}

/* What a table cannot hold is no part of one. */
static void words_that_are_no_part_are_corrupt(void **state)
{
    static const struct {
        size_t at;
        uint32_t word;
    } wrong[] = {{1, 1U << 20},        /* a hash of more than 52 bits */
                 {2, 0},               /* a visitor without pairs */
                 {2, UINT32_MAX},      /* or with more than there are */
                 {2, LOADED_KEYS - 1}, /* the next visitor begins with a pair */
                 {3, KEY_NONE},        /* no key */
                 {3, KID + 1},         /* a key twice */
                 {4, 1U << 24},        /* times that are kept otherwise */
                 {5, 1U << 24},
                 {WORDS - 1, UINT32_MAX}}; /* far behind, when most was taken */
    uint32_t words[WORDS];
    uint64_t bytes = 0;

    (void)state;
    fill_words(words);
    bytes = people.bytes;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint32_t was = words[wrong[i].at];

        words[wrong[i].at] = wrong[i].word;
        if (i == 5) { /* its first key is the second one's */
            assert_int_not_equal(words[3], words[6] + 1);
            words[3] = words[6];
        }
        assert_int_equal(people_load_part(&people, 0, words, WORDS), CTR_CORRUPT);
        assert_int_equal(people.parts[0].size, 0);
        assert_int_equal(people.bytes, bytes);
        words[wrong[i].at] = was;
    }
    for (size_t i = 1; i < 3 * (LOADED_KEYS + 1); i++) { /* cut within a visitor */
        assert_int_equal(people_load_part(&people, 0, words, WORDS - i), CTR_CORRUPT);
    }
    memcpy(&words[WORDS / 2], words, 3 * (LOADED_KEYS + 1) * sizeof *words); /* one twice */
    assert_int_equal(people_load_part(&people, 0, words, WORDS), CTR_CORRUPT);
    assert_int_equal(people.bytes, bytes);
    people_done(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(visitors_of_one_home_are_found_wherever_they_were_put),
        cmocka_unit_test(a_part_that_is_swept_where_it_is_keeps_its_size),
        cmocka_unit_test(a_part_shrinks_with_its_people),
        cmocka_unit_test(what_is_garbage_goes_before_an_index_grows),
        cmocka_unit_test(all_parts_together_have_the_same_room_at_any_time),
        cmocka_unit_test(a_part_is_loaded_once_and_in_any_order),
        cmocka_unit_test(words_that_are_no_part_are_corrupt),
    };

    return cmocka_run_group_tests_name("storage/people_parts", tests, NULL, NULL);
}
