/* SPDX-License-Identifier: Apache-2.0
 *
 * Publishing the accounts, and the readers that copy out.
 */
#include <stdlib.h>
#include <string.h>

#include "storage/hash.h"
#include "storage/moment.h"
#include "storage/store_internal.h"
#include "storage/store_status.h"

/* ---- the writer's side --------------------------------------------------------------------- */

static int64_t oldest_life(const struct store *store)
{
    int64_t oldest_ms = store->partitions_count == 0 ? MOMENT_NONE : INT64_MAX;

    for (size_t i = 0; i < store->partitions_count; i++) {
        if (store->partitions[i].alive_ms < oldest_ms) {
            oldest_ms = store->partitions[i].alive_ms;
        }
    }
    return oldest_ms;
}

/* Makes room for as many partitions as the writer knows, without holding the lock meanwhile. */
static enum ctr_status reserve_published(struct store *store)
{
    struct published *published = &store->published;
    struct partition *old = NULL;
    struct partition *room = NULL;

    if (published->partitions_capacity >= store->partitions_count) {
        return CTR_OK;
    }
    room = calloc(store->partitions_capacity, sizeof *room);
    if (room == NULL) {
        return CTR_NO_MEMORY;
    }
    store_lock(store);
    old = published->partitions;
    if (published->partitions_count > 0) { /* a reader may come before the next picture */
        memcpy(room, old, published->partitions_count * sizeof *room);
    }
    published->partitions = room;
    published->partitions_capacity = store->partitions_capacity;
    store_unlock(store);
    free(old);
    return CTR_OK;
}

/* A sample names its partition by the writer's index; readers see them in canonical order. */
static void rank_samples(const struct store *store, struct samples *samples)
{
    for (size_t i = 0; i < samples->count; i++) {
        uint32_t rank = 0;

        while (store->order[rank] != samples->ring[i].partition) {
            rank++;
        }
        samples->ring[i].partition = rank;
    }
}

static uint64_t journals_bytes(const struct store *store)
{
    uint64_t bytes = journal_bytes(store->journal) + journal_spares_bytes(&store->journal_spares);

    for (size_t i = 0; i < store->journals_count; i++) {
        bytes += journal_bytes(store->journals_waiting[i]);
    }
    return bytes;
}

static struct store_memory memory_of(const struct store *store)
{
    return (struct store_memory){.keys = keys_bytes(&store->keys),
                                 .names = store->names.bytes +
                                          store->names.slots_count * sizeof *store->names.slots,
                                 .slices = store->slices.bytes + store->crowds.bytes,
                                 .held = store->held.events * sizeof(struct held_event),
                                 .people = store->people.bytes,
                                 .ids = store->ids.bytes + gaps_bytes(&store->gaps),
                                 .minutes = book_bytes(&store->book),
                                 .journal = journals_bytes(store)};
}

_Static_assert((int)STORE_GRAINS_MAX == (int)TIERS_MAX, "each tier is told");

static struct store_slices slices_of(const struct store *store)
{
    struct store_slices slices = {.tiers = store->slices.tiers_count};

    for (size_t i = 0; i < slices.tiers; i++) {
        slices.grains_ms[i] = store->slices.tiers[i].grain_ms;
        slices.counts[i] = store->slices.tiers[i].count;
    }
    return slices;
}

static uint64_t sum_of(const struct store_memory *memory)
{
    return memory->keys + memory->names + memory->slices + memory->held + memory->people +
           memory->ids + memory->minutes + memory->journal;
}

void store_publish_accounts(struct store *store)
{
    struct published *published = &store->published;

    if (published->partitions_capacity < store->partitions_count) {
        return; /* the next store_publish makes room */
    }
    for (size_t i = 0; i < store->partitions_count; i++) {
        published->partitions[i] = store->partitions[store->order[i]];
    }
    published->partitions_count = store->partitions_count;
    published->samples = store->samples;
    rank_samples(store, &published->samples);
    published->held = store->held.events;
    published->keys_folded = store->keys_folded;
    published->people = store->people.live;
    published->people_refused = store->people_refused;
    published->people_bytes = store->people.bytes;
    published->ids = store->ids.count;
    published->ids_bytes = store->ids.bytes;
    published->repeated = store->repeated;
}

/* No further than the second at which a limit or a reader holds `to`, so that the two fit together.
 */
static int64_t as_of_within(const struct store *store)
{
    int64_t before_ms = store->published.progress.as_of_ms;
    int64_t limit_ms = store_is_held(store) ? store->published.progress.to_ms : store->limit_ms;

    if (limit_ms == INT64_MAX || store->as_of_ms < limit_ms + SLICE_BASE_MS) {
        return store->as_of_ms;
    }
    return before_ms > limit_ms ? before_ms : limit_ms + SLICE_BASE_MS - 1;
}

enum ctr_status store_publish(struct store *store)
{
    struct published *published = &store->published;
    struct store_memory memory = memory_of(store);
    struct store_slices slices = slices_of(store);
    int64_t alive_ms = oldest_life(store);

    if (reserve_published(store) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    store_lock(store);
    store_publish_accounts(store);
    published->progress.as_of_ms = as_of_within(store);
    published->progress.covered_from_ms = store->covered_from_ms;
    published->progress.alive_ms = alive_ms;
    published->progress.at_end = store->at_end;
    published->progress.caught_up_once = store->caught_up_once;
    published->progress.partitions = (uint32_t)store->partitions_count;
    published->memory = memory;
    published->slices = slices;
    published->delays = store->delays;
    store_answer(store);
    store_unlock(store);
    return CTR_OK;
}

/* ---- readers ------------------------------------------------------------------------------- */

struct progress store_await(const struct store *store, uint64_t revision,
                            const struct timespec *deadline)
{
    /* The readers' part of a store that is otherwise const to them. */
    struct store *shared = (struct store *)(uintptr_t)store;
    struct progress progress;
    int failed = 0;

    store_lock(store);
    while (store->published.progress.revision == revision && failed == 0) {
        failed = pthread_cond_timedwait(&shared->moved, &shared->lock, deadline);
    }
    progress = store->published.progress;
    store_unlock(store);
    return progress;
}

struct progress store_progress(const struct store *store)
{
    struct progress progress;

    store_lock(store);
    progress = store->published.progress;
    store_unlock(store);
    return progress;
}

static uint64_t text_hash(const struct store *store, struct text text)
{
    return text.length == 0 ? 0 : hash_id(store->options.hash_secret, text.bytes, text.length);
}

enum { READ_CHUNK = 64 };

struct hashes {
    uint64_t page, box;
};

/* Under the lock. */
static void read_one(const struct store *store, struct prior_memo *memo, size_t window,
                     const struct key_name *name, const struct hashes *hashes,
                     struct figures *ret_figures)
{
    uint32_t kid = keys_find_text(&store->keys, name, hashes->page, hashes->box);

    if (kid == KEY_NONE) {
        store_unknown_figures(store, memo, window, name, hashes->box, ret_figures);
        return;
    }
    store_figures(store, memo, window, kid, ret_figures);
}

void store_read(const struct store *store, size_t window, const struct key_name *names,
                size_t count, struct figures *ret_figures, struct reading *ret_reading)
{
    uint64_t revision = 0;
    size_t done = 0;

    CTR_ASSERT(window < store->options.windows.count);
    /* Hashing a long list under the lock would make the writer wait, so it is done in pieces. Where
     * the picture changed between two pieces, all is read again: an answer is of one moment. */
    do {
        struct hashes hashes[READ_CHUNK];
        struct prior_memo memo = {.known = false};
        size_t piece = count - done < READ_CHUNK ? count - done : READ_CHUNK;

        for (size_t i = 0; i < piece; i++) {
            hashes[i] = (struct hashes){.page = text_hash(store, names[done + i].page),
                                        .box = text_hash(store, names[done + i].box)};
        }
        store_lock(store);
        if (done > 0 && store->published.progress.revision != revision) {
            store_unlock(store);
            done = 0;
            continue;
        }
        revision = store->published.progress.revision;
        for (size_t i = 0; i < piece; i++) {
            read_one(store, &memo, window, &names[done + i], &hashes[i], &ret_figures[done + i]);
        }
        ret_reading->from_ms = store->published.from_ms[window];
        ret_reading->progress = store->published.progress;
        store_unlock(store);
        done += piece;
    } while (done < count);
}

/* ---- status -------------------------------------------------------------------------------- */

static void copy_samples(const struct published *published, struct store_status *ret_status)
{
    const struct samples *samples = &published->samples;

    ret_status->samples_count = samples->count;
    for (size_t i = 0; i < samples->count; i++) {
        size_t at = (samples->next + MALFORMED_SAMPLES_MAX - 1 - i) % MALFORMED_SAMPLES_MAX;

        ret_status->samples[i] = samples->ring[at];
    }
}

static void copy_status(const struct store *store, struct store_status *ret_status)
{
    const struct published *published = &store->published;

    ret_status->progress = published->progress;
    memcpy(ret_status->keys, store->keys.count, sizeof ret_status->keys);
    ret_status->keys_max = store->keys.limit;
    ret_status->keys_folded = published->keys_folded;
    ret_status->held = published->held;
    ret_status->held_max = store->options.held_max;
    ret_status->memory = published->memory;
    ret_status->slices = published->slices;
    ret_status->bytes = sum_of(&published->memory);
    ret_status->people = published->people;
    ret_status->people_max = store->options.visitors_max;
    ret_status->people_refused = published->people_refused;
    ret_status->people_bytes = published->people_bytes;
    ret_status->ids = published->ids;
    ret_status->ids_max = store->options.ids_max;
    ret_status->ids_bytes = published->ids_bytes;
    ret_status->repeated = published->repeated;
    ret_status->minutes_max = store->options.minutes_max;
    ret_status->delays = published->delays;
    copy_samples(published, ret_status);
    ret_status->partitions_count = published->partitions_count;
    for (size_t i = 0; i < published->partitions_count; i++) {
        ret_status->partitions[i] = published->partitions[i];
        for (int reason = 0; reason < MALFORMED_COUNT; reason++) {
            ret_status->malformed[reason] += published->partitions[i].counts.malformed[reason];
        }
    }
}

enum ctr_status store_status_read(const struct store *store, struct store_status *ret_status)
{
    size_t room = 8;

    memset(ret_status, 0, sizeof *ret_status);
    /* Memory is taken outside the lock; partitions only ever get more, so this ends. */
    for (;;) {
        size_t needed = 0;

        ret_status->partitions = calloc(room, sizeof *ret_status->partitions);
        if (ret_status->partitions == NULL) {
            return CTR_NO_MEMORY;
        }
        store_lock(store);
        needed = store->published.partitions_count;
        if (needed <= room) {
            copy_status(store, ret_status);
            store_unlock(store);
            book_lock(&store->book);
            ret_status->minutes_waiting = store->book.rows;
            ret_status->minutes_lost = store->book.lost;
            book_unlock(&store->book);
            return CTR_OK;
        }
        store_unlock(store);
        free(ret_status->partitions);
        room = needed;
    }
}

void store_status_done(struct store_status *status)
{
    free(status->partitions);
    memset(status, 0, sizeof *status);
}
