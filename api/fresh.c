/* SPDX-License-Identifier: Apache-2.0 */
#include "api/fresh.h"

#include <inttypes.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/query.h"
#include "api/state.h"
#include "api/text.h"

enum { REASON_BYTES = 256 };

enum ctr_status fresh_read(struct text value, struct fresh_demand *ret_demand,
                           struct problem *ret_problem)
{
    static const struct query_range range = {"max_lag_ms", 0, UINT64_C(999999999999999)};

    *ret_demand = (struct fresh_demand){.given = value.length > 0};
    return query_number(value, &range, &ret_demand->lag_max_ms, ret_problem);
}

/* Why the numbers are not newer. */
static void tell_reason(const struct api_call *call, enum api_state state,
                        char ret_reason[REASON_BYTES])
{
    struct service_facts facts = {.source_error = ""};
    char quoted[TEXT_QUOTE_BYTES];

    switch (state) {
    case STATE_CATCHING_UP:
        (void)snprintf(ret_reason, REASON_BYTES, "a backlog is still being read");
        return;
    case STATE_STALE:
        call->context->facts(call->context->facts_owner, &facts);
        text_quote(text_of(facts.source_error), quoted);
        (void)snprintf(ret_reason, REASON_BYTES,
                       "a partition has shown no sign of life for more than %d s%s%s",
                       STATE_PATIENCE_MS / 1000,
                       facts.source_error[0] == '\0' ? "" : "; the source says ",
                       facts.source_error[0] == '\0' ? "" : quoted);
        return;
    case STATE_LIVE:
    case STATE_BACKFILLING:
    case STATE_STARTING:
    case STATE_COUNT:
        break;
    }
    (void)snprintf(ret_reason, REASON_BYTES,
                   "nothing is wrong: numbers follow the log by settle (%" PRId64
                   " ms) and by up to a second more",
                   store_options(call->store)->settle_ms);
}

/* When to ask again: soon where time alone will do, later where a broker must come back. */
static unsigned retry_after_s(enum api_state state)
{
    switch (state) {
    case STATE_STALE:
        return 10;
    case STATE_CATCHING_UP:
        return 5;
    case STATE_LIVE:
    case STATE_BACKFILLING:
    case STATE_STARTING:
    case STATE_COUNT:
        break;
    }
    return 1;
}

enum ctr_status fresh_check(const struct api_call *call, const struct fresh_demand *demand,
                            const struct progress *progress, struct problem *ret_problem)
{
    int64_t now_ms = call->request->now_ms;
    enum api_state state = state_of(progress, now_ms);
    int64_t lag_ms = 0;
    char reason[REASON_BYTES];

    if (!demand->given)
        return CTR_OK;
    if (state == STATE_STARTING)
        return answer_refuse_starting(ret_problem);
    lag_ms = state_lag_ms(progress, now_ms);
    if (progress->clock == CLOCK_EVENT ? state == STATE_LIVE
                                       : (uint64_t)lag_ms <= demand->lag_max_ms)
        return CTR_OK;
    tell_reason(call, state, reason);
    (void)problem_set(ret_problem, PROBLEM_TOO_STALE,
                      "The numbers are %" PRId64 " ms old, max_lag_ms is %" PRIu64
                      "; the state is %s: %s. Without max_lag_ms they are answered as they are.",
                      lag_ms, demand->lag_max_ms, state_name(state), reason);
    ret_problem->retry_after_s = retry_after_s(state);
    return CTR_INVALID;
}

const char *fresh_cache_control(const struct fresh_demand *demand)
{
    return demand->given ? "public, no-cache" : ANSWER_CACHE_NUMBERS;
}
