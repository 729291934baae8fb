/* SPDX-License-Identifier: Apache-2.0
 *
 * The snapshot thread behind a mailbox for one checkpoint: ingest hands over a cut and goes on;
 * the thread writes it. It alone uses SQLite once it runs.
 */
#ifndef LIVECTR_SERVICE_CHECKPOINTER_H
#define LIVECTR_SERVICE_CHECKPOINTER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "storage/checkpoint.h"
#include "storage/copies.h"
#include "storage/history.h"
#include "storage/status.h"

struct checkpointer;

struct checkpointer_health {
    int64_t saved_ms; /* wall clock of the last save, MOMENT_NONE none */
    int64_t took_ms;
    uint64_t saves, failures;
    bool persisting; /* the last attempt went well or there was none, and the disk answers */
    struct copies_health files;
    char error[CTR_ERROR_TEXT_BYTES];
};

/* Takes over `*copies` (set to NULL on success), of which files are made again between saves.
 * Errors: CTR_NO_MEMORY, CTR_IO. Thread: main. */
CTR_MUST_USE enum ctr_status checkpointer_start(struct copies **copies,
                                                struct checkpointer **ret_checkpointer,
                                                struct ctr_error *reterr);

/* The mailbox is empty and nothing is being written. *ret_whole: the next cut must be whole (the
 * first one, and after a failure). Thread: ingest. */
bool checkpointer_idle(struct checkpointer *checkpointer, bool *ret_whole);

/* How long to wait before the next cut: interval_ms, or longer after failures: twice as long each
 * time, up to ten seconds. NULL is fine. Thread: ingest. */
int64_t checkpointer_pause_ms(struct checkpointer *checkpointer, int64_t interval_ms);

/* Hands a cut over (takes it, sets NULL). Only when idle. Thread: ingest. */
void checkpointer_submit(struct checkpointer *checkpointer, struct checkpoint **checkpoint);

/* Hands a part of an image over (takes it, sets NULL). Only when idle. What goes wrong
 * with it is logged once and costs a longer start. Thread: ingest. */
struct image_batch;
void checkpointer_submit_image(struct checkpointer *checkpointer, struct image_batch **batch);

/* Waits until idle, at most deadline_ms. False: the deadline passed. Thread: ingest, main. */
bool checkpointer_wait(struct checkpointer *checkpointer, int deadline_ms);

void checkpointer_health(struct checkpointer *checkpointer, struct checkpointer_health *ret_health);

/* What is asked about one key: the points that begin in [from_ms, until_ms). Minutes of the same
 * fold_ms are summed, and so are hours where fold_ms is a multiple of one. */
struct history_question {
    const struct minute_key *key; /* borrowed for the call */
    int64_t from_ms, until_ms, fold_ms;
    struct timespec deadline; /* CLOCK_MONOTONIC */
};

/* What the history of the file says, and the newest cut whose minutes are in it. */
struct history_points {
    struct history_point *items; /* owned, in order of time */
    size_t count;
    uint64_t saved_cut;
};

/* Asks the snapshot thread, which answers between two saves, and waits for that until the deadline.
 * Errors: CTR_RETRY: no answer by then, or too many ask; CTR_STOPPED; CTR_CORRUPT, CTR_IO,
 * CTR_NO_MEMORY. Thread: any. */
CTR_MUST_USE enum ctr_status checkpointer_history(struct checkpointer *checkpointer,
                                                  const struct history_question *question,
                                                  struct history_points *ret_points);

/* Finishes what was handed over (at most deadline_ms, then it abandons the thread), closes the
 * file and frees. Whoever waits for an answer gets CTR_STOPPED; nobody may begin to ask any more.
 * NULL is fine. Thread: main. */
void checkpointer_stop(struct checkpointer *checkpointer, int deadline_ms);

#endif
