/* SPDX-License-Identifier: Apache-2.0
 *
 * The start: looking at all files, choosing what is loaded, and what becomes of the others.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/copies_internal.h"
#include "storage/fault_point.h"

/* ---- looking ------------------------------------------------------------------------------- */

/* Notes what is wrong with a file instead of failing, where the other one may be good. */
static enum ctr_status look(struct copy *copy, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    copy->error = (struct ctr_error){.status = CTR_OK};
    if (copies_file_bytes(copy->path) <= 0) {
        copy->rebuild = true; /* or made, if no file holds anything */
        return CTR_OK;
    }
    status = snapshot_look(copy->path, &copy->snapshot, &copy->error);
    if (status == CTR_OK) {
        copy->cut = snapshot_cut(copy->snapshot);
        return CTR_OK;
    }
    if (status == CTR_CORRUPT || status == CTR_IO) {
        copy->rebuild = true;
        return CTR_OK;
    }
    if (reterr != NULL) {
        *reterr = copy->error;
    }
    return status;
}

/* A file of no bytes is what a first start leaves that was killed, unless something was saved. */
static void look_at_empty(struct copies *copies)
{
    bool saved = false;

    for (unsigned i = 0; i < copies->count; i++) {
        saved = saved || copies->items[i].cut > 0;
    }
    for (unsigned i = 0; i < copies->count && saved; i++) {
        struct copy *copy = &copies->items[i];

        if (copies_file_bytes(copy->path) == 0) {
            (void)ctr_fail(&copy->error, CTR_CORRUPT, "%.150s is empty", copy->path);
        }
    }
}

/* Nothing is there yet. */
static enum ctr_status make_all(struct copies *copies, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (unsigned i = 0; i < copies->count && status == CTR_OK; i++) {
        struct copy *copy = &copies->items[i];

        if (copy->snapshot == NULL) {
            status = snapshot_open(copy->path, &copy->snapshot, reterr);
            copy->rebuild = status != CTR_OK;
        } else {
            status = snapshot_own(copy->snapshot, reterr);
        }
    }
    return status;
}

static enum ctr_status look_at_all(struct copies *copies, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    for (unsigned i = 0; i < copies->count && status == CTR_OK; i++) {
        status = copies_tidy(copies->items[i].path, reterr);
    }
    for (unsigned i = 0; i < copies->count && status == CTR_OK; i++) {
        status = look(&copies->items[i], reterr);
    }
    look_at_empty(copies);
    return status;
}

/* Whether no file holds anything, and none is damaged. */
static bool nothing_saved(const struct copies *copies)
{
    for (unsigned i = 0; i < copies->count; i++) {
        if (copies->items[i].cut > 0 || copies->items[i].error.status != CTR_OK) {
            return false;
        }
    }
    return true;
}

enum ctr_status copies_open(const struct copies_options *options, struct copies **ret_copies,
                            struct ctr_error *reterr)
{
    struct copies *copies = calloc(1, sizeof *copies);
    enum ctr_status status = CTR_OK;

    if (copies == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to open the snapshot");
    }
    CTR_ASSERT(options->count >= 1 && options->count <= COPIES_MAX);
    copies->count = options->count;
    copies->first = &copies->items[0];
    copies->folder = -1;
    copies->note = options->note;
    copies->owner = options->owner;
    copies->keep_minutes_ms = -1;
    for (unsigned i = 0; i < copies->count; i++) {
        copies_name(copies->items[i].path, options->paths[i], "");
    }
    status = copies_lock_folder(copies->items[0].path, &copies->folder, reterr);
    if (status == CTR_OK) {
        status = look_at_all(copies, reterr);
    }
    if (status == CTR_OK && nothing_saved(copies)) {
        status = make_all(copies, reterr);
    }
    if (status != CTR_OK) {
        copies_close(copies);
        return status;
    }
    *ret_copies = copies;
    return CTR_OK;
}

/* ---- loading ------------------------------------------------------------------------------- */

/* The newest that is not known to be bad. */
static struct copy *newest(struct copies *copies)
{
    struct copy *found = NULL;

    for (unsigned i = 0; i < copies->count; i++) {
        struct copy *copy = &copies->items[i];

        if (!copy->rebuild && copy->cut > 0 && (found == NULL || copy->cut > found->cut)) {
            found = copy;
        }
    }
    return found;
}

static void reject(struct copies *copies, struct copy *copy, const char *why)
{
    copy_close(copies, copy);
    copy->rebuild = true;
    if (copy->error.status == CTR_OK || copy->error.text[0] == '\0') {
        (void)ctr_fail(&copy->error, CTR_CORRUPT, "%.250s", why);
    }
}

/* What is wrong with the newest of them. */
static enum ctr_status none_is_good(const struct copies *copies, struct ctr_error *reterr)
{
    const struct copy *worst = NULL;

    for (unsigned i = 0; i < copies->count; i++) {
        const struct copy *copy = &copies->items[i];

        if (copy->error.status != CTR_OK && (worst == NULL || copy->cut > worst->cut)) {
            worst = copy;
        }
    }
    if (worst == NULL) {
        return CTR_NOT_FOUND;
    }
    if (worst->error.status == CTR_IO) {
        return ctr_fail(reterr, CTR_IO, "%s", worst->error.text);
    }
    return ctr_fail(reterr, CTR_CORRUPT,
                    "no file of the snapshot is good: %.160s; name another data_dir, or move its "
                    "livectr*.db away to begin anew",
                    worst->error.text);
}

enum ctr_status copies_load(struct copies *copies, struct checkpoint **ret_checkpoint,
                            struct ctr_error *reterr)
{
    struct copy *copy = newest(copies);

    for (; copy != NULL; copy = newest(copies)) {
        enum ctr_status status = CTR_OK;

        if (snapshot_history(copy->snapshot) == NULL) {
            status = snapshot_own(copy->snapshot, &copy->error);
        }
        if (status == CTR_OK) {
            status = snapshot_load(copy->snapshot, ret_checkpoint, &copy->error);
        }
        if (status == CTR_OK) {
            copies->loaded = copy;
            copies->first = copy;
            return CTR_OK;
        }
        if (status == CTR_NO_MEMORY || status == CTR_RETRY || status == CTR_INVALID) {
            return ctr_fail(reterr, status, "%s", copy->error.text);
        }
        copy->error.status = status;
        reject(copies, copy, "it holds nothing");
    }
    return none_is_good(copies, reterr);
}

void copies_reject(struct copies *copies, const char *why)
{
    if (copies->loaded != NULL) {
        copies->loaded->error = (struct ctr_error){.status = CTR_OK};
        reject(copies, copies->loaded, why);
        copies->loaded = NULL;
    }
}

/* ---- settling ------------------------------------------------------------------------------ */

/* A file that is not the one that was loaded. */
static void settle_other(struct copies *copies, struct copy *copy)
{
    struct ctr_error error = {.text = ""};

    if (copy->snapshot != NULL && !copy->rebuild && copy->cut == copies->first->cut) {
        if (snapshot_own(copy->snapshot, &copy->error) == CTR_OK) {
            return;
        }
    } else if (copy->error.status == CTR_OK) {
        bool missing = copy->snapshot == NULL;

        copy_close(copies, copy);
        copy->rebuild = true;
        copies_tell(copies, COPIES_BEHIND, copy,
                    missing ? "it is missing" : "it lacks what the other file has");
        return;
    }
    copy_found_damaged(copies, copy, copy->error.text);
    FAULT_POINT("settle_damaged");
    if (copies_put_aside(copy->path, &error) == CTR_OK) {
        copy->damaged = false;
    }
}

void copies_settle(struct copies *copies)
{
    for (unsigned i = 0; i < copies->count && copies->loaded != NULL; i++) {
        if (&copies->items[i] != copies->loaded) {
            settle_other(copies, &copies->items[i]);
        }
    }
}
