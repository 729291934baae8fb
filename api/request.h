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

#include "api/details.h"
#include "api/feed.h"
#include "storage/copies.h"
#include "storage/history.h"
#include "storage/store.h"

enum api_method { API_GET, API_HEAD, API_POST, API_OTHER };

enum { API_ETAG_BYTES = 72 };

/* Borrowed from the connection for the time of the call. */
struct api_request {
    enum api_method method;
    const char *target;       /* raw request target: path and query as sent, NUL-terminated */
    const char *content_type; /* NULL when absent */
    /* Header values, a repeated one joined with commas; NULL when absent. */
    const char *accept, *accept_encoding, *if_none_match;
    const char *last_event_id, *authorization, *origin; /* NULL when absent */
    const char *preflight; /* of OPTIONS: which method a script wants to use; NULL: none asks */
    const char *body;      /* NULL when there is none */
    size_t body_length;
    int64_t now_ms;  /* wall clock when the request was taken up */
    int64_t mono_ms; /* the same moment on the monotonic clock: waiting is counted from it */
};

/* Owned by the caller of api_respond(); api_response_done() frees the body. The answer to HEAD is
 * that to GET: whoever sends it leaves the body out and keeps its length. */
struct api_response {
    unsigned status;
    const char *content_type;  /* static */
    const char *allow;         /* for 405, static, else NULL */
    const char *cache_control; /* static, else NULL */
    const char *challenge;     /* WWW-Authenticate, for 401 and 403, static, else NULL */
    const char *preflight;     /* Access-Control-Allow-Methods, static, else NULL */
    const char *policy;        /* Content-Security-Policy of a page that needs more than nothing;
                                  static, NULL: what every page may */
    unsigned retry_after_s;    /* 0: no such header */
    const char *vary;          /* static, else NULL */
    const char *encoding;      /* Content-Encoding: static, else NULL */
    char etag[API_ETAG_BYTES]; /* with its quotes; "" none */
    char *body;                /* malloc'ed */
    const char *body_static;   /* used instead where there was no memory for a body, else NULL */
    size_t body_length;        /* of whichever of the two is there; of a 304: that of the 200 */
    struct feed feed;          /* where the body is made bit by bit: then there is no other */
    bool live;                 /* to be passed on as it comes: nobody on the way may gather it */
    unsigned route;            /* where the request went, by counters.h; api_respond() sets it */
};

/* A second pipeline, the scout, while the one that is saved works through a backlog. */
struct backfill_facts {
    bool running; /* else nothing below means anything */
    bool answers; /* the scout is live and answers */
    int64_t from_ms,
        to_ms;         /* `to` of the one that is saved: at the scout's start, now; MOMENT_NONE */
    int64_t target_ms; /* `to` of the scout, MOMENT_NONE none yet */
    uint64_t records_left;
    int64_t remaining_ms; /* about; -1: cannot be told */
    double records_per_s, times_real_time;
    uint64_t bytes; /* memory of the scout's numbers */
};

/* What became of scouts since the start. */
struct handover_facts {
    uint64_t scouts;                  /* begun */
    uint64_t made, differs, unproven; /* answers went back; with other figures; without a proof */
    uint64_t rows;                    /* (key, window) that the last one compared */
    int64_t at_ms;                    /* the last one, MOMENT_NONE none */
};

/* A thread that shows now and then that it moves. */
struct beat_facts {
    char thread[16];
    int64_t silent_ms; /* since it last did */
};

enum { BEATS_MAX = 4, BEATS_LIMIT_MS = 60000 }; /* silent for longer: it hangs */

/* Files that say who may ask and how, and what came of reading them. */
struct door_facts {
    bool unguarded;           /* open to other machines, and nobody said that this is meant */
    bool tokens_used;         /* else the three below mean nothing */
    uint64_t tokens;          /* that are known */
    uint64_t tokens_failures; /* times the file could not be taken */
    bool tokens_current;      /* what is in the file is what is used */
    bool tls_used;            /* likewise */
    int64_t tls_expires_ms;
    uint64_t tls_failures;
    bool tls_current;
};

/* Facts about the process that the numbers do not hold. */
struct service_facts {
    bool ready;    /* /readyz answers 200 */
    bool draining; /* SIGTERM was seen */
    bool alive;    /* no thread below is silent for too long */
    size_t beats_count;
    struct beat_facts beats[BEATS_MAX];
    int64_t started_ms;
    int64_t memory_max_bytes; /* max_memory, 0: off */
    int64_t resident_bytes;   /* of the process, -1 unknown */
    int64_t snapshot_ms;      /* last one written; MOMENT_NONE none yet */
    int64_t snapshot_took_ms;
    uint64_t snapshots, snapshot_failures;
    struct copies_health snapshot_files;
    bool persisting;          /* the last attempt went well, or none was due yet */
    char snapshot_error[320]; /* "" when none */
    char source_state[32];    /* one word: connecting, reading, waiting, failed */
    char source_error[320];   /* newest complaint of the source, "" when none */
    uint64_t source_errors;
    struct backfill_facts backfill;
    struct handover_facts handovers;
    struct door_facts doors;
};

struct http_counters; /* api/counters.h */
struct exports;       /* api/export.h */
struct streams;       /* api/streams.h */
struct tokens;        /* api/tokens.h */
struct cors;          /* api/cors.h */

/* What is asked of the history on disk: the stretches of one key that begin in [from_ms, until_ms).
 * Minutes of the same fold_ms are summed, and so are hours where fold_ms is a multiple of one;
 * fold_ms divides a day. */
struct api_history_question {
    struct minute_key key; /* texts borrowed for the call */
    int64_t from_ms, until_ms, fold_ms;
    int64_t deadline_ms; /* monotonic: CTR_RETRY rather than waiting any longer */
};

struct api_history {
    struct history_point *items; /* malloc'ed; by time, start_ms of the first one that was summed */
    size_t count;
    uint64_t saved_cut; /* the newest cut whose minutes are in it */
};

struct api_context {
    struct store *store; /* the one that is saved: the history continues it */
    /* The store that answers, which may be another one, until it is given back; one request reads
     * from one. NULL: `store` always does. Thread: any. */
    struct store *(*take)(void *owner);
    void (*give)(void *owner, struct store *store);
    void *desk_owner;
    void (*facts)(void *owner, struct service_facts *ret_facts); /* Thread: any */
    void *facts_owner;
    /* What only /metrics tells, for the same owner. NULL: nothing. Thread: any. */
    void (*details)(void *owner, struct service_details *ret_details);
    /* Reads the history. NULL: there is none, and what the store has let go of is unknown. Errors:
     * CTR_RETRY: not in time; CTR_STOPPED; others as history_read. Thread: any. */
    enum ctr_status (*history)(void *owner, const struct api_history_question *question,
                               struct api_history *ret_history);
    void *history_owner;
    int64_t keep_minutes_ms, keep_hours_ms; /* 0: for ever */
    const char *version;
    uint64_t instance;          /* another one with each start: entity tags hold it */
    struct tokens *tokens;      /* who may ask; NULL: everybody */
    bool admin_open;            /* the admin listener asks nobody */
    const struct cors *cors;    /* scripts of which origins may; NULL: of none */
    struct http_counters *http; /* what the listeners count; may be NULL. Thread: any (atomics) */
    struct exports *exports;    /* NULL: there are none */
    struct streams *streams;    /* NULL: there are none */
};

void api_response_done(struct api_response *response);

#endif
