/* SPDX-License-Identifier: Apache-2.0
 *
 * How libmicrohttpd calls, for one request:
 *
 *   open_exchange       the request line is complete: keep the raw target (it decodes %2F and cuts
 *                       at %00 before anyone else sees it)
 *   handle, 1st call    headers are complete: the guard may refuse. An answer queued here closes
 *                       the connection, even for GET: right for refusals, ruinous for all else
 *   handle, upload      a piece of the body
 *   handle, last call   the request is complete: answer it
 *   close_exchange      the answer is sent, or the connection broke
 */
#include "api/http.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "api/counters.h"
#include "api/exchange.h"
#include "api/guard.h"
#include "api/listen.h"
#include "api/router.h"

enum { CONNECTION_MEMORY_BYTES = 32768 };

struct http_server {
    struct http_options options;
    struct http_counters own_counters; /* counted into where the context has none */
    struct http_counters *counters;
    struct deadline_watch *watch;
    uint16_t port;
    atomic_bool draining;
    size_t daemons_count;
    struct MHD_Daemon *daemons[HTTP_THREADS_MAX];
    int fds[HTTP_THREADS_MAX]; /* -1 once a daemon owns it or it is closed */
};

static struct deadline *deadline_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* ---- one request ---------------------------------------------------------------------------- */

static void *open_exchange(void *owner, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = owner;
    struct deadline *deadline = deadline_of(connection);

    if (deadline != NULL)
        deadline_begin_header(server->watch, deadline);
    return exchange_new(target); /* NULL is answered in handle() */
}

static void close_exchange(void *owner, struct MHD_Connection *connection, void **request_state,
                           enum MHD_RequestTerminationCode code)
{
    struct http_server *server = owner;
    struct deadline *deadline = deadline_of(connection);

    (void)code;
    if (deadline != NULL)
        deadline_enter(server->watch, deadline, DEADLINE_IDLE);
    exchange_free(*request_state);
    *request_state = NULL;
}

/* The response takes the body over; a static one is never written to. */
static struct MHD_Response *build_response(struct api_response *response)
{
    struct MHD_Response *built;

    if (response->body_static != NULL)
        return MHD_create_response_from_buffer(response->body_length,
                                               (void *)(uintptr_t)response->body_static,
                                               MHD_RESPMEM_PERSISTENT);
    built = MHD_create_response_from_buffer(response->body_length, response->body,
                                            MHD_RESPMEM_MUST_FREE);
    if (built != NULL)
        response->body = NULL;
    return built;
}

static bool add_header(struct MHD_Response *built, const char *name, const char *value)
{
    return value == NULL || MHD_add_response_header(built, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *built, const struct api_response *response,
                        bool closing)
{
    char retry_after[16];

    (void)snprintf(retry_after, sizeof retry_after, "%u", response->retry_after_s);
    return add_header(built, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type) &&
           add_header(built, MHD_HTTP_HEADER_CACHE_CONTROL, response->cache_control) &&
           add_header(built, MHD_HTTP_HEADER_ALLOW, response->allow) &&
           add_header(built, MHD_HTTP_HEADER_RETRY_AFTER,
                      response->retry_after_s > 0 ? retry_after : NULL) &&
           add_header(built, MHD_HTTP_HEADER_CONNECTION, closing ? "close" : NULL);
}

/* Queues the response and ends it. MHD_NO closes the connection without an answer. */
static enum MHD_Result send_response(struct http_server *server, struct MHD_Connection *connection,
                                     struct api_response *response, bool closing)
{
    struct deadline *deadline = deadline_of(connection);
    unsigned status = response->status;
    size_t length = response->body_length;
    struct MHD_Response *built = build_response(response);
    enum MHD_Result result = MHD_NO;

    if (deadline != NULL)
        deadline_enter(server->watch, deadline, DEADLINE_ANSWER);
    if (built != NULL && add_headers(built, response, closing || atomic_load(&server->draining)))
        result = MHD_queue_response(connection, status, built);
    if (built != NULL)
        MHD_destroy_response(built);
    api_response_done(response);
    if (result == MHD_YES)
        http_counters_add_response(server->counters, status);
    http_counter_add(&server->counters->response_bytes, length);
    return result;
}

static enum MHD_Result refuse(struct http_server *server, struct MHD_Connection *connection,
                              enum problem_kind kind, const char *detail)
{
    struct api_response response;

    http_counter_add(&server->counters->refused, 1);
    api_refuse(kind, detail, &response);
    return send_response(server, connection, &response, true);
}

static enum api_method read_method(const char *method)
{
    if (strcmp(method, MHD_HTTP_METHOD_GET) == 0)
        return API_GET;
    if (strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)
        return API_HEAD;
    return strcmp(method, MHD_HTTP_METHOD_POST) == 0 ? API_POST : API_OTHER;
}

static enum MHD_Result show_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length)
{
    (void)kind;
    guard_add_header(owner, (struct text){name, name_length},
                     (struct text){value, value == NULL ? 0 : value_length});
    return MHD_YES;
}

/* The first call. */
static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             enum api_method method, const char *version)
{
    struct guard guard = {0};
    struct deadline *deadline = deadline_of(connection);
    enum problem_kind kind;
    const char *refusal;

    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, show_header, &guard);
    refusal = guard_refusal(&guard, method, strcmp(version, MHD_HTTP_VERSION_1_0) == 0, &kind);
    if (refusal != NULL)
        return refuse(server, connection, kind, refusal);
    if (deadline != NULL)
        deadline_enter(server->watch, deadline, DEADLINE_BODY);
    return MHD_YES;
}

/* The last call. */
static enum MHD_Result answer(struct http_server *server, struct MHD_Connection *connection,
                              const struct exchange *exchange, enum api_method method)
{
    struct api_request request = {
        .method = method,
        .target = exchange->target,
        .content_type =
            MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE),
        .body = exchange->body,
        .body_length = exchange->length,
        .now_ms = server->options.wall_ms(),
    };
    struct api_response response;

    if (exchange->overflown)
        return refuse(server, connection, PROBLEM_TOO_LARGE,
                      "A body may have at most 1048576 bytes.");
    api_respond(server->options.context, server->options.admin, &request, &response);
    return send_response(server, connection, &response, false);
}

static enum MHD_Result handle(void *owner, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_length, void **request_state)
{
    struct http_server *server = owner;
    struct exchange *exchange = *request_state;
    struct api_response response;
    enum ctr_status taken;

    (void)path; /* decoded already: of no use */
    if (exchange == NULL) {
        problem_respond_static(&response);
        return send_response(server, connection, &response, true);
    }
    if (!exchange->begun) {
        exchange->begun = true;
        return begin(server, connection, read_method(method), version);
    }
    if (*upload_length > 0) {
        http_counter_add(&server->counters->request_bytes, *upload_length);
        taken = exchange_take(exchange, upload, *upload_length);
        *upload_length = 0;
        return taken == CTR_OK ? MHD_YES : MHD_NO;
    }
    return answer(server, connection, exchange, read_method(method));
}

/* ---- connections ---------------------------------------------------------------------------- */

static void watch_connection(void *owner, struct MHD_Connection *connection, void **socket_state,
                             enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = owner;
    int fd;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        http_counter_add(&server->counters->closed, 1);
        if (*socket_state != NULL)
            deadline_remove(server->watch, *socket_state);
        *socket_state = NULL;
        return;
    }
    http_counter_add(&server->counters->opened, 1);
    fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *socket_state = deadline_add(server->watch, fd);
    if (*socket_state == NULL)
        (void)shutdown(fd, SHUT_RDWR); /* never a connection without a deadline */
}

/* ---- life ----------------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct http_server *server, int fd)
{
    const struct http_options *options = &server->options;
    unsigned share = options->connections_max / options->threads;

    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, handle,
                            server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                            share == 0 ? 1 : share, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_URI_LOG_CALLBACK, open_exchange, server,
                            MHD_OPTION_NOTIFY_COMPLETED, close_exchange, server,
                            MHD_OPTION_NOTIFY_CONNECTION, watch_connection, server, MHD_OPTION_END);
}

static enum ctr_status start_daemons(struct http_server *server, const char *name,
                                     struct ctr_error *reterr)
{
    for (size_t i = 0; i < server->options.threads; i++) {
        server->daemons[i] = start_daemon(server, server->fds[i]);
        if (server->daemons[i] == NULL)
            return ctr_fail(reterr, CTR_IO, "%s: an HTTP thread cannot be started", name);
        server->fds[i] = -1;
        server->daemons_count++;
    }
    return CTR_OK;
}

static enum ctr_status start_watch(struct http_server *server, struct ctr_error *reterr)
{
    static const int64_t defaults[DEADLINE_PHASES] = {10000, 10000, 30000, 60000};
    struct deadline_options options = {.mono_ms = server->options.mono_ms,
                                       .cut = &server->counters->cut};

    for (int i = 0; i < DEADLINE_PHASES; i++) {
        int64_t limit_ms = server->options.limits_ms[i];

        options.limits_ms[i] = limit_ms == 0 ? defaults[i] : limit_ms;
    }
    return deadline_watch_start(&options, &server->watch, reterr);
}

enum ctr_status http_server_start(const struct http_options *options,
                                  struct http_server **ret_server, struct ctr_error *reterr)
{
    const char *name = options->admin ? "admin_listen" : "listen";
    struct listen_options address = {name, options->host, options->port};
    struct http_server *server = calloc(1, sizeof *server);
    enum ctr_status status;

    CTR_ASSERT(options->threads >= 1 && options->threads <= HTTP_THREADS_MAX);
    if (server == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "%s: no memory for a listener", name);
    server->options = *options;
    server->counters = options->context->http;
    if (server->counters == NULL)
        server->counters = &server->own_counters;
    server->options.host = NULL; /* not needed any more, so need not live on */
    status = listen_open(&address, options->threads, server->fds, &server->port, reterr);
    if (status != CTR_OK) {
        free(server);
        return status;
    }
    status = start_watch(server, reterr);
    if (status == CTR_OK)
        status = start_daemons(server, name, reterr);
    if (status != CTR_OK) {
        http_server_stop(server);
        return status;
    }
    *ret_server = server;
    return CTR_OK;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_drain(struct http_server *server)
{
    atomic_store(&server->draining, true);
}

void http_server_quiesce(struct http_server *server)
{
    for (size_t i = 0; i < server->daemons_count; i++) {
        int fd = MHD_quiesce_daemon(server->daemons[i]);

        if (fd != MHD_INVALID_SOCKET)
            (void)close(fd);
    }
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL)
        return;
    for (size_t i = 0; i < server->daemons_count; i++)
        MHD_stop_daemon(server->daemons[i]);
    for (size_t i = server->daemons_count; i < server->options.threads; i++)
        (void)close(server->fds[i]);
    deadline_watch_stop(server->watch);
    free(server);
}
