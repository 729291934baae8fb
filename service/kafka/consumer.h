/* SPDX-License-Identifier: Apache-2.0
 *
 * Kafka as a source: every partition of every configured topic, assigned by hand at the offsets the
 * pipeline names, never through a group.
 *
 *   watcher thread                               ingest thread, inside poll()
 *   finds topics and partitions ---- inbox ----> FOUND, COMPLETE
 *   turns "earliest", times, offsets             assigns; STARTED or GAP
 *     into offsets that exist <---- start() ---- (the pipeline's answer to FOUND)
 *   asks for the logs' ends -------- inbox ----> CONFIRMED
 *                                                one queue per partition -> RECORD, END
 *
 * Every call that seeks, assigns or reads is made on the ingest thread, as librdkafka 2.0 wants;
 * calls that wait for brokers are made on the watcher. Each partition has a queue of its own, so
 * that holding one back is simply not reading its queue.
 */
#ifndef LIVECTR_SERVICE_KAFKA_CONSUMER_H
#define LIVECTR_SERVICE_KAFKA_CONSUMER_H

#include "service/config.h"
#include "service/source.h"

/* Connects in the background: that no broker answers is a state, not an error. `config` is
 * borrowed for the life of the source. Errors: CTR_INVALID (a kafka.* property), CTR_NO_MEMORY,
 * CTR_IO (threads). */
CTR_MUST_USE enum ctr_status kafka_source_open(const struct config *config,
                                               struct source **ret_source,
                                               struct ctr_error *reterr);

#endif
