/* SPDX-License-Identifier: Apache-2.0
 *
 * Blocks of 1 KB out of huge pages. Tables that are looked up at random and grow piece by piece are
 * made of them: as all blocks are alike, what one table gives back fits every other, and a look-up
 * misses the translation cache far less often than in pages of their own.
 *
 *   region (2 MB)  [ head | block | block | ... ]      given back when none of its blocks is in use
 *
 * Thread: one at a time.
 */
#ifndef LIVECTR_STORAGE_BLOCKS_H
#define LIVECTR_STORAGE_BLOCKS_H

#include <stddef.h>

enum { BLOCK_BYTES = 1024 };

struct blocks_region;

struct blocks {
    struct blocks_region *open, *full; /* with and without blocks that are free */
};

/* All zero is empty. Gives everything back, whoever still has some of it. */
void blocks_done(struct blocks *blocks);

/* A block with anything in it. NULL: no memory. */
void *blocks_take(struct blocks *blocks);
void blocks_give(struct blocks *blocks, void *block);

#endif
