/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed numbers, by examples and by chance: the seed is printed, LIVECTR_SEED=<seed> plays it
 * again.
 */
#include "storage/history_pack.h"

#include "tests/property/storage_dice.h"

#include <string.h>

#include "storage/history_bits.h"

enum { ROUNDS = 4000, SECONDS = 10, MINUTES = 60, HOURS = 24 };

static unsigned char bytes[HISTORY_PACKED_BYTES_MAX];

/* ---- tools --------------------------------------------------------------------------------- */

static bool same_cells(const struct history_cells *a, const struct history_cells *b)
{
    if (a->present != b->present) {
        return false;
    }
    for (uint64_t left = a->present; left != 0; left &= left - 1) {
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            int cell = __builtin_ctzll(left);

            if (a->numbers[number][cell] != b->numbers[number][cell]) {
                return false;
            }
        }
    }
    return true;
}

/* Packs, unpacks from memory of exactly that length, compares. Gives the length. */
static size_t round_trip(const struct history_cells *cells, unsigned count)
{
    static struct history_cells back;
    size_t length = history_pack(cells, count, bytes);
    unsigned char *exact = malloc(length);
    bool same = false;

    assert_non_null(exact);
    memcpy(exact, bytes, length);
    memset(&back, 0x5a, sizeof back);
    same = history_unpack(exact, length, count, &back) && same_cells(cells, &back);
    free(exact);
    assert_true(same);
    return length;
}

/* All present, every number of each column the same. */
static void fill(struct history_cells *cells, unsigned count, int64_t value)
{
    memset(cells, 0, sizeof *cells);
    for (unsigned cell = 0; cell < count; cell++) {
        for (int number = 0; number < MINUTE_NUMBERS; number++) {
            history_cells_add(cells, cell, number, value);
        }
    }
}

/* ---- examples ------------------------------------------------------------------------------ */

static void an_hour_of_zeros_takes_three_bytes_and_one_of_ones_seven(void **state)
{
    static struct history_cells cells;

    (void)state;
    fill(&cells, MINUTES, 0);
    assert_int_equal(round_trip(&cells, MINUTES), 3); /* 17 bits */
    fill(&cells, MINUTES, 1);
    assert_int_equal(round_trip(&cells, MINUTES), 7); /* and 3 bits a column */
}

static void the_largest_and_smallest_numbers_survive(void **state)
{
    static const int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -1,
                                       0,         1,         INT64_MAX - 1, INT64_C(1) << 62};
    enum { COUNT = sizeof extremes / sizeof extremes[0] };
    static struct history_cells cells;

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        fill(&cells, MINUTES, extremes[i]);
        (void)round_trip(&cells, MINUTES);
        for (int j = 0; j < COUNT; j++) {
            for (unsigned cell = 0; cell < MINUTES; cell++) {
                cells.numbers[j][cell] = extremes[(cell * 5 + cell / 7 + (unsigned)i) % COUNT];
                cells.numbers[8 + j / 2][cell] = cell % 3 == 0 ? extremes[i] : extremes[j];
            }
        }
        assert_true(round_trip(&cells, MINUTES) <= HISTORY_PACKED_BYTES_MAX);
    }
}

static void one_huge_number_among_small_ones_costs_only_itself(void **state)
{
    static struct history_cells cells;
    size_t small = 0;

    (void)state;
    fill(&cells, MINUTES, 0);
    for (unsigned cell = 0; cell < MINUTES; cell++) {
        cells.numbers[MINUTE_IMPRESSIONS][cell] = cell % 7;
    }
    small = round_trip(&cells, MINUTES);
    cells.numbers[MINUTE_IMPRESSIONS][31] = INT64_MAX;
    assert_in_range(round_trip(&cells, MINUTES), small + 1, small + 12);
}

static void any_cells_may_be_absent(void **state)
{
    static struct history_cells cells;

    (void)state;
    for (unsigned first = 0; first < MINUTES; first++) {
        for (unsigned last = first; last < MINUTES; last++) {
            cells.present = 0;
            history_cells_add(&cells, first, MINUTE_CLICKS, first);
            history_cells_add(&cells, last, MINUTE_LATE, -(int64_t)last);
            (void)round_trip(&cells, MINUTES);
            if (last < HOURS) {
                (void)round_trip(&cells, HOURS);
            }
        }
    }
}

static void a_cell_that_is_made_again_keeps_its_numbers(void **state)
{
    static struct history_cells cells;

    (void)state;
    memset(&cells, 0x5a, sizeof cells);
    cells.present = 0;
    history_cells_make(&cells, 3);
    assert_int_equal(cells.numbers[MINUTE_LATE][3], 0);
    history_cells_add(&cells, 3, MINUTE_LATE, 4);
    history_cells_make(&cells, 3);
    assert_int_equal(cells.numbers[MINUTE_LATE][3], 4);
    assert_int_equal(cells.present, 8);
}

static void sums_stop_at_the_ends(void **state)
{
    static struct history_cells cells;

    (void)state;
    history_cells_add(&cells, 0, 0, INT64_MAX);
    history_cells_add(&cells, 0, 0, 1);
    assert_true(cells.numbers[0][0] == INT64_MAX);
    history_cells_add(&cells, 0, 1, INT64_MIN);
    history_cells_add(&cells, 0, 1, -1);
    assert_true(cells.numbers[1][0] == INT64_MIN);
}

static void bytes_that_say_nonsense_are_refused(void **state)
{
    static const struct {
        const char *what;
        uint64_t fields[6][2]; /* value, bits; 0 bits end */
    } cases[] = {
        {"no cell", {{0, 1}, {3, 6}, {0, 6}, {0, 4}}},
        {"an empty set of cells", {{1, 1}, {0, 60}, {0, 4}}},
        {"a run over the end", {{0, 1}, {30, 6}, {31, 6}, {0, 4}}},
        {"thirteen columns", {{0, 1}, {0, 6}, {9, 6}, {13, 4}, {0, 39}}},
        {"an unknown way", {{0, 1}, {0, 6}, {9, 6}, {1, 4}, {7, 3}, {0, 14}}},
        {"a number of 65 bits", {{0, 1}, {0, 6}, {9, 6}, {1, 4}, {2 | 65 << 3, 10}, {0, 64}}},
        {"more numbers than cells", {{0, 1}, {0, 6}, {1, 6}, {1, 4}, {3 | 2 << 3, 9}, {0, 14}}},
        {"a gap over the end", {{0, 1}, {0, 6}, {2, 6}, {1, 4}, {3 | 1 << 3, 9}, {3 << 10, 14}}},
        {"a byte too many", {{0, 1}, {0, 6}, {9, 6}, {0, 4}, {0, 8}}},
        {"a byte too many behind a long number",
         {{0, 1}, {9 << 6 | 1 << 12, 16}, {2 | 64 << 3, 10}, {UINT64_MAX, 64}, {0, 13}}},
        {"a bit behind the end", {{0, 1}, {0, 6}, {9, 6}, {0, 4}, {1, 1}}},
    };
    static struct history_cells cells;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bit_writer writer = {.at = bytes};
        size_t length = 0;

        for (int f = 0; f < 6; f++) {
            bits_put(&writer, cases[i].fields[f][0], (unsigned)cases[i].fields[f][1]);
        }
        length = (size_t)(bits_end(&writer) - bytes);
        if (history_unpack(bytes, length, MINUTES, &cells)) {
            fail_msg("%s was believed", cases[i].what);
        }
    }
    assert_false(history_unpack(bytes, 0, MINUTES, &cells));
    {
        /* What the cases differ from. */
        struct bit_writer writer = {.at = bytes};

        bits_put(&writer, 2 << 7, 13);
        bits_put(&writer, 1 | (3 | 1 << 3) << 4, 13);
        bits_put(&writer, 1 << 10, 13);
        assert_true(history_unpack(bytes, (size_t)(bits_end(&writer) - bytes), MINUTES, &cells));
        assert_int_equal(cells.numbers[0][0], 0);
        assert_int_equal(cells.numbers[0][1], 1);
    }
}

static void a_reader_that_ran_over_the_end_stays_failed_and_gives_zeros(void **state)
{
    static const unsigned char ones[] = {0xff, 0xff};

    (void)state;
    for (int way = 0; way < 3; way++) {
        struct bit_reader reader = {.at = ones, .end = ones + sizeof ones};

        assert_int_equal(bits_get(&reader, 3), 7);
        assert_false(reader.failed);
        assert_int_equal(way == 0   ? bits_get(&reader, 14)
                         : way == 1 ? bits_get(&reader, 40)
                                    : bits_get_rice(&reader, 2),
                         0);
        assert_true(reader.failed);
        assert_int_equal(bits_get(&reader, 1), 0);
        assert_int_equal(bits_get_rice(&reader, 1), 0);
        assert_false(bits_at_end(&reader));
    }
}

/* ---- by chance ----------------------------------------------------------------------------- */

static int64_t pick_number(struct dice *dice, int style, int64_t before)
{
    switch (style) {
    case 0:
        return dice_percent(dice, 5) ? dice_between(dice, 0, 3) : 0;
    case 1:
        return dice_between(dice, 0, 80);
    case 2:
        return before + dice_between(dice, -9, 9);
    case 3:
        return (int64_t)(dice_next(dice) >> dice_between(dice, 0, 63));
    case 4:
        return dice_percent(dice, 90) ? 1 : dice_between(dice, -2, 2);
    default:
        return dice_between(dice, 1000000, 1000100) * (dice_percent(dice, 2) ? -1000000 : 1);
    }
}

static void pick_cells(struct dice *dice, unsigned count, struct history_cells *ret_cells)
{
    int absent_percent = (int)dice_between(dice, 0, 2) * 45;

    ret_cells->present = 0;
    while (ret_cells->present == 0) {
        for (unsigned cell = 0; cell < count; cell++) {
            if (!dice_percent(dice, absent_percent)) {
                history_cells_make(ret_cells, cell);
            }
        }
    }
    for (int number = 0; number < MINUTE_NUMBERS; number++) {
        int style = (int)dice_between(dice, 0, 5);
        int64_t before = dice_between(dice, 0, 5000);

        for (unsigned cell = 0; cell < count; cell++) {
            before = pick_number(dice, style, before);
            ret_cells->numbers[number][cell] = before;
        }
    }
}

/* Every cut of the bytes fails; with flipped bits they fail or are cells, and nothing is read
 * beyond them (the memory is exactly as long, for the sanitizers). */
static void damage(struct dice *dice, size_t length, unsigned count)
{
    static struct history_cells back;
    unsigned char *exact = malloc(length);

    assert_non_null(exact);
    for (int i = 0; i < 20; i++) {
        size_t flips = 1 + dice_below(dice, 3);

        memcpy(exact, bytes, length);
        for (size_t f = 0; f < flips; f++) {
            exact[dice_below(dice, length)] ^= (unsigned char)(1U << dice_below(dice, 8));
        }
        if (history_unpack(exact, length, count, &back)) {
            ROUND_CHECK(dice, back.present != 0 && back.present >> count == 0,
                        "cells out of range");
        }
    }
    free(exact);
    for (size_t cut = 0; cut < length; cut++) {
        exact = malloc(cut + 1);
        assert_non_null(exact);
        memcpy(exact + 1, bytes, cut);
        ROUND_CHECK(dice, !history_unpack(exact + 1, cut, count, &back), "%zu of %zu bytes passed",
                    cut, length);
        free(exact);
    }
}

static void play_pack(struct dice *dice)
{
    static struct history_cells cells;
    static struct history_cells back;
    unsigned count = dice_percent(dice, 70) ? MINUTES : HOURS;
    size_t length = 0;

    pick_cells(dice, count, &cells);
    length = history_pack(&cells, count, bytes);
    ROUND_CHECK(dice, length <= HISTORY_PACKED_BYTES_MAX, "%zu bytes", length);
    ROUND_CHECK(dice, history_unpack(bytes, length, count, &back), "not read back");
    ROUND_CHECK(dice, same_cells(&cells, &back), "read back as something else");
    damage(dice, length, count);
}

static void whatever_is_packed_is_unpacked_and_cuts_are_noticed(void **state)
{
    (void)state;
    dice_play(play_pack, ROUNDS, SECONDS);
}

static void play_bits(struct dice *dice)
{
    static uint64_t values[HISTORY_CELLS_MAX];
    unsigned widths[HISTORY_CELLS_MAX];
    struct bit_writer writer = {.at = bytes};
    struct bit_reader reader = {.at = bytes};
    uint64_t bits = 0;
    unsigned parameter = 0;

    for (size_t i = 0; i < HISTORY_CELLS_MAX; i++) {
        widths[i] = (unsigned)dice_below(dice, 65);
        values[i] = widths[i] == 0 ? 0 : dice_next(dice) >> (64 - widths[i]);
        bits_put(&writer, values[i], widths[i]);
    }
    parameter = rice_choose(values, HISTORY_CELLS_MAX, &bits);
    for (size_t i = 0; i < HISTORY_CELLS_MAX; i++) {
        const unsigned char *begin = writer.at;
        unsigned held = writer.count;

        bits_put_rice(&writer, values[i], parameter);
        bits -= (uint64_t)(writer.at - begin) * 8 + writer.count - held;
    }
    ROUND_CHECK(dice, bits == 0, "the cost is not what it was said to be");
    reader.end = bits_end(&writer);
    for (size_t i = 0; i < HISTORY_CELLS_MAX; i++) {
        ROUND_CHECK(dice, bits_get(&reader, widths[i]) == values[i], "value %zu", i);
    }
    for (size_t i = 0; i < HISTORY_CELLS_MAX; i++) {
        ROUND_CHECK(dice, bits_get_rice(&reader, parameter) == values[i], "code %zu", i);
    }
    ROUND_CHECK(dice, bits_at_end(&reader), "not at the end");
}

static void bits_and_codes_come_back_and_cost_what_was_said(void **state)
{
    (void)state;
    dice_play(play_bits, ROUNDS, SECONDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_of_zeros_takes_three_bytes_and_one_of_ones_seven),
        cmocka_unit_test(the_largest_and_smallest_numbers_survive),
        cmocka_unit_test(one_huge_number_among_small_ones_costs_only_itself),
        cmocka_unit_test(any_cells_may_be_absent),
        cmocka_unit_test(a_cell_that_is_made_again_keeps_its_numbers),
        cmocka_unit_test(sums_stop_at_the_ends),
        cmocka_unit_test(bytes_that_say_nonsense_are_refused),
        cmocka_unit_test(a_reader_that_ran_over_the_end_stays_failed_and_gives_zeros),
        cmocka_unit_test(whatever_is_packed_is_unpacked_and_cuts_are_noticed),
        cmocka_unit_test(bits_and_codes_come_back_and_cost_what_was_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
