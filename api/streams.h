/* SPDX-License-Identifier: Apache-2.0
 *
 * Everybody who listens to GET /v1/stream. One thread waits for `to` to move, writes the event of
 * each distinct subscription once, and opens the gates of the streams that want it.
 *
 *   store --moved--> the streams' thread --event--> channel --gate--> stream, stream, ...
 *                                                   (one per subscription)
 *
 * A stream holds at most the one event it is sending and then takes the newest: a reader that is
 * slow misses some, and no queue grows. Ingest pays one wake-up a step, however many listen.
 *
 * Lock: one mutex; held for looking around and for copying out what fits in one write, never while
 * an event is written.
 */
#ifndef LIVECTR_API_STREAMS_H
#define LIVECTR_API_STREAMS_H

#include <stdint.h>

#include "api/counters.h"
#include "api/feed.h"
#include "api/request.h"
#include "api/subscription.h"
#include "api/tokens.h"

enum { STREAM_RETRY_MS = 3000 };

struct streams_options {
    const struct api_context *context; /* borrowed */
    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    uint32_t max;         /* at once */
    int64_t heartbeat_ms; /* 0: 15 s */
};

struct streams;

/* Errors: CTR_NO_MEMORY. Thread: main. */
CTR_MUST_USE enum ctr_status streams_new(const struct streams_options *options,
                                         struct streams **ret_streams);

/* Starts the thread. Errors: CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status streams_start(struct streams *streams, struct ctr_error *reterr);

/* What the thread does each time: events for what has moved, heartbeats that are due, the end of
 * streams whose token is no longer good. For tests,
 * where there is no thread. */
void streams_tick(struct streams *streams);

/* Who opens a stream. */
struct streams_caller {
    const char *last_event_id; /* of the event that it has already; NULL none */
    struct tokens_pass pass;   /* when it does not hold any more, the stream ends */
};

/* A stream of `subscription`, which is taken over whatever happens. `store` answers now. Errors:
 * CTR_LIMIT: there are as many as may be; CTR_STOPPED: they are being ended; CTR_INVALID: there is
 * no `to` yet; others as subscription_write(). Thread: any. */
CTR_MUST_USE enum ctr_status streams_open(struct streams *streams,
                                          struct subscription *subscription,
                                          const struct store *store,
                                          const struct streams_caller *caller,
                                          struct feed *ret_feed);

/* Every stream comes to its end after what it is sending, and no new one begins. Thread: any. */
void streams_end(struct streams *streams);

uint32_t streams_max(const struct streams *streams);

/* Stops the thread; every stream must have been freed. NULL is fine. Thread: main. */
void streams_free(struct streams *streams);

#endif
