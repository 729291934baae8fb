/* SPDX-License-Identifier: Apache-2.0
 *
 * The rows of the store: one key for the site, each page, each box and each placement, with its
 * running totals per window. A key is a small number (kid); chunks of keys never move.
 *
 *   index   kid by (level, page, box)       open addressing, at most 5/8 full
 *   chunks  key, totals[windows], crowds[people windows], links ...: an array each
 *                                            the first LEVEL_COUNT kids: site and the three `other`
 *   cells   how many cells of slices mention a key; the last one to go takes the key with it
 *
 * A step meets thousands of keys in no order, each more than once. So a key is one cache line with
 * all that finding it and counting in it need, the totals of four windows are another one, and what
 * is only needed on the way to something else has an array of its own.
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

#include "storage/key.h"
#include "storage/names.h"
#include "storage/prefetch.h"
#include "storage/spread.h"
#include "storage/status.h"
#include "storage/store.h"
#include "storage/table.h"

enum { KEYS_PER_CHUNK = 1024 };

struct keys {
    struct key_chunk *chunks; /* chunks_max, of which the first chunks_count have memory */
    size_t chunks_count, chunks_max;
    struct table_slab slab; /* the first chunks of a start; the others have memory of their own */
    size_t windows;
    size_t people_windows;                 /* the first so many of them have people */
    struct spread spreads[2][WINDOWS_MAX]; /* of all pages, of all boxes */
    uint32_t *index;                       /* kid + 1, 0 free */
    size_t index_count;
    uint32_t *free_kids;
    size_t free_count;
    uint32_t next_kid;           /* never used so far */
    uint64_t removals;           /* keys removed since the start */
    uint32_t count[LEVEL_COUNT]; /* without the `other` rows */
    uint32_t limit;              /* of pages + boxes + placements */
    uint64_t text_bytes,
        text_max_bytes; /* of the pages and boxes that are keys, with their names */
};

/* The `other` row of a level (never LEVEL_SITE), and the site itself for LEVEL_SITE. */
static inline uint32_t keys_reserved(enum level level)
{
    return (uint32_t)level;
}

/* Room for `limit` keys, or for numbers up to kids_min where a restored store has more.
 * Errors: CTR_NO_MEMORY. */
struct keys_shape {
    size_t windows, people_windows;
    uint32_t limit, kids_min;
    uint64_t text_max_bytes; /* 0: no limit */
};
CTR_MUST_USE enum ctr_status keys_init(struct keys *keys, const struct keys_shape *shape);
void keys_done(struct keys *keys);

/* What a key takes in a chunk, with all that belongs to it. */
static inline size_t keys_row_bytes(size_t windows, size_t people_windows)
{
    return sizeof(struct key) + windows * sizeof(struct totals) +
           people_windows * sizeof(struct crowd) + sizeof(int64_t) + sizeof(struct key_links);
}

static inline struct key *keys_at(const struct keys *keys, uint32_t kid)
{
    return &keys->chunks[kid / KEYS_PER_CHUNK].keys[kid % KEYS_PER_CHUNK];
}

static inline struct totals *keys_totals(const struct keys *keys, uint32_t kid)
{
    return &keys->chunks[kid / KEYS_PER_CHUNK].totals[kid % KEYS_PER_CHUNK * keys->windows];
}

static inline struct crowd *keys_crowds(const struct keys *keys, uint32_t kid)
{
    return &keys->chunks[kid / KEYS_PER_CHUNK].crowds[kid % KEYS_PER_CHUNK * keys->people_windows];
}

static inline int64_t *keys_short_s(const struct keys *keys, uint32_t kid)
{
    return &keys->chunks[kid / KEYS_PER_CHUNK].short_s[kid % KEYS_PER_CHUNK];
}

static inline struct key_links *keys_links(const struct keys *keys, uint32_t kid)
{
    return &keys->chunks[kid / KEYS_PER_CHUNK].links[kid % KEYS_PER_CHUNK];
}

/* Adds to the counts of a key in the windows from `first` until before `end`, and keeps what is
 * known of its siblings in step. Negative numbers take off. Under the store's lock. */
void keys_add_counts(struct keys *keys, uint32_t kid, size_t first, size_t end, int64_t impressions,
                     int64_t clicks);

/* A visitor who did not fit met the key in this second. Under the store's lock, once there are
 * readers. */
void keys_note_short(const struct keys *keys, uint32_t kid, int64_t second_s);

/* The siblings that the prior of a key at this level is learned from (docs/definitions.md "Rates").
 * box: for placements, the box. Under the store's lock. O(1); O(its pages) for placements. */
struct spread keys_spread(const struct keys *keys, enum level level, const struct name *box,
                          size_t window);

/* What a key is about as a hash, from the hashes of its ids (0 where it has none). */
static inline uint64_t keys_hash(enum level level, uint64_t page_hash, uint64_t box_hash)
{
    return hash_mix((uint64_t)level, page_hash, box_hash);
}

/* The key with this hash, whatever its ids; KEY_NONE. */
uint32_t keys_find_hash(const struct keys *keys, uint64_t hash);

/* The kid of a placement, page or box by its names (writer) or KEY_NONE. */
uint32_t keys_find(const struct keys *keys, enum level level, const struct name *page,
                   const struct name *box);

/* The same for a placement whose hash is known. */
uint32_t keys_find_placement(const struct keys *keys, uint64_t hash, const struct name *page,
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

/* Before keys are loaded: makes room for `count` of them, with numbers up to kids_max. Errors:
 * CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status keys_expect(struct keys *keys, size_t count, uint32_t kids_max);

/* Asks for the memory that adding or finding a key of this hash looks at first, for that of a key,
 * and for that of its links (KEY_NONE: none). */
void keys_prefetch(const struct keys *keys, uint64_t hash);
static inline void keys_prefetch_key(const struct keys *keys, uint32_t kid)
{
    if (kid != KEY_NONE) {
        prefetch(keys_at(keys, kid));
    }
}
void keys_prefetch_links(const struct keys *keys, uint32_t kid);

/* The key that keys_find_hash() is going to look at first; KEY_NONE. */
uint32_t keys_peek(const struct keys *keys, uint64_t hash);

/* Adds a key at its old number, which must be free. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status keys_restore(struct keys *keys, uint32_t kid, enum level level,
                                          struct name *page, struct name *box);

/* Removes it; the caller gives the names back afterwards. */
void keys_remove(struct keys *keys, uint32_t kid);

/* After restoring keys at wanted kids: which numbers are free. */
void keys_collect_free(struct keys *keys);

uint64_t keys_bytes(const struct keys *keys);

#endif
