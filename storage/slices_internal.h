/* SPDX-License-Identifier: Apache-2.0
 *
 * What slices.c (counting, restoring) and slices_age.c (folding, dropping) share.
 */
#ifndef LIVECTR_STORAGE_SLICES_INTERNAL_H
#define LIVECTR_STORAGE_SLICES_INTERNAL_H

#include "storage/slices.h"

enum { SLICE_CELLS_FIRST = 64 };     /* the room a slice begins with */
enum { SLICE_COMPACT_FIRST = 1024 }; /* cells at which it is compacted first */

/* First slice of the tier at or after start_ms. */
size_t slices_lower_bound(const struct tier *tier, int64_t start_ms);

/* The slice of the tier that begins at start_ms, made if need be. Valid until the next call.
 * Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_in_tier(struct slices *slices, struct tier *tier,
                                            int64_t start_ms, struct slice **ret_slice);

/* Events that arrive late leave a cell each time; here they become one cell per key again. */
void slices_compact(struct slices *slices, const struct keys *keys, struct slice *slice);

/* Lists a slice that the snapshot must forget. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_note_gone(struct slices *slices, int64_t grain_ms,
                                              int64_t start_ms);

/* Makes room for `count` more orphans. Errors: CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status slices_reserve_orphans(struct slices *slices, size_t count);

#endif
