/* SPDX-License-Identifier: Apache-2.0
 *
 * Writes records for replay and demo: idempotent, and every delivery is checked. Free of
 * librdkafka's types.
 */
#ifndef LIVECTR_SERVICE_KAFKA_PRODUCER_H
#define LIVECTR_SERVICE_KAFKA_PRODUCER_H

#include <stdint.h>

#include "service/config.h"
#include "storage/event.h"
#include "storage/status.h"

struct producer;

struct producer_record {
    const char *topic;
    int64_t time_ms; /* record time, more than 0 */
    struct text key; /* absent: any partition; else as Java producers choose one (murmur2) */
    struct text value;
};

struct producer_counts {
    uint64_t sent;      /* taken by producer_send() */
    uint64_t delivered; /* confirmed by the broker */
    uint64_t failed;    /* given up */
};

/* A topic to make; retention_ms -1 keeps records for ever. */
struct producer_topic {
    const char *name;
    uint32_t partitions;
    int64_t retention_ms;
};

/* Uses brokers and kafka.* of `config` (borrowed for the call). linger_ms: how long a record may
 * wait for company, unless kafka.linger.ms says. Returns before a broker was reached.
 * Errors: CTR_INVALID, CTR_NO_MEMORY. Thread: one at a time, for all functions here. */
CTR_MUST_USE enum ctr_status producer_open(const struct config *config, int linger_ms,
                                           struct producer **ret_producer,
                                           struct ctr_error *reterr);

/* Drops what was not delivered; producer_flush() first. NULL is fine. */
void producer_close(struct producer *producer);

/* How many partitions a topic has. Never makes one. Errors: CTR_NOT_FOUND naming a topic that comes
 * near; CTR_IO when no broker answers within 10 s. */
CTR_MUST_USE enum ctr_status producer_topic_find(struct producer *producer, const char *name,
                                                 uint32_t *ret_partitions,
                                                 struct ctr_error *reterr);

/* Creates a topic and waits up to 30 s until all its partitions have leaders. Errors: CTR_IO,
 * CTR_INVALID when the broker refuses. */
CTR_MUST_USE enum ctr_status producer_topic_create(struct producer *producer,
                                                   const struct producer_topic *topic,
                                                   struct ctr_error *reterr);

/* Copies a record into the queue; waits while that is full. Errors: CTR_IO once any record was
 * given up or the producer is broken for good; CTR_INVALID for a record no broker would take. */
CTR_MUST_USE enum ctr_status producer_send(struct producer *producer,
                                           const struct producer_record *record,
                                           struct ctr_error *reterr);

/* Takes in deliveries; waits up to timeout_ms for the first. */
void producer_poll(struct producer *producer, int timeout_ms);

/* Waits until nothing is under way. Errors: CTR_RETRY after timeout_ms; CTR_IO when records were
 * given up, with the first reason. */
CTR_MUST_USE enum ctr_status producer_flush(struct producer *producer, int timeout_ms,
                                            struct ctr_error *reterr);

struct producer_counts producer_counts(const struct producer *producer);

#endif
