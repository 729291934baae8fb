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

enum { EXPIRE_BUDGET = 4096, ROW_BYTES_MIN = 3 + MINUTE_NUMBERS, OTHER_FLAG = 8 };

/* ---- minutes ------------------------------------------------------------------------------- */

void snapshot_pack_minute(const struct minute_block *block, struct packer *packer)
{
    pack_unsigned(packer, block->rows_count);
    for (size_t i = 0; i < block->rows_count; i++) {
        const struct minute_row *row = &block->rows[i];
        struct minute_key key = minute_block_key(block, row->key);

        pack_unsigned(packer, (uint64_t)key.level | (key.other ? OTHER_FLAG : 0));
        pack_hash(packer, key.hash);
        pack_bytes(packer, key.page.bytes, key.page.length);
        pack_bytes(packer, key.box.bytes, key.box.length);
        for (int n = 0; n < MINUTE_NUMBERS; n++) {
            pack_signed(packer, row->numbers[n]);
        }
    }
}

static enum ctr_status unpack_row(struct unpacker *unpacker, struct minute_block *block)
{
    struct minute_key key = {0};
    struct minute_row *row = NULL;
    uint64_t level = unpack_unsigned(unpacker);

    key.hash = unpack_hash(unpacker);
    key.page.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &key.page.length);
    key.box.bytes = unpack_bytes(unpacker, EVENT_ID_BYTES_MAX, &key.box.length);
    key.level = (uint8_t)(level & (OTHER_FLAG - 1));
    key.other = (level & OTHER_FLAG) != 0;
    if (unpacker->failed || level >= UINT64_C(2) * OTHER_FLAG || key.level >= LEVEL_COUNT) {
        return CTR_CORRUPT;
    }
    if (minute_block_row(block, &key, KEY_NONE, block->minute_ms, &row) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (int n = 0; n < MINUTE_NUMBERS; n++) {
        row->numbers[n] = (int32_t)unpack_signed(unpacker);
    }
    return unpacker->failed ? CTR_CORRUPT : CTR_OK;
}

enum ctr_status snapshot_unpack_minute(struct unpacker *unpacker, int64_t minute_ms,
                                       struct minute_block **ret_block)
{
    uint64_t count = unpack_unsigned(unpacker);
    struct minute_block *block = minute_block_new(minute_ms);
    enum ctr_status status = CTR_OK;

    if (block == NULL) {
        return CTR_NO_MEMORY;
    }
    if (count > (uint64_t)(unpacker->end - unpacker->at) / ROW_BYTES_MIN) {
        status = CTR_CORRUPT;
    }
    for (uint64_t i = 0; i < count && status == CTR_OK; i++) {
        status = unpack_row(unpacker, block);
    }
    if (status == CTR_OK && (unpacker->failed || unpacker->at != unpacker->end)) {
        status = CTR_CORRUPT;
    }
    if (status != CTR_OK) {
        minute_block_give(block);
        return status;
    }
    *ret_block = block;
    return CTR_OK;
}

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
        snapshot_pack_minute(minute->block, &packer);
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
        const struct journal_part *part = from->journals[i];

        if (part->cut <= snapshot->cut) {
            continue; /* in the file since an earlier save */
        }
        packer.length = 0;
        if (journal_pack(part, &packer) != CTR_OK) {
            status = ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save the newest events");
            break;
        }
        sql_set_integer(put, 1, part->newest_ms);
        sql_set_integer(put, 2,
                        snapshot_checksum(&part->newest_ms, 1, packer.bytes, packer.length));
        sql_set_bytes(put, 3, packer.bytes, packer.length);
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
    enum ctr_status status = CTR_OK;

    if (blocks == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to save finished minutes");
    }
    for (size_t i = 0; i < from->finished_count; i++) {
        if (from->finished[i]->cut > snapshot->cut) { /* else an earlier save has it */
            blocks[count++] = from->finished[i];
        }
    }
    status = history_add(snapshot->history, blocks, count, &limits, reterr);
    free(blocks);
    if (status == CTR_OK && from->to_ms != MOMENT_NONE) {
        status = history_expire(snapshot->history, &limits, EXPIRE_BUDGET, reterr);
    }
    return status;
}
