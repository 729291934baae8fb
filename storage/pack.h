/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes for the disk: little-endian base-128 integers (LEB128), signed ones zigzagged, as in the
 * encodings of DWARF and Protocol Buffers. The same on every machine. Thread: any.
 */
#ifndef LIVECTR_STORAGE_PACK_H
#define LIVECTR_STORAGE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

/* A growing buffer. After a failed allocation it stays failed and pack_* do nothing. */
struct packer {
    unsigned char *bytes; /* owned */
    size_t length, capacity;
    bool failed;
};

void pack_unsigned(struct packer *packer, uint64_t value);
void pack_signed(struct packer *packer, int64_t value);
void pack_bytes(struct packer *packer, const void *bytes, size_t length); /* length, then bytes */
void pack_raw(struct packer *packer, const void *bytes, size_t length);   /* bytes alone */
void pack_hash(struct packer *packer, uint64_t hash); /* eight bytes: a hash has no small values */
void packer_done(struct packer *packer);

/* For many small things in a row: room for `length` bytes behind the last one, NULL where there is
 * no memory. What is written there counts once packer->length says so. */
unsigned char *pack_room(struct packer *packer, size_t length);

enum { PACK_INTEGER_BYTES_MAX = 10, PACK_HASH_BYTES = 8 };

/* Writes into such room; returns the end of it. */
static inline unsigned char *pack_put_unsigned(unsigned char *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        *at++ = (unsigned char)(value | 0x80);
    }
    *at++ = (unsigned char)value;
    return at;
}

static inline unsigned char *pack_put_hash(unsigned char *at, uint64_t hash)
{
    for (int i = 0; i < PACK_HASH_BYTES; i++) {
        at[i] = (unsigned char)(hash >> (8 * i));
    }
    return at + PACK_HASH_BYTES;
}

/* A cursor over borrowed bytes. Once it runs over the end it stays failed and gives zeros. */
struct unpacker {
    const unsigned char *at, *end;
    bool failed;
};

/* The general way, and what is done where the integer is not one byte, as nearly all of them are in
 * slices and minutes: a start reads some twenty million. */
uint64_t unpack_long(struct unpacker *unpacker);

static inline uint64_t unpack_unsigned(struct unpacker *unpacker)
{
    if (unpacker->at < unpacker->end && *unpacker->at < 0x80 && !unpacker->failed) {
        return *unpacker->at++;
    }
    return unpack_long(unpacker);
}

static inline int64_t unpack_signed(struct unpacker *unpacker)
{
    uint64_t value = unpack_unsigned(unpacker);

    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Points into the bytes; at most max_length, else it fails. */
const char *unpack_bytes(struct unpacker *unpacker, size_t max_length, size_t *ret_length);
uint64_t unpack_hash(struct unpacker *unpacker);
/* Points to `length` bytes, NULL where there are not as many. */
const unsigned char *unpack_raw(struct unpacker *unpacker, size_t length);

#endif
