/* SPDX-License-Identifier: Apache-2.0
 *
 * Where records come from: the one seam between the pipeline and a bus. Kafka, a list of files
 * and a scripted fake stand behind it. Everything a source has to say comes out of poll() as
 * items, in order per partition, on the thread that polls. A source never exits the process:
 * trouble is an item or a state.
 */
#ifndef LIVECTR_SERVICE_SOURCE_H
#define LIVECTR_SERVICE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/status.h"

enum source_kind {
    SOURCE_FOUND,     /* a partition exists: answer with start(); `text` is its topic, `offset` its
                         number */
    SOURCE_STARTED,   /* reading begins at `offset`; time_ms: covered from here, MOMENT_NONE for
                         from the beginning, INT64_MAX for from its first record on */
    SOURCE_RECORD,    /* text/length: its bytes (text NULL: tombstone), offset, time_ms */
    SOURCE_END,       /* everything before `offset` was delivered and nothing more was there */
    SOURCE_CONFIRMED, /* asked at time_ms, the broker said the log ends at `offset` */
    SOURCE_COMPLETE,  /* every configured topic was found and its partitions announced; `partition`
                         means nothing here */
    SOURCE_GAP,       /* records before `offset` were deleted unread; reading goes on from there */
};

/* Borrowed until source_release(). */
struct source_item {
    enum source_kind kind;
    uint32_t partition; /* the source's own dense index, in order of discovery */
    int64_t offset;
    int64_t time_ms; /* record time; MOMENT_NONE where the record carries none */
    const char *text;
    size_t length;
};

struct source_batch {
    const struct source_item *items;
    size_t count;
    void *owner; /* the source's business */
};

enum start_kind { START_OFFSET, START_EARLIEST, START_LATEST, START_TIME };

/* Where to begin a partition. value: the offset, or for START_TIME the record time in ms. */
struct source_start {
    enum start_kind kind;
    int64_t value;
};

/* What a source says about itself. */
struct source_health {
    char state[32];
    char error[320]; /* newest complaint, "" none */
    uint64_t errors;
};

struct source;

struct source_ops {
    /* Waits up to timeout_ms for items. CTR_OK with count 0 is normal. CTR_STOPPED: a finite
     * source has no more records and never will (it may still confirm that). */
    enum ctr_status (*poll)(struct source *source, int timeout_ms, struct source_batch *ret_batch);
    void (*release)(struct source *source, struct source_batch *batch);
    /* Answers SOURCE_FOUND. */
    void (*start)(struct source *source, uint32_t partition, struct source_start start);
    /* Stops or resumes taking records of a partition; none is lost. */
    void (*hold)(struct source *source, uint32_t partition, bool hold);
    /* Copies the health out. Thread: any. */
    void (*health)(struct source *source, struct source_health *ret_health);
    /* Ends it within deadline_ms or abandons what hangs; frees the source. */
    void (*close)(struct source *source, int deadline_ms);
};

/* First member of every source. Thread: ingest, unless said otherwise above. */
struct source {
    const struct source_ops *ops;
};

#endif
