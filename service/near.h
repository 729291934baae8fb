/* SPDX-License-Identifier: Apache-2.0
 *
 * "Did you mean ...?": among offered names the one nearest to a word that was not found (edit
 * distance; at most a third of the word may differ). Thread: any.
 */
#ifndef LIVECTR_SERVICE_REPLAY_NEAR_H
#define LIVECTR_SERVICE_REPLAY_NEAR_H

#include <stddef.h>

enum { NEAR_NAME_BYTES_MAX = 64 };

struct near_miss {
    const char *word; /* borrowed */
    size_t distance;  /* of the best so far; the limit at first */
    char best[NEAR_NAME_BYTES_MAX + 1];
    char sentence[NEAR_NAME_BYTES_MAX + 32];
};

void near_miss_init(struct near_miss *miss, const char *word);

/* Offers a name that exists. Longer ones than NEAR_NAME_BYTES_MAX are passed over.
 * O(length of both). */
void near_miss_add(struct near_miss *miss, const char *bytes, size_t length);

/* "; did you mean 'timestamp'?", or "" when nothing was near. Borrowed from `miss`. */
const char *near_miss_sentence(struct near_miss *miss);

#endif
