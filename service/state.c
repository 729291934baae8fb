/* SPDX-License-Identifier: Apache-2.0 */
#include "service/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/clock.h"
#include "service/lock.h"
#include "service/log.h"
#include "service/settings.h"
#include "storage/checkpoint.h"
#include "storage/copies.h"

/* What happens to the files, for a person. */
static void note(void *owner, enum copies_event event, const char *path, const char *text)
{
    static const struct {
        enum log_level level;
        const char *name;
    } events[COPIES_EVENT_COUNT] = {
        [COPIES_DAMAGED] = {LOG_ERROR, "snapshot_damaged"},
        [COPIES_BEHIND] = {LOG_WARN, "snapshot_behind"},
        [COPIES_FAILED] = {LOG_ERROR, "snapshot_file_failed"},
        [COPIES_REBUILT] = {LOG_INFO, "snapshot_rebuilt"},
        [COPIES_NOT_REBUILT] = {LOG_ERROR, "snapshot_not_rebuilt"},
        [COPIES_HISTORY_LOST] = {LOG_ERROR, "history_lost"},
    };

    (void)owner;
    log_line(events[event].level, events[event].name, "file=\"%.200s\" why=\"%.300s\"", path, text);
}

/* Makes the folder and locks it. */
static enum ctr_status open_folder(const struct config *config, int *ret_lock,
                                   struct ctr_error *reterr)
{
    if (mkdir(config->data_dir, 0700) != 0 && errno != EEXIST) {
        return ctr_fail(reterr, CTR_IO,
                        "data_dir = %.150s cannot be made: %s; name a folder this user may write",
                        config->data_dir, strerror(errno));
    }
    if (access(config->data_dir, W_OK | X_OK) != 0) {
        return ctr_fail(reterr, CTR_IO, "data_dir = %.150s: %s; name a folder this user may write",
                        config->data_dir, strerror(errno));
    }
    return lock_take(config->data_dir, ret_lock, reterr);
}

static enum ctr_status say_where(const struct config *config, enum ctr_status status,
                                 struct ctr_error *reterr)
{
    if (status != CTR_OK && reterr != NULL) {
        struct ctr_error cause = *reterr;

        return ctr_fail(reterr, status, "data_dir = %.110s: %.195s", config->data_dir, cause.text);
    }
    return status;
}

static enum ctr_status open_copies(const struct config *config, struct copies **ret_copies,
                                   struct ctr_error *reterr)
{
    char paths[COPIES_MAX][CONFIG_TEXT_BYTES + 32];
    const struct copies_options options = {
        .paths = {paths[0], paths[1]}, .count = config->snapshot_copies, .note = note};
    enum ctr_status status = CTR_OK;

    (void)snprintf(paths[0], sizeof paths[0], "%s/livectr.db", config->data_dir);
    (void)snprintf(paths[1], sizeof paths[1], "%s/livectr.2.db", config->data_dir);
    status = copies_open(&options, ret_copies, reterr);
    if (status == CTR_OK) {
        copies_keep(*ret_copies, config->keep_minutes_ms, config->keep_hours_ms);
        return status;
    }
    if (status == CTR_RETRY) {
        return ctr_fail(reterr, CTR_RETRY,
                        "data_dir = %.150s is in use by another livectr; stop that one, or name "
                        "another data_dir",
                        config->data_dir);
    }
    return say_where(config, status, reterr);
}

/* From the newest file that is whole, and makes sense. */
static enum ctr_status load_store(const struct config *config, struct copies *copies,
                                  struct state *state, struct ctr_error *reterr)
{
    struct store_options options;
    struct checkpoint *checkpoint = NULL;
    enum ctr_status status = settings_store_options(config, &options, reterr);
    int64_t begun_ms = clock_mono_ms();

    if (status != CTR_OK) {
        return status;
    }
    for (;;) {
        status = copies_load(copies, &checkpoint, reterr);
        if (status != CTR_OK) {
            break;
        }
        status = store_restore(&options, checkpoint, &state->store, reterr);
        if (status != CTR_CORRUPT) {
            break;
        }
        if (checkpoint->image != NULL) {
            /* It contradicts what is beside it; the journal tells the same, more slowly. */
            log_line(LOG_WARN, "image_ignored", "effect=longer_start");
            copies_ignore_images(copies);
            checkpoint_free(checkpoint);
            checkpoint = NULL;
            continue;
        }
        copies_reject(copies, reterr == NULL ? "its content makes no sense" : reterr->text);
        checkpoint_free(checkpoint);
        checkpoint = NULL;
    }
    if (status == CTR_NOT_FOUND) {
        return store_new(&options, &state->store, reterr);
    }
    if (status == CTR_OK) {
        state->restored = true;
        log_line(LOG_INFO, "snapshot_loaded", "keys=%zu slices=%zu cut=%llu took_ms=%lld",
                 checkpoint->keys_count, checkpoint->slices_count,
                 (unsigned long long)checkpoint->cut, (long long)(clock_mono_ms() - begun_ms));
        copies_settle(copies);
    }
    checkpoint_free(checkpoint);
    return say_where(config, status, reterr);
}

enum ctr_status state_open(const struct config *config, struct state *ret_state,
                           struct ctr_error *reterr)
{
    struct copies *copies = NULL;
    enum ctr_status status = CTR_OK;

    *ret_state = (struct state){.lock = -1};
    status = open_folder(config, &ret_state->lock, reterr);
    if (status == CTR_OK) {
        status = open_copies(config, &copies, reterr);
    }
    if (status == CTR_OK) {
        status = load_store(config, copies, ret_state, reterr);
    }
    if (status == CTR_OK) {
        status = checkpointer_start(&copies, &ret_state->checkpointer, reterr);
    }
    copies_close(copies);
    if (status != CTR_OK) {
        store_free(ret_state->store);
        lock_release(ret_state->lock);
        *ret_state = (struct state){.lock = -1};
    }
    return status;
}
