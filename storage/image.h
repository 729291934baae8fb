/* SPDX-License-Identifier: Apache-2.0
 *
 * An image of people, ids and clicks, so that a start need not replay all of the journal: only what
 * came since. It is a cache and nothing but: one that is missing, damaged, of another machine or of
 * another file costs a longer replay, never a number.
 *
 * The writer copies it piece by piece while events come in, so its pieces are of different moments.
 * That is right because of what they say: last times merge by maximum, ids and clicks are sets. So
 * an image that holds at least what there was at its `cut`, and nothing that is younger than the
 * snapshot beside it, becomes the exact state when every event after its cut is merged into it.
 *
 *   header   what it is of, with a checksum
 *   piece    kind, number, items, bytes, checksum over both, the token and the place in the file
 *   ...
 *   piece    IMAGE_END: how many there were
 *
 * Two files take turns. Which one counts is said by the snapshot, in the transaction of a save: by
 * the token, a random number that each image gets. An image is of this machine's byte order and
 * this program's structs; the header says which.
 */
#ifndef LIVECTR_STORAGE_IMAGE_H
#define LIVECTR_STORAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/ids.h"
#include "storage/people.h"
#include "storage/status.h"

enum image_kind {
    IMAGE_PEOPLE = 1, /* uint32_t words of people_copy_part; number: the part */
    IMAGE_IDS,        /* uint64_t fingerprints; number: the minute in ms */
    IMAGE_CLICKS,     /* struct image_click */
    IMAGE_SHORT,      /* struct image_short */
    IMAGE_END
};

struct image_click {
    uint64_t place;
    int64_t ts_ms;
    uint32_t folded, counted;
};

/* A key for which a visitor did not fit (struct key). */
struct image_short {
    int64_t second_s;
    uint64_t kid;
};

struct image_piece {
    enum image_kind kind;
    int64_t number;
    size_t count;
    void *items; /* owned */
};

size_t image_item_bytes(enum image_kind kind);

/* Some pieces on their way to the disk. Immutable once handed over. */
struct image_batch {
    uint64_t cut;         /* the image's */
    uint64_t number;      /* of the batch in it, from 0 on */
    int64_t secret_check; /* struct checkpoint */
    int64_t to_ms;        /* nothing in the pieces is of this moment or later */
    bool first, last;
    size_t count, capacity, bytes;
    struct image_piece *pieces;
};

void image_batch_free(struct image_batch *batch); /* NULL is fine */

/* ---- writing (Thread: snapshot) ------------------------------------------------------------ */

struct image_writer;

/* Begins a file, over what may be there. Errors: CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status image_writer_open(const char *path, uint64_t token,
                                               const struct image_batch *batch,
                                               struct image_writer **ret_writer,
                                               struct ctr_error *reterr);

/* Whether a batch is the next one of its image: those in between may have gone to another file. */
bool image_writer_takes(const struct image_writer *writer, const struct image_batch *batch);

/* Adds that batch; with the last one the file is complete and on the disk. Errors: CTR_IO. */
CTR_MUST_USE enum ctr_status image_writer_add(struct image_writer *writer,
                                              const struct image_batch *batch,
                                              struct ctr_error *reterr);
uint64_t image_writer_token(const struct image_writer *writer);
void image_writer_close(struct image_writer *writer); /* NULL is fine */

/* ---- reading ------------------------------------------------------------------------------- */

struct image_reader;

struct image {
    uint64_t token, cut;
    int64_t secret_check;
    struct image_reader *reader; /* while it is being read */

    /* what was read: not before image_wait() */
    int64_t to_ms;        /* nothing in it is of this moment or later */
    struct people people; /* parts alone */
    struct ids ids;
    size_t clicks_count, clicks_capacity;
    struct image_click *clicks;
    size_t shorts_count, shorts_capacity;
    struct image_short *shorts;
};

/* Looks at the beginning of a file, and begins to read the rest on a thread of its own. Errors:
 * CTR_NOT_FOUND: there is none with this token; CTR_CORRUPT; CTR_IO, CTR_NO_MEMORY. Thread: any. */
CTR_MUST_USE enum ctr_status image_open(const char *path, uint64_t token, struct image **ret_image);

/* Waits until all of it was read; once. Errors: CTR_CORRUPT: some of it is not as it was written;
 * CTR_IO, CTR_NO_MEMORY. Thread: any one. */
CTR_MUST_USE enum ctr_status image_wait(struct image *image);
void image_free(struct image *image); /* NULL is fine; waits, too */

#endif
