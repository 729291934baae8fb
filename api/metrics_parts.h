/* SPDX-License-Identifier: Apache-2.0
 *
 * A page of metrics while it is written, in one of two formats, and the families of metrics.def
 * that are no row of plain values: those with labels of their own. Pure. Thread: any.
 */
#ifndef LIVECTR_API_METRICS_PARTS_H
#define LIVECTR_API_METRICS_PARTS_H

#include "api/counters.h"
#include "api/details.h"
#include "api/metrics.h"
#include "api/request.h"
#include "api/writer.h"
#include "storage/moment.h"
#include "storage/store_status.h"

/* "no such value now": the line is left out. A moment that there is not yet is none either. */
#define METRIC_NONE MOMENT_NONE

/* One moment's picture of everything. Borrowed for the page. */
struct metrics_picture {
    const struct store_options *options;
    const struct store_status *status;
    const struct service_facts *facts;
    const struct service_details *details;
    struct http_counters *http; /* NULL: nothing is counted */
    const char *version;
    int64_t now_ms, mono_ms;
};

struct metrics_page {
    struct writer writer;
    bool openmetrics; /* else the text format 0.0.4 */
    const struct metric *metric;
};

/* Begins a family: HELP, TYPE, and in OpenMetrics UNIT. Its samples follow, then the next. */
void metrics_open(struct metrics_page *page, const struct metric *metric);

/* One sample of the family that is open; `suffix` as "_bucket", or ""; labels as `a="b",c="d"`, or
 * "". Nothing for METRIC_NONE. */
void metrics_add(struct metrics_page *page, const char *suffix, int64_t value, const char *labels,
                 ...) CTR_PRINTF(4, 5);

/* A histogram's samples: one bucket per count (not summed up yet), whose upper bounds bound() gives
 * in the family's unit, INT64_MAX for none; `labels` without a comma at the end. */
struct metrics_histogram {
    const uint64_t *counts;
    unsigned buckets;
    int64_t (*bound)(unsigned bucket);
    int64_t sum;
};
void metrics_add_histogram(struct metrics_page *page, const struct metrics_histogram *histogram,
                           const char *labels);

/* Writes the samples of the family that is open. */
typedef void metrics_writer(struct metrics_page *page, const struct metrics_picture *picture);

#define METRIC_FAMILY(writer, name, type, unit, labels, help, rise)                                \
    metrics_writer metrics_write_##writer;
#include "api/metrics.def"

#endif
