/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/people_internal.h"

#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"

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
    people->bytes = ((size_t)people->newest_mask + 1) * sizeof *people->newest;
    return people->newest == NULL ? CTR_NO_MEMORY : CTR_OK;
}

void people_done(struct people *people)
{
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        people_free_slots(people, &people->parts[i]);
    }
    blocks_done(&people->blocks);
    free(people->moved);
    free(people->newest);
    memset(people, 0, sizeof *people);
}

/* A part of an older generation holds nothing that counts. */
static void refresh(struct people *people, struct people_part *part)
{
    if (part->generation != people->generation) {
        if (part->count > 0) {
            people_clear(part);
        }
        part->generation = people->generation;
    }
}

enum ctr_status people_reserve(struct people *people, uint64_t print)
{
    struct people_part *part = part_of(people, print);

    refresh(people, part);
    return part->groups == 0 || part->count + 1 > people_room(part->groups)
               ? people_renew(people, part)
               : CTR_OK;
}

void people_prefetch(const struct people *people, const uint64_t prints[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct people_part *part = part_of(people, prints[i]);

        if (part->groups > PEOPLE_BLOCK_GROUPS) {
            uint32_t home = home_of(kept_print(prints[i]), part->groups);

            __builtin_prefetch(&part->slots.blocks[home / PEOPLE_BLOCK_GROUPS]);
        }
    }
}

void people_prefetch_tags(const struct people *people, const uint64_t prints[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct people_part *part = part_of(people, prints[i]);

        if (part->groups > 0) {
            uint32_t home = home_of(kept_print(prints[i]), part->groups);

            __builtin_prefetch(people_block(part, home)->tags, 1);
        }
    }
}

void people_prefetch_pairs(const struct people *people, const uint64_t prints[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct people_part *part = part_of(people, prints[i]);
        uint64_t print = kept_print(prints[i]);

        if (part->groups > 0) {
            struct people_group group = group_at(part, home_of(print, part->groups), 0);
            uint32_t like = group_like(&group, tag_of(print));

            /* Where it may be, or else where it would be put; the bit behind the last slot stands
             * for the group that follows. */
            like = like != 0 ? like : group_like(&group, 0) | 1U << PEOPLE_GROUP;
            __builtin_prefetch(&group.pairs[__builtin_ctz(like)], 1);
        }
    }
}

/* ---- what happens -------------------------------------------------------------------------- */

int64_t people_purge_number(int64_t reach_s)
{
    return moment_floor(reach_s, PEOPLE_PURGE_S) / PEOPLE_PURGE_S;
}

/* Cleans a part for each span of event time that has passed; all of them, if need be. */
static void purge(struct people *people)
{
    int64_t now = people_purge_number(people->reach_s);

    if (now - people->purged > PEOPLE_PARTS) {
        people->purged = now - PEOPLE_PARTS;
    }
    while (people->purged < now) {
        struct people_part *part = &people->parts[people->purged & (PEOPLE_PARTS - 1)];

        if (part->generation == people->generation && part->groups > 0 &&
            people_renew(people, part) != CTR_OK) {
            return; /* tried again with the next move of reach */
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

struct pair *people_admit(struct people *people, struct people_part *part, uint64_t print,
                          int64_t ret_seconds_s[2])
{
    struct pair *pair = find(part, print);

    ret_seconds_s[0] = pair != NULL ? people_second(people, pair_view(pair)) : PEOPLE_NEVER;
    ret_seconds_s[1] = pair != NULL ? people_second(people, pair_click(pair)) : PEOPLE_NEVER;
    if (later(ret_seconds_s[0], ret_seconds_s[1]) == PEOPLE_NEVER &&
        people->live >= people->limit) {
        return NULL;
    }
    return pair != NULL ? pair : put(part, print);
}

void people_merge_times(const struct people *people, const struct people_touched *touched,
                        int64_t seconds_s[2])
{
    int64_t *second_s = &seconds_s[touched->click ? 1 : 0];

    CTR_ASSERT(touched->second_s >= people->reach_s &&
               touched->second_s < people->reach_s + people->newest_count);
    *second_s = later(*second_s, touched->second_s);
}

bool people_touch(struct people *people, const struct people_touched *touched,
                  struct people_moves *ret_moves)
{
    struct people_part *part = part_of(people, touched->print);
    uint64_t print = kept_print(touched->print);
    int64_t before_s[2];
    int64_t after_s[2];
    struct pair *pair = people_admit(people, part, print, before_s);

    *ret_moves = (struct people_moves){move(0, 0), move(0, 0), move(0, 0)};
    memcpy(after_s, before_s, sizeof after_s);
    people_merge_times(people, touched, after_s);
    if (pair == NULL) {
        return false;
    }
    if (later(before_s[0], before_s[1]) != later(after_s[0], after_s[1])) {
        if (later(before_s[0], before_s[1]) == PEOPLE_NEVER) {
            people->live++;
        } else {
            --*newest_at(people, later(before_s[0], before_s[1]));
        }
        ++*newest_at(people, later(after_s[0], after_s[1]));
    }
    set_pair(people, pair, print, touched->kid, after_s);
    *ret_moves = (struct people_moves){
        .viewer = move(before_s[0], after_s[0]),
        .clicker = move(earlier(before_s[0], before_s[1]), earlier(after_s[0], after_s[1])),
        .clicking = move(before_s[1], after_s[1])};
    return true;
}
