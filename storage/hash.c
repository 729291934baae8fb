/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_id(const uint64_t secret[HASH_SECRET_WORDS], const char *bytes, size_t length)
{
    return XXH3_64bits_withSecret(bytes, length, secret, HASH_SECRET_WORDS * sizeof secret[0]);
}

uint64_t hash_checksum(const void *bytes, size_t length)
{
    return XXH3_64bits(bytes, length);
}

uint64_t hash_mix(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t mixed = a * UINT64_C(0x9E3779B97F4A7C15) + b * UINT64_C(0xD6E8FEB86659FD93) +
                     (c << 1 | 1) * UINT64_C(0xC2B2AE3D27D4EB4F);

    mixed = (mixed ^ (mixed >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    mixed = (mixed ^ (mixed >> 27)) * UINT64_C(0x94D049BB133111EB);
    return mixed ^ (mixed >> 31);
}
