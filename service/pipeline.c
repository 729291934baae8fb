/* SPDX-License-Identifier: Apache-2.0 */
#include "service/pipeline.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/log.h"
#include "service/pipeline_internal.h"
#include "storage/moment.h"

enum { POLL_MS = 50, NO_MEMORY_WAIT_MS = 100, LAST_CUT_WAIT_MS = 10000, RELIEF_WAIT_MS = 2000 };

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
    while (!pipeline_add_lane(pipeline, item) && !atomic_load(&pipeline->stopping)) {
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
        pipeline_begin_lane(pipeline, lane, item);
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
        pipeline_note_gap(pipeline, lane, item);
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

/* Hands over two cuts, as the second tells that the first was saved. */
static void relieve_minutes(struct pipeline *pipeline)
{
    struct checkpointer *checkpointer = pipeline->options.checkpointer;
    bool whole = false;

    for (int i = 0; i < 2; i++) {
        if (!checkpointer_wait(checkpointer, RELIEF_WAIT_MS) ||
            !checkpointer_idle(checkpointer, &whole)) {
            return;
        }
        hand_over_cut(pipeline, whole);
    }
}

static bool saves_well(const struct pipeline *pipeline)
{
    struct checkpointer_health health = {.persisting = false};

    if (pipeline->options.checkpointer != NULL && pipeline->complete) {
        checkpointer_health(pipeline->options.checkpointer, &health);
    }
    return health.persisting;
}

/* Finished minutes are not dropped because the disk is slower than a backlog is read: counting
 * waits for it. It does not where saving fails, which must not stop the numbers. */
static void advance(struct pipeline *pipeline)
{
    struct store *store = pipeline->options.store;
    enum ctr_status status = CTR_RETRY;

    while (status == CTR_RETRY) {
        store_minutes_wait(store, saves_well(pipeline));
        status = store_advance(store, pipeline->options.wall_ms(), !pipeline->complete);
        if (status == CTR_RETRY) {
            atomic_store(&pipeline->heartbeat_ms, pipeline->options.mono_ms());
            relieve_minutes(pipeline);
            if (atomic_load(&pipeline->stopping)) {
                return; /* what is not counted is read again after the restart */
            }
        }
    }
    if (status != CTR_OK) {
        log_line(LOG_ERROR, "no_memory", "doing=advance");
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
    advance(pipeline);
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
