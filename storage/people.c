/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { CAPACITY_FIRST = 16 };
#define PURGE_SPAN_S (INT64_C(1) << 30) /* before times modulo 2^32 could be mistaken */

enum ctr_status people_init(struct people *people, uint32_t span_s, uint64_t limit)
{
    memset(people, 0, sizeof *people);
    people->limit = limit;
    people->reach_s = MOMENT_NONE;
    people->newest_count = span_s + 2;
    people->newest = calloc(people->newest_count, sizeof *people->newest);
    people->bytes = people->newest_count * sizeof *people->newest;
    return people->newest == NULL ? CTR_NO_MEMORY : CTR_OK;
}

void people_done(struct people *people)
{
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        free(people->parts[i].pairs);
    }
    free(people->newest);
    memset(people, 0, sizeof *people);
}

/* ---- times --------------------------------------------------------------------------------- */

/* What stands for "never": already before reach, and it stays so while reach moves on. */
static uint32_t never(const struct people *people)
{
    return (uint32_t)people->reach_s - 1;
}

/* The second that is kept as `kept`, PEOPLE_NEVER where it lies before reach. */
static int64_t second_of(const struct people *people, uint32_t kept)
{
    uint32_t after = kept - (uint32_t)people->reach_s;

    return after < UINT32_C(1) << 31 ? people->reach_s + after : PEOPLE_NEVER;
}

static int64_t earlier(int64_t left, int64_t right)
{
    return left < right ? left : right;
}

static int64_t later(int64_t left, int64_t right)
{
    return left > right ? left : right;
}

static int64_t newest_of(const struct people *people, const struct pair *pair)
{
    return later(second_of(people, pair->view_s), second_of(people, pair->click_s));
}

static uint32_t *newest_at(const struct people *people, int64_t second_s)
{
    /* Seconds before the epoch hold nobody, but reach passes over them. */
    int64_t at = second_s % people->newest_count;

    return &people->newest[at < 0 ? at + people->newest_count : at];
}

/* ---- slots --------------------------------------------------------------------------------- */

static struct people_part *part_of(const struct people *people, uint64_t print)
{
    return (struct people_part *)(uintptr_t)&people->parts[print >> 52];
}

/* Where a print belongs among `capacity` slots: its low half scaled, so that any capacity does. */
static uint32_t home_of(uint64_t print, uint32_t capacity)
{
    return (uint32_t)(((print & UINT32_MAX) * capacity) >> 32);
}

static struct pair *find(const struct people_part *part, uint64_t print)
{
    uint32_t at = home_of(print, part->capacity);

    while (part->pairs[at].print != print && part->pairs[at].print != 0) {
        at = at + 1 == part->capacity ? 0 : at + 1;
    }
    return &part->pairs[at];
}

/* Slots for `live` pairs with two thirds in use. */
static uint32_t capacity_for(uint32_t live)
{
    uint32_t capacity = live + live / 2 + 2;

    return capacity < CAPACITY_FIRST ? CAPACITY_FIRST : capacity;
}

/* Moves the live pairs of a part into a new array that fits them and one more. */
static enum ctr_status renew(struct people *people, struct people_part *part)
{
    struct people_part fresh = {.generation = people->generation};
    uint32_t live = 0;

    for (uint32_t i = 0; i < part->capacity; i++) {
        live += part->pairs[i].print != 0 && newest_of(people, &part->pairs[i]) != PEOPLE_NEVER;
    }
    fresh.capacity = capacity_for(live + 1);
    fresh.pairs = calloc(fresh.capacity, sizeof *fresh.pairs);
    if (fresh.pairs == NULL) {
        return CTR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < part->capacity; i++) {
        const struct pair *pair = &part->pairs[i];

        if (pair->print != 0 && newest_of(people, pair) != PEOPLE_NEVER) {
            *find(&fresh, pair->print) = *pair;
        }
    }
    fresh.count = live;
    people->bytes += fresh.capacity * sizeof *fresh.pairs;
    people->bytes -= part->capacity * sizeof *part->pairs;
    free(part->pairs);
    *part = fresh;
    return CTR_OK;
}

/* A part of an older generation holds nothing that counts. */
static void refresh(struct people *people, struct people_part *part)
{
    if (part->generation != people->generation) {
        if (part->count > 0) {
            memset(part->pairs, 0, part->capacity * sizeof *part->pairs);
        }
        part->count = 0;
        part->generation = people->generation;
    }
}

enum ctr_status people_reserve(struct people *people, uint64_t print)
{
    struct people_part *part = part_of(people, print);

    refresh(people, part);
    return part->count + 1 > part->capacity / 5 * 4 ? renew(people, part) : CTR_OK;
}

void people_prefetch(const struct people *people, uint64_t print)
{
    const struct people_part *part = part_of(people, print);

    if (part->capacity > 0) {
        __builtin_prefetch(&part->pairs[home_of(print, part->capacity)], 1);
    }
}

/* ---- what happens -------------------------------------------------------------------------- */

static void purge_all(struct people *people)
{
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        if (people->parts[i].generation == people->generation && people->parts[i].capacity > 0 &&
            renew(people, &people->parts[i]) != CTR_OK) {
            return; /* tried again with the next move of reach */
        }
    }
    people->purged_s = people->reach_s;
}

void people_set_reach(struct people *people, int64_t reach_s)
{
    int64_t last_s = people->reach_s == MOMENT_NONE
                         ? reach_s
                         : earlier(reach_s, people->reach_s + people->newest_count);

    if (people->reach_s == MOMENT_NONE) {
        people->purged_s = reach_s;
    }
    for (int64_t second_s = people->reach_s; second_s < last_s && people->live > 0; second_s++) {
        people->live -= *newest_at(people, second_s);
        *newest_at(people, second_s) = 0;
    }
    people->reach_s = reach_s;
    if (people->live == 0) {
        people->generation++; /* all of it is garbage: every part is empty from now on */
        people->purged_s = reach_s;
    } else if (reach_s - people->purged_s > PURGE_SPAN_S) {
        purge_all(people);
    }
}

static struct people_move move(int64_t before_s, int64_t after_s)
{
    return before_s == after_s ? (struct people_move){PEOPLE_NEVER, PEOPLE_NEVER}
                               : (struct people_move){before_s, after_s};
}

/* The pair's slot for writing; NULL where a new one would exceed the limit. */
static struct pair *admit(struct people *people, struct people_part *part, uint64_t print)
{
    struct pair *pair = find(part, print);
    bool live = pair->print != 0 && newest_of(people, pair) != PEOPLE_NEVER;

    if (!live && people->live >= people->limit) {
        return NULL;
    }
    if (pair->print == 0) {
        CTR_ASSERT(part->count + 1 < part->capacity);
        part->count++;
    }
    if (!live) {
        *pair = (struct pair){.print = print, .view_s = never(people), .click_s = never(people)};
    }
    return pair;
}

bool people_touch(struct people *people, uint64_t print, bool click, int64_t second_s,
                  struct people_moves *ret_moves)
{
    struct people_part *part = part_of(people, print);
    struct pair *pair = admit(people, part, print);
    int64_t view_s = PEOPLE_NEVER;
    int64_t click_s = PEOPLE_NEVER;
    int64_t view_after_s = PEOPLE_NEVER;
    int64_t click_after_s = PEOPLE_NEVER;

    CTR_ASSERT(second_s >= people->reach_s && second_s < people->reach_s + people->newest_count);
    *ret_moves = (struct people_moves){move(0, 0), move(0, 0), move(0, 0)};
    if (pair == NULL) {
        return false;
    }
    view_s = second_of(people, pair->view_s);
    click_s = second_of(people, pair->click_s);
    view_after_s = click ? view_s : later(view_s, second_s);
    click_after_s = click ? later(click_s, second_s) : click_s;
    if (later(view_s, click_s) != later(view_after_s, click_after_s)) {
        if (later(view_s, click_s) == PEOPLE_NEVER) {
            people->live++;
        } else {
            --*newest_at(people, later(view_s, click_s));
        }
        ++*newest_at(people, later(view_after_s, click_after_s));
    }
    pair->view_s = view_after_s == PEOPLE_NEVER ? never(people) : (uint32_t)view_after_s;
    pair->click_s = click_after_s == PEOPLE_NEVER ? never(people) : (uint32_t)click_after_s;
    *ret_moves = (struct people_moves){
        .viewer = move(view_s, view_after_s),
        .clicker = move(earlier(view_s, click_s), earlier(view_after_s, click_after_s)),
        .clicking = move(click_s, click_after_s)};
    return true;
}
