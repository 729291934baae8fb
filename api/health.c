/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /livez and /readyz, for load balancers and supervisors: the status is the message.
 */
#include "api/answer.h"
#include "api/call.h"
#include "api/query.h"

static enum ctr_status read_facts(const struct api_call *call, struct service_facts *ret_facts,
                                  struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    struct query query;
    enum ctr_status status = query_parse(call->arguments, none, &query, ret_problem);

    if (status == CTR_OK)
        call->context->facts(call->context->facts_owner, ret_facts);
    return status;
}

/* Static, because a probe must be answered even when there is no memory for it. */
static void respond_ok(struct api_response *ret_response)
{
    static const char body[] = "ok\n";

    *ret_response = (struct api_response){
        .status = 200,
        .content_type = "text/plain; charset=utf-8",
        .cache_control = ANSWER_CACHE_NEVER,
        .body_static = body,
        .body_length = sizeof body - 1,
    };
}

enum ctr_status health_get_live(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct service_facts facts;
    enum ctr_status status = read_facts(call, &facts, ret_problem);

    if (status != CTR_OK)
        return status;
    if (!facts.alive)
        return problem_set(ret_problem, PROBLEM_NOT_ALIVE,
                           "A thread has not moved for too long; restart the process.");
    respond_ok(ret_response);
    return CTR_OK;
}

enum ctr_status health_get_ready(const struct api_call *call, struct api_response *ret_response,
                                 struct problem *ret_problem)
{
    struct service_facts facts;
    enum ctr_status status = read_facts(call, &facts, ret_problem);

    if (status != CTR_OK)
        return status;
    if (facts.draining)
        return problem_set(ret_problem, PROBLEM_NOT_READY, "The process is shutting down.");
    if (!facts.ready)
        return problem_set(ret_problem, PROBLEM_NOT_READY,
                           "The process has not caught up with its topics yet.");
    respond_ok(ret_response);
    return CTR_OK;
}
