/* SPDX-License-Identifier: Apache-2.0
 *
 * What data_dir holds, at the start: the store as it was saved, and the thread that saves it.
 */
#ifndef LIVECTR_SERVICE_STATE_H
#define LIVECTR_SERVICE_STATE_H

#include <stdbool.h>

#include "service/checkpointer.h"
#include "service/config.h"
#include "storage/status.h"
#include "storage/store.h"

struct state {
    struct store *store;               /* owned by the caller */
    struct checkpointer *checkpointer; /* owned by the caller */
    bool restored;                     /* the store came from a snapshot */
    int lock;                          /* of data_dir, held by the caller; -1 */
};

/* Makes data_dir if need be, opens and locks its files. Errors name data_dir and the way out:
 * CTR_RETRY: another process uses it; CTR_CORRUPT, CTR_INVALID, CTR_IO, CTR_NO_MEMORY; nothing is
 * returned then. Thread: main. */
CTR_MUST_USE enum ctr_status state_open(const struct config *config, struct state *ret_state,
                                        struct ctr_error *reterr);

#endif
