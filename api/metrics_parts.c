/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metrics_parts.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/state.h"

enum { LABELS_BYTES = 640, NUMBER_BYTES = 48 };

/* ---- the two formats ------------------------------------------------------------------------ */

static bool ends_in(const char *name, size_t length, const char *ending)
{
    size_t tail = strlen(ending);

    return length >= tail && memcmp(name + length - tail, ending, tail) == 0;
}

/* What the family is called: OpenMetrics leaves the ending of a counter or an info to its sample.
 */
static int family_length(const struct metrics_page *page)
{
    const char *name = page->metric->name;
    size_t length = strlen(name);

    if (page->openmetrics && page->metric->type == METRIC_COUNTER)
        length -= strlen("_total");
    if (page->openmetrics && page->metric->type == METRIC_INFO)
        length -= strlen("_info");
    return (int)length;
}

void metrics_open(struct metrics_page *page, const struct metric *metric)
{
    const char *unit = metric_unit_name(metric->unit);
    const char *name = metric->name;
    int length;

    page->metric = metric;
    length = family_length(page);
    writer_format(
        &page->writer, "# HELP %.*s %s\n# TYPE %.*s %s\n", length, name, metric->help, length, name,
        page->openmetrics && metric->type == METRIC_INFO ? "info" : metric_type_name(metric->type));
    if (page->openmetrics && unit[0] != '\0' && ends_in(name, (size_t)length, unit))
        writer_format(&page->writer, "# UNIT %.*s %s\n", length, name, unit);
}

/* Of the unit's fraction digits at least `digits_min` are written. */
static void format_number(enum metric_unit unit, int64_t value, unsigned digits_min,
                          char ret_text[NUMBER_BYTES])
{
    unsigned digits = unit == METRIC_SECONDS ? 3 : unit == METRIC_MICROS ? 6 : 0;
    int64_t scale = digits == 3 ? 1000 : digits == 6 ? 1000000 : 1;
    int64_t fraction = value % scale < 0 ? -(value % scale) : value % scale;
    int64_t whole = value / scale < 0 ? -(value / scale) : value / scale;

    if (digits == 0) {
        (void)snprintf(ret_text, NUMBER_BYTES, "%" PRId64, value);
        return;
    }
    while (digits > digits_min && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    (void)snprintf(ret_text, NUMBER_BYTES, "%s%" PRId64 ".%0*" PRId64, value < 0 ? "-" : "", whole,
                   (int)digits, fraction);
}

void metrics_add(struct metrics_page *page, const char *suffix, int64_t value, const char *labels,
                 ...)
{
    bool count = strcmp(suffix, "_bucket") == 0 || strcmp(suffix, "_count") == 0;
    char text[LABELS_BYTES];
    char number[NUMBER_BYTES];
    va_list arguments;

    if (value == METRIC_NONE)
        return;
    va_start(arguments, labels);
    (void)vsnprintf(text, sizeof text, labels, arguments);
    va_end(arguments);
    format_number(count ? METRIC_ONE : page->metric->unit, value,
                  page->metric->unit == METRIC_MICROS ? 6 : 3, number);
    writer_format(&page->writer, "%s%s%s%s%s %s\n", page->metric->name, suffix,
                  text[0] != '\0' ? "{" : "", text, text[0] != '\0' ? "}" : "", number);
}

void metrics_add_histogram(struct metrics_page *page, const struct metrics_histogram *histogram,
                           const char *labels)
{
    uint64_t below = 0;

    for (unsigned i = 0; i < histogram->buckets; i++) {
        char bound[NUMBER_BYTES] = "+Inf";

        below += histogram->counts[i];
        if (histogram->bound(i) != INT64_MAX)
            format_number(page->metric->unit, histogram->bound(i), 1, bound);
        metrics_add(page, "_bucket", (int64_t)below, "%s,le=\"%s\"", labels, bound);
    }
    metrics_add(page, "_sum", histogram->sum, "%s", labels);
    metrics_add(page, "_count", (int64_t)below, "%s", labels);
}

/* ---- families of the service and its numbers ------------------------------------------------ */

void metrics_write_build(struct metrics_page *page, const struct metrics_picture *picture)
{
    metrics_add(page, "", 1, "version=\"%s\"", picture->version);
}

void metrics_write_state(struct metrics_page *page, const struct metrics_picture *picture)
{
    enum api_state state = state_of(&picture->status->progress, picture->now_ms);

    for (int i = 0; i < STATE_COUNT; i++)
        metrics_add(page, "", i == (int)state, "state=\"%s\"", state_name((enum api_state)i));
}

void metrics_write_threads(struct metrics_page *page, const struct metrics_picture *picture)
{
    const struct service_facts *facts = picture->facts;

    for (size_t i = 0; i < facts->beats_count; i++)
        metrics_add(page, "", facts->beats[i].silent_ms, "thread=\"%s\"", facts->beats[i].thread);
    if (picture->http != NULL)
        metrics_add(page, "", http_counters_busy_ms(picture->http, picture->mono_ms),
                    "thread=\"http\"");
}

static void add_delays(struct metrics_page *page, const struct delay_histogram *histogram,
                       const char *labels)
{
    const struct metrics_histogram shown = {histogram->counts, DELAY_BUCKETS, delays_bound_ms,
                                            histogram->sum_ms};

    metrics_add_histogram(page, &shown, labels);
}

void metrics_write_delays(struct metrics_page *page, const struct metrics_picture *picture)
{
    const struct delays *delays = &picture->status->delays;

    add_delays(page, &delays->recorded, "stage=\"recorded\"");
    add_delays(page, &delays->read, "stage=\"read\"");
    add_delays(page, &delays->applied, "stage=\"applied\"");
}

/* The states that a partition is not in say nothing new. */
void metrics_write_partition_states(struct metrics_page *page,
                                    const struct metrics_picture *picture)
{
    for (size_t i = 0; i < picture->status->partitions_count; i++) {
        const struct partition *partition = &picture->status->partitions[i];

        metrics_add(page, "", 1, "topic=\"%s\",partition=\"%d\",state=\"%s\"", partition->topic,
                    (int)partition->number, partition_state_name(partition_state(partition)));
    }
}

void metrics_write_malformed(struct metrics_page *page, const struct metrics_picture *picture)
{
    for (int i = 0; i < MALFORMED_COUNT; i++)
        metrics_add(page, "", (int64_t)picture->status->malformed[i], "reason=\"%s\"",
                    malformed_reason_name((enum malformed_reason)i));
}

void metrics_write_keys(struct metrics_page *page, const struct metrics_picture *picture)
{
    for (int i = LEVEL_PAGE; i < LEVEL_COUNT; i++)
        metrics_add(page, "", picture->status->keys[i], "level=\"%s\"", level_name((enum level)i));
}

void metrics_write_slices(struct metrics_page *page, const struct metrics_picture *picture)
{
    const struct store_slices *slices = &picture->status->slices;

    for (size_t i = 0; i < slices->tiers; i++)
        metrics_add(page, "", (int64_t)slices->counts[i], "grain=\"%" PRId64 "s\"",
                    slices->grains_ms[i] / 1000);
}

void metrics_write_memory(struct metrics_page *page, const struct metrics_picture *picture)
{
    const struct store_memory *memory = &picture->status->memory;
    const struct {
        const char *part;
        uint64_t bytes;
    } parts[] = {{"keys", memory->keys},       {"names", memory->names},
                 {"slices", memory->slices},   {"held", memory->held},
                 {"people", memory->people},   {"ids", memory->ids},
                 {"minutes", memory->minutes}, {"journal", memory->journal}};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        metrics_add(page, "", (int64_t)parts[i].bytes, "part=\"%s\"", parts[i].part);
}
