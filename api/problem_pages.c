/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /problems/NAME: what `type` of a refusal leads to. docs/problems.md holds the same words, and
 * a test compares them.
 */
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/query.h"
#include "api/text.h"

enum { NAMES_BYTES = 512 };

/* In the order of PROBLEMS, of which a test makes sure. */
static const struct page {
    const char *name, *words;
} pages[] = {
    {"bad-request",
     "The bytes are no request that everybody on the way reads alike: a line that does not end in "
     "CRLF, a folded header, a header twice that may be there once, Content-Length together with "
     "Transfer-Encoding, a target that is no path, a percent sign without two hex digits. The "
     "connection is closed where it is in doubt where the request ends. Asking again does not "
     "help; detail says what to change."},
    {"invalid-argument",
     "An argument of the query is unknown, given twice, empty or not valid. detail names it and "
     "what would be valid. Ids are 1 to 512 bytes of UTF-8 without control characters; in a query "
     "a "
     "plus is a space and %2B a plus."},
    {"not-json",
     "The body is not JSON (RFC 8259), or an object in it has a member twice. detail says in which "
     "line and column."},
    {"unauthorized",
     "This service answers to bearer tokens, and the request has none, or one that is not known or "
     "has expired; detail says which. Send Authorization: Bearer TOKEN; whoever runs the service "
     "makes one with livectr token."},
    {"insufficient-scope",
     "The token is good, but lacks the scope that this path wants: read for numbers, stream for "
     "/v1/stream, export for /v1/export, admin for /metrics. Asking again does not help; whoever "
     "runs the service gives scopes."},
    {"not-found",
     "Nothing is served at this path on this listener. Paths have no slash at the end, and "
     "admin_listen serves health, metrics and these pages only. An id that nobody has seen is not "
     "this problem: it is a valid answer with zero counts."},
    {"method-not-allowed",
     "The path exists and does not take this method. The header Allow lists those it takes; HEAD "
     "works wherever GET does."},
    {"not-acceptable",
     "Accept allows none of the media types that the path gives; detail names them. Most paths "
     "give application/json alone. */* or no Accept at all is fine. A refusal is problem+json "
     "whatever Accept says."},
    {"length-required",
     "A POST came with neither Content-Length nor chunks, so that its body has no end. The "
     "connection is closed."},
    {"too-large", "The body has more than 1,048,576 bytes or 1,000 items. Send several batches; "
                  "each is answered "
                  "from one moment, different ones may be from different moments."},
    {"target-too-long", "The request target has more than 8,192 bytes. Ids travel in the query of "
                        "a GET one at a time; "
                        "POST /v1/ctr:batchGet takes a thousand. The connection is closed."},
    {"media-type", "The body must be sent with Content-Type: application/json."},
    {"wrong-shape",
     "The body is JSON, but not of the shape that openapi.yaml describes, or it names an unknown "
     "window or an id that no event can have. detail names the member."},
    {"too-many-connections",
     "The address of this client (of IPv6 its first 64 bits) has more connections open than "
     "connections_per_address allows. Close some, or reuse them: any number of requests may go "
     "over "
     "one. Behind a proxy all clients share its address; an operator may raise the setting. The "
     "connection is closed; Retry-After says when to try again."},
    {"headers-too-large",
     "The request has more than 100 headers, or more than 12,288 bytes of them. Mostly these are "
     "cookies, of which this service needs none. The connection is closed."},
    {"starting",
     "The event log has not been read far enough for a first answer. /v1/status tells how far each "
     "partition is, /readyz when to send traffic. Retry-After says when to try again."},
    {"too-stale",
     "The numbers are older than max_lag_ms of the request allows. detail says how old they are, "
     "and why: nothing need be wrong, a backlog may still be read, or a partition be silent. "
     "Retry-After says when to try again; without max_lag_ms the numbers are answered as they "
     "are."},
    {"history", "The minutes on disk could not be read in time, or cannot be read now. What the "
                "windows answer "
                "is not concerned. Retry-After says when to try again."},
    {"busy",
     "As many exports (max_exports) or streams (max_streams) as may be at once are on their way. "
     "Retry-After says when to try again; another replica may have room. An operator may raise the "
     "setting: an export takes some 60 bytes a key in data_dir, a stream a connection and 40 KB."},
    {"moving",
     "All rows of an export, and all of an event of a stream, are of one moment, and counts "
     "changed faster than that could be copied. Mostly a backlog is being worked through: wait "
     "until state is live. Retry-After says when to try again."},
    {"spool",
     "An export is copied into data_dir before it is sent, and data_dir takes no more. Give the "
     "disk room; other answers are not concerned. Retry-After says when to try again."},
    {"not-ready",
     "Said by /readyz: the process has not caught up with its topics yet, or is shutting down. "
     "Other paths answer all the same."},
    {"not-alive", "Said by /livez: a thread of the process has not moved for too long. Restart the "
                  "process; what "
                  "it knew is in its snapshot and in Kafka."},
    {"overloaded",
     "More is asked than can be answered: the request waited longer than shed_after, as those "
     "before it did, or nearly max_connections connections are open. It was refused instead of "
     "being made to wait. Retry-After says when to try again; another replica may answer now. More "
     "http_threads or replicas help, and larger batches."},
    {"out-of-memory",
     "There was no memory for the answer. What is counted is not concerned. Retry-After says when "
     "to try again; an operator looks at max_memory and the limits."},
};

static const size_t pages_count = sizeof pages / sizeof pages[0];

_Static_assert(sizeof pages / sizeof pages[0] == PROBLEM_COUNT, "each kind has a page");

static enum ctr_status refuse_name(struct text name, struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];
    char names[NAMES_BYTES] = "";

    for (size_t i = 0; i < pages_count; i++) {
        text_append(names, sizeof names, i == 0 ? "" : ", ");
        text_append(names, sizeof names, pages[i].name);
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_NOT_FOUND, "There is no problem %s; there are: %s.",
                       quoted, names);
}

static enum ctr_status respond(const struct page *page, struct api_response *ret_response)
{
    const char *title = problem_title((enum problem_kind)(page - pages));
    size_t size = strlen(page->name) + strlen(title) + strlen(page->words) + 8;
    char *body = calloc(1, size);

    if (body == NULL)
        return CTR_NO_MEMORY;
    text_append(body, size, page->name);
    text_append(body, size, ": ");
    text_append(body, size, title);
    text_append(body, size, "\n\n");
    text_append(body, size, page->words);
    text_append(body, size, "\n");
    *ret_response = (struct api_response){
        .status = 200,
        .content_type = "text/plain; charset=utf-8",
        .cache_control = ANSWER_CACHE_NEVER,
        .body = body,
        .body_length = strlen(body),
    };
    return CTR_OK;
}

enum ctr_status problems_get(const struct api_call *call, struct api_response *ret_response,
                             struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    struct query query;
    struct target target = target_split(call->request->target);
    char path[QUERY_PATH_BYTES_MAX];
    struct text name;
    enum ctr_status status = query_parse(call->arguments, none, &query, ret_problem);

    if (status == CTR_OK)
        status = target_path(&target, path, ret_problem);
    if (status != CTR_OK)
        return status;
    name = text_of(strrchr(path, '/') + 1); /* the route has one */
    for (size_t i = 0; i < pages_count; i++) {
        if (text_equals(name, pages[i].name))
            return respond(&pages[i], ret_response);
    }
    return refuse_name(name, ret_problem);
}
