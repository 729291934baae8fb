/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "storage/minutes.h"
#include "storage/moment.h"
#include "storage/store_compare.h"

#define T0      INT64_C(1795454594000)
#define HOUR_MS INT64_C(3600000)

enum { KEYS = 3000 }; /* keys: more than are looked at in one go */

struct side {
    struct store *store;
    uint32_t partition;
    int64_t offset;
};

static void side_new(struct side *side, uint32_t keys_max)
{
    struct store_options options = {.clock = CLOCK_WALL,
                                    .page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 100000,
                                    .ids_max = 100000,
                                    .minutes_max = 100000,
                                    .keys_max = keys_max,
                                    .held_max = 100000,
                                    .hash_secret = {7, 8, 9}};
    struct ctr_error error;

    *side = (struct side){.offset = 0};
    assert_int_equal(window_set_parse("1m,10m", &options.windows, &error), CTR_OK);
    assert_int_equal(store_new(&options, &side->store, &error), CTR_OK);
    assert_int_equal(store_partition_open(side->store, "events", 0, &side->partition), CTR_OK);
    partition_start(store_partition(side->store, side->partition), 0, false);
}

static void add(struct side *side, enum event_type type, int number, const char *visitor,
                int64_t ts_ms)
{
    char page[32], box[32];
    struct event event = {.type = type, .ts_ms = ts_ms, .visitor = {visitor, strlen(visitor)}};

    (void)snprintf(page, sizeof page, "/p/%05d", number);
    (void)snprintf(box, sizeof box, "b%d", number % 10);
    event.page = (struct text){page, strlen(page)};
    event.box = (struct text){box, strlen(box)};
    assert_int_equal(
        store_record_event(side->store, side->partition, side->offset, ts_ms, T0 + HOUR_MS, &event),
        CTR_OK);
    side->offset++;
}

static void move_to(struct side *side, int64_t to_ms)
{
    partition_confirm(store_partition(side->store, side->partition), side->offset, to_ms);
    assert_int_equal(store_advance(side->store, to_ms, false), CTR_OK);
}

/* The same for both, but that `left` has met the keys in the other order, and more before. */
static void fill(struct side *left, struct side *right, uint32_t keys_max)
{
    side_new(left, keys_max);
    side_new(right, keys_max);
    add(left, EVENT_VIEW, KEYS + 1, "old", T0 - 20 * MINUTE_MS);
    for (int i = 0; i < KEYS; i++) {
        add(left, EVENT_VIEW, KEYS - 1 - i, "v", T0);
        add(right, EVENT_VIEW, i, "v", T0);
    }
    add(left, EVENT_CLICK, 5, "v", T0 + 500);
    add(right, EVENT_CLICK, 5, "v", T0 + 500);
}

static void free_both(struct side *left, struct side *right)
{
    store_free(left->store);
    store_free(right->store);
}

static struct comparison compare(struct side *left, struct side *right)
{
    struct comparison found;

    move_to(left, T0 + 1000);
    move_to(right, T0 + 1000);
    assert_int_equal(store_compare(left->store, right->store, &found), CTR_OK);
    return found;
}

static void the_same_events_are_the_same_whatever_their_order(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100000);
    found = compare(&left, &right);
    assert_true(found.equal);
    assert_int_equal(found.windows, 2);
    assert_int_equal(found.to_ms, T0 + 1000);
    /* site, boxes, pages and placements, in both windows */
    assert_int_equal(found.rows, 2 * (1 + 10 + KEYS + KEYS));
    assert_false(found.over_limit);
    free_both(&left, &right);
}

static void one_click_more_is_found_at_the_first_key(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100000);
    add(&right, EVENT_CLICK, 2345, "w", T0 + 600);
    found = compare(&left, &right);
    assert_false(found.equal);
    assert_int_equal(found.level, LEVEL_SITE);
    assert_int_equal(found.window, 0);
    assert_int_equal(found.left.totals.clicks, 1);
    assert_int_equal(found.right.totals.clicks, 2);
    free_both(&left, &right);
}

static void who_saw_it_counts_as_much_as_how_often(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100000);
    add(&left, EVENT_VIEW, 77, "v", T0 + 600);
    add(&right, EVENT_VIEW, 77, "someone", T0 + 600);
    found = compare(&left, &right);
    assert_false(found.equal);
    assert_int_equal(found.level, LEVEL_SITE);
    assert_int_equal(found.left.totals.impressions, found.right.totals.impressions);
    assert_int_equal(found.left.crowd.viewers, 1);
    assert_int_equal(found.right.crowd.viewers, 2);
    free_both(&left, &right);
}

static void a_page_that_only_one_of_them_knows_is_named(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    for (int swapped = 0; swapped < 2; swapped++) {
        struct side *fuller = swapped == 0 ? &left : &right;
        struct side *other = swapped == 0 ? &right : &left;

        fill(&left, &right, 100000);
        /* As many events, so that the site has the same; a new page against a second view of 00000.
         */
        add(other, EVENT_VIEW, 0, "v", T0 + 600);
        add(fuller, EVENT_VIEW, KEYS + 10, "v", T0 + 600);
        found = compare(&left, &right);
        assert_false(found.equal);
        assert_int_equal(found.level, LEVEL_PAGE);
        assert_int_equal(found.page_length, strlen("/p/00000"));
        assert_memory_equal(found.page, "/p/00000", found.page_length);
        assert_int_equal(found.box_length, 0);
        assert_int_equal(found.left.totals.impressions, swapped == 0 ? 1 : 2);
        assert_int_equal(found.right.totals.impressions, swapped == 0 ? 2 : 1);
        free_both(&left, &right);

        fill(&left, &right, 100000);
        add(other, EVENT_VIEW, KEYS - 1, "v", T0 + 600);
        add(fuller, EVENT_VIEW, KEYS + 9, "v", T0 + 600); /* the same box */
        found = compare(&left, &right);
        assert_false(found.equal);
        assert_int_equal(found.level, LEVEL_PAGE);
        assert_memory_equal(found.page, "/p/02999", found.page_length);
        free_both(&left, &right);
    }
}

static void windows_that_one_of_them_does_not_cover_are_left_out(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100000);
    add(&left, EVENT_VIEW, 1, "v", T0 - 5 * MINUTE_MS);
    store_cover_from(right.store, T0 - 2 * MINUTE_MS);
    found = compare(&left, &right);
    assert_true(found.equal);
    assert_int_equal(found.windows, 1);
    free_both(&left, &right);
}

static void different_moments_are_not_compared(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100000);
    move_to(&left, T0 + 1000);
    move_to(&right, T0 + 2000);
    assert_int_equal(store_compare(left.store, right.store, &found), CTR_RETRY);
    /* A limit brings them together. */
    store_limit(left.store, T0 + 2000);
    move_to(&left, T0 + 9000);
    assert_int_equal(store_progress(left.store).to_ms, T0 + 2000);
    assert_int_equal(moment_floor(store_progress(left.store).as_of_ms, 1000), T0 + 2000);
    assert_int_equal(store_compare(left.store, right.store, &found), CTR_OK);
    assert_true(found.equal);
    store_limit(left.store, INT64_MAX);
    move_to(&left, T0 + 9000);
    assert_int_equal(store_progress(left.store).to_ms, T0 + 9000);
    free_both(&left, &right);
}

static void a_limit_that_was_met_is_told(void **state)
{
    struct side left, right;
    struct comparison found;

    (void)state;
    fill(&left, &right, 100);
    found = compare(&left, &right);
    assert_true(found.over_limit);
    free_both(&left, &right);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_events_are_the_same_whatever_their_order),
        cmocka_unit_test(one_click_more_is_found_at_the_first_key),
        cmocka_unit_test(who_saw_it_counts_as_much_as_how_often),
        cmocka_unit_test(a_page_that_only_one_of_them_knows_is_named),
        cmocka_unit_test(windows_that_one_of_them_does_not_cover_are_left_out),
        cmocka_unit_test(different_moments_are_not_compared),
        cmocka_unit_test(a_limit_that_was_met_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
