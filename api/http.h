/* SPDX-License-Identifier: Apache-2.0
 *
 * The adapter between libmicrohttpd and api_respond(): one listener, one daemon per HTTP thread.
 * Only http*.c know libmicrohttpd, through http_raw.h.
 */
#ifndef LIVECTR_API_HTTP_H
#define LIVECTR_API_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "api/access.h"
#include "api/deadline.h"
#include "api/request.h"
#include "api/tls.h"
#include "storage/status.h"

enum { HTTP_THREADS_MAX = 64 };

struct http_options {
    const char *host;                  /* IPv4 or IPv6 literal, or localhost */
    uint16_t port;                     /* 0: the system chooses, see http_server_port() */
    bool admin;                        /* serve health and metrics only */
    uint32_t threads;                  /* 1 to HTTP_THREADS_MAX */
    uint32_t connections_max;          /* of this listener; who comes then is told 503, or closed */
    uint32_t per_address_max;          /* of one address; who comes then is told 429. 0: no limit */
    int64_t wait_max_ms;               /* a request that waited longer is told 503. 0: no limit */
    const struct api_context *context; /* borrowed until http_server_stop() */
    struct tls *tls;                   /* likewise; NULL: in the clear */
    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    int64_t (*mono_us)(void); /* the same clock */
    /* Gets a record of each request that was answered, when that is over; must not wait. NULL:
     * nobody wants to know. Thread: the connection's. */
    void (*log)(void *owner, const struct access_record *record);
    void *log_owner;
    /* 0 stands for the default: header 10 s, body 10 s, answer 30 s, idle 60 s, flow 30 s. */
    int64_t limits_ms[DEADLINE_PHASES];
};

struct http_server;

/* Opens the port and serves. Errors: CTR_INVALID (host), CTR_IO (port in use, ...), CTR_NO_MEMORY
 * with the sentence for the user. Thread: main. */
CTR_MUST_USE enum ctr_status http_server_start(const struct http_options *options,
                                               struct http_server **ret_server,
                                               struct ctr_error *reterr);

/* The port that is open. */
uint16_t http_server_port(const struct http_server *server);

/* From now on every answer closes its connection, so that clients move elsewhere. Thread: any. */
void http_server_drain(struct http_server *server);

/* Takes no new connections, but for those whose handshake is done: none of them is reset. Those
 * that are open go on, but streams come to their end. Thread: main. */
void http_server_quiesce(struct http_server *server);

/* Waits until no request is being read or answered, at most deadline_ms. Thread: main. */
void http_server_settle(const struct http_server *server, int deadline_ms);

/* Ends every connection and frees; NULL is fine. Thread: main. */
void http_server_stop(struct http_server *server);

#endif
