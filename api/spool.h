/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that are put away to be read once, in order, later: the first of them in memory, and where
 * they are more than fit there, in a file without a name, which is gone with the process whatever
 * happens. Memory is the same however many they are. Thread: one at a time.
 */
#ifndef LIVECTR_API_SPOOL_H
#define LIVECTR_API_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum { SPOOL_BUFFER_BYTES = 262144 };

struct spool {
    const char *folder; /* borrowed; NULL: nothing beyond the buffer */
    int fd;             /* -1: no file so far */
    size_t used, next;  /* of the buffer: written, read */
    uint64_t written;   /* bytes in the file */
    uint64_t read;      /* of these, those that were in the buffer again */
    char *buffer;
};

/* Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status spool_init(struct spool *spool, const char *folder);
void spool_done(struct spool *spool); /* also of one that is zero */

/* Forgets all that is in it. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status spool_empty(struct spool *spool);

/* Errors: CTR_IO: no folder, the disk is full or fails. */
CTR_MUST_USE enum ctr_status spool_put(struct spool *spool, const void *bytes, size_t length);

/* No more is put; reading begins. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status spool_turn(struct spool *spool);

/* The next `length` bytes, which must be there. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status spool_get(struct spool *spool, void *ret_bytes, size_t length);

#endif
