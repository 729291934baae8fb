/* SPDX-License-Identifier: Apache-2.0
 *
 * Images of the store (storage/store_image.h) on their way to the snapshot thread: begun with a
 * cut, copied a few MB between two polls, so that no poll waits longer than such a copy takes.
 */
#include "service/log.h"
#include "service/pipeline_internal.h"
#include "storage/image.h"
#include "storage/store_image.h"

enum {
    BATCH_BYTES = 1 << 20,
    LAST_BATCH_BYTES = 16 << 20,
    LAST_IMAGE_MS = 3000,
};

static bool hand_over(struct pipeline *pipeline, size_t bytes)
{
    struct image_batch *batch = NULL;

    if (store_image_next(pipeline->options.store, bytes, &batch) != CTR_OK) {
        log_line(LOG_WARN, "no_memory", "doing=image");
        return false;
    }
    checkpointer_submit_image(pipeline->options.checkpointer, &batch);
    return true;
}

void pipeline_begin_image(struct pipeline *pipeline)
{
    if (pipeline->options.images && store_image_wanted(pipeline->options.store, false)) {
        store_image_begin(pipeline->options.store);
    }
}

void pipeline_go_on_with_image(struct pipeline *pipeline)
{
    bool whole = false;

    if (store_image_active(pipeline->options.store) &&
        checkpointer_idle(pipeline->options.checkpointer, &whole)) {
        (void)hand_over(pipeline, BATCH_BYTES);
    }
}

bool pipeline_last_image(struct pipeline *pipeline)
{
    struct checkpointer *checkpointer = pipeline->options.checkpointer;
    struct store *store = pipeline->options.store;
    int64_t until_ms = pipeline->options.mono_ms() + LAST_IMAGE_MS;
    int64_t left_ms = LAST_IMAGE_MS;
    bool whole = false;

    if (!pipeline->options.images || !store_image_wanted(store, true)) {
        return false;
    }
    store_image_begin(store);
    while (store_image_active(store)) {
        if (left_ms <= 0 || !checkpointer_wait(checkpointer, (int)left_ms) ||
            !checkpointer_idle(checkpointer, &whole) || whole ||
            !hand_over(pipeline, LAST_BATCH_BYTES)) {
            return false;
        }
        left_ms = until_ms - pipeline->options.mono_ms();
    }
    return left_ms > 0 && checkpointer_wait(checkpointer, (int)left_ms);
}
