/* SPDX-License-Identifier: Apache-2.0
 *
 * Recording several events that are at hand at once: each stage only asks for the memory that the
 * next one reads, and is done for all of them before that.
 *
 *   store_hash_event()    for each: its hashes; asks for the slots of its names
 *   store_fetch_names()   for each: asks for the names
 *   store_record_hashed() for each, in their order
 *
 * What a stage asked for may be of no use by then, which costs time only. Thread: ingest.
 */
#ifndef LIVECTR_STORAGE_STORE_RECORD_H
#define LIVECTR_STORAGE_STORE_RECORD_H

#include <stdint.h>

#include "storage/event.h"
#include "storage/status.h"
#include "storage/store.h"

/* What is looked up of an event, as keyed hashes; 0 where it has none. They hang on the event and
 * the store's secret alone. */
struct event_hashes {
    uint64_t page, box, visitor, id;
};

void store_hash_event(const struct store *store, const struct event *event,
                      struct event_hashes *ret_hashes);
void store_fetch_names(const struct store *store, const struct event_hashes *hashes);

/* store_record_event() where the event's hashes are known. */
CTR_MUST_USE enum ctr_status store_record_hashed(struct store *store, uint32_t partition,
                                                 int64_t offset, int64_t record_ms, int64_t now_ms,
                                                 const struct event *event,
                                                 const struct event_hashes *hashes);

#endif
