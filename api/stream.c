/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/stream: server-sent events, one whenever a slice has closed.
 */
#include "api/accept.h"
#include "api/answer.h"
#include "api/auth.h"
#include "api/call.h"
#include "api/streams.h"

static const struct api_response stream_response = {
    .status = 200, .content_type = "text/event-stream", .cache_control = "no-cache", .live = true};

/* Takes the subscription over. */
static enum ctr_status open_stream(const struct api_call *call, struct subscription *subscription,
                                   struct api_response *ret_response, struct problem *ret_problem)
{
    struct streams *streams = call->context->streams;
    struct streams_caller caller = {.last_event_id = call->request->last_event_id};
    struct feed feed = feed_nothing;
    enum ctr_status status = CTR_LIMIT;

    auth_pass(call->context, call->request, TOKEN_STREAM, &caller.pass);

    if (streams == NULL)
        subscription_free(subscription);
    else
        status = streams_open(streams, subscription, call->store, &caller, &feed);
    switch ((int)status) {
    case CTR_OK:
        *ret_response = stream_response;
        ret_response->feed = feed;
        return CTR_OK;
    case CTR_INVALID:
        return answer_refuse_starting(ret_problem);
    case CTR_STOPPED:
        return problem_set(ret_problem, PROBLEM_NOT_READY, "The service is shutting down.");
    case CTR_LIMIT:
        return problem_set(ret_problem, PROBLEM_BUSY,
                           "As many streams as may be open at once are open: %u (max_streams).",
                           streams == NULL ? 0U : (unsigned)streams_max(streams));
    case CTR_RETRY:
        return problem_set(ret_problem, PROBLEM_MOVING,
                           "Counts change too fast for keys and list to be of one moment.");
    default:
        return status;
    }
}

enum ctr_status stream_get(const struct api_call *call, struct api_response *ret_response,
                           struct problem *ret_problem)
{
    static const char *const forms[] = {"text/event-stream", NULL};
    const struct api_request *request = call->request;
    struct subscription *subscription = NULL;
    struct progress progress = store_progress(call->store);
    struct fresh_demand demand = {.given = false};
    enum ctr_status status = subscription_read(call, &subscription, &demand, ret_problem);

    if (status == CTR_OK && forms[accept_choose(request->accept, forms)] == NULL)
        status = problem_set(ret_problem, PROBLEM_NOT_ACCEPTABLE,
                             "A stream is text/event-stream; Accept does not take it.");
    if (status == CTR_OK && state_of(&progress, request->now_ms) == STATE_STARTING)
        status = answer_refuse_starting(ret_problem);
    if (status == CTR_OK)
        status = fresh_check(call, &demand, &progress, ret_problem);
    if (status == CTR_OK && request->method != API_HEAD)
        return open_stream(call, subscription, ret_response, ret_problem);
    subscription_free(subscription);
    if (status == CTR_OK) {
        *ret_response = stream_response;
        ret_response->feed = feed_nothing;
    }
    return status;
}
