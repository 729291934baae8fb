/* SPDX-License-Identifier: Apache-2.0 */
#include "api/answer.h"

#include "api/text.h"
#include "storage/moment.h"
#include "storage/rate.h"

enum ctr_status answer_edges_of(const struct store *store, size_t window,
                                const struct reading *reading, int64_t now_ms,
                                struct answer_edges *ret_edges, struct problem *ret_problem)
{
    const struct progress *progress = &reading->progress;
    enum api_state state = state_of(progress, now_ms);

    if (state == STATE_STARTING)
        return answer_refuse_starting(ret_problem);
    *ret_edges = (struct answer_edges){
        .window = store_options(store)->windows.items[window].name,
        .from_ms = reading->from_ms,
        .to_ms = progress->to_ms,
        .as_of_ms = progress->as_of_ms,
        .lag_ms = state_lag_ms(progress, now_ms),
        .state = state,
        .coverage = state_coverage(progress, reading->from_ms),
    };
    return CTR_OK;
}

enum ctr_status answer_refuse_starting(struct problem *ret_problem)
{
    return problem_set(ret_problem, PROBLEM_STARTING,
                       "Not every partition has been read far enough for a first answer; "
                       "/v1/status tells how far each is.");
}

void answer_write_moment(struct writer *writer, const struct progress *progress, int64_t to_ms,
                         int64_t now_ms)
{
    writer_key(writer, "counted_to");
    writer_time(writer, to_ms);
    writer_key(writer, "as_of");
    writer_time(writer, progress->as_of_ms);
    writer_key(writer, "lag_ms");
    writer_i64(writer, state_lag_ms(progress, now_ms));
    writer_key(writer, "state");
    writer_string(writer, state_name(state_of(progress, now_ms)));
}

void answer_write_names(struct writer *writer, struct text page, struct text box)
{
    if (page.length > 0) {
        writer_key(writer, "page");
        writer_text(writer, page);
    }
    if (box.length > 0) {
        writer_key(writer, "box");
        writer_text(writer, box);
    }
}

void answer_write_window(struct writer *writer, const struct answer_edges *edges)
{
    writer_key(writer, "window");
    writer_string(writer, edges->window);
    writer_key(writer, "from");
    writer_time(writer, edges->from_ms);
    writer_key(writer, "to");
    writer_time(writer, edges->to_ms);
}

static void write_ratio(struct writer *writer, const char *name, bool known, double ratio)
{
    writer_key(writer, name);
    if (known)
        writer_real(writer, ratio);
    else
        writer_null(writer);
}

static void write_count(struct writer *writer, const char *name, bool known, uint64_t count)
{
    writer_key(writer, name);
    if (known)
        writer_u64(writer, count);
    else
        writer_null(writer);
}

static void write_smoothed(struct writer *writer, const struct figures *figures,
                           const struct rate *rate)
{
    const struct totals *totals = &figures->totals;
    bool has_prior = figures->has_prior && totals->clicks <= totals->impressions;

    write_ratio(writer, "smoothed_ctr", has_prior && rate->has_ctr,
                rate_smoothed(totals->impressions, totals->clicks, figures->prior_ctr,
                              figures->prior_weight));
    write_ratio(writer, "prior_ctr", has_prior, figures->prior_ctr);
    write_ratio(writer, "prior_weight", has_prior, figures->prior_weight);
}

static void write_people(struct writer *writer, const struct figures *figures)
{
    static const char *const reasons[] = {[PEOPLE_BEYOND_HORIZON] = "people_horizon",
                                          [PEOPLE_OVER_LIMIT] = "max_visitors",
                                          [PEOPLE_NOT_COVERED] = "coverage"};
    const struct crowd *crowd = &figures->crowd;
    bool known = figures->people == PEOPLE_KNOWN;

    write_count(writer, "viewers", known, crowd->viewers);
    write_count(writer, "clickers", known, crowd->clickers);
    write_count(writer, "unseen_clickers", known, crowd->clicking - crowd->clickers);
    write_ratio(writer, "unique_ctr", known && crowd->viewers > 0,
                (double)crowd->clickers / (double)crowd->viewers);
    if (!known) {
        writer_key(writer, "people_missing");
        writer_string(writer, reasons[figures->people]);
    }
}

void answer_write_numbers(struct writer *writer, const struct figures *figures)
{
    struct rate rate = rate_of(figures->totals.impressions, figures->totals.clicks);

    writer_key(writer, "impressions");
    writer_u64(writer, figures->totals.impressions);
    writer_key(writer, "clicks");
    writer_u64(writer, figures->totals.clicks);
    write_ratio(writer, "ctr", rate.has_ctr, rate.ctr);
    write_ratio(writer, "ctr_low", rate.has_interval, rate.low);
    write_ratio(writer, "ctr_high", rate.has_interval, rate.high);
    writer_key(writer, "enough");
    writer_bool(writer, rate.enough);
    write_smoothed(writer, figures, &rate);
    write_people(writer, figures);
    if (figures->folded) {
        writer_key(writer, "folded");
        writer_bool(writer, true);
    }
}

void answer_write_freshness(struct writer *writer, const struct answer_edges *edges)
{
    writer_key(writer, "coverage");
    writer_real(writer, edges->coverage);
    writer_key(writer, "as_of");
    writer_time(writer, edges->as_of_ms);
    writer_key(writer, "lag_ms");
    writer_i64(writer, edges->lag_ms);
    writer_key(writer, "state");
    writer_string(writer, state_name(edges->state));
}

enum ctr_status answer_find_window(const struct store *store, struct text name,
                                   enum problem_kind kind, size_t *ret_window,
                                   struct problem *ret_problem)
{
    const struct window_set *windows = &store_options(store)->windows;
    size_t index = windows->preferred;
    char quoted[TEXT_QUOTE_BYTES];
    char known[WINDOWS_MAX * (WINDOW_NAME_BYTES + 2)] = "";

    if (name.bytes != NULL)
        index = window_set_find(windows, name.bytes, name.length);
    if (index < windows->count) {
        *ret_window = index;
        return CTR_OK;
    }
    for (size_t i = 0; i < windows->count; i++) {
        text_append(known, sizeof known, i == 0 ? "" : ", ");
        text_append(known, sizeof known, windows->items[i].name);
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, kind, "There is no window %s; the windows are: %s.", quoted,
                       known);
}

void answer_respond(struct writer *writer, const char *cache_control,
                    struct api_response *ret_response)
{
    struct api_response response = {
        .status = 200,
        .content_type = "application/json",
        .cache_control = cache_control,
    };

    if (writer_take(writer, &response.body, &response.body_length) == CTR_OK)
        *ret_response = response;
    else
        problem_respond_static(ret_response);
    writer_done(writer);
}

void answer_windows(struct writer *writer, const struct store_options *options)
{
    const struct window_set *windows = &options->windows;

    writer_key(writer, "windows");
    writer_open(writer, '[');
    for (size_t i = 0; i < windows->count; i++) {
        writer_open(writer, '{');
        writer_key(writer, "name");
        writer_string(writer, windows->items[i].name);
        writer_key(writer, "people");
        writer_bool(writer, windows->items[i].length_ms <= options->people_horizon_ms);
        writer_key(writer, "before");
        writer_bool(writer, window_set_find_twice(windows, i) < windows->count);
        writer_key(writer, "preferred");
        writer_bool(writer, i == windows->preferred);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
}
