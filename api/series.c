/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/series: the past of one key in equal steps, beside the same stretch a day or a week ago.
 */
#include "api/answer.h"
#include "api/call.h"
#include "api/etag.h"
#include "api/fresh.h"
#include "api/minutes.h"
#include "api/query.h"
#include "api/text.h"
#include "storage/moment.h"
#include "storage/rate.h"
#include "storage/store_minutes.h"

/* A point is at most 500 bytes. */
enum {
    SHIFTS_MAX = MINUTES_RANGES_MAX - 1,
    STEPS_DEFAULT = 60,
    SERIES_BYTES_MAX = MINUTES_RANGES_MAX * MINUTES_POINTS_MAX * 512 + 65536
};

enum series_argument {
    ARGUMENT_PAGE,
    ARGUMENT_BOX,
    ARGUMENT_FROM,
    ARGUMENT_TO,
    ARGUMENT_STEP,
    ARGUMENT_COMPARE,
    ARGUMENT_LAG
};
static const char *const series_arguments[] = {"page", "box",     "from",       "to",
                                               "step", "compare", "max_lag_ms", NULL};

struct series {
    struct key_name name;
    struct text step, compare; /* as they were given; absent: the default */
    struct minutes_range range;
    size_t shifts_count;
    struct text shift_names[SHIFTS_MAX];
    int64_t shifts_ms[SHIFTS_MAX];
    struct fresh_demand demand;
    struct etag etag;
};

/* ---- arguments ----------------------------------------------------------------------------- */

static bool is_step(int64_t step_ms)
{
    return step_ms >= MINUTE_MS && step_ms % MINUTE_MS == 0 &&
           (MINUTES_DAY_MS % step_ms == 0 || step_ms % MINUTES_DAY_MS == 0);
}

static enum ctr_status read_step(struct series *series, struct problem *ret_problem)
{
    int64_t step_ms = MINUTE_MS;
    char quoted[TEXT_QUOTE_BYTES];
    bool good = series->step.length == 0 ||
                moment_parse_span(series->step.bytes, series->step.length, &step_ms);

    if (good && is_step(step_ms)) {
        series->range.step_ms = step_ms;
        return CTR_OK;
    }
    text_quote(series->step, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument step must be whole minutes that divide a day, or whole days, "
                       "such as 1m, 10m, 1h or 1d, not %s.",
                       quoted);
}

static enum ctr_status read_time(struct text text, const char *name, int64_t *ret_ms,
                                 struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    if (text.length == 0 || moment_parse(text.bytes, text.length, ret_ms))
        return CTR_OK;
    text_quote(text, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument %s must be a time like 2026-11-23T17:30:00Z, not %s.", name,
                       quoted);
}

static enum ctr_status read_shifts(struct series *series, struct problem *ret_problem)
{
    struct text rest = series->compare;

    while (rest.length > 0) {
        size_t length = 0;
        size_t at = series->shifts_count;
        char quoted[TEXT_QUOTE_BYTES];

        while (length < rest.length && rest.bytes[length] != ',')
            length++;
        if (at == SHIFTS_MAX || length + 1 == rest.length ||
            !moment_parse_span(rest.bytes, length, &series->shifts_ms[at]) ||
            series->shifts_ms[at] < series->range.step_ms ||
            series->shifts_ms[at] % series->range.step_ms != 0) {
            text_quote(series->compare, quoted);
            return problem_set(ret_problem, PROBLEM_ARGUMENT,
                               "The argument compare must be up to %d spans of whole steps with "
                               "commas between, such as 1d,7d, not %s.",
                               (int)SHIFTS_MAX, quoted);
        }
        series->shift_names[at] = (struct text){rest.bytes, length};
        series->shifts_count++;
        length += length < rest.length ? 1 : 0;
        rest = (struct text){rest.bytes + length, rest.length - length};
    }
    return CTR_OK;
}

/* The shortest step with which a stretch has few enough points. */
static int64_t shortest_step(int64_t span_ms)
{
    int64_t step_ms = MINUTE_MS;

    /* Edges on other steps may lie further apart: room for one more point at each end. */
    while (!is_step(step_ms) || span_ms / step_ms + 2 > MINUTES_POINTS_MAX)
        step_ms += step_ms < MINUTES_DAY_MS ? MINUTE_MS : MINUTES_DAY_MS;
    return step_ms;
}

static enum ctr_status check_length(const struct minutes_range *range, struct problem *ret_problem)
{
    static const struct {
        int64_t span_ms;
        char unit;
    } units[] = {{MINUTES_DAY_MS, 'd'}, {HISTORY_HOUR_MS, 'h'}, {MINUTE_MS, 'm'}};
    int64_t points = 0;
    int64_t step_ms = 0;
    size_t unit = 0;

    CTR_ASSERT(range->step_ms > 0);
    points = (range->until_ms - range->from_ms) / range->step_ms;
    if (points <= MINUTES_POINTS_MAX)
        return CTR_OK;
    step_ms = shortest_step(range->until_ms - range->from_ms);
    while (step_ms % units[unit].span_ms != 0)
        unit++;
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "From from to to there are %lld steps; at most %d are answered. The step "
                       "would have to be %lld%c or longer.",
                       (long long)points, (int)MINUTES_POINTS_MAX,
                       (long long)(step_ms / units[unit].span_ms), units[unit].unit);
}

/* The stretch asked for on steps: `to` may lie in the middle of the newest one. */
static enum ctr_status read_range(const struct query *query, int64_t newest_ms,
                                  struct series *series, struct problem *ret_problem)
{
    struct minutes_range *range = &series->range;
    int64_t to_ms = newest_ms;
    int64_t from_ms = MOMENT_NONE;
    enum ctr_status status = read_time(query->values[ARGUMENT_FROM], "from", &from_ms, ret_problem);

    if (status == CTR_OK && from_ms != MOMENT_NONE &&
        to_ms > from_ms + MINUTES_POINTS_MAX * range->step_ms)
        to_ms = moment_floor(from_ms, range->step_ms) + MINUTES_POINTS_MAX * range->step_ms;
    if (status == CTR_OK)
        status = read_time(query->values[ARGUMENT_TO], "to", &to_ms, ret_problem);
    if (status != CTR_OK)
        return status;
    range->until_ms = -moment_floor(-to_ms, range->step_ms);
    range->from_ms = from_ms == MOMENT_NONE ? range->until_ms - STEPS_DEFAULT * range->step_ms
                                            : moment_floor(from_ms, range->step_ms);
    if (range->from_ms >= range->until_ms)
        return problem_set(ret_problem, PROBLEM_ARGUMENT, "The argument from must lie before to.");
    return check_length(range, ret_problem);
}

static enum ctr_status read_arguments(const struct api_call *call, struct query *query,
                                      int64_t newest_ms, struct series *series,
                                      struct problem *ret_problem)
{
    enum ctr_status status = query_parse(call->arguments, series_arguments, query, ret_problem);

    if (status != CTR_OK)
        return status;
    *series = (struct series){
        .name = {.page = query->values[ARGUMENT_PAGE], .box = query->values[ARGUMENT_BOX]},
        .step = query->values[ARGUMENT_STEP],
        .compare = query->values[ARGUMENT_COMPARE]};
    status = read_step(series, ret_problem);
    if (status == CTR_OK)
        status = read_shifts(series, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(query->values[ARGUMENT_LAG], &series->demand, ret_problem);
    return status == CTR_OK ? read_range(query, newest_ms, series, ret_problem) : status;
}

/* step and compare come back as they were written. */
static void make_etag(const struct api_call *call, const struct progress *progress,
                      uint64_t changes, struct series *series)
{
    struct etag *etag = &series->etag;

    etag_begin(etag, "series");
    etag_add_text(etag, series->name.page);
    etag_add_text(etag, series->name.box);
    etag_add_text(etag, series->step.length > 0 ? series->step : text_of("1m"));
    etag_add_text(etag, series->compare);
    etag_add_number(etag, (uint64_t)series->range.from_ms);
    etag_add_number(etag, (uint64_t)series->range.until_ms);
    etag_add_number(etag, changes);
    etag_of(etag, call, progress);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void write_points(struct writer *writer, const struct minutes *minutes)
{
    const struct minutes_range *range = &minutes->range;

    writer_key(writer, "points");
    writer_open(writer, '[');
    for (size_t i = 0; i < minutes->count; i++) {
        int64_t start_ms = range->from_ms + (int64_t)i * range->step_ms;

        writer_open(writer, '{');
        writer_key(writer, "start");
        writer_time(writer, start_ms);
        minutes_write_numbers(writer, &minutes->points[i], range->step_ms == MINUTE_MS);
        writer_key(writer, "state");
        writer_string(writer, minutes_state(minutes, start_ms + range->step_ms));
        writer_key(writer, "coverage");
        writer_real(writer, (double)minutes->points[i].known_ms / (double)range->step_ms);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
}

static struct rate rate_of_all(const struct minutes *minutes)
{
    int64_t impressions = 0;
    int64_t clicks = 0;

    for (size_t i = 0; i < minutes->count; i++) {
        impressions += minutes->points[i].numbers[MINUTE_IMPRESSIONS];
        clicks += minutes->points[i].numbers[MINUTE_CLICKS];
    }
    return rate_of((uint64_t)impressions, (uint64_t)clicks);
}

static void write_bound(struct writer *writer, const char *name, bool known, double value)
{
    writer_key(writer, name);
    if (known)
        writer_real(writer, value);
    else
        writer_null(writer);
}

static void write_difference(struct writer *writer, const struct minutes *now,
                             const struct minutes *then)
{
    struct rate first = rate_of_all(now);
    struct rate second = rate_of_all(then);
    struct rate_difference found = rate_difference_of(&first, &second);

    writer_key(writer, "difference");
    writer_open(writer, '{');
    write_bound(writer, "ctr", found.known, found.difference);
    write_bound(writer, "ctr_low", found.known, found.low);
    write_bound(writer, "ctr_high", found.known, found.high);
    writer_close(writer, '}');
}

static void write_compared(struct writer *writer, const struct series *series,
                           const struct minutes *all)
{
    writer_key(writer, "compare");
    writer_open(writer, '[');
    for (size_t i = 0; i < series->shifts_count; i++) {
        writer_open(writer, '{');
        writer_key(writer, "shift");
        writer_text(writer, series->shift_names[i]);
        write_points(writer, &all[i + 1]);
        write_difference(writer, &all[0], &all[i + 1]);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
}

/* all: what was asked for, then what it is compared with. */
static void write_series(const struct api_call *call, const struct series *series,
                         const struct minutes *all, struct writer *writer)
{
    struct progress progress = store_progress(call->context->store);

    writer_open(writer, '{');
    answer_write_names(writer, series->name.page, series->name.box);
    writer_key(writer, "step");
    writer_text(writer, series->step.length > 0 ? series->step : text_of("1m"));
    writer_key(writer, "from");
    writer_time(writer, series->range.from_ms);
    writer_key(writer, "to");
    writer_time(writer, series->range.until_ms);
    answer_write_moment(writer, &progress, all[0].to_ms, call->request->now_ms);
    write_points(writer, &all[0]);
    if (series->shifts_count > 0)
        write_compared(writer, series, all);
    writer_close(writer, '}');
}

static enum ctr_status read_all(const struct api_call *call, const struct series *series,
                                struct minutes *ret_all, struct problem *ret_problem)
{
    struct minutes_range ranges[MINUTES_RANGES_MAX] = {series->range};

    for (size_t i = 0; i < series->shifts_count; i++) {
        ranges[i + 1] = series->range;
        ranges[i + 1].from_ms -= series->shifts_ms[i];
        ranges[i + 1].until_ms -= series->shifts_ms[i];
    }
    return minutes_read(call->context, call->request->mono_ms, &series->name, ranges,
                        series->shifts_count + 1, ret_all, ret_problem);
}

enum ctr_status series_get(const struct api_call *call, struct api_response *ret_response,
                           struct problem *ret_problem)
{
    struct progress progress = store_progress(call->context->store);
    struct query query;
    struct series series;
    struct minutes all[MINUTES_RANGES_MAX];
    struct writer writer;
    const char *cache_control = NULL;
    enum ctr_status status = read_arguments(
        call, &query, progress.to_ms == MOMENT_NONE ? 0 : progress.to_ms, &series, ret_problem);

    if (status == CTR_OK && progress.to_ms == MOMENT_NONE)
        status = answer_refuse_starting(ret_problem);
    if (status == CTR_OK)
        status = fresh_check(call, &series.demand, &progress, ret_problem);
    if (status != CTR_OK)
        return status;
    cache_control = fresh_cache_control(&series.demand);
    make_etag(call, &progress, store_minutes_changes(call->context->store), &series);
    if (etag_holds(&series.etag, call, cache_control, ret_response))
        return CTR_OK;
    status = read_all(call, &series, all, ret_problem);
    if (status != CTR_OK)
        return status;
    /* Minutes follow `to` under a lock of their own: what was read may be older than `progress`,
     * and must not be taken for as good as it by If-None-Match. */
    progress.to_ms = all[0].to_ms;
    make_etag(call, &progress, all[0].changes, &series);
    writer_init(&writer, SERIES_BYTES_MAX);
    write_series(call, &series, all, &writer);
    minutes_done(all, series.shifts_count + 1);
    answer_respond(&writer, cache_control, ret_response);
    etag_sign(&series.etag, call, ret_response);
    return CTR_OK;
}
