/* SPDX-License-Identifier: Apache-2.0
 *
 * What every scan does around its block of 64 bytes. `scan_each` is meant to be inlined with
 * `block` known, into a function that is compiled for the instructions which `block` wants.
 */
#ifndef LIVECTR_SERVICE_SCAN_BLOCK_H
#define LIVECTR_SERVICE_SCAN_BLOCK_H

#include <string.h>

#include "service/scan.h"

/* What stands in 64 bytes. */
struct block_marks {
    uint64_t stops, highs, deletes;
};

#define SCAN_INLINE __attribute__((always_inline)) static inline

/* The whole blocks, then the rest: once more the last 64 bytes, of which the first are known
 * already; only what is shorter than a block is copied, among blanks, which are never marked. */
SCAN_INLINE void scan_each(const char *bytes, size_t length, struct marks *marks,
                           struct block_marks (*block)(const char *bytes))
{
    struct block_marks found;
    uint64_t highs = 0, deletes = 0;
    size_t whole = length / SCAN_BLOCK, rest = length % SCAN_BLOCK;

    for (size_t i = 0; i < whole; i++) {
        found = block(bytes + i * SCAN_BLOCK);
        marks->stops[i] = found.stops;
        marks->highs[i] = found.highs;
        highs |= found.highs;
        deletes |= found.deletes;
    }
    marks->stops[whole] = marks->highs[whole] = 0;
    if (rest > 0) {
        if (whole > 0) {
            found = block(bytes + length - SCAN_BLOCK);
            found.stops >>= SCAN_BLOCK - rest;
            found.highs >>= SCAN_BLOCK - rest;
        } else {
            char copy[SCAN_BLOCK];

            memset(copy, ' ', sizeof copy);
            memcpy(copy, bytes, rest);
            found = block(copy);
        }
        marks->stops[whole] = found.stops;
        marks->highs[whole] = found.highs;
        highs |= found.highs;
        deletes |= found.deletes;
    }
    marks->any_high = highs != 0;
    marks->any_delete = deletes != 0;
}

/* For the processors that have it (scan_x86.c); NULL-free: ask scan_of(). */
void scan_sse2(const char *bytes, size_t length, struct marks *marks);
void scan_avx2(const char *bytes, size_t length, struct marks *marks);
void scan_avx512(const char *bytes, size_t length, struct marks *marks);

#endif
