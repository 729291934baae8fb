/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/test.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "service/traffic.h"

enum { LONG_RUN = 1000000, ROWS_MAX = 64 };
#define START_MS INT64_C(1795454594000)

static struct traffic *make(uint64_t seed, double rate)
{
    struct traffic_options options = {.seed = seed, .rate = rate, .start_ms = START_MS};
    struct traffic *traffic = NULL;

    assert_int_equal(traffic_new(&options, &traffic), CTR_OK);
    return traffic;
}

static struct event next(struct traffic *traffic)
{
    struct event event;

    assert_int_equal(traffic_next(traffic, &event), CTR_OK);
    return event;
}

static bool same_text(struct text a, struct text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->type == b->type && a->ts_ms == b->ts_ms && same_text(a->page, b->page) &&
           same_text(a->box, b->box) && same_text(a->visitor, b->visitor) &&
           same_text(a->id, b->id);
}

static void the_same_seed_makes_the_same_events(void **state)
{
    struct traffic *one = make(7, 200), *two = make(7, 200);

    (void)state;
    for (int i = 0; i < 10000; i++) {
        struct event a = next(one), b = next(two);

        assert_true(same_event(&a, &b));
    }
    traffic_free(one);
    traffic_free(two);
}

static void another_seed_makes_other_events(void **state)
{
    struct traffic *one = make(7, 200), *two = make(8, 200);
    int same = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct event a = next(one), b = next(two);

        same += a.ts_ms == b.ts_ms && same_text(a.page, b.page);
        assert_false(same_text(a.id, b.id));
    }
    assert_true(same < 100);
    traffic_free(one);
    traffic_free(two);
}

static void times_never_go_back_and_are_foretold(void **state)
{
    struct traffic *traffic = make(1, 1000);
    int64_t last_ms = START_MS;

    (void)state;
    for (int i = 0; i < 100000; i++) {
        int64_t foretold_ms = traffic_next_ms(traffic);
        struct event event = next(traffic);

        assert_true(event.ts_ms >= last_ms);
        assert_int_equal(event.ts_ms, foretold_ms);
        last_ms = event.ts_ms;
    }
    traffic_free(traffic);
}

static void the_rate_is_kept_on_average(void **state)
{
    struct traffic *traffic = make(1, 500);
    struct event event = {0};
    double seconds;

    (void)state;
    for (int i = 0; i < 200000; i++) {
        event = next(traffic);
    }
    seconds = (double)(event.ts_ms - START_MS) / 1000;
    assert_true(fabs(200000 / seconds / 500 - 1) < 0.02);
    traffic_free(traffic);
}

struct tally {
    double views[ROWS_MAX], clicks[ROWS_MAX];
};

static size_t row_of(const struct event *event)
{
    size_t count;
    const struct traffic_placement *rows = traffic_placements(&count);

    for (size_t i = 0; i < count; i++) {
        struct text page = {.bytes = rows[i].page, .length = strlen(rows[i].page)};
        struct text box = {.bytes = rows[i].box, .length = rows[i].box ? strlen(rows[i].box) : 0};

        if (same_text(event->page, page) && same_text(event->box, box)) {
            return i;
        }
    }
    fail_msg("an event of no placement");
    return 0;
}

/* As the service counts: a click in a box is a click on its page, too. */
static void count(struct tally *tally, const struct event *event)
{
    size_t row = row_of(event), rows;
    const struct traffic_placement *placements = traffic_placements(&rows);

    if (event->type == EVENT_VIEW) {
        tally->views[row]++;
        return;
    }
    tally->clicks[row]++;
    while (placements[row].box) {
        if (!placements[--row].box) {
            tally->clicks[row]++;
        }
    }
}

static void long_run_ctrs_are_the_true_ones(void **state)
{
    struct traffic *traffic = make(3, 1000);
    static struct tally tally;
    size_t rows;

    (void)state;
    for (int i = 0; i < LONG_RUN; i++) {
        struct event event = next(traffic);

        count(&tally, &event);
    }
    (void)traffic_placements(&rows);
    for (size_t i = 0; i < rows; i++) {
        double expected = traffic_true_ctr(i);
        double deviation = sqrt(expected / tally.views[i]); /* Poisson */

        assert_true(tally.views[i] > 10000);
        /* Five standard deviations: one seed, and 14 rows. */
        assert_true(fabs(tally.clicks[i] / tally.views[i] - expected) < 5 * deviation);
    }
    traffic_free(traffic);
}

enum { REMEMBERED = 4096 };

/* A click of the same visitor at the same placement came 0.2 to 3 s after some view. */
static void every_click_follows_a_view_of_it_by_200_ms_to_3_s(void **state)
{
    static struct {
        struct event event;
        char visitor[32];
    } views[REMEMBERED]; /* the newest */
    struct traffic *traffic = make(5, 100);
    size_t views_count = 0;
    int clicks = 0;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct event event = next(traffic);
        size_t slot = views_count % REMEMBERED;
        bool found = event.type == EVENT_VIEW;

        if (event.type == EVENT_VIEW) {
            views[slot].event = event;
            memcpy(views[slot].visitor, event.visitor.bytes, event.visitor.length);
            views[slot].event.visitor.bytes = views[slot].visitor;
            views_count++;
            continue;
        }
        clicks++;
        for (size_t j = 0; j < REMEMBERED && j < views_count && !found; j++) {
            const struct event *view = &views[j].event;
            int64_t delay_ms = event.ts_ms - view->ts_ms;

            found = same_text(view->page, event.page) && same_text(view->box, event.box) &&
                    same_text(view->visitor, event.visitor) && delay_ms >= 199 && delay_ms <= 3001;
        }
        assert_true(found);
    }
    assert_true(clicks > 500);
    traffic_free(traffic);
}

static void ids_never_repeat(void **state)
{
    struct traffic *traffic = make(5, 100);
    struct event event;
    char last[64] = "";

    (void)state;
    for (int i = 0; i < 1000; i++) {
        event = next(traffic);
        assert_true(event.id.length > 0 && event.id.length < sizeof last);
        assert_string_not_equal(event.id.bytes, last);
        memcpy(last, event.id.bytes, event.id.length + 1);
    }
    traffic_free(traffic);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_makes_the_same_events),
        cmocka_unit_test(another_seed_makes_other_events),
        cmocka_unit_test(times_never_go_back_and_are_foretold),
        cmocka_unit_test(the_rate_is_kept_on_average),
        cmocka_unit_test(long_run_ctrs_are_the_true_ones),
        cmocka_unit_test(every_click_follows_a_view_of_it_by_200_ms_to_3_s),
        cmocka_unit_test(ids_never_repeat),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
