/* SPDX-License-Identifier: Apache-2.0
 *
 * One stream: what it sends next, and how it comes and goes.
 */
#include <stdlib.h>
#include <string.h>

#include "api/streams_internal.h"

bool stream_is_silent(const struct streams *streams, const struct stream *stream, int64_t mono_ms)
{
    return mono_ms - stream->spoke_ms >= streams->options.heartbeat_ms;
}

/* What is to be sent next, with one holder more; NULL nothing. */
static struct event_text *next_text(const struct streams *streams, struct stream *stream,
                                    int64_t mono_ms)
{
    struct event_text *text = NULL;

    if (!stream->greeted) {
        stream->greeted = true;
        text = streams->greeting;
    } else if (streams->ended || stream->over) {
        return NULL;
    } else if (stream->channel->serial != stream->serial) {
        stream->serial = stream->channel->serial;
        text = stream->channel->event;
        STREAMS_COUNT(streams, stream_events);
    } else if (stream_is_silent(streams, stream, mono_ms)) {
        text = streams->heartbeat;
    }
    if (text != NULL) {
        text->holders++;
        stream->spoke_ms = mono_ms;
    }
    return text;
}

static void send_some(struct stream *stream, char *room, size_t room_bytes, size_t *ret_length)
{
    struct event_text *text = stream->sending;
    size_t length = text->length - stream->sent;

    length = length < room_bytes ? length : room_bytes;
    memcpy(room, text->bytes + stream->sent, length);
    stream->sent += length;
    *ret_length = length;
    if (stream->sent == text->length) {
        event_text_let_go(text);
        stream->sending = NULL;
        stream->sent = 0;
    }
}

static enum feed_says pull(void *owner, char *room, size_t room_bytes, size_t *ret_length)
{
    struct stream *stream = owner;
    struct streams *streams = stream->streams;
    int64_t mono_ms = streams->options.mono_ms();
    enum feed_says says = FEED_GIVES;

    (void)pthread_mutex_lock(&streams->lock);
    if (stream->sending == NULL)
        stream->sending = next_text(streams, stream, mono_ms);
    if (stream->sending != NULL) {
        send_some(stream, room, room_bytes, ret_length);
    } else if (streams->ended || stream->over) {
        says = FEED_ENDS;
    } else {
        says = FEED_WAITS;
        stream->waiting = true;
        if (stream->gate.close != NULL)
            stream->gate.close(stream->gate.owner);
    }
    (void)pthread_mutex_unlock(&streams->lock);
    return says;
}

static void attach(void *owner, const struct feed_gate *gate)
{
    ((struct stream *)owner)->gate = *gate;
}

static void free_stream(void *owner)
{
    struct stream *stream = owner;
    struct streams *streams = stream->streams;

    (void)pthread_mutex_lock(&streams->lock);
    if (stream->previous != NULL)
        stream->previous->next = stream->next;
    else
        stream->channel->streams = stream->next;
    if (stream->next != NULL)
        stream->next->previous = stream->previous;
    event_text_let_go(stream->sending);
    channel_release(streams, stream->channel);
    streams->open--;
    STREAMS_COUNT(streams, streams_closed);
    (void)pthread_mutex_unlock(&streams->lock);
    free(stream);
}

static const struct feed_ops stream_ops = {.attach = attach, .pull = pull, .free = free_stream};

void stream_wake(struct stream *stream)
{
    stream->waiting = false;
    if (stream->gate.open != NULL)
        stream->gate.open(stream->gate.owner);
}

static void add_stream(struct streams *streams, struct channel *channel, struct stream *stream,
                       const struct streams_caller *caller)
{
    char id[EVENT_ID_BYTES];

    stream->streams = streams;
    stream->channel = channel;
    stream->pass = caller->pass;
    stream->spoke_ms = streams->options.mono_ms();
    stream->next = channel->streams;
    if (channel->streams != NULL)
        channel->streams->previous = stream;
    channel->streams = stream;
    event_format_id(channel->moment.to_ms, id);
    if (caller->last_event_id != NULL && strcmp(caller->last_event_id, id) == 0 &&
        channel->moment.state == STATE_LIVE) /* events of other states may have the same id */
        stream->serial = channel->serial;
    STREAMS_COUNT(streams, streams_opened);
    (void)pthread_cond_signal(&streams->changed);
}

/* Takes a place among those that may be open, or says why not. */
static enum ctr_status take_place(struct streams *streams)
{
    enum ctr_status status = CTR_OK;

    (void)pthread_mutex_lock(&streams->lock);
    if (streams->ended)
        status = CTR_STOPPED;
    else if (streams->open >= streams->options.max)
        status = CTR_LIMIT;
    else
        streams->open++;
    (void)pthread_mutex_unlock(&streams->lock);
    return status;
}

static void give_place(struct streams *streams)
{
    (void)pthread_mutex_lock(&streams->lock);
    streams->open--;
    (void)pthread_mutex_unlock(&streams->lock);
}

/* A channel with an event, of which the caller is a holder. */
static enum ctr_status open_channel(struct streams *streams, struct subscription *subscription,
                                    const struct store *store, struct channel **ret_channel)
{
    struct subscription_moment moment;
    struct event_text *event = NULL;
    struct channel *channel;
    enum ctr_status status = CTR_OK;

    (void)pthread_mutex_lock(&streams->lock);
    channel = channel_hold(streams, subscription);
    if (channel == NULL)
        status = CTR_NO_MEMORY;
    if (status == CTR_OK && channel->event == NULL) {
        (void)pthread_mutex_unlock(&streams->lock);
        status = event_write(streams, channel->subscription, store, &moment, &event);
        (void)pthread_mutex_lock(&streams->lock);
        if (status == CTR_OK && channel->event == NULL)
            channel_publish(channel, &moment, event);
        else
            event_text_let_go(event); /* somebody was faster */
    }
    if (status != CTR_OK && channel != NULL)
        channel_release(streams, channel);
    (void)pthread_mutex_unlock(&streams->lock);
    *ret_channel = channel;
    return status;
}

enum ctr_status streams_open(struct streams *streams, struct subscription *subscription,
                             const struct store *store, const struct streams_caller *caller,
                             struct feed *ret_feed)
{
    struct stream *stream = NULL;
    struct channel *channel = NULL;
    enum ctr_status status = take_place(streams);

    if (status == CTR_LIMIT)
        STREAMS_COUNT(streams, streams_refused);
    if (status != CTR_OK) {
        subscription_free(subscription);
        return status;
    }
    stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        subscription_free(subscription);
        status = CTR_NO_MEMORY;
    } else {
        status = open_channel(streams, subscription, store, &channel);
    }
    if (status != CTR_OK) {
        give_place(streams);
        free(stream);
        return status;
    }
    (void)pthread_mutex_lock(&streams->lock);
    add_stream(streams, channel, stream, caller);
    (void)pthread_mutex_unlock(&streams->lock);
    *ret_feed = (struct feed){.ops = &stream_ops, .owner = stream};
    return CTR_OK;
}
