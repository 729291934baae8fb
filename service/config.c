/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of settings and how one is set. config_load.c has the three doors.
 */
#include "service/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ceiling.h"
#include "service/config_table.h"
#include "service/config_value.h"
#include "service/near.h"
#include "storage/moment.h"

/* FIELD=VALUE, or nothing. */
static bool set_filter(struct config *config, const char *value, char *why)
{
    const char *equals = strchr(value, '=');
    size_t length = equals == NULL ? 0 : (size_t)(equals - value);

    config->filter_field[0] = config->filter_value[0] = '\0';
    if (*value == '\0') {
        return true;
    }
    if (length == 0 || length >= sizeof config->filter_field || equals[1] == '\0' ||
        strlen(equals + 1) >= sizeof config->filter_value) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "must be FIELD=VALUE of up to 127 bytes each, e.g. bot=true");
        return false;
    }
    memcpy(config->filter_field, value, length);
    config->filter_field[length] = '\0';
    (void)snprintf(config->filter_value, sizeof config->filter_value, "%s", equals + 1);
    return true;
}

/* Where in `config` a kind of value that spans members is stored is the business of these two. */
static bool set_start(struct config *config, const char *value, char *why)
{
    int64_t time_ms = 0;

    config->start_given = true;
    config->start_horizon = strcmp(value, "horizon") == 0;
    if (strcmp(value, "earliest") == 0) {
        config->start = (struct source_start){.kind = START_EARLIEST};
    } else if (strcmp(value, "latest") == 0) {
        config->start = (struct source_start){.kind = START_LATEST};
    } else if (moment_parse(value, strlen(value), &time_ms)) {
        config->start = (struct source_start){.kind = START_TIME, .value = time_ms};
    } else if (!config->start_horizon) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "must be horizon, earliest, latest or a time like 2026-11-23T17:00:00Z");
        return false;
    }
    return true;
}

static bool add_topic(struct config *config, const char *part, size_t length, char *why)
{
    struct config_topic *topic = &config->topics[config->topics_count];
    const char *colon = memchr(part, ':', length);
    size_t name_length = colon == NULL ? length : (size_t)(colon - part);
    size_t type_length = colon == NULL ? 0 : length - name_length - 1;

    if (config->topics_count == CONFIG_TOPICS_MAX || name_length == 0 || name_length > 249) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "must be 1 to %d topic names of 1 to 249 bytes, with commas between",
                       (int)CONFIG_TOPICS_MAX);
        return false;
    }
    *topic = (struct config_topic){.type = TOPIC_TYPE_FROM_EVENT};
    memcpy(topic->name, part, name_length);
    if (type_length == 4 && memcmp(colon + 1, "view", 4) == 0) {
        topic->type = TOPIC_TYPE_VIEW;
    } else if (type_length == 5 && memcmp(colon + 1, "click", 5) == 0) {
        topic->type = TOPIC_TYPE_CLICK;
    } else if (colon != NULL) {
        (void)snprintf(why, OPTION_WHY_BYTES, "gives %.60s the type \"%.*s\"; use view or click",
                       topic->name, (int)(type_length > 40 ? 40 : type_length), colon + 1);
        return false;
    }
    for (size_t i = 0; i < config->topics_count; i++) {
        if (strcmp(config->topics[i].name, topic->name) == 0) {
            (void)snprintf(why, OPTION_WHY_BYTES, "names the topic %.100s twice", topic->name);
            return false;
        }
    }
    config->topics_count++;
    return true;
}

static bool set_topics(struct config *config, const char *value, char *why)
{
    config->topics_count = 0;
    for (const char *part = value;; part++) {
        size_t length = 0;

        part += strspn(part, " \t");
        length = strcspn(part, ", \t");
        if (!add_topic(config, part, length, why)) {
            config->topics_count = 0;
            return false;
        }
        part += length;
        part += strspn(part, " \t");
        if (*part == '\0') {
            return true;
        }
        if (*part != ',') {
            (void)snprintf(why, OPTION_WHY_BYTES, "wants a comma before \"%.40s\"", part);
            config->topics_count = 0;
            return false;
        }
    }
}

static bool set_kafka(struct config *config, const char *name, const char *value, char *why)
{
    struct config_pair *pair = NULL;

    for (size_t i = 0; i < config->kafka_count; i++) {
        if (strcmp(config->kafka[i].name, name) == 0) {
            pair = &config->kafka[i];
        }
    }
    if (pair == NULL && config->kafka_count == CONFIG_KAFKA_MAX) {
        (void)snprintf(why, OPTION_WHY_BYTES, "is one kafka.* setting more than the %d allowed",
                       (int)CONFIG_KAFKA_MAX);
        return false;
    }
    if (strlen(name) >= sizeof pair->name || strlen(value) >= sizeof pair->value) {
        (void)snprintf(why, OPTION_WHY_BYTES, "is longer than 511 bytes");
        return false;
    }
    if (pair == NULL) {
        pair = &config->kafka[config->kafka_count++];
    }
    (void)snprintf(pair->name, sizeof pair->name, "%s", name);
    (void)snprintf(pair->value, sizeof pair->value, "%s", value);
    return true;
}

/* ---- setting one --------------------------------------------------------------------------- */

static enum ctr_status unknown_name(const char *name, const char *where, struct ctr_error *reterr)
{
    struct near_miss miss;

    near_miss_init(&miss, name);
    for (size_t i = 0; i < config_options_count; i++) {
        near_miss_add(&miss, config_options[i].name, strlen(config_options[i].name));
    }
    return ctr_fail(reterr, CTR_INVALID,
                    "%s: there is no setting \"%.60s\"%s (livectr serve --help lists all)", where,
                    name, near_miss_sentence(&miss));
}

static bool set_option(struct config *config, const struct option *option, const char *value,
                       char *why)
{
    switch (option->kind) {
    case OPTION_START:
        return set_start(config, value, why);
    case OPTION_TOPICS:
        return set_topics(config, value, why);
    case OPTION_FILTER:
        return set_filter(config, value, why);
    case OPTION_TEXT:
    case OPTION_SPAN:
    case OPTION_NUMBER:
    case OPTION_BYTES:
    case OPTION_CHOICE:
    case OPTION_ADDRESS:
    case OPTION_WINDOWS:
    default:
        return config_value_set(option, (char *)config + option->offset, value, why);
    }
}

enum ctr_status config_set(struct config *config, const char *name, const char *value,
                           const char *where, struct ctr_error *reterr)
{
    const struct option *option = config_option(name);
    char why[OPTION_WHY_BYTES] = "";

    if (strncmp(name, "kafka.", 6) == 0 && name[6] != '\0') {
        if (set_kafka(config, name + 6, value, why)) {
            return CTR_OK;
        }
    } else if (option == NULL) {
        return unknown_name(name, where, reterr);
    } else if (set_option(config, option, value, why)) {
        config->given[option - config_options] = true;
        return CTR_OK;
    }
    return ctr_fail(reterr, CTR_INVALID, "%s: %s = \"%.60s\" %s", where, name, value, why);
}

bool config_given(const struct config *config, const char *name)
{
    const struct option *option = config_option(name);

    CTR_ASSERT(option != NULL);
    return config->given[option - config_options];
}

void config_defaults(struct config *ret_config)
{
    memset(ret_config, 0, sizeof *ret_config);
    CTR_ASSERT(config_options_count <= CONFIG_OPTIONS_MAX);
    for (size_t i = 0; i < config_options_count; i++) {
        const struct option *option = &config_options[i];
        char why[OPTION_WHY_BYTES] = "";

        if (option->preset != NULL) {
            bool good = set_option(ret_config, option, option->preset, why);

            CTR_ASSERT(good);
        }
    }
    ret_config->start_given = false;
    ceiling_apply(ret_config);
}

/* The first word that is in both lists; its length, 0 none. */
static size_t common_word(const char *left, const char *right, const char **ret_word)
{
    for (const char *at = left; *at != '\0'; at += strcspn(at, ","), at += *at == ',' ? 1 : 0) {
        size_t length = strcspn(at, ",");

        for (const char *other = right; length > 0 && *other != '\0';
             other += strcspn(other, ","), other += *other == ',' ? 1 : 0) {
            if (strcspn(other, ",") == length && memcmp(at, other, length) == 0) {
                *ret_word = at;
                return length;
            }
        }
    }
    return 0;
}

/* Who may ask: settings that go together, and those that do not. */
static enum ctr_status check_doors(struct config *config, struct ctr_error *reterr)
{
    struct ctr_error why = {.text = ""};

    if ((config->tls_cert[0] == '\0') != (config->tls_key[0] == '\0')) {
        return ctr_fail(reterr, CTR_INVALID, "%s is set and %s is not; TLS wants both",
                        config->tls_cert[0] == '\0' ? "tls_key" : "tls_cert",
                        config->tls_cert[0] == '\0' ? "tls_cert" : "tls_key");
    }
    if (config->admin_tls == ADMIN_TLS_YES && config->tls_cert[0] == '\0') {
        return ctr_fail(reterr, CTR_INVALID, "admin_tls = yes wants tls_cert and tls_key");
    }
    if (cors_parse(config->cors_origins, &config->cors, &why) != CTR_OK) {
        return ctr_fail(reterr, CTR_INVALID, "cors_origins: %.250s", why.text);
    }
    if (config->cors.any && config->tokens[0] != '\0') {
        return ctr_fail(reterr, CTR_INVALID,
                        "cors_origins = * lets every page ask, tokens lets only some in; name the "
                        "pages' origins instead of *");
    }
    return CTR_OK;
}

enum ctr_status config_check(struct config *config, struct ctr_error *reterr)
{
    const char *word = NULL;
    size_t length = 0;

    if (config->topics_count == 0) {
        return ctr_fail(reterr, CTR_INVALID,
                        "topics is not set; say which topics to read, e.g. --topics events or "
                        "--topics page_views:view,box_clicks:click");
    }
    if (config->brokers[0] == '\0') {
        return ctr_fail(reterr, CTR_INVALID,
                        "brokers is not set; say where Kafka is, e.g. --brokers 127.0.0.1:9092");
    }
    length = common_word(config->view_types, config->click_types, &word);
    if (length > 0) {
        return ctr_fail(reterr, CTR_INVALID,
                        "\"%.*s\" is in view_types and in click_types; an event is one of them",
                        (int)(length > 60 ? 60 : length), word);
    }
    if (config->clock == CLOCK_EVENT) {
        config->settle_ms = 0;
    }
    if (config->listen.port != 0 && config->listen.port == config->admin_listen.port &&
        strcmp(config->listen.host, config->admin_listen.host) == 0) {
        return ctr_fail(reterr, CTR_INVALID,
                        "listen and admin_listen are both %s:%u; give them two ports",
                        config->listen.host, (unsigned)config->listen.port);
    }
    ceiling_apply(config);
    return check_doors(config, reterr);
}
