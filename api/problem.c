/* SPDX-License-Identifier: Apache-2.0 */
#include "api/problem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/counters.h"
#include "api/writer.h"

#define TYPE_PREFIX  "/problems/"
#define PROBLEM_TYPE "application/problem+json"
#define NO_STORE     "no-store"

enum { PROBLEM_BYTES_MAX = 8192, RETRY_AFTER_S = 1 };

static const struct problem_row {
    const char *type, *title;
    unsigned status;
} rows[PROBLEM_COUNT] = {
#define PROBLEM_ROW(symbol, name, code, words) {TYPE_PREFIX name, words, code},
    PROBLEMS(PROBLEM_ROW)
#undef PROBLEM_ROW
};

const char *problem_title(enum problem_kind kind)
{
    return rows[kind].title;
}

const char *problem_name(enum problem_kind kind)
{
    return rows[kind].type + strlen(TYPE_PREFIX);
}

unsigned problem_status(enum problem_kind kind)
{
    return rows[kind].status;
}

enum ctr_status problem_set(struct problem *ret_problem, enum problem_kind kind, const char *format,
                            ...)
{
    va_list arguments;

    *ret_problem = (struct problem){.kind = kind};
    va_start(arguments, format);
    (void)vsnprintf(ret_problem->detail, sizeof ret_problem->detail, format, arguments);
    va_end(arguments);
    return CTR_INVALID;
}

void problem_respond_static(struct api_response *ret_response)
{
    static const char body[] = "{\"type\":\"" TYPE_PREFIX "out-of-memory\",\"title\":\"Out of "
                               "memory\",\"status\":503,\"detail\":\"There was no memory for the "
                               "answer; ask again in a moment.\"}";

    *ret_response = (struct api_response){
        .status = 503,
        .content_type = PROBLEM_TYPE,
        .cache_control = NO_STORE,
        .retry_after_s = RETRY_AFTER_S,
        .body_static = body,
        .body_length = sizeof body - 1,
        .route = HTTP_ROUTE_REFUSED, /* until it is known better */
    };
}

void problem_open(struct writer *writer, const struct problem *problem)
{
    const struct problem_row *row = &rows[problem->kind];

    writer_open(writer, '{');
    writer_key(writer, "type");
    writer_string(writer, row->type);
    writer_key(writer, "title");
    writer_string(writer, row->title);
    writer_key(writer, "status");
    writer_u64(writer, row->status);
    writer_key(writer, "detail");
    writer_string(writer, problem->detail);
}

void problem_close(struct writer *writer, const struct problem *problem,
                   struct api_response *ret_response)
{
    const struct problem_row *row = &rows[problem->kind];
    struct api_response response = {
        .status = row->status,
        .content_type = PROBLEM_TYPE,
        .cache_control = NO_STORE,
        .allow = problem->allow,
        .challenge = problem->challenge,
        .retry_after_s = row->status == 503 || row->status == 429 ? RETRY_AFTER_S : 0,
    };

    if (row->status == 503 && problem->retry_after_s > 0)
        response.retry_after_s = problem->retry_after_s;
    writer_close(writer, '}');
    if (writer_take(writer, &response.body, &response.body_length) == CTR_OK)
        *ret_response = response;
    else
        problem_respond_static(ret_response);
    writer_done(writer);
}

void problem_respond(const struct problem *problem, struct api_response *ret_response)
{
    struct writer writer;

    writer_init(&writer, PROBLEM_BYTES_MAX);
    problem_open(&writer, problem);
    problem_close(&writer, problem, ret_response);
}
