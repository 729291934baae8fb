/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/slices.h"

#include "storage/minutes.h"
#include "storage_fixture.h"

#include <stdio.h>

static const uint64_t secret[HASH_SECRET_WORDS] = {9, 8, 7};

struct tables {
    struct names names;
    struct keys keys;
    struct slices slices;
};

static void make(struct tables *tables, const char *windows)
{
    struct window_set set;

    assert_int_equal(window_set_parse(windows, &set, NULL), CTR_OK);
    assert_int_equal(names_init(&tables->names, secret), CTR_OK);
    assert_int_equal(
        keys_init(&tables->keys, &(struct keys_shape){.windows = set.count, .limit = 5000}),
        CTR_OK);
    slices_init(&tables->slices, SLICES_COUNTS, &set);
}

static void drop(struct tables *tables)
{
    slices_done(&tables->slices);
    keys_done(&tables->keys);
    names_done(&tables->names);
}

static uint32_t page(struct tables *tables, const char *text)
{
    struct name *name = NULL;

    assert_int_equal(names_take(&tables->names, as_text(text), &name), CTR_OK);
    assert_int_equal(keys_reserve(&tables->keys), CTR_OK);
    return keys_add(&tables->keys, LEVEL_PAGE, name, NULL, KEY_NONE);
}

static void count(struct tables *tables, int64_t ts_ms, uint32_t kid, int32_t impressions)
{
    struct cell cell = {.key = kid, .impressions = impressions};
    struct slice *slice = NULL;

    assert_int_equal(slices_locate(&tables->slices, ts_ms, &slice), CTR_OK);
    assert_non_null(slice);
    assert_int_equal(slices_add(&tables->slices, &tables->keys, slice, &cell), CTR_OK);
}

static void settle(struct tables *tables, int64_t to_ms)
{
    assert_int_equal(slices_settle(&tables->slices, &tables->keys, to_ms), CTR_OK);
}

static uint64_t sum_of(const struct tables *tables, size_t tier, uint32_t kid)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < tables->slices.tiers[tier].count; i++) {
        const struct slice *slice = &tables->slices.tiers[tier].items[i];

        for (size_t c = 0; c < slice->count; c++) {
            const struct cell *cell = (const struct cell *)slice_cell(&tables->slices, slice, c);

            sum += cell->key == kid ? (uint64_t)cell->impressions : 0;
        }
    }
    return sum;
}

static void tiers_are_the_base_and_the_grains_of_the_windows(void **state)
{
    static const struct {
        const char *windows;
        size_t count;
        int64_t grains[TIERS_MAX];
    } cases[] = {
        {"1m,10m,1h,24h", 4, {1000, 10000, 60000, 600000}},
        {"24h", 2, {1000, 600000}},
        {"1m,2m", 1, {1000}},
        {"90s,15m,100m", 3, {1000, 10000, 60000}},
        {"10m,20m,3h", 3, {1000, 10000, 600000}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tables tables;

        make(&tables, cases[i].windows);
        assert_int_equal(tables.slices.tiers_count, cases[i].count);
        for (size_t t = 0; t < cases[i].count; t++) {
            assert_int_equal(tables.slices.tiers[t].grain_ms, cases[i].grains[t]);
        }
        drop(&tables);
    }
}

static void limits_lie_on_the_next_grain_and_fall_from_tier_to_tier(void **state)
{
    static const char *const sets[] = {"1m,10m,1h,24h", "24h", "1m,24h",
                                       "90s,15m,100m",  "1s",  "10m,20m,3h"};

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
        struct tables tables;

        make(&tables, sets[i]);
        for (int64_t to_ms = -5000; to_ms < 3 * HOUR_MS; to_ms += 7000) {
            const struct tier *tiers = tables.slices.tiers;
            size_t last = tables.slices.tiers_count - 1;

            slices_set_limits(&tables.slices, to_ms);
            for (size_t t = 0; t <= last; t++) {
                int64_t edge_ms = tiers[t < last ? t + 1 : t].grain_ms;

                assert_int_equal(moment_floor(tiers[t].limit_ms, edge_ms), tiers[t].limit_ms);
                assert_true(t == 0 || tiers[t].limit_ms <= tiers[t - 1].limit_ms);
            }
        }
        drop(&tables);
    }
}

static void slices_are_folded_into_coarser_ones_with_age_and_in_the_end_dropped(void **state)
{
    struct tables tables;
    uint32_t kid = 0;

    (void)state;
    make(&tables, "1m,10m");
    kid = page(&tables, "a");
    settle(&tables, BEGIN_MS);
    for (int i = 0; i < 10; i++) {
        count(&tables, BEGIN_MS + i * 1000, kid, 1);
    }
    settle(&tables, BEGIN_MS + 69000);
    assert_int_equal(tables.slices.tiers[0].count, 10);
    settle(&tables, BEGIN_MS + 70000);
    assert_int_equal(tables.slices.tiers[0].count, 0);
    assert_int_equal(tables.slices.tiers[1].count, 1);
    assert_int_equal(sum_of(&tables, 1, kid), 10);
    assert_int_equal(keys_at(&tables.keys, kid)->cells, 1);
    settle(&tables, BEGIN_MS + 609000);
    assert_int_equal(tables.slices.tiers[1].count, 1);
    assert_int_equal(tables.slices.orphans_count, 0);
    settle(&tables, BEGIN_MS + 610000);
    assert_int_equal(tables.slices.tiers[1].count, 0);
    assert_int_equal(tables.slices.orphans_count, 1);
    assert_int_equal(tables.slices.orphans[0], kid);
    assert_int_equal(tables.slices.bytes, 0);
    drop(&tables);
}

static void a_jump_over_everything_drops_it_at_once(void **state)
{
    struct tables tables;
    uint32_t kid = 0;

    (void)state;
    make(&tables, "1m,10m,1h,24h");
    kid = page(&tables, "a");
    settle(&tables, BEGIN_MS);
    count(&tables, BEGIN_MS, kid, 1);
    count(&tables, BEGIN_MS - HOUR_MS, kid, 1);
    settle(&tables, BEGIN_MS + 1000 * HOUR_MS);
    for (size_t t = 0; t < tables.slices.tiers_count; t++) {
        assert_int_equal(tables.slices.tiers[t].count, 0);
    }
    assert_int_equal(tables.slices.orphans_count, 1);
    assert_int_equal(tables.slices.gone_count, 0); /* no snapshot held any of them */
    drop(&tables);
}

static void what_is_older_than_everything_kept_has_no_slice(void **state)
{
    struct tables tables;
    struct slice *slice = (struct slice *)(uintptr_t)&tables;

    (void)state;
    make(&tables, "10m");
    settle(&tables, BEGIN_MS);
    assert_int_equal(slices_locate(&tables.slices, BEGIN_MS - 10 * MINUTE_MS - 1, &slice), CTR_OK);
    assert_null(slice);
    assert_true(slices_start_of(&tables.slices, BEGIN_MS - 10 * MINUTE_MS - 1) == MOMENT_NONE);
    assert_int_equal(slices_start_of(&tables.slices, BEGIN_MS - 10 * MINUTE_MS),
                     BEGIN_MS - 10 * MINUTE_MS);
    assert_int_equal(slices_start_of(&tables.slices, BEGIN_MS - 1), BEGIN_MS - 10000);
    assert_int_equal(slices_start_of(&tables.slices, BEGIN_MS + 1), BEGIN_MS);
    drop(&tables);
}

static void the_cells_of_a_key_become_one_again(void **state)
{
    enum { KEYS = 40, EVENTS = 20000 };
    struct tables tables;
    uint32_t kids[KEYS];

    (void)state;
    make(&tables, "24h");
    settle(&tables, BEGIN_MS + HOUR_MS);
    for (int i = 0; i < KEYS; i++) {
        char text[8];

        (void)snprintf(text, sizeof text, "%d", i);
        kids[i] = page(&tables, text);
    }
    /* Two slices in turn, so that neither finds the cell it wrote last. */
    for (int i = 0; i < EVENTS; i++) {
        count(&tables, BEGIN_MS + (i % 2) * 10 * MINUTE_MS, kids[i / 2 % KEYS], 1);
    }
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(sum_of(&tables, 1, kids[i]), EVENTS / KEYS);
    }
    assert_true(tables.slices.tiers[1].items[0].count <= 1024);
    assert_true(tables.slices.tiers[1].items[1].count <= 1024);
    settle(&tables, BEGIN_MS + 100 * HOUR_MS);
    assert_int_equal(tables.slices.orphans_count, KEYS);
    drop(&tables);
}

/* So many pages, each counted once in each of ten seconds. */
static void count_ten_seconds(struct tables *tables, uint32_t *kids, int keys)
{
    for (int i = 0; i < keys; i++) {
        char text[16];

        (void)snprintf(text, sizeof text, "%d", i);
        kids[i] = page(tables, text);
    }
    for (int i = 0; i < 10 * keys; i++) {
        count(tables, BEGIN_MS + i / keys * 1000, kids[i % keys], 1);
    }
}

static void what_is_folded_has_one_cell_a_key(void **state)
{
    enum { KEYS = 1100 }; /* more than are looked at before one is met again */
    struct tables tables;
    uint32_t kids[KEYS];

    (void)state;
    make(&tables, "1m,10m");
    settle(&tables, BEGIN_MS);
    count_ten_seconds(&tables, kids, KEYS);
    settle(&tables, BEGIN_MS + 2 * MINUTE_MS);
    assert_int_equal(tables.slices.tiers[0].count, 0);
    assert_int_equal(tables.slices.tiers[1].count, 1);
    assert_int_equal(tables.slices.tiers[1].items[0].count, KEYS);
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(sum_of(&tables, 1, kids[i]), 10);
        assert_int_equal(keys_at(&tables.keys, kids[i])->cells, 1);
    }
    drop(&tables);
}

static void what_is_folded_into_a_slice_with_late_cells_has_one_cell_a_key(void **state)
{
    enum { KEYS = 50 };
    struct tables tables;
    uint32_t kids[KEYS];

    (void)state;
    make(&tables, "1m,10m");
    settle(&tables, BEGIN_MS);
    count_ten_seconds(&tables, kids, KEYS);
    /* As after a start with other windows: the coarser slice is there already. */
    tables.slices.tiers[0].limit_ms = BEGIN_MS + 10000;
    for (int i = 0; i < KEYS; i++) {
        count(&tables, BEGIN_MS, kids[i], 1);
        count(&tables, BEGIN_MS + MINUTE_MS, kids[i], 1); /* its newest cell is elsewhere */
    }
    settle(&tables, BEGIN_MS + 70000);
    assert_int_equal(tables.slices.tiers[1].count, 1);
    assert_int_equal(tables.slices.tiers[1].items[0].count, KEYS);
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(sum_of(&tables, 1, kids[i]), 11);
        assert_int_equal(keys_at(&tables.keys, kids[i])->cells, 2);
    }
    drop(&tables);
}

static void slices_are_folded_up_to_the_limit(void **state)
{
    struct tables tables;
    uint32_t kid = 0;

    (void)state;
    make(&tables, "1m,10m,1h");
    kid = page(&tables, "a");
    settle(&tables, BEGIN_MS);
    for (int i = 0; i < 6; i++) {
        count(&tables, BEGIN_MS + i * 10000, kid, 1);
    }
    settle(&tables, BEGIN_MS + 80000);
    assert_int_equal(tables.slices.tiers[0].count, 4);
    assert_int_equal(sum_of(&tables, 1, kid), 2);
    settle(&tables, BEGIN_MS + 12 * MINUTE_MS);
    assert_int_equal(tables.slices.tiers[2].count, 1);
    assert_int_equal(sum_of(&tables, 2, kid), 6);
    drop(&tables);
}

static void a_full_counter_goes_on_in_the_next_cell(void **state)
{
    struct tables tables;
    uint32_t kid = 0;

    (void)state;
    make(&tables, "1m,10m");
    kid = page(&tables, "a");
    settle(&tables, BEGIN_MS);
    count(&tables, BEGIN_MS, kid, INT32_MAX - 1);
    count(&tables, BEGIN_MS, kid, 1);
    assert_int_equal(tables.slices.tiers[0].items[0].count, 1);
    count(&tables, BEGIN_MS, kid, 3);
    assert_int_equal(tables.slices.tiers[0].items[0].count, 2);
    assert_true(sum_of(&tables, 0, kid) == (uint64_t)INT32_MAX + 3);
    settle(&tables, BEGIN_MS + 2 * MINUTE_MS);
    assert_true(sum_of(&tables, 1, kid) == (uint64_t)INT32_MAX + 3);
    assert_int_equal(keys_at(&tables.keys, kid)->cells, 2);
    settle(&tables, BEGIN_MS + HOUR_MS);
    assert_int_equal(tables.slices.orphans_count, 1);
    drop(&tables);
}

static void a_key_with_a_cell_left_is_no_orphan(void **state)
{
    struct tables tables;
    uint32_t both = 0;
    uint32_t old = 0;

    (void)state;
    make(&tables, "1m");
    both = page(&tables, "both");
    old = page(&tables, "old");
    settle(&tables, BEGIN_MS);
    count(&tables, BEGIN_MS, both, 1);
    count(&tables, BEGIN_MS, old, 1);
    count(&tables, BEGIN_MS, keys_reserved(LEVEL_PAGE), 1); /* never an orphan */
    count(&tables, BEGIN_MS + 30000, both, 1);
    settle(&tables, BEGIN_MS + 61000);
    assert_int_equal(tables.slices.orphans_count, 1);
    assert_int_equal(tables.slices.orphans[0], old);
    assert_int_equal(keys_at(&tables.keys, both)->cells, 1);
    drop(&tables);
}

static void restore_one(struct tables *tables, int64_t grain_ms, int64_t start_ms,
                        const struct cell *cell)
{
    struct slices_tally tally;

    assert_int_equal(slices_tally_init(&tally, &tables->keys), CTR_OK);
    assert_int_equal(slices_restore(&tables->slices, &tables->keys, &tally,
                                    &(struct slice_saved){.grain_ms = grain_ms,
                                                          .start_ms = start_ms,
                                                          .cells = (const uint32_t *)cell,
                                                          .count = 1}),
                     CTR_OK);
    assert_int_equal(slices_tally_add(&tally, &tables->keys), CTR_OK);
    slices_tally_done(&tally);
}

static void saved_slices_that_go_are_listed_as_gone(void **state)
{
    struct tables tables;
    struct cell cell = {.impressions = 1};

    (void)state;
    make(&tables, "1m,10m");
    cell.key = page(&tables, "a");
    restore_one(&tables, 1000, BEGIN_MS, &cell);
    restore_one(&tables, 10000, BEGIN_MS - 20000, &cell);
    assert_int_equal(tables.slices.gone_count, 0);
    settle(&tables, BEGIN_MS + 2 * MINUTE_MS);
    assert_int_equal(tables.slices.gone_count, 1);
    assert_int_equal(tables.slices.gone[0].grain_ms, 1000);
    assert_int_equal(tables.slices.gone[0].start_ms, BEGIN_MS);
    settle(&tables, BEGIN_MS + HOUR_MS);
    assert_int_equal(tables.slices.gone_count, 2);
    assert_int_equal(tables.slices.gone[1].grain_ms, 10000);
    drop(&tables);
}

static void expiry_takes_off_exactly_what_lies_between(void **state)
{
    struct tables tables;
    uint32_t kid = 0;
    int64_t from_ms[1] = {BEGIN_MS};

    (void)state;
    make(&tables, "1m");
    kid = page(&tables, "a");
    settle(&tables, BEGIN_MS + MINUTE_MS);
    for (int i = 0; i < 20; i++) {
        count(&tables, BEGIN_MS + i * 1000, kid, 1);
    }
    assert_int_equal(slices_sum(&tables.slices, &tables.keys, from_ms), CTR_OK);
    assert_int_equal(keys_totals(&tables.keys, kid)[0].impressions, 20);
    slices_expire(&tables.slices, &tables.keys, 0, BEGIN_MS, BEGIN_MS + 5000);
    assert_int_equal(keys_totals(&tables.keys, kid)[0].impressions, 15);
    slices_expire(&tables.slices, &tables.keys, 0, BEGIN_MS + 5000, BEGIN_MS + 5000);
    assert_int_equal(keys_totals(&tables.keys, kid)[0].impressions, 15);
    slices_expire(&tables.slices, &tables.keys, 0, BEGIN_MS + 5000, BEGIN_MS + HOUR_MS);
    assert_int_equal(keys_totals(&tables.keys, kid)[0].impressions, 0);
    drop(&tables);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tiers_are_the_base_and_the_grains_of_the_windows),
        cmocka_unit_test(limits_lie_on_the_next_grain_and_fall_from_tier_to_tier),
        cmocka_unit_test(slices_are_folded_into_coarser_ones_with_age_and_in_the_end_dropped),
        cmocka_unit_test(a_jump_over_everything_drops_it_at_once),
        cmocka_unit_test(what_is_older_than_everything_kept_has_no_slice),
        cmocka_unit_test(the_cells_of_a_key_become_one_again),
        cmocka_unit_test(what_is_folded_has_one_cell_a_key),
        cmocka_unit_test(what_is_folded_into_a_slice_with_late_cells_has_one_cell_a_key),
        cmocka_unit_test(slices_are_folded_up_to_the_limit),
        cmocka_unit_test(a_full_counter_goes_on_in_the_next_cell),
        cmocka_unit_test(a_key_with_a_cell_left_is_no_orphan),
        cmocka_unit_test(saved_slices_that_go_are_listed_as_gone),
        cmocka_unit_test(expiry_takes_off_exactly_what_lies_between),
    };

    return cmocka_run_group_tests_name("storage/slices", tests, NULL, NULL);
}
