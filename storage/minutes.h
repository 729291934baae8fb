/* SPDX-License-Identifier: Apache-2.0
 *
 * Minutes of keys on their way from the store to the history on disk (docs/definitions.md
 * "Minutes").
 *
 *   block  one minute, or corrections to any minutes       rows of (key, minute) -> numbers
 *          keys are texts, so a block outlives the keys of the store that filled it
 *
 * All numbers of a row are additive: what two blocks say about one (key, minute) is the sum. Blocks
 * are counted references: the store fills one, the snapshot thread reads it, the last one frees it.
 * Thread: ingest fills under the lock of struct minutes_book; a block that was handed over is never
 * changed again and may be read by any thread.
 */
#ifndef LIVECTR_STORAGE_MINUTES_H
#define LIVECTR_STORAGE_MINUTES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"

#define MINUTE_MS        INT64_C(60000)
#define MINUTE_PEOPLE_MS (10 * MINUTE_MS) /* the window whose people a minute keeps */

/* MINUTE_PEOPLE of a minute that has not ended, of which the key was named: they will be taken. */
#define MINUTE_PEOPLE_DUE (-1)

/* What a row counts. */
enum minute_number {
    MINUTE_IMPRESSIONS,
    MINUTE_CLICKS,
    MINUTE_PEOPLE, /* 1: the three that follow were taken at the minute's end, 0: they are unknown;
                      MINUTE_PEOPLE_DUE while the minute is live */
    MINUTE_VIEWERS,
    MINUTE_CLICKERS,
    MINUTE_UNSEEN_CLICKERS,
    MINUTE_REVISION,
    MINUTE_DUPLICATES,
    MINUTE_LATE,
    MINUTE_FUTURE,
    MINUTE_FILTERED,
    MINUTE_REPEATED,
    MINUTE_NUMBERS
};

/* Whose row: a level of storage/store.h, or with `other` its row of folded keys (no texts then). */
struct minute_key {
    uint64_t hash; /* of level, other and both texts; the same in every block of a process */
    uint8_t level; /* enum level */
    bool other;
    struct text page, box; /* absent where the level has none */
};

struct minute_row {
    uint32_t key;      /* index into the block's keys */
    uint32_t next;     /* the key's next row in this block, MINUTE_NONE ends */
    int64_t minute_ms; /* start of the minute */
    int32_t numbers[MINUTE_NUMBERS];
};

#define MINUTE_NONE UINT32_MAX

struct minute_block_key {
    uint64_t hash;
    uint32_t first; /* its newest row */
    uint32_t text;  /* where its texts begin in `texts`: page, then box */
    uint32_t kid;   /* the store's number of the key when it was first counted here, a hint */
    uint16_t page_length, box_length;
    uint8_t level;
    bool other;
};

struct minute_block {
    _Atomic uint32_t users;
    int64_t minute_ms; /* MOMENT_NONE: rows of different minutes */
    bool changed;      /* since it was last copied for a cut */
    uint32_t serial;   /* of one that is open, 0 before it is asked for */
    uint64_t cut;      /* the first cut that was given it, 0 none */
    size_t keys_count, keys_capacity;
    struct minute_block_key *keys;
    size_t rows_count, rows_capacity;
    struct minute_row *rows;
    size_t texts_length, texts_capacity;
    char *texts;
    size_t index_count; /* a power of two, 0 before the first key */
    uint32_t *index;    /* key + 1 by hash, 0 free */
    size_t row_index_count;
    uint32_t *row_index; /* row + 1 by key and minute where minutes differ, 0 free */
};

/* An empty block with one user. NULL: no memory. minute_ms MOMENT_NONE: of different minutes. */
struct minute_block *minute_block_new(int64_t minute_ms);
void minute_block_take(struct minute_block *block);
void minute_block_give(struct minute_block *block); /* NULL is fine */

/* A copy that is nobody else's, unchanged and in no cut, without an index: a key is looked for from
 * the beginning, until one is added. NULL: no memory. */
struct minute_block *minute_block_copy(const struct minute_block *block);

/* The row of key and minute, made with zeros if need be. kid: a hint, kept with the key. Errors:
 * CTR_NO_MEMORY: nothing changed. Valid until the next call. */
CTR_MUST_USE enum ctr_status minute_block_row(struct minute_block *block,
                                              const struct minute_key *key, uint32_t kid,
                                              int64_t minute_ms, struct minute_row **ret_row);

/* Asks for the memory that looking for a key of this hash begins with. */
void minute_block_prefetch(const struct minute_block *block, uint64_t hash);

/* The key's newest row in this block (go on with row->next), or NULL. */
const struct minute_row *minute_block_find(const struct minute_block *block,
                                           const struct minute_key *key);

/* The key of a row as a value; texts point into the block. */
struct minute_key minute_block_key(const struct minute_block *block, uint32_t key);

uint64_t minute_block_bytes(const struct minute_block *block);

/* ---- for the disk (minutes_pack.c) --------------------------------------------------------- */

struct packer;
struct unpacker;
void minute_block_pack(const struct minute_block *block, struct packer *packer);

/* All of the bytes as a new block. Errors: CTR_CORRUPT, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status minute_block_unpack(struct unpacker *unpacker, int64_t minute_ms,
                                                 struct minute_block **ret_block);

#endif
