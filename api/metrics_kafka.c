/* SPDX-License-Identifier: Apache-2.0
 *
 * What librdkafka says of itself, on /metrics. Nothing before it has said anything.
 */
#include "api/metrics_parts.h"

#define KAFKA_VALUE(writer, value)                                                                 \
    void metrics_write_##writer(struct metrics_page *page, const struct metrics_picture *picture)  \
    {                                                                                              \
        const struct kafka_facts *kafka = &picture->details->kafka;                                \
                                                                                                   \
        if (kafka->known)                                                                          \
            metrics_add(page, "", value, "%s", "");                                                \
    }

KAFKA_VALUE(kafka_age, kafka->age_ms)
KAFKA_VALUE(kafka_ops, kafka->replies)
KAFKA_VALUE(kafka_queue_messages, kafka->queue_messages)
KAFKA_VALUE(kafka_queue_bytes, kafka->queue_bytes)
KAFKA_VALUE(kafka_received_messages, kafka->received_messages)
KAFKA_VALUE(kafka_received_bytes, kafka->received_bytes)

void metrics_write_source_state(struct metrics_page *page, const struct metrics_picture *picture)
{
    metrics_add(page, "", 1, "state=\"%s\"", picture->facts->source_state);
}

void metrics_write_kafka_skipped(struct metrics_page *page, const struct metrics_picture *picture)
{
    metrics_add(page, "", picture->details->kafka.skipped, "%s", "");
}

void metrics_write_kafka_fetch_states(struct metrics_page *page,
                                      const struct metrics_picture *picture)
{
    static const char *const names[KAFKA_FETCH_COUNT] = {
#define KAFKA_FETCH_NAME(state) #state,
        KAFKA_FETCH_STATES(KAFKA_FETCH_NAME)
#undef KAFKA_FETCH_NAME
    };
    const struct kafka_facts *kafka = &picture->details->kafka;

    for (size_t i = 0; kafka->known && i < KAFKA_FETCH_COUNT; i++)
        metrics_add(page, "", kafka->fetch_states[i], "fetch_state=\"%s\"", names[i]);
}

/* One value of each broker; `labels` behind the broker's, with a comma before them. */
static void add_brokers(struct metrics_page *page, const struct metrics_picture *picture,
                        int64_t (*value)(const struct kafka_broker_facts *broker),
                        const char *labels)
{
    const struct kafka_facts *kafka = &picture->details->kafka;

    for (size_t i = 0; kafka->known && i < kafka->brokers_count; i++)
        metrics_add(page, "", value(&kafka->brokers[i]), "broker=\"%s\"%s", kafka->brokers[i].name,
                    labels);
}

#define BROKER_VALUE(name, value)                                                                  \
    static int64_t name(const struct kafka_broker_facts *broker)                                   \
    {                                                                                              \
        return value;                                                                              \
    }

BROKER_VALUE(up, broker->up)
BROKER_VALUE(rtt_avg, broker->rtt_avg_us < 0 ? METRIC_NONE : broker->rtt_avg_us)
BROKER_VALUE(rtt_p99, broker->rtt_p99_us < 0 ? METRIC_NONE : broker->rtt_p99_us)
BROKER_VALUE(rtt_max, broker->rtt_max_us < 0 ? METRIC_NONE : broker->rtt_max_us)
BROKER_VALUE(throttle, broker->throttle_ms)
BROKER_VALUE(outbuf, broker->outbuf)
BROKER_VALUE(waitresp, broker->waitresp)
BROKER_VALUE(received, broker->received_bytes)
BROKER_VALUE(sent, broker->sent_bytes)
BROKER_VALUE(send_errors, broker->send_errors)
BROKER_VALUE(receive_errors, broker->receive_errors)
BROKER_VALUE(timeouts, broker->timeouts)
BROKER_VALUE(connects, broker->connects)
BROKER_VALUE(disconnects, broker->disconnects)

void metrics_write_broker_up(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, up, "");
}

void metrics_write_broker_rtt(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, rtt_avg, ",stat=\"avg\"");
    add_brokers(page, picture, rtt_p99, ",stat=\"p99\"");
    add_brokers(page, picture, rtt_max, ",stat=\"max\"");
}

void metrics_write_broker_throttle(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, throttle, "");
}

void metrics_write_broker_requests(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, outbuf, ",where=\"outbuf\"");
    add_brokers(page, picture, waitresp, ",where=\"waitresp\"");
}

void metrics_write_broker_received(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, received, "");
}

void metrics_write_broker_sent(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, sent, "");
}

void metrics_write_broker_errors(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, send_errors, ",kind=\"tx\"");
    add_brokers(page, picture, receive_errors, ",kind=\"rx\"");
    add_brokers(page, picture, timeouts, ",kind=\"timeout\"");
}

void metrics_write_broker_connects(struct metrics_page *page, const struct metrics_picture *picture)
{
    add_brokers(page, picture, connects, ",kind=\"connect\"");
    add_brokers(page, picture, disconnects, ",kind=\"disconnect\"");
}
