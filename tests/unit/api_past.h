/* SPDX-License-Identifier: Apache-2.0
 *
 * A store with a wall clock, a snapshot's file and a context around both, for the tests of what
 * the API says of the past.
 */
#ifndef LIVECTR_TESTS_UNIT_API_PAST_H
#define LIVECTR_TESTS_UNIT_API_PAST_H

#include "storage_snapshot_fixture.h"

#include "api_fixture.h"

#include "storage/history.h"

#define DAY_MS   (24 * HOUR_MS)
#define AT(m, s) (BEGIN_MS + (m)*MINUTE_MS + (s)*INT64_C(1000)) /* 17:20 and so many minutes */

struct past {
    struct store_options options;
    struct store *store;
    struct snapshot *snapshot;
    struct api_context context;
    int64_t now_ms, mono_ms;       /* when requests come */
    int asked;                     /* how often the history was */
    int stale;                     /* so many of the next answers are of no cut at all */
    enum ctr_status history_fails; /* CTR_OK: it does not */
    struct service_facts facts;
};

static inline void past_facts(void *owner, struct service_facts *ret_facts)
{
    *ret_facts = ((const struct past *)owner)->facts;
}

static inline bool past_collect(void *owner, const struct history_point *point)
{
    struct api_history *history = owner;

    history->items = realloc(history->items, (history->count + 1) * sizeof *history->items);
    assert_non_null(history->items);
    history->items[history->count++] = *point;
    return true;
}

/* The service's door to the history without its thread. */
static inline enum ctr_status past_history(void *owner, const struct api_history_question *question,
                                           struct api_history *ret_history)
{
    struct past *past = owner;

    past->asked++;
    assert_int_equal(question->deadline_ms, past->mono_ms + 2000);
    assert_int_equal(DAY_MS % question->fold_ms, 0);
    if (past->history_fails != CTR_OK) {
        return past->history_fails;
    }
    *ret_history = (struct api_history){.saved_cut = snapshot_cut(past->snapshot)};
    if (past->stale > 0) {
        past->stale--;
        ret_history->saved_cut = 0;
    }
    return history_read(snapshot_history(past->snapshot), &question->key, question->from_ms,
                        question->until_ms, past_collect, ret_history, NULL);
}

static inline void past_start(struct past *past)
{
    *past = (struct past){.options = fixture_options("1m,10m"),
                          .now_ms = BEGIN_MS,
                          .mono_ms = 1000,
                          .facts = {.ready = true, .alive = true, .source_state = "reading"}};
    past->options.late_ms = 10 * MINUTE_MS;
    past->store = fixture_store(&past->options, 1);
    past->snapshot = open_snapshot();
    past->context = (struct api_context){.store = past->store,
                                         .facts = past_facts,
                                         .facts_owner = past,
                                         .history = past_history,
                                         .history_owner = past,
                                         .keep_minutes_ms = 8 * DAY_MS,
                                         .keep_hours_ms = 400 * DAY_MS,
                                         .version = "test"};
}

static inline void past_done(struct past *past)
{
    store_free(past->store);
    snapshot_close(past->snapshot);
}

/* A record of /a with these, written at the latest moment yet. */
static inline void past_give(struct past *past, struct given given)
{
    if (past->now_ms < given.ts_ms) {
        past->now_ms = given.ts_ms;
    }
    if (given.page == NULL) {
        given.page = "/a";
    }
    give(past->store, 0, past->now_ms, given);
}

static inline void past_events(struct past *past, int views, int clicks, int64_t ts_ms)
{
    for (int i = 0; i < views; i++) {
        past_give(past, (struct given){.ts_ms = ts_ms});
    }
    for (int i = 0; i < clicks; i++) {
        past_give(past, (struct given){.type = EVENT_CLICK, .ts_ms = ts_ms});
    }
}

/* Everything so far counts, and it is now_ms. */
static inline void past_settle(struct past *past, int64_t now_ms)
{
    past->now_ms = now_ms;
    settle_at(past->store, now_ms);
}

static inline void past_save(struct past *past)
{
    save(past->snapshot, past->store, snapshot_cut(past->snapshot) == 0);
}

static inline struct api_response past_ask(const struct past *past, const char *target)
{
    struct api_request request = {
        .method = API_GET, .target = target, .now_ms = past->now_ms, .mono_ms = past->mono_ms};
    struct api_response response;

    api_respond(&past->context, false, &request, &response);
    return response;
}

static inline json_t *past_get(const struct past *past, const char *target)
{
    struct api_response response = past_ask(past, target);

    return fixture_json(&response, 200);
}

static inline const json_t *past_point(const json_t *series, size_t index)
{
    return json_array_get(json_object_get(series, "points"), index);
}

static inline bool is_null(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);

    assert_non_null(member);
    return json_is_null(member);
}

#define assert_member(json, name, wanted)                                                          \
    assert_int_equal((int64_t)fixture_number(json, name), wanted)
#define assert_words(json, name, wanted) assert_string_equal(fixture_string(json, name), wanted)

#endif
