/* SPDX-License-Identifier: Apache-2.0
 *
 * How far one partition was read, what became of its records, and where its clock stands.
 *
 * The clock of a partition (DESIGN "The clock", CONTRACT "Time"), less `settle`:
 *   wall mode   the later of: the moment it was last confirmed to hold nothing unread, and the
 *               arrival of the last record it delivered (at most now)
 *   event mode  the arrival of the last record while it has a backlog; no bound once it is at its
 *               end
 * Arrival is the largest record time (event time in event mode) of its accepted records so far.
 *
 * Thread: ingest for the functions; copies are plain values.
 */
#ifndef LIVECTR_STORAGE_PARTITIONS_H
#define LIVECTR_STORAGE_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/event.h"

enum { PARTITION_TOPIC_BYTES = 256, PARTITION_INTERVALS_MAX = 16, PARTITIONS_MAX = 4096 };

/* Offsets applied: first to just before next. */
struct interval {
    int64_t first, next;
};

struct partition_counts {
    uint64_t read, counted, held, duplicate, late, future;
    uint64_t unchecked, filtered, stragglers; /* among the counted */
    uint64_t malformed[MALFORMED_COUNT];
};

/* What a partition is doing, or what keeps it from being read. The names and what to do about each
 * are a table of docs/operations.md. */
enum partition_state {
    PARTITION_READING,  /* in a backlog */
    PARTITION_STARTING, /* where to begin is not known yet */
    PARTITION_AT_END,
    PARTITION_HELD, /* ahead of the others, waits for them */
    /* these go away by themselves */
    PARTITION_BLOCKED, /* an open transaction: what stands behind it cannot be read */
    PARTITION_STALLED, /* a backlog, and nothing comes */
    PARTITION_GONE,    /* not on the brokers any more */
    PARTITION_REFUSED, /* reading it is not allowed */
    PARTITION_DAMAGED, /* a batch cannot be read; with gap = stop until it is replaced */
    /* these stand until a setting is changed */
    PARTITION_GAP,       /* records were deleted before they were read, and gap = stop */
    PARTITION_REPLACED,  /* another log than the one that was read */
    PARTITION_TRUNCATED, /* the log ends before the position */
    PARTITION_STATE_COUNT
};

const char *partition_state_name(enum partition_state state);

/* One sentence: why it is not read and what to do; NULL where it is. */
const char *partition_state_reason(enum partition_state state);

/* By what a log is known again: its last applied record. The hash is under the store's secret, so
 * it tells nothing about the record. */
struct record_print {
    int64_t offset; /* -1: no record was applied yet */
    int64_t time_ms;
    uint64_t hash;
};

/* `secret`: the store's. An absent key or value has no bytes. */
struct record_print record_print_of(const uint64_t *secret, int64_t offset, int64_t time_ms,
                                    struct text key, struct text value);

struct partition {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;
    bool started;           /* its first offset is known */
    bool restored;          /* it comes from a snapshot */
    bool at_end;            /* nothing beyond the position when last looked */
    size_t intervals_count; /* 0 until started */
    struct interval intervals[PARTITION_INTERVALS_MAX];
    int64_t end;          /* the log's end when last looked, -1 unknown */
    int64_t arrival_ms;   /* MOMENT_NONE until a record was accepted */
    int64_t confirmed_ms; /* last moment it was known to hold nothing unread; MOMENT_NONE never */
    int64_t alive_ms;     /* last delivery or confirmation */
    int64_t pending_end;  /* an end that was seen but not yet reached ... */
    int64_t pending_ms;   /* ... and when; MOMENT_NONE: nothing pending */
    /* Offsets given up unread: deleted by the broker, or in a batch that cannot be read. Where
     * offsets have holes (markers, compaction) this is more than there were records. */
    uint64_t lost;
    uint64_t redelivered; /* came again and were dropped by their offset */
    uint64_t unverified;  /* beginnings at which no record was left to know the log by */
    uint64_t log_changes; /* times another log was begun under the same name */
    struct record_print print;
    enum partition_state trouble; /* PARTITION_READING: none */
    bool held;
    int64_t gap_to; /* in PARTITION_GAP: where the log begins now */
    struct partition_counts counts;
};

/* Sum over the reasons. */
uint64_t partition_malformed(const struct partition_counts *counts);

/* The next offset to read, -1 until started. */
static inline int64_t partition_next(const struct partition *partition)
{
    return partition->intervals_count == 0
               ? -1
               : partition->intervals[partition->intervals_count - 1].next;
}

/* Begins (or, after a gap, begins again) at `offset`; ends the interval before it. Offsets between
 * the two were gone before they were read and are added to `lost` when `gap`. An offset below the
 * position begins another log, whose records the print does not know. */
void partition_start(struct partition *partition, int64_t offset, bool gap);

enum partition_state partition_state(const struct partition *partition);

/* `lost`, with what is known to be gone while gap = stop waits for a decision. */
uint64_t partition_lost(const struct partition *partition);

/* The log was read up to offset `next`, whether records stood there or not (holes). */
void partition_reach(struct partition *partition, int64_t next, int64_t now_ms);

/* The broker reports at_end: its end is the position. now_ms is when that was noticed. */
void partition_end(struct partition *partition, int64_t next, int64_t now_ms);

/* The broker answered, at or after asked_ms, that the log ends at `end`. */
void partition_confirm(struct partition *partition, int64_t end, int64_t asked_ms);

#endif
