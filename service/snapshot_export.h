/* SPDX-License-Identifier: Apache-2.0
 *
 * All that a snapshot's file holds for people to read, as NDJSON: a line says what it is in "what".
 *
 *   snapshot   schema, cut, as_of, to, windows
 *   partition  topic, partition, position, and the account of its records
 *   key        level, page, box: the keys that are in memory
 *   minute     level, page, box, other, start, grain_s (60, or 3600 where only hours are kept),
 *              final, and the numbers of that stretch; people are of the ten minutes to its end
 *
 * Texts and people are null where there are none.
 */
#ifndef LIVECTR_SERVICE_SNAPSHOT_EXPORT_H
#define LIVECTR_SERVICE_SNAPSHOT_EXPORT_H

#include <stdint.h>
#include <stdio.h>

#include "storage/snapshot.h"
#include "storage/status.h"

/* Writes all of it. `progress` (NULL is fine) is told the number of lines now and then. Errors:
 * CTR_IO (the file, or `to`), CTR_CORRUPT, CTR_NO_MEMORY. Thread: main. */
CTR_MUST_USE enum ctr_status snapshot_export(struct snapshot *snapshot, FILE *to,
                                             void (*progress)(uint64_t lines), uint64_t *ret_lines,
                                             struct ctr_error *reterr);

#endif
