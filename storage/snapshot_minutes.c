/* SPDX-License-Identifier: Apache-2.0
 *
 * What a snapshot keeps of time: the journal that people, ids and gaps come from, the minutes that
 * are not final, and the history of those that are.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/history.h"
#include "storage/moment.h"
#include "storage/pack.h"
#include "storage/snapshot_internal.h"

enum {
    EXPIRE_BUDGET_LEAST = 4096,
    PACKED_KEPT_MAX = 4 /* more parts that wait: saves fail, and may for long */
};

/* ---- minutes ------------------------------------------------------------------------------- */

/* Minutes end in order: what lies before the first open one is final. */
static enum ctr_status drop_minutes(struct snapshot *snapshot, const struct checkpoint *from,
                                    struct ctr_error *reterr)
{
    struct sql_statement *drop = snapshot->statements[DROP_MINUTES];

    sql_set_integer(drop, 1, from->minutes_count == 0 ? INT64_MAX : from->minutes[0].minute_ms);
    return sql_do(snapshot->sql, drop, reterr);
}

enum ctr_status snapshot_save_minutes(struct snapshot *snapshot, const struct checkpoint *from,
                                      struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_MINUTE];
    struct packer packer = {0};
    enum ctr_status status = drop_minutes(snapshot, from, reterr);

    for (size_t i = 0; i < from->minutes_count && status == CTR_OK; i++) {
        const struct checkpoint_minute *minute = &from->minutes[i];

        if (minute->block == NULL) {
            continue;
        }
        packer.length = 0;
        minute_block_pack(minute->block, &packer);
        if (packer.failed) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save a minute");
            break;
        }
        sql_set_integer(put, 1, minute->minute_ms);
        sql_set_integer(put, 2,
                        snapshot_checksum(&minute->minute_ms, 1, packer.bytes, packer.length));
        sql_set_bytes(put, 3, packer.bytes, packer.length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    return status;
}

/* ---- journals ------------------------------------------------------------------------------ */

enum ctr_status snapshot_save_journals(struct snapshot *snapshot, const struct checkpoint *from,
                                       struct ctr_error *reterr)
{
    struct sql_statement *put = snapshot->statements[PUT_JOURNAL];
    struct sql_statement *drop = snapshot->statements[DROP_JOURNAL];
    struct packer packer = {0};
    enum ctr_status status = CTR_OK;

    for (size_t i = 0; i < from->journals_count && status == CTR_OK; i++) {
        struct journal_part *part = from->journals[i];
        const int64_t numbers[] = {(int64_t)part->cut, part->newest_ms};
        const unsigned char *bytes = NULL;
        size_t length = 0;

        if (part->cut <= snapshot->cut) {
            continue; /* in the file since an earlier save */
        }
        if (journal_packed(part, from->journals_count <= PACKED_KEPT_MAX, &packer, &bytes,
                           &length) != CTR_OK) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save the newest events");
            break;
        }
        sql_set_integer(put, 1, numbers[0]);
        sql_set_integer(put, 2, numbers[1]);
        sql_set_integer(put, 3, snapshot_checksum(numbers, 2, bytes, length));
        sql_set_bytes(put, 4, bytes, length);
        status = sql_do(snapshot->sql, put, reterr);
    }
    packer_done(&packer);
    if (status != CTR_OK) {
        return status;
    }
    sql_set_integer(drop, 1, from->journal_from_ms);
    return sql_do(snapshot->sql, drop, reterr);
}

/* ---- history ------------------------------------------------------------------------------- */

enum ctr_status snapshot_save_history(struct snapshot *snapshot, const struct checkpoint *from,
                                      struct ctr_error *reterr)
{
    const struct history_limits limits = {.to_ms = from->to_ms,
                                          .keep_minutes_ms = snapshot->keep_minutes_ms,
                                          .keep_hours_ms = snapshot->keep_hours_ms};
    const struct minute_block **blocks = calloc(from->finished_count + 1, sizeof *blocks);
    size_t count = 0;
    size_t budget = EXPIRE_BUDGET_LEAST;
    enum ctr_status status = CTR_OK;

    if (blocks == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save finished minutes");
    }
    for (size_t i = 0; i < from->finished_count; i++) {
        if (from->finished[i]->cut > snapshot->cut) { /* else an earlier save has it */
            blocks[count++] = from->finished[i];
            budget += from->finished[i]->keys_count; /* so many minutes at most are due instead */
        }
    }
    status = history_add(snapshot->history, blocks, count, &limits, reterr);
    free(blocks);
    if (status == CTR_OK && from->to_ms != MOMENT_NONE) {
        status = history_expire(snapshot->history, &limits, budget, reterr);
    }
    return status;
}
