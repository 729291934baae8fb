/* SPDX-License-Identifier: Apache-2.0
 *
 * What /v1/status and /metrics both say about one partition. Pure. Thread: any.
 */
#ifndef LIVECTR_API_PARTITION_H
#define LIVECTR_API_PARTITION_H

#include <stdint.h>

#include "storage/partitions.h"
#include "storage/store.h"

/* Records between the position and the log's end as last seen; -1 where either is unknown. */
int64_t partition_lag(const struct partition *partition);

/* Where its clock stands (DESIGN "The clock"): as_of can be no later than this while it has a
 * backlog. MOMENT_NONE before its first record or confirmation. In event mode a partition at its
 * end sets no bound; this is then the arrival of its last record. */
int64_t partition_clock_ms(const struct partition *partition, const struct store_options *options,
                           int64_t now_ms);

#endif
