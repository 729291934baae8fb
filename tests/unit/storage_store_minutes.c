/* SPDX-License-Identifier: Apache-2.0 */
#include "storage_fixture.h"

#include "storage/store_minutes.h"
#include "storage/store_status.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "storage/checkpoint.h"

#define LATENESS_MS (2 * MINUTE_MS)
#define FINAL_MS    (BEGIN_MS + MINUTE_MS + LATENESS_MS)
#define EVENT(...)  ((struct given){__VA_ARGS__})
#define VIEW(...)   EVENT(.page = "p", .type = EVENT_VIEW, __VA_ARGS__)
#define CLICK(...)  EVENT(.page = "p", .type = EVENT_CLICK, __VA_ARGS__)

static struct minute_sums sums_of(struct store *store, const char *page, const char *box,
                                  uint64_t saved_cut)
{
    struct key_name name = {.page = as_text(page), .box = as_text(box)};
    struct minute_sums sums;

    assert_int_equal(
        store_minutes(store, &name, BEGIN_MS - HOUR_MS, BEGIN_MS + HOUR_MS, saved_cut, &sums),
        CTR_OK);
    return sums;
}

/* One number of the minute `minutes` after BEGIN_MS. */
static int64_t number_of(struct store *store, int minutes, const char *page, const char *box,
                         enum minute_number number)
{
    struct minute_sums sums = sums_of(store, page, box, 0);
    int64_t found = 0;

    for (size_t i = 0; i < sums.count; i++) {
        if (sums.items[i].minute_ms == BEGIN_MS + minutes * MINUTE_MS) {
            found = sums.items[i].numbers[number];
        }
        assert_true(i == 0 || sums.items[i].minute_ms > sums.items[i - 1].minute_ms);
    }
    minute_sums_done(&sums);
    return found;
}

#define assert_number(store, minutes, page, box, number, wanted)                                   \
    assert_int_equal(number_of(store, minutes, page, box, number), wanted)

#define assert_minute_people(store, minutes, page, box, known, viewers, clickers, unseen)          \
    do {                                                                                           \
        assert_number(store, minutes, page, box, MINUTE_PEOPLE, known);                            \
        assert_number(store, minutes, page, box, MINUTE_VIEWERS, viewers);                         \
        assert_number(store, minutes, page, box, MINUTE_CLICKERS, clickers);                       \
        assert_number(store, minutes, page, box, MINUTE_UNSEEN_CLICKERS, unseen);                  \
    } while (0)

/* Offers an event in the second before record_ms + 1000, and moves there. */
static void step(struct store *store, int64_t record_ms, struct given given)
{
    give(store, 0, record_ms, given);
    settle_at(store, record_ms + 1000);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void a_minute_adds_up_what_counts_in_it_for_each_key(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    struct minute_sums sums;

    (void)state;
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS + 999, .box = "b"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 59999, .box = "b"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 60000, .box = "b"));
    settle_at(store, BEGIN_MS + 2 * MINUTE_MS);
    assert_number(store, 0, "p", NULL, MINUTE_IMPRESSIONS, 1);
    assert_number(store, 0, "p", NULL, MINUTE_CLICKS, 1);
    assert_number(store, 0, "p", "b", MINUTE_IMPRESSIONS, 1);
    assert_number(store, 0, NULL, "b", MINUTE_CLICKS, 1);
    assert_number(store, 0, NULL, NULL, MINUTE_IMPRESSIONS, 1);
    assert_number(store, 1, NULL, NULL, MINUTE_CLICKS, 1);
    assert_number(store, 1, NULL, NULL, MINUTE_REVISION, 0);
    sums = sums_of(store, NULL, NULL, 0);
    assert_int_equal(sums.count, 2);
    assert_int_equal(sums.to_ms, BEGIN_MS + 2 * MINUTE_MS);
    assert_int_equal(sums.lateness_ms, LATENESS_MS);
    assert_int_equal(sums.first_ms, INT64_MIN);
    minute_sums_done(&sums);
    store_cover_from(store, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3 * MINUTE_MS);
    sums = sums_of(store, "nobody", NULL, 0);
    assert_int_equal(sums.count, 0);
    assert_int_equal(sums.first_ms, BEGIN_MS);
    minute_sums_done(&sums);
    store_free(store);
}

static void what_comes_after_a_minute_is_final_is_its_revision(void **state)
{
    struct store_options options = fixture_options("1m,1h");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS));
    step(store, FINAL_MS - 1000, VIEW(.ts_ms = BEGIN_MS)); /* its step is the end of lateness */
    assert_number(store, 0, "p", NULL, MINUTE_REVISION, 0);
    step(store, FINAL_MS, VIEW(.ts_ms = BEGIN_MS));
    step(store, FINAL_MS, CLICK(.ts_ms = BEGIN_MS, .box = "b"));
    step(store, FINAL_MS, VIEW(.ts_ms = BEGIN_MS, .filtered = true));
    assert_number(store, 0, "p", NULL, MINUTE_IMPRESSIONS, 3);
    assert_number(store, 0, "p", NULL, MINUTE_REVISION, 2);
    assert_number(store, 0, NULL, NULL, MINUTE_REVISION, 2);
    assert_number(store, 0, NULL, "b", MINUTE_REVISION, 1);
    assert_number(store, 0, "p", NULL, MINUTE_FILTERED, 1);
    /* Also one that is older than every window. */
    step(store, BEGIN_MS + 90 * MINUTE_MS, VIEW(.ts_ms = BEGIN_MS + MINUTE_MS));
    assert_number(store, 1, "p", NULL, MINUTE_IMPRESSIONS, 1);
    assert_number(store, 1, "p", NULL, MINUTE_REVISION, 1);
    assert_totals(store, 1, "p", NULL, 0, 0);
    store_free(store);
}

static void records_that_do_not_count_are_noted_with_the_reason(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;

    (void)state;
    options.click_gap_ms = 1000;
    options.late_ms = 2 * MINUTE_MS;
    store = fixture_store(&options, 1);
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .id = "1", .box = "b"));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .id = "1", .box = "b"));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .filtered = true));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS, .filtered = true, .box = "b"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 1, .visitor = "v"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 2, .visitor = "v"));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS - 2 * MINUTE_MS - 1));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS + MINUTE_MS + 1, .box = "b"));
    /* Those refused by their times are there as soon as they are read. */
    assert_number(store, -3, "p", NULL, MINUTE_LATE, 1);
    assert_number(store, 1, "p", "b", MINUTE_FUTURE, 1);
    assert_number(store, 1, "p", NULL, MINUTE_FUTURE, 0); /* a view of a box */
    settle_at(store, BEGIN_MS + 1000);
    assert_number(store, 0, "p", "b", MINUTE_DUPLICATES, 1);
    assert_number(store, 0, "p", NULL, MINUTE_DUPLICATES, 0);
    assert_number(store, 0, NULL, "b", MINUTE_IMPRESSIONS, 1);
    assert_number(store, 0, "p", NULL, MINUTE_FILTERED, 2);
    assert_number(store, 0, NULL, "b", MINUTE_FILTERED, 1);
    assert_number(store, 0, NULL, NULL, MINUTE_REPEATED, 1);
    assert_number(store, 0, NULL, NULL, MINUTE_CLICKS, 1);
    store_free(store);
}

/* The finished rows of a level in a cut, or of its `other` row, added up. */
static int64_t finished(const struct checkpoint *cut, enum level level, bool other,
                        enum minute_number number)
{
    int64_t sum = 0;

    for (size_t i = 0; i < cut->finished_count; i++) {
        for (size_t r = 0; r < cut->finished[i]->rows_count; r++) {
            const struct minute_row *row = &cut->finished[i]->rows[r];
            const struct minute_block_key *key = &cut->finished[i]->keys[row->key];

            sum += key->level == level && key->other == other ? row->numbers[number] : 0;
        }
    }
    return sum;
}

/* What a cut holds of finished minutes, by their impressions of the site. */
static int64_t cut_impressions(struct store *store, bool whole)
{
    struct checkpoint *cut = NULL;
    int64_t sum = 0;

    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    sum = finished(cut, LEVEL_SITE, false, MINUTE_IMPRESSIONS);
    checkpoint_free(cut);
    return sum;
}

/* The one taken back may be in a slice that no window needs any more. */
static void a_click_that_is_taken_back_goes_from_its_minute_whatever_the_windows_hold(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = NULL;
    struct checkpoint *cut = NULL;

    (void)state;
    options.click_gap_ms = 1000;
    options.keys_max = 3; /* placement, page and box of the first */
    store = fixture_store(&options, 1);
    step(store, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 500, .visitor = "v", .box = "b"));
    step(store, BEGIN_MS + 1000, CLICK(.ts_ms = BEGIN_MS + 500, .visitor = "w", .box = "folded"));
    step(store, BEGIN_MS + 5 * MINUTE_MS, CLICK(.ts_ms = BEGIN_MS, .visitor = "v", .box = "b"));
    step(store, BEGIN_MS + 5 * MINUTE_MS,
         CLICK(.ts_ms = BEGIN_MS, .visitor = "w", .box = "folded"));
    assert_number(store, 0, "p", "b", MINUTE_CLICKS, 1);
    assert_number(store, 0, "p", "b", MINUTE_REPEATED, 1);
    assert_number(store, 0, "p", "b", MINUTE_REVISION, 1);
    assert_number(store, 0, NULL, NULL, MINUTE_CLICKS, 2);
    assert_number(store, 0, NULL, NULL, MINUTE_REPEATED, 2);
    assert_number(store, 0, NULL, NULL, MINUTE_REVISION, 2);
    /* By now there was room for a key of its own; what was in the other row is taken back there. */
    assert_number(store, 0, NULL, "folded", MINUTE_CLICKS, 1);
    assert_int_equal(store_cut(store, true, &cut), CTR_OK);
    assert_int_equal(finished(cut, LEVEL_BOX, true, MINUTE_CLICKS), 0);
    assert_int_equal(finished(cut, LEVEL_BOX, true, MINUTE_REPEATED), 1);
    assert_int_equal(finished(cut, LEVEL_PLACEMENT, true, MINUTE_CLICKS), 0);
    checkpoint_free(cut);
    store_free(store);
}

/* ---- people --------------------------------------------------------------------------------- */

static void the_people_of_a_minute_are_those_at_its_end(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    step(store, BEGIN_MS - 5 * MINUTE_MS, VIEW(.ts_ms = BEGIN_MS - 5 * MINUTE_MS, .visitor = "a"));
    step(store, BEGIN_MS + 1000, VIEW(.ts_ms = BEGIN_MS + 1000, .visitor = "b", .box = "x"));
    step(store, BEGIN_MS + 2000, CLICK(.ts_ms = BEGIN_MS + 2000, .visitor = "a"));
    step(store, BEGIN_MS + 2000, CLICK(.ts_ms = BEGIN_MS + 2000, .visitor = "c"));
    assert_minute_people(store, 0, "p", NULL, 0, 0, 0, 0); /* it has not ended */
    settle_at(store, BEGIN_MS + MINUTE_MS);
    assert_minute_people(store, 0, "p", NULL, 1, 2, 1, 1);
    assert_minute_people(store, 0, NULL, NULL, 1, 2, 1, 1);
    assert_minute_people(store, 0, NULL, "x", 1, 1, 0, 0);
    assert_minute_people(store, 0, "p", "x", 1, 1, 0, 0);
    /* What comes later changes nothing of it. */
    step(store, BEGIN_MS + MINUTE_MS, VIEW(.ts_ms = BEGIN_MS + 3000, .visitor = "d"));
    step(store, BEGIN_MS + MINUTE_MS,
         EVENT(.type = EVENT_VIEW, .ts_ms = BEGIN_MS + 3000, .page = "q", .visitor = "d"));
    assert_minute_people(store, 0, "p", NULL, 1, 2, 1, 1);
    assert_minute_people(store, 0, "q", NULL, 0, 0, 0, 0);
    settle_at(store, BEGIN_MS + 2 * MINUTE_MS);
    assert_minute_people(store, 1, NULL, NULL, 0, 0, 0, 0); /* nothing happened in it */
    store_free(store);
}

static void a_jump_over_many_minutes_stops_at_the_end_of_each(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    for (int minute = 0; minute < 4; minute++) {
        give(store, 0, BEGIN_MS,
             VIEW(.ts_ms = BEGIN_MS + minute * 20000, .visitor = minute == 0 ? "a" : "b"));
    }
    settle_at(store, BEGIN_MS + HOUR_MS);
    assert_minute_people(store, 0, "p", NULL, 1, 2, 0, 0);
    assert_minute_people(store, 1, "p", NULL, 1, 2, 0, 0);
    store_free(store);
}

static void only_what_counts_makes_the_people_of_a_minute_known(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    step(store, BEGIN_MS - MINUTE_MS, VIEW(.ts_ms = BEGIN_MS - MINUTE_MS, .visitor = "a"));
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .visitor = "a", .filtered = true));
    step(store, BEGIN_MS + MINUTE_MS,
         EVENT(.type = EVENT_VIEW, .ts_ms = BEGIN_MS + MINUTE_MS, .page = "q", .filtered = true));
    step(store, BEGIN_MS + MINUTE_MS, VIEW(.ts_ms = BEGIN_MS + MINUTE_MS, .visitor = "b"));
    settle_at(store, BEGIN_MS + 2 * MINUTE_MS);
    assert_minute_people(store, -1, "p", NULL, 1, 1, 0, 0);
    assert_minute_people(store, 0, "p", NULL, 0, 0, 0, 0);
    assert_minute_people(store, 0, NULL, NULL, 0, 0, 0, 0);
    assert_minute_people(store, 1, "p", NULL, 1, 2, 0, 0);
    /* The site's row began with a note. */
    assert_minute_people(store, 1, NULL, NULL, 1, 2, 0, 0);
    store_free(store);
}

static void a_straggler_at_the_end_of_a_minute_is_among_its_people_once(void **state)
{
    static const int64_t lateness_ms[] = {0, LATENESS_MS};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct store_options options = fixture_options("10m");
        struct store *store = NULL;

        options.lateness_ms = lateness_ms[i];
        store = fixture_store(&options, 2);
        step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .visitor = "a"));
        settle_at(store, BEGIN_MS + MINUTE_MS);
        assert_minute_people(store, 0, "p", NULL, 1, 1, 0, 0);
        give(store, 1, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .visitor = "b"));
        settle_at(store, BEGIN_MS + MINUTE_MS + 1);
        assert_minute_people(store, 0, "p", NULL, 1, 2, 0, 0);
        assert_number(store, 0, "p", NULL, MINUTE_IMPRESSIONS, 2);
        assert_number(store, 0, "p", NULL, MINUTE_REVISION, 0);
        store_free(store);
    }
}

static void without_people_to_be_had_those_of_a_minute_are_unknown(void **state)
{
    struct store_options options = fixture_options("1m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .visitor = "a"));
    settle_at(store, BEGIN_MS + MINUTE_MS);
    assert_minute_people(store, 0, "p", NULL, 0, 0, 0, 0); /* no window of ten minutes */
    store_free(store);
    options = fixture_options("10m");
    options.visitors_max = 1;
    store = fixture_store(&options, 1);
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS, .visitor = "a"));
    settle_at(store, BEGIN_MS + MINUTE_MS);
    assert_minute_people(store, 0, NULL, NULL, 1, 1, 0, 0);
    assert_minute_people(store, 0, "p", NULL, 0, 0, 0, 0);
    assert_number(store, 0, "p", NULL, MINUTE_IMPRESSIONS, 1);
    store_free(store);
}

/* ---- cuts, and the limit -------------------------------------------------------------------- */

static void finished_minutes_stay_readable_until_a_later_cut_says_they_are_saved(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct key_name site = {0};
    struct minute_sums sums;

    (void)state;
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS));
    settle_at(store, FINAL_MS + 1000);
    assert_int_equal(cut_impressions(store, true), 1); /* cut 1 */
    /* Whether cut 1 is in the file or not, each row is found just once. */
    sums = sums_of(store, NULL, NULL, 0);
    assert_int_equal(sums.count, 1);
    minute_sums_done(&sums);
    sums = sums_of(store, NULL, NULL, 1);
    assert_int_equal(sums.count, 0);
    minute_sums_done(&sums);
    step(store, FINAL_MS + 1000, VIEW(.ts_ms = BEGIN_MS)); /* a correction */
    assert_int_equal(cut_impressions(store, true), 2);     /* cut 2: the first had failed */
    assert_int_equal(cut_impressions(store, false), 0);    /* cut 3: the second had not */
    assert_int_equal(store_minutes(store, &site, BEGIN_MS, BEGIN_MS + 1, 1, &sums), CTR_RETRY);
    sums = sums_of(store, NULL, NULL, 2);
    assert_int_equal(sums.count, 0);
    minute_sums_done(&sums);
    store_free(store);
}

static void rows_beyond_max_minutes_are_lost_and_said_to_be(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct store_status status;

    (void)state;
    options.minutes_max = 3;
    store = fixture_store(&options, 1);
    step(store, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS)); /* two rows: site and page */
    step(store, BEGIN_MS + MINUTE_MS, VIEW(.ts_ms = BEGIN_MS + MINUTE_MS));
    settle_at(store, BEGIN_MS + HOUR_MS);
    assert_int_equal(store_status_read(store, &status), CTR_OK);
    assert_int_equal(status.minutes_waiting, 2);
    assert_int_equal(status.minutes_max, 3);
    assert_int_equal(status.minutes_lost, 2);
    store_status_done(&status);
    assert_number(store, 0, NULL, NULL, MINUTE_IMPRESSIONS, 1);
    assert_number(store, 1, NULL, NULL, MINUTE_IMPRESSIONS, 0);
    assert_int_equal(cut_impressions(store, true), 1);
    assert_int_equal(cut_impressions(store, false), 0);
    step(store, BEGIN_MS + HOUR_MS, VIEW(.ts_ms = BEGIN_MS)); /* there is room again */
    assert_int_equal(cut_impressions(store, false), 1);
    store_free(store);
}

/* ---- held ----------------------------------------------------------------------------------- */

struct asker {
    struct store *store;
    struct key_name name;
    int wait_ms;
    enum ctr_status status;
    uint64_t count;
    atomic_bool done;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    struct timespec deadline;

    (void)clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += asker->wait_ms / 1000;
    deadline.tv_nsec += asker->wait_ms % 1000 * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    asker->status = store_held(asker->store, &asker->name, BEGIN_MS, &deadline, &asker->count);
    atomic_store(&asker->done, true);
    return NULL;
}

static void held_records_are_counted_for_readers_by_the_writer(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    static const char *const names[][2] = {
        {NULL, NULL}, {"p", NULL}, {"p", "b"}, {NULL, "b"}, {"other", NULL}};
    static const uint64_t wanted[] = {3, 3, 2, 2, 0};
    enum { ASKERS = sizeof names / sizeof names[0] };
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    size_t done = 0;

    (void)state;
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS + 1000));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS + 1000, .box = "b"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 59999, .box = "b"));
    give(store, 0, BEGIN_MS, CLICK(.ts_ms = BEGIN_MS + 2000));
    give(store, 0, BEGIN_MS, VIEW(.ts_ms = BEGIN_MS + MINUTE_MS));
    settle_at(store, BEGIN_MS + 1000); /* the first one counts */
    for (size_t i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.store = store, .wait_ms = 20000};
        askers[i].name.page = as_text(names[i][0]);
        askers[i].name.box = as_text(names[i][1]);
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    while (done < ASKERS) {
        const struct timespec pause = {.tv_nsec = 1000000};

        settle_at(store, BEGIN_MS + 1000);
        (void)nanosleep(&pause, NULL);
        done = 0;
        for (size_t i = 0; i < ASKERS; i++) {
            done += atomic_load(&askers[i].done);
        }
    }
    for (size_t i = 0; i < ASKERS; i++) {
        (void)pthread_join(threads[i], NULL);
        assert_int_equal(askers[i].status, CTR_OK);
        assert_int_equal(askers[i].count, wanted[i]);
    }
    store_free(store);
}

static void a_question_that_is_not_answered_in_time_is_put_aside(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct asker asker = {.store = store, .wait_ms = 30};

    (void)state;
    (void)ask(&asker);
    assert_int_equal(asker.status, CTR_RETRY);
    settle_at(store, BEGIN_MS);
    (void)ask(&asker);
    assert_int_equal(asker.status, CTR_RETRY);
    store_free(store);
}

/* By it a copy of an answer is known to be good: `to` alone would not do (storage/book.h). */
static void whatever_changes_minutes_changes_their_number(void **state)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);
    const struct key_name site = {.page = {.length = 0}};
    struct minute_sums sums;
    uint64_t before = 0;

    (void)state;
    for (int step = 0; step < 3; step++) {
        before = store_minutes_changes(store);
        view(store, 0, BEGIN_MS + step * 1000, "/a", NULL);
        assert_int_equal(store_minutes_changes(store), before); /* held */
        settle_at(store, BEGIN_MS + step * 1000 + 2000);
        assert_true(store_minutes_changes(store) > before);
    }
    before = store_minutes_changes(store);
    assert_int_equal(store_minutes(store, &site, BEGIN_MS, BEGIN_MS + 60000, 0, &sums), CTR_OK);
    assert_int_equal(sums.changes, before);
    assert_int_equal(store_minutes_changes(store), before);
    minute_sums_done(&sums);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_changes_minutes_changes_their_number),
        cmocka_unit_test(a_minute_adds_up_what_counts_in_it_for_each_key),
        cmocka_unit_test(what_comes_after_a_minute_is_final_is_its_revision),
        cmocka_unit_test(records_that_do_not_count_are_noted_with_the_reason),
        cmocka_unit_test(a_click_that_is_taken_back_goes_from_its_minute_whatever_the_windows_hold),
        cmocka_unit_test(the_people_of_a_minute_are_those_at_its_end),
        cmocka_unit_test(a_jump_over_many_minutes_stops_at_the_end_of_each),
        cmocka_unit_test(only_what_counts_makes_the_people_of_a_minute_known),
        cmocka_unit_test(a_straggler_at_the_end_of_a_minute_is_among_its_people_once),
        cmocka_unit_test(without_people_to_be_had_those_of_a_minute_are_unknown),
        cmocka_unit_test(finished_minutes_stay_readable_until_a_later_cut_says_they_are_saved),
        cmocka_unit_test(rows_beyond_max_minutes_are_lost_and_said_to_be),
        cmocka_unit_test(held_records_are_counted_for_readers_by_the_writer),
        cmocka_unit_test(a_question_that_is_not_answered_in_time_is_put_aside),
    };

    return cmocka_run_group_tests_name("storage/store minutes", tests, NULL, NULL);
}
