/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "service/kafka/rd.h"
#include "service/log.h"

enum { REASON_BYTES = 200, SYSLOG_ERR = 3 };

/* Thread: librdkafka's. */
static void forward_log(const rd_kafka_t *handle, int level, const char *facility,
                        const char *message)
{
    (void)handle;
    log_line(level <= SYSLOG_ERR ? LOG_WARN : LOG_DEBUG, "librdkafka", "facility=%s message=\"%s\"",
             facility, message);
}

/* Values that must not stand in a log. */
static bool secret(const char *name)
{
    return strstr(name, "password") != NULL || strstr(name, "secret") != NULL ||
           strstr(name, "key") != NULL || strstr(name, "token") != NULL ||
           strstr(name, "jaas") != NULL || strstr(name, "oauthbearer") != NULL;
}

enum ctr_status rd_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                            struct ctr_error *reterr)
{
    char reason[REASON_BYTES] = "";

    switch (rd_kafka_conf_set(conf, name, value, reason, sizeof reason)) {
    case RD_KAFKA_CONF_OK:
        return CTR_OK;
    case RD_KAFKA_CONF_UNKNOWN:
        return ctr_fail(reterr, CTR_INVALID,
                        "kafka.%s: librdkafka %s knows no such property; see its CONFIGURATION.md",
                        name, rd_kafka_version_str());
    case RD_KAFKA_CONF_INVALID:
    default:
        return ctr_fail(reterr, CTR_INVALID, "kafka.%s = \"%.60s\": %s", name,
                        secret(name) ? "..." : value, reason);
    }
}

/* What the rules of this service rest on; a setting must not take it away. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = {"enable.auto.commit", "enable.auto.offset.store",
                                        "auto.offset.reset", "enable.partition.eof", "check.crcs"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(names[i], name) == 0) {
            return true;
        }
    }
    return false;
}

enum ctr_status rd_conf_new(const struct config *config, rd_kafka_conf_t **ret_conf,
                            struct ctr_error *reterr)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum ctr_status status = rd_conf_set(conf, "bootstrap.servers", config->brokers, reterr);

    rd_kafka_conf_set_log_cb(conf, forward_log);
    for (size_t i = 0; i < config->kafka_count && status == CTR_OK; i++) {
        const struct config_pair *pair = &config->kafka[i];

        if (is_reserved(pair->name)) {
            status = ctr_fail(reterr, CTR_INVALID,
                              "kafka.%s is fixed: positions live in the snapshot, not in Kafka",
                              pair->name);
        } else {
            status = rd_conf_set(conf, pair->name, pair->value, reterr);
        }
    }
    if (status != CTR_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return CTR_OK;
}
