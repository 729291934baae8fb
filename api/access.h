/* SPDX-License-Identifier: Apache-2.0
 *
 * What is known of one request for the log of requests, and the names by which it can be found
 * again elsewhere: X-Request-Id, taken from the client when it is well formed or else made, and
 * traceparent (W3C Trace Context). Writes nothing itself: whoever keeps the log gets a record.
 * Thread: the connection's; access_name_init() once, before.
 */
#ifndef LIVECTR_API_ACCESS_H
#define LIVECTR_API_ACCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "api/request.h"

enum {
    ACCESS_ID_MAX = 64,    /* characters of an X-Request-Id that is taken */
    ACCESS_TRACE_MAX = 55, /* characters of traceparent, all versions */
    ACCESS_METHOD_MAX = 15
};

struct access {
    char method[ACCESS_METHOD_MAX + 1];     /* as sent, cut; "" before the headers were seen */
    char request_id[ACCESS_ID_MAX + 1];     /* printable ASCII without blanks; "" likewise */
    char traceparent[ACCESS_TRACE_MAX + 1]; /* valid; "" none */
    unsigned status;                        /* 0: no answer was given */
    unsigned route;                         /* counters.h */
    size_t bytes;                           /* of the answer's body; 0 for HEAD */
    int64_t begun_us;                       /* monotonic, when the request line was there */
    int64_t handled_us;                     /* span: from the whole request to its answer */
};

/* A record, borrowed for the call. */
struct access_record {
    const struct access *access;
    const char *target; /* raw, as sent */
    const char *agent;  /* User-Agent as sent, NULL none */
    const struct sockaddr *client;
    int64_t duration_us; /* from the request line to the last byte of the answer */
    bool admin;          /* which listener */
    bool whole;          /* the answer was sent to its end */
};

/* Makes ids that differ between processes and requests; no secret. */
struct access_names {
    uint64_t seed;
    _Atomic uint64_t next;
};

void access_names_init(struct access_names *names, int64_t wall_ms, int64_t mono_us);

/* Takes note of the request's method and names; headers as sent, NULL for none. */
void access_begin(struct access *access, struct access_names *names, const char *method,
                  const char *request_id, const char *traceparent);

/* ... and of its answer. */
void access_answer(struct access *access, const struct api_response *response);

/* The method of a request line. */
enum api_method access_method(const char *method);

/* Whether an X-Request-Id is taken: 1 to 64 letters, digits and - _ . : / + = @ ~ */
bool access_id_valid(const char *id);

/* Whether it is a traceparent (https://www.w3.org/TR/trace-context/): of version 00 exactly, of a
 * later one by its first four fields. */
bool access_traceparent_valid(const char *traceparent);

#endif
