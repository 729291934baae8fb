/* SPDX-License-Identifier: Apache-2.0
 *
 * The one header that shows libmicrohttpd, for api/http*.c alone: what a listener is, and what its
 * parts share. http.c takes requests, http_send.c sends answers, http_headers.c has the headers
 * that every answer gets, http_repeat.c answers once more what was just asked, http_flow.c has the
 * bodies that are made bit by bit, http_edge.c decides who may ask, http_tls.c in which cipher,
 * http_end.c ends it.
 */
#ifndef LIVECTR_API_HTTP_RAW_H
#define LIVECTR_API_HTTP_RAW_H

#include <stdatomic.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "api/callers.h"
#include "api/counters.h"
#include "api/deadline.h"
#include "api/exchange.h"
#include "api/feed.h"
#include "api/http.h"
#include "api/overload.h"
#include "api/problem.h"
#include "api/tls.h"

/* From 0.9.77.01 on its own parser can be as strict as guard.h. What 0.9.75 calls strict are two
 * tests of which the guard has better ones, with an answer that can be read. */
#if MHD_VERSION >= 0x00097701
#define HTTP_STRICTNESS MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1
#else
#define HTTP_STRICTNESS MHD_OPTION_STRICT_FOR_CLIENT, 0
#endif

struct http_server;
struct http_repeats;

/* What belongs to one HTTP thread alone. */
struct http_lane {
    struct http_server *server;
    int64_t date_s;               /* which second `date` says; 0 none yet */
    char date[80];                /* of which 29 are used */
    struct http_repeats *repeats; /* NULL: nothing is kept */
};

struct http_server {
    struct http_options options;
    struct http_counters own_counters; /* counted into where the context has none */
    struct http_counters *counters;
    struct access_names names;
    struct deadline_watch *watch;
    struct callers *callers;
    struct overload overload;
    bool in_place; /* libmicrohttpd leaves a request where guard.h says */
    uint16_t port;
    atomic_bool draining;
    _Atomic unsigned exchanges; /* requests that have begun and are not answered whole */
    size_t daemons_count;
    struct MHD_Daemon *daemons[HTTP_THREADS_MAX];
    struct http_lane lanes[HTTP_THREADS_MAX]; /* one a daemon */
    int fds[HTTP_THREADS_MAX];                /* -1 once a daemon owns it or it is closed */
};

/* What a body that is made bit by bit needs of its connection. */
struct http_flow_place {
    struct MHD_Connection *connection;
    struct deadline_watch *watch;
    struct deadline *deadline; /* NULL: none */
    size_t *bytes;             /* to which those handed over are added */
    bool live;                 /* what is old when it arrives is worth little: little is queued */
};

/* A response whose body the feed makes. Takes the feed over, unless it fails: NULL on no
 * memory. Thread: the connection's. */
struct MHD_Response *http_flow_new(const struct http_flow_place *place, struct feed *feed);

/* Lets others of this thread be served and has the handler called again. */
void http_flow_again(struct MHD_Connection *connection);

/* Queues the response and ends it. MHD_NO closes the connection without an answer. Thread: the
 * connection's, which is the lane's. */
enum MHD_Result http_send(struct http_lane *lane, struct MHD_Connection *connection,
                          struct exchange *exchange, struct api_response *response, bool closing);

/* Likewise for a response of http_repeat_find(); what it says stands in exchange->response. */
enum MHD_Result http_send_again(struct http_lane *lane, struct MHD_Connection *connection,
                                struct exchange *exchange, struct MHD_Response *built);

/* Errors: CTR_NO_MEMORY, CTR_IO. The other one frees what was made; the daemons are gone. Thread:
 * main. */
CTR_MUST_USE enum ctr_status http_edge_start(struct http_server *server, struct ctr_error *reterr);
void http_edge_stop(struct http_server *server);

/* MHD_NotifyConnectionCallback; owner is the server. */
void http_edge_watch(void *owner, struct MHD_Connection *connection, void **socket_state,
                     enum MHD_ConnectionNotificationCode code);

/* NULL where there was no memory for one: the connection is being closed. */
struct deadline *http_edge_deadline(struct MHD_Connection *connection);

/* A request line has come, and its target was copied to the exchange. */
void http_edge_begin(const struct http_server *server, struct exchange *exchange,
                     const char *target);

/* Its headers, too. Takes note of them, says whether a body is to come, and why the request must be
 * refused, and as what; NULL when it may go on. */
struct http_line {
    const char *method, *version;
};
const char *http_edge_refusal(struct MHD_Connection *connection, struct exchange *exchange,
                              const struct http_line *line, bool *ret_body,
                              enum problem_kind *ret_kind);

/* It is complete: whether it waited so long that it must be refused, as those behind it will be
 * otherwise. Counts it then. */
bool http_edge_sheds(struct http_server *server, struct MHD_Connection *connection);

/* ---- http_headers.c ---- */

/* The headers that stand with every answer: its date, for scripts of other origins (origin: theirs,
 * NULL none), and against browsers that guess. now_ms: wall clock. False: no memory. */
bool http_headers_add(struct http_lane *lane, struct MHD_Response *built,
                      const struct api_response *response, const char *origin, int64_t now_ms);

/* ---- http_repeat.c ---- */

/* NULL: no memory; answers are then made each time. */
struct http_repeats *http_repeats_new(void);
void http_repeats_free(struct http_repeats *repeats); /* NULL is fine; the daemons are gone */

/* A request that is complete and not to be shed. NULL where it must be answered; else the response
 * that says what the answer would, borrowed until the next call, with the id of this request. Takes
 * note of the request. Thread: the lane's. */
struct MHD_Response *http_repeat_find(struct http_lane *lane, struct exchange *exchange,
                                      const struct api_request *request,
                                      struct api_response *ret_like);

/* It was answered after all, by `response`. True: takes `built` over, as it may be asked for again.
 */
bool http_repeat_keep(const struct exchange *exchange, const struct api_response *response,
                      struct MHD_Response *built);

/* ---- http_tls.c ---- */

enum { HTTP_TLS_OPTIONS = 3 };
struct tls_pair;

/* The options of a daemon that speaks TLS; none for NULL. */
void http_tls_options(const struct tls *tls, struct MHD_OptionItem ret_options[HTTP_TLS_OPTIONS]);

/* A new connection takes hold of the certificate that it will show, and gives it back when it is
 * closed. NULL for NULL; a session without one fails in its handshake. */
struct tls_pair *http_tls_take(struct tls *tls, struct MHD_Connection *connection);
void http_tls_give(struct tls_pair *pair);

#endif
