/* SPDX-License-Identifier: Apache-2.0
 *
 * Where in its part a pair is: the tags of a group are compared at once, then what is left is
 * looked at. Part of people_internal.h.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_GROUPS_H
#define LIVECTR_STORAGE_PEOPLE_GROUPS_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "storage/people.h"

#define PRINT_MASK ((UINT64_C(1) << 52) - 1)

static inline struct people_part *part_of(const struct people *people, uint64_t print)
{
    return (struct people_part *)(uintptr_t)&people->parts[print >> 52];
}

/* The part of a print that is kept. */
static inline uint64_t kept_print(uint64_t print)
{
    uint64_t kept = print & PRINT_MASK;

    return kept == 0 ? 1 : kept;
}

struct people_group {
    uint8_t *tags;
    struct pair *pairs;
};

enum { GROUP_PASSED = PEOPLE_TAGS - 1, GROUP_SLOTS = (1 << PEOPLE_GROUP) - 1 };

static inline struct people_group group_of(struct people_block *block, uint32_t group)
{
    size_t in_block = group % PEOPLE_BLOCK_GROUPS;

    return (struct people_group){.tags = &block->tags[in_block * PEOPLE_TAGS],
                                 .pairs = &block->pairs[in_block * PEOPLE_GROUP]};
}

/* Which of the first PEOPLE_GROUP of PEOPLE_TAGS tags are `tag`, without the help of SSE2. */
uint32_t people_tags_like(const uint8_t *tags, uint8_t tag);

static inline uint8_t tag_of(uint64_t print)
{
    uint8_t tag = (uint8_t)(print >> 32);

    return tag == 0 ? UINT8_MAX : tag;
}

/* Which of a group's slots have that tag: bit 0 is the first slot. */
static inline uint32_t group_like(const struct people_group *group, uint8_t tag)
{
#ifdef __SSE2__
    __m128i tags = _mm_loadu_si128((const __m128i *)(const void *)group->tags);

    return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag))) &
           GROUP_SLOTS;
#else
    return people_tags_like(group->tags, tag);
#endif
}

/* The slot of a print (as it is kept) in a group; NULL: it is not there. */
static inline struct pair *group_find(const struct people_group *group, uint64_t print)
{
    for (uint32_t like = group_like(group, tag_of(print)); like != 0; like &= like - 1) {
        struct pair *pair = &group->pairs[__builtin_ctz(like)];

        if (pair->print_kid >> PAIR_KID_LOW == print) {
            return pair;
        }
    }
    return NULL;
}

/* Where a print belongs among `groups`: its low half scaled, so that any number does. */
static inline uint32_t home_of(uint64_t print, uint32_t groups)
{
    return (uint32_t)(((print & UINT32_MAX) * groups) >> 32);
}

/* Where it is looked for next, `step` groups on: in the block first, then in the next one. */
static inline uint32_t group_after(uint32_t home, uint32_t step, uint32_t groups)
{
    uint32_t block = home / PEOPLE_BLOCK_GROUPS + step / PEOPLE_BLOCK_GROUPS;

    if (groups <= PEOPLE_BLOCK_GROUPS) {
        return (home + step) % groups;
    }
    block -= block >= groups / PEOPLE_BLOCK_GROUPS ? groups / PEOPLE_BLOCK_GROUPS : 0;
    return block * PEOPLE_BLOCK_GROUPS + (home + step) % PEOPLE_BLOCK_GROUPS;
}

static inline struct people_group group_at(const struct people_part *part, uint32_t home,
                                           uint32_t step)
{
    uint32_t group = group_after(home, step, part->groups);

    return group_of(people_block(part, group), group);
}

/* The slot of a print (as it is kept); NULL: it is not there. */
static inline struct pair *find(const struct people_part *part, uint64_t print)
{
    uint32_t home = home_of(print, part->groups);

    for (uint32_t step = 0; step < part->groups; step++) {
        struct people_group group = group_at(part, home, step);
        struct pair *pair = group_find(&group, print);

        if (pair != NULL || group.tags[GROUP_PASSED] == 0) {
            return pair;
        }
    }
    return NULL;
}

/* A slot for a print that is not there, which is its from now on. */
static inline struct pair *put(struct people_part *part, uint64_t print)
{
    uint32_t home = home_of(print, part->groups);

    for (uint32_t step = 0; step < part->groups; step++) {
        struct people_group group = group_at(part, home, step);
        uint32_t unused = group_like(&group, 0);

        if (unused != 0) {
            uint32_t slot = (uint32_t)__builtin_ctz(unused);

            group.tags[slot] = tag_of(print);
            part->count++;
            return &group.pairs[slot];
        }
        group.tags[GROUP_PASSED] = 1;
    }
    CTR_ASSERT(false); /* the room was made before */
    return NULL;
}

#endif
