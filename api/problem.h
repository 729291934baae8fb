/* SPDX-License-Identifier: Apache-2.0
 *
 * Every refusal as RFC 9457 problem+json. One row per kind: its URI never changes its meaning, and
 * openapi.yaml explains each. Thread: any.
 */
#ifndef LIVECTR_API_PROBLEM_H
#define LIVECTR_API_PROBLEM_H

#include "api/request.h"
#include "storage/status.h"

/* symbol, last part of the type URI, status, title */
/* clang-format off: a table */
#define PROBLEMS(row)                                                                              \
    row(BAD_REQUEST, "bad-request", 400, "The request is not well formed")                         \
        row(ARGUMENT, "invalid-argument", 400,                                                     \
            "An argument is not valid") row(NOT_JSON, "not-json", 400, "The body is not JSON")     \
            row(NOT_FOUND, "not-found", 404, "There is no such resource")                          \
                row(METHOD, "method-not-allowed", 405, "The method is not allowed here")           \
                    row(TOO_LARGE, "too-large", 413, "The request is too large")                   \
                        row(MEDIA_TYPE, "media-type", 415, "The body must be application/json")    \
                            row(SHAPE, "wrong-shape", 422, "The body has the wrong shape")         \
                                row(STARTING, "starting", 503, "There are no numbers yet")         \
                                    row(HISTORY, "history", 503, "The history cannot be read now") \
                                        row(NOT_READY, "not-ready", 503, "Not ready for traffic")  \
                                            row(NOT_ALIVE, "not-alive", 503, "A thread hangs")     \
                                                row(MEMORY, "out-of-memory", 503, "Out of memory")
/* clang-format on */

enum problem_kind {
#define PROBLEM_ENUM(symbol, name, status, title) PROBLEM_##symbol,
    PROBLEMS(PROBLEM_ENUM)
#undef PROBLEM_ENUM
        PROBLEM_COUNT
};

enum { PROBLEM_DETAIL_BYTES = 640 };

struct problem {
    enum problem_kind kind;
    const char *allow;                 /* for PROBLEM_METHOD, static, else NULL */
    char detail[PROBLEM_DETAIL_BYTES]; /* ASCII, so that it may be cut anywhere */
};

/* Fills *ret_problem and returns CTR_INVALID, so that `return problem_set(...)` reads well. Texts
 * from outside go through text_quote() first. */
enum ctr_status problem_set(struct problem *ret_problem, enum problem_kind kind, const char *format,
                            ...) CTR_PRINTF(3, 4);

/* The problem as an answer; PROBLEM_MEMORY's static one when there is no memory for it. */
void problem_respond(const struct problem *problem, struct api_response *ret_response);

/* A fixed 503 that needs no memory. */
void problem_respond_static(struct api_response *ret_response);

#endif
