/* SPDX-License-Identifier: Apache-2.0
 *
 * One request while it arrives piece by piece. Owned by the connection's thread.
 */
#ifndef LIVECTR_API_EXCHANGE_H
#define LIVECTR_API_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/access.h"
#include "api/headers.h"
#include "api/request.h"
#include "storage/status.h"

struct exchange {
    bool begun;           /* its headers were looked at */
    bool last;            /* the answer must close the connection */
    const char *in_place; /* where the target lies in libmicrohttpd's buffer: a place to compare
                             with, of which nothing is read; NULL unknown */
    bool overflown;       /* the body is longer than BODY_BYTES_MAX; none of it will be used */
    bool preparing;       /* `response` is not decided yet */
    int64_t now_ms;       /* wall clock when it was taken up; 0 not yet */
    int64_t whole_us;     /* monotonic, when all of the request was there */
    int64_t decided_us;   /* monotonic, when it was known how to answer */
    void *repeat;         /* http_repeat.c's: where the answer may be kept, else NULL */
    struct headers_found headers; /* borrowed from the connection */
    struct api_response response;
    char *body;
    size_t length, capacity;
    struct access access;
    char target[]; /* raw, NUL-terminated */
};

/* Copies the target; begun_us: now, monotonic. NULL on no memory. */
struct exchange *exchange_new(const char *target, int64_t begun_us);
void exchange_free(struct exchange *exchange); /* NULL is fine */

/* Keeps a piece of the body. A body that grows too long is read on without being kept, so that its
 * client gets to see the 413, but not beyond BODY_BYTES_READ_MAX.
 * Errors: CTR_NO_MEMORY, CTR_LIMIT: the connection must be closed. */
CTR_MUST_USE enum ctr_status exchange_take(struct exchange *exchange, const char *piece,
                                           size_t length);

/* Waits until none of `count` exchanges is there, and none begins for a while, at most deadline_ms.
 * Thread: main. */
void exchange_settle(const _Atomic unsigned *count, int64_t (*mono_ms)(void), int deadline_ms);

#endif
