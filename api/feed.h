/* SPDX-License-Identifier: Apache-2.0
 *
 * A body that is made while it is sent: whoever sends it asks for the next bytes. Knows no sockets,
 * so that a test can drain it.
 *
 *   prepare   (optional) again and again, a few milliseconds each, until the answer is decided: a
 *             status can be sent only once
 *   attach    (optional) how to be told that there is something again after WAITS
 *   pull      the next bytes, until ENDS or FAILS
 *   free      once, whatever became of it
 *
 * The calls for one feed come from one thread at a time.
 */
#ifndef LIVECTR_API_FEED_H
#define LIVECTR_API_FEED_H

#include <stddef.h>
#include <stdint.h>

struct api_response;

enum feed_says {
    FEED_GIVES, /* *ret_length bytes, at least one */
    FEED_WAITS, /* nothing yet; the gate was closed and is opened when there is */
    FEED_ENDS,  /* that was all */
    FEED_FAILS  /* it breaks off: whoever reads must notice */
};

enum feed_prepared { FEED_READY, FEED_AGAIN, FEED_REFUSED };

/* Both are called by the feed: close within pull(), open from any thread. Every close is
 * followed by an open at the latest when the feed comes to its end. */
struct feed_gate {
    void *owner;
    void (*close)(void *owner);
    void (*open)(void *owner);
};

struct feed_ops {
    /* REFUSED: *ret_refusal is the answer instead; the feed is to be freed. */
    enum feed_prepared (*prepare)(void *owner, int64_t mono_ms, struct api_response *ret_refusal);
    void (*attach)(void *owner, const struct feed_gate *gate); /* copied */
    enum feed_says (*pull)(void *owner, char *room, size_t room_bytes, size_t *ret_length);
    void (*free)(void *owner);
};

/* ops NULL: there is none. */
struct feed {
    const struct feed_ops *ops;
    void *owner;
};

/* Of unknown length and without a byte: the answer to HEAD where GET has a feed. Nobody has to
 * free it. */
extern const struct feed feed_nothing;

/* Frees it and leaves none. */
static inline void feed_done(struct feed *feed)
{
    if (feed->ops != NULL)
        feed->ops->free(feed->owner);
    feed->ops = NULL;
}

#endif
