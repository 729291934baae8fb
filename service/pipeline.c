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

enum { POLL_MS = 50, YIELD_MS = 20 };

/* ---- items --------------------------------------------------------------------------------- */

static void found(struct pipeline *pipeline, const struct source_item *item)
{
    while (!pipeline_add_lane(pipeline, item) && pipeline_wait_for_memory(pipeline, "partition")) {
    }
}

static void handle_lane(struct pipeline *pipeline, struct lane *lane,
                        const struct source_item *item)
{
    struct partition *partition = store_partition(pipeline->options.store, lane->index);

    if (lane->stopped && item->kind != SOURCE_STARTED) {
        return;
    }
    switch ((int)item->kind) {
    case SOURCE_STARTED:
        pipeline_begin_lane(pipeline, lane, item);
        break;
    case SOURCE_END:
        partition_end(partition, item->offset, pipeline->read_ms);
        break;
    case SOURCE_CONFIRMED:
        partition_confirm(partition, item->offset, item->time_ms);
        break;
    default: /* FOUND and COMPLETE are about no lane */
        pipeline_take_fault(pipeline, lane, item);
        break;
    }
}

/* Anything but a record. */
static void handle_item(struct pipeline *pipeline, const struct source_item *item)
{
    if (item->kind == SOURCE_FOUND) {
        found(pipeline, item);
    } else if (item->kind == SOURCE_COMPLETE) {
        atomic_store(&pipeline->complete, true);
        pipeline->first_start = false;
        pipeline_miss_lanes(pipeline);
    } else {
        CTR_ASSERT(item->partition < pipeline->lanes_count);
        handle_lane(pipeline, &pipeline->lanes[item->partition], item);
    }
}

static void handle_batch(struct pipeline *pipeline, const struct source_batch *batch)
{
    size_t next = 0;

    while (next < batch->count && !pipeline->gave_up) {
        if (batch->items[next].kind == SOURCE_RECORD) {
            next += pipeline_take_records(pipeline, &batch->items[next], batch->count - next);
        } else {
            handle_item(pipeline, &batch->items[next++]);
        }
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
            store_partition(pipeline->options.store, lane->index)->held = hold;
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
    return now_ms - progress.as_of_ms <= config_live_ms(&config->ready_lag_ms) ||
           now_ms - pipeline->started_ms >= config_live_ms(&config->ready_timeout_ms);
}

static void poll_once(struct pipeline *pipeline)
{
    struct source *source = pipeline->options.source;
    struct source_batch batch = {0};
    enum ctr_status status = source->ops->poll(source, POLL_MS, &batch);

    pipeline->read_ms = pipeline->options.wall_ms();
    handle_batch(pipeline, &batch);
    pipeline_take_prints(pipeline);
    source->ops->release(source, &batch);
    if (status == CTR_STOPPED) {
        atomic_store(&pipeline->finished, true);
        (void)poll(NULL, 0, POLL_MS);
    }
    pipeline_advance(pipeline);
}

static void *run(void *argument)
{
    struct pipeline *pipeline = argument;
    const struct pipeline_options *options = &pipeline->options;

    while (!atomic_load(&pipeline->stopping)) {
        if (options->yields != NULL && options->yields(options->yields_owner)) {
            (void)poll(NULL, 0, YIELD_MS);
            pipeline_advance(pipeline);
        } else {
            poll_once(pipeline);
        }
        control_flow(pipeline);
        pipeline_maybe_cut(pipeline);
        pipeline_go_on_with_image(pipeline);
        if (!atomic_load(&pipeline->ready) && earned_ready(pipeline)) {
            atomic_store(&pipeline->ready, true);
            log_line(LOG_INFO, "ready", "pipeline=%s after_ms=%lld", options->name,
                     (long long)(options->wall_ms() - pipeline->started_ms));
        }
        atomic_store(&pipeline->heartbeat_ms, pipeline->options.mono_ms());
    }
    pipeline_last_cut(pipeline);
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
    pipeline->options.name = options->name == NULL ? "main" : options->name;
    pipeline->first_start = !options->restored;
    pipeline->started_ms = options->wall_ms();
    pipeline->last_cut_ms = options->mono_ms();
    atomic_store(&pipeline->heartbeat_ms, options->mono_ms());
    atomic_store(&pipeline->limit_ms, INT64_MAX);
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

bool pipeline_stop(struct pipeline *pipeline)
{
    bool handed_over = true;

    if (pipeline == NULL) {
        return true;
    }
    atomic_store(&pipeline->stopping, true);
    (void)pthread_join(pipeline->thread, NULL);
    handed_over = !pipeline->cut_owed;
    free_pipeline(pipeline);
    return handed_over;
}

bool pipeline_ready(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->ready);
}

int64_t pipeline_heartbeat_ms(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->heartbeat_ms);
}

bool pipeline_complete(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->complete);
}

void pipeline_limit(struct pipeline *pipeline, int64_t to_ms)
{
    atomic_store(&pipeline->limit_ms, to_ms);
}

bool pipeline_finished(const struct pipeline *pipeline)
{
    return atomic_load(&pipeline->finished);
}
