/* SPDX-License-Identifier: Apache-2.0
 *
 * Rendered rows: what a batch shows of a key, as JSON, made once for each picture of a store and
 * copied from then on, whichever batch asks for it and in whatever order.
 *
 *   slot  [ picture | window, names | {"page":"..","box":"..","impressions":..} ]  512 bytes
 *
 * Each thread has slots of its own, two places for a key, so there is no lock and nothing is waited
 * for; all rows of an older picture are stale at once. What is found costs the store nothing but
 * the look at its picture. A row that does not fit a slot, or whose names need escapes, is made
 * anew each time. In a thread without slots (no memory, too many threads) all are.
 *
 * Thread: any; what was read is written by the same thread, before it reads the next batch.
 */
#ifndef LIVECTR_API_ROWS_H
#define LIVECTR_API_ROWS_H

#include <stddef.h>

#include "api/writer.h"
#include "storage/store.h"

/* 4 MB for each thread that asks for batches, up to so many at a time: 32 MB. */
enum { ROWS_SLOTS = 8192, ROWS_SLOT_BYTES = 512, ROWS_THREADS_MAX = 8 };

struct rows;     /* a thread's slots */
struct row_find; /* where a row is, or what it is made of */

struct row_batch {
    struct reading reading; /* of all of them */
    size_t window, count;
    const struct key_name *names; /* borrowed */
    struct row_find *finds;       /* one each */
    struct figures *figures;      /* of those that have to be made, in order */
    size_t bytes;                 /* about what they take */
    struct rows *rows;            /* the thread's; NULL: it has none */
};

/* Finds the rows of `count` keys in one window, all of one moment. The caller ends it with
 * row_batch_done(). Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status row_batch_read(const struct store *store, size_t window,
                                            const struct key_name *names, size_t count,
                                            struct row_batch *ret_batch);

/* Writes each as a value, in the order asked. */
void row_batch_write(const struct row_batch *batch, struct writer *writer);
void row_batch_done(struct row_batch *batch);

#endif
