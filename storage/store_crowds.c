/* SPDX-License-Identifier: Apache-2.0
 *
 * The crowd slices out of the pairs, at a start: a pair whose last view lies in a second is a
 * viewer of that second, and so on (storage/people.h). Pairs are sorted by slice, the slices' lists
 * are then merged by key, so that memory is read in order and never searched. Two threads share
 * both: each takes half of the table, then half of the slices.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "storage/moment.h"
#include "storage/people_visitor.h"
#include "storage/store_load.h"
#include "storage/table.h"

enum { WHO_VIEWER, WHO_CLICKER, WHO_CLICKING, WHO_COUNT };
enum { WORKERS = 2, CHUNK_KIDS = 1022 };

/* Keys of one slice, as they were met. */
struct chunk {
    struct chunk *next;
    uint32_t kids[CHUNK_KIDS];
};

struct list {
    struct chunk *first, *last;
    size_t count;
};

/* What one thread does: a part of the pairs into lists, then a part of the slices into cells. */
struct worker {
    const struct store *store;
    size_t number;
    uint64_t live;
    uint32_t *newest;   /* by second - reach */
    struct list *lists; /* by slice and who */
    struct table_slab chunks;
    uint32_t *place; /* by kid: where its cell was put last */
    struct gathering *gathering;
    enum ctr_status status;
};

/* The slices of which a second is within reach. */
struct gathering {
    uint32_t *of_second; /* by second - reach: which slice */
    int64_t *starts_ms;
    size_t count;
    size_t kids;               /* numbers of keys */
    struct crowd_cell **cells; /* made */
    size_t *cells_count;
    struct worker workers[WORKERS];
};

/* ---- who is where -------------------------------------------------------------------------- */

#define NOWHERE PEOPLE_BEFORE

static inline uint32_t lesser(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

/* A pair's seconds by who it is there. NOWHERE is the largest number, and a click without a view is
 * no clicker. */
static inline void find_seconds(const struct people *people, const struct people_times *times,
                                uint32_t ret_seconds[WHO_COUNT])
{
    uint32_t view = people_since(people, times_view(times));
    uint32_t click = people_since(people, times_click(times));

    ret_seconds[WHO_VIEWER] = view;
    ret_seconds[WHO_CLICKING] = click;
    ret_seconds[WHO_CLICKER] = view == NOWHERE || click == NOWHERE ? NOWHERE : lesser(view, click);
}

static enum ctr_status add_kid(struct worker *worker, struct list *list, uint32_t kid)
{
    size_t at = list->count % CHUNK_KIDS;

    if (at == 0) {
        struct chunk *chunk = table_slab_take(&worker->chunks, sizeof *chunk);

        if (chunk == NULL) {
            return CTR_NO_MEMORY;
        }
        if (list->last != NULL) {
            list->last->next = chunk;
        } else {
            list->first = chunk;
        }
        list->last = chunk;
    }
    list->last->kids[at] = kid;
    list->count++;
    return CTR_OK;
}

static enum ctr_status gather_pair(struct worker *worker, uint32_t kid,
                                   const struct people_times *times)
{
    const uint32_t *of_second = worker->gathering->of_second;
    uint32_t seconds[WHO_COUNT];
    uint32_t newest = 0;

    find_seconds(&worker->store->people, times, seconds);
    if (seconds[WHO_VIEWER] == NOWHERE && seconds[WHO_CLICKING] == NOWHERE) {
        return CTR_OK;
    }
    /* NOWHERE is the largest number, but one more than it is the least. */
    newest = seconds[WHO_VIEWER] + 1 > seconds[WHO_CLICKING] + 1 ? seconds[WHO_VIEWER]
                                                                 : seconds[WHO_CLICKING];
    if (kid >= worker->store->keys.next_kid || newest >= worker->store->people.newest_count) {
        return CTR_CORRUPT; /* of no key, or of a time that is still to come */
    }
    worker->live++;
    worker->newest[newest]++;
    for (size_t who = 0; who < WHO_COUNT; who++) {
        if (seconds[who] != NOWHERE &&
            add_kid(worker, &worker->lists[(size_t)of_second[seconds[who]] * WHO_COUNT + who],
                    kid) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

/* Room for the chunks of a worker's pairs: each is in three lists at most, each list's last chunk
 * may have one only. Addresses; the memory is what is used. */
static void expect_chunks(struct worker *worker, const struct people_part *first,
                          const struct people_part *end)
{
    size_t pairs = 0;

    for (const struct people_part *part = first; part < end; part++) {
        pairs += part->pairs;
    }
    table_slab_init(&worker->chunks, (pairs / CHUNK_KIDS + worker->gathering->count + 1) *
                                             WHO_COUNT * sizeof(struct chunk) +
                                         TABLE_SLAB_BYTES_MIN);
}

static void gather_part(struct worker *worker, size_t part)
{
    struct people_walk walk;
    struct people_pairs pairs;

    people_walk_begin(&walk, &worker->store->people, part);
    while (worker->status == CTR_OK && people_walk_next(&walk, &pairs)) {
        for (size_t i = 0; i < pairs.count && worker->status == CTR_OK; i++) {
            if (pairs.kids[i] != KEY_NONE) {
                worker->status = gather_pair(worker, pairs.kids[i], &pairs.times[i]);
            }
        }
    }
}

static void *gather(void *argument)
{
    struct worker *worker = argument;
    size_t first = PEOPLE_PARTS / WORKERS * worker->number;
    const struct people_part *parts = worker->store->people.parts;

    expect_chunks(worker, &parts[first], &parts[first + PEOPLE_PARTS / WORKERS]);
    for (size_t part = first; part < first + PEOPLE_PARTS / WORKERS; part++) {
        gather_part(worker, part);
    }
    return NULL;
}

/* ---- cells --------------------------------------------------------------------------------- */

/* One cell per key. `place` may still be of another slice. */
static size_t merge_list(const struct list *list, size_t who, uint32_t *place,
                         struct crowd_cell *cells, size_t count)
{
    const struct chunk *chunk = list->first;

    for (size_t i = 0; i < list->count; i++) {
        uint32_t kid = chunk->kids[i % CHUNK_KIDS];
        size_t at = place[kid];

        if (at >= count || cells[at].key != kid) {
            at = count++;
            place[kid] = (uint32_t)at;
            cells[at] = (struct crowd_cell){.key = kid};
        }
        cells[at].viewers += who == WHO_VIEWER;
        cells[at].clickers += who == WHO_CLICKER;
        cells[at].clicking += who == WHO_CLICKING;
        if (i % CHUNK_KIDS == CHUNK_KIDS - 1) {
            chunk = chunk->next;
        }
    }
    return count;
}

/* How many a slice may have at most. */
static size_t entries_of(const struct gathering *gathering, size_t slice)
{
    size_t most = 0;

    for (size_t i = 0; i < (size_t)WORKERS * WHO_COUNT; i++) {
        most += gathering->workers[i / WHO_COUNT].lists[slice * WHO_COUNT + i % WHO_COUNT].count;
    }
    return most;
}

/* Into the worker's scratch, then into memory that fits. */
static enum ctr_status merge_slice(struct worker *worker, size_t slice, struct crowd_cell *scratch)
{
    struct gathering *gathering = worker->gathering;
    struct crowd_cell *cells = NULL;
    size_t count = 0;

    if (entries_of(gathering, slice) == 0) {
        return CTR_OK;
    }
    for (size_t i = 0; i < (size_t)WORKERS * WHO_COUNT; i++) {
        size_t who = i % WHO_COUNT;

        count = merge_list(&gathering->workers[i / WHO_COUNT].lists[slice * WHO_COUNT + who], who,
                           worker->place, scratch, count);
    }
    cells = malloc(count * sizeof *cells);
    if (cells == NULL) {
        return CTR_NO_MEMORY;
    }
    memcpy(cells, scratch, count * sizeof *cells);
    gathering->cells[slice] = cells;
    gathering->cells_count[slice] = count;
    return CTR_OK;
}

static void *merge(void *argument)
{
    struct worker *worker = argument;
    struct gathering *gathering = worker->gathering;
    struct crowd_cell *scratch = NULL;
    size_t most = 0;

    for (size_t slice = worker->number; slice < gathering->count; slice += WORKERS) {
        most = entries_of(gathering, slice) > most ? entries_of(gathering, slice) : most;
    }
    scratch = table_alloc((most + 1) * sizeof *scratch);
    worker->status = scratch == NULL ? CTR_NO_MEMORY : CTR_OK;
    for (size_t slice = worker->number; slice < gathering->count; slice += WORKERS) {
        if (worker->status == CTR_OK) {
            worker->status = merge_slice(worker, slice, scratch);
        }
    }
    table_free(scratch, (most + 1) * sizeof *scratch);
    return NULL;
}

/* ---- both ---------------------------------------------------------------------------------- */

static void gathering_done(struct gathering *gathering)
{
    for (size_t w = 0; w < WORKERS; w++) {
        struct worker *worker = &gathering->workers[w];

        table_slab_done(&worker->chunks);
        table_free(worker->place, gathering->kids * sizeof *worker->place);
        free(worker->lists);
        free(worker->newest);
    }
    for (size_t i = 0; gathering->cells != NULL && i < gathering->count; i++) {
        free(gathering->cells[i]);
    }
    free(gathering->cells);
    free(gathering->cells_count);
    free(gathering->starts_ms);
    free(gathering->of_second);
}

static enum ctr_status init_workers(struct gathering *gathering, const struct store *store)
{
    for (size_t w = 0; w < WORKERS; w++) {
        struct worker *worker = &gathering->workers[w];

        *worker = (struct worker){.store = store, .number = w, .gathering = gathering};
        worker->newest = calloc(store->people.newest_count, sizeof *worker->newest);
        worker->lists = calloc(gathering->count * WHO_COUNT, sizeof *worker->lists);
        worker->place = table_alloc(gathering->kids * sizeof *worker->place);
        if (worker->newest == NULL || worker->lists == NULL || worker->place == NULL) {
            return CTR_NO_MEMORY;
        }
    }
    return CTR_OK;
}

static enum ctr_status gathering_init(struct gathering *gathering, const struct store *store)
{
    size_t seconds = store->people.newest_count;

    *gathering = (struct gathering){.kids = store->keys.next_kid};
    gathering->of_second = calloc(seconds, sizeof *gathering->of_second);
    gathering->starts_ms = calloc(seconds, sizeof *gathering->starts_ms);
    gathering->cells = calloc(seconds, sizeof *gathering->cells);
    gathering->cells_count = calloc(seconds, sizeof *gathering->cells_count);
    if (gathering->of_second == NULL || gathering->starts_ms == NULL || gathering->cells == NULL ||
        gathering->cells_count == NULL) {
        return CTR_NO_MEMORY;
    }
    for (size_t s = 0; s < seconds; s++) {
        int64_t start_ms =
            slices_start_of(&store->crowds, (store->people.reach_s + (int64_t)s) * 1000);

        if (gathering->count == 0 || gathering->starts_ms[gathering->count - 1] != start_ms) {
            gathering->starts_ms[gathering->count++] = start_ms;
        }
        gathering->of_second[s] = (uint32_t)gathering->count - 1;
    }
    return init_workers(gathering, store);
}

/* Runs one phase with all workers; the last one in this thread. */
static enum ctr_status run(struct gathering *gathering, void *(*phase)(void *))
{
    pthread_t threads[WORKERS];
    bool started[WORKERS] = {false};
    enum ctr_status status = CTR_OK;

    for (size_t w = 0; w < WORKERS; w++) {
        struct worker *worker = &gathering->workers[w];

        started[w] = w + 1 < WORKERS && pthread_create(&threads[w], NULL, phase, worker) == 0;
        if (!started[w]) {
            (void)phase(worker);
        }
    }
    for (size_t w = 0; w < WORKERS; w++) {
        if (started[w]) {
            (void)pthread_join(threads[w], NULL);
        }
        status = status == CTR_OK ? gathering->workers[w].status : status;
    }
    return status;
}

static void count_people(struct store *store, struct gathering *gathering)
{
    uint32_t *newest = gathering->workers[0].newest;
    uint64_t live = gathering->workers[0].live;

    for (size_t w = 1; w < WORKERS; w++) {
        live += gathering->workers[w].live;
        for (size_t s = 0; s < store->people.newest_count; s++) {
            newest[s] += gathering->workers[w].newest[s];
        }
    }
    people_count(&store->people, live, newest);
}

static enum ctr_status fill_slices(struct store *store, struct slices_tally *tally,
                                   struct gathering *gathering)
{
    for (size_t i = 0; i < gathering->count; i++) {
        struct slice *slice = NULL;

        if (gathering->cells_count[i] == 0) {
            continue;
        }
        if (slices_locate(&store->crowds, gathering->starts_ms[i], &slice) != CTR_OK) {
            return CTR_NO_MEMORY;
        }
        if (slice == NULL ||
            slices_fill(&store->crowds, tally, slice, (uint32_t *)gathering->cells[i],
                        gathering->cells_count[i]) != CTR_OK) {
            return CTR_CORRUPT;
        }
        gathering->cells[i] = NULL;
    }
    return CTR_OK;
}

enum ctr_status store_load_crowds(struct store *store, struct slices_tally *tally)
{
    struct gathering gathering;
    enum ctr_status status = CTR_OK;

    if (store->people.reach_s == MOMENT_NONE || store->people_windows.count == 0) {
        return CTR_OK;
    }
    status = gathering_init(&gathering, store);
    if (status == CTR_OK) {
        status = run(&gathering, gather);
    }
    if (status == CTR_OK) {
        count_people(store, &gathering);
        status = run(&gathering, merge);
    }
    if (status == CTR_OK) {
        status = fill_slices(store, tally, &gathering);
    }
    gathering_done(&gathering);
    return status;
}
