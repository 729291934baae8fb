/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints on disk: one SQLite file, one connection, used by one thread. The only user of
 * sqlite3.
 *
 *   meta       what, when, with which settings          one row per name
 *   partition  position, clock and counters             one row each
 *   key        kid -> level, page, box
 *   slice      (grain, start) -> cells
 *   held       apply moment -> records
 *   journal    the newest events, which people, ids and gaps are filled from again
 *   minute     minutes that are not final -> rows
 *   history_*  minutes that are (storage/history.h)
 *
 * Each row carries a checksum over all of it (meta: one over all rows), and meta says how many
 * rows each table has: a flipped bit that SQLite does not notice, and a row that is lost, are.
 *
 * A save is one transaction: counts, held records, positions, clocks and as_of go together or not
 * at all. WAL with synchronous=NORMAL: a power cut may take the newest saves, never a part of one,
 * and Kafka replays the rest. locking_mode=EXCLUSIVE: a second process on the file is refused.
 */
#ifndef LIVECTR_STORAGE_SNAPSHOT_H
#define LIVECTR_STORAGE_SNAPSHOT_H

#include <stdint.h>

#include "storage/checkpoint.h"
#include "storage/status.h"

enum { SNAPSHOT_VERSION = 2 };

struct snapshot;

/* Opens or makes the file and locks it. Errors: CTR_RETRY: another process holds it; CTR_INVALID:
 * it is of a newer version or of another program (left untouched); CTR_CORRUPT; CTR_IO. */
CTR_MUST_USE enum ctr_status snapshot_open(const char *path, struct snapshot **ret_snapshot,
                                           struct ctr_error *reterr);
void snapshot_close(struct snapshot *snapshot); /* NULL is fine */

/* Reads all of it. Errors: CTR_NOT_FOUND: nothing was saved yet; CTR_CORRUPT: a checksum or a value
 * is wrong; CTR_NO_MEMORY; CTR_IO. The caller owns *ret_checkpoint. */
CTR_MUST_USE enum ctr_status snapshot_load(struct snapshot *snapshot,
                                           struct checkpoint **ret_checkpoint,
                                           struct ctr_error *reterr);

/* Writes a checkpoint in one transaction. saved_ms is noted for people. Errors: CTR_IO: the file is
 * as it was before, and the next save must be of a whole checkpoint. */
CTR_MUST_USE enum ctr_status snapshot_save(struct snapshot *snapshot,
                                           const struct checkpoint *checkpoint, int64_t saved_ms,
                                           struct ctr_error *reterr);

/* How long the history keeps minutes and hours; 8 and 400 days unless said otherwise. */
void snapshot_keep(struct snapshot *snapshot, int64_t minutes_ms, int64_t hours_ms);

/* The newest cut that is in the file, 0 none. */
uint64_t snapshot_cut(const struct snapshot *snapshot);

/* The history of the file, for reading between saves. */
struct history;
struct history *snapshot_history(const struct snapshot *snapshot);

/* Size of the file, 0 unknown. */
uint64_t snapshot_bytes(const struct snapshot *snapshot);

#endif
