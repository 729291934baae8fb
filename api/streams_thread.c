/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of all streams, and the one thread that moves them.
 */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "api/streams_internal.h"
#include "storage/cond.h"

enum {
    HEARTBEAT_DEFAULT_MS = 15000,
    AWAIT_MS = 100, /* heartbeats, another store and the end are noticed this late */
    PAUSE_MS = 50   /* between two rounds: a backlog moves `to` many times a second */
};

void streams_count(const struct streams *streams, size_t member)
{
    char *counters = (char *)streams->options.context->http;

    if (counters != NULL)
        http_counter_add((_Atomic uint64_t *)(void *)(counters + member), 1);
}

/* ---- a round -------------------------------------------------------------------------------- */

static bool is_behind(const struct channel *channel, const struct progress *progress,
                      enum api_state state)
{
    return channel->event == NULL || channel->moment.to_ms != progress->to_ms ||
           channel->moment.state != state;
}

/* Under the lock, which is let go of while the event is written. One without memory is tried again
 * with the next round. */
static void refresh(struct streams *streams, struct channel *channel, const struct store *store)
{
    struct subscription_moment moment;
    struct event_text *event = NULL;
    enum ctr_status status;

    (void)pthread_mutex_unlock(&streams->lock);
    status = event_write(streams, channel->subscription, store, &moment, &event);
    (void)pthread_mutex_lock(&streams->lock);
    if (status == CTR_OK)
        channel_publish(channel, &moment, event);
}

/* Its end comes when its token is taken away or expires, not only when it is opened again. */
static void look_at_passes(struct streams *streams, struct channel *channel, int64_t now_ms)
{
    struct tokens *tokens = streams->options.context->tokens;

    for (struct stream *stream = channel->streams; tokens != NULL && stream != NULL;
         stream = stream->next)
        stream->over = stream->over || !tokens_pass_holds(tokens, &stream->pass, now_ms);
}

static void wake_all(struct streams *streams, struct channel *channel, int64_t mono_ms)
{
    for (struct stream *stream = channel->streams; stream != NULL; stream = stream->next) {
        if (stream->waiting &&
            (streams->ended || stream->over || stream->serial != channel->serial ||
             stream_is_silent(streams, stream, mono_ms)))
            stream_wake(stream);
    }
}

void streams_tick(struct streams *streams)
{
    const struct api_context *context = streams->options.context;
    int64_t mono_ms = streams->options.mono_ms();
    struct store *store = api_take(context);
    struct progress progress = store_progress(store);
    int64_t now_ms = streams->options.wall_ms();
    enum api_state state = state_of(&progress, now_ms);
    struct channel *next;

    (void)pthread_mutex_lock(&streams->lock);
    for (struct channel *channel = streams->channels; channel != NULL; channel = next) {
        channel->holders++; /* it stays in its place meanwhile */
        if (state != STATE_STARTING && is_behind(channel, &progress, state))
            refresh(streams, channel, store);
        look_at_passes(streams, channel, now_ms);
        wake_all(streams, channel, mono_ms);
        next = channel->next;
        channel_release(streams, channel);
    }
    (void)pthread_mutex_unlock(&streams->lock);
    api_give(context, store);
}

/* ---- the thread ----------------------------------------------------------------------------- */

/* False: it is to stop. */
static bool await_listeners(struct streams *streams)
{
    bool stopping;

    (void)pthread_mutex_lock(&streams->lock);
    while (streams->open == 0 && !streams->stopping)
        (void)pthread_cond_wait(&streams->changed, &streams->lock);
    stopping = streams->stopping;
    (void)pthread_mutex_unlock(&streams->lock);
    return !stopping;
}

/* The store is taken for no longer than AWAIT_MS, so that whoever wants to free it need not wait.
 * True: something moved. */
static bool await_move(const struct streams *streams, uint64_t *revision)
{
    int64_t until_ms = streams->options.mono_ms() + AWAIT_MS;
    struct timespec until = {.tv_sec = until_ms / 1000,
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    struct store *store = api_take(streams->options.context);
    uint64_t now = store_await(store, *revision, &until).revision;
    bool moved = now != *revision;

    api_give(streams->options.context, store);
    *revision = now;
    return moved;
}

static void *run(void *argument)
{
    struct streams *streams = argument;
    uint64_t revision = 0;

    while (await_listeners(streams)) {
        bool moved = await_move(streams, &revision);

        streams_tick(streams);
        if (moved)
            (void)poll(NULL, 0, PAUSE_MS);
    }
    return NULL;
}

enum ctr_status streams_start(struct streams *streams, struct ctr_error *reterr)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all); /* signals are the main thread's business */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&streams->thread, NULL, run, streams);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error != 0)
        return ctr_fail(reterr, CTR_IO, "cannot start the thread of streams: error %d", error);
    streams->started = true;
    return CTR_OK;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum ctr_status streams_new(const struct streams_options *options, struct streams **ret_streams)
{
    static const char greeting[] = "retry: 3000\n\n";
    static const char heartbeat[] = ": nothing new\n\n";
    struct streams *streams = calloc(1, sizeof *streams);

    if (streams == NULL)
        return CTR_NO_MEMORY;
    (void)pthread_mutex_init(&streams->lock, NULL); /* cannot fail for a default mutex */
    cond_init_monotonic(&streams->changed);
    streams->options = *options;
    if (streams->options.heartbeat_ms == 0)
        streams->options.heartbeat_ms = HEARTBEAT_DEFAULT_MS;
    streams->greeting = event_text_new(greeting);
    streams->heartbeat = event_text_new(heartbeat);
    if (streams->greeting == NULL || streams->heartbeat == NULL) {
        streams_free(streams);
        return CTR_NO_MEMORY;
    }
    *ret_streams = streams;
    return CTR_OK;
}

void streams_end(struct streams *streams)
{
    (void)pthread_mutex_lock(&streams->lock);
    streams->ended = true;
    for (struct channel *channel = streams->channels; channel != NULL; channel = channel->next)
        wake_all(streams, channel, 0);
    (void)pthread_mutex_unlock(&streams->lock);
}

uint32_t streams_max(const struct streams *streams)
{
    return streams->options.max;
}

void streams_free(struct streams *streams)
{
    if (streams == NULL)
        return;
    (void)pthread_mutex_lock(&streams->lock);
    CTR_ASSERT(streams->open == 0);
    streams->stopping = true;
    (void)pthread_cond_signal(&streams->changed);
    (void)pthread_mutex_unlock(&streams->lock);
    if (streams->started)
        (void)pthread_join(streams->thread, NULL);
    event_text_let_go(streams->greeting);
    event_text_let_go(streams->heartbeat);
    (void)pthread_cond_destroy(&streams->changed);
    (void)pthread_mutex_destroy(&streams->lock);
    free(streams);
}
