/* SPDX-License-Identifier: Apache-2.0
 *
 * The list of all metrics (metrics.def) as a table, and the page of docs/ that is made of it.
 */
#ifndef LIVECTR_API_METRICS_H
#define LIVECTR_API_METRICS_H

#include <stddef.h>

#include "api/writer.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

/* What values are given in; seconds are given as ms or us and written as seconds. */
enum metric_unit { METRIC_ONE, METRIC_BYTES, METRIC_SECONDS, METRIC_MICROS };

struct metric {
    const char *name; /* whole; of a counter with _total */
    enum metric_type type;
    enum metric_unit unit;
    const char *labels; /* names with commas, "" none */
    const char *help, *rise;
};

/* Metric `index` of the list, NULL after the last. Thread: any. */
const struct metric *metrics_at(size_t index);

const char *metric_type_name(enum metric_type type); /* in text 0.0.4, which has no info */
const char *metric_unit_name(enum metric_unit unit); /* seconds, bytes, or "" */

/* Writes docs/metrics.md. */
void metrics_write_document(struct writer *writer);

#endif
