/* SPDX-License-Identifier: Apache-2.0
 *
 * Events, each written once and held by all who send it, and the channels they are for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/answer.h"
#include "api/streams_internal.h"
#include "storage/moment.h"

/* ---- events --------------------------------------------------------------------------------- */

struct event_text *event_text_new(const char *words)
{
    struct event_text *text = calloc(1, sizeof *text);

    if (text == NULL)
        return NULL;
    text->holders = 1;
    text->length = strlen(words);
    text->bytes = strdup(words);
    if (text->bytes != NULL)
        return text;
    free(text);
    return NULL;
}

void event_text_let_go(struct event_text *text)
{
    if (text != NULL && --text->holders == 0) {
        free(text->bytes);
        free(text);
    }
}

void event_format_id(int64_t to_ms, char ret_id[EVENT_ID_BYTES])
{
    char text[MOMENT_TEXT_BYTES];

    moment_format(to_ms, text);
    (void)snprintf(ret_id, EVENT_ID_BYTES, "%s", text);
}

/* The event as it is now; not under the lock. */
enum ctr_status event_write(const struct streams *streams, const struct subscription *subscription,
                            const struct store *store, struct subscription_moment *ret_moment,
                            struct event_text **ret_event)
{
    struct event_text *event = calloc(1, sizeof *event);
    struct writer head, body;
    char id[EVENT_ID_BYTES];
    enum ctr_status status = CTR_NO_MEMORY;

    writer_init(&head, ANSWER_BYTES_MAX);
    writer_init(&body, ANSWER_BYTES_MAX);
    if (event != NULL)
        status =
            subscription_write(subscription, store, streams->options.wall_ms(), &body, ret_moment);
    if (status == CTR_OK) {
        event_format_id(ret_moment->to_ms, id);
        writer_format(&head, "id: %s\ndata: ", id);
        writer_plain(&head, body.bytes, body.length);
        writer_plain(&head, "\n\n", 2);
        status =
            body.status == CTR_OK ? writer_take(&head, &event->bytes, &event->length) : body.status;
    }
    writer_done(&head);
    writer_done(&body);
    if (status != CTR_OK) {
        free(event);
        return status;
    }
    event->holders = 1;
    *ret_event = event;
    return CTR_OK;
}

void channel_publish(struct channel *channel, const struct subscription_moment *moment,
                     struct event_text *event)
{
    event_text_let_go(channel->event);
    channel->event = event;
    channel->moment = *moment;
    channel->serial++;
}

/* ---- channels ------------------------------------------------------------------------------- */

static struct channel *find_channel(const struct streams *streams,
                                    const struct subscription *subscription)
{
    struct channel *channel = streams->channels;

    while (channel != NULL && !subscription_equals(channel->subscription, subscription))
        channel = channel->next;
    return channel;
}

void channel_release(struct streams *streams, struct channel *channel)
{
    struct channel **link = &streams->channels;

    if (--channel->holders > 0)
        return;
    while (*link != channel)
        link = &(*link)->next;
    *link = channel->next;
    event_text_let_go(channel->event);
    subscription_free(channel->subscription);
    free(channel);
}

/* The channel of a subscription, which is taken over; NULL on no memory. One holder more. */
struct channel *channel_hold(struct streams *streams, struct subscription *subscription)
{
    struct channel *channel = find_channel(streams, subscription);

    if (channel != NULL) {
        subscription_free(subscription);
        channel->holders++;
        return channel;
    }
    channel = calloc(1, sizeof *channel);
    if (channel == NULL) {
        subscription_free(subscription);
        return NULL;
    }
    channel->holders = 1;
    channel->subscription = subscription;
    channel->next = streams->channels;
    streams->channels = channel;
    return channel;
}
