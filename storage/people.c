/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people_internal.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { PURGED_AT_ONCE = 256 /* some 20 ms at ten million pairs */ };

enum ctr_status people_init(struct people *people, uint32_t span_s, uint64_t limit)
{
    memset(people, 0, sizeof *people);
    people->limit = limit;
    people->reach_s = MOMENT_NONE;
    people->newest_count = span_s + 2;
    while (people->newest_mask < people->newest_count) {
        people->newest_mask = people->newest_mask << 1 | 1;
    }
    people->newest = calloc((size_t)people->newest_mask + 1, sizeof *people->newest);
    people->bytes = people_ring_bytes(people);
    return people->newest == NULL ? CTR_NO_MEMORY : CTR_OK;
}

void people_done(struct people *people)
{
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        people_free_part(people, &people->parts[i]);
    }
    lines_done(&people->lines);
    free(people->newest);
    memset(people, 0, sizeof *people);
}

enum ctr_status people_reserve(struct people *people, uint64_t visitor, size_t pairs)
{
    struct people_part *part = part_of(people, visitor);
    struct people_visitor *found = NULL;

    CTR_ASSERT(pairs <= PEOPLE_AT_ONCE);
    people->met = (struct people_met){.part = NULL};
    people_refresh(people, part);
    found = people_find(people, part, visitor);
    if (found == NULL && part->count >= people_room(part->size) &&
        people_make_room(people, part) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if ((found != NULL && people_widen(people, part, found, (uint32_t)pairs) != CTR_OK) ||
        lines_reserve(&people->lines, 1) != CTR_OK) { /* its own, or one for its pairs */
        return CTR_NO_MEMORY;
    }
    people->met = (struct people_met){.part = part, .hash = visitor, .visitor = found};
    return CTR_OK;
}

/* ---- what happens -------------------------------------------------------------------------- */

int64_t people_purge_number(int64_t reach_s)
{
    return moment_floor(reach_s, PEOPLE_PURGE_S) / PEOPLE_PURGE_S;
}

/* Sweeps a part for each span of event time that has passed. After a jump there are more than one
 * call should take the time for: the next ones go on. */
static void purge(struct people *people)
{
    int64_t now = people_purge_number(people->reach_s);

    if (now - people->purged > PEOPLE_PARTS) {
        people->purged = now - PEOPLE_PARTS;
    }
    for (int swept = 0; people->purged < now && swept < PURGED_AT_ONCE; swept++) {
        struct people_part *part = &people->parts[people->purged & (PEOPLE_PARTS - 1)];

        people_refresh(people, part);
        if (part->size > 0) {
            enum ctr_status status = people_renew(people, part);

            (void)status; /* it is swept in any case: only its index may stay too large */
        }
        people->purged++;
    }
}

void people_set_reach(struct people *people, int64_t reach_s)
{
    int64_t last_s = people->reach_s == MOMENT_NONE
                         ? reach_s
                         : earlier(reach_s, people->reach_s + people->newest_count);

    for (int64_t second_s = people->reach_s; second_s < last_s && people->live > 0; second_s++) {
        people->live -= *newest_at(people, second_s);
        *newest_at(people, second_s) = 0;
    }
    people->reach_s = reach_s;
    people->met = (struct people_met){.part = NULL};
    if (people->live == 0) {
        people->generation++; /* all of it is garbage: every part is empty from now on */
        people->purged = people_purge_number(reach_s);
    } else {
        purge(people);
    }
}

static struct people_move move(int64_t before_s, int64_t after_s)
{
    return before_s == after_s ? (struct people_move){PEOPLE_NEVER, PEOPLE_NEVER}
                               : (struct people_move){before_s, after_s};
}

struct people_times *people_admit(struct people *people, const struct people_touched *touched,
                                  int64_t ret_seconds_s[2])
{
    struct people_met *met = &people->met;
    struct people_times *times = NULL;

    CTR_ASSERT(met->part != NULL && met->hash == touched->visitor);
    if (met->visitor != NULL) {
        times = visitor_find(&people->lines, met->visitor, touched->kid);
    }
    ret_seconds_s[0] = times != NULL ? people_second(people, times_view(times)) : PEOPLE_NEVER;
    ret_seconds_s[1] = times != NULL ? people_second(people, times_click(times)) : PEOPLE_NEVER;
    if (later(ret_seconds_s[0], ret_seconds_s[1]) == PEOPLE_NEVER &&
        people->live >= people->limit) {
        return NULL;
    }
    if (met->visitor == NULL) {
        met->visitor = people_add(people, met->part, met->hash);
    }
    return times != NULL ? times : people_put(people, met->part, met->visitor, touched->kid);
}

void people_merge_times(const struct people *people, const struct people_touched *touched,
                        int64_t seconds_s[2])
{
    int64_t *second_s = &seconds_s[touched->click ? 1 : 0];

    CTR_ASSERT(touched->second_s >= people->reach_s &&
               touched->second_s < people->reach_s + people->newest_count);
    *second_s = later(*second_s, touched->second_s);
}

/* The newest of a pair's two times. */
static void move_newest(struct people *people, int64_t before_s, int64_t after_s)
{
    if (before_s == after_s) {
        return;
    }
    if (before_s == PEOPLE_NEVER) {
        people->live++;
    } else {
        --*newest_at(people, before_s);
    }
    ++*newest_at(people, after_s);
}

bool people_touch(struct people *people, const struct people_touched *touched,
                  struct people_moves *ret_moves)
{
    int64_t before_s[2];
    int64_t after_s[2];
    struct people_times *times = people_admit(people, touched, before_s);

    *ret_moves = (struct people_moves){move(0, 0), move(0, 0), move(0, 0)};
    memcpy(after_s, before_s, sizeof after_s);
    people_merge_times(people, touched, after_s);
    if (times == NULL) {
        return false;
    }
    times_set(times, kept_as(people, after_s[0]), kept_as(people, after_s[1]));
    ret_moves->viewer = move(before_s[0], after_s[0]);
    if (after_s[1] == PEOPLE_NEVER) { /* nearly always: who never clicked is in one count alone */
        move_newest(people, before_s[0], after_s[0]);
        return true;
    }
    move_newest(people, later(before_s[0], before_s[1]), later(after_s[0], after_s[1]));
    ret_moves->clicker = move(earlier(before_s[0], before_s[1]), earlier(after_s[0], after_s[1]));
    ret_moves->clicking = move(before_s[1], after_s[1]);
    return true;
}
