/* SPDX-License-Identifier: Apache-2.0
 *
 * The request headers that an answer depends on. They are found in one walk over all of a request;
 * a list that comes in several lines is one list (RFC 9110, 5.3), and is joined in a second walk,
 * which hardly any request needs. Pure. Thread: any.
 */
#ifndef LIVECTR_API_HEADERS_H
#define LIVECTR_API_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include "api/request.h"
#include "storage/event.h"

enum header_name {
    HEADER_ACCEPT,
    HEADER_ACCEPT_ENCODING,
    HEADER_IF_NONE_MATCH,
    HEADER_LISTS, /* those before are joined, of those behind the first one counts */
    HEADER_AUTHORIZATION = HEADER_LISTS,
    HEADER_CONTENT_TYPE,
    HEADER_LAST_EVENT_ID,
    HEADER_ORIGIN,
    HEADER_PREFLIGHT, /* Access-Control-Request-Method */
    HEADER_REQUEST_ID,
    HEADER_TRACEPARENT,
    HEADER_USER_AGENT,
    HEADER_NAMES
};

/* What one walk finds. Start from {0}. The values are borrowed from whoever has the request. */
struct headers_found {
    const char *values[HEADER_NAMES]; /* NULL: not given; "" for one without a value */
    bool joins;                       /* a list came in several lines: only its first is there */
};

/* Takes note of one header if it is of interest; value NULL: it had none. */
void headers_find(struct headers_found *found, struct text name, const char *value);

/* A list that is longer is cut behind its last whole line. */
enum { HEADER_BYTES_MAX = 2048 };

/* Start from headers_init(). */
struct headers {
    struct {
        bool given;
        size_t length;
        char bytes[HEADER_BYTES_MAX];
    } values[HEADER_LISTS];
};

void headers_init(struct headers *headers);

/* Takes note of one line if it is of interest; value NULL: it had none. */
void headers_add(struct headers *headers, const char *name, const char *value);

/* Lets the request borrow the values. */
void headers_lend(const struct headers *headers, struct api_request *request);

#endif
