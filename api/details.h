/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts that only /metrics tells: about the process, and what librdkafka says of itself. They cost
 * more than those of service_facts, which every health check reads. Plain values.
 */
#ifndef LIVECTR_API_DETAILS_H
#define LIVECTR_API_DETAILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -1: unknown. */
struct process_facts {
    int64_t cpu_ms, open_fds, max_fds, threads;
};

enum { KAFKA_BROKERS_MAX = 32, KAFKA_BROKER_BYTES = 128 };

/* What librdkafka's fetcher does with a partition. Its words for it, with _ for -. */
#define KAFKA_FETCH_STATES(row)                                                                    \
    row(none) row(stopping) row(stopped) row(offset_query) row(offset_wait)                        \
        row(validate_epoch_wait) row(active) row(other)
enum kafka_fetch_state {
#define KAFKA_FETCH_ENUM(state) KAFKA_FETCH_##state,
    KAFKA_FETCH_STATES(KAFKA_FETCH_ENUM)
#undef KAFKA_FETCH_ENUM
        KAFKA_FETCH_COUNT
};

struct kafka_broker_facts {
    char name[KAFKA_BROKER_BYTES]; /* host:port/id, printable ASCII without quotes */
    bool up;
    int64_t rtt_avg_us, rtt_p99_us, rtt_max_us; /* over the last interval, -1 none */
    int64_t throttle_ms;                        /* likewise, on average */
    int64_t outbuf, waitresp;                   /* requests */
    int64_t sent_bytes, received_bytes;
    int64_t send_errors, receive_errors, timeouts, connects, disconnects;
};

struct kafka_facts {
    bool known;     /* else only `skipped` means anything */
    int64_t age_ms; /* of what follows */
    int64_t skipped;
    int64_t replies, queue_messages, queue_bytes, received_messages, received_bytes;
    int64_t fetch_states[KAFKA_FETCH_COUNT]; /* partitions */
    size_t brokers_count;
    struct kafka_broker_facts brokers[KAFKA_BROKERS_MAX];
};

struct service_details {
    struct process_facts process;
    struct kafka_facts kafka;
};

#endif
