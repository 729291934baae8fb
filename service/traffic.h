/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up traffic whose true click-through rates are known. Pure: the same seed gives the same
 * events, whatever the clock does. Visitors open pages, see some of their boxes within the next
 * seconds, and click what they see with the placement's true probability 0.2 to 3 s later.
 */
#ifndef LIVECTR_SERVICE_TRAFFIC_H
#define LIVECTR_SERVICE_TRAFFIC_H

#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"

struct traffic;

struct traffic_options {
    uint64_t seed;
    double rate;      /* events/s on average, views and clicks together; 0 < rate <= 100,000 */
    int64_t start_ms; /* event time of the first visit */
};

/* A box on a page, or the page itself, and how it does. */
struct traffic_placement {
    const char *page, *box; /* box NULL: the page */
    double seen;            /* the page's share of visits; how likely a visit shows the box */
    double clicked;         /* how likely a view of it becomes a click on it */
};

/* All placements, each page before its boxes. Static. */
const struct traffic_placement *traffic_placements(size_t *ret_count);

/* What the service should find for a placement: a box's own probability; for a page, where clicks
 * in its boxes count too, the expected clicks per page view. */
double traffic_true_ctr(size_t placement);

/* Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status traffic_new(const struct traffic_options *options,
                                         struct traffic **ret_traffic);
void traffic_free(struct traffic *traffic); /* NULL is fine */

/* Event time of the next event. */
int64_t traffic_next_ms(const struct traffic *traffic);

/* The next event; event times never go back. Texts are borrowed until the next call.
 * Errors: CTR_NO_MEMORY. O(log events of the last seconds). */
CTR_MUST_USE enum ctr_status traffic_next(struct traffic *traffic, struct event *ret_event);

#endif
