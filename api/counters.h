/* SPDX-License-Identifier: Apache-2.0
 *
 * What the listeners count about themselves, for /metrics. One row is one counter: name, whose
 * metric it becomes, and its sentence. Atomic: any thread may add, any may read.
 */
#ifndef LIVECTR_API_COUNTERS_H
#define LIVECTR_API_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* clang-format off: tables */

/* member, metric without livectr_http_ and _total, help */
#define HTTP_COUNTERS(row)                                                                         \
    row(opened, "connections_opened", "Connections accepted.")                                     \
        row(closed, "connections_closed", "Connections closed, by whichever side.")                \
            row(refused, "refused", "Requests refused for their framing before they were routed.") \
                row(cut, "cut", "Connections cut because a deadline passed.") row(                 \
                    request_bytes, "request_body_bytes", "Bytes of request bodies taken.")         \
                    row(response_bytes, "response_body_bytes", "Bytes of response bodies made.")

/* Every status the API can give. What libmicrohttpd answers by itself is not seen here. */
#define HTTP_STATUSES(row) row(200) row(400) row(404) row(405) row(413) row(415) row(422) row(503)

/* clang-format on */

enum http_status_index {
#define HTTP_STATUS_ENUM(status) HTTP_STATUS_##status,
    HTTP_STATUSES(HTTP_STATUS_ENUM)
#undef HTTP_STATUS_ENUM
        HTTP_STATUS_COUNT
};

struct http_counters {
#define HTTP_COUNTER_MEMBER(member, name, help) _Atomic uint64_t member;
    HTTP_COUNTERS(HTTP_COUNTER_MEMBER)
#undef HTTP_COUNTER_MEMBER
    _Atomic uint64_t responses[HTTP_STATUS_COUNT];
};

/* The status of each index. */
extern const unsigned http_statuses[HTTP_STATUS_COUNT];

/* Counts one response of `status`, which must be among HTTP_STATUSES. */
void http_counters_add_response(struct http_counters *counters, unsigned status);

/* Adds to one counter; order between counters does not matter. */
static inline void http_counter_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

#endif
