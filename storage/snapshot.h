/* SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoints on disk: one SQLite file, one connection, used by one thread. storage/copies.h keeps
 * two of them.
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
 * Each row carries a checksum over all of it (meta: one over all rows), meta says how many rows
 * each table has, and each page carries a checksum (storage/sql_pages.c): a flipped bit that SQLite
 * does not notice, and a row that is lost, are.
 *
 * A save is one transaction: counts, held records, positions, clocks and as_of go together or not
 * at all. WAL with synchronous=NORMAL: a power cut may take the newest saves, never a part of one,
 * and Kafka replays the rest. locking_mode=EXCLUSIVE: a second process on the file is refused.
 */
#ifndef LIVECTR_STORAGE_SNAPSHOT_H
#define LIVECTR_STORAGE_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/checkpoint.h"
#include "storage/status.h"

enum { SNAPSHOT_VERSION = 4 };

struct snapshot;

/* Opens or makes the file and locks it. Errors: CTR_RETRY: another process holds it; CTR_INVALID:
 * it is of a newer version or of another program (left untouched); CTR_CORRUPT; CTR_IO. */
CTR_MUST_USE enum ctr_status snapshot_open(const char *path, struct snapshot **ret_snapshot,
                                           struct ctr_error *reterr);
void snapshot_close(struct snapshot *snapshot); /* NULL is fine */

/* The two halves of snapshot_open(): looks whose file it is and which cut is in it, without writing
 * to it; then makes it ours: tables for an empty one, the steps from an older version. Errors are
 * those of snapshot_open(); after one of snapshot_own() it can only be closed. */
CTR_MUST_USE enum ctr_status snapshot_look(const char *path, struct snapshot **ret_snapshot,
                                           struct ctr_error *reterr);
CTR_MUST_USE enum ctr_status snapshot_own(struct snapshot *snapshot, struct ctr_error *reterr);

/* Opens a file that nobody writes to, of any known version, for snapshot_load() and the history
 * only; it is left as it is, and a log beside it is not looked at. CTR_NOT_FOUND: it is empty. */
CTR_MUST_USE enum ctr_status snapshot_open_read(const char *path, struct snapshot **ret_snapshot,
                                                struct ctr_error *reterr);

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

/* Writes a part of an image beside the file (storage/image.h), between saves. The next save after
 * its last part makes it the one that a start uses. Errors: CTR_IO, CTR_NO_MEMORY: there will be
 * none; what the file says is as right without. */
struct image_batch;
CTR_MUST_USE enum ctr_status snapshot_put_image(struct snapshot *snapshot,
                                                const struct image_batch *batch,
                                                struct ctr_error *reterr);

/* Loads without an image from now on: it did not fit. */
void snapshot_ignore_image(struct snapshot *snapshot);
/* Whether the save that went well could also fold its log into the file (CTR_OK or CTR_IO). */
const struct ctr_error *snapshot_folded(const struct snapshot *snapshot);

/* A sync has failed: the file must be closed, and be made anew before its log may be folded.
 * snapshot_suspect(): from now on it is not. */
bool snapshot_sync_failed(const struct snapshot *snapshot);
void snapshot_suspect(struct snapshot *snapshot);

/* Which cut is in the file, from the file. CTR_OK also where nothing was saved (then 0). Errors:
 * CTR_CORRUPT, CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status snapshot_read_cut(struct snapshot *snapshot, struct ctr_error *reterr);

/* The schema version that the file had when it was opened; 0: it was empty. */
int64_t snapshot_version(const struct snapshot *snapshot);

/* How long the history keeps minutes and hours; 8 and 400 days unless said otherwise. */
void snapshot_keep(struct snapshot *snapshot, int64_t minutes_ms, int64_t hours_ms);

/* The newest cut that is in the file, 0 none. */
uint64_t snapshot_cut(const struct snapshot *snapshot);

/* The history of the file, for reading between saves. */
struct history;
struct history *snapshot_history(const struct snapshot *snapshot);

/* For a copy of the file. */
struct sql;
struct sql *snapshot_sql(const struct snapshot *snapshot);

/* Size of the file, 0 unknown. */
uint64_t snapshot_bytes(const struct snapshot *snapshot);

#endif
