/* SPDX-License-Identifier: Apache-2.0
 *
 * What a handler gets, and the list of handlers. Each is a pure function of the call and the
 * store; router.c decides which is called.
 */
#ifndef LIVECTR_API_CALL_H
#define LIVECTR_API_CALL_H

#include "api/problem.h"
#include "api/request.h"

struct api_call {
    const struct api_context *context;
    const struct api_request *request;
    struct store *store;   /* what answers; the same for the whole of the call */
    struct text arguments; /* the raw part after the question mark */
};

/* The store that answers, and back. Whoever goes on after the call takes it anew each time. */
static inline struct store *api_take(const struct api_context *context)
{
    return context->take == NULL ? context->store : context->take(context->desk_owner);
}

static inline void api_give(const struct api_context *context, struct store *store)
{
    if (context->give != NULL)
        context->give(context->desk_owner, store);
}

/* Fills *ret_response with a success, or *ret_problem and returns CTR_INVALID. CTR_NO_MEMORY needs
 * neither. Thread: any. */
typedef enum ctr_status api_handler(const struct api_call *call, struct api_response *ret_response,
                                    struct problem *ret_problem);

api_handler ctr_get, ctr_batch_get;                    /* ctr.c */
api_handler lists_get_pages, lists_get_boxes;          /* lists.c */
api_handler top_get;                                   /* top.c */
api_handler series_get;                                /* series.c */
api_handler explain_get;                               /* explain.c */
api_handler export_get;                                /* export.c */
api_handler stream_get;                                /* stream.c */
api_handler status_get;                                /* status.c */
api_handler health_get_live, health_get_ready;         /* health.c */
api_handler metrics_get;                               /* metrics.c */
api_handler problems_get;                              /* problem_pages.c */
api_handler documents_get_openapi, documents_get_page; /* documents.c */
api_handler documents_get_dashboard, documents_get_asset;

#endif
