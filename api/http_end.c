/* SPDX-License-Identifier: Apache-2.0
 *
 * How a listener comes to its end without harm to anybody: it drains, takes no more connections,
 * lets what is under way be answered, and closes.
 */
#include <stdlib.h>
#include <unistd.h>

#include "api/http_raw.h"
#include "api/listen.h"
#include "api/streams.h"

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
}

/* A connection that nobody has accepted yet; it goes to the daemon on whose socket it came. */
static void adopt(void *owner, size_t which, const struct listen_caller *caller)
{
    struct http_server *server = owner;

    /* Closes it where it cannot be taken. */
    (void)MHD_add_connection(server->daemons[which], caller->fd, &caller->address.any,
                             caller->address_length);
}

/* A daemon that still had a suspended connection could not be stopped. */
static void end_streams(const struct http_server *server)
{
    if (server->options.context->streams != NULL && !server->options.admin)
        streams_end(server->options.context->streams);
}

void http_server_quiesce(struct http_server *server)
{
    int fds[HTTP_THREADS_MAX];

    end_streams(server);
    for (size_t i = 0; i < server->daemons_count; i++)
        fds[i] = MHD_quiesce_daemon(server->daemons[i]);
    listen_close(fds, server->daemons_count, adopt, server);
}

void http_server_settle(const struct http_server *server, int deadline_ms)
{
    exchange_settle(&server->exchanges, server->options.mono_ms, deadline_ms);
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    end_streams(server);
    for (size_t i = 0; i < server->daemons_count; i++)
        MHD_stop_daemon(server->daemons[i]);
    for (size_t i = server->daemons_count; i < server->options.threads; i++)
        (void)close(server->fds[i]);
    for (size_t i = 0; i < server->options.threads; i++)
        http_repeats_free(server->lanes[i].repeats);
    http_edge_stop(server);
    free(server);
}
