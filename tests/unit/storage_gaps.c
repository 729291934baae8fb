/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/gaps.h"

#include "tests/support/test.h"

#include "storage/minutes.h"

#define BEGIN_MS INT64_C(1795454400000)
enum { GAP_MS = 10000, CLICKS_MAX = 12 };

/* Takes a click as the store does, and keeps the sum of what counts. */
static struct gap_verdict take(struct gaps *gaps, uint64_t place, int64_t ts_ms, int *sum)
{
    struct gap_verdict verdict;

    assert_int_equal(gaps_reserve(gaps, ts_ms), CTR_OK);
    verdict = gaps_judge(gaps, place, ts_ms);
    if (verdict.keep) {
        gaps_keep(gaps, place, ts_ms, 0, &verdict);
    }
    *sum += verdict.counts ? 1 : 0;
    *sum -= verdict.takes_back ? 1 : 0;
    return verdict;
}

static void the_gap_is_strict_at_its_edge(void **state)
{
    struct gaps gaps;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, GAP_MS, 100);
    assert_true(take(&gaps, 1, BEGIN_MS, &sum).counts);
    assert_false(take(&gaps, 1, BEGIN_MS + GAP_MS - 1, &sum).counts);
    assert_true(take(&gaps, 1, BEGIN_MS + 2 * GAP_MS - 1, &sum).counts);
    assert_true(take(&gaps, 2, BEGIN_MS + 1, &sum).counts); /* another place */
    assert_int_equal(sum, 3);
    gaps_done(&gaps);
}

static void a_late_click_takes_back_the_one_after_it_once(void **state)
{
    struct gaps gaps;
    struct gap_verdict verdict;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, GAP_MS, 100);
    assert_true(take(&gaps, 1, BEGIN_MS + 15000, &sum).counts);
    verdict = take(&gaps, 1, BEGIN_MS + 7000, &sum);
    assert_true(verdict.counts && verdict.takes_back);
    assert_int_equal(verdict.taken_back_ms, BEGIN_MS + 15000);
    verdict = take(&gaps, 1, BEGIN_MS + 9000, &sum);
    assert_false(verdict.counts || verdict.takes_back);
    assert_int_equal(sum, 1);
    gaps_done(&gaps);
}

static void the_same_moment_counts_once(void **state)
{
    struct gaps gaps;
    struct gap_verdict verdict;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, GAP_MS, 100);
    (void)take(&gaps, 1, BEGIN_MS, &sum);
    verdict = take(&gaps, 1, BEGIN_MS, &sum);
    assert_false(verdict.counts || verdict.keep);
    assert_int_equal(sum, 1);
    gaps_done(&gaps);
}

static void what_is_forgotten_or_does_not_fit_counts(void **state)
{
    struct gaps gaps;
    struct gap_verdict verdict;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, GAP_MS, 2);
    (void)take(&gaps, 1, BEGIN_MS, &sum);
    (void)take(&gaps, 1, BEGIN_MS + MINUTE_MS, &sum);
    verdict = take(&gaps, 1, BEGIN_MS + 1, &sum); /* the limit is reached */
    assert_true(verdict.counts && !verdict.keep);
    gaps_forget(&gaps, BEGIN_MS + MINUTE_MS);
    assert_int_equal(gaps.used, 1);
    verdict = take(&gaps, 1, BEGIN_MS + 1, &sum); /* its minute is gone */
    assert_true(verdict.counts && !verdict.keep);
    assert_false(take(&gaps, 1, BEGIN_MS + MINUTE_MS + 1, &sum).counts);
    gaps_done(&gaps);
}

/* The definition: a click counts if no other lies less than the gap before it, each moment once. */
static int by_definition(const int64_t *times, int count)
{
    int sum = 0;

    for (int i = 0; i < count; i++) {
        bool counts = true;

        for (int j = 0; j < count; j++) {
            counts = counts && !(times[j] < times[i] && times[i] - times[j] < GAP_MS) &&
                     !(times[j] == times[i] && j < i);
        }
        sum += counts ? 1 : 0;
    }
    return sum;
}

static void any_order_gives_what_the_definition_says(void **state)
{
    uint64_t dice = 20261127;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct gaps gaps;
        int64_t times[CLICKS_MAX];
        int count = 1 + round % CLICKS_MAX;
        int sum = 0;

        gaps_init(&gaps, GAP_MS, 1000);
        for (int i = 0; i < count; i++) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
            times[i] = BEGIN_MS + (int64_t)(dice >> 33) % 61 * 1000;
            (void)take(&gaps, 1, times[i], &sum);
            assert_int_equal(sum, by_definition(times, i + 1));
        }
        gaps_done(&gaps);
    }
}

static const struct gap_click *find(const struct gaps *gaps, int64_t ts_ms)
{
    for (uint32_t i = 0; i < gaps->clicks_count; i++) {
        if (gaps->clicks[i].ts_ms == ts_ms) {
            return &gaps->clicks[i];
        }
    }
    return NULL;
}

/* Clicks are copied one by one while more come in, from the one at `begun` on all are merged. */
static void copies_of_any_moments_and_what_came_since_are_the_same_set(void **state)
{
    uint64_t dice = 20261128;

    (void)state;
    for (int round = 0; round < 3000; round++) {
        struct gaps gaps;
        struct gaps again;
        int64_t times[CLICKS_MAX];
        struct gap_verdict verdicts[CLICKS_MAX];
        int begun = round % CLICKS_MAX;
        int sum = 0;

        gaps_init(&gaps, GAP_MS, 1000);
        gaps_init(&again, GAP_MS, 1000);
        for (int i = 0; i < CLICKS_MAX; i++) {
            dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
            times[i] = BEGIN_MS + (int64_t)(dice >> 33) % 61 * 1000;
            verdicts[i] = take(&gaps, 1, times[i], &sum);
            for (uint32_t c = 0; i >= begun && c < gaps.clicks_count; c++) {
                const struct gap_click *click = &gaps.clicks[c];

                dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
                if (find(&again, click->ts_ms) == NULL && ((dice >> 40) % 3 == 0 || i == 11)) {
                    assert_int_equal(gaps_reserve(&again, click->ts_ms), CTR_OK);
                    gaps_merge(&again, 1, click->ts_ms, 0, click->counted);
                }
            }
        }
        for (int i = begun; i < CLICKS_MAX; i++) {
            if (verdicts[i].keep) {
                assert_int_equal(gaps_reserve(&again, times[i]), CTR_OK);
                gaps_merge(&again, 1, times[i], 0, verdicts[i].counts);
            }
        }
        assert_int_equal(again.used, gaps.used);
        for (uint32_t c = 0; c < gaps.clicks_count; c++) {
            const struct gap_click *click = find(&again, gaps.clicks[c].ts_ms);

            assert_true(click != NULL && click->counted == gaps.clicks[c].counted);
        }
        gaps_done(&gaps);
        gaps_done(&again);
    }
}

/* A robot, or a visitor id that many share. What looks at all clicks of the place for each of them
 * takes minutes for this. */
static void however_many_clicks_there_are_in_one_place_one_more_costs_the_same(void **state)
{
    enum { CLICKS = 300000, STEP_MS = 5 };
    struct gaps gaps;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, GAP_MS, CLICKS);
    for (int i = 0; i < CLICKS; i++) {
        (void)take(&gaps, 7, BEGIN_MS + (int64_t)i * STEP_MS, &sum);
    }
    assert_int_equal(sum, 1); /* each lies less than the gap behind another one */
    assert_int_equal(gaps.used, CLICKS);
    gaps_forget(&gaps, BEGIN_MS + (int64_t)CLICKS * STEP_MS - MINUTE_MS);
    assert_int_equal(gaps.used, MINUTE_MS / STEP_MS);
    assert_int_equal(gaps_judge(&gaps, 7, BEGIN_MS + (int64_t)(CLICKS - 1) * STEP_MS + 1).counts,
                     0);
    gaps_forget(&gaps, INT64_MAX / 2);
    assert_int_equal(gaps.used, 0);
    gaps_done(&gaps);
}

/* Y took X back; at a start Y's minute is forgotten, X's is not. */
static void what_a_forgotten_click_took_back_stays_so_at_a_start(void **state)
{
    struct gaps gaps;
    int sum = 0;

    (void)state;
    gaps_init(&gaps, 5 * MINUTE_MS, 100);
    gaps_forget(&gaps, BEGIN_MS + MINUTE_MS);
    assert_int_equal(gaps_reserve(&gaps, BEGIN_MS + 130000), CTR_OK);
    gaps_merge(&gaps, 1, BEGIN_MS + 130000, 0, true);
    assert_int_equal(gaps_reserve(&gaps, BEGIN_MS + 59000), CTR_OK);
    gaps_merge(&gaps, 1, BEGIN_MS + 59000, 0, true);
    assert_int_equal(gaps.used, 1);
    assert_false(take(&gaps, 1, BEGIN_MS + 70000, &sum).takes_back);
    gaps_done(&gaps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gap_is_strict_at_its_edge),
        cmocka_unit_test(a_late_click_takes_back_the_one_after_it_once),
        cmocka_unit_test(the_same_moment_counts_once),
        cmocka_unit_test(what_is_forgotten_or_does_not_fit_counts),
        cmocka_unit_test(however_many_clicks_there_are_in_one_place_one_more_costs_the_same),
        cmocka_unit_test(what_a_forgotten_click_took_back_stays_so_at_a_start),
        cmocka_unit_test(any_order_gives_what_the_definition_says),
        cmocka_unit_test(copies_of_any_moments_and_what_came_since_are_the_same_set),
    };

    return cmocka_run_group_tests_name("storage/gaps", tests, NULL, NULL);
}
