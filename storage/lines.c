/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/lines.h"

#include <stdlib.h>
#include <string.h>

#include "storage/table.h"

enum { REGION_BYTES = LINES_REGION * LINE_BYTES, REGIONS_FIRST = 16 };
#define REGIONS_MAX (UINT32_C(1) << (32 - LINES_REGION_BITS))

/* The first line of a region. */
struct lines_region {
    struct lines_region *next, *prev; /* among the open ones */
    uint32_t number;
    uint32_t given; /* lines that were given back: the first word of each is the next one; 0 none */
    uint32_t fresh; /* lines up to this one were in use already */
    uint32_t used;
};

static void link_open(struct lines *lines, struct lines_region *region)
{
    region->prev = NULL;
    region->next = lines->open;
    if (lines->open != NULL) {
        lines->open->prev = region;
    }
    lines->open = region;
}

static void unlink_open(struct lines *lines, struct lines_region *region)
{
    if (region->prev == NULL) {
        lines->open = region->next;
    } else {
        region->prev->next = region->next;
    }
    if (region->next != NULL) {
        region->next->prev = region->prev;
    }
}

void lines_done(struct lines *lines)
{
    for (uint32_t i = 0; i < lines->count; i++) {
        table_free(lines->regions[i], REGION_BYTES);
    }
    free(lines->regions);
    *lines = (struct lines){.open = NULL};
}

/* A number that no region has, and room for it. */
static enum ctr_status pick_number(struct lines *lines, uint32_t *ret_number)
{
    uint32_t number = 0;

    while (number < lines->count && lines->regions[number] != NULL) {
        number++;
    }
    if (number == lines->capacity) {
        uint32_t capacity = number == 0 ? REGIONS_FIRST : number * 2;
        struct lines_region **regions = NULL;

        if (number == REGIONS_MAX) {
            return CTR_NO_MEMORY;
        }
        regions = realloc(lines->regions, capacity * sizeof(struct lines_region *));
        if (regions == NULL) {
            return CTR_NO_MEMORY;
        }
        lines->regions = regions;
        lines->capacity = capacity;
    }
    *ret_number = number;
    return CTR_OK;
}

static enum ctr_status add_region(struct lines *lines)
{
    struct lines_region *region = NULL;
    uint32_t number = 0;

    if (pick_number(lines, &number) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    region = table_alloc(REGION_BYTES);
    if (region == NULL) {
        return CTR_NO_MEMORY;
    }
    region->number = number;
    lines->regions[number] = region;
    lines->count = number == lines->count ? number + 1 : lines->count;
    lines->unused += LINES_REGION - 1;
    link_open(lines, region);
    return CTR_OK;
}

enum ctr_status lines_reserve(struct lines *lines, uint32_t count)
{
    while (lines->unused < count) {
        if (add_region(lines) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

uint32_t lines_take(struct lines *lines)
{
    struct lines_region *region = lines->open;
    uint32_t line = 0;

    CTR_ASSERT(region != NULL);
    line = region->given;
    if (line != 0) {
        memcpy(&region->given, lines_at(lines, line), sizeof region->given);
    } else {
        line = region->number << LINES_REGION_BITS | ++region->fresh;
    }
    lines->unused--;
    if (++region->used == LINES_REGION - 1) {
        unlink_open(lines, region);
    }
    return line;
}

void lines_give(struct lines *lines, uint32_t line)
{
    struct lines_region *region = lines->regions[line >> LINES_REGION_BITS];

    CTR_ASSERT(region->used > 0);
    if (region->used == LINES_REGION - 1) {
        link_open(lines, region);
    }
    memcpy(lines_at(lines, line), &region->given, sizeof region->given);
    region->given = line;
    lines->unused++;
    if (--region->used == 0 && (lines->open != region || region->next != NULL)) {
        unlink_open(lines, region); /* one is kept: the next line would take it again */
        lines->unused -= LINES_REGION - 1;
        lines->regions[region->number] = NULL;
        table_free(region, REGION_BYTES);
    }
}
