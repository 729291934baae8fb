/* SPDX-License-Identifier: Apache-2.0
 *
 * The events that people, ids and gaps were made of, as numbers: saved in place of those tables. A
 * start replays them; what no table needs any more is deleted from the file by age. So a save costs
 * what came since the last one (15 bytes an event on disk), however much is kept.
 *
 * Events stand in chunks of one size, one behind the other. A part is a stretch of them: the next
 * one begins in the chunk where the one before ends, so that a part of a few events takes no more
 * than these.
 *
 *   chunk [ 1 1 1 1 2 2 2 2 ]  chunk [ 2 2 2 2 2 2 3 3 ]  chunk [ 3 3 . . . . . . ]
 *         part 1, part 2             part 2, part 3             part 3, being filled
 *
 * Parts, and chunks, are counted references: the store appends to the newest part, the snapshot
 * thread reads those that were cut off. Chunks that the store was the last to use serve it again,
 * as memory that is fresh costs more than the events in it. Thread: ingest appends; a part that was
 * cut off never changes.
 */
#ifndef LIVECTR_STORAGE_JOURNAL_H
#define LIVECTR_STORAGE_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

/* What became of the event, so that the replay does the same whatever the limits are by then. */
enum journal_flag {
    JOURNAL_CLICK = 1,
    JOURNAL_ID = 2,          /* its fingerprint was remembered */
    JOURNAL_GAP = 4,         /* its click was kept for click_gap */
    JOURNAL_PEOPLE = 8,      /* its visitor's pairs were touched, but at levels that were: */
    JOURNAL_FOLDED = 16,     /* ... << level: in the `other` row */
    JOURNAL_SHORT = 256,     /* ... << level: refused by max_visitors */
    JOURNAL_REPEATED = 4096, /* its click did not count, for click_gap */
    JOURNAL_FLAGS_END = 8192
};

struct journal_event {
    uint64_t visitor, print, page_hash, box_hash; /* 0 where there is none */
    int64_t ts_ms;                                /* 0 to EVENT_TS_MS_MAX */
    uint32_t flags;
};

/* An event as it is kept. */
struct journal_record {
    uint64_t visitor, print, page_hash, box_hash;
    uint64_t moment; /* ts_ms * JOURNAL_FLAGS_END + flags */
};

struct journal_chunk {
    _Atomic uint32_t users; /* parts with events in it */
    bool huge;              /* in huge pages: it is all there from the beginning */
    size_t bytes;
    struct journal_chunk *next; /* of the spare ones */
    struct journal_record records[];
};

enum {
    JOURNAL_CHUNK_BYTES = 2 << 20,
    JOURNAL_CHUNK_EVENTS =
        (JOURNAL_CHUNK_BYTES - sizeof(struct journal_chunk)) / sizeof(struct journal_record)
};

/* How many events the store puts into one part: some 24 MB in the file. */
enum { JOURNAL_PART_EVENTS_MAX = 1 << 20 };

/* Chunks that are free, for the next events. All zero is none. Thread: ingest. */
struct journal_spares {
    struct journal_chunk *first;
    size_t count;
};

struct journal_part {
    _Atomic uint32_t users;
    uint64_t cut; /* the first cut that was given it, 0 none */
    size_t first; /* how far into its first chunk it begins */
    size_t count;
    int64_t newest_ms; /* largest ts_ms */
    size_t chunks_count, chunks_capacity;
    struct journal_chunk **chunks;
    size_t chunk_events;           /* so many fit into one */
    struct journal_spares *spares; /* where chunks come from while it is filled; NULL: nowhere */
    unsigned char *packed; /* of a part that was cut off, if it is small; owned. Thread: snapshot */
    size_t packed_length;
};

/* An empty part with one user, filled out of `spares` (borrowed, NULL: none). NULL: no memory. */
struct journal_part *journal_part_new(struct journal_spares *spares);

/* The part that goes on where `part` ends, which is cut off with this. NULL: no memory, and it can
 * still be filled. */
struct journal_part *journal_part_after(struct journal_part *part);

/* Makes its one chunk, which it does not have yet, just as large as so many events need. */
void journal_fit(struct journal_part *part, size_t count);

void journal_part_take(struct journal_part *part);
void journal_part_give(struct journal_part *part); /* NULL is fine */

/* Gives a part; what nobody else uses of its chunks becomes spare. Thread: ingest. */
void journal_part_recycle(struct journal_part *part, struct journal_spares *spares);

/* Frees spare chunks but for count_max. */
void journal_spares_trim(struct journal_spares *spares, size_t count_max);
size_t journal_spares_bytes(const struct journal_spares *spares);

/* Makes room for one more. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status journal_reserve(struct journal_part *part);

/* How many events fit into its chunks. */
static inline size_t journal_room(const struct journal_part *part)
{
    return part->chunks_count * part->chunk_events - part->first;
}

/* For this module alone. */
static inline struct journal_record *journal_record_at(const struct journal_part *part,
                                                       size_t number)
{
    size_t at = part->first + number;
    struct journal_chunk *chunk = part->chunks[0];

    if (at >= part->chunk_events) {
        chunk = part->chunks[at / JOURNAL_CHUNK_EVENTS];
        at %= JOURNAL_CHUNK_EVENTS;
    }
    return &chunk->records[at];
}

/* Adds an event, after journal_reserve(). Inline: else it is written, and at once read again in
 * other pieces, which waits for the memory. */
static inline void journal_add(struct journal_part *part, const struct journal_event *event)
{
    CTR_ASSERT(part->count < journal_room(part));
    *journal_record_at(part, part->count++) = (struct journal_record){
        .visitor = event->visitor,
        .print = event->print,
        .page_hash = event->page_hash,
        .box_hash = event->box_hash,
        .moment = (uint64_t)event->ts_ms * JOURNAL_FLAGS_END + event->flags};
    if (event->ts_ms > part->newest_ms) {
        part->newest_ms = event->ts_ms;
    }
}

/* One of its events, by number. */
struct journal_event journal_at(const struct journal_part *part, size_t number);

/* The memory of its events. */
size_t journal_bytes(const struct journal_part *part);

/* A part as bytes and back: times against the oldest, hashes of pages and boxes once each. */
struct packer;
struct unpacker;
CTR_MUST_USE enum ctr_status journal_pack(const struct journal_part *part, struct packer *packer);

/* The same of a part that was cut off, for several files: a small one is packed once and keeps its
 * bytes if `keep`, others are packed anew in `packer`, which is emptied. The bytes are valid until
 * the part is given or the packer is used. Errors: CTR_NO_MEMORY. Thread: snapshot. */
CTR_MUST_USE enum ctr_status journal_packed(struct journal_part *part, bool keep,
                                            struct packer *packer, const unsigned char **ret_bytes,
                                            size_t *ret_length);
CTR_MUST_USE enum ctr_status journal_unpack(struct unpacker *unpacker,
                                            struct journal_part **ret_part);

#endif
