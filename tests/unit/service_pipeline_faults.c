/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pipeline makes of a log that is not what it was, over a fake source: each fault under
 * each of its policies.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "service/clock.h"
#include "service/pipeline.h"
#include "storage/checkpoint.h"
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
    struct pipeline *pipeline;
};

static int64_t fake_wall_ms(void)
{
    return EPOCH_MS;
}

static void configure(struct fixture *fixture)
{
    struct ctr_error error;

    *fixture = (struct fixture){.store = NULL};
    config_defaults(&fixture->config);
    assert_int_equal(config_set(&fixture->config, "topics", "events", "test", &error), CTR_OK);
    fixture->config.clock = CLOCK_EVENT;
    fixture->options = (struct store_options){.windows = fixture->config.windows,
                                              .clock = CLOCK_EVENT,
                                              .late_ms = fixture->config.late_ms,
                                              .future_ms = fixture->config.future_ms,
                                              .people_horizon_ms = 10 * MINUTE_MS,
                                              .dedup_horizon_ms = 10 * MINUTE_MS,
                                              .lateness_ms = 2 * MINUTE_MS,
                                              .visitors_max = 1000,
                                              .ids_max = 1000,
                                              .minutes_max = 4000,
                                              .keys_max = 1000,
                                              .held_max = fixture->config.held_max,
                                              .hash_secret = {1, 2, 3}};
    assert_int_equal(store_new(&fixture->options, &fixture->store, &error), CTR_OK);
}

static void start(struct fixture *fixture)
{
    struct pipeline_options options = {.config = &fixture->config,
                                       .store = fixture->store,
                                       .wall_ms = fake_wall_ms,
                                       .mono_ms = clock_mono_ms};
    struct ctr_error error;

    fixture->source = fake_source_new();
    options.source = fixture->source;
    assert_int_equal(pipeline_start(&options, &fixture->pipeline, &error), CTR_OK);
    fake_found(fixture->source, 0, "events", 0);
    fake_complete(fixture->source);
}

static void stop_reading(struct fixture *fixture)
{
    pipeline_stop(fixture->pipeline);
    fixture->source->ops->close(fixture->source, 0);
}

static void stop(struct fixture *fixture)
{
    stop_reading(fixture);
    store_free(fixture->store);
}

/* The store as a process started anew finds it. */
static void restart(struct fixture *fixture)
{
    struct checkpoint *cut = NULL;
    struct ctr_error error;

    stop_reading(fixture);
    assert_int_equal(store_cut(fixture->store, true, &cut), CTR_OK);
    store_free(fixture->store);
    assert_int_equal(store_restore(&fixture->options, cut, &fixture->store, &error), CTR_OK);
    checkpoint_free(cut);
    start(fixture);
}

static int event_text(char *text, size_t room, int64_t offset)
{
    return snprintf(text, room, "{\"type\":\"view\",\"ts\":%lld,\"page\":\"/p\"}",
                    (long long)(EPOCH_MS + offset));
}

static void push_record(struct fixture *fixture, enum source_kind kind, int64_t offset,
                        const char *key)
{
    char text[160];
    int length = event_text(text, sizeof text, offset);

    fake_item(fixture->source, &(struct source_item){.kind = kind,
                                                     .offset = offset,
                                                     .time_ms = EPOCH_MS + offset,
                                                     .text = text,
                                                     .length = (size_t)length,
                                                     .key = key,
                                                     .key_length = key == NULL ? 0 : strlen(key)});
}

static void push_records(struct fixture *fixture, int64_t first, int64_t next)
{
    for (int64_t offset = first; offset < next; offset++) {
        push_record(fixture, SOURCE_RECORD, offset, "k");
    }
}

static void push_fault(struct fixture *fixture, enum source_kind kind, int64_t offset)
{
    fake_item(fixture->source, &(struct source_item){.kind = kind, .offset = offset});
}

static struct partition look(struct fixture *fixture)
{
    struct store_status status;
    struct partition partition = {.number = -1};

    assert_int_equal(store_status_read(fixture->store, &status), CTR_OK);
    if (status.partitions_count > 0) {
        partition = status.partitions[0];
    }
    store_status_done(&status);
    return partition;
}

static struct partition await_read(struct fixture *fixture, uint64_t read)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (look(fixture).counts.read < read && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(look(fixture).counts.read, read);
    return look(fixture);
}

static struct partition await_state(struct fixture *fixture, enum partition_state state)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct partition partition = look(fixture);

    while ((partition.number < 0 || partition_state(&partition) != state) &&
           clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        partition = look(fixture);
    }
    assert_string_equal(partition_state_name(partition_state(&partition)),
                        partition_state_name(state));
    return partition;
}

/* The pipeline asked for the partition to be begun anew. */
static void await_start(struct fixture *fixture, enum start_kind kind, bool skip)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct source_start start = fake_start(fixture->source, 0);

    while ((start.kind != kind || start.skip != skip) && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
        start = fake_start(fixture->source, 0);
    }
    assert_int_equal(start.kind, kind);
    assert_int_equal(start.skip, skip);
}

/* Everything pushed was polled and handled. */
static void await_taken(struct fixture *fixture)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    push_fault(fixture, SOURCE_CONFIRMED, 1000000); /* ignored where the partition stands */
    while (fake_waiting(fixture->source) > 0 && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    stop_reading(fixture);
}

static void with_gap_stop_a_gap_stands_and_says_how_many_are_gone(void **state)
{
    struct fixture fixture;
    struct partition partition;

    (void)state;
    configure(&fixture);
    fixture.config.gap = GAP_STOP;
    start(&fixture);
    push_records(&fixture, 0, 10);
    push_fault(&fixture, SOURCE_GAP, 25);
    push_records(&fixture, 25, 30);
    partition = await_state(&fixture, PARTITION_GAP);
    assert_int_equal(partition_lost(&partition), 15);
    assert_int_equal(fake_stops(fixture.source, 0), 1);
    await_taken(&fixture);
    partition = look(&fixture);
    assert_int_equal(partition.counts.read, 10);
    assert_int_equal(partition_next(&partition), 10);
    assert_int_equal(partition.lost, 0); /* nothing was given up yet */
    store_free(fixture.store);
}

static void after_gap_continue_the_lost_are_the_same(void **state)
{
    struct fixture fixture;
    struct partition partition;

    (void)state;
    configure(&fixture);
    fixture.config.gap = GAP_STOP;
    start(&fixture);
    push_records(&fixture, 0, 10);
    push_fault(&fixture, SOURCE_GAP, 25);
    (void)await_state(&fixture, PARTITION_GAP);
    fixture.config.gap = GAP_CONTINUE;
    restart(&fixture);
    push_fault(&fixture, SOURCE_GAP, 25);
    push_records(&fixture, 25, 30);
    partition = await_read(&fixture, 15);
    assert_int_equal(partition_lost(&partition), 15);
    assert_int_equal(partition.intervals_count, 2);
    stop(&fixture);
}

static void the_same_record_is_known_again(void **state)
{
    struct fixture fixture;
    struct partition partition;

    (void)state;
    configure(&fixture);
    start(&fixture);
    push_records(&fixture, 0, 10);
    (void)await_read(&fixture, 10);
    restart(&fixture);
    push_record(&fixture, SOURCE_PROOF, 9, "k");
    push_records(&fixture, 10, 12);
    partition = await_read(&fixture, 12);
    assert_true(fake_start(fixture.source, 0).prove);
    assert_int_equal(fake_start(fixture.source, 0).proof, 9);
    assert_int_equal(fake_start(fixture.source, 0).value, 10);
    assert_int_equal(partition.trouble, PARTITION_READING);
    assert_int_equal(fake_stops(fixture.source, 0), 0);
    stop(&fixture);
}

static void assert_replaced(const struct source_item *proof)
{
    struct fixture fixture;
    struct partition partition;

    configure(&fixture);
    start(&fixture);
    push_records(&fixture, 0, 10);
    (void)await_read(&fixture, 10);
    restart(&fixture);
    fake_item(fixture.source, proof);
    push_records(&fixture, 10, 12);
    (void)await_state(&fixture, PARTITION_REPLACED);
    assert_int_equal(fake_stops(fixture.source, 0), 1);
    await_taken(&fixture);
    partition = look(&fixture);
    assert_int_equal(partition.counts.read, 10);
    assert_int_equal(partition_next(&partition), 10);
    store_free(fixture.store);
}

static void another_value_key_time_or_offset_is_another_log(void **state)
{
    char text[160];
    struct source_item good = {.kind = SOURCE_PROOF,
                               .offset = 9,
                               .time_ms = EPOCH_MS + 9,
                               .text = text,
                               .length = (size_t)event_text(text, sizeof text, 9),
                               .key = "k",
                               .key_length = 1};
    struct source_item proof = good;

    (void)state;
    proof.length--;
    assert_replaced(&proof);
    proof = good;
    proof.key = "j";
    assert_replaced(&proof);
    proof.key_length = 0;
    assert_replaced(&proof);
    proof = good;
    proof.time_ms++;
    assert_replaced(&proof);
    proof = good;
    proof.offset--;
    assert_replaced(&proof);
}

static void with_restart_another_log_is_read_from_its_beginning_beside_the_old_counts(void **state)
{
    struct fixture fixture;
    struct partition partition;

    (void)state;
    configure(&fixture);
    fixture.config.log_changed = LOG_CHANGED_RESTART;
    start(&fixture);
    push_records(&fixture, 0, 10);
    (void)await_read(&fixture, 10);
    restart(&fixture);
    push_record(&fixture, SOURCE_PROOF, 9, "another");
    push_records(&fixture, 10, 12); /* of the reading before: not taken */
    await_start(&fixture, START_EARLIEST, false);
    push_records(&fixture, 0, 4);
    partition = await_read(&fixture, 14);
    assert_int_equal(partition.log_changes, 1);
    assert_int_equal(partition.intervals_count, 2);
    assert_int_equal(partition.intervals[0].next, 10);
    assert_int_equal(partition.intervals[1].first, 0);
    assert_int_equal(partition.intervals[1].next, 4);
    assert_int_equal(partition.counts.read, partition.counts.counted + partition.counts.held);

    restart(&fixture); /* by the new log's records */
    push_record(&fixture, SOURCE_PROOF, 3, "k");
    push_records(&fixture, 4, 5);
    partition = await_read(&fixture, 15);
    assert_int_equal(fake_start(fixture.source, 0).proof, 3);
    assert_int_equal(partition.log_changes, 1);
    stop(&fixture);
}

static void a_log_that_ends_before_the_position_stands(void **state)
{
    struct fixture fixture;

    (void)state;
    configure(&fixture);
    start(&fixture);
    push_records(&fixture, 0, 10);
    push_fault(&fixture, SOURCE_SHRUNK, 5);
    (void)await_state(&fixture, PARTITION_TRUNCATED);
    assert_int_equal(look(&fixture).counts.read, 10);
    stop(&fixture);
}

static void a_damaged_batch_is_passed_over_or_stands(void **state)
{
    struct fixture fixture;
    struct partition partition;

    (void)state;
    for (int policy = GAP_CONTINUE; policy <= GAP_STOP; policy++) {
        configure(&fixture);
        fixture.config.gap = (enum gap_policy)policy;
        start(&fixture);
        push_records(&fixture, 0, 10);
        push_fault(&fixture, SOURCE_DAMAGED, 10);
        if (policy == GAP_CONTINUE) {
            await_start(&fixture, START_OFFSET, true);
            push_fault(&fixture, SOURCE_GAP, 14);
            push_records(&fixture, 14, 16);
            partition = await_read(&fixture, 12);
            assert_int_equal(fake_start(fixture.source, 0).value, 10);
            assert_int_equal(partition.log_changes, 0);
            assert_int_equal(partition.lost, 4);
        } else {
            partition = await_state(&fixture, PARTITION_DAMAGED);
            assert_int_equal(fake_stops(fixture.source, 0), 1);
            assert_int_equal(partition_lost(&partition), 0);
        }
        stop(&fixture);
    }
}

static void what_comes_again_is_dropped_and_counted(void **state)
{
    struct fixture fixture;
    struct partition partition;
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    (void)state;
    configure(&fixture);
    start(&fixture);
    push_records(&fixture, 0, 11);
    push_records(&fixture, 4, 10);
    fake_record(fixture.source, 0, 3, EPOCH_MS, "no event", 8);
    while (look(&fixture).redelivered < 7 && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    partition = await_read(&fixture, 11);
    assert_int_equal(partition.redelivered, 7);
    assert_int_equal(partition_malformed(&partition.counts), 0);
    restart(&fixture);
    (void)await_state(&fixture, PARTITION_READING);
    assert_int_equal(fake_start(fixture.source, 0).proof, 10); /* not one that came again */
    assert_int_equal(look(&fixture).redelivered, 7);
    stop(&fixture);
}

static void a_passing_trouble_is_shown_and_goes(void **state)
{
    struct fixture fixture;

    (void)state;
    configure(&fixture);
    start(&fixture);
    push_records(&fixture, 0, 10);
    fake_item(fixture.source,
              &(struct source_item){.kind = SOURCE_STATE, .state = PARTITION_BLOCKED});
    (void)await_state(&fixture, PARTITION_BLOCKED);
    fake_item(fixture.source, &(struct source_item){.kind = SOURCE_STATE});
    push_fault(&fixture, SOURCE_UNPROVED, 0);
    push_records(&fixture, 10, 12);
    assert_int_equal(await_read(&fixture, 12).unverified, 1);
    (void)await_state(&fixture, PARTITION_READING);
    stop(&fixture);
}

static void a_partition_that_the_brokers_do_not_have_any_more_is_gone(void **state)
{
    struct fixture fixture;
    struct store_status status;
    uint32_t index = 0;
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    (void)state;
    configure(&fixture);
    assert_int_equal(store_partition_open(fixture.store, "events", 7, &index), CTR_OK);
    start(&fixture);
    push_records(&fixture, 0, 10);
    (void)await_read(&fixture, 10);
    do {
        assert_int_equal(store_status_read(fixture.store, &status), CTR_OK);
        index = (uint32_t)partition_state(&status.partitions[1]);
        assert_int_equal(status.partitions[1].number, 7);
        store_status_done(&status);
    } while (index != PARTITION_GONE && clock_mono_ms() < until_ms);
    assert_int_equal(index, PARTITION_GONE);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_gap_stop_a_gap_stands_and_says_how_many_are_gone),
        cmocka_unit_test(after_gap_continue_the_lost_are_the_same),
        cmocka_unit_test(the_same_record_is_known_again),
        cmocka_unit_test(another_value_key_time_or_offset_is_another_log),
        cmocka_unit_test(with_restart_another_log_is_read_from_its_beginning_beside_the_old_counts),
        cmocka_unit_test(a_log_that_ends_before_the_position_stands),
        cmocka_unit_test(a_damaged_batch_is_passed_over_or_stands),
        cmocka_unit_test(what_comes_again_is_dropped_and_counted),
        cmocka_unit_test(a_passing_trouble_is_shown_and_goes),
        cmocka_unit_test(a_partition_that_the_brokers_do_not_have_any_more_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
