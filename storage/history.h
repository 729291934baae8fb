/* SPDX-License-Identifier: Apache-2.0
 *
 * Finished minutes on disk: what GET /v1/series and GET /v1/explain read back, for days after the
 * store has forgotten them. Lives in the snapshot's file, so that minutes, counts and offsets are
 * saved in one transaction.
 *
 *   history_key    level, page, box -> id, the last day it had a row
 *   history_block  (grain, start, key) -> the numbers of up to 60 minutes, or of 24 hours, packed
 *
 * Time stands before the key: what is added in one hour lies together, so that a minute of 45,000
 * keys touches 2,000 pages and not 45,000, and what is too old lies at the beginning. A key's day
 * is 25 look-ups then.
 *
 * Rows add up: a correction that comes days later is added to what is there. With age minutes are
 * summed into hours, and hours are dropped. Numbers that do not add up over time (people, see
 * storage/minutes.h) end with the minutes.
 *
 * Thread: snapshot (that of the struct sql).
 */
#ifndef LIVECTR_STORAGE_HISTORY_H
#define LIVECTR_STORAGE_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/minutes.h"
#include "storage/sql.h"
#include "storage/status.h"

#define HISTORY_HOUR_MS INT64_C(3600000)

/* The tables, as SQL for the schema of a new file. */
extern const char history_schema[];

struct history;

/* Prepares its statements on an open file that has the tables. Errors: CTR_NO_MEMORY, CTR_IO. */
CTR_MUST_USE enum ctr_status history_open(struct sql *sql, struct history **ret_history,
                                          struct ctr_error *reterr);
void history_close(struct history *history); /* NULL is fine; before the struct sql */

/* How long what is kept. An hour that ends at or before to_ms - keep_minutes_ms has no minutes, a
 * UTC day that ends at or before to_ms - keep_hours_ms no hours. INT64_MAX: for ever. to_ms may be
 * MOMENT_NONE: then nothing is too old. */
struct history_limits {
    int64_t to_ms, keep_minutes_ms, keep_hours_ms;
};

/* Adds the rows of `blocks` to what is kept. Inside the caller's transaction; after an error that
 * must be rolled back, and then history_forget() called. A row whose minutes became an hour is
 * added to the hour; rows too old for both are left out. Minutes lie in 0 to EVENT_TS_MS_MAX.
 * Memory: 16 bytes a row while it runs. Errors: CTR_NO_MEMORY, CTR_IO, CTR_CORRUPT (a stored block
 * is damaged), CTR_LIMIT (2^32 keys). */
CTR_MUST_USE enum ctr_status history_add(struct history *history,
                                         const struct minute_block *const *blocks, size_t count,
                                         const struct history_limits *limits,
                                         struct ctr_error *reterr);

/* What is too old goes: minutes become hours, hours are dropped; keys without rows too. At most
 * `budget` blocks or keys are touched in one call, the rest waits for the next. Inside the caller's
 * transaction. Two look-ups if there is nothing to do; once a day, and in the first call, the keys
 * are looked through. Errors as history_add. */
CTR_MUST_USE enum ctr_status history_expire(struct history *history,
                                            const struct history_limits *limits, size_t budget,
                                            struct ctr_error *reterr);

/* For a file of which there is no other copy: while it forgives, a block or a name that is damaged
 * is taken as not there, and what is added begins anew. history_forgiven(): how many times, since
 * it last began to. */
void history_forgive(struct history *history, bool forgive);
uint64_t history_forgiven(const struct history *history);

/* After a rollback: forgets what it remembered of the file (ids of new keys). */
void history_forget(struct history *history);

/* One stretch of one key's time. */
struct history_point {
    int64_t start_ms, grain_ms; /* MINUTE_MS or HISTORY_HOUR_MS */
    int64_t numbers[MINUTE_NUMBERS];
};

typedef bool history_visit(void *owner, const struct history_point *point); /* false: stop */

/* Gives the points of a key that begin in [from_ms, until_ms), in order of time; where only hours
 * are left, hours. An unknown key has none. Errors: CTR_IO, CTR_CORRUPT, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status history_read(struct history *history, const struct minute_key *key,
                                          int64_t from_ms, int64_t until_ms, history_visit *visit,
                                          void *owner, struct ctr_error *reterr);

typedef bool history_visit_key(void *owner, const struct minute_key *key,
                               const struct history_point *point); /* false: stop */

/* Gives every point of every key: by level (with the row of folded keys behind its level), page,
 * box as bytes, then time. Keys have no hash. The visitor must not call the history. For exports
 * and replays. Errors as history_read. */
CTR_MUST_USE enum ctr_status history_each(struct history *history, history_visit_key *visit,
                                          void *owner, struct ctr_error *reterr);

#endif
