/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /metrics: the Prometheus text format 0.0.4. A metric is one row of one of the tables below:
 * its name (without livectr_), its type, its sentence, and a function that gives its value.
 * Base units: seconds and bytes; counters end in _total.
 */
#include <inttypes.h>
#include <stdio.h>

#include "api/answer.h"
#include "api/call.h"
#include "api/counters.h"
#include "api/partition.h"
#include "api/query.h"
#include "storage/moment.h"
#include "storage/store_status.h"

/* About 20 lines of 400 bytes per partition. */
enum { METRICS_BYTES_MAX = PARTITIONS_MAX * 8192 + 65536 };

#define METRIC_PREFIX "livectr_"

/* One moment's picture of everything. */
struct picture {
    const struct store_options *options;
    const struct store_status *status;
    const struct service_facts *facts;
    int64_t now_ms;
};

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };
enum metric_unit { UNIT_ONE, UNIT_SECONDS }; /* seconds are given as ms */

/* "no such value now": the line is left out. */
#define METRIC_NONE INT64_MIN

struct metric {
    const char *name;
    enum metric_type type;
    enum metric_unit unit;
    const char *help;
};

struct service_metric {
    struct metric metric;
    int64_t (*value)(const struct picture *picture);
};

struct partition_metric {
    struct metric metric;
    int64_t (*value)(const struct picture *picture, const struct partition *partition);
};

/* Counters beyond 2^63 will not be seen. */
static int64_t count(uint64_t value)
{
    return (int64_t)value;
}

/* ---- values -------------------------------------------------------------------------------- */

#define SERVICE_VALUE(name, expression)                                                            \
    static int64_t name(const struct picture *p)                                                   \
    {                                                                                              \
        return expression;                                                                         \
    }

SERVICE_VALUE(as_of, p->status->progress.as_of_ms)
SERVICE_VALUE(to, p->status->progress.to_ms)
SERVICE_VALUE(lag, p->status->progress.to_ms == MOMENT_NONE
                       ? METRIC_NONE
                       : state_lag_ms(&p->status->progress, p->now_ms))
SERVICE_VALUE(ready, p->facts->ready && !p->facts->draining)
SERVICE_VALUE(keys_limit, p->status->keys_max)
SERVICE_VALUE(keys_folded, count(p->status->keys_folded))
SERVICE_VALUE(held, count(p->status->held))
SERVICE_VALUE(held_limit, p->status->held_max)
SERVICE_VALUE(store_bytes, count(p->status->bytes))
SERVICE_VALUE(people_pairs, count(p->status->people))
SERVICE_VALUE(people_limit, count(p->status->people_max))
SERVICE_VALUE(people_refused, count(p->status->people_refused))
SERVICE_VALUE(people_bytes, count(p->status->people_bytes))
SERVICE_VALUE(ids, count(p->status->ids))
SERVICE_VALUE(ids_limit, count(p->status->ids_max))
SERVICE_VALUE(ids_bytes, count(p->status->ids_bytes))
SERVICE_VALUE(repeated, count(p->status->repeated))
SERVICE_VALUE(minutes_waiting, count(p->status->minutes_waiting))
SERVICE_VALUE(minutes_limit, p->status->minutes_max)
SERVICE_VALUE(minutes_lost, count(p->status->minutes_lost))
SERVICE_VALUE(snapshot_at, p->facts->snapshot_ms)
SERVICE_VALUE(snapshot_took, p->facts->snapshot_took_ms)
SERVICE_VALUE(snapshot_bytes, count(p->facts->snapshot_bytes))
SERVICE_VALUE(snapshots, count(p->facts->snapshots))
SERVICE_VALUE(snapshot_failures, count(p->facts->snapshot_failures))
SERVICE_VALUE(persisting, p->facts->persisting)
SERVICE_VALUE(source_errors, count(p->facts->source_errors))
SERVICE_VALUE(started, p->facts->started_ms)

static const struct service_metric service_metrics[] = {
    {{"as_of_seconds", METRIC_GAUGE, UNIT_SECONDS,
      "Arrival time up to which every partition has been read, since the epoch."},
     as_of},
    {{"to_seconds", METRIC_GAUGE, UNIT_SECONDS, "Where the windows end, since the epoch."}, to},
    {{"lag_seconds", METRIC_GAUGE, UNIT_SECONDS, "How far as_of is behind now; 0 in event mode."},
     lag},
    {{"ready", METRIC_GAUGE, UNIT_ONE, "1 while /readyz answers 200."}, ready},
    {{"keys_limit", METRIC_GAUGE, UNIT_ONE, "Keys that may have a row of their own."}, keys_limit},
    {{"keys_folded_total", METRIC_COUNTER, UNIT_ONE,
      "Events counted in an `other` row because the limit on keys was reached."},
     keys_folded},
    {{"held_records", METRIC_GAUGE, UNIT_ONE, "Records read whose slice has not closed."}, held},
    {{"held_limit", METRIC_GAUGE, UNIT_ONE, "Held records at which partitions ahead are paused."},
     held_limit},
    {{"store_bytes", METRIC_GAUGE, UNIT_ONE,
      "Memory of keys, names, slices, held records, people, ids and minutes."},
     store_bytes},
    {{"people_pairs", METRIC_GAUGE, UNIT_ONE, "Pairs of a visitor and a key that are remembered."},
     people_pairs},
    {{"people_limit", METRIC_GAUGE, UNIT_ONE, "Pairs that may be."}, people_limit},
    {{"people_refused_total", METRIC_COUNTER, UNIT_ONE,
      "Events whose pair did not fit, so that people of their key were null for a while."},
     people_refused},
    {{"people_bytes", METRIC_GAUGE, UNIT_ONE, "Memory of the pairs."}, people_bytes},
    {{"ids", METRIC_GAUGE, UNIT_ONE, "Events that are remembered to find their copies."}, ids},
    {{"ids_limit", METRIC_GAUGE, UNIT_ONE, "Events that may be."}, ids_limit},
    {{"ids_bytes", METRIC_GAUGE, UNIT_ONE, "Memory of the ids."}, ids_bytes},
    {{"clicks_repeated_total", METRIC_COUNTER, UNIT_ONE,
      "Clicks that do not count because of click_gap."},
     repeated},
    {{"minutes_waiting_rows", METRIC_GAUGE, UNIT_ONE,
      "Rows of finished minutes that are not saved yet."},
     minutes_waiting},
    {{"minutes_limit", METRIC_GAUGE, UNIT_ONE, "Rows that may wait; beyond it they are lost."},
     minutes_limit},
    {{"minutes_lost_total", METRIC_COUNTER, UNIT_ONE,
      "Rows of minutes that the history lacks, because saving failed for too long."},
     minutes_lost},
    {{"snapshot_time_seconds", METRIC_GAUGE, UNIT_SECONDS,
      "When the last snapshot was written, since the epoch."},
     snapshot_at},
    {{"snapshot_duration_seconds", METRIC_GAUGE, UNIT_SECONDS, "How long the last one took."},
     snapshot_took},
    {{"snapshot_bytes", METRIC_GAUGE, UNIT_ONE, "Size of the snapshot's file."}, snapshot_bytes},
    {{"snapshots_total", METRIC_COUNTER, UNIT_ONE, "Snapshots written."}, snapshots},
    {{"snapshot_failures_total", METRIC_COUNTER, UNIT_ONE, "Snapshots that failed."},
     snapshot_failures},
    {{"persisting", METRIC_GAUGE, UNIT_ONE, "1 while the last attempt at a snapshot went well."},
     persisting},
    {{"source_errors_total", METRIC_COUNTER, UNIT_ONE, "Complaints of the event source."},
     source_errors},
    {{"start_time_seconds", METRIC_GAUGE, UNIT_SECONDS,
      "When the process started, since the epoch."},
     started},
};

#define PARTITION_VALUE(name, expression)                                                          \
    static int64_t name(const struct picture *p, const struct partition *part)                     \
    {                                                                                              \
        (void)p;                                                                                   \
        return expression;                                                                         \
    }

static int64_t known(int64_t value)
{
    return value < 0 ? METRIC_NONE : value;
}

PARTITION_VALUE(part_read, count(part->counts.read))
PARTITION_VALUE(part_counted, count(part->counts.counted))
PARTITION_VALUE(part_held, count(part->counts.held))
PARTITION_VALUE(part_duplicate, count(part->counts.duplicate))
PARTITION_VALUE(part_late, count(part->counts.late))
PARTITION_VALUE(part_future, count(part->counts.future))
PARTITION_VALUE(part_malformed, count(partition_malformed(&part->counts)))
PARTITION_VALUE(part_unchecked, count(part->counts.unchecked))
PARTITION_VALUE(part_filtered, count(part->counts.filtered))
PARTITION_VALUE(part_stragglers, count(part->counts.stragglers))
PARTITION_VALUE(part_gap, count(part->gap_records))
PARTITION_VALUE(part_next, known(partition_next(part)))
PARTITION_VALUE(part_end, known(part->end))
PARTITION_VALUE(part_lag, known(partition_lag(part)))
PARTITION_VALUE(part_clock, partition_clock_ms(part, p->options, p->now_ms))

static const struct partition_metric partition_metrics[] = {
    {{"partition_read_total", METRIC_COUNTER, UNIT_ONE, "Records read."}, part_read},
    {{"partition_counted_total", METRIC_COUNTER, UNIT_ONE, "Records counted."}, part_counted},
    {{"partition_held_records", METRIC_GAUGE, UNIT_ONE, "Records whose slice has not closed."},
     part_held},
    {{"partition_duplicate_total", METRIC_COUNTER, UNIT_ONE, "Records that were copies."},
     part_duplicate},
    {{"partition_late_total", METRIC_COUNTER, UNIT_ONE, "Records too long after their event."},
     part_late},
    {{"partition_future_total", METRIC_COUNTER, UNIT_ONE, "Records too long before their event."},
     part_future},
    {{"partition_malformed_total", METRIC_COUNTER, UNIT_ONE, "Records that are no event."},
     part_malformed},
    {{"partition_unchecked_total", METRIC_COUNTER, UNIT_ONE,
      "Counted records that were too old to be looked up as duplicates."},
     part_unchecked},
    {{"partition_filtered_total", METRIC_COUNTER, UNIT_ONE,
      "Counted records that the filter keeps apart."},
     part_filtered},
    {{"partition_stragglers_total", METRIC_COUNTER, UNIT_ONE,
      "Counted records that came after the clock had passed their arrival."},
     part_stragglers},
    {{"partition_gap_records_total", METRIC_COUNTER, UNIT_ONE,
      "Offsets the broker had deleted before they were read."},
     part_gap},
    {{"partition_next_offset", METRIC_GAUGE, UNIT_ONE, "The next offset to read."}, part_next},
    {{"partition_end_offset", METRIC_GAUGE, UNIT_ONE, "The end of the log when last seen."},
     part_end},
    {{"partition_lag_records", METRIC_GAUGE, UNIT_ONE, "Records between the two."}, part_lag},
    {{"partition_clock_seconds", METRIC_GAUGE, UNIT_SECONDS,
      "Where the partition's clock stands, since the epoch."},
     part_clock},
};

/* ---- lines --------------------------------------------------------------------------------- */

static void write_head(struct writer *writer, const char *name, enum metric_type type,
                       const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    writer_format(writer, "# HELP " METRIC_PREFIX "%s %s\n# TYPE " METRIC_PREFIX "%s %s\n", name,
                  help, name, types[type]);
}

static void write_value(struct writer *writer, enum metric_unit unit, int64_t value)
{
    if (unit == UNIT_SECONDS)
        writer_format(writer, " %s%" PRId64 ".%03" PRId64 "\n", value < 0 ? "-" : "",
                      value < 0 ? -(value / 1000) : value / 1000,
                      value < 0 ? -(value % 1000) : value % 1000);
    else
        writer_format(writer, " %" PRId64 "\n", value);
}

static void write_service(struct writer *writer, const struct picture *picture)
{
    for (size_t i = 0; i < sizeof service_metrics / sizeof service_metrics[0]; i++) {
        const struct metric *metric = &service_metrics[i].metric;
        int64_t value = service_metrics[i].value(picture);

        write_head(writer, metric->name, metric->type, metric->help);
        if (value == METRIC_NONE)
            continue;
        writer_format(writer, METRIC_PREFIX "%s", metric->name);
        write_value(writer, metric->unit, value);
    }
}

/* Topic names are letters, digits, dots, dashes and underscores: nothing to escape. */
static void write_partitions(struct writer *writer, const struct picture *picture)
{
    for (size_t i = 0; i < sizeof partition_metrics / sizeof partition_metrics[0]; i++) {
        const struct metric *metric = &partition_metrics[i].metric;

        write_head(writer, metric->name, metric->type, metric->help);
        for (size_t k = 0; k < picture->status->partitions_count; k++) {
            const struct partition *partition = &picture->status->partitions[k];
            int64_t value = partition_metrics[i].value(picture, partition);

            if (value == METRIC_NONE)
                continue;
            writer_format(writer, METRIC_PREFIX "%s{topic=\"%s\",partition=\"%" PRId32 "\"}",
                          metric->name, partition->topic, partition->number);
            write_value(writer, metric->unit, value);
        }
    }
}

static void write_labelled(struct writer *writer, const struct picture *picture)
{
    enum api_state state = state_of(&picture->status->progress, picture->now_ms);

    write_head(writer, "state", METRIC_GAUGE, "1 for the state that answers carry now.");
    for (int i = 0; i < STATE_COUNT; i++)
        writer_format(writer, METRIC_PREFIX "state{state=\"%s\"} %d\n",
                      state_name((enum api_state)i), i == (int)state);
    write_head(writer, "keys", METRIC_GAUGE, "Keys that have a row of their own.");
    for (int i = LEVEL_PAGE; i < LEVEL_COUNT; i++)
        writer_format(writer, METRIC_PREFIX "keys{level=\"%s\"} %" PRIu32 "\n",
                      level_name((enum level)i), picture->status->keys[i]);
    write_head(writer, "malformed_total", METRIC_COUNTER, "Records that are no event, by reason.");
    for (int i = 0; i < MALFORMED_COUNT; i++)
        writer_format(writer, METRIC_PREFIX "malformed_total{reason=\"%s\"} %" PRIu64 "\n",
                      malformed_reason_name((enum malformed_reason)i),
                      picture->status->malformed[i]);
}

/* Buckets in seconds, cumulative, as Prometheus wants histograms. */
static void write_delay(struct writer *writer, const char *stage,
                        const struct delay_histogram *histogram)
{
    uint64_t below = 0;

    for (unsigned i = 0; i < DELAY_BUCKETS; i++) {
        char bound[32] = "+Inf";

        below += histogram->counts[i];
        if (delays_bound_ms(i) != INT64_MAX)
            (void)snprintf(bound, sizeof bound, "%" PRId64 ".%03" PRId64, delays_bound_ms(i) / 1000,
                           delays_bound_ms(i) % 1000);
        writer_format(writer,
                      METRIC_PREFIX "event_delay_seconds_bucket{stage=\"%s\",le=\"%s\"} %" PRIu64
                                    "\n",
                      stage, bound, below);
    }
    writer_format(writer, METRIC_PREFIX "event_delay_seconds_sum{stage=\"%s\"}", stage);
    write_value(writer, UNIT_SECONDS, histogram->sum_ms);
    writer_format(writer, METRIC_PREFIX "event_delay_seconds_count{stage=\"%s\"} %" PRIu64 "\n",
                  stage, histogram->count);
}

static void write_delays(struct writer *writer, const struct delays *delays)
{
    write_head(writer, "event_delay_seconds", METRIC_HISTOGRAM,
               "How long accepted events are on their way: event time to record time (recorded), "
               "record time to read (read), record time to counted in an answer (applied).");
    write_delay(writer, "recorded", &delays->recorded);
    write_delay(writer, "read", &delays->read);
    write_delay(writer, "applied", &delays->applied);
}

static void write_http(struct writer *writer, struct http_counters *counters)
{
#define WRITE_HTTP_COUNTER(member, name, help)                                                     \
    write_head(writer, "http_" name "_total", METRIC_COUNTER, help);                               \
    writer_format(writer, METRIC_PREFIX "http_" name "_total %" PRIu64 "\n",                       \
                  atomic_load_explicit(&counters->member, memory_order_relaxed));
    HTTP_COUNTERS(WRITE_HTTP_COUNTER)
#undef WRITE_HTTP_COUNTER
    write_head(writer, "http_responses_total", METRIC_COUNTER, "Responses by status.");
    for (size_t i = 0; i < HTTP_STATUS_COUNT; i++)
        writer_format(writer, METRIC_PREFIX "http_responses_total{code=\"%u\"} %" PRIu64 "\n",
                      http_statuses[i],
                      atomic_load_explicit(&counters->responses[i], memory_order_relaxed));
}

enum ctr_status metrics_get(const struct api_call *call, struct api_response *ret_response,
                            struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    const struct api_context *context = call->context;
    struct query query;
    struct service_facts facts;
    struct store_status status;
    struct picture picture = {store_options(context->store), &status, &facts,
                              call->request->now_ms};
    struct writer writer;
    enum ctr_status result = query_parse(call->arguments, none, &query, ret_problem);

    if (result == CTR_OK)
        result = store_status_read(context->store, &status);
    if (result != CTR_OK)
        return result;
    context->facts(context->facts_owner, &facts);
    writer_init(&writer, METRICS_BYTES_MAX);
    write_head(&writer, "build_info", METRIC_GAUGE, "Always 1; the label is the version.");
    writer_format(&writer, METRIC_PREFIX "build_info{version=\"%s\"} 1\n", context->version);
    write_service(&writer, &picture);
    write_labelled(&writer, &picture);
    write_partitions(&writer, &picture);
    write_delays(&writer, &status.delays);
    if (context->http != NULL)
        write_http(&writer, context->http);
    store_status_done(&status);
    answer_respond(&writer, ANSWER_CACHE_NEVER, ret_response);
    if (ret_response->status == 200)
        ret_response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    return CTR_OK;
}
