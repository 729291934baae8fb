/* SPDX-License-Identifier: Apache-2.0 */
#include "api/minutes.h"

#include <stdlib.h>

#include "storage/moment.h"
#include "storage/rate.h"
#include "storage/store_minutes.h"

enum { TRIES_MAX = 5, HISTORY_WAIT_MS = 2000 };

/* One try at reading everything: what was found on disk, and what the store adds to that. */
struct finding {
    struct api_history histories[MINUTES_RANGES_MAX];
    struct minute_sums sums;
};

static void drop_finding(struct finding *finding)
{
    for (size_t i = 0; i < MINUTES_RANGES_MAX; i++)
        free(finding->histories[i].items);
    minute_sums_done(&finding->sums);
    *finding = (struct finding){.histories = {{.items = NULL}}};
}

void minutes_done(struct minutes *minutes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(minutes[i].points);
        minutes[i].points = NULL;
    }
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool hourly(const struct minutes_range *range)
{
    return range->step_ms % HISTORY_HOUR_MS == 0;
}

/* The widest stretch whose rows may be summed before they come here: it lies within one step, and
 * on one side of whatever is no longer kept. */
static int64_t fold_of(const struct minutes_range *range)
{
    int64_t fold_ms = HISTORY_HOUR_MS;
    int64_t rest_ms = range->step_ms % HISTORY_HOUR_MS;

    if (hourly(range))
        return range->step_ms < MINUTES_DAY_MS ? range->step_ms : MINUTES_DAY_MS;
    while (rest_ms != 0) {
        int64_t next_ms = fold_ms % rest_ms;

        fold_ms = rest_ms;
        rest_ms = next_ms;
    }
    return fold_ms;
}

static enum ctr_status read_histories(const struct api_context *context, int64_t mono_ms,
                                      const struct key_name *name,
                                      const struct minutes_range *ranges, size_t count,
                                      struct finding *finding)
{
    struct api_history_question question = {.key = store_minute_key(context->store, name),
                                            .fold_ms = fold_of(&ranges[0]),
                                            .deadline_ms = mono_ms + HISTORY_WAIT_MS};

    for (size_t i = 0; i < count && context->history != NULL; i++) {
        enum ctr_status status = CTR_OK;

        /* An hour that began before a range of minutes tells that they are gone. */
        question.from_ms = moment_floor(ranges[i].from_ms, HISTORY_HOUR_MS);
        question.until_ms = ranges[i].until_ms;
        status = context->history(context->history_owner, &question, &finding->histories[i]);
        if (status != CTR_OK)
            return status == CTR_NO_MEMORY ? status : CTR_IO;
        if (finding->histories[i].saved_cut != finding->histories[0].saved_cut)
            return CTR_RETRY; /* something was saved in between */
    }
    return CTR_OK;
}

/* One call for all ranges, so that all of them are of one moment. */
static enum ctr_status read_sums(const struct api_context *context, const struct key_name *name,
                                 const struct minutes_range *ranges, size_t count,
                                 struct finding *finding)
{
    int64_t from_ms = ranges[0].from_ms;
    int64_t until_ms = ranges[0].until_ms;

    for (size_t i = 1; i < count; i++) {
        from_ms = ranges[i].from_ms < from_ms ? ranges[i].from_ms : from_ms;
        until_ms = ranges[i].until_ms > until_ms ? ranges[i].until_ms : until_ms;
    }
    return store_minutes(context->store, name, from_ms, until_ms, finding->histories[0].saved_cut,
                         &finding->sums);
}

/* CTR_IO: the disk gave none. CTR_RETRY: it never stood still. */
static enum ctr_status read_all(const struct api_context *context, int64_t mono_ms,
                                const struct key_name *name, const struct minutes_range *ranges,
                                size_t count, struct finding *ret_finding)
{
    enum ctr_status status = CTR_RETRY;

    *ret_finding = (struct finding){.histories = {{.items = NULL}}};
    for (int i = 0; i < TRIES_MAX && status == CTR_RETRY; i++) {
        drop_finding(ret_finding);
        status = read_histories(context, mono_ms, name, ranges, count, ret_finding);
        if (status == CTR_OK)
            status = read_sums(context, name, ranges, count, ret_finding);
    }
    if (status != CTR_OK)
        drop_finding(ret_finding);
    return status;
}

/* ---- adding up ----------------------------------------------------------------------------- */

static struct minutes_point *point_at(const struct minutes *minutes, int64_t start_ms)
{
    if (start_ms < minutes->range.from_ms || start_ms >= minutes->range.until_ms)
        return NULL;
    return &minutes->points[(start_ms - minutes->range.from_ms) / minutes->range.step_ms];
}

static void add_numbers(const struct minutes *minutes, int64_t start_ms, const int64_t *numbers)
{
    struct minutes_point *point = point_at(minutes, start_ms);

    if (point == NULL)
        return;
    for (int n = 0; n < MINUTE_NUMBERS; n++)
        point->numbers[n] += numbers[n];
    point->found = true;
}

/* From when on everything that there was is kept (storage/history.h, struct history_limits). What
 * is older may be there for a while yet; it is left out, so that an answer does not depend on when
 * the disk is tidied up. */
static int64_t kept_from(const struct api_context *context, const struct minutes *minutes)
{
    bool hours = hourly(&minutes->range);
    int64_t keep_ms = hours ? context->keep_hours_ms : context->keep_minutes_ms;

    if (minutes->to_ms == MOMENT_NONE)
        return MOMENT_NONE;
    if (context->history == NULL) { /* final minutes are somewhere else */
        return moment_floor(minutes->to_ms - minutes->lateness_ms, MINUTE_MS);
    }
    return keep_ms <= 0
               ? MOMENT_NONE
               : moment_floor(minutes->to_ms - keep_ms, hours ? MINUTES_DAY_MS : HISTORY_HOUR_MS);
}

static void add_gone(const struct minutes *minutes, int64_t hour_ms)
{
    for (int64_t at_ms = hour_ms; at_ms < hour_ms + HISTORY_HOUR_MS; at_ms += MINUTE_MS) {
        struct minutes_point *point = point_at(minutes, at_ms);

        if (point != NULL)
            point->gone_ms += MINUTE_MS;
    }
}

static void add_history(const struct minutes *minutes, const struct api_history *history,
                        int64_t kept_ms)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_point *row = &history->items[i];

        if (row->start_ms < kept_ms)
            continue;
        if (row->grain_ms == MINUTE_MS || hourly(&minutes->range)) {
            add_numbers(minutes, row->start_ms, row->numbers);
        } else {
            add_gone(minutes, row->start_ms);
        }
    }
}

static int64_t clamp(int64_t value, int64_t low, int64_t high)
{
    if (value < low)
        return low;
    return value > high ? high : value;
}

static void mark_known(const struct minutes *minutes, int64_t first_ms)
{
    const struct minutes_range *range = &minutes->range;

    for (size_t i = 0; i < minutes->count; i++) {
        struct minutes_point *point = &minutes->points[i];
        int64_t start_ms = range->from_ms + (int64_t)i * range->step_ms;
        int64_t end_ms = start_ms + range->step_ms;
        int64_t first = clamp(first_ms, start_ms, end_ms);

        if (minutes->to_ms == MOMENT_NONE || start_ms >= minutes->to_ms)
            continue;
        point->known_ms = clamp(minutes->to_ms, first, end_ms) - first;
        point->known_ms -= point->gone_ms < point->known_ms ? point->gone_ms : point->known_ms;
        if (point->found && point->known_ms == 0)
            point->known_ms = MINUTE_MS; /* from before a gap: something of it, if not all */
    }
}

static enum ctr_status add_up(const struct api_context *context, const struct minutes_range *range,
                              const struct api_history *history, const struct minute_sums *sums,
                              struct minutes *ret_minutes)
{
    struct minutes minutes = {.range = *range,
                              .to_ms = sums->to_ms,
                              .lateness_ms = sums->lateness_ms,
                              .changes = sums->changes,
                              .count =
                                  (size_t)((range->until_ms - range->from_ms) / range->step_ms)};
    int64_t kept_ms = kept_from(context, &minutes);

    minutes.points = calloc(minutes.count + 1, sizeof *minutes.points);
    if (minutes.points == NULL)
        return CTR_NO_MEMORY;
    add_history(&minutes, history, kept_ms);
    for (size_t i = 0; i < sums->count; i++) {
        if (sums->items[i].minute_ms >= kept_ms || context->history == NULL)
            add_numbers(&minutes, sums->items[i].minute_ms, sums->items[i].numbers);
    }
    mark_known(&minutes, kept_ms > sums->first_ms ? kept_ms : sums->first_ms);
    *ret_minutes = minutes;
    return CTR_OK;
}

enum ctr_status minutes_read(const struct api_context *context, int64_t mono_ms,
                             const struct key_name *name, const struct minutes_range *ranges,
                             size_t count, struct minutes *ret_minutes, struct problem *ret_problem)
{
    struct finding finding;
    enum ctr_status status = CTR_OK;

    CTR_ASSERT(count > 0 && count <= MINUTES_RANGES_MAX);
    for (size_t i = 0; i < count; i++)
        ret_minutes[i].points = NULL;
    status = read_all(context, mono_ms, name, ranges, count, &finding);
    if (status == CTR_IO || status == CTR_RETRY) {
        return problem_set(ret_problem, PROBLEM_HISTORY,
                           "The history on disk cannot be read now; /v1/status says how the "
                           "snapshot is.");
    }
    for (size_t i = 0; i < count && status == CTR_OK; i++)
        status = add_up(context, &ranges[i], &finding.histories[i], &finding.sums, &ret_minutes[i]);
    drop_finding(&finding);
    if (status != CTR_OK)
        minutes_done(ret_minutes, count);
    return status;
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
