/* SPDX-License-Identifier: Apache-2.0
 *
 * Two engines over one topic in memory: when there is a scout, what it answers, and that nothing
 * changes when main takes over. Runs under ThreadSanitizer, which Kafka's sources cannot.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/scout.h"
#include "storage/moment.h"
#include "storage/store_status.h"
#include "tests/support/fake_log.h"

enum { WAIT_MS = 30000, PARTITIONS = 2, PAST_S = 3000, SCOUT_SPAN_S = 60 + 1 + 20 };
enum { ONE_MINUTE, TEN_MINUTES }; /* the windows */
#define EPOCH_MS INT64_C(1795454594000)

/* One at a time, because sources are opened by a function without an owner. */
static struct world {
    struct config config;
    struct store_options options;
    struct fake_log *log;
    struct source *main_source, *_Atomic scout_source;
    int64_t main_until, scout_until, hidden;
    int close_ms;
    struct engine *main;
    struct desk desk;
    struct scout *scout;
    struct checkpointer *checkpointer;
    bool restored;
    char dir[64], path[96];
    _Atomic int64_t began_ms; /* monotonic: when it was EPOCH_MS */
    uint64_t made_before;
    int64_t noted_ms;
    int64_t told_s; /* seconds since PAST_S before EPOCH_MS that have been written */
} world;

static int64_t wall_ms(void)
{
    return EPOCH_MS + clock_mono_ms() - world.began_ms;
}

static enum ctr_status open_main(const struct config *config, struct source **ret_source,
                                 struct ctr_error *reterr)
{
    (void)config;
    (void)reterr;
    world.main_source = fake_log_open(world.log, world.main_until, 0);
    *ret_source = world.main_source;
    return CTR_OK;
}

static enum ctr_status open_scout(const struct config *config, struct source **ret_source,
                                  struct ctr_error *reterr)
{
    (void)config;
    (void)reterr;
    *ret_source = fake_log_open(world.log, world.scout_until, world.close_ms);
    if (world.hidden >= 0) {
        fake_log_hide(*ret_source, 0, world.hidden);
    }
    atomic_store(&world.scout_source, *ret_source);
    return CTR_OK;
}

/* ---- traffic ------------------------------------------------------------------------------- */

/* The events of one second: in each partition a view, and every other second a click, of one of 20
 * visitors; each fifth second says again what was said four seconds ago. */
static void tell_second(int64_t second)
{
    int64_t time_ms = EPOCH_MS - (PAST_S - second) * 1000;

    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (int click = 0; click <= second % 2; click++) {
            int64_t said = second % 5 == 0 && second >= 4 ? second - 4 : second;
            char text[200];

            (void)snprintf(
                text, sizeof text,
                "{\"id\":\"%d-%u-%lld\",\"type\":\"%s\",\"ts\":%lld,\"page\":\"/p/%lld\","
                "\"box\":\"b%u\",\"visitor\":\"v%lld\"}",
                click, p, (long long)said, click ? "click" : "view",
                (long long)(EPOCH_MS - (PAST_S - said) * 1000), (long long)(said % 7), p,
                (long long)(said % 20));
            fake_log_add(world.log, p, time_ms, text);
        }
    }
}

/* Everything that has happened by now, but for the second that is under way. */
static void tell_up_to_now(void)
{
    int64_t due_s = (wall_ms() - EPOCH_MS) / 1000 + PAST_S;

    for (; world.told_s < due_s; world.told_s++) {
        tell_second(world.told_s);
    }
}

/* ---- the world ----------------------------------------------------------------------------- */

static void configure(void)
{
    struct ctr_error error;
    const char *const settings[][2] = {{"topics", "events"},       {"windows", "1m,10m"},
                                       {"start", "earliest"},      {"scout_after", "5s"},
                                       {"scout_window", "1m"},     {"future", "0ms"},
                                       {"snapshot_interval", "1s"}};

    memset(&world, 0, sizeof world);
    world.hidden = -1;
    world.main_until = 1000;
    world.scout_until = INT64_MAX;
    world.began_ms = clock_mono_ms();
    config_defaults(&world.config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        assert_int_equal(config_set(&world.config, settings[i][0], settings[i][1], "test", &error),
                         CTR_OK);
    }
    world.options = (struct store_options){.windows = world.config.windows,
                                           .clock = CLOCK_WALL,
                                           .page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS,
                                           .settle_ms = world.config.settle_ms,
                                           .late_ms = world.config.late_ms,
                                           .people_horizon_ms = 10 * MINUTE_MS,
                                           .dedup_horizon_ms = 10 * MINUTE_MS,
                                           .lateness_ms = 2 * MINUTE_MS,
                                           .visitors_max = 100000,
                                           .ids_max = 100000,
                                           .minutes_max = 100000,
                                           .keys_max = 1000,
                                           .held_max = world.config.held_max,
                                           .hash_secret = {1, 2, 3}};
    world.log = fake_log_new("events", PARTITIONS, wall_ms);
    tell_up_to_now();
}

static void start_with(struct store *store)
{
    struct ctr_error error;
    struct scout_options options = {.config = &world.config,
                                    .desk = &world.desk,
                                    .open = open_scout,
                                    .wall_ms = wall_ms,
                                    .mono_ms = clock_mono_ms,
                                    .restored = world.restored};
    struct pipeline_options pipeline = {.name = "main",
                                        .config = &world.config,
                                        .checkpointer = world.checkpointer,
                                        .wall_ms = wall_ms,
                                        .mono_ms = clock_mono_ms,
                                        .restored = world.restored,
                                        .yields = scout_wants_the_machine};

    if (store == NULL) {
        assert_int_equal(store_new(&world.options, &store, &error), CTR_OK);
    }
    assert_int_equal(engine_new(&store, &world.main, &error), CTR_OK);
    desk_init(&world.desk, engine_store(world.main));
    options.main = world.main;
    assert_int_equal(scout_start(&options, &world.scout, &error), CTR_OK);
    pipeline.yields_owner = world.scout;
    assert_int_equal(engine_start(world.main, open_main, &pipeline, &error), CTR_OK);
}

static void start(void)
{
    start_with(NULL);
}

static void stop(void)
{
    scout_stop(world.scout);
    (void)engine_stop(world.main);
    checkpointer_stop(world.checkpointer, WAIT_MS);
    desk_done(&world.desk);
    engine_free(world.main, 0);
    scout_free(world.scout);
    world.checkpointer = NULL;
}

static void end(void)
{
    stop();
    fake_log_free(world.log);
}

static struct backfill_facts backfill(void)
{
    struct backfill_facts found;
    struct handover_facts handovers;

    scout_facts(world.scout, &found, &handovers);
    return found;
}

static struct handover_facts handovers(void)
{
    struct backfill_facts found;
    struct handover_facts handovers;

    scout_facts(world.scout, &found, &handovers);
    return handovers;
}

/* Traffic goes on meanwhile. */
static bool await(bool (*condition)(void))
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (!condition() && clock_mono_ms() < until_ms) {
        tell_up_to_now();
        (void)poll(NULL, 0, 5);
    }
    return condition();
}

static bool answering(void)
{
    return scout_answers(world.scout);
}

static bool gone_after_one(void)
{
    return handovers().scouts == 1 && !backfill().running;
}

static bool handed_over_again(void)
{
    return handovers().made > world.made_before && !backfill().running;
}

static bool begun(void)
{
    return handovers().scouts > 0;
}

static bool main_live(void)
{
    struct progress progress = store_progress(engine_store(world.main));

    return progress.as_of_ms != MOMENT_NONE && wall_ms() - progress.as_of_ms < 2000;
}

static bool main_past_the_note(void)
{
    return store_progress(engine_store(world.main)).to_ms >= world.noted_ms;
}

static struct figures read_site(struct store *store, size_t window, struct reading *ret_reading)
{
    struct key_name site = {0};
    struct figures figures;

    store_read(store, window, &site, 1, &figures, ret_reading);
    return figures;
}

/* What is right for [from, to): events of the seconds in it, but for the copies and for a second
 * whose event is only in copies' place. */
static struct totals right_totals(int64_t from_ms, int64_t to_ms)
{
    struct totals totals = {0};

    for (int64_t second = 0; second < world.told_s; second++) {
        int64_t ts_ms = EPOCH_MS - (PAST_S - second) * 1000;

        if ((second % 5 != 0 || second < 4) && ts_ms >= from_ms && ts_ms < to_ms) {
            totals.impressions += PARTITIONS;
            totals.clicks += second % 2 == 1 ? PARTITIONS : 0;
        }
    }
    return totals;
}

/* What answers now is right at its own edges; its `to`. */
static int64_t check_desk(size_t window)
{
    struct store *store = desk_take(&world.desk);
    struct reading reading;
    struct figures figures = read_site(store, window, &reading);
    struct totals right = right_totals(reading.from_ms, reading.progress.to_ms);

    desk_give(&world.desk, store);
    assert_int_equal(figures.totals.impressions, right.impressions);
    assert_int_equal(figures.totals.clicks, right.clicks);
    return reading.progress.to_ms;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void a_far_behind_start_is_answered_by_a_scout_and_handed_over(void **state)
{
    struct reading reading;
    struct figures figures;
    struct backfill_facts facts;
    struct store *store = NULL;

    (void)state;
    configure();
    start();
    assert_true(await(answering));
    (void)check_desk(ONE_MINUTE);
    store = desk_take(&world.desk);
    assert_ptr_not_equal(store, engine_store(world.main));
    figures = read_site(store, ONE_MINUTE, &reading);
    assert_true(reading.progress.provisional);
    assert_int_equal(figures.people, PEOPLE_KNOWN);
    assert_int_equal(figures.crowd.viewers, 16);
    assert_true(reading.progress.covered_from_ms <= reading.from_ms);
    /* Of the ten minutes it holds a part: counts of that, people not at all. */
    figures = read_site(store, TEN_MINUTES, &reading);
    assert_int_equal(figures.people, PEOPLE_NOT_COVERED);
    assert_true(reading.progress.covered_from_ms > reading.from_ms);
    desk_give(&world.desk, store);
    facts = backfill();
    assert_true(facts.running);
    assert_true(facts.to_ms < EPOCH_MS - 1000000);
    assert_true(facts.target_ms > EPOCH_MS - 10000);
    assert_int_equal(handovers().made, 0);

    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made, 1);
    assert_int_equal(handovers().differs, 0);
    assert_int_equal(handovers().unproven, 0);
    assert_true(handovers().rows > 10);
    assert_false(answering());
    store = desk_take(&world.desk);
    assert_ptr_equal(store, engine_store(world.main));
    desk_give(&world.desk, store);
    (void)check_desk(ONE_MINUTE);
    (void)check_desk(TEN_MINUTES);
    world.noted_ms = store_progress(engine_store(world.main)).to_ms + 2000;
    assert_true(await(main_past_the_note)); /* nothing holds its `to` back any more */
    end();
}

static void the_scout_begins_where_the_window_needs_it(void **state)
{
    struct source_start first;
    int64_t begun_ms = 0;

    (void)state;
    configure();
    world.config.future_ms = world.options.future_ms = 7000;
    world.config.click_gap_ms = world.options.click_gap_ms = 30000;
    start();
    assert_true(await(answering));
    begun_ms = wall_ms();
    first = fake_log_start(atomic_load(&world.scout_source), 0);
    assert_int_equal(first.kind, START_TIME);
    assert_in_range(begun_ms - first.value, (SCOUT_SPAN_S + 37) * 1000,
                    (SCOUT_SPAN_S + 37 + 20) * 1000);
    /* What it is told to cover begins that much later. */
    assert_int_equal(store_progress(world.desk.places[1].store).covered_from_ms,
                     first.value + 37000);
    end();
}

static void a_difference_at_the_hand_over_is_noticed_and_main_wins(void **state)
{
    (void)state;
    configure();
    world.hidden =
        fake_log_end(world.log, 0) - 10; /* of the last ten seconds: a view, or a click */
    start();
    assert_true(await(answering));
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made, 1);
    assert_int_equal(handovers().differs, 1);
    (void)check_desk(ONE_MINUTE);
    end();
}

static void what_a_limit_explains_is_no_difference(void **state)
{
    (void)state;
    configure();
    world.options.keys_max = 8;
    start();
    assert_true(await(answering));
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made, 1);
    assert_int_equal(handovers().differs, 0);
    assert_int_equal(handovers().unproven, 1);
    end();
}

static void main_that_is_back_first_needs_no_scout(void **state)
{
    struct store *store = NULL;

    (void)state;
    configure();
    world.close_ms = 500;
    world.scout_until = 0;
    start();
    assert_true(await(begun));
    assert_true(backfill().running);
    assert_false(answering());
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made + handovers().differs + handovers().unproven, 0);
    store = desk_take(&world.desk);
    assert_ptr_equal(store, engine_store(world.main));
    desk_give(&world.desk, store);
    assert_true(await(main_live));
    end();
}

/* Whether another one begins within a time that is longer than main may be behind without one. */
static bool gets_a_scout(void)
{
    int64_t until_ms = clock_mono_ms() + 2500;
    uint64_t before = handovers().scouts;

    while (clock_mono_ms() < until_ms && handovers().scouts == before) {
        tell_up_to_now();
        (void)poll(NULL, 0, 5);
    }
    return handovers().scouts != before;
}

static void there_is_none_where_none_is_wanted_or_helps(void **state)
{
    (void)state;
    configure();
    world.config.scout_after_ms = INT64_MAX;
    start();
    assert_null(world.scout);
    assert_false(gets_a_scout());
    end();

    configure();
    world.config.clock = world.options.clock = CLOCK_EVENT;
    start();
    assert_null(world.scout);
    end();

    configure(); /* it would have more to read than main has */
    world.config.scout_window_ms = 60 * MINUTE_MS;
    start();
    assert_false(gets_a_scout());
    end();

    configure();
    fake_log_mute(world.log, true);
    start();
    assert_false(gets_a_scout());
    fake_log_mute(world.log, false);
    assert_true(await(answering));
    end();
}

static bool scout_starved(void)
{
    struct store *store = desk_take(&world.desk);
    struct progress progress = store_progress(store);

    desk_give(&world.desk, store);
    return wall_ms() - progress.as_of_ms > 2000;
}

static bool main_past_the_scout(void)
{
    return backfill().to_ms >= backfill().target_ms;
}

static void main_yields_while_the_scout_is_behind_and_still_gets_on(void **state)
{
    int64_t begun_ms = 0;

    (void)state;
    configure();
    start();
    assert_true(await(answering));
    fake_log_until(atomic_load(&world.scout_source), 0); /* it gets nothing more */
    assert_true(await(scout_starved));
    fake_log_until(world.main_source, INT64_MAX);
    begun_ms = clock_mono_ms();
    assert_true(await(main_past_the_scout));
    /* Seven reads are left, with ten rounds of 20 ms between two. */
    assert_true(clock_mono_ms() - begun_ms >= 6 * 200);
    /* The scout cannot come to a common `to`; once it can, all is well. */
    fake_log_until(atomic_load(&world.scout_source), INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made, 1);
    assert_int_equal(handovers().differs + handovers().unproven, 0);
    end();
}

/* ---- readers ------------------------------------------------------------------------------- */

struct asker {
    _Atomic bool stop;
    uint64_t asked, backwards, ahead;
    pthread_t thread;
};

/* As requests do: take, read twice, give. `to` never goes back, whoever answers. */
static void *ask_on(void *argument)
{
    struct asker *asker = argument;
    int64_t last_ms = MOMENT_NONE;

    while (!atomic_load(&asker->stop)) {
        struct store *store = desk_take(&world.desk);
        struct reading reading;
        struct figures figures = read_site(store, ONE_MINUTE, &reading);

        asker->ahead += figures.totals.clicks > figures.totals.impressions ? 1 : 0;
        asker->backwards += reading.progress.to_ms < last_ms ? 1 : 0;
        last_ms = reading.progress.to_ms;
        (void)store_progress(store);
        desk_give(&world.desk, store);
        asker->asked++;
    }
    return NULL;
}

static void readers_go_on_through_it_all_and_to_never_goes_back(void **state)
{
    struct asker askers[2] = {{.asked = 0}, {.asked = 0}};

    (void)state;
    configure();
    start();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_on, &askers[i]), 0);
    }
    assert_true(await(answering));
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    for (int i = 0; i < 2; i++) {
        atomic_store(&askers[i].stop, true);
        (void)pthread_join(askers[i].thread, NULL);
        assert_true(askers[i].asked > 0);
        assert_int_equal(askers[i].backwards, 0);
        assert_int_equal(askers[i].ahead, 0);
    }
    assert_int_equal(handovers().differs, 0);
    end();
}

/* ---- stop and start ------------------------------------------------------------------------ */

static struct store *open_file(void)
{
    const struct copies_options options = {.paths = {world.path}, .count = 1};
    struct copies *copies = NULL;
    struct checkpoint *checkpoint = NULL;
    struct store *store = NULL;
    struct ctr_error error;

    assert_int_equal(copies_open(&options, &copies, &error), CTR_OK);
    if (copies_load(copies, &checkpoint, &error) == CTR_OK) {
        copies_settle(copies);
        assert_int_equal(store_restore(&world.options, checkpoint, &store, &error), CTR_OK);
        world.restored = true;
    }
    checkpoint_free(checkpoint);
    assert_int_equal(checkpointer_start(&copies, &world.checkpointer, &error), CTR_OK);
    return store;
}

static void a_stop_in_the_middle_saves_main_alone_and_the_next_start_goes_on(void **state)
{
    int64_t saved_ms = 0;

    (void)state;
    configure();
    (void)snprintf(world.dir, sizeof world.dir, "/tmp/livectr-test-XXXXXX");
    assert_non_null(mkdtemp(world.dir));
    (void)snprintf(world.path, sizeof world.path, "%s/livectr.db", world.dir);
    start_with(open_file());
    assert_true(await(answering));
    world.close_ms = 300;
    stop();

    world.main_until = 2000;
    start_with(open_file());
    assert_true(world.restored);
    saved_ms = store_progress(engine_store(world.main)).to_ms;
    assert_true(saved_ms != MOMENT_NONE && saved_ms < EPOCH_MS - 1000000);
    assert_int_equal(handovers().made, 0);
    assert_true(await(answering));
    (void)check_desk(ONE_MINUTE);
    assert_true(store_progress(engine_store(world.main)).to_ms >= saved_ms);
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(gone_after_one));
    assert_int_equal(handovers().made, 1);
    assert_int_equal(handovers().differs, 0);
    assert_int_equal(handovers().unproven, 0);
    (void)check_desk(TEN_MINUTES);
    end();
    assert_int_equal(unlink(world.path), 0);
    assert_int_equal(rmdir(world.dir), 0);
}

static void brokers_that_were_away_for_long_get_a_scout_once_they_are_back(void **state)
{
    (void)state;
    configure();
    world.main_until = INT64_MAX;
    start();
    assert_true(await(main_live));
    if (begun()) {
        assert_true(await(gone_after_one));
    }
    world.made_before = handovers().made;
    fake_log_mute(world.log, true);
    world.began_ms -= 20 * MINUTE_MS; /* the clock goes on, and so does whoever writes */
    fake_log_until(world.main_source, 1000);
    assert_false(gets_a_scout()); /* it would find nobody either */
    fake_log_mute(world.log, false);
    assert_true(await(answering));
    (void)check_desk(ONE_MINUTE);
    fake_log_until(world.main_source, INT64_MAX);
    assert_true(await(handed_over_again));
    assert_int_equal(handovers().differs + handovers().unproven, 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_far_behind_start_is_answered_by_a_scout_and_handed_over),
        cmocka_unit_test(the_scout_begins_where_the_window_needs_it),
        cmocka_unit_test(a_difference_at_the_hand_over_is_noticed_and_main_wins),
        cmocka_unit_test(what_a_limit_explains_is_no_difference),
        cmocka_unit_test(main_that_is_back_first_needs_no_scout),
        cmocka_unit_test(there_is_none_where_none_is_wanted_or_helps),
        cmocka_unit_test(main_yields_while_the_scout_is_behind_and_still_gets_on),
        cmocka_unit_test(readers_go_on_through_it_all_and_to_never_goes_back),
        cmocka_unit_test(a_stop_in_the_middle_saves_main_alone_and_the_next_start_goes_on),
        cmocka_unit_test(brokers_that_were_away_for_long_get_a_scout_once_they_are_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
