/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/explain: one key and one minute, with all that did not count and why, so that a number
 * can be argued about.
 */
#include "api/answer.h"
#include "api/call.h"
#include "api/fresh.h"
#include "api/minutes.h"
#include "api/query.h"
#include "api/text.h"
#include "storage/moment.h"
#include "storage/store_minutes.h"

enum { EXPLAIN_BYTES_MAX = 16384, HELD_WAIT_MS = 500 };

static const char *const explain_arguments[] = {"page", "box", "minute", "max_lag_ms", NULL};

/* *ret_ms stays the default where nothing is given. */
static enum ctr_status read_minute(struct text text, int64_t *ret_ms, struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    if (text.length == 0 || moment_parse(text.bytes, text.length, ret_ms)) {
        *ret_ms = moment_floor(*ret_ms, MINUTE_MS);
        return CTR_OK;
    }
    text_quote(text, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument minute must be a time like 2026-11-23T17:30:00Z, not %s.",
                       quoted);
}

static void write_apart(struct writer *writer, const struct minutes_point *point)
{
    static const struct {
        const char *name;
        enum minute_number number;
    } apart[] = {{"duplicates", MINUTE_DUPLICATES},
                 {"late", MINUTE_LATE},
                 {"future", MINUTE_FUTURE},
                 {"filtered", MINUTE_FILTERED},
                 {"repeated", MINUTE_REPEATED}};

    for (size_t i = 0; i < sizeof apart / sizeof apart[0]; i++) {
        writer_key(writer, apart[i].name);
        if (point->known_ms > 0 || point->found)
            writer_i64(writer, point->numbers[apart[i].number]);
        else
            writer_null(writer);
    }
}

/* Only the ingest thread knows what is held; without an answer in time it is null. */
static void write_held(const struct api_call *call, const struct key_name *name, int64_t minute_ms,
                       struct writer *writer)
{
    int64_t until_ms = call->request->mono_ms + HELD_WAIT_MS;
    const struct timespec until = {.tv_sec = until_ms / 1000,
                                   .tv_nsec = (long)(until_ms % 1000) * 1000000};
    uint64_t held = 0;

    writer_key(writer, "held");
    if (store_held(call->context->store, name, minute_ms, &until, &held) == CTR_OK)
        writer_u64(writer, held);
    else
        writer_null(writer);
}

enum ctr_status explain_get(const struct api_call *call, struct api_response *ret_response,
                            struct problem *ret_problem)
{
    struct progress progress = store_progress(call->context->store);
    struct query query;
    struct fresh_demand demand = {.given = false};
    struct key_name name;
    struct minutes_range range = {.step_ms = MINUTE_MS};
    struct minutes minutes;
    struct writer writer;
    enum ctr_status status = query_parse(call->arguments, explain_arguments, &query, ret_problem);

    if (progress.to_ms != MOMENT_NONE)
        range.from_ms = progress.to_ms - MINUTE_MS;
    if (status == CTR_OK)
        status = read_minute(query.values[2], &range.from_ms, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(query.values[3], &demand, ret_problem);
    if (status == CTR_OK && progress.to_ms == MOMENT_NONE)
        status = answer_refuse_starting(ret_problem);
    if (status == CTR_OK)
        status = fresh_check(call, &demand, &progress, ret_problem);
    if (status != CTR_OK)
        return status;
    name = (struct key_name){.page = query.values[0], .box = query.values[1]};
    range.until_ms = range.from_ms + MINUTE_MS;
    status = minutes_read(call->context, call->request->mono_ms, &name, &range, 1, &minutes,
                          ret_problem);
    if (status != CTR_OK)
        return status;
    progress = store_progress(call->context->store); /* no older than what was read */
    writer_init(&writer, EXPLAIN_BYTES_MAX);
    writer_open(&writer, '{');
    answer_write_names(&writer, name.page, name.box);
    writer_key(&writer, "minute");
    writer_time(&writer, range.from_ms);
    writer_key(&writer, "minute_state");
    writer_string(&writer, minutes_state(&minutes, range.until_ms));
    minutes_write_numbers(&writer, &minutes.points[0], true);
    write_apart(&writer, &minutes.points[0]);
    write_held(call, &name, range.from_ms, &writer);
    answer_write_moment(&writer, &progress, minutes.to_ms, call->request->now_ms);
    writer_close(&writer, '}');
    minutes_done(&minutes, 1);
    answer_respond(&writer, ANSWER_CACHE_NEVER, ret_response);
    return CTR_OK;
}
