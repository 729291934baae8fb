/* SPDX-License-Identifier: Apache-2.0
 *
 * A visitor with many pairs, as a bot is: a table of lines, in which a kid's hash says where it
 * belongs. A pair is put into the first line from there on with a place that is free or whose pair
 * is dead; a look-up ends at the first line with a free place. At most four fifths are in use.
 */
#include <string.h>

#include "storage/people_internal.h"
#include "storage/table.h"

enum { SMALL_AGAIN = 40 }; /* so few live pairs that it does without a table */

static uint32_t home_line(uint32_t kid, uint32_t lines)
{
    return (uint32_t)((uint64_t)(kid * UINT32_C(0x9E3779B1)) * lines >> 32);
}

static uint32_t line_after(uint32_t line, uint32_t lines)
{
    return line + 1 == lines ? 0 : line + 1;
}

struct people_times *people_find_large(const struct people_visitor *visitor, uint32_t kid)
{
    uint32_t lines = visitor->as.large.lines;

    for (uint32_t at = home_line(kid, lines);; at = line_after(at, lines)) {
        struct people_line *line = &visitor->as.large.table[at];
        uint32_t like = line_like(line, kid);

        if (like != 0) {
            return &line->times[__builtin_ctz(like)];
        }
        if (line_like(line, KEY_NONE) != 0) {
            return NULL;
        }
    }
}

/* A free place in a line, or that of a dead pair; PEOPLE_LINE_PAIRS: there is none. */
static uint32_t place_in(const struct people *people, const struct people_line *line)
{
    uint32_t unused = line_like(line, KEY_NONE);
    uint32_t place = 0;

    if (unused != 0) {
        return (uint32_t)__builtin_ctz(unused);
    }
    while (place < PEOPLE_LINE_PAIRS && times_live(people, &line->times[place])) {
        place++;
    }
    return place;
}

/* Puts a pair that is not there into a table; whether its place was a free one. */
static struct people_times *put(const struct people *people, struct people_line *table,
                                uint32_t lines, uint32_t kid, bool *ret_free)
{
    uint32_t at = home_line(kid, lines);
    uint32_t place = place_in(people, &table[at]);

    while (place == PEOPLE_LINE_PAIRS) {
        at = line_after(at, lines);
        place = place_in(people, &table[at]);
    }
    *ret_free = table[at].kids[place] == KEY_NONE;
    table[at].kids[place] = kid;
    return &table[at].times[place];
}

struct people_times *people_put_large(struct people *people, struct people_part *part,
                                      struct people_visitor *visitor, uint32_t kid)
{
    bool was_free = false;
    struct people_times *times =
        put(people, visitor->as.large.table, visitor->as.large.lines, kid, &was_free);

    CTR_ASSERT(visitor->as.large.used < large_room(visitor->as.large.lines) || !was_free);
    visitor->as.large.used += was_free;
    people_add_pairs(people, part, was_free);
    return times;
}

/* ---- size ---------------------------------------------------------------------------------- */

static size_t table_bytes(uint32_t lines)
{
    return (size_t)lines * sizeof(struct people_line);
}

void people_free_table(struct people *people, struct people_visitor *visitor)
{
    people->bytes -= table_bytes(visitor->as.large.lines);
    table_free(visitor->as.large.table, table_bytes(visitor->as.large.lines));
}

/* A table for half as many pairs again. NULL: no memory. */
static struct people_line *new_table(uint32_t pairs, uint32_t *ret_lines)
{
    uint32_t lines = (uint32_t)(((uint64_t)pairs + pairs / 2) * 5 / 4 / PEOPLE_LINE_PAIRS) + 1;
    struct people_line *table = table_alloc(table_bytes(lines));

    for (uint32_t i = 0; table != NULL && i < lines; i++) {
        memset(table[i].kids, 0xFF, sizeof table[i].kids);
    }
    *ret_lines = lines;
    return table;
}

/* Some places next to each other; dead pairs stay behind. Gives how many live. */
static uint32_t move_pairs(const struct people *people, const uint32_t *kids,
                           const struct people_times *times, size_t count,
                           struct people_line *table, uint32_t lines)
{
    uint32_t moved = 0;
    bool was_free = false;

    for (size_t i = 0; i < count; i++) {
        if (kids[i] != KEY_NONE && times_live(people, &times[i])) {
            *put(people, table, lines, kids[i], &was_free) = times[i];
            moved++;
        }
    }
    return moved;
}

static uint32_t move_all(const struct people *people, const struct people_visitor *visitor,
                         struct people_line *table, uint32_t lines)
{
    uint32_t of_visitor[PEOPLE_LINES];
    uint32_t moved = 0;

    if (visitor_is_large(visitor)) {
        for (uint32_t i = 0; i < visitor->as.large.lines; i++) {
            const struct people_line *line = &visitor->as.large.table[i];

            moved += move_pairs(people, line->kids, line->times, PEOPLE_LINE_PAIRS, table, lines);
        }
        return moved;
    }
    moved = move_pairs(people, visitor->as.small.kids, visitor->as.small.times, PEOPLE_HEAD_PAIRS,
                       table, lines);
    for (uint32_t i = 0; i < people_lines_of(people, visitor, of_visitor); i++) {
        const struct people_line *line = lines_at(&people->lines, of_visitor[i]);

        moved += move_pairs(people, line->kids, line->times, PEOPLE_LINE_PAIRS, table, lines);
    }
    return moved;
}

static uint32_t count_live(const struct people *people, const struct people_visitor *visitor)
{
    uint32_t live = 0;

    for (uint32_t i = 0; i < visitor->as.large.lines; i++) {
        const struct people_line *line = &visitor->as.large.table[i];

        for (uint32_t place = 0; place < PEOPLE_LINE_PAIRS; place++) {
            live += line->kids[place] != KEY_NONE && times_live(people, &line->times[place]);
        }
    }
    return live;
}

enum ctr_status people_enlarge(struct people *people, struct people_part *part,
                               struct people_visitor *visitor, uint32_t pairs)
{
    uint32_t had = visitor_is_large(visitor) ? count_live(people, visitor) : visitor_count(visitor);
    uint32_t lines = 0;
    struct people_line *table = new_table(had + pairs, &lines);
    uint32_t moved = 0;

    if (table == NULL) {
        return CTR_NO_MEMORY;
    }
    moved = move_all(people, visitor, table, lines);
    people_empty(people, part, visitor);
    visitor->as.large.table = table;
    visitor->as.large.lines = lines;
    visitor->as.large.used = moved;
    visitor_set_count(visitor, VISITOR_LARGE);
    people->bytes += table_bytes(lines);
    people_add_pairs(people, part, moved);
    return CTR_OK;
}

/* Its pairs go into lines of its own again, if they can be had. */
static void make_small(struct people *people, struct people_part *part,
                       struct people_visitor *visitor, uint32_t live)
{
    struct people_visitor before = *visitor;

    if (lines_reserve(&people->lines, visitor_lines(live)) != CTR_OK) {
        return;
    }
    people_drop_pairs(people, part, before.as.large.used);
    visitor_set_count(visitor, 0);
    memset(visitor->as.small.kids, 0xFF, sizeof visitor->as.small.kids);
    for (uint32_t i = 0; i < before.as.large.lines; i++) {
        const struct people_line *line = &before.as.large.table[i];

        for (uint32_t place = 0; place < PEOPLE_LINE_PAIRS; place++) {
            if (line->kids[place] != KEY_NONE && times_live(people, &line->times[place])) {
                *people_put(people, part, visitor, line->kids[place]) = line->times[place];
            }
        }
    }
    people_free_table(people, &before);
}

/* Says of dead pairs anew that they never were: times are kept modulo, and what stays where it is
 * would live again in the next round. */
static void refresh_dead(const struct people *people, const struct people_visitor *visitor)
{
    uint32_t past = kept_as(people, PEOPLE_NEVER);

    for (uint32_t i = 0; i < visitor->as.large.lines; i++) {
        struct people_line *line = &visitor->as.large.table[i];

        for (uint32_t place = 0; place < PEOPLE_LINE_PAIRS; place++) {
            if (line->kids[place] != KEY_NONE && !times_live(people, &line->times[place])) {
                times_set(&line->times[place], past, past);
            }
        }
    }
}

bool people_sweep_large(struct people *people, struct people_part *part,
                        struct people_visitor *visitor)
{
    uint32_t live = count_live(people, visitor);
    uint32_t used = visitor->as.large.used;

    if (live == 0) {
        return false; /* who asked frees it */
    }
    if (live <= SMALL_AGAIN) {
        make_small(people, part, visitor, live);
    } else if (live < used / 2 && people_enlarge(people, part, visitor, 0) == CTR_OK) {
        return true; /* made anew without them */
    }
    if (visitor_is_large(visitor)) {
        refresh_dead(people, visitor);
    }
    return true;
}
