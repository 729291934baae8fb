/* SPDX-License-Identifier: Apache-2.0
 *
 * Visits come as a Poisson process. A visit is played out at once into the events it will cause,
 * which wait in a heap until everything before them has been handed out.
 */
#include "service/traffic.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/heap.h"

enum {
    PENDING_MAX = 10000000, /* 100,000 events/s for the 7 s a visit lasts, and room */
    VISITORS = 20000,
    SCROLL_MS = 4000, /* a box comes into view within this of the page */
    CLICK_MS_MIN = 200,
    CLICK_MS_MAX = 3000
};

static const struct traffic_placement placements[] = {
    {"/", NULL, 0.40, 0.010},
    {"/", "header.search", 1.00, 0.120},
    {"/", "opbox.banner.main", 0.95, 0.021},
    {"/", "opbox.carousel.1", 0.60, 0.045},
    {"/", "opbox.categories", 0.45, 0.080},
    {"/offer/list", NULL, 0.35, 0.015},
    {"/offer/list", "header.search", 1.00, 0.060},
    {"/offer/list", "opbox.carousel.1", 0.80, 0.033},
    {"/offer/list", "opbox.ads.top", 0.90, 0.012},
    {"/offer/list", "listing.filters", 0.50, 0.150},
    {"/offer/show", NULL, 0.25, 0.025},
    {"/offer/show", "offer.buy", 0.85, 0.200},
    {"/offer/show", "opbox.recommended", 0.55, 0.070},
    {"/offer/show", "opbox.ads.bottom", 0.30, 0.006},
};
enum { PLACEMENTS = sizeof placements / sizeof *placements };

struct pending {
    size_t placement;
    enum event_type type;
    uint32_t visitor;
};

struct traffic {
    uint64_t seed, state; /* of the generator */
    double visit_gap_ms;  /* mean */
    double next_visit_ms; /* event time */
    uint64_t sequence;    /* events made so far */
    uint64_t given;       /* events handed out */
    struct heap heap;
    char id[48], visitor[24];
};

const struct traffic_placement *traffic_placements(size_t *ret_count)
{
    *ret_count = PLACEMENTS;
    return placements;
}

double traffic_true_ctr(size_t placement)
{
    double sum = placements[placement].clicked;

    if (placements[placement].box) {
        return sum;
    }
    for (size_t i = placement + 1; i < PLACEMENTS && placements[i].box; i++) {
        sum += placements[i].seen * placements[i].clicked;
    }
    return sum;
}

/* Finaliser and step of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

/* Uniform in [0, 1). */
static double draw(struct traffic *traffic)
{
    traffic->state += UINT64_C(0x9E3779B97F4A7C15);
    return (double)(mix(traffic->state) >> 11) * 0x1p-53;
}

static double events_per_visit(void)
{
    double page_share = 0, sum = 0;

    for (size_t i = 0; i < PLACEMENTS; i++) {
        const struct traffic_placement *placement = &placements[i];
        double seen = placement->box ? placement->seen : 1;

        if (!placement->box) {
            page_share = placement->seen;
        }
        sum += page_share * seen * (1 + placement->clicked);
    }
    return sum;
}

static void plan_next_visit(struct traffic *traffic)
{
    traffic->next_visit_ms += -log(1 - draw(traffic)) * traffic->visit_gap_ms;
}

enum ctr_status traffic_new(const struct traffic_options *options, struct traffic **ret_traffic)
{
    struct traffic *traffic = calloc(1, sizeof *traffic);

    if (!traffic) {
        return CTR_NO_MEMORY;
    }
    traffic->seed = options->seed;
    traffic->state = mix(options->seed);
    traffic->visit_gap_ms = 1000 * events_per_visit() / options->rate;
    traffic->next_visit_ms = (double)options->start_ms;
    heap_init(&traffic->heap, PENDING_MAX);
    *ret_traffic = traffic;
    return CTR_OK;
}

void traffic_free(struct traffic *traffic)
{
    struct heap_entry entry;

    if (!traffic) {
        return;
    }
    while (heap_pop(&traffic->heap, &entry)) {
        free(entry.item);
    }
    heap_done(&traffic->heap);
    free(traffic);
}

static enum ctr_status plan(struct traffic *traffic, struct pending pending, double time_ms)
{
    struct pending *copy = malloc(sizeof *copy);
    enum ctr_status status = CTR_NO_MEMORY;

    if (!copy) {
        return status;
    }
    *copy = pending;
    status = heap_add(&traffic->heap, (struct heap_entry){.time_ms = (int64_t)time_ms,
                                                          .order = traffic->sequence++,
                                                          .item = copy});
    if (status != CTR_OK) {
        free(copy);
    }
    return status;
}

/* A view, and perhaps the click it leads to. */
static enum ctr_status plan_view(struct traffic *traffic, size_t placement, uint32_t visitor,
                                 double time_ms)
{
    struct pending pending = {.placement = placement, .type = EVENT_VIEW, .visitor = visitor};
    enum ctr_status status = plan(traffic, pending, time_ms);

    if (status != CTR_OK || draw(traffic) >= placements[placement].clicked) {
        return status;
    }
    pending.type = EVENT_CLICK;
    time_ms += CLICK_MS_MIN + draw(traffic) * (CLICK_MS_MAX - CLICK_MS_MIN);
    return plan(traffic, pending, time_ms);
}

static size_t choose_page(struct traffic *traffic)
{
    double left = draw(traffic);
    size_t page = 0;

    for (size_t i = 0; i < PLACEMENTS && left >= 0; i++) {
        if (placements[i].box) {
            continue;
        }
        page = i;
        left -= placements[i].seen;
    }
    return page;
}

/* Few visitors come often, many rarely. */
static enum ctr_status plan_visit(struct traffic *traffic)
{
    double luck = draw(traffic);
    uint32_t visitor = (uint32_t)(luck * luck * VISITORS);
    size_t page = choose_page(traffic);
    enum ctr_status status = plan_view(traffic, page, visitor, traffic->next_visit_ms);

    for (size_t i = page + 1; i < PLACEMENTS && placements[i].box && status == CTR_OK; i++) {
        if (draw(traffic) < placements[i].seen) {
            status =
                plan_view(traffic, i, visitor, traffic->next_visit_ms + draw(traffic) * SCROLL_MS);
        }
    }
    plan_next_visit(traffic);
    return status;
}

int64_t traffic_next_ms(const struct traffic *traffic)
{
    struct heap_entry entry;
    int64_t visit_ms = (int64_t)traffic->next_visit_ms;

    if (heap_peek(&traffic->heap, &entry) && entry.time_ms < visit_ms) {
        return entry.time_ms;
    }
    return visit_ms;
}

static struct text text_of(const char *string)
{
    return (struct text){.bytes = string, .length = string ? strlen(string) : 0};
}

enum ctr_status traffic_next(struct traffic *traffic, struct event *ret_event)
{
    const struct traffic_placement *placement;
    struct heap_entry entry;
    struct pending pending;

    while (!heap_peek(&traffic->heap, &entry) || entry.time_ms >= (int64_t)traffic->next_visit_ms) {
        enum ctr_status status = plan_visit(traffic);

        if (status != CTR_OK) {
            return status;
        }
    }
    (void)heap_pop(&traffic->heap, &entry); /* it was just seen not to be empty */
    pending = *(struct pending *)entry.item;
    free(entry.item);
    placement = &placements[pending.placement];
    (void)snprintf(traffic->id, sizeof traffic->id, "%" PRIx64 "-%" PRIu64, mix(traffic->seed),
                   traffic->given++);
    (void)snprintf(traffic->visitor, sizeof traffic->visitor, "v-%016" PRIx64,
                   mix(traffic->seed ^ (pending.visitor + UINT64_C(1))));
    *ret_event = (struct event){
        .type = pending.type,
        .ts_ms = entry.time_ms,
        .page = text_of(placement->page),
        .box = text_of(placement->box),
        .visitor = text_of(traffic->visitor),
        .id = text_of(traffic->id),
    };
    return CTR_OK;
}
