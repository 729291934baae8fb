/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the store: one key for the site, each page, each box and each placement, with its
 * running totals per window. A key is a small number (kid); chunks of keys never move.
 *
 *   index   kid by (level, page, box)       open addressing, at most 5/8 full
 *   chunks  key + totals[windows]            the first LEVEL_COUNT kids: site and the three `other`
 *   cells   how many cells of slices mention a key; the last one to go takes the key with it
 *
 * A later part of a key (a variant, a platform) is one more name in struct key and in its hash.
 *
 * Locking: the writer adds and removes under the store's lock and looks up without it; readers
 * look up and copy totals under it. Totals change under the lock only.
 */
#ifndef LIVECTR_STORAGE_KEYS_H
#define LIVECTR_STORAGE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/names.h"
#include "storage/status.h"
#include "storage/store.h"

enum { KEYS_PER_CHUNK = 1024 };

struct key {
    struct name *page, *box; /* NULL where the level has none, both NULL: free or reserved */
    uint64_t hash;
    uint32_t cells;
    uint32_t next, prev; /* placements of one page; KEY_NONE ends */
    uint8_t level;       /* enum level */
    bool used;
    bool unsaved;     /* not in the last cut */
    uint64_t mark;    /* writer's scratch: the list that last met this key ... */
    uint32_t mark_at; /* ... and where in it */
};

struct key_chunk {
    struct key keys[KEYS_PER_CHUNK];
    struct totals totals[]; /* KEYS_PER_CHUNK * windows */
};

struct keys {
    struct key_chunk **chunks;
    size_t chunks_count, chunks_max;
    size_t windows;
    uint32_t *index; /* kid + 1, 0 free */
    size_t index_count;
    uint32_t *free_kids;
    size_t free_count;
    uint32_t next_kid;           /* never used so far */
    uint32_t count[LEVEL_COUNT]; /* without the `other` rows */
    uint32_t limit;              /* of pages + boxes + placements */
};

/* The `other` row of a level (never LEVEL_SITE), and the site itself for LEVEL_SITE. */
static inline uint32_t keys_reserved(enum level level)
{
    return (uint32_t)level;
}

/* Room for `limit` keys, or for numbers up to kids_min where a restored store has more.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status keys_init(struct keys *keys, size_t windows, uint32_t limit,
                                       uint32_t kids_min);
void keys_done(struct keys *keys);

struct key *keys_at(const struct keys *keys, uint32_t kid);
struct totals *keys_totals(const struct keys *keys, uint32_t kid);

/* The kid of a placement, page or box by its names (writer) or KEY_NONE. */
uint32_t keys_find(const struct keys *keys, enum level level, const struct name *page,
                   const struct name *box);

/* What a name is about, by which of its ids are there. */
enum level keys_level(const struct key_name *name);

/* The same by bytes (readers), with the hashes of both ids (0 for an absent one). */
uint32_t keys_find_text(const struct keys *keys, const struct key_name *name, uint64_t page_hash,
                        uint64_t box_hash);

/* Whether one more would exceed the limit. */
bool keys_full(const struct keys *keys);

/* Makes room for one more, so that keys_add() cannot fail. Errors: CTR_NO_MEMORY. Takes
 * no lock: call it under the store's. */
CTR_MUST_USE enum ctr_status keys_reserve(struct keys *keys);

/* Adds a key; the caller has taken one use of each name for it. kid_wanted KEY_NONE: any. */
uint32_t keys_add(struct keys *keys, enum level level, struct name *page, struct name *box,
                  uint32_t kid_wanted);

/* Adds a key at its old number, which must be free. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status keys_restore(struct keys *keys, uint32_t kid, enum level level,
                                          struct name *page, struct name *box);

/* Removes it; the caller gives the names back afterwards. */
void keys_remove(struct keys *keys, uint32_t kid);

/* After restoring keys at wanted kids: which numbers are free. */
void keys_collect_free(struct keys *keys);

uint64_t keys_bytes(const struct keys *keys);

#endif
