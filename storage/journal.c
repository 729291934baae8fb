/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/journal.h"

#include <stdbool.h>
#include <stdlib.h>

#include "storage/event.h"
#include "storage/moment.h"
#include "storage/table.h"

enum { HUGE_FROM_CHUNK = 2 };

/* ---- chunks -------------------------------------------------------------------------------- */

_Static_assert(EVENT_TS_MS_MAX < INT64_MAX / JOURNAL_FLAGS_END, "a time and flags fit in a word");
_Static_assert((int)JOURNAL_CHUNK_BYTES == (int)TABLE_SLAB_BYTES_MIN, "a huge page");

static struct journal_chunk *chunk_new(size_t events, bool huge)
{
    size_t wanted = sizeof(struct journal_chunk) + events * sizeof(struct journal_record);
    size_t bytes = events == JOURNAL_CHUNK_EVENTS ? JOURNAL_CHUNK_BYTES : wanted;
    struct journal_chunk *chunk = huge ? table_alloc(bytes) : malloc(bytes);

    if (chunk != NULL) {
        chunk->huge = huge;
        chunk->bytes = bytes;
    }
    return chunk;
}

static void chunk_free(struct journal_chunk *chunk)
{
    if (chunk->huge) {
        table_free(chunk, chunk->bytes);
    } else {
        free(chunk);
    }
}

void journal_spares_trim(struct journal_spares *spares, size_t count_max)
{
    while (spares->count > count_max) {
        struct journal_chunk *chunk = spares->first;

        spares->first = chunk->next;
        spares->count--;
        chunk_free(chunk);
    }
}

size_t journal_spares_bytes(const struct journal_spares *spares)
{
    return spares->count * JOURNAL_CHUNK_BYTES;
}

/* ---- parts --------------------------------------------------------------------------------- */

struct journal_part *journal_part_new(struct journal_spares *spares)
{
    struct journal_part *part = calloc(1, sizeof *part);

    if (part != NULL) {
        atomic_init(&part->users, 1);
        part->newest_ms = MOMENT_NONE;
        part->chunk_events = JOURNAL_CHUNK_EVENTS;
        part->spares = spares;
    }
    return part;
}

void journal_fit(struct journal_part *part, size_t count)
{
    CTR_ASSERT(part->chunks_count == 0);
    part->chunk_events = count;
}

static enum ctr_status reserve_chunk(struct journal_part *part)
{
    if (part->chunks_count == part->chunks_capacity) {
        size_t capacity = part->chunks_capacity == 0 ? 1 : part->chunks_capacity * 2;
        struct journal_chunk **chunks = realloc(part->chunks, capacity * sizeof *chunks);

        if (chunks == NULL) {
            return CTR_NO_MEMORY;
        }
        part->chunks = chunks;
        part->chunks_capacity = capacity;
    }
    return CTR_OK;
}

struct journal_part *journal_part_after(struct journal_part *part)
{
    struct journal_part *after = journal_part_new(part->spares);

    if (after != NULL && part->count < journal_room(part)) {
        struct journal_chunk *last = part->chunks[part->chunks_count - 1];

        if (reserve_chunk(after) != CTR_OK) {
            free(after);
            return NULL;
        }
        atomic_fetch_add(&last->users, 1);
        after->chunks[after->chunks_count++] = last;
        after->first = (part->first + part->count) % part->chunk_events;
    }
    if (after != NULL) {
        part->spares = NULL;
    }
    return after;
}

void journal_part_take(struct journal_part *part)
{
    atomic_fetch_add(&part->users, 1);
}

/* spares NULL: nothing is kept. */
static void give_part(struct journal_part *part, struct journal_spares *spares)
{
    if (part == NULL || atomic_fetch_sub(&part->users, 1) != 1) {
        return;
    }
    for (size_t i = 0; i < part->chunks_count; i++) {
        struct journal_chunk *chunk = part->chunks[i];

        if (atomic_fetch_sub(&chunk->users, 1) != 1) {
            continue;
        }
        if (spares != NULL && part->chunk_events == JOURNAL_CHUNK_EVENTS) {
            chunk->next = spares->first;
            spares->first = chunk;
            spares->count++;
        } else {
            chunk_free(chunk);
        }
    }
    free(part->packed);
    free(part->chunks);
    free(part);
}

void journal_part_give(struct journal_part *part)
{
    give_part(part, NULL);
}

void journal_part_recycle(struct journal_part *part, struct journal_spares *spares)
{
    give_part(part, spares);
}

/* A part that needs more than a few is one of many events, which fill a huge page in no time. */
static enum ctr_status add_chunk(struct journal_part *part)
{
    bool huge = part->chunks_count >= HUGE_FROM_CHUNK || part->chunk_events > JOURNAL_CHUNK_EVENTS;
    struct journal_spares *spares = part->spares;
    struct journal_chunk *chunk = spares == NULL ? NULL : spares->first;

    if (reserve_chunk(part) != CTR_OK) {
        return CTR_NO_MEMORY;
    }
    if (chunk != NULL) {
        spares->first = chunk->next;
        spares->count--;
    } else {
        chunk = chunk_new(part->chunk_events, huge);
    }
    if (chunk == NULL) {
        return CTR_NO_MEMORY;
    }
    atomic_init(&chunk->users, 1);
    part->chunks[part->chunks_count++] = chunk;
    return CTR_OK;
}

enum ctr_status journal_reserve(struct journal_part *part)
{
    return part->count < journal_room(part) ? CTR_OK : add_chunk(part);
}

struct journal_event journal_at(const struct journal_part *part, size_t number)
{
    const struct journal_record *record = journal_record_at(part, number);

    return (struct journal_event){.visitor = record->visitor,
                                  .print = record->print,
                                  .page_hash = record->page_hash,
                                  .box_hash = record->box_hash,
                                  .ts_ms = (int64_t)(record->moment / JOURNAL_FLAGS_END),
                                  .flags = (uint32_t)(record->moment % JOURNAL_FLAGS_END)};
}

size_t journal_bytes(const struct journal_part *part)
{
    return part->count * sizeof(struct journal_record);
}
