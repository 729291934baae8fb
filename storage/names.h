/* SPDX-License-Identifier: Apache-2.0
 *
 * Page and box ids, each stored once and counted by its users: held records and keys.
 *
 *   slots  [ hash | name* ] open addressing, linear probing, at most 5/8 full
 *   name   hash, users, bytes; its address never changes while anybody uses it
 *
 * The table belongs to the writer. A reader may look at the bytes of a name through a key, under
 * the store's lock, because a key is a user. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_NAMES_H
#define LIVECTR_STORAGE_NAMES_H

#include <stdint.h>

#include "storage/event.h"
#include "storage/hash.h"
#include "storage/status.h"

#define KEY_NONE UINT32_MAX

struct name {
    uint64_t hash;
    uint32_t users;
    uint32_t length;
    uint32_t page_key;   /* the key of this id as a page, KEY_NONE */
    uint32_t box_key;    /* ... as a box */
    uint32_t placements; /* first key of a box on this page; under the store's lock */
    uint32_t pages;      /* first key of a page with this box; under the store's lock */
    char bytes[];
};

struct name_slot {
    uint64_t hash;
    struct name *name; /* NULL: free */
};

struct names {
    uint64_t secret[HASH_SECRET_WORDS];
    struct name_slot *slots;
    size_t slots_count; /* a power of two */
    size_t count;
    uint64_t bytes; /* memory of all names */
};

/* Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status names_init(struct names *names, const uint64_t *secret);
void names_done(struct names *names);

/* The name of these bytes with one more user. Errors: CTR_NO_MEMORY: nothing changed. */
CTR_MUST_USE enum ctr_status names_take(struct names *names, struct text text,
                                        struct name **ret_name);

/* The same where its names_hash() is known. */
CTR_MUST_USE enum ctr_status names_take_hashed(struct names *names, struct text text, uint64_t hash,
                                               struct name **ret_name);

/* One user less; the last one frees it. NULL is fine. */
void names_give(struct names *names, struct name *name);

/* For taking many at once: the hash of a text, asking for the memory where a name of that hash is
 * found, and once that is there, the name that is probably meant (NULL: none), or asking for it. */
uint64_t names_hash(const struct names *names, struct text text);
void names_prefetch(const struct names *names, uint64_t hash);
const struct name *names_peek(const struct names *names, uint64_t hash);
void names_prefetch_name(const struct names *names, uint64_t hash);

#endif
