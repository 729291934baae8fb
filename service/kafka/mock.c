/* SPDX-License-Identifier: Apache-2.0 */
#include "service/kafka/mock.h"

#include <stdlib.h>

#include "service/kafka/rd.h"

struct mock {
    rd_kafka_t *handle; /* needed by the cluster for its threads and log; talks to nobody */
    rd_kafka_mock_cluster_t *cluster;
};

enum ctr_status mock_open(struct mock **ret_mock, struct ctr_error *reterr)
{
    struct mock *mock = calloc(1, sizeof *mock);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256] = "";

    if (!mock) {
        rd_kafka_conf_destroy(conf);
        return ctr_fail(reterr, CTR_NO_MEMORY, "out of memory");
    }
    rd_kafka_conf_set_log_cb(conf, NULL); /* each client going away would be a line */
    mock->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!mock->handle) {
        rd_kafka_conf_destroy(conf);
    } else {
        mock->cluster = rd_kafka_mock_cluster_new(mock->handle, 1);
    }
    if (!mock->cluster) {
        mock_close(mock);
        return ctr_fail(reterr, CTR_IO, "the embedded Kafka stand-in does not start: %s",
                        reason[0] ? reason : "no port of 127.0.0.1 to listen on");
    }
    *ret_mock = mock;
    return CTR_OK;
}

void mock_close(struct mock *mock)
{
    if (!mock) {
        return;
    }
    if (mock->cluster) {
        rd_kafka_mock_cluster_destroy(mock->cluster);
    }
    if (mock->handle) {
        rd_kafka_destroy(mock->handle);
    }
    free(mock);
}

void mock_slow(struct mock *mock, uint32_t answer_ms)
{
    (void)rd_kafka_mock_broker_set_rtt(mock->cluster, 1, (int)answer_ms); /* the one there is */
}

const char *mock_brokers(const struct mock *mock)
{
    return rd_kafka_mock_cluster_bootstraps(mock->cluster);
}

enum ctr_status mock_topic_create(struct mock *mock, const char *name, uint32_t partitions,
                                  struct ctr_error *reterr)
{
    rd_kafka_resp_err_t error = rd_kafka_mock_topic_create(mock->cluster, name, (int)partitions, 1);

    if (error) {
        return ctr_fail(reterr, CTR_INVALID, "topic \"%s\": %s", name, rd_kafka_err2str(error));
    }
    return CTR_OK;
}
