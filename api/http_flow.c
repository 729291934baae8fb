/* SPDX-License-Identifier: Apache-2.0
 *
 * Bodies that are made while they are sent. libmicrohttpd asks for more when all of what it got
 * before is with the kernel. Where there is nothing yet the connection is suspended: answering "0
 * bytes" alone would have it ask again and again.
 */
#include <stdlib.h>

#include <sys/socket.h>

#include "api/http_raw.h"

enum {
    /* Only for HTTP/1.0; with chunks, what is free of the connection's memory is used. */
    BLOCK_BYTES = 4096,
    LIVE_QUEUE_BYTES = 16384 /* the kernel takes twice as much */
};

struct flow {
    struct http_flow_place place;
    struct feed feed;
};

static void close_gate(void *owner)
{
    MHD_suspend_connection(((struct flow *)owner)->place.connection);
}

static void open_gate(void *owner)
{
    MHD_resume_connection(((struct flow *)owner)->place.connection);
}

static ssize_t pull(void *owner, uint64_t at, char *room, size_t room_bytes)
{
    struct flow *flow = owner;
    size_t length = 0;
    enum feed_says says;

    (void)at;
    if (flow->place.deadline != NULL)
        deadline_enter(flow->place.watch, flow->place.deadline, DEADLINE_FLOW);
    says = flow->feed.ops->pull(flow->feed.owner, room, room_bytes, &length);
    switch (says) {
    case FEED_GIVES:
        *flow->place.bytes += length;
        return (ssize_t)length;
    case FEED_WAITS:
        return 0;
    case FEED_ENDS:
        return MHD_CONTENT_READER_END_OF_STREAM;
    case FEED_FAILS:
        break;
    }
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void free_flow(void *owner)
{
    struct flow *flow = owner;

    feed_done(&flow->feed);
    free(flow);
}

static void limit_queue(struct MHD_Connection *connection)
{
    static const int bytes = LIVE_QUEUE_BYTES;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;

    /* Where it is refused a slow reader only sees older events. */
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) != 0)
        return;
}

struct MHD_Response *http_flow_new(const struct http_flow_place *place, struct feed *feed)
{
    struct flow *flow = calloc(1, sizeof *flow);
    struct feed_gate gate = {.owner = flow, .close = close_gate, .open = open_gate};
    struct MHD_Response *built;
    bool headed;

    if (flow == NULL)
        return NULL;
    flow->place = *place;
    flow->feed = *feed;
    headed = feed->ops == feed_nothing.ops;
    built = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, pull, flow, free_flow);
    if (built == NULL) {
        free(flow);
        return NULL;
    }
    feed->ops = NULL;
    /* To HEAD, 0.9.75 sends the last chunk of the body that there is none of, which a client takes
     * for the beginning of the next answer. So without chunks, and no answer follows. */
    if (headed)
        (void)MHD_set_response_options(built, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
    if (place->live)
        limit_queue(place->connection);
    if (flow->feed.ops->attach != NULL)
        flow->feed.ops->attach(flow->feed.owner, &gate);
    return built;
}

void http_flow_again(struct MHD_Connection *connection)
{
    MHD_suspend_connection(connection);
    MHD_resume_connection(connection);
}
