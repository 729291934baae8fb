/* SPDX-License-Identifier: Apache-2.0 */
#include "storage/pack.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 256 };

static bool reserve(struct packer *packer, size_t length)
{
    size_t capacity = packer->capacity == 0 ? CAPACITY_FIRST : packer->capacity;
    unsigned char *bytes = NULL;

    if (packer->failed) {
        return false;
    }
    if (packer->length + length <= packer->capacity) {
        return true;
    }
    while (capacity < packer->length + length) {
        capacity *= 2;
    }
    bytes = realloc(packer->bytes, capacity);
    if (bytes == NULL) {
        packer->failed = true;
        return false;
    }
    packer->bytes = bytes;
    packer->capacity = capacity;
    return true;
}

unsigned char *pack_room(struct packer *packer, size_t length)
{
    return reserve(packer, length) && packer->bytes != NULL ? packer->bytes + packer->length : NULL;
}

void pack_unsigned(struct packer *packer, uint64_t value)
{
    unsigned char *at = pack_room(packer, PACK_INTEGER_BYTES_MAX);

    if (at != NULL) {
        packer->length += (size_t)(pack_put_unsigned(at, value) - at);
    }
}

void pack_signed(struct packer *packer, int64_t value)
{
    pack_unsigned(packer, ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0));
}

void pack_bytes(struct packer *packer, const void *bytes, size_t length)
{
    pack_unsigned(packer, length);
    pack_raw(packer, bytes, length);
}

void pack_raw(struct packer *packer, const void *bytes, size_t length)
{
    if (length > 0 && reserve(packer, length)) {
        memcpy(packer->bytes + packer->length, bytes, length);
        packer->length += length;
    }
}

void pack_hash(struct packer *packer, uint64_t hash)
{
    unsigned char *at = pack_room(packer, PACK_HASH_BYTES);

    if (at != NULL) {
        (void)pack_put_hash(at, hash);
        packer->length += PACK_HASH_BYTES;
    }
}

void packer_done(struct packer *packer)
{
    free(packer->bytes);
    *packer = (struct packer){0};
}

uint64_t unpack_long(struct unpacker *unpacker)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char byte = 0;

        if (unpacker->failed || unpacker->at == unpacker->end) {
            break;
        }
        byte = *unpacker->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    unpacker->failed = true;
    return 0;
}

const char *unpack_bytes(struct unpacker *unpacker, size_t max_length, size_t *ret_length)
{
    uint64_t length = unpack_unsigned(unpacker);
    const unsigned char *bytes = unpacker->at;

    if (unpacker->failed || length > max_length ||
        length > (uint64_t)(unpacker->end - unpacker->at)) {
        unpacker->failed = true;
        *ret_length = 0;
        return NULL;
    }
    unpacker->at += length;
    *ret_length = (size_t)length;
    return (const char *)bytes;
}

const unsigned char *unpack_raw(struct unpacker *unpacker, size_t length)
{
    const unsigned char *bytes = unpacker->at;

    if (unpacker->failed || length > (size_t)(unpacker->end - unpacker->at)) {
        unpacker->failed = true;
        return NULL;
    }
    unpacker->at += length;
    return bytes;
}

uint64_t unpack_hash(struct unpacker *unpacker)
{
    const unsigned char *bytes = unpack_raw(unpacker, PACK_HASH_BYTES);
    uint64_t hash = 0;

    for (int i = 0; bytes != NULL && i < PACK_HASH_BYTES; i++) {
        hash |= (uint64_t)bytes[i] << (8 * i);
    }
    return hash;
}
