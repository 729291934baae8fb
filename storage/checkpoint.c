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
