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
