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

struct partition {
    char topic[PARTITION_TOPIC_BYTES];
    int32_t number;
    bool started;           /* its first offset is known */
    bool at_end;            /* nothing beyond the position when last looked */
    size_t intervals_count; /* 0 until started */
    struct interval intervals[PARTITION_INTERVALS_MAX];
    int64_t end;          /* the log's end when last looked, -1 unknown */
    int64_t arrival_ms;   /* MOMENT_NONE until a record was accepted */
    int64_t confirmed_ms; /* last moment it was known to hold nothing unread; MOMENT_NONE never */
    int64_t alive_ms;     /* last delivery or confirmation */
    int64_t pending_end;  /* an end that was seen but not yet reached ... */
    int64_t pending_ms;   /* ... and when; MOMENT_NONE: nothing pending */
    uint64_t gap_records; /* offsets the broker had deleted before they were read */
    struct partition_counts counts;
};

/* Sum over the reasons. */
uint64_t partition_malformed(const struct partition_counts *counts);

/* The next offset to read, -1 until started. */
int64_t partition_next(const struct partition *partition);

/* Begins (or, after a gap, begins again) at `offset`; ends the interval before it. Offsets between
 * the two were gone before they were read and are added to gap_records when `gap`. */
void partition_start(struct partition *partition, int64_t offset, bool gap);

/* The log was read up to offset `next`, whether records stood there or not (holes). */
void partition_reach(struct partition *partition, int64_t next, int64_t now_ms);

/* The broker reports at_end: its end is the position. now_ms is when that was noticed. */
void partition_end(struct partition *partition, int64_t next, int64_t now_ms);

/* The broker answered, at or after asked_ms, that the log ends at `end`. */
void partition_confirm(struct partition *partition, int64_t end, int64_t asked_ms);

#endif
