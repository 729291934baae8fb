/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/checkpoint.h"

#include <stdlib.h>

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
    }
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
