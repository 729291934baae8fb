/* SPDX-License-Identifier: Apache-2.0
 *
 * max_memory: the limits of all that can grow, derived from one number. A function of the settings
 * alone, never of what the process happens to use: at its limits the store decides which keys and
 * visitors have a row, and that must depend on the log only.
 *
 * Of what max_memory leaves beside the program itself (CEILING_BASE_BYTES), and of as many stores
 * as there can be at once (a scout has one of its own):
 *
 *   40 %  keys: rows, names, their share of slices, of open minutes and of a cut that copies them
 *   20 %  visitors: pairs of a visitor and a key
 *   12 %  ids: events that are remembered, clicks where click_gap looks for them
 *   10 %  held records and their names
 *    8 %  librdkafka's queue
 *    5 %  finished minutes that wait for the disk
 *    5 %  connections
 *
 * A limit that is given stays as it is: then the sum is the operator's.
 */
#ifndef LIVECTR_SERVICE_CEILING_H
#define LIVECTR_SERVICE_CEILING_H

#include "service/config.h"

#define CEILING_BASE_BYTES (INT64_C(40) << 20)

/* What one of each is reckoned with, bytes. */
struct ceiling_costs {
    int64_t key, pair, id, held, minute, connection;
};

void ceiling_costs(const struct config *config, struct ceiling_costs *ret_costs);

/* Sets what max_memory derives. Called by config_check(), after every setting is known. */
void ceiling_apply(struct config *config);

#endif
