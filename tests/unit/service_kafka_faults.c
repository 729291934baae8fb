/* SPDX-License-Identifier: Apache-2.0
 *
 * The Kafka source over librdkafka's mock cluster, whose brokers do what they are told: refuse,
 * fall silent, hand leadership on. The test is the pipeline: it answers FOUND and looks at every
 * item.
 */
#include "tests/support/test.h"

#include <stdio.h>
#include <string.h>

#include "service/clock.h"
#include "service/kafka/consumer.h"
#include "service/kafka/rd.h"
#include "storage/moment.h"

enum { WAIT_MS = 30000, POLL_MS = 50, FETCH = 1, LIST_OFFSETS = 2, METADATA = 3, BROKERS = 3 };

struct fixture {
    struct config config;
    rd_kafka_t *owner; /* of the mock cluster, and the producer */
    rd_kafka_mock_cluster_t *cluster;
    struct source *source;
    struct source_start wish;    /* where to begin */
    int64_t next;                /* what is to come */
    int64_t gaps, again, stalls; /* items that should not be, and STALLED */
    int64_t proofs;
    int64_t confirmed;
    enum partition_state state;
    bool complete;
};

static void start_cluster(struct fixture *fixture)
{
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct ctr_error error;

    *fixture = (struct fixture){.confirmed = -1, .wish = {.kind = START_EARLIEST}};
    /* Owns the cluster; the same client then writes to it. */
    assert_int_equal(rd_kafka_conf_set(conf, "test.mock.num.brokers", "3", text, sizeof text),
                     RD_KAFKA_CONF_OK);
    fixture->owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(fixture->owner);
    fixture->cluster = rd_kafka_handle_mock_cluster(fixture->owner);
    assert_non_null(fixture->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(fixture->cluster, "events", 1, 1), 0);
    config_defaults(&fixture->config);
    (void)snprintf(fixture->config.brokers, sizeof fixture->config.brokers, "%s",
                   rd_kafka_mock_cluster_bootstraps(fixture->cluster));
    assert_int_equal(config_set(&fixture->config, "topics", "events", "test", &error), CTR_OK);
    fixture->config.discover_interval_ms = 300;
    fixture->config.stall_after_ms = 1500;
}

static void start(struct fixture *fixture)
{
    struct ctr_error error;

    start_cluster(fixture);
    assert_int_equal(kafka_source_open(&fixture->config, &fixture->source, &error), CTR_OK);
}

static void stop(struct fixture *fixture)
{
    fixture->source->ops->close(fixture->source, 5000);
    rd_kafka_destroy(fixture->owner);
}

static void produce(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++) {
        const rd_kafka_vu_t fields[] = {
            {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = "events"},
            {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
            {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t) "{}", 2}},
        };

        assert_null(rd_kafka_produceva(fixture->owner, fields, sizeof fields / sizeof fields[0]));
    }
    assert_int_equal(rd_kafka_flush(fixture->owner, WAIT_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void take(struct fixture *fixture, const struct source_item *item)
{
    switch ((int)item->kind) {
    case SOURCE_FOUND:
        fixture->source->ops->start(fixture->source, item->partition, fixture->wish);
        break;
    case SOURCE_COMPLETE:
        fixture->complete = true;
        break;
    case SOURCE_RECORD:
        fixture->again += item->offset < fixture->next;
        fixture->gaps += item->offset > fixture->next;
        fixture->next = item->offset + 1;
        break;
    case SOURCE_GAP:
    case SOURCE_SHRUNK:
    case SOURCE_DAMAGED:
        fixture->gaps++;
        break;
    case SOURCE_PROOF:
        fixture->proofs++;
        break;
    case SOURCE_CONFIRMED:
        fixture->confirmed = item->offset;
        break;
    case SOURCE_STATE:
        fixture->state = item->state;
        fixture->stalls += item->state == PARTITION_STALLED;
        break;
    default:
        break;
    }
}

static void poll_once(struct fixture *fixture)
{
    struct source_batch batch;

    assert_int_equal(fixture->source->ops->poll(fixture->source, POLL_MS, &batch), CTR_OK);
    for (size_t i = 0; i < batch.count; i++) {
        take(fixture, &batch.items[i]);
    }
    fixture->source->ops->release(fixture->source, &batch);
}

static void await_next(struct fixture *fixture, int64_t next)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (fixture->next < next && clock_mono_ms() < until_ms) {
        poll_once(fixture);
    }
    assert_int_equal(fixture->next, next);
    assert_int_equal(fixture->gaps, 0);
    assert_int_equal(fixture->again, 0);
}

static void await_part(struct fixture *fixture, enum partition_state state)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (fixture->state != state && clock_mono_ms() < until_ms) {
        poll_once(fixture);
    }
    assert_string_equal(partition_state_name(fixture->state), partition_state_name(state));
}

static void await_source(struct fixture *fixture, const char *state)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;
    struct source_health health = {.state = ""};

    while (strcmp(health.state, state) != 0 && clock_mono_ms() < until_ms) {
        poll_once(fixture);
        fixture->source->ops->health(fixture->source, &health);
    }
    assert_string_equal(health.state, state);
}

static void a_leader_that_moves_costs_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    for (int move = 0; move < 8; move++) {
        produce(&fixture, 20);
        if (move % 2 == 0) {
            await_next(&fixture, (move + 1) * 20); /* else it moves in the middle */
        }
        assert_int_equal(
            rd_kafka_mock_partition_set_leader(fixture.cluster, "events", 0, move % BROKERS + 1),
            0);
    }
    await_next(&fixture, 160);
    await_source(&fixture, "reading");
    stop(&fixture);
}

static void every_passing_error_of_every_question_is_lived_with(void **state)
{
    static const rd_kafka_resp_err_t errors[] = {
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,    RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,      RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,     RD_KAFKA_RESP_ERR_UNKNOWN,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE};
    static const int16_t questions[] = {FETCH, LIST_OFFSETS, METADATA};
    struct fixture fixture;
    int64_t total = 0;

    (void)state;
    start(&fixture);
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        for (size_t q = 0; q < sizeof questions / sizeof questions[0]; q++) {
            rd_kafka_mock_push_request_errors(fixture.cluster, questions[q], 1, errors[e]);
        }
        produce(&fixture, 5);
        total += 5;
        await_next(&fixture, total);
    }
    await_source(&fixture, "reading");
    stop(&fixture);
}

static void a_reader_that_gets_nothing_is_called_stalled_and_begun_again(void **state)
{
    struct fixture fixture;
    int64_t until_ms = 0;

    (void)state;
    start(&fixture);
    produce(&fixture, 10);
    await_next(&fixture, 10);
    /* Fetches fail, questions for the end do not: a backlog from which nothing comes. */
    for (int i = 0; i < 2000; i++) {
        rd_kafka_mock_push_request_errors(fixture.cluster, FETCH, 1,
                                          RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    }
    produce(&fixture, 10);
    await_part(&fixture, PARTITION_STALLED);
    assert_int_equal(fixture.next, 10);
    until_ms = clock_mono_ms() + WAIT_MS;
    while (fixture.stalls < 6 &&
           clock_mono_ms() < until_ms) { /* two each; the third is a new client */
        poll_once(&fixture);
    }
    assert_true(fixture.stalls >= 6);
    assert_int_equal(fixture.state, PARTITION_STALLED);
    rd_kafka_mock_clear_request_errors(fixture.cluster, FETCH);
    await_next(&fixture, 20);
    await_part(&fixture, PARTITION_READING);
    produce(&fixture, 10);
    await_next(&fixture, 30);
    stop(&fixture);
}

static void one_that_is_held_is_not_called_stalled(void **state)
{
    struct fixture fixture;
    int64_t until_ms = 0;

    (void)state;
    start(&fixture);
    produce(&fixture, 10);
    await_next(&fixture, 10);
    fixture.source->ops->hold(fixture.source, 0, true);
    produce(&fixture, 10);
    until_ms = clock_mono_ms() + 2 * fixture.config.stall_after_ms;
    while (clock_mono_ms() < until_ms) {
        poll_once(&fixture);
    }
    assert_int_equal(fixture.stalls, 0);
    assert_int_equal(fixture.next, 10);
    fixture.source->ops->hold(fixture.source, 0, false);
    await_next(&fixture, 20);
    stop(&fixture);
}

static void a_topic_that_may_not_be_read_is_refused_until_it_may(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    produce(&fixture, 10);
    await_next(&fixture, 10);
    rd_kafka_mock_topic_set_error(fixture.cluster, "events",
                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    await_part(&fixture, PARTITION_REFUSED);
    await_source(&fixture, "not_authorized");
    rd_kafka_mock_topic_set_error(fixture.cluster, "events", RD_KAFKA_RESP_ERR_NO_ERROR);
    await_source(&fixture, "reading");
    await_part(&fixture, PARTITION_READING);
    produce(&fixture, 10);
    await_next(&fixture, 20);
    stop(&fixture);
}

/* What is saved of the position and its proof must not be forgotten on the way to it. */
static void a_topic_that_goes_before_it_began_begins_where_it_was_to(void **state)
{
    struct fixture fixture;
    struct ctr_error error;

    (void)state;
    start_cluster(&fixture);
    produce(&fixture, 10);
    fixture.wish =
        (struct source_start){.kind = START_OFFSET, .value = 6, .prove = true, .proof = 5};
    fixture.next = 6;
    for (int i = 0; i < 2000; i++) { /* its beginning and end are not to be had */
        rd_kafka_mock_push_request_errors(fixture.cluster, LIST_OFFSETS, 1,
                                          RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    }
    assert_int_equal(kafka_source_open(&fixture.config, &fixture.source, &error), CTR_OK);
    while (!fixture.complete) {
        poll_once(&fixture);
    }
    rd_kafka_mock_topic_set_error(fixture.cluster, "events",
                                  RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
    await_part(&fixture, PARTITION_GONE);
    assert_int_equal(fixture.next, 6);
    rd_kafka_mock_topic_set_error(fixture.cluster, "events", RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_mock_clear_request_errors(fixture.cluster, LIST_OFFSETS);
    await_next(&fixture, 10);
    assert_int_equal(fixture.proofs, 1);
    stop(&fixture);
}

static void brokers_that_are_down_are_named_and_read_when_they_are_back(void **state)
{
    struct fixture fixture;

    (void)state;
    start(&fixture);
    produce(&fixture, 10);
    await_next(&fixture, 10);
    for (int broker = 1; broker <= BROKERS; broker++) {
        assert_int_equal(rd_kafka_mock_broker_set_down(fixture.cluster, broker), 0);
    }
    await_source(&fixture, "brokers_down");
    for (int broker = 1; broker <= BROKERS; broker++) {
        assert_int_equal(rd_kafka_mock_broker_set_up(fixture.cluster, broker), 0);
    }
    await_source(&fixture, "reading");
    produce(&fixture, 10);
    await_next(&fixture, 20);
    stop(&fixture);
}

/* The queue holds one batch, and a fetch of the mock brings one. Each was a second of librdkafka's
 * sleep once the queue had been full. */
static void a_full_queue_that_was_emptied_is_filled_at_once(void **state)
{
    enum { BATCHES = 30, RECORDS = 10, TOGETHER_MS = BATCHES * 1000 / 3 };
    struct fixture fixture;
    struct ctr_error error;
    int64_t begun_ms = 0;

    (void)state;
    start_cluster(&fixture);
    for (int i = 0; i < BATCHES; i++) {
        produce(&fixture, RECORDS);
    }
    assert_int_equal(config_set(&fixture.config, "kafka.queued.min.messages", "10", "test", &error),
                     CTR_OK);
    assert_int_equal(kafka_source_open(&fixture.config, &fixture.source, &error), CTR_OK);
    await_next(&fixture, RECORDS);
    begun_ms = clock_mono_ms();
    await_next(&fixture, (int64_t)BATCHES * RECORDS);
    assert_in_range(clock_mono_ms() - begun_ms, 0, TOGETHER_MS);
    stop(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leader_that_moves_costs_nothing),
        cmocka_unit_test(every_passing_error_of_every_question_is_lived_with),
        cmocka_unit_test(a_reader_that_gets_nothing_is_called_stalled_and_begun_again),
        cmocka_unit_test(a_full_queue_that_was_emptied_is_filled_at_once),
        cmocka_unit_test(one_that_is_held_is_not_called_stalled),
        cmocka_unit_test(a_topic_that_may_not_be_read_is_refused_until_it_may),
        cmocka_unit_test(a_topic_that_goes_before_it_began_begins_where_it_was_to),
        cmocka_unit_test(brokers_that_are_down_are_named_and_read_when_they_are_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
