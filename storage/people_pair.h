/* SPDX-License-Identifier: Apache-2.0
 *
 * The pair of a visitor and a key that an event touches. By value and inline: this is done four
 * times for nearly every event. Part of people_internal.h.
 */
#ifndef LIVECTR_STORAGE_PEOPLE_PAIR_H
#define LIVECTR_STORAGE_PEOPLE_PAIR_H

#include "storage/people_internal.h"

/* When a visitor saw and clicked a key last; PEOPLE_NEVER: not since reach. */
struct people_seconds {
    int64_t view_s, click_s;
};

/* The times after an event. */
static inline struct people_seconds people_merged(const struct people_touched *touched,
                                                  const struct people_seconds *before)
{
    return (struct people_seconds){
        .view_s = touched->click ? before->view_s : later(before->view_s, touched->second_s),
        .click_s = touched->click ? later(before->click_s, touched->second_s) : before->click_s};
}

/* The pair's times for writing, and what they are; NULL where a new one would exceed the limit. */
static inline struct people_times *people_admit(struct people *people,
                                                const struct people_touched *touched,
                                                struct people_seconds *ret_before)
{
    struct people_met *met = &people->met;
    struct people_times *times = NULL;

    CTR_ASSERT(met->part != NULL && met->hash == touched->visitor);
    CTR_ASSERT(touched->second_s >= people->reach_s &&
               touched->second_s < people->reach_s + people->newest_count);
    if (met->visitor != NULL) {
        times = visitor_find(&people->lines, met->visitor, touched->kid);
    }
    ret_before->view_s = times != NULL ? people_second(people, times_view(times)) : PEOPLE_NEVER;
    ret_before->click_s = times != NULL ? people_second(people, times_click(times)) : PEOPLE_NEVER;
    if (later(ret_before->view_s, ret_before->click_s) == PEOPLE_NEVER &&
        people->live >= people->limit) {
        return NULL;
    }
    if (met->visitor == NULL) {
        met->visitor = people_add(people, met->part, met->hash);
    }
    return times != NULL ? times : people_put(people, met->part, met->visitor, touched->kid);
}

#endif
