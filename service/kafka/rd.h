/* SPDX-License-Identifier: Apache-2.0
 *
 * The only file that includes librdkafka; only files of service/kafka/ may include this one.
 */
#ifndef LIVECTR_SERVICE_KAFKA_RD_H
#define LIVECTR_SERVICE_KAFKA_RD_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include "service/config.h"
#include "storage/status.h"

/* A configuration with `brokers` and every kafka.* pair of `config` set on top of what the caller
 * then adds; the log goes to log_line(). The caller owns *ret_conf (rd_kafka_new takes it).
 * Errors: CTR_INVALID naming the property. */
CTR_MUST_USE enum ctr_status rd_conf_new(const struct config *config, rd_kafka_conf_t **ret_conf,
                                         struct ctr_error *reterr);

/* Sets one property; a failure is a programmer's or a user's error and is told. */
CTR_MUST_USE enum ctr_status rd_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                         struct ctr_error *reterr);

#endif
