/* SPDX-License-Identifier: Apache-2.0
 *
 * GET /v1/status: how far everything is, what became of every record, and how the service feels.
 * It always answers 200: what is not known yet is null.
 */
#include "api/answer.h"
#include "api/call.h"
#include "api/partition.h"
#include "api/query.h"
#include "api/state.h"
#include "storage/moment.h"
#include "storage/store_status.h"

/* 4,096 partitions of 16 intervals of 40 bytes and 1,000 bytes of names and counters. */
enum { STATUS_BYTES_MAX = PARTITIONS_MAX * (PARTITION_INTERVALS_MAX * 44 + 2048) + 65536 };

static void write_count(struct writer *writer, const char *name, uint64_t value)
{
    writer_key(writer, name);
    writer_u64(writer, value);
}

/* Numbers of which -1 means that it is not known. */
static void write_known(struct writer *writer, const char *name, int64_t value)
{
    writer_key(writer, name);
    if (value < 0)
        writer_null(writer);
    else
        writer_i64(writer, value);
}

static void write_time(struct writer *writer, const char *name, int64_t time_ms)
{
    writer_key(writer, name);
    writer_time(writer, time_ms);
}

static void write_words(struct writer *writer, const char *name, const char *words)
{
    writer_key(writer, name);
    if (words[0] == '\0')
        writer_null(writer);
    else
        writer_repaired(writer, words);
}

static void write_position(struct writer *writer, const struct partition *partition)
{
    writer_key(writer, "position");
    writer_open(writer, '[');
    for (size_t i = 0; i < partition->intervals_count; i++) {
        writer_open(writer, '[');
        writer_i64(writer, partition->intervals[i].first);
        writer_i64(writer, partition->intervals[i].next);
        writer_close(writer, ']');
    }
    writer_close(writer, ']');
}

static void write_condition(struct writer *writer, enum partition_state state)
{
    const char *reason = partition_state_reason(state);

    writer_key(writer, "state");
    writer_string(writer, partition_state_name(state));
    write_words(writer, "reason", reason == NULL ? "" : reason);
}

static void write_partition(struct writer *writer, const struct partition *partition,
                            int64_t clock_ms)
{
    const struct partition_counts *counts = &partition->counts;

    writer_open(writer, '{');
    writer_key(writer, "topic");
    writer_string(writer, partition->topic);
    writer_key(writer, "partition");
    writer_i64(writer, partition->number);
    write_condition(writer, partition_state(partition));
    write_position(writer, partition);
    write_known(writer, "end", partition->end);
    write_known(writer, "lag", partition_lag(partition));
    write_count(writer, "read", counts->read);
    write_count(writer, "counted", counts->counted);
    write_count(writer, "held", counts->held);
    write_count(writer, "duplicate", counts->duplicate);
    write_count(writer, "late", counts->late);
    write_count(writer, "future", counts->future);
    write_count(writer, "malformed", partition_malformed(counts));
    write_count(writer, "unchecked", counts->unchecked);
    write_count(writer, "filtered", counts->filtered);
    write_count(writer, "stragglers", counts->stragglers);
    write_count(writer, "lost", partition_lost(partition));
    write_count(writer, "redelivered", partition->redelivered);
    write_count(writer, "unverified", partition->unverified);
    write_count(writer, "log_changes", partition->log_changes);
    write_time(writer, "clock", clock_ms);
    writer_close(writer, '}');
}

static void write_malformed(struct writer *writer, const struct store_status *status)
{
    writer_key(writer, "malformed");
    writer_open(writer, '{');
    for (int i = 0; i < MALFORMED_COUNT; i++)
        write_count(writer, malformed_reason_name((enum malformed_reason)i), status->malformed[i]);
    writer_close(writer, '}');
    writer_key(writer, "malformed_samples");
    writer_open(writer, '[');
    for (size_t i = 0; i < status->samples_count; i++) {
        const struct malformed_sample *sample = &status->samples[i];
        const struct partition *partition;

        CTR_ASSERT(sample->partition < status->partitions_count);
        partition = &status->partitions[sample->partition];
        writer_open(writer, '{');
        writer_key(writer, "topic");
        writer_string(writer, partition->topic);
        writer_key(writer, "partition");
        writer_i64(writer, partition->number);
        writer_key(writer, "offset");
        writer_i64(writer, sample->offset);
        writer_key(writer, "reason");
        writer_string(writer, malformed_reason_name(sample->reason));
        writer_key(writer, "detail");
        writer_repaired(writer, sample->detail);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
}

static void write_limits(struct writer *writer, const struct store_status *status)
{
    writer_key(writer, "keys");
    writer_open(writer, '{');
    write_count(writer, "limit", status->keys_max);
    write_count(writer, "pages", status->keys[LEVEL_PAGE]);
    write_count(writer, "boxes", status->keys[LEVEL_BOX]);
    write_count(writer, "placements", status->keys[LEVEL_PLACEMENT]);
    write_count(writer, "folded", status->keys_folded);
    writer_close(writer, '}');
    writer_key(writer, "held");
    writer_open(writer, '{');
    write_count(writer, "count", status->held);
    write_count(writer, "limit", status->held_max);
    writer_close(writer, '}');
    writer_key(writer, "people");
    writer_open(writer, '{');
    write_count(writer, "pairs", status->people);
    write_count(writer, "limit", status->people_max);
    write_count(writer, "refused", status->people_refused);
    write_count(writer, "bytes", status->people_bytes);
    writer_close(writer, '}');
    writer_key(writer, "ids");
    writer_open(writer, '{');
    write_count(writer, "count", status->ids);
    write_count(writer, "limit", status->ids_max);
    write_count(writer, "bytes", status->ids_bytes);
    writer_close(writer, '}');
    write_count(writer, "clicks_repeated", status->repeated);
    writer_key(writer, "minutes");
    writer_open(writer, '{');
    write_count(writer, "waiting", status->minutes_waiting);
    write_count(writer, "limit", status->minutes_max);
    write_count(writer, "lost", status->minutes_lost);
    writer_close(writer, '}');
    write_count(writer, "memory_bytes", status->bytes);
}

static void write_memory(struct writer *writer, const struct store_status *status,
                         const struct service_facts *facts)
{
    const struct store_memory *memory = &status->memory;

    writer_key(writer, "memory");
    writer_open(writer, '{');
    write_known(writer, "limit", facts->memory_max_bytes == 0 ? -1 : facts->memory_max_bytes);
    write_known(writer, "resident", facts->resident_bytes);
    write_count(writer, "keys", memory->keys);
    write_count(writer, "names", memory->names);
    write_count(writer, "slices", memory->slices);
    write_count(writer, "held", memory->held);
    write_count(writer, "people", memory->people);
    write_count(writer, "ids", memory->ids);
    write_count(writer, "minutes", memory->minutes);
    write_count(writer, "journal", memory->journal);
    writer_close(writer, '}');
}

/* The bound under which a share of the delays lie; null without any, or where it has none. */
static void write_quantile(struct writer *writer, const char *name,
                           const struct delay_histogram *histogram, double share)
{
    int64_t bound_ms = delays_quantile_ms(histogram, share);

    write_known(writer, name, bound_ms == INT64_MAX ? -1 : bound_ms);
}

static void write_delay(struct writer *writer, const char *name,
                        const struct delay_histogram *histogram)
{
    writer_key(writer, name);
    writer_open(writer, '{');
    write_count(writer, "count", histogram->count);
    write_quantile(writer, "p50_ms", histogram, 0.5);
    write_quantile(writer, "p99_ms", histogram, 0.99);
    write_quantile(writer, "p999_ms", histogram, 0.999);
    writer_key(writer, "buckets");
    writer_open(writer, '[');
    for (unsigned i = 0; i < DELAY_BUCKETS; i++) {
        writer_open(writer, '{');
        write_known(writer, "up_to_ms", delays_bound_ms(i) == INT64_MAX ? -1 : delays_bound_ms(i));
        write_count(writer, "count", histogram->counts[i]);
        writer_close(writer, '}');
    }
    writer_close(writer, ']');
    writer_close(writer, '}');
}

static void write_delays(struct writer *writer, const struct delays *delays)
{
    writer_key(writer, "delays");
    writer_open(writer, '{');
    write_delay(writer, "recorded", &delays->recorded);
    write_delay(writer, "read", &delays->read);
    write_delay(writer, "applied", &delays->applied);
    writer_close(writer, '}');
}

static void write_files(struct writer *writer, const struct copies_health *files)
{
    writer_key(writer, "files");
    writer_open(writer, '{');
    write_count(writer, "wanted", files->wanted);
    write_count(writer, "good", files->good);
    write_count(writer, "damaged", files->damaged);
    write_count(writer, "rebuilt", files->rebuilt);
    write_count(writer, "failures", files->failures);
    write_count(writer, "history_lost", files->history_lost);
    writer_close(writer, '}');
}

static void write_facts(struct writer *writer, const struct service_facts *facts)
{
    writer_key(writer, "snapshot");
    writer_open(writer, '{');
    write_time(writer, "at", facts->snapshot_ms);
    writer_key(writer, "took_ms");
    if (facts->snapshot_ms == MOMENT_NONE)
        writer_null(writer);
    else
        writer_i64(writer, facts->snapshot_took_ms);
    write_count(writer, "bytes", facts->snapshot_files.bytes);
    write_count(writer, "written", facts->snapshots);
    write_count(writer, "failed", facts->snapshot_failures);
    writer_key(writer, "persisting");
    writer_bool(writer, facts->persisting);
    write_words(writer, "error", facts->snapshot_error);
    write_files(writer, &facts->snapshot_files);
    writer_close(writer, '}');
    writer_key(writer, "source");
    writer_open(writer, '{');
    writer_key(writer, "state");
    writer_repaired(writer, facts->source_state);
    write_words(writer, "error", facts->source_error);
    write_count(writer, "errors", facts->source_errors);
    writer_close(writer, '}');
}

/* -1: not known of some partition. */
static int64_t records_left(const struct store_status *status)
{
    int64_t left = 0;

    for (size_t i = 0; i < status->partitions_count; i++) {
        int64_t lag = partition_lag(&status->partitions[i]);

        if (lag < 0)
            return -1;
        left += lag;
    }
    return left;
}

static void write_backfill(struct writer *writer, const struct backfill_facts *backfill,
                           const struct store_status *status)
{
    writer_key(writer, "backfill");
    if (!backfill->running) {
        writer_null(writer);
        return;
    }
    writer_open(writer, '{');
    writer_key(writer, "answers");
    writer_bool(writer, backfill->answers);
    write_time(writer, "from", backfill->from_ms);
    write_time(writer, "to", backfill->to_ms);
    write_time(writer, "target", backfill->target_ms);
    write_known(writer, "records_left", records_left(status));
    write_known(writer, "remaining_ms", backfill->remaining_ms);
    writer_key(writer, "rate");
    writer_real(writer, backfill->records_per_s);
    writer_key(writer, "times_real_time");
    writer_real(writer, backfill->times_real_time);
    write_count(writer, "memory_bytes", backfill->bytes);
    writer_close(writer, '}');
}

static void write_handovers(struct writer *writer, const struct handover_facts *handovers)
{
    writer_key(writer, "handovers");
    writer_open(writer, '{');
    write_count(writer, "scouts", handovers->scouts);
    write_count(writer, "made", handovers->made);
    write_count(writer, "differs", handovers->differs);
    write_count(writer, "unproven", handovers->unproven);
    write_count(writer, "rows", handovers->rows);
    write_time(writer, "at", handovers->at_ms);
    writer_close(writer, '}');
}

static void write_progress(struct writer *writer, const struct progress *progress, int64_t now_ms)
{
    writer_key(writer, "state");
    writer_string(writer, state_name(state_of(progress, now_ms)));
    write_time(writer, "as_of", progress->as_of_ms);
    write_time(writer, "to", progress->to_ms);
    write_known(writer, "lag_ms",
                progress->to_ms == MOMENT_NONE ? -1 : state_lag_ms(progress, now_ms));
}

enum ctr_status status_get(const struct api_call *call, struct api_response *ret_response,
                           struct problem *ret_problem)
{
    static const char *const none[] = {NULL};
    const struct api_context *context = call->context;
    int64_t now_ms = call->request->now_ms;
    struct query query;
    struct service_facts facts;
    struct store_status status;
    struct writer writer;
    enum ctr_status result = query_parse(call->arguments, none, &query, ret_problem);

    if (result == CTR_OK)
        result = store_status_read(context->store, &status);
    if (result != CTR_OK)
        return result;
    state_take_answering(context->store, call->store, &status.progress);
    context->facts(context->facts_owner, &facts);
    writer_init(&writer, STATUS_BYTES_MAX);
    writer_open(&writer, '{');
    write_progress(&writer, &status.progress, now_ms);
    write_backfill(&writer, &facts.backfill, &status);
    write_handovers(&writer, &facts.handovers);
    answer_windows(&writer, store_options(context->store));
    writer_key(&writer, "partitions");
    writer_open(&writer, '[');
    for (size_t i = 0; i < status.partitions_count; i++)
        write_partition(
            &writer, &status.partitions[i],
            partition_clock_ms(&status.partitions[i], store_options(context->store), now_ms));
    writer_close(&writer, ']');
    write_malformed(&writer, &status);
    write_limits(&writer, &status);
    write_memory(&writer, &status, &facts);
    write_delays(&writer, &status.delays);
    write_facts(&writer, &facts);
    writer_key(&writer, "version");
    writer_string(&writer, context->version);
    write_time(&writer, "started", facts.started_ms);
    writer_close(&writer, '}');
    store_status_done(&status);
    answer_respond(&writer, ANSWER_CACHE_NEVER, ret_response);
    return CTR_OK;
}
