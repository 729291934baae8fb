/* SPDX-License-Identifier: Apache-2.0
 *
 * Filling a store at a start. store_restore.c does it in order, and the second half of it with two
 * threads; store_load_keys.c the keys; store_replay.c brings back people, ids and gaps from an
 * image and the events that came after it, store_crowds.c makes the crowd slices of people. Nobody
 * else includes this.
 */
#ifndef LIVECTR_STORAGE_STORE_LOAD_H
#define LIVECTR_STORAGE_STORE_LOAD_H

#include "storage/checkpoint.h"
#include "storage/store_internal.h"

/* The largest number that a key of the checkpoint has, 0 none. */
uint32_t store_highest_kid(const struct checkpoint *from);

/* The keys with their names, at their old numbers. Errors: CTR_NO_MEMORY, CTR_CORRUPT. */
CTR_MUST_USE enum ctr_status store_load_keys(struct store *store, const struct checkpoint *from);

/* One more use of a name; *ret_name NULL for the empty one. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status store_take_name(struct store *store, struct text text,
                                             struct name **ret_name);

/* Merges a checkpoint's journals into people, ids and gaps, after the keys were restored and time
 * was set. Merging an event again changes nothing. Errors: CTR_NO_MEMORY, CTR_CORRUPT. */
CTR_MUST_USE enum ctr_status store_replay_journals(struct store *store,
                                                   const struct checkpoint *from);

/* The crowd slices of all pairs, and how many pairs live. Their cells are added to the tally.
 * Errors: CTR_NO_MEMORY; CTR_CORRUPT: a pair is of a key that cannot be. */
CTR_MUST_USE enum ctr_status store_load_crowds(struct store *store, struct slices_tally *tally);

#endif
