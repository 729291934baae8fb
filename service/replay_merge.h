/* SPDX-License-Identifier: Apache-2.0
 *
 * All inputs of a replay as one stream in the order of event time, in memory that does not grow
 * with the files: it holds one line of each, and the clicks whose moment has not come.
 * Equal times keep the order of the files, and within one the order of its lines.
 */
#ifndef LIVECTR_SERVICE_REPLAY_MERGE_H
#define LIVECTR_SERVICE_REPLAY_MERGE_H

#include <stddef.h>
#include <stdint.h>

#include "service/replay_options.h"
#include "storage/event.h"
#include "storage/status.h"

enum { REPLAY_PENDING_MAX = 2000000 }; /* clicks whose moment has not come, about 400 bytes each */

/* One event on its way. The texts are borrowed from the merge until its next call. */
struct replay_item {
    enum event_type type;
    int64_t ts_ms;
    struct text value; /* the record */
    struct text key;   /* as --partition-by says; absent: none */
};

/* Told of every line that is no event: "file:line: reason". */
typedef void replay_complain(void *owner, const char *complaint);

struct replay_merge;

/* Opens every input. `options` is borrowed. Errors: those of replay_reader_open(); CTR_INVALID
 * where two inputs of one name would give different events the same ids. */
CTR_MUST_USE enum ctr_status replay_merge_open(const struct replay_options *options,
                                               replay_complain *complain, void *complain_owner,
                                               struct replay_merge **ret_merge,
                                               struct ctr_error *reterr);
void replay_merge_close(struct replay_merge *merge); /* NULL is fine */

/* The next event. CTR_STOPPED: all inputs are at their ends. Errors: CTR_IO, CTR_NO_MEMORY,
 * CTR_LIMIT. O(log inputs). */
CTR_MUST_USE enum ctr_status replay_merge_next(struct replay_merge *merge,
                                               struct replay_item *ret_item,
                                               struct ctr_error *reterr);

#endif
