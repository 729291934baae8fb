/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/spread.h"

#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

static struct spread of(const uint64_t (*pairs)[2], size_t count)
{
    struct spread spread;

    memset(&spread, 0, sizeof spread);
    for (size_t i = 0; i < count; i++) {
        spread_add(&spread, pairs[i][0], pairs[i][1]);
    }
    return spread;
}

static bool is(double got, double wanted)
{
    return fabs(got - wanted) <= 1e-8 * wanted; /* the quotients are cut at 2^-32 */
}

static void too_few_siblings_tell_nothing(void **state)
{
    static const uint64_t pairs[][2] = {{100, 1}, {100, 20}, {100, 3}, {100, 40}, {100, 5}};
    struct spread four = of(pairs, 4);
    struct spread five = of(pairs, 5);

    (void)state;
    assert_true(is(spread_weight(&four), SPREAD_WEIGHT_DEFAULT));
    assert_false(is(spread_weight(&five), SPREAD_WEIGHT_DEFAULT));
}

/* Worked out by hand: n = 100 each, k = 1, 20, 3, 40, 5: p = 0.138, S = 10.828, gamma = (10.828 - 4
 * pq) / (pq (500 - 100 - 4)), M = (1 - gamma) / gamma. */
static void the_weight_is_that_of_the_formula(void **state)
{
    static const uint64_t pairs[][2] = {{100, 1}, {100, 20}, {100, 3}, {100, 40}, {100, 5}};
    struct spread spread = of(pairs, 5);
    double pq = 0.138 * 0.862;
    double s = (1.0 + 400.0 + 9.0 + 1600.0 + 25.0) / 100.0 - 69.0 * 69.0 / 500.0;
    double gamma = (s - 4 * pq) / (pq * (500.0 - 100.0 - 4.0));
    double weight = (1 - gamma) / gamma;

    (void)state;
    assert_true(weight < SPREAD_WEIGHT_MIN);
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_MIN));
}

static void a_spread_as_chance_makes_it_gives_the_greatest_weight(void **state)
{
    static const uint64_t same[][2] = {{1000, 30}, {1000, 30}, {1000, 30}, {1000, 30}, {1000, 30}};
    struct spread spread = of(same, 5);

    (void)state;
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_MAX));
}

static void weights_between_the_ends_are_learned(void **state)
{
    static const uint64_t pairs[][2] = {{1000, 20}, {1000, 30}, {1000, 40},
                                        {2000, 90}, {500, 9},   {3000, 100}};
    struct spread spread = of(pairs, 6);
    double n = 8500;
    double k = 289;
    double p = k / n;
    double s = 0.4 + 0.9 + 1.6 + 8100.0 / 2000 + 81.0 / 500 + 10000.0 / 3000 - k * k / n;
    double squares = 3e6 + 4e6 + 0.25e6 + 9e6;
    double gamma = (s - p * (1 - p) * 5) / (p * (1 - p) * (n - squares / n - 5));

    (void)state;
    assert_true(is(spread_weight(&spread), (1 - gamma) / gamma));
    assert_true(spread_weight(&spread) > 100 && spread_weight(&spread) < 5000);
}

static void no_clicks_or_nothing_but_clicks_tell_nothing(void **state)
{
    static const uint64_t none[][2] = {{10, 0}, {20, 0}, {30, 0}, {40, 0}, {50, 0}};
    static const uint64_t all[][2] = {{10, 10}, {20, 20}, {30, 30}, {40, 40}, {50, 50}};
    static const uint64_t ones[][2] = {{1, 0}, {1, 1}, {1, 0}, {1, 1}, {1, 1}};
    struct spread spread = of(none, 5);

    (void)state;
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_DEFAULT));
    spread = of(all, 5);
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_DEFAULT));
    spread = of(ones, 5); /* nothing can be told apart: the denominator is 0 */
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_DEFAULT));
    memset(&spread, 0, sizeof spread);
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_DEFAULT));
}

static void what_takes_no_part_changes_nothing(void **state)
{
    static const uint64_t pairs[][2] = {{0, 0}, {0, 5}, {3, 4}};
    struct spread spread = of(pairs, 3);
    struct spread empty;

    (void)state;
    memset(&empty, 0, sizeof empty);
    assert_memory_equal(&spread, &empty, sizeof spread);
}

static void taking_off_leaves_what_was_there(void **state)
{
    struct spread spread;
    struct spread before;
    uint64_t dice = 3;

    (void)state;
    memset(&spread, 0, sizeof spread);
    spread_add(&spread, 77, 11);
    before = spread;
    for (int i = 0; i < 1000; i++) {
        uint64_t impressions = 0;

        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
        impressions = dice >> (24 + i % 40);
        spread_add(&spread, impressions, impressions / 3);
        spread_add(&spread, impressions + 1, impressions);
        spread_remove(&spread, impressions, impressions / 3);
        spread_remove(&spread, impressions + 1, impressions);
    }
    assert_memory_equal(&spread, &before, sizeof spread);
}

/* Worked out in fractions. N and sum n^2/N are nearly equal here: as doubles their difference has
 * few digits. */
static void beside_a_giant_the_weight_is_exact(void **state)
{
    static const uint64_t pairs[][2] = {
        {UINT64_C(4061001078), 472975518}, {1, 0}, {27, 0}, {13, 0}, {45, 1}, {1, 0}};
    struct spread spread = of(pairs, 6);

    (void)state;
    assert_true(fabs(spread_weight(&spread) / 37.229237418885155 - 1) <= 1e-12);
}

/* gamma: below 0 (less spread than chance makes), above 0 but M beyond the most, and 1 (the two
 * kinds of siblings have nothing in common: M is 0). */
static void the_weight_is_held_between_its_ends(void **state)
{
    static const uint64_t less[][2] = {{100, 9}, {100, 10}, {100, 11}, {100, 10}, {100, 10}};
    static const uint64_t little[][2] = {
        {1000000, 99900}, {1000000, 100000}, {1000000, 100000}, {1000000, 100800}, {1, 0}};
    static const uint64_t apart[][2] = {{100, 0}, {100, 100}, {100, 0}, {100, 100}, {100, 0}};
    struct spread spread = of(less, 5);

    (void)state;
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_MAX));
    spread = of(little, 5);
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_MAX));
    spread = of(apart, 5);
    assert_true(is(spread_weight(&spread), SPREAD_WEIGHT_MIN));
}

static void the_order_of_siblings_plays_no_part(void **state)
{
    static uint64_t pairs[60][2];
    struct spread forth;
    struct spread again;
    uint64_t dice = 7;

    (void)state;
    for (int round = 0; round < 500; round++) {
        for (size_t i = 0; i < 60; i++) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
            pairs[i][0] = dice >> (24 + (dice >> 33) % 40);
            pairs[i][1] = pairs[i][0] / (1 + (dice >> 50) % 9);
        }
        forth = of((const uint64_t(*)[2])pairs, 60);
        memset(&again, 0, sizeof again);
        for (size_t i = 0; i < 60; i++) { /* 7 and 60 have no divisor in common */
            spread_add(&again, pairs[i * 7 % 60][0], pairs[i * 7 % 60][1]);
        }
        assert_int_equal(forth.siblings, again.siblings);
        assert_int_equal(forth.impressions, again.impressions);
        assert_int_equal(forth.clicks, again.clicks);
        assert_true(forth.squares == again.squares);
        assert_true(forth.quotients == again.quotients);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_few_siblings_tell_nothing),
        cmocka_unit_test(the_weight_is_that_of_the_formula),
        cmocka_unit_test(a_spread_as_chance_makes_it_gives_the_greatest_weight),
        cmocka_unit_test(weights_between_the_ends_are_learned),
        cmocka_unit_test(no_clicks_or_nothing_but_clicks_tell_nothing),
        cmocka_unit_test(what_takes_no_part_changes_nothing),
        cmocka_unit_test(taking_off_leaves_what_was_there),
        cmocka_unit_test(beside_a_giant_the_weight_is_exact),
        cmocka_unit_test(the_weight_is_held_between_its_ends),
        cmocka_unit_test(the_order_of_siblings_plays_no_part),
    };

    return cmocka_run_group_tests_name("storage/spread", tests, NULL, NULL);
}
