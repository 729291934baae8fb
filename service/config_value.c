/* SPDX-License-Identifier: Apache-2.0 */
#include "service/config_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"
#include "storage/moment.h"

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

/* A whole number of bytes, or with k, m or g behind it. */
static bool set_bytes(const struct option *option, void *member, const char *value, char *why)
{
    static const char units[] = "kmg";
    char *end = NULL;
    const char *unit = NULL;
    long long number = 0;
    int64_t bytes = 0;

    errno = 0;
    number = strtoll(value, &end, 10);
    unit = *end == '\0' ? NULL : strchr(units, tolower((unsigned char)*end));
    if (unit != NULL && end[1] == '\0' && number >= 0 && number < INT64_MAX >> 30) {
        number <<= 10 * (unit - units + 1);
        end++;
    }
    bytes = (int64_t)number;
    if (option->off_allowed && strcmp(value, "off") == 0) {
        bytes = 0;
    } else if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 ||
               number < option->min || number > option->max) {
        (void)snprintf(why, OPTION_WHY_BYTES,
                       "must be bytes from %lldm to %lldg, e.g. 512m or 3g%s",
                       (long long)(option->min >> 20), (long long)(option->max >> 30),
                       option->off_allowed ? ", or off" : "");
        return false;
    }
    memcpy(member, &bytes, sizeof bytes);
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

bool config_value_set(const struct option *option, void *member, const char *value, char *why)
{
    switch (option->kind) {
    case OPTION_TEXT:
        return set_text(option, member, value, why);
    case OPTION_SPAN:
        return set_span(option, member, value, why);
    case OPTION_NUMBER:
        return set_number(option, member, value, why);
    case OPTION_BYTES:
        return set_bytes(option, member, value, why);
    case OPTION_CHOICE:
        return set_choice(option, member, value, why);
    case OPTION_ADDRESS:
        return set_address(option, member, value, why);
    case OPTION_WINDOWS:
        return set_windows(option, member, value, why);
    case OPTION_START:
    case OPTION_TOPICS:
    case OPTION_FILTER:
    default:
        return false;
    }
}
