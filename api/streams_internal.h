/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of api/streams share: channels.c (who wants what, and the events of it), streams.c
 * (one stream), streams_thread.c (life, and what moves all of them).
 */
#ifndef LIVECTR_API_STREAMS_INTERNAL_H
#define LIVECTR_API_STREAMS_INTERNAL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "api/streams.h"

enum { EVENT_ID_BYTES = 64 };

/* What is written once and sent to many. */
struct event_text {
    unsigned holders;
    size_t length;
    char *bytes;
};

struct stream {
    struct streams *streams;
    struct channel *channel;
    struct stream *previous, *next; /* of the channel */
    struct feed_gate gate;          /* open NULL: nobody has to be told */
    bool waiting;                   /* the gate is closed */
    bool greeted;
    bool over; /* it ends after what it is sending */
    struct tokens_pass pass;
    uint64_t serial; /* of the newest event it has taken */
    int64_t spoke_ms;
    struct event_text *sending; /* NULL: nothing */
    size_t sent;
};

/* The streams of one subscription. It goes with the last of its holders: its streams, and whoever
 * looks at it without the lock. */
struct channel {
    struct channel *next;
    unsigned holders;
    struct subscription *subscription;
    struct stream *streams;
    struct subscription_moment moment;
    struct event_text *event; /* the newest; NULL none yet */
    uint64_t serial;          /* grows with each event */
};

struct streams {
    struct streams_options options;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct channel *channels;
    struct event_text *greeting, *heartbeat;
    uint32_t open;
    bool ended, stopping, started;
    pthread_t thread;
};

/* Counts one more in the member of struct http_counters at this offset. */
void streams_count(const struct streams *streams, size_t member);
#define STREAMS_COUNT(streams, member)                                                             \
    streams_count(streams, offsetof(struct http_counters, member))

/* ---- events: under the lock ------------------------------------------------------------------ */

/* With one holder; NULL on no memory. */
struct event_text *event_text_new(const char *words);

/* One holder less; NULL is fine. */
void event_text_let_go(struct event_text *text);

void event_format_id(int64_t to_ms, char ret_id[EVENT_ID_BYTES]);

/* The event of a subscription as it is now; not under the lock. Errors: as subscription_write. */
CTR_MUST_USE enum ctr_status event_write(const struct streams *streams,
                                         const struct subscription *subscription,
                                         const struct store *store,
                                         struct subscription_moment *ret_moment,
                                         struct event_text **ret_event);

/* ---- channels: under the lock ---------------------------------------------------------------- */

/* The channel of a subscription, which is taken over, with one holder more; NULL on no memory. */
struct channel *channel_hold(struct streams *streams, struct subscription *subscription);
void channel_release(struct streams *streams, struct channel *channel);

/* Takes the event over as the newest. */
void channel_publish(struct channel *channel, const struct subscription_moment *moment,
                     struct event_text *event);

/* ---- streams: under the lock ----------------------------------------------------------------- */

/* Whether it has been silent for so long that it must show that it is there. */
bool stream_is_silent(const struct streams *streams, const struct stream *stream, int64_t mono_ms);

/* Opens the gate of one that waits. */
void stream_wake(struct stream *stream);

#endif
