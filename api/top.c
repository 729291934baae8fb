/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/top: what leads a level in a window, and what rose or fell against the window before.
 *
 * Movers are two more orders (by=rise, by=fall) and not a flag beside `by`: a list of risers has
 * one order that makes sense, the least rise that its interval allows, as ctr_low has for rates.
 */
#include "api/list.h"
#include "api/text.h"

enum top_argument { ARGUMENT_PAGE = LIST_ARGUMENT_PAGE, ARGUMENT_LEVEL };
static const char *const top_arguments[] = {"window",     "by",   "min_impressions", "limit",
                                            "max_lag_ms", "page", "level",           NULL};

static enum ctr_status read_level(struct text name, struct list_query *query,
                                  struct problem *ret_problem)
{
    char quoted[TEXT_QUOTE_BYTES];

    query->level = LEVEL_PLACEMENT;
    if (name.length == 0)
        return CTR_OK;
    for (int level = LEVEL_PAGE; level < LEVEL_COUNT; level++) {
        if (!text_equals(name, level_name((enum level)level)))
            continue;
        query->level = (enum level)level;
        if (query->page.length == 0 || level == LEVEL_PLACEMENT)
            return CTR_OK;
        return problem_set(ret_problem, PROBLEM_ARGUMENT,
                           "The argument page asks for placements of one page, and level=%s for "
                           "something else; leave one of them out.",
                           level_name((enum level)level));
    }
    text_quote(name, quoted);
    return problem_set(ret_problem, PROBLEM_ARGUMENT,
                       "The argument level cannot be %s; it is one of: page, box, placement.",
                       quoted);
}

/* The stretch that risers and fallers are compared with. */
static void write_before(struct writer *writer, const struct listing *listing)
{
    struct progress then = listing->reading.progress;

    then.to_ms = listing->reading.from_ms;
    writer_key(writer, "before");
    writer_open(writer, '{');
    writer_key(writer, "from");
    writer_time(writer, listing->before_ms);
    writer_key(writer, "to");
    writer_time(writer, then.to_ms);
    writer_key(writer, "coverage");
    writer_real(writer, state_coverage(&then, listing->before_ms));
    writer_close(writer, '}');
    writer_key(writer, "compared");
    writer_u64(writer, listing->compared);
}

static void write_head(struct writer *writer, const struct list *list,
                       const struct listing *listing)
{
    writer_key(writer, "level");
    writer_string(writer, level_name(list->query.level));
    writer_key(writer, "by");
    writer_string(writer, list->sort_name);
    if (list_moves(&list->query))
        write_before(writer, listing);
}

enum ctr_status top_get(const struct api_call *call, struct api_response *ret_response,
                        struct problem *ret_problem)
{
    static const struct list_writer more = {.head = write_head};
    struct list list = {.query = {.sort = LIST_BY_CTR_LOW}};
    struct query query;
    enum ctr_status status = query_parse(call->arguments, top_arguments, &query, ret_problem);

    if (status == CTR_OK) {
        list.query.page = query.values[ARGUMENT_PAGE];
        status = read_level(query.values[ARGUMENT_LEVEL], &list.query, ret_problem);
    }
    if (status == CTR_OK)
        status = list_read(call, &query, true, &list, ret_problem);
    if (status != CTR_OK)
        return status;
    etag_begin(&list.etag, "top");
    etag_add_number(&list.etag, list_identity(call, &list));
    etag_add_number(&list.etag, list.query.limit);
    return list_answer(call, &list, &more, ret_response, ret_problem);
}
