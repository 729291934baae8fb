/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions to the snapshot thread: what is answered, how long one waits, and how it ends.
 */
#include "service/checkpointer.h"

#include "storage_snapshot_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#include "service/clock.h"
#include "storage/store_minutes.h"

enum { LONG_MS = 60000, KEYS = 60000, ROUNDS = 60, ASKERS = 4 };

static struct checkpointer *start_thread(void)
{
    static char second[PATH_BYTES + 8];
    const struct copies_options options = {.paths = {path, second}, .count = 2};
    struct copies *copies = NULL;
    struct checkpointer *checkpointer = NULL;

    (void)snprintf(second, sizeof second, "%s.2", path);
    assert_int_equal(copies_open(&options, &copies, NULL), CTR_OK);
    assert_int_equal(checkpointer_start(&copies, &checkpointer, NULL), CTR_OK);
    assert_null(copies);
    return checkpointer;
}

static void submit(struct checkpointer *checkpointer, struct store *store)
{
    struct checkpoint *cut = NULL;
    bool whole = false;

    assert_true(checkpointer_idle(checkpointer, &whole));
    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    checkpointer_submit(checkpointer, &cut);
    assert_null(cut);
}

/* A store with a view of /a in each of the first `minutes` minutes, all of them final. */
static struct store *store_of(int minutes)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = fixture_store(&options, 1);

    for (int i = 0; i < minutes; i++) {
        view(store, 0, BEGIN_MS + i * MINUTE_MS, "/a", NULL);
        settle_at(store, BEGIN_MS + i * MINUTE_MS + 1000);
    }
    settle_at(store, BEGIN_MS + (minutes + 3) * MINUTE_MS);
    return store;
}

/* A cut that takes a while to write. */
static struct store *store_of_many_keys(void)
{
    struct store_options options = fixture_options("1m,10m");
    struct store *store = NULL;
    char page[24];

    options.keys_max = KEYS;
    options.held_max = KEYS;
    store = fixture_store(&options, 1);
    for (int i = 0; i < KEYS; i++) {
        (void)snprintf(page, sizeof page, "/page/%d", i);
        view(store, 0, BEGIN_MS, page, NULL);
    }
    settle_at(store, BEGIN_MS + 5 * MINUTE_MS);
    return store;
}

static enum ctr_status ask(struct checkpointer *checkpointer, const struct store *store,
                           const char *page, int64_t fold_ms, int wait_ms,
                           struct history_points *ret_points)
{
    const struct key_name name = {.page = as_text(page)};
    const struct minute_key key = store_minute_key(store, &name);
    const struct history_question question = {.key = &key,
                                              .from_ms = BEGIN_MS,
                                              .until_ms = BEGIN_MS + HOUR_MS,
                                              .fold_ms = fold_ms,
                                              .deadline = clock_after_ms(wait_ms)};

    *ret_points = (struct history_points){.items = NULL};
    return checkpointer_history(checkpointer, &question, ret_points);
}

/* ---- answers ------------------------------------------------------------------------------- */

static void an_answer_is_what_the_file_holds_and_of_which_cut(void **state)
{
    struct checkpointer *checkpointer = start_thread();
    struct store *store = store_of(3);
    struct history_points points;

    (void)state;
    assert_int_equal(ask(checkpointer, store, "/a", MINUTE_MS, LONG_MS, &points), CTR_OK);
    assert_int_equal(points.count, 0);
    assert_int_equal(points.saved_cut, 0);
    submit(checkpointer, store);
    assert_true(checkpointer_wait(checkpointer, LONG_MS));
    assert_int_equal(ask(checkpointer, store, "/a", MINUTE_MS, LONG_MS, &points), CTR_OK);
    assert_int_equal(points.count, 3);
    assert_int_equal(points.saved_cut, 1);
    for (size_t i = 0; i < points.count; i++) {
        assert_int_equal(points.items[i].start_ms, BEGIN_MS + (int64_t)i * MINUTE_MS);
        assert_int_equal(points.items[i].grain_ms, MINUTE_MS);
        assert_int_equal(points.items[i].numbers[MINUTE_IMPRESSIONS], 1);
    }
    free(points.items);
    assert_int_equal(ask(checkpointer, store, "/nobody", MINUTE_MS, LONG_MS, &points), CTR_OK);
    assert_int_equal(points.count, 0);
    assert_int_equal(points.saved_cut, 1);
    checkpointer_stop(checkpointer, LONG_MS);
    store_free(store);
}

static void points_of_one_fold_are_summed(void **state)
{
    struct checkpointer *checkpointer = start_thread();
    struct store *store = store_of(45); /* from 17:20 on: folds end at 17:24, 17:36, 17:48, 18:00 */
    struct history_points points;
    static const int64_t wanted[] = {4, 12, 12, 12, 5};

    (void)state;
    submit(checkpointer, store);
    assert_true(checkpointer_wait(checkpointer, LONG_MS));
    assert_int_equal(ask(checkpointer, store, "/a", 12 * MINUTE_MS, LONG_MS, &points), CTR_OK);
    assert_int_equal(points.count, 5);
    for (size_t i = 0; i < points.count; i++) {
        assert_int_equal(points.items[i].numbers[MINUTE_IMPRESSIONS], wanted[i]);
    }
    assert_int_equal(points.items[1].start_ms, BEGIN_MS + 4 * MINUTE_MS);
    free(points.items);
    checkpointer_stop(checkpointer, LONG_MS);
    store_free(store);
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void a_question_waits_while_it_saves_but_not_beyond_its_deadline(void **state)
{
    struct checkpointer *checkpointer = start_thread();
    struct store *store = store_of_many_keys();
    struct history_points points;

    (void)state;
    submit(checkpointer, store);
    for (int i = 0; i < 5; i++) { /* left behind in the queue, for nobody */
        assert_int_equal(ask(checkpointer, store, "/page/7", MINUTE_MS, 0, &points), CTR_RETRY);
        assert_null(points.items);
    }
    assert_int_equal(ask(checkpointer, store, "/page/7", MINUTE_MS, LONG_MS, &points), CTR_OK);
    assert_int_equal(points.saved_cut, 1); /* asked before it was saved, answered after */
    assert_int_equal(points.count, 1);
    free(points.items);
    checkpointer_stop(checkpointer, LONG_MS);
    store_free(store);
}

/* ---- several threads ----------------------------------------------------------------------- */

struct asker {
    struct checkpointer *checkpointer;
    const struct store *store;
    const char *page;
    _Atomic bool over;
    _Atomic int answered;
    bool backwards; /* a later answer was of an earlier cut, or had less in it */
    enum ctr_status last;
};

static void *ask_until_over(void *argument)
{
    struct asker *asker = argument;
    uint64_t cut = 0;
    size_t count = 0;

    while (!atomic_load(&asker->over)) {
        struct history_points points;

        asker->last =
            ask(asker->checkpointer, asker->store, asker->page, MINUTE_MS, LONG_MS, &points);
        if (asker->last != CTR_OK) {
            break;
        }
        asker->backwards = asker->backwards || points.saved_cut < cut || points.count < count;
        cut = points.saved_cut;
        count = points.count;
        free(points.items);
        atomic_fetch_add(&asker->answered, 1);
    }
    return NULL;
}

static void several_threads_ask_while_it_saves(void **state)
{
    struct checkpointer *checkpointer = start_thread();
    struct store *store = store_of(1);
    struct asker askers[ASKERS];
    pthread_t threads[ASKERS];
    struct checkpointer_health health;

    (void)state;
    for (int i = 0; i < ASKERS; i++) {
        askers[i] = (struct asker){.checkpointer = checkpointer, .store = store, .page = "/a"};
        assert_int_equal(pthread_create(&threads[i], NULL, ask_until_over, &askers[i]), 0);
    }
    for (int i = 0; i < ROUNDS; i++) {
        view(store, 0, BEGIN_MS + (4 + i) * MINUTE_MS, "/a", NULL);
        settle_at(store, BEGIN_MS + (5 + i) * MINUTE_MS);
        submit(checkpointer, store);
        assert_true(checkpointer_wait(checkpointer, LONG_MS));
    }
    for (int i = 0; i < ASKERS; i++) {
        atomic_store(&askers[i].over, true);
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(askers[i].last, CTR_OK);
        assert_false(askers[i].backwards);
        assert_true(atomic_load(&askers[i].answered) > 0);
    }
    checkpointer_health(checkpointer, &health);
    assert_int_equal(health.saves, ROUNDS);
    checkpointer_stop(checkpointer, LONG_MS);
    store_free(store);
}

static void who_waits_when_it_stops_is_told_so_and_the_cut_is_saved(void **state)
{
    struct checkpointer *checkpointer = start_thread();
    struct store *store = store_of_many_keys();
    struct asker asker = {.checkpointer = checkpointer, .store = store, .page = "/page/7"};
    struct snapshot *snapshot = NULL;
    struct checkpoint *loaded = NULL;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, ask_until_over, &asker), 0);
    while (atomic_load(&asker.answered) == 0) {
        /* it asks again and again from now on */
    }
    submit(checkpointer, store);
    checkpointer_stop(checkpointer, LONG_MS);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(asker.last, CTR_STOPPED);
    snapshot = open_snapshot();
    assert_int_equal(snapshot_load(snapshot, &loaded, NULL), CTR_OK);
    assert_int_equal(loaded->cut, 1);
    checkpoint_free(loaded);
    snapshot_close(snapshot);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_answer_is_what_the_file_holds_and_of_which_cut, make_path),
        cmocka_unit_test_setup(points_of_one_fold_are_summed, make_path),
        cmocka_unit_test_setup(a_question_waits_while_it_saves_but_not_beyond_its_deadline,
                               make_path),
        cmocka_unit_test_setup(several_threads_ask_while_it_saves, make_path),
        cmocka_unit_test_setup(who_waits_when_it_stops_is_told_so_and_the_cut_is_saved, make_path),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
