/* SPDX-License-Identifier: Apache-2.0
 *
 * How libmicrohttpd calls, for one request:
 *
 *   open_exchange       the request line is complete: keep the raw target (it decodes %2F and cuts
 *                       at %00 before anyone else sees it)
 *   handle, 1st call    headers are complete: the guard may refuse. An answer queued here closes
 *                       the connection, even for GET: right for refusals, ruinous for all else
 *   handle, upload      a piece of the body
 *   handle, last call   the request is complete: answer it, or be called again until it is decided
 *   close_exchange      the answer is sent, or the connection broke
 */
#include "api/http.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/headers.h"
#include "api/http_raw.h"
#include "api/listen.h"
#include "api/router.h"

enum { CONNECTION_MEMORY_BYTES = 32768, CONNECTIONS_BEYOND = 64 };

/* ---- one request ---------------------------------------------------------------------------- */

static void *open_exchange(void *owner, const char *target, struct MHD_Connection *connection)
{
    struct http_server *server = owner;
    struct deadline *deadline = http_edge_deadline(connection);
    int64_t now_us = server->options.mono_us();
    struct exchange *exchange = exchange_new(target, now_us);

    if (deadline != NULL)
        deadline_begin_header(deadline, now_us / 1000);
    if (exchange != NULL) {
        (void)atomic_fetch_add(&server->exchanges, 1);
        http_edge_begin(server, exchange, target);
    }
    return exchange; /* NULL is answered in handle() */
}

static void tell_of(const struct http_server *server, struct MHD_Connection *connection,
                    const struct exchange *exchange, bool whole)
{
    struct access_record record = {.access = &exchange->access, .target = exchange->target};

    if (server->options.log == NULL || exchange->access.status == 0)
        return;
    record.agent = exchange->headers.values[HEADER_USER_AGENT];
    record.client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    record.duration_us = server->options.mono_us() - exchange->access.begun_us;
    record.admin = server->options.admin;
    record.whole = whole;
    server->options.log(server->options.log_owner, &record);
}

static void close_exchange(void *owner, struct MHD_Connection *connection, void **request_state,
                           enum MHD_RequestTerminationCode code)
{
    struct http_server *server = owner;
    struct deadline *deadline = http_edge_deadline(connection);

    if (deadline != NULL)
        deadline_enter(server->watch, deadline, DEADLINE_IDLE);
    if (*request_state != NULL) {
        tell_of(server, connection, *request_state, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
        (void)atomic_fetch_sub(&server->exchanges, 1);
    }
    exchange_free(*request_state);
    *request_state = NULL;
}

static enum MHD_Result refuse(struct http_lane *lane, struct MHD_Connection *connection,
                              struct exchange *exchange, enum problem_kind kind, const char *detail)
{
    struct api_response response;

    http_counter_add(&lane->server->counters->refused, 1);
    api_refuse(kind, detail, &response);
    return http_send(lane, connection, exchange, &response, true);
}

/* The first call. */
static enum MHD_Result begin(struct http_lane *lane, struct MHD_Connection *connection,
                             struct exchange *exchange, const struct http_line *line)
{
    struct http_server *server = lane->server;
    struct deadline *deadline = http_edge_deadline(connection);
    bool body = false;
    enum problem_kind kind;
    const char *refusal = http_edge_refusal(connection, exchange, line, &body, &kind);

    access_begin(&exchange->access, &server->names, line->method,
                 exchange->headers.values[HEADER_REQUEST_ID],
                 exchange->headers.values[HEADER_TRACEPARENT]);
    if (refusal != NULL)
        return refuse(lane, connection, exchange, kind, refusal);
    /* Without one the last call follows at once, and enters it. */
    if (body && deadline != NULL)
        deadline_enter(server->watch, deadline, DEADLINE_BODY);
    return MHD_YES;
}

/* Sends the answer once it is decided; until then this is called again and again. */
static enum MHD_Result send_prepared(struct http_lane *lane, struct MHD_Connection *connection,
                                     struct exchange *exchange)
{
    struct http_server *server = lane->server;
    const struct feed *feed = &exchange->response.feed;
    struct api_response refusal = {.status = 0};
    struct api_response response;
    enum feed_prepared prepared = FEED_READY;
    enum MHD_Result result;

    if (feed->ops != NULL && feed->ops->prepare != NULL)
        prepared = feed->ops->prepare(feed->owner, server->options.mono_ms(), &refusal);
    exchange->preparing = prepared == FEED_AGAIN;
    if (exchange->preparing) {
        http_flow_again(connection);
        return MHD_YES;
    }
    response = exchange->response;
    exchange->response = (struct api_response){.status = 0}; /* it has moved */
    if (prepared == FEED_REFUSED) {
        refusal.route = response.route;
        api_response_done(&response);
        response = refusal;
    }
    result = http_send(lane, connection, exchange, &response, exchange->last);
    exchange->access.handled_us = exchange->decided_us - exchange->whole_us;
    http_counters_add_duration(server->counters, exchange->access.route,
                               exchange->access.handled_us);
    return result;
}

static enum MHD_Result note_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    (void)kind;
    headers_add(owner, name, value);
    return MHD_YES;
}

static struct api_request request_of(const struct exchange *exchange, enum api_method method)
{
    const char *const *values = exchange->headers.values;

    return (struct api_request){
        .method = method,
        .target = exchange->target,
        .content_type = values[HEADER_CONTENT_TYPE],
        .accept = values[HEADER_ACCEPT],
        .accept_encoding = values[HEADER_ACCEPT_ENCODING],
        .if_none_match = values[HEADER_IF_NONE_MATCH],
        .last_event_id = values[HEADER_LAST_EVENT_ID],
        .authorization = values[HEADER_AUTHORIZATION],
        .origin = values[HEADER_ORIGIN],
        .preflight = strcmp(exchange->access.method, MHD_HTTP_METHOD_OPTIONS) == 0
                         ? values[HEADER_PREFLIGHT]
                         : NULL,
        .body = exchange->body,
        .body_length = exchange->length,
        .now_ms = exchange->now_ms,
        .mono_ms = exchange->whole_us / 1000,
    };
}

/* One that is not shed. */
static enum MHD_Result respond(struct http_lane *lane, struct MHD_Connection *connection,
                               struct exchange *exchange, const struct api_request *request)
{
    struct http_server *server = lane->server;
    struct MHD_Response *built = http_repeat_find(lane, exchange, request, &exchange->response);

    if (built != NULL)
        return http_send_again(lane, connection, exchange, built);
    api_respond(server->options.context, server->options.admin, request, &exchange->response);
    return send_prepared(lane, connection, exchange);
}

/* The last call. */
static enum MHD_Result answer(struct http_lane *lane, struct MHD_Connection *connection,
                              struct exchange *exchange, enum api_method method)
{
    struct http_server *server = lane->server;
    struct deadline *deadline = http_edge_deadline(connection);
    struct headers joined;
    struct api_request request;
    unsigned slot;
    enum MHD_Result result;

    if (exchange->overflown)
        return refuse(lane, connection, exchange, PROBLEM_TOO_LARGE,
                      "A body may have at most 1048576 bytes.");
    exchange->now_ms = server->options.wall_ms();
    exchange->whole_us = server->options.mono_us();
    /* What the headers took is not held against the handler. */
    if (deadline != NULL)
        deadline_enter_at(deadline, DEADLINE_BODY, exchange->whole_us / 1000);
    request = request_of(exchange, method);
    if (exchange->headers.joins) {
        headers_init(&joined);
        (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, note_header, &joined);
        headers_lend(&joined, &request);
    }
    slot = http_counters_enter(server->counters, request.mono_ms);
    if (http_edge_sheds(server, connection)) {
        api_refuse(PROBLEM_OVERLOADED,
                   "The request has waited for too long; ask again in a moment.",
                   &exchange->response);
        result = send_prepared(lane, connection, exchange);
    } else {
        result = respond(lane, connection, exchange, &request);
    }
    http_counters_leave(server->counters, slot);
    return result;
}

/* The last call once more: its answer is not decided yet. */
static enum MHD_Result go_on(struct http_lane *lane, struct MHD_Connection *connection,
                             struct exchange *exchange)
{
    struct http_server *server = lane->server;
    unsigned slot = http_counters_enter(server->counters, server->options.mono_ms());
    enum MHD_Result result = send_prepared(lane, connection, exchange);

    http_counters_leave(server->counters, slot);
    return result;
}

/* There was no memory to take note of it. */
static enum MHD_Result refuse_unknown(struct http_lane *lane, struct MHD_Connection *connection)
{
    struct exchange none = {.begun = true};
    struct api_response response;

    none.headers.values[HEADER_ORIGIN] =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN);
    problem_respond_static(&response);
    return http_send(lane, connection, &none, &response, true);
}

static enum MHD_Result handle(void *owner, struct MHD_Connection *connection, const char *path,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_length, void **request_state)
{
    struct http_lane *lane = owner;
    struct exchange *exchange = *request_state;
    enum ctr_status taken;

    (void)path; /* decoded already: of no use */
    if (exchange == NULL)
        return refuse_unknown(lane, connection);
    if (!exchange->begun) {
        const struct http_line line = {method, version};

        exchange->begun = true;
        return begin(lane, connection, exchange, &line);
    }
    if (exchange->preparing)
        return go_on(lane, connection, exchange);
    if (*upload_length > 0) {
        http_counter_add(&lane->server->counters->request_bytes, *upload_length);
        taken = exchange_take(exchange, upload, *upload_length);
        *upload_length = 0;
        return taken == CTR_OK ? MHD_YES : MHD_NO;
    }
    return answer(lane, connection, exchange, access_method(method));
}

/* ---- life ----------------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct http_server *server, struct http_lane *lane, int fd)
{
    /* callers.h bounds connections before libmicrohttpd would, which lets clients wait instead. */
    unsigned most = server->options.connections_max + CONNECTIONS_BEYOND;
    unsigned tls = server->options.tls != NULL ? MHD_USE_TLS : 0;
    struct MHD_OptionItem options[HTTP_TLS_OPTIONS];

    http_tls_options(server->options.tls, options);
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | tls, 0, NULL, NULL,
        handle, lane, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, most,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES, HTTP_STRICTNESS,
        MHD_OPTION_URI_LOG_CALLBACK, open_exchange, server, MHD_OPTION_NOTIFY_COMPLETED,
        close_exchange, server, MHD_OPTION_NOTIFY_CONNECTION, http_edge_watch, server,
        MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

static enum ctr_status start_daemons(struct http_server *server, const char *name,
                                     struct ctr_error *reterr)
{
    for (size_t i = 0; i < server->options.threads; i++) {
        struct http_lane *lane = &server->lanes[i];

        lane->server = server;
        if (!server->options.admin)
            lane->repeats = http_repeats_new();
        server->daemons[i] = start_daemon(server, lane, server->fds[i]);
        if (server->daemons[i] == NULL)
            return ctr_fail(reterr, CTR_IO, "%s: an HTTP%s thread cannot be started", name,
                            server->options.tls != NULL ? "S" : "");
        server->fds[i] = -1;
        server->daemons_count++;
    }
    return CTR_OK;
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
    access_names_init(&server->names, options->wall_ms(), options->mono_us());
    server->counters =
        options->context->http != NULL ? options->context->http : &server->own_counters;
    server->options.host = NULL; /* not needed any more, so need not live on */
    status = listen_open(&address, options->threads, server->fds, &server->port, reterr);
    if (status != CTR_OK) {
        free(server);
        return status;
    }
    status = http_edge_start(server, reterr);
    if (status == CTR_OK)
        status = start_daemons(server, name, reterr);
    if (status == CTR_OK)
        *ret_server = server;
    else
        http_server_stop(server);
    return status;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}
