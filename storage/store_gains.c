/* SPDX-License-Identifier: Apache-2.0
 *
 * The gains of a step: one list per slice, one entry per key. Their room is kept from step to step.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

/* An event adds its keys, and may take a click back from `other` rows in the same list. */
enum { GAINS_PER_EVENT = 2 * LEVEL_COUNT };

void step_done(struct step *step)
{
    for (size_t i = 0; i < step->lists_capacity; i++) {
        free(step->lists[i].gains);
    }
    free(step->lists);
    free(step->notes);
    free(step->steps);
    free(step->cells);
    free(step->crowd_lists);
    free(step->seconds);
    memset(step, 0, sizeof *step);
}

enum ctr_status step_list(struct store *store, int64_t start_ms, size_t *ret_at)
{
    struct step *step = &store->step;
    struct gain_list *list = NULL;

    if (step->last >= step->lists_count || step->lists[step->last].start_ms != start_ms) {
        step->last = 0;
        while (step->last < step->lists_count && step->lists[step->last].start_ms != start_ms) {
            step->last++;
        }
    }
    *ret_at = step->last;
    if (step->last < step->lists_count) {
        return CTR_OK;
    }
    if (step->lists_count == step->lists_capacity) {
        size_t capacity = step->lists_capacity == 0 ? 16 : step->lists_capacity * 2;
        struct gain_list *lists = realloc(step->lists, capacity * sizeof *lists);

        if (lists == NULL) {
            return CTR_NO_MEMORY;
        }
        memset(&lists[step->lists_capacity], 0, (capacity - step->lists_capacity) * sizeof *lists);
        step->lists = lists;
        step->lists_capacity = capacity;
    }
    list = &step->lists[step->lists_count++];
    list->start_ms = start_ms;
    list->of_second = start_ms >= store->slices.tiers[0].limit_ms;
    list->met = false;
    list->mark = store->slices.next_mark++;
    list->count = 0;
    return CTR_OK;
}

enum ctr_status step_reserve(struct gain_list *list)
{
    if (list->count + GAINS_PER_EVENT > list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct gain *gains = realloc(list->gains, capacity * sizeof *gains);

        if (gains == NULL) {
            return CTR_NO_MEMORY;
        }
        list->gains = gains;
        list->capacity = capacity;
    }
    return CTR_OK;
}

struct gain *step_gain(struct store *store, struct gain_list *list, uint32_t kid)
{
    struct key_mark *mark = &keys_at(&store->keys, kid)->marks[SLICES_COUNTS];

    if (mark->list != list->mark) {
        *mark = (struct key_mark){.list = list->mark, .at = (uint32_t)list->count};
        list->gains[list->count++] = (struct gain){.cell = {.key = kid}, .crowd = {.key = kid}};
    }
    return &list->gains[mark->at];
}

/* A slice that is longer than a minute is gathered by minutes, which the history wants. */
int64_t step_start(const struct store *store, int64_t ts_ms)
{
    const struct step *step = &store->step;
    int64_t start_ms = 0;
    int64_t minute_ms = 0;

    if (step->last < step->lists_count) { /* nearly always that of the event before */
        const struct gain_list *list = &step->lists[step->last];

        if (list->of_second && ts_ms >= list->start_ms && ts_ms - list->start_ms < SLICE_BASE_MS) {
            return list->start_ms;
        }
    }
    start_ms = slices_start_of(&store->slices, ts_ms);
    minute_ms = moment_floor(ts_ms, MINUTE_MS);
    return start_ms == MOMENT_NONE || start_ms > minute_ms ? start_ms : minute_ms;
}
