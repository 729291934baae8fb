/* SPDX-License-Identifier: Apache-2.0 */
#include "api/list.h"

#include <string.h>

#include "api/list_kept.h"
#include "api/text.h"
#include "storage/hash.h"

enum { LIST_LIMIT_DEFAULT = 100 };

/* In the order in which they are listed for people. */
static const struct sort_row {
    const char *name;
    enum list_sort sort;
    bool list, top; /* where it can be asked for */
} sorts[] = {
    {"impressions", LIST_BY_IMPRESSIONS, true, true},
    {"clicks", LIST_BY_CLICKS, true, true},
    {"ctr", LIST_BY_CTR, true, true},
    {"ctr_low", LIST_BY_CTR_LOW, true, true},
    {"smoothed_ctr", LIST_BY_SMOOTHED_CTR, true, true},
    {"unique_ctr", LIST_BY_UNIQUE_CTR, true, true},
    {"rise", LIST_BY_RISE, false, true},
    {"fall", LIST_BY_FALL, false, true},
    {"id", LIST_BY_ID, true, false},
};
enum { SORTS = sizeof sorts / sizeof sorts[0], SORTS_TEXT_BYTES = 128 };

static bool offered(const struct sort_row *row, bool top)
{
    return top ? row->top : row->list;
}

static enum ctr_status read_sort(struct text name, bool top, struct list *list,
                                 struct problem *ret_problem)
{
    char known[SORTS_TEXT_BYTES] = "";
    char quoted[TEXT_QUOTE_BYTES];

    for (size_t i = 0; i < SORTS; i++) {
        bool wanted =
            name.length == 0 ? sorts[i].sort == list->query.sort : text_equals(name, sorts[i].name);

        if (!offered(&sorts[i], top))
            continue;
        if (wanted) {
            list->query.sort = sorts[i].sort;
            list->sort_name = sorts[i].name;
            return CTR_OK;
        }
        text_append(known, sizeof known, known[0] == '\0' ? "" : ", ");
        text_append(known, sizeof known, sorts[i].name);
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument %s cannot be %s; it is one of: %s.", top ? "by" : "sort",
                       quoted, known);
}

bool list_moves(const struct list_query *query)
{
    return query->sort == LIST_BY_RISE || query->sort == LIST_BY_FALL;
}

/* Some orders do not exist in every window. */
static enum ctr_status check_window(const struct store *store, struct list *list,
                                    struct problem *ret_problem)
{
    const struct store_options *options = store_options(store);
    const struct window_set *windows = &options->windows;
    const struct window *window = &windows->items[list->query.window];
    char able[WINDOWS_MAX * (WINDOW_NAME_BYTES + 2)] = "";

    if (list->query.sort == LIST_BY_UNIQUE_CTR && window->length_ms > options->people_horizon_ms)
        return problem_set(ret_problem, PROBLEM_ARGUMENT,
                           "There is no unique_ctr in the window %s, because people are known for "
                           "%lld s (people_horizon); ask for a shorter window or another order.",
                           window->name, (long long)(options->people_horizon_ms / 1000));
    if (!list_moves(&list->query))
        return CTR_OK;
    list->query.wider = window_set_find_twice(windows, list->query.window);
    if (list->query.wider < windows->count)
        return CTR_OK;
    list->query.wider = 0;
    for (size_t i = 0; i < windows->count; i++) {
        if (window_set_find_twice(windows, i) == windows->count)
            continue;
        text_append(able, sizeof able, able[0] == '\0' ? "" : ", ");
        text_append(able, sizeof able, windows->items[i].name);
    }
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "by=%s compares the window %s with the one before it, for which the setting "
                       "`windows` must have one of twice its length (%lld s) as well. Windows that "
                       "have: %s.",
                       list->sort_name, window->name, (long long)(2 * window->length_ms / 1000),
                       able[0] == '\0' ? "none" : able);
}

enum ctr_status list_read_order(const struct store *store, struct text name, bool top,
                                struct list *list, struct problem *ret_problem)
{
    enum ctr_status status = read_sort(name, top, list, ret_problem);

    return status == CTR_OK ? check_window(store, list, ret_problem) : status;
}

enum ctr_status list_read(const struct api_call *call, const struct query *query, bool top,
                          struct list *list, struct problem *ret_problem)
{
    static const struct query_range limits = {"limit", 1, LIST_ROWS_MAX};
    static const struct query_range impressions = {"min_impressions", 0,
                                                   UINT64_C(999999999999999999)};
    const struct text *values = query->values;
    uint64_t limit = LIST_LIMIT_DEFAULT;
    enum ctr_status status = answer_find_window(call->store, values[LIST_ARGUMENT_WINDOW],
                                                PROBLEM_ARGUMENT, &list->query.window, ret_problem);

    if (status == CTR_OK)
        status = list_read_order(call->store, values[LIST_ARGUMENT_SORT], top, list, ret_problem);
    if (status == CTR_OK)
        status = query_number(values[LIST_ARGUMENT_MIN], &impressions, &list->query.impressions_min,
                              ret_problem);
    if (status == CTR_OK)
        status = query_number(values[LIST_ARGUMENT_LIMIT], &limits, &limit, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(values[LIST_ARGUMENT_LAG], &list->demand, ret_problem);
    list->query.limit = (size_t)limit;
    return status;
}

uint64_t list_identity(const struct api_call *call, const struct list *list)
{
    const struct list_query *query = &list->query;
    const char *window = store_options(call->store)->windows.items[query->window].name;
    struct etag etag;

    etag_begin(&etag, "list");
    etag_add_text(&etag, text_of(window));
    etag_add_text(&etag, text_of(list->sort_name));
    etag_add_text(&etag, query->page);
    etag_add_text(&etag, query->prefix);
    etag_add_number(&etag, query->level);
    etag_add_number(&etag, query->impressions_min);
    return etag.request;
}

/* Where the part of an answer comes from that the picture alone decides. */
struct list_source {
    const struct list_kept *kept;  /* from an answer before; NULL: to be written */
    const struct listing *listing; /* out of this */
    const struct list_writer *more;
};

/* ---- writing ------------------------------------------------------------------------------- */

static void write_totals(struct writer *writer, const char *name, const struct totals *totals)
{
    writer_key(writer, name);
    writer_open(writer, '{');
    writer_key(writer, "impressions");
    writer_u64(writer, totals->impressions);
    writer_key(writer, "clicks");
    writer_u64(writer, totals->clicks);
    writer_close(writer, '}');
}

static void write_movement(struct writer *writer, const struct list_row *row)
{
    write_totals(writer, "before", &row->before);
    writer_key(writer, "difference");
    writer_open(writer, '{');
    writer_key(writer, "ctr");
    writer_real(writer, row->difference.difference);
    writer_key(writer, "ctr_low");
    writer_real(writer, row->difference.low);
    writer_key(writer, "ctr_high");
    writer_real(writer, row->difference.high);
    writer_close(writer, '}');
}

void list_write_row(struct writer *writer, const struct list_query *query,
                    const struct list_row *row)
{
    writer_open(writer, '{');
    answer_write_names(writer, row->place.page, row->place.box);
    answer_write_numbers(writer, &row->figures);
    if (list_moves(query))
        write_movement(writer, row);
    writer_close(writer, '}');
}

/* What of an answer the picture alone decides. */
static void write_listing(const struct list *list, const struct listing *listing,
                          const struct list_writer *more, struct writer *writer)
{
    if (more->head != NULL)
        more->head(writer, list, listing);
    writer_key(writer, "total");
    writer_u64(writer, listing->total);
    writer_key(writer, "items");
    writer_open(writer, '[');
    for (size_t i = 0; i < listing->count; i++)
        list_write_row(writer, &list->query, &listing->rows[i]);
    writer_close(writer, ']');
    if (listing->other.impressions > 0 || listing->other.clicks > 0)
        write_totals(writer, "other", &listing->other);
    if (more->tail != NULL)
        more->tail(writer, list, listing);
}

/* A look at the picture alone may do: the list itself costs a pass over the keys. */
static enum ctr_status look(const struct api_call *call, struct list *list,
                            const struct progress *progress, struct api_response *ret_response,
                            bool *ret_done, struct problem *ret_problem)
{
    enum ctr_status status = fresh_check(call, &list->demand, progress, ret_problem);

    if (status != CTR_OK)
        return status;
    etag_of(&list->etag, call, progress);
    *ret_done = etag_holds(&list->etag, call, fresh_cache_control(&list->demand), ret_response);
    return CTR_OK;
}

/* The answer that the picture of `reading` gives. */
static enum ctr_status respond(const struct api_call *call, struct list *list,
                               const struct reading *reading, const struct list_source *source,
                               struct api_response *ret_response, struct problem *ret_problem)
{
    struct picture picture = picture_of(call->store, &reading->progress);
    struct answer_edges edges;
    struct writer writer;
    size_t begin;
    enum ctr_status status = answer_edges_of(call->store, list->query.window, reading,
                                             call->request->now_ms, &edges, ret_problem);

    if (status != CTR_OK)
        return status;
    etag_of(&list->etag, call, &reading->progress);
    writer_init(&writer, ANSWER_BYTES_MAX);
    writer_open(&writer, '{');
    answer_write_window(&writer, &edges);
    answer_write_freshness(&writer, &edges);
    begin = writer.length + 1; /* behind the comma that comes next */
    if (source->kept != NULL) {
        struct text bytes = list_kept_bytes(source->kept);

        writer_expect(&writer, bytes.length + 2);
        writer_value(&writer, bytes.bytes, bytes.length);
    } else {
        write_listing(list, source->listing, source->more, &writer);
        if (writer.status == CTR_OK)
            list_kept_put(&picture, call->request->target,
                          (struct text){writer.bytes + begin, writer.length - begin});
    }
    writer_close(&writer, '}');
    answer_respond(&writer, fresh_cache_control(&list->demand), ret_response);
    etag_sign(&list->etag, call, ret_response);
    return CTR_OK;
}

enum ctr_status list_answer(const struct api_call *call, struct list *list,
                            const struct list_writer *more, struct api_response *ret_response,
                            struct problem *ret_problem)
{
    struct reading reading = store_reading(call->store, list->query.window);
    struct picture picture = picture_of(call->store, &reading.progress);
    struct listing *listing = NULL;
    struct list_source source = {.more = more};
    bool done = false;
    enum ctr_status status = look(call, list, &reading.progress, ret_response, &done, ret_problem);

    if (status != CTR_OK || done)
        return status;
    source.kept = list_kept_take(&picture, call->request->target);
    if (source.kept == NULL) {
        status = store_list(call->store, &list->query, &listing);
        if (status != CTR_OK)
            return status;
        source.listing = listing;
        reading = listing->reading;
    }
    status = respond(call, list, &reading, &source, ret_response, ret_problem);
    list_kept_give(source.kept);
    listing_free(listing);
    return status;
}
