/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people_pair.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

enum { PURGED_AT_ONCE = 8192 /* visitors: some 3 ms at a dozen pairs each */ };

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

/* The visitor where the hint says it is; NULL: it is elsewhere, or nowhere. */
static struct people_visitor *hinted(const struct people *people, uint64_t visitor,
                                     const struct people_hint *hint)
{
    struct people_visitor *there =
        people_hinted(people, hint) ? visitor_at(people, hint->slot) : NULL;

    return there != NULL && visitor_hash(there) == (visitor & PEOPLE_HASH_MASK) ? there : NULL;
}

enum ctr_status people_reserve(struct people *people, uint64_t visitor,
                               const struct people_hint *hint, size_t pairs)
{
    struct people_part *part = part_of(people, visitor);
    struct people_visitor *found = NULL;

    CTR_ASSERT(pairs <= PEOPLE_AT_ONCE);
    people->met = (struct people_met){.part = NULL};
    people_refresh(people, part);
    found = hinted(people, visitor, hint);
    if (found == NULL) {
        found = people_find(people, part, visitor);
    }
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
    return reach_s == MOMENT_NONE ? 0 : reach_s * PEOPLE_PURGE_PARTS;
}

/* Sweeps what is to be swept by now. Reach moves by the grain of the longest window with people,
 * and may jump: what is more than one call should take the time for is left to the next ones. Parts
 * take turns whatever the time is: were it the time that says which one, some never would have
 * theirs where it always moves by as much. */
static void purge(struct people *people)
{
    int64_t now = people_purge_number(people->reach_s);
    uint32_t visitors = 0;

    if (now - people->purged > PEOPLE_PARTS) {
        people->purged = now - PEOPLE_PARTS;
    }
    while (people->purged < now && visitors < PURGED_AT_ONCE) {
        struct people_part *part = &people->parts[people->next_part];

        visitors += part->count;
        people_refresh(people, part);
        if (part->size > 0) {
            enum ctr_status status = people_renew(people, part);

            (void)status; /* it is swept in any case: only its index may stay too large */
        }
        people->next_part = (people->next_part + 1) % PEOPLE_PARTS;
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

/* Of somebody who clicked, or does now: in all three counts. */
static void touch_clicker(struct people *people, const struct people_touched *touched,
                          struct people_times *times, const struct people_seconds *before,
                          struct people_moves *ret_moves)
{
    struct people_seconds after = people_merged(touched, before);

    times_set(times, kept_as(people, after.view_s), kept_as(people, after.click_s));
    move_newest(people, later(before->view_s, before->click_s), later(after.view_s, after.click_s));
    ret_moves->viewer = move(before->view_s, after.view_s);
    ret_moves->clicker =
        move(earlier(before->view_s, before->click_s), earlier(after.view_s, after.click_s));
    ret_moves->clicking = move(before->click_s, after.click_s);
}

bool people_touch(struct people *people, const struct people_touched *touched,
                  struct people_moves *ret_moves)
{
    struct people_seconds before;
    struct people_times *times = people_admit(people, touched, &before);
    int64_t view_s = 0;

    *ret_moves = (struct people_moves){move(0, 0), move(0, 0), move(0, 0)};
    if (times == NULL) {
        return false;
    }
    if (touched->click || before.click_s != PEOPLE_NEVER) {
        touch_clicker(people, touched, times, &before, ret_moves);
        return true;
    }
    /* Nearly always: who never clicked is in one count alone. */
    view_s = later(before.view_s, touched->second_s);
    times_set(times, (uint32_t)view_s & PEOPLE_TIME_MASK, kept_as(people, PEOPLE_NEVER));
    move_newest(people, before.view_s, view_s);
    ret_moves->viewer = move(before.view_s, view_s);
    return true;
}
