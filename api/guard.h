/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a request's framing leaves no doubt about where it ends. A proxy in front of us may read
 * a doubtful request differently from libmicrohttpd 0.9.75, which takes Content-Length together
 * with Transfer-Encoding, and the first of two lengths, and then serves what the proxy took for a
 * body as a request of its own (smuggling). What is in doubt is refused and the connection closed.
 *
 * Bare LF, NUL and folded lines cannot be seen in what libmicrohttpd hands over, but in where it
 * lies: 0.9.75 parses in place and writes zeros over what ends a line, so that a well-formed
 * request leaves its parts in one piece:
 *
 *   GET 0 /target 0 HTTP/1.1 00 Name 0 value 00 Name 0 value 00 00
 *
 * One zero where two belong was a bare LF, a part elsewhere was folded, bytes left over followed a
 * NUL. Two things pass: NUL LF, which looks like CRLF, and LF as the very last byte that has come,
 * where a zero may lie behind it; neither ends a request elsewhere than its LF says. Pure. Thread:
 * any.
 */
#ifndef LIVECTR_API_GUARD_H
#define LIVECTR_API_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/problem.h"
#include "api/request.h"
#include "storage/event.h"

/* What one request may bring. All of it fits into a connection's memory with room for the answer,
 * so that it is refused here and not by libmicrohttpd, whose refusals are HTML. */
enum { GUARD_TARGET_BYTES_MAX = 8192, GUARD_HEADERS_MAX = 100, GUARD_HEADER_BYTES_MAX = 12288 };

/* The request line. The texts may be borrowed for the time of the call. */
struct guard_line {
    struct text method, target;
    const char *version; /* NUL-terminated */
    /* Where the target lies between method and version in libmicrohttpd's own buffer, so that
     * the zeros can be looked at; NULL: this version leaves them elsewhere. */
    const char *in_place;
};

/* What the request said so far. Start from {0}, then guard_begin(). */
struct guard {
    bool http_1_0;    /* made in a version before chunked existed */
    bool bad_method;  /* with a byte that is no token character */
    bool bad_byte;    /* a space or control character in the target */
    bool bad_target;  /* neither a path nor a URL */
    bool long_target; /* over GUARD_TARGET_BYTES_MAX */
    bool bad_line;    /* a line that did not end in CRLF, was folded or held a NUL */
    bool bad_value;   /* a value with a control character */
    const char *next; /* where the next header must begin, NULL unknown */
    unsigned headers;
    size_t header_bytes;              /* of names and values */
    unsigned lengths, codings, hosts; /* how many of each header there were */
    bool bad_name;                    /* a name with a byte that is no token character */
    bool bad_length;                  /* not digits only */
    bool bad_coding;                  /* anything but chunked */
    uint64_t length;                  /* Content-Length, at most UINT64_MAX / 16 */
};

/* Takes note of the request line; without it all that follows is judged as HTTP/1.1. */
void guard_begin(struct guard *guard, const struct guard_line *line);

/* Takes note of one header, in the order they came; value bytes NULL: it had none. */
void guard_add_header(struct guard *guard, struct text name, struct text value);

/* After the last header: looks at how the lines ended. Nothing is read but libmicrohttpd's buffer,
 * and only where it said that it parsed. */
void guard_end(struct guard *guard);

/* Why the request must be refused, and as what; NULL when nothing is wrong. */
const char *guard_refusal(const struct guard *guard, enum api_method method,
                          enum problem_kind *ret_kind);

/* Whether more than the headers is to come. */
bool guard_expects_body(const struct guard *guard);

/* Whether the answer must close the connection although nothing is wrong: how the lines between
 * chunks ended cannot be seen, so nothing may come after a chunked body. */
bool guard_closes(const struct guard *guard);

#endif
