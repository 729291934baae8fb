/* SPDX-License-Identifier: Apache-2.0
 *
 * Saving a checkpoint: one transaction, then the log is folded into the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/fault_point.h"
#include "storage/hash.h"
#include "storage/history.h"
#include "storage/pack.h"
#include "storage/snapshot_internal.h"

enum { SHRINK_PAGES = 256 };

static enum ctr_status put_integer(struct snapshot *snapshot, const char *name, int64_t value,
                                   struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_META];

    sql_set_text(put, 1, name);
    sql_set_integer(put, 2, value);
    return sql_do(snapshot->sql, put, reterr);
}

static enum ctr_status save_meta(struct snapshot *snapshot, const struct checkpoint *from,
                                 int64_t saved_ms, int64_t journals, struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_META];
    const int64_t values[META_COUNT] = {
        [META_AS_OF] = from->as_of_ms,
        [META_TO] = from->to_ms,
        [META_COVERED_FROM] = from->covered_from_ms,
        [META_KEYS_FOLDED] = (int64_t)from->keys_folded,
        [META_CLOCK] = from->clock,
        [META_PAGE_IMPRESSIONS] = from->page_impressions,
        [META_PARTITIONS] = (int64_t)from->partitions_count,
        [META_KEYS] = (int64_t)from->keys_total,
        [META_SLICES] = (int64_t)from->slices_total,
        [META_HELD] = (int64_t)from->buckets_total,
        [META_SAVED_AT] = saved_ms,
        [META_CUT] = (int64_t)from->cut,
        [META_PEOPLE_HORIZON] = from->people_horizon_ms,
        [META_DEDUP_HORIZON] = from->dedup_horizon_ms,
        [META_CLICK_GAP] = from->click_gap_ms,
        [META_SECRET_CHECK] = from->secret_check,
        [META_REPEATED] = (int64_t)from->repeated,
        [META_JOURNALS] = journals,
        [META_MINUTES] = (int64_t)from->minutes_count,
    };
    char windows[WINDOWS_MAX * (WINDOW_NAME_BYTES + 1)] = "";
    size_t length = 0;
    enum ctr_status status = CTR_OK;

    for (size_t w = 0; w < from->windows.count; w++) {
        length += (size_t)snprintf(windows + length, sizeof windows - length, "%s%s",
                                   w == 0 ? "" : ",", from->windows.items[w].name);
    }
    for (size_t i = 0; i < META_COUNT && status == CTR_OK; i++) {
        status = put_integer(snapshot, snapshot_meta_names[i], values[i], reterr);
    }
    if (status == CTR_OK) {
        status = put_integer(snapshot, "checksum",
                             snapshot_checksum(values, META_COUNT, windows, length), reterr);
    }
    if (status != CTR_OK) {
        return status;
    }
    sql_set_text(put, 1, "windows");
    sql_set_text(put, 2, windows);
    return sql_do(snapshot->sql, put, reterr);
}

static enum ctr_status save_partitions(struct snapshot *snapshot, const struct checkpoint *from,
                                       struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_PARTITION];
    struct packer packer = {0};
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->partitions_count && status == CTR_OK; i++) {
        const int64_t number = (int64_t)i;

        packer.length = 0;
        snapshot_pack_partition(&from->partitions[i], &packer);
        if (packer.failed) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save the positions");
            break;
        }
        sql_set_integer(put, 1, number);
        sql_set_integer(put, 2, snapshot_checksum(&number, 1, packer.bytes, packer.length));
        sql_set_bytes(put, 3, packer.bytes, packer.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    return status;
}

/* Keys that are gone are no list of their own: see snapshot_save_keys(). */
static enum ctr_status save_gone(struct snapshot *snapshot, const struct checkpoint *from,
                                 struct ctr_error *reterr)
{
    struct sql_statement **statements = snapshot->statements;
    enum ctr_status status = CTR_OK;

    if (from->whole) {
        return sql_run(snapshot->sql,
                       "DELETE FROM key; DELETE FROM slice; DELETE FROM held;"
                       "DELETE FROM partition; DELETE FROM minute",
                       reterr);
    }
    for (size_t i = 0; i < from->slices_gone_count && status == CTR_OK; i++) {
        sql_set_integer(statements[DROP_SLICE], 1, from->slices_gone[i].grain_ms);
        sql_set_integer(statements[DROP_SLICE], 2, from->slices_gone[i].start_ms);
        status = sql_do(snapshot->sql, statements[DROP_SLICE], reterr);
    }
    for (size_t i = 0; i < from->buckets_gone_count && status == CTR_OK; i++) {
        sql_set_integer(statements[DROP_HELD], 1, from->buckets_gone[i]);
        status = sql_do(snapshot->sql, statements[DROP_HELD], reterr);
    }
    return status;
}

static enum ctr_status save_slices(struct snapshot *snapshot, const struct checkpoint *from,
                                   struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_SLICE];
    struct packer packer = {0};
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->slices_count && status == CTR_OK; i++) {
        const struct checkpoint_slice *slice = &from->slices[i];
        const int64_t numbers[] = {slice->grain_ms, slice->start_ms, (int64_t)slice->count};
        int64_t before = 0;

        packer.length = 0;
        for (size_t c = 0; c < slice->count; c++) {
            pack_signed(&packer, (int64_t)slice->cells[c].key - before);
            pack_signed(&packer, slice->cells[c].impressions);
            pack_signed(&packer, slice->cells[c].clicks);
            before = slice->cells[c].key;
        }
        if (packer.failed) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save a slice");
            break;
        }
        sql_set_integer(put, 1, numbers[0]);
        sql_set_integer(put, 2, numbers[1]);
        sql_set_integer(put, 3, numbers[2]);
        sql_set_integer(put, 4, snapshot_checksum(numbers, 3, packer.bytes, packer.length));
        sql_set_bytes(put, 5, packer.bytes, packer.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    return status;
}

static enum ctr_status save_held(struct snapshot *snapshot, const struct checkpoint *from,
                                 struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_HELD];
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->buckets_count && status == CTR_OK; i++) {
        const struct checkpoint_bucket *bucket = &from->buckets[i];
        const int64_t numbers[] = {bucket->apply_ms, (int64_t)bucket->count};

        sql_set_integer(put, 1, numbers[0]);
        sql_set_integer(put, 2, numbers[1]);
        sql_set_integer(put, 3, snapshot_checksum(numbers, 2, bucket->bytes, bucket->length));
        sql_set_bytes(put, 4, bucket->bytes, bucket->length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    return status;
}

/* All that is done between BEGIN and COMMIT. */
static enum ctr_status save_all(struct snapshot *snapshot, const struct checkpoint *checkpoint,
                                int64_t saved_ms, struct ctr_error *reterr)
{
    typedef enum ctr_status step(struct snapshot *, const struct checkpoint *, struct ctr_error *);
    static step *const steps[] = {
        save_gone, save_partitions,        snapshot_save_keys,    save_slices,
        save_held, snapshot_save_journals, snapshot_save_minutes, snapshot_save_history};
    int64_t journals = 0;
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && status == CTR_OK; i++) {
        FAULT_POINT("save_step");
        status = steps[i](snapshot, checkpoint, reterr);
    }
    if (status == CTR_OK) {
        status = sql_integer(snapshot->sql, "SELECT count(*) FROM journal", &journals, reterr);
    }
    if (status == CTR_OK) {
        FAULT_POINT("save_meta");
        status = save_meta(snapshot, checkpoint, saved_ms, journals, reterr);
    }
    if (status == CTR_OK) {
        FAULT_POINT("save_image_name");
        status = snapshot_name_image(snapshot, reterr);
    }
    return status == CTR_OK ? sql_shrink(snapshot->sql, SHRINK_PAGES, reterr) : status;
}

enum ctr_status snapshot_save(struct snapshot *snapshot, const struct checkpoint *checkpoint,
                              int64_t saved_ms, struct ctr_error *reterr)
{
    enum ctr_status status = CTR_OK;

    FAULT_POINT("save_begin");
    status = sql_run(snapshot->sql, "BEGIN IMMEDIATE", reterr);
    if (status == CTR_OK) {
        status = save_all(snapshot, checkpoint, saved_ms, reterr);
    }
    if (status == CTR_OK) {
        FAULT_POINT("save_commit");
        status = sql_run(snapshot->sql, "COMMIT", reterr);
    }
    if (status != CTR_OK) {
        sql_rollback(snapshot->sql);
        history_forget(snapshot->history);
        return status;
    }
    FAULT_POINT("save_committed");
    snapshot->cut = checkpoint->cut;
    snapshot_image_named(snapshot);
    /* The log is folded into the file each time, so that it stays small. The save itself is done:
     * where folding fails the next save tries again. */
    if (snapshot->suspect || sql_fold_log(snapshot->sql, &snapshot->folded) == CTR_OK) {
        snapshot->folded = (struct ctr_error){.status = CTR_OK};
    }
    FAULT_POINT("save_folded");
    return CTR_OK;
}
