/* SPDX-License-Identifier: Apache-2.0
 *
 * What librdkafka says of itself: the ingest thread, which serves the client, only keeps the newest
 * text; the watcher makes numbers of it; /metrics copies those.
 */
#ifndef LIVECTR_SERVICE_KAFKA_STATISTICS_H
#define LIVECTR_SERVICE_KAFKA_STATISTICS_H

#include "api/details.h"
#include "service/kafka/rd.h"
#include "service/source.h"

struct kafka_source;

/* Under the source's lock. */
struct kafka_statistics {
    char *text; /* the newest, malloc'ed; NULL once it was read */
    size_t length;
    struct kafka_facts facts;
    int64_t read_ms; /* monotonic: when those were */
};

/* librdkafka's callback. Thread: ingest, inside rd_kafka_poll(). */
int kafka_on_statistics(rd_kafka_t *handle, char *json, size_t length, void *opaque);

/* Reads the newest text, if there is one. Thread: watcher. */
void kafka_read_statistics(struct kafka_source *source);

/* An operation of the source. Thread: any. */
void kafka_statistics(struct source *base, struct kafka_facts *ret_facts);

#endif
