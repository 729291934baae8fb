/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/delays.h"

#include "tests/support/test.h"

static void a_delay_lies_at_or_below_its_bound(void **state)
{
    struct delay_histogram histogram = {.count = 0};

    (void)state;
    delays_add(&histogram, -5000); /* a producer's clock is ahead */
    delays_add(&histogram, 0);
    delays_add(&histogram, 1);
    delays_add(&histogram, 50);
    delays_add(&histogram, 51);
    delays_add(&histogram, 172800000);
    delays_add(&histogram, 172800001);
    assert_int_equal(histogram.counts[0], 2);
    assert_int_equal(histogram.counts[1], 2);
    assert_int_equal(histogram.counts[2], 1);
    assert_int_equal(histogram.counts[DELAY_BUCKETS - 2], 1);
    assert_int_equal(histogram.counts[DELAY_BUCKETS - 1], 1);
    assert_int_equal(histogram.count, 7);
    assert_int_equal(histogram.sum_ms, -5000 + 0 + 1 + 50 + 51 + 172800000 + 172800001);
}

static void a_bucket_is_the_first_whose_bound_is_not_passed(void **state)
{
    (void)state;
    for (int bits = 0; bits < 63; bits++) {
        for (int k = 0; k < 2 * DELAY_BUCKETS + 2; k++) {
            /* beside each power of two and beside each bound */
            int64_t near_ms = k < 2 ? INT64_C(1) << bits : delays_bound_ms((unsigned)(k - 2) / 2);
            int64_t delay_ms = near_ms == INT64_MAX ? near_ms : near_ms + k % 2 - bits % 2;
            struct delay_histogram histogram = {.count = 0};
            unsigned bucket = 0;

            while (delay_ms > delays_bound_ms(bucket)) {
                bucket++;
            }
            delays_add(&histogram, delay_ms);
            assert_int_equal(histogram.counts[bucket], 1);
        }
    }
}

static void bounds_rise_and_the_last_has_no_end(void **state)
{
    (void)state;
    for (unsigned i = 1; i < DELAY_BUCKETS; i++) {
        assert_true(delays_bound_ms(i - 1) < delays_bound_ms(i));
    }
    assert_true(delays_bound_ms(DELAY_BUCKETS - 1) == INT64_MAX);
}

static void a_quantile_is_the_bound_that_so_many_are_under(void **state)
{
    struct delay_histogram histogram = {.count = 0};

    (void)state;
    assert_int_equal(delays_quantile_ms(&histogram, 0.5), -1);
    for (int i = 0; i < 99; i++) {
        delays_add(&histogram, 200);
    }
    delays_add(&histogram, 100000);
    assert_int_equal(delays_quantile_ms(&histogram, 0.5), 250);
    assert_int_equal(delays_quantile_ms(&histogram, 0.99), 250);
    assert_int_equal(delays_quantile_ms(&histogram, 0.991), 120000);
    assert_int_equal(delays_quantile_ms(&histogram, 1.0), 120000);
    delays_add(&histogram, INT64_C(1) << 40);
    assert_true(delays_quantile_ms(&histogram, 1.0) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_delay_lies_at_or_below_its_bound),
        cmocka_unit_test(a_bucket_is_the_first_whose_bound_is_not_passed),
        cmocka_unit_test(bounds_rise_and_the_last_has_no_end),
        cmocka_unit_test(a_quantile_is_the_bound_that_so_many_are_under),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
