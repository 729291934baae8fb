/* SPDX-License-Identifier: Apache-2.0
 *
 * Cache lines of 64 bytes out of huge pages, known by a number of 32 bits. What is looked up at
 * random and grows little by little is made of them: as all lines are alike, what one record gives
 * back fits every other, nothing is ever copied to make room, and a look-up misses the translation
 * cache far less often than in pages of its own.
 *
 *   region (2 MB)  [ head | line | line | ... ]      given back when none of its lines is in use
 *   number         region << 15 | line               0 is none: it would be a head
 *
 * Thread: one at a time.
 */
#ifndef LIVECTR_STORAGE_LINES_H
#define LIVECTR_STORAGE_LINES_H

#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { LINE_BYTES = 64, LINES_REGION_BITS = 15, LINES_REGION = 1 << LINES_REGION_BITS };

struct lines_region;

struct lines {
    struct lines_region **regions; /* by number, NULL where there is none any more */
    uint32_t count, capacity;      /* numbers of regions that were in use so far; room for them */
    uint32_t unused;               /* lines that lines_take can give */
    struct lines_region *open;     /* those with lines that are free */
};

/* All zero is empty. Gives everything back, whoever still has some of it. */
void lines_done(struct lines *lines);

/* Makes sure that the next `count` lines can be taken. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status lines_reserve(struct lines *lines, uint32_t count);

/* A line with anything in it, which was reserved. */
uint32_t lines_take(struct lines *lines);
void lines_give(struct lines *lines, uint32_t line);

/* Where a line is, as long as it is in use. */
static inline void *lines_at(const struct lines *lines, uint32_t line)
{
    return (char *)lines->regions[line >> LINES_REGION_BITS] +
           (size_t)(line & (LINES_REGION - 1)) * LINE_BYTES;
}

#endif
