/* SPDX-License-Identifier: Apache-2.0
 *
 * From source to store: one object with one thread, the ingest thread, which is the only writer of
 * its store.
 *
 *   source.poll -> decode -> store_record_* -> store_advance -> (every interval) store_cut -> saver
 *
 * It has no special cases for where its records come from or how far behind it is, so that a second
 * one can run beside the first.
 */
#ifndef LIVECTR_SERVICE_PIPELINE_H
#define LIVECTR_SERVICE_PIPELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "service/checkpointer.h"
#include "service/config.h"
#include "service/source.h"
#include "storage/store.h"

struct pipeline;

struct pipeline_options {
    const char *name;                  /* in the log; static. NULL: "main" */
    const struct config *config;       /* borrowed for the life of the pipeline */
    struct source *source;             /* borrowed; closed by whoever opened it, after the stop */
    struct store *store;               /* borrowed */
    struct checkpointer *checkpointer; /* borrowed; NULL: nothing is saved */
    int64_t (*wall_ms)(void);
    int64_t (*mono_ms)(void);
    bool restored; /* the store came from a snapshot */
    bool images;   /* people, ids and clicks are saved as images, too, for a fast start */
    /* Where to begin instead of where `start` and the snapshot say: so that all is covered from
     * begin_ms on. */
    bool begin_given;
    int64_t begin_ms;
    /* Asked before each poll: true leaves the machine to others for a moment. NULL: never. */
    bool (*yields)(void *owner);
    void *yields_owner;
};

/* Starts the ingest thread. Errors: CTR_NO_MEMORY, CTR_IO, CTR_INVALID. Thread: main. */
CTR_MUST_USE enum ctr_status pipeline_start(const struct pipeline_options *options,
                                            struct pipeline **ret_pipeline,
                                            struct ctr_error *reterr);

/* Ends the thread after the records in hand, with a last cut handed to the checkpointer, and frees.
 * False: there was something to save, and it could not be handed over. NULL is fine. Thread: main.
 */
bool pipeline_stop(struct pipeline *pipeline);

/* CONTRACT 23: has /readyz been earned? Once true it stays so. Thread: any. */
bool pipeline_ready(const struct pipeline *pipeline);

/* When the ingest thread was last seen working, monotonic ms. Thread: any. */
int64_t pipeline_heartbeat_ms(const struct pipeline *pipeline);

/* A finite source has given everything. Thread: any. */
bool pipeline_finished(const struct pipeline *pipeline);

/* Every topic was found and its partitions are known. Thread: any. */
bool pipeline_complete(const struct pipeline *pipeline);

/* From the next advance on `to` goes no further than to_ms, INT64_MAX as far as it can (the
 * default); reading goes on. Thread: any. */
void pipeline_limit(struct pipeline *pipeline, int64_t to_ms);

#endif
