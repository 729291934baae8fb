/* SPDX-License-Identifier: Apache-2.0
 *
 * The people of a step. Each event moves its visitor's last times at up to four keys; what thereby
 * leaves one second of a key and enters another is listed, sorted by second and merged, and becomes
 * cells of the crowd slices: -1 and +1, which the windows count like everything else.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/store_internal.h"

enum { STEPS_PER_LEVEL = 6 }; /* three counts, each of which leaves one second and enters another */

/* Whether an event has a say about people: it names a visitor and is not older than every window.
 */
static bool concerns_people(const struct store *store, const struct held_event *event)
{
    return event->visitor != 0 && store->people_windows.count > 0 &&
           moment_floor(event->ts_ms, 1000) / 1000 >= store->people.reach_s;
}

enum ctr_status store_reserve_people(struct store *store, const struct held_event *event,
                                     const struct people_hint *where)
{
    struct step *step = &store->step;
    size_t pairs = event->box == NULL ? LEVEL_PAGE + 1 : LEVEL_COUNT;

    if (!concerns_people(store, event)) {
        return CTR_OK;
    }
    if (step->steps_count + (size_t)LEVEL_COUNT * STEPS_PER_LEVEL > step->steps_capacity) {
        size_t capacity = step->steps_capacity == 0 ? 1024 : step->steps_capacity * 2;
        struct crowd_step *steps = realloc(step->steps, capacity * sizeof *steps);

        if (steps == NULL) {
            return CTR_NO_MEMORY;
        }
        step->steps = steps;
        step->steps_capacity = capacity;
    }
    return people_reserve(&store->people, event->visitor, where, pairs);
}

/* Where what happens to a key's people is listed. */
struct crowd_target {
    struct step *step;
    struct crowd_cell *own; /* of the event's second, NULL where it has none */
    int64_t own_s;
    uint32_t kid;
};

static inline void add_crowd(struct crowd_cell *into, const int32_t numbers[3])
{
    into->viewers += numbers[0];
    into->clickers += numbers[1];
    into->clicking += numbers[2];
}

/* Lists one end of a move of a key: all that enters (or leaves) the same second in one entry.
 * Number by number: a cell that is put together and copied at once waits for its parts to be
 * written. */
static inline void list_step(const struct crowd_target *target, int64_t second_s,
                             const int32_t numbers[3])
{
    struct step *step = target->step;
    struct crowd_step *last = NULL;

    if (second_s == PEOPLE_NEVER) {
        return;
    }
    if (target->own != NULL && second_s == target->own_s) {
        add_crowd(target->own, numbers);
        return;
    }
    last = step->steps_count == 0 ? NULL : &step->steps[step->steps_count - 1];
    if (last == NULL || last->second_s != second_s || last->cell.key != target->kid) {
        CTR_ASSERT(step->steps != NULL && step->steps_count < step->steps_capacity);
        last = &step->steps[step->steps_count++];
        last->second_s = second_s;
        last->cell.key = target->kid;
        last->cell.viewers = numbers[0];
        last->cell.clickers = numbers[1];
        last->cell.clicking = numbers[2];
        return;
    }
    add_crowd(&last->cell, numbers);
}

/* One end of each move: -1 in the second that it leaves, or 1 in the one that it enters. */
static inline void list_ends(const struct crowd_target *target, const struct people_moves *moves,
                             int32_t sign)
{
    const struct people_move *viewer = &moves->viewer;
    const struct people_move *clicker = &moves->clicker;
    const struct people_move *clicking = &moves->clicking;

    if (viewer->enters_s != PEOPLE_NEVER) {
        list_step(target, sign < 0 ? viewer->leaves_s : viewer->enters_s,
                  (const int32_t[]){sign, 0, 0});
    }
    if (clicker->enters_s != PEOPLE_NEVER) {
        list_step(target, sign < 0 ? clicker->leaves_s : clicker->enters_s,
                  (const int32_t[]){0, sign, 0});
    }
    if (clicking->enters_s != PEOPLE_NEVER) {
        list_step(target, sign < 0 ? clicking->leaves_s : clicking->enters_s,
                  (const int32_t[]){0, 0, sign});
    }
}

static void list_moves(const struct crowd_target *target, const struct people_moves *moves)
{
    if (moves->clicker.enters_s == PEOPLE_NEVER && moves->clicking.enters_s == PEOPLE_NEVER) {
        if (moves->viewer.enters_s != PEOPLE_NEVER) { /* nearly always */
            list_step(target, moves->viewer.leaves_s, (const int32_t[]){-1, 0, 0});
            list_step(target, moves->viewer.enters_s, (const int32_t[]){1, 0, 0});
        }
        return;
    }
    list_ends(target, moves, -1);
    list_ends(target, moves, 1);
}

/* Readers look whether a window has people, so it is told under the lock: once a second and key,
 * as only this thread writes it and may look without. */
static void note_short(struct store *store, uint32_t kid, int64_t second_s)
{
    if (second_s > *keys_short_s(&store->keys, kid)) {
        store_lock(store);
        keys_note_short(&store->keys, kid, second_s);
        store_unlock(store);
    }
}

uint32_t store_meet(struct store *store, const struct held_event *event,
                    const uint32_t kids[LEVEL_COUNT], struct gain *const gains[LEVEL_COUNT])
{
    int64_t second_s = moment_floor(event->ts_ms, 1000) / 1000;
    uint32_t flags = JOURNAL_PEOPLE;
    struct people_touched touched = {
        .visitor = event->visitor, .click = event->type == EVENT_CLICK, .second_s = second_s};

    if (!concerns_people(store, event)) {
        return 0;
    }
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        struct people_moves moves;

        if (kids[level] == KEY_NONE) {
            continue;
        }
        touched.kid = kids[level];
        if (people_touch(&store->people, &touched, &moves)) {
            list_moves(
                &(struct crowd_target){.step = &store->step,
                                       .own = gains[level] == NULL ? NULL : &gains[level]->crowd,
                                       .own_s = second_s,
                                       .kid = kids[level]},
                &moves);
        } else {
            note_short(store, kids[level], second_s);
            flags |= (uint32_t)JOURNAL_SHORT << level;
            store->step.refused++;
        }
    }
    return flags;
}

/* ---- sorting ------------------------------------------------------------------------------- */

static uint32_t second_index(const struct store *store, const struct crowd_step *crowd_step)
{
    return (uint32_t)(crowd_step->second_s - store->people.reach_s);
}

static enum ctr_status reserve_sort(struct store *store)
{
    struct step *step = &store->step;
    size_t seconds = store->people.newest_count;

    if (step->seconds == NULL) {
        step->seconds = calloc(seconds + 1, sizeof *step->seconds);
        step->crowd_lists = calloc(seconds, sizeof *step->crowd_lists);
        if (step->seconds == NULL || step->crowd_lists == NULL) {
            free(step->seconds);
            step->seconds = NULL;
            free(step->crowd_lists);
            step->crowd_lists = NULL;
            return CTR_NO_MEMORY;
        }
    }
    if (step->steps_count > step->cells_capacity) {
        size_t capacity = step->steps_count * 2;
        struct crowd_cell *cells = realloc(step->cells, capacity * sizeof *cells);

        if (cells == NULL) {
            return CTR_NO_MEMORY;
        }
        step->cells = cells;
        step->cells_capacity = capacity;
    }
    return CTR_OK;
}

/* A counting sort: cells of one second next to each other, in the order they came. */
static void sort_by_second(struct store *store)
{
    struct step *step = &store->step;
    size_t seconds = store->people.newest_count;
    uint32_t start = 0;

    memset(step->seconds, 0, (seconds + 1) * sizeof *step->seconds);
    for (size_t i = 0; i < step->steps_count; i++) {
        step->seconds[second_index(store, &step->steps[i])]++;
    }
    step->crowd_lists_count = 0;
    for (size_t s = 0; s < seconds; s++) {
        uint32_t count = step->seconds[s];

        if (count > 0) {
            step->crowd_lists[step->crowd_lists_count++] = (struct crowd_list){
                .second_s = store->people.reach_s + (int64_t)s, .first = start, .count = count};
        }
        step->seconds[s] = start;
        start += count;
    }
    for (size_t i = 0; i < step->steps_count; i++) {
        uint32_t *at = &step->seconds[second_index(store, &step->steps[i])];

        step->cells[(*at)++] = step->steps[i].cell;
    }
}

/* One cell per key; what came to nothing goes. */
static void merge_list(struct store *store, struct crowd_list *list)
{
    struct crowd_cell *cells = &store->step.cells[list->first];
    uint64_t mark = store->crowds.next_mark++;
    size_t merged = 0;
    size_t kept = 0;

    for (size_t i = 0; i < list->count; i++) {
        struct key_mark *met = &keys_at(&store->keys, cells[i].key)->marks[SLICES_PEOPLE];

        if (met->list == mark) {
            cells[met->at].viewers += cells[i].viewers;
            cells[met->at].clickers += cells[i].clickers;
            cells[met->at].clicking += cells[i].clicking;
            continue;
        }
        *met = (struct key_mark){.list = mark, .at = (uint32_t)merged};
        cells[merged++] = cells[i];
    }
    for (size_t i = 0; i < merged; i++) {
        if (crowd_changes(&cells[i])) {
            cells[kept++] = cells[i];
        }
    }
    list->count = kept;
}

enum ctr_status store_crowd_slice(struct store *store, int64_t ts_ms, struct slice **ret_slice)
{
    enum ctr_status status = slices_locate(&store->crowds, ts_ms, ret_slice);

    CTR_ASSERT(status != CTR_OK || *ret_slice != NULL); /* reach lies within what is kept */
    return status;
}

static enum ctr_status reserve_slice(struct store *store, int64_t ts_ms, size_t count, bool first)
{
    struct slice *slice = NULL;

    if (store_crowd_slice(store, ts_ms, &slice) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    slice->coming = first ? 0 : slice->coming + count;
    return slices_reserve(&store->crowds, slice, slice->coming);
}

/* Room in every slice that gets cells: more than one list may go to a slice. */
static enum ctr_status reserve_crowds(struct store *store)
{
    const struct step *step = &store->step;
    enum ctr_status status = CTR_OK;

    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < step->lists_count && status == CTR_OK; i++) {
            if (step->lists[i].met) {
                status =
                    reserve_slice(store, step->lists[i].start_ms, step->lists[i].count, pass == 0);
            }
        }
        for (size_t i = 0; i < step->crowd_lists_count && status == CTR_OK; i++) {
            status = reserve_slice(store, step->crowd_lists[i].second_s * 1000,
                                   step->crowd_lists[i].count, pass == 0);
        }
    }
    return status;
}

enum ctr_status store_sort_crowds(struct store *store)
{
    struct step *step = &store->step;

    step->crowd_lists_count = 0;
    if (step->steps_count > 0) {
        if (reserve_sort(store) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        sort_by_second(store);
        for (size_t i = 0; i < step->crowd_lists_count; i++) {
            merge_list(store, &step->crowd_lists[i]);
        }
    }
    return reserve_crowds(store);
}

void store_append_crowds(struct store *store)
{
    for (size_t i = 0; i < store->step.crowd_lists_count; i++) {
        const struct crowd_list *list = &store->step.crowd_lists[i];
        struct slice *slice = NULL;
        enum ctr_status status = store_crowd_slice(store, list->second_s * 1000, &slice);

        CTR_ASSERT(status == CTR_OK);
        for (size_t c = 0; c < list->count; c++) {
            status = slices_add(&store->crowds, &store->keys, slice,
                                &store->step.cells[list->first + c]);
            CTR_ASSERT(status == CTR_OK); /* the room was made before */
        }
    }
}

void store_add_crowds(struct store *store)
{
    for (size_t i = 0; i < store->step.crowd_lists_count; i++) {
        const struct crowd_list *list = &store->step.crowd_lists[i];

        for (size_t c = 0; c < list->count; c++) {
            slices_count(&store->crowds, &store->keys, &store->step.cells[list->first + c],
                         list->second_s * 1000, store->published.from_ms);
        }
    }
}
