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

#include "service/config_table.h"
#include "service/near.h"
#include "storage/moment.h"

/* ---- kinds of values ----------------------------------------------------------------------- */

static bool set_text(const struct option *option, void *member, const char *value, char *why)
{
    size_t length = strlen(value);

    if (length < (size_t)option->min || length > (size_t)option->max) {
        (void)snprintf(why, OPTION_WHY_BYTES, "must be %lld to %lld bytes long",
                       (long long)option->min, (long long)option->max);
        return false;
    }
    memcpy(member, value, length + 1);
    return true;
}

static bool set_span(const struct option *option, void *member, const char *value, char *why)
{
    int64_t span_ms = 0;

    if (option->off_allowed && strcmp(value, "off") == 0) {
        span_ms = INT64_MAX;
    } else if (!moment_parse_span(value, strlen(value), &span_ms)) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "is no duration; write one like 500ms, 10s, 10m, 48h%s",
                       option->off_allowed ? ", or off" : "");
        return false;
    } else if (span_ms < option->min || span_ms > option->max) {
        (void)snprintf(why, OPTION_WHY_BYTES, "must be from %lldms to %lldms",
                       (long long)option->min, (long long)option->max);
        return false;
    }
    memcpy(member, &span_ms, sizeof span_ms);
    return true;
}

static bool set_number(const struct option *option, void *member, const char *value, char *why)
{
    char *end = NULL;
    long long number = 0;
    uint32_t stored = 0;

    errno = 0;
    number = strtoll(value, &end, 10);
    if (end == value || *end != '\0' || errno != 0 || !isdigit((unsigned char)*value) ||
        number < option->min || number > option->max) {
        (void)snprintf(why, OPTION_WHY_BYTES, "must be a whole number from %lld to %lld",
                       (long long)option->min, (long long)option->max);
        return false;
    }
    stored = (uint32_t)number;
    memcpy(member, &stored, sizeof stored);
    return true;
}

static bool set_choice(const struct option *option, void *member, const char *value, char *why)
{
    int length = snprintf(why, OPTION_WHY_BYTES, "must be one of");

    for (int i = 0; i < OPTION_CHOICES_MAX && option->choices[i] != NULL; i++) {
        if (strcmp(value, option->choices[i]) == 0) {
            memcpy(member, &i, sizeof i); /* enums are ints and choices stand in their order */
            return true;
        }
        length += snprintf(why + length, OPTION_WHY_BYTES - (size_t)length, "%s %s",
                           i == 0 ? "" : ",", option->choices[i]);
    }
    return false;
}

/* host:port; [v6]:port; the port may be 0. */
static bool set_address(const struct option *option, void *member, const char *value, char *why)
{
    struct config_address address = {.port = 0};
    const char *colon = strrchr(value, ':');
    const char *host = value;
    size_t length = colon == NULL ? 0 : (size_t)(colon - value);
    char *end = NULL;
    long port = 0;

    (void)option;
    if (length >= 2 && host[0] == '[' && host[length - 1] == ']') {
        host++;
        length -= 2;
    } else if (length > 0 && memchr(host, ':', length) != NULL) {
        length = 0; /* a bare IPv6 address is ambiguous */
    }
    port = colon == NULL ? -1 : strtol(colon + 1, &end, 10);
    if (length == 0 || length >= sizeof address.host || colon == NULL ||
        !isdigit((unsigned char)colon[1]) || *end != '\0' || port < 0 || port > 65535) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "is no address; write host:port, e.g. 127.0.0.1:8080 or [::1]:8080");
        return false;
    }
    memcpy(address.host, host, length);
    address.port = (uint16_t)port;
    memcpy(member, &address, sizeof address);
    return true;
}

static bool set_windows(const struct option *option, void *member, const char *value, char *why)
{
    struct ctr_error error;
    struct window_set windows;

    (void)option;
    if (window_set_parse(value, &windows, &error) != CTR_OK) {
        (void)snprintf(why, OPTION_WHY_BYTES, "is wrong: %.*s", OPTION_WHY_BYTES - 16, error.text);
        return false;
    }
    memcpy(member, &windows, sizeof windows);
    return true;
}

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

static const struct option *find_option(const char *name)
{
    for (size_t i = 0; i < config_options_count; i++) {
        if (strcmp(config_options[i].name, name) == 0) {
            return &config_options[i];
        }
    }
    return NULL;
}

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
    void *member = (char *)config + option->offset;

    switch (option->kind) {
    case OPTION_TEXT:
        return set_text(option, member, value, why);
    case OPTION_SPAN:
        return set_span(option, member, value, why);
    case OPTION_NUMBER:
        return set_number(option, member, value, why);
    case OPTION_CHOICE:
        return set_choice(option, member, value, why);
    case OPTION_ADDRESS:
        return set_address(option, member, value, why);
    case OPTION_WINDOWS:
        return set_windows(option, member, value, why);
    case OPTION_START:
        return set_start(config, value, why);
    case OPTION_TOPICS:
        return set_topics(config, value, why);
    case OPTION_FILTER:
        return set_filter(config, value, why);
    default:
        return false;
    }
}

enum ctr_status config_set(struct config *config, const char *name, const char *value,
                           const char *where, struct ctr_error *reterr)
{
    const struct option *option = find_option(name);
    char why[OPTION_WHY_BYTES] = "";

    if (strncmp(name, "kafka.", 6) == 0 && name[6] != '\0') {
        if (set_kafka(config, name + 6, value, why)) {
            return CTR_OK;
        }
    } else if (option == NULL) {
        return unknown_name(name, where, reterr);
    } else if (set_option(config, option, value, why)) {
        return CTR_OK;
    }
    return ctr_fail(reterr, CTR_INVALID, "%s: %s = \"%.60s\" %s", where, name, value, why);
}

void config_defaults(struct config *ret_config)
{
    memset(ret_config, 0, sizeof *ret_config);
    for (size_t i = 0; i < config_options_count; i++) {
        const struct option *option = &config_options[i];
        char why[OPTION_WHY_BYTES] = "";

        if (option->preset != NULL) {
            bool good = set_option(ret_config, option, option->preset, why);

            CTR_ASSERT(good);
        }
    }
    ret_config->start_given = false;
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
    return CTR_OK;
}
