/* SPDX-License-Identifier: Apache-2.0
 *
 * The memory of the pairs: a piece of its own for few, blocks for more.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/people_internal.h"

enum { BLOCKS_AHEAD = 3, LINE_BYTES = 64, MOVED_FIRST = 64, PASSED = 16 };

/* Shares of a part's room, in percent: with more live pairs than that it grows, with fewer than a
 * smaller one would have it shrinks. They are apart, so that a part does not go to and fro. */
enum { FULL = 95, SPARSE = 85 };

static size_t few_bytes(uint32_t groups)
{
    return sizeof(struct people_block) + (size_t)groups * PEOPLE_GROUP * sizeof(struct pair);
}

uint64_t people_slot_bytes(uint32_t groups)
{
    if (groups == 0) {
        return 0;
    }
    return groups <= PEOPLE_BLOCK_GROUPS
               ? few_bytes(groups)
               : groups / PEOPLE_BLOCK_GROUPS * (BLOCK_BYTES + sizeof(struct people_block *));
}

/* ---- sizes --------------------------------------------------------------------------------- */

static bool fits(uint32_t groups, uint32_t live, uint64_t percent)
{
    return (uint64_t)live * 100 <= people_room(groups) * percent;
}

/* The smallest of the sizes of a part, for which `live` pairs are at most so many percent of its
 * room. From two blocks on the sizes are powers of the root of 2 times what the part's number says,
 * which is evenly spread from 1 to that root. */
static uint32_t smallest(size_t number, uint32_t live, uint64_t percent)
{
    const uint64_t root = 92682; /* of 2, by 2^16 */
    const uint64_t one = UINT64_C(1) << 16;
    uint64_t size = one + (root - one) * number / PEOPLE_PARTS;
    uint32_t groups = 1;

    while (groups <= PEOPLE_BLOCK_GROUPS) {
        if (fits(groups, live, percent)) {
            return groups;
        }
        groups *= 2;
    }
    do {
        groups = (uint32_t)((size + one / 2) / one) * PEOPLE_BLOCK_GROUPS;
        size = size * root / one;
    } while (groups <= PEOPLE_BLOCK_GROUPS || !fits(groups, live, percent));
    return groups;
}

static uint32_t size_for(size_t number, uint32_t live, uint32_t groups)
{
    uint32_t sparse = smallest(number, live, SPARSE);

    if (sparse < groups) {
        return sparse;
    }
    return groups > 0 && fits(groups, live, FULL) ? groups : smallest(number, live, FULL);
}

/* ---- memory -------------------------------------------------------------------------------- */

static void give_blocks(struct people *people, struct people_block **blocks, uint32_t from,
                        uint32_t until)
{
    for (uint32_t i = from; i < until; i++) {
        blocks_give(&people->blocks, blocks[i]);
    }
}

void people_free_slots(struct people *people, struct people_part *part)
{
    people->bytes -= people_slot_bytes(part->groups);
    if (part->groups <= PEOPLE_BLOCK_GROUPS) {
        free(part->slots.few);
    } else {
        give_blocks(people, part->slots.blocks, 0, part->groups / PEOPLE_BLOCK_GROUPS);
        free(part->slots.blocks);
    }
    *part = (struct people_part){.generation = part->generation};
}

/* Changes a part's size; what it held is lost, its slots hold anything. Its blocks stay, as far as
 * they do, since they are in the caches. Errors: CTR_NO_MEMORY: nothing changed. */
static enum ctr_status resize(struct people *people, struct people_part *part, uint32_t groups)
{
    uint32_t had = part->groups <= PEOPLE_BLOCK_GROUPS ? 0 : part->groups / PEOPLE_BLOCK_GROUPS;
    uint32_t wanted = groups <= PEOPLE_BLOCK_GROUPS ? 0 : groups / PEOPLE_BLOCK_GROUPS;
    uint32_t kept = had < wanted ? had : wanted;
    void *slots =
        wanted == 0 ? calloc(1, few_bytes(groups)) : malloc(wanted * sizeof(struct people_block *));
    struct people_block **blocks = wanted == 0 ? NULL : slots;

    if (slots == NULL) {
        return CTR_NO_MEMORY;
    }
    for (uint32_t i = kept; i < wanted; i++) {
        blocks[i] = blocks_take(&people->blocks);
        if (blocks[i] == NULL) {
            give_blocks(people, blocks, kept, i);
            free(slots);
            return CTR_NO_MEMORY;
        }
    }
    people->bytes += people_slot_bytes(groups) - people_slot_bytes(part->groups);
    if (had == 0) {
        free(part->slots.few);
    } else {
        if (kept > 0) {
            memcpy(blocks, part->slots.blocks, kept * sizeof(struct people_block *));
        }
        give_blocks(people, part->slots.blocks, kept, had);
        free(part->slots.blocks);
    }
    if (wanted == 0) {
        part->slots.few = slots;
    } else {
        part->slots.blocks = blocks;
    }
    part->groups = groups;
    return CTR_OK;
}

void people_clear(struct people_part *part)
{
    for (uint32_t group = 0; group < part->groups; group++) {
        struct people_group cleared = group_of(people_block(part, group), group);

        memset(cleared.tags, 0, PEOPLE_TAGS);
    }
    part->count = 0;
}

enum ctr_status people_make_slots(struct people *people, size_t number, uint32_t live,
                                  struct people_part *ret_part)
{
    *ret_part = (struct people_part){.generation = people->generation};
    if (resize(people, ret_part, smallest(number, live, FULL)) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    people_clear(ret_part);
    return CTR_OK;
}

/* ---- renewal ------------------------------------------------------------------------------- */

/* Asks for a block's memory: it lies anywhere, so the machine does not see what comes next. */
static void prefetch_block(const struct people_part *part, uint32_t group)
{
    if (part->groups > PEOPLE_BLOCK_GROUPS && group < part->groups) {
        const char *block = (const char *)people_block(part, group);

        for (size_t line = 0; line < BLOCK_BYTES; line += LINE_BYTES) {
            __builtin_prefetch(block + line);
        }
    }
}

static uint32_t count_live(const struct people *people, const struct people_part *part)
{
    uint32_t live = 0;

    for (uint32_t ahead = 0; ahead < BLOCKS_AHEAD; ahead++) {
        prefetch_block(part, ahead * PEOPLE_BLOCK_GROUPS);
    }
    for (uint32_t at = 0; at < part->groups; at++) {
        struct people_group group = group_of(people_block(part, at), at);

        if (at % PEOPLE_BLOCK_GROUPS == 0) {
            prefetch_block(part, at + BLOCKS_AHEAD * PEOPLE_BLOCK_GROUPS);
        }
        for (uint32_t i = 0; i < PEOPLE_GROUP; i++) {
            live += (group.tags[i] != 0) & lives(people, &group.pairs[i]);
        }
    }
    return live;
}

uint32_t people_tags_like(const uint8_t *tags, uint8_t tag)
{
    const uint64_t low = UINT64_C(0x7F7F7F7F7F7F7F7F);
    uint32_t like = 0;

    for (uint32_t half = 0; half < 2; half++) {
        uint64_t differ = 0;

        memcpy(&differ, &tags[half * sizeof differ], sizeof differ);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        differ = __builtin_bswap64(differ);
#endif
        differ ^= UINT64_C(0x0101010101010101) * tag;
        /* 1 in each byte that is zero, then these bits next to each other */
        differ = ~(((differ & low) + low) | differ | low) >> 7;
        like |= (uint32_t)(differ * UINT64_C(0x0102040810204080) >> 56) << half * 8;
    }
    return like & GROUP_SLOTS;
}

/* Makes dead pairs' slots free ones; gives how many are left. */
static uint32_t sweep(const struct people *people, struct people_part *part)
{
    uint32_t live = 0;

    for (uint32_t at = 0; at < part->groups; at++) {
        struct people_group group = group_of(people_block(part, at), at);

        group.tags[GROUP_PASSED] = 0;
        for (uint32_t i = 0; i < PEOPLE_GROUP; i++) {
            bool stays = (group.tags[i] != 0) & lives(people, &group.pairs[i]);

            group.tags[i] = stays ? group.tags[i] : 0;
            live += stays;
        }
    }
    return live;
}

/* Says anew which groups were passed, by those pairs that are left. */
static void mark_passed(struct people_part *part)
{
    for (uint32_t at = 0; at < part->groups; at++) {
        struct people_group group = group_of(people_block(part, at), at);

        for (uint32_t i = 0; i < PEOPLE_GROUP; i++) {
            uint32_t home = group.tags[i] == 0
                                ? at
                                : home_of(group.pairs[i].print_kid >> PAIR_KID_LOW, part->groups);

            for (uint32_t step = 0; group_after(home, step, part->groups) != at; step++) {
                group_at(part, home, step).tags[GROUP_PASSED] = 1;
            }
        }
    }
}

/* Puts pairs into an empty part. As long as that goes on a group keeps in the place of "passed" how
 * many it has, and a bit for it: to find a free slot by the tags would mean to wait each time for
 * the one that was just written. */
static void put_all(struct people_part *part, const struct pair *pairs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t print = pairs[i].print_kid >> PAIR_KID_LOW;
        uint32_t home = home_of(print, part->groups);
        struct people_group group = group_at(part, home, 0);

        for (uint32_t step = 1; (group.tags[GROUP_PASSED] & PEOPLE_GROUP) == PEOPLE_GROUP; step++) {
            group.tags[GROUP_PASSED] = PASSED | PEOPLE_GROUP;
            group = group_at(part, home, step);
        }
        group.tags[group.tags[GROUP_PASSED] & PEOPLE_GROUP] = tag_of(print);
        group.pairs[group.tags[GROUP_PASSED]++ & PEOPLE_GROUP] = pairs[i];
    }
    for (uint32_t at = 0; at < part->groups; at++) {
        struct people_group group = group_of(people_block(part, at), at);

        group.tags[GROUP_PASSED] = group.tags[GROUP_PASSED] >= PASSED;
    }
    part->count = count;
}

static enum ctr_status reserve_moved(struct people *people, size_t count)
{
    if (count > people->moved_capacity) {
        size_t capacity = count < MOVED_FIRST ? MOVED_FIRST : count + count / 2;
        struct pair *moved = realloc(people->moved, capacity * sizeof *moved);

        if (moved == NULL) {
            return CTR_NO_MEMORY;
        }
        people->bytes += (capacity - people->moved_capacity) * sizeof *moved;
        people->moved = moved;
        people->moved_capacity = capacity;
    }
    return CTR_OK;
}

/* Copies the live pairs of a part to the scratch, whose last is written more than once. */
static void take_out(struct people *people, const struct people_part *part)
{
    size_t count = 0;

    for (uint32_t at = 0; at < part->groups; at++) {
        struct people_group group = group_of(people_block(part, at), at);

        for (uint32_t i = 0; i < PEOPLE_GROUP; i++) {
            people->moved[count] = group.pairs[i];
            count += (group.tags[i] != 0) & lives(people, &group.pairs[i]);
        }
    }
}

enum ctr_status people_renew(struct people *people, struct people_part *part)
{
    uint32_t live = count_live(people, part);
    uint32_t groups = size_for((size_t)(part - people->parts), live + 1, part->groups);

    if (groups == part->groups) {
        part->count = sweep(people, part);
        mark_passed(part);
        return CTR_OK;
    }
    if (reserve_moved(people, (size_t)live + 1) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    take_out(people, part);
    if (resize(people, part, groups) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    people_clear(part);
    part->generation = people->generation;
    put_all(part, people->moved, live);
    return CTR_OK;
}
