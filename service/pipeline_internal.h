/* SPDX-License-Identifier: Apache-2.0
 *
 * What pipeline.c (the loop), pipeline_records.c, pipeline_lanes.c (partitions), pipeline_faults.c
 * and pipeline_cuts.c share. Thread: ingest.
 */
#ifndef LIVECTR_SERVICE_PIPELINE_INTERNAL_H
#define LIVECTR_SERVICE_PIPELINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "service/decode.h"
#include "service/pipeline.h"

/* What the pipeline knows of a partition beyond the store's account. */
struct lane {
    uint32_t index; /* in the store */
    enum topic_type type;
    bool held;
    bool cover_next;                  /* covered from the next record's time on */
    bool stopped;                     /* nothing of it is taken before its next STARTED */
    const struct source_item *newest; /* of the batch in hand */
};

struct pipeline {
    struct pipeline_options options;
    struct decoder *decoder;
    struct lane *lanes; /* by the source's partition number */
    size_t lanes_count;
    bool first_start; /* no snapshot, and not complete yet: `start` applies */
    bool holding;     /* some lane is held */
    int64_t started_ms;
    int64_t read_ms;     /* wall clock when the batch in hand was read: not asked per record */
    int64_t last_cut_ms; /* monotonic; at first the start */
    bool gave_up;        /* an item could not be taken before the end: nothing after it is */
    bool cut_owed;       /* the last cut could not be handed over */
    int64_t to_logged_ms;
    pthread_t thread;
    _Atomic bool stopping, ready, finished;
    _Atomic bool complete; /* every topic was found */
    _Atomic int64_t heartbeat_ms, limit_ms;
};

/* Takes records from the first item, which is one, on: in groups. Returns how many items that were.
 * When it gave up, what it was at was not taken. */
size_t pipeline_take_records(struct pipeline *pipeline, const struct source_item *items,
                             size_t count);

/* Waits for a while. False: the end has begun. What comes after may not be taken: the position
 * would pass over this. */
bool pipeline_wait_for_memory(struct pipeline *pipeline, const char *doing);

/* Begins an image with the cut that was just handed over, if one is due; hands over more of it, if
 * the checkpointer is idle. */
void pipeline_begin_image(struct pipeline *pipeline);
void pipeline_go_on_with_image(struct pipeline *pipeline);

/* At the end, after the last cut: a whole image, so that the next start has nothing to replay.
 * True: it is on the disk, and one more cut will name it. It takes some seconds at most. */
bool pipeline_last_image(struct pipeline *pipeline);

/* Answers FOUND: opens the partition in the store and tells the source where to begin. False: no
 * memory; nothing was done. */
bool pipeline_add_lane(struct pipeline *pipeline, const struct source_item *item);

/* STARTED: the position, and what is covered from there. */
void pipeline_begin_lane(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item);

/* Faults of a log (pipeline_faults.c): what each setting makes of GAP, PROOF, UNPROVED, SHRUNK,
 * DAMAGED and STATE. */
void pipeline_take_fault(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item);

/* COMPLETE: partitions of the snapshot that the source does not have are gone, and hold as_of. */
void pipeline_miss_lanes(struct pipeline *pipeline);

/* Counts what can be counted, waiting for the disk where finished minutes would be lost else. */
void pipeline_advance(struct pipeline *pipeline);

/* Hands a cut over, if one is due; at the end, in any case. */
void pipeline_maybe_cut(struct pipeline *pipeline);
void pipeline_last_cut(struct pipeline *pipeline);

/* Keeps what the log of each partition will be known by; before the batch is released. */
void pipeline_take_prints(struct pipeline *pipeline);

#endif
