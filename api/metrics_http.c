/* SPDX-License-Identifier: Apache-2.0
 *
 * What each route answered and how long that took, on /metrics.
 */
#include <stdio.h>

#include "api/metrics_parts.h"
#include "api/router.h"

/* The next index after `index` that a request can have, HTTP_ROUTES_MAX after the last. */
static unsigned next_route(unsigned index)
{
    if (index >= HTTP_ROUTE_OTHER || api_route_path(index + 1) != NULL)
        return index + 1;
    return HTTP_ROUTE_OTHER;
}

/* From the first answer on; a rate wants to see the zero before it, so 200 is there at once. */
void metrics_write_http_responses(struct metrics_page *page, const struct metrics_picture *picture)
{
    for (unsigned route = 0; picture->http != NULL && route < HTTP_ROUTES_MAX;
         route = next_route(route)) {
        for (size_t i = 0; i < HTTP_STATUS_COUNT; i++) {
            uint64_t count = http_counter_read(&picture->http->routes[route].responses[i]);

            if (count > 0 || (http_statuses[i] == 200 && route < HTTP_ROUTE_OTHER))
                metrics_add(page, "", (int64_t)count, "route=\"%s\",code=\"%u\"",
                            api_route_name(route), http_statuses[i]);
        }
    }
}

void metrics_write_http_latency(struct metrics_page *page, const struct metrics_picture *picture)
{
    for (unsigned route = 0; picture->http != NULL && route < HTTP_ROUTE_REFUSED;
         route = next_route(route)) {
        const struct http_route_counters *counters = &picture->http->routes[route];
        uint64_t counts[HTTP_DURATION_BUCKETS];
        struct metrics_histogram histogram = {
            .counts = counts,
            .buckets = HTTP_DURATION_BUCKETS,
            .bound = http_duration_bound_us,
            .sum = (int64_t)http_counter_read(&counters->duration_us)};
        char labels[96];

        for (unsigned i = 0; i < HTTP_DURATION_BUCKETS; i++)
            counts[i] = http_counter_read(&counters->buckets[i]);
        (void)snprintf(labels, sizeof labels, "route=\"%s\"", api_route_name(route));
        metrics_add_histogram(page, &histogram, labels);
    }
}
