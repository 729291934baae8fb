/* SPDX-License-Identifier: Apache-2.0
 *
 * The pipeline's time: how far counting goes, and what of it is handed over to be saved.
 */
#include <stdatomic.h>

#include "service/log.h"
#include "service/pipeline_internal.h"

enum { LAST_CUT_WAIT_MS = 10000, RELIEF_WAIT_MS = 2000 };

/* Where nothing is saved the cut is made all the same and thrown away: with it goes what the store
 * keeps for it, which would grow for ever. False: no memory for it. */
static bool hand_over_cut(struct pipeline *pipeline, bool whole)
{
    struct checkpoint *cut = NULL;

    if (store_cut(pipeline->options.store, whole, &cut) != CTR_OK) {
        log_line(LOG_ERROR, "no_memory", "doing=cut");
        return false;
    }
    if (pipeline->options.checkpointer == NULL) {
        checkpoint_free(cut);
    } else {
        checkpointer_submit(pipeline->options.checkpointer, &cut);
        pipeline_begin_image(pipeline);
    }
    return true;
}

void pipeline_maybe_cut(struct pipeline *pipeline)
{
    struct checkpointer *checkpointer = pipeline->options.checkpointer;
    int64_t now_ms = pipeline->options.mono_ms();
    int64_t interval_ms = config_live_ms(&pipeline->options.config->snapshot_interval_ms);
    bool whole = false;

    interval_ms = checkpointer_pause_ms(checkpointer, interval_ms);
    if (now_ms - pipeline->last_cut_ms < interval_ms || !atomic_load(&pipeline->complete) ||
        (checkpointer != NULL && !checkpointer_idle(checkpointer, &whole))) {
        return;
    }
    pipeline->last_cut_ms = now_ms;
    (void)hand_over_cut(pipeline, whole);
}

void pipeline_last_cut(struct pipeline *pipeline)
{
    struct checkpointer *checkpointer = pipeline->options.checkpointer;
    bool whole = false;

    if (checkpointer == NULL || !atomic_load(&pipeline->complete)) {
        return; /* nothing was read */
    }
    pipeline->cut_owed = !checkpointer_wait(checkpointer, LAST_CUT_WAIT_MS) ||
                         !checkpointer_idle(checkpointer, &whole) ||
                         !hand_over_cut(pipeline, whole);
    if (!pipeline->cut_owed && pipeline_last_image(pipeline)) {
        (void)hand_over_cut(pipeline, false); /* nothing new but the name of the image */
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
        (void)hand_over_cut(pipeline, whole);
    }
}

static bool saves_well(const struct pipeline *pipeline)
{
    struct checkpointer_health health = {.persisting = false};

    if (pipeline->options.checkpointer != NULL && atomic_load(&pipeline->complete)) {
        checkpointer_health(pipeline->options.checkpointer, &health);
    }
    return health.persisting;
}

/* Finished minutes are not dropped because the disk is slower than a backlog is read: counting
 * waits for it. It does not where saving fails, which must not stop the numbers. */
void pipeline_advance(struct pipeline *pipeline)
{
    struct store *store = pipeline->options.store;
    enum ctr_status status = CTR_RETRY;

    store_limit(store, atomic_load(&pipeline->limit_ms));
    while (status == CTR_RETRY) {
        store_minutes_wait(store, saves_well(pipeline));
        status =
            store_advance(store, pipeline->options.wall_ms(), !atomic_load(&pipeline->complete));
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
