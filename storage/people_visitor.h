/* SPDX-License-Identifier: Apache-2.0
 *
 * A visitor's record in its lines, and where in it a pair is. Part of people_internal.h.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_VISITOR_H
#define LIVECTR_STORAGE_PEOPLE_VISITOR_H

#include "storage/moment.h"
#include "storage/names.h"
#include "storage/people.h"

enum { PEOPLE_TIME_MASK = (1 << PEOPLE_TIME_BITS) - 1 };

/* Seconds modulo 2^24 of the last view and the last click. */
struct people_times {
    uint16_t view_low, click_low;
    uint8_t view_high, click_high;
};

/* Pairs from the first place on; KEY_NONE where there is none. In a table any place may be free. */
struct people_line {
    uint32_t kids[PEOPLE_LINE_PAIRS];
    struct people_times times[PEOPLE_LINE_PAIRS];
    uint32_t
        next; /* the line PEOPLE_CHAINS further; of no meaning in the last ones and in tables */
};

enum { VISITOR_COUNT_BITS = 12, VISITOR_LARGE = (1 << VISITOR_COUNT_BITS) - 1 };
enum { VISITOR_PAIRS = PEOPLE_HEAD_PAIRS + PEOPLE_LINES * PEOPLE_LINE_PAIRS };

struct people_visitor {
    uint64_t hash_count; /* 52 bits of the hash; how many pairs, or VISITOR_LARGE */
    union {
        struct {
            uint32_t lines[PEOPLE_CHAINS];
            uint32_t kids[PEOPLE_HEAD_PAIRS];
            struct people_times times[PEOPLE_HEAD_PAIRS];
        } small;
        struct {
            struct people_line *table;
            uint32_t lines, used; /* used: pairs, live and garbage */
        } large;
    } as;
};

_Static_assert(sizeof(struct people_line) == LINE_BYTES, "a line of pairs is one");
_Static_assert(sizeof(struct people_visitor) == LINE_BYTES, "a visitor's line is one");

static inline uint64_t visitor_hash(const struct people_visitor *visitor)
{
    return visitor->hash_count >> VISITOR_COUNT_BITS;
}

static inline uint32_t visitor_count(const struct people_visitor *visitor)
{
    return (uint32_t)visitor->hash_count & VISITOR_LARGE;
}

static inline bool visitor_is_large(const struct people_visitor *visitor)
{
    return visitor_count(visitor) == VISITOR_LARGE;
}

static inline void visitor_set_count(struct people_visitor *visitor, uint32_t count)
{
    visitor->hash_count = visitor_hash(visitor) << VISITOR_COUNT_BITS | count;
}

/* How many lines so many pairs take, beside the visitor's own. */
static inline uint32_t visitor_lines(uint32_t count)
{
    return count <= PEOPLE_HEAD_PAIRS
               ? 0
               : (count - PEOPLE_HEAD_PAIRS + PEOPLE_LINE_PAIRS - 1) / PEOPLE_LINE_PAIRS;
}

/* ---- times --------------------------------------------------------------------------------- */

static inline uint32_t times_view(const struct people_times *times)
{
    return (uint32_t)times->view_high << 16 | times->view_low;
}

static inline uint32_t times_click(const struct people_times *times)
{
    return (uint32_t)times->click_high << 16 | times->click_low;
}

static inline void times_set(struct people_times *times, uint32_t view, uint32_t click)
{
    *times = (struct people_times){.view_low = (uint16_t)view,
                                   .view_high = (uint8_t)(view >> 16),
                                   .click_low = (uint16_t)click,
                                   .click_high = (uint8_t)(click >> 16)};
}

#define PEOPLE_BEFORE UINT32_MAX

/* Seconds since reach of a time as it is kept, PEOPLE_BEFORE where it lies before. */
static inline uint32_t people_since(const struct people *people, uint32_t kept)
{
    uint32_t after = (kept - (uint32_t)people->reach_s) & PEOPLE_TIME_MASK;

    return after < UINT32_C(1) << (PEOPLE_TIME_BITS - 1) ? after : PEOPLE_BEFORE;
}

/* Whether one of them is at or after reach; before there is one, all live. */
static inline bool times_live(const struct people *people, const struct people_times *times)
{
    /* PEOPLE_BEFORE has all bits set, as no other number of seconds has. */
    return people->reach_s == MOMENT_NONE ||
           (people_since(people, times_view(times)) & people_since(people, times_click(times))) !=
               PEOPLE_BEFORE;
}

/* ---- a pair -------------------------------------------------------------------------------- */

/* Which of some kids are `kid`: bit 0 is the first. One by one: the one that was put last is on its
 * way to memory alone, and a look at four together would wait until it is there. */
static inline uint32_t kids_like(const uint32_t *kids, uint32_t count, uint32_t kid)
{
    uint32_t like = 0;

    for (uint32_t i = 0; i < count; i++) {
        like |= (uint32_t)(kids[i] == kid) << i;
    }
    return like;
}

static inline uint32_t line_like(const struct people_line *line, uint32_t kid)
{
    return kids_like(line->kids, PEOPLE_LINE_PAIRS, kid);
}

static inline struct people_times *visitor_find_small(const struct lines *lines,
                                                      struct people_visitor *visitor, uint32_t kid)
{
    struct people_line *chains[PEOPLE_CHAINS] = {NULL};
    uint32_t like = kids_like(visitor->as.small.kids, PEOPLE_HEAD_PAIRS, kid);
    uint32_t count = visitor_lines(visitor_count(visitor));

    if (like != 0) {
        return &visitor->as.small.times[__builtin_ctz(like)];
    }
    for (uint32_t i = 0; i < count; i++) {
        struct people_line **line = &chains[i % PEOPLE_CHAINS];

        *line = lines_at(lines, i < PEOPLE_CHAINS ? visitor->as.small.lines[i] : (*line)->next);
        like = line_like(*line, kid);
        if (like != 0) {
            return &(*line)->times[__builtin_ctz(like)];
        }
    }
    return NULL;
}

/* The times of a large visitor's pair; NULL: there is none. */
struct people_times *people_find_large(const struct people_visitor *visitor, uint32_t kid);

static inline struct people_times *visitor_find(const struct lines *lines,
                                                struct people_visitor *visitor, uint32_t kid)
{
    return visitor_is_large(visitor) ? people_find_large(visitor, kid)
                                     : visitor_find_small(lines, visitor, kid);
}

#endif
