/* SPDX-License-Identifier: Apache-2.0
 *
 * What GET /v1/pages, /v1/boxes, /v1/top and the list of /v1/stream share. Thread: any.
 */
#ifndef LIVECTR_API_LIST_H
#define LIVECTR_API_LIST_H

#include "api/answer.h"
#include "api/call.h"
#include "api/etag.h"
#include "api/fresh.h"
#include "api/query.h"
#include "storage/listing.h"

/* The arguments with which each of them begins, in this order. */
enum list_argument {
    LIST_ARGUMENT_WINDOW,
    LIST_ARGUMENT_SORT, /* top calls it `by` */
    LIST_ARGUMENT_MIN,
    LIST_ARGUMENT_LIMIT,
    LIST_ARGUMENT_LAG,
    LIST_ARGUMENT_PAGE,
    LIST_ARGUMENTS
};

struct list {
    struct list_query query; /* the store's question */
    struct fresh_demand demand;
    struct etag etag;
    const char *sort_name; /* static */
};

/* Reads the name of an order, where `top` says whether `by` or `sort` was asked; "" leaves the one
 * of list->query. Looks whether its window has that order. Errors: CTR_INVALID with the problem. */
CTR_MUST_USE enum ctr_status list_read_order(const struct store *store, struct text name, bool top,
                                             struct list *list, struct problem *ret_problem);

/* Reads those arguments; `page` is left to the caller, list->query.sort is the default. Errors:
 * CTR_INVALID with the problem. */
CTR_MUST_USE enum ctr_status list_read(const struct api_call *call, const struct query *query,
                                       bool top, struct list *list, struct problem *ret_problem);

/* What an answer has beside what all share; each may be NULL. They write members of the object that
 * is open: before the items, and after them. */
struct list_writer {
    void (*head)(struct writer *writer, const struct list *list, const struct listing *listing);
    void (*tail)(struct writer *writer, const struct list *list, const struct listing *listing);
};

/* Answers list->query, whose tag was begun; a 304 where the caller's copy still holds. Errors:
 * CTR_INVALID with the problem, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status list_answer(const struct api_call *call, struct list *list,
                                         const struct list_writer *more,
                                         struct api_response *ret_response,
                                         struct problem *ret_problem);

/* All that the order and the rows of `list` depend on, but for its length and where it begins. The
 * same on every machine, so that a cursor may come back to another replica. */
uint64_t list_identity(const struct api_call *call, const struct list *list);

/* Whether rows are compared with the window before. */
bool list_moves(const struct list_query *query);

/* Writes a row as an object. */
void list_write_row(struct writer *writer, const struct list_query *query,
                    const struct list_row *row);

#endif
