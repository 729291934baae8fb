/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/copies_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/fault_point.h"

enum { FAILURES_MAX = 2, FOLD_FAILURES_MAX = 3 };

/* ---- one file ------------------------------------------------------------------------------ */

void copies_tell(struct copies *copies, enum copies_event event, const struct copy *copy,
                 const char *text)
{
    if (copies->note != NULL) {
        copies->note(copies->owner, event, copy->path, text);
    }
}

void copy_close(struct copies *copies, struct copy *copy)
{
    if (copies->source == copy && copies->copying != NULL) {
        (void)!sql_copy_end(copies->copying, NULL);
        copies->copying = NULL;
        copies->source = NULL;
        copies->target = NULL;
    }
    snapshot_close(copy->snapshot);
    copy->snapshot = NULL;
}

enum ctr_status copy_reopen(struct copies *copies, struct copy *copy, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    if (copies_file_bytes(copy->path) < 0) {
        return ctr_fail(reterr, CTR_CORRUPT, "%.150s is gone", copy->path);
    }
    status = snapshot_open(copy->path, &copy->snapshot, reterr);
    if (status != CTR_OK) {
        return status;
    }
    copy->cut = snapshot_cut(copy->snapshot);
    if (copies->keep_minutes_ms >= 0) {
        snapshot_keep(copy->snapshot, copies->keep_minutes_ms, copies->keep_hours_ms);
    }
    if (copy->suspect) {
        snapshot_suspect(copy->snapshot);
    }
    return CTR_OK;
}

static struct copy *other_of(struct copies *copies, const struct copy *copy)
{
    return copies->count < 2 ? NULL : &copies->items[copy == &copies->items[0]];
}

static bool usable(const struct copy *copy)
{
    return copy != NULL && !copy->rebuild && copy->snapshot != NULL;
}

void copy_found_damaged(struct copies *copies, struct copy *copy, const char *why)
{
    copy_close(copies, copy);
    copy->rebuild = true;
    copy->damaged = true;
    copies->health.damaged++;
    copies_tell(copies, COPIES_DAMAGED, copy, why);
}

/* ---- save ---------------------------------------------------------------------------------- */

/* Whether a file has all that this checkpoint does not bring. */
static bool fits(const struct copy *copy, const struct checkpoint *checkpoint)
{
    return checkpoint->whole ? copy->cut >= checkpoint->since && copy->cut < checkpoint->cut
                             : copy->cut == checkpoint->since;
}

/* A save to it went well, but what of folding its log? */
static void look_at_fold(struct copies *copies, struct copy *copy)
{
    const struct ctr_error *folded = snapshot_folded(copy->snapshot);

    if (folded->status == CTR_OK) {
        copy->failures = 0;
        return;
    }
    copies->health.failures++;
    copy->error = *folded;
    copy->failures++;
    copy->suspect = copy->suspect || snapshot_sync_failed(copy->snapshot) ||
                    copy->failures >= FOLD_FAILURES_MAX;
    copies_tell(copies, COPIES_FAILED, copy, folded->text);
    copy_close(copies, copy);
    if (copy_reopen(copies, copy, &copy->error) == CTR_CORRUPT) {
        copy->error.status = CTR_CORRUPT;
    }
}

/* It could not be saved to: closed, so that nothing goes on from what is only in memory. */
static void save_failed(struct copies *copies, struct copy *copy, enum ctr_status status)
{
    if (status == CTR_NO_MEMORY) {
        return; /* ours, not the file's */
    }
    copies->health.failures++;
    copy->failures++;
    copy->suspect =
        copy->suspect || (copy->snapshot != NULL && snapshot_sync_failed(copy->snapshot));
    copy_close(copies, copy);
    if (status != CTR_CORRUPT && copy_reopen(copies, copy, NULL) != CTR_OK) {
        copy->snapshot = NULL; /* at the next save */
    }
}

static enum ctr_status save_one(struct copies *copies, struct copy *copy,
                                const struct checkpoint *checkpoint, int64_t saved_ms)
{
    enum ctr_status status = CTR_OK;

    if (copy->snapshot == NULL) {
        status = copy_reopen(copies, copy, &copy->error);
    }
    if (status == CTR_OK && !fits(copy, checkpoint)) {
        const struct copy *other = other_of(copies, copy);

        if (other == NULL || other->rebuild || other->cut <= copy->cut) {
            return ctr_fail(&copy->error, CTR_IO, "the checkpoint does not follow the one before");
        }
        copy->rebuild = true;
        copies_tell(copies, COPIES_BEHIND, copy, "it lacks what the other file has");
        copy_close(copies, copy);
        return CTR_RETRY;
    }
    if (status == CTR_OK) {
        status = snapshot_save(copy->snapshot, checkpoint, saved_ms, &copy->error);
    }
    copy->error.status = status;
    if (status == CTR_OK) {
        copy->cut = checkpoint->cut;
        look_at_fold(copies, copy);
    } else {
        save_failed(copies, copy, status);
    }
    return status;
}

/* Both are damaged, or there is only one: what is damaged of the history begins anew there, rather
 * than that nothing can be saved any more. */
static enum ctr_status save_forgiving(struct copies *copies, const struct checkpoint *checkpoint,
                                      int64_t saved_ms, struct ctr_error *reterr)
{
    struct copy *copy = copies->first;
    struct history *history = NULL;
    char text[64];
    uint64_t lost = 0;
    enum ctr_status status = CTR_OK;

    if (copy->snapshot == NULL) {
        status = copy_reopen(copies, copy, reterr);
    }
    if (status != CTR_OK || !fits(copy, checkpoint)) {
        return status == CTR_OK ? CTR_CORRUPT : status;
    }
    history = snapshot_history(copy->snapshot);
    history_forgive(history, true);
    status = snapshot_save(copy->snapshot, checkpoint, saved_ms, reterr);
    history_forgive(history, false);
    lost = history_forgiven(history);
    if (status != CTR_OK) {
        save_failed(copies, copy, status);
        return status;
    }
    copy->cut = checkpoint->cut;
    copy->failures = 0;
    copies->health.history_lost += lost;
    (void)snprintf(text, sizeof text, "blocks=%llu", (unsigned long long)lost);
    copies_tell(copies, COPIES_HISTORY_LOST, copy, text);
    return CTR_OK;
}

/* What follows from how it went with each. */
static void sort_out(struct copies *copies, const struct checkpoint *checkpoint,
                     const enum ctr_status statuses[COPIES_MAX])
{
    bool in_some = false;

    for (unsigned i = 0; i < copies->count; i++) {
        in_some = in_some || statuses[i] == CTR_OK;
    }
    for (unsigned i = 0; i < copies->count; i++) {
        struct copy *copy = &copies->items[i];

        if (statuses[i] == CTR_OK || copy->rebuild) {
            continue;
        }
        if (statuses[i] == CTR_CORRUPT && in_some) {
            copy_found_damaged(copies, copy, copy->error.text);
        } else if (in_some && copy->failures >= FAILURES_MAX) {
            /* The others cannot wait for it: from now on it is behind. */
            copy->rebuild = true;
            copies_tell(copies, COPIES_BEHIND, copy, copy->error.text);
            copy_close(copies, copy);
        } else {
            copies->want_whole = true;
            if (in_some) {
                copies_tell(copies, COPIES_FAILED, copy, copy->error.text);
            }
        }
    }
    for (unsigned i = 0; i < copies->count && in_some; i++) {
        if (statuses[i] == CTR_OK &&
            (copies->first->cut != checkpoint->cut || !usable(copies->first))) {
            copies->first = &copies->items[i];
        }
    }
}

enum ctr_status copies_save(struct copies *copies, const struct checkpoint *checkpoint,
                            int64_t saved_ms, struct ctr_error *reterr)
{
    enum ctr_status statuses[COPIES_MAX] = {CTR_RETRY, CTR_RETRY};
    struct copy *first = copies->first;
    enum ctr_status status = CTR_IO;

    copies->want_whole = false;
    copies->saves++;
    for (size_t n = 0; n < copies->count; n++) {
        size_t at = ((size_t)(first - copies->items) + n) % copies->count;
        struct copy *copy = &copies->items[at];

        if (!copy->rebuild) {
            statuses[at] = save_one(copies, copy, checkpoint, saved_ms);
            if (n == 0 || status != CTR_OK) {
                status = statuses[at];
                if (status != CTR_OK && reterr != NULL && (n == 0 || reterr->text[0] == '\0')) {
                    *reterr = copy->error;
                }
            }
        }
        FAULT_POINT("save_between_copies");
    }
    sort_out(copies, checkpoint, statuses);
    if (status == CTR_CORRUPT) {
        status = save_forgiving(copies, checkpoint, saved_ms, reterr);
    }
    copies->want_whole = copies->want_whole || status != CTR_OK;
    return status;
}

bool copies_want_whole(const struct copies *copies)
{
    return copies->want_whole;
}

/* ---- reading ------------------------------------------------------------------------------- */

struct history *copies_history(const struct copies *copies)
{
    return usable(copies->first) ? snapshot_history(copies->first->snapshot) : NULL;
}

uint64_t copies_cut(const struct copies *copies)
{
    return copies->first->cut;
}

bool copies_history_failed(struct copies *copies, enum ctr_status status, const char *why)
{
    struct copy *failed = copies->first;
    struct copy *other = other_of(copies, failed);

    if ((status != CTR_CORRUPT && status != CTR_IO) || !usable(other) ||
        other->cut != failed->cut) {
        return false;
    }
    copies->first = other;
    if (status == CTR_CORRUPT) {
        copy_found_damaged(copies, failed, why);
    }
    return true;
}

/* ---- the rest ------------------------------------------------------------------------------ */

void copies_keep(struct copies *copies, int64_t minutes_ms, int64_t hours_ms)
{
    copies->keep_minutes_ms = minutes_ms;
    copies->keep_hours_ms = hours_ms;
    for (unsigned i = 0; i < copies->count; i++) {
        if (copies->items[i].snapshot != NULL) {
            snapshot_keep(copies->items[i].snapshot, minutes_ms, hours_ms);
        }
    }
}

void copies_health(const struct copies *copies, struct copies_health *ret_health)
{
    *ret_health = copies->health;
    ret_health->wanted = copies->count;
    ret_health->good = 0;
    ret_health->bytes = 0;
    for (unsigned i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->items[i];

        if (usable(copy)) {
            ret_health->good += copy->cut == copies->first->cut && !copy->suspect;
            ret_health->bytes += snapshot_bytes(copy->snapshot);
        }
    }
}

void copies_close(struct copies *copies)
{
    if (copies == NULL) {
        return;
    }
    for (unsigned i = 0; i < copies->count; i++) {
        copy_close(copies, &copies->items[i]);
    }
    if (copies->folder >= 0) {
        (void)close(copies->folder);
    }
    free(copies);
}

/* ---- images -------------------------------------------------------------------------------- */

/* The other file is made the same cuts of, but has no image: it is loaded where the first one is
 * damaged, which is seldom enough for a long start. */
enum ctr_status copies_put_image(struct copies *copies, const struct image_batch *batch,
                                 struct ctr_error *reterr)
{
    return usable(copies->first) ? snapshot_put_image(copies->first->snapshot, batch, reterr)
                                 : CTR_OK;
}

void copies_ignore_images(struct copies *copies)
{
    for (unsigned i = 0; i < copies->count; i++) {
        if (copies->items[i].snapshot != NULL) {
            snapshot_ignore_image(copies->items[i].snapshot);
        }
    }
}
