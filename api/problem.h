/* SPDX-License-Identifier: Apache-2.0
 *
 * Every refusal as RFC 9457 problem+json. One row per kind: its URI never changes its meaning, and
 * leads to a page of problem_pages.c. Thread: any.
 */
#ifndef LIVECTR_API_PROBLEM_H
#define LIVECTR_API_PROBLEM_H

#include "api/request.h"
#include "api/writer.h"
#include "storage/status.h"

/* clang-format off */
/* symbol, last part of the type URI, status, title */
#define PROBLEMS(row) \
    row(BAD_REQUEST, "bad-request", 400, "The request is not well formed") \
    row(ARGUMENT, "invalid-argument", 400, "An argument is not valid") \
    row(NOT_JSON, "not-json", 400, "The body is not JSON") \
    row(TOKEN, "unauthorized", 401, "A token is needed") \
    row(SCOPE, "insufficient-scope", 403, "The token may not do this") \
    row(NOT_FOUND, "not-found", 404, "There is no such resource") \
    row(METHOD, "method-not-allowed", 405, "The method is not allowed here") \
    row(NOT_ACCEPTABLE, "not-acceptable", 406, "Nothing that Accept allows is given") \
    row(LENGTH, "length-required", 411, "The length of the body is missing") \
    row(TOO_LARGE, "too-large", 413, "The request is too large") \
    row(TARGET_LONG, "target-too-long", 414, "The request target is too long") \
    row(MEDIA_TYPE, "media-type", 415, "The body must be application/json") \
    row(SHAPE, "wrong-shape", 422, "The body has the wrong shape") \
    row(CONNECTIONS, "too-many-connections", 429, "Too many connections from one address") \
    row(HEADERS, "headers-too-large", 431, "The headers are too large") \
    row(STARTING, "starting", 503, "There are no numbers yet") \
    row(TOO_STALE, "too-stale", 503, "The numbers are too old") \
    row(HISTORY, "history", 503, "The history cannot be read now") \
    row(BUSY, "busy", 503, "Too many of these at once") \
    row(MOVING, "moving", 503, "No moment lasted long enough") \
    row(SPOOL, "spool", 503, "There is no room for the answer") \
    row(NOT_READY, "not-ready", 503, "Not ready for traffic") \
    row(NOT_ALIVE, "not-alive", 503, "A thread hangs") \
    row(OVERLOADED, "overloaded", 503, "More is asked than can be answered") \
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
    unsigned retry_after_s;            /* of a 503, 0: the usual */
    const char *challenge;             /* for PROBLEM_TOKEN and _SCOPE, static, else NULL */
    char detail[PROBLEM_DETAIL_BYTES]; /* ASCII, so that it may be cut anywhere */
};

/* Fills *ret_problem and returns CTR_INVALID, so that `return problem_set(...)` reads well. Texts
 * from outside go through text_quote() first. */
enum ctr_status problem_set(struct problem *ret_problem, enum problem_kind kind, const char *format,
                            ...) CTR_PRINTF(3, 4);

/* What a kind is called: its title, and the last part of its type. Static. */
const char *problem_title(enum problem_kind kind);
const char *problem_name(enum problem_kind kind);
unsigned problem_status(enum problem_kind kind);

/* The problem as an answer; PROBLEM_MEMORY's static one when there is no memory for it. */
void problem_respond(const struct problem *problem, struct api_response *ret_response);

/* The same in two steps, for members of one's own in between: opens an object of `writer` with the
 * members that every problem has; closes it, makes it the answer and ends the writer. */
void problem_open(struct writer *writer, const struct problem *problem);
void problem_close(struct writer *writer, const struct problem *problem,
                   struct api_response *ret_response);

/* A fixed 503 that needs no memory. */
void problem_respond_static(struct api_response *ret_response);

#endif
