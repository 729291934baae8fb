/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a thread moves: one that hangs is told from one that has nothing to do. The clock is the
 * test's own, so that minutes pass at once.
 */
#include "service/facts.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "service/clock.h"
#include "tests/support/test.h"

enum { WAIT_MS = 10000 };

static _Atomic int64_t now_ms = 1000000;

static int64_t told_ms(void)
{
    return atomic_load(&now_ms);
}

/* A source that never has anything: what a pipeline without any Kafka sees. It hangs while `stuck`.
 */
struct silent_source {
    struct source base;
    atomic_bool stuck, hangs;
};

static struct silent_source silent;

static enum ctr_status wait_in_vain(struct source *source, int timeout_ms,
                                    struct source_batch *ret_batch)
{
    (void)source;
    (void)timeout_ms;
    while (atomic_load(&silent.stuck)) {
        atomic_store(&silent.hangs, true);
        (void)poll(NULL, 0, 1);
    }
    atomic_store(&silent.hangs, false);
    (void)poll(NULL, 0, 1);
    *ret_batch = (struct source_batch){0};
    return CTR_OK;
}

static void release(struct source *source, struct source_batch *batch)
{
    (void)source;
    (void)batch;
}

static void health(struct source *source, struct source_health *ret_health)
{
    (void)source;
    *ret_health =
        (struct source_health){.state = "brokers_down", .error = "nobody is there", .errors = 7};
}

static void close_it(struct source *source, int deadline_ms)
{
    (void)source;
    (void)deadline_ms;
}

static const struct source_ops ops = {
    .poll = wait_in_vain, .release = release, .health = health, .close = close_it};

static enum ctr_status open_it(const struct config *config, struct source **ret_source,
                               struct ctr_error *reterr)
{
    (void)config;
    (void)reterr;
    silent.base.ops = &ops;
    *ret_source = &silent.base;
    return CTR_OK;
}

static struct engine *engine;
static struct config config;

static int start(void **state)
{
    struct store_options options = {.late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 600000,
                                    .dedup_horizon_ms = 600000,
                                    .visitors_max = 1000,
                                    .ids_max = 1000,
                                    .minutes_max = 1000,
                                    .keys_max = 1000,
                                    .held_max = 1000};
    const struct pipeline_options pipeline = {
        .config = &config, .wall_ms = clock_wall_ms, .mono_ms = told_ms};
    struct store *store = NULL;
    struct ctr_error error;

    (void)state;
    config_defaults(&config);
    assert_int_equal(window_set_parse("1m", &options.windows, &error), CTR_OK);
    assert_int_equal(store_new(&options, &store, &error), CTR_OK);
    assert_int_equal(engine_new(&store, &engine, &error), CTR_OK);
    assert_int_equal(engine_start(engine, open_it, &pipeline, &error), CTR_OK);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    atomic_store(&silent.stuck, false);
    (void)engine_stop(engine);
    engine_free(engine, 0);
    return 0;
}

/* Until the facts say so, at most WAIT_MS. */
static bool becomes(bool alive)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct service_facts facts;

    do {
        memset(&facts, 0, sizeof facts);
        facts_read_beats(engine, NULL, told_ms(), &facts);
        assert_int_equal(facts.beats_count, 1);
        assert_string_equal(facts.beats[0].thread, "ingest");
        assert_true(facts.alive == (facts.beats[0].silent_ms < BEATS_LIMIT_MS));
        (void)poll(NULL, 0, 1);
    } while (facts.alive != alive && clock_mono_ms() < until_ms);
    return facts.alive == alive;
}

/* Each minute anew, the thread shows that it moves; it is given that minute's time to do so. */
static void an_idle_process_without_kafka_lives(void **state)
{
    (void)state;
    for (int minute = 0; minute < 20; minute++) {
        (void)atomic_fetch_add(&now_ms, BEATS_LIMIT_MS);
        assert_true(becomes(true));
    }
}

static void a_stuck_thread_does_not_and_lives_again_when_it_moves(void **state)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct service_facts facts = {0};

    (void)state;
    atomic_store(&silent.stuck, true);
    while (!atomic_load(&silent.hangs) && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    assert_true(atomic_load(&silent.hangs));
    (void)atomic_fetch_add(&now_ms, BEATS_LIMIT_MS - 1);
    facts_read_beats(engine, NULL, told_ms(), &facts);
    assert_true(facts.alive);
    (void)atomic_fetch_add(&now_ms, 1);
    facts_read_beats(engine, NULL, told_ms(), &facts);
    assert_false(facts.alive);
    (void)atomic_fetch_add(&now_ms, BEATS_LIMIT_MS);
    assert_true(becomes(false));
    atomic_store(&silent.stuck, false);
    assert_true(becomes(true));
}

static void before_the_start_there_is_nobody_to_miss(void **state)
{
    struct store *store = NULL;
    struct engine *still = NULL;
    struct service_facts facts = {0};
    struct ctr_error error;

    (void)state;
    assert_int_equal(engine_new(&store, &still, &error), CTR_OK);
    facts_read_beats(still, NULL, told_ms(), &facts);
    assert_true(facts.alive);
    facts_read_source(still, &facts);
    assert_string_equal(facts.source_state, "starting");
    engine_free(still, 0);
    facts_read_source(engine, &facts);
    assert_string_equal(facts.source_state, "brokers_down");
    assert_string_equal(facts.source_error, "nobody is there");
    assert_int_equal(facts.source_errors, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_idle_process_without_kafka_lives, start, stop),
        cmocka_unit_test_setup_teardown(a_stuck_thread_does_not_and_lives_again_when_it_moves,
                                        start, stop),
        cmocka_unit_test_setup_teardown(before_the_start_there_is_nobody_to_miss, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
