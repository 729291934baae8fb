/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON body of a batch. body.c is the one file of this layer that knows jansson, which only
 * reads here: answers are written by api/writer.
 */
#ifndef LIVECTR_API_BODY_H
#define LIVECTR_API_BODY_H

#include <stddef.h>

#include "api/json_memory.h"
#include "api/problem.h"
#include "api/request.h"

enum {
    BODY_BYTES_MAX = 1048576,
    /* A body somewhat too long is read and thrown away before the 413, because a client that is
     * still sending when the connection closes never gets to see the answer. */
    BODY_BYTES_READ_MAX = 2 * BODY_BYTES_MAX,
    BATCH_ITEMS_MAX = 1000
};

/* What a batch asks. Owned by the caller: body_done(). */
struct batch_body {
    struct text window; /* bytes NULL: not named */
    size_t count;
    struct key_name *names;  /* in the order asked; texts point into the request's body, or into */
    void *document;          /* what jansson made of it; NULL: the plain form (api/batch_scan.h) */
    struct json_arena arena; /* what the document lives in */
};

/* Reads the body of `request`. Errors: CTR_INVALID with the problem (415, 413, 400 or 422 as
 * CONTRACT 19 says), CTR_NO_MEMORY. Thread: any. */
CTR_MUST_USE enum ctr_status body_read(const struct api_request *request,
                                       struct batch_body *ret_body, struct problem *ret_problem);

/* The same by jansson alone. */
CTR_MUST_USE enum ctr_status body_read_judged(const struct api_request *request,
                                              struct batch_body *ret_body,
                                              struct problem *ret_problem);

void body_done(struct batch_body *batch);

#endif
