/* SPDX-License-Identifier: Apache-2.0
 *
 * The one pass over all bytes of a record: where those stand at which a reader of JSON has to stop
 * inside of a string, as bits, 64 bytes a word. With AVX-512, AVX2 or SSE2 where the processor has
 * it, else eight bytes at a time; all give the same bits. Thread: any; nothing is kept.
 */
#ifndef LIVECTR_SERVICE_SCAN_H
#define LIVECTR_SERVICE_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SCAN_BLOCK = 64 }; /* bytes a word of marks stands for */

/* Words that the marks of `length` bytes take. */
#define SCAN_WORDS(length) ((length) / SCAN_BLOCK + 1)

/* Bit i % 64 of word i / 64 is about byte i; bits beyond the last byte are 0. */
struct marks {
    uint64_t *stops; /* a quote, a backslash, or below 0x20; room given by the caller */
    uint64_t *highs; /* 0x80 and above: part of a character that is not ASCII; as above */
    bool any_high;
    bool any_delete; /* 0x7f is somewhere */
};

/* Marks `length` bytes. Reads none beyond them. */
typedef void scan_function(const char *bytes, size_t length, struct marks *marks);

enum scan_kind { SCAN_PORTABLE, SCAN_SSE2, SCAN_AVX2, SCAN_AVX512, SCAN_KINDS };

/* NULL: this processor (or this build) has no such thing. Never NULL for SCAN_PORTABLE. */
scan_function *scan_of(enum scan_kind kind);

/* The fastest one that there is. */
scan_function *scan_best(void);

const char *scan_name(enum scan_kind kind);

#endif
