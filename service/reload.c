/* SPDX-License-Identifier: Apache-2.0 */
#include "service/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config_table.h"

/* ---- comparing ----------------------------------------------------------------------------- */

static bool same_topics(const struct config *left, const struct config *right)
{
    bool same = left->topics_count == right->topics_count;

    for (size_t i = 0; same && i < left->topics_count; i++) {
        same = left->topics[i].type == right->topics[i].type &&
               strcmp(left->topics[i].name, right->topics[i].name) == 0;
    }
    return same;
}

static bool same_windows(const struct window_set *left, const struct window_set *right)
{
    bool same = left->count == right->count;

    for (size_t i = 0; same && i < left->count; i++) {
        same = left->items[i].length_ms == right->items[i].length_ms;
    }
    return same;
}

static bool same_start(const struct config *left, const struct config *right)
{
    return left->start_given == right->start_given && left->start_horizon == right->start_horizon &&
           left->start.kind == right->start.kind && left->start.value == right->start.value;
}

static bool same_address(const struct config_address *left, const struct config_address *right)
{
    return left->port == right->port && strcmp(left->host, right->host) == 0;
}

static bool same_kafka(const struct config *left, const struct config *right)
{
    bool same = left->kafka_count == right->kafka_count;

    for (size_t i = 0; same && i < left->kafka_count; i++) {
        same = strcmp(left->kafka[i].name, right->kafka[i].name) == 0 &&
               strcmp(left->kafka[i].value, right->kafka[i].value) == 0;
    }
    return same;
}

static bool same_option(const struct option *option, const struct config *left,
                        const struct config *right)
{
    const void *a = (const char *)left + option->offset;
    const void *b = (const char *)right + option->offset;

    switch (option->kind) {
    case OPTION_TEXT:
        return strcmp(a, b) == 0;
    case OPTION_SPAN:
    case OPTION_BYTES:
        return memcmp(a, b, sizeof(int64_t)) == 0;
    case OPTION_NUMBER:
        return memcmp(a, b, sizeof(uint32_t)) == 0;
    case OPTION_CHOICE:
        return memcmp(a, b, sizeof(int)) == 0;
    case OPTION_ADDRESS:
        return same_address(a, b);
    case OPTION_WINDOWS:
        return same_windows(a, b);
    case OPTION_START:
        return same_start(left, right);
    case OPTION_TOPICS:
        return same_topics(left, right);
    case OPTION_FILTER:
        return strcmp(left->filter_field, right->filter_field) == 0 &&
               strcmp(left->filter_value, right->filter_value) == 0;
    default:
        return true;
    }
}

/* ---- changing ------------------------------------------------------------------------------ */

static void take_over(const struct option *option, struct config *config,
                      const struct config *fresh)
{
    char *into = (char *)config + option->offset;
    const char *from = (const char *)fresh + option->offset;

    CTR_ASSERT(option->kind == OPTION_SPAN || option->kind == OPTION_CHOICE);
    if (option->kind == OPTION_SPAN) {
        /* Other threads read it meanwhile. */
        __atomic_store_n((int64_t *)(void *)into, *(const int64_t *)(const void *)from,
                         __ATOMIC_RELAXED);
    } else {
        memcpy(into, from, sizeof(int)); /* of this thread alone: it tells the log */
    }
}

static void add_name(char *names, const char *name)
{
    size_t length = strlen(names);

    (void)snprintf(names + length, RELOAD_NAMES_BYTES - length, "%s%s", length == 0 ? "" : ",",
                   name);
}

static void compare(struct config *config, const struct config *fresh, struct reload_result *result)
{
    for (size_t i = 0; i < config_options_count; i++) {
        const struct option *option = &config_options[i];

        if (same_option(option, config, fresh)) {
            continue;
        }
        if (config_option_live(option)) {
            take_over(option, config, fresh);
            add_name(result->changed, option->name);
        } else {
            add_name(result->waiting, option->name);
        }
    }
    if (!same_kafka(config, fresh)) {
        add_name(result->waiting, "kafka.*");
    }
}

enum ctr_status reload_config(const struct reload_doors *doors, struct config *config,
                              struct reload_result *ret_result, struct ctr_error *reterr)
{
    struct config *fresh = malloc(sizeof *fresh); /* too large for a stack */
    enum ctr_status status = CTR_OK;

    memset(ret_result, 0, sizeof *ret_result);
    if (fresh == NULL) {
        return ctr_fail(reterr, CTR_NO_MEMORY, "no memory to read the settings");
    }
    status = config_load(doors->argc, doors->argv, doors->environment, fresh, reterr);
    if (status == CTR_OK) {
        compare(config, fresh, ret_result);
        log_set_level(config->log_level);
    }
    free(fresh);
    return status;
}

void reload_and_log(const struct reload_doors *doors, struct config *config)
{
    struct reload_result result;
    struct ctr_error error = {.text = ""};

    if (reload_config(doors, config, &result, &error) != CTR_OK) {
        log_line(LOG_ERROR, "reload_refused", "error=\"%s\" kept=all", error.text);
        return;
    }
    log_line(LOG_INFO, "reloaded", "changed=%s", result.changed);
    if (result.waiting[0] != '\0') {
        log_line(LOG_WARN, "reload_needs_restart", "settings=%s", result.waiting);
    }
}
