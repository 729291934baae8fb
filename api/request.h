/* SPDX-License-Identifier: Apache-2.0
 *
 * A request and a response as plain values, and what a handler may look at. No sockets here: a
 * handler is a pure function of (context, request), which is how the tests call it.
 */
#ifndef LIVECTR_API_REQUEST_H
#define LIVECTR_API_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/history.h"
#include "storage/store.h"

enum api_method { API_GET, API_HEAD, API_POST, API_OTHER };

/* Borrowed from the connection for the time of the call. */
struct api_request {
    enum api_method method;
    const char *target;       /* raw request target: path and query as sent, NUL-terminated */
    const char *content_type; /* NULL when absent */
    const char *body;         /* NULL when there is none */
    size_t body_length;
    int64_t now_ms; /* wall clock when the request was taken up */
};

/* Owned by the caller of api_respond(); api_response_done() frees the body. The answer to HEAD is
 * that to GET: whoever sends it leaves the body out and keeps its length. */
struct api_response {
    unsigned status;
    const char *content_type;  /* static */
    const char *allow;         /* for 405, static, else NULL */
    const char *cache_control; /* static, else NULL */
    unsigned retry_after_s;    /* 0: no such header */
    char *body;                /* malloc'ed */
    const char *body_static;   /* used instead where there was no memory for a body, else NULL */
    size_t body_length;        /* of whichever of the two is there */
};

/* Facts about the process that the numbers do not hold. */
struct service_facts {
    bool ready;    /* /readyz answers 200 */
    bool draining; /* SIGTERM was seen */
    bool alive;    /* every thread's heartbeat is fresh */
    int64_t started_ms;
    int64_t snapshot_ms; /* last one written; MOMENT_NONE none yet */
    int64_t snapshot_took_ms;
    uint64_t snapshot_bytes; /* size of the file */
    uint64_t snapshots, snapshot_failures;
    bool persisting;          /* the last attempt went well, or none was due yet */
    char snapshot_error[320]; /* "" when none */
    char source_state[32];    /* one word: connecting, reading, waiting, failed */
    char source_error[320];   /* newest complaint of the source, "" when none */
    uint64_t source_errors;
};

struct http_counters; /* api/counters.h */

/* What is asked of the history on disk: the stretches of one key that begin in [from_ms, until_ms).
 * Minutes of the same fold_ms are summed, and so are hours where fold_ms is a multiple of one;
 * fold_ms divides a day. */
struct api_history_question {
    struct minute_key key; /* texts borrowed for the call */
    int64_t from_ms, until_ms, fold_ms;
    int64_t deadline_ms; /* wall clock: CTR_RETRY rather than waiting any longer */
};

struct api_history {
    struct history_point *items; /* malloc'ed; by time, start_ms of the first one that was summed */
    size_t count;
    uint64_t saved_cut; /* the newest cut whose minutes are in it */
};

struct api_context {
    struct store *store;
    void (*facts)(void *owner, struct service_facts *ret_facts); /* Thread: any */
    void *facts_owner;
    /* Reads the history. NULL: there is none, and what the store has let go of is unknown. Errors:
     * CTR_RETRY: not in time; CTR_STOPPED; others as history_read. Thread: any. */
    enum ctr_status (*history)(void *owner, const struct api_history_question *question,
                               struct api_history *ret_history);
    void *history_owner;
    int64_t keep_minutes_ms, keep_hours_ms; /* 0: for ever */
    const char *version;
    struct http_counters *http; /* what the listeners count; may be NULL. Thread: any (atomics) */
};

void api_response_done(struct api_response *response);

#endif
