/* SPDX-License-Identifier: Apache-2.0
 *
 * Orders of lists that need more than counts, and lists that are read while the store moves.
 */
#include "storage/listing.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "storage/spread.h"
#include "storage_fixture.h"

static void expect_pages(const struct store *store, struct list_query query, const char *wanted)
{
    struct listing *listing = NULL;
    char text[256] = "";
    size_t length = 0;

    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    for (size_t i = 0; i < listing->count; i++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%.*s", i == 0 ? "" : " ",
                                   (int)listing->rows[i].place.page.length,
                                   listing->rows[i].place.page.bytes);
    }
    assert_string_equal(text, wanted);
    listing_free(listing);
}

static void seen_by(struct store *store, const char *page, const char *visitor, bool clicked)
{
    give(store, 0, BEGIN_MS,
         (struct given){.type = EVENT_VIEW, .ts_ms = BEGIN_MS, .page = page, .visitor = visitor});
    if (clicked) {
        give(store, 0, BEGIN_MS,
             (struct given){
                 .type = EVENT_CLICK, .ts_ms = BEGIN_MS, .page = page, .visitor = visitor});
    }
}

static void people_are_ranked_and_those_without_a_number_stand_last(void **state)
{
    struct store_options options = fixture_options("1m,1h");
    struct store *store = fixture_store(&options, 1);
    struct list_query query = {.level = LEVEL_PAGE, .limit = 100, .sort = LIST_BY_UNIQUE_CTR};

    (void)state;
    seen_by(store, "half", "a", true);
    seen_by(store, "half", "b", false);
    seen_by(store, "all", "a", true);
    seen_by(store, "none", "a", false);
    view(store, 0, BEGIN_MS, "anonymous", NULL);
    settle_at(store, BEGIN_MS + 1000);
    expect_pages(store, query, "all half none anonymous");
    query.window = 1; /* beyond people_horizon: nobody has a number, ids decide */
    expect_pages(store, query, "all anonymous half none");
    store_free(store);
}

static void views(struct store *store, int64_t ts_ms, const char *page, const char *box, int views,
                  int clicks)
{
    for (int i = 0; i < views; i++) {
        view(store, 0, ts_ms, page, box);
    }
    for (int i = 0; i < clicks; i++) {
        click(store, 0, ts_ms, page, box);
    }
}

static void smoothing_ranks_placements_by_the_prior_of_their_own_box(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct list_query query = {
        .level = LEVEL_PLACEMENT, .limit = 100, .sort = LIST_BY_SMOOTHED_CTR};

    (void)state;
    views(store, BEGIN_MS, "p1", "good", 100, 50);
    views(store, BEGIN_MS, "p2", "good", 2, 0); /* nothing yet, but its box does well */
    views(store, BEGIN_MS, "p1", "poor", 100, 5);
    views(store, BEGIN_MS, "p3", "poor", 2, 1); /* half, but its box does badly */
    views(store, BEGIN_MS, "p4", "over", 1, 9); /* more clicks than views: no number */
    settle_at(store, BEGIN_MS + 1000);
    expect_pages(store, query, "p1 p2 p3 p1 p4");
    store_free(store);
}

static void movers_compare_with_exactly_the_stretch_before(void **state)
{
    struct store_options options = fixture_options("1m,2m,10m");
    struct store *store = fixture_store(&options, 1);
    struct list_query query = {.level = LEVEL_PAGE, .limit = 100, .wider = 1, .sort = LIST_BY_RISE};
    struct listing *listing = NULL;

    (void)state;
    views(store, BEGIN_MS, "old", NULL, 100, 90); /* falls out of the stretch before */
    settle_at(store, BEGIN_MS + 1000);
    views(store, BEGIN_MS + 60000, "old", NULL, 100, 10);
    views(store, BEGIN_MS + 60000, "new", NULL, 100, 10);
    settle_at(store, BEGIN_MS + 61000);
    views(store, BEGIN_MS + 120000, "old", NULL, 100, 40);
    views(store, BEGIN_MS + 120000, "new", NULL, 100, 40);
    views(store, BEGIN_MS + 120000, "first seen", NULL, 100, 90); /* nothing to compare with */
    settle_at(store, BEGIN_MS + 120000 + 1000);
    /* [120 s - 119 s, ...): now is [61 s, 121 s), before is [1 s, 61 s) */
    expect_pages(store, query, "new old");
    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    assert_int_equal(listing->before_ms, BEGIN_MS + 1000);
    assert_int_equal(listing->reading.from_ms, BEGIN_MS + 61000);
    assert_int_equal(listing->compared, 2);
    assert_int_equal(listing->rows[1].before.impressions, 100);
    assert_int_equal(listing->rows[1].before.clicks, 10);
    listing_free(listing);
    query.sort = LIST_BY_FALL;
    expect_pages(store, query, "");
    store_free(store);
}

/* ---- a part of a list, and what its rows say of others ------------------------------------- */

enum { MANY_BOXES = 40, MANY_PAGES = 20 };

/* Boxes on few and on many pages; some with more clicks than views. */
static struct store *many_placements(void)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    uint64_t dice = 7;

    options.held_max = 100000;
    options.keys_max = 10000;
    store = fixture_store(&options, 1);
    for (int box = 0; box < MANY_BOXES; box++) {
        for (int page = 0; page <= box % MANY_PAGES; page++) {
            char names[2][16];

            dice = hash_mix(dice, (uint64_t)box, (uint64_t)page);
            (void)snprintf(names[0], sizeof names[0], "p%d", page);
            (void)snprintf(names[1], sizeof names[1], "b%d", box);
            views(store, BEGIN_MS, names[0], names[1], 1 + (int)(dice % 30),
                  (int)(dice >> 32) % 3 == 0 ? (int)(dice >> 40) % 12 : 0);
        }
    }
    settle_at(store, BEGIN_MS + 1000);
    return store;
}

static struct listing *list_of(const struct store *store, enum list_sort sort, size_t limit)
{
    const struct list_query query = {.level = LEVEL_PLACEMENT, .limit = limit, .sort = sort};
    struct listing *listing = NULL;

    assert_int_equal(store_list(store, &query, &listing), CTR_OK);
    return listing;
}

static void expect_same_text(struct text left, struct text right)
{
    assert_int_equal(left.length, right.length);
    assert_memory_equal(left.bytes, right.bytes, left.length);
}

/* The whole is never cut, so it is the model. */
static void a_short_list_is_the_beginning_of_the_whole(void **state)
{
    static const size_t limits[] = {1, 2, 7, 50, 200};
    struct store_options options = fixture_options("10m");
    struct store *two = fixture_store(&options, 1);
    struct store *store = many_placements();
    struct listing *first = NULL;

    (void)state;
    views(two, BEGIN_MS, "best", "b", 100, 50); /* the other one is passed over at a glance */
    views(two, BEGIN_MS, "other", "b", 100, 1);
    settle_at(two, BEGIN_MS + 1000);
    first = list_of(two, LIST_BY_CTR_LOW, 1);
    assert_int_equal(first->total, 2);
    assert_true(first->more);
    listing_free(first);
    store_free(two);
    for (int sort = LIST_BY_IMPRESSIONS; sort <= LIST_BY_UNIQUE_CTR; sort++) {
        struct listing *whole = list_of(store, (enum list_sort)sort, LIST_ROWS_MAX);

        assert_int_equal(whole->count, whole->total);
        assert_false(whole->more);
        for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
            struct listing *part = list_of(store, (enum list_sort)sort, limits[i]);

            assert_int_equal(part->count, limits[i]);
            assert_int_equal(part->total, whole->total);
            assert_true(part->more);
            for (size_t row = 0; row < part->count; row++) {
                expect_same_text(part->rows[row].place.page, whole->rows[row].place.page);
                expect_same_text(part->rows[row].place.box, whole->rows[row].place.box);
            }
            listing_free(part);
        }
        listing_free(whole);
    }
    store_free(store);
}

static void rows_know_the_weight_that_all_placements_of_their_box_give(void **state)
{
    struct store *store = many_placements();
    struct listing *whole = list_of(store, LIST_BY_CTR_LOW, LIST_ROWS_MAX);
    size_t learned = 0;

    (void)state;
    for (size_t i = 0; i < whole->count; i++) {
        const struct list_row *row = &whole->rows[i];
        struct spread spread = {0};
        double weight = 0;

        for (size_t k = 0; k < whole->count; k++) {
            const struct list_row *other = &whole->rows[k];

            if (other->place.box.length == row->place.box.length &&
                memcmp(other->place.box.bytes, row->place.box.bytes, row->place.box.length) == 0) {
                spread_add(&spread, other->place.totals.impressions, other->place.totals.clicks);
            }
        }
        weight = spread_weight(&spread);
        learned += weight < SPREAD_WEIGHT_DEFAULT || weight > SPREAD_WEIGHT_DEFAULT;
        assert_false(row->figures.has_prior &&
                     (row->figures.prior_weight < weight || row->figures.prior_weight > weight));
    }
    assert_true(learned > MANY_BOXES);
    listing_free(whole);
    store_free(store);
}

/* ---- while the store moves ----------------------------------------------------------------- */

enum { KEYS = 9000, ROUNDS = 150 };

struct race {
    struct store *store;
    _Atomic bool done;
    _Atomic unsigned lists;
};

/* Every key has as many views as the round number says, so one picture has one sum. */
static void *list_on(void *owner)
{
    struct race *race = owner;
    const struct list_query query = {.level = LEVEL_PAGE, .limit = 1000, .sort = LIST_BY_CTR_LOW};

    while (!atomic_load(&race->done)) {
        struct listing *listing = NULL;
        bool torn = false;

        if (store_list(race->store, &query, &listing) != CTR_OK) {
            return owner;
        }
        for (size_t i = 0; i < listing->count; i++) {
            torn |= listing->rows[i].figures.totals.impressions !=
                    listing->rows[0].figures.totals.impressions;
        }
        torn |= listing->total != KEYS && listing->total != 0;
        listing_free(listing);
        (void)atomic_fetch_add(&race->lists, 1);
        if (torn) {
            return owner;
        }
    }
    return NULL;
}

static void a_list_is_of_one_picture_though_the_lock_is_let_go(void **state)
{
    struct store_options options = fixture_options("10m");
    struct race race = {.done = false};
    pthread_t reader;
    void *torn = NULL;

    (void)state;
    options.keys_max = KEYS + 10;
    options.held_max = KEYS + 10;
    race.store = fixture_store(&options, 1);
    assert_int_equal(pthread_create(&reader, NULL, list_on, &race), 0);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t ts_ms = BEGIN_MS + round * 1000;

        for (int key = 0; key < KEYS; key++) {
            char page[16];

            (void)snprintf(page, sizeof page, "%d", key);
            view(race.store, 0, ts_ms, page, NULL);
        }
        settle_at(race.store, ts_ms + 1000);
    }
    while (atomic_load(&race.lists) == 0) {
        settle_at(race.store, BEGIN_MS + ROUNDS * 1000);
    }
    atomic_store(&race.done, true);
    (void)pthread_join(reader, &torn);
    assert_null(torn);
    store_free(race.store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_ranked_and_those_without_a_number_stand_last),
        cmocka_unit_test(smoothing_ranks_placements_by_the_prior_of_their_own_box),
        cmocka_unit_test(movers_compare_with_exactly_the_stretch_before),
        cmocka_unit_test(a_short_list_is_the_beginning_of_the_whole),
        cmocka_unit_test(rows_know_the_weight_that_all_placements_of_their_box_give),
        cmocka_unit_test(a_list_is_of_one_picture_though_the_lock_is_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
