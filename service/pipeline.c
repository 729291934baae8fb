/* SPDX-License-Identifier: Apache-2.0 */
#include "service/pipeline.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/decode.h"
#include "service/log.h"
#include "storage/moment.h"

enum { POLL_MS = 50, NO_MEMORY_WAIT_MS = 100, LAST_CUT_WAIT_MS = 10000 };

/* What the pipeline knows of a partition beyond the store's account. */
struct lane {
    uint32_t index; /* in the store */
    enum topic_type type;
    bool held;
    bool cover_next; /* covered from the next record's time on */
};

struct pipeline {
    struct pipeline_options options;
    struct decoder *decoder;
    struct lane *lanes; /* by the source's partition number */
    size_t lanes_count;
    bool complete;    /* every topic was found */
    bool first_start; /* no snapshot, and not complete yet: `start` applies */
    bool holding;     /* some lane is held */
    int64_t started_ms;
    int64_t next_cut_ms; /* monotonic */
    int64_t to_logged_ms;
    pthread_t thread;
    _Atomic bool stopping, ready, finished;
    _Atomic int64_t heartbeat_ms;
};

/* ---- partitions ---------------------------------------------------------------------------- */

static enum topic_type type_of(const struct config *config, const char *topic)
{
    for (size_t i = 0; i < config->topics_count; i++) {
        if (strcmp(config->topics[i].name, topic) == 0) {
            return config->topics[i].type;
        }
    }
    return TOPIC_TYPE_FROM_EVENT;
}

/* How much later than its record an event may be. */
static int64_t ahead_of_record(const struct config *config)
{
    return config->future_ms == INT64_MAX ? 0 : config->future_ms;
}

/* CONTRACT 10. From where the widest window's `from` lies, less what an event may be ahead of its
 * record. */
static struct source_start horizon(const struct pipeline *pipeline, int64_t *ret_from_ms)
{
    const struct config *config = pipeline->options.config;
    const struct window *widest = &config->windows.items[config->windows.count - 1];

    *ret_from_ms = window_from_ms(widest, pipeline->started_ms - config->settle_ms);
    return (struct source_start){.kind = START_TIME,
                                 .value = *ret_from_ms - ahead_of_record(config)};
}

static struct source_start where_to_start(const struct pipeline *pipeline,
                                          const struct partition *partition)
{
    const struct config *config = pipeline->options.config;
    int64_t from_ms = 0;

    if (partition_next(partition) >= 0) {
        return (struct source_start){.kind = START_OFFSET, .value = partition_next(partition)};
    }
    if (!pipeline->first_start) {
        return (struct source_start){.kind = START_EARLIEST}; /* made since: read all of it */
    }
    if (!config->start_given && config->clock == CLOCK_EVENT) {
        return (struct source_start){.kind = START_EARLIEST};
    }
    if (!config->start_given || config->start_horizon) {
        return horizon(pipeline, &from_ms);
    }
    if (config->start.kind == START_TIME) {
        return (struct source_start){.kind = START_TIME,
                                     .value = config->start.value - ahead_of_record(config)};
    }
    return config->start;
}

/* Everything at or after this was read, given where the source began. */
static int64_t covered_from(const struct pipeline *pipeline, const struct source_item *item)
{
    const struct config *config = pipeline->options.config;
    int64_t from_ms = item->time_ms;

    if (!config->start_given || config->start_horizon) {
        (void)horizon(pipeline, &from_ms);
    } else if (config->start.kind == START_TIME) {
        from_ms = config->start.value;
    }
    return from_ms;
}

static bool add_lane(struct pipeline *pipeline, const struct source_item *item)
{
    struct lane *lanes = NULL;
    struct lane lane = {.index = 0};
    struct partition *partition = NULL;

    CTR_ASSERT(item->partition == pipeline->lanes_count);
    if (store_partition_open(pipeline->options.store, item->text, (int32_t)item->offset,
                             &lane.index) != CTR_OK) {
        return false;
    }
    lanes = realloc(pipeline->lanes, (pipeline->lanes_count + 1) * sizeof *lanes);
    if (lanes == NULL) {
        return false;
    }
    lane.type = type_of(pipeline->options.config, item->text);
    pipeline->lanes = lanes;
    pipeline->lanes[pipeline->lanes_count++] = lane;
    partition = store_partition(pipeline->options.store, lane.index);
    partition->alive_ms = pipeline->options.wall_ms();
    pipeline->options.source->ops->start(pipeline->options.source, item->partition,
                                         where_to_start(pipeline, partition));
    log_line(LOG_INFO, "partition_found", "topic=%s partition=%d next=%lld", partition->topic,
             (int)partition->number, (long long)partition_next(partition));
    return true;
}

static void begin_lane(struct pipeline *pipeline, struct lane *lane, const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);
    bool fresh = partition_next(partition) < 0;

    partition_start(partition, item->offset, false);
    partition->alive_ms = pipeline->options.wall_ms();
    if (fresh && item->time_ms == INT64_MAX) {
        lane->cover_next = true;
    } else if (fresh && item->time_ms != MOMENT_NONE) {
        store_cover_from(pipeline->options.store, covered_from(pipeline, item));
    }
    log_line(LOG_INFO, "partition_started", "topic=%s partition=%d offset=%lld", partition->topic,
             (int)partition->number, (long long)item->offset);
}

static void note_gap(struct pipeline *pipeline, struct lane *lane, const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);
    int64_t lost = item->offset - partition_next(partition);

    partition_start(partition, item->offset, true);
    lane->cover_next = true;
    log_line(LOG_WARN, "records_gone", "topic=%s partition=%d records=%lld next=%lld",
             partition->topic, (int)partition->number, (long long)lost, (long long)item->offset);
}

/* ---- records ------------------------------------------------------------------------------- */

static void cover_from_here(struct pipeline *pipeline, struct lane *lane, int64_t time_ms)
{
    lane->cover_next = false;
    if (time_ms != MOMENT_NONE) {
        store_cover_from(pipeline->options.store, time_ms);
    }
}

/* Memory that runs out stops reading, not the service: the record is offered again until it fits,
 * so that none is half applied and none is lost. */
static void take_record(struct pipeline *pipeline, struct lane *lane,
                        const struct source_item *item)
{
    struct store *store = pipeline->options.store;
    struct decoded decoded;

    decode_record(pipeline->decoder, item->text, item->length, lane->type, &decoded);
    if (lane->cover_next) {
        cover_from_here(pipeline, lane, item->time_ms);
    }
    if (!decoded.is_event) {
        store_record_malformed(store, lane->index, item->offset, pipeline->options.wall_ms(),
                               decoded.reason, decoded.detail);
        return;
    }
    while (store_record_event(store, lane->index, item->offset,
                              item->time_ms == MOMENT_NONE ? -1 : item->time_ms,
                              pipeline->options.wall_ms(), &decoded.event) != CTR_OK) {
        log_line(LOG_ERROR, "no_memory", "doing=record wait_ms=%d", (int)NO_MEMORY_WAIT_MS);
        if (atomic_load(&pipeline->stopping)) {
            return; /* its offset was not applied: it is read again after the restart */
        }
        (void)poll(NULL, 0, NO_MEMORY_WAIT_MS);
    }
}

static void found(struct pipeline *pipeline, const struct source_item *item)
{
    while (!add_lane(pipeline, item) && !atomic_load(&pipeline->stopping)) {
        log_line(LOG_ERROR, "no_memory", "doing=partition wait_ms=%d", (int)NO_MEMORY_WAIT_MS);
        (void)poll(NULL, 0, NO_MEMORY_WAIT_MS);
    }
}

static void handle_lane(struct pipeline *pipeline, struct lane *lane,
                        const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);

    switch (item->kind) {
    case SOURCE_STARTED:
        begin_lane(pipeline, lane, item);
        break;
    case SOURCE_RECORD:
        take_record(pipeline, lane, item);
        break;
    case SOURCE_END:
        partition_end(partition, item->offset, pipeline->options.wall_ms());
        break;
    case SOURCE_CONFIRMED:
        partition_confirm(partition, item->offset, item->time_ms);
        break;
    case SOURCE_GAP:
        note_gap(pipeline, lane, item);
        break;
    case SOURCE_FOUND:
    case SOURCE_COMPLETE:
        break; /* not about a lane */
    }
}

static void handle_item(struct pipeline *pipeline, const struct source_item *item)
{
    if (item->kind == SOURCE_FOUND) {
        found(pipeline, item);
    } else if (item->kind == SOURCE_COMPLETE) {
        pipeline->complete = true;
        pipeline->first_start = false;
    } else {
        CTR_ASSERT(item->partition < pipeline->lanes_count);
        handle_lane(pipeline, &pipeline->lanes[item->partition], item);
    }
}

/* ---- the loop ------------------------------------------------------------------------------ */

/* What runs ahead waits while too much is held; what as_of waits for is always read. */
static void control_flow(struct pipeline *pipeline)
{
    struct source *source = pipeline->options.source;
    bool overfull = store_overfull(pipeline->options.store);

    if (!overfull && !pipeline->holding) {
        return;
    }
    pipeline->holding = false;
    for (uint32_t i = 0; i < pipeline->lanes_count; i++) {
        struct lane *lane = &pipeline->lanes[i];
        bool hold = overfull && !store_partition_leads(pipeline->options.store, lane->index);

        if (hold != lane->held) {
            source->ops->hold(source, i, hold);
            lane->held = hold;
        }
        pipeline->holding = pipeline->holding || hold;
    }
}

static bool earned_ready(const struct pipeline *pipeline)
{
    const struct config *config = pipeline->options.config;
    struct progress progress = store_progress(pipeline->options.store);
    int64_t now_ms = pipeline->options.wall_ms();

    if (config->clock == CLOCK_EVENT) {
        return progress.caught_up_once;
    }
    if (progress.to_ms == MOMENT_NONE) {
        return false;
    }
    return now_ms - progress.as_of_ms <= config->ready_lag_ms ||
           now_ms - pipeline->started_ms >= config->ready_timeout_ms;
}

static void hand_over_cut(struct pipeline *pipeline, bool whole)
{
    struct checkpoint *cut = NULL;

    if (store_cut(pipeline->options.store, whole, &cut) != CTR_OK) {
        log_line(LOG_ERROR, "no_memory", "doing=cut");
        return;
    }
    checkpointer_submit(pipeline->options.checkpointer, &cut);
}

static void maybe_cut(struct pipeline *pipeline)
{
    int64_t now_ms = pipeline->options.mono_ms();
    bool whole = false;

    if (pipeline->options.checkpointer == NULL || now_ms < pipeline->next_cut_ms ||
        !pipeline->complete || !checkpointer_idle(pipeline->options.checkpointer, &whole)) {
        return;
    }
    pipeline->next_cut_ms = now_ms + pipeline->options.config->snapshot_interval_ms;
    hand_over_cut(pipeline, whole);
}

static void last_cut(struct pipeline *pipeline)
{
    struct checkpointer *checkpointer = pipeline->options.checkpointer;
    bool whole = false;

    if (checkpointer == NULL || !pipeline->complete) {
        return; /* nothing was read */
    }
    if (checkpointer_wait(checkpointer, LAST_CUT_WAIT_MS) &&
        checkpointer_idle(checkpointer, &whole)) {
        hand_over_cut(pipeline, whole);
    }
}

static void poll_once(struct pipeline *pipeline)
{
    struct source *source = pipeline->options.source;
    struct source_batch batch = {0};
    enum ctr_status status = source->ops->poll(source, POLL_MS, &batch);

    for (size_t i = 0; i < batch.count; i++) {
        handle_item(pipeline, &batch.items[i]);
    }
    source->ops->release(source, &batch);
    if (status == CTR_STOPPED) {
        atomic_store(&pipeline->finished, true);
        (void)poll(NULL, 0, POLL_MS);
    }
    if (store_advance(pipeline->options.store, pipeline->options.wall_ms(), !pipeline->complete) !=
        CTR_OK) {
        log_line(LOG_ERROR, "no_memory", "doing=advance");
    }
}

static void *run(void *argument)
{
    struct pipeline *pipeline = argument;

    while (!atomic_load(&pipeline->stopping)) {
        poll_once(pipeline);
        control_flow(pipeline);
        maybe_cut(pipeline);
        if (!atomic_load(&pipeline->ready) && earned_ready(pipeline)) {
            atomic_store(&pipeline->ready, true);
            log_line(LOG_INFO, "ready", "after_ms=%lld",
                     (long long)(pipeline->options.wall_ms() - pipeline->started_ms));
        }
        atomic_store(&pipeline->heartbeat_ms, pipeline->options.mono_ms());
    }
    last_cut(pipeline);
    return NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

static void free_pipeline(struct pipeline *pipeline)
{
    decoder_free(pipeline->decoder);
    free(pipeline->lanes);
    free(pipeline);
}

enum ctr_status pipeline_start(const struct pipeline_options *options,
                               struct pipeline **ret_pipeline, struct ctr_error *reterr)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    enum ctr_status status = CTR_OK;

    if (pipeline == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory for the pipeline");
    }
    pipeline->options = *options;
    pipeline->first_start = !options->restored;
    pipeline->started_ms = options->wall_ms();
    pipeline->next_cut_ms = options->mono_ms() + options->config->snapshot_interval_ms;
    atomic_store(&pipeline->heartbeat_ms, options->mono_ms());
    for (uint32_t i = 0; i < store_partition_count(options->store); i++) {
        store_partition(options->store, i)->alive_ms = pipeline->started_ms;
    }
    status = decoder_new(options->config, &pipeline->decoder, reterr);
    if (status == CTR_OK && pthread_create(&pipeline->thread, NULL, run, pipeline) != 0) {
        status = ctr_fail(reterr, CTR_IO, "no thread for ingest");
    }
    if (status != CTR_OK) {
        free_pipeline(pipeline);
        return status;
    }
    *ret_pipeline = pipeline;
    return CTR_OK;
}

void pipeline_stop(struct pipeline *pipeline)
{
    if (pipeline == NULL) {
        return;
    }
    atomic_store(&pipeline->stopping, true);
    (void)pthread_join(pipeline->thread, NULL);
    free_pipeline(pipeline);
}

bool pipeline_ready(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->ready);
}

int64_t pipeline_heartbeat_ms(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->heartbeat_ms);
}

bool pipeline_finished(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->finished);
}
