/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer on its way to libmicrohttpd.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "api/http_raw.h"

static ssize_t read_nothing(void *owner, uint64_t at, char *room, size_t size)
{
    return (void)owner, (void)at, (void)room, (void)size, MHD_CONTENT_READER_END_OF_STREAM;
}

/* The response takes body and feed over; a static body is only read. A 304 tells its 200's
 * length. */
static struct MHD_Response *build_response(const struct http_flow_place *place,
                                           struct api_response *response)
{
    struct MHD_Response *built;

    if (response->feed.ops != NULL)
        return http_flow_new(place, &response->feed);
    if (response->status == MHD_HTTP_NOT_MODIFIED)
        return MHD_create_response_from_callback(response->body_length, 16, read_nothing, NULL,
                                                 NULL);
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
    return value == NULL || value[0] == '\0' ||
           MHD_add_response_header(built, name, value) == MHD_YES;
}

static bool add_headers(struct MHD_Response *built, const struct api_response *response,
                        const struct access *access, bool closing)
{
    char after[16] = "";

    if (response->retry_after_s > 0)
        (void)snprintf(after, sizeof after, "%u", response->retry_after_s);
    return add_header(built, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type) &&
           add_header(built, MHD_HTTP_HEADER_CACHE_CONTROL, response->cache_control) &&
           add_header(built, MHD_HTTP_HEADER_ALLOW, response->allow) &&
           add_header(built, MHD_HTTP_HEADER_VARY, response->vary) &&
           add_header(built, MHD_HTTP_HEADER_CONTENT_ENCODING, response->encoding) &&
           add_header(built, MHD_HTTP_HEADER_ETAG, response->etag) &&
           add_header(built, MHD_HTTP_HEADER_RETRY_AFTER, after) &&
           add_header(built, "X-Accel-Buffering", response->live ? "no" : NULL) &&
           add_header(built, "X-Request-Id", access->request_id) &&
           add_header(built, "traceparent", access->traceparent) &&
           add_header(built, MHD_HTTP_HEADER_CONNECTION, closing ? "close" : NULL);
}

enum MHD_Result http_send(struct http_lane *lane, struct MHD_Connection *connection,
                          struct exchange *exchange, struct api_response *response, bool closing)
{
    struct http_server *server = lane->server;
    struct access *access = &exchange->access;
    const char *origin = exchange->headers.values[HEADER_ORIGIN];
    int64_t now_ms = exchange->now_ms != 0 ? exchange->now_ms : server->options.wall_ms();
    struct deadline *deadline = http_edge_deadline(connection);
    const struct http_flow_place place = {connection, server->watch, deadline, &access->bytes,
                                          response->live};
    struct MHD_Response *built = build_response(&place, response);
    enum MHD_Result result = MHD_NO;
    bool kept = false;

    closing = closing || atomic_load_explicit(&server->draining, memory_order_relaxed);
    exchange->decided_us = server->options.mono_us();
    if (deadline != NULL)
        deadline_enter_at(deadline, DEADLINE_ANSWER, exchange->decided_us / 1000);
    access_answer(access, response);
    if (built != NULL && http_headers_add(lane, built, response, origin, now_ms) &&
        add_headers(built, response, access, closing))
        result = MHD_queue_response(connection, access->status, built);
    if (result == MHD_YES && !closing)
        kept = http_repeat_keep(exchange, response, built);
    if (built != NULL && !kept)
        MHD_destroy_response(built);
    api_response_done(response);
    if (result == MHD_YES)
        http_counters_add_response(server->counters, access->route, access->status);
    http_counter_add(&server->counters->response_bytes, access->bytes);
    return result;
}

enum MHD_Result http_send_again(struct http_lane *lane, struct MHD_Connection *connection,
                                struct exchange *exchange, struct MHD_Response *built)
{
    struct http_counters *counters = lane->server->counters;
    struct deadline *deadline = http_edge_deadline(connection);
    struct access *access = &exchange->access;
    enum MHD_Result result;

    exchange->decided_us = lane->server->options.mono_us();
    if (deadline != NULL)
        deadline_enter_at(deadline, DEADLINE_ANSWER, exchange->decided_us / 1000);
    access_answer(access, &exchange->response);
    result = MHD_queue_response(connection, access->status, built);
    if (result == MHD_YES)
        http_counters_add_response(counters, access->route, access->status);
    http_counter_add(&counters->response_bytes, access->bytes);
    access->handled_us = exchange->decided_us - exchange->whole_us;
    http_counters_add_duration(counters, access->route, access->handled_us);
    return result;
}
