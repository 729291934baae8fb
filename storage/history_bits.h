/* SPDX-License-Identifier: Apache-2.0
 *
 * Bits for the disk, lowest first, and Golomb-Rice codes over them (Golomb 1966, Rice 1979): a
 * value v with parameter k is v >> k in unary (ones, then a zero) and the k low bits as they are. A
 * value that would need RICE_ONES_MAX ones or more is an escape instead: that many ones, six bits
 * for its length, its bits. So every 64-bit value can be written, and none takes more than
 * RICE_BITS_MAX. The same on every machine. Thread: any.
 */
#ifndef LIVECTR_STORAGE_HISTORY_BITS_H
#define LIVECTR_STORAGE_HISTORY_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RICE_ONES_MAX = 24, RICE_BITS_MAX = RICE_ONES_MAX + 6 + 64, RICE_PARAMETER_BITS = 5 };

/* Writes to memory of the caller that is large enough. */
struct bit_writer {
    unsigned char *at;
    uint64_t held; /* not yet written, the lowest `count` bits */
    unsigned count;
};

void bits_put(struct bit_writer *writer, uint64_t value, unsigned bits); /* 0 to 64 bits */
void bits_put_rice(struct bit_writer *writer, uint64_t value, unsigned parameter);
/* Fills the last byte with zeros. Returns the end. */
unsigned char *bits_end(struct bit_writer *writer);

/* A cursor over borrowed bytes. Once it runs over the end it stays failed and gives zeros. */
struct bit_reader {
    const unsigned char *at, *end;
    uint64_t held;
    unsigned count;
    bool failed;
};

uint64_t bits_get(struct bit_reader *reader, unsigned bits); /* 0 to 64 bits */
uint64_t bits_get_rice(struct bit_reader *reader, unsigned parameter);
/* Nothing is left but the zeros of bits_end(), and nothing failed. */
bool bits_at_end(const struct bit_reader *reader);

/* The parameter that writes `values` in the fewest bits (or next to it), and how many these are. */
unsigned rice_choose(const uint64_t *values, size_t count, uint64_t *ret_bits);

#endif
