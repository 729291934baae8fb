/* SPDX-License-Identifier: Apache-2.0
 *
 * XXH3 in its two uses: keyed for tables (with a random secret, because the seeded form has known
 * colliding pairs) and plain for checksums of stored blobs. Thread: any.
 */
#ifndef LIVECTR_STORAGE_HASH_H
#define LIVECTR_STORAGE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { HASH_SECRET_WORDS = 24 };

/* Keyed hash of an id for a table of this process. */
uint64_t hash_id(const uint64_t secret[HASH_SECRET_WORDS], const char *bytes, size_t length);

/* Checksum of a blob, the same on every machine. */
uint64_t hash_checksum(const void *bytes, size_t length);

/* Mixes three words into one table hash (the finaliser of SplitMix64 over a sum of odd multiples;
 * Steele, Lea, Flood 2014). */
static inline uint64_t hash_mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t mixed = a * UINT64_C(0x9E3779B97F4A7C15) + b * UINT64_C(0xD6E8FEB86659FD93) +
                     (c << 1 | 1) * UINT64_C(0xC2B2AE3D27D4EB4F);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}

#endif
