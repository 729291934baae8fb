/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline over a fake source: threads, order, holding back, restart. This is where the
 * threads of the service run under ThreadSanitizer (Debian's librdkafka cannot).
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
#include "service/pipeline.h"
#include "storage/moment.h"
#include "storage/store_status.h"
#include "tests/support/fake_source.h"

enum { WAIT_MS = 20000 };
#define EPOCH_MS INT64_C(1795454594000)

struct fixture {
    struct config config;
    struct store_options options;
    struct store *store;
    struct source *source;
    struct checkpointer *checkpointer;
    struct pipeline *pipeline;
    char dir[64], path[96];
    bool restored;
    bool (*yields)(void *owner);
    void *yields_owner;
};

static _Atomic int64_t fake_now_ms;

static int64_t fake_wall_ms(void)
{
    return atomic_load(&fake_now_ms);
}

static void configure(struct fixture *fixture, enum clock_mode clock)
{
    struct ctr_error error;

    config_defaults(&fixture->config);
    assert_int_equal(config_set(&fixture->config, "topics", "events", "test", &error), CTR_OK);
    fixture->config.clock = clock;
    fixture->config.settle_ms = clock == CLOCK_EVENT ? 0 : 500;
    fixture->options = (struct store_options){.windows = fixture->config.windows,
                                              .clock = clock,
                                              .settle_ms = fixture->config.settle_ms,
                                              .late_ms = fixture->config.late_ms,
                                              .future_ms = fixture->config.future_ms,
                                              .people_horizon_ms = 10 * MINUTE_MS,
                                              .dedup_horizon_ms = 10 * MINUTE_MS,
                                              .lateness_ms = 2 * MINUTE_MS,
                                              .visitors_max = 20000000,
                                              .ids_max = 20000000,
                                              .minutes_max = 4000000,
                                              .keys_max = 1000,
                                              .held_max = fixture->config.held_max,
                                              .hash_secret = {1, 2, 3}};
}

static void start(struct fixture *fixture)
{
    struct pipeline_options options = {
        .config = &fixture->config, .wall_ms = fake_wall_ms, .mono_ms = clock_mono_ms};
    struct ctr_error error;

    if (fixture->store == NULL) {
        assert_int_equal(store_new(&fixture->options, &fixture->store, &error), CTR_OK);
    }
    fixture->source = fake_source_new();
    options.source = fixture->source;
    options.store = fixture->store;
    options.checkpointer = fixture->checkpointer;
    options.restored = fixture->restored;
    options.yields = fixture->yields;
    options.yields_owner = fixture->yields_owner;
    assert_int_equal(pipeline_start(&options, &fixture->pipeline, &error), CTR_OK);
}

static void stop(struct fixture *fixture)
{
    (void)pipeline_stop(fixture->pipeline);
    checkpointer_stop(fixture->checkpointer, WAIT_MS);
    fixture->source->ops->close(fixture->source, 0);
    store_free(fixture->store);
    fixture->pipeline = NULL;
    fixture->checkpointer = NULL;
    fixture->store = NULL;
}

static void push_event(struct fixture *fixture, uint32_t partition, int64_t offset,
                       const char *type, int64_t ts_ms)
{
    char text[160];
    int length =
        snprintf(text, sizeof text, "{\"type\":\"%s\",\"ts\":%lld,\"page\":\"/p\",\"box\":\"b\"}",
                 type, (long long)ts_ms);

    fake_record(fixture->source, partition, offset, ts_ms, text, (size_t)length);
}

static struct totals placement(struct fixture *fixture, struct reading *ret_reading)
{
    struct key_name name = {.page = {.bytes = "/p", .length = 2},
                            .box = {.bytes = "b", .length = 1}};
    struct figures figures;

    store_read(fixture->store, fixture->config.windows.count - 1, &name, 1, &figures, ret_reading);
    return figures.totals;
}

/* Awaits a condition on the totals of the widest window. */
static void await_totals(struct fixture *fixture, uint64_t impressions, uint64_t clicks)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct reading reading;
    struct totals totals = placement(fixture, &reading);

    while ((totals.impressions != impressions || totals.clicks != clicks) &&
           clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        totals = placement(fixture, &reading);
    }
    assert_int_equal(totals.impressions, impressions);
    assert_int_equal(totals.clicks, clicks);
}

static void await_taken(struct fixture *fixture)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (fake_waiting(fixture->source) > 0 && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(fake_waiting(fixture->source), 0);
}

/* ---- tests --------------------------------------------------------------------------------- */

struct reader {
    struct fixture *fixture;
    _Atomic bool stop;
    _Atomic uint64_t reads;
    uint64_t ahead, torn;
    pthread_t thread;
};

/* Every click in the stream has its view in the same slice: no moment may show more of them. */
static void *read_on(void *argument)
{
    struct reader *reader = argument;

    while (!atomic_load(&reader->stop)) {
        struct reading reading;
        struct totals totals = placement(reader->fixture, &reading);
        struct store_status status;

        atomic_fetch_add(&reader->reads, 1);
        reader->ahead += totals.clicks > totals.impressions ? 1 : 0;
        if (store_status_read(reader->fixture->store, &status) == CTR_OK) {
            for (size_t i = 0; i < status.partitions_count; i++) {
                const struct partition_counts *counts = &status.partitions[i].counts;

                reader->torn += counts->read != counts->counted + counts->held + counts->duplicate +
                                                    counts->late + counts->future +
                                                    partition_malformed(counts)
                                    ? 1
                                    : 0;
            }
            store_status_done(&status);
        }
    }
    return NULL;
}

static void readers_never_see_a_click_without_its_view(void **state)
{
    struct fixture fixture = {.store = NULL};
    struct reader readers[2] = {{.fixture = &fixture}, {.fixture = &fixture}};
    enum { SECONDS = 400, PER_SECOND = 20 };

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    start(&fixture);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        while (atomic_load(&readers[i].reads) == 0) { /* on a busy machine it may take a while */
            (void)poll(NULL, 0, 1);
        }
    }
    fake_found(fixture.source, 0, "events", 0);
    fake_found(fixture.source, 1, "events", 1);
    fake_complete(fixture.source);
    for (int64_t i = 0; i < SECONDS * PER_SECOND; i++) {
        int64_t ts_ms = EPOCH_MS + i * 1000 / PER_SECOND;

        push_event(&fixture, 0, i, "view", ts_ms);
        push_event(&fixture, 1, i, "click", ts_ms);
    }
    fake_end(fixture.source, 0, SECONDS * PER_SECOND);
    fake_end(fixture.source, 1, SECONDS * PER_SECOND);
    await_totals(&fixture, SECONDS * PER_SECOND, SECONDS * PER_SECOND);
    for (int i = 0; i < 2; i++) {
        atomic_store(&readers[i].stop, true);
        (void)pthread_join(readers[i].thread, NULL);
        assert_int_equal(readers[i].ahead, 0);
        assert_int_equal(readers[i].torn, 0);
    }
    assert_true(pipeline_ready(fixture.pipeline));
    stop(&fixture);
}

static void nothing_is_answered_before_every_topic_is_found(void **state)
{
    struct fixture fixture = {.store = NULL};
    struct reading reading;

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    push_event(&fixture, 0, 0, "view", EPOCH_MS);
    fake_end(fixture.source, 0, 1);
    await_taken(&fixture);
    (void)placement(&fixture, &reading);
    assert_true(reading.progress.to_ms == MOMENT_NONE);
    fake_complete(fixture.source);
    await_totals(&fixture, 1, 0);
    stop(&fixture);
}

static void a_partition_that_runs_ahead_is_held_and_loses_nothing(void **state)
{
    struct fixture fixture = {.store = NULL};
    enum { AHEAD = 5000 };

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    fixture.options.held_max = 1000;
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_found(fixture.source, 1, "events", 1);
    fake_complete(fixture.source);
    push_event(&fixture, 1, 0, "click", EPOCH_MS);
    await_taken(&fixture);
    for (int64_t i = 0; i < AHEAD; i++) {
        push_event(&fixture, 0, i, "view", EPOCH_MS + 60000 + i * 100);
    }
    while (fake_holds(fixture.source, 0) == 0) {
        (void)poll(NULL, 0, 1);
    }
    assert_true(fake_held(fixture.source, 0));
    assert_false(fake_held(fixture.source, 1));
    assert_true(fake_waiting(fixture.source) > AHEAD / 4);
    push_event(&fixture, 1, 1, "click", EPOCH_MS + 60000 + AHEAD * 100);
    fake_end(fixture.source, 1, 2);
    fake_end(fixture.source, 0, AHEAD);
    await_totals(&fixture, AHEAD, 2);
    stop(&fixture);
}

static void time_moves_windows_when_nothing_arrives(void **state)
{
    struct fixture fixture = {.store = NULL};
    struct key_name site = {0};
    struct figures figures = {0};
    struct reading reading;
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    (void)state;
    configure(&fixture, CLOCK_WALL);
    atomic_store(&fake_now_ms, EPOCH_MS + 2000);
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_complete(fixture.source);
    push_event(&fixture, 0, 0, "view", EPOCH_MS);
    fake_confirm(fixture.source, 0, 1, EPOCH_MS + 2000);
    await_totals(&fixture, 1, 0);
    fake_confirm(fixture.source, 0, 1, EPOCH_MS + 70000);
    do {
        store_read(fixture.store, 0, &site, 1, &figures, &reading);
        (void)poll(NULL, 0, 1);
    } while (reading.progress.to_ms < EPOCH_MS + 69000 && clock_mono_ms() < until_ms);
    assert_int_equal(figures.totals.impressions + figures.totals.clicks, 0);
    assert_int_equal(reading.from_ms, reading.progress.to_ms - 60000);
    await_totals(&fixture, 1, 0); /* the widest window still holds it */
    stop(&fixture);
}

/* Awaits an edge and gives the progress that was seen then. */
static struct progress await_to(struct fixture *fixture, int64_t to_ms)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct progress progress = store_progress(fixture->store);

    while (progress.to_ms < to_ms && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        progress = store_progress(fixture->store);
    }
    return progress;
}

static void a_limit_holds_to_while_reading_goes_on(void **state)
{
    struct fixture fixture = {.store = NULL};
    struct progress progress;

    (void)state;
    configure(&fixture, CLOCK_WALL);
    atomic_store(&fake_now_ms, EPOCH_MS + 60000);
    start(&fixture);
    pipeline_limit(fixture.pipeline, EPOCH_MS + 10000);
    fake_found(fixture.source, 0, "events", 0);
    fake_complete(fixture.source);
    push_event(&fixture, 0, 0, "view", EPOCH_MS);
    push_event(&fixture, 0, 1, "view", EPOCH_MS + 20000);
    fake_confirm(fixture.source, 0, 2, EPOCH_MS + 60000);
    (void)await_to(&fixture, EPOCH_MS + 10000);
    await_taken(&fixture);
    await_totals(&fixture, 1, 0);
    progress = store_progress(fixture.store);
    assert_int_equal(progress.to_ms, EPOCH_MS + 10000);
    assert_int_equal(moment_floor(progress.as_of_ms, 1000), EPOCH_MS + 10000);
    pipeline_limit(fixture.pipeline, INT64_MAX);
    await_totals(&fixture, 2, 0);
    progress = await_to(&fixture, EPOCH_MS + 59000);
    assert_int_equal(progress.to_ms, EPOCH_MS + 59000);
    stop(&fixture);
}

static bool yield_always(void *owner)
{
    (void)atomic_fetch_add((_Atomic unsigned *)owner, 1);
    return true;
}

static void who_yields_reads_nothing(void **state)
{
    struct fixture fixture = {.store = NULL};
    _Atomic unsigned asked = 0;

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    fixture.yields = yield_always;
    fixture.yields_owner = &asked;
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    while (atomic_load(&asked) < 5) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(fake_waiting(fixture.source), 1);
    assert_true(clock_mono_ms() - pipeline_heartbeat_ms(fixture.pipeline) < WAIT_MS);
    stop(&fixture);
}

static void malformed_records_are_counted_and_shown_without_their_visitor(void **state)
{
    static const char bad[] = "{\"type\":\"view\",\"visitor\":\"v-secret\",\"page\":7,\"ts\":1}";
    struct fixture fixture = {.store = NULL};
    struct store_status status;

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    start(&fixture);
    /* Found in another order than the one in which partitions are shown. */
    fake_found(fixture.source, 0, "events", 7);
    fake_found(fixture.source, 1, "events", 2);
    fake_complete(fixture.source);
    fake_end(fixture.source, 1, 0);
    fake_record(fixture.source, 0, 0, EPOCH_MS, bad, sizeof bad - 1);
    fake_record(fixture.source, 0, 1, EPOCH_MS, NULL, 0);
    push_event(&fixture, 0, 2, "view", EPOCH_MS);
    fake_end(fixture.source, 0, 3);
    await_totals(&fixture, 1, 0);
    assert_int_equal(store_status_read(fixture.store, &status), CTR_OK);
    assert_int_equal(status.malformed[MALFORMED_WRONG_TYPE], 1);
    assert_int_equal(status.malformed[MALFORMED_EMPTY], 1);
    assert_int_equal(status.samples_count, 2);
    assert_int_equal(status.partitions[status.samples[0].partition].number, 7);
    assert_non_null(strstr(status.samples[1].detail, "page: not a string"));
    assert_null(strstr(status.samples[1].detail, "secret"));
    store_status_done(&status);
    stop(&fixture);
}

static bool yield_while(void *owner)
{
    return atomic_load((_Atomic bool *)owner);
}

/* Every third record has a page whose text is written out, 500 bytes of it, so that the room for
 * such texts is full before a group is. */
static void push_mixed(struct fixture *fixture, uint32_t partition, int64_t offset)
{
    static const char page[] = "{\"type\":\"view\",\"ts\":%lld,\"page\":\"%s\",\"box\":\"b\"}";
    static const char named[] = "{\"type\":\"click\",\"t\\u0073\":%lld,\"page\":\"/p\"}";
    char text[700], escaped[501];
    int64_t ts_ms = EPOCH_MS + offset * 10;

    memset(escaped, 'x', sizeof escaped - 1);
    memcpy(escaped, "\\u0041", 6);
    escaped[sizeof escaped - 1] = '\0';
    if (offset % 7 == 3) {
        (void)snprintf(text, sizeof text, "{\"no\":%lld", (long long)offset);
    } else if (offset % 11 == 5) {
        (void)snprintf(text, sizeof text, named, (long long)ts_ms); /* the judge's */
    } else {
        (void)snprintf(text, sizeof text, page, (long long)ts_ms, offset % 3 == 0 ? escaped : "/p");
    }
    fake_record(fixture->source, partition, offset, ts_ms, text, strlen(text));
}

static bool is_malformed(int64_t offset)
{
    return offset % 7 == 3;
}

static void assert_mixed(struct fixture *fixture, int64_t count)
{
    struct partition_counts wanted = {.read = (uint64_t)count};
    struct store_status status;

    for (int64_t offset = 0; offset < count; offset++) {
        wanted.malformed[MALFORMED_NOT_JSON] += is_malformed(offset);
        wanted.counted += !is_malformed(offset);
    }
    assert_int_equal(store_status_read(fixture->store, &status), CTR_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct partition *partition = &status.partitions[i];

        assert_int_equal(partition->counts.read, wanted.read);
        assert_int_equal(partition->counts.counted, wanted.counted);
        assert_int_equal(partition->counts.malformed[MALFORMED_NOT_JSON],
                         wanted.malformed[MALFORMED_NOT_JSON]);
        assert_int_equal(partition->redelivered, 20);
        assert_int_equal(partition->print.offset, count - 1);
    }
    store_status_done(&status);
}

static void await_counted(struct fixture *fixture, uint64_t counted)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct totals totals = {0};
    struct figures figures;
    struct reading reading;

    while (totals.impressions + totals.clicks < counted && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        store_read(fixture->store, fixture->config.windows.count - 1, &(struct key_name){0}, 1,
                   &figures, &reading);
        totals = figures.totals;
    }
}

/* Of one batch: plain records, others, such that come again, ends between them, two partitions. */
static void records_are_taken_in_order_whatever_stands_between_them(void **state)
{
    struct fixture fixture = {.store = NULL, .yields = yield_while};
    _Atomic bool yields = false;
    enum { RECORDS = 110 };
    uint64_t counted = 0;

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    fixture.config.page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS;
    fixture.options.page_impressions = PAGE_IMPRESSIONS_BOX_VIEWS;
    fixture.yields_owner = &yields;
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_found(fixture.source, 1, "events", 1);
    fake_complete(fixture.source);
    await_taken(&fixture);
    atomic_store(&yields, true);
    (void)poll(NULL, 0, 200); /* what it reads before it yields is empty */
    for (int64_t offset = 0; offset < RECORDS; offset++) {
        for (uint32_t partition = 0; partition < 2; partition++) {
            push_mixed(&fixture, partition, offset);
            if (offset >= 40 && offset < 60) {
                push_mixed(&fixture, partition, offset - 30);
            }
        }
        if (offset % 40 == 20) {
            fake_end(fixture.source, 0, offset + 1);
        }
        counted += is_malformed(offset) ? 0 : 2;
    }
    fake_end(fixture.source, 0, RECORDS);
    fake_end(fixture.source, 1, RECORDS);
    atomic_store(&yields, false);
    await_counted(&fixture, counted);
    assert_mixed(&fixture, RECORDS);
    stop(&fixture);
}

static void open_file(struct fixture *fixture)
{
    const struct copies_options options = {.paths = {fixture->path}, .count = 1};
    struct copies *copies = NULL;
    struct checkpoint *checkpoint = NULL;
    struct ctr_error error;

    assert_int_equal(copies_open(&options, &copies, &error), CTR_OK);
    if (copies_load(copies, &checkpoint, &error) == CTR_OK) {
        copies_settle(copies);
        assert_int_equal(store_restore(&fixture->options, checkpoint, &fixture->store, &error),
                         CTR_OK);
        fixture->restored = true;
    }
    checkpoint_free(checkpoint);
    assert_int_equal(checkpointer_start(&copies, &fixture->checkpointer, &error), CTR_OK);
}

static void a_restart_goes_on_at_the_saved_offset_with_the_saved_counts(void **state)
{
    struct fixture fixture = {.dir = "/tmp/livectr-test-XXXXXX"};

    (void)state;
    assert_non_null(mkdtemp(fixture.dir));
    (void)snprintf(fixture.path, sizeof fixture.path, "%s/livectr.db", fixture.dir);
    configure(&fixture, CLOCK_EVENT);
    fixture.config.snapshot_interval_ms = 10;
    open_file(&fixture);
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_complete(fixture.source);
    for (int64_t i = 0; i < 100; i++) {
        push_event(&fixture, 0, i, i % 10 == 0 ? "click" : "view", EPOCH_MS + i * 100);
    }
    await_taken(&fixture);
    stop(&fixture);

    open_file(&fixture);
    assert_true(fixture.restored);
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_complete(fixture.source);
    push_event(&fixture, 0, 99, "view", EPOCH_MS); /* delivered again: below the position */
    push_event(&fixture, 0, 100, "view", EPOCH_MS + 10000);
    fake_end(fixture.source, 0, 101);
    await_totals(&fixture, 91, 10);
    assert_int_equal(fake_start(fixture.source, 0).kind, START_OFFSET);
    assert_int_equal(fake_start(fixture.source, 0).value, 100);
    stop(&fixture);
    assert_int_equal(unlink(fixture.path), 0);
    assert_int_equal(rmdir(fixture.dir), 0);
}

/* One had no leader at the first start, and was saved before it had begun; another is made since.
 */
static void a_partition_that_was_saved_before_it_began_begins_as_at_the_first_start(void **state)
{
    struct fixture fixture = {.restored = true};
    struct checkpoint *cut = NULL;
    uint32_t index = 0;

    (void)state;
    configure(&fixture, CLOCK_WALL);
    assert_int_equal(store_new(&fixture.options, &fixture.store, NULL), CTR_OK);
    for (int32_t number = 0; number < 2; number++) {
        assert_int_equal(store_partition_open(fixture.store, "events", number, &index), CTR_OK);
    }
    partition_start(store_partition(fixture.store, 0), 7, false);
    assert_int_equal(store_cut(fixture.store, true, &cut), CTR_OK);
    store_free(fixture.store);
    assert_int_equal(store_restore(&fixture.options, cut, &fixture.store, NULL), CTR_OK);
    checkpoint_free(cut);

    start(&fixture);
    for (int32_t number = 0; number < 3; number++) {
        fake_found(fixture.source, (uint32_t)number, "events", number);
    }
    fake_complete(fixture.source);
    await_taken(&fixture);
    assert_int_equal(fake_start(fixture.source, 0).kind, START_OFFSET);
    assert_int_equal(fake_start(fixture.source, 0).value, 7);
    assert_int_equal(fake_start(fixture.source, 1).kind, START_TIME);
    assert_int_equal(fake_start(fixture.source, 2).kind, START_EARLIEST);
    stop(&fixture);
}

static void a_gap_is_counted_and_reading_goes_on(void **state)
{
    struct fixture fixture = {.store = NULL};
    struct store_status status;

    (void)state;
    configure(&fixture, CLOCK_EVENT);
    start(&fixture);
    fake_found(fixture.source, 0, "events", 0);
    fake_complete(fixture.source);
    push_event(&fixture, 0, 0, "view", EPOCH_MS);
    fake_gap(fixture.source, 0, 51);
    push_event(&fixture, 0, 51, "view", EPOCH_MS + 1000);
    fake_end(fixture.source, 0, 52);
    await_totals(&fixture, 2, 0);
    assert_int_equal(store_status_read(fixture.store, &status), CTR_OK);
    assert_int_equal(status.partitions[0].lost, 50);
    assert_int_equal(status.partitions[0].intervals_count, 2);
    assert_int_equal(status.partitions[0].intervals[1].next, 52);
    assert_int_equal(status.progress.covered_from_ms, EPOCH_MS + 1000);
    store_status_done(&status);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_never_see_a_click_without_its_view),
        cmocka_unit_test(nothing_is_answered_before_every_topic_is_found),
        cmocka_unit_test(a_partition_that_runs_ahead_is_held_and_loses_nothing),
        cmocka_unit_test(time_moves_windows_when_nothing_arrives),
        cmocka_unit_test(a_limit_holds_to_while_reading_goes_on),
        cmocka_unit_test(who_yields_reads_nothing),
        cmocka_unit_test(malformed_records_are_counted_and_shown_without_their_visitor),
        cmocka_unit_test(records_are_taken_in_order_whatever_stands_between_them),
        cmocka_unit_test(a_restart_goes_on_at_the_saved_offset_with_the_saved_counts),
        cmocka_unit_test(a_partition_that_was_saved_before_it_began_begins_as_at_the_first_start),
        cmocka_unit_test(a_gap_is_counted_and_reading_goes_on),
    };

    atomic_store(&fake_now_ms, EPOCH_MS);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
