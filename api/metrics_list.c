/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics.h"

static const struct metric list[] = {
#define METRIC_OF_SERVICE(name, type, unit, help, rise, value)                                     \
    {"livectr_" name, METRIC_##type, METRIC_##unit, "", help, rise},
#define METRIC_OF_PROCESS(name, type, unit, help, rise, value)                                     \
    {name, METRIC_##type, METRIC_##unit, "", help, rise},
#define METRIC_OF_PARTITION(name, type, unit, help, rise, value)                                   \
    {"livectr_" name, METRIC_##type, METRIC_##unit, "topic, partition", help, rise},
#define METRIC_OF_HTTP(member, name, unit, help, rise)                                             \
    {"livectr_" name, METRIC_COUNTER, METRIC_##unit, "", help, rise},
#define METRIC_FAMILY(writer, name, type, unit, labels, help, rise)                                \
    {"livectr_" name, METRIC_##type, METRIC_##unit, labels, help, rise},
#include "api/metrics.def"
};

const struct metric *metrics_at(size_t index)
{
    return index < sizeof list / sizeof list[0] ? &list[index] : NULL;
}

const char *metric_type_name(enum metric_type type)
{
    static const char *const names[] = {"counter", "gauge", "histogram", "gauge"};

    return names[type];
}

const char *metric_unit_name(enum metric_unit unit)
{
    static const char *const names[] = {"", "bytes", "seconds", "seconds"};

    return names[unit];
}

void metrics_write_document(struct writer *writer)
{
    writer_format(
        writer,
        "# Metrics\n\n"
        "`/metrics` on both listeners: the Prometheus text format 0.0.4, or OpenMetrics 1.0 for\n"
        "whoever asks for `application/openmetrics-text`. This page is made of the list that\n"
        "`/metrics` is made of (`api/metrics.def`) by `./dev docs`; a test fails when they "
        "differ.\n"
        "Counters count from the start of the process, but for those of partitions, which belong\n"
        "to the position and survive a restart. In OpenMetrics a counter's family is named "
        "without\n"
        "`_total`.\n\n"
        "| metric | type | unit | labels | what it is | when it rises |\n"
        "|---|---|---|---|---|---|\n");
    for (size_t i = 0; metrics_at(i) != NULL; i++) {
        const struct metric *metric = metrics_at(i);

        writer_format(writer, "| `%s` | %s | %s | %s | %s | %s |\n", metric->name,
                      metric_type_name(metric->type), metric_unit_name(metric->unit),
                      metric->labels, metric->help, metric->rise);
    }
}
