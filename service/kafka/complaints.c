/* SPDX-License-Identifier: Apache-2.0
 *
 * What is wrong with the source: a state of a few words, and the newest complaint in full.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/kafka/watcher_internal.h"
#include "service/log.h"

static const char *const cause_names[CAUSE_COUNT] = {
    [CAUSE_NONE] = "reading",
    [CAUSE_BROKERS_DOWN] = "brokers_down",
    [CAUSE_DNS] = "dns",
    [CAUSE_TLS] = "tls_failed",
    [CAUSE_AUTH] = "auth_failed",
    [CAUSE_NOT_AUTHORIZED] = "not_authorized",
    [CAUSE_TOPIC_MISSING] = "topic_missing",
    [CAUSE_PARTITIONS_SHRUNK] = "partitions_shrunk",
};

void kafka_complain(struct kafka_source *source, const char *format, ...)
{
    char text[sizeof source->health.error];
    bool fresh = false;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)pthread_mutex_lock(&source->lock);
    fresh = strcmp(text, source->health.error) != 0;
    (void)snprintf(source->health.error, sizeof source->health.error, "%s", text);
    source->health.errors++;
    (void)pthread_mutex_unlock(&source->lock);
    log_line(fresh ? LOG_WARN : LOG_DEBUG, "source_error", "error=\"%s\"", text);
}

enum cause kafka_cause_of(rd_kafka_resp_err_t code)
{
    switch ((int)code) {
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return CAUSE_DNS;
    case RD_KAFKA_RESP_ERR__SSL:
        return CAUSE_TLS;
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM:
    case RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
        return CAUSE_AUTH;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
        return CAUSE_NOT_AUTHORIZED;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return CAUSE_TOPIC_MISSING;
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return CAUSE_BROKERS_DOWN;
    default:
        return CAUSE_NONE;
    }
}

void kafka_on_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
    struct kafka_source *source = opaque;
    enum cause cause = kafka_cause_of((rd_kafka_resp_err_t)code);

    (void)handle;
    kafka_complain(source, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
    if (cause == CAUSE_TOPIC_MISSING || cause == CAUSE_NOT_AUTHORIZED) {
        return; /* the watcher asks for topics by itself */
    }
    (void)pthread_mutex_lock(&source->lock);
    source->cause = cause > source->cause ? cause : source->cause;
    (void)pthread_mutex_unlock(&source->lock);
}

void kafka_round_begin(struct kafka_source *source)
{
    source->asked = source->unanswered = source->odd = false;
}

void kafka_answered(struct kafka_source *source, rd_kafka_resp_err_t code)
{
    enum cause cause = kafka_cause_of(code);

    source->asked = true;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR || cause == CAUSE_TOPIC_MISSING ||
        cause == CAUSE_NOT_AUTHORIZED) {
        return; /* that is an answer */
    }
    source->unanswered = true;
    (void)pthread_mutex_lock(&source->lock);
    source->cause = cause > source->cause ? cause : source->cause;
    (void)pthread_mutex_unlock(&source->lock);
}

void kafka_round_done(struct kafka_source *source, bool complete, enum cause topics)
{
    const char *now = NULL;
    bool changed = false;

    if (!source->asked) {
        return; /* nothing new is known */
    }
    (void)pthread_mutex_lock(&source->lock);
    if (!source->unanswered) {
        source->cause = CAUSE_NONE;
    }
    if (source->cause != CAUSE_NONE || topics != CAUSE_NONE) {
        now = cause_names[source->cause != CAUSE_NONE ? source->cause : topics];
    } else if (complete && !source->unanswered) {
        now = cause_names[CAUSE_NONE];
    }
    changed = now != NULL && strcmp(now, source->health.state) != 0;
    if (changed) {
        (void)snprintf(source->health.state, sizeof source->health.state, "%s", now);
    }
    (void)pthread_mutex_unlock(&source->lock);
    if (changed) {
        log_line(strcmp(now, "reading") == 0 ? LOG_INFO : LOG_WARN, "source_state", "state=%s",
                 now);
    }
}
