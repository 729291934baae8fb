/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of a minute as bytes for the disk, and back.
 */
#include "storage/event.h"
#include "storage/keys.h"
#include "storage/minutes.h"
#include "storage/pack.h"

enum { ROW_BYTES_MIN = 3 + MINUTE_NUMBERS, OTHER_FLAG = 8 };

void minute_block_pack(const struct minute_block *block, struct packer *packer)
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

enum ctr_status minute_block_unpack(struct unpacker *unpacker, int64_t minute_ms,
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
