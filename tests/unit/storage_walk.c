/* SPDX-License-Identifier: Apache-2.0
 *
 * A walk over every row, in pieces of one moment.
 */
#include "storage/walk.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "storage/store_internal.h"
#include "tests/unit/storage_fixture.h"

static const bool all_levels[LEVEL_COUNT] = {true, true, true, true};

/* What a whole walk found. */
struct found {
    size_t pieces, rows, by_level[LEVEL_COUNT];
    struct totals sums[LEVEL_COUNT]; /* with the `other` rows */
    struct totals others[LEVEL_COUNT];
};

static bool differ(double left, double right)
{
    return left < right || left > right;
}

static bool same_figures(const struct figures *left, const struct figures *right)
{
    return left->totals.impressions == right->totals.impressions &&
           left->totals.clicks == right->totals.clicks && left->people == right->people &&
           left->crowd.viewers == right->crowd.viewers &&
           left->crowd.clickers == right->crowd.clickers &&
           left->crowd.clicking == right->crowd.clicking && left->has_prior == right->has_prior &&
           !differ(left->prior_ctr, right->prior_ctr) &&
           !differ(left->prior_weight, right->prior_weight) && left->folded == right->folded;
}

/* Each row says what store_read says of its key. */
static void check_row(const struct store *store, size_t window, const struct walk_row *row,
                      struct found *found)
{
    struct key_name name = {.page = row->page, .box = row->box};
    struct figures figures;
    struct reading reading;

    found->rows++;
    found->by_level[row->level]++;
    found->sums[row->level].impressions += row->figures.totals.impressions;
    found->sums[row->level].clicks += row->figures.totals.clicks;
    if (row->other) {
        assert_int_not_equal(row->level, LEVEL_SITE);
        found->others[row->level] = row->figures.totals;
        return;
    }
    assert_int_equal(keys_level(&name), row->level);
    store_read(store, window, &name, 1, &figures, &reading);
    if (!same_figures(&row->figures, &figures)) {
        print_message("%.*s %.*s\n", (int)row->page.length, row->page.bytes, (int)row->box.length,
                      row->box.bytes);
    }
    assert_true(same_figures(&row->figures, &figures));
}

static struct found walk_all(const struct store *store, size_t window, const bool *levels)
{
    static struct walk_piece piece;
    struct found found = {0};
    struct walk walk;

    walk_begin(store, window, levels, &walk);
    while (walk.stage != WALK_DONE) {
        assert_int_equal(walk_next(store, &walk, &piece), CTR_OK);
        assert_true(piece.count <= WALK_ROWS_MAX && piece.bytes_used <= WALK_BYTES);
        found.pieces++;
        for (size_t i = 0; i < piece.count; i++) {
            check_row(store, window, &piece.rows[i], &found);
        }
    }
    return found;
}

/* Pages 0..pages-1, each with every box of 0..boxes-1; uneven counts, some visitors. */
static void fill(struct store *store, int pages, int boxes, int64_t now_ms)
{
    for (int page = 0; page < pages; page++) {
        char page_name[32], box_name[32], visitor[32];

        (void)snprintf(page_name, sizeof page_name, "/p/%d", page);
        view(store, 0, now_ms, page_name, NULL);
        for (int box = 0; box < boxes; box++) {
            (void)snprintf(box_name, sizeof box_name, "box.%d", box);
            (void)snprintf(visitor, sizeof visitor, "v%d", page % 7);
            for (int i = 0; i <= (page * 3 + box) % 4; i++) {
                give(store, 0, now_ms,
                     (struct given){.type = EVENT_VIEW,
                                    .ts_ms = now_ms,
                                    .page = page_name,
                                    .box = box_name,
                                    .visitor = visitor});
            }
            if ((page + box) % 3 == 0) {
                click(store, 0, now_ms, page_name, box_name);
            }
        }
    }
}

static void every_row_is_what_a_reader_of_its_key_sees(void **state)
{
    struct store_options options = fixture_options("1m,10m,1h");
    struct store *store = fixture_store(&options, 1);
    struct found found;

    (void)state;
    fill(store, 12, 5, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    for (size_t window = 0; window < 3; window++) {
        found = walk_all(store, window, all_levels);
        assert_int_equal(found.by_level[LEVEL_SITE], 1);
        assert_int_equal(found.by_level[LEVEL_PAGE], 12);
        assert_int_equal(found.by_level[LEVEL_BOX], 5);
        assert_int_equal(found.by_level[LEVEL_PLACEMENT], 60);
        assert_int_equal(found.sums[LEVEL_PAGE].impressions, found.sums[LEVEL_SITE].impressions);
        assert_int_equal(found.sums[LEVEL_PAGE].clicks, found.sums[LEVEL_SITE].clicks);
        assert_int_equal(found.sums[LEVEL_BOX].impressions,
                         found.sums[LEVEL_PLACEMENT].impressions);
        assert_int_equal(found.sums[LEVEL_BOX].clicks, found.sums[LEVEL_PLACEMENT].clicks);
    }
    for (int i = 0; i < 40; i++) { /* what was learned of the boxes is learned anew */
        view(store, 0, BEGIN_MS + 3000, "/p/3", "box.1");
    }
    click(store, 0, BEGIN_MS + 3000, "/p/3", "box.1");
    settle_at(store, BEGIN_MS + 6000);
    assert_int_equal(walk_all(store, 1, all_levels).rows, 1 + 12 + 5 + 60);
    store_free(store);
}

static void more_rows_than_fit_come_in_pieces(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct found found;

    (void)state;
    options.keys_max = 20000;
    options.held_max = 100000;
    store = fixture_store(&options, 1);
    fill(store, 300, 9, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    found = walk_all(store, 0, all_levels);
    assert_int_equal(found.rows, 1 + 300 + 9 + 2700);
    assert_true(found.pieces > 10);
    assert_int_equal(found.sums[LEVEL_PAGE].clicks, found.sums[LEVEL_SITE].clicks);
    store_free(store);
}

static void only_the_levels_that_are_wanted_come(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    fill(store, 4, 3, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        static const size_t wanted[LEVEL_COUNT] = {1, 4, 3, 12};
        bool levels[LEVEL_COUNT] = {false};
        struct found found;

        levels[level] = true;
        found = walk_all(store, 0, levels);
        assert_int_equal(found.rows, wanted[level]);
        assert_int_equal(found.by_level[level], wanted[level]);
    }
    store_free(store);
}

/* A key lives as long as the widest window; in a narrow one it has no counts any more. */
static void rows_without_counts_do_not_come(void **state)
{
    struct store_options options = fixture_options("1m,1h");
    struct store *store = fixture_store(&options, 1);

    (void)state;
    fill(store, 4, 3, BEGIN_MS);
    settle_at(store, BEGIN_MS + 5 * MINUTE_MS);
    assert_int_equal(walk_all(store, 0, all_levels).rows, 1);
    assert_int_equal(walk_all(store, 1, all_levels).rows, 1 + 4 + 3 + 12);
    store_free(store);
}

static void what_the_limit_folded_is_told_and_the_sums_are_right(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct found found;

    (void)state;
    options.keys_max = 20;
    store = fixture_store(&options, 1);
    fill(store, 12, 5, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    found = walk_all(store, 0, all_levels);
    assert_true(found.others[LEVEL_PLACEMENT].impressions > 0);
    assert_true(found.others[LEVEL_PAGE].impressions > 0);
    assert_int_equal(found.sums[LEVEL_PAGE].impressions, found.sums[LEVEL_SITE].impressions);
    assert_int_equal(found.sums[LEVEL_PAGE].clicks, found.sums[LEVEL_SITE].clicks);
    assert_int_equal(found.sums[LEVEL_BOX].impressions, found.sums[LEVEL_PLACEMENT].impressions);
    store_free(store);
}

static struct walk walk_half(const struct store *store)
{
    static struct walk_piece piece;
    struct walk walk;

    walk_begin(store, 0, all_levels, &walk);
    assert_int_equal(walk_next(store, &walk, &piece), CTR_OK);
    assert_true(walk.stage != WALK_DONE);
    return walk;
}

static void a_walk_ends_when_something_moved(void **state)
{
    static struct walk_piece piece;
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct store *other = NULL;
    struct walk walk;

    (void)state;
    options.keys_max = 20000;
    options.held_max = 100000;
    store = fixture_store(&options, 1);
    other = fixture_store(&options, 1);
    fill(store, 300, 9, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    fill(other, 300, 9, BEGIN_MS);
    settle_at(other, BEGIN_MS + 3000);
    walk = walk_half(store);
    view(store, 0, BEGIN_MS + 3000, "/new", "new");
    assert_int_equal(store_advance(store, BEGIN_MS + 3100, false), CTR_OK); /* held, not counted */
    assert_int_equal(walk_next(store, &walk, &piece), CTR_OK);
    settle_at(store, BEGIN_MS + 6000);
    assert_int_equal(walk_next(store, &walk, &piece), CTR_RETRY);
    walk = walk_half(store);
    assert_int_equal(walk_next(other, &walk, &piece), CTR_RETRY);
    store_free(other);
    store_free(store);
}

/* The key that a list would go on with may be gone, and its number another's. */
static void a_removed_key_ends_a_walk_that_is_in_a_list(void **state)
{
    static struct walk_piece piece;
    struct store_options options = fixture_options("10m");
    struct store *store = NULL;
    struct walk walk;

    (void)state;
    options.keys_max = 20000;
    options.held_max = 100000;
    store = fixture_store(&options, 1);
    fill(store, 600, 2, BEGIN_MS);
    settle_at(store, BEGIN_MS + 3000);
    walk_begin(store, 0, all_levels, &walk);
    while (walk.stage != WALK_SPREAD) {
        assert_int_equal(walk_next(store, &walk, &piece), CTR_OK);
        assert_true(walk.stage != WALK_DONE);
    }
    store->keys.removals++;
    assert_int_equal(walk_next(store, &walk, &piece), CTR_RETRY);
    store_free(store);
}

/* as_of goes on being known, `to` stays; not for ever, and not once it was released. */
static void a_moment_that_is_held_lasts_a_while(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct progress before, after;
    struct walk walk;

    (void)state;
    for (int released = 0; released < 2; released++) {
        int64_t base_ms = BEGIN_MS + released * MINUTE_MS;

        view(store, 0, base_ms, "/a", "b");
        settle_at(store, base_ms + 2000);
        before = store_progress(store);
        walk_begin(store, 0, all_levels, &walk);
        walk_hold(store, &walk);
        view(store, 0, base_ms + 2000, "/a", "b");
        settle_at(store, base_ms + 5500); /* and settle_ms is 0 here */
        after = store_progress(store);
        assert_int_equal(after.revision, before.revision);
        assert_int_equal(after.to_ms, before.to_ms);
        assert_true(after.as_of_ms < after.to_ms + SLICE_BASE_MS); /* so lag_ms tells it */
        if (released) {
            walk_release(store);
            settle_at(store, base_ms + 5600);
            assert_int_equal(store_progress(store).to_ms, base_ms + 5000);
        } else {
            settle_at(store, base_ms + 7000);
            assert_int_equal(store_progress(store).to_ms, before.to_ms);
            settle_at(store, base_ms + 7100);
            assert_int_equal(store_progress(store).to_ms, base_ms + 7000);
        }
        assert_totals(store, 0, "/a", "b", 2 + 2 * released, 0);
    }
    store_free(store);
}

/* ---- waiting for a move ---------------------------------------------------------------------- */

static struct timespec after_ms(int64_t ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_nsec += (long)(ms % 1000) * 1000000;
    at.tv_sec += ms / 1000 + at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

enum { MOVES = 20 };

struct waiting {
    struct store *store;
    _Atomic int moves; /* seen */
};

static void *wait_for_moves(void *argument)
{
    struct waiting *waiting = argument;
    uint64_t revision = 0;

    while (atomic_load(&waiting->moves) < MOVES) {
        struct timespec until = after_ms(20000);

        revision = store_await(waiting->store, revision, &until).revision;
        (void)atomic_fetch_add(&waiting->moves, 1);
    }
    return NULL;
}

/* Not by its deadline: that would take minutes. */
static void who_waits_is_woken_by_a_move(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct waiting waiting = {.store = store};
    struct timespec begun = after_ms(0);
    struct timespec soon = after_ms(20);
    pthread_t thread;
    int64_t now_ms = BEGIN_MS;

    (void)state;
    assert_int_equal(store_await(store, 0, &soon).revision, 0); /* by its deadline */
    assert_int_equal(pthread_create(&thread, NULL, wait_for_moves, &waiting), 0);
    while (atomic_load(&waiting.moves) < MOVES) {
        const struct timespec pause = {.tv_nsec = 5000000};

        view(store, 0, now_ms, "/a", NULL);
        now_ms += 3000;
        settle_at(store, now_ms);
        (void)nanosleep(&pause, NULL);
        assert_true(after_ms(0).tv_sec - begun.tv_sec < 15);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_what_a_reader_of_its_key_sees),
        cmocka_unit_test(more_rows_than_fit_come_in_pieces),
        cmocka_unit_test(only_the_levels_that_are_wanted_come),
        cmocka_unit_test(rows_without_counts_do_not_come),
        cmocka_unit_test(what_the_limit_folded_is_told_and_the_sums_are_right),
        cmocka_unit_test(a_walk_ends_when_something_moved),
        cmocka_unit_test(a_removed_key_ends_a_walk_that_is_in_a_list),
        cmocka_unit_test(a_moment_that_is_held_lasts_a_while),
        cmocka_unit_test(who_waits_is_woken_by_a_move),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
