/* SPDX-License-Identifier: Apache-2.0 */
#include "api/http_raw.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "api/guard.h"
#include "api/text.h"
#include "storage/hash.h"

/* What is known of an open connection. */
struct caller {
    struct deadline *deadline;
    struct callers_address address;
    enum callers_verdict verdict;
    struct tls_pair *pair; /* what it shows in TLS, else NULL */
};

/* NULL where there was no memory for it. */
static struct caller *caller_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static int socket_of(struct MHD_Connection *connection)
{
    return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

struct deadline *http_edge_deadline(struct MHD_Connection *connection)
{
    struct caller *caller = caller_of(connection);

    return caller == NULL ? NULL : caller->deadline;
}

/* ---- connections ---------------------------------------------------------------------------- */

static struct caller *let_in(struct http_server *server, struct MHD_Connection *connection)
{
    struct caller *caller = calloc(1, sizeof *caller);

    if (caller == NULL)
        return NULL;
    caller->deadline = deadline_add(server->watch, socket_of(connection));
    if (caller->deadline == NULL) {
        free(caller);
        return NULL;
    }
    caller->verdict = callers_enter(
        server->callers,
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr,
        &caller->address);
    if (caller->verdict != CALLERS_WELCOME) {
        http_counter_add(&server->counters->turned_away, 1);
        deadline_hurry(caller->deadline);
    }
    deadline_watch_crowd(server->watch, callers_crowded(server->callers));
    caller->pair = http_tls_take(server->options.tls, connection);
    return caller;
}

static void let_out(struct http_server *server, struct caller *caller)
{
    deadline_remove(server->watch, caller->deadline);
    callers_leave(server->callers, &caller->address);
    deadline_watch_crowd(server->watch, callers_crowded(server->callers));
    http_tls_give(caller->pair);
    free(caller);
}

void http_edge_watch(void *owner, struct MHD_Connection *connection, void **socket_state,
                     enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = owner;
    struct caller *caller;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        http_counter_add(&server->counters->closed, 1);
        if (*socket_state != NULL)
            let_out(server, *socket_state);
        *socket_state = NULL;
        return;
    }
    http_counter_add(&server->counters->opened, 1);
    caller = let_in(server, connection);
    *socket_state = caller;
    /* Never a connection without a deadline. */
    if (caller == NULL || caller->verdict == CALLERS_CLOSE)
        (void)shutdown(socket_of(connection), SHUT_RDWR);
}

/* ---- requests ------------------------------------------------------------------------------- */

/* Keeps libmicrohttpd from taking the arguments apart, which nobody reads: for each it takes memory
 * of the connection, and where 500 have used that up, it answers nothing at all. It has found the
 * question mark already and stops at a zero behind it. */
static void hide_arguments(const char *target)
{
    char *mark = strchr((char *)(uintptr_t)target, '?'); /* it lent us a buffer of its own */

    if (mark != NULL)
        mark[1] = '\0';
}

void http_edge_begin(const struct http_server *server, struct exchange *exchange,
                     const char *target)
{
    if (!server->in_place)
        return;
    exchange->in_place = target;
    hide_arguments(target);
}

struct seen {
    struct guard guard;
    struct headers_found *headers;
};

static enum MHD_Result show_header(void *owner, enum MHD_ValueKind kind, const char *name,
                                   size_t name_length, const char *value, size_t value_length)
{
    struct seen *seen = owner;
    struct text named = {name, name_length};

    (void)kind;
    guard_add_header(&seen->guard, named, (struct text){value, value == NULL ? 0 : value_length});
    headers_find(seen->headers, named, value);
    return MHD_YES;
}

/* A connection that is one too many: why, NULL when it is not. */
static const char *turn_away(struct MHD_Connection *connection, enum problem_kind *ret_kind)
{
    const struct caller *caller = caller_of(connection);
    enum callers_verdict verdict = caller == NULL ? CALLERS_CLOSE : caller->verdict;

    if (verdict == CALLERS_WELCOME)
        return NULL;
    if (verdict == CALLERS_TOO_MANY) {
        *ret_kind = PROBLEM_CONNECTIONS;
        return "This address has connections_per_address connections open; reuse one of them.";
    }
    *ret_kind = PROBLEM_OVERLOADED;
    return "Nearly max_connections connections are open; ask again in a moment, or another "
           "replica.";
}

const char *http_edge_refusal(struct MHD_Connection *connection, struct exchange *exchange,
                              const struct http_line *line, bool *ret_body,
                              enum problem_kind *ret_kind)
{
    struct seen seen = {.headers = &exchange->headers};
    const struct guard_line judged = {text_of(line->method), text_of(exchange->target),
                                      line->version, exchange->in_place};
    const char *refusal;

    guard_begin(&seen.guard, &judged);
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, show_header, &seen);
    guard_end(&seen.guard);
    refusal = guard_refusal(&seen.guard, access_method(line->method), ret_kind);
    exchange->last = guard_closes(&seen.guard);
    *ret_body = guard_expects_body(&seen.guard);
    return refusal != NULL ? refusal : turn_away(connection, ret_kind);
}

bool http_edge_sheds(struct http_server *server, struct MHD_Connection *connection)
{
    if (!overload_looks(&server->overload) ||
        !overload_judge(&server->overload, overload_waited_ms(socket_of(connection))))
        return false;
    http_counter_add(&server->counters->shed, 1);
    return true;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum ctr_status http_edge_start(struct http_server *server, struct ctr_error *reterr)
{
    static const int64_t defaults[DEADLINE_PHASES] = {10000, 10000, 30000, 60000, 30000};
    const struct http_options *options = &server->options;
    struct deadline_options deadlines = {.mono_ms = options->mono_ms,
                                         .cut = &server->counters->cut,
                                         .stalled = &server->counters->stalled};
    /* Hard to guess from outside, which is all that is asked of it. */
    const struct callers_options callers = {
        options->connections_max, options->per_address_max,
        hash_mix((uint64_t)options->mono_ms(), (uint64_t)(uintptr_t)server, server->port)};

    server->overload.wait_max_ms = options->wait_max_ms;
    server->in_place = strcmp(MHD_get_version(), "0.9.75") == 0;
    server->callers = callers_new(&callers);
    if (server->callers == NULL)
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the connections of a listener");
    for (int i = 0; i < DEADLINE_PHASES; i++) {
        int64_t limit_ms = options->limits_ms[i];

        deadlines.limits_ms[i] = limit_ms == 0 ? defaults[i] : limit_ms;
    }
    return deadline_watch_start(&deadlines, &server->watch, reterr);
}

void http_edge_stop(struct http_server *server)
{
    deadline_watch_stop(server->watch);
    callers_free(server->callers);
}
