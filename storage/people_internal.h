/* SPDX-License-Identifier: Apache-2.0
 *
 * What people.c (what happens), people_parts.c (who is where), people_visitor.c and people_large.c
 * (a visitor's pairs) and people_load.c (a start) share.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_INTERNAL_H
#define LIVECTR_STORAGE_PEOPLE_INTERNAL_H

#include "storage/people_visitor.h"

#define PEOPLE_HASH_MASK ((UINT64_C(1) << 52) - 1)

/* ---- times --------------------------------------------------------------------------------- */

/* The second that is kept as `kept`, PEOPLE_NEVER where it lies before reach. */
static inline int64_t people_second(const struct people *people, uint32_t kept)
{
    uint32_t after = people_since(people, kept);

    return after != PEOPLE_BEFORE ? people->reach_s + after : PEOPLE_NEVER;
}

/* "Never" is what lies before reach already: it stays so while reach moves on. */
static inline uint32_t kept_as(const struct people *people, int64_t second_s)
{
    return (uint32_t)(second_s == PEOPLE_NEVER ? people->reach_s - 1 : second_s) & PEOPLE_TIME_MASK;
}

static inline int64_t earlier(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static inline int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static inline uint32_t *newest_at(const struct people *people, int64_t second_s)
{
    return &people->newest[(uint32_t)second_s & people->newest_mask];
}

static inline uint64_t people_ring_bytes(const struct people *people)
{
    return ((uint64_t)people->newest_mask + 1) * sizeof *people->newest;
}

/* ---- parts --------------------------------------------------------------------------------- */

static inline struct people_part *part_of(const struct people *people, uint64_t visitor)
{
    return (struct people_part *)(uintptr_t)&people->parts[visitor >> 52];
}

/* The 32 bits of a hash that a slot keeps. They also say which slot is its home, scaled, so that
 * any size does. */
static inline uint32_t slot_hash(uint64_t visitor)
{
    return (uint32_t)((visitor & PEOPLE_HASH_MASK) >> 20);
}

static inline uint32_t home_of(uint32_t hash, uint32_t size)
{
    return (uint32_t)((uint64_t)hash * size >> 32);
}

static inline uint32_t slot_after(const struct people_part *part, uint32_t slot)
{
    return slot + 1 == part->size ? 0 : slot + 1;
}

static inline struct people_visitor *visitor_at(const struct people *people, uint64_t slot)
{
    return lines_at(&people->lines, (uint32_t)slot);
}

/* How many slots of an index may be in use. */
static inline uint32_t people_room(uint32_t size)
{
    return size - size / 5 - (size > 0);
}

/* How many parts are to be swept by then. */
int64_t people_purge_number(int64_t reach_s);

/* Empties a part of an older generation. */
void people_refresh(struct people *people, struct people_part *part);

/* Whether a hint says where somebody is, still. */
static inline bool people_hinted(const struct people *people, const struct people_hint *hint)
{
    return hint != NULL && hint->slot != 0 && hint->given == people->given;
}

/* A visitor of a part; NULL: there is none with this hash. */
struct people_visitor *people_find(const struct people *people, const struct people_part *part,
                                   uint64_t visitor);

/* Adds a visitor without pairs; there is room in the index, and a line was reserved. */
struct people_visitor *people_add(struct people *people, struct people_part *part,
                                  uint64_t visitor);

/* An index for so many visitors where there is none. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_size_part(struct people *people, struct people_part *part,
                                              uint32_t visitors);

/* Makes room for one more visitor at least. Errors: CTR_NO_MEMORY: there is no such room. */
CTR_MUST_USE enum ctr_status people_make_room(struct people *people, struct people_part *part);

/* Rids a part of its garbage. Errors: CTR_NO_MEMORY: its index has the size that it had. */
CTR_MUST_USE enum ctr_status people_renew(struct people *people, struct people_part *part);

/* Frees all visitors of a part, and its index. */
void people_free_part(struct people *people, struct people_part *part);

/* ---- a visitor ----------------------------------------------------------------------------- */

static inline uint32_t people_take_line(struct people *people)
{
    people->bytes += LINE_BYTES;
    return lines_take(&people->lines);
}

static inline void people_give_line(struct people *people, uint32_t line)
{
    people->bytes -= LINE_BYTES;
    people->given++;
    lines_give(&people->lines, line);
}

static inline void people_add_pairs(struct people *people, struct people_part *part, uint64_t pairs)
{
    part->pairs += pairs;
    people->pairs += pairs;
}

static inline void people_drop_pairs(struct people *people, struct people_part *part,
                                     uint64_t pairs)
{
    part->pairs -= pairs;
    people->pairs -= pairs;
}

/* Asks for the lines that hang on it. */
void people_prefetch_lines(const struct people *people, const struct people_visitor *visitor);

/* Makes room for more pairs of a visitor, but for the line that they may need. Errors:
 * CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_widen(struct people *people, struct people_part *part,
                                          struct people_visitor *visitor, uint32_t pairs);

/* The times of a new pair, for writing: in the place of a dead one or in a new place. A line was
 * reserved, or people_widen said that there is room. */
struct people_times *people_put(struct people *people, struct people_part *part,
                                struct people_visitor *visitor, uint32_t kid);

/* Rids a visitor of its garbage. False: nothing is left of it. */
bool people_sweep(struct people *people, struct people_part *part, struct people_visitor *visitor);

/* Frees all that hangs on a visitor. */
void people_empty(struct people *people, struct people_part *part, struct people_visitor *visitor);

/* The lines that hang on a visitor who is not large; gives how many. */
uint32_t people_lines_of(const struct people *people, const struct people_visitor *visitor,
                         uint32_t ret_lines[PEOPLE_LINES]);

/* ---- a large one (storage/people_large.c) -------------------------------------------------- */

/* Room for pairs in a table of so many lines. */
static inline uint64_t large_room(uint32_t lines)
{
    return (uint64_t)lines * PEOPLE_LINE_PAIRS * 4 / 5;
}

/* Moves a visitor's live pairs into a table that has room for some more than `pairs` in addition.
 * Errors: CTR_NO_MEMORY: nothing changed. */
CTR_MUST_USE enum ctr_status people_enlarge(struct people *people, struct people_part *part,
                                            struct people_visitor *visitor, uint32_t pairs);
struct people_times *people_put_large(struct people *people, struct people_part *part,
                                      struct people_visitor *visitor, uint32_t kid);

/* Frees its table, or makes it smaller. False: nothing is left. */
bool people_sweep_large(struct people *people, struct people_part *part,
                        struct people_visitor *visitor);
void people_free_table(struct people *people, struct people_visitor *visitor);

#endif
