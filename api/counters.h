/* SPDX-License-Identifier: Apache-2.0
 *
 * What the listeners count about themselves, for /metrics: one counter per METRIC_OF_HTTP row of
 * metrics.def, and per route how many answers of each status there were and how long they took.
 * Atomic: any thread may add, any may read; a reader may see a sum without its bucket for a moment.
 */
#ifndef LIVECTR_API_COUNTERS_H
#define LIVECTR_API_COUNTERS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Every status the API can give. What libmicrohttpd answers by itself is not seen here. */
/* clang-format off: a table */
#define HTTP_STATUSES(row)                                                                         \
    row(200) row(304) row(400) row(401) row(403) row(404) row(405) row(406) row(411) row(413)      \
        row(414) row(415) row(422) row(429) row(431) row(503)
/* clang-format on */

enum http_status_index {
#define HTTP_STATUS_ENUM(status) HTTP_STATUS_##status,
    HTTP_STATUSES(HTTP_STATUS_ENUM)
#undef HTTP_STATUS_ENUM
        HTTP_STATUS_COUNT
};

/* Where a request went: its row in the route table, or one of these. */
enum {
    HTTP_ROUTES_MAX = 48,
    HTTP_ROUTE_OTHER = HTTP_ROUTES_MAX - 2,  /* nothing is there */
    HTTP_ROUTE_REFUSED = HTTP_ROUTES_MAX - 1 /* refused before it was routed */
};

/* Upper bounds in us, ends included; beyond the last is one more bucket. From a cached answer to
 * one that had to wait for the disk. */
#define HTTP_DURATION_BOUNDS                                                                       \
    {                                                                                              \
        50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000  \
    }
enum { HTTP_DURATION_BUCKETS = 15 };

/* Threads that can be seen answering at once: more than there may be. */
enum { HTTP_BUSY_SLOTS = 128 };

struct http_route_counters {
    _Atomic uint64_t responses[HTTP_STATUS_COUNT];
    _Atomic uint64_t
        buckets[HTTP_DURATION_BUCKETS]; /* each by itself, not the sum of those below */
    _Atomic uint64_t duration_us;       /* of all */
};

struct http_counters {
#define METRIC_OF_HTTP(member, name, unit, help, rise) _Atomic uint64_t member;
#include "api/metrics.def"
    struct http_route_counters routes[HTTP_ROUTES_MAX];
    _Atomic int64_t busy_since_ms[HTTP_BUSY_SLOTS]; /* monotonic; 0: free */
};

/* The status of each index, and the bound of each bucket, INT64_MAX for the last. */
extern const unsigned http_statuses[HTTP_STATUS_COUNT];
int64_t http_duration_bound_us(unsigned bucket);

/* Counts one response of `status`, which must be among HTTP_STATUSES. */
void http_counters_add_response(struct http_counters *counters, unsigned route, unsigned status);

/* Counts how long an answer took. */
void http_counters_add_duration(struct http_counters *counters, unsigned route,
                                int64_t duration_us);

/* The calling thread begins to answer, and has answered: what stands between the two for long is a
 * thread that hangs. Returns the slot to give back. */
unsigned http_counters_enter(struct http_counters *counters, int64_t mono_ms);
void http_counters_leave(struct http_counters *counters, unsigned slot);

/* For how long the thread that has been answering longest has; 0: none is. */
int64_t http_counters_busy_ms(struct http_counters *counters, int64_t mono_ms);

/* Adds to one counter; order between counters does not matter. */
static inline void http_counter_add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static inline uint64_t http_counter_read(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit((_Atomic uint64_t *)(uintptr_t)counter, memory_order_relaxed);
}

#endif
