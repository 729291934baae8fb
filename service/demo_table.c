/* SPDX-License-Identifier: Apache-2.0 */
#include "service/demo_table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/traffic.h"
#include "storage/moment.h"
#include "storage/rate.h"

enum { ROWS_MAX = 64 };

static void add_line(struct demo_table *table, const char *format, ...) CTR_PRINTF(2, 3);

static void add_line(struct demo_table *table, const char *format, ...)
{
    size_t used = strlen(table->text);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(table->text + used, sizeof table->text - used, format, arguments);
    va_end(arguments);
    table->lines++;
}

struct percent {
    char text[12];
};

/* As people read it; the ratios here stay below 1,000. */
static struct percent percent(double ratio)
{
    struct percent percent;
    unsigned hundredths = ratio < 1000 ? (unsigned)(ratio * 1e4 + 0.5) : 10000000;

    (void)snprintf(percent.text, sizeof percent.text, "%u.%02u", hundredths / 100 % 1000000,
                   hundredths % 100);
    return percent;
}

static const char *judgement(bool has_interval, bool inside)
{
    if (!has_interval) {
        return "";
    }
    return inside ? "yes" : "NO";
}

static void add_row(struct demo_table *table, size_t placement, struct totals totals)
{
    size_t count;
    const struct traffic_placement *row = &traffic_placements(&count)[placement];
    struct rate rate = rate_of(totals.impressions, totals.clicks);
    double true_ctr = traffic_true_ctr(placement);
    bool inside = rate.has_interval && rate.low <= true_ctr && true_ctr <= rate.high;
    char ctr[32] = "-", interval[32] = "-";

    if (rate.has_ctr) {
        (void)snprintf(ctr, sizeof ctr, "%s", percent(rate.ctr).text);
    }
    if (rate.has_interval) {
        (void)snprintf(interval, sizeof interval, "%s-%s", percent(rate.low).text,
                       percent(rate.high).text);
    }
    table->rows += rate.has_ctr;
    table->inside += inside;
    add_line(table, "%-11s %-17s %11" PRIu64 " %6" PRIu64 " %6s %12s %6s %s\n", row->page,
             row->box ? row->box : "(the page)", totals.impressions, totals.clicks, ctr, interval,
             percent(true_ctr).text, judgement(rate.has_interval, inside));
}

void demo_table_read(const struct store *store, size_t window, int64_t now_ms,
                     struct demo_table *ret_table)
{
    size_t count;
    const struct traffic_placement *placements = traffic_placements(&count);
    struct key_name names[ROWS_MAX] = {0};
    struct figures figures[ROWS_MAX] = {0};
    struct reading reading = {0};
    char to[MOMENT_TEXT_BYTES] = "-";
    int64_t lag_ms = 0;

    CTR_ASSERT(count <= ROWS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *page = placements[i].page, *box = placements[i].box;

        names[i].page = (struct text){.bytes = page, .length = strlen(page)};
        if (box) {
            names[i].box = (struct text){.bytes = box, .length = strlen(box)};
        }
    }
    store_read(store, window, names, count, figures, &reading);
    *ret_table = (struct demo_table){0};
    if (reading.progress.to_ms != MOMENT_NONE) {
        moment_format(reading.progress.to_ms, to);
        lag_ms = now_ms - reading.progress.as_of_ms;
    }
    add_line(ret_table, "window %s up to %s, %" PRId64 " ms behind now\n",
             store_options(store)->windows.items[window].name, to, lag_ms);
    add_line(ret_table, "%-11s %-17s %11s %6s %6s %12s %6s %s\n", "page", "box", "impressions",
             "clicks", "ctr %", "interval %", "true %", "in?");
    for (size_t i = 0; i < count; i++) {
        add_row(ret_table, i, figures[i].totals);
    }
    add_line(ret_table, "%zu of %zu true CTRs lie in their 95 %% interval\n", ret_table->inside,
             ret_table->rows);
    ret_table->live = ret_table->rows > 0;
}
