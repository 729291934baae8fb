/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/checkpoint.h"

#include <stdlib.h>

#include "storage/image.h"
#include "storage/pack.h"

enum ctr_status checkpoint_minute_open(const struct checkpoint_minute *minute,
                                       struct minute_block **ret_block)
{
    struct unpacker unpacker = {.at = minute->bytes};

    if (minute->block != NULL) {
        minute_block_take(minute->block);
        *ret_block = minute->block;
        return CTR_OK;
    }
    if (minute->bytes == NULL) {
        return CTR_CORRUPT;
    }
    unpacker.end = minute->bytes + minute->length;
    return minute_block_unpack(&unpacker, minute->minute_ms, ret_block);
}

enum ctr_status checkpoint_open_minutes(struct checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->minutes_count; i++) {
        struct checkpoint_minute *minute = &checkpoint->minutes[i];
        struct minute_block *block = NULL;
        enum ctr_status status = checkpoint_minute_open(minute, &block);

        if (status != CTR_OK) {
            return status;
        }
        minute_block_give(minute->block); /* the use that it had, if it had one */
        minute->block = block;
    }
    return CTR_OK;
}

void checkpoint_free(struct checkpoint *checkpoint)
{
    if (checkpoint == NULL) {
        return;
    }
    for (size_t i = 0; checkpoint->slices != NULL && i < checkpoint->slices_count; i++) {
        free(checkpoint->slices[i].cells);
    }
    for (size_t i = 0; checkpoint->buckets != NULL && i < checkpoint->buckets_count; i++) {
        free(checkpoint->buckets[i].bytes);
    }
    for (size_t i = 0; checkpoint->journals != NULL && i < checkpoint->journals_count; i++) {
        journal_part_give(checkpoint->journals[i]);
    }
    for (size_t i = 0; checkpoint->finished != NULL && i < checkpoint->finished_count; i++) {
        minute_block_give(checkpoint->finished[i]);
    }
    for (size_t i = 0; checkpoint->minutes != NULL && i < checkpoint->minutes_count; i++) {
        minute_block_give(checkpoint->minutes[i].block);
        free(checkpoint->minutes[i].bytes);
    }
    image_free(checkpoint->image);
    free(checkpoint->journals);
    free(checkpoint->finished);
    free(checkpoint->minutes);
    free(checkpoint->partitions);
    free(checkpoint->keys_gone);
    free(checkpoint->slices_gone);
    free(checkpoint->buckets_gone);
    free(checkpoint->keys);
    free(checkpoint->slices);
    free(checkpoint->buckets);
    free(checkpoint->text);
    free(checkpoint);
}
