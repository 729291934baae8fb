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

#include "storage/partitions.h"
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
    SOURCE_PROOF,     /* the record at start.proof, as it is now, before anything else is given */
    SOURCE_UNPROVED,  /* there is none any more */
    SOURCE_SHRUNK,    /* the log ends at `offset`, before where it was to be read; not read */
    SOURCE_DAMAGED,   /* what stands at `offset` cannot be read, however often; not read */
    SOURCE_STATE,     /* `state` is what keeps the partition from being read for now, or
                         PARTITION_READING */
};

/* Borrowed until source_release(). */
struct source_item {
    enum source_kind kind;
    uint32_t partition; /* the source's own dense index, in order of discovery */
    int64_t offset;
    int64_t time_ms; /* record time; MOMENT_NONE where the record carries none */
    const char *text;
    size_t length;
    const char *key; /* of a record, NULL without */
    size_t key_length;
    enum partition_state state;
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
    bool prove;    /* give PROOF or UNPROVED before STARTED ... */
    int64_t proof; /* ... about the record at this offset, which is below `value` */
    bool skip;     /* what cannot be read is left out, as GAP */
};

/* What a source says about itself. */
struct source_health {
    char state[32];
    char error[320]; /* newest complaint, "" none */
    uint64_t errors;
};

struct source;
struct kafka_facts; /* api/details.h */

struct source_ops {
    /* Waits up to timeout_ms for items. CTR_OK with count 0 is normal. CTR_STOPPED: a finite
     * source has no more records and never will (it may still confirm that). */
    enum ctr_status (*poll)(struct source *source, int timeout_ms, struct source_batch *ret_batch);
    void (*release)(struct source *source, struct source_batch *batch);
    /* Answers SOURCE_FOUND; later it begins the partition anew. What was polled already may still
     * follow, until STARTED. */
    void (*start)(struct source *source, uint32_t partition, struct source_start start);
    /* Gives no more records of a partition until start(). */
    void (*stop)(struct source *source, uint32_t partition);
    /* Stops or resumes taking records of a partition; none is lost. */
    void (*hold)(struct source *source, uint32_t partition, bool hold);
    /* Copies the health out. Thread: any. */
    void (*health)(struct source *source, struct source_health *ret_health);
    /* Copies what the library behind it says of itself; NULL: it says nothing. Thread: any. */
    void (*statistics)(struct source *source, struct kafka_facts *ret_facts);
    /* Ends it within deadline_ms or abandons what hangs; frees the source. */
    void (*close)(struct source *source, int deadline_ms);
};

/* First member of every source. Thread: ingest, unless said otherwise above. */
struct source {
    const struct source_ops *ops;
};

#endif
