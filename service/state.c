/* SPDX-License-Identifier: Apache-2.0 */
#include "service/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/log.h"
#include "service/settings.h"
#include "storage/checkpoint.h"
#include "storage/snapshot.h"

static enum ctr_status open_snapshot(const struct config *config, struct snapshot **ret_snapshot,
                                     struct ctr_error *reterr)
{
    char path[CONFIG_TEXT_BYTES + 32];
    enum ctr_status status = CTR_OK;

    if (mkdir(config->data_dir, 0700) != 0 && errno != EEXIST) {
        return ctr_fail(reterr, CTR_IO,
                        "data_dir = %.150s cannot be made: %s; name a folder this user may write",
                        config->data_dir, strerror(errno));
    }
    if (access(config->data_dir, W_OK | X_OK) != 0) {
        return ctr_fail(reterr, CTR_IO, "data_dir = %.150s: %s; name a folder this user may write",
                        config->data_dir, strerror(errno));
    }
    (void)snprintf(path, sizeof path, "%s/livectr.db", config->data_dir);
    status = snapshot_open(path, ret_snapshot, reterr);
    if (status == CTR_OK) {
        snapshot_keep(*ret_snapshot, config->keep_minutes_ms, config->keep_hours_ms);
    }
    if (status == CTR_RETRY) {
        return ctr_fail(reterr, CTR_RETRY,
                        "data_dir = %.150s is in use by another livectr; stop that one, or name "
                        "another data_dir",
                        config->data_dir);
    }
    if (status != CTR_OK && reterr != NULL) {
        struct ctr_error cause = *reterr;

        return ctr_fail(reterr, status, "data_dir = %.120s: %.180s", config->data_dir, cause.text);
    }
    return status;
}

static enum ctr_status load_store(const struct config *config, struct snapshot *snapshot,
                                  struct state *state, struct ctr_error *reterr)
{
    struct store_options options;
    struct checkpoint *checkpoint = NULL;
    enum ctr_status status = settings_store_options(config, &options, reterr);
    int64_t begun_ms = clock_mono_ms();

    if (status != CTR_OK) {
        return status;
    }
    status = snapshot_load(snapshot, &checkpoint, reterr);
    if (status == CTR_NOT_FOUND) {
        return store_new(&options, &state->store, reterr);
    }
    if (status == CTR_OK) {
        status = store_restore(&options, checkpoint, &state->store, reterr);
    }
    if (status == CTR_OK) {
        state->restored = true;
        log_line(LOG_INFO, "snapshot_loaded", "keys=%zu slices=%zu took_ms=%lld",
                 checkpoint->keys_count, checkpoint->slices_count,
                 (long long)(clock_mono_ms() - begun_ms));
    } else if (reterr != NULL) {
        struct ctr_error cause = *reterr;

        (void)ctr_fail(reterr, status, "data_dir = %.120s: %.180s", config->data_dir, cause.text);
    }
    checkpoint_free(checkpoint);
    return status;
}

enum ctr_status state_open(const struct config *config, struct state *ret_state,
                           struct ctr_error *reterr)
{
    struct snapshot *snapshot = NULL;
    enum ctr_status status = open_snapshot(config, &snapshot, reterr);

    *ret_state = (struct state){.store = NULL};
    if (status == CTR_OK) {
        status = load_store(config, snapshot, ret_state, reterr);
    }
    if (status == CTR_OK) {
        status = checkpointer_start(&snapshot, &ret_state->checkpointer, reterr);
    }
    snapshot_close(snapshot);
    if (status != CTR_OK) {
        store_free(ret_state->store);
        *ret_state = (struct state){.store = NULL};
    }
    return status;
}
