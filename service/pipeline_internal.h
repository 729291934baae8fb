/* SPDX-License-Identifier: Apache-2.0
 *
 * What pipeline.c (the loop) and pipeline_lanes.c (partitions) share. Thread: ingest.
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
    bool cover_next; /* covered from the next record's time on */
};

struct pipeline {
    struct pipeline_options options;
    struct decoder *decoder;
    struct lane *lanes; /* by the source's partition number */
    size_t lanes_count;
    bool complete;    /* every topic was found */
    bool first_start; /* no snapshot, and not complete yet: `start` applies */
    bool holding;     /* some lane is held */
    int64_t started_ms;
    int64_t next_cut_ms; /* monotonic */
    int64_t to_logged_ms;
    pthread_t thread;
    _Atomic bool stopping, ready, finished;
    _Atomic int64_t heartbeat_ms;
};

/* Answers FOUND: opens the partition in the store and tells the source where to begin. False: no
 * memory; nothing was done. */
bool pipeline_add_lane(struct pipeline *pipeline, const struct source_item *item);

/* STARTED: the position, and what is covered from there. */
void pipeline_begin_lane(struct pipeline *pipeline, struct lane *lane,
                         const struct source_item *item);

/* GAP: records that were deleted before they were read. */
void pipeline_note_gap(struct pipeline *pipeline, struct lane *lane,
                       const struct source_item *item);

#endif
