/* SPDX-License-Identifier: Apache-2.0 */
#include "api/counters.h"

#include "storage/status.h"

static const int64_t bounds_us[] = HTTP_DURATION_BOUNDS;

_Static_assert(sizeof bounds_us / sizeof bounds_us[0] == HTTP_DURATION_BUCKETS - 1,
               "one bucket is for what lies beyond the last bound");

const unsigned http_statuses[HTTP_STATUS_COUNT] = {
#define HTTP_STATUS_VALUE(status) status,
    HTTP_STATUSES(HTTP_STATUS_VALUE)
#undef HTTP_STATUS_VALUE
};

int64_t http_duration_bound_us(unsigned bucket)
{
    return bucket < HTTP_DURATION_BUCKETS - 1 ? bounds_us[bucket] : INT64_MAX;
}

void http_counters_add_response(struct http_counters *counters, unsigned route, unsigned status)
{
    size_t index = 0;

    while (index < HTTP_STATUS_COUNT && http_statuses[index] != status)
        index++;
    CTR_ASSERT(index < HTTP_STATUS_COUNT); /* else HTTP_STATUSES and openapi.yaml lack one */
    CTR_ASSERT(route < HTTP_ROUTES_MAX);
    http_counter_add(&counters->routes[route].responses[index], 1);
}

void http_counters_add_duration(struct http_counters *counters, unsigned route, int64_t duration_us)
{
    struct http_route_counters *mine = &counters->routes[route];
    unsigned bucket = 0;

    CTR_ASSERT(route < HTTP_ROUTES_MAX);
    if (duration_us < 0)
        duration_us = 0;
    while (duration_us > http_duration_bound_us(bucket))
        bucket++;
    http_counter_add(&mine->buckets[bucket], 1);
    http_counter_add(&mine->duration_us, (uint64_t)duration_us);
}

unsigned http_counters_enter(struct http_counters *counters, int64_t mono_ms)
{
    for (unsigned slot = 0; slot < HTTP_BUSY_SLOTS; slot++) {
        int64_t none = 0;

        if (atomic_compare_exchange_strong_explicit(&counters->busy_since_ms[slot], &none, mono_ms,
                                                    memory_order_relaxed, memory_order_relaxed))
            return slot;
    }
    return HTTP_BUSY_SLOTS; /* not seen: there are more threads than http_threads allows */
}

void http_counters_leave(struct http_counters *counters, unsigned slot)
{
    if (slot < HTTP_BUSY_SLOTS)
        atomic_store_explicit(&counters->busy_since_ms[slot], 0, memory_order_relaxed);
}

int64_t http_counters_busy_ms(struct http_counters *counters, int64_t mono_ms)
{
    int64_t longest_ms = 0;

    for (unsigned slot = 0; slot < HTTP_BUSY_SLOTS; slot++) {
        int64_t since_ms =
            atomic_load_explicit(&counters->busy_since_ms[slot], memory_order_relaxed);

        if (since_ms != 0 && mono_ms - since_ms > longest_ms)
            longest_ms = mono_ms - since_ms;
    }
    return longest_ms;
}
