/* SPDX-License-Identifier: Apache-2.0
 *
 * One key and what belongs to it, as they lie in memory. Part of storage/keys.h.
 */
#ifndef LIVECTR_STORAGE_KEY_H
#define LIVECTR_STORAGE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/names.h"
#include "storage/store.h"

/* The list that last met a key, and where in it. There are two in every key: no gap behind it. */
struct key_mark {
    uint64_t list;
    uint32_t at;
} __attribute__((packed, aligned(4)));

/* The row that the history's newest minute has of a key (storage/book.h). */
struct key_row {
    uint32_t block; /* its serial number, 0 none */
    uint32_t at;
};

struct key_link {
    uint32_t next, prev; /* KEY_NONE ends */
};

/* A placement among those of its page, and of its box. */
struct key_links {
    struct key_link of_page, of_box;
};

enum { KEY_LINE_BYTES = 64 }; /* of the processor's cache; what a key takes */

struct key {
    _Alignas(KEY_LINE_BYTES) struct name *page; /* NULL where the level has none, */
    struct name *box;                           /* both NULL: free or reserved */
    uint64_t hash;
    uint32_t cells;
    uint8_t level; /* enum level */
    bool used;
    bool unsaved;             /* not in the last cut */
    struct key_mark marks[2]; /* writer's scratch, by enum slices_kind */
    struct key_row told;      /* writer's scratch */
};

_Static_assert(sizeof(struct key) == KEY_LINE_BYTES, "a key is one line");

/* KEYS_PER_CHUNK (storage/keys.h) of each, one behind the other in `memory`. */
struct key_chunk {
    void *memory;
    struct key *keys;
    struct totals *totals;   /* times windows */
    struct crowd *crowds;    /* times people_windows */
    int64_t *short_s;        /* newest event whose visitor did not fit; MOMENT_NONE never */
    struct key_links *links; /* of placements */
};

#endif
