/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/pages and GET /v1/boxes: every key of a level that has numbers in the window, in order.
 */
#include "api/answer.h"
#include "api/call.h"
#include "api/query.h"
#include "api/text.h"
#include "storage/listing.h"

enum { LIST_LIMIT_DEFAULT = 100 };

/* The arguments in this order; pages take all but the last. */
enum list_argument { ARGUMENT_WINDOW, ARGUMENT_SORT, ARGUMENT_MIN, ARGUMENT_LIMIT, ARGUMENT_PAGE };
static const char *const pages_arguments[] = {"window", "sort", "min_impressions", "limit", NULL};
static const char *const boxes_arguments[] = {"window", "sort", "min_impressions",
                                              "limit",  "page", NULL};

static enum ctr_status read_sort(struct text name, enum list_sort *ret_sort,
                                 struct problem *ret_problem)
{
    static const struct {
        const char *name;
        enum list_sort sort;
    } sorts[] = {{"impressions", LIST_BY_IMPRESSIONS},
                 {"clicks", LIST_BY_CLICKS},
                 {"ctr", LIST_BY_CTR},
                 {"id", LIST_BY_ID}};
    char quoted[TEXT_QUOTE_BYTES];

    if (name.length == 0)
        return CTR_OK;
    for (size_t i = 0; i < sizeof sorts / sizeof sorts[0]; i++) {
        if (text_equals(name, sorts[i].name)) {
            *ret_sort = sorts[i].sort;
            return CTR_OK;
        }
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "There is no sort %s; the sorts are: impressions, clicks, ctr and id.",
                       quoted);
}

/* Everything but the level, which the arguments do not name. */
static enum ctr_status read_arguments(const struct store *store, const struct query *query,
                                      struct list_query *ret_list, struct problem *ret_problem)
{
    static const struct query_range limits = {"limit", 1, LIST_ROWS_MAX};
    static const struct query_range impressions = {"min_impressions", 0,
                                                   UINT64_C(999999999999999999)};
    uint64_t limit = LIST_LIMIT_DEFAULT;
    enum ctr_status status = answer_find_window(store, query->values[ARGUMENT_WINDOW],
                                                PROBLEM_ARGUMENT, &ret_list->window, ret_problem);

    if (status == CTR_OK)
        status = read_sort(query->values[ARGUMENT_SORT], &ret_list->sort, ret_problem);
    if (status == CTR_OK)
        status = query_number(query->values[ARGUMENT_MIN], &impressions, &ret_list->impressions_min,
                              ret_problem);
    if (status == CTR_OK)
        status = query_number(query->values[ARGUMENT_LIMIT], &limits, &limit, ret_problem);
    ret_list->limit = (size_t)limit;
    return status;
}

static void write_listing(const struct listing *listing, const struct answer_edges *edges,
                          struct writer *writer)
{
    writer_open(writer, '{');
    answer_write_window(writer, edges);
    answer_write_freshness(writer, edges);
    writer_key(writer, "total");
    writer_u64(writer, listing->total);
    writer_key(writer, "items");
    writer_open(writer, '[');
    for (size_t i = 0; i < listing->count; i++) {
        const struct list_row *row = &listing->rows[i];

        writer_open(writer, '{');
        answer_write_names(writer, row->page, row->box);
        answer_write_numbers(writer, &row->figures);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
    if (listing->other.impressions > 0 || listing->other.clicks > 0) {
        writer_key(writer, "other");
        writer_open(writer, '{');
        writer_key(writer, "impressions");
        writer_u64(writer, listing->other.impressions);
        writer_key(writer, "clicks");
        writer_u64(writer, listing->other.clicks);
        writer_close(writer, '}');
    }
    writer_close(writer, '}');
}

static enum ctr_status answer_list(const struct api_call *call, const struct list_query *list,
                                   struct api_response *ret_response, struct problem *ret_problem)
{
    const struct store *store = call->context->store;
    struct listing *listing = NULL;
    struct answer_edges edges;
    struct writer writer;
    enum ctr_status status = store_list(store, list, &listing);

    if (status != CTR_OK)
        return status;
    status = answer_edges_of(store, list->window, &listing->reading, call->request->now_ms, &edges,
                             ret_problem);
    if (status == CTR_OK) {
        writer_init(&writer, ANSWER_BYTES_MAX);
        write_listing(listing, &edges, &writer);
        answer_respond(&writer, ANSWER_CACHE_NUMBERS, ret_response);
    }
    listing_free(listing);
    return status;
}

enum ctr_status lists_get_pages(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct list_query list = {.level = LEVEL_PAGE, .sort = LIST_BY_IMPRESSIONS};
    struct query query;
    enum ctr_status status = query_parse(call->arguments, pages_arguments, &query, ret_problem);

    if (status == CTR_OK)
        status = read_arguments(call->context->store, &query, &list, ret_problem);
    if (status == CTR_OK)
        status = answer_list(call, &list, ret_response, ret_problem);
    return status;
}

enum ctr_status lists_get_boxes(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct list_query list = {.level = LEVEL_BOX, .sort = LIST_BY_IMPRESSIONS};
    struct query query;
    enum ctr_status status = query_parse(call->arguments, boxes_arguments, &query, ret_problem);

    if (status == CTR_OK)
        status = read_arguments(call->context->store, &query, &list, ret_problem);
    if (status != CTR_OK)
        return status;
    list.page = query.values[ARGUMENT_PAGE];
    if (list.page.length > 0)
        list.level = LEVEL_PLACEMENT;
    return answer_list(call, &list, ret_response, ret_problem);
}
