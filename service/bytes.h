/* SPDX-License-Identifier: Apache-2.0
 *
 * Eight bytes of text as one number, for decoders that compare and count them together.
 * Pure. Thread: any.
 */
#ifndef LIVECTR_SERVICE_BYTES_H
#define LIVECTR_SERVICE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { BYTES_TOGETHER = 8 };

/* The eight bytes at `at`, the first one lowest, whatever the order of the machine. */
static inline uint64_t bytes_load(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* Likewise four. */
static inline uint64_t bytes_load_half(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

/* The first `length` of them, zeros where there are fewer than eight. Reads none beyond them: four
 * to seven are two halves that overlap, one to three are the first, the middle and the last one. */
static inline uint64_t bytes_head(const char *at, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)at;

    if (length >= BYTES_TOGETHER)
        return bytes_load(at);
    if (length >= BYTES_TOGETHER / 2)
        return bytes_load_half(at) | bytes_load_half(at + length - BYTES_TOGETHER / 2)
                                         << (8 * (length - BYTES_TOGETHER / 2));
    if (length == 0)
        return 0;
    return (uint64_t)bytes[0] | (uint64_t)bytes[length / 2] << (8 * (length / 2)) |
           (uint64_t)bytes[length - 1] << (8 * (length - 1));
}

#endif
