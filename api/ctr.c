/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/ctr and POST /v1/ctr:batchGet: the numbers of keys that the caller names.
 */
#include <stdlib.h>

#include "api/answer.h"
#include "api/body.h"
#include "api/call.h"
#include "api/query.h"

static const char *const ctr_arguments[] = {"page", "box", "window", NULL};

enum ctr_status ctr_get(const struct api_call *call, struct api_response *ret_response,
                        struct problem *ret_problem)
{
    const struct store *store = call->context->store;
    struct query query;
    size_t window = 0;
    struct key_name name;
    struct figures figures;
    struct reading reading;
    struct answer_edges edges;
    struct writer writer;
    enum ctr_status status = query_parse(call->arguments, ctr_arguments, &query, ret_problem);

    if (status == CTR_OK)
        status = answer_find_window(store, query.values[2], PROBLEM_ARGUMENT, &window, ret_problem);
    if (status != CTR_OK)
        return status;
    name = (struct key_name){.page = query.values[0], .box = query.values[1]};
    store_read(store, window, &name, 1, &figures, &reading);
    status = answer_edges_of(store, window, &reading, call->request->now_ms, &edges, ret_problem);
    if (status != CTR_OK)
        return status;
    writer_init(&writer, ANSWER_BYTES_MAX);
    writer_open(&writer, '{');
    answer_write_names(&writer, name.page, name.box);
    answer_write_window(&writer, &edges);
    answer_write_numbers(&writer, &figures);
    answer_write_freshness(&writer, &edges);
    writer_close(&writer, '}');
    answer_respond(&writer, ANSWER_CACHE_NUMBERS, ret_response);
    return CTR_OK;
}

/* What the store tells about a batch, in the order asked. */
struct batch_numbers {
    struct figures *figures;
    struct reading reading;
};

static void write_batch(const struct batch_body *batch, const struct batch_numbers *numbers,
                        const struct answer_edges *edges, struct writer *writer)
{
    writer_open(writer, '{');
    answer_write_window(writer, edges);
    answer_write_freshness(writer, edges);
    writer_key(writer, "items");
    writer_open(writer, '[');
    for (size_t i = 0; i < batch->count; i++) {
        writer_open(writer, '{');
        answer_write_names(writer, batch->names[i].page, batch->names[i].box);
        answer_write_numbers(writer, &numbers->figures[i]);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
    writer_close(writer, '}');
}

static enum ctr_status answer_batch(const struct api_call *call, const struct batch_body *batch,
                                    struct api_response *ret_response, struct problem *ret_problem)
{
    const struct store *store = call->context->store;
    struct batch_numbers numbers = {
        .figures = calloc(batch->count + 1, sizeof *numbers.figures),
    };
    size_t window = 0;
    struct answer_edges edges;
    struct writer writer;
    enum ctr_status status = CTR_NO_MEMORY;

    if (numbers.figures == NULL)
        goto out;
    status = answer_find_window(store, batch->window, PROBLEM_SHAPE, &window, ret_problem);
    if (status != CTR_OK)
        goto out;
    store_read(store, window, batch->names, batch->count, numbers.figures, &numbers.reading);
    status = answer_edges_of(store, window, &numbers.reading, call->request->now_ms, &edges,
                             ret_problem);
    if (status != CTR_OK)
        goto out;
    writer_init(&writer, ANSWER_BYTES_MAX);
    write_batch(batch, &numbers, &edges, &writer);
    answer_respond(&writer, ANSWER_CACHE_NUMBERS, ret_response);
out:
    free(numbers.figures);
    return status;
}

enum ctr_status ctr_batch_get(const struct api_call *call, struct api_response *ret_response,
                              struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    struct query query;
    struct batch_body batch;
    enum ctr_status status = query_parse(call->arguments, none, &query, ret_problem);

    if (status == CTR_OK)
        status = body_read(call->request, &batch, ret_problem);
    if (status != CTR_OK)
        return status;
    status = answer_batch(call, &batch, ret_response, ret_problem);
    body_done(&batch);
    return status;
}
