/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/ctr and POST /v1/ctr:batchGet: the numbers of keys that the caller names.
 */
#include "api/answer.h"
#include "api/body.h"
#include "api/call.h"
#include "api/etag.h"
#include "api/fresh.h"
#include "api/query.h"
#include "api/rows.h"

static const char *const ctr_arguments[] = {"page", "box", "window", "max_lag_ms", NULL};

/* What GET /v1/ctr was asked for. */
struct ctr_question {
    struct key_name name;
    size_t window;
    struct fresh_demand demand;
    struct etag etag;
};

static enum ctr_status read_question(const struct api_call *call, struct query *query,
                                     struct ctr_question *question, struct problem *ret_problem)
{
    enum ctr_status status = query_parse(call->arguments, ctr_arguments, query, ret_problem);

    if (status == CTR_OK)
        status = answer_find_window(call->store, query->values[2], PROBLEM_ARGUMENT,
                                    &question->window, ret_problem);
    if (status == CTR_OK)
        status = fresh_read(query->values[3], &question->demand, ret_problem);
    if (status != CTR_OK)
        return status;
    question->name = (struct key_name){.page = query->values[0], .box = query->values[1]};
    etag_begin(&question->etag, "ctr");
    etag_add_text(&question->etag, question->name.page);
    etag_add_text(&question->etag, question->name.box);
    etag_add_number(&question->etag, question->window);
    return CTR_OK;
}

enum ctr_status ctr_get(const struct api_call *call, struct api_response *ret_response,
                        struct problem *ret_problem)
{
    const struct store *store = call->store;
    struct query query;
    struct ctr_question question = {.window = 0};
    struct figures figures;
    struct reading reading;
    struct answer_edges edges;
    struct writer writer;
    const char *cache_control = NULL;
    enum ctr_status status = read_question(call, &query, &question, ret_problem);

    if (status != CTR_OK)
        return status;
    store_read(store, question.window, &question.name, 1, &figures, &reading);
    status = answer_edges_of(store, question.window, &reading, call->request->now_ms, &edges,
                             ret_problem);
    if (status == CTR_OK)
        status = fresh_check(call, &question.demand, &reading.progress, ret_problem);
    if (status != CTR_OK)
        return status;
    cache_control = fresh_cache_control(&question.demand);
    etag_of(&question.etag, call, &reading.progress);
    if (etag_holds(&question.etag, call, cache_control, ret_response))
        return CTR_OK;
    writer_init(&writer, ANSWER_BYTES_MAX);
    writer_open(&writer, '{');
    answer_write_names(&writer, question.name.page, question.name.box);
    answer_write_window(&writer, &edges);
    answer_write_numbers(&writer, &figures);
    answer_write_freshness(&writer, &edges);
    writer_close(&writer, '}');
    answer_respond(&writer, cache_control, ret_response);
    etag_sign(&question.etag, call, ret_response);
    return CTR_OK;
}

static void write_batch(const struct row_batch *rows, const struct answer_edges *edges,
                        struct writer *writer)
{
    writer_open(writer, '{');
    answer_write_window(writer, edges);
    answer_write_freshness(writer, edges);
    writer_key(writer, "items");
    writer_open(writer, '[');
    row_batch_write(rows, writer);
    writer_close(writer, ']');
    writer_close(writer, '}');
}

/* Without an entity tag: no cache keeps the answer to a POST. */
static enum ctr_status answer_batch(const struct api_call *call, const struct batch_body *batch,
                                    const struct fresh_demand *demand,
                                    struct api_response *ret_response, struct problem *ret_problem)
{
    const struct store *store = call->store;
    struct row_batch rows = {.count = 0};
    size_t window = 0;
    struct answer_edges edges;
    struct writer writer;
    enum ctr_status status =
        answer_find_window(store, batch->window, PROBLEM_SHAPE, &window, ret_problem);

    if (status == CTR_OK)
        status = row_batch_read(store, window, batch->names, batch->count, &rows);
    if (status == CTR_OK)
        status = answer_edges_of(store, window, &rows.reading, call->request->now_ms, &edges,
                                 ret_problem);
    if (status == CTR_OK)
        status = fresh_check(call, demand, &rows.reading.progress, ret_problem);
    if (status == CTR_OK) {
        writer_init(&writer, ANSWER_BYTES_MAX);
        write_batch(&rows, &edges, &writer);
        answer_respond(&writer, fresh_cache_control(demand), ret_response);
    }
    row_batch_done(&rows);
    return status;
}

enum ctr_status ctr_batch_get(const struct api_call *call, struct api_response *ret_response,
                              struct problem *ret_problem)
{
    static const char *const batch_arguments[] = {"max_lag_ms", NULL};
    struct query query;
    struct batch_body batch;
    struct fresh_demand demand = {.given = false};
    enum ctr_status status = query_parse(call->arguments, batch_arguments, &query, ret_problem);

    if (status == CTR_OK)
        status = fresh_read(query.values[0], &demand, ret_problem);
    if (status == CTR_OK)
        status = body_read(call->request, &batch, ret_problem);
    if (status != CTR_OK)
        return status;
    status = answer_batch(call, &batch, &demand, ret_response, ret_problem);
    body_done(&batch);
    return status;
}
