/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config.h"
#include "service/config_table.h"

/* Text that grows; once memory is out, text stays NULL. */
struct growing {
    char *text;
    size_t length;
    bool failed;
};

static void append(struct growing *growing, const char *format, ...) CTR_PRINTF(2, 3);

static void append(struct growing *growing, const char *format, ...)
{
    char line[512];
    char *text = NULL;
    size_t added = 0;
    va_list args;

    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    added = strlen(line);
    text = growing->failed ? NULL : realloc(growing->text, growing->length + added + 1);
    if (text == NULL) {
        free(growing->text);
        *growing = (struct growing){.failed = true};
        return;
    }
    memcpy(text + growing->length, line, added + 1);
    growing->text = text;
    growing->length += added;
}

char *config_help(void)
{
    struct growing growing = {.text = NULL};
    const char *group = "";

    for (size_t i = 0; i < config_options_count; i++) {
        const struct option *option = &config_options[i];
        bool has_preset = option->preset != NULL && *option->preset != '\0';

        if (strcmp(group, option->group) != 0) {
            group = option->group;
            append(&growing, "%s%s\n", i == 0 ? "" : "\n", group);
        }
        append(&growing, "  %-18s %s%s%s%s%s\n", option->name, option->help, has_preset ? " [" : "",
               has_preset ? option->preset : "", has_preset ? "]" : "",
               config_option_live(option) ? " (SIGHUP)" : "");
    }
    append(&growing, "\nlibrdkafka\n  %-18s %s\n", "kafka.NAME", "goes to librdkafka as NAME");
    return growing.text;
}
