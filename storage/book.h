/* SPDX-License-Identifier: Apache-2.0
 *
 * The minutes that the store still holds for the history.
 *
 *   open         a block per minute that is not final yet
 *   corrections  one block for events of minutes that are final
 *   waiting      blocks that are complete: kept until the snapshot says that it has them, so that a
 *                reader finds each row either here or there
 *
 * The lock is held by the writer for each batch of rows and by readers while they copy. Thread: as
 * said at each function.
 */
#ifndef LIVECTR_STORAGE_BOOK_H
#define LIVECTR_STORAGE_BOOK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/minutes.h"
#include "storage/status.h"

struct minutes_book {
    pthread_mutex_t lock;
    int64_t to_ms; /* every step up to here is in it; MOMENT_NONE none */
    /* Of what is in it: between the rows of a step and its `to` there is a moment in which the one
     * has changed and the other has not. */
    uint64_t changes;
    int64_t lateness_ms;
    struct minute_block **open; /* by minute */
    size_t open_count, open_capacity;
    struct minute_block *corrections; /* NULL: none since the last cut */
    struct minute_block **waiting;
    size_t waiting_count, waiting_capacity;
    uint64_t freed_cut; /* blocks that this cut or an earlier one was given are gone */
    uint64_t rows;      /* in corrections and waiting */
    uint64_t rows_max;
    uint64_t lost;    /* rows that did not fit */
    uint32_t serials; /* handed out to open blocks */
    bool unfinished;  /* a block that is final is still among the open ones */
};

void book_init(struct minutes_book *book, int64_t lateness_ms, uint64_t rows_max);
void book_done(struct minutes_book *book);
void book_lock(const struct minutes_book *book);
void book_unlock(const struct minutes_book *book);

/* The row of a key and minute for a step that ends at to_ms: in the minute's own block, or once it
 * is final among the corrections. Under the lock. *ret_row NULL: rows_max is reached, and that is
 * counted. Errors: CTR_NO_MEMORY: nothing changed. Thread: ingest. */
CTR_MUST_USE enum ctr_status book_row(struct minutes_book *book, const struct minute_key *key,
                                      uint32_t kid, int64_t minute_ms, int64_t to_ms,
                                      struct minute_row **ret_row);

/* The block in which book_row finds the rows of a minute, with a serial number of its own, if each
 * key has one row there; NULL: it is not open, or those rows go to the corrections. Rows keep their
 * places in it, so a key may remember its row by serial and place. Under the lock. Thread: ingest.
 */
struct minute_block *book_block(struct minutes_book *book, int64_t minute_ms, int64_t to_ms);

/* The open block of a minute, or NULL. Under the lock. */
struct minute_block *book_open(const struct minutes_book *book, int64_t minute_ms);

/* Moves the blocks of minutes that were final before to_ms to `waiting`: one that becomes final
 * with to_ms can still get rows, by another step that ends there. Under the lock. Errors:
 * CTR_NO_MEMORY: the next call goes on. Thread: ingest. */
CTR_MUST_USE enum ctr_status book_finish(struct minutes_book *book, int64_t to_ms);

/* The blocks that a cut must hold: those waiting, corrections among them from now on, each marked
 * with `cut` if it is its first. Gives one use of each. Errors: CTR_NO_MEMORY. Thread: ingest. */
CTR_MUST_USE enum ctr_status book_cut(struct minutes_book *book, uint64_t cut,
                                      struct minute_block ***ret_blocks, size_t *ret_count);

/* The cuts up to this one are saved: their blocks go. Thread: ingest. */
void book_saved(struct minutes_book *book, uint64_t cut);

uint64_t book_bytes(const struct minutes_book *book);

#endif
