/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is where: the index of a part, and what becomes of it when it is full.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/people_internal.h"
#include "storage/prefetch.h"

enum { HEADS_AHEAD = 16, LINES_AHEAD = 8, SLOTS_FIRST = 8 };
enum { GARBAGE = 8 }; /* the share of all pairs, one of so many, from which on it is cleared away */

/* Shares of an index's room, in percent: with more visitors than that it grows, with fewer than a
 * smaller one would have it shrinks. They are apart, so that an index does not go to and fro. */
enum { FULL = 90, SPARSE = 80 };

/* ---- slots --------------------------------------------------------------------------------- */

/* The first slot with these bits of a hash, or the free one where they would be put. */
static inline uint32_t look_up(const struct people_part *part, uint32_t hash)
{
    uint32_t slot = home_of(hash, part->size);

    while (part->slots[slot] != 0 && part->slots[slot] >> 32 != hash) {
        slot = slot_after(part, slot);
    }
    return slot;
}

struct people_visitor *people_find(const struct people *people, const struct people_part *part,
                                   uint64_t visitor)
{
    uint32_t hash = slot_hash(visitor);

    if (part->size == 0) {
        return NULL;
    }
    for (uint32_t slot = look_up(part, hash); part->slots[slot] != 0;
         slot = slot_after(part, slot)) {
        struct people_visitor *found = visitor_at(people, part->slots[slot]);

        if (part->slots[slot] >> 32 == hash &&
            visitor_hash(found) == (visitor & PEOPLE_HASH_MASK)) {
            return found;
        }
    }
    return NULL;
}

static void put_slot(struct people_part *part, uint64_t content)
{
    uint32_t slot = home_of((uint32_t)(content >> 32), part->size);

    while (part->slots[slot] != 0) {
        slot = slot_after(part, slot);
    }
    part->slots[slot] = content;
}

struct people_visitor *people_add(struct people *people, struct people_part *part, uint64_t visitor)
{
    uint32_t line = people_take_line(people);
    struct people_visitor *added = lines_at(&people->lines, line);

    CTR_ASSERT(part->count < people_room(part->size));
    added->hash_count = visitor << VISITOR_COUNT_BITS;
    memset(added->as.small.kids, 0xFF, sizeof added->as.small.kids);
    put_slot(part, (uint64_t)slot_hash(visitor) << 32 | line);
    part->count++;
    return added;
}

/* Frees a slot. What follows moves up if it was kept from there: no look-up may stop too early. */
static void erase(struct people_part *part, uint32_t hole)
{
    const uint32_t size = part->size;

    for (uint32_t at = slot_after(part, hole); part->slots[at] != 0; at = slot_after(part, at)) {
        uint32_t home = home_of((uint32_t)(part->slots[at] >> 32), size);
        uint32_t from_home = at >= home ? at - home : at + size - home;
        uint32_t from_hole = at >= hole ? at - hole : at + size - hole;

        if (from_home >= from_hole) {
            part->slots[hole] = part->slots[at];
            hole = at;
        }
    }
    part->slots[hole] = 0;
    part->count--;
}

/* ---- ahead --------------------------------------------------------------------------------- */

void people_prefetch(const struct people *people, uint64_t visitor)
{
    const struct people_part *part = part_of(people, visitor);

    if (part->size > 0) {
        prefetch(&part->slots[home_of(slot_hash(visitor), part->size)]);
    }
}

/* What is most likely the visitor: only a part of its hash is compared. */
struct people_hint people_look(const struct people *people, uint64_t visitor)
{
    const struct people_part *part = part_of(people, visitor);

    return (struct people_hint){
        .slot = part->size == 0 ? 0 : part->slots[look_up(part, slot_hash(visitor))],
        .given = people->given};
}

void people_prefetch_visitor(const struct people *people, const struct people_hint *hint)
{
    if (people_hinted(people, hint)) {
        prefetch(visitor_at(people, hint->slot));
    }
}

void people_prefetch_pairs(const struct people *people, const struct people_hint *hint)
{
    if (people_hinted(people, hint)) {
        people_prefetch_lines(people, visitor_at(people, hint->slot));
    }
}

/* Asks for the visitors that follow: they lie anywhere, so the machine does not see what comes. */
static inline void look_ahead(const struct people *people, const struct people_part *part,
                              uint32_t slot)
{
    uint64_t head = slot + HEADS_AHEAD < part->size ? part->slots[slot + HEADS_AHEAD] : 0;
    uint64_t lines = slot + LINES_AHEAD < part->size ? part->slots[slot + LINES_AHEAD] : 0;

    if (head != 0) {
        prefetch(visitor_at(people, head));
    }
    if (lines != 0) {
        people_prefetch_lines(people, visitor_at(people, lines));
    }
}

/* ---- sizes --------------------------------------------------------------------------------- */

static bool fits(uint32_t size, uint32_t visitors, uint64_t percent)
{
    return (uint64_t)visitors * 100 <= people_room(size) * percent;
}

/* The smallest of the sizes of a part's index for which `visitors` are at most so many percent of
 * its room: powers of the root of 2 times what the part's number says, which is evenly spread from
 * 1 to that root. */
static uint32_t smallest(size_t number, uint32_t visitors, uint64_t percent)
{
    const uint64_t root = 92682; /* of 2, by 2^16 */
    const uint64_t one = UINT64_C(1) << 16;
    uint64_t size = (one + (root - one) * number / PEOPLE_PARTS) * SLOTS_FIRST;

    while (!fits((uint32_t)(size / one), visitors, percent)) {
        size = size * root / one;
    }
    return (uint32_t)(size / one);
}

static uint32_t size_for(size_t number, uint32_t visitors, uint32_t size)
{
    uint32_t sparse = smallest(number, visitors, SPARSE);

    if (sparse < size) {
        return sparse;
    }
    return size > 0 && fits(size, visitors, FULL) ? size : smallest(number, visitors, FULL);
}

/* Errors: CTR_NO_MEMORY: nothing changed. */
static enum ctr_status resize(struct people *people, struct people_part *part, uint32_t size)
{
    struct people_part resized = *part;

    CTR_ASSERT(size > 0);
    resized.slots = calloc(size, sizeof *resized.slots);
    if (resized.slots == NULL) {
        return CTR_NO_MEMORY;
    }
    resized.size = size;
    for (uint32_t slot = 0; slot < part->size; slot++) {
        if (part->slots[slot] != 0) {
            put_slot(&resized, part->slots[slot]);
        }
    }
    people->bytes += ((uint64_t)size - part->size) * sizeof *resized.slots;
    free(part->slots);
    *part = resized;
    return CTR_OK;
}

enum ctr_status people_size_part(struct people *people, struct people_part *part, uint32_t visitors)
{
    return resize(people, part, smallest((size_t)(part - people->parts), visitors, FULL));
}

/* ---- garbage ------------------------------------------------------------------------------- */

static void free_visitor(struct people *people, struct people_part *part, uint64_t slot)
{
    people_empty(people, part, visitor_at(people, slot));
    people_give_line(people, (uint32_t)slot);
}

static void sweep(struct people *people, struct people_part *part)
{
    for (uint32_t at = 0; at < part->size;) {
        uint64_t slot = part->slots[at];

        look_ahead(people, part, at);
        if (slot != 0 && !people_sweep(people, part, visitor_at(people, slot))) {
            free_visitor(people, part, slot);
            erase(part, at); /* and another one may be here now */
        } else {
            at++;
        }
    }
}

static void empty(struct people *people, struct people_part *part)
{
    for (uint32_t at = 0; at < part->size && part->count > 0; at++) {
        look_ahead(people, part, at);
        if (part->slots[at] != 0) {
            free_visitor(people, part, part->slots[at]);
            part->slots[at] = 0;
            part->count--;
        }
    }
}

void people_refresh(struct people *people, struct people_part *part)
{
    if (part->generation != people->generation) {
        empty(people, part);
        part->generation = people->generation;
    }
}

/* Errors: CTR_NO_MEMORY: it stays. */
static enum ctr_status resize_for(struct people *people, struct people_part *part,
                                  uint32_t visitors)
{
    uint32_t size = size_for((size_t)(part - people->parts), visitors, part->size);

    return size == part->size ? CTR_OK : resize(people, part, size);
}

enum ctr_status people_renew(struct people *people, struct people_part *part)
{
    sweep(people, part);
    return resize_for(people, part, part->count + 1);
}

/* To read all visitors of a part is only worth it where some of what they have is garbage. */
static bool worth_a_sweep(const struct people *people)
{
    return people->live < people->pairs - people->pairs / GARBAGE;
}

enum ctr_status people_make_room(struct people *people, struct people_part *part)
{
    enum ctr_status status = worth_a_sweep(people) ? people_renew(people, part)
                                                   : resize_for(people, part, part->count + 1);

    return part->count < people_room(part->size) ? CTR_OK : status;
}

void people_free_part(struct people *people, struct people_part *part)
{
    empty(people, part);
    people->bytes -= part->size * sizeof *part->slots;
    free(part->slots);
    *part = (struct people_part){.generation = part->generation};
}

/* ---- all of them --------------------------------------------------------------------------- */

void people_walk_begin(struct people_walk *walk, const struct people *people, size_t part)
{
    *walk = (struct people_walk){.people = people, .part = &people->parts[part]};
    if (walk->part->generation != people->generation) {
        walk->slot = walk->part->size; /* all of it is garbage */
    }
}

/* A piece of a visitor by its number; false: there are fewer. */
static bool piece_of(const struct people *people, struct people_visitor *visitor, uint32_t number,
                     struct people_pairs *ret_pairs)
{
    struct people_line *line = NULL;

    ret_pairs->visitor = visitor_hash(visitor);
    if (visitor_is_large(visitor)) {
        if (number == visitor->as.large.lines) {
            return false;
        }
        line = &visitor->as.large.table[number];
    } else if (number == 0) {
        ret_pairs->kids = visitor->as.small.kids;
        ret_pairs->times = visitor->as.small.times;
        ret_pairs->count = PEOPLE_HEAD_PAIRS;
        return true;
    } else if (number > visitor_lines(visitor_count(visitor))) {
        return false;
    } else {
        uint32_t at = number - 1;

        line = lines_at(&people->lines, visitor->as.small.lines[at % PEOPLE_CHAINS]);
        for (; at >= PEOPLE_CHAINS; at -= PEOPLE_CHAINS) {
            line = lines_at(&people->lines, line->next);
        }
    }
    ret_pairs->kids = line->kids;
    ret_pairs->times = line->times;
    ret_pairs->count = PEOPLE_LINE_PAIRS;
    return true;
}

bool people_walk_next(struct people_walk *walk, struct people_pairs *ret_pairs)
{
    const struct people_part *part = walk->part;

    for (; walk->slot < part->size; walk->slot++, walk->line = 0) {
        uint64_t slot = part->slots[walk->slot];

        if (walk->line == 0) {
            look_ahead(walk->people, part, walk->slot);
        }
        if (slot != 0 &&
            piece_of(walk->people, visitor_at(walk->people, slot), walk->line, ret_pairs)) {
            walk->line++;
            return true;
        }
    }
    return false;
}
