/* SPDX-License-Identifier: Apache-2.0
 *
 * The bytes of an image's file, for image_write.c and image_read.c.
 */
#ifndef LIVECTR_STORAGE_IMAGE_INTERNAL_H
#define LIVECTR_STORAGE_IMAGE_INTERNAL_H

#include <stdint.h>

#include "storage/image.h"

enum { IMAGE_VERSION = 2, IMAGE_ORDER = 0x01020304, IMAGE_PIECE_BYTES_MAX = 1 << 28 };
#define IMAGE_MAGIC UINT64_C(0x474d495254434c01) /* "\1LCTRIMG" */

struct image_header {
    uint64_t magic;
    uint32_t order, version;
    uint32_t time_bits, parts; /* what the words of people say */
    uint64_t token, cut;
    int64_t secret_check;
    uint64_t checksum; /* of all before it */
};

struct image_piece_header {
    uint32_t kind, count;
    int64_t number;
    int64_t to_ms;
    uint64_t bytes;
    uint64_t checksum;
};

uint64_t image_header_checksum(const struct image_header *header);

/* at: which piece of the file it is, so that none can stand for another. */
uint64_t image_piece_checksum(const struct image_piece_header *header, const void *items,
                              uint64_t token, uint64_t at);

#endif
