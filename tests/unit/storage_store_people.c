/* SPDX-License-Identifier: Apache-2.0 */
#include "storage_fixture.h"

#include "storage/store_minutes.h"
#include "storage/store_status.h"

#include <math.h>

#include "storage/checkpoint.h"
#include "storage/journal.h"
#include "storage/spread.h"

static struct figures figures_of(const struct store *store, size_t window, const char *page,
                                 const char *box)
{
    struct key_name name = {.page = as_text(page), .box = as_text(box)};
    struct reading reading;
    struct figures figures;

    store_read(store, window, &name, 1, &figures, &reading);
    return figures;
}

#define assert_people(store, window, page, box, wanted_viewers, wanted_clickers, wanted_unseen)    \
    do {                                                                                           \
        struct figures figures_ = figures_of(store, window, page, box);                            \
        assert_int_equal(figures_.people, PEOPLE_KNOWN);                                           \
        assert_int_equal(figures_.crowd.viewers, wanted_viewers);                                  \
        assert_int_equal(figures_.crowd.clickers, wanted_clickers);                                \
        assert_int_equal(figures_.crowd.clicking - figures_.crowd.clickers, wanted_unseen);        \
    } while (0)

static void seen(struct store *store, uint32_t p, int64_t record_ms, int64_t ts_ms,
                 enum event_type type, const char *page, const char *box, const char *visitor)
{
    give(
        store, p, record_ms,
        (struct given){.type = type, .ts_ms = ts_ms, .page = page, .box = box, .visitor = visitor});
}

#define VIEWED(ts, page, box, visitor)  seen(store, 0, ts, ts, EVENT_VIEW, page, box, visitor)
#define CLICKED(ts, page, box, visitor) seen(store, 0, ts, ts, EVENT_CLICK, page, box, visitor)

/* ---- people --------------------------------------------------------------------------------- */

static void a_visitor_is_one_person_at_each_of_four_levels(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    VIEWED(BEGIN_MS, "p", NULL, "anna");
    VIEWED(BEGIN_MS, "p", "b", "anna");
    VIEWED(BEGIN_MS, "q", "b", "anna");
    VIEWED(BEGIN_MS, "p", "b", "ben");
    VIEWED(BEGIN_MS, "p", "b", NULL);
    CLICKED(BEGIN_MS + 1, "q", "b", "anna");
    CLICKED(BEGIN_MS + 2, "q", NULL, "carl");
    settle_at(store, BEGIN_MS + 1000);
    assert_people(store, 0, NULL, NULL, 2, 1, 1);
    assert_people(store, 0, "p", NULL, 2, 0, 0);
    assert_people(store, 0, "q", NULL, 1, 1, 1); /* a view of a box makes a viewer of its page */
    assert_people(store, 0, NULL, "b", 2, 1, 0);
    assert_people(store, 0, "p", "b", 2, 0, 0);
    assert_people(store, 0, "q", "b", 1, 1, 0);
    assert_people(store, 0, "nowhere", "b", 0, 0, 0);
    assert_totals(store, 0, "q", NULL, 0, 2);
    store_free(store);
}

static void people_leave_each_window_when_their_last_view_does(void **state)
{
    struct store_options options = fixture_options("1m,10m,1h");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    VIEWED(BEGIN_MS, "p", NULL, "anna");
    CLICKED(BEGIN_MS + 30000, "p", NULL, "anna");
    settle_at(store, BEGIN_MS + MINUTE_MS);
    assert_people(store, 0, "p", NULL, 1, 1, 0);
    settle_at(store, BEGIN_MS + MINUTE_MS + 1000);
    assert_people(store, 0, "p", NULL, 0, 0, 1);
    assert_people(store, 1, "p", NULL, 1, 1, 0);
    settle_at(store, BEGIN_MS + 90000 + 1000);
    assert_people(store, 0, "p", NULL, 0, 0, 0);
    /* The longer window moves by ten seconds. */
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS + 9000);
    assert_people(store, 1, "p", NULL, 1, 1, 0);
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS + 10000);
    assert_people(store, 1, "p", NULL, 0, 0, 1);
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS + 40000);
    assert_people(store, 1, "p", NULL, 0, 0, 0);
    assert_int_equal(figures_of(store, 2, "p", NULL).people, PEOPLE_BEYOND_HORIZON);
    assert_int_equal(figures_of(store, 2, "p", NULL).totals.impressions, 1);
    assert_int_equal(figures_of(store, 2, "nowhere", NULL).people, PEOPLE_BEYOND_HORIZON);
    store_free(store);
}

/* Each view takes the person along: nobody is counted twice, nor turns into a clicker. */
static void one_who_comes_again_and_again_is_one_viewer(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    for (int64_t now_ms = BEGIN_MS; now_ms < BEGIN_MS + HOUR_MS; now_ms += 20000) {
        VIEWED(now_ms, "p", "b", "anna");
        settle_at(store, now_ms + 1000);
        assert_people(store, 0, "p", "b", 1, 0, 0);
        assert_people(store, 1, NULL, NULL, 1, 0, 0);
    }
    store_free(store);
}

static void late_events_find_their_place_among_the_last_times(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    int64_t now_ms = BEGIN_MS + 5 * MINUTE_MS;

    (void)state;
    VIEWED(now_ms, "p", NULL, "anna");
    /* Older than the last view: of no account; but the click before it was seen. */
    seen(store, 0, now_ms, BEGIN_MS, EVENT_VIEW, "p", NULL, "anna");
    seen(store, 0, now_ms, BEGIN_MS + 1000, EVENT_CLICK, "p", NULL, "anna");
    seen(store, 0, now_ms, BEGIN_MS, EVENT_CLICK, "p", NULL, "ben");
    settle_at(store, now_ms + 1000);
    assert_people(store, 0, "p", NULL, 1, 0, 0);
    assert_people(store, 1, "p", NULL, 1, 1, 1);
    /* The view that comes after the click in the log, and before it in time. */
    seen(store, 0, now_ms + 2000, BEGIN_MS - 1000, EVENT_VIEW, "p", NULL, "ben");
    settle_at(store, now_ms + 3000);
    assert_people(store, 1, "p", NULL, 2, 2, 0);
    /* Older than every window with people: of no account at all. */
    seen(store, 0, now_ms + 3000, now_ms - 20 * MINUTE_MS, EVENT_VIEW, "p", NULL, "carl");
    settle_at(store, now_ms + 4000);
    assert_people(store, 1, "p", NULL, 2, 2, 0);
    store_free(store);
}

static void beyond_max_visitors_people_are_null_while_the_windows_reach_back(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;
    struct store_status status;

    (void)state;
    options.visitors_max = 2;
    store = fixture_store(&options, 1);
    VIEWED(BEGIN_MS, "p", NULL, "anna"); /* site and page: both pairs there may be */
    VIEWED(BEGIN_MS + 1000, "q", NULL, "anna");
    settle_at(store, BEGIN_MS + 2000);
    assert_people(store, 0, "p", NULL, 1, 0, 0);
    assert_people(store, 0, NULL, NULL, 1, 0, 0); /* anna was met there before */
    assert_int_equal(figures_of(store, 0, "q", NULL).people, PEOPLE_OVER_LIMIT);
    assert_int_equal(figures_of(store, 0, "q", NULL).crowd.viewers, 0);
    assert_totals(store, 0, "q", NULL, 1, 0);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.people, 2);
    assert_int_equal(status.people_refused, 1);
    store_status_done(&status);
    settle_at(store, BEGIN_MS + MINUTE_MS + 1000);
    assert_int_equal(figures_of(store, 0, "q", NULL).people, PEOPLE_OVER_LIMIT);
    settle_at(store, BEGIN_MS + MINUTE_MS + 2000);
    assert_people(store, 0, "q", NULL, 0, 0, 0);
    assert_int_equal(figures_of(store, 1, "q", NULL).people, PEOPLE_OVER_LIMIT);
    VIEWED(BEGIN_MS + 11 * MINUTE_MS, "q", NULL, "ben"); /* there is room again */
    settle_at(store, BEGIN_MS + 11 * MINUTE_MS + 1000);
    assert_people(store, 1, "q", NULL, 1, 0, 0);
    store_free(store);
}

/* ---- copies, and what is counted apart ------------------------------------------------------ */

static void give_id(struct store *store, uint32_t p, int64_t record_ms, int64_t ts_ms,
                    const char *page, const char *id)
{
    give(store, p, record_ms,
         (struct given){
             .type = EVENT_VIEW, .ts_ms = ts_ms, .page = page, .visitor = "anna", .id = id});
}

static void only_an_event_that_is_the_same_in_all_is_a_copy(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 2);
    struct given given = {.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = "p", .id = "1"};

    (void)state;
    give(store, 0, BEGIN_MS, given);
    give(store, 0, BEGIN_MS, given);
    give(store, 1, BEGIN_MS, given); /* the partition does not matter */
    given.page = "q";
    give(store, 0, BEGIN_MS, given);
    given.box = "b";
    give(store, 0, BEGIN_MS, given);
    given.visitor = "anna";
    give(store, 0, BEGIN_MS, given);
    given.type = EVENT_CLICK;
    give(store, 0, BEGIN_MS, given);
    given.ts_ms++;
    give(store, 0, BEGIN_MS, given);
    given.filtered = true;
    give(store, 0, BEGIN_MS, given);
    given.id = NULL;
    give(store, 0, BEGIN_MS, given);
    give(store, 0, BEGIN_MS, given);
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(counts_of(store, 0).duplicate, 1);
    assert_int_equal(counts_of(store, 1).duplicate, 1);
    assert_int_equal(counts_of(store, 0).counted, 9);
    assert_int_equal(counts_of(store, 0).filtered, 3);
    assert_int_equal(counts_of(store, 0).unchecked, 0);
    assert_totals(store, 0, "p", NULL, 1, 0);
    assert_totals(store, 0, "q", "b", 2, 2);
    /* A copy of what was counted long ago. */
    give_id(store, 1, BEGIN_MS + 9 * MINUTE_MS, BEGIN_MS + 1000, "p", "2");
    settle_at(store, BEGIN_MS + 9 * MINUTE_MS + 1000);
    give_id(store, 0, BEGIN_MS + 10 * MINUTE_MS + 1000, BEGIN_MS + 1000, "p", "2");
    settle_at(store, BEGIN_MS + 10 * MINUTE_MS + 2000);
    assert_int_equal(counts_of(store, 0).duplicate, 2);
    store_free(store);
}

static void a_copy_is_looked_for_up_to_dedup_horizon_and_unchecked_beyond(void **state)
{
    struct store_options options = fixture_options("1h");
    struct store *store = fixture_store(&options, 2);
    int64_t now_ms = BEGIN_MS + 10 * MINUTE_MS;

    (void)state;
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "1");
    settle_at(store, BEGIN_MS + 1000);
    give_id(store, 0, now_ms, BEGIN_MS, "p", "1");
    give_id(store, 0, now_ms + 1, BEGIN_MS, "p", "1");
    /* No id: nothing to check. */
    give_id(store, 0, now_ms + 1, BEGIN_MS, "p", NULL);
    settle_at(store, now_ms + 1000);
    assert_int_equal(counts_of(store, 0).duplicate, 1);
    assert_int_equal(counts_of(store, 0).unchecked, 1);
    assert_totals(store, 0, "p", NULL, 3, 0);
    /* A straggler, long after `to`, whose minute is gone already; it was on its way for no time. */
    settle_at(store, BEGIN_MS + 13 * MINUTE_MS - 1000);
    give_id(store, 1, BEGIN_MS, BEGIN_MS, "p", "1");
    settle_at(store, BEGIN_MS + 13 * MINUTE_MS);
    assert_int_equal(counts_of(store, 1).duplicate, 1);
    give_id(store, 1, BEGIN_MS, BEGIN_MS, "p", "1");
    settle_at(store, BEGIN_MS + 13 * MINUTE_MS + 1000);
    assert_int_equal(counts_of(store, 1).duplicate, 1);
    assert_int_equal(counts_of(store, 1).unchecked, 1);
    store_free(store);
}

static void beyond_max_ids_events_are_counted_unchecked(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct store_status status;

    (void)state;
    options.ids_max = 2;
    store = fixture_store(&options, 1);
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "1");
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "2");
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "3");
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "3");
    give_id(store, 0, BEGIN_MS, BEGIN_MS, "p", "2");
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(counts_of(store, 0).unchecked, 2);
    assert_int_equal(counts_of(store, 0).duplicate, 1);
    assert_totals(store, 0, "p", NULL, 4, 0);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.ids, 2);
    assert_int_equal(status.ids_max, 2);
    store_status_done(&status);
    store_free(store);
}

static void what_is_filtered_is_counted_apart_and_makes_no_key(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct given given = {.type = EVENT_VIEW,
                          .ts_ms = BEGIN_MS,
                          .page = "p",
                          .box = "b",
                          .visitor = "anna",
                          .filtered = true};
    struct store_status status;

    (void)state;
    give(store, 0, BEGIN_MS, given);
    given.type = EVENT_CLICK;
    give(store, 0, BEGIN_MS, given);
    settle_at(store, BEGIN_MS + 1000);
    assert_people(store, 0, NULL, NULL, 0, 0, 0);
    assert_totals(store, 0, NULL, NULL, 0, 0);
    assert_int_equal(counts_of(store, 0).counted, 2);
    assert_int_equal(counts_of(store, 0).filtered, 2);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.keys[LEVEL_PAGE] + status.keys[LEVEL_BOX], 0);
    assert_int_equal(status.people, 0);
    store_status_done(&status);
    store_free(store);
}

/* ---- click_gap ------------------------------------------------------------------------------ */

static void a_late_click_takes_the_next_one_back_at_every_level(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;

    (void)state;
    options.click_gap_ms = 1000;
    store = fixture_store(&options, 1);
    VIEWED(BEGIN_MS, "p", "b", "anna");
    CLICKED(BEGIN_MS + 2500, "p", "b", "anna");
    CLICKED(BEGIN_MS + 2600, "p", NULL, "anna"); /* another place */
    CLICKED(BEGIN_MS + 2700, "p", "b", "ben");
    CLICKED(BEGIN_MS + 2800, "p", "b", NULL);
    CLICKED(BEGIN_MS + 2900, "p", "b", NULL);
    settle_at(store, BEGIN_MS + 10000);
    assert_totals(store, 0, "p", "b", 1, 4);
    assert_totals(store, 0, "p", NULL, 0, 5);
    seen(store, 0, BEGIN_MS + 10000, BEGIN_MS + 1600, EVENT_CLICK, "p", "b", "anna");
    settle_at(store, BEGIN_MS + 11000);
    assert_totals(store, 0, "p", "b", 1, 4);
    assert_totals(store, 1, NULL, "b", 1, 4);
    assert_totals(store, 1, "p", NULL, 0, 5);
    assert_totals(store, 1, NULL, NULL, 0, 5);
    assert_people(store, 0, "p", "b", 1, 1, 1);
    /* It leaves the window at its own time, and not where the one taken back stood. */
    settle_at(store, BEGIN_MS + 1000 + MINUTE_MS);
    assert_totals(store, 0, "p", "b", 0, 4);
    settle_at(store, BEGIN_MS + 2000 + MINUTE_MS);
    assert_totals(store, 0, "p", "b", 0, 3);
    settle_at(store, BEGIN_MS + 3000 + MINUTE_MS);
    assert_totals(store, 0, "p", "b", 0, 0);
    assert_totals(store, 1, "p", "b", 1, 4);
    store_free(store);
}

static void a_click_of_the_other_row_is_taken_back_there(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct store_status status;

    (void)state;
    options.click_gap_ms = 1000;
    options.keys_max = 1;
    store = fixture_store(&options, 1);
    CLICKED(BEGIN_MS + 500, "p", NULL, "anna");
    CLICKED(BEGIN_MS + 500, "folded", NULL, "anna");
    settle_at(store, BEGIN_MS + 2000);
    seen(store, 0, BEGIN_MS + 2000, BEGIN_MS, EVENT_CLICK, "folded", NULL, "anna");
    settle_at(store, BEGIN_MS + 3000);
    assert_totals(store, 0, NULL, NULL, 0, 2);
    assert_totals(store, 0, "p", NULL, 0, 1);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.repeated, 1);
    assert_int_equal(status.keys_folded, 2);
    store_status_done(&status);
    store_free(store);
}

/* ---- after a restart ------------------------------------------------------------------------ */

/* Puts a part in place of the first one: the same event at another time. */
static void date_first_event(struct checkpoint *cut, int64_t ts_ms)
{
    struct journal_part *part = journal_part_new(NULL);
    struct journal_event event = journal_at(cut->journals[0], 0);

    assert_non_null(part);
    assert_int_equal(journal_reserve(part), CTR_OK);
    event.ts_ms = ts_ms;
    journal_add(part, &event);
    journal_part_give(cut->journals[0]);
    cut->journals[0] = part;
}

static void a_journal_with_events_of_a_time_to_come_is_corrupt(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct checkpoint *cut = NULL;
    struct store *back = NULL;

    (void)state;
    VIEWED(BEGIN_MS, "p", NULL, "anna");
    settle_at(store, BEGIN_MS + 1000);
    assert_int_equal(store_cut(store, true, &cut), CTR_OK);
    assert_int_equal(cut->journals_count, 1);
    date_first_event(cut, BEGIN_MS + 999);
    assert_int_equal(store_restore(&options, cut, &back, NULL), CTR_OK);
    assert_people(back, 0, "p", NULL, 1, 0, 0);
    store_free(back);
    date_first_event(cut, BEGIN_MS + 1000);
    assert_int_equal(store_restore(&options, cut, &back, NULL), CTR_CORRUPT);
    date_first_event(cut, BEGIN_MS + HOUR_MS);
    assert_int_equal(store_restore(&options, cut, &back, NULL), CTR_CORRUPT);
    checkpoint_free(cut);
    store_free(store);
}

/* ---- priors --------------------------------------------------------------------------------- */

static bool near(double left, double right)
{
    return fabs(left - right) <= 1e-9 * (1 + fabs(right));
}

/* views and clicks of a box on a page */
static void traffic(struct store *store, const char *page, const char *box, int views, int clicks)
{
    for (int i = 0; i < views; i++) {
        view(store, 0, BEGIN_MS, page, box);
    }
    for (int i = 0; i < clicks; i++) {
        click(store, 0, BEGIN_MS, page, box);
    }
}

static void the_prior_is_the_level_above_with_a_weight_learned_from_siblings(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    static const char *const pages[] = {"p1", "p2", "p3", "p4", "p5"};
    static const int views[] = {100, 50, 80, 20, 150}, clicks[] = {10, 1, 20, 0, 30};
    struct figures figures;
    struct spread spread = {0};

    (void)state;
    options.page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS;
    options.held_max = 100000;
    store = fixture_store(&options, 1);
    for (size_t i = 0; i < 5; i++) {
        traffic(store, pages[i], "b", views[i], clicks[i]);
        spread_add(&spread, (uint64_t)views[i], (uint64_t)clicks[i]);
    }
    traffic(store, "p1", "c", 10, 1);
    settle_at(store, BEGIN_MS + 1000);
    assert_false(figures_of(store, 0, NULL, NULL).has_prior);
    figures = figures_of(store, 0, "p2", "b"); /* siblings: those of its box alone */
    assert_true(figures.has_prior && near(figures.prior_ctr, 61.0 / 400));
    assert_true(near(figures.prior_weight, spread_weight(&spread)));
    assert_true(figures.prior_weight > 10 && figures.prior_weight < 99);
    figures = figures_of(store, 0, "never seen", "b");
    assert_true(figures.has_prior && near(figures.prior_weight, spread_weight(&spread)));
    figures = figures_of(store, 0, NULL, "b"); /* two boxes are too few to learn from */
    assert_true(figures.has_prior && near(figures.prior_ctr, 62.0 / 410));
    assert_true(near(figures.prior_weight, 100));
    spread_remove(&spread, 100, 10);
    spread_add(&spread, 110, 11);
    figures = figures_of(store, 0, "p5", NULL);
    assert_true(figures.has_prior && near(figures.prior_ctr, 62.0 / 410));
    assert_true(near(figures.prior_weight, spread_weight(&spread)));
    assert_false(figures_of(store, 0, "p1", "never seen").has_prior);
    /* When all is gone again there is nothing to learn from, and no level above. */
    settle_at(store, BEGIN_MS + 12 * MINUTE_MS);
    assert_false(figures_of(store, 0, "p5", NULL).has_prior);
    store_free(store);
}

static void there_is_no_prior_where_the_level_above_has_more_clicks_than_views(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    traffic(store, "p", NULL, 1, 2);
    traffic(store, "p", "b", 4, 2);
    settle_at(store, BEGIN_MS + 1000);
    assert_false(figures_of(store, 0, "p", NULL).has_prior);
    assert_false(figures_of(store, 0, NULL, "b").has_prior);
    assert_true(figures_of(store, 0, "p", "b").has_prior);
    assert_true(near(figures_of(store, 0, "p", "b").prior_ctr, 0.5));
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_visitor_is_one_person_at_each_of_four_levels),
        cmocka_unit_test(people_leave_each_window_when_their_last_view_does),
        cmocka_unit_test(one_who_comes_again_and_again_is_one_viewer),
        cmocka_unit_test(late_events_find_their_place_among_the_last_times),
        cmocka_unit_test(beyond_max_visitors_people_are_null_while_the_windows_reach_back),
        cmocka_unit_test(only_an_event_that_is_the_same_in_all_is_a_copy),
        cmocka_unit_test(a_copy_is_looked_for_up_to_dedup_horizon_and_unchecked_beyond),
        cmocka_unit_test(beyond_max_ids_events_are_counted_unchecked),
        cmocka_unit_test(what_is_filtered_is_counted_apart_and_makes_no_key),
        cmocka_unit_test(a_late_click_takes_the_next_one_back_at_every_level),
        cmocka_unit_test(a_click_of_the_other_row_is_taken_back_there),
        cmocka_unit_test(a_journal_with_events_of_a_time_to_come_is_corrupt),
        cmocka_unit_test(the_prior_is_the_level_above_with_a_weight_learned_from_siblings),
        cmocka_unit_test(there_is_no_prior_where_the_level_above_has_more_clicks_than_views),
    };

    return cmocka_run_group_tests_name("storage/store people", tests, NULL, NULL);
}
