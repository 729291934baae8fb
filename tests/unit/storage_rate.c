/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/rate.h"

#include "tests/support/test.h"

#include <math.h>

static void a_ratio_of_nothing_is_none(void **state)
{
    (void)state;
    assert_false(rate_of(0, 0).has_ctr);
    assert_false(rate_of(0, 0).has_interval);
    assert_false(rate_of(0, 5).has_ctr);
    assert_false(rate_of(0, 5).has_interval);
}

/* Worked out with 50 decimal digits from Wilson's formula, z = 1.959963984540054. */
static void intervals_are_those_worked_out_by_hand(void **state)
{
    static const struct {
        uint64_t impressions, clicks;
        double low, high;
    } cases[] = {
        {1, 0, 0.0, 0.7934506856227626},
        {1, 1, 0.20654931437723742, 1.0},
        {10, 3, 0.10779126740630103, 0.6032218525388546},
        {10, 5, 0.236593090512564, 0.763406909487436},
        {100, 0, 0.0, 0.03699349820698568},
        {100, 100, 0.9630065017930143, 1.0},
        {1234, 56, 0.03511129799811515, 0.05847213952146641},
        {1000000, 1, 1.765245767453715e-07, 5.664911804311442e-06},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rate rate = rate_of(cases[i].impressions, cases[i].clicks);

        assert_true(rate.has_ctr && rate.has_interval);
        assert_true(fabs(rate.ctr - (double)cases[i].clicks / (double)cases[i].impressions) <= 0);
        assert_true(fabs(rate.low - cases[i].low) <= 1e-14 + 1e-10 * cases[i].low);
        assert_true(fabs(rate.high - cases[i].high) <= 1e-14);
    }
}

static void the_ends_are_exact_and_no_negative_zero(void **state)
{
    (void)state;
    for (uint64_t impressions = 1; impressions < 5000; impressions++) {
        struct rate none = rate_of(impressions, 0);
        struct rate all = rate_of(impressions, impressions);

        assert_true(none.low >= 0 && none.low <= 0 && !signbit(none.low));
        assert_true(all.high >= 1 && all.high <= 1);
        assert_true(none.ctr >= 0 && none.ctr <= 0 && !signbit(none.ctr));
        assert_true(fabs(none.high - (1 - all.low)) < 1e-12);
    }
}

static void more_clicks_than_impressions_is_a_fact_without_an_interval(void **state)
{
    struct rate rate = rate_of(2, 3);

    (void)state;
    assert_true(rate.has_ctr);
    assert_false(rate.has_interval);
    assert_true(fabs(rate.ctr - 1.5) <= 0);
    assert_true(rate_of(2, 2).has_interval);
}

static void the_ratio_lies_in_its_interval_and_that_within_0_and_1(void **state)
{
    (void)state;
    for (uint64_t impressions = 1; impressions < UINT64_MAX / 7;
         impressions += impressions / 3 + 1) {
        for (uint64_t step = 0; step <= 40; step++) {
            uint64_t clicks = step <= 20 ? impressions / 20 * step : step - 21;
            struct rate rate = {0};

            if (step > 30) {
                clicks = impressions - (step - 31 < impressions ? step - 31 : impressions);
            }
            if (clicks > impressions) {
                continue;
            }
            rate = rate_of(impressions, clicks);
            if (!(rate.low >= 0 && rate.low <= rate.ctr && rate.ctr <= rate.high &&
                  rate.high <= 1)) {
                fail_msg("%llu of %llu: %.17g in [%.17g, %.17g]", (unsigned long long)clicks,
                         (unsigned long long)impressions, rate.ctr, rate.low, rate.high);
            }
        }
    }
}

/* The half-width at a tenth: 0.02 needs between 865 and 870 impressions (worked out as above). */
static void enough_means_a_fifth_of_the_ratio(void **state)
{
    (void)state;
    assert_false(rate_of(860, 86).enough);
    assert_true(rate_of(880, 88).enough);
    assert_false(rate_of(1000000, 0).enough);
    assert_false(rate_of(0, 0).enough);
    assert_false(rate_of(5, 6).enough);
    assert_true(rate_of(1000000, 1000000).enough);
    for (uint64_t tens = 1; tens < 200; tens++) {
        struct rate rate = rate_of(10 * tens, tens);

        assert_true(rate.enough == ((rate.high - rate.low) / 2 <= 0.2 * rate.ctr));
    }
}

static void a_prior_weighs_like_so_many_impressions(void **state)
{
    (void)state;
    assert_true(fabs(rate_smoothed(0, 0, 0.05, 100) - 0.05) < 1e-15);
    assert_true(fabs(rate_smoothed(100, 15, 0.05, 100) - 0.1) < 1e-15);
    assert_true(fabs(rate_smoothed(1000000000, 100000000, 0.5, 10) - 0.1) < 1e-8);
}

/* The first four rows of Newcombe's table II, method 10, as he gives them. */
static void differences_are_those_of_newcombe(void **state)
{
    static const struct {
        uint64_t many, few, also, less;
        double low, high;
    } cases[] = {
        {70, 56, 80, 48, 0.0524, 0.3339},
        {10, 9, 10, 3, 0.1705, 0.8090},
        {7, 6, 7, 2, 0.0582, 0.8062},
        {56, 5, 29, 0, -0.0381, 0.1926},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rate first = rate_of(cases[i].many, cases[i].few);
        struct rate second = rate_of(cases[i].also, cases[i].less);
        struct rate_difference found = rate_difference_of(&first, &second);
        struct rate_difference back = rate_difference_of(&second, &first);

        assert_true(found.known);
        assert_true(fabs(found.low - cases[i].low) <= 0.5001e-4);
        assert_true(fabs(found.high - cases[i].high) <= 0.5001e-4);
        assert_true(fabs(back.low + found.high) < 1e-15);
        assert_true(fabs(back.difference + found.difference) < 1e-15);
    }
}

static void a_difference_needs_both_rates(void **state)
{
    struct rate some = rate_of(10, 1), none = rate_of(0, 0), odd = rate_of(1, 2);

    (void)state;
    assert_false(rate_difference_of(&some, &none).known);
    assert_false(rate_difference_of(&none, &some).known);
    assert_false(rate_difference_of(&some, &odd).known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ratio_of_nothing_is_none),
        cmocka_unit_test(intervals_are_those_worked_out_by_hand),
        cmocka_unit_test(the_ends_are_exact_and_no_negative_zero),
        cmocka_unit_test(more_clicks_than_impressions_is_a_fact_without_an_interval),
        cmocka_unit_test(the_ratio_lies_in_its_interval_and_that_within_0_and_1),
        cmocka_unit_test(enough_means_a_fifth_of_the_ratio),
        cmocka_unit_test(a_prior_weighs_like_so_many_impressions),
        cmocka_unit_test(differences_are_those_of_newcombe),
        cmocka_unit_test(a_difference_needs_both_rates),
    };

    return cmocka_run_group_tests_name("storage/rate", tests, NULL, NULL);
}
