/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a request's framing leaves no doubt about where it ends. A proxy in front of us may read
 * a doubtful request differently from libmicrohttpd 0.9.75, which takes Content-Length together
 * with Transfer-Encoding, and the first of two lengths, and then serves what the proxy took for a
 * body as a request of its own (smuggling). What is in doubt is refused and the connection closed.
 * Pure. Thread: any.
 */
#ifndef LIVECTR_API_GUARD_H
#define LIVECTR_API_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/problem.h"
#include "api/request.h"
#include "storage/event.h"

/* What the headers said so far. Start from {0}. */
struct guard {
    unsigned lengths, codings, hosts; /* how many of each header there were */
    bool bad_name;                    /* a name with a byte that is no token character */
    bool bad_length;                  /* not digits only */
    bool bad_coding;                  /* anything but chunked */
    uint64_t length;                  /* Content-Length, at most UINT64_MAX / 16 */
};

/* Takes note of one header; value bytes NULL: it had none. */
void guard_add_header(struct guard *guard, struct text name, struct text value);

/* Why the request must be refused, and as what; NULL when nothing is wrong. http_1_0: the request
 * was made in a version before chunked existed. */
const char *guard_refusal(const struct guard *guard, enum api_method method, bool http_1_0,
                          enum problem_kind *ret_kind);

#endif
