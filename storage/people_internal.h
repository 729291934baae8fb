/* SPDX-License-Identifier: Apache-2.0
 *
 * What people.c (what happens), people_slots.c (memory) and people_load.c (a start) share.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_INTERNAL_H
#define LIVECTR_STORAGE_PEOPLE_INTERNAL_H

#include "storage/people_groups.h"

/* ---- times --------------------------------------------------------------------------------- */

/* What stands for "never": already before reach, and it stays so while reach moves on. */
static inline uint64_t never(const struct people *people)
{
    return (uint64_t)(people->reach_s - 1) & PAIR_TIME_MASK;
}

static inline uint64_t kept_as(const struct people *people, int64_t second_s)
{
    return second_s == PEOPLE_NEVER ? never(people) : (uint64_t)second_s & PAIR_TIME_MASK;
}

static inline void set_pair(const struct people *people, struct pair *pair, uint64_t print,
                            uint32_t kid, const int64_t seconds_s[2])
{
    pair->print_kid = print << PAIR_KID_LOW | (kid & 0xFFF);
    pair->times_kid = kept_as(people, seconds_s[0]) << 42 | kept_as(people, seconds_s[1]) << 20 |
                      kid >> PAIR_KID_LOW;
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

/* ---- slots --------------------------------------------------------------------------------- */

/* Whether one of its times is at or after reach. */
static inline bool lives(const struct people *people, const struct pair *pair)
{
    const uint32_t half = UINT32_C(1) << (PAIR_TIME_BITS - 1);
    uint32_t view = (pair_view(pair) - (uint32_t)people->reach_s) & PAIR_TIME_MASK;
    uint32_t click = (pair_click(pair) - (uint32_t)people->reach_s) & PAIR_TIME_MASK;

    return (view < half) | (click < half);
}

/* How many slots of a part may be in use before it is renewed: an event may add a pair at each
 * level after room was made for them, one by one. */
static inline uint32_t people_room(uint32_t groups)
{
    uint32_t slots = groups * PEOPLE_GROUP;

    return slots - (slots < 60 ? 4 : slots / 10);
}

/* Empty slots for `live` pairs in the part of that number, and for some more. Errors:
 * CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status people_make_slots(struct people *people, size_t number, uint32_t live,
                                               struct people_part *ret_part);
void people_free_slots(struct people *people, struct people_part *part);
uint64_t people_slot_bytes(uint32_t groups);

/* Rids a part of its garbage, and makes room for one more pair at least. Errors: CTR_NO_MEMORY:
 * nothing changed. */
CTR_MUST_USE enum ctr_status people_renew(struct people *people, struct people_part *part);

/* Makes all of a part's slots free ones. */
void people_clear(struct people_part *part);

/* The pair's slot for writing, whose times are those that are given back; NULL where a new one
 * would exceed the limit. `print` as it is kept. */
struct pair *people_admit(struct people *people, struct people_part *part, uint64_t print,
                          int64_t ret_seconds_s[2]);

/* How many spans of PEOPLE_PURGE_S have passed. */
int64_t people_purge_number(int64_t reach_s);

/* The times after an event. */
void people_merge_times(const struct people *people, const struct people_touched *touched,
                        int64_t seconds_s[2]);

#endif
