/* SPDX-License-Identifier: Apache-2.0
 *
 * What tests ask of the table of people beside its interface.
 */
#ifndef LIVECTR_TESTS_SUPPORT_PEOPLE_PAIRS_H
#define LIVECTR_TESTS_SUPPORT_PEOPLE_PAIRS_H

#include "storage/people_internal.h"

/* Whether a pair is there and lives. */
static inline bool pair_lives(const struct people *people, uint64_t visitor, uint32_t kid)
{
    const struct people_part *part = part_of(people, visitor);
    struct people_visitor *found =
        part->generation == people->generation ? people_find(people, part, visitor) : NULL;
    const struct people_times *times =
        found == NULL ? NULL : visitor_find(&people->lines, found, kid);

    return times != NULL && times_live(people, times);
}

/* The sum of what is in use, made anew. */
static inline uint64_t people_bytes_anew(const struct people *people)
{
    uint64_t bytes = people_ring_bytes(people);

    for (size_t i = 0; i < PEOPLE_PARTS; i++) {
        const struct people_part *part = &people->parts[i];

        bytes += part->size * sizeof *part->slots;
        for (uint32_t slot = 0; slot < part->size; slot++) {
            const struct people_visitor *visitor =
                part->slots[slot] == 0 ? NULL : visitor_at(people, part->slots[slot]);

            if (visitor != NULL) {
                bytes +=
                    LINE_BYTES + (size_t)LINE_BYTES * (visitor_is_large(visitor)
                                                           ? visitor->as.large.lines
                                                           : visitor_lines(visitor_count(visitor)));
            }
        }
    }
    return bytes;
}

#endif
