/* SPDX-License-Identifier: Apache-2.0
 *
 * A store with a few known events and a context around it, for the tests of api/.
 */
#ifndef LIVECTR_TESTS_UNIT_API_FIXTURE_H
#define LIVECTR_TESTS_UNIT_API_FIXTURE_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "api/counters.h"
#include "api/request.h"
#include "api/router.h"
#include "storage/moment.h"
#include "tests/support/test.h"

/* 2026-11-23T17:30:00Z */
#define FIXTURE_TS INT64_C(1795455000000)

struct fixture {
    struct store *store;
    uint32_t partition;
    int64_t offset;
    int64_t ts_ms; /* of the events to come */
    struct service_facts facts;
    struct http_counters counters;
    struct api_context context;
};

static inline void fixture_facts(void *owner, struct service_facts *ret_facts)
{
    *ret_facts = ((const struct fixture *)owner)->facts;
}

static inline void fixture_start_windows(struct fixture *fixture, uint32_t keys_max,
                                         const char *windows)
{
    struct store_options options = {.clock = CLOCK_EVENT,
                                    .late_ms = INT64_MAX,
                                    .future_ms = INT64_MAX,
                                    .people_horizon_ms = 10 * MINUTE_MS,
                                    .dedup_horizon_ms = 10 * MINUTE_MS,
                                    .lateness_ms = 2 * MINUTE_MS,
                                    .visitors_max = 100000,
                                    .ids_max = 100000,
                                    .minutes_max = 100000,
                                    .keys_max = keys_max,
                                    .held_max = 100000};
    struct ctr_error error = {0};

    memset(fixture, 0, sizeof *fixture);
    fixture->ts_ms = FIXTURE_TS;
    assert_int_equal(window_set_parse(windows, &options.windows, &error), CTR_OK);
    assert_int_equal(store_new(&options, &fixture->store, &error), CTR_OK);
    assert_int_equal(store_partition_open(fixture->store, "events", 0, &fixture->partition),
                     CTR_OK);
    partition_start(store_partition(fixture->store, fixture->partition), 0, false);
    fixture->facts = (struct service_facts){.ready = true,
                                            .alive = true,
                                            .persisting = true,
                                            .started_ms = FIXTURE_TS,
                                            .snapshot_ms = MOMENT_NONE,
                                            .source_state = "reading"};
    fixture->context = (struct api_context){.store = fixture->store,
                                            .facts = fixture_facts,
                                            .facts_owner = fixture,
                                            .version = "test",
                                            .http = &fixture->counters};
}

static inline void fixture_start(struct fixture *fixture, uint32_t keys_max)
{
    fixture_start_windows(fixture, keys_max, "1m,10m,1h");
}

static inline void fixture_done(struct fixture *fixture)
{
    store_free(fixture->store);
}

/* NULL box: none. */
static inline void fixture_event(struct fixture *fixture, enum event_type type, const char *page,
                                 const char *box)
{
    struct event event = {.type = type, .ts_ms = fixture->ts_ms, .page = {page, strlen(page)}};

    if (box != NULL)
        event.box = (struct text){box, strlen(box)};
    assert_int_equal(store_record_event(fixture->store, fixture->partition, fixture->offset,
                                        fixture->ts_ms, MOMENT_NONE, &event),
                     CTR_OK);
    fixture->offset++;
}

static inline void fixture_events(struct fixture *fixture, int views, int clicks, const char *page,
                                  const char *box)
{
    for (int i = 0; i < views; i++)
        fixture_event(fixture, EVENT_VIEW, page, box);
    for (int i = 0; i < clicks; i++)
        fixture_event(fixture, EVENT_CLICK, page, box);
}

static inline void fixture_publish(struct fixture *fixture)
{
    struct partition *partition = store_partition(fixture->store, fixture->partition);

    partition_reach(partition, fixture->offset, fixture->ts_ms);
    partition_end(partition, fixture->offset, fixture->ts_ms);
    assert_int_equal(store_advance(fixture->store, MOMENT_NONE, false), CTR_OK);
}

static inline struct api_response fixture_ask(const struct fixture *fixture, enum api_method method,
                                              const char *target)
{
    struct api_request request = {.method = method, .target = target, .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    api_respond(&fixture->context, false, &request, &response);
    return response;
}

static inline struct api_response fixture_get(const struct fixture *fixture, const char *target)
{
    return fixture_ask(fixture, API_GET, target);
}

static inline struct api_response fixture_post(const struct fixture *fixture, const char *body,
                                               size_t length, const char *content_type)
{
    struct api_request request = {.method = API_POST,
                                  .target = "/v1/ctr:batchGet",
                                  .content_type = content_type,
                                  .body = body,
                                  .body_length = length,
                                  .now_ms = FIXTURE_TS + 5000};
    struct api_response response;

    api_respond(&fixture->context, false, &request, &response);
    return response;
}

/* The body as JSON, and the end of the response. Asserts the status. */
static inline json_t *fixture_json(struct api_response *response, unsigned status)
{
    const char *body = response->body_static != NULL ? response->body_static : response->body;
    json_error_t error;
    json_t *json;

    if (response->status != status)
        print_message("%.*s\n", (int)response->body_length, body);
    assert_int_equal(response->status, status);
    json = json_loadb(body, response->body_length, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL,
                      &error);
    if (json == NULL)
        print_message("%s in %.*s\n", error.text, (int)response->body_length, body);
    assert_non_null(json);
    api_response_done(response);
    return json;
}

static inline double fixture_number(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);

    if (!json_is_number(member))
        print_message("%s is no number\n", name);
    assert_true(json_is_number(member));
    return json_number_value(member);
}

static inline const char *fixture_string(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);

    if (!json_is_string(member))
        print_message("%s is no string\n", name);
    assert_true(json_is_string(member));
    return json_string_value(member);
}

/* That the response is a problem of this status whose detail holds the words; ends it. */
static inline void fixture_expect_problem(struct api_response response, unsigned status,
                                          const char *words)
{
    json_t *json;

    assert_string_equal(response.content_type, "application/problem+json");
    assert_string_equal(response.cache_control, "no-store");
    json = fixture_json(&response, status);
    assert_true((unsigned)fixture_number(json, "status") == status);
    assert_true(strncmp(fixture_string(json, "type"), "/problems/", 10) == 0);
    assert_true(strlen(fixture_string(json, "title")) > 0);
    if (strstr(fixture_string(json, "detail"), words) == NULL)
        print_message("\"%s\" is not in: %s\n", words, fixture_string(json, "detail"));
    assert_non_null(strstr(fixture_string(json, "detail"), words));
    json_decref(json);
}

#endif
