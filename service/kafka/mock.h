/* SPDX-License-Identifier: Apache-2.0
 *
 * A stand-in for a Kafka broker inside the process (librdkafka's mock cluster): for the demo and
 * for tests that must run anywhere. It keeps the newest 5 MiB of each partition in memory, answers
 * no look-ups by time, and a fetch of nothing only after its whole fetch.wait.max.ms. Free of
 * librdkafka's types. Thread: one at a time; clients connect from anywhere on the machine.
 */
#ifndef LIVECTR_SERVICE_KAFKA_MOCK_H
#define LIVECTR_SERVICE_KAFKA_MOCK_H

#include <stdint.h>

#include "storage/status.h"

struct mock;

/* Starts one broker on a free port of 127.0.0.1. Errors: CTR_IO, CTR_NO_MEMORY. */
CTR_MUST_USE enum ctr_status mock_open(struct mock **ret_mock, struct ctr_error *reterr);
void mock_close(struct mock *mock); /* NULL is fine */

/* "127.0.0.1:41234". Borrowed from `mock`. */
const char *mock_brokers(const struct mock *mock);

/* Errors: CTR_INVALID. */
CTR_MUST_USE enum ctr_status mock_topic_create(struct mock *mock, const char *name,
                                               uint32_t partitions, struct ctr_error *reterr);

/* From now on each answer of the broker comes so late, as over a long way; 0: at once again. */
void mock_slow(struct mock *mock, uint32_t answer_ms);

#endif
