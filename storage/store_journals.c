/* SPDX-License-Identifier: Apache-2.0
 *
 * The store's part of the journal: the part that is being filled, and those that wait until they
 * are known to be saved. A part is one row of the file, so a full one is closed between two cuts: a
 * long backlog before a slow disk would otherwise make a row that is larger than SQLite takes, and
 * a save needs memory for one part at a time.
 */
#include <stdlib.h>

#include "storage/checkpoint.h"
#include "storage/moment.h"
#include "storage/store_internal.h"

enum { WAITING_FIRST = 16 };

/* Room for one part more among those that wait. */
static bool reserve_waiting(struct store *store)
{
    size_t capacity = store->journals_capacity == 0 ? WAITING_FIRST : store->journals_capacity * 2;
    struct journal_part **parts = NULL;

    if (store->journals_count < store->journals_capacity) {
        return true;
    }
    parts = realloc(store->journals_waiting, capacity * sizeof *parts);
    if (parts == NULL) {
        return false;
    }
    store->journals_waiting = parts;
    store->journals_capacity = capacity;
    return true;
}

/* The part that is being filled waits from now on, and another one is. */
static bool close_part(struct store *store)
{
    struct journal_part *fresh = NULL;

    if (!reserve_waiting(store)) {
        return false;
    }
    fresh = journal_part_after(store->journal);
    if (fresh == NULL) {
        return false;
    }
    store->sweep.events += store->journal->count;
    store->journals_waiting[store->journals_count++] = store->journal;
    store->journal = fresh;
    return true;
}

/* A disk that hangs lets nobody cut, so what is too old is forgotten here, too. */
enum ctr_status store_reserve_journal(struct store *store)
{
    if (store->journal->count >= store->journal_part_events) {
        if (!close_part(store)) {
            return CTR_NO_MEMORY;
        }
        store_forget_old_journals(store, store_journal_from(store));
    }
    return journal_reserve(store->journal);
}

uint64_t store_number_journals(struct store *store, uint64_t cut)
{
    for (size_t i = 0; i < store->journals_count; i++) {
        if (store->journals_waiting[i]->cut == 0) {
            store->journals_waiting[i]->cut = ++cut;
        }
    }
    return cut;
}

/* Chunks that the time since the last cut has needed. */
static size_t chunks_since(const struct store *store)
{
    size_t chunks = store->journal->chunks_count;

    for (size_t i = 0; i < store->journals_count; i++) {
        chunks += store->journals_waiting[i]->chunks_count;
    }
    return chunks;
}

bool store_cut_journals(struct store *store, struct checkpoint *cut)
{
    journal_spares_trim(&store->journal_spares, chunks_since(store));
    if (store->journal->count > 0) {
        if (!close_part(store)) {
            return false;
        }
        store->journals_waiting[store->journals_count - 1]->cut = store->cut;
    }
    cut->journals = calloc(store->journals_count + 1, sizeof *cut->journals);
    if (cut->journals == NULL) {
        return false;
    }
    for (; cut->journals_count < store->journals_count; cut->journals_count++) {
        struct journal_part *part = store->journals_waiting[cut->journals_count];

        journal_part_take(part);
        cut->journals[cut->journals_count] = part;
    }
    return true;
}

/* Gives up the parts that are saved, or of which no event is of from_ms or later. */
static void forget_parts(struct store *store, bool saved, int64_t from_ms)
{
    size_t kept = 0;

    for (size_t i = 0; i < store->journals_count; i++) {
        struct journal_part *part = store->journals_waiting[i];

        if ((saved && part->cut != 0) || part->newest_ms < from_ms) {
            journal_part_recycle(part, &store->journal_spares);
        } else {
            store->journals_waiting[kept++] = part;
        }
    }
    store->journals_count = kept;
}

void store_forget_journals(struct store *store)
{
    forget_parts(store, true, MOMENT_NONE);
}

void store_forget_old_journals(struct store *store, int64_t from_ms)
{
    forget_parts(store, false, from_ms);
}

int64_t store_journal_from(const struct store *store)
{
    int64_t to_ms = store->published.progress.to_ms;
    int64_t span_ms = store->options.dedup_horizon_ms + 3 * MINUTE_MS + store->options.click_gap_ms;
    int64_t people_ms = (int64_t)store->people.newest_count * 1000;

    if (to_ms == MOMENT_NONE) {
        return MOMENT_NONE;
    }
    return to_ms - (people_ms > span_ms ? people_ms : span_ms);
}
