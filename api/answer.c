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
        return problem_set(ret_problem, PROBLEM_STARTING,
                           "Not every partition has been read far enough for a first answer; "
                           "/v1/status tells how far each is.");
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

void answer_write_numbers(struct writer *writer, struct totals totals, bool folded)
{
    /* Rates that learn and people come with a later version; their members are there from the
     * start, so that no caller has to learn a new shape. */
    static const char *const later[] = {"smoothed_ctr", "prior_ctr", "prior_weight",
                                        "viewers",      "clickers",  "unseen_clickers",
                                        "unique_ctr"};
    struct rate rate = rate_of(totals.impressions, totals.clicks);

    writer_key(writer, "impressions");
    writer_u64(writer, totals.impressions);
    writer_key(writer, "clicks");
    writer_u64(writer, totals.clicks);
    write_ratio(writer, "ctr", rate.has_ctr, rate.ctr);
    write_ratio(writer, "ctr_low", rate.has_interval, rate.low);
    write_ratio(writer, "ctr_high", rate.has_interval, rate.high);
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        write_ratio(writer, later[i], false, 0);
    if (folded && totals.impressions == 0 && totals.clicks == 0) {
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
