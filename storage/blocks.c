/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/blocks.h"

#include <stdint.h>
#include <string.h>

#include "storage/status.h"
#include "storage/table.h"

enum { REGION_BYTES = TABLE_SLAB_BYTES_MIN, BLOCKS_PER_REGION = REGION_BYTES / BLOCK_BYTES - 1 };

/* The first block of a region, which begins at a multiple of its size. */
struct blocks_region {
    struct blocks_region *next, *prev;
    void *given;    /* blocks that were given back: the first word of each is the next one */
    uint32_t fresh; /* blocks before this one were in use already */
    uint32_t used;
};

static struct blocks_region *region_of(void *block)
{
    /* The pointer stays derived from `block`. */
    return (struct blocks_region *)(void *)((char *)block - (uintptr_t)block % REGION_BYTES);
}

static void link_region(struct blocks_region **list, struct blocks_region *region)
{
    region->prev = NULL;
    region->next = *list;
    if (*list != NULL) {
        (*list)->prev = region;
    }
    *list = region;
}

static void unlink_region(struct blocks_region **list, struct blocks_region *region)
{
    if (region->prev == NULL) {
        *list = region->next;
    } else {
        region->prev->next = region->next;
    }
    if (region->next != NULL) {
        region->next->prev = region->prev;
    }
}

static void free_list(struct blocks_region *region)
{
    while (region != NULL) {
        struct blocks_region *next = region->next;

        table_free(region, REGION_BYTES);
        region = next;
    }
}

void blocks_done(struct blocks *blocks)
{
    free_list(blocks->open);
    free_list(blocks->full);
    *blocks = (struct blocks){.open = NULL};
}

void *blocks_take(struct blocks *blocks)
{
    struct blocks_region *region = blocks->open;
    void *block = NULL;

    if (region == NULL) {
        region = table_alloc(REGION_BYTES);
        if (region == NULL) {
            return NULL;
        }
        link_region(&blocks->open, region);
    }
    if (region->given != NULL) {
        block = region->given;
        memcpy(&region->given, block, sizeof region->given);
    } else {
        block = (char *)region + (size_t)BLOCK_BYTES * ++region->fresh;
    }
    if (++region->used == BLOCKS_PER_REGION) {
        unlink_region(&blocks->open, region);
        link_region(&blocks->full, region);
    }
    return block;
}

void blocks_give(struct blocks *blocks, void *block)
{
    struct blocks_region *region = region_of(block);

    CTR_ASSERT(region->used > 0);
    if (region->used == BLOCKS_PER_REGION) {
        unlink_region(&blocks->full, region);
        link_region(&blocks->open, region);
    }
    memcpy(block, &region->given, sizeof region->given);
    region->given = block;
    if (--region->used == 0 && (blocks->open != region || region->next != NULL)) {
        unlink_region(&blocks->open, region); /* one is kept: the next block would take it again */
        table_free(region, REGION_BYTES);
    }
}
