/* SPDX-License-Identifier: Apache-2.0
 *
 * The people of a step. Each event moves its visitor's last times at up to four keys; what thereby
 * leaves one second of a key and enters another is listed, sorted by second and merged, and becomes
 * cells of the crowd slices: -1 and +1, which the windows count like everything else.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { STEPS_PER_LEVEL = 6 }; /* three counts, each of which leaves one second and enters another */

uint64_t store_pair(uint64_t visitor, uint64_t key_hash, enum level level)
{
    uint64_t print = hash_mix(visitor, key_hash, level);

    return print == 0 ? 1 : print;
}

static uint64_t pair_of(const struct store *store, uint64_t visitor, uint32_t kid)
{
    const struct key *key = keys_at(&store->keys, kid);

    return store_pair(visitor, key->hash, (enum level)key->level);
}

/* Whether an event has a say about people: it names a visitor and is not older than every window.
 */
static bool concerns_people(const struct store *store, const struct held_event *event)
{
    return event->visitor != 0 && store->people_windows.count > 0 &&
           moment_floor(event->ts_ms, 1000) / 1000 >= store->people.reach_s;
}

enum ctr_status store_reserve_people(struct store *store, const struct held_event *event,
                                     const uint32_t kids[LEVEL_COUNT])
{
    struct step *step = &store->step;

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
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        if (kids[level] != KEY_NONE &&
            people_reserve(&store->people, pair_of(store, event->visitor, kids[level])) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

/* Lists one end of the moves of a key: all that enters (or leaves) the same second in one entry. */
static void list_step(struct step *step, int64_t second_s, const struct crowd_cell *cell)
{
    struct crowd_step *last = step->steps_count == 0 ? NULL : &step->steps[step->steps_count - 1];

    if (second_s == PEOPLE_NEVER) {
        return;
    }
    if (last != NULL && last->second_s == second_s && last->cell.key == cell->key) {
        last->cell.viewers += cell->viewers;
        last->cell.clickers += cell->clickers;
        last->cell.clicking += cell->clicking;
        return;
    }
    CTR_ASSERT(step->steps != NULL && step->steps_count < step->steps_capacity);
    step->steps[step->steps_count++] = (struct crowd_step){.second_s = second_s, .cell = *cell};
}

static void list_moves(struct step *step, uint32_t kid, const struct people_moves *moves)
{
    for (int32_t sign = -1; sign <= 1; sign += 2) {
        const struct people_move *by[] = {&moves->viewer, &moves->clicker, &moves->clicking};

        for (int i = 0; i < 3; i++) {
            if (by[i]->enters_s != PEOPLE_NEVER) {
                struct crowd_cell cell = {.key = kid,
                                          .viewers = i == 0 ? sign : 0,
                                          .clickers = i == 1 ? sign : 0,
                                          .clicking = i == 2 ? sign : 0};

                list_step(step, sign < 0 ? by[i]->leaves_s : by[i]->enters_s, &cell);
            }
        }
    }
}

uint32_t store_meet(struct store *store, const struct held_event *event,
                    const uint32_t kids[LEVEL_COUNT])
{
    int64_t second_s = moment_floor(event->ts_ms, 1000) / 1000;
    uint32_t flags = JOURNAL_PEOPLE;

    if (!concerns_people(store, event)) {
        return 0;
    }
    for (enum level level = LEVEL_SITE; level < LEVEL_COUNT; level++) {
        struct people_moves moves;

        if (kids[level] == KEY_NONE) {
            continue;
        }
        if (people_touch(&store->people, pair_of(store, event->visitor, kids[level]),
                         event->type == EVENT_CLICK, second_s, &moves)) {
            list_moves(&store->step, kids[level], &moves);
        } else {
            struct key *key = keys_at(&store->keys, kids[level]);

            key->people_short_s = second_s > key->people_short_s ? second_s : key->people_short_s;
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
        if (cells[i].viewers != 0 || cells[i].clickers != 0 || cells[i].clicking != 0) {
            cells[kept++] = cells[i];
        }
    }
    list->count = kept;
}

/* Room in every slice that gets cells. The seconds of one slice follow each other. */
static enum ctr_status reserve_crowds(struct store *store)
{
    int64_t slice_ms = MOMENT_NONE;
    size_t wanted = 0;

    for (size_t i = 0; i < store->step.crowd_lists_count; i++) {
        const struct crowd_list *list = &store->step.crowd_lists[i];
        struct slice *slice = NULL;

        if (slices_locate(&store->crowds, list->second_s * 1000, &slice) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        CTR_ASSERT(slice != NULL); /* reach lies within what is kept */
        wanted = (slice->start_ms == slice_ms ? wanted : 0) + list->count;
        slice_ms = slice->start_ms;
        if (slices_reserve(&store->crowds, slice, wanted) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

enum ctr_status store_sort_crowds(struct store *store)
{
    struct step *step = &store->step;

    step->crowd_lists_count = 0;
    if (step->steps_count == 0) {
        return CTR_OK;
    }
    if (reserve_sort(store) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    sort_by_second(store);
    for (size_t i = 0; i < step->crowd_lists_count; i++) {
        merge_list(store, &step->crowd_lists[i]);
    }
    return reserve_crowds(store);
}

void store_append_crowds(struct store *store)
{
    for (size_t i = 0; i < store->step.crowd_lists_count; i++) {
        const struct crowd_list *list = &store->step.crowd_lists[i];
        struct slice *slice = NULL;
        enum ctr_status status = slices_locate(&store->crowds, list->second_s * 1000, &slice);

        CTR_ASSERT(status == CTR_OK && slice != NULL);
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
