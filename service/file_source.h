/* SPDX-License-Identifier: Apache-2.0
 *
 * Files behind the same seam as Kafka (service/source.h), so that the pipeline cannot tell them
 * apart. Two kinds: the merged events of a replay as one partition in the order of event time; or a
 * dump of topics, each partition with its offsets and record times, the one that is furthest behind
 * first, as a reader that keeps up would have met them. It never holds a partition back: everything
 * is there.
 */
#ifndef LIVECTR_SERVICE_FILE_SOURCE_H
#define LIVECTR_SERVICE_FILE_SOURCE_H

#include <stdint.h>

#include "service/replay_merge.h"
#include "service/source.h"
#include "storage/status.h"

/* One partition 0 of `topic` (borrowed) with the events of `merge` (taken over). from_ms and
 * until_ms: only events of these times. Errors: CTR_NO_MEMORY. Thread: main. */
CTR_MUST_USE enum ctr_status file_source_open_merge(struct replay_merge *merge, const char *topic,
                                                    int64_t from_ms, int64_t until_ms,
                                                    struct source **ret_source,
                                                    struct ctr_error *reterr);

/* The partitions of a dump, whose topics must be among those of `config` (borrowed for the call;
 * NULL: any): lines {"topic":...,"partition":N,"offset":N,"time":MS,"value_b64":...},
 * by offset within each partition. Errors: CTR_NOT_FOUND, CTR_IO, CTR_NO_MEMORY, CTR_INVALID naming
 * the line or the topic. Thread: main. */
CTR_MUST_USE enum ctr_status file_source_open_dump(const char *path, const struct config *config,
                                                   struct source **ret_source,
                                                   struct ctr_error *reterr);

/* Records given so far. Thread: any. */
uint64_t file_source_given(const struct source *source);

/* Why reading ended early: CTR_OK where it did not. Valid once the pipeline has finished. */
enum ctr_status file_source_error(const struct source *source, struct ctr_error *reterr);

#endif
