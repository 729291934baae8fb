/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot thread: saves, and questions about the history from several threads meanwhile.
 */
#include "service/checkpointer.h"

#include "storage_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "storage/checkpoint.h"
#include "storage/store_minutes.h"

enum { PATH_BYTES = 128, ASKERS = 3, WAIT_MS = 20000 };

static char directory[PATH_BYTES - 32], path[PATH_BYTES];

static int set_up(void **state)
{
    const char *parent = getenv("TMPDIR");

    (void)state;
    snprintf(directory, sizeof directory, "%.50s/checkpointer-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(directory)) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/livectr.db", directory);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[PATH_BYTES + 8];

        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(directory);
}

static struct checkpointer *start(void)
{
    struct snapshot *snapshot = NULL;
    struct checkpointer *checkpointer = NULL;

    assert_int_equal(snapshot_open(path, &snapshot, NULL), CTR_OK);
    assert_int_equal(checkpointer_start(&snapshot, &checkpointer, NULL), CTR_OK);
    assert_null(snapshot);
    return checkpointer;
}

static void save(struct checkpointer *checkpointer, struct store *store)
{
    struct checkpoint *cut = NULL;
    bool whole = false;

    assert_true(checkpointer_wait(checkpointer, WAIT_MS));
    assert_true(checkpointer_idle(checkpointer, &whole));
    assert_int_equal(store_cut(store, whole, &cut), CTR_OK);
    checkpointer_submit(checkpointer, &cut);
    assert_null(cut);
}

/* A view a minute; each is final and saved three minutes later. */
static void view_and_pass(struct store *store, int minute)
{
    int64_t at_ms = BEGIN_MS + minute * MINUTE_MS;

    view(store, 0, at_ms, "/a", NULL);
    settle_at(store, at_ms + MINUTE_MS);
}

struct asker {
    struct checkpointer *checkpointer;
    struct minute_key key;
    _Atomic bool stop;
    _Atomic int answers;
    _Atomic bool wrong;
};

static void *ask(void *argument)
{
    struct asker *asker = argument;
    uint64_t seen = 0;
    size_t count = 0;

    while (!atomic_load(&asker->stop)) {
        struct history_points points = {0};

        if (checkpointer_history(asker->checkpointer, &asker->key, 0, EVENT_TS_MS_MAX, WAIT_MS,
                                 &points) != CTR_OK ||
            points.count < count || points.saved_cut < seen) {
            atomic_store(&asker->wrong, true);
        }
        for (size_t i = 0; i < points.count; i++) {
            if (points.items[i].start_ms != BEGIN_MS + (int64_t)i * MINUTE_MS ||
                points.items[i].numbers[MINUTE_IMPRESSIONS] != 1) {
                atomic_store(&asker->wrong, true);
            }
        }
        count = points.count;
        seen = points.saved_cut;
        free(points.items);
        atomic_fetch_add(&asker->answers, 1);
    }
    return NULL;
}

/* What is saved stays; each answer is of one moment between two saves. */
static void questions_are_answered_between_saves(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct checkpointer *checkpointer = start();
    struct key_name name = {.page = as_text("/a")};
    struct asker asker = {.checkpointer = checkpointer, .key = store_minute_key(store, &name)};
    struct history_points points = {0};
    pthread_t threads[ASKERS];

    (void)state;
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, ask, &asker), 0);
    }
    for (int minute = 0; minute < 30; minute++) {
        view_and_pass(store, minute);
        save(checkpointer, store);
    }
    assert_true(checkpointer_wait(checkpointer, WAIT_MS));
    while (atomic_load(&asker.answers) < 2 * ASKERS && !atomic_load(&asker.wrong)) {
        (void)sched_yield();
    }
    atomic_store(&asker.stop, true);
    for (int i = 0; i < ASKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_false(atomic_load(&asker.wrong));
    assert_int_equal(checkpointer_history(checkpointer, &asker.key, BEGIN_MS + 5 * MINUTE_MS,
                                          BEGIN_MS + 9 * MINUTE_MS, WAIT_MS, &points),
                     CTR_OK);
    assert_int_equal(points.count, 4);
    assert_int_equal(points.items[0].start_ms, BEGIN_MS + 5 * MINUTE_MS);
    assert_int_equal(points.saved_cut, 30);
    free(points.items);
    checkpointer_stop(checkpointer, WAIT_MS);
    store_free(store);
}

static void a_key_without_history_has_no_points(void **state)
{
    struct store_options options = fixture_options("10m");
    struct store *store = fixture_store(&options, 1);
    struct checkpointer *checkpointer = start();
    struct key_name name = {.page = as_text("/never")};
    struct minute_key key = store_minute_key(store, &name);
    struct history_points points = {0};

    (void)state;
    assert_int_equal(checkpointer_history(checkpointer, &key, 0, EVENT_TS_MS_MAX, WAIT_MS, &points),
                     CTR_OK);
    assert_int_equal(points.count, 0);
    assert_int_equal(points.saved_cut, 0);
    free(points.items);
    checkpointer_stop(checkpointer, WAIT_MS);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(questions_are_answered_between_saves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_key_without_history_has_no_points, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
