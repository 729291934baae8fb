/* SPDX-License-Identifier: Apache-2.0 */
#include "api/minutes.h"

#include <stdlib.h>

#include "storage/moment.h"
#include "storage/rate.h"
#include "storage/store_minutes.h"

enum { TRIES_MAX = 5 };

void minutes_done(struct minutes *minutes)
{
    free(minutes->points);
    minutes->points = NULL;
}

static struct minutes_point *point_at(const struct minutes *minutes, int64_t start_ms)
{
    if (start_ms < minutes->range.from_ms || start_ms >= minutes->range.until_ms)
        return NULL;
    return &minutes->points[(start_ms - minutes->range.from_ms) / minutes->range.step_ms];
}

static void add_numbers(struct minutes_point *point, const int64_t *numbers)
{
    for (int n = 0; n < MINUTE_NUMBERS; n++)
        point->numbers[n] += numbers[n];
    point->found = true;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Points that are finer than what is left of their time stay unknown. */
static void add_history(struct minutes *minutes, const struct api_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_point *row = &history->items[i];
        struct minutes_point *point = point_at(minutes, row->start_ms);

        if (point != NULL && row->grain_ms <= minutes->range.step_ms)
            add_numbers(point, row->numbers);
    }
}

static void add_sums(struct minutes *minutes, const struct minute_sums *sums)
{
    for (size_t i = 0; i < sums->count; i++) {
        struct minutes_point *point = point_at(minutes, sums->items[i].minute_ms);

        if (point != NULL)
            add_numbers(point, sums->items[i].numbers);
    }
}

static enum ctr_status read_once(const struct api_context *context, const struct key_name *name,
                                 struct minutes *minutes, struct minute_sums *ret_sums)
{
    const struct minutes_range *range = &minutes->range;
    struct api_history history = {.items = NULL};
    struct minute_key key = store_minute_key(context->store, name);
    enum ctr_status status = CTR_OK;

    if (context->history != NULL)
        status = context->history(context->history_owner, &key, range->from_ms, range->until_ms,
                                  &history);
    if (status == CTR_OK)
        status = store_minutes(context->store, name, range->from_ms, range->until_ms,
                               history.saved_cut, ret_sums);
    if (status == CTR_OK) {
        add_history(minutes, &history);
        add_sums(minutes, ret_sums);
    }
    free(history.items);
    return status;
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

/* From when on every minute (or hour) of the past is kept, and was read in the first place. */
static int64_t known_from(const struct api_context *context, const struct minutes *minutes,
                          int64_t first_ms)
{
    bool hours = minutes->range.step_ms >= HISTORY_HOUR_MS;
    int64_t keep_ms = hours ? context->keep_hours_ms : context->keep_minutes_ms;
    int64_t kept_ms = MOMENT_NONE;

    if (keep_ms > 0 && minutes->to_ms != MOMENT_NONE)
        kept_ms = moment_floor(minutes->to_ms - keep_ms, HISTORY_HOUR_MS) + HISTORY_HOUR_MS;
    return kept_ms > first_ms ? kept_ms : first_ms;
}

static void mark_known(const struct api_context *context, struct minutes *minutes, int64_t first_ms)
{
    const struct minutes_range *range = &minutes->range;
    int64_t begin_ms = known_from(context, minutes, first_ms);

    for (size_t i = 0; i < minutes->count; i++) {
        int64_t start_ms = range->from_ms + (int64_t)i * range->step_ms;
        int64_t end_ms = start_ms + range->step_ms;
        int64_t first = clamp(begin_ms, start_ms, end_ms);

        if (minutes->to_ms != MOMENT_NONE)
            minutes->points[i].known_ms = clamp(minutes->to_ms, first, end_ms) - first;
        if (minutes->points[i].found && minutes->points[i].known_ms == 0)
            minutes->points[i].known_ms = MINUTE_MS; /* something of it, whatever the rest */
    }
}

enum ctr_status minutes_read(const struct api_context *context, const struct key_name *name,
                             const struct minutes_range *range, struct minutes *ret_minutes,
                             struct problem *ret_problem)
{
    struct minutes minutes = {
        .range = *range, .count = (size_t)((range->until_ms - range->from_ms) / range->step_ms)};
    struct minute_sums sums = {.items = NULL};
    enum ctr_status status = CTR_RETRY;

    minutes.points = calloc(minutes.count + 1, sizeof *minutes.points);
    if (minutes.points == NULL)
        return CTR_NO_MEMORY;
    for (int i = 0; i < TRIES_MAX && status == CTR_RETRY; i++)
        status = read_once(context, name, &minutes, &sums);
    if (status != CTR_OK) {
        minutes_done(&minutes);
        return status == CTR_NO_MEMORY
                   ? status
                   : problem_set(ret_problem, PROBLEM_HISTORY,
                                 "The history on disk cannot be read now; /v1/status says how the "
                                 "snapshot is.");
    }
    minutes.to_ms = sums.to_ms;
    minutes.lateness_ms = sums.lateness_ms;
    mark_known(context, &minutes, sums.first_ms);
    minute_sums_done(&sums);
    *ret_minutes = minutes;
    return CTR_OK;
}

/* ---- writing ------------------------------------------------------------------------------- */

const char *minutes_state(const struct minutes *minutes, int64_t end_ms)
{
    if (minutes->to_ms < end_ms)
        return "live";
    return minutes->to_ms < end_ms + minutes->lateness_ms ? "closing" : "final";
}

static void write_number(struct writer *writer, const char *name, bool known, int64_t value)
{
    writer_key(writer, name);
    if (known)
        writer_i64(writer, value);
    else
        writer_null(writer);
}

static void write_ratio(struct writer *writer, const char *name, bool known, double value)
{
    writer_key(writer, name);
    if (known)
        writer_real(writer, value);
    else
        writer_null(writer);
}

void minutes_write_numbers(struct writer *writer, const struct minutes_point *point, bool single)
{
    const int64_t *numbers = point->numbers;
    bool known = point->known_ms > 0;
    bool people = known && single && numbers[MINUTE_PEOPLE] == 1;
    struct rate rate =
        rate_of((uint64_t)numbers[MINUTE_IMPRESSIONS], (uint64_t)numbers[MINUTE_CLICKS]);

    write_number(writer, "impressions", known, numbers[MINUTE_IMPRESSIONS]);
    write_number(writer, "clicks", known, numbers[MINUTE_CLICKS]);
    write_ratio(writer, "ctr", known && rate.has_ctr, rate.ctr);
    write_ratio(writer, "ctr_low", known && rate.has_interval, rate.low);
    write_ratio(writer, "ctr_high", known && rate.has_interval, rate.high);
    write_number(writer, "viewers_10m", people, numbers[MINUTE_VIEWERS]);
    write_number(writer, "clickers_10m", people, numbers[MINUTE_CLICKERS]);
    write_number(writer, "unseen_clickers_10m", people, numbers[MINUTE_UNSEEN_CLICKERS]);
    write_ratio(writer, "unique_ctr_10m", people && numbers[MINUTE_VIEWERS] > 0,
                (double)numbers[MINUTE_CLICKERS] / (double)numbers[MINUTE_VIEWERS]);
    write_number(writer, "revision", known, numbers[MINUTE_REVISION]);
}
