/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that runs out above the store: whichever allocation fails, a record is decoded as it would
 * have been or not at all, an answer is the right one or 503, and an end that comes meanwhile
 * passes over no record.
 */
#include "tests/support/test.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/counters.h"
#include "api/router.h"
#include "service/clock.h"
#include "service/decode.h"
#include "service/decode_judge.h"
#include "service/pipeline.h"
#include "storage/moment.h"
#include "storage/names.h"
#include "tests/support/failing_memory.h"
#include "tests/support/fake_source.h"

#define TS_MS INT64_C(1795454594000)
#define LONG                                                                                       \
    "a-long-page-id-that-does-not-fit-into-the-first-buffer-of-a-token-and-not-into-the-second-"   \
    "either-so-that-it-grows-a-few-times-on-its-way"

enum { WAIT_MS = 20000 };

enum { RECORD_BYTES_MAX = 16384 };

/* ---- decoding ------------------------------------------------------------------------------ */

static bool same_text(struct text left, struct text right)
{
    return left.length == right.length &&
           (left.length == 0 || memcmp(left.bytes, right.bytes, left.length) == 0);
}

static bool same_decoded(const struct decoded *left, const struct decoded *right)
{
    if (!left->is_event || !right->is_event) {
        return left->is_event == right->is_event && left->reason == right->reason;
    }
    return left->event.type == right->event.type && left->event.ts_ms == right->event.ts_ms &&
           same_text(left->event.page, right->event.page) &&
           same_text(left->event.box, right->event.box) &&
           same_text(left->event.visitor, right->event.visitor) &&
           same_text(left->event.id, right->event.id);
}

/* The judge's one allocation is the arena's, before jansson begins: refused, nothing is known. */
static void judge_with_faults(const struct schema *schema, const char *record, size_t length)
{
    struct judge *judge = judge_new(schema, RECORD_BYTES_MAX);
    struct judge *spare = judge_new(schema, RECORD_BYTES_MAX);
    struct decoded wanted, got;

    assert_non_null(judge);
    assert_non_null(spare);
    fault = (struct fault){.armed = true};
    judge_record(spare, record, length, TOPIC_TYPE_FROM_EVENT, &wanted);
    assert_int_equal(fault.seen, 1);
    assert_false(wanted.no_memory);
    fault = (struct fault){.at = 1, .sticky = true, .armed = true};
    judge_record(judge, record, length, TOPIC_TYPE_FROM_EVENT, &got);
    assert_true(got.no_memory && !got.is_event);
    fault.at = 0;
    judge_record(judge, record, length, TOPIC_TYPE_FROM_EVENT, &got);
    assert_true(same_decoded(&got, &wanted));
    fault.seen = 0;
    judge_record(judge, record, length, TOPIC_TYPE_FROM_EVENT, &got);
    assert_int_equal(fault.seen, 0); /* the room stays */
    fault.armed = false;
    judge_free(judge);
    judge_free(spare);
}

/* A plain record is an event where there is no memory at all; another one is asked for again. */
static void only_the_judge_takes_memory(void **state)
{
    static const char plain[] =
        "{\"type\":\"view\",\"ts\":5,\"page\":\"p\",\"x\":[{\"a\":\"\\u00e9\"}]}";
    static const char other[] = "{\"type\":\"view\",\"ts\":5,\"page\":\"p\",\"\\u0078\":1}";
    struct decoder *decoder = NULL;
    struct config config;
    struct decoded got;

    (void)state;
    config_defaults(&config);
    assert_int_equal(decoder_new(&config, &decoder, NULL), CTR_OK);
    fault = (struct fault){.at = 1, .sticky = true, .armed = true};
    decode_record(decoder, plain, sizeof plain - 1, TOPIC_TYPE_FROM_EVENT, &got);
    assert_true(got.is_event && !got.no_memory);
    assert_int_equal(fault.seen, 0);
    decode_record(decoder, other, sizeof other - 1, TOPIC_TYPE_FROM_EVENT, &got);
    assert_true(got.no_memory && !got.is_event);
    fault.armed = false;
    decode_record(decoder, other, sizeof other - 1, TOPIC_TYPE_FROM_EVENT, &got);
    assert_true(got.is_event && !got.no_memory);
    decoder_free(decoder);
}

static void a_record_is_decoded_rightly_or_not_at_all(void **state)
{
    static const char *const records[] = {
        "{\"type\":\"view\",\"ts\":1795454594000,\"page\":\"" LONG "\",\"box\":\"" LONG "\","
        "\"visitor\":\"v\",\"id\":\"e-1\"}",
        "{\"ignored\":[1,2.5e17,{\"deep\":[null,true]}],\"type\":\"click\","
        "\"ts\":\"2026-11-23T17:30:00.125+01:00\",\"page\":\"/p\"}",
        "{\"type\":\"view\",\"ts\":1795454594000,\"visitor\":\"" LONG "\"}",
        "{\"type\":\"view\",\"ts\":17954545940000000000000000000,\"page\":\"p\"}",
        "[\"" LONG "\"]",
        "{\"a\":1,\"a\":2}",
    };
    static struct schema schema;
    struct config config;

    (void)state;
    config_defaults(&config);
    assert_int_equal(schema_read(&config, &schema, NULL), CTR_OK);
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        judge_with_faults(&schema, records[i], strlen(records[i]));
    }
}

/* Records as long as they may be, made of what costs jansson most. */
static void the_room_reserved_is_enough_for_any_record(void **state)
{
    static const char *const parts[][3] = {
        {"[", "{},", "{}]"},
        {"[", "[],", "[]]"},
        {"[", "\"\",", "1]"},
        {"[", "1,", "1]"},
        {"[", "1.5,", "1]"},
        {"[", "\"\\u00e9\",", "1]"},
        {"[\"", "x", "\"]"},
        {"{\"a\":[", "{\"b\":1},", "1]}"},
        {"{\"a\":[", "{\"\":{}},", "{}]}"},
        {"", "[", ""},
        {"", "{\"a\":", ""},
        {"{\"type\":\"view\",\"x\":[", "[[{}]],", "1]}"},
    };
    static char record[RECORD_BYTES_MAX + 1];
    static struct schema schema;
    struct config config;

    (void)state;
    config_defaults(&config);
    assert_int_equal(schema_read(&config, &schema, NULL), CTR_OK);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t end = sizeof record - 1 - strlen(parts[i][2]);
        size_t length = strlen(parts[i][0]);

        memcpy(record, parts[i][0], length + 1);
        for (; length + strlen(parts[i][1]) <= end; length += strlen(parts[i][1])) {
            memcpy(record + length, parts[i][1], strlen(parts[i][1]) + 1);
        }
        memcpy(record + length, parts[i][2], strlen(parts[i][2]) + 1);
        judge_with_faults(&schema, record, strlen(record));
    }
    /* Many members: a table that grows. */
    {
        size_t length = 1;

        record[0] = '{';
        for (int i = 0; length + 24 < sizeof record; i++) {
            length += (size_t)snprintf(record + length, 24, "\"%x\":%d,", (unsigned)i, i % 10);
        }
        record[length - 1] = '}';
        record[length] = '\0';
        judge_with_faults(&schema, record, length);
    }
}

/* ---- answering ----------------------------------------------------------------------------- */

static void no_facts(void *owner, struct service_facts *ret_facts)
{
    (void)owner;
    *ret_facts = (struct service_facts){.ready = true,
                                        .alive = true,
                                        .persisting = true,
                                        .started_ms = TS_MS,
                                        .snapshot_ms = MOMENT_NONE};
}

static struct store *store_with_events(void)
{
    struct store_options options = {.clock = CLOCK_EVENT,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 1000,
                                    .ids_max = 1000,
                                    .minutes_max = 1000,
                                    .keys_max = 1000,
                                    .held_max = 1000};
    struct store *store = NULL;
    uint32_t partition = 0;

    assert_int_equal(window_set_parse("1m,10m", &options.windows, NULL), CTR_OK);
    assert_int_equal(store_new(&options, &store, NULL), CTR_OK);
    assert_int_equal(store_partition_open(store, "events", 0, &partition), CTR_OK);
    partition_start(store_partition(store, 0), 0, false);
    for (int64_t i = 0; i < 50; i++) {
        char page[16], box[16];
        struct event event = {.type = i % 5 == 0 ? EVENT_CLICK : EVENT_VIEW, .ts_ms = TS_MS + i};

        event.page = (struct text){page, (size_t)snprintf(page, sizeof page, "/p%d", (int)i % 7)};
        event.box = (struct text){box, (size_t)snprintf(box, sizeof box, "b%d", (int)i % 5)};
        assert_int_equal(store_record_event(store, 0, i, TS_MS + i, MOMENT_NONE, &event), CTR_OK);
    }
    partition_end(store_partition(store, 0), 50, TS_MS);
    assert_int_equal(store_advance(store, TS_MS, false), CTR_OK);
    return store;
}

static void respond(const struct api_context *context, const char *target, const char *body,
                    struct api_response *ret_response)
{
    struct api_request request = {.method = body == NULL ? API_GET : API_POST,
                                  .target = target,
                                  .content_type = body == NULL ? NULL : "application/json",
                                  .body = body,
                                  .body_length = body == NULL ? 0 : strlen(body),
                                  .now_ms = TS_MS + 1000};

    api_respond(context, false, &request, ret_response);
}

static const char *body_of(const struct api_response *response)
{
    return response->body_static != NULL ? response->body_static : response->body;
}

static unsigned respond_with_faults(const struct api_context *context, const char *target,
                                    const char *body)
{
    struct api_response wanted, got;
    uint64_t count = 0;
    unsigned refused = 0;

    fault = (struct fault){.armed = true};
    respond(context, target, body, &wanted);
    count = fault.seen;
    assert_int_equal(wanted.status, 200);
    for (uint64_t at = 1; at <= 2 * count; at++) {
        fault = (struct fault){.at = (at + 1) / 2, .sticky = at % 2 == 0, .armed = true};
        respond(context, target, body, &got);
        fault.armed = false;
        if (got.status == 503) {
            assert_string_equal(got.content_type, "application/problem+json");
            refused++;
        } else {
            assert_int_equal(got.status, 200);
            assert_int_equal(got.body_length, wanted.body_length);
            assert_memory_equal(body_of(&got), body_of(&wanted), wanted.body_length);
        }
        api_response_done(&got);
    }
    api_response_done(&wanted);
    return refused;
}

static void an_answer_is_right_or_503(void **state)
{
    static const char *const targets[] = {"/v1/ctr?page=/p1&box=b1",
                                          "/v1/ctr",
                                          "/v1/pages?window=10m&sort=ctr",
                                          "/v1/boxes?page=/p2",
                                          "/v1/status",
                                          "/metrics",
                                          "/livez",
                                          "/readyz"};
    struct store *store = store_with_events();
    struct http_counters counters = {0};
    struct api_context context = {
        .store = store, .facts = no_facts, .version = "0", .http = &counters};
    unsigned refused = 0;

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        refused += respond_with_faults(&context, targets[i], NULL);
    }
    refused += respond_with_faults(&context, "/v1/ctr:batchGet",
                                   "{\"window\":\"10m\",\"items\":[{\"page\":\"" LONG "\"},"
                                   "{\"page\":\"/p1\",\"box\":\"b2\"},{}]}");
    print_message("%u answers refused for want of memory\n", refused);
    assert_true(refused > 30);
    store_free(store);
}

/* ---- an end meanwhile ---------------------------------------------------------------------- */

static int64_t wall_ms(void)
{
    return TS_MS + 60000;
}

static void push(struct source *source, int64_t offset, size_t page_length)
{
    char page[400], text[600];

    memset(page, 'x', page_length);
    page[page_length] = '\0';
    (void)snprintf(text, sizeof text, "{\"type\":\"view\",\"ts\":%lld,\"page\":\"%s\"}",
                   (long long)TS_MS, page);
    fake_record(source, 0, offset, TS_MS, text, strlen(text));
}

static void await_refused(int which)
{
    int64_t until_ms = clock_mono_ms() + WAIT_MS;

    while (atomic_load(&fault_refused[which]) == 0 && clock_mono_ms() < until_ms) {
        (void)poll(NULL, 0, 1);
    }
    assert_true(atomic_load(&fault_refused[which]) > 0);
}

/* Two records that do not fit, and one that would: the first holds ingest up until the others are
 * in one batch. */
static void an_end_passes_over_no_record(void **state)
{
    const size_t first = 301, second = 302;
    struct config config;
    struct store *store = store_with_events();
    struct source *source = fake_source_new();
    struct pipeline_options options = {.config = &config,
                                       .source = source,
                                       .store = store,
                                       .wall_ms = wall_ms,
                                       .mono_ms = clock_mono_ms};
    struct pipeline *pipeline = NULL;

    (void)state;
    config_defaults(&config);
    assert_int_equal(config_set(&config, "topics", "events", "test", NULL), CTR_OK);
    config.clock = CLOCK_EVENT;
    atomic_store(&fault_sizes[0], sizeof(struct name) + first);
    atomic_store(&fault_sizes[1], sizeof(struct name) + second);
    assert_int_equal(pipeline_start(&options, &pipeline, NULL), CTR_OK);
    fake_found(source, 0, "events", 0);
    fake_complete(source);
    push(source, 50, first);
    await_refused(0);
    push(source, 51, second);
    push(source, 52, 10);
    atomic_store(&fault_sizes[0], 0);
    await_refused(1);
    assert_true(pipeline_stop(pipeline));
    assert_int_equal(partition_next(store_partition(store, 0)), 51);
    atomic_store(&fault_sizes[1], 0);
    source->ops->close(source, 0);
    store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_decoded_rightly_or_not_at_all),
        cmocka_unit_test(only_the_judge_takes_memory),
        cmocka_unit_test(the_room_reserved_is_enough_for_any_record),
        cmocka_unit_test(an_answer_is_right_or_503),
        cmocka_unit_test(an_end_passes_over_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
