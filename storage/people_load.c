/* SPDX-License-Identifier: Apache-2.0
 *
 * Pairs at a start, and copied for an image.
 */
#include <string.h>

#include "storage/people_internal.h"

bool people_knows(const struct people *people, uint64_t print)
{
    const struct people_part *part = part_of(people, print);
    const struct pair *pair = part->generation == people->generation && part->groups > 0
                                  ? find(part, kept_print(print))
                                  : NULL;

    return pair != NULL && lives(people, pair);
}

void people_merge(struct people *people, const struct people_touched *touched)
{
    struct people_part *part = part_of(people, touched->print);
    uint64_t print = kept_print(touched->print);
    int64_t seconds_s[2];
    struct pair *pair = people_admit(people, part, print, seconds_s);
    bool lived = later(seconds_s[0], seconds_s[1]) != PEOPLE_NEVER;

    CTR_ASSERT(pair != NULL);
    people_merge_times(people, touched, seconds_s);
    set_pair(people, pair, print, lived ? pair_kid(pair) : touched->kid, seconds_s);
}

void people_count(struct people *people, uint64_t live, const uint32_t *newest)
{
    for (uint32_t i = 0; i < people->newest_count; i++) {
        *newest_at(people, people->reach_s + i) = newest[i];
    }
    people->live = live;
    people->purged = people_purge_number(people->reach_s);
}

enum ctr_status people_load_part(struct people *people, size_t part, const struct pair *pairs,
                                 size_t count)
{
    struct people_part fresh;

    if (count == 0) {
        return CTR_OK;
    }
    if (people->parts[part].groups > 0 || count > UINT32_MAX / 4) {
        return CTR_CORRUPT;
    }
    if (people_make_slots(people, part, (uint32_t)count + 1, &fresh) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t print = pairs[i].print_kid >> PAIR_KID_LOW;

        if (print == 0 || find(&fresh, print) != NULL) {
            people_free_slots(people, &fresh);
            return CTR_CORRUPT;
        }
        *put(&fresh, print) = pairs[i];
    }
    people->parts[part] = fresh;
    return CTR_OK;
}

void people_adopt(struct people *into, struct people *from)
{
    CTR_ASSERT(into->blocks.open == NULL && into->blocks.full == NULL);
    into->blocks = from->blocks;
    from->blocks = (struct blocks){.open = NULL};
    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        struct people_part *part = &into->parts[i];

        if (from->parts[i].groups > 0) {
            CTR_ASSERT(part->groups == 0);
            into->bytes += people_slot_bytes(from->parts[i].groups);
            *part = from->parts[i];
            part->generation = into->generation;
            from->parts[i] = (struct people_part){.groups = 0};
        }
    }
}

size_t people_copy_part(const struct people *people, size_t part, struct pair *ret_pairs)
{
    const struct people_part *from = &people->parts[part];
    size_t count = 0;

    if (from->generation != people->generation) {
        return 0;
    }
    for (uint32_t i = 0; i < from->groups * PEOPLE_GROUP; i++) {
        const struct pair *pair = people_pair(from, i);

        if (pair != NULL && lives(people, pair)) {
            ret_pairs[count++] = *pair;
        }
    }
    return count;
}
