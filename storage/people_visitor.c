/* SPDX-License-Identifier: Apache-2.0
 *
 * The pairs of one visitor, who has a few.
 */
#include <string.h>

#include "storage/people_internal.h"
#include "storage/prefetch.h"

uint32_t people_lines_of(const struct people *people, const struct people_visitor *visitor,
                         uint32_t ret_lines[PEOPLE_LINES])
{
    uint32_t count = visitor_lines(visitor_count(visitor));

    for (uint32_t i = 0; i < count; i++) {
        if (i < PEOPLE_CHAINS) {
            ret_lines[i] = visitor->as.small.lines[i];
        } else {
            const struct people_line *line = lines_at(&people->lines, ret_lines[i - PEOPLE_CHAINS]);

            ret_lines[i] = line->next;
        }
    }
    return count;
}

void people_prefetch_lines(const struct people *people, const struct people_visitor *visitor)
{
    uint32_t count = 0;

    if (visitor_is_large(visitor)) {
        return; /* it comes so often that it is near, or so rarely that it does not matter */
    }
    count = visitor_lines(visitor_count(visitor));
    for (uint32_t i = 0; i < count && i < PEOPLE_CHAINS; i++) {
        prefetch(lines_at(&people->lines, visitor->as.small.lines[i]));
    }
}

/* ---- places -------------------------------------------------------------------------------- */

/* Where a pair is. */
struct place {
    uint32_t *kid;
    struct people_times *times;
};

/* The place of a number, of a visitor with these lines. */
static struct place place_at(const struct people *people, struct people_visitor *visitor,
                             const uint32_t lines[PEOPLE_LINES], uint32_t number)
{
    struct people_line *line = NULL;
    uint32_t at = number - PEOPLE_HEAD_PAIRS;

    if (number < PEOPLE_HEAD_PAIRS) {
        return (struct place){.kid = &visitor->as.small.kids[number],
                              .times = &visitor->as.small.times[number]};
    }
    line = lines_at(&people->lines, lines[at / PEOPLE_LINE_PAIRS]);
    return (struct place){.kid = &line->kids[at % PEOPLE_LINE_PAIRS],
                          .times = &line->times[at % PEOPLE_LINE_PAIRS]};
}

/* The first place from `number` on whose pair is dead; the number of pairs where there is none. */
static uint32_t next_dead(const struct people *people, struct people_visitor *visitor,
                          const uint32_t lines[PEOPLE_LINES], uint32_t number)
{
    uint32_t count = visitor_count(visitor);

    if (people->reach_s == MOMENT_NONE) {
        return count;
    }
    while (number < count && times_live(people, place_at(people, visitor, lines, number).times)) {
        number++;
    }
    return number;
}

/* Hangs one more line on a visitor. */
static void add_line(struct people *people, struct people_visitor *visitor,
                     uint32_t lines[PEOPLE_LINES], uint32_t count)
{
    uint32_t added = people_take_line(people);
    struct people_line *line = lines_at(&people->lines, added);

    CTR_ASSERT(count < PEOPLE_LINES); /* people_widen has seen to it */
    memset(line->kids, 0xFF, sizeof line->kids);
    line->next = 0;
    lines[count] = added;
    if (count < PEOPLE_CHAINS) {
        visitor->as.small.lines[count] = added;
    } else {
        struct people_line *before = lines_at(&people->lines, lines[count - PEOPLE_CHAINS]);

        before->next = added;
    }
}

struct people_times *people_put(struct people *people, struct people_part *part,
                                struct people_visitor *visitor, uint32_t kid)
{
    uint32_t lines[PEOPLE_LINES];
    uint32_t count = visitor_count(visitor);
    uint32_t number = count;
    struct place place;

    if (count < PEOPLE_HEAD_PAIRS) { /* half of them */
        visitor->as.small.kids[count] = kid;
        visitor_set_count(visitor, count + 1);
        people_add_pairs(people, part, 1);
        return &visitor->as.small.times[count];
    }
    if (visitor_is_large(visitor)) {
        return people_put_large(people, part, visitor, kid);
    }
    if (visitor_lines(count + 1) > people_lines_of(people, visitor, lines)) {
        if (people->live < people->pairs) {
            number = next_dead(people, visitor, lines, 0);
        }
        if (number == count) {
            add_line(people, visitor, lines, visitor_lines(count));
        }
    }
    place = place_at(people, visitor, lines, number);
    *place.kid = kid;
    if (number == count) {
        visitor_set_count(visitor, count + 1);
        people_add_pairs(people, part, 1);
    }
    return place.times;
}

/* ---- garbage ------------------------------------------------------------------------------- */

/* Gives lines back but for the first ones. */
static void cut_lines(struct people *people, const uint32_t lines[PEOPLE_LINES], uint32_t kept,
                      uint32_t count)
{
    for (uint32_t i = kept; i < count; i++) {
        people_give_line(people, lines[i]);
    }
}

/* Moves live pairs into the places of dead ones. */
static bool sweep_small(struct people *people, struct people_part *part,
                        struct people_visitor *visitor)
{
    uint32_t lines[PEOPLE_LINES] = {0};
    uint32_t lines_count = people_lines_of(people, visitor, lines);
    uint32_t count = visitor_count(visitor);
    uint32_t kept = next_dead(people, visitor, lines, 0);

    if (kept == count) {
        return count > 0;
    }
    for (uint32_t number = kept + 1; number < count; number++) {
        struct place from = place_at(people, visitor, lines, number);

        if (times_live(people, from.times)) {
            struct place into = place_at(people, visitor, lines, kept++);

            *into.kid = *from.kid;
            *into.times = *from.times;
        }
    }
    for (uint32_t number = kept; number < count; number++) {
        *place_at(people, visitor, lines, number).kid = KEY_NONE;
    }
    cut_lines(people, lines, visitor_lines(kept), lines_count);
    visitor_set_count(visitor, kept);
    people_drop_pairs(people, part, count - kept);
    return kept > 0;
}

bool people_sweep(struct people *people, struct people_part *part, struct people_visitor *visitor)
{
    return visitor_is_large(visitor) ? people_sweep_large(people, part, visitor)
                                     : sweep_small(people, part, visitor);
}

void people_empty(struct people *people, struct people_part *part, struct people_visitor *visitor)
{
    uint32_t lines[PEOPLE_LINES] = {0};

    if (visitor_is_large(visitor)) {
        people_drop_pairs(people, part, visitor->as.large.used);
        people_free_table(people, visitor);
    } else {
        people_drop_pairs(people, part, visitor_count(visitor));
        cut_lines(people, lines, 0, people_lines_of(people, visitor, lines));
    }
    visitor_set_count(visitor, 0);
}

enum ctr_status people_widen(struct people *people, struct people_part *part,
                             struct people_visitor *visitor, uint32_t pairs)
{
    if (visitor_is_large(visitor)) {
        return visitor->as.large.used + pairs <= large_room(visitor->as.large.lines)
                   ? CTR_OK
                   : people_enlarge(people, part, visitor, pairs);
    }
    if (visitor_count(visitor) + pairs > VISITOR_PAIRS) {
        (void)sweep_small(people, part, visitor);
    }
    return visitor_count(visitor) + pairs <= VISITOR_PAIRS
               ? CTR_OK
               : people_enlarge(people, part, visitor, pairs);
}
