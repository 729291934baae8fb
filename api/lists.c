/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/pages and GET /v1/boxes: every key of a level that has numbers in the window, in order,
 * page by page.
 */
#include "api/cursor.h"
#include "api/list.h"
#include "api/text.h"

/* The first ones are those of enum list_argument. */
enum lists_argument { ARGUMENT_PREFIX = LIST_ARGUMENT_PAGE, ARGUMENT_CURSOR, ARGUMENT_PAGE };
static const char *const pages_arguments[] = {"window",     "sort",   "min_impressions", "limit",
                                              "max_lag_ms", "prefix", QUERY_CURSOR,      NULL};
static const char *const boxes_arguments[] = {"window",     "sort",       "min_impressions",
                                              "limit",      "max_lag_ms", "prefix",
                                              QUERY_CURSOR, "page",       NULL};

/* What tells the rows of a list apart. */
static struct text id_of(const struct list_query *query, const struct list_place *place)
{
    return query->level == LEVEL_PAGE ? place->page : place->box;
}

static enum ctr_status read_cursor(const struct api_call *call, struct text cursor,
                                   struct list *list, char room[QUERY_CURSOR_BYTES_MAX],
                                   struct problem *ret_problem)
{
    struct list_place *after = &list->query.after;
    struct text id = {0};

    list->query.has_after = cursor.length > 0;
    if (!list->query.has_after)
        return CTR_OK;
    if (!cursor_read(cursor, list_identity(call, list), room, after, &id))
        return problem_set(ret_problem, PROBLEM_ARGUMENT,
                           "The argument cursor is not one that this list gave: it is the "
                           "next_cursor of an answer to the same window, sort, min_impressions, "
                           "prefix and page.");
    after->page = list->query.level == LEVEL_PAGE ? id : list->query.page;
    after->box = list->query.level == LEVEL_PAGE ? (struct text){0} : id;
    return CTR_OK;
}

/* What a list has after its items; the identity is in the tag already. */
struct lists_call {
    struct list list; /* first: it is what the writer is given */
    uint64_t identity;
};

static void write_cursor(struct writer *writer, const struct list *list,
                         const struct listing *listing)
{
    const struct lists_call *of = (const struct lists_call *)list;
    char cursor[QUERY_CURSOR_BYTES_MAX + 1];

    writer_key(writer, "next_cursor");
    if (!listing->more) {
        writer_null(writer);
        return;
    }
    cursor_write(of->identity, &listing->rows[listing->count - 1].place,
                 id_of(&list->query, &listing->rows[listing->count - 1].place), cursor);
    writer_string(writer, cursor);
}

static enum ctr_status answer_list(const struct api_call *call, const char *const *names,
                                   struct lists_call *lists, struct api_response *ret_response,
                                   struct problem *ret_problem)
{
    static const struct list_writer more = {.tail = write_cursor};
    struct list *list = &lists->list;
    struct query query;
    char room[QUERY_CURSOR_BYTES_MAX];
    enum ctr_status status = query_parse(call->arguments, names, &query, ret_problem);

    if (status == CTR_OK)
        status = list_read(call, &query, false, list, ret_problem);
    if (status != CTR_OK)
        return status;
    list->query.prefix = query.values[ARGUMENT_PREFIX];
    list->query.page = query.values[ARGUMENT_PAGE];
    if (list->query.page.length > 0)
        list->query.level = LEVEL_PLACEMENT;
    lists->identity = list_identity(call, list);
    status = read_cursor(call, query.values[ARGUMENT_CURSOR], list, room, ret_problem);
    if (status != CTR_OK)
        return status;
    etag_begin(&list->etag, "lists");
    etag_add_number(&list->etag, lists->identity);
    etag_add_number(&list->etag, list->query.limit);
    etag_add_text(&list->etag, query.values[ARGUMENT_CURSOR]);
    return list_answer(call, list, &more, ret_response, ret_problem);
}

enum ctr_status lists_get_pages(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct lists_call lists = {.list.query = {.level = LEVEL_PAGE, .sort = LIST_BY_IMPRESSIONS}};

    return answer_list(call, pages_arguments, &lists, ret_response, ret_problem);
}

enum ctr_status lists_get_boxes(const struct api_call *call, struct api_response *ret_response,
                                struct problem *ret_problem)
{
    struct lists_call lists = {.list.query = {.level = LEVEL_BOX, .sort = LIST_BY_IMPRESSIONS}};

    return answer_list(call, boxes_arguments, &lists, ret_response, ret_problem);
}
