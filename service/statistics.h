/* SPDX-License-Identifier: Apache-2.0
 *
 * A dozen useful fields out of the statistics that librdkafka writes as JSON (its STATISTICS.md).
 * Pure. Thread: any.
 */
#ifndef LIVECTR_SERVICE_STATISTICS_H
#define LIVECTR_SERVICE_STATISTICS_H

#include <stddef.h>

#include "api/details.h"
#include "storage/status.h"

/* Longer ones (some 1,500 partitions) are not read: a tree of them takes about ten times as much.
 */
enum { STATISTICS_BYTES_MAX = 2097152 };

/* Reads the text into *ret_facts: known, but for age and skipped, which stay 0. Members that are
 * not there count as 0. Errors: CTR_LIMIT: too long; CTR_INVALID: not a JSON object. */
CTR_MUST_USE enum ctr_status statistics_parse(const char *text, size_t length,
                                              struct kafka_facts *ret_facts);

#endif
