/* SPDX-License-Identifier: Apache-2.0
 *
 * Making a file again from a good one, a piece at a time.
 */
#include <unistd.h>

#include "storage/copies_internal.h"
#include "storage/fault_point.h"

enum { STEP_PAGES = 256, WAIT_SAVES_MAX = 64 };

/* What is to be made again: first what is not used, then what is not trusted. */
static struct copy *find_target(struct copies *copies)
{
    for (unsigned i = 0; i < copies->count; i++) {
        if (copies->items[i].rebuild) {
            return &copies->items[i];
        }
    }
    for (unsigned i = 0; i < copies->count; i++) {
        if (copies->items[i].suspect && copies->items[i].snapshot != NULL) {
            return &copies->items[i];
        }
    }
    return NULL;
}

/* From what: another one with the newest cut that is trusted, or else the one that is read from. */
static struct copy *find_source(struct copies *copies, const struct copy *target)
{
    for (unsigned i = 0; i < copies->count; i++) {
        struct copy *copy = &copies->items[i];

        if (copy != target && copy->snapshot != NULL && !copy->rebuild && !copy->suspect &&
            copy->cut == copies->first->cut) {
            return copy;
        }
    }
    return copies->first->snapshot != NULL && !copies->first->rebuild ? copies->first : NULL;
}

static void give_up(struct copies *copies, const struct ctr_error *error)
{
    char part[COPIES_NAME_BYTES];
    struct copy *target = copies->target;
    uint64_t wait = UINT64_C(1) << (copies->mend_failures < 6 ? copies->mend_failures : 6);

    (void)!sql_copy_end(copies->copying, NULL);
    copies->copying = NULL;
    copies->source = NULL;
    copies->target = NULL;
    copies_name(part, target->path, ".part");
    (void)unlink(part);
    copies->mend_failures++;
    copies->mend_after = copies->saves + (wait > WAIT_SAVES_MAX ? WAIT_SAVES_MAX : wait);
    copies_tell(copies, COPIES_NOT_REBUILT, target, error->text);
}

static bool begin(struct copies *copies)
{
    char part[COPIES_NAME_BYTES];
    struct ctr_error error = {.text = ""};

    if (copies->saves < copies->mend_after) {
        return false;
    }
    copies->target = find_target(copies);
    copies->source = copies->target == NULL ? NULL : find_source(copies, copies->target);
    if (copies->source == NULL || copies->source->cut == 0) {
        copies->target = NULL;
        return false;
    }
    FAULT_POINT("mend_begin");
    copies_name(part, copies->target->path, ".part");
    if (sql_copy_begin(snapshot_sql(copies->source->snapshot), part, &copies->copying, &error) !=
        CTR_OK) {
        give_up(copies, &error);
        return false;
    }
    return true;
}

/* The copy is complete: it takes the place of the file. */
static enum ctr_status install(struct copies *copies, struct ctr_error *reterr)
{
    struct copy *target = copies->target;
    uint64_t cut = copies->source->cut;
    struct sql_copy *copying = copies->copying;
    struct ctr_error ignored;
    enum ctr_status status = CTR_OK;

    copies->copying = NULL;
    status = sql_copy_end(copying, reterr);
    FAULT_POINT("mend_copied");
    if (status != CTR_OK) {
        return status;
    }
    copy_close(copies, target);
    if (target->damaged && copies_file_bytes(target->path) >= 0 &&
        copies_put_aside(target->path, &ignored) != CTR_OK) {
        target->damaged = false; /* it cannot be kept */
    }
    status = copies_install(target->path, reterr);
    if (status == CTR_OK) {
        target->suspect = false;
        status = copy_reopen(copies, target, reterr);
    } else if (!target->rebuild && copy_reopen(copies, target, NULL) != CTR_OK) {
        target->snapshot = NULL; /* at the next save */
    }
    if (status == CTR_OK && target->cut != cut) {
        copy_close(copies, target);
        status = ctr_fail(reterr, CTR_CORRUPT, "the copy is of another cut");
    }
    FAULT_POINT("mend_installed");
    return status;
}

static void finish(struct copies *copies)
{
    struct copy *target = copies->target;
    struct ctr_error error = {.text = ""};

    if (install(copies, &error) != CTR_OK) {
        give_up(copies, &error);
        return;
    }
    target->rebuild = false;
    target->damaged = false;
    target->failures = 0;
    copies->target = NULL;
    copies->source = NULL;
    copies->mend_failures = 0;
    copies->health.rebuilt++;
    copies_tell(copies, COPIES_REBUILT, target, "");
}

bool copies_mend(struct copies *copies)
{
    struct ctr_error error = {.text = ""};
    struct copy *source = NULL;
    enum ctr_status status = CTR_OK;

    if (copies->copying == NULL && !begin(copies)) {
        return false;
    }
    FAULT_POINT("mend_step");
    source = copies->source;
    status = sql_copy_step(copies->copying, STEP_PAGES, &error);
    if (status == CTR_OK) {
        return true;
    }
    if (status == CTR_NOT_FOUND) {
        finish(copies);
        return copies->saves >= copies->mend_after && find_target(copies) != NULL;
    }
    give_up(copies, &error);
    if (status == CTR_CORRUPT && copies_history_failed(copies, status, error.text)) {
        return source != copies->first; /* the other one is good */
    }
    return false;
}
