/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics: every row of metrics.def with its values of this moment, in the Prometheus text
 * format 0.0.4 or in OpenMetrics 1.0, whichever the client likes better.
 */
#include <stddef.h>
#include <string.h>

#include "api/accept.h"
#include "api/answer.h"
#include "api/call.h"
#include "api/metrics_parts.h"
#include "api/partition.h"
#include "api/query.h"
#include "api/state.h"
#include "storage/moment.h"
#include "storage/store_status.h"

#define TYPE_TEXT        "text/plain; version=0.0.4; charset=utf-8"
#define TYPE_OPENMETRICS "application/openmetrics-text; version=1.0.0; charset=utf-8"

/* About 25 lines of 400 bytes per partition; of a route and a broker 20 of 120. */
enum { METRICS_BYTES_MAX = PARTITIONS_MAX * 10240 + 524288 };

/* ---- values -------------------------------------------------------------------------------- */

/* Counters beyond 2^63 will not be seen. */
static int64_t count(uint64_t value)
{
    return (int64_t)value;
}

static int64_t known(int64_t value)
{
    return value < 0 ? METRIC_NONE : value;
}

static int64_t lag_of(const struct metrics_picture *p)
{
    return p->status->progress.to_ms == MOMENT_NONE ? METRIC_NONE
                                                    : state_lag_ms(&p->status->progress, p->now_ms);
}

static int64_t snapshot_age_of(const struct metrics_picture *p)
{
    return p->facts->snapshot_ms == MOMENT_NONE ? METRIC_NONE : p->now_ms - p->facts->snapshot_ms;
}

/* `value` while there is a second pipeline. */
static int64_t backfill_of(const struct metrics_picture *p, int64_t value)
{
    return p->facts->backfill.running ? value : METRIC_NONE;
}

/* How many rows yield a value: a byte for each. */
enum {
    SERVICE_VALUES = sizeof((const char[]){
#define METRIC_OF_SERVICE(name, type, unit, help, rise, value) 0,
#define METRIC_OF_PROCESS(name, type, unit, help, rise, value) 0,
#include "api/metrics.def"
    }),
    PARTITION_VALUES = sizeof((const char[]){
#define METRIC_OF_PARTITION(name, type, unit, help, rise, value) 0,
#include "api/metrics.def"
    })
};

static void read_service(const struct metrics_picture *p, int64_t ret_values[SERVICE_VALUES])
{
    const int64_t values[SERVICE_VALUES] = {
#define METRIC_OF_SERVICE(name, type, unit, help, rise, value) value,
#define METRIC_OF_PROCESS(name, type, unit, help, rise, value) value,
#include "api/metrics.def"
    };

    memcpy(ret_values, values, sizeof values);
}

static void read_partition(const struct metrics_picture *p, const struct partition *part,
                           int64_t ret_values[PARTITION_VALUES])
{
    const int64_t values[PARTITION_VALUES] = {
#define METRIC_OF_PARTITION(name, type, unit, help, rise, value) value,
#include "api/metrics.def"
    };

    memcpy(ret_values, values, sizeof values);
}

/* ---- the page ------------------------------------------------------------------------------ */

/* How a row of the list gets its samples; in the order of the list. */
enum source { OF_SERVICE, OF_PARTITION, OF_HTTP, OF_FAMILY };

static const struct binding {
    enum source source;
    size_t member;          /* OF_HTTP: where in struct http_counters */
    metrics_writer *writer; /* OF_FAMILY */
} bindings[] = {
#define METRIC_OF_SERVICE(name, type, unit, help, rise, value)   {OF_SERVICE, 0, NULL},
#define METRIC_OF_PROCESS(name, type, unit, help, rise, value)   {OF_SERVICE, 0, NULL},
#define METRIC_OF_PARTITION(name, type, unit, help, rise, value) {OF_PARTITION, 0, NULL},
#define METRIC_OF_HTTP(member, name, unit, help, rise)                                             \
    {OF_HTTP, offsetof(struct http_counters, member), NULL},
#define METRIC_FAMILY(writer, name, type, unit, labels, help, rise)                                \
    {OF_FAMILY, 0, metrics_write_##writer},
#include "api/metrics.def"
};

/* Topic names are letters, digits, dots, dashes and underscores: nothing to escape. */
static void write_partitions(struct metrics_page *page, const struct metrics_picture *picture,
                             size_t which)
{
    for (size_t i = 0; i < picture->status->partitions_count; i++) {
        const struct partition *partition = &picture->status->partitions[i];
        int64_t values[PARTITION_VALUES];

        read_partition(picture, partition, values);
        metrics_add(page, "", values[which], "topic=\"%s\",partition=\"%d\"", partition->topic,
                    (int)partition->number);
    }
}

static void write_page(struct metrics_page *page, const struct metrics_picture *picture)
{
    int64_t service[SERVICE_VALUES];
    size_t services = 0;
    size_t partitions = 0;

    read_service(picture, service);
    for (size_t i = 0; i < sizeof bindings / sizeof bindings[0]; i++) {
        const struct binding *binding = &bindings[i];

        if (binding->source == OF_HTTP && picture->http == NULL)
            continue;
        metrics_open(page, metrics_at(i));
        if (binding->source == OF_SERVICE)
            metrics_add(page, "", service[services++], "%s", "");
        else if (binding->source == OF_PARTITION)
            write_partitions(page, picture, partitions++);
        else if (binding->source == OF_FAMILY)
            binding->writer(page, picture);
        else
            metrics_add(page, "",
                        count(http_counter_read(
                            (const _Atomic uint64_t *)(const void *)((const char *)picture->http +
                                                                     binding->member))),
                        "%s", "");
    }
    if (page->openmetrics)
        writer_format(&page->writer, "# EOF\n");
}

static void read_details(const struct api_context *context, struct service_details *ret_details)
{
    *ret_details = (struct service_details){
        .process = {.cpu_ms = -1, .open_fds = -1, .max_fds = -1, .threads = -1}};
    if (context->details != NULL)
        context->details(context->facts_owner, ret_details);
}

enum ctr_status metrics_get(const struct api_call *call, struct api_response *ret_response,
                            struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    const struct api_context *context = call->context;
    struct query query;
    struct service_facts facts;
    struct service_details details;
    struct store_status status;
    struct metrics_picture picture = {.options = store_options(context->store),
                                      .status = &status,
                                      .facts = &facts,
                                      .details = &details,
                                      .http = context->http,
                                      .version = context->version,
                                      .now_ms = call->request->now_ms,
                                      .mono_ms = call->request->mono_ms};
    struct metrics_page page = {.openmetrics = accept_openmetrics(call->request->accept)};
    enum ctr_status result = query_parse(call->arguments, none, &query, ret_problem);

    if (result == CTR_OK)
        result = store_status_read(context->store, &status);
    if (result != CTR_OK)
        return result;
    state_take_answering(context->store, call->store, &status.progress);
    context->facts(context->facts_owner, &facts);
    read_details(context, &details);
    writer_init(&page.writer, METRICS_BYTES_MAX);
    write_page(&page, &picture);
    store_status_done(&status);
    answer_respond(&page.writer, ANSWER_CACHE_NEVER, ret_response);
    if (ret_response->status == 200)
        ret_response->content_type = page.openmetrics ? TYPE_OPENMETRICS : TYPE_TEXT;
    return CTR_OK;
}
